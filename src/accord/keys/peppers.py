"""The peppers of identifiers, by epoch: where each is found, and how the next one is made.

The first is `pepper-1` of the data folder, or ACCORD_PEPPER; the ones after it are `pepper-<epoch>`, or
ACCORD_PEPPER_<EPOCH>. None is ever destroyed here: a backup of the ledger needs the pepper of its epoch. Whoever has
no such backup any more may take away all but the first and the newest.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from accord.keys.secrets import SECRET_BYTES, SecretsError, make_secret, read_secret, secret_of
from accord.ledger.lookup import FIRST_EPOCH, PepperMissingError

_log = logging.getLogger(__name__)
_VARIABLE = re.compile(r"ACCORD_PEPPER_([1-9][0-9]*)")
_FILE = re.compile(r"pepper-([1-9][0-9]*)")


class PepperEpochs:
    """Peppers of the environment where ACCORD_PEPPER is set, else of files."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Read those of the environment; a file is looked for once its epoch is met. Raises SecretsError."""
        self._folder = folder
        self._given: dict[int, bytes] = {}
        first = secret_of(environment, "ACCORD_PEPPER")
        if first is not None:
            for epoch in _epochs(_VARIABLE, environment):
                pepper = secret_of(environment, _variable(epoch))
                if pepper is not None:
                    self._given[epoch] = pepper
            self._given[FIRST_EPOCH] = first

    def of(self, epoch: int) -> bytes:
        """Return the pepper of an epoch. Raises PepperMissingError, and SecretsError where its file is damaged."""
        if self._given:
            found, where = self._given.get(epoch), _variable(epoch)
        else:
            path = self._path(epoch)
            found, where = read_secret(path) if path.exists() else None, path.name
        if found is None:
            _log.error("identifiers are hidden by the pepper of epoch %d, which is not here: %s", epoch, where)
            raise PepperMissingError(f"{where} is not here: identifiers are hidden by it")
        return found

    def newest(self) -> int:
        """Return the newest epoch whose pepper is here."""
        if self._given:
            return max(self._given)
        return max([FIRST_EPOCH, *_epochs(_FILE, (path.name for path in self._folder.iterdir()))])

    def make(self, epoch: int) -> None:
        """Make the pepper of an epoch unless it is here; durable on return. Raises SecretsError where others must."""
        if self._given:
            if epoch not in self._given:
                told = f"set {_variable(epoch)} to {SECRET_BYTES} bytes in base64, for every process, first"
                raise SecretsError(told)
        elif not self._path(epoch).exists():
            make_secret(self._path(epoch))

    def _path(self, epoch: int) -> Path:
        return self._folder / f"pepper-{epoch}"


def _epochs(pattern: re.Pattern[str], names: Iterable[str]) -> list[int]:
    return [int(found[1]) for name in names if (found := pattern.fullmatch(name))]


def _variable(epoch: int) -> str:
    return "ACCORD_PEPPER" if epoch == FIRST_EPOCH else f"ACCORD_PEPPER_{epoch}"
