"""From requests to commands and questions: each field examined, every fault told at once."""

from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import Literal

from msgspec.structs import replace

from accord.domain.commands import (
    AddOverlay,
    AuthorizeContact,
    Confirm,
    Declaration,
    Grant,
    LiftOverlay,
    LiftRestriction,
    Link,
    Merge,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
    Restrict,
    Split,
    Token,
    Unlink,
)
from accord.domain.events import Artefact, FactsRecorded, Justification
from accord.domain.officer import MAX_GROUP, MAX_OVERLAID
from accord.domain.problems import Problem, invalid_fields, moved
from accord.domain.terms import (
    ActivityKind,
    CustomerKind,
    Declarant,
    Identifier,
    Method,
    Outcome,
    OverlayKind,
    PointFact,
    Position,
    Recorder,
    RefusalKind,
    ReplyMeaning,
    RestrictionGround,
)
from accord.rpc.wire import Examiner, names
from accord.service import confirmation_tokens as tokens
from accord.v1 import (
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    evidence_pb2,
    permission_pb2,
    permission_service_pb2,
)

MAX_ARTEFACTS = 8
MAX_REPLY = 10_000
"""Characters of a reply: what people write is shorter, and a message that was quoted is none of it."""

MAX_POSITION = 2**53 - 1

_METHODS = names(evidence_pb2.DeclarationMethod, "DECLARATION_METHOD_", Method)
_DECLARANTS = names(evidence_pb2.Declarant, "DECLARANT_", Declarant)
_RECORDERS = names(evidence_pb2.Recorder, "RECORDER_", Recorder)
_OUTCOMES = names(contact_service_pb2.ContactOutcome, "CONTACT_OUTCOME_", Outcome)
_ACTIVITIES = names(customer_service_pb2.ActivityKind, "ACTIVITY_KIND_", ActivityKind)
_FACTS = names(customer_service_pb2.ContactPointFact, "CONTACT_POINT_FACT_", PointFact)
_OVERLAYS = names(customer_service_pb2.OverlayKind, "OVERLAY_KIND_", OverlayKind)
_RESTRICTIONS = names(customer_service_pb2.RestrictionGround, "RESTRICTION_GROUND_", RestrictionGround)
_CUSTOMER_KINDS = names(customer_service_pb2.CustomerKind, "CUSTOMER_KIND_", CustomerKind)

_Text = Literal["country", "region", "time_zone", "language", "preferred_channel"]

SaidNo = (
    permission_service_pb2.RefuseRequest | permission_service_pb2.WithdrawRequest | permission_service_pb2.ObjectRequest
)


def question(asked: decision_pb2.Question, examiner: Examiner, at: str = "question.") -> Question:
    """Return the question; what only the catalogue knows is examined later."""
    before, examiner.at = examiner.at, at
    found = _question(asked, examiner, set())
    examiner.at = before
    return found


def questions(asked: Iterable[decision_pb2.Question]) -> list[Question | Problem]:
    """Return the questions of a batch in order, or what is wrong with one alone, its fields below `questions[i].`."""
    found: list[Question | Problem] = []
    sound: set[_Said] = set()
    examiner = Examiner("question.")
    for index, each in enumerate(asked):
        one: Question | Problem = _question(each, examiner, sound)
        if examiner.faults:
            one = moved(invalid_fields(tuple(examiner.faults)), "question.", f"questions[{index}].")
            examiner = Examiner("question.")
        found.append(one)
    return found


_Said = tuple[str, str, str, str, str]
"""Of a question: purpose, channel, topic, place, recipient."""


def _question(asked: decision_pb2.Question, examiner: Examiner, sound: set[_Said]) -> Question:
    """Return the question. `sound` is what was found without fault before, since most of a batch ask for the same."""
    customer = examiner.customer("customer", asked.customer)
    said = purpose, channel, topic, place, recipient = (
        asked.purpose,
        asked.channel,
        asked.topic,
        asked.place,
        asked.recipient,
    )
    if said not in sound and _is_sound(said, examiner):
        sound.add(said)
    return Question(
        customer=customer,
        purpose=purpose,
        channel=channel,
        topic=topic,
        place=place,
        recipient=recipient,
        contact_point=examiner.optional_point("contact_point", asked),
    )


def _is_sound(said: _Said, examiner: Examiner) -> bool:
    purpose, channel, topic, place, recipient = said
    faults = len(examiner.faults)
    examiner.code("purpose", purpose, required=True)
    examiner.code("channel", channel)
    # Most questions leave these out, and this is asked on every check.
    if topic or place or recipient:
        examiner.code("topic", topic)
        examiner.code("place", place)
        examiner.code("recipient", recipient)
    return len(examiner.faults) == faults


def grant(request: permission_service_pb2.GrantRequest, examiner: Examiner) -> Grant:
    """Return the command."""
    return Grant(
        customer=examiner.customer("customer", request.customer),
        evidence=evidence(request.evidence, examiner, to_grant=True),
        purposes=examiner.codes("purposes", request.purposes),
        channels=examiner.codes("channels", request.channels),
        contact_point=examiner.optional_point("contact_point", request),
        topics=examiner.codes("topics", request.topics),
        places=examiner.codes("places", request.places),
        recipients=examiner.codes("recipients", request.recipients),
        valid_from=examiner.instant("valid_from", request, "valid_from"),
        valid_until=examiner.instant("valid_until", request, "valid_until"),
    )


def confirm(request: permission_service_pb2.ConfirmRequest, examiner: Examiner) -> Confirm:
    """Return the command."""
    told = evidence(request.evidence, examiner)
    if request.confirmation_token:
        return Confirm(evidence=told, token=_token(request, examiner))
    return Confirm(
        customer=examiner.customer("customer", request.customer),
        evidence=told,
        permission=_position("permission_position", request.permission_position, examiner),
    )


def refuse(request: SaidNo, kind: RefusalKind, examiner: Examiner) -> Refuse:
    """Return the command."""
    scope: permission_pb2.RefusalScope = request.scope
    return Refuse(
        kind=kind,
        customer=examiner.customer("customer", request.customer),
        evidence=evidence(request.evidence, examiner),
        purpose=examiner.code("scope.purpose", scope.purpose),
        channel=examiner.code("scope.channel", scope.channel),
        contact_point=examiner.optional_point("scope.contact_point", scope),
        topic=examiner.code("scope.topic", scope.topic),
        place=examiner.code("scope.place", scope.place),
        recipient=examiner.code("scope.recipient", scope.recipient),
    )


def reply(
    request: permission_service_pb2.RecordReplyRequest, examiner: Examiner, meaning: ReplyMeaning
) -> Refuse | ReportContactPoint:
    """Return the command by which a reply of this meaning is recorded, were anything to be recorded of it."""
    point = examiner.contact_point("contact_point", request.contact_point)
    if len(request.text) > MAX_REPLY:
        limit = f"must have at most {MAX_REPLY:,} characters"
        examiner.fault("text", f"{limit}: leave out what was quoted, or read it and tell a no by Withdraw")
    told = evidence(request.evidence, examiner)
    digest = Artefact(sha256(request.text.encode()).hexdigest(), "text/plain")
    told = replace(told, artefacts=(*told.artefacts, digest))
    if meaning is ReplyMeaning.UNCLEAR:
        fact = PointFact.REPLY_UNCLEAR
        return ReportContactPoint(contact_point=point, fact=fact, act_time=told.act_time, evidence=told)
    return Refuse(kind=RefusalKind.WITHDRAWN, customer=point, evidence=told, contact_point=point)


def link(request: customer_service_pb2.LinkRequest, examiner: Examiner) -> Link:
    """Return the command."""
    return Link(
        customer=examiner.customer("customer", request.customer),
        contact_point=examiner.contact_point("contact_point", request.contact_point),
    )


def unlink(request: customer_service_pb2.UnlinkRequest, examiner: Examiner) -> Unlink:
    """Return the command."""
    return Unlink(
        customer=examiner.customer("customer", request.customer),
        contact_point=examiner.contact_point("contact_point", request.contact_point),
    )


def record_facts(request: customer_service_pb2.RecordFactsRequest, examiner: Examiner) -> RecordFacts:
    """Return the command; a field not set stays None and changes nothing."""
    told = request.facts
    if not told.ListFields():
        examiner.fault("facts", "is required: set at least one fact")

    def text(name: _Text) -> str | None:
        return examiner.code(f"facts.{name}", getattr(told, name)) if told.HasField(name) else None

    return RecordFacts(
        customer=examiner.customer("customer", request.customer),
        facts=FactsRecorded(
            country=text("country"),
            region=text("region"),
            time_zone=text("time_zone"),
            language=text("language"),
            preferred_channel=text("preferred_channel"),
            kind=examiner.member("facts.kind", told.kind, _CUSTOMER_KINDS) if told.HasField("kind") else None,
            birth_year=told.birth_year if told.HasField("birth_year") else None,
            guardian_known=told.guardian_known if told.HasField("guardian_known") else None,
            deceased=told.deceased if told.HasField("deceased") else None,
            contract_current=told.contract_current if told.HasField("contract_current") else None,
            membership_current=told.membership_current if told.HasField("membership_current") else None,
            paused_until=examiner.instant("facts.paused_until", told, "paused_until") or None,
        ),
    )


def report_activity(request: customer_service_pb2.ReportActivityRequest, examiner: Examiner) -> ReportActivity:
    """Return the command."""
    return ReportActivity(
        customer=examiner.customer("customer", request.customer),
        kind=examiner.member("kind", request.kind, _ACTIVITIES),
        act_time=examiner.instant("act_time", request, "act_time"),
        place=examiner.code("place", request.place),
        objection_offered=request.objection_offered,
    )


def report_contact_point(
    request: customer_service_pb2.ReportContactPointRequest, examiner: Examiner
) -> ReportContactPoint:
    """Return the command."""
    return ReportContactPoint(
        contact_point=examiner.contact_point("contact_point", request.contact_point),
        fact=examiner.member("fact", request.fact, _FACTS),
        act_time=examiner.instant("act_time", request, "act_time"),
    )


def merge(request: customer_service_pb2.MergeRequest, examiner: Examiner) -> Merge:
    """Return the command."""
    return Merge(
        customers=_customers(request.customers, examiner, 2, MAX_GROUP),
        justification=_justification(request.justification, examiner),
    )


def split(request: customer_service_pb2.SplitRequest, examiner: Examiner) -> Split:
    """Return the command."""
    return Split(
        customer=examiner.customer("customer", request.customer),
        justification=_justification(request.justification, examiner),
    )


def overlay(request: customer_service_pb2.OverlayRequest, examiner: Examiner) -> AddOverlay | LiftOverlay:
    """Return the command; which one, the change says."""
    lifts = request.WhichOneof("change") == "lift"
    customers = _customers(request.customers, examiner, 1, 1 if lifts else MAX_OVERLAID)
    justification = _justification(request.justification, examiner)
    if lifts:
        if not 0 < request.lift.position <= MAX_POSITION:
            examiner.fault("lift.position", f"must be 1 to {MAX_POSITION}")
        position = Position(request.lift.position)
        examiner.done()
        return LiftOverlay(customer=customers[0], overlay=position, justification=justification)
    if request.WhichOneof("change") is None:
        examiner.fault("change", "is required: set add or lift")
        examiner.done()
    return AddOverlay(
        customers=customers,
        kind=examiner.member("add.kind", request.add.kind, _OVERLAYS),
        until=examiner.instant("add.until", request.add, "until"),
        justification=justification,
    )


def restrict(request: customer_service_pb2.RestrictRequest, examiner: Examiner) -> Restrict | LiftRestriction:
    """Return the command; which one, the change says."""
    customer = examiner.customer("customer", request.customer)
    justification = _justification(request.justification, examiner)
    if request.WhichOneof("change") == "lift":
        informed_time = examiner.instant("lift.informed_time", request.lift, "informed_time")
        if not request.lift.HasField("informed_time"):
            examiner.fault("lift.informed_time", "is required: the customer is told first (GDPR art. 18(3))")
        return LiftRestriction(customer=customer, informed_time=informed_time, justification=justification)
    if request.WhichOneof("change") is None:
        examiner.fault("change", "is required: set begin or lift")
        examiner.done()
    ground = examiner.member("begin.ground", request.begin.ground, _RESTRICTIONS)
    return Restrict(customer=customer, ground=ground, justification=justification)


def _customers(
    keys: Collection[customer_pb2.CustomerKey], examiner: Examiner, least: int, most: int
) -> tuple[Identifier, ...]:
    if not least <= len(keys) <= most:
        wanted = f"{least} item" if least == most else f"{least} to {most} items"
        examiner.fault("customers", f"must have {wanted}")
        return ()
    return tuple(examiner.customer(f"customers[{index}]", key) for index, key in enumerate(keys))


def _justification(told: customer_service_pb2.Justification, examiner: Examiner) -> Justification:
    return Justification(
        reason=examiner.code("justification.reason", told.reason, required=True),
        officer_id=examiner.code("justification.officer_id", told.officer_id),
        artefacts=_artefacts(told, examiner, "justification"),
    )


def authorize_contact(request: contact_service_pb2.AuthorizeContactRequest, examiner: Examiner) -> AuthorizeContact:
    """Return the command."""
    return AuthorizeContact(
        contact_id=examiner.code("contact_id", request.contact_id, required=True),
        question=question(request.question, examiner),
        confirms=_position("confirms_position", request.confirms_position, examiner) or None,
    )


def report_contact(request: contact_service_pb2.ReportContactRequest, examiner: Examiner) -> ReportContact:
    """Return the command."""
    return ReportContact(
        contact_id=examiner.code("contact_id", request.contact_id, required=True),
        outcome=examiner.member("outcome", request.outcome, _OUTCOMES),
        outcome_time=examiner.instant("outcome_time", request, "outcome_time"),
    )


def _position(field: str, position: int, examiner: Examiner) -> Position:
    if position > MAX_POSITION:
        examiner.fault(field, f"must be at most {MAX_POSITION}")
    return Position(position)


def _token(request: permission_service_pb2.ConfirmRequest, examiner: Examiner) -> Token:
    """Return what the token says. One that is none is told by the writer, as one that no longer counts."""
    named = {"customer": request.HasField("customer"), "permission_position": bool(request.permission_position)}
    for field in (field for field, told in named.items() if told):
        examiner.fault(field, "must be left out: the token says whose confirmation it is, and of what")
    return tokens.read(request.confirmation_token) or Token(b"", b"")


def evidence(told: evidence_pb2.Evidence, examiner: Examiner, *, to_grant: bool = False) -> Declaration:
    """Return how we know; only a grant needs the language of its notice."""
    return Declaration(
        touchpoint=examiner.code("evidence.touchpoint", told.touchpoint, required=True),
        notice=examiner.code("evidence.notice", told.notice),
        language=examiner.code("evidence.language", told.language, required=to_grant),
        method=examiner.member("evidence.method", told.method, _METHODS),
        declarant=examiner.member("evidence.declarant", told.declarant, _DECLARANTS),
        recorder=examiner.member("evidence.recorder", told.recorder, _RECORDERS),
        recorder_id=examiner.code("evidence.recorder_id", told.recorder_id),
        act_time=examiner.instant("evidence.act_time", told, "act_time"),
        artefacts=_artefacts(told, examiner, "evidence"),
    )


def _artefacts(
    told: evidence_pb2.Evidence | customer_service_pb2.Justification, examiner: Examiner, within: str
) -> tuple[Artefact, ...]:
    if len(told.artefacts) > MAX_ARTEFACTS:
        examiner.fault(f"{within}.artefacts", f"must have at most {MAX_ARTEFACTS} items")
        return ()
    found = []
    for index, each in enumerate(told.artefacts):
        at = f"{within}.artefacts[{index}]"
        if len(each.sha256) != 32:
            examiner.fault(f"{at}.sha256", "must be 32 bytes")
        found.append(Artefact(each.sha256.hex(), examiner.code(f"{at}.media_type", each.media_type, required=True)))
    return tuple(found)
