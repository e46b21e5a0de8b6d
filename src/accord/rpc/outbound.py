"""From answers to responses. Builds messages; decides nothing."""

from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from accord.domain import calendar
from accord.domain.decision import Decision, Remedy, Step
from accord.domain.explain import Explainer
from accord.domain.lane import Rule
from accord.domain.policy import ENGINE_VERSION
from accord.domain.terms import (
    SECOND,
    Basis,
    ContactStatus,
    Instant,
    Obligation,
    Reason,
    RefusalKind,
    RemedyKind,
    Verdict,
)
from accord.ledger.entry import StoredEntry, read_leaf
from accord.ledger.opening import OpenedEntry
from accord.rpc.wire import numbers, optional_timestamp, timestamp
from accord.service.answers import OpenContact, Receipt, Written
from accord.service.guard import SignedCheckpoint
from accord.service.records import Contact, StandingPermission, StandingRefusal
from accord.service.tokens import freshness
from accord.v1 import (
    contact_service_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    ledger_service_pb2,
    permission_pb2,
    permission_service_pb2,
)

ENGINE = f"engine/{ENGINE_VERSION} {calendar.DATA_VERSION}"

_BASES: dict[Basis, decision_pb2.Basis.ValueType] = {
    basis: decision_pb2.Basis.Value(f"BASIS_{'UNSPECIFIED' if basis is Basis.NONE else basis.name}") for basis in Basis
}
_OBLIGATIONS = numbers(decision_pb2.Obligation, "OBLIGATION_", Obligation)
_REFUSAL_KINDS = numbers(permission_pb2.RefusalKind, "REFUSAL_KIND_", RefusalKind)
_REMEDIES = numbers(decision_pb2.RemedyKind, "REMEDY_KIND_", RemedyKind)


def tell(message: decision_pb2.Decision, found: Decision, token: str, language: str) -> None:
    """Write the decision into its place in a response; `token` is that of the state it was read from.

    `language` is that of the words of a full view, which a decision brings where it was asked for.
    """
    _begin(message, found, token)
    _end(message, found, language)


class Teller:
    """Writes many decisions that were read from one state: what several have in common is built once."""

    def __init__(self, token: str, language: str) -> None:
        """Tell decisions with this token, those of a full view in this language."""
        self._token = token
        self._language = language
        self._begun: dict[object, decision_pb2.Decision] = {}

    def tell(self, message: decision_pb2.Decision, found: Decision) -> None:
        """Write the decision into its place in a response."""
        common = (*_common(found), found.time)
        begun = self._begun.get(common)
        if begun is None:
            begun = self._begun[common] = decision_pb2.Decision()
            _begin(begun, found, self._token)
        message.CopyFrom(begun)
        _end(message, found, self._language)


@lru_cache(maxsize=4096)
def verdict(found: Verdict, reason: Reason, not_before: Instant) -> decision_service_pb2.BatchCheckResult:
    """Return a verdict alone, which many questions have in common."""
    return decision_service_pb2.BatchCheckResult(
        decision=decision_pb2.Decision(
            verdict=found.value,  # type: ignore[arg-type] # the domain carries the wire's numbers
            reason=reason.value,  # type: ignore[arg-type] # the same
            not_before=optional_timestamp(not_before),
        )
    )


def _begin(message: decision_pb2.Decision, found: Decision, token: str) -> None:
    """Write what decisions that were read from one state may share."""
    message.CopyFrom(_alike(*_common(found)))
    message.token = token
    _set(message.decision_time, found.time)


def _end(message: decision_pb2.Decision, found: Decision, language: str) -> None:
    """Write what is a decision's own."""
    message.positions.extend(found.positions)
    if found.valid_until:
        _set(message.valid_until, found.valid_until)
    if found.not_before:
        _set(message.not_before, found.not_before)
    if found.background:
        _explain(message, found, Explainer(found, language))


def _common(found: Decision) -> tuple[Verdict, Reason, Basis, tuple[Rule, ...], tuple[Obligation, ...], int]:
    """Return what decides of a decision that many share, whoever it is about."""
    return found.verdict, found.reason, found.basis, found.rules, found.obligations, found.policy_version


@lru_cache(maxsize=4096)
def _alike(  # noqa: PLR0913 - what answers have in common
    verdict: Verdict,
    reason: Reason,
    basis: Basis,
    rules: tuple[Rule, ...],
    obligations: tuple[Obligation, ...],
    policy_version: int,
) -> decision_pb2.Decision:
    """Return the part of a decision that many share: copying it costs half of building it."""
    return decision_pb2.Decision(
        verdict=verdict.value,  # type: ignore[arg-type] # the domain carries the wire's numbers
        reason=reason.value,  # type: ignore[arg-type] # the same
        basis=_BASES[basis],
        rules=[rule(each) for each in rules],
        obligations=[_OBLIGATIONS[each] for each in obligations],
        policy_version=policy_version,
        engine_version=ENGINE,
    )


def told(found: Decision, token: str, language: str) -> decision_pb2.Decision:
    """Return the decision as a message of its own, for responses that bring several."""
    message = decision_pb2.Decision()
    tell(message, found, token, language)
    return message


def _set(stamp: Timestamp, time: int) -> None:
    seconds, rest = divmod(time, SECOND)
    stamp.seconds = seconds
    stamp.nanos = rest * 1000


@lru_cache(maxsize=4096)
def rule(found: Rule) -> decision_pb2.RuleReference:
    """Return the name of a rule and its source."""
    return decision_pb2.RuleReference(id=found.id, legal_source=found.legal_source)


def _explain(message: decision_pb2.Decision, found: Decision, say: Explainer) -> None:
    message.trace.extend(_step(step, say) for step in found.trace)
    message.sentence = say.sentence()
    message.what_would_allow = say.what_would_allow()
    message.remedies.extend(_remedy(each, say) for each in found.remedies)


def _remedy(found: Remedy, say: Explainer) -> decision_pb2.Remedy:
    return decision_pb2.Remedy(
        kind=_REMEDIES[found.kind],
        words=say.remedy(found),
        time=optional_timestamp(found.time),
        position=found.position,
        purpose=found.purpose,
        touchpoints=found.touchpoints,
    )


def _step(step: Step, say: Explainer) -> decision_pb2.GateStep:
    finding = step.finding
    return decision_pb2.GateStep(
        number=step.number,
        name=say.gate(step),
        verdict=(finding.verdict if finding else Verdict.ALLOW).value,  # type: ignore[arg-type] # shared numbers
        reason=finding.reason.value if finding else 0,  # type: ignore[arg-type] # the same
        explanation=say.step(step),
        not_before=optional_timestamp(finding.not_before) if finding else None,
        skipped=step.skipped,
    )


def receipt(ledger: str, found: Receipt) -> evidence_pb2.Receipt:
    """Return the receipt of an entry."""
    return evidence_pb2.Receipt(
        ledger=ledger,
        position=found.position,
        leaf_hash=found.leaf_hash,
        recorded_time=timestamp(found.recorded_time),
        token=freshness(ledger, found.position + 1),
    )


def receipts(written: Written) -> list[evidence_pb2.Receipt]:
    """Return every receipt of an answer."""
    return [receipt(written.ledger, each) for each in written.receipts]


def open_contact(found: OpenContact, contact_id: str) -> permission_service_pb2.OpenContact:
    """Return a contact that may still be stopped."""
    return permission_service_pb2.OpenContact(
        contact_id=contact_id,
        channel=found.channel,
        purpose=found.purpose,
        authorized_time=timestamp(found.authorized_time),
    )


def permission(
    found: StandingPermission, topics: tuple[str, ...], recipients: tuple[str, ...]
) -> permission_pb2.Permission:
    """Return a permission; topics and third parties come from its entry, since the state holds no text."""
    mark = found.mark
    return permission_pb2.Permission(
        position=mark.position,
        status=found.status.value,  # type: ignore[arg-type] # the domain carries the wire's numbers
        touchpoint=mark.touchpoint,
        level=mark.level,
        notice=mark.notice,
        purposes=mark.granted.purposes,
        channels=filter(None, mark.granted.channels),
        topics=topics,
        places=mark.granted.places,
        recipients=recipients,
        contact_point_only=bool(mark.granted.point),
        act_time=timestamp(mark.act_time),
        recorded_time=timestamp(mark.recorded_time),
        valid_from=timestamp(mark.valid_from),
        valid_until=optional_timestamp(mark.valid_until),
        uses=mark.uses,
        uses_taken=mark.taken,
    )


def refusal(found: StandingRefusal, topic: str, recipient: str) -> permission_pb2.Refusal:
    """Return a refusal; topic and third party come from its entry."""
    mark, own = found.mark, found.own_list
    if mark.kind is not RefusalKind.SUPPRESSED:
        clocks = mark.act_time, mark.recorded_time
    else:
        # Where no list is behind it, its clocks tell when somebody else was erased.
        clocks = (own.listed_time, own.recorded_time) if own else (Instant(0), Instant(0))
    return permission_pb2.Refusal(
        position=mark.position,
        kind=_REFUSAL_KINDS[mark.kind],
        scope=permission_pb2.RefusalScope(
            purpose=mark.refused.purpose,
            channel=mark.refused.channel,
            topic=topic,
            place=mark.refused.place,
            recipient=recipient,
        ),
        contact_point_only=found.one_address,
        act_time=optional_timestamp(clocks[0]),
        recorded_time=optional_timestamp(clocks[1]),
        own_list=own.list if own else "",
    )


def history_item(found: OpenedEntry) -> permission_service_pb2.HistoryItem:
    """Return one entry of a customer, opened."""
    return permission_service_pb2.HistoryItem(
        position=found.entry.position,
        type=found.leaf.type,
        recorded_time=timestamp(found.leaf.recorded_at),
        customer_version=found.entry.customer_version,
        payload_json=found.raw_payload.decode(),
    )


def entry(found: StoredEntry, opened: OpenedEntry | None = None) -> ledger_service_pb2.Entry:
    """Return one line of the ledger, with its payload where it was opened."""
    leaf = read_leaf(found.leaf)
    return ledger_service_pb2.Entry(
        position=found.position,
        leaf=found.leaf,
        leaf_hash=found.leaf_hash,
        type=leaf.type,
        recorded_time=timestamp(leaf.recorded_at),
        payload_json=opened.raw_payload.decode() if opened else "",
        opening=opened.opening if opened else b"",
    )


def checkpoint(found: SignedCheckpoint) -> ledger_service_pb2.Checkpoint:
    """Return a signed checkpoint."""
    return ledger_service_pb2.Checkpoint(
        note=found.note,
        origin=found.checkpoint.origin,
        size=found.checkpoint.size,
        root_hash=found.checkpoint.root,
        verifier_key=found.verifier_key,
        handovers=found.handovers,
    )


def contact(found: Contact) -> contact_service_pb2.Contact:
    """Return one outbound message and what it rested on."""
    event = found.authorized
    return contact_service_pb2.Contact(
        contact_id=found.contact_id,
        status=contact_status(found.status),
        channel=event.channel,
        purpose=event.purpose,
        authorized_time=timestamp(found.authorized_time),
        basis=basis(event.basis),
        basis_positions=event.positions,
        positions=found.positions,
        policy_version=event.policy_version,
    )


def basis(found: Basis) -> decision_pb2.Basis.ValueType:
    """Return on what ground a contact is lawful."""
    return _BASES[found]


def contact_status(status: ContactStatus) -> contact_service_pb2.ContactStatus.ValueType:
    """Return where a contact stands."""
    return status.value  # type: ignore[return-value] # the domain carries the wire's numbers
