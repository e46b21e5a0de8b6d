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
    if mark is None:
        return Reason.RECIPIENT_NOT_NAMED if asked else None
    if not asked and not mark.granted.recipients:
        return None
    return None if asked in mark.granted.recipients else Reason.RECIPIENT_NOT_NAMED
