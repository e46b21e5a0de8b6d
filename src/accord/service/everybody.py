"""Meets everybody of a census once, in order, and lets whoever waits for the processor go first between two of them."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from accord.domain.terms import Position
from accord.ledger.store import Census, Known, LedgerStore

MAX_SAMPLES: Final = 10
"""Persons shown for one finding."""

_TELL_EVERY: Final = 200
_REST_SECONDS: Final = 50e-6


class Progress(Struct, frozen=True):
    """How many persons are met by now, of how many."""

    met: int
    persons: int


def everybody(census: Census, meet: Callable[[tuple[Known, ...]], None]) -> Iterator[Progress]:
    """Meet everybody, and tell how far it is: at the start, at the end, and now and then."""
    met = 0
    yield Progress(met, census.count)
    for person in census.persons:
        meet(person)
        met += 1
        if met % _TELL_EVERY == 0:
            yield Progress(met, census.count)
        time.sleep(_REST_SECONDS)
    yield Progress(met, census.count)


def first_entry(store: LedgerStore, census: Census, person: tuple[Known, ...]) -> Position:
    """Return the position of a person's first entry: it names nobody to whom the entry is not opened."""
    (first,) = store.entries(census.head.brand, 1, 1, person[0].customer_ref)
    return first.position
