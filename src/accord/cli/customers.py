"""Commands that record who customers are and what they do: link, unlink, facts, activity, contact-point.

None of it is a permission, and nothing of it ends a refusal.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from accord.cli import tell
from accord.cli.arguments import OneOf, PointType, TimeType
from accord.cli.connect import connect
from accord.cli.options import customer, remote, writing
from accord.v1 import customer_service_pb2

Command = TypeVar("Command", bound=Callable[..., Any])

_point = click.argument("contact_point", type=PointType())


def _facts(command: Command) -> Command:
    """Add the facts there are."""
    for option in (
        click.option("--country", help="ISO 3166-1 alpha-2, such as FR."),
        click.option("--region", help="The part after the hyphen of ISO 3166-2, such as 67."),
        click.option("--time-zone", help="An IANA name, such as Indian/Reunion."),
        click.option("--language", help="BCP 47, such as fr."),
        click.option(
            "--kind",
            type=OneOf(customer_service_pb2.CustomerKind.items(), "CUSTOMER_KIND_"),
            help="In which capacity the customer is addressed.",
        ),
        click.option("--birth-year", type=int, help="Four digits."),
        click.option("--guardian-known/--no-guardian-known", default=None, help="A guardian acts for the customer."),
        click.option("--deceased/--no-deceased", default=None, help="The customer has died."),
        click.option("--contract-current/--no-contract-current", default=None, help="A contract runs now."),
        click.option("--membership-current/--no-membership-current", default=None, help="A membership runs now."),
        click.option("--preferred-channel", help="The channel the customer prefers."),
        click.option("--paused-until", type=TimeType(), help="No marketing before, at the customer's wish."),
    ):
        command = option(command)
    return command


@click.command()
@customer
@_point
@writing
@remote
def link(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a link's sides
    """Link CONTACT_POINT to CUSTOMER. They are recognised by it from then on."""
    request = customer_service_pb2.LinkRequest(**told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.Link, request), tell.recorded, as_json=as_json)


@click.command()
@customer
@_point
@writing
@remote
def unlink(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a link's sides
    """Take CONTACT_POINT off CUSTOMER. Refusals on the address stay with the address."""
    request = customer_service_pb2.UnlinkRequest(**told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.Unlink, request), tell.recorded, as_json=as_json)


@click.command()
@customer
@_facts
@writing
@remote
def facts(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - facts
    """Record facts of CUSTOMER that rules look at. What is left out stays as it was known."""
    around = {side: told.pop(side) for side in ("brand", "request_id", "customer")}
    request = customer_service_pb2.RecordFactsRequest(facts=customer_service_pb2.CustomerFacts(**told), **around)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.RecordFacts, request), tell.recorded, as_json=as_json)


@click.command()
@customer
@click.argument("kind", type=OneOf(customer_service_pb2.ActivityKind.items(), "ACTIVITY_KIND_"))
@click.option("--act-time", type=TimeType(), help="When the customer acted. Left out: now.")
@click.option("--place", default="", help="The place, for presence.")
@click.option("--objection-offered", is_flag=True, help="For a purchase: told of similar offers, and free to say no.")
@writing
@remote
def activity(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - an activity's sides
    """Record what CUSTOMER did. Engagement, never a permission."""
    request = customer_service_pb2.ReportActivityRequest(**told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.ReportActivity, request), tell.recorded, as_json=as_json)


@click.command("contact-point")
@_point
@click.argument("fact", type=OneOf(customer_service_pb2.ContactPointFact.items(), "CONTACT_POINT_FACT_"))
@click.option("--act-time", type=TimeType(), help="When it became true. Left out: now.")
@writing
@remote
def contact_point(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a fact's sides
    """Record a fact of an address. It binds whoever holds CONTACT_POINT."""
    request = customer_service_pb2.ReportContactPointRequest(**told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.customers.ReportContactPoint, request), tell.recorded, as_json=as_json)


COMMANDS = (link, unlink, facts, activity, contact_point)
