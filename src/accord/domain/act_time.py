"""When what an entry tells became true: the first of the two clocks, whatever the entry.

An entry of a customer's own tells when they acted; what tells no time of its own (links, facts,
merges, what officers do, contacts as they are authorised) became true when it was recorded. Never
later than that: nothing counts before it is known and true.
"""

from accord.domain.events import (
    ActivityReported,
    ContactPointListed,
    ContactPointReported,
    ContactPointSuppressed,
    ContactReported,
    Event,
    PermissionConfirmed,
    PermissionGranted,
    PermissionRefused,
)
from accord.domain.terms import Instant


def act_time(event: Event, recorded_time: Instant) -> Instant:
    """Return when it happened."""
    return min(_told(event, recorded_time), recorded_time)


def _told(event: Event, recorded_time: Instant) -> Instant:
    match event:
        case PermissionGranted() | PermissionConfirmed() | PermissionRefused():
            return event.evidence.act_time
        case ActivityReported() | ContactPointReported():
            return event.act_time
        case ContactReported():
            return event.outcome_time
        case ContactPointSuppressed():
            return event.erased_time
        case ContactPointListed():
            return event.listed_time
        case _:
            return recorded_time
