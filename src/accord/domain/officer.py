"""What a privacy officer may record: overlays, restrictions, merges and splits, admitted as events.

Rules. An overlay never rewrites the customer's own entries, and is lifted by the position of the
entry that added it. A restriction ends only after the customer was told (GDPR art. 18(3)). Merging
moves nothing: what a member is given by leaving a group is every refusal, and every overlay, that
came to another member while both were in it.
"""

from collections.abc import Iterable

from msgspec import Struct

from accord.domain.commands import AddOverlay, LiftOverlay, LiftRestriction, Restrict
from accord.domain.decision import Customer
from accord.domain.events import (
    CarriedOverlay,
    CarriedRefusal,
    CustomerRestricted,
    OverlayAdded,
    OverlayLifted,
    RestrictionLifted,
)
from accord.domain.problems import ErrorReason, Problem, Violation, invalid
from accord.domain.state import CustomerState
from accord.domain.terms import Instant, OverlayKind, Position

MAX_GROUP = 16
"""How many customers one group joins at most."""

MAX_OVERLAYS = 100
"""How many overlays stand on one customer at most."""

MAX_OVERLAID = 100
"""How many customers one overlay is added to at once."""


class Carried(Struct, frozen=True):
    """What stays with a member of what came to others while they were merged."""

    refusals: tuple[CarriedRefusal, ...] = ()
    overlays: tuple[CarriedOverlay, ...] = ()


def admit(
    customer: Customer, command: AddOverlay | LiftOverlay | Restrict | LiftRestriction, now: Instant
) -> OverlayAdded | OverlayLifted | CustomerRestricted | RestrictionLifted | Problem:
    """Return what an officer did to one customer as an event, or say why not."""
    match command:
        case AddOverlay():
            return admit_overlay(customer, command, now)
        case LiftOverlay():
            return admit_lift_overlay(customer, command)
        case Restrict():
            return admit_restrict(command)
        case LiftRestriction():
            return admit_lift_restriction(customer, command, now)


def admit_overlay(customer: Customer, command: AddOverlay, now: Instant) -> OverlayAdded | Problem:
    """Return the overlay; a pause by contract ends in the future, the others end when they are lifted."""
    pauses = command.kind is OverlayKind.CONTRACT_PAUSE
    if pauses and command.until <= now:
        return invalid("add.until", "must lie in the future for a pause by contract")
    if command.until and not pauses:
        return invalid("add.until", "must be empty: only a pause by contract ends by itself")
    if len(customer.state.overlays) >= MAX_OVERLAYS:
        fault = Violation("customers", f"bears {MAX_OVERLAYS} overlays already, as many as one customer can")
        metadata = {"field": "customers", "limit": str(MAX_OVERLAYS)}
        return Problem(ErrorReason.CUSTOMER_FULL, "the customer is full", (fault,), metadata)
    return OverlayAdded(kind=command.kind, until=command.until, justification=command.justification)


def admit_lift_overlay(customer: Customer, command: LiftOverlay) -> OverlayLifted | Problem:
    """Return the end of an overlay that stands."""
    if not has_overlay(customer.state, command.overlay):
        fault = Violation("lift.position", "must be the position of an overlay that stands on this customer")
        return Problem(ErrorReason.OVERLAY_UNKNOWN, "no such overlay", (fault,), {"field": "lift.position"})
    return OverlayLifted(overlay=command.overlay, justification=command.justification)


def has_overlay(state: CustomerState, position: Position) -> bool:
    """Say whether the overlay of an entry stands on the customer."""
    return any(each.position == position for each in state.overlays)


def admit_restrict(command: Restrict) -> CustomerRestricted:
    """Return the restriction; one that stands already is recorded again on its own ground."""
    return CustomerRestricted(ground=command.ground, justification=command.justification)


def admit_lift_restriction(customer: Customer, command: LiftRestriction, now: Instant) -> RestrictionLifted | Problem:
    """Return the end of a restriction of which the customer was told."""
    if command.informed_time > now:
        return invalid("lift.informed_time", "must not lie in the future: tell the customer first")
    if not customer.state.restricted or customer.state.erasing:
        fault = Violation("customer", "must be restricted, and not by an erasure that waits")
        return Problem(
            ErrorReason.CUSTOMER_NOT_RESTRICTED, "the customer is not restricted", (fault,), {"field": "customer"}
        )
    return RestrictionLifted(informed_time=command.informed_time, justification=command.justification)


def carried(since_own: Position, others: Iterable[tuple[Position, CustomerState]]) -> Carried:
    """Return what came to the other members since both were merged, for a member who parts from them.

    Each member's position is that of the entry by which they came into the group.
    """
    refusals: list[CarriedRefusal] = []
    overlays: list[CarriedOverlay] = []
    for since_other, state in others:
        since = max(since_own, since_other)
        refusals += [
            CarriedRefusal(
                position=mark.position,
                kind=mark.kind,
                act_time=mark.act_time,
                recorded_time=mark.recorded_time,
                purpose=mark.refused.purpose,
                channel=mark.refused.channel,
                topic=mark.refused.topic,
                place=mark.refused.place,
                recipient=mark.refused.recipient,
                asked_time=mark.asked_time,
            )
            for mark in state.refusals
            if mark.position > since
        ]
        overlays += [
            CarriedOverlay(position=each.position, until=each.until) for each in state.overlays if each.position > since
        ]
    return Carried(tuple(refusals), tuple(overlays))
