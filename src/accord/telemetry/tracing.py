"""Traces: the caller's W3C trace context is continued, and only where the caller's own trace is sampled.

A call without `traceparent`, or with one that is not sampled, makes no span and costs a look at its
metadata. Whether to trace is thus decided once, by whoever began the trace.
"""

import time
from collections.abc import Iterable
from typing import Final

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from accord.domain.commands import Question
from accord.domain.decision import Decision

_FLAGS_END = slice(54, 55)
_SAMPLED = frozenset("13579bdf")
"""A traceparent is sampled when the lowest bit of its flags is set: when their last digit, here, is odd."""

_OURS: Final = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Status codes that are a server's failure; the others are answers (semantic conventions of RPC)."""


class Traces:
    """Makes the spans of calls."""

    def __init__(self, provider: TracerProvider) -> None:
        """Make spans of this provider."""
        self._tracer = provider.get_tracer("accord")
        self._read = TraceContextTextMapPropagator().extract

    def begin(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> "CallSpan | None":
        """Return the span of a call, `package.Service/Method`, if its caller's trace is sampled."""
        parent, state = "", []
        for key, value in metadata:
            if key == "traceparent":
                parent = str(value)
            elif key == "tracestate":
                state.append(str(value))
        if parent[_FLAGS_END] not in _SAMPLED:
            return None
        context = self._read({"traceparent": parent, "tracestate": ",".join(state)})
        if not context:
            return None  # what is no trace context was read as none: a span would begin a trace of our own
        attributes = {"rpc.system.name": "grpc", "rpc.method": method}
        span = self._tracer.start_span(method, context, SpanKind.SERVER, attributes)
        return CallSpan(span, self._tracer) if span.is_recording() else None


class CallSpan:
    """The span of one call; see `current.Span`."""

    def __init__(self, span: OtelSpan, tracer: Tracer) -> None:
        """Tell of this span."""
        self._span = span
        self._tracer = tracer

    @property
    def trace_id(self) -> str:
        """The trace it belongs to, 32 hexadecimal digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    @property
    def span_id(self) -> str:
        """Its own number, 16 hexadecimal digits."""
        return f"{self._span.get_span_context().span_id:016x}"

    def decided(self, question: Question, decision: Decision) -> None:
        """Say what was answered; codes of the catalogue only, nothing of the customer."""
        self._span.set_attributes(
            {
                "accord.verdict": decision.verdict.name,
                "accord.reason": decision.reason.name,
                "accord.channel": question.channel,
                "accord.purpose": question.purpose,
            }
        )

    def waited(self, queued: float, taken: float, done: float) -> None:
        """Make a span of the wait in the queue and one of the commit, after the fact."""
        context = set_span_in_context(self._span)
        now, clock = time.time_ns(), time.perf_counter()
        begin, middle, end = (now - int((clock - each) * 1e9) for each in (queued, taken, done))
        self._tracer.start_span("queue", context, start_time=begin).end(middle)
        self._tracer.start_span("commit", context, start_time=middle).end(end)

    def end(self, code: str) -> None:
        """End with the name of the call's status code."""
        self._span.set_attribute("rpc.response.status_code", code)
        if code in _OURS:
            self._span.set_attribute("error.type", code)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
