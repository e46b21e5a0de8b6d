"""Every lapse told is one, and none that stands at the horizon is left out, for random customers and catalogues."""

from itertools import product
from random import Random

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from support.drawn import NOON, PARTNER, PLACE, POLICIES, TOPIC, person, policies

from accord.domain.alike import ANYBODY
from accord.domain.commands import Question
from accord.domain.decide import decide
from accord.domain.decision import Customer, Decision
from accord.domain.group import lowest
from accord.domain.lapse import ASKING, Lapse, Limits, Radar
from accord.domain.policy import Policy
from accord.domain.scope import Coded, code
from accord.domain.state import PermissionMark
from accord.domain.terms import DAY, HOUR, Instant, Reason, Verdict

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
    readings: tuple[Customer, ...], pair: tuple[str, str], policy: Policy, time: int, sides: Sides = WHOLE
) -> Decision:
    topic, place, recipient = sides
    question = Question(
        customer=ANYBODY, purpose=pair[0], channel=pair[1], topic=topic, place=place, recipient=recipient
    )
    return lowest([decide(each, question, policy, Instant(time)) for each in readings])


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


def _digested(sides: Sides) -> Limits:
    topic, place, recipient = sides
    return Limits(Coded(code(topic).hex()), place, Coded(code(recipient).hex()))


def _stands(decision: Decision) -> bool:
    return decision.verdict is not Verdict.DENY or decision.reason is Reason.PENDING_CONFIRMATION


@LAW
@given(st.randoms(use_true_random=True))
def test_what_is_told_to_lapse_stands_until_just_before_and_what_is_not_told_stands(random: Random) -> None:
    policy = random.choice(policies(random.randrange(POLICIES)))
    now = Instant(NOON + random.randint(-24 * 5, 24 * 5) * HOUR)
    horizon = Instant(now + random.choice((1, 7, 30, 400)) * DAY)
    radar = Radar(policy, now, horizon)
    for _ in range(6):
        readings = person(random)
        lapses = list(radar.lapses(readings))
        found: dict[tuple[Limits, str, str], Lapse] = {
            (each.limits, each.purpose, each.channel): each for each in lapses
        }
        assert len(found) == len(lapses)
        for sides, pair in product(SIDES, policy.pairs):
            lapse = found.pop((_digested(sides), *pair), None)
            known = not sides[1] or sides[1] in policy.places
            listed = any(_lists(mark, pair, sides) for mark in readings[0].state.permissions)
            if sides != WHOLE and not (known and listed):
                assert lapse is None
                continue
            stands = _stands(_ask(readings, pair, policy, now, sides))
            if lapse is None:
                # Every pair is asked here, those that were asked for as others too.
                assert not stands or _stands(_ask(readings, pair, policy, horizon, sides))
                continue
            assert stands
            assert now < lapse.time <= horizon
            assert _stands(_ask(readings, pair, policy, lapse.time - 1, sides))
            then = _ask(readings, pair, policy, lapse.time, sides)
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
    for _ in range(6):
        readings, time = person(random), Instant(NOON + random.randint(1, 24 * 30) * HOUR)
        topic, place, recipient = random.choice(SIDES)
        sides = (topic, place, "")
        asking = radar.asking_before(readings, time, _digested((topic, place, recipient)))
        told = {pair: _ask(readings, pair, policy, NOON, sides) for pair in pairs}
        assert asking.now == {pair[1] for pair, each in told.items() if each.verdict is Verdict.ALLOW}
        for channel in {pair[1] for pair in pairs}:
            known = [(pair, each) for pair, each in told.items() if pair[1] == channel]
            in_time = any(
                each.verdict is Verdict.ALLOW
                or (each.verdict is Verdict.DEFER and each.not_before < time)
                or _ask(readings, pair, policy, time - 1, sides).verdict is Verdict.ALLOW
                for pair, each in known
            )
            assert (channel in asking.in_time) is in_time
