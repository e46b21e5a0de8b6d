"""Every call of the client as a value: which method, what is asked, how the answer is read, what an outage means.

Pure but for one drawn identifier: a write that was given no request_id gets one here, once, so that
every attempt carries the same and Accord answers the second with what it did at the first. Both
flavours of the client run these values; neither knows the wire. Arguments are judged on the way in
(`arguments`), so what is below the line of the wire may take them as they are annotated.

`undecided` says what an outage amounts to. Questions have one, and it is a no. Writes other than
authorise have none: a caller must know that a withdrawal was not recorded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, Unpack
from uuid import uuid4

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from accord.client import reading
from accord.client.answers import (
    Answer,
    Authorization,
    Granted,
    HistoryPage,
    Imported,
    Listed,
    PastAnswer,
    Reach,
    Receipt,
    Refused,
    ReplayPage,
    Reply,
    Reported,
    StandingPage,
    Verdict,
    undecided,
)
from accord.client.arguments import judged, mistaken
from accord.client.connection import Services
from accord.client.failures import CallFailedError
from accord.client.forecast import ForecastPart
from accord.client.values import (
    ActivityKind,
    Artefact,
    Chosen,
    ContactOutcome,
    ContactPoint,
    ContactPointFact,
    Customer,
    Evidence,
    Facts,
    ImportedNo,
    ImportedPermission,
    ImportedRefusal,
    ImportSource,
    Justification,
    Narrowing,
    OverlayKind,
    Position,
    Question,
    RestrictionGround,
    Scope,
    SuppressionList,
)
from accord.v1 import (
    audit_service_pb2,
    catalogue_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    import_service_pb2,
    permission_pb2,
    permission_service_pb2,
)

Value = TypeVar("Value")

PAGE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class Call(Generic[Value]):
    """One call. Every one is safe to attempt again: it asks, or carries a request_id or a contact_id."""

    method: Callable[[Services], Callable[..., Any]]
    request: Message
    read: Callable[[Any], Value]
    undecided: Callable[[CallFailedError], Value] | None = None
    writes: bool = False
    takes_long: bool = False
    """It may take as long as a write."""


# --- questions ----------------------------------------------------------------------------------


@judged
def check(
    brand: str,
    customer: Customer,
    channel: str,
    purpose: str,
    at_least_as_fresh: str,
    *,
    full: bool,
    language: str,
    **narrowing: Unpack[Narrowing],
) -> Call[Answer]:
    """Ask one question."""
    question = Question(customer, channel, purpose, **narrowing)
    request = decision_service_pb2.CheckRequest(
        brand=brand,
        question=_question(question),
        view=_view(full=full),
        at_least_as_fresh=at_least_as_fresh,
        language=language,
    )
    return Call(lambda it: it.decisions.Check, request, reading.answer, undecided)


@judged
def check_past(
    brand: str,
    customer: Customer,
    channel: str,
    purpose: str,
    as_of: datetime,
    as_known_at: datetime | None,
    as_known_by: str,
    *,
    full: bool,
    language: str,
    **narrowing: Unpack[Narrowing],
) -> Call[PastAnswer]:
    """Ask one question about the past."""
    question = Question(customer, channel, purpose, **narrowing)
    request = decision_service_pb2.CheckRequest(
        brand=brand,
        question=_question(question),
        view=_view(full=full),
        as_of=_instant(as_of),
        as_known_at=_instant(as_known_at),
        as_known_by=as_known_by,
        language=language,
    )
    return Call(lambda it: it.decisions.Check, request, reading.past_answer)


@judged
def batch_check(
    brand: str, questions: Sequence[Question], at_least_as_fresh: str, *, full: bool, language: str
) -> Call[tuple[Answer, ...]]:
    """Ask many questions on one snapshot."""
    request = decision_service_pb2.BatchCheckRequest(
        brand=brand,
        questions=map(_question, questions),
        view=_view(full=full),
        at_least_as_fresh=at_least_as_fresh,
        language=language,
    )
    count = len(questions)
    return Call(
        lambda it: it.decisions.BatchCheck,
        request,
        lambda response: reading.answers(response, count),
        lambda failure: (undecided(failure),) * count,
    )


@judged
def reach(
    brand: str,
    customer: Customer,
    purpose: str,
    topic: str,
    place: str,
    at_least_as_fresh: str,
    *,
    full: bool,
    language: str,
) -> Call[Reach]:
    """Ask which channels may reach a customer."""
    request = decision_service_pb2.ListReachRequest(
        brand=brand,
        customer=_customer(customer),
        purpose=purpose,
        topic=topic,
        place=place,
        view=_view(full=full),
        at_least_as_fresh=at_least_as_fresh,
        language=language,
    )
    return Call(lambda it: it.decisions.ListReach, request, reading.reach, lambda failure: Reach({}, failure))


@judged
def permissions(brand: str, customer: Customer, page_token: str) -> Call[StandingPage]:
    """Ask for a page of what counts for a customer."""
    request = permission_service_pb2.ListPermissionsRequest(
        brand=brand, customer=_customer(customer), page_size=PAGE_SIZE, page_token=page_token
    )
    return Call(lambda it: it.permissions.ListPermissions, request, reading.standing_page)


@judged
def history(
    brand: str,
    customer: Customer,
    page_token: str,
    page_size: int,
    as_of: datetime | None,
    as_known_at: datetime | None,
) -> Call[HistoryPage]:
    """Ask for a page of a customer's entries, or of those that counted at an instant."""
    request = permission_service_pb2.GetHistoryRequest(
        brand=brand,
        customer=_customer(customer),
        page_size=page_size,
        page_token=page_token,
        as_of=_instant(as_of),
        as_known_at=_instant(as_known_at),
    )
    return Call(lambda it: it.permissions.GetHistory, request, reading.history_page)


@judged
def replay(
    brand: str,
    page_token: str,
    recorded_from: datetime | None,
    recorded_until: datetime | None,
    catalogue: Mapping[str, Any] | None,
    catalogue_version: Position,
    rules_edition: str,
    law_time: datetime | None,
    *,
    today: bool,
) -> Call[ReplayPage]:
    """Ask for a page of contacts to be answered again."""
    request = audit_service_pb2.ReplayRequest(
        brand=brand,
        recorded_from=_instant(recorded_from),
        recorded_until=_instant(recorded_until),
        today=today,
        catalogue=_catalogue(catalogue),
        catalogue_version=catalogue_version,
        rules_edition=rules_edition,
        law_time=_instant(law_time),
        page_token=page_token,
    )
    return Call(lambda it: it.audits.Replay, request, reading.replay_page, takes_long=True)


@judged
def forecast(
    brand: str, within_days: int, *, purpose: str, channel: str, samples: int, language: str
) -> Call[ForecastPart]:
    """Ask what lapses; answered by a stream, of which each message is read as a part."""
    request = audit_service_pb2.ForecastLapsesRequest(
        brand=brand, within_days=within_days, purpose=purpose, channel=channel, samples=samples, language=language
    )
    return Call(lambda it: it.audits.ForecastLapses, request, reading.forecast_part, takes_long=True)


# --- contacts -----------------------------------------------------------------------------------


@judged
def authorize(
    brand: str,
    customer: Customer,
    channel: str,
    purpose: str,
    contact_id: str,
    confirms_position: Position,
    *,
    full: bool,
    language: str,
    **narrowing: Unpack[Narrowing],
) -> Call[Authorization]:
    """Check and count one contact. Its contact_id makes another attempt safe: the contact keeps what it holds."""
    question = Question(customer, channel, purpose, **narrowing)
    request = contact_service_pb2.AuthorizeContactRequest(
        brand=brand,
        contact_id=contact_id,
        question=_question(question),
        view=_view(full=full),
        confirms_position=confirms_position,
        language=language,
    )
    return Call(
        lambda it: it.contacts.AuthorizeContact,
        request,
        lambda response: reading.authorization(response, contact_id),
        lambda failure: Authorization(
            verdict=Verdict.UNDECIDED, reason=failure.reason, message=failure.message, contact_id=contact_id
        ),
        writes=True,
    )


@judged
def report(
    brand: str, contact_id: str, outcome: ContactOutcome, outcome_time: datetime | None, request_id: str | None
) -> Call[Reported]:
    """Tell what became of a contact."""
    request = contact_service_pb2.ReportContactRequest(
        brand=brand,
        request_id=_drawn(request_id),
        contact_id=contact_id,
        outcome=contact_service_pb2.ContactOutcome.Value(f"CONTACT_OUTCOME_{outcome}"),
        outcome_time=_instant(outcome_time),
    )
    return Call(lambda it: it.contacts.ReportContact, request, reading.reported, writes=True)


# --- what customers say -------------------------------------------------------------------------


@judged
def grant(
    brand: str, customer: Customer, evidence: Evidence, request_id: str | None, **chosen: Unpack[Chosen]
) -> Call[Granted]:
    """Record that a customer gave what a touchpoint asked for."""
    request = permission_service_pb2.GrantRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        evidence=_evidence(evidence),
        purposes=chosen.get("purposes", ()),
        channels=chosen.get("channels", ()),
        contact_point=_point(chosen.get("contact_point")),
        topics=chosen.get("topics", ()),
        places=chosen.get("places", ()),
        recipients=chosen.get("recipients", ()),
        valid_from=_instant(chosen.get("valid_from")),
        valid_until=_instant(chosen.get("valid_until")),
    )
    return Call(lambda it: it.permissions.Grant, request, reading.granted, writes=True)


@judged
def confirm(
    brand: str, customer: Customer, permission_position: Position, evidence: Evidence, request_id: str | None
) -> Call[Granted]:
    """Record that a customer confirmed a pending permission."""
    request = permission_service_pb2.ConfirmRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        permission_position=permission_position,
        evidence=_evidence(evidence),
    )
    return Call(lambda it: it.permissions.Confirm, request, reading.granted, writes=True)


@judged
def confirm_by_token(brand: str, confirmation_token: str, evidence: Evidence, request_id: str | None) -> Call[Granted]:
    """Record that a customer clicked the link that carried the token."""
    request = permission_service_pb2.ConfirmRequest(
        brand=brand,
        request_id=_drawn(request_id),
        confirmation_token=confirmation_token,
        evidence=_evidence(evidence),
    )
    return Call(lambda it: it.permissions.Confirm, request, reading.granted, writes=True)


@judged
def refuse(
    brand: str, customer: Customer, evidence: Evidence, request_id: str | None, **scope: Unpack[Scope]
) -> Call[Refused]:
    """Record that a customer, asked, said no."""
    request = permission_service_pb2.RefuseRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        evidence=_evidence(evidence),
        scope=_scope(**scope),
    )
    return Call(lambda it: it.permissions.Refuse, request, reading.refused, writes=True)


@judged
def withdraw(
    brand: str, customer: Customer, evidence: Evidence, request_id: str | None, **scope: Unpack[Scope]
) -> Call[Refused]:
    """Record that a customer took permissions back."""
    request = permission_service_pb2.WithdrawRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        evidence=_evidence(evidence),
        scope=_scope(**scope),
    )
    return Call(lambda it: it.permissions.Withdraw, request, reading.refused, writes=True)


@judged
def object_to(
    brand: str, customer: Customer, evidence: Evidence, request_id: str | None, **scope: Unpack[Scope]
) -> Call[Refused]:
    """Record that a customer objected."""
    request = permission_service_pb2.ObjectRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        evidence=_evidence(evidence),
        scope=_scope(**scope),
    )
    return Call(lambda it: it.permissions.Object, request, reading.refused, writes=True)


@judged
def reply(
    brand: str, contact_point: ContactPoint, text: str, evidence: Evidence, request_id: str | None
) -> Call[Reply]:
    """Tell what somebody wrote back, to be read and recorded."""
    request = permission_service_pb2.RecordReplyRequest(
        brand=brand,
        request_id=_drawn(request_id),
        contact_point=_point(contact_point),
        text=text,
        evidence=_evidence(evidence),
    )
    return Call(lambda it: it.permissions.RecordReply, request, reading.reply, writes=True)


# --- who customers are --------------------------------------------------------------------------


@judged
def link(brand: str, customer: Customer, contact_point: ContactPoint, request_id: str | None) -> Call[Receipt]:
    """Link an address to a customer."""
    request = customer_service_pb2.LinkRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        contact_point=_point(contact_point),
    )
    return Call(lambda it: it.customers.Link, request, reading.sole_receipt, writes=True)


@judged
def unlink(brand: str, customer: Customer, contact_point: ContactPoint, request_id: str | None) -> Call[Receipt]:
    """Take an address off a customer."""
    request = customer_service_pb2.UnlinkRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        contact_point=_point(contact_point),
    )
    return Call(lambda it: it.customers.Unlink, request, reading.sole_receipt, writes=True)


@judged
def record_facts(brand: str, customer: Customer, request_id: str | None, **facts: Unpack[Facts]) -> Call[Receipt]:
    """Record facts that rules look at."""
    kind = facts.get("kind")
    told = customer_service_pb2.CustomerFacts(
        country=facts.get("country"),
        region=facts.get("region"),
        time_zone=facts.get("time_zone"),
        language=facts.get("language"),
        kind=None if kind is None else customer_service_pb2.CustomerKind.Value(f"CUSTOMER_KIND_{kind}"),
        birth_year=facts.get("birth_year"),
        guardian_known=facts.get("guardian_known"),
        deceased=facts.get("deceased"),
        contract_current=facts.get("contract_current"),
        membership_current=facts.get("membership_current"),
        preferred_channel=facts.get("preferred_channel"),
        paused_until=_instant(facts.get("paused_until")),
    )
    request = customer_service_pb2.RecordFactsRequest(
        brand=brand, request_id=_drawn(request_id), customer=_customer(customer), facts=told
    )
    return Call(lambda it: it.customers.RecordFacts, request, reading.sole_receipt, writes=True)


@judged
def report_activity(
    brand: str,
    customer: Customer,
    kind: ActivityKind,
    act_time: datetime | None,
    place: str,
    request_id: str | None,
    *,
    objection_offered: bool,
) -> Call[Receipt]:
    """Record what a customer did."""
    request = customer_service_pb2.ReportActivityRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        kind=customer_service_pb2.ActivityKind.Value(f"ACTIVITY_KIND_{kind}"),
        act_time=_instant(act_time),
        place=place,
        objection_offered=objection_offered,
    )
    return Call(lambda it: it.customers.ReportActivity, request, reading.sole_receipt, writes=True)


@judged
def report_contact_point(
    brand: str, contact_point: ContactPoint, fact: ContactPointFact, act_time: datetime | None, request_id: str | None
) -> Call[tuple[Receipt, ...]]:
    """Record a fact of an address."""
    request = customer_service_pb2.ReportContactPointRequest(
        brand=brand,
        request_id=_drawn(request_id),
        contact_point=_point(contact_point),
        fact=customer_service_pb2.ContactPointFact.Value(f"CONTACT_POINT_FACT_{fact}"),
        act_time=_instant(act_time),
    )
    return Call(lambda it: it.customers.ReportContactPoint, request, reading.receipts, writes=True)


# --- what others know -----------------------------------------------------------------------------


@judged
def import_records(
    brand: str, source: ImportSource, records: Sequence[ImportedPermission | ImportedRefusal], *, dry_run: bool
) -> Call[tuple[Imported, ...]]:
    """Import what customers said elsewhere. File, mapping and row make another attempt safe."""
    request = import_service_pb2.ImportRecordsRequest(
        brand=brand,
        source=import_service_pb2.ImportSource(
            partner=source.partner,
            sha256=source.sha256,
            media_type=source.media_type,
            mapping_sha256=source.mapping_sha256,
        ),
        records=map(_record, records),
        dry_run=dry_run,
    )
    count = len(records)
    return Call(lambda it: it.import_records, request, lambda found: reading.imported(found, count), writes=True)


@judged
def import_suppressions(
    brand: str,
    suppression_list: SuppressionList,
    contact_points: Sequence[ContactPoint],
    ending_limit: int | None,
) -> Call[Listed]:
    """Import addresses of a list. The list and its file make another attempt safe."""
    told = suppression_list
    request = import_service_pb2.ImportSuppressionsRequest(
        brand=brand,
        list=import_service_pb2.SuppressionList(
            code=told.code,
            kind=import_service_pb2.ListKind.Value(f"LIST_KIND_{told.kind}"),
            list_time=_instant(told.list_time),
            sha256=told.sha256,
            lines=told.lines,
            complete=told.complete,
            purposes=told.purposes,
        ),
        contact_points=filter(None, map(_point, contact_points)),
        end=None if ending_limit is None else import_service_pb2.SuppressionsEnd(ending_limit=ending_limit),
    )
    count = len(contact_points)
    return Call(lambda it: it.import_suppressions, request, lambda found: reading.listed(found, count), writes=True)


def _record(told: ImportedPermission | ImportedRefusal) -> import_service_pb2.ImportRecord:
    sides: dict[str, Any] = {"customer": _customer(told.customer), "evidence": _evidence(told.evidence)}
    sides["evidence"].recorder = evidence_pb2.RECORDER_IMPORT
    made = import_service_pb2.ImportRecord(row=told.row, part=told.part)
    if isinstance(told, ImportedPermission):
        made.grant.CopyFrom(
            permission_service_pb2.GrantRequest(
                purposes=told.purposes,
                channels=told.channels,
                contact_point=_point(told.contact_point),
                topics=told.topics,
                places=told.places,
                recipients=told.recipients,
                valid_from=_instant(told.valid_from),
                valid_until=_instant(told.valid_until),
                **sides,
            )
        )
        return made
    scope = _scope(
        purpose=told.purpose,
        channel=told.channel,
        contact_point=told.contact_point,
        topic=told.topic,
        place=told.place,
        recipient=told.recipient,
    )
    match told.kind:
        case ImportedNo.REFUSAL:
            made.refuse.CopyFrom(permission_service_pb2.RefuseRequest(scope=scope, **sides))
        case ImportedNo.WITHDRAWAL:
            made.withdraw.CopyFrom(permission_service_pb2.WithdrawRequest(scope=scope, **sides))
        case ImportedNo.OBJECTION:
            made.object.CopyFrom(permission_service_pb2.ObjectRequest(scope=scope, **sides))
    return made


# --- what officers do ---------------------------------------------------------------------------


@judged
def merge(
    brand: str, customers: Sequence[Customer], justification: Justification, request_id: str | None
) -> Call[tuple[Receipt, ...]]:
    """Join customers who are one person."""
    request = customer_service_pb2.MergeRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customers=map(_customer, customers),
        justification=_justification(justification),
    )
    return Call(lambda it: it.customers.Merge, request, reading.receipts, writes=True)


@judged
def split(
    brand: str, customer: Customer, justification: Justification, request_id: str | None
) -> Call[tuple[Receipt, ...]]:
    """Take a customer out of their group."""
    request = customer_service_pb2.SplitRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        justification=_justification(justification),
    )
    return Call(lambda it: it.customers.Split, request, reading.receipts, writes=True)


@judged
def add_overlay(
    brand: str,
    customers: Sequence[Customer],
    kind: OverlayKind,
    justification: Justification,
    until: datetime | None,
    request_id: str | None,
) -> Call[tuple[Receipt, ...]]:
    """Add an overlay to each customer."""
    number = customer_service_pb2.OverlayKind.Value(f"OVERLAY_KIND_{kind}")
    request = customer_service_pb2.OverlayRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customers=map(_customer, customers),
        add=customer_service_pb2.NewOverlay(kind=number, until=_instant(until)),
        justification=_justification(justification),
    )
    return Call(lambda it: it.customers.Overlay, request, reading.receipts, writes=True)


@judged
def lift_overlay(
    brand: str, customer: Customer, position: Position, justification: Justification, request_id: str | None
) -> Call[tuple[Receipt, ...]]:
    """Lift the overlay that the entry at a position added."""
    request = customer_service_pb2.OverlayRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customers=[_customer(customer)],
        lift=customer_service_pb2.OverlayToLift(position=position),
        justification=_justification(justification),
    )
    return Call(lambda it: it.customers.Overlay, request, reading.receipts, writes=True)


@judged
def restrict(
    brand: str, customer: Customer, ground: RestrictionGround, justification: Justification, request_id: str | None
) -> Call[tuple[Receipt, ...]]:
    """Restrict processing."""
    number = customer_service_pb2.RestrictionGround.Value(f"RESTRICTION_GROUND_{ground}")
    request = customer_service_pb2.RestrictRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        begin=customer_service_pb2.NewRestriction(ground=number),
        justification=_justification(justification),
    )
    return Call(lambda it: it.customers.Restrict, request, reading.receipts, writes=True)


@judged
def lift_restriction(
    brand: str, customer: Customer, informed_time: datetime, justification: Justification, request_id: str | None
) -> Call[tuple[Receipt, ...]]:
    """Lift a restriction of which the customer was told."""
    request = customer_service_pb2.RestrictRequest(
        brand=brand,
        request_id=_drawn(request_id),
        customer=_customer(customer),
        lift=customer_service_pb2.RestrictionToLift(informed_time=_instant(informed_time)),
        justification=_justification(justification),
    )
    return Call(lambda it: it.customers.Restrict, request, reading.receipts, writes=True)


# --- onto the wire ------------------------------------------------------------------------------


def _drawn(request_id: str | None) -> str:
    return str(uuid4()) if request_id is None else request_id


def _customer(customer: Customer) -> customer_pb2.CustomerKey:
    if isinstance(customer, ContactPoint):
        return customer_pb2.CustomerKey(contact_point=_point(customer))
    return customer_pb2.CustomerKey(customer_id=customer)


def _point(point: ContactPoint | None) -> customer_pb2.ContactPoint | None:
    if point is None:
        return None
    kind = customer_pb2.ContactPointKind.Value(f"CONTACT_POINT_KIND_{point.kind}")
    return customer_pb2.ContactPoint(kind=kind, value=point.value)


def _question(question: Question) -> decision_pb2.Question:
    return decision_pb2.Question(
        customer=_customer(question.customer),
        channel=question.channel,
        purpose=question.purpose,
        topic=question.topic,
        place=question.place,
        recipient=question.recipient,
        contact_point=_point(question.contact_point),
    )


def _catalogue(told: Mapping[str, Any] | None) -> catalogue_pb2.Catalogue | None:
    """Return a catalogue told in the field names of its proto. Raises MistakeError."""
    if told is None:
        return None
    try:
        return json_format.ParseDict(dict(told), catalogue_pb2.Catalogue())
    except (json_format.ParseError, TypeError, AttributeError) as error:
        # The last two are what it says of keys that are no text.
        raise mistaken({"catalogue": f"is no catalogue: {error}"}) from None


def _view(*, full: bool) -> decision_pb2.DecisionView.ValueType:
    return decision_pb2.DECISION_VIEW_FULL if full else decision_pb2.DECISION_VIEW_BASIC


def _evidence(evidence: Evidence) -> evidence_pb2.Evidence:
    return evidence_pb2.Evidence(
        touchpoint=evidence.touchpoint,
        notice=evidence.notice,
        language=evidence.language,
        method=evidence_pb2.DeclarationMethod.Value(f"DECLARATION_METHOD_{evidence.method}"),
        declarant=evidence_pb2.Declarant.Value(f"DECLARANT_{evidence.declarant}"),
        recorder=evidence_pb2.Recorder.Value(f"RECORDER_{evidence.recorder}"),
        recorder_id=evidence.recorder_id,
        act_time=_instant(evidence.act_time),
        artefacts=_artefacts(evidence.artefacts),
    )


def _justification(justification: Justification) -> customer_service_pb2.Justification:
    return customer_service_pb2.Justification(
        reason=justification.reason,
        officer_id=justification.officer_id,
        artefacts=_artefacts(justification.artefacts),
    )


def _artefacts(artefacts: tuple[Artefact, ...]) -> list[evidence_pb2.Artefact]:
    return [evidence_pb2.Artefact(sha256=each.sha256, media_type=each.media_type) for each in artefacts]


def _scope(**scope: Unpack[Scope]) -> permission_pb2.RefusalScope:
    return permission_pb2.RefusalScope(
        purpose=scope.get("purpose", ""),
        channel=scope.get("channel", ""),
        contact_point=_point(scope.get("contact_point")),
        topic=scope.get("topic", ""),
        place=scope.get("place", ""),
        recipient=scope.get("recipient", ""),
    )


def _instant(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(instant.astimezone(UTC))
    return stamp
