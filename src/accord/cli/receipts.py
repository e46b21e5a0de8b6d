"""`accord receipt`: the receipt of what a customer said, and whether one that somebody brings is ours.

Verifying needs no server and no installation: the receipt and the ledger's key, as it was handed out.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from accord.cli import tell
from accord.cli.arguments import POSITION, CustomerType
from accord.cli.connect import connect, pages, whole
from accord.cli.errors import LocalError
from accord.cli.options import remote
from accord.client.connection import Connection
from accord.proof import jws
from accord.proof.handover import TrustedKey, trusted
from accord.proof.verify import NotValidError, read_handovers
from accord.v1 import audit_service_pb2, customer_pb2, permission_service_pb2

_SAID = frozenset({"PermissionGranted", "PermissionRefused"})
"""The types of entries of which there are receipts."""


@click.group()
def receipt() -> None:
    """Hand out and verify receipts. They tell what a customer said, as ISO/IEC TS 27560 has it."""


@receipt.command()
@click.argument("position", type=POSITION, required=False)
@click.option("--customer", type=CustomerType(), help="Instead of a position: the newest that counts of this customer.")
@click.option("--signed", is_flag=True, help="Print the signed form (JWS), which `accord receipt verify` reads.")
@remote
def show(  # noqa: PLR0913 - click hands over one argument for each option
    brand: str,
    server: str,
    as_json: bool,
    position: int | None,
    customer: customer_pb2.CustomerKey | None,
    signed: bool,
) -> None:
    """Print the receipt of the entry at POSITION, a JSON-LD document."""
    if (position is None) == (customer is None):
        raise click.UsageError("name either POSITION or --customer")
    with connect(server) as connection:
        if customer is not None:
            position = _newest(connection, brand, customer)
        request = audit_service_pb2.GetReceiptRequest(brand=brand, position=position or 0)
        response = connection.ask(connection.audits.GetReceipt, request)
    text = response.signed if signed else response.document.decode()
    tell.answer(response, lambda _: click.echo(text), as_json=as_json)


@receipt.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--pin", required=True, help="The ledger's verifier key, as it was handed to you.")
@click.option(
    "--handovers",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What `accord key --handovers` prints, in a file: where the receipt is signed by an earlier or later key.",
)
def verify(file: Path, pin: str, handovers: Path | None) -> None:
    """Verify the signed receipt in FILE, - for the standard input, and print it. Exits 1 when it is not ours."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    try:
        notes = read_handovers(handovers.read_bytes()) if handovers else []
        document = _verified(text.strip(), trusted(pin, notes))
    except (ValueError, NotValidError) as error:
        raise LocalError(f"NOT OURS: {error}") from error
    by = "a key of the ledger whose key you keep" if handovers else "the key you keep"
    click.secho(f"SIGNED by {by}", fg="green", bold=True, err=True)
    click.echo(document.decode())


def _verified(text: str, keys: list[TrustedKey]) -> bytes:
    """Return what one of the keys signed; raises ValueError when none did."""
    for key in keys[:-1]:
        with suppress(ValueError):
            return jws.verify(text, key.public)
    return jws.verify(text, keys[-1].public)


def _newest(connection: Connection, brand: str, customer: customer_pb2.CustomerKey) -> int:
    """Return the position of the newest permission or refusal that a customer said, those that ended too.

    What a list says of an address nobody said, and a no of another holder of it is the other's to have.
    """
    request = permission_service_pb2.ListPermissionsRequest(brand=brand, customer=customer)
    found: Any = whole(pages(connection, connection.permissions.ListPermissions, request))
    asked = permission_service_pb2.GetHistoryRequest(brand=brand, customer=customer)
    history: Any = whole(pages(connection, connection.permissions.GetHistory, asked))
    own = {each.position for each in history.items if each.type in _SAID}
    said: set[int] = own.intersection(each.position for each in (*found.permissions, *found.refusals))
    if not said:
        raise LocalError(
            "--customer: this customer gave no permission and refused none themselves, so there is nothing to hand a "
            "receipt of; `accord permissions` tells what binds them, `accord history` what was recorded"
        )
    return max(said)


COMMANDS = (receipt,)
