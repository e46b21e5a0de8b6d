"""May this be written, and as what? Turns a command into the event the ledger will keep, or says why not.

Rules. A permission is given by an act of the customer or a guardian, on a notice of the catalogue,
and covers what that notice lists; one dated in the future is rejected. A refusal is never turned
away for its date or for who said it: the future is clamped to now. Facts that come late are
recorded. Nothing here decides whether a contact may happen, but for `authorize`, which is `decide`
and an event in one.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from accord.domain import calendar
from accord.domain.catalogue import Catalogue, Level, Notice, examine
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Confirm,
    Declaration,
    Grant,
    Link,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
    Token,
    Unlink,
)
from accord.domain.decide import examine_question
from accord.domain.decision import Customer, Decision
from accord.domain.events import (
    ActivityReported,
    CatalogueApplied,
    ContactAuthorized,
    ContactPointReported,
    ContactReported,
    Evidence,
    FactsRecorded,
    IdentifierLinked,
    IdentifierUnlinked,
    PermissionConfirmed,
    PermissionGranted,
    PermissionRefused,
)
from accord.domain.events import Link as LinkMade
from accord.domain.fold import confirmation_of, find_contact
from accord.domain.full_view import answered, completed
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem, Violation, invalid, invalid_fields, unknown
from accord.domain.scope import asked_code
from accord.domain.terms import (
    DAY,
    HOUR,
    NEVER,
    NOT_BY_ACT,
    ContactStatus,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Position,
    PurposeClass,
    Reason,
    Recorder,
    Verdict,
)

MAX_PERMISSIONS = 1000
"""How many permissions one customer's state holds at most."""

MAX_IDENTIFIERS = 1000
"""How many identifiers one customer is given at most."""

MAX_IDENTIFIERS_EVER = 60_000
"""The same where a no is at stake: as many as the packed state can number."""


class Authorization(Struct, frozen=True):
    """The answer to AuthorizeContact. `event` is None when nothing new is taken."""

    decision: Decision
    event: ContactAuthorized | None = None
    repeat: bool = False


def admit_grant(customer: Customer, command: Grant, policy: Policy, now: Instant) -> PermissionGranted | Problem:
    """Return the permission as the touchpoint's level and the notice's lists make it."""
    touchpoint = policy.touchpoints.get(command.evidence.touchpoint)
    if touchpoint is None:
        return _touchpoint_unknown(policy)
    found = _notice(command.evidence, touchpoint.notice, policy)
    if isinstance(found, Problem):
        return found
    level = policy.levels[touchpoint.level]
    faults = (*_grant_faults(command, found, level, now), *_evidence_faults(command.evidence, now))
    if faults:
        return invalid_fields(faults)
    if command.evidence.method in NOT_BY_ACT:
        return _not_a_permission()
    strange = sorted(set(command.places) - policy.places)
    if strange:
        at = f"places[{command.places.index(strange[0])}]"
        return unknown(ErrorReason.PLACE_UNKNOWN, at, "place", sorted(policy.places))
    if len(customer.state.permissions) >= MAX_PERMISSIONS:
        return _full("permissions", MAX_PERMISSIONS)
    return _granted(customer, command, found, level, policy, now)


def _granted(  # noqa: PLR0913 - all of it goes into the permission
    customer: Customer, command: Grant, notice: Notice, level: Level, policy: Policy, now: Instant
) -> PermissionGranted | Problem:
    links = _links(customer, command.customer, command.contact_point)
    if isinstance(links, Problem):
        return links
    act_time = command.evidence.act_time or now
    start = command.valid_from or act_time
    ends = [end for end in (start + level.valid_days * DAY if level.valid_days else 0, command.valid_until) if end]
    purposes = command.purposes or notice.purposes
    classes = {policy.purposes[code].purpose_class for code in purposes}
    channels = set(command.channels or notice.channels) if classes - {PurposeClass.PROCESSING} else set()
    return PermissionGranted(
        links=links,
        evidence=_evidence(command.evidence, notice.code, act_time),
        level=level.code,
        purposes=tuple(sorted(purposes)),
        channels=tuple(sorted(channels | ({""} if PurposeClass.PROCESSING in classes else set()))),
        point=_number(customer, links, command.contact_point),
        topics=tuple(sorted(command.topics)),
        places=tuple(sorted(command.places)),
        recipients=tuple(sorted(command.recipients)),
        valid_from=start,
        valid_until=Instant(min(ends, default=0)),
        uses=level.uses,
        confirm_until=Instant(now + level.confirmation_hours * HOUR) if level.confirmation_hours else NEVER,
        link_only=_link_only(level),
    )


def admit_confirm(customer: Customer, command: Confirm, policy: Policy, now: Instant) -> PermissionConfirmed | Problem:
    """Return the confirmation of a pending permission; whether it came in time is for `fold` to say."""
    if command.evidence.touchpoint not in policy.touchpoints:
        return _touchpoint_unknown(policy)
    if faults := tuple(_evidence_faults(command.evidence, now)):
        return invalid_fields(faults)
    if command.evidence.method in NOT_BY_ACT:
        return _not_a_permission()
    if command.evidence.recorder is Recorder.IMPORT:
        return invalid("evidence.recorder", "must not be an import: an import never completes an opt-in")
    act_time = command.evidence.act_time or now
    evidence = _evidence(command.evidence, command.evidence.notice, act_time)
    if command.token is not None:
        return _by_token(customer, command.token, evidence)
    pending = any(mark.position == command.permission and mark.pending_until for mark in customer.state.permissions)
    if not pending:
        return permission_unknown("permission_position")
    if evidence.method is Method.CONFIRMATION_LINK:
        return _token_required("evidence.method", "must not be a click on the link, which its token proves; name it")
    if confirmation_of(customer.state, command.permission).link_only:
        why = "names a permission that only a click on the link confirms; name its token"
        return _token_required("permission_position", why)
    return PermissionConfirmed(evidence=evidence, permission=command.permission)


def clicked_before(customer: Customer, token: Token) -> tuple[Position, Position] | None:
    """Return the permission that this very token answered before, and the entry that told so; None if it did not."""
    for mark in customer.state.confirmations:
        if mark.token_sha256 == token.sha256 and mark.clicked:
            return mark.permission, mark.clicked
    return None


def _by_token(customer: Customer, token: Token, evidence: Evidence) -> PermissionConfirmed | Problem:
    """Return the click. What became of the permission meanwhile is for `fold` to say."""
    if evidence.method is not Method.CONFIRMATION_LINK:
        return invalid("evidence.method", "must be a click on the link when its token is named")
    for mark in customer.state.confirmations:
        if mark.token_sha256 != token.sha256:
            continue
        for permission in customer.state.permissions:
            if permission.position == mark.permission:
                return PermissionConfirmed(
                    evidence=replace(evidence, notice=evidence.notice or permission.notice),
                    permission=mark.permission,
                    point=permission.granted.point,
                    token_sha256=token.sha256.hex(),
                )
    return token_invalid()


def admit_refuse(customer: Customer, command: Refuse, policy: Policy, now: Instant) -> PermissionRefused | Problem:
    """Return the refusal. Its date never turns it away; a branch nobody knows is a mistake and said so."""
    if command.evidence.touchpoint not in policy.touchpoints:
        return _touchpoint_unknown(policy)
    if command.purpose and not policy.knows_branch(command.purpose):
        return unknown(ErrorReason.PURPOSE_UNKNOWN, "scope.purpose", "purpose or branch", list(policy.purposes))
    if command.channel and command.channel not in policy.channels:
        return unknown(ErrorReason.CHANNEL_UNKNOWN, "scope.channel", "channel", list(policy.channels))
    if command.place and command.place not in policy.places:
        return unknown(ErrorReason.PLACE_UNKNOWN, "scope.place", "place", sorted(policy.places))
    point = command.contact_point
    if point and command.channel and point.kind is not policy.channels[command.channel].contact_point_kind:
        # Kept as told it would bind no question ever.
        wanted = policy.channels[command.channel].contact_point_kind.value
        return invalid("scope.contact_point.kind", f"must be {wanted} on this channel; or name no channel")
    by_address = command.customer.kind is not IdentifierKind.CUSTOMER_ID
    links = _links(customer, command.customer, point, limited=False)
    if isinstance(links, Problem):
        return links
    act_time = Instant(min(command.evidence.act_time or now, now))
    return PermissionRefused(
        links=links,
        kind=command.kind,
        evidence=_evidence(command.evidence, command.evidence.notice, act_time),
        purpose=command.purpose,
        channel=command.channel,
        point=_number(customer, links, point),
        via=_number(customer, links, command.customer) if by_address and point is None else 0,
        topic=command.topic,
        place=command.place,
        recipient=command.recipient,
    )


def admit_link(customer: Customer, command: Link) -> IdentifierLinked | Problem:
    """Return the link; one that stands already is recorded again without effect."""
    links = _links(customer, command.customer, command.contact_point)
    return links if isinstance(links, Problem) else IdentifierLinked(links=links)


def admit_unlink(customer: Customer, command: Unlink) -> IdentifierUnlinked | Problem:
    """Return the unlinking of an address the customer holds."""
    number = customer.numbers.get(command.contact_point)
    if number is None:
        fault = Violation("contact_point", "must be linked to this customer")
        return Problem(ErrorReason.CONTACT_POINT_NOT_LINKED, "the address is not linked", (fault,))
    return IdentifierUnlinked(number=number)


def admit_facts(customer: Customer, command: RecordFacts, policy: Policy, now: Instant) -> FactsRecorded | Problem:
    """Return the facts told; codes must be ones the rules can read."""
    facts = command.facts
    faults = []
    if facts.country and not calendar.country_known(facts.country):
        faults.append(Violation("facts.country", "must be an ISO 3166-1 alpha-2 code such as FR"))
    if facts.time_zone and not calendar.zone_known(facts.time_zone):
        faults.append(Violation("facts.time_zone", "must be an IANA time zone such as Indian/Reunion"))
    if facts.birth_year is not None and not 1850 <= facts.birth_year <= calendar.year_of(now):
        faults.append(Violation("facts.birth_year", "must be a year from 1850 to now"))
    if facts.preferred_channel and facts.preferred_channel not in policy.channels:
        return unknown(ErrorReason.CHANNEL_UNKNOWN, "facts.preferred_channel", "channel", list(policy.channels))
    if faults:
        return invalid_fields(tuple(faults))
    links = _links(customer, command.customer)
    return links if isinstance(links, Problem) else replace(facts, links=links)


def admit_activity(
    customer: Customer, command: ReportActivity, policy: Policy, now: Instant
) -> ActivityReported | Problem:
    """Return the activity; the future is rejected."""
    if command.act_time > now:
        return invalid("act_time", "must not lie in the future")
    if command.place and command.place not in policy.places:
        return unknown(ErrorReason.PLACE_UNKNOWN, "place", "place", sorted(policy.places))
    links = _links(customer, command.customer)
    if isinstance(links, Problem):
        return links
    return ActivityReported(
        links=links,
        kind=command.kind,
        act_time=command.act_time or now,
        place=command.place,
        objection_offered=command.objection_offered,
    )


def admit_contact_point(
    customer: Customer, command: ReportContactPoint, policy: Policy, now: Instant
) -> ContactPointReported | Problem:
    """Return the fact of the address; the future is clamped."""
    told = command.evidence
    if told is not None and told.touchpoint not in policy.touchpoints:
        return _touchpoint_unknown(policy)
    links = _links(customer, command.contact_point, limited=False)
    if isinstance(links, Problem):
        return links
    act_time = Instant(min(command.act_time or now, now))
    number = _number(customer, links, command.contact_point)
    evidence = _evidence(told, told.notice, act_time) if told else None
    return ContactPointReported(links=links, number=number, fact=command.fact, act_time=act_time, evidence=evidence)


def admit_erasure_evidence(told: Declaration, policy: Policy, now: Instant) -> Evidence | Problem:
    """Return how we know that an erasure was asked for; it stays with the brand, so no notice goes with it."""
    if told.touchpoint not in policy.touchpoints:
        return _touchpoint_unknown(policy)
    if faults := tuple(_evidence_faults(told, now)):
        return invalid_fields(faults)
    return _evidence(told, "", told.act_time or now)


def admit_report(command: ReportContact, now: Instant) -> ContactReported:
    """Return the report, whenever it comes: a ledger does not refuse facts."""
    return ContactReported(
        contact_id=command.contact_id,
        outcome=command.outcome,
        outcome_time=Instant(min(command.outcome_time or now, now)),
    )


def admit_catalogue(command: ApplyCatalogue, before: Catalogue | None, version: int) -> CatalogueApplied | Problem:
    """Return the catalogue as the version after `version`, or every fault of it."""
    if command.expected_version and command.expected_version != version:
        fault = Violation("expected_version", f"the version that counts now is {version}")
        metadata = {"field": "expected_version", "version": str(version)}
        return Problem(ErrorReason.CATALOGUE_CHANGED, "another version counts now", (fault,), metadata)
    return faulty(command.catalogue, before) or CatalogueApplied(version=version + 1, catalogue=command.catalogue)


def faulty(catalogue: Catalogue, before: Catalogue | None) -> Problem | None:
    """Return every fault of a catalogue that would follow another, None where it has none."""
    if faults := examine(catalogue, before):
        fields = ", ".join(fault.field for fault in faults[:20])
        return Problem(ErrorReason.CATALOGUE_INVALID, "the catalogue has faults", faults[:100], {"fields": fields})
    return None


def authorize(  # noqa: PLR0913 - a contact has this many sides
    customer: Customer | None,
    command: AuthorizeContact,
    policy: Policy,
    now: Instant,
    *,
    seen: bool = False,
    full: bool = False,
    others: Sequence[Customer] = (),
) -> Authorization | Problem:
    """Check and count in one step. A contact not yet reported is judged anew and keeps what it holds.

    `seen`: the ledger knows this contact of this customer, even if the state no longer remembers it.
    `others` are the same customer under other readings of the facts, where they are merged; the lowest
    answer stands.
    """
    question = command.question
    if problem := examine_question(question, policy) or _class_fault(question, policy):
        return problem
    if customer is None:
        return Authorization(answered((None,), question, policy, now, full=full))
    readings = (customer, *others)
    own = find_contact(customer.state, command.contact_id)
    asked = (question.purpose, question.channel, asked_code(question.topic, question.place, question.recipient))
    if own is not None and (own.purpose, own.channel, own.asked) != asked:
        return contact_id_reused()
    if own is None and seen:
        # Older than the state's memory: whatever became of it, it is not made again.
        found = Decision(Verdict.DENY, Reason.CONTACT_ALREADY_REPORTED, now, policy.version)
        return Authorization(completed(found, readings, question, policy) if full else found)
    decision = answered(readings, question, policy, now, own_contact=own, full=full)
    if decision.verdict is not Verdict.ALLOW:
        return Authorization(decision)
    repeat = own is not None and own.status is ContactStatus.AUTHORIZED
    named = question.contact_point or question.customer
    point = _contacted(customer, named, policy.channels[question.channel].contact_point_kind)
    if own is not None and own.point and point and own.point != point:
        return contact_id_reused()
    if own is not None and (own.permission, own.point) == (decision.permission, point):
        return Authorization(decision, None, repeat)
    event = ContactAuthorized(
        contact_id=command.contact_id,
        channel=question.channel,
        purpose=question.purpose,
        point=point,
        topic=question.topic,
        place=question.place,
        recipient=question.recipient,
        basis=decision.basis,
        permission=decision.permission,
        positions=decision.positions,
        policy_version=policy.version,
    )
    return Authorization(decision, event, repeat)


def _class_fault(question: Question, policy: Policy) -> Problem | None:
    match policy.purposes[question.purpose].purpose_class:
        case PurposeClass.PROCESSING:
            text = "must be a purpose of contact; ask Check for purposes of class processing"
            return invalid("question.purpose", text)
        case PurposeClass.CONFIRMATION:
            return invalid("confirms_position", "is required for a purpose of class confirmation")
        case _:
            return None


def permission_unknown(field: str) -> Problem:
    """Say that no pending permission stands at the position a field names."""
    fault = Violation(field, "must be the position of a pending permission of this customer")
    return Problem(ErrorReason.PERMISSION_UNKNOWN, "no such pending permission", (fault,), {"field": field})


def token_invalid() -> Problem:
    """Say that a confirmation token is none, or no longer counts: whoever holds it learns no more than that."""
    fault = Violation("confirmation_token", "must be the newest one sent to the address, whole")
    metadata = {"field": "confirmation_token"}
    return Problem(ErrorReason.TOKEN_INVALID, "the confirmation token confirms nothing", (fault,), metadata)


def contact_id_reused() -> Problem:
    """Say that a contact was authorised before with another question."""
    fault = Violation("contact_id", "was authorised before with another question; use a new one")
    metadata = {"field": "contact_id"}
    return Problem(ErrorReason.CONTACT_ID_REUSED, "the contact_id names another contact", (fault,), metadata)


def _contacted(customer: Customer, named: Identifier, kind: IdentifierKind | None) -> int:
    """Return the number of the address that will be used, where it can be only one; 0 otherwise."""
    if named.kind is kind and named in customer.numbers:
        return customer.numbers[named]
    fitting = [point.number for point in customer.points if point.kind is kind]
    return fitting[0] if len(fitting) == 1 else 0


def _grant_faults(command: Grant, notice: Notice, level: Level, now: Instant) -> Iterable[Violation]:
    for code in command.purposes:
        if code not in notice.purposes:
            yield Violation("purposes", f"must be among those the notice lists: {', '.join(notice.purposes)}")
    for code in command.channels:
        if code not in notice.channels:
            yield Violation("channels", f"must be among those the notice lists: {', '.join(notice.channels)}")
    wanted: Mapping[str, tuple[bool, tuple[str, ...]]] = {
        "topics": (level.topics_required, command.topics),
        "places": (level.places_required, command.places),
        "recipients": (level.recipients_required, command.recipients),
    }
    for field, (required, given) in wanted.items():
        if required and not given:
            yield Violation(field, f"is required: the level {level.code} is limited by {field}")
        if given and field == "recipients" and not required:
            yield Violation(field, f"must be empty: the level {level.code} names no third parties")
    if _link_only(level) and command.contact_point is None:
        yield Violation("contact_point", f"is required: the level {level.code} is confirmed by a link sent to it")
    start = command.valid_from or command.evidence.act_time or now
    if command.valid_until and command.valid_until <= start:
        yield Violation("valid_until", "must be later than valid_from")


def _evidence_faults(evidence: Declaration, now: Instant) -> Iterable[Violation]:
    if evidence.act_time > now:
        yield Violation("evidence.act_time", "must not lie in the future")


def _notice(evidence: Declaration, shown_now: str, policy: Policy) -> Notice | Problem:
    notice = policy.notices.get(evidence.notice or shown_now)
    if notice is None:
        return unknown(ErrorReason.NOTICE_UNKNOWN, "evidence.notice", "notice", list(policy.notices))
    if evidence.language not in notice.languages:
        return unknown(ErrorReason.NOTICE_UNKNOWN, "evidence.language", "language of the notice", notice.languages)
    return notice


def _evidence(told: Declaration, notice: str, act_time: Instant) -> Evidence:
    return Evidence(
        touchpoint=told.touchpoint,
        method=told.method,
        declarant=told.declarant,
        recorder=told.recorder,
        act_time=act_time,
        notice=notice,
        language=told.language,
        recorder_id=told.recorder_id,
        artefacts=told.artefacts,
    )


def _links(customer: Customer, *identifiers: Identifier | None, limited: bool = True) -> tuple[LinkMade, ...] | Problem:
    """Return the identifiers the customer does not hold yet, numbered on."""
    new = dict.fromkeys(each for each in identifiers if each is not None and each not in customer.numbers)
    first = customer.state.identifiers + 1
    limit = MAX_IDENTIFIERS if limited else MAX_IDENTIFIERS_EVER
    if new and customer.state.identifiers + len(new) > limit:
        return _full("identifiers", limit)
    return tuple(LinkMade(each.kind, each.value, first + index) for index, each in enumerate(new))


def _number(customer: Customer, links: tuple[LinkMade, ...], identifier: Identifier | None) -> int:
    if identifier is None:
        return 0
    made = {link.identifier: link.number for link in links}
    return customer.numbers.get(identifier) or made[identifier]


def _link_only(level: Level) -> bool:
    return bool(level.confirmation_hours) and not level.confirmed_otherwise


def _token_required(field: str, description: str) -> Problem:
    fault = Violation(field, description)
    message = "the confirmation token of the link is required"
    return Problem(ErrorReason.TOKEN_REQUIRED, message, (fault,), {"field": field})


def _touchpoint_unknown(policy: Policy) -> Problem:
    return unknown(ErrorReason.TOUCHPOINT_UNKNOWN, "evidence.touchpoint", "touchpoint", list(policy.touchpoints))


def _not_a_permission() -> Problem:
    fault = Violation(
        "evidence.method", "must be an affirmative act: not a pre-ticked box, silence, bundled terms or engagement"
    )
    metadata = {"field": "evidence.method"}
    return Problem(ErrorReason.NOT_A_PERMISSION, "the act recorded gives no permission", (fault,), metadata)


def _full(what: str, limit: int) -> Problem:
    fault = Violation("customer", f"holds {limit} {what} already, as many as one customer can")
    return Problem(
        ErrorReason.CUSTOMER_FULL, "the customer is full", (fault,), {"field": "customer", "limit": str(limit)}
    )
