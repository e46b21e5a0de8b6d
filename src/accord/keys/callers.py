"""Callers: who may call, for which brand, in which roles, known by a token or by a certificate.

A token is 32 random bytes, so a plain SHA-256, which is all that is kept, hides it: there is nothing
to guess. A certificate is known by a name in it, letter by letter, so that it may be renewed. The
file is read again when it changes: a caller added counts at once, one removed within a second.
"""

import base64
import fcntl
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

ROLES: Final = ("administrator", "auditor", "checker", "collector", "mailer", "privacy_officer", "sender")
ANY_BRAND: Final = "*"
REFRESH_SECONDS = 1.0
_TOKEN_BYTES = 32


class Caller(Struct, frozen=True, kw_only=True):
    """One caller. `brand` is one brand or `*`; `token_sha256` is hexadecimal, empty where a certificate is shown."""

    name: str
    brand: str
    roles: tuple[str, ...]
    token_sha256: str = ""
    certificate_name: str = ""
    """An alternative name of the caller's certificate: a DNS name or a URI; empty where a token is."""

    def may(self, brand: str, roles: frozenset[str]) -> bool:
        """Say whether the caller holds one of the roles for the brand."""
        return self.works_for(brand) and not roles.isdisjoint(self.roles)

    def works_for(self, brand: str) -> bool:
        """Say whether the caller's roles count for the brand."""
        return self.brand in (ANY_BRAND, brand)


class CallersError(Exception):
    """The file of callers cannot be used; the message says why."""


class CallerKnownError(CallersError):
    """A caller of this name is known already, and was not to be replaced."""


class _Known:
    """The callers of one reading of the file, by digest and, once seen, by token; or by the name of a certificate."""

    __slots__ = ("by_certificate_name", "by_digest", "by_token")

    def __init__(self, callers: list[Caller]) -> None:
        self.by_digest = {caller.token_sha256: caller for caller in callers if caller.token_sha256}
        self.by_certificate_name = {each.certificate_name: each for each in callers if each.certificate_name}
        self.by_token: dict[str, Caller] = {}

    def of_token(self, token: str) -> Caller | None:
        """Return who holds the token, or None."""
        caller = self.by_token.get(token)
        if caller is None:
            caller = self.by_digest.get(sha256(token.encode()).hexdigest())
            if caller is not None:
                self.by_token[token] = caller
        return caller


class Callers:
    """The callers of an installation, in a file."""

    def __init__(self, path: Path) -> None:
        """Use a file; it need not exist yet, and then nobody may call."""
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._looked = 0.0
        self._known = _Known([])

    def find(self, token: str) -> Caller | None:
        """Return who holds the token, or None. One given counts at once, one taken back within REFRESH_SECONDS."""
        if time.monotonic() - self._looked > REFRESH_SECONDS:
            self._look_again()
        caller = self._known.of_token(token)
        if caller is None:
            self.refresh()
            caller = self._known.of_token(token)
        return caller

    def find_by_certificate(self, names: Iterable[str]) -> Caller | None:
        """Return who is known by one of the names of a verified certificate, or None; nobody where two are."""
        if time.monotonic() - self._looked > REFRESH_SECONDS:
            self._look_again()
        names = tuple(names)
        if names and self._known.by_certificate_name.keys().isdisjoint(names):
            self.refresh()
        known = self._known.by_certificate_name
        found = {name: known[name] for name in names if name in known}
        return next(iter(found.values())) if len(found) == 1 else None

    def refresh(self) -> None:
        """Read the file again if it changed; without the file nobody may call."""
        try:
            status = self._path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            stamp = (0, 0, 0)
        if stamp != self._stamp:
            with self._lock:
                if stamp == self._stamp:
                    return
                # One object takes the place of the other, so a token taken back is never put back.
                self._known = _Known(self.all())
                self._stamp = stamp

    def _look_again(self) -> None:
        now = time.monotonic()
        # Before the first reading nobody is known: whoever comes meanwhile reads too, not turned away unread.
        if self._stamp is not None:
            self._looked = now
        self.refresh()
        self._looked = now

    def all(self) -> list[Caller]:
        """Return every caller in the file. Raises CallersError when it cannot be read."""
        if not self._path.exists():
            return []
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Caller])
        except msgspec.DecodeError as error:
            raise CallersError(f"{self._path.name} is damaged: {error}") from error

    def add(self, name: str, brand: str, roles: tuple[str, ...], *, replace: bool = True) -> str:
        """Give a caller a token and return it; it is shown this once. What a caller of the same name had ends.

        Raises CallerKnownError where one is known and it was not to be replaced.
        """
        token = base64.urlsafe_b64encode(os.urandom(_TOKEN_BYTES)).decode().rstrip("=")
        digest = sha256(token.encode()).hexdigest()
        self._add(Caller(name=name, brand=brand, roles=_roles(roles), token_sha256=digest), replace=replace)
        return token

    def add_certificate(
        self, name: str, brand: str, roles: tuple[str, ...], certificate_name: str, *, replace: bool = True
    ) -> None:
        """Know a caller by a name in its certificate; as `add` otherwise. Raises CallersError."""
        if not certificate_name or certificate_name != "".join(certificate_name.split()):
            raise CallersError("a certificate's name is a DNS name or a URI, without blanks")
        if "*" in certificate_name:
            raise CallersError("a certificate's name counts letter by letter: * stands for nothing else")
        caller = Caller(name=name, brand=brand, roles=_roles(roles), certificate_name=certificate_name)
        self._add(caller, replace=replace)

    def _add(self, caller: Caller, *, replace: bool) -> None:
        with self._alone():
            known = self.all()
            others = [each for each in known if each.name != caller.name]
            if len(others) < len(known) and not replace:
                raise CallerKnownError("a caller of this name is known already")
            if caller.certificate_name and caller.certificate_name in {each.certificate_name for each in others}:
                raise CallersError("another caller is known by this certificate's name already")
            self._write([*others, caller])

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


def _roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    if not roles or not set(roles) <= set(ROLES):
        raise CallersError(f"roles must be among {', '.join(ROLES)}")
    return tuple(sorted(roles))
