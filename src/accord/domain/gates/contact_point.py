"""Gate 2: is the address good? Its facts bind every class; only "unverified", and a reply that nobody settled, do not.

Where the question names no address and the customer has several for the channel, each must be good:
nobody says which will be used. What was given before an address changed hands is another person's:
marketing to it needs a permission of a later date (47 CFR 64.1200(m)), service that it was verified since.
"""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.state import NO_POINT, PointState
from accord.domain.terms import Position, PurposeClass, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny on the first address that is not good."""
    for point in case.points:
        state = point.state
        if state is not NO_POINT:
            for position, reason in _facts(state, case):
                if position:
                    return Finding(Verdict.DENY, reason, positions=(position,))
        if case.lane.verification_required and not state.verified:
            return Finding(Verdict.DENY, Reason.CONTACT_POINT_UNVERIFIED)
    if case.lane.verification_required and not case.points:
        return Finding(Verdict.DENY, Reason.CONTACT_POINT_UNVERIFIED)
    return None


def _facts(state: PointState, case: Case) -> tuple[tuple[Position, Reason], ...]:
    changed_hands = state.reassigned if state.reassigned and not _given_since(state, case) else Position(0)
    return (
        (state.complained, Reason.CONTACT_POINT_COMPLAINED),
        (state.bounced, Reason.CONTACT_POINT_BOUNCED),
        (changed_hands, Reason.CONTACT_POINT_REASSIGNED),
        (state.invalid, Reason.CONTACT_POINT_INVALID),
        (Position(0) if state.unsettled and _serves(case) else state.unsettled, Reason.REPLY_UNSETTLED),
    )


def _serves(case: Case) -> bool:
    """Say whether the contact may answer somebody who wrote: it promotes nothing, and asks for no permission."""
    return case.lane.exempt and case.lane.purpose_class is not PurposeClass.CONFIRMATION


def _given_since(state: PointState, case: Case) -> bool:
    """Say whether the new holder agrees, and leave no permission in the case but those given since."""
    if case.lane.exempt:
        return bool(state.verified)
    # An import tells a date that nobody witnessed.
    case.permissions = [mark for mark in case.permissions if mark.act_time > state.reassigned_time and mark.lifts]
    return bool(case.permissions)
