"""Gate 7: a third party must be named in the permission itself; consent does not travel to partners of partners."""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.state import PermissionMark
from accord.domain.terms import Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny when the best ground fails here."""
    ground = case.ground
    reason = ground.fault_at(7)
    return Finding(Verdict.DENY, reason, positions=ground.positions) if reason else None


def fault(mark: PermissionMark | None, case: Case) -> Reason | None:
    """Return why the third party asked about is not covered; a ground without permission names nobody."""
    asked = case.cell.recipient
    named = mark.granted.recipients if mark else ()
    return None if (asked in named if named else not asked) else Reason.RECIPIENT_NOT_NAMED
