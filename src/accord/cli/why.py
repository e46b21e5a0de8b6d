"""`accord why`: why a customer was contacted, on one page, each word held against what was hashed.

Made from one answer of the server, once `proof_of_use` has verified it here. It is worth as much as the key that
the checkpoint is held against.
"""

from pathlib import Path

import click

from accord.cli import tell
from accord.cli.connect import connect
from accord.cli.document import Document, Section, as_html, show, write
from accord.cli.errors import LocalError
from accord.cli.options import remote
from accord.cli.payload import in_words
from accord.cli.proof_of_use import applied_catalogue, verify
from accord.cli.wording import LANGUAGES, Words
from accord.domain.catalogue import Catalogue
from accord.domain.packs import EDITIONS, edition
from accord.domain.terms import Basis, PurposeClass
from accord.domain.words import english, french
from accord.proof.checkpoint import Checkpoint
from accord.v1 import audit_service_pb2, contact_service_pb2, decision_pb2, evidence_pb2, explanation_pb2

Explanation = explanation_pb2.ContactExplanation

_SENTENCES = {words.language: words for words in (english.WORDS, french.WORDS)}
_OURS = "accord:"
"""Rules of Accord itself: their ids say nothing to a person, and no catalogue or pack has them."""

_PROVEN = "Each entry is one of the {size} of {origin}: its path was verified here up to the root that was signed."
_FITS = "What they tell fits what was hashed when they were recorded; this page says the same."
_KEY_GONE = (
    "The key of an entry is gone: what it told cannot be read any more. That it was recorded, and when, is proven."
)
_NOT_PROVEN = (
    "That what was recorded is true: the ledger proves what was written, and that nothing was changed since.",
    "That the clock of whoever recorded it was right, or that the message reached you.",
    "That the law was read rightly: the rules named are those that were applied.",
    "That others are shown the same ledger: compare the checkpoint with one you kept, or that somebody else has.",
)
_REFUSE = "You may refuse further messages like this one at any time, free of charge and without giving a reason."
_OBJECT = (
    "This message needed no permission of yours. You may object to it for reasons of your own, or have it explained."
)
_COMPLAIN = "You may also complain to the authority that supervises the protection of personal data where you live."


@click.command()
@click.argument("contact_id")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the page to this file instead.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the page.")
@click.option("--verifier-key", default="", help="The ledger's key as you keep it: the checkpoint must bear it.")
@remote
def why(  # noqa: PLR0913 - click hands over one argument for each option
    brand: str, server: str, as_json: bool, contact_id: str, html: Path | None, lang: str, verifier_key: str
) -> None:
    """Tell why CONTACT_ID was sent, and prove it. Verified here; exits 1 when something does not hold."""
    request = audit_service_pb2.ExplainContactRequest(brand=brand, contact_id=contact_id)
    with connect(server) as connection:
        response = connection.ask(connection.audits.ExplainContact, request)
    try:
        signed = verify(response.explanation, verifier_key)
    except ValueError as error:
        raise LocalError(f"NOT PROVEN: {error}") from error
    page = document(response.explanation, signed, verifier_key, Words(lang))
    if html is not None:
        write(html, as_html(page))
    if html is None or as_json:
        tell.answer(response, lambda _: show(page), as_json=as_json)


def document(found: Explanation, signed: Checkpoint, kept: str, say: Words) -> Document:
    """Return the page; `kept` is the verifier key the auditor gave."""
    catalogue = applied_catalogue(found)
    sections = [_message(found, catalogue, say)]
    if not found.erased:
        sections.append(_decision(found, catalogue, say))
    if found.HasField("permission"):
        sections += [_permission(found.permission, say), _words_shown(found.permission, say)]
    grounds = [each.entry for each in found.entries if _is_other_ground(found, each.entry.position)]
    if grounds:
        rows = tuple(
            (
                f"{say('entry')} {each.position}",
                f"{say.entry(each.type)} {in_words(each.payload_json, say, links=False)}",
            )
            for each in grounds
        )
        sections.append(Section(say("What else it rested on"), sides=rows))
    if catalogue:
        sections.append(_objecting(found, catalogue, say))
    sections += [_entries(found, say), _proof(found, signed, kept, say)]
    sections.append(Section(say("What is not proven"), tuple(map(say, _NOT_PROVEN))))
    return Document(say("Why were you contacted?"), say.language, tuple(sections))


def _is_other_ground(found: Explanation, position: int) -> bool:
    of_permission = found.permission.position if found.HasField("permission") else None
    return position in found.contact.basis_positions and position != of_permission


def _message(found: Explanation, catalogue: Catalogue | None, say: Words) -> Section:
    contact = found.contact
    title = _title(contact.purpose, catalogue)
    status = contact_service_pb2.ContactStatus.Name(contact.status)
    reports = ((say("reported"), _reported(each, say)) for each in found.reports)
    sides = (
        (say("from"), found.controller),
        (say("reference"), contact.contact_id),
        (say("status"), say.member(status, "CONTACT_STATUS_") if contact.status else ""),
        (say("channel"), say.channel(contact.channel)),
        (say("purpose"), f"{title} ({contact.purpose})" if title else contact.purpose),
        (say("authorized at"), tell.when(contact.authorized_time)),
        *reports,
    )
    return Section(say("The message"), sides=sides)


def _reported(found: explanation_pb2.ContactReport, say: Words) -> str:
    outcome = contact_service_pb2.ContactOutcome.Name(found.outcome)
    return f"{say.member(outcome, 'CONTACT_OUTCOME_')}, {tell.when(found.outcome_time)}"


def _decision(found: Explanation, catalogue: Catalogue | None, say: Words) -> Section:
    rules = (_rule(each.id, each.legal_source, catalogue, say) for each in found.rules)
    sides = (
        (say("ground"), say.member(decision_pb2.Basis.Name(found.contact.basis), "BASIS_")),
        *((say("rules"), rule) for rule in rules),
        (say("catalogue version"), str(found.contact.policy_version)),
    )
    return Section(say("The decision"), (_sentence(found.contact, catalogue, say),), sides)


def _sentence(contact: contact_service_pb2.Contact, catalogue: Catalogue | None, say: Words) -> str:
    """Return the decision as `accord check` tells one, with the ground that it found then."""
    words = _SENTENCES[say.language]
    told = words.contact["ALLOW"].format(
        channel=words.channels.get(contact.channel) or words.other_channel.format(code=contact.channel),
        purpose=words.quoted.format(text=_title(contact.purpose, catalogue) or contact.purpose),
        why=words.bases[Basis(decision_pb2.Basis.Name(contact.basis).removeprefix("BASIS_"))],
    )
    return words.typeset(told)


def _title(purpose: str, catalogue: Catalogue | None) -> str:
    purposes = catalogue.purposes if catalogue else ()
    return next((each.title for each in purposes if each.code == purpose), "")


def _rule(rule: str, source: str, catalogue: Catalogue | None, say: Words) -> str:
    """Return a rule for people: its source, and what a rule pack has it say; of Accord's own the source alone."""
    if rule.startswith(_OURS):
        return source
    edition_name = catalogue.rules_edition if catalogue else ""
    texts = edition(edition_name).texts.get(rule) if edition_name in EDITIONS else None
    named = f"{rule} ({source})" if source else rule
    return f"{named}{say.colon}{_SENTENCES[say.language].typeset(texts[say.language])}" if texts else named


def _objecting(found: Explanation, catalogue: Catalogue, say: Words) -> Section:
    """Return how to say no to the next one, and to whom."""
    asked = next((each.purpose_class for each in catalogue.purposes if each.code == found.contact.purpose), None)
    details = catalogue.controller_details
    sides = (
        (say("name"), catalogue.controller),
        (say("contact"), details.contact if details else ""),
        (say("address"), details.address if details else ""),
        (say("your rights"), details.rights_url if details else ""),
    )
    refusable = asked in {PurposeClass.MARKETING, PurposeClass.CONFIRMATION}
    return Section(say("How to say no"), (say(_REFUSE if refusable else _OBJECT), say(_COMPLAIN)), sides)


def _permission(found: explanation_pb2.GivenPermission, say: Words) -> Section:
    told = found.evidence
    title = f" ({found.touchpoint_title})" if found.touchpoint_title else ""
    who = say.member(evidence_pb2.Recorder.Name(told.recorder), "RECORDER_")
    artefacts = (f"{each.media_type} SHA-256 {each.sha256.hex()}" for each in told.artefacts)
    confirmed = f"{say('entry')} {found.confirmed_position}, {tell.when(found.confirmation.act_time)}"
    sides = (
        (say("entry"), str(found.position)),
        (say("given"), tell.when(told.act_time)),
        (say("touchpoint"), told.touchpoint + title),
        (say("level"), found.level),
        (say("purposes"), ", ".join(found.purposes)),
        (say("channels"), ", ".join(map(say.channel, found.channels))),
        (say("topics"), ", ".join(found.topics)),
        (say("places"), ", ".join(found.places)),
        (say("third parties"), ", ".join(found.recipients)),
        (say("method"), say.member(evidence_pb2.DeclarationMethod.Name(told.method), "DECLARATION_METHOD_")),
        (say("declarant"), say.member(evidence_pb2.Declarant.Name(told.declarant), "DECLARANT_")),
        (say("recorder"), f"{who} {told.recorder_id}".strip()),
        (say("recorded"), tell.when(found.recorded_time)),
        (say("handed in by"), found.caller),
        (say("valid until"), tell.when(found.valid_until) if found.HasField("valid_until") else ""),
        (say("contacts allowed"), str(found.uses) if found.uses else ""),
        (say("confirmed"), confirmed if found.HasField("confirmed_position") else ""),
        (say("artefacts"), ", ".join(artefacts)),
    )
    return Section(say("The permission behind it"), sides=sides)


def _words_shown(found: explanation_pb2.GivenPermission, say: Words) -> Section:
    named = f"{found.evidence.notice} ({', '.join(each.language for each in found.notice_texts)})"
    quotes = tuple(each.text for each in found.notice_texts)
    return Section(say("The words that were shown"), sides=((say("notice"), named),), quotes=quotes)


def _entries(found: Explanation, say: Words) -> Section:
    rows = tuple(
        (
            str(each.entry.position),
            say.entry(each.entry.type),
            tell.when(each.entry.recorded_time),
            each.entry.leaf_hash.hex(),
            f"{len(each.hashes)} {say('hashes')}",
        )
        for each in found.entries
    )
    columns = (say("position"), say("what"), say("recorded"), say("leaf hash"), say("path"))
    return Section(say("The entries"), columns=columns, rows=rows)


def _proof(found: Explanation, signed: Checkpoint, kept: str, say: Words) -> Section:
    told_key = f"{kept} ({say('the key you keep')})" if kept else ""
    server_key = f"{found.checkpoint.verifier_key} ({say('as the server says: compare it')})"
    return Section(
        say("What is proven"),
        sentences=(
            say(_PROVEN).format(size=signed.size, origin=signed.origin),
            say(_KEY_GONE if found.erased else _FITS),
        ),
        sides=((say("root"), signed.root.hex()), (say("signed by"), told_key or server_key)),
    )


COMMANDS = (why,)
