"""`accord replay`: contacts answered again, and those that would no longer be allowed, as a table, CSV or JSON."""

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from accord.cli import catalogue, tell
from accord.cli.arguments import TimeType
from accord.cli.connect import connect
from accord.cli.options import remote
from accord.client import Connection
from accord.v1 import audit_service_pb2, contact_service_pb2, decision_pb2

Contact = audit_service_pb2.InvalidContact
Response = audit_service_pb2.ReplayResponse

SOME_INVALID = 10
"""Exit code where some contact would no longer be allowed."""

_HEADINGS = ("position", "authorized", "channel", "purpose", "status", "allowed by", "now", "because of")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--from", "recorded_from", type=TimeType(), help="Authorised at this instant or later.")
@click.option("--until", "recorded_until", type=TimeType(), help="Authorised before this instant.")
@click.option("--today", is_flag=True, help="Under the catalogue and the law of now.")
@click.option("--catalogue", "file", type=_FILE, help="Under the catalogue in this file, which need not be applied.")
@click.option("--catalogue-version", type=click.IntRange(min=1), help="Under this version of the catalogue.")
@click.option("--rules-edition", default="", help="With the rule packs of this edition.")
@click.option("--law-of", "law_time", type=TimeType(), help="Under the law in force at this instant.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write them to this file too.")
@remote
def replay(
    server: str,
    as_json: bool,
    file: Path | None,
    csv_file: Path | None,
    catalogue_version: int | None,
    **asked: Any,  # noqa: ANN401 - a replay's sides
) -> None:
    """Answer every contact of a period again.

    By what is known today; those no longer allowed are listed. Without --today, --catalogue and the like each is
    answered under the catalogue and the law of then. Exits 0 where all are allowed, 10 else.
    """
    told = catalogue.read(file) if file else None
    request = audit_service_pb2.ReplayRequest(catalogue=told, catalogue_version=catalogue_version or 0, **asked)
    with connect(server) as connection, ExitStack() as stack:
        write = csv.writer(stack.enter_context(csv_file.open("w", encoding="utf-8", newline=""))) if csv_file else None
        if write:
            write.writerow(_HEADINGS)
        found = Response()
        for page in _pages(connection, request):
            if write:
                write.writerows(map(_row, page.contacts))
            found.contacts.extend(page.contacts)
            found.contacts_replayed += page.contacts_replayed
            found.unreadable += page.unreadable
            found.entries_read += page.entries_read
            found.entries_total = page.entries_total
    tell.answer(found, _show, as_json=as_json)
    raise SystemExit(SOME_INVALID if found.contacts else 0)


def _pages(connection: Connection, request: audit_service_pb2.ReplayRequest) -> Iterator[Response]:
    read = 0
    with tell.bar("answering again") as show:
        while True:
            page = connection.ask(connection.audits.Replay, request)
            read += page.entries_read
            show(read, max(read, page.entries_total))
            yield page
            request.page_token = page.next_page_token
            if not request.page_token:
                return


def _show(found: Response) -> None:
    if found.contacts:
        tell.table(_HEADINGS, map(_row, found.contacts))
    count = len(found.contacts)
    click.echo(f"{found.contacts_replayed} contacts answered again, {count} would no longer be allowed", err=True)
    if found.unreadable:
        click.echo(f"{found.unreadable} could not be: somebody they concern was erased", err=True)


def _row(found: Contact) -> tuple[str, ...]:
    verdict = decision_pb2.Verdict.Name(found.verdict).removeprefix("VERDICT_")
    reason = decision_pb2.DecisionReason.Name(found.reason).removeprefix("DECISION_REASON_")
    return (
        str(found.position),
        tell.when(found.authorized_time),
        found.channel,
        found.purpose,
        tell.words(contact_service_pb2.ContactStatus.Name(found.status), "CONTACT_STATUS_"),
        tell.words(decision_pb2.Basis.Name(found.basis), "BASIS_"),
        f"{verdict} {reason}",
        _cause(found),
    )


def _cause(found: Contact) -> str:
    if found.HasField("late_entry"):
        late = found.late_entry
        happened, recorded = tell.when(late.act_time), tell.when(late.recorded_time)
        return f"entry {late.position} {late.type}, happened {happened}, recorded {recorded}"
    cause = tell.words(audit_service_pb2.InvalidityCause.Name(found.cause), "INVALIDITY_CAUSE_")
    rules = " ".join(rule.id for rule in found.rules)
    return f"{cause} {rules}".rstrip()


COMMANDS = (replay,)
