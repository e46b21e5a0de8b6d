"""Opening an entry: the payload behind a leaf, checked against everything the leaf commits to."""

from collections.abc import Mapping

from msgspec import Struct

from accord.ledger.entry import Leaf, Payload, StoredEntry, ciphertext_hash, commitment, read_leaf, read_payload
from accord.ledger.seal import Place, unseal
from accord.proof.merkle import leaf_hash


class OpenedEntry(Struct, frozen=True):
    """An entry with its payload. `raw_payload` and `opening` recompute the leaf's commitment."""

    entry: StoredEntry
    leaf: Leaf
    payload: Payload
    raw_payload: bytes
    opening: bytes


class TamperedError(ValueError):
    """The stored bytes contradict each other; the message names the position and what does not fit."""


def check_leaf(entry: StoredEntry, ledger: str) -> Leaf:
    """Return the leaf of a stored entry. Raises TamperedError where the row does not fit it. Needs no key."""
    at = f"entry {entry.position}"
    if leaf_hash(entry.leaf) != entry.leaf_hash:
        raise TamperedError(f"{at}: the leaf does not fit its hash")
    try:
        leaf = read_leaf(entry.leaf)
    except ValueError as error:
        raise TamperedError(f"{at}: the leaf cannot be read: {error}") from error
    if (leaf.ledger, leaf.position) != (ledger, entry.position):
        raise TamperedError(f"{at}: the leaf names another place")
    if ciphertext_hash(entry.sealed) != leaf.ch:
        raise TamperedError(f"{at}: the ciphertext does not fit the leaf")
    return leaf


def open_entry(entry: StoredEntry, ledger: str, keys: Mapping[tuple[bytes, int], bytes]) -> OpenedEntry:
    """Return the opened entry. Raises KeyError when its key is gone, TamperedError when something does not fit."""
    leaf = check_leaf(entry, ledger)
    key = keys[entry.customer_ref, entry.generation]
    place = Place(ledger, entry.customer_ref, entry.position, entry.customer_version, entry.generation)
    at = f"entry {entry.position}"
    try:
        opening, raw = unseal(key, place, entry.sealed)
        payload = read_payload(raw)
    except ValueError as error:
        raise TamperedError(f"{at}: {error}") from error
    if commitment(opening, raw) != leaf.pc:
        raise TamperedError(f"{at}: the payload does not fit the leaf")
    if (payload.customer, payload.version) != (entry.customer_ref.hex(), entry.customer_version):
        raise TamperedError(f"{at}: the payload names another customer or version")
    return OpenedEntry(entry, leaf, payload, raw, opening)
