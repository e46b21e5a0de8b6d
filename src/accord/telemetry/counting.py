"""Counts that lose nothing and wait for nobody.

Each thread adds to storage of its own, so no two threads ever write the same number and no lock is taken;
who reads adds the threads up. What a thread counted stays when it ends. A reader may miss what is being
added at that very moment; the next one sees it.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable
from operator import add
from typing import Any, Generic, TypeVar

from msgspec import Struct

Key = TypeVar("Key", bound=Hashable)


class _Own(threading.local):
    """A table for each thread; all of them stay in `every`. Made anew by each thread that first looks."""

    def __init__(self, every: list[dict[Any, Any]], make: Callable[[], dict[Any, Any]]) -> None:
        self.table = make()
        every.append(self.table)


class Counter(Generic[Key]):
    """How often each key was counted."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._every: list[dict[Key, int]] = []
        self._own = _Own(self._every, lambda: defaultdict(int))

    def add(self, key: Key, number: int = 1) -> None:
        """Count a key; from any thread."""
        self._own.table[key] += number

    def read(self) -> dict[Key, int]:
        """Return the sum over all threads."""
        found: dict[Key, int] = defaultdict(int)
        for table in tuple(self._every):
            for key, number in table.copy().items():
                found[key] += number
        return dict(found)


class Spread(Struct, frozen=True):
    """How values spread: how many fell into each bucket, the last one open, and their sum."""

    counts: tuple[int, ...]
    total: float

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)


class Histogram(Generic[Key]):
    """How the values of each key spread over buckets; `bounds` are the upper ends, themselves included."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Begin at nothing."""
        self.bounds = bounds
        # One list for each key: the buckets, the open one, and the sum of all values.
        blank = [0] * (len(bounds) + 2)
        self._every: list[dict[Key, list[float]]] = []
        self._own = _Own(self._every, lambda: defaultdict(blank.copy))

    def add(self, key: Key, value: float) -> None:
        """Add a value; from any thread."""
        slots = self._own.table[key]
        slots[bisect_left(self.bounds, value)] += 1
        slots[-1] += value

    def read(self) -> dict[Key, Spread]:
        """Return the spread of each key over all threads."""
        found: dict[Key, list[float]] = {}
        for table in tuple(self._every):
            for key, slots in table.copy().items():
                seen, before = slots.copy(), found.get(key)
                found[key] = list(map(add, before, seen)) if before else seen
        return {key: Spread(tuple(int(each) for each in slots[:-1]), slots[-1]) for key, slots in found.items()}
