"""Options and arguments that commands share, and the connection they make."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import click
from google.protobuf.timestamp_pb2 import Timestamp

from accord.client import Connection
from accord.config import DEFAULT_LISTEN, Config
from accord.v1 import customer_pb2

OPERATOR_TOKEN = "operator.token"  # noqa: S105 - the name of a file, not a secret
TIMEOUT_SECONDS = 30

Command = TypeVar("Command", bound=Callable[..., Any])

_KINDS = {
    "email": customer_pb2.CONTACT_POINT_KIND_EMAIL,
    "phone": customer_pb2.CONTACT_POINT_KIND_PHONE,
    "post": customer_pb2.CONTACT_POINT_KIND_POSTAL_ADDRESS,
    "push": customer_pb2.CONTACT_POINT_KIND_PUSH_TOKEN,
    "social": customer_pb2.CONTACT_POINT_KIND_SOCIAL_PROFILE,
    "card": customer_pb2.CONTACT_POINT_KIND_LOYALTY_CARD,
    "beacon": customer_pb2.CONTACT_POINT_KIND_BEACON_DEVICE,
}


class PointType(click.ParamType[Any]):
    """`kind:value`, for example `email:ada@example.com`."""

    name = "kind:value"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401
        """Return the contact point."""
        kind, colon, rest = value.partition(":")
        if not colon or kind not in _KINDS:
            self.fail(f"write kind:value, the kind being one of {', '.join(_KINDS)}", param, context)
        return customer_pb2.ContactPoint(kind=_KINDS[kind], value=rest)


class CustomerType(click.ParamType[Any]):
    """A customer_id, or `kind:value` of an address."""

    name = "customer"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401
        """Return the customer key."""
        if value.partition(":")[0] in _KINDS and ":" in value:
            return customer_pb2.CustomerKey(contact_point=PointType().convert(value, param, context))
        return customer_pb2.CustomerKey(customer_id=value)


class TimeType(click.ParamType[Any]):
    """An instant in ISO 8601 with its offset, for example `2026-03-01T09:00:00+01:00`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401
        """Return the instant on the wire."""
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail("write an instant such as 2026-03-01T09:00:00Z", param, context)
        if instant.tzinfo is None:
            self.fail("write the offset too, such as 2026-03-01T09:00:00Z", param, context)
        stamp = Timestamp()
        stamp.FromDatetime(instant.astimezone(UTC))
        return stamp


def remote(command: Command) -> Command:
    """Add what every command that calls a server takes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the response as proto JSON."),
        click.option("--brand", envvar="ACCORD_BRAND", required=True, help="The brand (ACCORD_BRAND)."),
        click.option(
            "--server",
            envvar="ACCORD_SERVER",
            default=DEFAULT_LISTEN,
            show_default=True,
            help="Where Accord serves (ACCORD_SERVER).",
        ),
    ):
        command = option(command)
    return command


def writing(command: Command) -> Command:
    """Add what every command that records something takes."""
    return click.option("--request-id", default=lambda: str(uuid4()), help="Makes a repeat safe. Drawn when left out.")(
        command
    )


def evidence(command: Command) -> Command:
    """Add what every command that records a declaration takes."""
    methods = ("ticked_box", "button", "spoken", "signature", "message", "confirmation_link")
    for option in (
        click.option("--touchpoint", required=True, help="Where the customer acted, a code of the catalogue."),
        click.option("--notice", default="", help="The notice shown. Left out: the one the touchpoint shows now."),
        click.option("--language", default="fr", show_default=True, help="The language of the notice shown."),
        click.option("--method", type=click.Choice(methods), default="button", show_default=True),
        click.option("--declarant", type=click.Choice(("customer", "guardian")), default="customer", show_default=True),
        click.option(
            "--recorder", type=click.Choice(("system", "clerk", "agent", "import")), default="system", show_default=True
        ),
        click.option("--recorder-id", default="", help="The till, agent or form that recorded it."),
        click.option("--act-time", type=TimeType(), help="When the customer acted. Left out: now."),
    ):
        command = option(command)
    return command


def connect(server: str) -> Connection:
    """Return a connection with the caller's token: ACCORD_TOKEN, else the operator's file in the data folder."""
    token = os.environ.get("ACCORD_TOKEN", "")
    if not token:
        path = data_folder() / OPERATOR_TOKEN
        token = path.read_text("utf-8").strip() if path.exists() else ""
    return Connection(server, token, TIMEOUT_SECONDS)


def data_folder() -> Path:
    """Return the data folder in use."""
    return Config.read(os.environ, data=click.get_current_context().find_root().meta.get("data")).data
