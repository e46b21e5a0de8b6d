"""TLS on the side of a caller: whom it believes, and by which certificate it is known.

The server's name is the one it was reached by; it must stand in the server's certificate.
"""

from pathlib import Path

import grpc

Credentials = grpc.ChannelCredentials
PUBLIC = "public"
"""Instead of a file: the public CAs that come with grpc."""


def tls(ca: str | Path = PUBLIC, certificate: str | Path | None = None, key: str | Path | None = None) -> Credentials:
    """Return credentials for `Client` and `Connection`.

    `ca` is a file of certificates in PEM, of the CAs the server's must come from. `certificate`, with
    those that lead to its CA, and `key` are files in PEM that a server asks for by mutual TLS. They are
    read once: make a new client when they were renewed. Raises ValueError, OSError.
    """
    if (certificate is None) != (key is None):
        raise ValueError("a certificate and its key go together: give both, or neither")
    return grpc.ssl_channel_credentials(
        root_certificates=None if ca == PUBLIC else _pem(ca, b"CERTIFICATE"),
        certificate_chain=None if certificate is None else _pem(certificate, b"CERTIFICATE"),
        private_key=None if key is None else _pem(key, b"PRIVATE KEY"),
    )


def _pem(path: str | Path, kind: bytes) -> bytes:
    """Return the content of a file. grpc would take anything, and only say later that nobody answers."""
    content = Path(path).read_bytes()
    if b"-----BEGIN " not in content or kind + b"-----" not in content:
        raise ValueError(f"{path} must hold a {kind.decode().lower()} in PEM")
    return content
