"""Whether an explanation of a contact holds: verified on the auditor's side, from the bytes of one answer.

Four things are held against each other: the signature, the path of every entry to the signed root, the
commitment of every leaf to its payload, and every word of the answer against what these payloads say.
"""

from collections.abc import Iterator

from msgspec import Struct

from accord.cli.ledger import verify_checkpoint
from accord.domain.catalogue import Catalogue
from accord.domain.events import (
    CatalogueApplied,
    ContactAuthorized,
    ContactReported,
    Event,
    Evidence,
    PermissionConfirmed,
    PermissionGranted,
)
from accord.domain.fold import STATUS_AFTER
from accord.domain.packs import EDITIONS, edition
from accord.domain.terms import ContactStatus
from accord.ledger.entry import Leaf, Payload, commitment, read_leaf, read_payload
from accord.proof.checkpoint import Checkpoint
from accord.proof.handover import ledger_of
from accord.proof.merkle import leaf_hash, verify_inclusion
from accord.v1 import contact_service_pb2, decision_pb2, evidence_pb2, explanation_pb2

_CATALOGUED = "catalogue:"
_OURS = "accord:"
"""Rules of Accord itself, which no catalogue and no pack names."""


class Read(Struct, frozen=True):
    """An entry that was verified; `payload` None: its key is gone, and nothing was told of it."""

    leaf: Leaf
    payload: Payload | None

    @property
    def event(self) -> Event | None:
        """What it tells."""
        return self.payload.event if self.payload else None


Entries = dict[int, Read]


def verify(found: explanation_pb2.ContactExplanation, verifier_key: str = "") -> Checkpoint:
    """Return the checkpoint that all of it leads to; raises ValueError saying which step does not hold."""
    # (1) The checkpoint is signed by the key.
    signed = verify_checkpoint(found.checkpoint, verifier_key)
    # (2) Each entry is in the tree, and what it tells is what its leaf committed to.
    entries = {each.entry.position: _verify_entry(each, signed) for each in found.entries}
    # (3) The answer says of contact, permission, words and rules what these entries say.
    if found.erased != any(each.payload is None for each in entries.values()):
        raise ValueError("the answer says something else of the keys than its entries")
    if _of_contact(found) != _of_entries(found, entries):
        raise ValueError("the answer says something else of the contact than its entries")
    catalogues = [each.event for each in entries.values() if isinstance(each.event, CatalogueApplied)]
    _verify_rules(found, catalogues)
    if found.HasField("permission"):
        _verify_permission(found.permission, entries, [each.catalogue for each in catalogues])
    return signed


def applied_catalogue(found: explanation_pb2.ContactExplanation) -> Catalogue | None:
    """Return the catalogue that was applied, of an explanation that was verified; None where nothing tells which."""
    for each in found.entries:
        if each.entry.type == CatalogueApplied.__name__ and each.entry.payload_json:
            event = read_payload(each.entry.payload_json.encode()).event
            if isinstance(event, CatalogueApplied) and event.version == found.contact.policy_version:
                return event.catalogue
    return None


def _verify_entry(found: explanation_pb2.ProvenEntry, signed: Checkpoint) -> Read:
    entry, at = found.entry, f"entry {found.entry.position}"
    if leaf_hash(entry.leaf) != entry.leaf_hash:
        raise ValueError(f"{at}: the leaf does not fit its hash")
    if not verify_inclusion(entry.leaf_hash, entry.position, signed.size, tuple(found.hashes), signed.root):
        raise ValueError(f"{at}: the path does not lead to the root of the checkpoint")
    leaf = read_leaf(entry.leaf)
    if (leaf.ledger, leaf.position, leaf.type, leaf.recorded_at) != (
        ledger_of(signed.origin),
        entry.position,
        entry.type,
        entry.recorded_time.ToMicroseconds(),
    ):
        raise ValueError(f"{at}: the leaf says something else of itself than the answer")
    if not entry.payload_json:
        return Read(leaf, None)
    payload = entry.payload_json.encode()
    if commitment(entry.opening, payload) != leaf.pc:
        raise ValueError(f"{at}: what it tells does not fit the leaf")
    return Read(leaf, read_payload(payload))


def _of_contact(found: explanation_pb2.ContactExplanation) -> tuple[object, ...]:
    """Return what an answer says of the contact, in the order of `_of_entries`."""
    told = found.contact
    reports = tuple(
        (
            each.position,
            contact_service_pb2.ContactOutcome.Name(each.outcome).removeprefix("CONTACT_OUTCOME_"),
            each.outcome_time.ToMicroseconds(),
            each.recorded_time.ToMicroseconds(),
        )
        for each in found.reports
    )
    basis = decision_pb2.Basis.Name(told.basis).removeprefix("BASIS_") if told.basis else ""
    permission = found.permission.position if found.HasField("permission") else None
    time, positions = told.authorized_time.ToMicroseconds(), tuple(told.basis_positions)
    shown = (told.channel, told.purpose, time)
    return (*shown, told.contact_id, told.status, basis, positions, told.policy_version, permission, reports)


def _of_entries(found: explanation_pb2.ContactExplanation, entries: Entries) -> tuple[object, ...]:
    """Return what the entries say of the contact; of one whose key is gone, what its leaf shows and no more."""
    own = [(position, entries[position]) for position in found.contact.positions if position in entries]
    authorizing = [each for _, each in own if each.leaf.type == ContactAuthorized.__name__]
    if not authorizing:
        return ()
    leaf, event = authorizing[-1].leaf, authorizing[-1].event
    shown = ("".join(leaf.channel), "".join(leaf.purpose), leaf.recorded_at)
    if not isinstance(event, ContactAuthorized):
        return (*shown, found.contact.contact_id, 0, "", (), 0, None, ())
    status, reports = ContactStatus.AUTHORIZED, []
    for position, each in own:
        if isinstance(each.event, ContactReported):
            status = STATUS_AFTER[each.event.outcome]
            reports.append((position, each.event.outcome, each.event.outcome_time, each.leaf.recorded_at))
        else:
            status = ContactStatus.AUTHORIZED
    rested = (event.basis, event.positions, event.policy_version, event.permission)
    return (*shown, event.contact_id, status, *rested, tuple(reports))


def _verify_rules(found: explanation_pb2.ContactExplanation, catalogues: list[CatalogueApplied]) -> None:
    applied = [each.catalogue for each in catalogues if each.version == found.contact.policy_version]
    rules = {(_CATALOGUED + rule.id, rule.legal_source) for catalogue in applied for rule in catalogue.bases}
    for catalogue in applied:
        if catalogue.rules_edition in EDITIONS:
            packs = edition(catalogue.rules_edition).packs.values()
            rules |= {(rule.id, rule.legal_source) for pack in packs for rule in pack.rules}
    if not {(each.id, each.legal_source) for each in found.rules if not each.id.startswith(_OURS)} <= rules:
        raise ValueError("neither the catalogue that was applied nor its rule packs have such a rule")
    if found.controller and found.controller not in {each.controller for each in applied}:
        raise ValueError("the catalogue that was applied names another controller")


def _verify_permission(told: explanation_pb2.GivenPermission, entries: Entries, catalogues: list[Catalogue]) -> None:
    read = entries.get(told.position)
    if read is None or read.payload is None or not isinstance(read.event, PermissionGranted):
        raise ValueError("no entry of the answer tells its permission")
    if _of_evidence(told.evidence) != _of_event(read.event.evidence) or _of_given(told) != _of_granted(read):
        raise ValueError("the answer says something else of the permission than its entry")
    if told.HasField("confirmed_position"):
        _verify_confirmation(told, entries)
    words = {(text.language, text.text) for text in told.notice_texts}
    if not words <= set(_texts(told.evidence.notice, catalogues)):
        raise ValueError("no catalogue of the answer has these words")
    titles = {(each.code, each.title) for catalogue in catalogues for each in catalogue.touchpoints}
    if told.touchpoint_title and (told.evidence.touchpoint, told.touchpoint_title) not in titles:
        raise ValueError("no catalogue of the answer has this touchpoint")


def _verify_confirmation(told: explanation_pb2.GivenPermission, entries: Entries) -> None:
    read = entries.get(told.confirmed_position)
    event = read.event if read else None
    if not isinstance(event, PermissionConfirmed) or event.permission != told.position:
        raise ValueError("no entry of the answer tells its confirmation")
    if _of_evidence(told.confirmation) != _of_event(event.evidence):
        raise ValueError("the answer says something else of the confirmation than its entry")


def _texts(notice: str, catalogues: list[Catalogue]) -> Iterator[tuple[str, str]]:
    for catalogue in catalogues:
        for each in catalogue.notices:
            if each.code == notice:
                yield from ((text.language, text.text) for text in each.texts)


def _of_given(told: explanation_pb2.GivenPermission) -> tuple[object, ...]:
    lists = (told.purposes, told.channels, told.topics, told.places, told.recipients)
    times = (told.valid_from.ToMicroseconds(), told.valid_until.ToMicroseconds(), told.recorded_time.ToMicroseconds())
    return told.level, *map(tuple, lists), told.uses, *times, told.caller


def _of_granted(read: Read) -> tuple[object, ...]:
    event, payload = read.event, read.payload
    if payload is None or not isinstance(event, PermissionGranted):
        return ()
    channels = tuple(filter(None, event.channels))
    lists = (event.purposes, channels, event.topics, event.places, event.recipients)
    return event.level, *lists, event.uses, event.valid_from, event.valid_until, read.leaf.recorded_at, payload.caller


def _of_evidence(told: evidence_pb2.Evidence) -> tuple[object, ...]:
    return (
        told.touchpoint,
        told.notice,
        told.language,
        evidence_pb2.DeclarationMethod.Name(told.method).removeprefix("DECLARATION_METHOD_"),
        evidence_pb2.Declarant.Name(told.declarant).removeprefix("DECLARANT_"),
        evidence_pb2.Recorder.Name(told.recorder).removeprefix("RECORDER_"),
        told.recorder_id,
        told.act_time.ToMicroseconds(),
        tuple((each.sha256.hex(), each.media_type) for each in told.artefacts),
    )


def _of_event(told: Evidence) -> tuple[object, ...]:
    expression = (told.method, told.declarant, told.recorder, told.recorder_id, told.act_time)
    artefacts = tuple((each.sha256, each.media_type) for each in told.artefacts)
    return told.touchpoint, told.notice, told.language, *expression, artefacts
