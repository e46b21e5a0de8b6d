"""Options that commands share, so that the same thing is written the same way everywhere."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import click

from accord.cli.arguments import CustomerType, OneOf, PointType, TimeType
from accord.client.tls import PUBLIC
from accord.config import DEFAULT_LISTEN
from accord.v1 import evidence_pb2, permission_pb2

Command = TypeVar("Command", bound=Callable[..., Any])
Told = dict[str, Any]

customer = click.argument("customer", type=CustomerType())


class _BrandType(click.types.StringParamType):
    """A brand: the one option nearly every command needs, so that what is missing is told with how to say it once."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Return what to do."""
        del param, ctx
        return "Name it, or set ACCORD_BRAND for every command."


brand = click.option(
    "--brand", type=_BrandType(), envvar="ACCORD_BRAND", required=True, help="The brand (ACCORD_BRAND)."
)
limit = click.option("--limit", type=click.IntRange(min=1), default=None, help="At most this many. Left out: all.")


def _note(context: click.Context, param: click.Parameter, value: Any) -> Any:  # noqa: ANN401 - any option's value
    """Leave an option where `connect` finds it, instead of handing it through every command."""
    context.find_root().meta[param.name or ""] = value
    return value


_TLS = tuple(
    click.option(
        name, envvar=variable, help=f"{told} ({variable}).", metavar="FILE", callback=_note, expose_value=False
    )
    for name, variable, told in (
        ("--client-key", "ACCORD_CLIENT_KEY", "The key of --client-certificate, in PEM"),
        ("--client-certificate", "ACCORD_CLIENT_CERTIFICATE", "The certificate that a server with mutual TLS asks for"),
        ("--ca", "ACCORD_CA", f"Speak TLS and believe the CAs in this file, or `{PUBLIC}`: those everybody believes"),
    )
)


def calling(command: Command) -> Command:
    """Add what every command that calls a server takes."""
    for option in (
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            is_eager=True,
            callback=_note_json,
            help="Print the response as proto JSON.",
        ),
        click.option(
            "--server",
            envvar="ACCORD_SERVER",
            default=DEFAULT_LISTEN,
            show_default=True,
            help="Where Accord serves (ACCORD_SERVER).",
        ),
        *_TLS,
    ):
        command = option(command)
    return command


def remote(command: Command) -> Command:
    """Add what every command that calls a server about a brand takes."""
    return calling(brand(command))


def past(command: Command) -> Command:
    """Add what every command that can look at the past takes."""
    for option in (
        click.option(
            "--as-known-at",
            type=TimeType(),
            metavar="TIME",
            help="Only what had been recorded by this instant. Left out: all that is known today.",
        ),
        click.option(
            "--as-of", type=TimeType(), metavar="TIME", help="What had happened by then, such as 2026-03-01T09:00Z."
        ),
    ):
        command = option(command)
    return command


def writing(command: Command) -> Command:
    """Add what every command that records something takes."""
    return click.option("--request-id", default=lambda: str(uuid4()), help="Makes a repeat safe. Drawn when left out.")(
        command
    )


def _said(method: str, declarant: str, recorder: str) -> tuple[Callable[[Command], Command], ...]:
    """Return how it was expressed, by whom, and who wrote it down; `declarant` is the help of the second."""
    methods = OneOf(evidence_pb2.DeclarationMethod.items(), "DECLARATION_METHOD_")
    declarants = OneOf(evidence_pb2.Declarant.items(), "DECLARANT_")
    recorders = OneOf(evidence_pb2.Recorder.items(), "RECORDER_")
    return tuple(
        click.option(name, type=kind, default=default, show_default=True, help=told)
        for name, kind, default, told in (
            ("--method", methods, method, "How it was expressed."),
            ("--declarant", declarants, "customer", declarant),
            ("--recorder", recorders, recorder, "Who wrote it down."),
        )
    )


def evidence(method: str = "button") -> Callable[[Command], Command]:
    """Add what every command that records a declaration takes; `method` is how it is expressed as a rule."""
    options = (
        click.option("--touchpoint", required=True, help="Where the customer acted, a code of the catalogue."),
        click.option("--notice", default="", help="The notice shown. Left out: the one the touchpoint shows now."),
        click.option("--language", default="fr", show_default=True, help="The language of the notice shown."),
        *_said(method, "Who declared it.", "system"),
        click.option("--recorder-id", default="", help="The till, agent or form that recorded it."),
        click.option("--act-time", type=TimeType(), help="When the customer acted. Left out: now."),
    )

    def add(command: Command) -> Command:
        for option in options:
            command = option(command)
        return command

    return add


def evidence_asked(command: Command) -> Command:
    """Add what tells how we know that something was asked for, where that is known."""
    for option in (
        click.option("--touchpoint", default="", help="Where it was asked for. Left out: nothing of it is kept."),
        *_said("message", "Who asked.", "clerk"),
        click.option("--recorder-id", default="", help="The desk that recorded it. It stays: nothing personal."),
        click.option("--act-time", type=TimeType(), help="When it was asked for. Left out: now."),
    ):
        command = option(command)
    return command


def scope(command: Command) -> Command:
    """Add what every command that records a no takes."""
    for option in (
        click.option("--purpose", default="", help="A purpose or a branch. Left out: all that this no reaches."),
        click.option("--channel", default="", help="A channel. Left out: all."),
        click.option("--contact-point", type=PointType(), help="One address only (STOP)."),
        click.option("--topic", default="", help="One topic only."),
        click.option("--place", default="", help="One place only."),
        click.option("--recipient", default="", help="One third party only."),
    ):
        command = option(command)
    return command


def take_evidence(told: Told) -> evidence_pb2.Evidence:
    """Take the sides of the evidence out of what a command was told, and return it."""
    sides = ("touchpoint", "notice", "language", "method", "declarant", "recorder", "recorder_id", "act_time")
    return evidence_pb2.Evidence(**{side: told.pop(side) for side in sides if side in told})


def take_scope(told: Told) -> permission_pb2.RefusalScope:
    """Take the sides of the scope out of what a command was told, and return it."""
    sides = ("purpose", "channel", "contact_point", "topic", "place", "recipient")
    return permission_pb2.RefusalScope(**{side: told.pop(side) for side in sides})


def _note_json(context: click.Context, param: click.Parameter, value: bool) -> bool:
    """Let a failure be told in the same form."""
    del param
    context.find_root().meta["json"] = value
    return value
