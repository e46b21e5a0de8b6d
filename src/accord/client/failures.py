"""Why a call failed, and whose fault it is.

A mistake of the caller is a `MistakeError`: asking again changes nothing, so it is raised wherever it
happens. Everything else is an outage: nothing is known, so nothing is allowed. Only what cannot have
changed anything, or what Accord recognises when it comes again, is `transient`: worth another attempt.
"""

from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

UNREACHABLE = "UNREACHABLE"
"""No server answered."""

CLOSED = "CLOSED"
"""The connection was closed, before the call or during it."""

_MISTAKES = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.OUT_OF_RANGE,
}

_MISTAKEN_REASONS = {"CATALOGUE_MISSING"}
"""Mistakes whose status says less: nobody applied a catalogue, or the brand is misspelled."""

_TRANSIENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,  # a server that closes its doors cancels what reaches it meanwhile
}

_LASTING_REASONS = {"CUSTOMER_FULL"}
"""Where waiting does not help although the status says so."""


class CallFailedError(Exception):
    """A call failed: nothing is known, nothing is allowed.

    `reason` is a name of error_reason.proto, or `UNREACHABLE` when no server answered, `CLOSED` when
    this side closed, else the name of a gRPC status. `fields` maps each faulty field to what is wrong
    and allowed. `metadata` is as documented with the reason.
    """

    transient = False
    """Another attempt may succeed."""

    retry_seconds = 0.0
    """How long the server wants to be left alone first."""

    def __init__(self, reason: str, message: str, fields: dict[str, str], metadata: dict[str, str]) -> None:
        """Hold what the server said."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.fields = fields
        self.metadata = metadata

    def __str__(self) -> str:
        faults = "".join(f"; {field}: {fault}" for field, fault in self.fields.items())
        return f"{self.reason}: {self.message}{faults}"


class MistakeError(CallFailedError):
    """The caller asked for what cannot be: a wrong field, an unknown purpose, no token, not the role."""


def read_failure(error: Any) -> CallFailedError:  # noqa: ANN401 - grpc raises an error that is also a call
    """Return what a failed call tells, of the sync and the asyncio flavour alike."""
    code, status = error.code(), _status(error)
    reason = UNREACHABLE if code is grpc.StatusCode.UNAVAILABLE else code.name
    message = error.details() or "the server did not answer"
    fields: dict[str, str] = {}
    metadata: dict[str, str] = {}
    retry_seconds = 0.0
    for detail in status.details if status else ():
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            fields = {each.field: each.description for each in bad.field_violations}
        elif detail.Unpack(retry):
            retry_seconds = retry.retry_delay.ToTimedelta().total_seconds()
    mistaken = code in _MISTAKES or reason in _MISTAKEN_REASONS
    failure = (MistakeError if mistaken else CallFailedError)(reason, message, fields, metadata)
    failure.transient = code in _TRANSIENT and reason not in _LASTING_REASONS
    failure.retry_seconds = retry_seconds
    return failure


def closed() -> CallFailedError:
    """Return the failure of a call during which this side closed."""
    return CallFailedError(CLOSED, "the connection was closed during the call", {}, {})


def unreadable() -> CallFailedError:
    """Return the failure of a call that was answered with something else than its response."""
    return CallFailedError("INTERNAL", "the answer could not be read", {}, {})


def silent(seconds: float) -> CallFailedError:
    """Return the failure of a stream on which nothing came for so long."""
    return CallFailedError("DEADLINE_EXCEEDED", f"nothing came from the server for {seconds:g} s", {}, {})


def without_past() -> CallFailedError:
    """Return the failure of asking an older server for the past: it answered for now, which was not asked."""
    return CallFailedError("UNIMPLEMENTED", "the server is older than this client and tells no past", {}, {})


def used_after_close() -> MistakeError:
    """Return the mistake of calling on what was closed before."""
    return MistakeError(CLOSED, "the connection was closed before the call", {}, {})


def _status(error: Any) -> status_pb2.Status | None:  # noqa: ANN401 - see read_failure
    try:
        return rpc_status.from_call(error)
    except (ValueError, DecodeError):
        # A proxy rewrote the status, or its details: the code alone is believed.
        return None
