"""A connection to a serving Accord, sync or asyncio: stubs of every service, the caller's token, a deadline.

The only place, with rpc, that makes grpc channels. One call is one attempt; `Client` and `AsyncClient`
stand on it and know when another is safe.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from accord.client.arguments import judged
from accord.client.failures import closed, read_failure, silent, unreadable, used_after_close
from accord.client.values import Token
from accord.v1 import (
    audit_service_pb2_grpc,
    catalogue_service_pb2_grpc,
    contact_service_pb2_grpc,
    customer_service_pb2_grpc,
    decision_service_pb2_grpc,
    import_service_pb2,
    import_service_pb2_grpc,
    ledger_service_pb2_grpc,
    permission_service_pb2_grpc,
)

Response = TypeVar("Response")

TIMEOUT_SECONDS = 10.0

_OPTIONS = [
    # An idle connection that a firewall forgot is found before a customer waits for it.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that restarts is found again within a second, not within grpc's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # Connections to one address are not made one: each may be taken by another worker of the server.
    ("grpc.use_local_subchannel_pool", 1),
]


class Services:
    """A stub of every service, on one channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        """Make them."""
        self.decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        self.permissions = permission_service_pb2_grpc.PermissionServiceStub(channel)
        self.contacts = contact_service_pb2_grpc.ContactServiceStub(channel)
        self.customers = customer_service_pb2_grpc.CustomerServiceStub(channel)
        self.catalogues = catalogue_service_pb2_grpc.CatalogueServiceStub(channel)
        self.imports = import_service_pb2_grpc.ImportServiceStub(channel)
        self.import_records = _one_message(
            channel, "ImportRecords", import_service_pb2.ImportRecordsRequest, import_service_pb2.ImportRecordsResponse
        )
        self.import_suppressions = _one_message(
            channel,
            "ImportSuppressions",
            import_service_pb2.ImportSuppressionsRequest,
            import_service_pb2.ImportSuppressionsResponse,
        )
        self.ledger = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        self.audits = audit_service_pb2_grpc.AuditServiceStub(channel)
        self.health_checks = health_pb2_grpc.HealthStub(channel)


def _one_message(channel: grpc.Channel, method: str, request: type[Message], response: type[Message]) -> Any:  # noqa: ANN401 - a stub
    """Return a method of imports as one that is called with one message: on the wire a stream of one is no other."""
    return channel.unary_unary(
        f"/accord.v1.ImportService/{method}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )


class Connection(Services):
    """Stubs of every service, with the caller's token on each call and a deadline. Threads may share it."""

    @judged
    def __init__(
        self,
        server: str,
        token: Token,
        timeout_seconds: float = TIMEOUT_SECONDS,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Prepare; the first call connects. With `credentials` it speaks TLS."""
        self._channel = (
            grpc.secure_channel(server, credentials, options=_OPTIONS)
            if credentials
            else grpc.insecure_channel(server, options=_OPTIONS)
        )
        # Without a token it is the certificate that says who calls.
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._timeout_seconds = timeout_seconds
        self.closed = threading.Event()
        """Set once `close` was called."""
        super().__init__(self._channel)

    def ask(
        self,
        method: Callable[..., Response],
        request: Any,  # noqa: ANN401 - the method's own type
        timeout_seconds: float | None = None,
    ) -> Response:
        """Return the response of a unary method. Raises CallFailedError."""
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        if self.closed.is_set():
            raise used_after_close()
        try:
            return method(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise (closed() if self.closed.is_set() else read_failure(error)) from None
        except ValueError:
            # grpc raises it on a channel that another thread closed just now.
            if self.closed.is_set():
                raise closed() from None
            raise

    def stream(
        self,
        method: Callable[..., Iterator[Response]],
        request: Any,  # noqa: ANN401 - the method's own type
        silence_seconds: float | None = None,
    ) -> Iterator[Response]:
        """Yield the responses of a streaming method, however long all of them take. Raises CallFailedError.

        So it does where none comes for `silence_seconds`. Who stops reading ends the call.
        """
        if self.closed.is_set():
            raise used_after_close()
        call: Any = method(request, metadata=self._metadata)
        try:
            yield from call if silence_seconds is None else _heard(call, silence_seconds)
        except grpc.RpcError as error:
            raise (closed() if self.closed.is_set() else read_failure(error)) from None
        finally:
            call.cancel()

    def health(self) -> str:
        """Return what the standard health check says of the server, such as SERVING. Raises CallFailedError."""
        answer = self.ask(self.health_checks.Check, health_pb2.HealthCheckRequest())
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    def close(self) -> None:
        """End the connection; calls under way fail with reason CLOSED. Closing again does nothing."""
        self.closed.set()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _heard(call: Any, silence_seconds: float) -> Iterator[Any]:  # noqa: ANN401 - a stream of any method
    """Yield what comes. Where nothing does for so long, end the call and raise CallFailedError."""
    while True:
        gave_up = threading.Event()
        # A stream of grpc is waited for without end; only another thread can cut it.
        watch = threading.Timer(silence_seconds, lambda given_up=gave_up: (given_up.set(), call.cancel()))
        watch.daemon = True
        watch.start()
        try:
            response = next(call, None)
        except grpc.RpcError:
            if gave_up.is_set():
                raise silent(silence_seconds) from None
            raise
        finally:
            watch.cancel()
        if response is None:
            return
        yield response


class AsyncConnection(Services):
    """The same on asyncio, for the tasks of one event loop; made while that loop runs."""

    @judged
    def __init__(
        self,
        server: str,
        token: Token,
        timeout_seconds: float = TIMEOUT_SECONDS,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Prepare; the first call connects. With `credentials` it speaks TLS."""
        self._channel = (
            grpc.aio.secure_channel(server, credentials, options=_OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(server, options=_OPTIONS)
        )
        # Without a token it is the certificate that says who calls.
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._timeout_seconds = timeout_seconds
        self.closed = asyncio.Event()
        """Set once `close` was called."""
        # Generated stubs take either channel; only their types tell the flavours apart, and `ask` awaits.
        super().__init__(cast("grpc.Channel", self._channel))

    async def ask(
        self,
        method: Callable[..., Response],
        request: Any,  # noqa: ANN401 - the method's own type
        timeout_seconds: float | None = None,
    ) -> Response:
        """Return the response of a unary method. Raises CallFailedError; CancelledError when the task is cancelled."""
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        if self.closed.is_set():
            raise used_after_close()
        response: Response = await self._answered(
            cast("Any", method)(request, timeout=seconds, metadata=self._metadata)
        )
        return response

    async def stream(
        self,
        method: Callable[..., Iterator[Response]],
        request: Any,  # noqa: ANN401 - the method's own type
        silence_seconds: float | None = None,
    ) -> AsyncGenerator[Response, None]:
        """Yield the responses of a streaming method, however long all of them take. Raises CallFailedError.

        So it does where none comes for `silence_seconds`; CancelledError when the task is cancelled. Who closes the
        generator ends the call.
        """
        if self.closed.is_set():
            raise used_after_close()
        call = cast("Any", method)(request, metadata=self._metadata)
        try:
            while (response := await self._next(call, silence_seconds)) is not grpc.aio.EOF:
                yield response
        finally:
            call.cancel()

    async def _next(self, call: Any, silence_seconds: float | None) -> Any:  # noqa: ANN401 - a stream of any method
        try:
            async with asyncio.timeout(silence_seconds):
                return await self._answered(call.read())
        except TimeoutError:
            raise silent(silence_seconds or 0) from None

    async def _answered(self, call: Awaitable[Any]) -> Any:  # noqa: ANN401 - the method's own type
        try:
            response = await call
        except grpc.RpcError as error:
            raise (closed() if self.closed.is_set() else read_failure(error)) from None
        except asyncio.CancelledError:
            # Closing cancels calls under way, and grpc tells their tasks as if somebody had cancelled these.
            task = asyncio.current_task()
            if self.closed.is_set() and not (task and task.cancelling()):
                raise closed() from None
            raise
        if response is None:
            # What the sync flavour fails for, this one hands out: bytes that are no message.
            raise unreadable()
        return response

    async def close(self) -> None:
        """End the connection; calls under way fail with reason CLOSED. Closing again does nothing."""
        self.closed.set()
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
