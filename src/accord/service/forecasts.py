"""ForecastLapses: which answers end in the days to come, and whom of those may still be asked; appends nothing.

Everybody is met once, on one snapshot, with the states of now; only counts and a few samples are kept. They
grow with the days, purposes and channels, not with the customers.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.alike import Pair
from accord.domain.decision import Decision
from accord.domain.lapse import Asking, Lapse, Radar
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, unknown
from accord.domain.terms import DAY, BrandId, Instant, Position
from accord.ledger.store import Census, Censuses, Known, LedgerStore
from accord.service.errors import CallError, catalogue_missing
from accord.service.everybody import Progress, everybody, first_entry
from accord.service.policies import Policies
from accord.service.sights import readings_of
from accord.service.writer import Clock

MAX_DAYS: Final = 400
"""How far ahead is looked: a year and some."""


class Wanted(Struct, frozen=True, kw_only=True):
    """How many days ahead to look; a branch of purposes and a channel, empty for all; and how many samples."""

    within_days: int
    purpose: str = ""
    channel: str = ""
    samples: int = 0


class Summary(Struct, frozen=True, kw_only=True):
    """What was looked at, from when until when, and what was found."""

    time: Instant
    horizon: Instant
    ledger: str
    size: int
    version: int
    persons: int
    persons_lapsing: int
    lapses: int
    asking: tuple[str, ...]
    """The purposes that ask for a permission; empty where the catalogue has none."""


class AskedOn(Struct, frozen=True):
    """How many of those who lapse may be asked on a channel: now, and now or later but in time."""

    channel: str
    now: int
    in_time: int


class Sample(Struct, frozen=True):
    """One person by their first entry; the answer now and at the lapse, and those to asking now, with traces."""

    position: Position
    time: Instant
    now: Decision
    then: Decision
    asking: tuple[tuple[Pair, Decision], ...]


class Lapsing(Struct, frozen=True, kw_only=True):
    """How many persons lapse alike on one day (UTC; its first instant), and how many of them may be asked."""

    lapse: Lapse
    persons: int
    now: int
    in_time: int
    channels: tuple[AskedOn, ...]
    samples: tuple[Sample, ...] = ()


Step = Progress | Summary | Lapsing


class Forecasts:
    """Looks ahead."""

    def __init__(self, store: Censuses, policies: Policies, clock: Clock) -> None:
        """Read from these."""
        self._store = store
        self._policies = policies
        self._clock = clock

    def forecast(self, brand: BrandId, wanted: Wanted) -> Iterator[Step]:
        """Yield progress, then the summary, then what lapses, by day. Raises CallError."""
        with self._store.census(brand) as census:
            policy = self._policies.of(census.head) if census else None
            if census is None or policy is None:
                raise catalogue_missing()
            _examine(wanted, policy)
            run = _Run(census, policy, census.head.now(self._clock()), wanted)
            yield from everybody(census, run.meet)
        yield run.summary()
        yield from run.found(self._store)


class _Counts:
    """Of the persons who lapse alike: how many, how many may be asked, and the first of them."""

    def __init__(self) -> None:
        self.persons = self.now = self.in_time = 0
        self.channels_now = Counter[str]()
        self.channels_in_time = Counter[str]()
        self.met: list[tuple[tuple[Known, ...], Instant]] = []

    def add(self, asking: Asking) -> None:
        self.persons += 1
        self.now += bool(asking.now)
        self.in_time += bool(asking.in_time)
        self.channels_now.update(asking.now)
        self.channels_in_time.update(asking.in_time)


class _Run:
    """One look ahead under way."""

    def __init__(self, census: Census, policy: Policy, now: Instant, wanted: Wanted) -> None:
        self._census = census
        self._policy = policy
        self._now = now
        self._horizon = Instant(now + wanted.within_days * DAY)
        channel = wanted.channel or None
        self._radar = Radar(policy, now, self._horizon, purpose=wanted.purpose, channel=channel)
        self._samples = wanted.samples
        self._counts: dict[Lapse, _Counts] = {}
        self._lapsing = 0

    def meet(self, person: tuple[Known, ...]) -> None:
        """Note what ends for a person."""
        readings = readings_of(person)
        asking: dict[Instant, Asking] = {}
        for lapse in self._radar.lapses(readings):
            time = lapse.time
            if time not in asking:
                asking[time] = self._radar.asking_before(readings, time)
            counts = self._counts.setdefault(replace(lapse, time=Instant(time - time % DAY)), _Counts())
            counts.add(asking[time])
            if counts.persons <= self._samples:
                counts.met.append((person, time))
        self._lapsing += bool(asking)

    def summary(self) -> Summary:
        """Return what was found, once everybody was met."""
        return Summary(
            time=self._now,
            horizon=self._horizon,
            ledger=self._census.head.ledger,
            size=self._census.head.size,
            version=self._policy.version,
            persons=self._census.count,
            persons_lapsing=self._lapsing,
            lapses=sum(counts.persons for counts in self._counts.values()),
            asking=tuple(dict.fromkeys(purpose for purpose, _ in self._radar.asking)),
        )

    def found(self, store: LedgerStore) -> Iterator[Lapsing]:
        """Yield what lapses by day, of one day in the order of the catalogue."""
        order = {pair: number for number, pair in enumerate(self._policy.pairs)}
        keyed = sorted(self._counts, key=lambda it: (it.time, order[it.purpose, it.channel], it.reason))
        for lapse in keyed:
            counts = self._counts[lapse]
            yield Lapsing(
                lapse=lapse,
                persons=counts.persons,
                now=counts.now,
                in_time=counts.in_time,
                channels=tuple(
                    AskedOn(each, counts.channels_now[each], counts.channels_in_time[each])
                    for each in self._policy.channels
                    if counts.channels_in_time[each]
                ),
                samples=tuple(self._sample(store, lapse, *each) for each in counts.met),
            )

    def _sample(self, store: LedgerStore, lapse: Lapse, person: tuple[Known, ...], time: Instant) -> Sample:
        readings = readings_of(person)
        pair = (lapse.purpose, lapse.channel)

        def full(asked: Pair, at: Instant) -> Decision:
            return self._radar.decision(readings, asked, at, full=True)

        return Sample(
            position=first_entry(store, self._census, person),
            time=time,
            now=full(pair, self._now),
            then=full(pair, time),
            asking=tuple((each, full(each, self._now)) for each in self._radar.asking),
        )


def _examine(wanted: Wanted, policy: Policy) -> None:
    """Raise CallError where the catalogue knows no such branch or channel."""
    if not policy.knows_branch(wanted.purpose):
        raise CallError(unknown(ErrorReason.PURPOSE_UNKNOWN, "purpose", "purpose", list(policy.purposes)))
    if wanted.channel and wanted.channel not in policy.channels:
        raise CallError(unknown(ErrorReason.CHANNEL_UNKNOWN, "channel", "channel", list(policy.channels)))
