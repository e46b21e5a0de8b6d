"""Gate 2: is the address good? Its facts bind every class; only "unverified" binds marketing alone.

Where the question names no address and the customer has several for the channel, each must be good:
nobody says which will be used.
"""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.state import NO_POINT, PointState
from accord.domain.terms import Position, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny on the first address that is not good."""
    for point in case.points:
        state = point.state
        if state is not NO_POINT:
            for position, reason in _facts(state):
                if position:
                    return Finding(Verdict.DENY, reason, positions=(position,))
        if case.lane.verification_required and not state.verified:
            return Finding(Verdict.DENY, Reason.CONTACT_POINT_UNVERIFIED)
    if case.lane.verification_required and not case.points:
        return Finding(Verdict.DENY, Reason.CONTACT_POINT_UNVERIFIED)
    return None


def _facts(state: PointState) -> tuple[tuple[Position, Reason], ...]:
    return (
        (state.complained, Reason.CONTACT_POINT_COMPLAINED),
        (state.bounced, Reason.CONTACT_POINT_BOUNCED),
        (state.reassigned, Reason.CONTACT_POINT_REASSIGNED),
        (state.invalid, Reason.CONTACT_POINT_INVALID),
    )
