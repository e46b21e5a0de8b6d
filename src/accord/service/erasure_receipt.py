"""The signed receipt of an erasure: what was erased, since when, from when on nothing can bring it back, what is left.

Lines for people in the envelope of a signed note (C2SP), signed with the ledger's key under its name,
so that whoever keeps the verifier key can check it without us; `accord.proof.erased` reads it.
"""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from accord.domain.terms import SECOND, Instant
from accord.ledger.erasing import Erasure
from accord.proof.checkpoint import sign_text
from accord.proof.erased import LEFT, TITLE
from accord.service.answers import Receipt

ERASED_AT, IRRECOVERABLE_BY = "erased at", "irrecoverable by"


class Erased(Struct, frozen=True):
    """What a receipt tells besides the erasure itself; `entry` is None when the ledger never knew the customer."""

    ledger: str
    entry: Receipt | None
    erased_time: Instant
    irrecoverable_by: Instant
    suppressed: int


def sign_receipt(erasure: Erasure, erased: Erased, private_key: Ed25519PrivateKey) -> str:
    """Return the signed note."""
    lines = [TITLE, f"ledger: {erased.ledger}", f"erasure: {erasure.erasure_id.hex()}"]
    lines += [f"customer: {ref.hex()}" for ref in erasure.customers]
    if erased.entry is not None:
        lines += [f"entry: {erased.entry.position}", f"leaf hash: {erased.entry.leaf_hash.hex()}"]
    lines += [
        f"reason: {erasure.reason.value}",
        f"requested: {_written(erasure.request_time)}",
        f"{ERASED_AT}: {_written(erased.erased_time)}",
        f"{IRRECOVERABLE_BY}: {_written(erased.irrecoverable_by)}",
        f"suppressed addresses: {erased.suppressed}",
        *(f"left: {each}" for each in LEFT),
    ]
    return sign_text(erased.ledger, "\n".join(lines) + "\n", private_key)


def read_instant(receipt: str, label: str) -> Instant:
    """Return an instant that a receipt of ours tells. Raises ValueError when it does not."""
    for line in receipt.split("\n"):
        name, _, told = line.partition(": ")
        if name == label:
            return Instant(round(datetime.fromisoformat(told).timestamp() * SECOND))
    raise ValueError(f"the receipt does not tell {label}")


def _written(time: Instant) -> str:
    return datetime.fromtimestamp(time / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
