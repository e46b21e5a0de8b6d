"""What the ledgers tell of themselves: length, how far outside checkpoint and scrub are behind, what is unreported.

Asked of the store when somebody reads, by one small query for each brand and two for all; heads are kept for a
moment, since the measures of one reading ask for them one after the other.
"""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from accord.domain.terms import SECOND, Instant
from accord.ledger.entry import read_leaf
from accord.ledger.scrubbing import ScrubMarks
from accord.ledger.store import Records, TreeHead, Unreported


class Stored(Records, Unreported, Protocol):
    """A store that lists its ledgers and knows what is unreported."""


class Kept(Protocol):
    """Where checkpoints are kept outside the database."""

    def read(self, ledger: str) -> str | None:
        """Return the note kept for a ledger, or None when none ever was."""
        ...

    def kept_time(self, ledger: str) -> Instant | None:
        """Return when the note of a ledger was kept, or None when none ever was."""
        ...


KEPT_SECONDS = 1.0

Named = Iterator[tuple[tuple[str, ...], float]]


class Ledgers:
    """Every ledger of one database, by brand."""

    def __init__(self, store: Stored, outside: Kept, marks: ScrubMarks, clock: Callable[[], Instant]) -> None:
        """Ask these."""
        self._store = store
        self._outside = outside
        self._marks = marks
        self._clock = clock
        self._read: tuple[float, list[TreeHead]] = (-KEPT_SECONDS, [])

    def entries(self) -> Named:
        """Yield how many entries each has."""
        for head in self._heads():
            yield (head.brand,), head.size

    def checkpoint_ages(self) -> Named:
        """Yield how long ago the checkpoint of each was kept, in seconds."""
        for head in self._heads():
            kept = self._outside.kept_time(head.origin)
            if kept is not None:
                yield (head.brand,), self._seconds_since(kept)

    def checkpoint_lags(self) -> Named:
        """Yield how many entries each has that its checkpoint does not protect."""
        for head in self._heads():
            note = self._outside.read(head.origin)
            if note is not None:
                yield (head.brand,), max(0, head.size - int(note.split("\n")[1]))

    def scrub_ages(self) -> Named:
        """Yield how long ago the last whole round of the scrub of each ended, its first one begun, in seconds."""
        for head in self._heads():
            mark = self._marks.read(head.ledger)
            if mark is not None:
                yield (head.brand,), self._seconds_since(mark.ended_time or mark.begun_time)

    def scrub_faults(self) -> Named:
        """Yield how many faults the scrub of each knows of."""
        for head in self._heads():
            mark = self._marks.read(head.ledger)
            if mark is not None:
                yield (head.brand,), len(mark.faults)

    def unreported_ages(self) -> Named:
        """Yield how long ago the oldest unreported contact of each was authorised, in seconds; 0 for none."""
        for brand, entry in self._store.oldest_unreported().items():
            yield (brand,), self._seconds_since(read_leaf(entry.leaf).recorded_at) if entry else 0.0

    def _heads(self) -> list[TreeHead]:
        now = time.monotonic()
        if now - self._read[0] >= KEPT_SECONDS:
            self._read = now, self._store.heads()
        return self._read[1]

    def _seconds_since(self, then: Instant) -> float:
        return max(0, self._clock() - then) / SECOND
