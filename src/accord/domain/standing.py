"""Where permissions stand and which contacts a no may still stop: the state, told to people."""

from accord.domain.catalogue import covers
from accord.domain.decision import Customer
from accord.domain.events import PermissionRefused
from accord.domain.policy import Policy
from accord.domain.scope import reaches_all
from accord.domain.state import ContactMark, PermissionMark, PointState, RefusalMark, contacts_newest_first, lifts
from accord.domain.terms import ContactStatus, Instant, PermissionStatus, PurposeClass, RefusalKind


def status_of(mark: PermissionMark, customer: Customer, now: Instant) -> PermissionStatus:
    """Return where a permission stands: what ended it, else what holds it back, else what it waits for, else active.

    WITHDRAWN is what somebody said: a list, or what an erasure left of an address, ends nothing and is SUPPRESSED.
    """
    if mark.pending_until:
        return PermissionStatus.PENDING if now < mark.pending_until else PermissionStatus.EXPIRED
    binding = _binding(mark, customer)
    if any(refusal.kind is not RefusalKind.SUPPRESSED for refusal in binding):
        return PermissionStatus.WITHDRAWN
    if mark.valid_until and mark.valid_until <= now:
        return PermissionStatus.EXPIRED
    if mark.uses and mark.taken >= mark.uses:
        return PermissionStatus.USED_UP
    if binding:
        return PermissionStatus.SUPPRESSED
    return PermissionStatus.NOT_YET_VALID if mark.valid_from > now else PermissionStatus.ACTIVE


def refusals_of(customer: Customer) -> list[tuple[RefusalMark, PointState | None]]:
    """Return every refusal that binds the customer, by position, and the address it binds; None: it binds them all."""
    found: list[tuple[RefusalMark, PointState | None]] = [(mark, None) for mark in customer.state.refusals]
    for point in customer.points:
        found.extend((mark, point.state) for mark in point.state.refusals)
    return sorted(found, key=lambda each: each[0].position)


def open_contacts(customer: Customer, refusal: PermissionRefused, policy: Policy) -> list[ContactMark]:
    """Return the contacts that were authorised, not yet reported, and that the refusal reaches; oldest first.

    Topic and place of a contact are not remembered, so a refusal of one lists them all: too many
    may be stopped, never too few.
    """
    found = [
        mark
        for mark in contacts_newest_first(customer.state)
        if mark.status is ContactStatus.AUTHORIZED
        and (covers(refusal.purpose, mark.purpose) or _asks_for(refusal.purpose, mark, customer))
        and refusal.channel in ("", mark.channel)
        and (not refusal.point or mark.point in (0, refusal.point))
        and _bound(refusal, mark, policy)
    ]
    return found[::-1]


def _asks_for(branch: str, contact: ContactMark, customer: Customer) -> bool:
    """Say whether the contact asks to confirm a permission for something in the branch."""
    asked = [mark.permission for mark in customer.state.confirmations if mark.contact == contact.key]
    marks = (mark for mark in customer.state.permissions if mark.position in asked)
    return any(covers(branch, purpose) for mark in marks for purpose in mark.granted.purposes)


def _binding(mark: PermissionMark, customer: Customer) -> list[RefusalMark]:
    """Return the refusals that reach all of a permission and that it does not lift."""
    marks = list(customer.state.refusals)
    for point in customer.points:
        if point.number == mark.granted.point:
            marks.extend(point.state.refusals)
    return [each for each in marks if reaches_all(each.refused, mark.granted) and not lifts(mark, each)]


def _bound(refusal: PermissionRefused, mark: ContactMark, policy: Policy) -> bool:
    purpose = policy.purposes.get(mark.purpose)
    exempt = {PurposeClass.SERVICE, PurposeClass.LEGAL, PurposeClass.SAFETY}
    return purpose is None or purpose.purpose_class not in exempt or bool(refusal.purpose or refusal.point)
