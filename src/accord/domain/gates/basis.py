"""Gate 6: on what ground? Judges one ground at a time; `candidates` asks for each and takes the best.

A permission counts when it is confirmed, in time, given on a notice that still carries it, and, for
a minor, covered by a guardian too (GDPR art. 8). A soft opt-in rests on a purchase at which the
customer was told and could say no (ePrivacy directive art. 13(2)).
"""

from accord.domain.calendar import months_after, year_start
from accord.domain.case import Case
from accord.domain.catalogue import covers
from accord.domain.decision import Finding
from accord.domain.gates import recipient
from accord.domain.lane import BasisTerm
from accord.domain.state import Listing, PermissionMark
from accord.domain.terms import FAR, NEVER, ActivityKind, Basis, Instant, ListKind, Position, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny when the best ground fails here."""
    ground = case.ground
    reason = ground.fault_at(6)
    return (
        Finding(Verdict.DENY, reason, ground.term.rule if ground.term else None, ground.positions) if reason else None
    )


def in_time(mark: PermissionMark, case: Case) -> bool:
    """Say whether a permission is confirmed, has begun and has not ended. At `valid_until` it no longer covers."""
    return (
        not mark.pending_until and mark.valid_from <= case.now and (not mark.valid_until or case.now < mark.valid_until)
    )


def fault_of_permission(mark: PermissionMark, term: BasisTerm, case: Case) -> Reason | None:
    """Return why the permission does not count now, or None when it does."""
    if mark.pending_until:
        case.changes_at(mark.pending_until)
        return Reason.PENDING_CONFIRMATION if case.now < mark.pending_until else Reason.PENDING_EXPIRED
    if mark.valid_until and mark.valid_until <= case.now:
        return Reason.PERMISSION_EXPIRED
    if mark.valid_until:
        case.changes_at(mark.valid_until)
    if mark.valid_from > case.now:
        case.changes_at(mark.valid_from)
        return Reason.PERMISSION_NOT_YET_VALID
    if not mark.notice:
        return Reason.NO_PROOF
    if mark.notice in case.policy.stale_notices:
        return Reason.NOTICE_STALE
    if term.registry_binds and _listed(case):
        return Reason.REGISTRY_LISTED
    return _guardian_fault(mark, term, case) if term.guardian_below_age else None


def fault_of_ground(term: BasisTerm, case: Case) -> Reason | None:
    """Return why a ground other than a permission does not hold now, or None when it does."""
    if term.registry_binds and _listed(case):
        return Reason.REGISTRY_LISTED
    facts, activity = case.state.facts, case.state.activity
    match term.basis:
        case Basis.SOFT_OPT_IN:
            return _sale_fault(activity.sale_time, term, case)
        case Basis.CURRENT_CONTRACT:
            return None if facts.contract_current else Reason.NO_PERMISSION
        case Basis.LEGITIMATE_INTEREST:
            return _sale_fault(activity.purchase_time, term, case) if term.purchase_within else None
        case Basis.EXISTING_RELATIONSHIP:
            return _relationship_fault(term, case)
        case _:
            return Reason.NO_BASIS


def positions_of_ground(term: BasisTerm, case: Case) -> tuple[Position, ...]:
    """Return the entries a ground other than a permission rests on."""
    match term.basis:
        case Basis.SOFT_OPT_IN:
            return (case.state.activity.sale_position,)
        case Basis.CURRENT_CONTRACT:
            return (case.state.facts.contract_position,)
        case Basis.LEGITIMATE_INTEREST if term.generic_only:
            return tuple(sorted(point.state.generic for point in case.points))
        case Basis.LEGITIMATE_INTEREST if term.published_only:
            return tuple(sorted(point.state.published for point in case.points))
        case Basis.LEGITIMATE_INTEREST if term.purchase_within:
            return (case.state.activity.purchase_position,)
        case Basis.EXISTING_RELATIONSHIP:
            _, position = _since(term, case)
            return (position,) if position else ()
        case _:
            return ()


def _sale_fault(sale_time: Instant, term: BasisTerm, case: Case) -> Reason | None:
    if not sale_time:
        return Reason.NO_PERMISSION
    if not term.purchase_within:
        return None
    end = sale_time + term.purchase_within
    case.changes_at(end)
    return None if case.now < end else Reason.NO_PERMISSION


def _relationship_fault(term: BasisTerm, case: Case) -> Reason | None:
    """Judge by the act the law counts from; a ground that no pack bounds holds for nobody."""
    time, _ = _since(term, case)
    if not time:
        return Reason.NO_PERMISSION
    if time != _RUNS:
        end = months_after(case.where, time, term.months)
        case.changes_at(end)
        if case.now >= end:
            return Reason.NO_PERMISSION
    return _sale_fault(case.state.activity.purchase_time, term, case) if term.purchase_within else None


_RUNS = FAR
"""Of a tie that has not ended: its time does not run yet (CASL s. 10(14))."""


def _since(term: BasisTerm, case: Case) -> tuple[Instant, Position]:
    """Return when the act was from which the law counts, and the entry that told it; 0 for none, or none kept."""
    facts, activity = case.state.facts, case.state.activity
    match term.since:
        case ActivityKind.PURCHASE:
            return activity.purchase_time, activity.purchase_position
        case ActivityKind.ENQUIRY:
            return activity.enquiry_time, Position(0)
        case ActivityKind.MEMBERSHIP_END if facts.membership_current:
            return _RUNS, facts.membership_position
        case _:
            marks = (mark for mark in activity.acts if mark.kind is term.since)
            return next(((mark.time, mark.position) for mark in marks), (NEVER, Position(0)))


def _listed(case: Case) -> bool:
    """Say whether a registry lists an address for this purpose: one told of by name, or by an imported list."""
    purpose = case.lane.purpose
    return any(
        point.state.listed
        or any(each.kind is ListKind.REGISTRY and _names(each, purpose) for each in point.state.listings)
        for point in case.points
    )


def _names(listing: Listing, purpose: str) -> bool:
    return not listing.purposes or any(covers(branch, purpose) for branch in listing.purposes)


def _guardian_fault(mark: PermissionMark, term: BasisTerm, case: Case) -> Reason | None:
    born = case.state.facts.birth_year
    if not born or (mark.guardian and not term.minor_too):
        return None
    # Only the year is known, so the customer is as young as it allows: their birthday is yet to come.
    grown_up = year_start(born + term.guardian_below_age + 1)
    if case.now >= grown_up:
        return None
    case.changes_at(grown_up)
    for other in case.permissions:
        if other.guardian is mark.guardian or other.notice in case.policy.stale_notices:
            continue
        if in_time(other, case) and case.lifts(other) and not recipient.fault(other, case):
            case.changes_at(other.valid_until)
            return None
    return Reason.GUARDIAN_MISSING
