"""Counting contacts against a cap: exact sliding windows, or calendar days where the rule says so.

A contact counts from its authorisation, unless it was cancelled; one that failed counts only for a
cap on attempts. Shared by gate 9 (legal caps) and gate 10 (the brand's).
"""

from accord.domain import calendar
from accord.domain.case import Case
from accord.domain.policy import CapTerm
from accord.domain.terms import ContactStatus, Instant


def free_at(cap: CapTerm, case: Case, time: Instant) -> Instant:
    """Return 0 when the cap has room at `time`, else the first later instant at which it has."""
    counted: list[Instant] = []
    since = _window_start(cap, case, time)
    for mark in case.contacts:
        if mark.time <= since:
            break
        if mark.status is ContactStatus.CANCELLED or (mark.status is ContactStatus.FAILED and not cap.counts_attempts):
            continue
        if cap.counts(mark.purpose, mark.channel):
            counted.append(mark.time)
            if len(counted) == cap.limit:
                # Room comes back when the oldest of the newest `limit` contacts leaves the window.
                return _leaves(cap, case, mark.time)
    return Instant(0)


def _window_start(cap: CapTerm, case: Case, time: Instant) -> int:
    """Return the instant after which contacts count."""
    if cap.calendar_days:
        return calendar.calendar_days_start(case.where, time, cap.days) - 1
    return time - cap.span


def _leaves(cap: CapTerm, case: Case, time: Instant) -> Instant:
    if cap.calendar_days:
        return calendar.calendar_days_after(case.where, time, cap.days - 1)
    return Instant(time + cap.span)
