"""Commands that ask before a contact and follow it: check, reach, authorize, report, contact."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click
from google.protobuf.timestamp_pb2 import Timestamp

from accord.cli import suggest, tell
from accord.cli.arguments import POSITION, OneOf, PointType, TimeType
from accord.cli.connect import Noting, connect
from accord.cli.options import customer, past, remote, writing
from accord.client import CallFailedError
from accord.v1 import contact_service_pb2, decision_pb2, decision_service_pb2

Command = TypeVar("Command", bound=Callable[..., Any])
Response = TypeVar("Response")

WAS_ALLOWED = 12
"""Exit code of what was an ALLOW in the past: nobody may take it for one of now."""

_FULL = decision_pb2.DECISION_VIEW_FULL
_fresh = click.option(
    "--at-least-as-fresh", default="", metavar="TOKEN", help="From a receipt: the answer knows of that entry."
)


_language = click.option(
    "--language", default="", metavar="TAG", help="Of the words of the answer, BCP 47: en or fr. Left out: en."
)


def _asking(command: Command) -> Command:
    """Add the sides of a question."""
    for option in (
        click.option("--channel", default="", help="By which means. Left out for purposes of class processing."),
        click.option("--topic", default="", help="The topic of an alert."),
        click.option("--place", default="", help="The place, such as store:lyon."),
        click.option("--recipient", default="", help="The third party that would receive or act."),
        click.option("--contact-point", type=PointType(), help="The address that will be used."),
        click.argument("purpose"),
        customer,
    ):
        command = option(command)
    return command


def _answered(connection: Noting, method: Callable[..., Response], request: Any) -> Response:  # noqa: ANN401 - the method's own type
    """Return the answer. A channel that was left out and is needed was forgotten: a command misspelled."""
    try:
        return connection.ask(method, request)
    except CallFailedError as error:
        if error.reason != "CHANNEL_UNKNOWN" or request.question.channel:
            raise
        known = ", ".join(suggest.listed(error)[0])
        told = f"--channel is missing: say one of {known}; `accord reach` asks for every channel at once"
        raise click.UsageError(told) from error


@click.command()
@_asking
@past
@click.option(
    "--as-known-by", default="", metavar="TOKEN", help="With --as-of: exactly what the answer with this token knew."
)
@_fresh
@_language
@remote
def check(  # noqa: PLR0913 - a question has this many sides
    brand: str,
    server: str,
    as_json: bool,
    at_least_as_fresh: str,
    as_of: Timestamp | None,
    as_known_at: Timestamp | None,
    as_known_by: str,
    language: str,
    **asked: Any,  # noqa: ANN401 - a question
) -> None:
    """Say whether CUSTOMER may be contacted for PURPOSE, and why. Exits 0 ALLOW, 10 DENY, 11 DEFER.

    With --as-of it says what the answer was then, which is never leave to send: exits 12 for what was an ALLOW.
    """
    request = decision_service_pb2.CheckRequest(
        brand=brand,
        question=decision_pb2.Question(**asked),
        view=_FULL,
        at_least_as_fresh=at_least_as_fresh,
        as_of=as_of,
        as_known_at=as_known_at,
        as_known_by=as_known_by,
        language=language,
    )
    with connect(server) as connection:
        response = _answered(connection, connection.decisions.Check, request)
    if as_of or as_known_at or as_known_by:
        tell.answer(response, _past, as_json=as_json)
        raise SystemExit(tell.verdict_exit(response.past.decision) or WAS_ALLOWED)
    tell.answer(response, lambda found: tell.decision(found.decision), as_json=as_json)
    raise SystemExit(tell.verdict_exit(response.decision))


@click.command()
@customer
@click.argument("purpose")
@click.option("--topic", default="", help="The topic of an alert.")
@click.option("--place", default="", help="The place, such as store:lyon.")
@_fresh
@_language
@remote
def reach(server: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - a question without its channel
    """Say which channels may reach CUSTOMER for PURPOSE now. Each has its reason; a no among them is no failure."""
    request = decision_service_pb2.ListReachRequest(view=_FULL, **asked)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.decisions.ListReach, request), _reaches, as_json=as_json)


@click.command()
@_asking
@click.option("--contact-id", required=True, help="Your name for this one intended message.")
@click.option(
    "--confirms",
    type=POSITION,
    default=0,
    metavar="POSITION",
    help="It asks to confirm the pending permission at this position; role mailer.",
)
@_language
@remote
def authorize(  # noqa: PLR0913 - one for each option
    brand: str,
    server: str,
    as_json: bool,
    contact_id: str,
    confirms: int,
    language: str,
    **asked: Any,  # noqa: ANN401 - a question
) -> None:
    """Check and count one contact in one step. Exits 0 ALLOW, 10 DENY, 11 DEFER."""
    request = contact_service_pb2.AuthorizeContactRequest(
        brand=brand,
        contact_id=contact_id,
        question=decision_pb2.Question(**asked),
        view=_FULL,
        confirms_position=confirms,
        language=language,
    )
    with connect(server) as connection:
        response = _answered(connection, connection.contacts.AuthorizeContact, request)
    tell.answer(response, _authorized, as_json=as_json)
    raise SystemExit(tell.verdict_exit(response.decision))


@click.command()
@click.argument("contact_id")
@click.argument("outcome", type=OneOf(contact_service_pb2.ContactOutcome.items(), "CONTACT_OUTCOME_"))
@click.option("--outcome-time", type=TimeType(), help="When it happened. Left out: now.")
@writing
@remote
def report(server: str, as_json: bool, **told: Any) -> None:  # noqa: ANN401 - a report's sides
    """Tell what became of the contact CONTACT_ID."""
    request = contact_service_pb2.ReportContactRequest(**told)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.contacts.ReportContact, request), tell.recorded, as_json=as_json)


@click.command()
@click.argument("contact_id")
@remote
def contact(server: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - a contact's name
    """Say why a customer was contacted under CONTACT_ID. The entries behind it are named by their positions."""
    request = contact_service_pb2.GetContactRequest(**asked)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.contacts.GetContact, request), _contact, as_json=as_json)


def _past(response: decision_service_pb2.CheckResponse) -> None:
    found = response.past
    click.echo(f"as of {tell.when(found.as_of)}, with {found.known_size} entries known; no leave to send")
    tell.decision(found.decision)


def _reaches(found: decision_service_pb2.ListReachResponse) -> None:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in found.reaches:
            told = each.decision
            not_before = tell.when(told.not_before) if told.HasField("not_before") else ""
            yield each.channel, tell.verdict_of(told), tell.reason_of(told), not_before, told.what_would_allow

    tell.table(("channel", "verdict", "reason", "not before", "to allow it"), rows())


def _authorized(found: contact_service_pb2.AuthorizeContactResponse) -> None:
    tell.decision(found.decision)
    if found.HasField("send_before"):
        tell.lines((("send before", f"{tell.when(found.send_before)}{' (repeat)' if found.repeat else ''}"),))
    if found.confirmation_token:
        tell.lines((("link token", found.confirmation_token),))
    if found.HasField("receipt"):
        tell.receipt(found.receipt)


def _contact(response: contact_service_pb2.GetContactResponse) -> None:
    found = response.contact
    status = contact_service_pb2.ContactStatus.Name(found.status)
    click.echo(f"contact {tell.printable(found.contact_id)}: {tell.words(status, 'CONTACT_STATUS_')}")
    tell.lines(
        (
            ("channel", found.channel),
            ("purpose", found.purpose),
            ("authorized", tell.when(found.authorized_time)),
            ("ground", tell.words(decision_pb2.Basis.Name(found.basis), "BASIS_")),
            ("rested on", tell.entries(found.basis_positions)),
            ("recorded in", tell.entries(found.positions)),
            ("catalogue", str(found.policy_version)),
        )
    )
    click.echo("`accord entry POSITION` shows an entry.")


COMMANDS = (check, reach, authorize, report, contact)
