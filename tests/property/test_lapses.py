"""Every lapse told is one, and none that stands at the horizon is left out, for random customers and catalogues."""

from random import Random

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from support.drawn import NOON, POLICIES, person, policies

from accord.domain.alike import ANYBODY
from accord.domain.commands import Question
from accord.domain.decide import decide
from accord.domain.decision import Customer, Decision
from accord.domain.group import lowest
from accord.domain.lapse import ASKING, Lapse, Radar
from accord.domain.policy import Policy
from accord.domain.terms import DAY, HOUR, Instant, Reason, Verdict

LAW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def _ask(readings: tuple[Customer, ...], pair: tuple[str, str], policy: Policy, time: int) -> Decision:
    question = Question(customer=ANYBODY, purpose=pair[0], channel=pair[1])
    return lowest([decide(each, question, policy, Instant(time)) for each in readings])


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
        found: dict[tuple[str, str], Lapse] = {(each.purpose, each.channel): each for each in lapses}
        assert len(found) == len(lapses)
        for pair in policy.pairs:
            stands = _stands(_ask(readings, pair, policy, now))
            lapse = found.get(pair)
            if lapse is None:
                # Every pair is asked here, those that were asked for as others too.
                assert not stands or _stands(_ask(readings, pair, policy, horizon))
                continue
            assert stands
            assert now < lapse.time <= horizon
            assert _stands(_ask(readings, pair, policy, lapse.time - 1))
            then = _ask(readings, pair, policy, lapse.time)
            assert (then.verdict, then.reason) == (Verdict.DENY, lapse.reason)
            assert lapse.reason is not Reason.PENDING_CONFIRMATION


@settings(LAW, max_examples=20)
@given(st.randoms(use_true_random=True))
def test_who_may_be_asked_is_who_may_be_contacted_to_be_asked(random: Random) -> None:
    policy = random.choice(policies(random.randrange(POLICIES)))
    radar = Radar(policy, NOON, Instant(NOON + 30 * DAY))
    pairs = [pair for pair in policy.pairs if pair[0].startswith(ASKING)]
    assert list(radar.asking) == pairs
    for _ in range(6):
        readings, time = person(random), Instant(NOON + random.randint(1, 24 * 30) * HOUR)
        asking = radar.asking_before(readings, time)
        told = {pair: _ask(readings, pair, policy, NOON) for pair in pairs}
        assert asking.now == {pair[1] for pair, each in told.items() if each.verdict is Verdict.ALLOW}
        for channel in {pair[1] for pair in pairs}:
            known = [(pair, each) for pair, each in told.items() if pair[1] == channel]
            in_time = any(
                each.verdict is Verdict.ALLOW
                or (each.verdict is Verdict.DEFER and each.not_before < time)
                or _ask(readings, pair, policy, time - 1).verdict is Verdict.ALLOW
                for pair, each in known
            )
            assert (channel in asking.in_time) is in_time
