"""`accord access`: all that is held of one customer, for the customer who asks (GDPR art. 15 and 20).

Readable as lines or a page; as JSON it is the portable form, described in docs/access-report.md.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from accord.cli import tell
from accord.cli.connect import connect, pages, whole
from accord.cli.document import Document, Section, as_html, show, write
from accord.cli.options import customer, remote
from accord.cli.payload import in_words
from accord.cli.wording import LANGUAGES, Words
from accord.v1 import (
    access_report_pb2,
    audit_service_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    import_service_pb2,
    permission_pb2,
)

Report = audit_service_pb2.GetAccessReportResponse

_KEY_GONE = "Your key was destroyed: the entries below remain, and nobody can read what they told any more."


@click.command()
@customer
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page to this file instead.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the report.")
@remote
def access(server: str, as_json: bool, html: Path | None, lang: str, **asked: Any) -> None:  # noqa: ANN401 - a brand and a customer
    """Tell everything held of CUSTOMER. With --json it is the portable form (GDPR art. 20)."""
    request = audit_service_pb2.GetAccessReportRequest(**asked)
    with connect(server) as connection:
        found = whole(pages(connection, connection.audits.GetAccessReport, request))
    page = document(found, Words(lang))
    if html is not None:
        write(html, as_html(page))
    if html is None or as_json:
        tell.answer(found, lambda _: show(page), as_json=as_json)


def document(found: Report, say: Words) -> Document:
    """Return the report for people."""
    summary = found.summary
    sections = (
        _controller(summary, say),
        _identifiers(summary, say),
        Section(say("What is known of you"), sides=tuple(_facts(summary.facts, say))),
        _permissions(summary, say),
        _refusals(summary, say),
        _listings(summary, say),
        _contacts(found, say),
        _recipients(summary, say),
        Section(
            say("Why your data is used"),
            columns=(say("code"), say("title")),
            rows=tuple((each.code, each.title) for each in summary.purposes),
        ),
        _entries(found, say),
    )
    return Document(say("What we hold about you"), say.language, sections)


def _controller(summary: access_report_pb2.AccessSummary, say: Words) -> Section:
    told = summary.controller
    days = say("{days} days after the relation with you ends").format(days=say.number(told.retention_days))
    until = say("until you take your permission back")
    sides = (
        (say("name"), told.name),
        (say("address"), told.address),
        (say("contact"), told.contact),
        (say("your rights"), told.rights_url),
        (say("stored in"), ", ".join(told.storage_countries)),
        (say("kept"), days if told.retention_days else until),
        (say("ledger"), summary.ledger),
        (say("read at"), tell.when(summary.report_time)),
        (say("entries"), str(summary.entries)),
    )
    return Section(say("Who answers for it"), (say(_KEY_GONE),) if summary.erased else (), sides)


def _identifiers(summary: access_report_pb2.AccessSummary, say: Words) -> Section:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in summary.identifiers:
            key = each.identifier
            kind, value = say("customer id"), key.customer_id
            if key.HasField("contact_point"):
                named = customer_pb2.ContactPointKind.Name(key.contact_point.kind)
                kind, value = say.member(named, "CONTACT_POINT_KIND_"), key.contact_point.value
            until = tell.when(each.unlinked_time) if each.HasField("unlinked_time") else ""
            yield kind, value, tell.when(each.linked_time), until

    columns = (say("kind"), say("value"), say("since"), say("until"))
    return Section(say("How you are recognised"), columns=columns, rows=tuple(rows()))


def _facts(facts: customer_service_pb2.CustomerFacts, say: Words) -> Iterator[tuple[str, str]]:
    for field, value in facts.ListFields():
        if field.name == "kind":
            told = say.member(customer_service_pb2.CustomerKind.Name(value), "CUSTOMER_KIND_")
        elif field.name == "paused_until":
            told = tell.when(value)
        elif field.name == "preferred_channel":
            told = say.channel(value)
        else:
            told = say(str(value).lower()) if isinstance(value, bool) else str(value)
        yield say(field.name.replace("_", " ")), told


def _permissions(summary: access_report_pb2.AccessSummary, say: Words) -> Section:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in summary.permissions:
            status = say.member(permission_pb2.PermissionStatus.Name(each.status), "PERMISSION_STATUS_")
            until = tell.when(each.valid_until) if each.HasField("valid_until") else ""
            limits = (*each.topics, *each.places, *each.recipients, until)
            only = say("one address") if each.contact_point_only else ""
            yield (
                str(each.position),
                status,
                tell.when(each.act_time),
                each.touchpoint,
                each.notice,
                _joined(*each.purposes),
                _joined(*map(say.channel, each.channels)),
                _joined(*limits, only),
            )

    names = ("entry", "status", "acted", "touchpoint", "notice", "purposes", "channels", "limits")
    return Section(say("What you permitted"), columns=tuple(map(say, names)), rows=tuple(rows()))


def _refusals(summary: access_report_pb2.AccessSummary, say: Words) -> Section:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in summary.refusals:
            scope = each.scope
            only = say("one address") if each.contact_point_only else ""
            reach = _joined(scope.purpose, say.channel(scope.channel), scope.topic, scope.place, scope.recipient, only)
            kind = say.refusal(permission_pb2.RefusalKind.Name(each.kind), "REFUSAL_KIND_")
            yield str(each.position), kind, tell.when(each.act_time), reach or say("everything")

    columns = (say("entry"), say("what"), say("acted"), say("reaches"))
    return Section(say("What you refused"), columns=columns, rows=tuple(rows()))


def _listings(summary: access_report_pb2.AccessSummary, say: Words) -> Section:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in summary.listings:
            named = import_service_pb2.ListKind.Name(each.kind)
            kind = say.member(named, "LIST_KIND_") if each.list else say("among those not to be contacted")
            since = tell.when(each.list_time) if each.HasField("list_time") else ""
            yield each.contact_point.value, kind, each.list, since, _joined(*each.purposes) or say("everything")

    columns = (say("value"), say("what"), say("list"), say("date of the list"), say("reaches"))
    return Section(say("What else keeps you from being contacted"), columns=columns, rows=tuple(rows()))


def _contacts(found: Report, say: Words) -> Section:
    def rows() -> Iterator[tuple[str, ...]]:
        for contact in (entry.contact for entry in found.entries if entry.HasField("contact")):
            yield (
                contact.contact_id,
                tell.when(contact.authorized_time),
                say.channel(contact.channel),
                contact.purpose,
                say.member(contact_service_pb2.ContactStatus.Name(contact.status), "CONTACT_STATUS_"),
                say.member(decision_pb2.Basis.Name(contact.basis), "BASIS_"),
                _joined(*(f"{say('entry')} {position}" for position in contact.basis_positions)),
            )

    names = ("reference", "authorized at", "channel", "purpose", "status", "ground", "source")
    return Section(say("How you were contacted"), columns=tuple(map(say, names)), rows=tuple(rows()))


def _recipients(summary: access_report_pb2.AccessSummary, say: Words) -> Section:
    parties, callers = _joined(*summary.third_parties), _joined(*summary.callers)
    sides = ((say("third parties"), parties), (say("services of ours"), callers))
    return Section(say("Who else is named"), sides=sides)


def _entries(found: Report, say: Words) -> Section:
    rows = tuple(
        (
            str(each.position),
            say.entry(each.type),
            tell.when(each.recorded_time),
            _joined(each.touchpoint, _recorder(each, say), each.caller),
            _told(each, say),
        )
        for each in found.entries
    )
    columns = (say("entry"), say("what"), say("recorded"), say("source"), say("told"))
    return Section(say("Every entry"), columns=columns, rows=rows)


def _told(entry: access_report_pb2.AccessEntry, say: Words) -> str:
    if not entry.withheld:
        return in_words(entry.payload_json, say, links=True)
    sides: dict[str, object] = json.loads(entry.payload_json)["event"]
    told = (f"{say(name.replace('_', ' '))} {value}" for name, value in sides.items() if name != "type")
    return "; ".join((*told, say("the rest concerns somebody else")))


def _recorder(entry: access_report_pb2.AccessEntry, say: Words) -> str:
    return f"{say.member(entry.recorder, '')} {entry.recorder_id}".strip() if entry.recorder else ""


def _joined(*texts: str) -> str:
    return ", ".join(filter(None, texts))


COMMANDS = (access,)
