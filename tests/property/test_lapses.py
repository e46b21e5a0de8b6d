"""Every lapse told is one, and none that stands at the horizon is left out, for random customers and catalogues."""

from collections import Counter
from itertools import product
from random import Random

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from support.drawn import NOON, PARTNER, PLACE, POLICIES, TOPIC, person, policies

from accord.domain.alike import ANYBODY
from accord.domain.commands import Question
from accord.domain.decide import decide
from accord.domain.decision import Customer, Decision, Point
from accord.domain.group import lowest
from accord.domain.lapse import ASKING, Lapse, Limits, Radar
from accord.domain.policy import Policy
from accord.domain.scope import Coded, code
from accord.domain.state import NO_POINT, PermissionMark
from accord.domain.terms import DAY, HOUR, Identifier, IdentifierKind, Instant, Reason, Verdict

LAW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


Sides = tuple[str, str, str]
"""Topic, place and third party, in words."""

WHOLE = ("", "", "")
SIDES: list[Sides] = list(product(("", TOPIC), ("", PLACE), ("", PARTNER)))


def _ask(
    readings: tuple[Customer, ...],
    pair: tuple[str, str],
    policy: Policy,
    time: int,
    sides: Sides = WHOLE,
    number: int = 0,
) -> Decision:
    """Ask as Check does; the address of that number is named where the channel reaches it."""
    topic, place, recipient = sides
    address = Identifier(_kind_of(readings[0], number), "named@example.com") if number else None
    named = address if _reaches(policy, pair, readings[0], number) else None
    question = Question(
        customer=ANYBODY,
        purpose=pair[0],
        channel=pair[1],
        topic=topic,
        place=place,
        recipient=recipient,
        contact_point=named,
    )
    known = [replace(each, numbers={named: number} if named else {}) for each in readings]
    return lowest([decide(each, question, policy, Instant(time)) for each in known])


def _kind_of(customer: Customer, number: int) -> IdentifierKind:
    return customer.points[number - 1].kind


def _reaches(policy: Policy, pair: tuple[str, str], customer: Customer, number: int) -> bool:
    channel = policy.channels.get(pair[1])
    return bool(number and channel) and channel.contact_point_kind is _kind_of(customer, number)


def _several(customer: Customer) -> set[int]:
    """Return the numbers of addresses that are not the only one of their kind."""
    kinds = Counter(point.kind for point in customer.points)
    return {point.number for point in customer.points if kinds[point.kind] > 1}


def _lists(mark: PermissionMark, pair: tuple[str, str], sides: Sides) -> bool:
    """Say whether a permission is for this very topic, place and third party, and lists the pair."""
    granted = mark.granted
    topic, place, recipient = sides
    return (
        (pair[0] in granted.purposes and pair[1] in granted.channels)
        and granted.topics == ((code(topic),) if topic else ())
        and granted.places == ((place,) if place else ())
        and granted.recipients == ((code(recipient),) if recipient else ())
    )


def _of_two_addresses(readings: tuple[Customer, ...]) -> tuple[Customer, ...]:
    """Return the person with two e-mail addresses more, what they permitted limited to the first of these."""
    first = len(readings[0].points) + 1
    more = tuple(Point(first + each, IdentifierKind.EMAIL, NO_POINT) for each in range(2))
    marks = tuple(replace(mark, granted=replace(mark.granted, point=first)) for mark in readings[0].state.permissions)
    return tuple(
        replace(each, state=replace(each.state, permissions=marks), points=(*each.points, *more)) for each in readings
    )


def _limits(sides: Sides, number: int = 0) -> Limits:
    topic, place, recipient = sides
    return Limits(Coded(code(topic).hex()), place, Coded(code(recipient).hex()), number)


def _stands(decision: Decision) -> bool:
    return decision.verdict is not Verdict.DENY or decision.reason is Reason.PENDING_CONFIRMATION


@LAW
@given(st.randoms(use_true_random=True))
def test_what_is_told_to_lapse_stands_until_just_before_and_what_is_not_told_stands(random: Random) -> None:
    policy = random.choice(policies(random.randrange(POLICIES)))
    now = Instant(NOON + random.randint(-24 * 5, 24 * 5) * HOUR)
    horizon = Instant(now + random.choice((1, 7, 30, 400)) * DAY)
    radar = Radar(policy, now, horizon)
    for turn in range(6):
        readings = _of_two_addresses(person(random)) if turn % 2 else person(random)
        lapses = list(radar.lapses(readings))
        found: dict[tuple[Limits, str, str], Lapse] = {
            (each.limits, each.purpose, each.channel): each for each in lapses
        }
        assert len(found) == len(lapses)
        several = _several(readings[0])
        for number, sides, pair in product((0, *several), SIDES, policy.pairs):
            lapse = found.pop((_limits(sides, number), *pair), None)
            known = (not sides[1] or sides[1] in policy.places) and (
                not number or _reaches(policy, pair, readings[0], number)
            )
            listed = any(
                _lists(mark, pair, sides) and number == (mark.granted.point if mark.granted.point in several else 0)
                for mark in readings[0].state.permissions
            )
            if (number, sides) != (0, WHOLE) and not (known and listed):
                assert lapse is None
                continue
            stands = _stands(_ask(readings, pair, policy, now, sides, number))
            if lapse is None:
                # Every pair is asked here, those that were asked for as others too.
                assert not stands or _stands(_ask(readings, pair, policy, horizon, sides, number))
                continue
            assert stands
            assert now < lapse.time <= horizon
            assert _stands(_ask(readings, pair, policy, lapse.time - 1, sides, number))
            then = _ask(readings, pair, policy, lapse.time, sides, number)
            assert (then.verdict, then.reason) == (Verdict.DENY, lapse.reason)
            assert lapse.reason is not Reason.PENDING_CONFIRMATION
        assert not found


@settings(LAW, max_examples=20)
@given(st.randoms(use_true_random=True))
def test_who_may_be_asked_is_who_may_be_contacted_to_be_asked(random: Random) -> None:
    policy = random.choice(policies(random.randrange(POLICIES)))
    radar = Radar(policy, NOON, Instant(NOON + 30 * DAY))
    pairs = [pair for pair in policy.pairs if pair[0].startswith(ASKING)]
    assert list(radar.asking) == pairs
    for turn in range(6):
        readings = _of_two_addresses(person(random)) if turn % 2 else person(random)
        time = Instant(NOON + random.randint(1, 24 * 30) * HOUR)
        topic, place, recipient = random.choice(SIDES)
        sides = (topic, place, "")
        number = random.choice((0, *_several(readings[0])))
        asking = radar.asking_before(readings, time, _limits((topic, place, recipient), number))
        told = {pair: _ask(readings, pair, policy, NOON, sides, number) for pair in pairs}
        assert asking.now == {pair[1] for pair, each in told.items() if each.verdict is Verdict.ALLOW}
        for channel in {pair[1] for pair in pairs}:
            known = [(pair, each) for pair, each in told.items() if pair[1] == channel]
            in_time = any(
                each.verdict is Verdict.ALLOW
                or (each.verdict is Verdict.DEFER and each.not_before < time)
                or _ask(readings, pair, policy, time - 1, sides, number).verdict is Verdict.ALLOW
                for pair, each in known
            )
            assert (channel in asking.in_time) is in_time
