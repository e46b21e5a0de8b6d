"""Hours of the day where the customer is; what is not known takes the most protective answer."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.histories import instant, iso

from accord.domain.calendar import (
    DATA_VERSION,
    FRENCH_TERRITORIES,
    HORIZON_DAYS,
    OpenHours,
    Whereabouts,
    calendar_days_after,
    calendar_days_start,
    candidate_zones,
    countries_of,
    country_known,
    months_after,
    next_open,
    open_until,
    year_of,
    year_start,
    zone_known,
)
from accord.domain.terms import DAY, HOUR, SECOND, Instant

OFFICE = ((600, 780), (840, 1200))
CALLING = OpenHours((OFFICE,) * 5 + ((),) * 2, closed_on_public_holidays=True)
WEEKDAYS = OpenHours((OFFICE,) * 5 + ((),) * 2)
EVERY_DAY = OpenHours((((480, 1260),),) * 7)
NEVER_OPEN = OpenHours(((),) * 7)
ALWAYS_OPEN = OpenHours((((0, 1440),),) * 7)
PARIS = Whereabouts("FR", "", "Europe/Paris", "FR")
REUNION = Whereabouts("RE", "", "", "FR")
UNKNOWN = Whereabouts("", "", "", "FR")


def opens(hours: OpenHours, where: Whereabouts, time: str) -> str:
    return iso(next_open(hours, where, instant(time)))


def at(time: str) -> str:
    return iso(instant(time))


def test_the_data_that_answers_rest_on_is_named() -> None:
    assert DATA_VERSION.startswith("tzdata/2")
    assert " holidays/" in DATA_VERSION


def test_zones_and_countries_are_those_of_the_data() -> None:
    assert zone_known("Indian/Reunion")
    assert not zone_known("Mars/Olympus")
    assert not zone_known("../../etc/passwd")
    assert country_known("RE")
    assert not country_known("XX")
    assert not country_known("")


def test_a_known_time_zone_is_the_only_candidate() -> None:
    assert candidate_zones(Whereabouts("US", "", "Europe/Paris", "FR")) == ("Europe/Paris",)


def test_a_time_zone_nobody_knows_is_as_good_as_none() -> None:
    assert candidate_zones(Whereabouts("RE", "", "Mars/Olympus", "FR")) == ("Indian/Reunion",)


def test_a_country_of_several_zones_gives_each_as_a_candidate() -> None:
    zones = candidate_zones(Whereabouts("US", "", "", "FR"))
    assert {"America/New_York", "Pacific/Honolulu"} <= set(zones)
    assert "Europe/Paris" not in zones


def test_a_french_brand_may_have_customers_overseas() -> None:
    zones = candidate_zones(UNKNOWN)
    assert zones[0] == "Europe/Paris"
    assert len(zones) == 1 + len(FRENCH_TERRITORIES)
    assert {"Indian/Reunion", "America/Martinique", "America/Cayenne"} <= set(zones)


@pytest.mark.parametrize(
    ("region", "zone"),
    [("971", "America/Guadeloupe"), ("972", "America/Martinique"), ("973", "America/Cayenne"),
     ("974", "Indian/Reunion"), ("976", "Indian/Mayotte")],
)  # fmt: skip
def test_an_overseas_department_told_as_a_region_of_france_has_its_own_zone(region: str, zone: str) -> None:
    assert candidate_zones(Whereabouts("FR", region, "", "FR")) == (zone,)


def test_a_brand_from_nowhere_counts_in_utc() -> None:
    assert candidate_zones(Whereabouts("", "", "", "XX")) == ("UTC",)


@pytest.mark.parametrize(
    ("time", "until"),
    [
        ("2026-03-04T09:59:59.999999+01:00", None),
        ("2026-03-04T10:00+01:00", "2026-03-04T13:00+01:00"),
        ("2026-03-04T12:59:59.999999+01:00", "2026-03-04T13:00+01:00"),
        ("2026-03-04T13:00+01:00", None),
        ("2026-03-04T14:00+01:00", "2026-03-04T20:00+01:00"),
        ("2026-03-04T20:00+01:00", None),
        ("2026-03-07T11:00+01:00", None),
        ("2026-03-08T11:00+01:00", None),
    ],
)
def test_an_open_span_ends_where_it_ends(time: str, until: str | None) -> None:
    assert open_until(WEEKDAYS, PARIS, instant(time)) == (instant(until) if until else 0)


def test_the_next_open_instant_is_now_when_it_is_open() -> None:
    assert opens(WEEKDAYS, PARIS, "2026-03-04T10:00+01:00") == at("2026-03-04T10:00+01:00")


def test_the_next_open_instant_passes_the_weekend() -> None:
    assert opens(WEEKDAYS, PARIS, "2026-03-06T20:00+01:00") == at("2026-03-09T10:00+01:00")


def test_hours_that_never_open_have_no_next_instant() -> None:
    assert next_open(NEVER_OPEN, PARIS, instant("2026-03-04T10:00Z")) == 0
    assert next_open(NEVER_OPEN, UNKNOWN, instant("2026-03-04T10:00Z")) == 0


def test_hours_that_have_no_instant_common_to_all_candidates_have_no_next_instant() -> None:
    morning = OpenHours((((480, 540),),) * 7)
    assert next_open(morning, UNKNOWN, instant("2026-03-04T10:00Z")) == 0


def test_an_instant_is_open_only_where_it_is_open_in_every_candidate_zone() -> None:
    assert opens(WEEKDAYS, UNKNOWN, "2026-03-04T10:30+01:00") == at("2026-03-04T14:00Z")
    assert open_until(WEEKDAYS, UNKNOWN, instant("2026-03-04T15:00Z")) == instant("2026-03-04T16:00Z")
    assert open_until(WEEKDAYS, UNKNOWN, instant("2026-03-04T10:30+01:00")) == 0


def test_hours_always_open_never_close_within_days() -> None:
    time = instant("2026-03-04T10:00+01:00")
    assert open_until(ALWAYS_OPEN, PARIS, time) > time + DAY


def test_spans_that_touch_at_midnight_are_one() -> None:
    late = OpenHours((((0, 300), (1380, 1440)),) * 7)
    assert open_until(late, PARIS, instant("2026-03-04T23:30+01:00")) == instant("2026-03-05T05:00+01:00")


@pytest.mark.parametrize(
    ("time", "later"),
    [
        ("2026-03-28T22:00+01:00", "2026-03-29T08:00+02:00"),
        ("2026-10-24T22:00+02:00", "2026-10-25T08:00+01:00"),
    ],
)
def test_hours_follow_the_clock_on_the_wall_when_it_changes(time: str, later: str) -> None:
    assert opens(EVERY_DAY, PARIS, time) == at(later)


def test_an_hour_the_clock_skips_is_neither_open_nor_lost() -> None:
    gap = OpenHours((((120, 240),),) * 7)
    assert opens(gap, PARIS, "2026-03-29T00:00+01:00") == at("2026-03-29T03:00+02:00")
    assert open_until(gap, PARIS, instant("2026-03-29T03:00+02:00")) == instant("2026-03-29T04:00+02:00")


def test_hours_that_lie_within_the_skipped_hour_do_not_open_that_day() -> None:
    gap = OpenHours((((120, 180),),) * 7)
    assert opens(gap, PARIS, "2026-03-29T00:00+01:00") == at("2026-03-30T02:00+02:00")


def test_the_hour_that_comes_twice_is_open_twice() -> None:
    night = OpenHours((((60, 240),),) * 7)
    assert open_until(night, PARIS, instant("2026-10-25T02:30+02:00")) == instant("2026-10-25T04:00+01:00")


@pytest.mark.parametrize(
    ("where", "closed"),
    [
        (Whereabouts("FR", "67", "Europe/Paris", "FR"), True),
        (Whereabouts("FR", "68", "Europe/Paris", "FR"), True),
        (Whereabouts("FR", "57", "Europe/Paris", "FR"), True),
        (Whereabouts("FR", "6AE", "Europe/Paris", "FR"), True),
        (Whereabouts("FR", "75", "Europe/Paris", "FR"), False),
        (Whereabouts("FR", "75C", "Europe/Paris", "FR"), False),
        (Whereabouts("FR", "IDF", "Europe/Paris", "FR"), False),
        (Whereabouts("FR", "2A", "Europe/Paris", "FR"), False),
        (Whereabouts("FR", "", "Europe/Paris", "FR"), True),
        (Whereabouts("", "", "Europe/Paris", "FR"), True),
        (Whereabouts("DE", "BY", "Europe/Berlin", "FR"), True),
        (Whereabouts("RE", "", "Europe/Paris", "FR"), False),
    ],
    ids=str,
)
def test_good_friday_is_a_holiday_where_it_is_one_or_where_the_region_is_not_known(
    where: Whereabouts,
    closed: bool,  # noqa: FBT001
) -> None:
    assert (open_until(CALLING, where, instant("2026-04-03T10:30+02:00")) == 0) is closed


def test_a_day_off_of_a_far_territory_is_no_holiday_in_reunion() -> None:
    """5 March is Missionary Day, in French Polynesia only."""
    assert open_until(CALLING, REUNION, instant("2026-03-05T11:00+04:00")) == instant("2026-03-05T13:00+04:00")


@pytest.mark.parametrize("day", ["2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25",
                                 "2026-07-14", "2026-11-11", "2026-12-25"])  # fmt: skip
def test_french_public_holidays_are_closed(day: str) -> None:
    time = instant(datetime.fromisoformat(f"{day}T11:00").replace(tzinfo=ZoneInfo("Europe/Paris")).isoformat())
    assert open_until(CALLING, PARIS, time) == 0
    assert open_until(WEEKDAYS, PARIS, time) > time


def test_a_country_whose_holidays_nobody_lists_has_none() -> None:
    where = Whereabouts("ZZ", "", "Europe/Paris", "FR")
    assert open_until(CALLING, where, instant("2026-12-25T11:00+01:00")) == instant("2026-12-25T13:00+01:00")


def test_calendar_days_start_at_midnight_and_end_after_as_many_full_days() -> None:
    time = instant("2026-03-04T11:00+01:00")
    assert calendar_days_start(PARIS, time, 1) == instant("2026-03-04T00:00+01:00")
    assert calendar_days_start(PARIS, time, 30) == instant("2026-02-03T00:00+01:00")
    assert calendar_days_after(PARIS, time, 0) == instant("2026-03-05T00:00+01:00")
    assert calendar_days_after(PARIS, time, 60) == instant("2026-05-04T00:00+02:00")


def test_calendar_days_of_an_unknown_zone_start_first_and_end_last() -> None:
    time = instant("2026-03-04T22:00Z")
    assert calendar_days_start(UNKNOWN, time, 1) == instant("2026-03-04T00:00+01:00")
    assert calendar_days_after(UNKNOWN, time, 0) == instant("2026-03-06T00:00+03:00")


def test_a_contact_leaves_a_calendar_window_at_the_instant_it_is_said_to() -> None:
    for where in (PARIS, REUNION, UNKNOWN, Whereabouts("US", "", "", "US")):
        for hour in range(0, 24 * 5, 5):
            contact = Instant(instant("2026-03-27T00:30Z") + hour * HOUR)
            leaves = calendar_days_after(where, contact, 2)
            assert calendar_days_start(where, leaves, 3) > contact
            assert calendar_days_start(where, Instant(leaves - 1), 3) <= contact


def test_months_end_at_the_same_local_time_or_on_the_last_day_the_month_has() -> None:
    for start, months, end in (
        ("2024-02-29T12:00+01:00", 24, "2026-02-28T12:00+01:00"),
        ("2024-02-29T12:00+01:00", 48, "2028-02-29T12:00+01:00"),
        ("2026-08-31T12:00+02:00", 6, "2027-02-28T12:00+01:00"),
        ("2026-01-31T23:59:59.999999+01:00", 1, "2026-02-28T23:59:59.999999+01:00"),
        ("2026-11-30T00:00+01:00", 1, "2026-12-30T00:00+01:00"),
        ("2026-12-15T08:07:06.000005+01:00", 1, "2027-01-15T08:07:06.000005+01:00"),
    ):
        assert iso(months_after(PARIS, instant(start), months)) == at(end)


def test_months_of_an_unknown_zone_end_where_they_end_first() -> None:
    time = instant("2026-01-31T22:30Z")
    assert months_after(UNKNOWN, time, 1) == min(
        months_after(Whereabouts("", "", zone, "FR"), time, 1) for zone in candidate_zones(UNKNOWN)
    )


def test_months_within_a_quarter_of_an_hour_differ_by_what_their_starts_do() -> None:
    for minute in range(24 * 60 * 2):
        start = Instant(instant("2026-01-30T12:00Z") + minute * 60 * SECOND)
        whole = datetime.fromtimestamp(start / SECOND, ZoneInfo("Asia/Kathmandu"))
        day = min(whole.day, 28) if whole.month == 1 else whole.day
        wanted = int(whole.replace(month=whole.month + 1, day=day).timestamp()) * SECOND
        assert months_after(Whereabouts("NP", "", "Asia/Kathmandu", "FR"), start, 1) == wanted


def test_a_zone_is_of_the_country_the_data_gives_it_to() -> None:
    assert countries_of("Indian/Reunion") == ("RE",)
    assert countries_of("America/New_York") == ("US",)
    assert countries_of("Nowhere/Land") == ()
    assert countries_of("") == ()


def test_years_are_those_of_utc() -> None:
    assert year_of(instant("2026-12-31T23:59:59.999999Z")) == 2026
    assert year_of(year_start(2027)) == 2027
    assert iso(year_start(2027)) == at("2027-01-01T00:00Z")


def test_the_horizon_is_ninety_days() -> None:
    opening = OpenHours((((0, 1),), *((),) * 6))
    assert timedelta(days=HORIZON_DAYS) == timedelta(days=90)
    assert opens(opening, PARIS, "2026-03-03T00:00+01:00") == at("2026-03-09T00:00+01:00")
