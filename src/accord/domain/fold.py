"""What is true after an event: the only writer of states.

Rules. Folding never judges and never fails: the ledger says what happened. A permission is dropped
only when a newer one stands for it in everything a later question could ask. Refusals with one
scope keep the latest of both clocks, so no order of arrival can weaken them. Lifting is not done
here: `decide` compares the clocks of permission and refusal on each cell.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from accord.domain.catalogue import MAX_CONFIRMATION_WINDOW_HOURS, MAX_CONFIRMATIONS_PER_ADDRESS
from accord.domain.events import (
    ActivityReported,
    ContactAuthorized,
    ContactPointListed,
    ContactPointReported,
    ContactPointRetold,
    ContactPointSuppressed,
    ContactPointUnlisted,
    ContactReported,
    CustomerMerged,
    CustomerRestricted,
    CustomerSplit,
    ErasureRequested,
    Event,
    FactsRecorded,
    OverlayAdded,
    OverlayLifted,
    PermissionConfirmed,
    PermissionGranted,
    PermissionRefused,
    RestrictionLifted,
)
from accord.domain.scope import Granted, Refused, asked_code, code, confirms_code, includes
from accord.domain.state import (
    Activity,
    ActMark,
    ConfirmationMark,
    ContactMark,
    CustomerState,
    Facts,
    Listing,
    Overlay,
    PermissionMark,
    PointState,
    RefusalMark,
    contacts_newest_first,
    decode_point,
    with_contacts,
)
from accord.domain.terms import (
    CONTACT_MEMORY_DAYS,
    DAY,
    HOUR,
    ActivityKind,
    Basis,
    ContactStatus,
    Declarant,
    Instant,
    ListKind,
    Method,
    Outcome,
    PointFact,
    Position,
    Recorder,
    RefusalKind,
)

_OfficerEvent = OverlayAdded | OverlayLifted | CustomerRestricted | RestrictionLifted | CustomerMerged | CustomerSplit

_SERVED = frozenset({Basis.CLASS, Basis.CONFIRMATION_REQUEST})
"""Grounds of contacts that no cap on marketing counts."""

HOLDING = frozenset({ContactStatus.AUTHORIZED, ContactStatus.SENT, ContactStatus.BOUNCED, ContactStatus.COMPLAINED})
"""Contacts that keep the use they took. Failed and cancelled ones give it back."""

STATUS_AFTER = {
    Outcome.SENT: ContactStatus.SENT,
    Outcome.FAILED: ContactStatus.FAILED,
    Outcome.CANCELLED: ContactStatus.CANCELLED,
    Outcome.BOUNCED: ContactStatus.BOUNCED,
    Outcome.COMPLAINED: ContactStatus.COMPLAINED,
}


_EVERYTHING = Refused()


def fold(state: CustomerState, event: Event, position: Position, recorded_time: Instant) -> CustomerState:
    """Return the state of the customer after an entry of theirs. Order of calls is position order."""
    state = _with_links(state, event)
    match event:
        case PermissionGranted():
            state = with_permission(state, _granted(event, position, recorded_time))
            mark = ConfirmationMark(position, link_only=True)
            return _with_confirmation(state, mark) if event.link_only else state
        case PermissionConfirmed():
            return _confirmed(_clicked(state, event, position), event, recorded_time)
        case PermissionRefused() if not event.point:
            return replace(state, refusals=_with_refusal(state.refusals, event, position, recorded_time))
        case FactsRecorded():
            return replace(state, facts=_with_facts(state.facts, event, position))
        case ActivityReported():
            return replace(state, activity=_with_activity(state.activity, event, position))
        case ContactAuthorized():
            return _authorized(_requested(state, event), event, position, recorded_time)
        case ContactReported():
            return _reported(state, event)
        case ErasureRequested():
            return replace(state, restricted=True, erasing=True)
        case (
            OverlayAdded()
            | OverlayLifted()
            | CustomerRestricted()
            | RestrictionLifted()
            | CustomerMerged()
            | CustomerSplit()
        ):
            return _by_officer(state, event, position)
        case _:
            return state


def fold_point(  # noqa: C901, PLR0912 - one case for each event
    point: PointState, event: Event, position: Position, recorded_time: Instant
) -> PointState:
    """Return the state of the address that `touched_number` names, after the entry."""
    match event:
        case PermissionRefused():
            return replace(point, refusals=_with_refusal(point.refusals, event, position, recorded_time))
        case ContactPointReported(fact=PointFact.REASSIGNED):
            time = max(event.act_time, point.reassigned_time)
            none = Position(0)
            return replace(
                point, reassigned=position, reassigned_time=time, verified=none, generic=none, published=none
            )
        case ContactPointReported(fact=PointFact.REPLY_UNCLEAR):
            return replace(point, unsettled=position, unsettled_time=max(event.act_time, point.unsettled_time))
        case ContactPointReported(fact=PointFact.REPLY_SETTLED):
            # Whoever read an earlier reply has not read this one.
            return point if event.act_time < point.unsettled_time else replace(point, unsettled=Position(0))
        case ContactPointReported():
            return _with_fact(point, event.fact, position)
        case ContactPointRetold():
            return decode_point(event.state)
        case ContactPointSuppressed():
            time = event.erased_time
            return replace(point, refusals=_with_suppression(point.refusals, _EVERYTHING, time, time, position))
        case ContactPointListed():
            return _listed(point, event, position)
        case ContactPointUnlisted():
            return replace(point, listings=_without(point.listings, ListKind.REGISTRY, event.list))
        case ContactReported(outcome=Outcome.BOUNCED):
            return _with_fact(point, PointFact.BOUNCED, position)
        case ContactReported(outcome=Outcome.COMPLAINED):
            return _with_fact(point, PointFact.COMPLAINED, position)
        case PermissionConfirmed():
            return _with_fact(point, PointFact.VERIFIED, position)
        case ContactAuthorized() if event.confirms is not None:
            asked = (code(event.contact_id), recorded_time)
            return replace(point, requests=(*_requests(point, event.contact_id, recorded_time), asked))
        case ContactReported(outcome=Outcome.CANCELLED):
            return replace(point, requests=_requests(point, event.contact_id, recorded_time))
        case _:
            return point


def touched_number(state: CustomerState, event: Event) -> int:
    """Return the number of the customer's address whose state the event changes; 0 for none.

    `state` is the customer's state before the event.
    """
    match event:
        case PermissionRefused():
            return event.point or event.via
        case (
            ContactPointReported()
            | ContactPointRetold()
            | ContactPointSuppressed()
            | ContactPointListed()
            | ContactPointUnlisted()
        ):
            return event.number
        case ContactReported(outcome=Outcome.BOUNCED | Outcome.COMPLAINED):
            mark = find_contact(state, event.contact_id)
            return mark.point if mark else 0
        case ContactAuthorized() if event.confirms is not None:
            return event.point
        case ContactReported(outcome=Outcome.CANCELLED) if _asks(state, event.contact_id):
            mark = find_contact(state, event.contact_id)
            return mark.point if mark else 0
        case PermissionConfirmed() if event.evidence.method is Method.CONFIRMATION_LINK:
            # The link went to that address, so whoever clicked it holds it (BGH I ZR 164/09), late or not.
            pending = (mark for mark in state.permissions if mark.position == event.permission)
            return next((mark.granted.point for mark in pending), 0)
        case _:
            return 0


def find_contact(state: CustomerState, contact_id: str) -> ContactMark | None:
    """Return the mark of a contact, or None when there is none or it is older than the memory."""
    key = code(contact_id)
    return next((mark for mark in contacts_newest_first(state) if mark.key == key), None)


def confirmation_of(state: CustomerState, permission: Position) -> ConfirmationMark:
    """Return what the confirmation of a permission rests on; an empty mark where nothing is known."""
    found = (mark for mark in state.confirmations if mark.permission == permission)
    return next(found, ConfirmationMark(permission))


def _with_links(state: CustomerState, event: Event) -> CustomerState:
    if not event.links:
        return state
    return replace(state, identifiers=max(state.identifiers, *(link.number for link in event.links)))


def cells_of(event: PermissionGranted) -> Granted:
    """Return what a permission gives, as the state holds it."""
    return Granted(
        purposes=event.purposes,
        channels=event.channels,
        point=event.point,
        topics=tuple(code(topic) for topic in event.topics),
        places=event.places,
        recipients=tuple(code(recipient) for recipient in event.recipients),
    )


def _granted(event: PermissionGranted, position: Position, recorded_time: Instant) -> PermissionMark:
    granted = cells_of(event)
    return PermissionMark(
        position=position,
        act_time=event.evidence.act_time,
        recorded_time=recorded_time,
        granted=granted,
        touchpoint=event.evidence.touchpoint,
        level=event.level,
        notice=event.evidence.notice,
        valid_from=event.valid_from,
        valid_until=event.valid_until,
        uses=event.uses,
        pending_until=event.confirm_until,
        lifts=event.evidence.recorder is not Recorder.IMPORT,
        guardian=event.evidence.declarant is Declarant.GUARDIAN,
    )


def with_permission(state: CustomerState, mark: PermissionMark) -> CustomerState:
    """Return the state with one more permission, which may stand for older ones, or add nothing to one of them."""
    if any(_stood_before(old, mark) and old.lifts >= mark.lifts for old in state.permissions):
        return state
    # The same act told first by an import and then by its form: one act, so what it carried stays counted.
    told = {old.position: old.taken for old in state.permissions if same_act(old, mark)}
    if told:
        mark = replace(mark, taken=max(mark.taken, *told.values()))
        contacts = contacts_newest_first(state)
        moved = [replace(each, permission=mark.position) if each.permission in told else each for each in contacts]
        state = with_contacts(state, moved)
    kept = [old for old in state.permissions if old.position not in told and not _stands_for(mark, old)]
    return replace(state, permissions=(*kept, mark))


def _stood_before(old: PermissionMark, new: PermissionMark) -> bool:
    """Say whether a limited permission was given by this very act or a later one: told again, it gives no new use."""
    return (
        new.uses > 0
        and old.uses > 0
        and old.granted == new.granted
        and old.act_time >= new.act_time
        and old.guardian is new.guardian
        and not old.pending_until
    )


def same_act(old: PermissionMark, new: PermissionMark) -> bool:
    """Say whether two limited permissions tell of one act: they have their uses in common."""
    return _stood_before(old, new) and old.act_time == new.act_time


def _stands_for(new: PermissionMark, old: PermissionMark) -> bool:
    """Say whether no question can tell the difference once `old` is forgotten."""
    if old.pending_until > new.recorded_time or (new.pending_until and not old.pending_until):
        # What waits may still be confirmed, and what waits does not replace what counts.
        return False
    if new.act_time < old.act_time or new.lifts < old.lifts or new.guardian is not old.guardian:
        return False
    lasts = not new.valid_until or (old.valid_until and new.valid_until >= old.valid_until)
    starts = new.valid_from <= max(new.recorded_time, old.valid_from)
    if not (lasts and starts):
        return False
    if new.uses:
        # The newest of its kind counts: asked twice to be contacted once is once, until asked again later.
        return old.granted == new.granted and 0 < old.uses <= new.uses
    # A notice can go stale: a permission given on another text may outlive this one.
    return old.notice == new.notice and includes(new.granted, old.granted)


def _confirmed(state: CustomerState, event: PermissionConfirmed, recorded_time: Instant) -> CustomerState:
    for mark in state.permissions:
        if mark.position == event.permission and mark.pending_until:
            # A late click is not a yes: the mark keeps waiting, and its time has passed.
            if recorded_time >= mark.pending_until:
                return state
            others = replace(state, permissions=tuple(old for old in state.permissions if old is not mark))
            active = replace(mark, pending_until=Instant(0), recorded_time=recorded_time)
            return with_permission(others, active)
    return state


def _with_confirmation(state: CustomerState, mark: ConfirmationMark) -> CustomerState:
    """Return the state with this mark; marks of permissions that are gone go with them."""
    known = {permission.position for permission in state.permissions}
    marks = [old for old in state.confirmations if old.permission != mark.permission]
    kept = tuple(each for each in (*marks, mark) if each.permission in known)
    return replace(state, confirmations=kept)


def _requested(state: CustomerState, event: ContactAuthorized) -> CustomerState:
    """Note the one token that counts: an earlier one of the same permission no longer does."""
    if event.confirms is None:
        return state
    before = confirmation_of(state, event.confirms)
    token, contact = bytes.fromhex(event.token_sha256), code(event.contact_id)
    return _with_confirmation(state, replace(before, token_sha256=token, contact=contact))


def _clicked(state: CustomerState, event: PermissionConfirmed, position: Position) -> CustomerState:
    if not event.token_sha256:
        return state
    before = confirmation_of(state, event.permission)
    return _with_confirmation(state, replace(before, clicked=before.clicked or position))


def _asks(state: CustomerState, contact_id: str) -> bool:
    key = code(contact_id)
    return any(mark.contact == key for mark in state.confirmations)


def _requests(point: PointState, contact_id: str, now: Instant) -> tuple[tuple[bytes, Instant], ...]:
    """Return the confirmations asked for by other contacts, as many and as far back as any limit looks."""
    key, since = code(contact_id), now - MAX_CONFIRMATION_WINDOW_HOURS * HOUR
    others = [each for each in point.requests if each[0] != key and each[1] > since]
    return tuple(others[-MAX_CONFIRMATIONS_PER_ADDRESS:])


def _with_refusal(
    marks: tuple[RefusalMark, ...], event: PermissionRefused, position: Position, recorded_time: Instant
) -> tuple[RefusalMark, ...]:
    refused = Refused(
        purpose=event.purpose,
        channel=event.channel,
        topic=code(event.topic),
        place=event.place,
        recipient=code(event.recipient),
    )
    stops = bool(event.point) and not event.purpose
    same = [old for old in marks if old.refused == refused and old.stops is stops]
    act_time = max([event.evidence.act_time, *(old.act_time for old in same)])
    asked = event.evidence.act_time if event.kind is RefusalKind.REFUSED else Instant(0)
    asked_time = max([asked, *(old.asked_time for old in same)])
    mark = RefusalMark(position, event.kind, refused, act_time, recorded_time, stops, asked_time)
    return (*(old for old in marks if old not in same), mark)


def _with_suppression(
    marks: tuple[RefusalMark, ...], refused: Refused, act_time: Instant, recorded_time: Instant, position: Position
) -> tuple[RefusalMark, ...]:
    """Return the refusals with one that nobody said: as if it were said and recorded then."""
    old = next((mark for mark in marks if mark.refused == refused and not mark.stops), None)
    if old is None:
        return (*marks, RefusalMark(position, RefusalKind.SUPPRESSED, refused, act_time, recorded_time))
    if old.act_time >= act_time and old.recorded_time >= recorded_time:
        # A later no to the same stands already: it binds no less, and says what it is.
        return marks
    mark = RefusalMark(
        position,
        RefusalKind.SUPPRESSED,
        refused,
        Instant(max(old.act_time, act_time)),
        Instant(max(old.recorded_time, recorded_time)),
        asked_time=old.asked_time,
    )
    return (*(each for each in marks if each is not old), mark)


def _listed(point: PointState, event: ContactPointListed, position: Position) -> PointState:
    """Return the address with what a list says of it; of one list, what its newest edition said."""
    listing = Listing(event.list, event.kind, event.listed_time, event.recorded_time, position, event.purposes)
    point = replace(point, listings=(*_without(point.listings, event.kind, event.list), listing))
    match event.kind:
        case ListKind.REGISTRY:
            return point
        case ListKind.BOUNCED:
            return replace(point, bounced=position)
        case ListKind.COMPLAINED:
            return replace(point, complained=position)
        case ListKind.OWN:
            marks = point.refusals
            for purpose in event.purposes or ("",):
                refused = Refused(purpose)
                marks = _with_suppression(marks, refused, event.listed_time, event.recorded_time, position)
            return replace(point, refusals=marks)


def _without(listings: tuple[Listing, ...], kind: ListKind, code: str) -> tuple[Listing, ...]:
    return tuple(each for each in listings if (each.kind, each.list) != (kind, code))


def with_refusal(marks: tuple[RefusalMark, ...], mark: RefusalMark) -> tuple[RefusalMark, ...]:
    """Return the refusals with one of another member of the group: of one scope, the latest of both clocks stands."""
    same = [old for old in marks if old.refused == mark.refused and old.stops is mark.stops]
    if not same:
        return (*marks, mark)
    newest = max([*same, mark], key=lambda each: each.position)
    latest = replace(
        newest,
        act_time=max(each.act_time for each in (*same, mark)),
        recorded_time=max(each.recorded_time for each in (*same, mark)),
        asked_time=max(each.asked_time for each in (*same, mark)),
    )
    return (*(old for old in marks if old not in same), latest)


def _by_officer(state: CustomerState, event: _OfficerEvent, position: Position) -> CustomerState:
    match event:
        case OverlayAdded():
            return replace(state, overlays=(*state.overlays, Overlay(position, event.until)))
        case OverlayLifted():
            return replace(state, overlays=tuple(each for each in state.overlays if each.position != event.overlay))
        case CustomerRestricted() | RestrictionLifted():
            return replace(state, restricted=state.erasing or isinstance(event, CustomerRestricted))
        case CustomerMerged() | CustomerSplit():
            return _carried(state, event)


def _carried(state: CustomerState, event: CustomerMerged | CustomerSplit) -> CustomerState:
    refusals = state.refusals
    for each in event.refusals:
        refused = Refused(each.purpose, each.channel, each.topic, each.place, each.recipient)
        mark = RefusalMark(
            each.position, each.kind, refused, each.act_time, each.recorded_time, asked_time=each.asked_time
        )
        refusals = with_refusal(refusals, mark)
    known = {each.position for each in state.overlays}
    added = tuple(Overlay(each.position, each.until) for each in event.overlays if each.position not in known)
    return replace(state, refusals=refusals, overlays=state.overlays + added)


def _with_facts(facts: Facts, event: FactsRecorded, position: Position) -> Facts:
    told = {
        name: value
        for name in event.__struct_fields__
        if name != "links" and (value := getattr(event, name)) is not None
    }
    if event.contract_current is not None:
        told["contract_position"] = position
    if event.membership_current is not None:
        told["membership_position"] = position
    return replace(facts, position=position, **told)


def _with_activity(activity: Activity, event: ActivityReported, position: Position) -> Activity:
    time = event.act_time
    match event.kind:
        case ActivityKind.PURCHASE:
            newer = time >= activity.purchase_time
            bought = replace(activity, purchase_time=time, purchase_position=position) if newer else activity
            if event.objection_offered and time >= activity.sale_time:
                return replace(bought, sale_time=time, sale_position=position)
            return bought
        case ActivityKind.CLICK:
            return replace(activity, click_time=max(time, activity.click_time))
        case ActivityKind.ENQUIRY:
            return replace(activity, enquiry_time=max(time, activity.enquiry_time))
        case ActivityKind.PRESENCE:
            if time < activity.presence_time:
                return activity
            return replace(activity, presence_time=time, presence_place=event.place)
        case ActivityKind.ENGAGEMENT:
            return replace(activity, engagement_time=max(time, activity.engagement_time))
        case (
            ActivityKind.DONATION | ActivityKind.VOLUNTEERING | ActivityKind.MEMBERSHIP_END | ActivityKind.CONTRACT_END
        ):
            return replace(activity, acts=newest_acts((*activity.acts, ActMark(event.kind, time, position))))


def newest_acts(marks: Iterable[ActMark]) -> tuple[ActMark, ...]:
    """Return the newest act of each kind, by kind; of two at one instant, what was told last."""
    newest: dict[ActivityKind, ActMark] = {}
    for mark in sorted(marks, key=lambda each: (each.time, each.position)):
        newest[mark.kind] = mark
    return tuple(newest[kind] for kind in sorted(newest))


def _authorized(
    state: CustomerState, event: ContactAuthorized, position: Position, recorded_time: Instant
) -> CustomerState:
    before = find_contact(state, event.contact_id)
    if before is not None:
        state = _take(state, before.permission, -1 if before.status in HOLDING else 0)
    mark = ContactMark(
        key=code(event.contact_id),
        time=recorded_time,
        position=position,
        permission=event.permission,
        purpose=event.purpose,
        channel=event.channel,
        point=event.point,
        status=ContactStatus.AUTHORIZED,
        served=event.basis in _SERVED,
        asked=asked_code(event.topic, event.place, event.recipient)
        if event.confirms is None
        else confirms_code(event.confirms),
    )
    since = Instant(recorded_time - CONTACT_MEMORY_DAYS * DAY)
    kept = [old for old in contacts_newest_first(state, since) if old.key != mark.key]
    return _take(with_contacts(state, [mark, *kept]), event.permission, 1)


def _reported(state: CustomerState, event: ContactReported) -> CustomerState:
    key, after = code(event.contact_id), STATUS_AFTER[event.outcome]
    marks = contacts_newest_first(state)
    for index, mark in enumerate(marks):
        if mark.key == key:
            marks[index] = replace(mark, status=after)
            change = (after in HOLDING) - (mark.status in HOLDING)
            return _take(with_contacts(state, marks), mark.permission, change)
    return state


def _take(state: CustomerState, permission: Position | None, change: int) -> CustomerState:
    if permission is None or not change:
        return state
    marks = tuple(
        replace(mark, taken=max(0, mark.taken + change)) if mark.position == permission and mark.uses else mark
        for mark in state.permissions
    )
    return replace(state, permissions=marks)


def _with_fact(  # noqa: C901 - one case for each fact
    point: PointState, fact: PointFact, position: Position
) -> PointState:
    none = Position(0)
    match fact:
        case PointFact.BOUNCED:
            return replace(point, bounced=position)
        case PointFact.COMPLAINED:
            return replace(point, complained=position)
        case PointFact.REASSIGNED | PointFact.REPLY_UNCLEAR | PointFact.REPLY_SETTLED:
            raise AssertionError("folded with the time at which it became true")
        case PointFact.INVALID:
            return replace(point, invalid=position, verified=none)
        case PointFact.VERIFIED:
            return replace(point, verified=position, bounced=none, invalid=none)
        case PointFact.REGISTRY_LISTED:
            return replace(point, listed=position)
        case PointFact.REGISTRY_REMOVED:
            return replace(point, listed=none)
        case PointFact.GENERIC:
            return replace(point, generic=position)
        case PointFact.PERSONAL:
            return replace(point, generic=none)
        case PointFact.PUBLISHED:
            return replace(point, published=position)
        case PointFact.UNPUBLISHED:
            return replace(point, published=none)
