"""Every fault of a catalogue is told, once, by its field; a notice once applied keeps its words and lists."""

import pytest
from msgspec.structs import replace
from support.histories import GOLDEN, catalogue_of

from accord.domain.catalogue import (
    BasisRule,
    Cap,
    Catalogue,
    Channel,
    CoolDown,
    DayWindow,
    Hours,
    Level,
    Notice,
    NoticeText,
    Place,
    Purpose,
    Touchpoint,
    examine,
)
from accord.domain.terms import Basis, IdentifierKind, PurposeClass

WORDS = (NoticeText("en", "We write to you."),)
NEWS = Purpose("marketing.newsletter", PurposeClass.MARKETING)
GOOD = Catalogue(
    controller="Boutique",
    country="FR",
    channels=(Channel("email", IdentifierKind.EMAIL),),
    purposes=(NEWS, Purpose("profiling.taste", PurposeClass.PROCESSING)),
    levels=(Level("ongoing"),),
    notices=(Notice("news-1", ("marketing.newsletter",), WORDS, ("email",)),),
    touchpoints=(Touchpoint("till", "ongoing", "news-1"),),
    places=(Place("store:lyon"),),
    bases=(BasisRule("consent", Basis.PERMISSION, PurposeClass.MARKETING),),
    caps=(Cap("weekly", 2, 7),),
    hours=(Hours("calls", ("email",), (DayWindow("10:00", "20:00"),), lawful=True),),
    cool_downs=(CoolDown("silence", ("email",), 60),),
)


def faults(catalogue: Catalogue, before: Catalogue | None = None) -> list[str]:
    return [fault.field for fault in examine(catalogue, before)]


@pytest.mark.parametrize("name", sorted(path.stem for path in (GOLDEN / "catalogues").glob("*.json")))
def test_the_catalogues_of_the_golden_decisions_have_no_fault(name: str) -> None:
    assert faults(catalogue_of(name)) == []


def test_a_good_catalogue_has_no_fault() -> None:
    assert faults(GOOD) == []
    assert faults(GOOD, GOOD) == []


def notice(**told: object) -> tuple[Notice, ...]:
    return (replace(GOOD.notices[0], **told),)


def hours(*windows: DayWindow, lawful: bool = True, **told: object) -> tuple[Hours, ...]:
    return (replace(GOOD.hours[0], windows=windows, lawful=lawful, **told),)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"controller": " "}, "catalogue.controller"),
        ({"country": "France"}, "catalogue.country"),
        ({"country": "fr"}, "catalogue.country"),
        ({"channels": (Channel("E Mail", IdentifierKind.EMAIL), *GOOD.channels)}, "catalogue.channels[0].code"),
        ({"channels": (*GOOD.channels, Channel("email", IdentifierKind.EMAIL))}, "catalogue.channels[1].code"),
        (
            {"channels": (*GOOD.channels, Channel("id", IdentifierKind.CUSTOMER_ID))},
            "catalogue.channels[1].contact_point_kind",
        ),
        (
            {"channels": (*GOOD.channels, *(Channel(f"c{number}", IdentifierKind.EMAIL) for number in range(64)))},
            "catalogue.channels",
        ),
        ({"purposes": (*GOOD.purposes, Purpose("survey", PurposeClass.MARKETING))}, "catalogue.purposes[2].code"),
        ({"purposes": (*GOOD.purposes, NEWS)}, "catalogue.purposes[2].code"),
        (
            {"purposes": (*GOOD.purposes, Purpose("marketing.newsletter.weekly", PurposeClass.MARKETING))},
            "catalogue.purposes[0].code",
        ),
        ({"levels": (*GOOD.levels, Level("ongoing"))}, "catalogue.levels[1].code"),
        ({"levels": (*GOOD.levels, Level("long", valid_days=36_501))}, "catalogue.levels[1].valid_days"),
        (
            {"purposes": (replace(GOOD.purposes[0], refresh_after_days=36_501), *GOOD.purposes[1:])},
            "catalogue.purposes[0].refresh_after_days",
        ),
        ({"levels": (*GOOD.levels, Level("slow", confirmation_hours=8_761))}, "catalogue.levels[1].confirmation_hours"),
        (
            {"levels": (*GOOD.levels, Level("at_once", confirmed_otherwise=True))},
            "catalogue.levels[1].confirmed_otherwise",
        ),
        ({"confirmations_per_address": 21}, "catalogue.confirmations_per_address"),
        ({"confirmation_window_hours": 721}, "catalogue.confirmation_window_hours"),
        (
            {
                "purposes": (*GOOD.purposes, Purpose("service.opt_in", PurposeClass.CONFIRMATION)),
                "notices": notice(purposes=("service.opt_in",)),
            },
            "catalogue.notices[0].purposes",
        ),
        (
            {"bases": (BasisRule("asking", Basis.CONFIRMATION_REQUEST, PurposeClass.MARKETING),)},
            "catalogue.bases[0].basis",
        ),
        ({"notices": notice(purposes=("marketing.unknown",))}, "catalogue.notices[0].purposes[0]"),
        ({"notices": notice(purposes=("marketing",))}, "catalogue.notices[0].purposes[0]"),
        ({"notices": notice(purposes=())}, "catalogue.notices[0].purposes"),
        ({"notices": notice(channels=("fax",))}, "catalogue.notices[0].channels[0]"),
        ({"notices": notice(channels=())}, "catalogue.notices[0].channels"),
        ({"notices": notice(texts=())}, "catalogue.notices[0].texts"),
        ({"notices": notice(texts=(*WORDS, *WORDS))}, "catalogue.notices[0].texts"),
        ({"notices": notice(texts=(NoticeText("English", "x"),))}, "catalogue.notices[0].texts[0].language"),
        ({"notices": notice(texts=(NoticeText("en", " "),))}, "catalogue.notices[0].texts[0].text"),
        ({"notices": notice(texts=(NoticeText("en", "x" * 16_385),))}, "catalogue.notices[0].texts[0].text"),
        ({"touchpoints": (Touchpoint("till", "unknown", "news-1"),)}, "catalogue.touchpoints[0].level"),
        ({"touchpoints": (Touchpoint("till", "ongoing", "unknown"),)}, "catalogue.touchpoints[0].notice"),
        ({"places": (*GOOD.places, Place("Store Lyon"))}, "catalogue.places[1].code"),
        ({"bases": (replace(GOOD.bases[0], channels=("fax",)),)}, "catalogue.bases[0].channels[0]"),
        ({"bases": (replace(GOOD.bases[0], purposes=("sales",)),)}, "catalogue.bases[0].purposes[0]"),
        ({"bases": (replace(GOOD.bases[0], basis=Basis.NONE),)}, "catalogue.bases[0].basis"),
        ({"bases": (replace(GOOD.bases[0], basis=Basis.CLASS),)}, "catalogue.bases[0].basis"),
        (
            {"bases": (replace(GOOD.bases[0], purpose_class=PurposeClass.SERVICE),)},
            "catalogue.bases[0].purpose_class",
        ),
        ({"bases": (*GOOD.bases, *GOOD.bases)}, "catalogue.bases[1].id"),
        ({"caps": (replace(GOOD.caps[0], limit=0),)}, "catalogue.caps[0].limit"),
        ({"caps": (replace(GOOD.caps[0], days=0),)}, "catalogue.caps[0].days"),
        ({"caps": (replace(GOOD.caps[0], days=401),)}, "catalogue.caps[0].days"),
        ({"caps": (replace(GOOD.caps[0], channels=("fax",)),)}, "catalogue.caps[0].channels[0]"),
        ({"caps": (replace(GOOD.caps[0], purposes=("sales",)),)}, "catalogue.caps[0].purposes[0]"),
        ({"hours": hours(DayWindow("10:00", "20:00"), channels=())}, "catalogue.hours[0].channels"),
        ({"hours": hours(DayWindow("10:00", "20:00"), channels=("fax",))}, "catalogue.hours[0].channels[0]"),
        ({"hours": hours()}, "catalogue.hours[0].windows"),
        ({"hours": hours(DayWindow("10:00", "20:60"))}, "catalogue.hours[0].windows[0]"),
        ({"hours": hours(DayWindow("24:00", "24:00"))}, "catalogue.hours[0].windows[0]"),
        ({"hours": hours(DayWindow("10:00", "10:00"))}, "catalogue.hours[0].windows[0]"),
        ({"hours": hours(DayWindow("20:00", "10:00"))}, "catalogue.hours[0].windows[0]"),
        ({"hours": hours(DayWindow("10:00", "20:00", (0,)))}, "catalogue.hours[0].windows[0].days"),
        ({"hours": hours(DayWindow("10:00", "20:00", (8,)))}, "catalogue.hours[0].windows[0].days"),
        (
            {"hours": hours(DayWindow("20:00", "10:00"), lawful=False, closed_on_public_holidays=True)},
            "catalogue.hours[0].closed_on_public_holidays",
        ),
        ({"cool_downs": (CoolDown("silence", (), 60),)}, "catalogue.cool_downs[0].channels"),
        ({"cool_downs": (CoolDown("silence", ("fax",), 60),)}, "catalogue.cool_downs[0].channels[0]"),
        ({"cool_downs": (CoolDown("silence", ("email",), 0),)}, "catalogue.cool_downs[0].days"),
        ({"cool_downs": (CoolDown("silence", ("email",), 401),)}, "catalogue.cool_downs[0].days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_is_told_once(change: dict[str, object], field: str) -> None:
    assert faults(replace(GOOD, **change)) == [field]


def test_an_empty_catalogue_needs_all_that_a_permission_is_made_of() -> None:
    lists = ("channels", "purposes", "levels", "notices", "touchpoints")
    assert faults(Catalogue("Boutique", "FR", (), ())) == [f"catalogue.{each}" for each in lists]


def test_every_fault_is_told_at_once() -> None:
    bad = replace(GOOD, country="", caps=(Cap("weekly", 0, 0),), cool_downs=(CoolDown("silence", (), 0),))
    assert faults(bad) == [
        "catalogue.country",
        "catalogue.caps[0].limit",
        "catalogue.caps[0].days",
        "catalogue.cool_downs[0].channels",
        "catalogue.cool_downs[0].days",
    ]


def test_a_cap_may_look_back_four_hundred_days() -> None:
    assert faults(replace(GOOD, caps=(Cap("yearly", 12, 400),))) == []


def test_quiet_hours_may_pass_midnight_and_a_day_may_end_at_24() -> None:
    assert faults(replace(GOOD, hours=hours(DayWindow("21:00", "08:00"), lawful=False))) == []
    assert faults(replace(GOOD, hours=hours(DayWindow("00:00", "24:00")))) == []


def test_a_notice_of_processing_alone_needs_no_channel() -> None:
    taste = Notice("taste-1", ("profiling.taste",), WORDS)
    assert faults(replace(GOOD, notices=(*GOOD.notices, taste))) == []


@pytest.mark.parametrize(
    ("notices", "field"),
    [
        (notice(texts=(NoticeText("en", "Other words."),)), "catalogue.notices[0]"),
        (notice(texts=(*WORDS, NoticeText("fr", "Nous vous écrivons."))), "catalogue.notices[0]"),
        (notice(purposes=("profiling.taste", "marketing.newsletter")), "catalogue.notices[0]"),
        (notice(code="news-2"), "catalogue.notices"),
    ],
    ids=["words", "language", "purposes", "gone"],
)
def test_a_notice_once_applied_keeps_its_words_and_lists(notices: tuple[Notice, ...], field: str) -> None:
    touchpoints = (Touchpoint("till", "ongoing", notices[0].code),)
    assert faults(replace(GOOD, notices=notices, touchpoints=touchpoints), GOOD) == [field]


def test_a_notice_may_become_stale() -> None:
    assert faults(replace(GOOD, notices=notice(stale=True)), GOOD) == []


def test_a_purpose_keeps_its_class() -> None:
    purposes = (replace(NEWS, purpose_class=PurposeClass.SERVICE), *GOOD.purposes[1:])
    assert faults(replace(GOOD, purposes=purposes), GOOD) == ["catalogue.purposes[0].purpose_class"]


def test_a_purpose_may_be_added_and_taken_away() -> None:
    added = replace(GOOD, purposes=(*GOOD.purposes, Purpose("marketing.survey", PurposeClass.MARKETING)))
    assert faults(added, GOOD) == []
    assert faults(GOOD, added) == []


def test_two_unknown_purposes_of_a_notice_are_two_faults_that_can_be_told_apart() -> None:
    found = examine(replace(GOOD, notices=notice(purposes=("marketing.one", "marketing.two"))), None)
    assert len(found) == len(set(found)) > 0
