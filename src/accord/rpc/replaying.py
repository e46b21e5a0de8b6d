"""Replay on the wire: what is asked for, examined, and what is told of contacts, without anything of a person."""

from msgspec.structs import replace

from accord.domain.admit import faulty
from accord.domain.catalogue import Catalogue
from accord.domain.packs import EDITIONS
from accord.rpc import catalogues, outbound
from accord.rpc.wire import Examiner, timestamp
from accord.service.errors import CallError
from accord.service.replay import Invalid, LateEntry, Replayed, Wished
from accord.v1 import audit_service_pb2 as pb


def wished(request: pb.ReplayRequest) -> Wished:
    """Return what is asked for. Raises CallError with every fault."""
    examiner = Examiner()
    told = request.HasField("catalogue")
    if request.today and (request.catalogue_version or told or request.HasField("law_time")):
        examiner.fault("today", "must be false where a catalogue or the instant of a law is named")
    if told and request.catalogue_version:
        examiner.fault("catalogue_version", "must be 0 where a catalogue is told")
    if request.rules_edition and request.rules_edition not in EDITIONS:
        examiner.fault("rules_edition", f"no such edition; known: {', '.join(EDITIONS)}")
    found = Wished(
        recorded_from=examiner.instant("recorded_from", request, "recorded_from"),
        recorded_until=examiner.instant("recorded_until", request, "recorded_until"),
        version=request.catalogue_version,
        rules_edition=request.rules_edition,
        law_time=examiner.instant("law_time", request, "law_time"),
        today=request.today,
    )
    examiner.done()
    return replace(found, catalogue=_catalogue(request)) if told else found


def _catalogue(request: pb.ReplayRequest) -> Catalogue:
    """Return the catalogue told, examined as one that is applied. Raises CallError with every fault."""
    catalogue = catalogues.inbound(request.catalogue)
    if problem := faulty(catalogue, None):
        raise CallError(problem)
    return catalogue


def response(found: Replayed, page_token: str) -> pb.ReplayResponse:
    """Return a page."""
    return pb.ReplayResponse(
        contacts=map(_contact, found.invalid),
        contacts_replayed=found.contacts,
        unreadable=found.unreadable,
        entries_read=found.entries_read,
        entries_total=found.entries_total,
        next_page_token=page_token,
    )


def _contact(found: Invalid) -> pb.InvalidContact:
    event, decision = found.authorized, found.decision
    return pb.InvalidContact(
        position=found.position,
        authorized_time=timestamp(found.authorized_time),
        channel=event.channel,
        purpose=event.purpose,
        status=outbound.contact_status(found.status),
        basis=outbound.basis(event.basis),
        basis_positions=event.positions,
        verdict=decision.verdict.value,  # type: ignore[arg-type] # the domain carries the wire's numbers
        reason=decision.reason.value,  # type: ignore[arg-type] # the same
        positions=decision.positions,
        rules=[outbound.rule(each) for each in decision.rules],
        cause=found.cause.value,  # type: ignore[arg-type] # the same
        late_entry=_late(found.late_entry) if found.late_entry else None,
    )


def _late(found: LateEntry) -> pb.LateEntry:
    return pb.LateEntry(
        position=found.position,
        type=found.type,
        act_time=timestamp(found.act_time),
        recorded_time=timestamp(found.recorded_time),
    )
