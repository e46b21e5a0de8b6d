"""May a customer be asked to confirm? The request for a consent is itself a contact, and is judged as one.

Its ground is the pending permission it names, and nothing else; it goes to that permission's own
address, on one of its channels. The floor, the facts of the address, overlays, and every no that is
newer than the act bind it. It takes no use and no place under the caps of marketing: its own cap
counts what one address is asked, whoever asks, since whoever types an address into a form may not be
its holder. One contact asks for one confirmation; asked anew, it gets a new token, and the earlier one
no longer counts.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.admit import Authorization, contact_id_reused, permission_unknown
from accord.domain.case import Case
from accord.domain.commands import AuthorizeContact, Question
from accord.domain.decide import ORDER, examine_question
from accord.domain.decision import Customer, Decision, Finding, Point, Step
from accord.domain.events import ContactAuthorized
from accord.domain.fold import HOLDING, confirmation_of, find_contact
from accord.domain.full_view import completed
from accord.domain.gates import contact_point, floor, overlays, refusals, resolve, uses
from accord.domain.group import lowest
from accord.domain.lane import Rule
from accord.domain.policy import Policy
from accord.domain.problems import Problem, Violation, invalid, invalid_fields
from accord.domain.remedies import Trial, Tried
from accord.domain.scope import Cell, code, confirms_code, reaches_all, refuses
from accord.domain.state import (
    NO_POINT,
    ConfirmationMark,
    ContactMark,
    PermissionMark,
    RefusalMark,
    contacts_newest_first,
    lifts,
)
from accord.domain.terms import (
    HOUR,
    NEVER,
    Basis,
    ContactStatus,
    Instant,
    Obligation,
    Position,
    PurposeClass,
    Reason,
    Verdict,
)

RULE = Rule("accord:confirmation_request", "GDPR art. 7(1); BGH, 10 February 2011, I ZR 164/09")
CAP = Rule("catalogue:confirmations_per_address")

_ANOTHER_CONTACT = b"another"
"""A key that no contact has: keys are eight bytes."""

_OBLIGATIONS = (Obligation.NO_ADVERTISING, Obligation.IDENTIFY_BRAND, Obligation.REPORT_CONTACT)


class _Asking(Struct, frozen=True):
    """One request before the gates: the permission that waits, what its confirmation rests on, the contact."""

    mark: PermissionMark
    confirmation: ConfirmationMark
    key: bytes
    case: Case


def authorize(  # noqa: PLR0913 - a contact has this many sides
    customer: Customer | None,
    command: AuthorizeContact,
    policy: Policy,
    now: Instant,
    token_sha256: bytes,
    *,
    others: Sequence[Customer] = (),
    seen: bool = False,
    full: bool = False,
) -> Authorization | Problem:
    """Judge and count the contact that asks for a confirmation; an ALLOW makes `token_sha256` the one that counts.

    `others` are the same customer under other readings of the facts, where they are merged; the lowest
    answer stands. `seen`: the ledger knows this contact of this customer, even if the state no longer
    remembers it.
    """
    question = command.question
    if problem := examine_question(question, policy) or _question_fault(question, policy):
        return problem
    mark = _permission(customer, command.confirms)
    if customer is None or mark is None:
        return permission_unknown("confirms_position")
    if problem := _permission_fault(mark, customer, question, policy):
        return problem
    own = find_contact(customer.state, command.contact_id)
    key = code(command.contact_id)
    asked = (question.purpose, question.channel, confirms_code(mark.position))
    if seen and (own is None or (own.purpose, own.channel, own.asked) != asked):
        return contact_id_reused()
    decision = _answered((customer, *others), mark, (key, own), question, policy, now, full=full)
    if decision.verdict is not Verdict.ALLOW:
        return Authorization(decision)
    event = ContactAuthorized(
        contact_id=command.contact_id,
        channel=question.channel,
        purpose=question.purpose,
        point=mark.granted.point,
        basis=decision.basis,
        positions=decision.positions,
        policy_version=policy.version,
        confirms=mark.position,
        token_sha256=token_sha256.hex(),
    )
    return Authorization(decision, event, repeat=own is not None and own.status is ContactStatus.AUTHORIZED)


def one_more(  # noqa: PLR0913 - a question has this many sides
    readings: Sequence[Customer],
    mark: PermissionMark,
    question: Question,
    policy: Policy,
    now: Instant,
    *,
    full: bool = False,
) -> Decision | None:
    """Return how one more request to confirm would be answered; None where the permission cannot be asked about so.

    The better answer of two: to a new contact, and to the one that carried the last request, asked anew.
    Counts nothing.
    """
    if _permission_fault(mark, readings[0], question, policy):
        return None
    state = readings[0].state
    last = confirmation_of(state, mark.position).contact
    contacts: list[tuple[bytes, ContactMark | None]] = [(_ANOTHER_CONTACT, None)]
    contacts += [(last, own) for own in contacts_newest_first(state) if own.key == last][:1]
    found = [_answered(readings, mark, contact, question, policy, now, full=full) for contact in contacts]
    return max(found, key=lambda each: each.verdict)


def _answered(  # noqa: PLR0913 - a question has this many sides
    readings: Sequence[Customer],
    mark: PermissionMark,
    contact: tuple[bytes, ContactMark | None],
    question: Question,
    policy: Policy,
    now: Instant,
    *,
    full: bool,
) -> Decision:
    """Return the lowest answer under any reading; `contact` is its key, and its mark where it was judged before."""
    key, own = contact
    confirmation = confirmation_of(readings[0].state, mark.position)
    cases = [_case(each, mark, question, policy, now, own) for each in readings]
    decision = lowest([_decide(_Asking(mark, confirmation, key, case), full=full) for case in cases])
    if not full:
        return decision
    tried = _tried(mark, key, question, policy, own)
    return completed(decision, readings, question, policy, own_contact=own, tried=tried)


def _question_fault(question: Question, policy: Policy) -> Problem | None:
    if policy.purposes[question.purpose].purpose_class is not PurposeClass.CONFIRMATION:
        return invalid("question.purpose", "must be a purpose of class confirmation to ask for a confirmation")
    named = {"topic": question.topic, "place": question.place, "recipient": question.recipient}
    text = "must be empty: a confirmation is asked for the permission as a whole"
    faults = tuple(Violation(f"question.{field}", text) for field, value in named.items() if value)
    return invalid_fields(faults) if faults else None


def _permission(customer: Customer | None, position: Position | None) -> PermissionMark | None:
    """Return the permission at a position, where it waits or waited for its confirmation."""
    if customer is None or position is None:
        return None
    mark = next((mark for mark in customer.state.permissions if mark.position == position), None)
    asked = any(each.permission == position for each in customer.state.confirmations)
    return mark if mark and (mark.pending_until or asked) else None


def _permission_fault(mark: PermissionMark, customer: Customer, question: Question, policy: Policy) -> Problem | None:
    if not mark.granted.point:
        return invalid("confirms_position", "must be a permission limited to one address: the link is sent to it")
    if question.channel not in mark.granted.channels and any(mark.granted.channels):
        channels = ", ".join(filter(None, mark.granted.channels))
        return invalid("question.channel", f"must be one the pending permission covers: {channels}")
    kind = policy.channels[question.channel].contact_point_kind
    if any(point.number == mark.granted.point and point.kind is not kind for point in customer.points):
        return invalid("question.channel", "must be one that reaches the address of the pending permission")
    named = question.contact_point
    if named is not None and customer.numbers.get(named) != mark.granted.point:
        return invalid("question.contact_point", "must be the address of the pending permission; or leave it out")
    asked = question.customer
    if named is None and asked.kind is kind and customer.numbers.get(asked) != mark.granted.point:
        # A key of the channel's kind names the address that will be used, as in every question.
        return invalid("question.customer", "must be the address of the pending permission, or the customer_id")
    return None


def _case(  # noqa: PLR0913 - a contact has this many sides
    customer: Customer,
    mark: PermissionMark,
    question: Question,
    policy: Policy,
    now: Instant,
    own: ContactMark | None,
) -> Case:
    points: list[Point] = [point for point in customer.points if point.number == mark.granted.point]
    # No address: it was taken off the customer since, and nobody knows whose it is.
    cell = Cell(question.purpose, question.channel, (mark.granted.point if points else 0,))
    lane = policy.lane(question.purpose, question.channel, customer.state.facts, now)
    case = Case(customer, cell, points, lane, policy, now, own)
    # No permission lists the asking itself: where the address changed hands, this one must be newer than that.
    case.permissions = [mark]
    return case


def _decide(asking: _Asking, *, full: bool) -> Decision:
    """Ask every gate that binds a request; the lowest answer counts, the first that gave it names the reason."""
    case, mark = asking.case, asking.mark
    steps = []
    for gate in ORDER:
        judge = _GATES.get(gate.number)
        steps.append(Step(gate.number, gate.name, judge is None, judge(asking) if judge else None))
    trace = tuple(steps) if full else ()
    found = [step.finding for step in steps if step.finding is not None]
    lowest = min(found, key=lambda finding: finding.verdict, default=None)
    slot = max((finding.not_before for finding in found), default=case.now)
    if lowest is not None and lowest.verdict is Verdict.DEFER and slot >= mark.pending_until:
        lowest = Finding(Verdict.DENY, Reason.NO_SLOT, lowest.rule, lowest.positions)
    if lowest is None:
        return _allow(asking, trace)
    deferred = lowest.verdict is Verdict.DEFER
    return Decision(
        verdict=lowest.verdict,
        reason=lowest.reason,
        time=case.now,
        policy_version=case.policy.version,
        basis=Basis.CONFIRMATION_REQUEST if deferred else Basis.NONE,
        positions=tuple(sorted({mark.position, *lowest.positions})) if deferred else lowest.positions,
        rules=(lowest.rule,) if lowest.rule else (),
        valid_until=slot if deferred else NEVER,
        not_before=slot if deferred else NEVER,
        trace=trace,
    )


def _allow(asking: _Asking, trace: tuple[Step, ...]) -> Decision:
    case, mark = asking.case, asking.mark
    return Decision(
        verdict=Verdict.ALLOW,
        reason=Reason.PERMITTED,
        time=case.now,
        policy_version=case.policy.version,
        basis=Basis.CONFIRMATION_REQUEST,
        positions=(mark.position,),
        rules=(RULE,),
        obligations=_OBLIGATIONS,
        valid_until=mark.pending_until,
        trace=trace,
    )


def _tried(mark: PermissionMark, key: bytes, question: Question, policy: Policy, own: ContactMark | None) -> Tried:
    """Return how the request is tried again after a change: on the permission as it then is."""

    def ask(trial: Trial) -> Decision:
        found = []
        for each in trial.readings:
            then = next(own for own in each.state.permissions if own.position == mark.position)
            case = _case(each, then, question, policy, trial.now, trial.own_contact)
            named = key if trial.own_contact is own else _ANOTHER_CONTACT
            asking = _Asking(then, confirmation_of(each.state, mark.position), named, case)
            found.append(_decide(asking, full=False))
        return lowest(found)

    def permitted(trial: Trial, _guardian: bool) -> Trial:  # noqa: FBT001 - who gives it, as told in Tried
        time = Instant(trial.now + 1)
        level = policy.levels.get(mark.level)
        hours = level.confirmation_hours if level else 1
        again = replace(mark, act_time=time, recorded_time=time, lifts=True, pending_until=Instant(time + hours * HOUR))
        return Trial(tuple(_given_anew(each, again, policy, question) for each in trial.readings), time)

    return Tried(question, policy, ask, permitted, confirms=mark)


def _given_anew(customer: Customer, mark: PermissionMark, policy: Policy, question: Question) -> Customer:
    """Return the customer with a pending permission in the place of the one before, its address linked, never asked."""
    state, number = customer.state, mark.granted.point
    marks = tuple(mark if each.position == mark.position else each for each in state.permissions)
    requests = tuple(each for each in state.confirmations if each.permission != mark.position)
    points = customer.points
    if all(point.number != number for point in points):
        points = (*points, Point(number, policy.channels[question.channel].contact_point_kind, NO_POINT))
    return replace(customer, state=replace(state, permissions=marks, confirmations=requests), points=points)


def _refusals(asking: _Asking) -> Finding | None:
    """Gate 5: deny with the newest no that is no older than the act, where it reaches the asking.

    Several that reach the whole permission together deny too. What was refused in part only may still
    be confirmed: the click leaves the rest refused.
    """
    case, mark = asking.case, asking.mark
    marks = [*case.state.refusals, *(each for point in case.points for each in point.state.refusals)]
    standing = [each for each in marks if not lifts(mark, each)]
    reaching = [each for each in standing if refuses(each.refused, case.cell)]
    if not reaching and standing and _covered(standing, mark, case.cell.channel):
        reaching = standing
    if not reaching:
        return None
    return refusals.deny(reaching)


def _covered(standing: list[RefusalMark], mark: PermissionMark, channel: str) -> bool:
    """Say whether refusals together reach every purpose of the permission, on the channel it is asked on."""
    granted = mark.granted
    channels = (channel,) if channel in granted.channels else granted.channels
    alone = [replace(granted, purposes=(purpose,), channels=channels) for purpose in granted.purposes]
    return all(any(reaches_all(refusal.refused, cell) for refusal in standing) for cell in alone)


def _basis(asking: _Asking) -> Finding | None:
    """Gate 6: the time to confirm must not have passed."""
    mark = asking.mark
    late = 0 < mark.pending_until <= asking.case.now
    return Finding(Verdict.DENY, Reason.PENDING_EXPIRED, RULE, (mark.position,)) if late else None


def _uses(asking: _Asking) -> Finding | None:
    """Gate 8: a contact asks once, and a permission is asked about by one contact, unless that one never left."""
    if finding := uses.judge(asking.case):
        return finding
    if not asking.mark.pending_until:
        return Finding(Verdict.DENY, Reason.ALREADY_CONFIRMED, RULE, (asking.mark.position,))
    if asking.confirmation.contact in (b"", asking.key):
        return None
    state = asking.case.state
    other = next((mark for mark in contacts_newest_first(state) if mark.key == asking.confirmation.contact), None)
    if other is not None and other.status not in HOLDING:
        return None
    return Finding(Verdict.DENY, Reason.CONFIRMATION_REQUESTED, RULE, (other.position,) if other else ())


def _pressure(asking: _Asking) -> Finding | None:
    """Gate 10: an address is asked so often and no more; asked anew, a contact keeps the place it holds."""
    policy, now = asking.case.policy, asking.case.now
    times = sorted(time for point in asking.case.points for key, time in point.state.requests if key != asking.key)
    limit = policy.confirmations_per_address
    if len(times) < limit or (free := Instant(times[-limit] + policy.confirmation_window)) <= now:
        return None
    return Finding(Verdict.DEFER, Reason.CONFIRMATION_CAP_REACHED, CAP, not_before=free)


_GATES: dict[int, Callable[[_Asking], Finding | None]] = {
    0: lambda asking: resolve.judge(asking.case),
    1: lambda asking: floor.judge(asking.case),
    2: lambda asking: contact_point.judge(asking.case),
    3: lambda asking: overlays.judge(asking.case),
    4: lambda _: None,
    5: _refusals,
    6: _basis,
    8: _uses,
    10: _pressure,
}
"""The gates of `decide` that bind a request; the others are skipped, and the trace says so."""
