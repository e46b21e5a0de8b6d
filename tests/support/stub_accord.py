"""A bare gRPC server in Accord's place, which does to every call what a test tells it: sleep, fail, lose answers."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc

Behaviour = Callable[[str, bytes, grpc.ServicerContext], bytes | Iterator[bytes]]
"""Gets the method's name, the request and the call; returns the response, or yields those of a stream."""


class StubAccord(grpc.GenericRpcHandler):
    """A server on a free loopback port; `calls` holds the name and request of each call, in order."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.calls: list[tuple[str, bytes]] = []
        self.released = threading.Event()
        """Set it to let calls go that `asleep` holds."""
        self.cancelled = threading.Event()
        """Set once a call that `asleep` held was cancelled by its caller."""
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        name = str(details.method).rpartition("/")[2]

        def serve(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            self.calls.append((name, request))
            response = self.behaviour(name, request, context)
            # On the wire a stream of one is a response like any other.
            yield from [response] if isinstance(response, bytes) else response

        return grpc.unary_stream_rpc_method_handler(serve)

    def requests(self, name: str) -> list[bytes]:
        """Return the requests of one method, in order."""
        return [request for called, request in self.calls if called == name]

    def asleep(self, name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer nothing until released: a behaviour."""
        del name, request
        context.add_callback(self.cancelled.set)
        self.released.wait(60)
        return b""

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.stop(None).wait(60)


def asleep() -> StubAccord:
    """Return a server that answers nothing."""
    stub = StubAccord(failing(grpc.StatusCode.INTERNAL))
    stub.behaviour = stub.asleep
    return stub


def failing(code: grpc.StatusCode) -> Behaviour:
    """Return the behaviour of a server that fails every call, without a word of Accord's."""

    def fail(name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        del name, request
        context.abort(code, "as the test wants it")
        raise AssertionError("unreachable: abort raises")

    return fail


def losing(address: str, lost: int) -> Behaviour:
    """Return the behaviour of a network that hands every call to a server and loses the first `lost` answers."""
    channel = grpc.insecure_channel(address)
    left = [lost]

    def lose(name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        service = next(each for each in _SERVICES if name in _SERVICES[each])
        metadata = [(key, value) for key, value in context.invocation_metadata() if key == "authorization"]
        response: bytes = channel.unary_unary(f"/accord.v1.{service}/{name}")(request, metadata=metadata, timeout=30)
        if left[0]:
            left[0] -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
        return response

    return lose


_SERVICES = {
    "ContactService": {"AuthorizeContact", "ReportContact", "GetContact"},
    "DecisionService": {"Check"},
    "PermissionService": {"Grant", "Withdraw"},
}
