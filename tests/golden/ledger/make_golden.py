"""Makes the golden bytes of the ledger: fixed keys, nonces and openings in, every frozen format out.

The formats are kept for ten years: what was hashed, sealed or signed once must be read for ever.
Run this only to add a format or a new version of one beside the old; a changed byte in what is
there already breaks every ledger that exists. From the root: python tests/golden/ledger/make_golden.py
"""

import json
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from accord.domain.catalogue import (
    BasisRule,
    Cap,
    Catalogue,
    Channel,
    CoolDown,
    DayWindow,
    Hours,
    Level,
    Notice,
    NoticeText,
    Place,
    Purpose,
    Touchpoint,
)
from accord.domain.events import (
    ActivityReported,
    Artefact,
    CarriedOverlay,
    CarriedRefusal,
    CatalogueApplied,
    ContactAuthorized,
    ContactPointListed,
    ContactPointReported,
    ContactPointRetold,
    ContactPointSuppressed,
    ContactPointUnlisted,
    ContactReported,
    CustomerMerged,
    CustomerRestricted,
    CustomersErased,
    CustomerSplit,
    EntryLost,
    ErasureRequested,
    Event,
    Evidence,
    Exported,
    FactsRecorded,
    IdentifierLinked,
    IdentifierUnlinked,
    Justification,
    LedgerRecovered,
    Link,
    LossAccepted,
    OverlayAdded,
    OverlayLifted,
    PermissionConfirmed,
    PermissionGranted,
    PermissionRefused,
    RestrictionLifted,
    SigningKeyRotated,
    SuppressionsEnded,
    SuppressionsImported,
)
from accord.domain.fold import fold, fold_point
from accord.domain.state import NO_POINT, NO_STATE, encode
from accord.domain.terms import (
    ActivityKind,
    Basis,
    BrandId,
    CustomerKind,
    Declarant,
    ErasureMode,
    ErasureReason,
    Identifier,
    IdentifierKind,
    Instant,
    ListKind,
    Method,
    Obligation,
    Outcome,
    OverlayKind,
    PointFact,
    Position,
    PurposeClass,
    Recorder,
    Redaction,
    RefusalKind,
    RestrictionGround,
)
from accord.keys import kek as kek_module
from accord.keys import keyring as keyring_module
from accord.keys.kek import GivenKeks
from accord.keys.keyring import WrappedKeyring
from accord.keys.secrets import Secrets
from accord.ledger.entry import (
    Leaf,
    Payload,
    ciphertext_hash,
    commitment,
    event_type,
    public_codes,
    write_leaf,
    write_payload,
)
from accord.ledger.keyring import WrappedKey
from accord.ledger.lookup import Lookups
from accord.ledger.seal import Place as SealedPlace
from accord.ledger.seal import seal_with_nonce
from accord.proof.checkpoint import Checkpoint, key_id, sign, verifier_key
from accord.proof.handover import Handover, text_of, write
from accord.proof.merkle import grow, leaf_hash, root_of_edge

FILE = Path(__file__).parent / "golden.json"

LEDGER = "accord/maison/0123456789abcdef"
BRAND = BrandId("maison")
SECRETS = Secrets(pepper=b"P" * 32)
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"S" * 32)
CUSTOMER_REF, CUSTOMER_KEY = bytes(range(16)), bytes(range(32, 64))
OPENING, NONCE = bytes(range(64, 96)), bytes(range(96, 108))
TIME = Instant(1_767_348_000_000_000)

ADA = Link(IdentifierKind.EMAIL, "ada@example.com", 2)
EVIDENCE = Evidence(
    touchpoint="boutique_qr",
    method=Method.TICKED_BOX,
    declarant=Declarant.GUARDIAN,
    recorder=Recorder.CLERK,
    act_time=TIME,
    notice="n1",
    language="fr",
    recorder_id="caisse 3",
    artefacts=(Artefact("ab" * 32, "image/png"),),
)
SHORT = Evidence(
    touchpoint="web", method=Method.BUTTON, declarant=Declarant.CUSTOMER, recorder=Recorder.SYSTEM, act_time=TIME
)
CATALOGUE = Catalogue(
    controller="Maison « Élan » \u2028 & fils",
    country="FR",
    channels=(
        Channel("email", IdentifierKind.EMAIL, verification_required=True, obligations=(Obligation.NAME_SOURCE,)),
        Channel("sms", IdentifierKind.PHONE),
    ),
    purposes=(
        Purpose("marketing.cart", PurposeClass.MARKETING, "Panier", outside_brand_caps=True),
        Purpose("service.order", PurposeClass.SERVICE),
    ),
    levels=(Level("once", uses=1, valid_days=30, topics_required=True, confirmation_hours=24), Level("ongoing")),
    notices=(Notice("n1", ("marketing.cart",), (NoticeText("fr", "Oui, “volontiers”\n"),), ("email",), stale=True),),
    touchpoints=(Touchpoint("web", "once", "n1", "Le site"),),
    places=(Place("paris-1", "Rue de Rivoli"),),
    bases=(BasisRule("b1", Basis.PERMISSION, PurposeClass.MARKETING, guardian_below_age=15, legal_source="art. 6"),),
    caps=(Cap("c1", 3, 7, calendar_days=True, channels=("email",), legal=True, counts_attempts=True),),
    hours=(Hours("h1", ("sms",), (DayWindow("08:00", "20:00", (1, 2)),), lawful=True),),
    cool_downs=(CoolDown("d1", ("sms",), 60, "R224-1"),),
)

WHY = Justification(reason="même carte", officer_id="dpo 1", artefacts=(Artefact("cd" * 32, "application/pdf"),))
CARRIED = CarriedRefusal(
    position=Position(5),
    kind=RefusalKind.REFUSED,
    act_time=TIME,
    recorded_time=Instant(TIME + 5),
    purpose="marketing",
    channel="sms",
    topic=bytes(range(8)),
    place="paris-1",
    recipient=bytes(range(8, 16)),
    asked_time=TIME,
)

EVENTS: dict[str, Event] = {
    "PermissionGranted": PermissionGranted(
        links=(ADA,),
        evidence=EVIDENCE,
        level="once",
        purposes=("marketing.cart",),
        channels=("email", "sms"),
        point=2,
        topics=("robe 42", "été"),
        places=("paris-1",),
        recipients=("Partenaire SA",),
        valid_from=TIME,
        valid_until=Instant(TIME + 1),
        uses=1,
        confirm_until=Instant(TIME + 2),
    ),
    "PermissionGranted with defaults": PermissionGranted(
        evidence=SHORT, level="ongoing", purposes=("marketing.cart",), valid_from=TIME
    ),
    "PermissionConfirmed": PermissionConfirmed(evidence=SHORT, permission=Position(7)),
    "PermissionRefused": PermissionRefused(
        kind=RefusalKind.WITHDRAWN,
        evidence=SHORT,
        purpose="marketing",
        channel="sms",
        point=2,
        via=0,
        topic="robe 42",
        place="paris-1",
        recipient="Partenaire SA",
    ),
    "PermissionRefused with defaults": PermissionRefused(kind=RefusalKind.OBJECTED, evidence=SHORT),
    "IdentifierLinked": IdentifierLinked(links=(ADA, Link(IdentifierKind.CUSTOMER_ID, "42", 1))),
    "IdentifierUnlinked": IdentifierUnlinked(number=2),
    "FactsRecorded": FactsRecorded(
        country="FR",
        region="974",
        time_zone="Indian/Reunion",
        language="fr",
        kind=CustomerKind.PROFESSIONAL,
        birth_year=1990,
        guardian_known=False,
        deceased=False,
        contract_current=True,
        preferred_channel="sms",
        paused_until=TIME,
    ),
    "ActivityReported": ActivityReported(
        kind=ActivityKind.PURCHASE, act_time=TIME, place="paris-1", objection_offered=True
    ),
    "ContactPointReported": ContactPointReported(number=2, fact=PointFact.REGISTRY_LISTED, act_time=TIME),
    "ContactAuthorized": ContactAuthorized(
        contact_id="message 1",
        channel="email",
        purpose="marketing.cart",
        point=2,
        topic="robe 42",
        basis=Basis.PERMISSION,
        permission=Position(1),
        positions=(Position(1), Position(3)),
        policy_version=2,
    ),
    "ContactReported": ContactReported(contact_id="message 1", outcome=Outcome.SENT, outcome_time=TIME),
    "CatalogueApplied": CatalogueApplied(version=1, catalogue=CATALOGUE),
    "Exported": Exported(
        size=13,
        root="cd" * 32,
        first=Position(2),
        end=Position(13),
        redaction=Redaction.PERSONAL,
        customer=CUSTOMER_REF.hex(),
        recorded_from=TIME,
        recorded_until=Instant(TIME + 1),
        purposes=("marketing",),
        channels=("email",),
    ),
    "Exported with defaults": Exported(
        size=13, root="cd" * 32, first=Position(0), end=Position(13), redaction=Redaction.NONE
    ),
    "OverlayAdded": OverlayAdded(kind=OverlayKind.CONTRACT_PAUSE, until=TIME, justification=WHY),
    "OverlayAdded with defaults": OverlayAdded(
        kind=OverlayKind.HOUSEHOLD, justification=Justification(reason="letter")
    ),
    "OverlayLifted": OverlayLifted(overlay=Position(9), justification=WHY),
    "CustomerRestricted": CustomerRestricted(ground=RestrictionGround.ACCURACY_CONTESTED, justification=WHY),
    "RestrictionLifted": RestrictionLifted(informed_time=TIME, justification=WHY),
    "CustomerMerged": CustomerMerged(
        group=bytes(range(16)).hex(),
        refusals=(CARRIED,),
        overlays=(CarriedOverlay(position=Position(9), until=TIME),),
        justification=WHY,
    ),
    "CustomerSplit": CustomerSplit(group=bytes(range(16)).hex(), refusals=(CARRIED,), justification=WHY),
    "CustomerSplit with defaults": CustomerSplit(justification=Justification(reason="two people")),
}

TREE_SIZE = 13
"""The golden tree and states are of the events there were when they were frozen."""


RETOLD_STATE = bytes.fromhex("99030000000000909000")
"""An address that bounced at position 3, as states were written before lists."""

LATER: dict[str, Event] = {
    "PermissionGranted confirmed by a link": PermissionGranted(
        evidence=SHORT,
        level="once",
        purposes=("marketing.cart",),
        channels=("email",),
        point=2,
        valid_from=TIME,
        confirm_until=Instant(TIME + 20),
        link_only=True,
    ),
    "ContactAuthorized to confirm": ContactAuthorized(
        contact_id="confirmation 1",
        channel="email",
        purpose="service.opt_in",
        point=2,
        basis=Basis.CONFIRMATION_REQUEST,
        positions=(Position(13),),
        policy_version=2,
        confirms=Position(13),
        token_sha256=sha256(b"T" * 32).hexdigest(),
    ),
    "PermissionConfirmed by its token": PermissionConfirmed(
        evidence=SHORT, permission=Position(13), point=2, token_sha256=sha256(b"T" * 32).hexdigest()
    ),
    "CatalogueApplied under rule packs": CatalogueApplied(
        version=2,
        catalogue=replace(
            CATALOGUE,
            purposes=(Purpose("marketing.gazette", PurposeClass.MARKETING, sector="press"),),
            rules_edition="2026-11",
        ),
    ),
    "ContactPointReported of a number that changed hands": ContactPointReported(
        number=2, fact=PointFact.REASSIGNED, act_time=Instant(TIME + 21)
    ),
    "ContactPointRetold": ContactPointRetold(number=2, state=RETOLD_STATE),
    "ContactPointSuppressed": ContactPointSuppressed(number=2, erased_time=TIME),
    "ErasureRequested": ErasureRequested(
        mode=ErasureMode.ON_HOLD_UNTIL,
        reason=ErasureReason.OBJECTED,
        not_before=Instant(TIME + 5),
        evidence=SHORT,
    ),
    "CustomersErased": CustomersErased(
        customers=(bytes(range(16)).hex(),),
        mode=ErasureMode.NOW,
        reason=ErasureReason.CHILD,
        request_time=TIME,
        suppressed=2,
        evidence=SHORT,
    ),
    "CustomersErased with defaults": CustomersErased(
        customers=(bytes(16).hex(),),
        mode=ErasureMode.AFTER_RETENTION,
        reason=ErasureReason.RETENTION_ENDED,
        request_time=TIME,
    ),
    "SuppressionsImported": SuppressionsImported(
        list="fr.bloctel",
        kind=ListKind.REGISTRY,
        listed_time=TIME,
        sha256=sha256(b"file").hexdigest(),
        lines=3,
        complete=True,
        purposes=("marketing",),
    ),
    "SuppressionsImported with defaults": SuppressionsImported(
        list="bounces", kind=ListKind.BOUNCED, listed_time=TIME, sha256=sha256(b"file").hexdigest(), lines=3
    ),
    "SuppressionsEnded": SuppressionsEnded(imported=Position(9), listed=3),
    "ContactPointListed": ContactPointListed(
        number=2,
        list="fr.bloctel",
        kind=ListKind.REGISTRY,
        listed_time=TIME,
        recorded_time=Instant(TIME + 1),
        imported=Position(9),
        purposes=("marketing",),
    ),
    "ContactPointListed with defaults": ContactPointListed(
        number=2, list="own", kind=ListKind.OWN, listed_time=TIME, recorded_time=TIME, imported=Position(9)
    ),
    "ContactPointUnlisted": ContactPointUnlisted(number=2, list="fr.bloctel", imported=Position(12)),
    "SigningKeyRotated": SigningKeyRotated(handover="accord-handover/1\n…\n", disowned=True),
    "SigningKeyRotated with defaults": SigningKeyRotated(handover="accord-handover/1\n…\n"),
    "EntryLost": EntryLost(incarnation=2),
    "LedgerRecovered": LedgerRecovered(incarnation=2, handover="accord-handover/1\n…\n", lost=3),
    "LossAccepted": LossAccepted(recovered=Position(9), justification=WHY),
}
"""What came after the first ledgers: only their payloads, so that the leaves above stay. Append, never move."""


def make() -> dict[str, dict[str, str]]:
    """Return every golden value: text as it is, bytes in hexadecimal."""
    events = list(EVENTS.values())
    return {
        "payloads": {name: _payload(event).decode() for name, event in EVENTS.items()},
        "later payloads": {name: _payload(event).decode() for name, event in LATER.items()},
        "leaves": {name: _entry(position, event)[0].decode() for position, (name, event) in enumerate(EVENTS.items())},
        "sealed": {
            name: _entry(position, event)[1].hex()
            for position, (name, event) in enumerate(EVENTS.items())
            if name.endswith("defaults")
        },
        "hashes": _hashes(),
        "keys": _keys(),
        "lookups": _lookups(),
        "checkpoint": _checkpoint(),
        "handover": _handover(),
        "states now": _states([*events[:TREE_SIZE], *LATER.values(), *events[TREE_SIZE:]]),
    }


def _payload(event: Event) -> bytes:
    return write_payload(
        Payload(
            customer=CUSTOMER_REF.hex(), version=4, previous=sha256(b"before").hexdigest(), caller="crm", event=event
        )
    )


def _entry(position: int, event: Event) -> tuple[bytes, bytes]:
    """Return the leaf and the sealed bytes of an event."""
    payload = _payload(event)
    place = SealedPlace(LEDGER, CUSTOMER_REF, Position(position), 4, 1)
    sealed = seal_with_nonce(CUSTOMER_KEY, place, OPENING, payload, NONCE)
    purposes, channels, notice = public_codes(event)
    leaf = Leaf(
        ledger=LEDGER,
        position=Position(position),
        type=event_type(event),
        purpose=purposes,
        channel=channels,
        notice=notice,
        recorded_at=TIME,
        pc=commitment(OPENING, payload),
        ch=ciphertext_hash(sealed),
    )
    return write_leaf(leaf), sealed


def _leaf_hashes() -> list[bytes]:
    events = list(EVENTS.values())[:TREE_SIZE]
    return [leaf_hash(_entry(position, event)[0]) for position, event in enumerate(events)]


def _hashes() -> dict[str, str]:
    tile = b"".join(leaf_hash(number.to_bytes(2, "big")) for number in range(256))
    return {
        "leaf hash of the first leaf": _leaf_hashes()[0].hex(),
        "edge of all leaves": b"".join(grow((), 0, _leaf_hashes())).hex(),
        "root of all leaves": root_of_edge(grow((), 0, _leaf_hashes())).hex(),
        "digest of a full tile of the numbers 0 to 255": sha256(tile).hexdigest(),
        "root of that tile": root_of_edge(grow((), 0, [tile[at : at + 32] for at in range(0, len(tile), 32)])).hex(),
    }


class _Keys:
    def __init__(self) -> None:
        self.rows: list[WrappedKey] = []

    def insert_missing(self, brand: BrandId, keys: list[WrappedKey]) -> None:
        del brand
        self.rows += keys

    def select(self, brand: BrandId, refs: list[bytes]) -> list[WrappedKey]:
        del brand, refs
        return self.rows

    def fenced(self, brand: BrandId, refs: list[bytes]) -> set[bytes]:
        del brand, refs
        return set()

    def epoch(self) -> int:
        return 1


def _keys() -> dict[str, str]:
    kept, real = _Keys(), keyring_module.os
    keyring_module.os = SimpleNamespace(urandom=lambda _: CUSTOMER_KEY)  # type: ignore[assignment]
    kek_module.os = SimpleNamespace(urandom=lambda _: NONCE)  # type: ignore[assignment]
    try:
        made = WrappedKeyring(kept, GivenKeks({1: b"K" * 32})).make(BRAND, [CUSTOMER_REF])
    finally:
        keyring_module.os = kek_module.os = real
    (row,) = kept.rows
    return {"key": made[CUSTOMER_REF].key.hex(), "wrapped": row.wrapped.hex(), "epoch": str(row.epoch)}


def _lookups() -> dict[str, str]:
    lookups = Lookups(SECRETS.pepper)
    return {
        "customer_id": lookups.of(1).identifier(BRAND, Identifier(IdentifierKind.CUSTOMER_ID, "42")).hex(),
        "email": lookups.of(1).identifier(BRAND, Identifier(IdentifierKind.EMAIL, "ada@example.com")).hex(),
        "contact": lookups.contact(BRAND, "message 1").hex(),
        "request": lookups.request(BRAND, "crm", "request 1").hex(),
        "content": lookups.content(b"content").hex(),
    }


def _handover() -> dict[str, str]:
    after = Ed25519PrivateKey.from_private_bytes(b"T" * 32)
    last = Checkpoint(LEDGER, TREE_SIZE, root_of_edge(grow((), 0, _leaf_hashes())))
    told = Handover(last, last, TREE_SIZE, text_of(LEDGER, SIGNING_KEY), text_of(LEDGER, after))
    return {"note": write(told, SIGNING_KEY, after), "disowned": write(told, None, after)}


def _checkpoint() -> dict[str, str]:
    root = root_of_edge(grow((), 0, _leaf_hashes()))
    public = SIGNING_KEY.public_key()
    return {
        "note": sign(Checkpoint(LEDGER, TREE_SIZE, root), SIGNING_KEY),
        "empty note": sign(Checkpoint(LEDGER, 0, root_of_edge(())), SIGNING_KEY),
        "verifier key": verifier_key(LEDGER, public),
        "key id": key_id(LEDGER, public).hex(),
    }


def _states(events: list[Event]) -> dict[str, str]:
    """Return the states after events: those of now, since fields are appended. Older bytes are kept, never made."""
    state, point = NO_STATE, NO_POINT
    for position, event in enumerate(events):
        time = Instant(TIME + position)
        state, point = fold(state, event, Position(position), time), fold_point(point, event, Position(position), time)
    return {
        "customer after every event": encode(state).hex(),
        "customer before any": encode(NO_STATE).hex(),
        "address after every event": encode(point).hex(),
        "address before any": encode(NO_POINT).hex(),
    }


if __name__ == "__main__":
    old = json.loads(FILE.read_bytes())
    FILE.write_text(json.dumps(make() | {"states": old["states"]}, indent=2, ensure_ascii=False) + "\n", "utf-8")
