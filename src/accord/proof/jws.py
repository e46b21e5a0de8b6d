"""Signed documents: compact JSON Web Signatures (RFC 7515) by Ed25519 (RFC 8037), which any JOSE library reads.

Reading is strict: one algorithm, one way to write each part, everything else is refused with
ValueError, so that no header can talk a reader into less.
"""

import base64
import binascii
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_PARTS = 3
MAX_BYTES = 1_000_000


def sign(payload: bytes, private_key: Ed25519PrivateKey, key_name: str, media_type: str) -> str:
    """Return the payload and its signature; `key_name` tells which key, `media_type` what (no `application/`)."""
    head = json.dumps({"alg": "EdDSA", "kid": key_name, "cty": media_type}, separators=(",", ":"), sort_keys=True)
    signed = f"{_encode(head.encode())}.{_encode(payload)}"
    return f"{signed}.{_encode(private_key.sign(signed.encode()))}"


def verify(text: str, public_key: Ed25519PublicKey) -> bytes:
    """Return the payload that this key signed. Raises ValueError where the text is malformed or another's."""
    if len(text) > MAX_BYTES or text.count(".") != _PARTS - 1:
        raise ValueError("no signed document")
    signed, _, signature = text.rpartition(".")
    head, _, payload = signed.partition(".")
    try:
        named = json.loads(_decode(head))
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError("malformed header") from None
    if not isinstance(named, dict) or named.get("alg") != "EdDSA" or set(named) != {"alg", "kid", "cty"}:
        raise ValueError("another kind of signature than Ed25519")
    try:
        public_key.verify(_decode(signature), signed.encode())
    except InvalidSignature:
        raise ValueError("the signature does not fit the document") from None
    return _decode(payload)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("malformed base64url") from None
    if _encode(raw) != text:
        raise ValueError("malformed base64url")
    return raw
