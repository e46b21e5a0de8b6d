"""Customers and pairs of policies drawn at random, directly and not by histories: whatever a state can say."""

from functools import lru_cache
from random import Random
from typing import Any

from msgspec.structs import replace

from accord.domain.catalogue import Cap, Catalogue, Channel, CoolDown, DayWindow, Hours
from accord.domain.decision import Customer, Point
from accord.domain.packs import EDITIONS
from accord.domain.policy import Policy
from accord.domain.scope import Granted, Refused, code
from accord.domain.state import (
    NO_STATE,
    Activity,
    ActMark,
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
    ActivityKind,
    ContactStatus,
    CustomerKind,
    IdentifierKind,
    Instant,
    Position,
    RefusalKind,
)
from accord.sample.load import sample_catalogue

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
_FURTHER = sorted(each for each in ActivityKind if f"{each.lower()}_time" not in Activity.__struct_fields__)
"""Acts of which the state keeps a mark, by kind."""


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
            replace(it.channels[changed], one_click_missing=True),
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
            return with_contacts(replace(NO_STATE, permissions=(wide(act),)), asked[: random.randint(0, 1)])
        case 1:
            there = Activity(click_time=_ago(random), presence_time=Instant(NOON - 60_000_000))
            return replace(NO_STATE, permissions=(wide(_ago(random)),), activity=there)
        case _:
            return _any_state(random)


def wide(act: Instant) -> PermissionMark:
    """Return a permission for everything on every channel."""
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
        acts=tuple(ActMark(kind, _ago(random, 1500), Position(8)) for kind in _FURTHER if random.random() < 0.2),
    )


def _point(random: Random) -> PointState:
    faults = random.choice(
        (
            {},
            {},
            {"bounced": Position(3)},
            {"listed": Position(4)},
            {"verified": Position(5)},
            {"unsettled": Position(6)},
        )
    )
    return PointState(**faults, refusals=random.choice(((), (), (_refusal(random, 500),))))


def _facts(random: Random) -> Facts:
    return Facts(
        country=random.choice(("", "FR", "DE", "CA", "US", "JP")),
        region=random.choice(("", "FL", "67")),
        time_zone=random.choice(("", "Europe/Paris", "America/New_York")),
        kind=random.choice((None, *CustomerKind)),
        birth_year=random.choice((0, 1980, 2012)),
        contract_current=random.random() < 0.3,
        membership_current=random.random() < 0.1,
        paused_until=random.choice((Instant(0), Instant(0), Instant(NOON + DAY))),
    )
