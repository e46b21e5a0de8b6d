"""The marks of the scrub: whole, whoever keeps one beside another."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from accord.ledger.scrubbing import ScrubMark
from accord.storage.scrub_marks import FileScrubMarks

LEDGER = "accord/maison/1"
DAMAGED = ScrubMark(ledger=LEDGER, faults=("entry 1: the leaf does not fit its hash",))


def test_damage_stays_known_while_two_scrubs_keep_their_marks_at_once(tmp_path: Path) -> None:
    FileScrubMarks(tmp_path).put(DAMAGED)

    def scrub(_: int) -> bool:
        marks = FileScrubMarks(tmp_path)
        marks.put(DAMAGED)
        return marks.damaged() == (DAMAGED,)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(scrub, range(200)))
