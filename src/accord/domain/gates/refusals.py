"""Gate 5: the customer's own no. It stands unless a permission on this very cell is later by both clocks.

The lift lasts as long as that permission does: one that expired lifts nothing. One whose uses are
taken still lifts, so that gate 8 can say what happened; it carries no further contact, and neither
does any other ground (`candidates`).
"""

from collections.abc import Sequence

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.gates import basis
from accord.domain.state import RefusalMark
from accord.domain.terms import Reason, RefusalKind, Verdict

_REASONS = {
    RefusalKind.REFUSED: Reason.REFUSED,
    RefusalKind.WITHDRAWN: Reason.WITHDRAWN,
    RefusalKind.OBJECTED: Reason.OBJECTED,
    RefusalKind.SUPPRESSED: Reason.SUPPRESSED,
}


def judge(case: Case) -> Finding | None:
    """Deny with the newest refusal that reaches the cell."""
    if not case.refusals or _lifted(case):
        return None
    return deny(case.refusals)


def deny(refusals: Sequence[RefusalMark]) -> Finding:
    """Deny with the newest of refusals, of which there is one at least."""
    newest = max(refusals, key=lambda mark: mark.position)
    reason = Reason.STOPPED if newest.stops else _REASONS[newest.kind]
    return Finding(Verdict.DENY, reason, positions=(newest.position,))


def _lifted(case: Case) -> bool:
    """Say whether a permission in time lifts every refusal, and note when that may change."""
    lifted = False
    for mark in case.permissions:
        if mark.pending_until or not case.lifts(mark):
            continue
        case.changes_at(mark.valid_from)
        case.changes_at(mark.valid_until)
        lifted = lifted or basis.in_time(mark, case)
    return lifted
