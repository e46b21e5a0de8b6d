"""Rule packs: what a pack may say, what is said when it is wrong, and that an edition never changes."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest
from support.histories import Act as Told
from support.histories import Asked, History, Step, ToldFacts, catalogue_of, instant
from support.make_rules_page import PAGE, page

from accord.domain import packs
from accord.domain.calendar import country_known
from accord.domain.catalogue import Catalogue, examine
from accord.domain.explain import Explainer
from accord.domain.jurisdiction import places
from accord.domain.lane import Assumed
from accord.domain.pack_reading import PackError, read_pack
from accord.domain.packs import EDITIONS, Edition, edition
from accord.domain.rules import CHANNELS
from accord.domain.terms import Verdict
from accord.domain.words import LANGUAGES

NEWEST = edition(EDITIONS[-1])
DIGESTS = {"2026-11": "14278b5dd0483ad12b66a6a8eb8d0aee7851669e16e2dc62008189d405184d7f"}
"""SHA-256 of each edition, file by file in the order of their names. An edition that was released keeps its digest."""

GOOD = """
jurisdiction = "xx"
title = "Nowhere"
title_fr = "Nulle part"
time_zone = "Europe/Paris"
within = "eu"
countries = ["XX"]
[[rules]]
id = "xx.rule"
kind = "cap"
limit = 4
days = 30
channels = ["voice"]
legal_source = "a law"
reviewed = true
en = "Four."
fr = "Quatre."
"""


def faults(text: str) -> str:
    with pytest.raises(PackError) as raised:
        read_pack(text.encode())
    return str(raised.value)


def test_a_good_pack_is_read() -> None:
    assert read_pack(GOOD.encode()).rules[0].id == "xx.rule"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('jurisdiction = "xx"', 'jurisdiction = "X X"', "jurisdiction must be a short code"),
        ('"Nulle part"', '" "', "title_fr is required"),
        ("Europe/Paris", "Europe/Lutetia", "time_zone must be an IANA time zone"),
        ('["XX"]', '["Nowhere"]', "countries[0] must be an ISO 3166-1 alpha-2 code"),
        ('countries = ["XX"]', "", "countries must name countries, or `elsewhere` or `everywhere`"),
        ('countries = ["XX"]', 'countries = ["XX", "YY"]\nregions = ["A"]', "regions must be parts of the one country"),
        ("xx.rule", "yy.rule", "rules[0].id must be xx. and a name"),
        ('"a law"', '" "', "rules[0].legal_source is required"),
        ('"Quatre."', '""', "rules[0].fr is required"),
        ("limit = 4", "limit = 0", "rules[0].limit must be at least 1"),
        ("days = 30", "days = 401", "in 1 to 400 days"),
        ('["voice"]', '["telegraph"]', "rules[0].channels[0] must be one of: email"),
        ("days = 30", "days = 30\nhours = 3", "Object contains unknown field `hours`"),
        ('kind = "cap"', 'kind = "ban"', "Invalid value 'ban'"),
        ("limit = 4\n", "", "Object missing required field `limit`"),
        ("limit = 4", "limit = ", "is no TOML"),
        ("days = 30", "days = 30\neffective_from = 2026-02-30", "is no TOML"),
        (
            "days = 30",
            "days = 30\neffective_from = 2026-08-11\neffective_to = 2026-08-11",
            "rules[0].effective_to must be later than effective_from",
        ),
        ("days = 30", 'days = 30\nreplaces = ["fr.rule"]', "rules[0].replaces[0] must name a rule of the jurisdiction"),
    ],
)
def test_a_pack_at_fault_says_where_and_what_is_allowed(old: str, new: str, told: str) -> None:
    assert old in GOOD
    assert told in faults(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("kind", "parameters", "told"),
    [
        ("ground", 'basis = "CLASS"', "basis must be a ground that needs a rule"),
        ("ground", 'basis = "PERMISSION"\nmonths = 3', "months and `since` are told together"),
        ("ground", 'basis = "PERMISSION"\nsince = "CLICK"\nmonths = 3', "since must be one of: PURCHASE, ENQUIRY, "),
        ("ground", 'basis = "PERMISSION"\nsector = "toys"', "sector must be one of: energy_renovation, press"),
        ("minors", "below_age = 31", "below_age must be 1 to 30 years"),
        ("hours", "windows = []", "windows needs at least one window"),
        ("hours", 'otherwise = "calls"\nwindows = []', "otherwise must be a leaf purpose such as calls.other_hours"),
        ("hours", 'windows = [{ from = "20:00", until = "8:00" }]', "windows[0] needs `from` before `until`"),
        ("hours", 'windows = [{ from = "08:00", until = "20:00", days = [8] }]', "ISO days 1 to 7"),
        ("cool_down", "days = 0", "days must be 1 to 400"),
        ("inactivity", 'months = 0\nasking = "marketing.again"', "months must be at least 1"),
        ("presence", 'minutes = 0\ntracking = "location.proximity"', "minutes must be at least 1"),
        ("spread", 'said_on = ["telegraph"]', "said_on[0] must be one of"),
        ("answer", 'reasons = ["BORED"]', "reasons[0] must be a reason of decisions"),
        ("reply", 'meaning = "UNCLEAR"', "meaning must be WITHDRAWAL, HELP or NOTHING"),
        ("reply", 'meaning = "HELP"\nwithin = ["help me"]', "alone is told by a rule that withdraws nothing"),
        ("reply", 'meaning = "HELP"\nalone = ["Arrêt !"]', "alone[0] must be written as replies are read: arret"),
        (
            "reply",
            'meaning = "WITHDRAWAL"\nunless = ["..."]',
            "unless[0] must be written as replies are read: in letters",
        ),
        ("duty", 'starts = "a refusal"', "must tell one of years, days and business_days"),
        ("duty", 'starts = "a refusal"\ndays = 1\nyears = 1', "must tell one of years, days and business_days"),
    ],
)
def test_a_parameter_at_fault_says_what_is_allowed(kind: str, parameters: str, told: str) -> None:
    text = GOOD.replace('kind = "cap"\nlimit = 4\ndays = 30\n', f'kind = "{kind}"\n{parameters}\n')
    assert told in faults(text)


def test_a_rule_stands_once_in_its_pack() -> None:
    rule = GOOD[GOOD.index("[[rules]]") :]
    assert "rules[1].id xx.rule stands twice" in faults(GOOD + rule)


def test_packs_that_do_not_fit_together_are_no_edition() -> None:
    pack = read_pack(GOOD.replace("days = 30", 'days = 30\nreplaces = ["eu.nothing"]').encode())
    with pytest.raises(PackError, match=r"xx\.within names no pack of the edition: eu; xx\.rule\.replaces"):
        Edition("made-up", (pack,))


@pytest.mark.parametrize("name", EDITIONS)
def test_an_edition_keeps_every_byte(name: str) -> None:
    folder = Path(str(resources.files(packs))) / name
    whole = b"".join(path.name.encode() + b"\n" + path.read_bytes() for path in sorted(folder.glob("*.toml")))
    assert hashlib.sha256(whole).hexdigest() == DIGESTS[name]


def test_every_country_a_pack_names_exists_and_has_one_pack() -> None:
    named = [country for pack in NEWEST.packs.values() if not pack.regions for country in pack.countries]
    national = [each for each in named if named.count(each) == 2]
    assert all(country_known(country) for country in named)
    # Countries with a pack of their own stand in the wider pack as well.
    assert set(national) == {"DE", "FR", "GF", "GP", "MQ", "RE", "YT"}
    assert max(named.count(each) for each in named) == 2


def test_the_page_of_rules_is_made_from_the_packs() -> None:
    assert PAGE.read_text("utf-8") == page()


# --- which packs bind ---------------------------------------------------------------------------------


def found(country: str = "", region: str = "", time_zone: str = "", home: str = "FR") -> list[str]:
    where = places(NEWEST, country, region, time_zone, home)
    return ["+".join(pack.jurisdiction for pack in place if not pack.everywhere) for place in where.candidates]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"country": "FR"}, ["eu+fr"]),
        ({"country": "FR", "region": "974"}, ["eu+fr"]),
        ({"country": "RE"}, ["eu+fr"]),
        ({"country": "DE", "region": "BY"}, ["eu+de"]),
        ({"country": "ES"}, ["eu"]),
        ({"country": "NO"}, ["eu"]),
        ({"country": "CH"}, ["elsewhere"]),
        ({"country": "AU", "region": "NSW"}, ["elsewhere+au"]),
        ({"country": "GB"}, ["uk"]),
        ({"country": "CA", "region": "QC"}, ["ca"]),
        ({"country": "US", "region": "NY"}, ["us"]),
        ({"country": "US", "region": "FL"}, ["us+us_fl"]),
        ({"country": "US", "region": "us-fl"}, ["us+us_fl"]),
        ({"country": "US"}, ["us", "us+us_fl"]),
        ({"country": "US", "region": "Florida, I think"}, ["us", "us+us_fl"]),
        ({"country": "PR"}, ["us"]),
        ({}, ["eu+fr"]),
        ({"home": "US"}, ["us", "us+us_fl"]),
        ({"home": "JP"}, ["elsewhere+jp"]),
        ({"time_zone": "Europe/Paris"}, ["eu+fr"]),
        ({"time_zone": "Europe/London"}, ["eu+fr", "uk"]),
        ({"time_zone": "America/Toronto"}, ["eu+fr", "ca"]),
        ({"time_zone": "Indian/Reunion"}, ["eu+fr"]),
    ],
)
def test_where_a_customer_lives_says_which_packs_bind(facts: dict[str, str], told: list[str]) -> None:
    assert found(**facts) == told


def test_what_was_taken_for_want_of_facts_is_said() -> None:
    assert places(NEWEST, "FR", "", "", "FR").assumed is None
    assert places(NEWEST, "", "", "", "FR").assumed == Assumed("country", ("fr",))
    assert places(NEWEST, "US", "", "", "FR").assumed == Assumed("region", ("us", "us_fl"))


# --- catalogues under an edition ----------------------------------------------------------------------


def told(**sides: object) -> Catalogue:
    return catalogue_of({"extends": "law", **sides})


def test_a_catalogue_names_an_edition_that_exists_and_never_goes_back() -> None:
    law, none = told(), catalogue_of("boutique")
    assert examine(law, None) == ()
    with pytest.raises(AssertionError, match=r"rules_edition.*must be one of: 2026-11"):
        told(rules_edition="1999-01")
    fields = [(each.field, each.description) for each in examine(none, law)]
    assert ("catalogue.rules_edition", "is gone; a brand under rule packs stays under them") in fields


def test_under_an_edition_channels_are_those_the_law_tells_apart() -> None:
    with pytest.raises(AssertionError, match=rf"channels\[0\]\.code.*{CHANNELS[0]}, {CHANNELS[1]}"):
        told(channels=[{"code": "pigeon", "contact_point_kind": "POSTAL_ADDRESS"}])


def test_a_catalogue_may_be_stricter_than_the_law() -> None:
    hours = [{"id": "late", "channels": ["sms"], "lawful": True, "windows": [{"from": "09:00", "until": "10:00"}]}]
    history = History({"extends": "law", "country": "US", "hours": hours}).tell(_american())
    at_eight = history.ask(_TEXT, "2026-09-02T08:30-04:00").decision
    at_nine = history.ask(_TEXT, "2026-09-02T09:30-04:00").decision
    assert at_eight is not None
    assert at_nine is not None
    assert (at_eight.verdict, at_eight.not_before) == (Verdict.DEFER, instant("2026-09-02T09:00-04:00"))
    assert at_nine.verdict is Verdict.ALLOW


def test_a_catalogue_is_never_laxer_than_the_law() -> None:
    hours = [{"id": "all_day", "channels": ["sms"], "lawful": True, "windows": [{"from": "00:00", "until": "24:00"}]}]
    bases = [{"id": "anyone", "basis": "LEGITIMATE_INTEREST", "purpose_class": "MARKETING"}]
    history = History({"extends": "law", "country": "US", "hours": hours}).tell(_american())
    late = history.ask(_TEXT, "2026-09-02T23:00-04:00").decision
    assert late is not None
    assert late.verdict is Verdict.DEFER
    history = History({"extends": "law", "country": "US", "bases": bases}).tell(_american()[:2])
    anyone = history.ask(_TEXT, "2026-09-02T12:00-04:00").decision
    assert anyone is not None
    assert anyone.verdict is Verdict.DENY


def test_the_trace_says_which_law_was_taken_for_want_of_facts() -> None:
    history = History("law").tell(_american()[1:])
    whole = history.ask(_TEXT, "2026-09-02T12:00+02:00", full=True).decision
    assert whole is not None
    assert whole.trace[0].assumed == Assumed("country", ("fr",))
    english, french = (Explainer(whole, language).step(whole.trace[0]) for language in LANGUAGES)
    assert english == "lets it pass; the country is unknown: the rules of France all count"
    assert french == (
        "laisse passer\u202f; le pays est inconnu\xa0: les règles de tous ces territoires comptent (France)"
    )


_TEXT = Asked(customer="ada", channel="sms", purpose="marketing.newsletter")


def _american() -> list[Step]:
    time = "2026-01-05T09:00Z"
    facts = ToldFacts(customer="ada", country="US", region="NY", time_zone="America/New_York")
    return [
        Step(time=time, facts=facts),
        Step(time=time, link=Told(customer="ada", contact_point="phone:+33612345678")),
        Step(time=time, grant=Told(customer="ada", at="web_form")),
    ]
