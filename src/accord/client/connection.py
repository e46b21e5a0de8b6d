"""A connection to a serving Accord. The only place, with rpc, that knows grpc."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from accord.v1 import (
    catalogue_service_pb2_grpc,
    contact_service_pb2_grpc,
    customer_service_pb2_grpc,
    decision_service_pb2_grpc,
    ledger_service_pb2_grpc,
    permission_service_pb2_grpc,
)

Response = TypeVar("Response")

_OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
]


class CallFailedError(Exception):
    """A call failed: nothing is known, nothing is allowed.

    `reason` is a name of error_reason.proto, or `UNREACHABLE` when no server answered. `fields` maps
    each faulty field to what is wrong and allowed. `metadata` is as documented with the reason.
    """

    def __init__(self, reason: str, message: str, fields: dict[str, str], metadata: dict[str, str]) -> None:
        """Hold what the server said."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.fields = fields
        self.metadata = metadata


class Connection:
    """Stubs of every service, with the caller's token on each call and a deadline."""

    def __init__(self, server: str, token: str, timeout_seconds: float = 10) -> None:
        """Prepare; the first call connects."""
        self._channel = grpc.insecure_channel(server, options=_OPTIONS)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._timeout_seconds = timeout_seconds
        self.decisions = decision_service_pb2_grpc.DecisionServiceStub(self._channel)
        self.permissions = permission_service_pb2_grpc.PermissionServiceStub(self._channel)
        self.contacts = contact_service_pb2_grpc.ContactServiceStub(self._channel)
        self.customers = customer_service_pb2_grpc.CustomerServiceStub(self._channel)
        self.catalogues = catalogue_service_pb2_grpc.CatalogueServiceStub(self._channel)
        self.ledger = ledger_service_pb2_grpc.LedgerServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def ask(self, method: Callable[..., Response], request: Any) -> Response:  # noqa: ANN401 - the method's own type
        """Return the response of a unary method. Raises CallFailedError."""
        try:
            return method(request, timeout=self._timeout_seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise _failure(error) from None

    def health(self) -> str:
        """Return what the standard health check says of the server, such as SERVING. Raises CallFailedError."""
        answer = self.ask(self._health.Check, health_pb2.HealthCheckRequest())
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the connection."""
        self.close()


def _failure(error: Any) -> CallFailedError:  # noqa: ANN401 - grpc raises an error that is also a call
    status = rpc_status.from_call(error)
    if status is None:
        reason = "UNREACHABLE" if error.code() is grpc.StatusCode.UNAVAILABLE else error.code().name
        return CallFailedError(reason, error.details() or "the server did not answer", {}, {})
    reason, metadata, fields = error.code().name, {}, {}
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            fields = {each.field: each.description for each in bad.field_violations}
    return CallFailedError(reason, status.message, fields, metadata)
