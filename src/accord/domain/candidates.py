"""Gates 6 to 8 judge each ground in turn: unlimited permissions first, then the earliest to expire.

The no is given only when no ground passes, and then it is the one of the ground that came furthest:
so a contact-once permission is never burned where an ongoing one covers, and a permission that was
used up says so rather than "nothing permits it".
"""

from accord.domain.case import Case
from accord.domain.gates import basis, recipient, uses
from accord.domain.ground import Ground
from accord.domain.lane import BasisTerm
from accord.domain.state import PermissionMark
from accord.domain.terms import FAR, Basis, Position, Reason

# Bound once: to look a member up costs ten times what a name does, and every check passes here.
_PERMISSION, _NO_PERMISSION = Basis.PERMISSION, Reason.NO_PERMISSION

NO_BASIS = Ground(6, Reason.NO_BASIS)
BY_CLASS = Ground(0)


def best(case: Case) -> Ground:
    """Return the first ground that passes gates 6 to 8, else the one that came furthest."""
    if case.lane.exempt:
        reason = recipient.fault(None, case)
        return Ground(7, reason) if reason else BY_CLASS
    furthest = NO_BASIS
    for term in case.lane.bases:
        if (term.generic_only or term.published_only) and not _suits(term, case):
            continue
        found = _permissions(term, case) if term.basis is _PERMISSION else _other(term, case)
        if not found.gate:
            return found
        if furthest is NO_BASIS or found.gate > furthest.gate or _says_more(found, furthest):
            furthest = found
    return furthest


def _suits(term: BasisTerm, case: Case) -> bool:
    """Say whether every address that may be used is of the kind the ground is for; nobody says which will be."""
    states = [point.state for point in case.points]
    return bool(states) and all(
        (state.generic or not term.generic_only) and (state.published or not term.published_only) for state in states
    )


def _says_more(found: Ground, furthest: Ground) -> bool:
    """Prefer, at the same gate, a fault of something that exists over "nothing permits it"."""
    return found.gate == furthest.gate and furthest.reason is _NO_PERMISSION


def _permissions(term: BasisTerm, case: Case) -> Ground:
    furthest: Ground | None = None
    marks = case.permissions if len(case.permissions) == 1 else sorted(case.permissions, key=_unlimited_first)
    for mark in marks:
        if case.refusals and not case.lifts(mark):
            continue
        found = _permission(mark, term, case)
        if not found.gate:
            return found
        if furthest is None or (found.gate, mark.position) > (furthest.gate, furthest.positions[0]):
            furthest = found
    return furthest or Ground(6, _NO_PERMISSION, term)


def _permission(mark: PermissionMark, term: BasisTerm, case: Case) -> Ground:
    positions = (mark.position,)
    if reason := basis.fault_of_permission(mark, term, case):
        return Ground(6, reason, term, mark, positions)
    if (case.cell.recipient or mark.granted.recipients) and (reason := recipient.fault(mark, case)):
        return Ground(7, reason, term, mark, positions)
    if mark.uses and (reason := uses.fault(mark, case)):
        return Ground(8, reason, term, mark, positions)
    return Ground(0, None, term, mark, positions)


def _other(term: BasisTerm, case: Case) -> Ground:
    if case.refusals:
        # Only a permission lifts a refusal; a sale or a contract does not.
        return Ground(6, _NO_PERMISSION, term)
    if reason := basis.fault_of_ground(term, case):
        return Ground(6, reason, term)
    if reason := recipient.fault(None, case):
        return Ground(7, reason, term)
    return Ground(0, None, term, None, basis.positions_of_ground(term, case))


def _unlimited_first(mark: PermissionMark) -> tuple[bool, int, Position]:
    return (mark.uses > 0, mark.valid_until or FAR, mark.position)
