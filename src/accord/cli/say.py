"""Commands that record what customers say: grant, confirm, refuse, withdraw, object, reply."""

from typing import Any, TypeVar

import click

from accord.cli import tell
from accord.cli.arguments import POSITION, CustomerType, PointType, TimeType
from accord.cli.connect import connect
from accord.cli.options import Told, customer, evidence, remote, scope, take_evidence, take_scope, writing
from accord.v1 import evidence_pb2, permission_pb2, permission_service_pb2

_Permission = permission_service_pb2.GrantResponse | permission_service_pb2.ConfirmResponse
_No = (
    permission_service_pb2.RefuseResponse
    | permission_service_pb2.WithdrawResponse
    | permission_service_pb2.ObjectResponse
    | permission_service_pb2.RecordReplyResponse
)
_Request = TypeVar(
    "_Request",
    permission_service_pb2.RefuseRequest,
    permission_service_pb2.WithdrawRequest,
    permission_service_pb2.ObjectRequest,
)


@click.command()
@customer
@evidence()
@click.option("--purpose", "purposes", multiple=True, help="Of the notice's purposes, one the customer chose.")
@click.option("--channel", "channels", multiple=True, help="Of the notice's channels, one the customer chose.")
@click.option("--contact-point", type=PointType(), help="Limits it to one address.")
@click.option("--topic", "topics", multiple=True, help="A topic, where the level asks for one.")
@click.option("--place", "places", multiple=True, help="A place, where the level asks for one.")
@click.option("--recipient", "recipients", multiple=True, help="A third party the notice names.")
@click.option("--valid-from", type=TimeType(), help="From when it counts. Left out: when the customer acted.")
@click.option("--valid-until", type=TimeType(), help="Ends it earlier than the level would.")
@writing
@remote
def grant(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a grant's sides
    """Record that CUSTOMER gave what a touchpoint asked for."""
    request = permission_service_pb2.GrantRequest(evidence=take_evidence(told), **told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.permissions.Grant, request), _permission, as_json=as_json)


@click.command()
@click.argument("customer", type=CustomerType(), required=False)
@click.argument("permission_position", type=POSITION, required=False)
@click.option("--token", "confirmation_token", default="", help="The token of the link that was clicked.")
@evidence("confirmation-link")
@writing
@remote
def confirm(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a confirmation's sides
    """Record that a pending permission was confirmed.

    By the click on a link, named by its --token. Or, where the level lets another act confirm, by CUSTOMER
    and the PERMISSION_POSITION that its receipt told; say with --method how.
    """
    named = told["customer"] is not None and told["permission_position"] is not None
    if named is bool(told["confirmation_token"]):
        raise click.UsageError("name the --token of the link, or CUSTOMER and PERMISSION_POSITION")
    if named and told["method"] == evidence_pb2.DECLARATION_METHOD_CONFIRMATION_LINK:
        raise click.UsageError("say with --method how it was confirmed; a click on the link is named by its --token")
    request = permission_service_pb2.ConfirmRequest(evidence=take_evidence(told), **told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.permissions.Confirm, request), _permission, as_json=as_json)


@click.command()
@customer
@evidence()
@scope
@writing
@remote
def refuse(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a refusal's sides
    """Record that CUSTOMER was asked and said no."""
    request = _saying_no(permission_service_pb2.RefuseRequest, told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.permissions.Refuse, request), _no, as_json=as_json)


@click.command()
@customer
@evidence()
@scope
@writing
@remote
def withdraw(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a withdrawal's sides
    """Record that CUSTOMER took a permission back. Every check that starts afterwards sees it."""
    request = _saying_no(permission_service_pb2.WithdrawRequest, told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.permissions.Withdraw, request), _no, as_json=as_json)


@click.command("object")
@customer
@evidence()
@scope
@writing
@remote
def objecting(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - an objection's sides
    """Record that CUSTOMER objected to processing. Without a scope: to all marketing and processing."""
    request = _saying_no(permission_service_pb2.ObjectRequest, told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.permissions.Object, request), _no, as_json=as_json)


@click.command()
@click.argument("contact_point", type=PointType())
@click.argument("text")
@evidence("message")
@writing
@remote
def reply(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a reply's sides
    """Read what CONTACT_POINT wrote back, and record a no.

    What may be a no holds marketing to the address until somebody has read it: record what it says, then
    `accord contact-point CONTACT_POINT reply-settled`. The text itself is not kept.
    """
    request = permission_service_pb2.RecordReplyRequest(evidence=take_evidence(told), **told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.permissions.RecordReply, request), _meaning, as_json=as_json)


def _saying_no(request: type[_Request], told: Told) -> _Request:
    """Return one of the three requests that say no: they have the same sides."""
    return request(evidence=take_evidence(told), scope=take_scope(told), **told)


def _permission(found: _Permission) -> None:
    status = permission_pb2.PermissionStatus.Name(found.status)
    click.echo(f"permission {tell.words(status, 'PERMISSION_STATUS_')}")
    tell.receipt(found.receipt)


def _meaning(found: permission_service_pb2.RecordReplyResponse) -> None:
    meaning = tell.words(permission_service_pb2.ReplyMeaning.Name(found.meaning), "REPLY_MEANING_")
    rules = ", ".join(rule.id for rule in found.rules)
    click.echo(f"{meaning} ({rules})" if rules else meaning)
    _no(found)


def _no(found: _No) -> None:
    tell.recorded(found)
    for contact in found.open_contacts:
        named = tell.printable(contact.contact_id)
        click.echo(f"still to stop: contact {named} ({contact.channel}, {contact.purpose})")


COMMANDS = (grant, confirm, refuse, withdraw, objecting, reply)
