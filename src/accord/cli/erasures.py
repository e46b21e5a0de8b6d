"""Commands that erase customers and tell what became of it: erase, erasures list | show | verify | due | run.

`erase`, `list` and `show` ask a server, `due` and `run` work on this machine's own installation, and `verify` needs
neither. The signed text of a receipt goes alone to the standard output, and what is said about it to the other.
"""

import sys
from pathlib import Path
from typing import Any

import click
from google.protobuf.timestamp_pb2 import Timestamp

from accord.cli import tell
from accord.cli.arguments import CustomerType, OneOf, TimeType
from accord.cli.connect import connect, pages, whole
from accord.cli.errors import LocalError
from accord.cli.local import installed, print_json, read_config
from accord.cli.options import brand as brand_option
from accord.cli.options import customer, evidence_asked, limit, remote, take_evidence, writing
from accord.proof import erased
from accord.proof.verify import LANGUAGES
from accord.v1 import customer_pb2
from accord.v1 import customer_service_pb2 as pb

_ID = "The erasure's name, in hexadecimal."


@click.command()
@customer
@click.option(
    "--reason",
    type=OneOf(pb.ErasureReason.items(), "ERASURE_REASON_"),
    required=True,
    help="The ground, one of GDPR art. 17(1).",
)
@click.option("--hold-until", "not_before", type=TimeType(), help="Erase then; until then they are restricted.")
@click.option("--after-retention", is_flag=True, help="Erase once the catalogue's retention_days have passed.")
@click.option("--keep-suppression", is_flag=True, help="Keep an imported list from waking their addresses up.")
@click.option("--yes", is_flag=True, help="Ask nothing. Left out: a terminal asks for CUSTOMER once more.")
@evidence_asked
@writing
@remote
def erase(
    server: str,
    as_json: bool,
    not_before: Timestamp | None,
    after_retention: bool,
    yes: bool,
    **told: Any,  # noqa: ANN401 - an erasure's sides
) -> None:
    """Erase CUSTOMER for good. Nothing brings back what was erased; the receipt says what is left.

    It asks for CUSTOMER once more. Where there is no terminal to ask on, it erases with --yes only.
    """
    if not_before is not None and after_retention:
        raise click.UsageError("--hold-until and --after-retention exclude each other")
    if not yes:
        _ask_again(told["customer"])
    mode = pb.ERASURE_MODE_AFTER_RETENTION if after_retention else pb.ERASURE_MODE_NOW
    shown = take_evidence(told)
    request = pb.EraseRequest(
        mode=pb.ERASURE_MODE_ON_HOLD_UNTIL if not_before is not None else mode,
        not_before=not_before,
        evidence=shown if shown.touchpoint else None,
        **told,
    )
    with connect(server) as connection:
        response = connection.ask(connection.customers.Erase, request)
    tell.answer(response, lambda found: _one(found.erasure), as_json=as_json)


@click.group()
def erasures() -> None:
    """See erasures, and execute those that are due."""


@erasures.command("list")
@limit
@remote
def list_erasures(brand: str, server: str, as_json: bool, limit: int | None) -> None:
    """List erasures in the order they were asked for. Those on hold are listed too."""
    with connect(server) as connection:
        request = pb.ListErasuresRequest(brand=brand)
        found = whole(pages(connection, connection.customers.ListErasures, request, limit or 0))
    tell.answer(found, _table, as_json=as_json)


@erasures.command()
@click.argument("erasure_id")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the signed text to a file."
)
@remote
def show(erasure_id: str, brand: str, server: str, as_json: bool, output: Path | None) -> None:
    """Show one erasure and its receipt, by ERASURE_ID in hexadecimal."""
    try:
        name = bytes.fromhex(erasure_id)
    except ValueError:
        raise click.BadParameter(_ID, param_hint="ERASURE_ID") from None
    with connect(server) as connection:
        response = connection.ask(connection.customers.GetErasure, pb.GetErasureRequest(brand=brand, erasure_id=name))
    if output is not None:
        _write(output, response.erasure)
    if output is None or as_json:
        tell.answer(response, lambda found: _one(found.erasure), as_json=as_json)


@erasures.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--pin", required=True, help="The verifier key of the ledger, as you were given it.")
@click.option(
    "--handovers",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What `accord key --handovers` prints, in a file: where an earlier or later key signed the receipt.",
)
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="The language.")
@click.option("--json", "as_json", is_flag=True, help="Print the conclusion as JSON.")
@click.pass_context
def verify(  # noqa: PLR0913 - click hands over one argument for each option
    context: click.Context, file: Path, pin: str, handovers: Path | None, lang: str, as_json: bool
) -> None:
    """Say what the receipt of an erasure in FILE shows, - for the standard input, and what it cannot show.

    Needs no server; exits 0 valid, 1 tampered, 2 cannot decide.
    """
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    found = erased.verify(raw, str(file), pin, handovers.read_bytes() if handovers else None)
    tell.conclusion(found, lang, as_json=as_json)
    context.exit(found.exit_code)


@erasures.command()
@brand_option
@click.option("--erase", "erasing", is_flag=True, help="Erase them, each with a receipt.")
@click.option("--json", "as_json", is_flag=True, help="Print the references as JSON.")
def due(brand: str, erasing: bool, as_json: bool) -> None:
    """List, by reference, the customers who are past the catalogue's retention_days."""
    with installed(read_config()) as installation:
        persons = installation.due_customers(brand)
        for refs in persons if erasing else ():
            installation.retire(brand, refs)
    found = [ref.hex() for refs in persons for ref in refs]
    if as_json:
        print_json({"due": found, "erased": erasing})
        return
    for ref in found:
        click.echo(ref)
    click.echo(f"{len(found)} {'erased' if erasing else 'due'}", err=True)


@erasures.command()
@click.option("--json", "as_json", is_flag=True, help="Print the erasures as JSON.")
def run(as_json: bool) -> None:
    """Execute erasures that are due. Those cut off, and those that a restored backup undid, are executed too."""
    with installed(read_config()) as installation:
        installation.proven.prove()
        done = installation.erasures.finish()
    if as_json:
        print_json([{"erasure_id": row.erasure.erasure_id.hex(), "receipt": row.receipt} for row in done])
        return
    for row in done:
        click.echo(row.erasure.erasure_id.hex())
    click.echo(f"{len(done)} executed", err=True)


def _ask_again(customer: customer_pb2.CustomerKey) -> None:
    """Have the customer written once more: a name mistyped twice alike is rarer than a yes by habit."""
    if not sys.stdin.isatty():
        raise click.UsageError("an erasure is for good: add --yes where nobody can be asked")
    again = click.prompt("This is for good. Write the customer once more", err=True)
    if CustomerType().convert(again, None, None) != customer:
        raise LocalError("that is not the same customer: nothing was erased")


def _one(found: pb.Erasure) -> None:
    click.echo(_heading(found), err=bool(found.receipt))
    if not found.receipt:
        click.echo(f"  executed from {tell.when(found.not_before)} on; restricted until then")
        return
    click.echo(found.receipt, nl=False)
    click.echo("\nWhat no receipt can show:", err=True)
    for said in erased.ErasureConclusion.sentences(erased.beyond(tell.when(found.irrecoverable_by)), "en"):
        click.echo(f"  - {said}", err=True)


def _write(output: Path, found: pb.Erasure) -> None:
    """Write the signed text, and nothing else, to a file that is not there yet."""
    if not found.receipt:
        raise LocalError(f"{_heading(found)}: it has no receipt before it is executed")
    try:
        with output.open("xb") as file:
            file.write(found.receipt.encode())
    except FileExistsError:
        raise LocalError(f"{output} exists; choose another name, or remove it first") from None
    click.echo(
        f"{output}: to check it:  accord erasures verify {output} --pin KEY   (what `accord key` prints)", err=True
    )


def _heading(found: pb.Erasure) -> str:
    return f"erasure {found.erasure_id.hex()}: {_status(found)}"


def _table(found: pb.ListErasuresResponse) -> None:
    rows = (
        (
            each.erasure_id.hex(),
            _status(each),
            tell.when(each.request_time),
            tell.when(each.not_before),
            tell.when(each.irrecoverable_by) if each.HasField("irrecoverable_by") else "",
        )
        for each in found.erasures
    )
    tell.table(("erasure", "status", "asked for", "not before", "irrecoverable by"), rows)
    if found.next_page_token:
        click.echo("there is more: raise --limit, or leave it out", err=True)


def _status(found: pb.Erasure) -> str:
    return tell.words(pb.ErasureStatus.Name(found.status), "ERASURE_STATUS_")


COMMANDS = (erase, erasures)
