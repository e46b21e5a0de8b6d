"""Commands that ask a serving Accord: check, authorize, report, grant, withdraw, history."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from google.protobuf.timestamp_pb2 import Timestamp

from accord.cli import tell
from accord.cli.options import CustomerType, PointType, TimeType, connect, evidence, remote, writing
from accord.v1 import (
    contact_service_pb2,
    customer_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    permission_pb2,
    permission_service_pb2,
)

Command = TypeVar("Command", bound=Callable[..., Any])
Evidence = dict[str, Any]

_FULL = decision_pb2.DECISION_VIEW_FULL
_customer = click.argument("customer", type=CustomerType())
_OUTCOMES = ("sent", "failed", "cancelled", "bounced", "complained")


def _asking(command: Command) -> Command:
    """Add the sides of a question."""
    for option in (
        click.option("--channel", default="", help="By which means. Left out for purposes of class processing."),
        click.option("--topic", default="", help="The topic of an alert."),
        click.option("--place", default="", help="The place, such as store:lyon."),
        click.option("--recipient", default="", help="The third party that would receive or act."),
        click.option("--contact-point", type=PointType(), help="The address that will be used."),
        click.argument("purpose"),
        _customer,
    ):
        command = option(command)
    return command


@click.command()
@_asking
@remote
def check(brand: str, server: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - the sides of a question
    """May I contact CUSTOMER for PURPOSE now, and why? Exits 0 ALLOW, 10 DENY, 11 DEFER."""
    _note_json(as_json)
    request = decision_service_pb2.CheckRequest(brand=brand, question=decision_pb2.Question(**asked), view=_FULL)
    with connect(server) as connection:
        response = connection.ask(connection.decisions.Check, request)
    if as_json:
        tell.as_json(response)
    else:
        tell.decision(response.decision)
    raise SystemExit(tell.verdict_exit(response.decision))


@click.command()
@_asking
@click.option("--contact-id", required=True, help="Your name for this one intended message.")
@remote
def authorize(brand: str, server: str, as_json: bool, contact_id: str, **asked: Any) -> None:  # noqa: ANN401 - a question
    """Check and count one contact in one step. Exits 0 ALLOW, 10 DENY, 11 DEFER."""
    _note_json(as_json)
    request = contact_service_pb2.AuthorizeContactRequest(
        brand=brand, contact_id=contact_id, question=decision_pb2.Question(**asked), view=_FULL
    )
    with connect(server) as connection:
        response = connection.ask(connection.contacts.AuthorizeContact, request)
    if as_json:
        tell.as_json(response)
    else:
        tell.decision(response.decision)
        if response.HasField("send_before"):
            click.echo(f"  send before  {tell.when(response.send_before)}{' (repeat)' if response.repeat else ''}")
        if response.HasField("receipt"):
            tell.receipt(response.receipt)
    raise SystemExit(tell.verdict_exit(response.decision))


@click.command()
@click.argument("contact_id")
@click.argument("outcome", type=click.Choice(_OUTCOMES))
@click.option("--outcome-time", type=TimeType(), help="When it happened. Left out: now.")
@writing
@remote
def report(  # noqa: PLR0913 - click hands over one argument for each option
    brand: str,
    server: str,
    as_json: bool,
    contact_id: str,
    outcome: str,
    outcome_time: Timestamp | None,
    request_id: str,
) -> None:
    """Tell what became of the contact CONTACT_ID."""
    _note_json(as_json)
    request = contact_service_pb2.ReportContactRequest(
        brand=brand,
        request_id=request_id,
        contact_id=contact_id,
        outcome=contact_service_pb2.ContactOutcome.Value(f"CONTACT_OUTCOME_{outcome.upper()}"),
        outcome_time=outcome_time,
    )
    with connect(server) as connection:
        response = connection.ask(connection.contacts.ReportContact, request)
    if as_json:
        tell.as_json(response)
    else:
        tell.receipt(response.receipt)


@click.command()
@_customer
@evidence
@click.option("--purpose", "purposes", multiple=True, help="Of the notice's purposes, one the customer chose.")
@click.option("--channel", "channels", multiple=True, help="Of the notice's channels, one the customer chose.")
@click.option("--contact-point", type=PointType(), help="Limits it to one address.")
@click.option("--topic", "topics", multiple=True, help="A topic, where the level asks for one.")
@click.option("--place", "places", multiple=True, help="A place, where the level asks for one.")
@click.option("--recipient", "recipients", multiple=True, help="A third party the notice names.")
@writing
@remote
def grant(brand: str, server: str, as_json: bool, request_id: str, **told: Any) -> None:  # noqa: ANN401 - a grant's sides
    """Record that CUSTOMER gave what a touchpoint asked for."""
    _note_json(as_json)
    shown = _evidence(told)
    request = permission_service_pb2.GrantRequest(brand=brand, request_id=request_id, evidence=shown, **told)
    with connect(server) as connection:
        response = connection.ask(connection.permissions.Grant, request)
    if as_json:
        tell.as_json(response)
    else:
        status = permission_pb2.PermissionStatus.Name(response.status).removeprefix("PERMISSION_STATUS_")
        click.echo(f"permission {status.lower().replace('_', ' ')}")
        tell.receipt(response.receipt)


@click.command()
@_customer
@evidence
@click.option("--purpose", default="", help="A purpose or a branch. Left out: every permission.")
@click.option("--channel", default="", help="A channel. Left out: all.")
@click.option("--contact-point", type=PointType(), help="One address only (STOP).")
@click.option("--topic", default="", help="One topic only.")
@click.option("--place", default="", help="One place only.")
@click.option("--recipient", default="", help="One third party only.")
@writing
@remote
def withdraw(brand: str, server: str, as_json: bool, request_id: str, **told: Any) -> None:  # noqa: ANN401 - its sides
    """Record that CUSTOMER took a permission back; every check that starts afterwards sees it."""
    _note_json(as_json)
    shown = _evidence(told)
    customer = told.pop("customer")
    request = permission_service_pb2.WithdrawRequest(
        brand=brand,
        request_id=request_id,
        customer=customer,
        evidence=shown,
        scope=permission_pb2.RefusalScope(**told),
    )
    with connect(server) as connection:
        response = connection.ask(connection.permissions.Withdraw, request)
    if as_json:
        tell.as_json(response)
        return
    for each in response.receipts:
        tell.receipt(each)
    for contact in response.open_contacts:
        click.echo(f"still to stop: contact {contact.contact_id} ({contact.channel}, {contact.purpose})")


@click.command()
@_customer
@click.option("--page-size", type=int, default=100, show_default=True)
@click.option("--page-token", default="", help="From the answer before.")
@remote
def history(  # noqa: PLR0913 - click hands over one argument for each option
    brand: str, server: str, as_json: bool, customer: customer_pb2.CustomerKey, page_size: int, page_token: str
) -> None:
    """List every entry of CUSTOMER, oldest first."""
    _note_json(as_json)
    request = permission_service_pb2.GetHistoryRequest(
        brand=brand, customer=customer, page_size=page_size, page_token=page_token
    )
    with connect(server) as connection:
        response = connection.ask(connection.permissions.GetHistory, request)
    if as_json:
        tell.as_json(response)
    else:
        tell.history(response)


def _evidence(told: Evidence) -> evidence_pb2.Evidence:
    """Take the sides of the evidence out of what a command was told, and return it."""
    return evidence_pb2.Evidence(
        touchpoint=told.pop("touchpoint"),
        notice=told.pop("notice"),
        language=told.pop("language"),
        method=evidence_pb2.DeclarationMethod.Value(f"DECLARATION_METHOD_{told.pop('method').upper()}"),
        declarant=evidence_pb2.Declarant.Value(f"DECLARANT_{told.pop('declarant').upper()}"),
        recorder=evidence_pb2.Recorder.Value(f"RECORDER_{told.pop('recorder').upper()}"),
        recorder_id=told.pop("recorder_id"),
        act_time=told.pop("act_time"),
    )


def _note_json(as_json: bool) -> None:
    """Let a failure be told in the same form."""
    click.get_current_context().find_root().meta["json"] = as_json


COMMANDS = (check, authorize, report, grant, withdraw, history)
