"""One line of the ledger: the leaf that is hashed, the payload it commits to, and how both are written.

Frozen: golden bytes guard every format here. A leaf is one line of canonical JSON (RFC 8785) with
ASCII codes only: no personal data, no reference to a customer, no free text. It commits to the
payload (`pc`, hiding and binding) and to its ciphertext (`ch`, checkable after erasure). The bytes
that were hashed are stored; nothing is ever written again to be hashed.
"""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from accord.domain.events import ContactAuthorized, Event, PermissionGranted, PermissionRefused
from accord.domain.terms import Instant, Position
from accord.ledger.hmac_sha256 import hmac_sha256

LEAF_VERSION: Final = 1
REF_BYTES: Final = 16
"""How long a customer's reference is."""

BRAND_REF: Final = bytes(REF_BYTES)
"""Stands where a customer's reference would, for entries of the brand itself."""

LOST_REF = b"\xff" * REF_BYTES
"""Stands there for entries that tell of a position that what stood there is lost."""

NO_CUSTOMER: Final = (BRAND_REF, LOST_REF)
"""The references that are no customer's."""

_COMMITMENT_LABEL = b"accord/v1/payload\x00"


class Leaf(Struct, frozen=True, kw_only=True):
    """What is hashed. `purpose` and `channel` list catalogue codes, sorted; `pc` and `ch` are in base64."""

    v: int = LEAF_VERSION
    ledger: str
    position: Position
    type: str
    purpose: tuple[str, ...]
    channel: tuple[str, ...]
    notice: str
    recorded_at: Instant
    pc: bytes
    ch: bytes


class Payload(Struct, frozen=True, kw_only=True):
    """What is sealed: whose entry it is, which of theirs, the leaf before it, who asked, and the event.

    `customer`, and `previous` (empty for the first), are hexadecimal. The chain of `previous` shows
    that an export of one customer leaves nothing out in the middle.
    """

    customer: str
    version: int
    previous: str
    caller: str
    event: Event


class StoredEntry(Struct, frozen=True):
    """A row of the ledger. `sealed` is nonce and ciphertext; its key is the customer's of this generation."""

    position: Position
    leaf: bytes
    leaf_hash: bytes
    customer_ref: bytes
    customer_version: int
    generation: int
    sealed: bytes


_json = msgspec.json.Encoder(order="sorted")
_leaves = msgspec.json.Decoder(Leaf)
_payloads = msgspec.json.Decoder(Payload)


def write_leaf(leaf: Leaf) -> bytes:
    """Return the canonical bytes: sorted keys, no white space, ASCII, integers below 2^53."""
    return _json.encode(leaf)


def read_leaf(raw: bytes) -> Leaf:
    """Return the leaf of stored bytes. Raises ValueError unless they are exactly what `write_leaf` writes."""
    leaf = _leaves.decode(raw)
    if write_leaf(leaf) != raw:
        raise ValueError("the leaf is not canonical")
    return leaf


def write_payload(payload: Payload) -> bytes:
    """Return the payload's bytes, written once and kept for ever."""
    return _json.encode(payload)


def read_payload(raw: bytes) -> Payload:
    """Return the payload of opened bytes. Raises ValueError when they are none."""
    return _payloads.decode(raw)


def commitment(opening: bytes, payload: bytes) -> bytes:
    """Return pc = HMAC-SHA256(r, "accord/v1/payload" || 0x00 || payload); `opening` is r, 32 random bytes."""
    return hmac_sha256(opening, _COMMITMENT_LABEL + payload)


def ciphertext_hash(sealed: bytes) -> bytes:
    """Return ch = SHA-256(nonce || ciphertext)."""
    return sha256(sealed).digest()


def public_codes(event: Event) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return the purposes, channels and notice that the leaf shows: catalogue codes only."""
    match event:
        case PermissionGranted():
            return event.purposes, tuple(filter(None, event.channels)), event.evidence.notice
        case PermissionRefused():
            purpose = (event.purpose,) if event.purpose else ()
            channel = (event.channel,) if event.channel else ()
            return purpose, channel, event.evidence.notice
        case ContactAuthorized():
            return (event.purpose,), (event.channel,), ""
        case _:
            return (), (), ""


def event_type(event: Event) -> str:
    """Return the name of what happened, as the leaf shows it."""
    return type(event).__name__
