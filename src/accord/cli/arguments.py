"""What is written on the command line, turned into what goes on the wire.

Whatever cannot be turned is a misspelling: it says what may be written, and nothing is sent. An address
written as `-` is read from standard input, since others on the machine can see what a command was given.
"""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click
from google.protobuf.timestamp_pb2 import Timestamp

from accord.v1 import customer_pb2

_FROM_INPUT = "-"
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
    """`kind:value`, for example `email:ada@example.com`; `-` reads it from standard input."""

    name = "kind:value"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401 - click's own type
        """Return the contact point."""
        kind, colon, rest = _unhidden(value, context).partition(":")
        if not colon or kind not in _KINDS:
            self.fail(f"write kind:value, the kind being one of {', '.join(_KINDS)}", param, context)
        return customer_pb2.ContactPoint(kind=_KINDS[kind], value=rest)


class CustomerType(click.ParamType[Any]):
    """A customer_id, or `kind:value` of an address; `-` reads it from standard input."""

    name = "customer"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401 - click's own type
        """Return the customer key."""
        told = _unhidden(value, context)
        if ":" in told and told.partition(":")[0] in _KINDS:
            return customer_pb2.CustomerKey(contact_point=PointType().convert(told, param, context))
        return customer_pb2.CustomerKey(customer_id=told)


class TimeType(click.ParamType[Any]):
    """An instant in ISO 8601 with its offset, for example `2026-03-01T09:00:00+01:00`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401 - click's own type
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


class OneOf(click.Choice[Any]):
    """One member of an enumeration of the protos: its name without the prefix, in lower case, with hyphens."""

    def __init__(self, members: Iterable[tuple[str, int]], prefix: str) -> None:
        """Offer the members, all but the one for "unspecified"; an underscore is read as a hyphen."""
        self._numbers = {
            name.removeprefix(prefix).lower().replace("_", "-"): number for name, number in members if number
        }
        super().__init__(tuple(self._numbers))

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401 - click's own type
        """Return the member's number."""
        if isinstance(value, int):
            return value
        return self._numbers[super().convert(value.replace("_", "-"), param, context)]


POSITION = click.IntRange(min=0, max=2**63 - 1)


def _unhidden(told: str, context: click.Context | None) -> str:
    """Return what was told, or the next line of standard input where that is asked for."""
    if told != _FROM_INPUT or (context is not None and context.resilient_parsing):
        return told
    if sys.stdin.isatty():
        return str(click.prompt("customer or address", err=True, hide_input=True))
    return sys.stdin.readline().strip()
