"""ForecastLapses: which answers end in the days to come, and whom of those may still be asked; appends nothing.

So do permissions that wait for their confirmation: may one more request for it be sent? Everybody is met once,
on one snapshot, with the states of now; only counts and a few samples are kept. They grow with the days,
purposes, channels and touchpoints, not with the customers.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.alike import Pair
from accord.domain.decision import Customer, Decision
from accord.domain.lapse import WHOLE, Asking, Lapse, Limits, Radar, Unconfirmed, of_asking
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, unknown
from accord.domain.terms import DAY, BrandId, Instant, Position, Reason, Verdict
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
    unconfirmed: int
    """How many permissions lose the time to confirm them."""
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
    """How many persons lapse alike on one day (UTC; its first instant), and how many of them may be asked.

    `limits`: which of topic, place, third party and address the answers are for; of one person several may lapse so,
    and the sample is the first of them.
    """

    lapse: Lapse
    limits: tuple[str, ...] = ()
    persons: int
    now: int
    in_time: int
    channels: tuple[AskedOn, ...]
    samples: tuple[Sample, ...] = ()


class Unconfirming(Struct, frozen=True, kw_only=True):
    """How many permissions of a touchpoint lose the time to confirm on one day, with one answer to one more request.

    Verdict and reason are None where no contact can ask for the confirmation.
    """

    time: Instant
    touchpoint: str
    verdict: Verdict | None
    reason: Reason | None
    permissions: int
    samples: tuple[Unconfirmed, ...] = ()


Step = Progress | Summary | Lapsing | Unconfirming

_Alike = tuple[Lapse, tuple[str, ...]]
"""Day, pair and reason, and which limits the answer is for: what is counted together."""

_Waiting = tuple[Instant, str, Verdict | None, Reason | None]


class Forecasts:
    """Looks ahead."""

    def __init__(self, store: Censuses, policies: Policies, clock: Clock) -> None:
        """Read from these."""
        self._store = store
        self._policies = policies
        self._clock = clock

    def forecast(self, brand: BrandId, wanted: Wanted) -> Iterator[Step]:
        """Yield progress, the summary, what lapses, by day, then what is left unconfirmed. Raises CallError."""
        with self._store.census(brand) as census:
            policy = self._policies.of(census.head) if census else None
            if census is None or policy is None:
                raise catalogue_missing()
            _examine(wanted, policy)
            run = _Run(census, policy, census.head.now(self._clock()), wanted)
            yield from everybody(census, run.meet)
        yield run.summary()
        yield from run.found(self._store)
        yield from run.left_unconfirmed()


class _Counts:
    """Of the persons who lapse alike: how many, how many may be asked, and the first of them."""

    def __init__(self) -> None:
        self.persons = self.now = self.in_time = 0
        self.channels_now = Counter[str]()
        self.channels_in_time = Counter[str]()
        self.met: list[tuple[tuple[Known, ...], Lapse]] = []

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
        self._counts: dict[_Alike, _Counts] = {}
        self._lapsing = 0
        self._waiting = Counter[_Waiting]()
        self._waiting_met: dict[_Waiting, list[Unconfirmed]] = {}

    def meet(self, person: tuple[Known, ...]) -> None:
        """Note what ends for a person."""
        readings = readings_of(person)
        lapses = list(self._radar.lapses(readings))
        cells = {(each.time, each.limits) for each in lapses}
        asking = {cell: self._radar.asking_before(readings, *cell) for cell in cells}
        for key, alike in _together(lapses).items():
            counts = self._counts.setdefault(key, _Counts())
            counts.add(_any_of([asking[each.time, each.limits] for each in alike]))
            if counts.persons <= self._samples:
                counts.met.append((person, min(alike, key=lambda each: each.time)))
        self._lapsing += bool(lapses)
        self._note_unconfirmed(readings)

    def _note_unconfirmed(self, readings: tuple[Customer, ...]) -> None:
        for each in self._radar.unconfirmed(readings):
            answer = each.answer
            verdict, reason = (answer.verdict, answer.reason) if answer else (None, None)
            key = (_day(each.time), each.touchpoint, verdict, reason)
            self._waiting[key] += 1
            if self._waiting[key] <= self._samples:
                told = self._radar.unconfirmed(readings, full=True)
                self._waiting_met.setdefault(key, []).extend(it for it in told if it.permission == each.permission)

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
            unconfirmed=self._waiting.total(),
            asking=tuple(dict.fromkeys(purpose for purpose, _ in self._radar.asking)),
        )

    def found(self, store: LedgerStore) -> Iterator[Lapsing]:
        """Yield what lapses by day, of one day in the order of the catalogue."""
        order = {pair: number for number, pair in enumerate(self._policy.pairs)}

        def placed(key: _Alike) -> tuple[Instant, int, Reason, tuple[str, ...]]:
            lapse, limits = key
            return lapse.time, order[lapse.purpose, lapse.channel], lapse.reason, limits

        for key in sorted(self._counts, key=placed):
            counts = self._counts[key]
            yield Lapsing(
                lapse=key[0],
                limits=key[1],
                persons=counts.persons,
                now=counts.now,
                in_time=counts.in_time,
                channels=tuple(
                    AskedOn(each, counts.channels_now[each], counts.channels_in_time[each])
                    for each in self._policy.channels
                    if counts.channels_in_time[each]
                ),
                samples=tuple(self._sample(store, *each) for each in counts.met),
            )

    def left_unconfirmed(self) -> Iterator[Unconfirming]:
        """Yield what is left unconfirmed by day, of one day in the order of the catalogue, what may be asked first."""
        order = {code: number for number, code in enumerate(self._policy.touchpoints)}

        def placed(key: _Waiting) -> tuple[Instant, int, str, int, int]:
            time, touchpoint, verdict, reason = key
            return time, order.get(touchpoint, len(order)), touchpoint, -(verdict or 0), reason or 0

        for key in sorted(self._waiting, key=placed):
            time, touchpoint, verdict, reason = key
            yield Unconfirming(
                time=time,
                touchpoint=touchpoint,
                verdict=verdict,
                reason=reason,
                permissions=self._waiting[key],
                samples=tuple(self._waiting_met.get(key, ())),
            )

    def _sample(self, store: LedgerStore, person: tuple[Known, ...], lapse: Lapse) -> Sample:
        readings = readings_of(person)
        pair, limits = (lapse.purpose, lapse.channel), lapse.limits

        def full(asked: Pair, at: Instant, named: Limits = limits) -> Decision:
            return self._radar.decision(readings, asked, at, named, full=True)

        return Sample(
            position=first_entry(store, self._census, person),
            time=lapse.time,
            now=full(pair, self._now),
            then=full(pair, lapse.time),
            asking=tuple((each, full(each, self._now, of_asking(limits))) for each in self._radar.asking),
        )


def _together(lapses: list[Lapse]) -> dict[_Alike, list[Lapse]]:
    """Return the lapses of one person that are counted as one, by what they have in common."""
    found: dict[_Alike, list[Lapse]] = {}
    for each in lapses:
        key = (replace(each, time=_day(each.time), limits=WHOLE), each.limits.named)
        found.setdefault(key, []).append(each)
    return found


def _any_of(asking: list[Asking]) -> Asking:
    return Asking(
        frozenset[str]().union(*(each.now for each in asking)),
        frozenset[str]().union(*(each.in_time for each in asking)),
    )


def _day(time: Instant) -> Instant:
    return Instant(time - time % DAY)


def _examine(wanted: Wanted, policy: Policy) -> None:
    """Raise CallError where the catalogue knows no such branch or channel."""
    if not policy.knows_branch(wanted.purpose):
        raise CallError(unknown(ErrorReason.PURPOSE_UNKNOWN, "purpose", "purpose", list(policy.purposes)))
    if wanted.channel and wanted.channel not in policy.channels:
        raise CallError(unknown(ErrorReason.CHANNEL_UNKNOWN, "channel", "channel", list(policy.channels)))
