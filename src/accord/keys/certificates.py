"""The files of TLS: the server's certificate and key, and the CAs its callers' certificates must come from.

Read at start, and again when one of them has changed, so that a renewal needs no restart. What
cannot be used is told once, and what was read before goes on: a renewal that failed half-way must
not end the serving.
"""

import logging
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from msgspec import Struct

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

CERTIFICATE_SETTING = "ACCORD_TLS_CERTIFICATE"
KEY_SETTING = "ACCORD_TLS_KEY"
CLIENT_CA_SETTING = "ACCORD_TLS_CLIENT_CA"

_log = logging.getLogger(__name__)


class CertificateError(ValueError):
    """A file of TLS cannot be used; the message names its setting, the file and what is wrong."""


class Certificates(Struct, frozen=True):
    """What the files hold, in PEM. Never printed: its representation names nothing."""

    chain: bytes
    key: bytes
    client_ca: bytes | None

    def __repr__(self) -> str:
        """Show nothing."""
        return "Certificates()"


Stamp = tuple[tuple[int, int, int], ...]


class CertificateFiles:
    """The files, and what was read of them last. Threads may share it."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        """Read them. Raises CertificateError."""
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self.current = self._read()
        """What was read last of files that fit together."""

    @property
    def asks_for_certificates(self) -> bool:
        """Say whether callers must show a certificate."""
        return self._client_ca is not None

    def renewed(self) -> Certificates | None:
        """Return what the files hold if they changed since the last look and can be used, else None."""
        with self._lock:
            # The stamp is taken before the files are read: what changes meanwhile is seen at the next look.
            stamp = self._stamp()
            if stamp == self._seen:
                return None
            self._seen = stamp
            try:
                found = self._read()
            except CertificateError as error:
                _log.error("the certificates stay as they were: %s", error)
                return None
            if found == self.current:
                return None
            self.current = found
            _log.info("the certificates were renewed")
            return found

    def _stamp(self) -> Stamp:
        return tuple(_stamp(path) for path in (self._certificate, self._key, self._client_ca) if path is not None)

    def _read(self) -> Certificates:
        chain = _content(CERTIFICATE_SETTING, self._certificate)
        key = _content(KEY_SETTING, self._key)
        first = _certificates(CERTIFICATE_SETTING, self._certificate, chain)[0]
        if _public(_private_key(self._key, key).public_key()) != _public(first.public_key()):
            raise CertificateError(f"{KEY_SETTING} ({self._key}) is not the key of {CERTIFICATE_SETTING}")
        client_ca = None
        if self._client_ca is not None:
            client_ca = _content(CLIENT_CA_SETTING, self._client_ca)
            _certificates(CLIENT_CA_SETTING, self._client_ca, client_ca)
        _warn_of_dates(first)
        return Certificates(chain, key, client_ca)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _content(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{setting} ({path}) cannot be read: {error.strerror}") from error


def _certificates(setting: str, path: Path, content: bytes) -> "list[Certificate]":
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - a server without TLS need not load it

    try:
        return load_pem_x509_certificates(content)
    except ValueError as error:
        raise CertificateError(f"{setting} ({path}) must hold certificates in PEM") from error


def _private_key(path: Path, content: bytes) -> "PrivateKeyTypes":
    try:
        return load_pem_private_key(content, password=None)
    except TypeError as error:
        raise CertificateError(f"{KEY_SETTING} ({path}) is encrypted: it must be a key without a password") from error
    except ValueError as error:
        raise CertificateError(f"{KEY_SETTING} ({path}) must hold a private key in PEM") from error


def _public(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return] # every kind of key has it


def _warn_of_dates(certificate: "Certificate") -> None:
    """Tell when callers will refuse the certificate for its dates; it is theirs to refuse, by their own clocks."""
    now = datetime.now(UTC)
    if now >= certificate.not_valid_after_utc:
        _log.warning("%s expired at %s: callers will refuse it", CERTIFICATE_SETTING, certificate.not_valid_after_utc)
    elif now < certificate.not_valid_before_utc:
        _log.warning("%s is valid from %s only", CERTIFICATE_SETTING, certificate.not_valid_before_utc)
