"""HMAC-SHA256 (RFC 2104) under keys of 32 bytes, written out: every entry needs two.

`hmac.digest` looks its hash function up anew each time, which costs more than the hashing. Tests hold
this to it.
"""

from hashlib import sha256
from typing import Final

KEY_BYTES: Final = 32

_INNER, _OUTER = (bytes(each ^ pad for each in range(256)) for pad in (0x36, 0x5C))
_INNER_REST, _OUTER_REST = b"\x36" * 32, b"\x5c" * 32
"""The pads over a key of half a block, and over the zeros that follow it."""


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the code of a message. Raises ValueError for a key of another length."""
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    inner = sha256(key.translate(_INNER) + _INNER_REST + message).digest()
    return sha256(key.translate(_OUTER) + _OUTER_REST + inner).digest()
