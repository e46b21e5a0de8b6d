"""Whether an explanation of a contact holds: verified on the auditor's side, from the bytes of one answer.

Four things are held against each other: the signature, the path of every entry to the signed root, the
commitment of every leaf to its payload, and what the answer says against what these payloads say.
"""

from accord.cli.ledger import verify_checkpoint
from accord.domain.catalogue import Catalogue
from accord.domain.events import CatalogueApplied, ContactAuthorized, Event, PermissionGranted
from accord.ledger.entry import commitment, read_leaf, read_payload
from accord.proof.checkpoint import Checkpoint
from accord.proof.merkle import leaf_hash, verify_inclusion
from accord.v1 import contact_service_pb2, decision_pb2, evidence_pb2, explanation_pb2

_CATALOGUED = "catalogue:"


def verify(found: explanation_pb2.ContactExplanation, verifier_key: str = "") -> Checkpoint:
    """Return the checkpoint that all of it leads to; raises ValueError saying which step does not hold."""
    # (1) The checkpoint is signed by the key.
    signed = verify_checkpoint(found.checkpoint, verifier_key)
    # (2) Each entry is in the tree, and what it tells is what its leaf committed to.
    events = {each.entry.position: _verify_entry(each, signed) for each in found.entries}
    # (3) The answer says of contact, permission, words and rules what these entries say.
    if not found.erased:
        _verify_words(found, events)
    return signed


def _verify_entry(found: explanation_pb2.ProvenEntry, signed: Checkpoint) -> Event | None:
    entry, at = found.entry, f"entry {found.entry.position}"
    if leaf_hash(entry.leaf) != entry.leaf_hash:
        raise ValueError(f"{at}: the leaf does not fit its hash")
    if not verify_inclusion(entry.leaf_hash, entry.position, signed.size, tuple(found.hashes), signed.root):
        raise ValueError(f"{at}: the path does not lead to the root of the checkpoint")
    leaf = read_leaf(entry.leaf)
    if (leaf.ledger, leaf.position, leaf.type) != (signed.origin, entry.position, entry.type):
        raise ValueError(f"{at}: the leaf names another place")
    if not entry.payload_json:
        return None
    payload = entry.payload_json.encode()
    if commitment(entry.opening, payload) != leaf.pc:
        raise ValueError(f"{at}: what it tells does not fit the leaf")
    return read_payload(payload).event


def _verify_words(found: explanation_pb2.ContactExplanation, events: dict[int, Event | None]) -> None:
    own = (events.get(position) for position in found.contact.positions)
    authorized = [event for event in own if isinstance(event, ContactAuthorized)]
    if not authorized or _of_contact(found.contact) != _of_authorized(authorized[-1]):
        raise ValueError("the answer says something else of the contact than its entry")
    catalogues = [event for event in events.values() if isinstance(event, CatalogueApplied)]
    if found.HasField("permission"):
        event = events.get(found.permission.position)
        _verify_permission(found.permission, event, [each.catalogue for each in catalogues])
    applied = {
        (_CATALOGUED + rule.id, rule.legal_source)
        for each in catalogues
        if each.version == found.contact.policy_version
        for rule in each.catalogue.bases
    }
    named = {(each.id, each.legal_source) for each in found.rules if each.id.startswith(_CATALOGUED)}
    if not named <= applied:
        raise ValueError("the catalogue that was applied has no such rule")


def _verify_permission(told: explanation_pb2.GivenPermission, event: Event | None, catalogues: list[Catalogue]) -> None:
    if not isinstance(event, PermissionGranted):
        raise ValueError("no entry of the answer tells its permission")  # noqa: TRY004 - a fault of the proof
    said, evidence = told.evidence, event.evidence
    if (said.touchpoint, said.notice, said.language, said.act_time.ToMicroseconds()) != (
        evidence.touchpoint,
        evidence.notice,
        evidence.language,
        evidence.act_time,
    ) or (tuple(told.purposes), tuple(told.channels)) != (event.purposes, tuple(filter(None, event.channels))):
        raise ValueError("the answer says something else of the permission than its entry")
    if _expression(said) != (evidence.method, evidence.declarant, evidence.recorder, evidence.recorder_id):
        raise ValueError("the answer says something else of who declared and recorded than the entry")
    notices = [notice for each in catalogues for notice in each.notices if notice.code == said.notice]
    written = {(text.language, text.text) for notice in notices for text in notice.texts}
    if not {(each.language, each.text) for each in told.notice_texts} <= written:
        raise ValueError("no catalogue of the answer has these words")


def _expression(said: evidence_pb2.Evidence) -> tuple[str, str, str, str]:
    return (
        evidence_pb2.DeclarationMethod.Name(said.method).removeprefix("DECLARATION_METHOD_"),
        evidence_pb2.Declarant.Name(said.declarant).removeprefix("DECLARANT_"),
        evidence_pb2.Recorder.Name(said.recorder).removeprefix("RECORDER_"),
        said.recorder_id,
    )


def _of_contact(told: contact_service_pb2.Contact) -> tuple[object, ...]:
    basis = decision_pb2.Basis.Name(told.basis).removeprefix("BASIS_")
    return told.contact_id, told.channel, told.purpose, basis, told.policy_version, tuple(told.basis_positions)


def _of_authorized(event: ContactAuthorized) -> tuple[object, ...]:
    return event.contact_id, event.channel, event.purpose, event.basis, event.policy_version, event.positions
