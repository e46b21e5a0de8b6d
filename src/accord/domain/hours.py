"""Turns windows of the day, as people write them, into the minutes of each day in which a contact may be made."""

from collections.abc import Iterable
from typing import TypeAlias

from accord.domain.calendar import OpenHours

Windows: TypeAlias = Iterable[tuple[tuple[int, ...], str, str]]
"""ISO days, none for all; from and until as HH:MM, until past midnight where it is the earlier."""


def open_hours(windows: Windows, *, lawful: bool, closed_on_public_holidays: bool) -> OpenHours:
    """Return the open minutes of each ISO day: inside the windows of lawful hours, outside those of quiet hours."""
    inside: list[set[int]] = [set() for _ in range(7)]
    for days, from_, until in windows:
        start, end = _minute(from_), _minute(until)
        for day in days or range(1, 8):
            if start < end:
                inside[day - 1].update(range(start, end))
            else:
                inside[day - 1].update(range(start, 24 * 60))
                inside[day % 7].update(range(end))
    everything = set(range(24 * 60))
    minutes = inside if lawful else [everything - day for day in inside]
    return OpenHours(
        days=tuple(_spans(sorted(day)) for day in minutes),
        closed_on_public_holidays=closed_on_public_holidays,
    )


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _spans(minutes: list[int]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for minute in minutes:
        if spans and spans[-1][1] == minute:
            spans[-1] = (spans[-1][0], minute + 1)
        else:
            spans.append((minute, minute + 1))
    return tuple(spans)
