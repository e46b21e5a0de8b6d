"""The door every call comes through: what it took is counted there, and its caller's trace continued.

Handlers are wrapped when they are registered, so that no method can be forgotten. Without anybody who
wants traces, a call's metadata is not looked at.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import wraps
from time import perf_counter
from typing import Any, Protocol

import grpc

from accord.telemetry.current import Span, inside
from accord.telemetry.tally import Tally

Behaviour = Callable[[Any, Any], Any]

_OK = grpc.StatusCode.OK.name
_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
_LEFT = grpc.StatusCode.CANCELLED.name
_OPEN = nullcontext()


class Tracing(Protocol):
    """Makes spans for callers whose trace is sampled."""

    def begin(self, method: str, metadata: Any) -> Span | None:  # noqa: ANN401 - grpc's pairs
        """Return the span of a call, None unless its caller's trace is sampled."""
        ...


class Door:
    """Wraps handlers."""

    def __init__(self, tally: Tally, traces: Tracing | None = None) -> None:
        """Count here, and trace if wanted."""
        self._calls = tally.calls
        self._traces = traces

    def handler(self, service: str, name: str, handler: Any) -> Any:  # noqa: ANN401 - grpc's own types
        """Return a handler of `package.Service` and a method that is counted and traced."""
        method = f"{service}/{name}"
        kind = next(each for each in _KINDS if getattr(handler, each) is not None)
        wrap = self._stream if handler.response_streaming else self._unary
        return handler._replace(**{kind: wrap(method, getattr(handler, kind))})

    def _unary(self, method: str, behave: Behaviour) -> Behaviour:
        add, traces, well = self._calls.add, self._traces, (method, _OK)

        @wraps(behave)
        def counted(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            start = perf_counter()
            try:
                response = behave(request, context)
            except BaseException:
                add((method, _code(context)), perf_counter() - start)
                raise
            add(well, perf_counter() - start)
            return response

        if traces is None:
            return counted

        @wraps(behave)
        def traced(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            span = traces.begin(method, context.invocation_metadata())
            if span is None:
                return counted(request, context)
            code = _OK
            with inside(span):
                try:
                    return counted(request, context)
                except BaseException:
                    code = _code(context)
                    raise
                finally:
                    span.end(code)

        return traced

    def _stream(self, method: str, behave: Behaviour) -> Behaviour:
        traces = self._traces

        @wraps(behave)
        def counted(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401 - any message
            start, code = perf_counter(), _LEFT
            span = traces.begin(method, context.invocation_metadata()) if traces else None
            try:
                yield from _each(behave(request, context), span)
                # A caller who leaves may be seen to have said all, when the end of its messages is noticed first.
                code = _OK if context.is_active() else _LEFT
            except GeneratorExit:
                raise  # the caller has left
            except BaseException:
                code = _code(context)
                raise
            finally:
                self._calls.add((method, code), perf_counter() - start)
                if span is not None:
                    span.end(code)

        return counted


def _each(responses: Iterator[Any], span: Span | None) -> Iterator[Any]:
    """Pass responses on, each of them made inside the span: between two, the thread is not ours."""
    while True:
        with inside(span) if span else _OPEN:
            try:
                response = next(responses)
            except StopIteration:
                return
        yield response


def _code(context: grpc.ServicerContext) -> str:
    """Return the name of the status a call that raised ends with."""
    code: grpc.StatusCode | None = context.code()  # type: ignore[attr-defined] # grpc has it since 1.38
    return code.name if code is not None else grpc.StatusCode.UNKNOWN.name
