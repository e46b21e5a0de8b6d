"""Proof of use and access reports as responses. Builds messages; decides nothing."""

from accord.domain.catalogue import Catalogue
from accord.domain.events import Evidence, Link, PermissionGranted, PermissionRefused
from accord.domain.state import Facts
from accord.domain.terms import CustomerKind, Declarant, IdentifierKind, ListKind, Method, Outcome, Recorder
from accord.ledger.entry import read_leaf
from accord.rpc import outbound
from accord.rpc.wire import numbers, optional_timestamp, timestamp
from accord.service.access import HeldEntry, HeldIdentifier, HeldListing, Summary
from accord.service.explanations import Explanation, Given
from accord.service.guard import SignedCheckpoint
from accord.service.records import StandingPermission, StandingRefusal
from accord.v1 import (
    access_report_pb2,
    catalogue_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    evidence_pb2,
    explanation_pb2,
    import_service_pb2,
    permission_pb2,
)

_METHODS = numbers(evidence_pb2.DeclarationMethod, "DECLARATION_METHOD_", Method)
_DECLARANTS = numbers(evidence_pb2.Declarant, "DECLARANT_", Declarant)
_RECORDERS = numbers(evidence_pb2.Recorder, "RECORDER_", Recorder)
_OUTCOMES = numbers(contact_service_pb2.ContactOutcome, "CONTACT_OUTCOME_", Outcome)
_CUSTOMER_KINDS = numbers(customer_service_pb2.CustomerKind, "CUSTOMER_KIND_", CustomerKind)
_LIST_KINDS = numbers(import_service_pb2.ListKind, "LIST_KIND_", ListKind)
_POINT_KINDS = numbers(
    customer_pb2.ContactPointKind,
    "CONTACT_POINT_KIND_",
    [kind for kind in IdentifierKind if kind is not IdentifierKind.CUSTOMER_ID],
)


def explanation(found: Explanation) -> explanation_pb2.ContactExplanation:
    """Return why a contact was made."""
    signed: SignedCheckpoint = found.entries[0].proof.signed
    return explanation_pb2.ContactExplanation(
        contact=outbound.contact(found.contact) if found.contact else _contact_left(found),
        reports=[
            explanation_pb2.ContactReport(
                position=each.entry.entry.position,
                outcome=_OUTCOMES[each.event.outcome],
                outcome_time=timestamp(each.event.outcome_time),
                recorded_time=timestamp(each.entry.leaf.recorded_at),
            )
            for each in found.reports
        ],
        rules=[outbound.rule(each) for each in found.rules],
        permission=_given(found.given) if found.given else None,
        entries=[
            explanation_pb2.ProvenEntry(entry=outbound.entry(each.entry, each.opened), hashes=each.proof.hashes)
            for each in found.entries
        ],
        checkpoint=outbound.checkpoint(signed),
        erased=found.erased,
        controller=found.controller,
    )


def _contact_left(found: Explanation) -> contact_service_pb2.Contact:
    """Return what the leaf shows of a contact whose key is gone."""
    return contact_service_pb2.Contact(
        contact_id=found.contact_id,
        channel="".join(found.leaf.channel),
        purpose="".join(found.leaf.purpose),
        authorized_time=timestamp(found.leaf.recorded_at),
        positions=found.positions,
    )


def _given(found: Given) -> explanation_pb2.GivenPermission:
    granted, confirmation = found.granted, found.confirmation
    return explanation_pb2.GivenPermission(
        position=found.entry.entry.position,
        evidence=evidence(granted.evidence),
        touchpoint_title=found.touchpoint_title,
        level=granted.level,
        purposes=granted.purposes,
        channels=filter(None, granted.channels),
        topics=granted.topics,
        places=granted.places,
        recipients=granted.recipients,
        uses=granted.uses,
        valid_from=timestamp(granted.valid_from),
        valid_until=optional_timestamp(granted.valid_until),
        recorded_time=timestamp(found.entry.leaf.recorded_at),
        caller=found.entry.payload.caller,
        notice_texts=[catalogue_pb2.NoticeText(language=text.language, text=text.text) for text in found.texts],
        confirmed_position=found.confirmed.entry.position if found.confirmed else None,
        confirmation=evidence(confirmation.evidence) if confirmation else None,
    )


def evidence(found: Evidence) -> evidence_pb2.Evidence:
    """Return how we know of a declaration."""
    return evidence_pb2.Evidence(
        touchpoint=found.touchpoint,
        notice=found.notice,
        language=found.language,
        method=_METHODS[found.method],
        declarant=_DECLARANTS[found.declarant],
        recorder=_RECORDERS[found.recorder],
        recorder_id=found.recorder_id,
        act_time=timestamp(found.act_time),
        artefacts=[
            evidence_pb2.Artefact(sha256=bytes.fromhex(each.sha256), media_type=each.media_type)
            for each in found.artefacts
        ],
    )


def summary(found: Summary) -> access_report_pb2.AccessSummary:
    """Return how things stand for a customer."""
    return access_report_pb2.AccessSummary(
        controller=_controller(found.catalogue),
        ledger=found.ledger,
        report_time=timestamp(found.time),
        entries=found.entries,
        erased=found.erased,
        identifiers=[_identifier(each) for each in found.identifiers],
        facts=_facts(found.facts),
        permissions=[_permission(found, each) for each in found.permissions],
        refusals=[_refusal(found, each) for each in found.refusals],
        third_parties=found.third_parties,
        callers=found.callers,
        purposes=[access_report_pb2.ReportedPurpose(code=code, title=title) for code, title in found.purposes],
        listings=[_listing(each) for each in found.listings],
    )


def held_entry(found: HeldEntry) -> access_report_pb2.AccessEntry:
    """Return one entry of a customer, with where it came from."""
    leaf, told, opened = read_leaf(found.entry.leaf), found.evidence, found.opened
    return access_report_pb2.AccessEntry(
        position=found.entry.position,
        customer_version=found.entry.customer_version,
        type=leaf.type,
        recorded_time=timestamp(leaf.recorded_at),
        leaf_hash=found.entry.leaf_hash,
        touchpoint=told.touchpoint if told else "",
        recorder=told.recorder.value if told else "",
        recorder_id=told.recorder_id if told else "",
        caller=opened.payload.caller if opened else "",
        payload_json=found.told.decode(),
        withheld=found.withheld,
        contact=outbound.contact(found.contact) if found.contact else None,
    )


def _controller(catalogue: Catalogue) -> access_report_pb2.ReportedController:
    details = catalogue.controller_details
    if details is None:
        return access_report_pb2.ReportedController(name=catalogue.controller)
    return access_report_pb2.ReportedController(
        name=catalogue.controller,
        address=details.address,
        contact=details.contact,
        rights_url=details.rights_url,
        storage_countries=details.storage_countries,
        retention_days=details.retention_days,
    )


def _identifier(found: HeldIdentifier) -> access_report_pb2.ReportedIdentifier:
    point = _contact_point(found.link)
    named = customer_pb2.CustomerKey(customer_id=found.link.value)
    key = customer_pb2.CustomerKey(contact_point=point) if point else named
    return access_report_pb2.ReportedIdentifier(
        identifier=key,
        linked_time=timestamp(found.linked_time),
        unlinked_time=optional_timestamp(found.unlinked_time),
    )


def _contact_point(link: Link) -> customer_pb2.ContactPoint | None:
    if link.kind is IdentifierKind.CUSTOMER_ID:
        return None
    return customer_pb2.ContactPoint(kind=_POINT_KINDS[link.kind], value=link.value)


def _listing(found: HeldListing) -> access_report_pb2.ReportedListing:
    point = _contact_point(found.link) if found.link else None
    listing = found.listing
    if listing is None:
        return access_report_pb2.ReportedListing(contact_point=point)
    return access_report_pb2.ReportedListing(
        contact_point=point,
        list=listing.list,
        kind=_LIST_KINDS[listing.kind],
        list_time=timestamp(listing.listed_time),
        purposes=listing.purposes,
    )


def _facts(found: Facts) -> customer_service_pb2.CustomerFacts:
    """Return the facts that are known; what is unknown is absent."""
    return customer_service_pb2.CustomerFacts(
        country=found.country or None,
        region=found.region or None,
        time_zone=found.time_zone or None,
        language=found.language or None,
        kind=_CUSTOMER_KINDS[found.kind] if found.kind else None,
        birth_year=found.birth_year or None,
        guardian_known=found.guardian_known or None,
        deceased=found.deceased or None,
        contract_current=found.contract_current or None,
        membership_current=found.membership_current or None,
        preferred_channel=found.preferred_channel or None,
        paused_until=optional_timestamp(found.paused_until),
    )


def _permission(summary: Summary, found: StandingPermission) -> permission_pb2.Permission:
    event = summary.events.get(found.mark.position)
    texts = (event.topics, event.recipients) if isinstance(event, PermissionGranted) else ((), ())
    return outbound.permission(found, *texts)


def _refusal(summary: Summary, found: StandingRefusal) -> permission_pb2.Refusal:
    event = summary.events.get(found.mark.position)
    texts = (event.topic, event.recipient) if isinstance(event, PermissionRefused) else ("", "")
    return outbound.refusal(found, *texts)
