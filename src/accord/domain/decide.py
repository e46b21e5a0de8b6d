"""May this contact happen? The lowest answer of all gates, the first reason that gave it, and until when.

Pure: the same state, question, policy, time and data versions give the same decision. Asking
changes nothing. No gate can lift what another refused, and no caller can talk past one: the class
of the catalogued purpose is the only exemption.
"""

from collections.abc import Callable

from msgspec import Struct

from accord.domain import candidates
from accord.domain.calendar import HORIZON_DAYS
from accord.domain.case import Case
from accord.domain.commands import Question
from accord.domain.decision import Customer, Decision, Finding, Point, Step
from accord.domain.gates import (
    absence,
    basis,
    carriage,
    contact_point,
    floor,
    legal,
    overlays,
    pressure,
    purpose_class,
    recipient,
    refusals,
    resolve,
    uses,
)
from accord.domain.lane import Rule
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem, invalid, unknown
from accord.domain.scope import Cell, code
from accord.domain.state import ContactMark, PermissionMark
from accord.domain.terms import (
    DAY,
    FAR,
    NEVER,
    Basis,
    IdentifierKind,
    Instant,
    Obligation,
    PurposeClass,
    Reason,
    Verdict,
)


class Gate(Struct, frozen=True):
    """A gate: its number and name, how it judges, when it opens again, and which classes skip it."""

    number: int
    name: str
    judge: Callable[[Case], Finding | None]
    opens: Callable[[Case, Instant], Instant] | None = None
    skipped_by_exempt: bool = False
    skipped_by_floor_only: bool = False


ORDER: tuple[Gate, ...] = (
    Gate(0, "resolve", resolve.judge),
    Gate(1, "floor", floor.judge),
    Gate(2, "contact point", contact_point.judge),
    Gate(3, "overlays", overlays.judge, overlays.opens, skipped_by_floor_only=True),
    Gate(4, "class", purpose_class.judge),
    Gate(5, "refusals", refusals.judge, skipped_by_floor_only=True),
    Gate(6, "basis", basis.judge, skipped_by_exempt=True),
    Gate(7, "recipient", recipient.judge),
    Gate(8, "uses", uses.judge),
    Gate(9, "legal time and volume", legal.judge, legal.opens, skipped_by_exempt=True),
    Gate(10, "pressure and preference", pressure.judge, pressure.opens, skipped_by_exempt=True),
)
"""The order that names the primary reason."""


def _grounds(case: Case) -> Finding | None:
    """Seek the ground and judge it: gates 6, 7 and 8 in one step, for a question without trace."""
    case.ground = candidates.best(case)
    match case.ground.gate:
        case 0 if case.own_contact is None:
            return None
        case 6:
            return basis.judge(case)
        case 7:
            return recipient.judge(case)
        case _:
            return uses.judge(case)


def _skips(gate: Gate, *, exempt: bool, floor_only: bool) -> bool:
    return (exempt and gate.skipped_by_exempt) or (floor_only and gate.skipped_by_floor_only)


def _judges(*, exempt: bool, floor_only: bool) -> tuple[Callable[[Case], Finding | None], ...]:
    """Return what is asked in turn without trace on a lane of this kind; gate 4 never says no."""
    asked: list[Callable[[Case], Finding | None]] = []
    for gate in ORDER:
        if gate.number == _GROUND_GATES[0]:
            asked.append(_grounds)
        elif gate.number in _GROUND_GATES or gate.judge is purpose_class.judge:
            continue
        elif not _skips(gate, exempt=exempt, floor_only=floor_only):
            asked.append(gate.judge)
    return tuple(asked)


_GROUND_GATES = (6, 7, 8)
_KINDS = [(exempt, floor_only) for exempt in (False, True) for floor_only in (False, True)]
_JUDGES = {(exempt, floor_only): _judges(exempt=exempt, floor_only=floor_only) for exempt, floor_only in _KINDS}

_BY_CLASS = (Rule("accord:class"),)

# Bound once: to look a member up costs ten times what a name does, and every check passes here.
_ALLOW, _PERMITTED, _PROCESSING = Verdict.ALLOW, Reason.PERMITTED, PurposeClass.PROCESSING
_REPORT, _REFRESH = (Obligation.REPORT_CONTACT,), (Obligation.REFRESH_DUE,)


def examine_question(question: Question, policy: Policy) -> Problem | None:
    """Return why a question cannot be asked under this policy, or None. Its fields are named from `question`."""
    purpose = policy.purposes.get(question.purpose)
    if purpose is None:
        return unknown(ErrorReason.PURPOSE_UNKNOWN, "question.purpose", "purpose", list(policy.purposes))
    if purpose.purpose_class is _PROCESSING:
        if question.channel:
            return invalid("question.channel", "must be empty: purposes of class processing have no channel")
        if question.contact_point:
            return invalid("question.contact_point", "must be empty: purposes of class processing use no address")
    elif question.channel not in policy.channels:
        return unknown(ErrorReason.CHANNEL_UNKNOWN, "question.channel", "channel", list(policy.channels))
    elif question.contact_point:
        wanted = policy.channels[question.channel].contact_point_kind
        if question.contact_point.kind is not wanted:
            return invalid("question.contact_point.kind", f"must be {wanted.value} on this channel")
    if question.place and question.place not in policy.places:
        return unknown(ErrorReason.PLACE_UNKNOWN, "question.place", "place", sorted(policy.places))
    return None


def decide(  # noqa: PLR0913 - a question has this many sides
    customer: Customer | None,
    question: Question,
    policy: Policy,
    now: Instant,
    *,
    own_contact: ContactMark | None = None,
    full: bool = False,
) -> Decision:
    """Return the decision and the entries it rests on; never raises for a "no".

    `examine_question` must have found no problem. `customer` None: nobody is known by the key.
    The verdict is the lowest any gate gives (DENY < DEFER < ALLOW); the primary reason is the first
    gate, in ORDER, that gave it. `own_contact` is the contact judged anew, which keeps what it holds.
    `full` adds the trace; it never changes the answer. `full_view` adds the rest of the full view.
    """
    if customer is None:
        step = Step(0, "resolve", skipped=False, finding=resolve.UNKNOWN)
        return Decision(Verdict.DENY, Reason.CUSTOMER_UNKNOWN, now, policy.version, trace=(step,) if full else ())
    case = _open(customer, question, policy, now, own_contact)
    lowest, until, trace = _traced(case) if full else _judged(case)
    if lowest is None:
        return _allow(case, trace)
    if lowest.verdict is Verdict.DEFER:
        return _defer(case, lowest, trace)
    return _deny(case, lowest, until, trace)


_Judged = tuple[Finding | None, int, tuple[Step, ...]]
"""The lowest finding, the first of its verdict; until when time alone cannot change it; the trace."""


def _judged(case: Case) -> _Judged:
    """Ask the gates in order, and no further than the first DENY: nothing is lower."""
    lowest: Finding | None = None
    until = case.until
    for judge in _JUDGES[case.lane.exempt, case.lane.floor_only]:
        finding = judge(case)
        if finding is not None and (lowest is None or finding.verdict < lowest.verdict):
            lowest, until = finding, case.until
            if finding.verdict is Verdict.DENY:
                break
    return lowest, until, ()


def _traced(case: Case) -> _Judged:
    """Ask every gate, and say what each found."""
    lowest: Finding | None = None
    until = case.until
    steps: list[Step] = []
    for gate in ORDER:
        if gate.number == _GROUND_GATES[0]:
            case.ground = candidates.best(case)
        skipped = _skips(gate, exempt=case.lane.exempt, floor_only=case.lane.floor_only)
        finding = None if skipped else gate.judge(case)
        if finding is not None and (lowest is None or finding.verdict < lowest.verdict):
            lowest, until = finding, case.until
        assumed = case.lane.assumed if gate.number == 0 else None
        steps.append(Step(gate.number, gate.name, skipped, finding, assumed))
    return lowest, until, tuple(steps)


def _open(
    customer: Customer, question: Question, policy: Policy, now: Instant, own_contact: ContactMark | None
) -> Case:
    lane = policy.lane(question.purpose, question.channel, customer.state.facts, now)
    points = usable_points(customer, question, lane.point_kind)
    named = question.contact_point
    if named is not None and named not in customer.numbers:
        numbers: tuple[int, ...] = (0,)
    elif len(points) == 1:
        numbers = (points[0].number,)
    else:
        numbers = tuple(point.number for point in points)
    topic = code(question.topic) if question.topic else b""
    recipient = code(question.recipient) if question.recipient else b""
    cell = Cell(question.purpose, question.channel, numbers, topic, question.place, recipient)
    return Case(customer, cell, points, lane, policy, now, own_contact)


def usable_points(customer: Customer, question: Question, kind: IdentifierKind | None) -> list[Point]:
    """Return the addresses that may be used: the one named, else every one of the channel's kind."""
    if kind is None:
        return []
    named = question.contact_point
    if named is None and question.customer.kind is kind:
        named = question.customer
    if named is None:
        return [point for point in customer.points if point.kind is kind]
    number = customer.numbers.get(named, 0)
    return [point for point in customer.points if point.number == number]


def _allow(case: Case, trace: tuple[Step, ...]) -> Decision:
    ground = case.ground
    term, mark = ground.term, ground.mark
    limited = bool(mark and mark.uses) or bool(case.lane.brand_caps or case.lane.legal_caps)
    report = _REPORT if limited else ()
    third = case.lane.recipient_obligations if case.cell.recipient else ()
    refresh = _refresh(mark, case) if mark and case.lane.refresh_after else ()
    return Decision(
        verdict=_ALLOW,
        reason=_PERMITTED,
        time=case.now,
        policy_version=case.policy.version,
        basis=term.basis if term else Basis.CLASS,
        permission=mark.position if mark else None,
        positions=ground.positions,
        rules=term.rules if term else _BY_CLASS,
        obligations=(*case.lane.obligations, *third, *report, *refresh, *pressure.advice(case)),
        valid_until=_instant(case.until),
        trace=trace,
    )


def _refresh(mark: PermissionMark, case: Case) -> tuple[Obligation, ...]:
    """Say whether the permission has grown so old that the customer is to be asked again; it still counts."""
    due = mark.act_time + case.lane.refresh_after
    case.changes_at(due)
    return _REFRESH if case.now >= due else ()


def _deny(case: Case, finding: Finding, until: int, trace: tuple[Step, ...]) -> Decision:
    return Decision(
        verdict=Verdict.DENY,
        reason=finding.reason,
        time=case.now,
        policy_version=case.policy.version,
        positions=finding.positions,
        rules=_rules(case, finding),
        valid_until=_instant(until),
        trace=trace,
    )


def _rules(case: Case, finding: Finding) -> tuple[Rule, ...]:
    """Return the rule a gate named, else the law behind the reason."""
    if sources := case.lane.sources.get(finding.reason):
        return sources
    return (finding.rule,) if finding.rule else ()


def _defer(case: Case, finding: Finding, trace: tuple[Step, ...]) -> Decision:
    """Return DEFER until the earliest instant at which no gate defers, or DENY when the basis ends before it."""
    slot = _slot(case)
    if not slot or _ends_before(case.at(slot)):
        no_slot = Finding(Verdict.DENY, Reason.NO_SLOT, finding.rule, finding.positions)
        # Without a slot the answer may change with every day that brings one within the horizon.
        return _deny(case, no_slot, min(case.until, slot or case.now + 1), trace)
    ground = case.ground
    term, mark = ground.term, ground.mark
    return Decision(
        verdict=Verdict.DEFER,
        reason=finding.reason,
        time=case.now,
        policy_version=case.policy.version,
        basis=term.basis if term else Basis.CLASS,
        permission=mark.position if mark else None,
        positions=tuple(sorted({*ground.positions, *finding.positions})),
        rules=(finding.rule,) if finding.rule else (),
        valid_until=_instant(min(case.until, finding.not_before or slot, slot)),
        not_before=slot,
        trace=trace,
    )


def _ends_before(then: Case) -> bool:
    """Say whether, asked at a later instant, the ground is gone, or something forbids it that no waiting mends."""
    return bool(
        candidates.best(then).gate
        or refusals.judge(then)
        or absence.judge(then)
        or carriage.judge(then)
        or floor.judge(then)
    )


def _slot(case: Case) -> Instant:
    """Return the earliest instant at which no gate defers; 0 for none within the horizon."""
    time, limit = case.now, case.now + HORIZON_DAYS * DAY
    lane = case.lane
    deferring = [
        gate.opens for gate in ORDER if gate.opens and not _skips(gate, exempt=lane.exempt, floor_only=lane.floor_only)
    ]
    while time <= limit:
        before = time
        for opens in deferring:
            time = opens(case, time)
            if not time or time > case.lane.until:
                # No slot while this law counts; the next begins then.
                time = Instant(case.lane.until)
                break
        if time == case.lane.until:
            case = case.at(time)
        elif time == before:
            return time
    return NEVER


def _instant(time: int) -> Instant:
    return NEVER if time >= FAR else Instant(time)
