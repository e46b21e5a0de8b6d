"""Reads what Accord answers off the wire into plain values. A field this client does not know is left out."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message

from accord.client.answers import (
    Answer,
    Authorization,
    Decision,
    GateStep,
    Granted,
    HistoryItem,
    HistoryPage,
    Imported,
    InvalidContact,
    LateEntry,
    Listed,
    ListEnded,
    OpenContact,
    PastAnswer,
    Permission,
    Reach,
    Receipt,
    Refusal,
    Refused,
    Remedy,
    ReplayPage,
    Reply,
    Reported,
    Rule,
    StandingPage,
    Verdict,
)
from accord.client.failures import unreadable, without_past
from accord.client.forecast import (
    AskableChannel,
    AskingAnswer,
    ForecastPart,
    ForecastSummary,
    LapseGroup,
    LapseSample,
    UnconfirmedGroup,
    UnconfirmedSample,
)
from accord.v1 import (
    audit_service_pb2,
    contact_service_pb2,
    customer_service_pb2,
    decision_pb2,
    decision_service_pb2,
    error_reason_pb2,
    evidence_pb2,
    import_service_pb2,
    item_error_pb2,
    permission_pb2,
    permission_service_pb2,
)

_VERDICTS = {
    decision_pb2.VERDICT_DENY: Verdict.DENY,
    decision_pb2.VERDICT_DEFER: Verdict.DEFER,
    decision_pb2.VERDICT_ALLOW: Verdict.ALLOW,
}


def answer(response: decision_service_pb2.CheckResponse) -> Answer:
    """Return the answer to one question."""
    return Answer(**_decided(response.decision))


def past_answer(response: decision_service_pb2.CheckResponse) -> PastAnswer:
    """Return the answer of the past. Raises CallFailedError where the server, an older one, answered for now."""
    if not response.HasField("past"):
        raise without_past()
    found = response.past
    as_of: datetime = found.as_of.ToDatetime(tzinfo=UTC)
    return PastAnswer(as_of=as_of, known_size=found.known_size, **_decided(found.decision))


def answers(response: decision_service_pb2.BatchCheckResponse, expected: int) -> tuple[Answer, ...]:
    """Return one answer for each of the `expected` questions, in their order; a question left unanswered is a no."""
    found = [_result(each) for each in response.results[:expected]]
    missing = Answer(verdict=Verdict.UNDECIDED, reason="UNSPECIFIED", message="the batch came back without this answer")
    return tuple(found) + (missing,) * (expected - len(found))


def reach(response: decision_service_pb2.ListReachResponse) -> Reach:
    """Return the answer on each channel."""
    return Reach({each.channel: Answer(**_decided(each.decision)) for each in response.reaches})


def authorization(response: contact_service_pb2.AuthorizeContactResponse, contact_id: str) -> Authorization:
    """Return whether the contact may be made."""
    return Authorization(
        **_decided(response.decision),
        contact_id=contact_id,
        receipt=receipt(response.receipt) if response.HasField("receipt") else None,
        repeat=response.repeat,
        send_before=_time(response, "send_before"),
        confirmation_token=response.confirmation_token,
    )


def reported(response: contact_service_pb2.ReportContactResponse) -> Reported:
    """Return where the contact stands."""
    status = _name(contact_service_pb2.ContactStatus, "CONTACT_STATUS_", response.status)
    return Reported(receipt(response.receipt), status)


def granted(response: permission_service_pb2.GrantResponse | permission_service_pb2.ConfirmResponse) -> Granted:
    """Return where the permission stands."""
    status = _name(permission_pb2.PermissionStatus, "PERMISSION_STATUS_", response.status)
    return Granted(receipt(response.receipt), status)


def refused(
    response: permission_service_pb2.RefuseResponse
    | permission_service_pb2.WithdrawResponse
    | permission_service_pb2.ObjectResponse,
) -> Refused:
    """Return the proofs of a no, and what may still be stopped."""
    return Refused(tuple(map(receipt, response.receipts)), tuple(map(_open_contact, response.open_contacts)))


def reply(response: permission_service_pb2.RecordReplyResponse) -> Reply:
    """Return what a reply was taken to say."""
    return Reply(
        meaning=_name(permission_service_pb2.ReplyMeaning, "REPLY_MEANING_", response.meaning),
        rules=tuple(map(_rule, response.rules)),
        receipts=tuple(map(receipt, response.receipts)),
        open_contacts=tuple(map(_open_contact, response.open_contacts)),
    )


def _open_contact(found: permission_service_pb2.OpenContact) -> OpenContact:
    return OpenContact(found.contact_id, found.channel, found.purpose, _time(found, "authorized_time"))


def sole_receipt(
    response: customer_service_pb2.LinkResponse
    | customer_service_pb2.UnlinkResponse
    | customer_service_pb2.RecordFactsResponse
    | customer_service_pb2.ReportActivityResponse,
) -> Receipt:
    """Return the proof of one entry."""
    return receipt(response.receipt)


def receipts(response: customer_service_pb2.ReportContactPointResponse) -> tuple[Receipt, ...]:
    """Return the proofs, one for each holder of the address."""
    return tuple(map(receipt, response.receipts))


def standing_page(response: permission_service_pb2.ListPermissionsResponse) -> StandingPage:
    """Return a page of what counts for a customer."""
    return StandingPage(
        tuple(map(_permission, response.permissions)),
        tuple(map(_refusal, response.refusals)),
        response.next_page_token,
    )


def history_page(response: permission_service_pb2.GetHistoryResponse) -> HistoryPage:
    """Return a page of entries."""
    items = (
        HistoryItem(each.position, each.type, _time(each, "recorded_time"), each.customer_version, each.payload_json)
        for each in response.items
    )
    return HistoryPage(tuple(items), response.next_page_token)


def replay_page(response: audit_service_pb2.ReplayResponse) -> ReplayPage:
    """Return a page of contacts answered again."""
    return ReplayPage(
        contacts=tuple(map(_invalid, response.contacts)),
        contacts_replayed=response.contacts_replayed,
        unreadable=response.unreadable,
        entries_read=response.entries_read,
        entries_total=response.entries_total,
        next_page_token=response.next_page_token,
    )


def _invalid(found: audit_service_pb2.InvalidContact) -> InvalidContact:
    late = found.late_entry
    return InvalidContact(
        position=found.position,
        authorized_time=_time(found, "authorized_time"),
        channel=found.channel,
        purpose=found.purpose,
        status=_name(contact_service_pb2.ContactStatus, "CONTACT_STATUS_", found.status),
        basis=_name(decision_pb2.Basis, "BASIS_", found.basis),
        basis_positions=tuple(found.basis_positions),
        verdict=_VERDICTS.get(found.verdict, Verdict.UNDECIDED),
        reason=_reason(found.reason),
        positions=tuple(found.positions),
        rules=tuple(map(_rule, found.rules)),
        cause=_name(audit_service_pb2.InvalidityCause, "INVALIDITY_CAUSE_", found.cause),
        late_entry=LateEntry(late.position, late.type, _time(late, "act_time"), _time(late, "recorded_time"))
        if found.HasField("late_entry")
        else None,
    )


def forecast_part(response: audit_service_pb2.ForecastLapsesResponse) -> ForecastPart:
    """Return a part of a forecast."""
    return ForecastPart(
        customers_met=response.customers_met,
        customers_total=response.customers_total,
        summary=_forecast_summary(response.summary) if response.HasField("summary") else None,
        groups=tuple(map(_lapse_group, response.groups)),
        unconfirmed_groups=tuple(map(_unconfirmed_group, response.unconfirmed_groups)),
    )


def _forecast_summary(found: audit_service_pb2.ForecastSummary) -> ForecastSummary:
    return ForecastSummary(
        decision_time=_time(found, "decision_time"),
        horizon=_time(found, "horizon"),
        ledger=found.ledger,
        size=found.size,
        catalogue_version=found.catalogue_version,
        customers=found.customers,
        customers_lapsing=found.customers_lapsing,
        lapses=found.lapses,
        asking_purposes=tuple(found.asking_purposes),
        unconfirmed_permissions=found.unconfirmed_permissions,
    )


def _lapse_group(found: audit_service_pb2.LapseGroup) -> LapseGroup:
    return LapseGroup(
        day=_time(found, "day"),
        purpose=found.purpose,
        channel=found.channel,
        reason=_reason(found.reason),
        customers=found.customers,
        customers_askable_now=found.customers_askable_now,
        customers_askable_in_time=found.customers_askable_in_time,
        channels=tuple(
            AskableChannel(each.channel, each.customers_now, each.customers_in_time) for each in found.channels
        ),
        samples=tuple(map(_lapse_sample, found.samples)),
        by_topic=found.by_topic,
        by_place=found.by_place,
        by_recipient=found.by_recipient,
        by_contact_point=found.by_contact_point,
    )


def _lapse_sample(found: audit_service_pb2.LapseSample) -> LapseSample:
    return LapseSample(
        position=found.position,
        lapse_time=_time(found, "lapse_time"),
        now=Decision(**_decided(found.now)),
        then=Decision(**_decided(found.then)),
        asking=tuple(map(_asking_answer, found.asking)),
    )


def _unconfirmed_group(found: audit_service_pb2.UnconfirmedGroup) -> UnconfirmedGroup:
    return UnconfirmedGroup(
        day=_time(found, "day"),
        touchpoint=found.touchpoint,
        verdict=_VERDICTS.get(found.verdict, Verdict.UNDECIDED) if found.verdict else None,
        reason=_reason(found.reason) if found.reason else "",
        permissions=found.permissions,
        samples=tuple(map(_unconfirmed_sample, found.samples)),
    )


def _unconfirmed_sample(found: audit_service_pb2.UnconfirmedSample) -> UnconfirmedSample:
    asking = _asking_answer(found.asking) if found.HasField("asking") else None
    return UnconfirmedSample(found.position, _time(found, "lapse_time"), asking)


def _asking_answer(found: audit_service_pb2.AskingAnswer) -> AskingAnswer:
    return AskingAnswer(found.purpose, found.channel, Decision(**_decided(found.decision)))


def _rule(found: decision_pb2.RuleReference) -> Rule:
    return Rule(found.id, found.legal_source)


def imported(response: import_service_pb2.ImportRecordsResponse, expected: int) -> tuple[Imported, ...]:
    """Return what became of each of the `expected` records, in their order. Raises CallFailedError for fewer."""
    if len(response.results) != expected:
        raise unreadable()
    return tuple(
        _imported(import_service_pb2.ImportVerdict, "IMPORT_VERDICT_", each, each.position) for each in response.results
    )


def listed(response: import_service_pb2.ImportSuppressionsResponse, expected: int) -> Listed:
    """Return what became of each of the `expected` addresses, in their order. Raises CallFailedError for fewer."""
    if len(response.results) != expected:
        raise unreadable()
    results = (
        _imported(import_service_pb2.SuppressionVerdict, "SUPPRESSION_VERDICT_", each) for each in response.results
    )
    ended = response.ended
    return Listed(
        receipt=receipt(response.receipt),
        results=tuple(results),
        ended=ListEnded(receipt(ended.receipt), ended.listed, ended.taken_off, ended.stay_on)
        if response.HasField("ended")
        else None,
    )


def _imported(
    names: Any,  # noqa: ANN401 - enums of the wire have no public type
    prefix: str,
    found: import_service_pb2.ImportResult | import_service_pb2.SuppressionResult,
    position: int = 0,
) -> Imported:
    if not found.HasField("error"):
        return Imported(_name(names, prefix, found.verdict), position)
    return Imported("", position, **_problem(found.error))


def _problem(found: item_error_pb2.ItemError) -> dict[str, Any]:
    return {
        "reason": _name(error_reason_pb2.ErrorReason, "ERROR_REASON_", found.reason),
        "message": found.message,
        "fields": {each.field: each.description for each in found.violations},
    }


def receipt(found: evidence_pb2.Receipt) -> Receipt:
    """Return the proof of an entry."""
    return Receipt(found.ledger, found.position, found.leaf_hash, _time(found, "recorded_time"), found.token)


def _decided(found: decision_pb2.Decision) -> dict[str, Any]:
    return {
        "verdict": _VERDICTS.get(found.verdict, Verdict.UNDECIDED),
        "reason": _reason(found.reason),
        "basis": _name(decision_pb2.Basis, "BASIS_", found.basis) if found.basis else "",
        "positions": tuple(found.positions),
        "rules": tuple(map(_rule, found.rules)),
        "obligations": tuple(_name(decision_pb2.Obligation, "OBLIGATION_", each) for each in found.obligations),
        "valid_until": _time(found, "valid_until"),
        "not_before": _time(found, "not_before"),
        "policy_version": found.policy_version,
        "engine_version": found.engine_version,
        "token": found.token,
        "decision_time": _time(found, "decision_time"),
        "trace": tuple(map(_step, found.trace)),
        "what_would_allow": found.what_would_allow,
        "sentence": found.sentence,
        "remedies": tuple(map(_remedy, found.remedies)),
    }


def _remedy(found: decision_pb2.Remedy) -> Remedy:
    return Remedy(
        kind=_name(decision_pb2.RemedyKind, "REMEDY_KIND_", found.kind),
        words=found.words,
        time=_time(found, "time"),
        position=found.position,
        purpose=found.purpose,
        touchpoints=tuple(found.touchpoints),
    )


def _step(found: decision_pb2.GateStep) -> GateStep:
    return GateStep(
        number=found.number,
        name=found.name,
        verdict=_VERDICTS.get(found.verdict, Verdict.UNDECIDED),
        reason=_reason(found.reason) if found.reason else "",
        explanation=found.explanation,
        not_before=_time(found, "not_before"),
        skipped=found.skipped,
    )


def _result(found: decision_service_pb2.BatchCheckResult) -> Answer:
    if not found.HasField("error"):
        return Answer(**_decided(found.decision))
    return Answer(verdict=Verdict.UNDECIDED, **_problem(found.error))


def _permission(found: permission_pb2.Permission) -> Permission:
    return Permission(
        position=found.position,
        status=_name(permission_pb2.PermissionStatus, "PERMISSION_STATUS_", found.status),
        touchpoint=found.touchpoint,
        level=found.level,
        notice=found.notice,
        purposes=tuple(found.purposes),
        channels=tuple(found.channels),
        topics=tuple(found.topics),
        places=tuple(found.places),
        recipients=tuple(found.recipients),
        contact_point_only=found.contact_point_only,
        act_time=_time(found, "act_time"),
        recorded_time=_time(found, "recorded_time"),
        valid_from=_time(found, "valid_from"),
        valid_until=_time(found, "valid_until"),
        uses=found.uses,
        uses_taken=found.uses_taken,
    )


def _refusal(found: permission_pb2.Refusal) -> Refusal:
    return Refusal(
        position=found.position,
        kind=_name(permission_pb2.RefusalKind, "REFUSAL_KIND_", found.kind),
        purpose=found.scope.purpose,
        channel=found.scope.channel,
        topic=found.scope.topic,
        place=found.scope.place,
        recipient=found.scope.recipient,
        contact_point_only=found.contact_point_only,
        act_time=_time(found, "act_time"),
        recorded_time=_time(found, "recorded_time"),
        own_list=found.own_list,
    )


def _reason(number: int) -> str:
    return _name(decision_pb2.DecisionReason, "DECISION_REASON_", number)


def _name(names: Any, prefix: str, number: int) -> str:  # noqa: ANN401 - enums of the wire have no public type
    try:
        return str(names.Name(number)).removeprefix(prefix)
    except ValueError:
        # Enums of the wire are open: a newer server may say what this client has no word for.
        return f"UNRECOGNISED_{number}"


def _time(message: Message, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    instant: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return instant
