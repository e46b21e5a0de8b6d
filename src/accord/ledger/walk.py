"""Walks through a ledger: the entries of one customer in order, and where a moment lies."""

from collections.abc import Iterator
from typing import Final

from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.entry import StoredEntry, read_leaf
from accord.ledger.store import LedgerStore

_PAGE: Final = 1000


def history(store: LedgerStore, brand: BrandId, ref: bytes, first: int = 1) -> Iterator[StoredEntry]:
    """Yield the entries of a customer from version `first` on, oldest first, read by pages as they are asked for."""
    version = first
    while page := store.entries(brand, version, _PAGE, ref):
        yield from page
        if len(page) < _PAGE:
            return
        version += len(page)


def first_since(store: LedgerStore, brand: BrandId, time: Instant, size: int) -> Position:
    """Return the position of the first entry recorded at `time` or later, `size` for none of the first `size`.

    Found by halving: recorded time never goes back.
    """
    low, high = 0, size if time else 0
    while low < high:
        middle = (low + high) // 2
        (entry,) = store.entries(brand, middle, 1)
        if read_leaf(entry.leaf).recorded_at < time:
            low = middle + 1
        else:
            high = middle
    return Position(low)
