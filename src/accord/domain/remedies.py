"""What would turn a no into an ALLOW: the least change, found by trying it.

Rules. A change is named only because the law, asked again as if it had happened, answers otherwise; what
then still stands in the way is added, until the contact is allowed. Of several ways the shortest counts.
So a program that does the remedies in their order is allowed, unless something else happens meanwhile.
Where no way leads there the remedy is NOTHING. Nothing is written, and only the full view pays for it.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from accord.domain import calendar
from accord.domain.commands import Question
from accord.domain.decide import usable_points
from accord.domain.decision import Customer, Decision, Point, Remedy
from accord.domain.group import decide_under
from accord.domain.lane import Lane
from accord.domain.policy import Policy
from accord.domain.scope import Granted, code
from accord.domain.state import NO_POINT, NO_STATE, ContactMark, CustomerState, PermissionMark, PointState
from accord.domain.terms import (
    DAY,
    FAR,
    NEVER,
    ActivityKind,
    Basis,
    Identifier,
    IdentifierKind,
    Instant,
    Position,
    Reason,
    RemedyKind,
    Verdict,
)

NOTHING = (Remedy(RemedyKind.NOTHING),)

_TRIED = Position(FAR)
"""Where the entries of what is tried would stand: after every other."""

_TRIED_NOTICE = " "
"""A notice no catalogue can have, so that it is never stale."""

_PATIENCE = 16
"""How often a wait is made longer where customers merged disagree on where they live."""

_HORIZONS = 5
"""How many times 90 days a contact may have to wait for a slot."""


class Trial(Struct, frozen=True):
    """The question as if something had changed: of whom, under each reading of the facts, when, for which contact.

    No readings: nobody is known by the key.
    """

    readings: tuple[Customer, ...]
    now: Instant
    own_contact: ContactMark | None = None
    carries: bool = False
    """Messages carry a one-click unsubscription."""


class Tried(Struct, frozen=True):
    """How a trial is judged: what was asked, under which policy, by whom, and what a permission given now would do."""

    question: Question
    policy: Policy
    ask: Callable[[Trial], Decision]
    permitted: Callable[[Trial, bool], Trial]
    """The trial after the customer gave this very permission; True: a guardian did."""
    confirms: PermissionMark | None = None
    """The permission whose confirmation is asked for."""

    @property
    def kind(self) -> IdentifierKind | None:
        """The kind of address the channel uses; None for processing."""
        return _kind(self.question, self.policy)


def _kind(question: Question, policy: Policy) -> IdentifierKind | None:
    means = policy.channels.get(question.channel)
    return means.contact_point_kind if means else None


def of_contact(question: Question, policy: Policy) -> Tried:
    """Return how a question of a contact, or of processing, is tried."""

    def ask(trial: Trial) -> Decision:
        readings = trial.readings or (None,)
        rules = policy.carrying() if trial.carries else policy
        return decide_under(readings, question, rules, trial.now, own_contact=trial.own_contact)

    def permitted(trial: Trial, guardian: bool) -> Trial:  # noqa: FBT001 - who gives it, as told in Tried
        granted = Granted(
            (question.purpose,),
            (question.channel,),
            topics=tuple(filter(None, (code(question.topic),))),
            places=tuple(filter(None, (question.place,))),
            recipients=tuple(filter(None, (code(question.recipient),))),
        )
        # Whoever gives a permission for an address names it, and so it is linked.
        linked = _linked(trial, question, _kind(question, policy)) if question.contact_point else trial
        return _given(linked, granted, question, guardian=guardian)

    return Tried(question, policy, ask, permitted)


def remedies(tried: Tried, trial: Trial, found: Decision) -> tuple[Remedy, ...]:
    """Return what would have to happen, in order; none for an ALLOW, NOTHING where nothing would help."""
    if found.verdict is Verdict.ALLOW:
        return ()
    way = _shortest(tried, trial, found, frozenset()) or NOTHING
    # A touchpoint that is to be added is added once.
    return tuple(dict.fromkeys(way))


def _shortest(tried: Tried, trial: Trial, found: Decision, met: frozenset[Reason]) -> tuple[Remedy, ...] | None:
    """Return the shortest way to an ALLOW, the first of several alike; None for none. `met` were overcome before."""
    if found.verdict is Verdict.ALLOW:
        return ()
    best: tuple[Remedy, ...] | None = None
    overcome = met | {found.reason}
    for option in _options(tried, trial, found):
        if option == (RemedyKind.TELL_TIME_ZONE,):
            way = _located(tried, trial)
        else:
            way = _tried(tried, trial, found, option, overcome)
        if way is not None and (best is None or len(way) < len(best)):
            best = way
    return best


def _tried(
    tried: Tried, trial: Trial, found: Decision, option: tuple[RemedyKind, ...], met: frozenset[Reason]
) -> tuple[Remedy, ...] | None:
    told: list[Remedy] = []
    for kind in option:
        then = _TRY[kind](tried, trial, found)
        if then is None:
            return None
        told += _remedies_of(kind, tried, trial, then, found)
        trial = then
    again = tried.ask(trial)
    if again.reason in met:
        return None
    rest = _shortest(tried, trial, again, met)
    if rest is None:
        return None
    if rest and told[-1].kind is rest[0].kind is RemedyKind.WAIT_UNTIL:
        told.pop()
    return (*told, *rest)


# --- what may help ------------------------------------------------------------------------------------

Options = tuple[tuple[RemedyKind, ...], ...]

_K = RemedyKind
_GIVE: Options = ((_K.GIVE_PERMISSION,), (_K.GIVE_PERMISSION_AS_GUARDIAN,))
_VERIFY: Options = ((_K.VERIFY_CONTACT_POINT,), (_K.LINK_CONTACT_POINT, _K.VERIFY_CONTACT_POINT))

_OPTIONS: dict[Reason, Options] = {
    Reason.CUSTOMER_UNKNOWN: ((_K.LINK_CONTACT_POINT,), *_GIVE),
    Reason.CONTACT_POINT_UNKNOWN: ((_K.LINK_CONTACT_POINT,), *_GIVE),
    Reason.RESTRICTED: ((_K.LIFT_RESTRICTION,),),
    Reason.AUTHORITY_ORDER: ((_K.LIFT_ORDER,),),
    Reason.SECTOR_PROHIBITED: ((_K.BEGIN_CONTRACT,),),
    Reason.CONTACT_POINT_BOUNCED: _VERIFY[:1],
    Reason.CONTACT_POINT_COMPLAINED: ((_K.USE_OTHER_CONTACT_POINT,),),
    Reason.CONTACT_POINT_REASSIGNED: (_VERIFY[0], *_GIVE),
    Reason.CONTACT_POINT_INVALID: _VERIFY[:1],
    Reason.CONTACT_POINT_UNVERIFIED: _VERIFY,
    Reason.REPLY_UNSETTLED: ((_K.SETTLE_REPLY,),),
    Reason.OVERLAID: ((_K.LIFT_OVERLAY,),),
    Reason.REFUSED: _GIVE,
    Reason.WITHDRAWN: _GIVE,
    Reason.OBJECTED: _GIVE,
    Reason.STOPPED: _GIVE,
    Reason.SUPPRESSED: _GIVE,
    Reason.PENDING_CONFIRMATION: ((_K.CONFIRM_PERMISSION,), *_GIVE),
    Reason.PERMISSION_EXPIRED: _GIVE,
    Reason.PERMISSION_NOT_YET_VALID: ((_K.WAIT_UNTIL,), *_GIVE),
    Reason.NO_PROOF: _GIVE,
    Reason.NOTICE_STALE: _GIVE,
    Reason.REGISTRY_LISTED: (*_GIVE, (_K.LEAVE_REGISTRY,), (_K.BEGIN_CONTRACT,)),
    Reason.GUARDIAN_MISSING: (*_GIVE[::-1], (_K.GIVE_PERMISSION, _K.GIVE_PERMISSION_AS_GUARDIAN)),
    Reason.PENDING_EXPIRED: _GIVE,
    Reason.RECIPIENT_NOT_NAMED: _GIVE,
    Reason.USED_UP: _GIVE,
    Reason.CONTACT_ALREADY_REPORTED: ((_K.NAME_NEW_CONTACT,),),
    Reason.CONFIRMATION_REQUESTED: ((_K.GIVE_PERMISSION,),),
    Reason.INACTIVE: ((_K.ACT_AGAIN,),),
    Reason.NOT_PRESENT: ((_K.BE_PRESENT,), (_K.GIVE_PERMISSION,), (_K.BE_PRESENT, _K.GIVE_PERMISSION)),
    Reason.ONE_CLICK_MISSING: ((_K.CARRY_ONE_CLICK,),),
    Reason.NO_SLOT: (*_GIVE, (_K.WAIT_UNTIL,), (_K.TELL_TIME_ZONE,), (_K.GIVE_PERMISSION, _K.WAIT_UNTIL)),
}
"""What is tried for each reason of a DENY, in order; for every other nothing helps. A DEFER always waits."""

_GROUNDS: dict[tuple[Basis, ActivityKind | None], RemedyKind] = {
    (Basis.CURRENT_CONTRACT, None): _K.BEGIN_CONTRACT,
    (Basis.SOFT_OPT_IN, None): _K.BUY,
    (Basis.LEGITIMATE_INTEREST, None): _K.BUY,
    (Basis.EXISTING_RELATIONSHIP, ActivityKind.PURCHASE): _K.BUY,
    (Basis.EXISTING_RELATIONSHIP, ActivityKind.ENQUIRY): _K.ENQUIRE,
}
"""What makes a ground hold that is no permission."""


def _options(tried: Tried, trial: Trial, found: Decision) -> Options:
    if found.verdict is Verdict.DEFER:
        return ((_K.WAIT_UNTIL,),)
    if found.reason is not Reason.NO_PERMISSION:
        return _OPTIONS.get(found.reason, ())
    lane = _lane(tried, trial)
    if any(term.basis is Basis.PERMISSION for term in lane.bases):
        return _GIVE
    return tuple((_GROUNDS[term.basis, term.since],) for term in lane.bases if (term.basis, term.since) in _GROUNDS)


def _lane(tried: Tried, trial: Trial) -> Lane:
    facts = trial.readings[0].state.facts if trial.readings else NO_STATE.facts
    return tried.policy.lane(tried.question.purpose, tried.question.channel, facts, trial.now)


# --- the same question after a change -----------------------------------------------------------------


def _given(trial: Trial, granted: Granted, question: Question, *, guardian: bool) -> Trial:
    time = Instant(trial.now + 1)
    mark = PermissionMark(
        _TRIED, time, time, granted, touchpoint="", level="", notice=_TRIED_NOTICE, valid_from=time, guardian=guardian
    )

    def given(state: CustomerState) -> CustomerState:
        return replace(state, permissions=(*state.permissions, mark))

    return replace(_changed(_made_known(trial, question), given), now=time)


def _changed(trial: Trial, change: Callable[[CustomerState], CustomerState]) -> Trial:
    return replace(trial, readings=tuple(replace(each, state=change(each.state)) for each in trial.readings))


def _made_known(trial: Trial, question: Question) -> Trial:
    """Return the trial with a customer who has the identifiers of the question, where nobody is known."""
    if trial.readings:
        return trial
    named = dict.fromkeys(each for each in (question.customer, question.contact_point) if _is_address(each))
    numbers = {each: number for number, each in enumerate(filter(None, named), 1)}
    points = tuple(Point(number, each.kind, NO_POINT) for each, number in numbers.items())
    return replace(trial, readings=(Customer(NO_STATE, points, numbers),))


def _is_address(identifier: Identifier | None) -> bool:
    return identifier is not None and identifier.kind is not IdentifierKind.CUSTOMER_ID


def _with_points(tried: Tried, trial: Trial, change: Callable[[Point], Point]) -> Trial:
    """Return the trial with the addresses changed that may be used for the contact."""

    def changed(customer: Customer) -> Customer:
        usable = {point.number for point in usable_points(customer, tried.question, tried.kind)}
        points = tuple(change(each) if each.number in usable else each for each in customer.points)
        return replace(customer, points=points)

    return replace(trial, readings=tuple(map(changed, trial.readings)))


def _with_point_state(tried: Tried, trial: Trial, change: Callable[[PointState], PointState]) -> Trial:
    return _with_points(tried, trial, lambda point: replace(point, state=change(point.state)))


def _wait(tried: Tried, trial: Trial, found: Decision) -> Trial | None:
    for _ in range(_PATIENCE):
        if found.verdict is not Verdict.DEFER:
            break
        trial = replace(trial, now=found.not_before)
        found = tried.ask(trial)
    if found.reason is Reason.PERMISSION_NOT_YET_VALID:
        return replace(trial, now=found.valid_until) if found.valid_until else None
    for _ in range(_HORIZONS):
        if found.reason is not Reason.NO_SLOT:
            break
        trial = replace(trial, now=Instant(trial.now + calendar.HORIZON_DAYS * DAY))
        found = tried.ask(trial)
    return trial


def _give(tried: Tried, trial: Trial, found: Decision) -> Trial | None:
    """Give this very permission; where the customer must be located, the one for that."""
    if found.reason is not Reason.NOT_PRESENT:
        return tried.permitted(trial, False)  # noqa: FBT003 - the customer, as told in Tried
    for term in _lane(tried, trial).presence:
        places = tuple(filter(None, (tried.question.place,)))
        granted = Granted((term.tracking,), ("",), places=places)
        trial = _given(trial, granted, tried.question, guardian=False)
    return trial


def _give_as_guardian(tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return tried.permitted(trial, True)  # noqa: FBT003 - a guardian, as told in Tried


def _confirm(_tried: Tried, trial: Trial, found: Decision) -> Trial | None:
    time = Instant(trial.now + 1)
    if any(time >= each.pending_until for each in _waiting(trial, found)):
        return None

    def confirmed(state: CustomerState) -> CustomerState:
        marks = (
            replace(each, pending_until=NEVER, recorded_time=time) if each.position in found.positions else each
            for each in state.permissions
        )
        return replace(state, permissions=tuple(marks))

    return replace(_changed(trial, confirmed), now=time)


def _waiting(trial: Trial, found: Decision) -> list[PermissionMark]:
    """Return the pending permission that the answer names."""
    return [each for each in trial.readings[0].state.permissions if each.position in found.positions]


def _link(tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return _linked(_made_known(trial, tried.question), tried.question, tried.kind)


def _linked(trial: Trial, question: Question, kind: IdentifierKind | None) -> Trial:
    """Link the address named, or some address where none was; nothing is known of it, so nothing speaks against it."""
    named = question.contact_point

    def linked(customer: Customer) -> Customer:
        if kind is None or usable_points(customer, question, kind):
            return customer
        number = _next_number(customer)
        numbers = {**customer.numbers, **({named: number} if named else {})}
        return replace(customer, points=(*customer.points, Point(number, kind, NO_POINT)), numbers=numbers)

    return replace(trial, readings=tuple(map(linked, trial.readings)))


def _next_number(customer: Customer) -> int:
    """Return a number no address of theirs ever had: what was given for another does not cover it."""
    return max((customer.state.identifiers, *(point.number for point in customer.points))) + 1


def _verify(tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return _with_point_state(
        tried, trial, lambda state: replace(state, verified=_TRIED, bounced=Position(0), invalid=Position(0))
    )


def _use_other(tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    """Put addresses of which nothing is known in the place of those that were complained about."""

    def other(customer: Customer) -> Customer:
        usable = usable_points(customer, tried.question, tried.kind)
        bad = {point.number for point in usable if point.state.complained}
        new = _next_number(customer)
        points = tuple(
            Point(new + each.number, each.kind, NO_POINT) if each.number in bad else each for each in customer.points
        )
        numbers = {named: new + number if number in bad else number for named, number in customer.numbers.items()}
        return replace(customer, points=points, numbers=numbers)

    return replace(trial, readings=tuple(map(other, trial.readings)))


def _settle_reply(tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return _with_point_state(tried, trial, lambda state: replace(state, unsettled=Position(0)))


def _lift_overlay(_tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return _changed(trial, lambda state: replace(state, overlays=tuple(each for each in state.overlays if each.until)))


def _lift_restriction(_tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    # While an erasure waits, no restriction ends.
    if any(each.state.erasing for each in trial.readings):
        return None
    return _changed(trial, lambda state: replace(state, restricted=False))


def _lift_order(_tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return _changed(trial, lambda state: replace(state, authority_order=False))


def _leave_registry(tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return _with_point_state(tried, trial, lambda state: replace(state, listed=Position(0), listings=()))


def _begin_contract(_tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return _changed(
        trial,
        lambda state: replace(state, facts=replace(state.facts, contract_current=True, contract_position=_TRIED)),
    )


def _act(**acts: bool) -> Callable[[Tried, Trial, Decision], Trial | None]:
    """Return how it is tried that the customer does something, by the fields of Activity that tell of it."""

    def act(tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
        time = Instant(trial.now + 1)
        told: dict[str, object] = dict.fromkeys(acts, time)
        if "presence_time" in told:
            told["presence_place"] = tried.question.place
        trial = _changed(trial, lambda state: replace(state, activity=replace(state.activity, **told)))
        return replace(trial, now=time)

    return act


def _new_contact(_tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return replace(trial, own_contact=None)


def _carry_one_click(_tried: Tried, trial: Trial, _found: Decision) -> Trial | None:
    return replace(trial, carries=True)


_TRY: dict[RemedyKind, Callable[[Tried, Trial, Decision], Trial | None]] = {
    _K.WAIT_UNTIL: _wait,
    _K.GIVE_PERMISSION: _give,
    _K.GIVE_PERMISSION_AS_GUARDIAN: _give_as_guardian,
    _K.CONFIRM_PERMISSION: _confirm,
    _K.LINK_CONTACT_POINT: _link,
    _K.VERIFY_CONTACT_POINT: _verify,
    _K.USE_OTHER_CONTACT_POINT: _use_other,
    _K.SETTLE_REPLY: _settle_reply,
    _K.LIFT_OVERLAY: _lift_overlay,
    _K.LIFT_RESTRICTION: _lift_restriction,
    _K.LIFT_ORDER: _lift_order,
    _K.LEAVE_REGISTRY: _leave_registry,
    _K.BEGIN_CONTRACT: _begin_contract,
    _K.BUY: _act(purchase_time=True, sale_time=True),
    _K.ENQUIRE: _act(enquiry_time=True),
    _K.ACT_AGAIN: _act(click_time=True),
    _K.BE_PRESENT: _act(presence_time=True),
    _K.NAME_NEW_CONTACT: _new_contact,
    _K.CARRY_ONE_CLICK: _carry_one_click,
}
"""The trial after a change, None where it cannot happen."""


def _located(tried: Tried, trial: Trial) -> tuple[Remedy, ...] | None:
    """Return the remedy of telling the time zone, where whichever it is leaves a slot; which one follows from it."""
    for each in trial.readings:
        facts = each.state.facts
        where = calendar.whereabouts(facts.country, facts.region, facts.time_zone, tried.policy.home_country)
        for zone in calendar.candidate_zones(where):
            told = replace(each, state=replace(each.state, facts=replace(facts, time_zone=zone)))
            if tried.ask(replace(trial, readings=(told,))).verdict is Verdict.DENY:
                return None
    return (Remedy(RemedyKind.TELL_TIME_ZONE),)


# --- what is told of a change -------------------------------------------------------------------------


def _remedies_of(kind: RemedyKind, tried: Tried, trial: Trial, then: Trial, found: Decision) -> list[Remedy]:
    match kind:
        case RemedyKind.WAIT_UNTIL:
            return [Remedy(kind, time=then.now)]
        case RemedyKind.CONFIRM_PERMISSION:
            waiting = _waiting(trial, found)
            return [Remedy(kind, time=each.pending_until, position=each.position) for each in waiting]
        case RemedyKind.GIVE_PERMISSION | RemedyKind.GIVE_PERMISSION_AS_GUARDIAN:
            return _permission(kind, tried, trial, found)
        case _:
            return [Remedy(kind)]


def _permission(kind: RemedyKind, tried: Tried, trial: Trial, found: Decision) -> list[Remedy]:
    """Return the permission and where it can be given: at a touchpoint that is to be added, or must be confirmed."""
    question = tried.question
    if tried.confirms is not None:
        return [Remedy(kind, touchpoints=tuple(filter(tried.policy.touchpoints.get, (tried.confirms.touchpoint,))))]
    if found.reason is Reason.NOT_PRESENT:
        tracking = [term.tracking for term in _lane(tried, trial).presence]
        question = replace(question, purpose=tracking[0], channel="")
    at_once, confirmed = _touchpoints(tried, trial, question)
    told = [Remedy(kind, purpose=question.purpose, touchpoints=at_once or confirmed)]
    if not (at_once or confirmed):
        return [Remedy(RemedyKind.ADD_TOUCHPOINT, purpose=question.purpose), *told]
    return told if at_once else [*told, Remedy(RemedyKind.CONFIRM_PERMISSION, purpose=question.purpose)]


def _touchpoints(tried: Tried, trial: Trial, question: Question) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the touchpoints that ask for this very permission, those whose permission counts at once apart."""
    policy = tried.policy
    at_once, confirmed = list[str](), list[str]()
    for each in policy.touchpoints.values():
        notice, level = policy.notices[each.notice], policy.levels[each.level]
        lists = question.purpose in notice.purposes and (not question.channel or question.channel in notice.channels)
        limits = (
            (level.topics_required, question.topic),
            (level.places_required, question.place),
        )
        fits = all(named or not required for required, named in limits)
        if notice.stale or not lists or not fits or level.recipients_required is not bool(question.recipient):
            continue
        if not level.confirmation_hours:
            at_once.append(each.code)
        elif level.confirmed_otherwise or _one_address(tried, trial):
            confirmed.append(each.code)
    return tuple(at_once), tuple(confirmed)


def _one_address(tried: Tried, trial: Trial) -> bool:
    """Say whether a permission limited to one address, whose link confirms it, covers the question."""
    counts: Sequence[int] = [len(usable_points(each, tried.question, tried.kind)) for each in trial.readings]
    return max(counts, default=0) <= 1
