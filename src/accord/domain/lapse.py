"""Which answers end by time alone, when, and may the customer still be asked before? `decide` and nothing else. Pure.

A lapse is an answer that reads ALLOW or DEFER now, or waits for its confirmation, and that reads DENY, other
than for want of the confirmation, at an instant up to a horizon. Nothing is assumed about what makes an
answer end: it is asked at the horizon and at each instant at which a permission of the person ends or
another law begins, and between the last yes and the first no it is halved until both meet. So at the instant
told the answer is a no, and one microsecond before it is not. Where it lapses more than once, as where
another permission begins later, one lapse is told: the first, unless it began and ended between two of those
instants. Pairs that have one answer are asked once (`alike`).

What a permission gives for some topics, places or third parties only is asked for each of them by itself:
the question of the whole names none, and such a permission does not answer it. So is what it gives for one
of several addresses that the channel reaches: nobody says which the question of the whole means.

Whether the customer may be asked for a permission is a question of its own, since asking is a contact too:
the purposes that ask are answered by the same decision. A permission that waits for its confirmation has
a request of its own, judged by `confirmation`: may one more be sent before the time to confirm is over?
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.alike import ANYBODY, Alike, Pair
from accord.domain.catalogue import covers
from accord.domain.commands import Question
from accord.domain.confirmation import one_more
from accord.domain.decision import Customer, Decision, Point
from accord.domain.full_view import answered
from accord.domain.policy import Policy
from accord.domain.scope import Coded
from accord.domain.state import PermissionMark
from accord.domain.terms import FAR, Identifier, Instant, Position, PurposeClass, Reason, Verdict

ASKING: Final = ("marketing.permission_request", "marketing.stay_in_touch")
"""Branches of purposes whose contacts ask for a permission, by the names the rule packs know them by."""


class Limits(Struct, frozen=True, gc=False):
    """What a question names besides purpose and channel, empty for none: topic and third party by their digests.

    The address, one of several of its kind, is told by its number among the person's.
    """

    topic: Coded = Coded()
    place: str = ""
    recipient: Coded = Coded()
    contact_point: int = 0

    @property
    def named(self) -> tuple[str, ...]:
        """Which of them are named."""
        return tuple(side for side in self.__struct_fields__ if getattr(self, side))


WHOLE: Final = Limits()


def of_asking(limits: Limits) -> Limits:
    """Return what a contact names that asks for what lapses: topic, place and address; the brand itself asks."""
    return replace(limits, recipient=WHOLE.recipient)


class Lapse(Struct, frozen=True, gc=False):
    """One answer that ends: the first instant at which it is a no, and the reason it then has."""

    purpose: str
    channel: str
    time: Instant
    reason: Reason
    limits: Limits = WHOLE


class Asking(Struct, frozen=True):
    """On which channels a person may be asked before an instant: now, and now or later but in time."""

    now: frozenset[str]
    in_time: frozenset[str]


class Unconfirmed(Struct, frozen=True):
    """A permission whose time to confirm ends at `time`, and the best answer now to one more request to confirm it.

    `pair` is how it would be asked; both are None where no contact can ask: it names no address, or the
    catalogue has no purpose of class confirmation on a channel that reaches it.
    """

    permission: Position
    touchpoint: str
    time: Instant
    pair: Pair | None
    answer: Decision | None


class Radar:
    """Looks ahead, person by person. Remembers rules, never a person."""

    def __init__(
        self, policy: Policy, now: Instant, horizon: Instant, *, purpose: str = "", channel: str | None = None
    ) -> None:
        """Look for lapses after `now`, up to and at `horizon`, of a branch of purposes on a channel; None for any."""
        self._policy = policy
        self._now = now
        self._horizon = horizon
        self._alike = Alike(
            (policy,), [each for each in policy.pairs if covers(purpose, each[0]) and channel in (None, each[1])]
        )
        self._pairs = frozenset(self._alike.pairs)
        self.asking: tuple[Pair, ...] = tuple(
            each for each in policy.pairs if each[1] and any(covers(branch, each[0]) for branch in ASKING)
        )
        self._confirming: tuple[Pair, ...] = tuple(
            each for each in policy.pairs if policy.purposes[each[0]].purpose_class is PurposeClass.CONFIRMATION
        )

    def lapses(self, readings: Sequence[Customer]) -> Iterator[Lapse]:
        """Yield what ends for one person: one reading, or several where they are merged."""
        groups = self._alike.groups(readings)
        for limits, listed in self._narrow(readings[0]).items():
            # Of pairs that have one answer, a permission lists all or none.
            for pairs in groups if limits is WHOLE else (each for each in groups if each[0] in listed):
                found = self._lapse(readings, pairs[0], limits)
                if found:
                    yield from (replace(found, purpose=purpose, channel=channel) for purpose, channel in pairs)

    def unconfirmed(self, readings: Sequence[Customer], *, full: bool = False) -> Iterator[Unconfirmed]:
        """Yield the permissions of one person whose time to confirm ends up to and at the horizon."""
        for mark in readings[0].state.permissions:
            if self._now < mark.pending_until <= self._horizon and not self._pairs.isdisjoint(_listed(mark)):
                pair, answer = self._one_more(readings, mark, full=full)
                yield Unconfirmed(mark.position, mark.touchpoint, mark.pending_until, pair, answer)

    def asking_before(self, readings: Sequence[Customer], time: Instant, limits: Limits = WHOLE) -> Asking:
        """Return on which channels the person may be asked before an answer lapses at `time`.

        In time is also a DEFER that opens before it, and what is allowed at the last instant only. They are
        asked about the topic and place that lapse, at the address that does where the channel reaches it, by the
        brand itself whoever the permission named.
        """
        limits = of_asking(limits)
        now, in_time = set[str](), set[str]()
        for pair in self.asking:
            found = self.decision(readings, pair, self._now, limits)
            if found.verdict is Verdict.ALLOW:
                now.add(pair[1])
            elif pair[1] not in in_time and self._opens(readings, pair, found, time, limits):
                in_time.add(pair[1])
        return Asking(frozenset(now), frozenset(now | in_time))

    def decision(
        self, readings: Sequence[Customer], pair: Pair, time: Instant, limits: Limits = WHOLE, *, full: bool = False
    ) -> Decision:
        """Return the answer at an instant, as of the states of now."""
        question = Question(
            customer=ANYBODY,
            purpose=pair[0],
            channel=pair[1],
            topic=limits.topic,
            place=limits.place,
            recipient=limits.recipient,
        )
        if limits.contact_point and (point := _point(readings[0], limits.contact_point)) and self._reaches(pair, point):
            address = Identifier(point.kind, "")
            question = replace(question, contact_point=address)
            readings = [replace(each, numbers={address: point.number}) for each in readings]
        return answered(readings, question, self._policy, time, full=full)

    def _reaches(self, pair: Pair, point: Point) -> bool:
        return bool(pair[1]) and self._policy.channels[pair[1]].contact_point_kind is point.kind

    def _narrow(self, person: Customer) -> dict[Limits, set[Pair]]:
        """Return the limits to ask about, the whole first, and which pairs permissions list under each."""
        found: dict[Limits, set[Pair]] = {WHOLE: set()}
        for mark in person.state.permissions:
            granted = mark.granted
            point = _one_of_several(person, granted.point) if granted.point else None
            if not (granted.topics or granted.places or granted.recipients or point):
                continue
            topics, recipients = (
                [Coded(each.hex()) for each in codes] or [WHOLE.topic] for codes in (granted.topics, granted.recipients)
            )
            # A place that the catalogue knows no more cannot be asked about.
            places = [each for each in granted.places if each in self._policy.places] if granted.places else [""]
            listed = self._pairs.intersection(_listed(mark))
            reached = {each for each in listed if self._reaches(each, point)} if point else listed
            for sides in product(topics, places, recipients):
                found.setdefault(Limits(*sides, point.number if point else 0), set()).update(reached)
        return found

    def _one_more(
        self, readings: Sequence[Customer], mark: PermissionMark, *, full: bool
    ) -> tuple[Pair | None, Decision | None]:
        best: tuple[Pair | None, Decision | None] = (None, None)
        for pair in self._confirming:
            question = Question(customer=ANYBODY, purpose=pair[0], channel=pair[1])
            found = one_more(readings, mark, question, self._policy, self._now, full=full)
            if found and (best[1] is None or found.verdict > best[1].verdict):
                best = (pair, found)
        return best

    def _opens(self, readings: Sequence[Customer], pair: Pair, found: Decision, time: Instant, limits: Limits) -> bool:
        if found.verdict is Verdict.DEFER and found.not_before < time:
            return True
        # Time alone changes nothing before `valid_until`.
        changes = found.valid_until and found.valid_until < time
        return bool(changes) and self.decision(readings, pair, Instant(time - 1), limits).verdict is Verdict.ALLOW

    def _lapse(self, readings: Sequence[Customer], pair: Pair, limits: Limits) -> Lapse | None:
        low = self.decision(readings, pair, self._now, limits)
        if _ended(low):
            return None
        for probe in self._probes(readings, pair):
            if _last(low) >= probe:
                continue
            found = self.decision(readings, pair, probe, limits)
            if _ended(found):
                return self._halved(readings, pair, low, found, limits)
            low = found
        return None

    def _halved(self, readings: Sequence[Customer], pair: Pair, low: Decision, high: Decision, limits: Limits) -> Lapse:
        """Return the lapse between an answer that stands and one that has ended."""
        while (last := min(_last(low), high.time - 1)) < high.time - 1:
            found = self.decision(readings, pair, Instant((last + high.time) // 2), limits)
            if _ended(found):
                high = found
            else:
                low = found
        return Lapse(*pair, high.time, high.reason, limits)

    def _probes(self, readings: Sequence[Customer], pair: Pair) -> list[Instant]:
        """Return the instants at which to ask, ascending."""
        ends = {end for mark in readings[0].state.permissions for end in (mark.valid_until, mark.pending_until)}
        for each in readings:
            ends.update(Instant(lane.until) for lane in self._policy.lanes(*pair, each.state.facts))
        return sorted({*(end for end in ends if self._now < end < self._horizon), self._horizon})


def _point(person: Customer, number: int) -> Point | None:
    return next((each for each in person.points if each.number == number), None)


def _one_of_several(person: Customer, number: int) -> Point | None:
    """Return the address of that number where the person holds another of its kind: then a question must name it."""
    point = _point(person, number)
    several = point and any(each.kind is point.kind and each.number != number for each in person.points)
    return point if several else None


def _listed(mark: PermissionMark) -> Iterator[Pair]:
    return product(mark.granted.purposes, mark.granted.channels)


def _ended(decision: Decision) -> bool:
    return decision.verdict is Verdict.DENY and decision.reason is not Reason.PENDING_CONFIRMATION


def _last(decision: Decision) -> int:
    """Return the last instant at which the answer is known to stand."""
    return max(decision.time, (decision.valid_until or FAR) - 1)
