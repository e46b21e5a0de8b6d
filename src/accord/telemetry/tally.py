"""What is counted while Accord serves: calls, decisions, writes. Plain counters, read by `measures`.

Counting happens on the path of every call, so it is one addition to storage of the thread's own; names and
units are the reader's affair.
"""

import collections
from collections.abc import Iterable

from accord.domain.commands import Question
from accord.domain.decision import Decision
from accord.domain.problems import Problem
from accord.telemetry.counting import Counter, Histogram
from accord.telemetry.current import here

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets of everything that lasts."""

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Upper ends of the buckets of requests in one commit; the last is the most there can be."""


class Tally:
    """Everything one process counts."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.calls: Histogram[tuple[str, str]] = Histogram(SECONDS)
        """Seconds of each call, by method and status code."""
        self.decisions: Counter[tuple[str, int, int, str]] = Counter()
        """Decisions by kind of question, verdict, reason, channel."""
        self.turned_away: Counter[tuple[()]] = Counter()
        """Calls beyond those there may be at once, which no handler sees."""
        self.sizes: Histogram[tuple[()]] = Histogram(SIZES)
        """Requests of each commit."""
        self.commits: Histogram[tuple[()]] = Histogram(SECONDS)
        """Seconds of each commit, from asking for the head's lock until it is durable."""
        self.waits: Histogram[tuple[()]] = Histogram(SECONDS)
        """Seconds that writes waited in the queue."""

    def decided(self, kind: str, question: Question, decision: Decision) -> None:
        """Count the answer to one question, and tell it of the call if that is traced."""
        self.decisions.add((kind, decision.verdict, decision.reason, question.channel))
        if here.span is not None:
            here.span.decided(question, decision)

    def counted(self, kind: str, answers: Iterable[tuple[str, Decision | Problem]]) -> None:
        """Count the answers of one call, each with its channel; what could not be decided is none."""
        told = [
            (kind, each.verdict, each.reason, channel) for channel, each in answers if not isinstance(each, Problem)
        ]
        for key, number in collections.Counter(told).items():
            self.decisions.add(key, number)

    def committed(self, requests: int, seconds: float) -> None:
        """Count a commit; on the writer's thread."""
        self.sizes.add((), requests)
        self.commits.add((), seconds)

    def waited(self, queued: float, taken: float, done: float) -> None:
        """Count a wait for a commit; on the thread that waited."""
        self.waits.add((), taken - queued)
        if here.span is not None:
            here.span.waited(queued, taken, done)
