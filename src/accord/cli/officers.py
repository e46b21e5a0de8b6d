"""Commands of a privacy officer: merge, split, overlay, restrict.

Each records why it was done. None of them changes what a customer said.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from accord.cli import tell
from accord.cli.arguments import POSITION, CustomerType, OneOf, TimeType
from accord.cli.connect import connect
from accord.cli.options import customer, remote, writing
from accord.v1 import customer_service_pb2

Command = TypeVar("Command", bound=Callable[..., Any])

_customers = click.argument("customers", type=CustomerType(), nargs=-1, required=True)


def _justified(command: Command) -> Command:
    """Add what tells why an officer acted."""
    for option in (
        click.option("--reason", required=True, help="Why, in a few words, without personal data."),
        click.option("--officer-id", default="", help="The officer, by an opaque id."),
    ):
        command = option(command)
    return command


@click.command()
@_customers
@_justified
@writing
@remote
def merge(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a merge's sides
    """Join CUSTOMERS who are one person. Nothing moves; every refusal of one binds all."""
    request = customer_service_pb2.MergeRequest(justification=_take_justification(told), **told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.Merge, request), tell.recorded, as_json=as_json)


@click.command()
@customer
@_justified
@writing
@remote
def split(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a split's sides
    """Take CUSTOMER out of their group. Refusals made while merged stay with both sides."""
    request = customer_service_pb2.SplitRequest(justification=_take_justification(told), **told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.Split, request), tell.recorded, as_json=as_json)


@click.command()
@_customers
@click.option(
    "--add",
    "kind",
    type=OneOf(customer_service_pb2.OverlayKind.items(), "OVERLAY_KIND_"),
    help="Add an overlay of this kind.",
)
@click.option("--until", type=TimeType(), help="When a contract-pause ends.")
@click.option("--lift", "position", type=POSITION, help="Lift the overlay that the entry at this position added.")
@_justified
@writing
@remote
def overlay(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - an overlay's sides
    """Add or lift the no of a household or employer.

    Or of an account, or a pause by contract: to each of CUSTOMERS; --lift takes one of them.
    """
    kind, until, position = (told.pop(side) for side in ("kind", "until", "position"))
    _one_of_two("--add", kind, "--lift", position)
    request = customer_service_pb2.OverlayRequest(justification=_take_justification(told), **told)
    if position is None:
        request.add.CopyFrom(customer_service_pb2.NewOverlay(kind=kind, until=until))
    else:
        request.lift.CopyFrom(customer_service_pb2.OverlayToLift(position=position))
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.Overlay, request), tell.recorded, as_json=as_json)


@click.command()
@customer
@click.option(
    "--ground",
    type=OneOf(customer_service_pb2.RestrictionGround.items(), "RESTRICTION_GROUND_"),
    help="Restrict, on this ground of GDPR art. 18(1).",
)
@click.option("--lift", "informed_time", type=TimeType(), help="Lift: when the customer was told, which comes first.")
@_justified
@writing
@remote
def restrict(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a restriction's sides
    """Deny every contact with CUSTOMER, or end that.

    Restriction of processing, GDPR art. 18: it ends once the customer was told.
    """
    ground, informed_time = told.pop("ground"), told.pop("informed_time")
    _one_of_two("--ground", ground, "--lift", informed_time)
    request = customer_service_pb2.RestrictRequest(justification=_take_justification(told), **told)
    if informed_time is None:
        request.begin.CopyFrom(customer_service_pb2.NewRestriction(ground=ground))
    else:
        request.lift.CopyFrom(customer_service_pb2.RestrictionToLift(informed_time=informed_time))
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.Restrict, request), tell.recorded, as_json=as_json)


def _one_of_two(one: str, told: object, other: str, instead: object) -> None:
    if (told is None) == (instead is None):
        raise click.UsageError(f"give {one} or {other}, one of them")


def _take_justification(told: dict[str, Any]) -> customer_service_pb2.Justification:
    return customer_service_pb2.Justification(reason=told.pop("reason"), officer_id=told.pop("officer_id"))


COMMANDS = (merge, split, overlay, restrict)
