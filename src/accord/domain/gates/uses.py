"""Gate 8: contact once, N uses. A contact judged anew keeps the use it holds."""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.fold import HOLDING
from accord.domain.state import PermissionMark
from accord.domain.terms import ContactStatus, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny when this very contact was reported already, or the best ground has no use left."""
    own = case.own_contact
    if own is not None and own.status is not ContactStatus.AUTHORIZED:
        return Finding(Verdict.DENY, Reason.CONTACT_ALREADY_REPORTED, positions=(own.position,))
    ground = case.ground
    reason = ground.fault_at(8)
    return Finding(Verdict.DENY, reason, positions=ground.positions) if reason else None


def fault(mark: PermissionMark | None, case: Case) -> Reason | None:
    """Return why the permission has no use left, or None when it has."""
    if mark is None or not mark.uses:
        return None
    own = case.own_contact
    held = int(own is not None and own.permission == mark.position and own.status in HOLDING)
    return None if mark.taken - held < mark.uses else Reason.USED_UP
