"""Sealing: one key for each entry, from the customer's, so that destroying one key erases one customer.

Frozen: golden bytes guard it. AES-256-GCM over opening || payload; the key of an entry is
HKDF-Expand-SHA256 (RFC 5869) of the customer's key with the entry's position as info, so a nonce
can never meet the same key twice; associated data binds the ciphertext to its place, each field
prefixed with its length.
"""

import os
import struct
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from accord.domain.terms import Position
from accord.ledger.hmac_sha256 import hmac_sha256

SCHEMA: Final = 1
OPENING_BYTES: Final = 32
_NONCE_BYTES = 12
_REF_BYTES = 16
_REST = struct.Struct(">H16sHQHQHHHI")


class Place(Struct, frozen=True):
    """Where a ciphertext belongs; it opens nowhere else."""

    ledger: str
    customer_ref: bytes
    position: Position
    customer_version: int
    generation: int


def seal(key: bytes, place: Place, opening: bytes, payload: bytes) -> bytes:
    """Return nonce || ciphertext of opening || payload under the customer's key."""
    nonce = os.urandom(_NONCE_BYTES)
    return seal_with_nonce(key, place, opening, payload, nonce)


def seal_with_nonce(key: bytes, place: Place, opening: bytes, payload: bytes, nonce: bytes) -> bytes:
    """Seal with a nonce of the caller's, for golden bytes; production draws a fresh one."""
    return nonce + AESGCM(_entry_key(key, place)).encrypt(nonce, opening + payload, _associated_data(place))


def unseal(key: bytes, place: Place, sealed: bytes) -> tuple[bytes, bytes]:
    """Return (opening, payload). Raises ValueError when the key, the place or the bytes do not fit."""
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        plain = AESGCM(_entry_key(key, place)).decrypt(nonce, ciphertext, _associated_data(place))
    except (InvalidTag, ValueError):
        raise ValueError("the entry does not open with this key at this place") from None
    return plain[:OPENING_BYTES], plain[OPENING_BYTES:]


def _entry_key(key: bytes, place: Place) -> bytes:
    info = b"accord/v1/entry\x00" + place.position.to_bytes(8, "big")
    # HKDF-Expand of no more than one hash is T(1) alone: HMAC(key, info || 0x01).
    return hmac_sha256(key, info + b"\x01")


def _associated_data(place: Place) -> bytes:
    """Return label, ledger, customer, position, version, schema and generation, each after its length in two bytes."""
    if len(place.customer_ref) != _REF_BYTES:
        raise ValueError("a customer's reference has 16 bytes")
    numbers = (8, place.position, 8, place.customer_version, 2, SCHEMA, 4, place.generation)
    return _ledger_data(place.ledger) + _REST.pack(_REF_BYTES, place.customer_ref, *numbers)


@lru_cache(maxsize=64)
def _ledger_data(ledger: str) -> bytes:
    return b"".join(len(field).to_bytes(2, "big") + field for field in (b"accord/v1/entry", ledger.encode()))
