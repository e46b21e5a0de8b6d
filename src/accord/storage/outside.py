"""The outside copy of checkpoints as files: one for each ledger, replaced whole, flushed to disk.

Compare-and-swap under a lock file, so that processes on one machine never move it back. If we crash
on any line, either the note before or the note after is there.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from accord.domain.terms import Instant

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
        with self._locked():
            if self.read(ledger) != before:
                return False
            draft = path.with_suffix(".draft")
            with draft.open("w", encoding="utf-8") as file:
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            self._flush_folder()
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

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _flush_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
