"""Hours of the day where the customer is: time zones, public holidays, and their worst case.

Owns the sentence "unknown takes the most protective answer": when the time zone is not known, an
instant is open only if it is open in every zone the customer may live in. Time-zone and holiday
data come from libraries (tzdata, holidays), whose versions every answer names. Pure: the same
arguments and data versions give the same instants; caches only remember. `holidays` is loaded by the
first question about one.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib import metadata, resources
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from accord.domain.terms import DAY, FAR, NEVER, SECOND, Instant

if TYPE_CHECKING:
    from holidays import HolidayBase

HORIZON_DAYS = 90
"""No open instant within this many days is no slot at all."""

FRENCH_TERRITORIES = {"GF": "973", "GP": "971", "MQ": "972", "RE": "974", "YT": "976"}
"""Overseas departments by their ISO 3166-1 code; facts may also tell them as a region of FR, by either code."""

ALSACE_MOSELLE = {"57": ("57",), "67": ("6AE",), "68": ("6AE",), "6AE": ("6AE",), "GES": ("57", "6AE")}
"""Parts of metropolitan France with holidays of their own, as the holiday data names them."""

DATA_VERSION = f"tzdata/{metadata.version('tzdata')} holidays/{metadata.version('holidays')}"
"""The data that answers about hours rest on."""

_MINUTE = 60 * SECOND
_QUARTER = 15 * _MINUTE

_DAYS_AROUND = 10
"""A day before, and more than a week after: hours repeat with the week."""

Span = tuple[Instant, Instant]
Regions = tuple[str | None, ...]


class OpenHours(Struct, frozen=True, eq=False):
    """For each ISO day from Monday, the spans of minutes in which a contact may be made, ascending.

    Told apart by identity: they are made once for each lane and looked up on every check.
    """

    days: tuple[tuple[tuple[int, int], ...], ...]
    closed_on_public_holidays: bool = False


class Whereabouts(Struct, frozen=True, eq=False, gc=False):
    """What is known of where a customer lives; `home_country` is the brand's.

    Told apart by identity, since every check looks it up several times: `whereabouts` gives the one.
    """

    country: str
    region: str
    time_zone: str
    home_country: str


@lru_cache(maxsize=65_536)
def whereabouts(country: str, region: str, time_zone: str, home_country: str) -> Whereabouts:
    """Return the whereabouts that these facts tell."""
    return Whereabouts(country, region, time_zone, home_country)


def zone_known(name: str) -> bool:
    """Say whether a name is an IANA time zone of the data in use."""
    return name in _zones()


def country_known(code: str) -> bool:
    """Say whether a code is a country of the time-zone data in use."""
    return code in _zones_by_country()


def countries_of(zone: str) -> tuple[str, ...]:
    """Return the countries to which the time-zone data gives a zone, by their codes; none for others."""
    return _countries_by_zone().get(zone, ())


@lru_cache(maxsize=4096)
def candidate_zones(where: Whereabouts) -> tuple[str, ...]:
    """Return the zones the customer may live in; one when the facts tell it."""
    if where.time_zone and zone_known(where.time_zone):
        return (where.time_zone,)
    table = _zones_by_country()
    country = _overseas(where) or where.country
    if country in table:
        return table[country]
    territories = FRENCH_TERRITORIES if where.home_country == "FR" else ()
    found = [zone for code in (where.home_country, *territories) for zone in table.get(code, ())]
    return tuple(dict.fromkeys(found)) or ("UTC",)


def open_until(hours: OpenHours, where: Whereabouts, time: Instant) -> Instant:
    """Return when the open span around `time` ends in the first zone to close, or 0 when it is closed in one."""
    first = FAR
    for spans in _spans_by_zone(hours, where, time // DAY):
        for start, end in spans:
            if start <= time < end:
                first = min(first, end)
                break
        else:
            return NEVER
    return first


def next_open(hours: OpenHours, where: Whereabouts, time: Instant) -> Instant:
    """Return the first instant from `time` on that is open in every candidate zone; 0 for none in 90 days."""
    limit = time + HORIZON_DAYS * DAY
    zones = candidate_zones(where)
    while time <= limit:
        if open_until(hours, where, time):
            return time
        time = max(_next_in_zone(hours, where, zone, time) for zone in zones)
    return NEVER


def calendar_days_start(where: Whereabouts, time: Instant, days: int) -> Instant:
    """Return the local midnight that starts `days` calendar days of which `time` lies in the last."""
    return _days_start(where, time // _MINUTE, days)


@lru_cache(maxsize=65_536)
def _days_start(where: Whereabouts, minute: int, days: int) -> Instant:
    # Midnight falls on a whole minute everywhere, so a minute lies in one day.
    time = Instant(minute * _MINUTE)
    return min(_midnight(_local_date(time, zone) - timedelta(days=days - 1), zone) for zone in candidate_zones(where))


def calendar_days_after(where: Whereabouts, time: Instant, days: int) -> Instant:
    """Return the local midnight that ends `days` full calendar days after the day of `time`."""
    return max(_midnight(_local_date(time, zone) + timedelta(days=days + 1), zone) for zone in candidate_zones(where))


def months_after(where: Whereabouts, time: Instant, months: int) -> Instant:
    """Return the same local time so many months later, in the first zone to reach it.

    A day that the month does not have is its last: two years after 29 February end on 28 February.
    """
    quarter, rest = divmod(time, _QUARTER)
    return Instant(_quarter_months_after(where, quarter, months) + rest)


def midnight(day: date, zone: str) -> Instant:
    """Return the instant at which a local day begins."""
    return _midnight(day, zone)


def local(time: Instant, zone: str) -> datetime:
    """Return the local time in an IANA zone, to the second."""
    return datetime.fromtimestamp(time // SECOND, _zone(zone))


def year_of(time: Instant) -> int:
    """Return the calendar year in UTC."""
    return datetime.fromtimestamp(time / SECOND, UTC).year


@lru_cache(maxsize=1024)
def year_start(year: int) -> Instant:
    """Return the first instant of a year in UTC."""
    return Instant(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * SECOND)


def _next_in_zone(hours: OpenHours, where: Whereabouts, zone: str, time: Instant) -> Instant:
    day = time // DAY
    country, regions = _holiday_place(where)
    for offset in range(HORIZON_DAYS + 3):
        for start, end in _spans_around(hours, zone, country, regions, day + offset):
            if time < end:
                return max(start, time)
    return Instant(time + (HORIZON_DAYS + 1) * DAY)


@lru_cache(maxsize=4096)
def _spans_by_zone(hours: OpenHours, where: Whereabouts, utc_day: int) -> tuple[tuple[Span, ...], ...]:
    """Return the open spans that touch a UTC day in each zone the customer may live in: one look for each check."""
    country, regions = _holiday_place(where)
    start, end = utc_day * DAY, (utc_day + 1) * DAY
    return tuple(
        tuple(
            span for span in _spans_around(hours, zone, country, regions, utc_day) if span[0] < end and start < span[1]
        )
        for zone in candidate_zones(where)
    )


@lru_cache(maxsize=65_536)
def _spans_around(hours: OpenHours, zone: str, country: str, regions: Regions, utc_day: int) -> tuple[Span, ...]:
    """Return the open spans of the local days around a UTC day, joined where they touch, ascending."""
    first = date(1970, 1, 1) + timedelta(days=utc_day - 1)
    spans: list[Span] = []
    for offset in range(_DAYS_AROUND):
        day = first + timedelta(days=offset)
        if hours.closed_on_public_holidays and _public_holiday(day, country, regions):
            continue
        for start, end in hours.days[day.isoweekday() - 1]:
            span = (_local_instant(day, start, zone), _local_instant(day, end, zone))
            if spans and span[0] <= spans[-1][1]:
                spans[-1] = (spans[-1][0], span[1])
            elif span[0] < span[1]:
                spans.append(span)
    end = _midnight(first + timedelta(days=_DAYS_AROUND), zone)
    if spans and spans[-1][1] == end and not hours.closed_on_public_holidays:
        # Open through a whole week and more: these hours never close.
        spans[-1] = (spans[-1][0], FAR)
    return tuple(spans)


def _overseas(where: Whereabouts) -> str:
    """Return the code of the French overseas department a customer lives in; empty for elsewhere."""
    if where.country in FRENCH_TERRITORIES:
        return where.country
    if where.country == "FR":
        return next((code for code, number in FRENCH_TERRITORIES.items() if where.region in (code, number)), "")
    return ""


@lru_cache(maxsize=4096)
def _holiday_place(where: Whereabouts) -> tuple[str, Regions]:
    """Return the country, and the regions any of whose holidays counts; None is the country's own."""
    if overseas := _overseas(where):
        return "FR", (FRENCH_TERRITORIES[overseas],)
    country = where.country or where.home_country
    if country != "FR":
        regions = _regions_by_country().get(country, ())
        return country, (where.region,) if where.region in regions else (None, *regions)
    if where.region:
        return "FR", ALSACE_MOSELLE.get(where.region, (None,))
    anywhere = () if where.country else tuple(FRENCH_TERRITORIES.values())
    return "FR", (None, *ALSACE_MOSELLE["GES"], *anywhere)


def _local_instant(day: date, minute: int, zone: str) -> Instant:
    """Return the instant of a local time; one that a clock change skips is read with the offset before the change."""
    day, minute = day + timedelta(days=minute // 1440), minute % 1440
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=_zone(zone))
    return Instant(int(local.timestamp()) * SECOND)


@lru_cache(maxsize=65_536)
def _midnight(day: date, zone: str) -> Instant:
    return _local_instant(day, 0, zone)


@lru_cache(maxsize=65_536)
def _quarter_months_after(where: Whereabouts, quarter: int, months: int) -> int:
    # Days begin and clocks change on whole quarters of an hour everywhere, so what holds for its start holds within.
    return min(_months_after(quarter * _QUARTER, months, zone) for zone in candidate_zones(where))


def _months_after(time: int, months: int, zone: str) -> int:
    local = datetime.fromtimestamp(time / SECOND, _zone(zone))
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return int(local.replace(year=year, month=month + 1, day=day).timestamp()) * SECOND


def _local_date(time: Instant, zone: str) -> date:
    return datetime.fromtimestamp(time / SECOND, _zone(zone)).date()


@lru_cache(maxsize=65_536)
def _public_holiday(day: date, country: str, regions: Regions) -> bool:
    """Say whether a day is a public holiday in one of the regions; a country nobody lists has none."""
    if country not in _regions_by_country():
        return False
    return any(day in _holidays(country, region, day.year) for region in regions)


@cache
def _regions_by_country() -> dict[str, tuple[str, ...]]:
    from holidays import list_supported_countries  # noqa: PLC0415 - see above

    return {country: tuple(regions) for country, regions in list_supported_countries().items()}


@lru_cache(maxsize=4096)
def _holidays(country: str, region: str | None, year: int) -> "HolidayBase":
    from holidays import country_holidays  # noqa: PLC0415 - see above

    return country_holidays(country, subdiv=region, years=year)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    # Read from the tzdata package, never from the machine, so that the version in each answer is the one used.
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=1)
def _countries_by_zone() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for code, names in _zones_by_country().items():
        for name in names:
            table.setdefault(name, []).append(code)
    return {name: tuple(codes) for name, codes in table.items()}


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    text = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            code, _, name, *_ = line.split("\t")
            table.setdefault(code, []).append(name)
    return {code: tuple(names) for code, names in table.items()}
