"""The secrets of an installation: key-encryption key, pepper, signing key. Made once, kept in files.

Each is 32 random bytes in a file of its own, readable by its owner only, made with an exclusive
link so that processes starting together agree. Losing the key-encryption key loses every payload;
losing the pepper loses every recognition: back both up apart from the databases.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

SECRET_BYTES = 32
KEK_EPOCH = 1


class SecretsError(Exception):
    """A secret cannot be read or made; the message names the file or variable and what is wrong."""


class Secrets(Struct, frozen=True):
    """The secrets in use. Never printed: its representation names nothing."""

    kek: bytes
    pepper: bytes
    signing_seed: bytes

    @classmethod
    def open(cls, folder: Path, environment: Mapping[str, str]) -> Self:
        """Return the secrets, from ACCORD_KEK and ACCORD_PEPPER where set (base64), else from files made at need."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            kek=_from_environment(environment, "ACCORD_KEK") or _file(folder / f"kek-{KEK_EPOCH}"),
            pepper=_from_environment(environment, "ACCORD_PEPPER") or _file(folder / "pepper-1"),
            signing_seed=_file(folder / "signing-key-1"),
        )

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints."""
        return Ed25519PrivateKey.from_private_bytes(self.signing_seed)

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secrets()"


def _from_environment(environment: Mapping[str, str], name: str) -> bytes | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SecretsError(f"{name} must be base64") from None
    if len(secret) != SECRET_BYTES:
        raise SecretsError(f"{name} must be {SECRET_BYTES} bytes in base64")
    return secret


def _file(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise SecretsError(f"{path.name} must hold {SECRET_BYTES} bytes; restore it from your backup")
    return secret


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(SECRET_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # Linking fails where another process was first: then theirs is the secret.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
