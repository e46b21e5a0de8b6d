"""What an erasure needs to be kept: its record, the fences that stay for ever, and the receipt at its end.

A fence is kept in the key store, where it stops new keys, and outside both databases, so that a
restored backup comes back erased. Neither holds anything of the customer but their reference; the
evidence, which may name who asked or who wrote it down, is sealed.
"""

import os
from collections.abc import Iterable, Iterator
from hmac import digest as hmac_digest
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from accord.domain.events import Evidence
from accord.domain.terms import BrandId, ErasureMode, ErasureReason, Instant


class Erasure(Struct, frozen=True, kw_only=True):
    """One erasure as it was asked for. `content` is the keyed digest of the request, so that a repeat is told.

    `evidence` is sealed under the brand's key, empty for none: it may name people.
    """

    brand: BrandId
    erasure_id: bytes
    customers: tuple[bytes, ...]
    mode: ErasureMode
    reason: ErasureReason
    request_time: Instant
    not_before: Instant
    keep_suppression: bool
    caller: str
    content: bytes
    evidence: bytes = b""


class ErasureRow(Struct, frozen=True):
    """An erasure and its signed receipt, empty until it is done."""

    erasure: Erasure
    receipt: str = ""


class ErasureStore(Protocol):
    """Where erasures and fences are kept: beside the wrapped keys they take away. Each call is durable on return."""

    def find_erasure(self, brand: BrandId, erasure_id: bytes) -> ErasureRow | None:
        """Return an erasure, or None when there is none of this name."""
        ...

    def keep_erasure(self, erasure: Erasure) -> None:
        """Keep an erasure; one that is there stays as it is."""
        ...

    def fence(self, brand: BrandId, refs: Iterable[bytes]) -> None:
        """Let no key ever be made again for these customers."""
        ...

    def destroy(self, brand: BrandId, refs: Iterable[bytes]) -> None:
        """Delete every key of these customers."""
        ...

    def finish(self, brand: BrandId, erasure_id: bytes, receipt: str) -> None:
        """Keep the receipt: the erasure is done."""
        ...

    def erasures(self, brand: BrandId, start: int, limit: int) -> list[ErasureRow]:
        """Return up to `limit` erasures of a brand in the order they were asked for, from the one numbered `start` on.

        The first is number 0. None is ever taken away.
        """
        ...

    def unfinished(self) -> list[Erasure]:
        """Return every erasure without a receipt, those on hold too."""
        ...

    def all_erasures(self) -> Iterator[ErasureRow]:
        """Yield every erasure of every brand."""
        ...

    def revived(self) -> set[tuple[BrandId, bytes]]:
        """Return the fenced customers who have a key, as after a restore."""
        ...

    def compact(self) -> bool:
        """Leave no deleted byte behind, where the database can; False when readers kept it from that."""
        ...


class OutsideFences(Protocol):
    """Keeps every erasure that was asked for, outside both databases."""

    def put(self, erasure: Erasure) -> None:
        """Keep an erasure; durable on return. One that is there already may be kept again."""
        ...

    def all(self) -> Iterator[Erasure]:
        """Yield every erasure ever put, oldest first."""
        ...


class Forgetting(Protocol):
    """What a store of ledgers does for an erasure besides committing it."""

    def states(self, brand: BrandId, refs: list[bytes]) -> dict[bytes, bytes]:
        """Return the state of each customer there is."""
        ...

    def points(self, brand: BrandId, lookups: list[bytes]) -> dict[bytes, bytes]:
        """Return the state of each address of which something is known."""
        ...

    def forget(self, brand: BrandId, refs: list[bytes]) -> None:
        """Delete what ties contacts, requests and addresses they left to customers."""
        ...

    def compact(self) -> bool:
        """Leave no deleted byte behind, where the database can; False when readers kept it from that."""
        ...


def seal_evidence(brand_key: bytes, erasure_id: bytes, evidence: Evidence) -> bytes:
    """Return nonce || AES-256-GCM of the evidence of one erasure, which opens as that of no other."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(brand_key, erasure_id).encrypt(nonce, _encoder.encode(evidence), None)


def open_evidence(brand_key: bytes, erasure_id: bytes, sealed: bytes) -> Evidence:
    """Return the evidence. Raises ValueError when the key, the erasure or the bytes do not fit."""
    try:
        raw = _cipher(brand_key, erasure_id).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except InvalidTag:
        raise ValueError("the evidence does not open with this key for this erasure") from None
    return _evidences.decode(raw)


def _cipher(brand_key: bytes, erasure_id: bytes) -> AESGCM:
    # HKDF-Expand of no more than one hash (RFC 5869), as entries have it, with a label of its own.
    return AESGCM(hmac_digest(brand_key, b"accord/v1/erasure\x00" + erasure_id + b"\x01", "sha256"))


_NONCE_BYTES = 12
_encoder = msgspec.json.Encoder()
_evidences = msgspec.json.Decoder(Evidence)
_decoder = msgspec.json.Decoder(Erasure)


def encode_erasure(erasure: Erasure) -> bytes:
    """Return the bytes of an erasure: one line of JSON."""
    return _encoder.encode(erasure)


def decode_erasure(raw: bytes) -> Erasure:
    """Return the erasure of stored bytes. Raises ValueError when they are none."""
    return _decoder.decode(raw)
