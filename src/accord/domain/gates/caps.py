"""Counting contacts against a cap: exact sliding windows, or calendar days where the rule says so.

A contact counts from its authorisation, unless it was cancelled; one that failed counts only for a
cap on attempts. Shared by gate 9 (legal caps) and gate 10 (the brand's).
"""

from accord.domain import calendar
from accord.domain.case import Case
from accord.domain.lane import CapTerm
from accord.domain.state import RECORD_BYTES, counted_newest_first, time_at
from accord.domain.terms import NEVER, ContactStatus, Instant

_CANCELLED = ContactStatus.CANCELLED.value
_FAILED = ContactStatus.FAILED.value


def free_at(cap: CapTerm, case: Case, time: Instant) -> Instant:
    """Return 0 when the cap has room at `time`, else the first later instant at which it has."""
    state = case.state
    # As many contacts as the limit must lie in the window, whatever they are of: mostly they do not.
    nth_newest = len(state.contacts) - cap.limit * RECORD_BYTES
    if nth_newest < 0:
        return NEVER
    # Contacts count after an instant: in a sliding window, the one that leaves it now is gone.
    since = calendar.calendar_days_start(case.where, time, cap.days) if cap.calendar_days else time - cap.span + 1
    if time_at(state.contacts, nth_newest) < since:
        return NEVER
    own = case.own_contact.key if case.own_contact else b""
    codes, found = state.codes, 0
    for key, when, _, _, purpose, channel, _, status, _ in counted_newest_first(state, since):
        if status == _CANCELLED or key == own or (status == _FAILED and not cap.counts_attempts):
            continue
        if cap.counts(codes[purpose], codes[channel]):
            found += 1
            if found == cap.limit:
                # Room comes back when the oldest of the newest `limit` contacts leaves the window.
                return _leaves(cap, case, Instant(when))
    return NEVER


def _leaves(cap: CapTerm, case: Case, time: Instant) -> Instant:
    if cap.calendar_days:
        return calendar.calendar_days_after(case.where, time, cap.days - 1)
    return Instant(time + cap.span)
