"""Turns are taken one by one, end with whoever holds them, and stop nobody for ever."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from accord.storage.turns import NO_TURN, end_turn, take_turn

PATIENCE_SECONDS = 20
HOLDER = """
import sys
from accord.storage.turns import take_turn
take_turn(sys.argv[1], 20)
print("mine", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db")


def test_a_turn_comes_when_the_one_before_has_ended(database: str) -> None:
    first = take_turn(database, PATIENCE_SECONDS)
    order: list[str] = []

    def wait() -> None:
        second = take_turn(database, PATIENCE_SECONDS)
        order.append("second")
        end_turn(second)

    waiting = threading.Thread(target=wait)
    waiting.start()
    order.append("first")
    end_turn(first)
    waiting.join(PATIENCE_SECONDS)
    assert order == ["first", "second"]


def test_a_turn_ends_with_the_process_that_holds_it(database: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        began = time.monotonic()
        end_turn(take_turn(database, 0.05))
        assert time.monotonic() - began >= 0.05
        holder.kill()
        holder.wait(PATIENCE_SECONDS)
        end_turn(take_turn(database, PATIENCE_SECONDS))
        assert time.monotonic() - began < PATIENCE_SECONDS


def test_who_cannot_take_part_goes_on(tmp_path: Path) -> None:
    turn = take_turn(str(tmp_path / "no such folder" / "ledger.db"), PATIENCE_SECONDS)
    assert turn == NO_TURN
    end_turn(turn)
