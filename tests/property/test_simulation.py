"""A simulation that asks little finds what asking everything finds, for random customers and random catalogues.

States are drawn directly, not by histories: whatever a state can say, a shortcut must not lose.
"""

from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from support.drawn import NOON, PARTNER, PLACE, POLICIES, TOPIC, person, policies, small, wide

from accord.domain.alike import ANYBODY
from accord.domain.catalogue import BasisRule, Catalogue, Channel, CoolDown, Place
from accord.domain.commands import Question
from accord.domain.decide import decide, examine_question
from accord.domain.decision import Customer
from accord.domain.group import lowest
from accord.domain.packs import EDITIONS
from accord.domain.policy import Policy
from accord.domain.scope import Refused
from accord.domain.simulation import Change, Ruling, Simulation
from accord.domain.state import (
    NO_STATE,
    Activity,
    ContactMark,
    CustomerState,
    Facts,
    RefusalMark,
    with_contacts,
)
from accord.domain.terms import (
    DAY,
    HOUR,
    Basis,
    ContactStatus,
    CustomerKind,
    IdentifierKind,
    Instant,
    Position,
    PurposeClass,
    RefusalKind,
    Verdict,
)

LAW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
CHANCE = st.randoms(use_true_random=True)


def _everything(
    readings: tuple[Customer, ...], before: Policy, after: Policy, now: Instant, asked: Question
) -> set[Change]:
    """Return the changes by asking every question under both policies."""
    found = set()
    for purpose, channel in {*before.pairs, *after.pairs}:
        question = replace(asked, purpose=purpose, channel=channel)
        rulings = [_ruling(readings, question, policy, now) for policy in (before, after)]
        change = Change(purpose, channel, *rulings)
        known = all(each.verdict for each in rulings)
        if rulings[0] != rulings[1] and (known or change.flips):
            found.add(change)
    return found


def _ruling(readings: tuple[Customer, ...], question: Question, policy: Policy, now: Instant) -> Ruling:
    if examine_question(question, policy) is not None:
        return Ruling()
    decision = lowest([decide(each, question, policy, now) for each in readings])
    return Ruling(decision.verdict, decision.reason)


@LAW
@given(CHANCE)
def test_asking_little_finds_what_asking_everything_finds(random: Random) -> None:
    before, after = policies(random.randrange(POLICIES))
    now = Instant(NOON + random.choice((0, 0, random.randint(0, 24), random.randint(0, 24 * 200))) * HOUR)
    asked = Question(
        customer=ANYBODY,
        purpose="",
        topic=random.choice(("", TOPIC)),
        place=random.choice(("", PLACE)),
        recipient=random.choice(("", PARTNER)),
    )
    simulation = Simulation(before, after, now, asked)
    for _ in range(8):
        readings = person(random)
        found = list(simulation.changes(readings))
        assert len(set(found)) == len(found)
        assert set(found) == _everything(readings, before, after, now, asked)


WIDE = replace(NO_STATE, permissions=(wide(Instant(NOON - 200 * DAY)),))
FRENCH = Facts(country="FR", region="75", kind=CustomerKind.CONSUMER)


def _compare(before: Catalogue, after: Catalogue, state: CustomerState, place: str = "") -> set[tuple[str, str]]:
    """Return the pairs whose answer flips, which must be all there are."""
    policies, person = (Policy(before, 1), Policy(after, 2)), (Customer(state),)
    asked = Question(customer=ANYBODY, purpose="", place=place)
    found = set(Simulation(*policies, NOON, asked).changes(person))
    assert found == _everything(person, *policies, NOON, asked)
    return {(each.purpose, each.channel) for each in found if each.flips}


def test_a_silence_after_a_refusal_is_told_for_its_own_channel() -> None:
    bare = replace(small(), rules_edition="", hours=(), caps=())
    channels = tuple(Channel(code, IdentifierKind.EMAIL) for code in ("email", "sms"))
    resting = replace(bare, channels=channels, cool_downs=(CoolDown("rest", ("email", "sms"), 30),))
    refusal = RefusalMark(
        Position(2),
        RefusalKind.REFUSED,
        Refused(purpose="service", channel="email"),
        Instant(NOON - DAY),
        Instant(NOON - DAY),
        asked_time=Instant(NOON - DAY),
    )
    flips = _compare(resting, replace(resting, cool_downs=()), replace(WIDE, refusals=(refusal,)))
    assert ("marketing.birthday", "email") in flips
    assert ("marketing.birthday", "sms") not in flips


def test_who_was_silent_for_years_may_be_asked_once_and_it_is_told_by_what() -> None:
    silent = replace(NO_STATE, permissions=(wide(Instant(NOON - 1_150 * DAY)),), facts=FRENCH)
    asked = ContactMark(
        b"8" * 8,
        Instant(NOON - 9 * DAY),
        Position(2),
        None,
        "marketing.stay_in_touch.call",
        "post",
        0,
        ContactStatus.SENT,
    )
    before = replace(small(), hours=(), caps=(), rules_edition=EDITIONS[-1])
    after = replace(before, bases=before.bases[1:])
    flips = _compare(before, after, with_contacts(silent, [asked]))
    assert ("marketing.stay_in_touch.letter", "post") in flips
    assert ("marketing.stay_in_touch.call", "post") not in flips


def test_what_permits_to_be_located_counts_for_offers_nearby() -> None:
    there = Activity(click_time=NOON, presence_time=Instant(NOON - 60_000_000), presence_place=PLACE)
    state = replace(WIDE, activity=there, facts=replace(FRENCH, birth_year=2010))
    before = replace(small(), hours=(), caps=(), places=(Place(PLACE),))
    minors = BasisRule("located", Basis.PERMISSION, PurposeClass.PROCESSING, guardian_below_age=18)
    for after in (
        replace(before, bases=(*before.bases, minors)),
        replace(before, purposes=tuple(each for each in before.purposes if each.code != "location.proximity")),
    ):
        assert ("offer.nearby", "in_store") in _compare(before, after, state, PLACE)


@settings(LAW, max_examples=20)
@given(CHANCE)
def test_the_same_catalogue_asks_and_changes_nothing(random: Random) -> None:
    before, _ = policies(random.randrange(POLICIES))
    simulation = Simulation(before, Policy(before.catalogue, 2), NOON)
    assert list(simulation.changes(person(random))) == []
    assert simulation.bound_otherwise() == 0


@pytest.mark.parametrize("before", [Verdict.ALLOW, Verdict.DEFER, Verdict.DENY, None])
def test_what_cannot_be_asked_reads_as_a_no(before: Verdict | None) -> None:
    change = Change("marketing.newsletter", "email", Ruling(before), Ruling())
    assert change.flips is (before in {Verdict.ALLOW, Verdict.DEFER})
