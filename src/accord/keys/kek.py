"""The key-encryption key (KEK) and its epochs: what wraps customers' keys, and what is destroyed in the end.

A key-management service is a `KeyWrapper`; here are two that need none: files in the data folder,
and variables of the environment. Destroying the KEK of an epoch is what makes every erasure before
it final: a copy of a wrapped key, in a backup or in freed pages, opens with nothing any more.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accord.keys.secrets import SECRET_BYTES, SecretsError, destroy_secret, make_secret, read_secrets, secret_of

FIRST_EPOCH = 1
NONCE_BYTES = 12
_FILE = "kek-"


class KeyUnreadableError(Exception):
    """A wrapped key does not open: the KEK is another or not here, or the row was changed. Ours, and stop."""


class KeyWrapper(Protocol):
    """Wraps keys in epochs. What it wraps opens with the same epoch and bound data only."""

    def wrap(self, epoch: int, key: bytes, bound: bytes) -> bytes:
        """Return the wrapped key. Raises KeyUnreadableError when the epoch's KEK is not here."""
        ...

    def unwrap(self, epoch: int, wrapped: bytes, bound: bytes) -> bytes:
        """Return the key. Raises KeyUnreadableError."""
        ...

    def make(self, epoch: int) -> None:
        """Make the KEK of an epoch unless there is one; durable on return. Raises SecretsError where others must."""
        ...

    def destroy(self, epoch: int) -> bool:
        """Destroy the KEK of an epoch; False where others must do it."""
        ...


class GivenKeks:
    """KEKs in memory, by epoch. `KeyWrapper` of the environment, and what the others unwrap with."""

    def __init__(self, keks: Mapping[int, bytes]) -> None:
        """Hold them."""
        self._ciphers = {epoch: AESGCM(kek) for epoch, kek in keks.items()}

    def wrap(self, epoch: int, key: bytes, bound: bytes) -> bytes:
        """Return nonce || AES-256-GCM of the key."""
        cipher, nonce = self._cipher(epoch), os.urandom(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, key, bound)

    def unwrap(self, epoch: int, wrapped: bytes, bound: bytes) -> bytes:
        """Return the key. Raises KeyUnreadableError."""
        cipher = self._cipher(epoch)
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise KeyUnreadableError("a customer's key does not open with this key-encryption key") from None

    def make(self, epoch: int) -> None:
        """Make none: whoever sets the environment does. Raises SecretsError when it is not set yet."""
        if epoch not in self._ciphers:
            raise SecretsError(f"set ACCORD_KEK_NEXT to {SECRET_BYTES} bytes in base64, for every process, first")

    def destroy(self, epoch: int) -> bool:
        """Forget it, and say that whoever sets the environment must destroy it."""
        self._ciphers.pop(epoch, None)
        return False

    def _cipher(self, epoch: int) -> AESGCM:
        cipher = self._ciphers.get(epoch)
        if cipher is None:
            raise KeyUnreadableError(f"the key-encryption key of epoch {epoch} is not here")
        return cipher


class FileKeks:
    """KEKs in files `kek-<epoch>`. An epoch not known is looked for, so that a running server follows a rotation."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; the first start makes the first KEK."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        if not list(folder.glob(f"{_FILE}*")):
            make_secret(self._path(FIRST_EPOCH))
        self._known = self._read()

    def wrap(self, epoch: int, key: bytes, bound: bytes) -> bytes:
        """Return the wrapped key."""
        return self._of(epoch).wrap(epoch, key, bound)

    def unwrap(self, epoch: int, wrapped: bytes, bound: bytes) -> bytes:
        """Return the key. Raises KeyUnreadableError."""
        return self._of(epoch).unwrap(epoch, wrapped, bound)

    def make(self, epoch: int) -> None:
        """Make the file of an epoch unless it is there."""
        if not self._path(epoch).exists():
            make_secret(self._path(epoch))

    def destroy(self, epoch: int) -> bool:
        """Destroy the file of an epoch, as far as a file system can."""
        path = self._path(epoch)
        if path.exists():
            destroy_secret(path)
        with self._lock:
            self._known = self._read()
        return True

    def _of(self, epoch: int) -> GivenKeks:
        """Return the KEKs, read anew when the epoch is not among them: those destroyed are forgotten then too."""
        if epoch not in self._known:
            with self._lock:
                self._known = self._read()
        return self._known.get(epoch, _NONE)

    def _read(self) -> dict[int, GivenKeks]:
        return {epoch: GivenKeks({epoch: kek}) for epoch, kek in read_secrets(self._folder, _FILE).items()}

    def _path(self, epoch: int) -> Path:
        return self._folder / f"{_FILE}{epoch}"


_NONE = GivenKeks({})


def open_keks(folder: Path, environment: Mapping[str, str]) -> KeyWrapper:
    """Return the KEKs: of the environment where ACCORD_KEK is set (base64), else of files made at need.

    ACCORD_KEK is of epoch ACCORD_KEK_EPOCH, 1 unless set; ACCORD_KEK_NEXT of the one after it, during a rotation.
    Raises SecretsError.
    """
    kek = secret_of(environment, "ACCORD_KEK")
    if kek is None:
        return FileKeks(folder)
    text = environment.get("ACCORD_KEK_EPOCH") or str(FIRST_EPOCH)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise SecretsError("ACCORD_KEK_EPOCH must be a number from 1 on")
    keks = {int(text): kek}
    following = secret_of(environment, "ACCORD_KEK_NEXT")
    if following is not None:
        keks[int(text) + 1] = following
    return GivenKeks(keks)
