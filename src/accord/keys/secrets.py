"""The secrets of an installation: peppers, and how each file of a secret is made and read.

Each is 32 random bytes in a file of its own, readable by its owner only, made with an exclusive
link so that processes starting together agree. Losing the pepper loses every recognition: back it up
apart from the databases. The key-encryption key and the signing keys have files of their own (`kek`, `signing`).
"""

import base64
import binascii
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from msgspec import Struct

SECRET_BYTES = 32


class SecretsError(Exception):
    """A secret cannot be read or made; the message names the file or variable and what is wrong.

    `variable` is the one whose content is no secret; empty where it is another fault.
    """

    def __init__(self, told: str, variable: str = "") -> None:
        """Hold both."""
        super().__init__(told)
        self.variable = variable


class Secrets(Struct, frozen=True):
    """The secrets in use. Never printed: its representation names nothing.

    `suppression_pepper` empty is one derived from the pepper.
    """

    pepper: bytes
    suppression_pepper: bytes = b""

    @classmethod
    def open(cls, folder: Path, environment: Mapping[str, str]) -> Self:
        """Return the secrets, from ACCORD_PEPPER and ACCORD_SUPPRESSION_PEPPER where set, else from files made at need.

        Both are in base64. The pepper is that of the first epoch.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            pepper=secret_of(environment, "ACCORD_PEPPER") or _file(folder / "pepper-1"),
            suppression_pepper=secret_of(environment, "ACCORD_SUPPRESSION_PEPPER")
            or _file(folder / "suppression-pepper-1"),
        )

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secrets()"


def secret_of(environment: Mapping[str, str], name: str) -> bytes | None:
    """Return the secret a variable holds in base64, None when it is not set. Raises SecretsError."""
    text = environment.get(name)
    if not text:
        return None
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SecretsError(f"{name} must be base64", name) from None
    if len(secret) != SECRET_BYTES:
        raise SecretsError(f"{name} must be {SECRET_BYTES} bytes in base64", name)
    return secret


def _file(path: Path) -> bytes:
    if not path.exists():
        make_secret(path)
    return read_secret(path)


def read_secret(path: Path) -> bytes:
    """Return the secret in a file. Raises SecretsError when it is damaged."""
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise SecretsError(f"{path.name} must hold {SECRET_BYTES} bytes; restore it from your backup")
    return secret


def read_secrets(folder: Path, prefix: str) -> dict[int, bytes]:
    """Return the secrets in the files `<prefix><number>` of a folder, by number. Raises SecretsError."""
    found = {}
    for path in folder.glob(f"{prefix}*"):
        number = path.name.removeprefix(prefix)
        if number.isascii() and number.isdigit():
            # One that another process destroys between the listing and the reading is no longer there.
            with contextlib.suppress(FileNotFoundError):
                found[int(number)] = read_secret(path)
    return found


def make_secret(path: Path) -> None:
    """Make a secret in a file, unless another process was first; durable on return."""
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
    flush_folder(path.parent)


def destroy_secret(path: Path) -> None:
    """Overwrite a secret's file, flush it, and take it away.

    A solid-state disk or a copying file system may keep the old bytes until it needs the room.
    """
    with path.open("r+b") as file:
        file.write(os.urandom(SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make what was added to a folder or taken away durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
