"""The span of the call that this thread serves, for whoever adds to it; None unless its caller is traced."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from accord.domain.commands import Question
from accord.domain.decision import Decision


class Span(Protocol):
    """What may be told of a call that is traced."""

    @property
    def trace_id(self) -> str:
        """The trace it belongs to, 32 hexadecimal digits."""
        ...

    @property
    def span_id(self) -> str:
        """Its own number, 16 hexadecimal digits."""
        ...

    def decided(self, question: Question, decision: Decision) -> None:
        """Say what was answered."""
        ...

    def waited(self, queued: float, taken: float, done: float) -> None:
        """Say how a write went through the queue and its commit; seconds of `time.perf_counter`."""
        ...

    def end(self, code: str) -> None:
        """End with the name of the call's status code."""
        ...


class _Here(threading.local):
    span: Span | None = None


here = _Here()


@contextmanager
def inside(span: Span) -> Iterator[None]:
    """Let the span be that of this thread."""
    before, here.span = here.span, span
    try:
        yield
    finally:
        here.span = before
