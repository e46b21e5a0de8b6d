"""What an entry counts as in a report over time: its measure, its period, and the sides it is split by.

Counts name nobody: catalogue codes and days only. What names several purposes or channels counts once under
each, so rows that are split do not add up to how many entries there are. Pure.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from itertools import product

from msgspec import Struct

from accord.domain.events import ContactAuthorized, PermissionConfirmed, PermissionGranted, PermissionRefused
from accord.domain.terms import RefusalKind


class Measure(StrEnum):
    """What is counted. SAID_NO: a refusal whose key is gone, so that which no it was is not known."""

    GIVEN = "GIVEN"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    OBJECTED = "OBJECTED"
    SAID_NO = "SAID_NO"
    AUTHORIZED = "AUTHORIZED"
    DENIED = "DENIED"


class Period(StrEnum):
    """Over what time counts are put together; weeks begin on Monday (ISO 8601)."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Dimension(StrEnum):
    """What counts are split by."""

    TOUCHPOINT = "TOUCHPOINT"
    CHANNEL = "CHANNEL"
    PURPOSE = "PURPOSE"
    NOTICE = "NOTICE"
    REASON = "REASON"


class Cell(Struct, frozen=True, order=True, gc=False):
    """What a count is of. A side that was not asked for is empty, and so is one that there is none of."""

    start: date
    measure: Measure
    touchpoint: str = ""
    channel: str = ""
    purpose: str = ""
    notice: str = ""
    reason: int = 0


class Sides(Struct, frozen=True, gc=False):
    """What one entry says of each dimension; no purposes or channels stand for all, or none."""

    touchpoint: str = ""
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    notice: str = ""
    reason: int = 0


MEASURES = {
    PermissionGranted.__name__: Measure.GIVEN,
    PermissionConfirmed.__name__: Measure.CONFIRMED,
    PermissionRefused.__name__: Measure.SAID_NO,
    ContactAuthorized.__name__: Measure.AUTHORIZED,
}
"""What an entry counts as by its type alone, which its leaf shows."""

OF_REFUSAL = {
    RefusalKind.REFUSED: Measure.REFUSED,
    RefusalKind.WITHDRAWN: Measure.WITHDRAWN,
    RefusalKind.OBJECTED: Measure.OBJECTED,
}
"""What a refusal that somebody said counts as; its kind is sealed. Nobody says SUPPRESSED."""


def start_of(day: date, period: Period) -> date:
    """Return the first day of the period that a day lies in."""
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)


def cells(start: date, measure: Measure, sides: Sides, dimensions: frozenset[Dimension]) -> Iterator[Cell]:
    """Yield every cell that one entry is counted in."""
    channels = sides.channels if Dimension.CHANNEL in dimensions else ()
    purposes = sides.purposes if Dimension.PURPOSE in dimensions else ()
    touchpoint = sides.touchpoint if Dimension.TOUCHPOINT in dimensions else ""
    notice = sides.notice if Dimension.NOTICE in dimensions else ""
    reason = sides.reason if Dimension.REASON in dimensions else 0
    for channel, purpose in product(channels or ("",), purposes or ("",)):
        yield Cell(start, measure, touchpoint, channel, purpose, notice, reason)
