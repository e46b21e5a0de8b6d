"""A new epoch of the key-encryption key, on every key store, while servers go on and whatever is cut off."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.installations import START, Parts
from support.memory import MemoryWrappedKeys

from accord.domain.terms import DAY, BrandId, Instant
from accord.keys.kek import FileKeks, GivenKeks, KeyUnreadableError
from accord.keys.keyring import WrappedKeyring
from accord.keys.rotation import irrecoverable_by, rotate
from accord.ledger.keyring import FencedError
from accord.storage.key_store import SqlWrappedKeys

BRAND, OTHER = BrandId("maison"), BrandId("autre")
REFS = [number.to_bytes(16, "big") for number in range(1, 6)]
Keys = MemoryWrappedKeys | SqlWrappedKeys


@pytest.fixture
def keys(parts: Parts) -> Keys:
    return parts.wrapped_keys


@pytest.fixture
def keks(tmp_path: Path) -> FileKeks:
    return FileKeks(tmp_path / "secrets")


def told(keys: Keys) -> list[tuple[int, bool, int]]:
    """Return each epoch, whether it has ended, and how many keys are in it."""
    return [(epoch, bool(ended), held) for epoch, _, ended, held in keys.epochs()]


def turn(keys: Keys, keks: Any, now: Instant = START) -> Any:
    return rotate(keys, keks, now, lambda _: None)


def test_the_living_are_wrapped_anew_and_the_old_key_is_gone(keys: Keys, keks: FileKeks, tmp_path: Path) -> None:
    ring = WrappedKeyring(keys, keks)
    made = ring.make(BRAND, REFS) | ring.make(OTHER, REFS[:1])
    before = {row.wrapped for row in keys.select(BRAND, REFS)}
    done = turn(keys, keks)
    assert (done.epoch, done.rewrapped, done.destroyed, done.left) == (2, 6, (1,), ())
    assert told(keys) == [(1, True, 0), (2, False, 6)]
    assert not before & {row.wrapped for row in keys.select(BRAND, REFS)}
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["kek-2"]
    assert WrappedKeyring(keys, FileKeks(tmp_path / "secrets")).make(BRAND, REFS[1:]) == {
        ref: made[ref] for ref in REFS[1:]
    }
    assert (turn(keys, keks).epoch, told(keys)) == (3, [(1, True, 0), (2, True, 0), (3, False, 6)])


def test_a_server_that_runs_on_reads_and_makes_keys_in_the_new_epoch(keys: Keys, tmp_path: Path) -> None:
    server = WrappedKeyring(keys, FileKeks(tmp_path / "secrets"))
    made = server.make(BRAND, REFS[:2])
    turn(keys, FileKeks(tmp_path / "secrets"))
    assert server.make(BRAND, REFS[2:3])[REFS[2]].key
    assert {row.epoch for row in keys.select(BRAND, REFS)} == {2}, "and none in the old one, which would be lost"
    assert server.find(BRAND, REFS[:2]) == {(ref, 1): key.key for ref, key in made.items()}


def test_keys_made_all_the_while_are_none_lost(keys: Keys, tmp_path: Path) -> None:
    made: dict[bytes, bytes] = {}
    stopping = threading.Event()

    def serve(first: int) -> None:
        server = WrappedKeyring(keys, FileKeks(tmp_path / "secrets"))
        number = first
        while not stopping.is_set() and number < first + 300:
            ref = number.to_bytes(16, "big")
            made[ref] = server.make(BRAND, [ref])[ref].key
            number += 1

    threads = [threading.Thread(target=serve, args=(first,)) for first in (1000, 2000)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        turn(keys, FileKeks(tmp_path / "secrets"))
    stopping.set()
    for thread in threads:
        thread.join()
    found = WrappedKeyring(keys, FileKeks(tmp_path / "secrets")).find(BRAND, list(made))
    assert made
    assert {ref: found[ref, 1] for ref in made} == made


class CrashError(BaseException):
    """The process died."""


def crashing(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        if after:
            real(*values)
        raise CrashError

    return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["make", "begin_epoch", "rewrap", "destroy", "end_epoch", "compact"])
def test_what_is_cut_off_is_finished_by_calling_again(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool
) -> None:
    keks = FileKeks(tmp_path / "secrets")
    made = WrappedKeyring(keys, keks).make(BRAND, REFS)
    owner: Any = keks if step in {"make", "destroy"} else keys
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, crashing(getattr(owner, step), after=after))
        with pytest.raises(CrashError):
            turn(keys, keks)
    server = WrappedKeyring(keys, FileKeks(tmp_path / "secrets"))
    assert server.make(BRAND, REFS) == made, "nothing is lost meanwhile"
    assert server.make(BRAND, [b"n" * 16]), "and new customers come"
    whole = step == "compact" or (step, after) == ("end_epoch", True)
    if not whole:
        assert turn(keys, FileKeks(tmp_path / "secrets")).epoch == 2
    assert told(keys) == [(1, True, 0), (2, False, 6)]
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["kek-2"]
    assert WrappedKeyring(keys, FileKeks(tmp_path / "secrets")).make(BRAND, REFS) == made


def test_a_key_is_not_destroyed_while_anything_does_not_open(keys: Keys, keks: FileKeks, tmp_path: Path) -> None:
    WrappedKeyring(keys, GivenKeks({1: b"o" * 32})).make(BRAND, REFS[:1])
    WrappedKeyring(keys, keks).make(BRAND, REFS[1:])
    with pytest.raises(KeyUnreadableError):
        turn(keys, keks)
    assert (tmp_path / "secrets" / "kek-1").exists()


def test_of_the_environment_the_old_one_is_left_to_others(keys: Keys) -> None:
    keks = GivenKeks({1: b"1" * 32, 2: b"2" * 32})
    made = WrappedKeyring(keys, keks).make(BRAND, REFS)
    done = turn(keys, keks)
    assert (done.destroyed, done.left) == ((), (1,))
    assert WrappedKeyring(keys, GivenKeks({2: b"2" * 32})).make(BRAND, REFS) == made


def test_a_fenced_customer_gets_no_key_in_any_epoch(parts: Parts, keks: FileKeks) -> None:
    keys, ring = parts.wrapped_keys, WrappedKeyring(parts.wrapped_keys, keks)
    ring.make(BRAND, REFS[:1])
    parts.erasures.fence(BRAND, REFS[:2])
    assert ring.make(BRAND, REFS[:1]), "the old key lives until it is destroyed"
    parts.erasures.destroy(BRAND, REFS[:1])
    for _ in range(2):
        for ref in REFS[:2]:
            with pytest.raises(FencedError):
                ring.make(BRAND, [ref])
        turn(keys, keks)
    assert keys.select(BRAND, REFS) == []
    assert ring.make(OTHER, REFS[:1]), "a fence is of one brand"


def test_an_erasure_is_final_with_the_next_epoch_or_as_many_days_from_now(keys: Keys, keks: FileKeks) -> None:
    turn(keys, keks, START)
    assert irrecoverable_by(keys, 30, Instant(START + DAY)) == START + 30 * DAY
    overdue = Instant(START + 31 * DAY)
    assert irrecoverable_by(keys, 30, overdue) == overdue + 30 * DAY
