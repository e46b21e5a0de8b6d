"""Bytes that are no message are the caller's fault; grpc itself would call them ours (INTERNAL).

Registers the generated handlers with parsers that answer MALFORMED in place of an exception, and behind the door.
"""

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from accord.domain.problems import ErrorReason, Problem
from accord.rpc.door import Door

MALFORMED = object()
"""Stands for a request that could not be parsed."""

NO_MESSAGE = Problem(ErrorReason.INVALID_ARGUMENT, "the request is not a message of this method")
"""What is told of it."""


class CarefulServer:
    """What generated code registers handlers with: passes them on, parsing carefully."""

    def __init__(self, server: grpc.Server, door: Door) -> None:
        """Register with this server what comes through this door."""
        self._server = server
        self._door = door

    def add_generic_rpc_handlers(self, handlers: Any) -> None:  # noqa: ANN401 - grpc's own types
        """Leave out the generic form: `add_registered_method_handlers` makes it anew."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Register each handler with a careful parser."""
        careful = {
            name: self._door.handler(service, name, handler)._replace(
                request_deserializer=_careful(handler.request_deserializer)
            )
            for name, handler in handlers.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, careful),))
        self._server.add_registered_method_handlers(service, careful)


def _careful(parse: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def parse_or_mark(raw: bytes) -> object:
        try:
            return parse(raw)
        except DecodeError:
            return MALFORMED

    return parse_or_mark
