"""A server in this process, on a port of its own, over a SQLite installation in a folder, and a client that sees all.

The client speaks to every method by its full name, as the descriptors tell it, so that a test can
go through all of them; a failure comes back with everything its status carries.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from support.installations import HandClock, Installation, parts_at

from accord.config import Config
from accord.domain.terms import BrandId
from accord.keys.callers import ROLES, Callers
from accord.rpc.door import Tracing
from accord.rpc.server import Services, serve
from accord.storage.engine import open_engine
from accord.storage.migrate import upgrade
from accord.v1 import (
    audit_service_pb2,
    catalogue_service_pb2,
    contact_service_pb2,
    customer_service_pb2,
    decision_service_pb2,
    import_service_pb2,
    ledger_service_pb2,
    permission_service_pb2,
)

TIMEOUT_SECONDS = 20
STOP_SECONDS = 5
EVERY_ROLE = "every-role"

_MODULES = (
    audit_service_pb2,
    catalogue_service_pb2,
    contact_service_pb2,
    customer_service_pb2,
    decision_service_pb2,
    import_service_pb2,
    ledger_service_pb2,
    permission_service_pb2,
)
_STATUS_TRAILER = "grpc-status-details-bin"


def _methods() -> Iterator[tuple[str, MethodDescriptor]]:
    for module in _MODULES:
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"{service.name}/{method.name}", method


METHODS: dict[str, MethodDescriptor] = dict(_methods())
"""Every method of every service, by `Service/Method`."""


class Failure(NamedTuple):
    """What a failed call told: `raw` is every byte of it that the caller can read."""

    code: grpc.StatusCode
    reason: str
    domain: str
    metadata: dict[str, str]
    fields: dict[str, str]
    retry_seconds: int | None
    raw: str


class FailedError(Exception):
    """A call failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code.name} {failure.reason}: {failure.raw}")
        self.failure = failure


def failure_of(error: Any) -> Failure:
    """Return what a grpc error told."""
    status = status_pb2.Status()
    raw = [error.details() or "", error.debug_error_string() or ""]
    for key, value in error.trailing_metadata() or ():
        raw.append(f"{key}: {value!r}")
        if key == _STATUS_TRAILER:
            status.ParseFromString(value)
    raw.append(str(status))
    info, fields, retry = error_details_pb2.ErrorInfo(), {}, None
    for detail in status.details:
        bad, later = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
            raw.append(str(info))
        elif detail.Unpack(bad):
            fields |= {each.field: each.description for each in bad.field_violations}
            raw.append(str(bad))
        elif detail.Unpack(later):
            retry = later.retry_delay.seconds
    return Failure(error.code(), info.reason, info.domain, dict(info.metadata), fields, retry, "\n".join(raw))


class GrpcServer:
    """A started server over `folder`; use as a context. Its clock stands at START until a test moves it."""

    def __init__(self, folder: Path, clock: HandClock | None = None, traces: Tracing | None = None) -> None:
        self.folder = folder
        self.clock = clock or HandClock()
        self.metadata: tuple[tuple[str, str], ...] = ()
        """What every call carries besides its bearer."""
        urls = (f"sqlite:///{folder / 'accord.db'}", f"sqlite:///{folder / 'keys.db'}")
        for url, which in zip(urls, ("ledger", "keys"), strict=True):
            engine = open_engine(url)
            upgrade(engine, which)  # type: ignore[arg-type]
            engine.dispose()
        self.installation = Installation(parts_at(*urls, folder / "checkpoints"), self.clock)
        self.callers = Callers(folder / "callers.json")
        self.tokens = {role: self.callers.add(role, "*", (role,)) for role in ROLES}
        self.tokens[EVERY_ROLE] = self.callers.add(EVERY_ROLE, "*", ROLES)
        it = self.installation
        self.server = serve(
            Config(data=folder, listen="127.0.0.1:0", write_threads=16),
            Services(
                questions=it.questions,
                past_questions=it.past_questions,
                writer=it.writer,
                remembered=it.remembered,
                proofs=it.proofs,
                catalogues=it.catalogues,
                simulations=it.simulations,
                erasures=it.erasures,
                exports=it.exports,
                receipts=it.receipts,
                explanations=it.explanations,
                access=it.access,
                reports=it.reports,
                replay=it.replay,
                forecasts=it.forecasts,
                lists=it.lists,
                lookups=it.lookups,
                callers=self.callers,
                tally=it.tally,
                traces=traces,
            ),
        )
        self.server.start()
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{self.server.port}",
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        self._calls: dict[str, Callable[..., Any]] = {}

    def ask(self, name: str, request: Any, caller: str = EVERY_ROLE, *, timeout: float = TIMEOUT_SECONDS) -> Any:
        """Return the response of a method, for a stream that of its one message, or the last. Raises FailedError."""
        if METHODS[name].client_streaming:
            (response,) = self.stream(name, [request], caller, timeout=timeout)
            return response
        if METHODS[name].server_streaming:
            return self.receive(name, request, caller, timeout=timeout)[-1]
        try:
            return self._call(name)(request, timeout=timeout, metadata=self._bearer(caller))
        except grpc.RpcError as error:
            raise FailedError(failure_of(error)) from None

    def stream(
        self, name: str, requests: Iterable[Any], caller: str = EVERY_ROLE, *, timeout: float = TIMEOUT_SECONDS
    ) -> list[Any]:
        """Return the responses of a stream. Raises FailedError."""
        try:
            return list(self._call(name)(iter(requests), timeout=timeout, metadata=self._bearer(caller)))
        except grpc.RpcError as error:
            raise FailedError(failure_of(error)) from None

    def receive(
        self, name: str, request: Any, caller: str = EVERY_ROLE, *, timeout: float = TIMEOUT_SECONDS
    ) -> list[Any]:
        """Return what a method streams in answer to one request. Raises FailedError."""
        try:
            return list(self._call(name)(request, timeout=timeout, metadata=self._bearer(caller)))
        except grpc.RpcError as error:
            raise FailedError(failure_of(error)) from None

    def fail(self, name: str, request: Any, caller: str = EVERY_ROLE, *, timeout: float = TIMEOUT_SECONDS) -> Failure:
        """Return how a call fails; it must."""
        try:
            response = self.ask(name, request, caller, timeout=timeout)
        except FailedError as error:
            return error.failure
        raise AssertionError(f"{name} answered instead of failing: {response}")

    def ask_raw(self, name: str, raw: bytes, metadata: Sequence[tuple[str, str | bytes]] | None = None) -> Failure:
        """Return how a call with these very bytes, or this very metadata, fails; it must."""
        method = METHODS[name]
        path = f"/{method.containing_service.full_name}/{method.name}"
        told = self._bearer(EVERY_ROLE) if metadata is None else metadata
        try:
            if method.client_streaming:
                list(self.channel.stream_stream(path)(iter([raw]), timeout=TIMEOUT_SECONDS, metadata=told))
            elif method.server_streaming:
                list(self.channel.unary_stream(path)(raw, timeout=TIMEOUT_SECONDS, metadata=told))
            else:
                self.channel.unary_unary(path)(raw, timeout=TIMEOUT_SECONDS, metadata=told)
        except grpc.RpcError as error:
            return failure_of(error)
        raise AssertionError(f"{name} answered instead of failing")

    def add_caller(self, name: str, brand: str, *roles: str) -> None:
        """Let one more caller in, at once."""
        self.tokens[name] = self.callers.add(name, brand, roles)
        self.callers.refresh()

    def remove_caller(self, name: str) -> None:
        """Let a caller in no more, at once."""
        self.callers.remove(name)
        self.callers.refresh()

    def size(self, brand: str | None = None) -> int:
        """Return how many entries a brand's ledger has, or all ledgers together."""
        heads = self.installation.store.heads()
        return sum(head.size for head in heads if brand is None or head.brand == BrandId(brand))

    def close(self) -> None:
        """Stop and close everything. Raises AssertionError when the server does not stop."""
        self.channel.close()
        stopping = threading.Thread(target=self.server.stop, args=(0.2,), daemon=True)
        stopping.start()
        stopping.join(STOP_SECONDS)
        assert not stopping.is_alive(), "the server does not stop"
        self.installation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _bearer(self, caller: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.tokens[caller]}"), *self.metadata)

    def _call(self, name: str) -> Callable[..., Any]:
        if name not in self._calls:
            method = METHODS[name]
            one_way = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
            make = self.channel.stream_stream if method.client_streaming else one_way
            response: type[Message] = GetMessageClass(method.output_type)
            self._calls[name] = make(
                f"/{method.containing_service.full_name}/{method.name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=response.FromString,
            )
        return self._calls[name]
