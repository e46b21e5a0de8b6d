"""Makes the line of one stored entry for an export, once all that its leaf commits to is checked.

An entry that the verifier would refuse is refused here, before anything is signed. What was sealed is
read back by a faster parser than the verifier's: where it writes the same bytes again they are strict
JSON, no key twice; where it does not, the verifier's own reading decides.
"""

from base64 import b64encode
from typing import Any

import msgspec

from accord.ledger.entry import StoredEntry, ciphertext_hash
from accord.ledger.opening import TamperedError
from accord.ledger.seal import Place, unseal
from accord.proof import verify

Made = tuple[bytes, verify.Line]
"""A line without its line feed, and what it says."""


def leaf_of(entry: StoredEntry, ledger: str) -> verify.Leaf:
    """Return what the leaf of an entry shows. Raises TamperedError where its row does not fit it. Needs no key."""
    if verify.leaf_hash(entry.leaf) != entry.leaf_hash:
        raise _tampered(entry, "the leaf does not fit its hash")
    leaf = verify.read_leaf(entry.leaf)
    if leaf is None:
        raise _tampered(entry, "the leaf is not in its one form")
    if leaf.ledger != ledger.encode() or int(leaf.position) != entry.position:
        raise _tampered(entry, "the leaf names another place")
    if b64encode(ciphertext_hash(entry.sealed)) != leaf.ch:
        raise _tampered(entry, "the ciphertext does not fit the leaf")
    return leaf


def held_back(entry: StoredEntry, leaf: verify.Leaf, status: str) -> Made:
    """Return the line of an entry that shows its leaf only, and says why."""
    line = verify.write_line(entry.position, entry.leaf, status)
    return line, verify.Line(entry.position, entry.leaf, int(leaf.recorded_at), _shown(status, leaf), None)


def disclosed(entry: StoredEntry, leaf: verify.Leaf, ledger: str, key: bytes) -> Made:
    """Return the line of an entry that shows what was sealed. Raises TamperedError where something does not fit."""
    place = Place(ledger, entry.customer_ref, entry.position, entry.customer_version, entry.generation)
    try:
        opening, raw = unseal(key, place, entry.sealed)
    except ValueError as error:
        raise _tampered(entry, str(error)) from error
    if b64encode(verify.commitment(opening, raw)) != leaf.pc:
        raise _tampered(entry, "the payload does not fit the leaf")
    seen = _shown("disclosed", leaf)
    payload = _payload(raw, entry, seen)
    if (payload.customer, payload.version) != (entry.customer_ref.hex(), entry.customer_version):
        raise _tampered(entry, "the payload names another customer or version")
    line = verify.write_line(entry.position, entry.leaf, "disclosed", raw, opening)
    return line, verify.Line(entry.position, entry.leaf, int(leaf.recorded_at), seen, payload)


def _payload(raw: bytes, entry: StoredEntry, seen: verify.Shown) -> verify.Payload:
    parts = verify.payload_parts(raw)
    try:
        if parts is None:
            raise verify.TamperedError("malformed")
        return verify.read_payload(parts, entry.position, seen, _quick(parts[2]))
    except verify.NotValidError as error:
        raise _tampered(entry, f"an export of it would be refused: {error.name}") from error


def _quick(raw: bytes) -> Any:  # noqa: ANN401 - anything JSON has
    """Return what bytes say that are written in the one way payloads are; None for any others."""
    try:
        found = _decode(raw)
    except ValueError:
        return None
    return found if _encode(found) == raw else None


def _no_fraction(text: str) -> float:
    raise ValueError(text)


_decode = msgspec.json.Decoder(float_hook=_no_fraction).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def _shown(status: str, leaf: verify.Leaf) -> verify.Shown:
    return verify.shown(status.encode(), leaf.type, leaf.purposes, leaf.channels, leaf.notice)


def _tampered(entry: StoredEntry, why: str) -> TamperedError:
    return TamperedError(f"entry {entry.position}: {why}")
