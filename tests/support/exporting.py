"""Exports for tests: a brand with a little history, its exports as members, and the hand of a liar who signs anew."""

import io
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from support.installations import BRAND, SIGNING_KEY, Installation

from accord.domain.catalogue import (
    BasisRule,
    Catalogue,
    Channel,
    ControllerDetails,
    Level,
    Notice,
    NoticeText,
    Purpose,
    Touchpoint,
)
from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Command, Declaration, Grant, Link, Question, Refuse
from accord.domain.problems import Problem
from accord.domain.terms import (
    SECOND,
    Basis,
    Declarant,
    Identifier,
    IdentifierKind,
    Method,
    PurposeClass,
    Recorder,
    Redaction,
    RefusalKind,
)
from accord.proof import verify
from accord.proof.checkpoint import sign_text, verifier_key
from accord.service.archive import Archive
from accord.service.exports import Asked

LEDGER = "accord/maison/1"
PIN = verifier_key(LEDGER, SIGNING_KEY.public_key())
Members = dict[str, bytes]

DETAILS = ControllerDetails("1 rue Exemple, Lyon", "privacy@maison.example", "https://maison.example/privacy", ("FR",))
CATALOGUE = Catalogue(
    controller="Maison Exemple",
    country="FR",
    controller_details=DETAILS,
    channels=(Channel("email", IdentifierKind.EMAIL), Channel("sms", IdentifierKind.PHONE)),
    purposes=(
        Purpose("marketing.news", PurposeClass.MARKETING),
        Purpose("marketing.birthday", PurposeClass.MARKETING),
        Purpose("service.order", PurposeClass.SERVICE),
    ),
    levels=(Level("ongoing"),),
    notices=(
        Notice(
            "news:1",
            ("marketing.news",),
            (NoticeText("fr", "Oui, je veux les <nouvelles> & “offres”.\n"), NoticeText("en", "Yes, news please.")),
            ("email",),
        ),
        Notice("choice", ("marketing.news",), (NoticeText("fr", "Vos choix"),), ("email",)),
    ),
    touchpoints=(Touchpoint("web", "ongoing", "news:1"), Touchpoint("centre", "ongoing", "choice")),
    bases=(BasisRule("b1", Basis.PERMISSION, PurposeClass.MARKETING),),
)


def person(number: int) -> Identifier:
    """Return a made-up customer."""
    return Identifier(IdentifierKind.CUSTOMER_ID, f"customer-{number}")


def declared(touchpoint: str, recorder_id: str = "") -> Declaration:
    """Return how somebody made-up said something."""
    return Declaration(
        touchpoint=touchpoint,
        method=Method.TICKED_BOX,
        declarant=Declarant.CUSTOMER,
        recorder=Recorder.SYSTEM,
        language="fr",
        recorder_id=recorder_id,
    )


def live(it: Installation, people: int, catalogue: Catalogue = CATALOGUE) -> None:
    """Let people give, be contacted and take back: four entries each, a second apart, after the catalogue's."""
    _write(it, ApplyCatalogue(catalogue=catalogue))
    for number in range(people):
        it.clock.advance(SECOND)
        customer = person(number)
        email = Identifier(IdentifierKind.EMAIL, f"person.{number}@example.com")
        question = Question(customer=customer, channel="email", purpose="marketing.news")
        _write(
            it,
            Link(customer=customer, contact_point=email),
            Grant(customer=customer, evidence=declared("web", "<b>till & \u202e</b>")),
        )
        _write(
            it,
            AuthorizeContact(contact_id=f"message-{number}", question=question),
            Refuse(
                kind=RefusalKind.WITHDRAWN,
                customer=customer,
                evidence=declared("centre"),
                purpose="marketing",
            ),
        )


def _write(it: Installation, *commands: Command) -> None:
    for result in it.write(*commands):
        assert not isinstance(result, Problem), result


def export(it: Installation, size: int = 0, **asked: Any) -> bytes:
    """Return the bytes of an export."""
    settled = it.exports.begin(BRAND, Asked(**{"redaction": Redaction.NONE, **asked}), size)
    return b"".join(chunk.content for chunk in it.exports.chunks(settled))


def members(raw: bytes) -> Members:
    """Return what is in an export, by name."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(of: Members | list[tuple[str, bytes]]) -> bytes:
    """Return the archive that the writer of exports makes of members."""
    archive = Archive()
    written = [archive.add(name, content) for name, content in (of.items() if isinstance(of, dict) else of)]
    return b"".join(written) + archive.close()


def of_zip(raw: bytes) -> verify.Conclusion:
    """Return what the verifier says of the bytes of an archive."""
    try:
        return verify.verify(verify.ZipBundle(io.BytesIO(raw)), PIN)
    except verify.NotValidError as error:
        return verify.refused(error)


def conclusion(of: Members, pin: str = PIN, previous: bytes | None = None) -> verify.Conclusion:
    """Return what the verifier says of members."""
    return verify.verify(verify.MemoryBundle(of), pin, previous)


def signed_anew(of: Members, change: Callable[[dict[str, Any]], None] | None = None) -> Members:
    """Return the members as a server that lies would sign them: with a manifest that fits."""
    manifest = verify.read_json(of["manifest.json"], "manifest.json")
    others = {name: content for name, content in of.items() if not name.startswith("manifest.")}
    manifest["files"] = {
        name: {"sha256": verify.sha256(content).hexdigest(), "size": len(content)} for name, content in others.items()
    }
    if change is not None:
        change(manifest)
    raw = verify.document(manifest)
    statement = verify.statement(LEDGER, raw, manifest["format"])
    note = sign_text(LEDGER, statement, SIGNING_KEY).encode()
    return {**others, "manifest.json": raw, "manifest.note": note}


def with_payload(line: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a line with another payload, to which its leaf commits; the same where it has none."""
    payload, r, pc = (verify._LINE.fullmatch(line)[group] for group in (11, 18, 6))  # type: ignore[index]
    if payload is None:
        return line
    changed = change(payload)
    told = b64encode(verify.commitment(b64decode(r), changed))
    return line.replace(payload, changed).replace(pc, told)
