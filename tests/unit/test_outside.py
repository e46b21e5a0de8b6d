"""The outside copy of checkpoints: moved forward by compare-and-swap, whole or not at all."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.memory import MemoryOutsideCopy

from accord.ledger.keyring import OutsideCopy
from accord.storage.outside import FileOutsideCopy

LEDGER = "accord/maison/0123456789abcdef"


@pytest.fixture(params=["memory", "file"])
def outside(request: pytest.FixtureRequest, tmp_path: Path) -> OutsideCopy:
    return MemoryOutsideCopy() if request.param == "memory" else FileOutsideCopy(tmp_path / "outside")


class TestContract:
    def test_of_a_ledger_never_kept_there_is_nothing(self, outside: OutsideCopy) -> None:
        assert outside.read(LEDGER) is None
        assert outside.ledgers() == []

    def test_what_is_kept_is_read_back(self, outside: OutsideCopy) -> None:
        note = "accord/maison\n5\nroot=\n\n\u2014 accord/maison signature=\n"
        assert outside.replace(LEDGER, None, note)
        assert outside.read(LEDGER) == note
        assert outside.ledgers() == [LEDGER]

    def test_only_what_is_known_is_replaced(self, outside: OutsideCopy) -> None:
        assert outside.replace(LEDGER, None, "one\n")
        assert not outside.replace(LEDGER, None, "two\n")
        assert not outside.replace(LEDGER, "other\n", "two\n")
        assert outside.read(LEDGER) == "one\n"
        assert outside.replace(LEDGER, "one\n", "two\n")
        assert outside.read(LEDGER) == "two\n"

    def test_ledgers_do_not_meet_whatever_their_names(self, outside: OutsideCopy) -> None:
        names = ["a/b", "a%2Fb", "a", "../a", ".hidden", "a.draft", "été", "a b"]
        for name in names:
            assert outside.replace(name, None, f"{name}\n")
        assert {name: outside.read(name) for name in names} == {name: f"{name}\n" for name in names}
        assert outside.ledgers() == sorted(names)

    def test_of_many_who_replace_the_same_note_one_wins(self, outside: OutsideCopy) -> None:
        outside.replace(LEDGER, None, "0\n")
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda number: outside.replace(LEDGER, "0\n", f"{number}\n"), range(1, 30)))
        assert won.count(True) == 1
        assert outside.read(LEDGER) == f"{won.index(True) + 1}\n"


class TestFiles:
    def test_another_process_sees_what_was_kept(self, tmp_path: Path) -> None:
        FileOutsideCopy(tmp_path).replace(LEDGER, None, "kept\n")
        program = (
            "import sys; from pathlib import Path; from accord.storage.outside import FileOutsideCopy; "
            "print(FileOutsideCopy(Path(sys.argv[1])).read(sys.argv[2]), end='')"
        )
        found = subprocess.run([sys.executable, "-c", program, tmp_path, LEDGER], check=True, capture_output=True)
        assert found.stdout == b"kept\n"

    def test_a_crash_before_the_swap_leaves_the_note_of_before(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outside = FileOutsideCopy(tmp_path)
        outside.replace(LEDGER, None, "before\n")
        for step in ("os.fsync", "pathlib.Path.replace"):
            with monkeypatch.context() as patch:
                patch.setattr(step, _power_cut)
                with pytest.raises(KeyboardInterrupt):
                    outside.replace(LEDGER, "before\n", "after\n")
            assert outside.read(LEDGER) == "before\n"
            assert outside.ledgers() == [LEDGER]
        assert outside.replace(LEDGER, "before\n", "after\n")

    def test_only_the_owner_may_read(self, tmp_path: Path) -> None:
        FileOutsideCopy(tmp_path / "outside")
        assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o700

    def test_no_descriptor_is_left_open(self, tmp_path: Path) -> None:
        outside = FileOutsideCopy(tmp_path)
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - a path would count itself otherwise
        for number in range(20):
            outside.replace(f"ledger-{number}", None, "note\n")
        assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208 - the same


def _power_cut(*_: object) -> None:
    raise KeyboardInterrupt
