"""Handovers of each ledger as a file, replaced whole; they are public, and an entry of the ledger tells each too."""

from pathlib import Path
from urllib.parse import quote

import msgspec

from accord.ledger.keyring import KeyLostError
from accord.storage.files import replace_file


class FileHandovers:
    """`Handovers` in a folder that every server of the ledger shares."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made at need."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    def read(self, ledger: str) -> tuple[str, ...]:
        """Return the handovers of a ledger, oldest first. Raises KeyLostError where they cannot be read."""
        path = self._path(ledger)
        try:
            return msgspec.json.decode(path.read_bytes(), type=tuple[str, ...])
        except FileNotFoundError:
            return ()
        except msgspec.MsgspecError:
            raise KeyLostError(f"{path.name} is damaged; restore it from your backup") from None

    def keep(self, ledger: str, notes: tuple[str, ...]) -> None:
        """Keep the handovers of a ledger; durable on return."""
        replace_file(self._path(ledger), msgspec.json.format(msgspec.json.encode(notes)))

    def _path(self, ledger: str) -> Path:
        return self._folder / f"{quote(ledger, safe='')}.json"
