"""What is kept outside the databases, as files flushed to disk: checkpoints, and erasures.

Checkpoints: one file for each ledger, replaced whole.

Compare-and-swap under a lock file, so that processes on one machine never move it back. If we crash
on any line, either the note before or the note after is there.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from accord.domain.terms import Instant
from accord.ledger.erasing import Erasure, decode_erasure, encode_erasure
from accord.storage.files import alone, flush_folder, replace_file

_ENDING = ".checkpoint"


class FileOutsideCopy:
    """`OutsideCopy` in a folder, best on another disk than the database's."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made at need."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    def read(self, ledger: str) -> str | None:
        """Return the note kept for a ledger, or None when none ever was."""
        path = self._path(ledger)
        return path.read_text("utf-8") if path.exists() else None

    def replace(self, ledger: str, before: str | None, after: str) -> bool:
        """Keep `after` if what is kept is `before`; durable on return."""
        path = self._path(ledger)
        with alone(self._folder):
            if self.read(ledger) != before:
                return False
            replace_file(path, after.encode())
        return True

    def kept_time(self, ledger: str) -> Instant | None:
        """Return when the note of a ledger was kept, by the file system's clock, or None when none ever was."""
        try:
            return Instant(self._path(ledger).stat().st_mtime_ns // 1000)
        except FileNotFoundError:
            return None

    def ledgers(self) -> list[str]:
        """Return the name of every ledger a note is kept for."""
        return sorted(unquote(path.name.removesuffix(_ENDING)) for path in self._folder.glob(f"*{_ENDING}"))

    def _path(self, ledger: str) -> Path:
        return self._folder / (quote(ledger, safe="") + _ENDING)


class FileFences:
    """`OutsideFences` in a folder, best on another disk than the databases': a file that only grows, one line each."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made at need."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / "erasures.jsonl"

    def put(self, erasure: Erasure) -> None:
        """Add a line; durable on return. What a crash left of a line before is ended first."""
        with alone(self._folder), self._path.open("ab") as file:
            torn = _ends_torn(self._path)
            file.write((b"\n" if torn else b"") + encode_erasure(erasure) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            flush_folder(self._folder)

    def all(self) -> Iterator[Erasure]:
        """Yield the erasure of every whole line; a torn one is of an erasure that had not begun to take anything."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                try:
                    yield decode_erasure(line)
                except ValueError:
                    continue


def _ends_torn(path: Path) -> bool:
    """Say whether a file's last line was not written to its end."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
