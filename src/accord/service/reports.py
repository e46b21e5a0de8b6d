"""Report: counts over time of what was said and asked, page by page, naming nobody.

Leaves show type, purpose, channel, notice and recorded time, so most entries are counted without a key. A
payload is opened for three things only: which no a refusal was, what a confirmation confirms, and at which
touchpoint, where that is asked for. An entry whose key is gone is counted by what its leaf shows, and told.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from accord.domain.events import PermissionConfirmed, PermissionGranted, PermissionRefused
from accord.domain.tally import MEASURES, OF_REFUSAL, Cell, Dimension, Measure, Period, Sides, cells, start_of
from accord.domain.terms import DAY, SECOND, BrandId, Instant, Position
from accord.ledger.entry import Payload, StoredEntry
from accord.ledger.keyring import Keyring
from accord.ledger.opening import open_entry
from accord.ledger.store import Denials, Head, LedgerStore
from accord.ledger.walk import first_since
from accord.service.errors import catalogue_missing

ENTRIES_A_PAGE: Final = 10_000
"""How many entries one answer reads: well within a deadline, and few enough pages."""

_BATCH = 1000
_EPOCH = date(1970, 1, 1)
_QUARTER_HOUR: Final = 900 * SECOND
_REFUSED, _CONFIRMED, _GRANTED = PermissionRefused.__name__, PermissionConfirmed.__name__, PermissionGranted.__name__
_ON_THE_LEAF = frozenset({Dimension.CHANNEL, Dimension.PURPOSE, Dimension.NOTICE})


class Wished(Struct, frozen=True):
    """What is asked for. `recorded_until` 0: to the end. `time_zone` is an IANA name."""

    recorded_from: Instant = Instant(0)
    recorded_until: Instant = Instant(0)
    period: Period = Period.DAY
    time_zone: str = "UTC"
    dimensions: frozenset[Dimension] = frozenset()


class Counted(Struct, frozen=True):
    """Counts of a part of the ledger; `next_position` None: everything is counted."""

    counts: dict[Cell, int]
    unreadable: int
    entries_read: int
    next_position: Position | None


class _Shown(Struct, frozen=True, gc=False):
    """What a leaf shows of an entry; the other fields are passed over."""

    type: str
    purpose: tuple[str, ...]
    channel: tuple[str, ...]
    notice: str
    recorded_at: int


_shown = msgspec.json.Decoder(_Shown).decode


class Reports:
    """Counts."""

    def __init__(self, store: LedgerStore, denials: Denials, keyring: Keyring) -> None:
        """Read from these."""
        self._store = store
        self._denials = denials
        self._keyring = keyring

    def count(self, brand: BrandId, wished: Wished, start: Position | None = None) -> Counted:
        """Count a page of entries from `start` on, None for the first; denials come with the first page."""
        head = self._store.head(brand)
        if head is None:
            raise catalogue_missing()
        counting = _Counting(wished)
        if start is None:
            self._count_denials(brand, counting)
            since = wished.recorded_from
            start = first_since(self._store, brand, since, head.size)
        position, end = start, min(head.size, start + ENTRIES_A_PAGE)
        while position < end:
            batch = self._store.entries(brand, position, min(_BATCH, end - position))
            if not self._count(head, batch, counting):
                return counting.done(position + len(batch) - start, None)
            position = Position(position + len(batch))
        return counting.done(position - start, position if position < head.size else None)

    def _count(self, head: Head, batch: list[StoredEntry], counting: "_Counting") -> bool:
        """Count a batch; False once an entry was recorded too late, as all after it are."""
        shown = [(entry, _shown(entry.leaf)) for entry in batch]
        until = counting.wished.recorded_until
        wanted = [(entry, leaf) for entry, leaf in shown if not until or leaf.recorded_at < until]
        sealed = {id(entry) for entry, leaf in wanted if counting.needs_payload(leaf.type)}
        refs = {entry.customer_ref for entry, _ in wanted if id(entry) in sealed}
        keys = self._keyring.find(head.brand, refs) if refs else {}
        for entry, leaf in wanted:
            measure = MEASURES.get(leaf.type)
            if measure is None:
                continue
            payload = _opened(head.ledger, entry, keys) if id(entry) in sealed else None
            sides = Sides("", leaf.channel, leaf.purpose, leaf.notice)
            if payload is not None:
                measure, sides = self._told(head, payload, measure, sides)
            counting.add(leaf.recorded_at, measure, sides, readable=payload is not None or id(entry) not in sealed)
        return len(wanted) == len(shown)

    def _told(self, head: Head, payload: Payload, measure: Measure, sides: Sides) -> tuple[Measure, Sides]:
        """Return what a payload adds to what its leaf shows."""
        match payload.event:
            case PermissionRefused(kind=kind, evidence=evidence):
                return OF_REFUSAL[kind], Sides(evidence.touchpoint, sides.channels, sides.purposes, sides.notice)
            case PermissionConfirmed(permission=position, evidence=evidence):
                (granted,) = self._store.entries(head.brand, position, 1)
                leaf = _shown(granted.leaf)
                return measure, Sides(evidence.touchpoint, leaf.channel, leaf.purpose, leaf.notice)
            case PermissionGranted(evidence=evidence):
                return measure, Sides(evidence.touchpoint, sides.channels, sides.purposes, sides.notice)
            case _:
                return measure, sides

    def _count_denials(self, brand: BrandId, counting: "_Counting") -> None:
        wished = counting.wished
        end = -(-wished.recorded_until // DAY) if wished.recorded_until else 2**31 - 1
        for row in self._denials.denials(brand, wished.recorded_from // DAY, end):
            sides = Sides("", _some(row.channel), _some(row.purpose), "", row.reason)
            counting.add_day(_EPOCH + timedelta(days=row.day), Measure.DENIED, sides, row.count)


class _Counting:
    """Counts as they grow."""

    def __init__(self, wished: Wished) -> None:
        self.wished = wished
        self._zone = ZoneInfo(wished.time_zone)
        self._counts: Counter[Cell] = Counter()
        self._unreadable = 0
        # A zone's clocks turn on quarters of an hour, so all instants of one lie on the same day.
        self._day = lru_cache(maxsize=4096)(self._day_of_quarter)

    def needs_payload(self, kind: str) -> bool:
        """Say whether what is asked of entries of a type is sealed."""
        dimensions = self.wished.dimensions
        return (
            kind == _REFUSED
            or (kind == _GRANTED and Dimension.TOUCHPOINT in dimensions)
            or (kind == _CONFIRMED and bool(dimensions & {Dimension.TOUCHPOINT, *_ON_THE_LEAF}))
        )

    def add(self, time: int, measure: Measure, sides: Sides, *, readable: bool) -> None:
        """Count one entry."""
        self._unreadable += not readable
        self.add_day(self._day(time // _QUARTER_HOUR), measure, sides, 1)

    def add_day(self, day: date, measure: Measure, sides: Sides, count: int) -> None:
        """Count so many of a day."""
        for cell in cells(start_of(day, self.wished.period), measure, sides, self.wished.dimensions):
            self._counts[cell] += count

    def done(self, read: int, next_position: Position | None) -> Counted:
        """Return what was counted."""
        return Counted(dict(sorted(self._counts.items())), self._unreadable, read, next_position)

    def _day_of_quarter(self, quarter: int) -> date:
        return datetime.fromtimestamp(quarter * _QUARTER_HOUR // SECOND, UTC).astimezone(self._zone).date()


def _opened(ledger: str, entry: StoredEntry, keys: dict[tuple[bytes, int], bytes]) -> Payload | None:
    try:
        return open_entry(entry, ledger, keys).payload
    except KeyError:
        return None


def _some(code: str) -> tuple[str, ...]:
    return (code,) if code else ()
