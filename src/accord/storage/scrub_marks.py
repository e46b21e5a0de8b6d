"""Marks of the scrub as files beside the outside checkpoints: one for each ledger, replaced whole."""

from pathlib import Path
from urllib.parse import quote

from accord.ledger.scrubbing import ScrubMark, decode_mark, encode_mark
from accord.storage.files import alone, replace_file

_ENDING = ".scrub"


class FileScrubMarks:
    """`ScrubMarks` in a folder that every server of the ledger shares."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made at need."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    def read(self, ledger: str) -> ScrubMark | None:
        """Return the mark of a ledger, None where it was never scrubbed. One that cannot be read begins anew."""
        return _read(self._folder / (quote(ledger, safe="") + _ENDING))

    def put(self, mark: ScrubMark) -> None:
        """Keep a mark; durable on return."""
        # `accord scrub` may run beside the scrub of a server.
        with alone(self._folder):
            replace_file(self._folder / (quote(mark.ledger, safe="") + _ENDING), encode_mark(mark))

    def damaged(self) -> tuple[ScrubMark, ...]:
        """Return every mark that has faults."""
        marks = (_read(path) for path in sorted(self._folder.glob(f"*{_ENDING}")))
        return tuple(mark for mark in marks if mark is not None and mark.faults)


def _read(path: Path) -> ScrubMark | None:
    try:
        return decode_mark(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
