"""A simulation that asks little finds what asking everything finds, for random customers and random catalogues.

States are drawn directly, not by histories: whatever a state can say, a shortcut must not lose.
"""

from functools import lru_cache
from random import Random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from accord.domain.catalogue import BasisRule, Cap, Catalogue, Channel, CoolDown, DayWindow, Hours, Place
from accord.domain.commands import Question
from accord.domain.decide import decide, examine_question
from accord.domain.decision import Customer, Point
from accord.domain.group import lowest
from accord.domain.packs import EDITIONS
from accord.domain.policy import Policy
from accord.domain.scope import Granted, Refused, code
from accord.domain.simulation import ANYBODY, Change, Ruling, Simulation
from accord.domain.state import (
    NO_STATE,
    Activity,
    ContactMark,
    CustomerState,
    Facts,
    Overlay,
    PermissionMark,
    PointState,
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
from accord.sample.load import sample_catalogue

LAW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
CHANCE = st.randoms(use_true_random=True)
POLICIES = 40
NOON = Instant(1_796_904_000_000_000)
"""Thursday, 10 December 2026, 12:00 UTC."""

PURPOSES = (
    "marketing.newsletter",
    "marketing.birthday",
    "marketing.recommendation",
    "marketing.stay_in_touch.call",
    "marketing.stay_in_touch.letter",
    "marketing.care_plan",
    "offer.nearby",
    "alert.back_in_stock",
    "service.order",
    "service.opt_in_confirmation",
    "legal.terms_change",
    "location.proximity",
    "sharing.partner",
)
CHANNELS = ("email", "sms", "push", "voice", "post", "in_store", "")
BRANCHES = ("", "marketing", "offer", "service", *PURPOSES[:4])
PLACE, TOPIC, PARTNER = "store:lyon", "sku-1", "acme"


@lru_cache
def small() -> Catalogue:
    """Return the sample's catalogue with fewer purposes and channels, so that everything can be asked."""
    it = sample_catalogue()
    known = {each.code: each for each in it.purposes}
    asking = known["marketing.stay_in_touch"]
    return replace(
        it,
        purposes=tuple(replace(known.get(each, asking), code=each) for each in PURPOSES),
        channels=tuple(each for each in it.channels if each.code in CHANNELS),
    )


@lru_cache
def policies(number: int) -> tuple[Policy, Policy]:
    """Return two policies that differ in little, compiled once."""
    random = Random(number)
    it = replace(small(), rules_edition=random.choice(("", EDITIONS[-1])))
    before = _otherwise(random, it, random.randint(0, 2))
    after = _otherwise(random, before, random.randint(1, 2))
    return Policy(before, 1), Policy(after, 2)


def _otherwise(random: Random, it: Catalogue, differences: int) -> Catalogue:
    for _ in range(differences):
        it = replace(it, **_difference(random, it))
    return it


def _difference(random: Random, it: Catalogue) -> dict[str, Any]:
    spoilt = random.randrange(len(it.purposes))
    changed = random.randrange(len(it.channels))
    purpose = replace(it.purposes[spoilt], outside_brand_caps=True, sector=random.choice(("", "energy_renovation")))
    channel = random.choice(
        (
            replace(it.channels[changed], verification_required=True),
            replace(it.channels[changed], contact_point_kind=IdentifierKind.SOCIAL_PROFILE),
        )
    )
    night = (DayWindow("10:00", "14:00"),)
    options: tuple[dict[str, Any], ...] = (
        {"rules_edition": random.choice(("", *EDITIONS))},
        {"country": random.choice(("DE", "CA", "US"))},
        {"caps": (*it.caps, Cap("more", random.randint(1, 2), random.choice((1, 30)), legal=random.random() < 0.5))},
        {"caps": it.caps[1:]},
        {"hours": ()},
        {"hours": (*it.hours, Hours("noon", ("email", "voice"), night, lawful=random.random() < 0.5))},
        {"cool_downs": (CoolDown("rest", CHANNELS[: random.randint(1, 6)], 30),)},
        {"channels": tuple(replace(each, contact_point_kind=IdentifierKind.EMAIL) for each in it.channels)},
        {"purposes": tuple(each for each in it.purposes if each.code != "location.proximity")},
        {"bases": it.bases[1:]},
        {"bases": tuple(replace(each, guardian_below_age=18, purchase_within_days=5) for each in it.bases)},
        {"notices": tuple(replace(each, stale=random.random() < 0.3) for each in it.notices)},
        {"purposes": it.purposes[:spoilt] + it.purposes[spoilt + 1 :]},
        {"purposes": (*it.purposes[:spoilt], purpose, *it.purposes[spoilt + 1 :])},
        {"channels": it.channels[:changed] + it.channels[changed + 1 :]},
        {"channels": (*it.channels[:changed], channel, *it.channels[changed + 1 :])},
        {"channels": (*it.channels, Channel("in_app", IdentifierKind.PUSH_TOKEN))},
        {"places": it.places[:1]},
    )
    return random.choice(options)


def person(random: Random) -> tuple[Customer, ...]:
    """Return a customer under one reading of the facts, or under two as of a group."""
    state = _state(random)
    points = tuple(
        Point(number, kind, _point(random))
        for number, kind in enumerate(random.sample(list(IdentifierKind)[1:], random.randint(0, 5)), start=1)
    )
    readings = [_facts(random) for _ in range(random.choice((1, 1, 1, 2)))]
    return tuple(Customer(replace(state, facts=facts), points) for facts in readings)


def _ago(random: Random, days: int = 100) -> Instant:
    return Instant(NOON - random.randint(1, days * 24) * HOUR)


def _state(random: Random) -> CustomerState:
    """Return any state, or one of somebody who permitted everything and was long silent, or is in the store now."""
    match random.randint(0, 5):
        case 0:
            act = Instant(NOON - random.randint(1050, 1450) * DAY)
            asked = [replace(_contact(random, 2), purpose=random.choice(PURPOSES), time=_ago(random, 30))]
            return with_contacts(replace(NO_STATE, permissions=(_wide(act),)), asked[: random.randint(0, 1)])
        case 1:
            there = Activity(click_time=_ago(random), presence_time=Instant(NOON - 60_000_000))
            return replace(NO_STATE, permissions=(_wide(_ago(random)),), activity=there)
        case _:
            return _any_state(random)


def _wide(act: Instant) -> PermissionMark:
    granted = Granted(PURPOSES, CHANNELS)
    notice = small().notices[0].code
    return PermissionMark(Position(1), act, Instant(act + 1), granted, "web", "ongoing", notice, act)


def _any_state(random: Random) -> CustomerState:
    numbers = iter(range(1, 1000))
    permissions = tuple(_permission(random, next(numbers)) for _ in range(random.randint(0, 3)))
    refusals = tuple(_refusal(random, next(numbers)) for _ in range(random.choice((0, 0, 1, 2))))
    contacts = [_contact(random, next(numbers)) for _ in range(random.choice((0, 0, 1, 3, 6)))]
    state = replace(
        NO_STATE,
        permissions=permissions,
        refusals=refusals,
        activity=random.choice((Activity(), _activity(random))),
        overlays=random.choice(((), (), (Overlay(Position(999), Instant(NOON + DAY)),))),
        restricted=random.random() < 0.03,
    )
    return with_contacts(state, sorted(contacts, key=lambda each: each.time, reverse=True))


def _permission(random: Random, position: int) -> PermissionMark:
    channels = tuple(random.sample(CHANNELS, random.randint(1, 4)))
    act = _ago(random, random.choice((100, 2000)))
    return PermissionMark(
        position=Position(position),
        act_time=act,
        recorded_time=Instant(act + 1),
        granted=Granted(
            purposes=tuple(random.sample(PURPOSES, random.randint(1, 6))),
            channels=channels,
            point=random.choice((0, 0, 0, 1)),
            topics=random.choice(((), (), (code(TOPIC),))),
            places=random.choice(((), (), (PLACE,))),
            recipients=random.choice(((), (), (code(PARTNER),))),
        ),
        touchpoint="web",
        level="ongoing",
        notice=random.choice(small().notices).code,
        valid_from=act,
        valid_until=random.choice((Instant(0), Instant(NOON + random.randint(-5, 5) * DAY))),
        uses=random.choice((0, 0, 0, 1)),
        taken=random.choice((0, 1)),
        pending_until=random.choice((Instant(0), Instant(0), Instant(0), Instant(NOON + DAY))),
        guardian=random.random() < 0.2,
    )


def _refusal(random: Random, position: int) -> RefusalMark:
    act = _ago(random)
    kind = random.choice(tuple(RefusalKind))
    return RefusalMark(
        position=Position(position),
        kind=kind,
        refused=Refused(purpose=random.choice(BRANCHES), channel=random.choice(("", "", *CHANNELS[:4]))),
        act_time=act,
        recorded_time=Instant(act + 1),
        stops=random.random() < 0.2,
        asked_time=random.choice((act, Instant(0))),
    )


def _contact(random: Random, position: int) -> ContactMark:
    return ContactMark(
        key=position.to_bytes(8, "big"),
        time=_ago(random, random.choice((2, 10, 300))),
        position=Position(position),
        permission=None,
        purpose=random.choice(PURPOSES),
        channel=random.choice(CHANNELS[:4]),
        point=1,
        status=random.choice(tuple(ContactStatus)),
    )


def _activity(random: Random) -> Activity:
    return Activity(
        purchase_time=_ago(random, 1500),
        sale_time=random.choice((Instant(0), _ago(random, 1500))),
        sale_position=Position(7),
        enquiry_time=_ago(random, 300),
        click_time=random.choice((Instant(0), _ago(random, 3000))),
        presence_time=random.choice((Instant(0), Instant(NOON - 60_000_000))),
        presence_place=random.choice(("", PLACE)),
    )


def _point(random: Random) -> PointState:
    faults = random.choice(({}, {}, {"bounced": Position(3)}, {"listed": Position(4)}, {"verified": Position(5)}))
    return PointState(**faults, refusals=random.choice(((), (), (_refusal(random, 500),))))


def _facts(random: Random) -> Facts:
    return Facts(
        country=random.choice(("", "FR", "DE", "CA", "US", "JP")),
        region=random.choice(("", "FL", "67")),
        time_zone=random.choice(("", "Europe/Paris", "America/New_York")),
        kind=random.choice((None, *CustomerKind)),
        birth_year=random.choice((0, 1980, 2012)),
        contract_current=random.random() < 0.3,
        paused_until=random.choice((Instant(0), Instant(0), Instant(NOON + DAY))),
    )


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


WIDE = replace(NO_STATE, permissions=(_wide(Instant(NOON - 200 * DAY)),))
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
    silent = replace(NO_STATE, permissions=(_wide(Instant(NOON - 1_150 * DAY)),), facts=FRENCH)
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
