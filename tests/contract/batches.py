"""Batches that mean nothing but fit each other: what a store is given to keep."""

from collections.abc import Iterable
from typing import Any

from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.entry import StoredEntry
from accord.ledger.store import Batch, CustomerRow, LedgerStore, TreeHead
from accord.proof.merkle import grow, leaf_hash, root_of_edge, split

BRAND = BrandId("maison")
OTHER = BrandId("autre")
ADA, BOB, EVE = b"\x00ada".ljust(16, b"\xff"), b"bob".ljust(16, b"\0"), b"eve".ljust(16, b"'")


def lookup(number: int) -> bytes:
    """Return a keyed digest, as far as a store can tell."""
    return number.to_bytes(16, "big")


def entry(position: int, ref: bytes = ADA, version: int | None = None) -> StoredEntry:
    """Return an entry; by default each is Ada's, and her version follows the position."""
    leaf = b'{"position":%d}' % position
    return StoredEntry(
        Position(position), leaf, leaf_hash(leaf), ref, position + 1 if version is None else version, 1, b"\0sealed\xff"
    )


def after(head: TreeHead | None, entries: Iterable[StoredEntry], brand: BrandId = BRAND) -> TreeHead:
    """Return the head after the entries."""
    before = head or TreeHead(brand=brand, ledger=f"accord/{brand}/1")
    hashes = [each.leaf_hash for each in entries]
    edge = grow(split(before.edge), before.size, hashes)
    return TreeHead(
        brand=brand,
        ledger=before.ledger,
        size=before.size + len(hashes),
        root=root_of_edge(edge),
        edge=b"".join(edge),
        recorded_time=Instant(2**52 + before.size + len(hashes)),
        catalogue_position=Position(7),
        catalogue_version=3,
    )


def append(store: LedgerStore, count: int = 1, brand: BrandId = BRAND, **rows: Any) -> TreeHead:
    """Commit `count` entries of Ada and other rows of a batch; return the head after them."""
    with store.write(brand) as writing:
        size = writing.head.size if writing.head else 0
        entries = tuple(entry(size + number) for number in range(count))
        head = after(writing.head, entries, brand)
        writing.commit(Batch(head=head, entries=entries, **rows))
    return head


def customer(version: int = 1, state: bytes = b"\x00state\xff") -> CustomerRow:
    """Return a customer as a batch holds them: without identifiers."""
    return CustomerRow(version, b"h" * 32, state)
