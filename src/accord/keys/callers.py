"""Callers: who may call, for which brand, in which roles. Tokens are kept as digests only.

A token is 32 random bytes, so a plain SHA-256 hides it: there is nothing to guess. The file is
read again when it changes, so a caller added or removed counts within a second.
"""

import base64
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

ROLES: Final = ("administrator", "auditor", "checker", "collector", "privacy_officer", "sender")
ANY_BRAND: Final = "*"
REFRESH_SECONDS = 1.0
_TOKEN_BYTES = 32


class Caller(Struct, frozen=True, kw_only=True):
    """One caller. `brand` is one brand or `*`; `token_sha256` is hexadecimal."""

    name: str
    brand: str
    roles: tuple[str, ...]
    token_sha256: str

    def may(self, brand: str, roles: frozenset[str]) -> bool:
        """Say whether the caller holds one of the roles for the brand."""
        return self.brand in (ANY_BRAND, brand) and not roles.isdisjoint(self.roles)


class CallersError(Exception):
    """The file of callers cannot be used; the message says why."""


class _Known:
    """The callers of one reading of the file, by digest and, once seen, by token."""

    __slots__ = ("by_digest", "by_token")

    def __init__(self, by_digest: dict[str, Caller]) -> None:
        self.by_digest = by_digest
        self.by_token: dict[str, Caller] = {}


class Callers:
    """The callers of an installation, in a file."""

    def __init__(self, path: Path) -> None:
        """Use a file; it need not exist yet, and then nobody may call."""
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._looked = 0.0
        self._known = _Known({})

    def find(self, token: str) -> Caller | None:
        """Return who holds the token, or None. A token given or taken back counts within REFRESH_SECONDS."""
        now = time.monotonic()
        if now - self._looked > REFRESH_SECONDS:
            # Before the first reading nobody is known: whoever comes meanwhile reads too, not turned away unread.
            if self._stamp is not None:
                self._looked = now
            self.refresh()
            self._looked = now
        known = self._known
        caller = known.by_token.get(token)
        if caller is None:
            caller = known.by_digest.get(sha256(token.encode()).hexdigest())
            if caller is not None:
                known.by_token[token] = caller
        return caller

    def refresh(self) -> None:
        """Read the file again if it changed; without the file nobody may call."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            stamp = (0, 0)
        if stamp != self._stamp:
            with self._lock:
                if stamp == self._stamp:
                    return
                # One object takes the place of the other, so a token taken back is never put back.
                self._known = _Known({caller.token_sha256: caller for caller in self.all()})
                self._stamp = stamp

    def all(self) -> list[Caller]:
        """Return every caller in the file. Raises CallersError when it cannot be read."""
        if not self._path.exists():
            return []
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Caller])
        except msgspec.DecodeError as error:
            raise CallersError(f"{self._path.name} is damaged: {error}") from error

    def add(self, name: str, brand: str, roles: tuple[str, ...]) -> str:
        """Give a new caller a token and return it; it is shown this once. Replaces a caller of the same name."""
        unknown = sorted(set(roles) - set(ROLES))
        if unknown or not roles:
            raise CallersError(f"roles must be among {', '.join(ROLES)}")
        with self._alone():
            return self._add(name, brand, roles)

    def _add(self, name: str, brand: str, roles: tuple[str, ...]) -> str:
        token = base64.urlsafe_b64encode(os.urandom(_TOKEN_BYTES)).decode().rstrip("=")
        digest = sha256(token.encode()).hexdigest()
        others = [caller for caller in self.all() if caller.name != name]
        self._write([*others, Caller(name=name, brand=brand, roles=tuple(sorted(roles)), token_sha256=digest)])
        return token

    def remove(self, name: str) -> bool:
        """Take a caller's token back; False when there is no such caller."""
        with self._alone():
            callers = self.all()
            others = [caller for caller in callers if caller.name != name]
            self._write(others)
            return len(others) < len(callers)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, callers: list[Caller]) -> None:
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(callers), indent=2))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
