"""A recorded history of one permission per customer, and the checker that it could have happened in one order.

Every operation is recorded with the instants between which it took effect, on one clock that all
processes of the machine share. Writes open (grant) or close (withdraw, stop, complain); questions
say whether they were answered ALLOW. The promise that is checked, for each customer alone:

- a question that started after a closing write was acknowledged never says ALLOW, unless an
  opening one may have come in between or later;
- and the other way round: after an acknowledged opening it never says no, unless a closing one may have.

It compares each answer with the writes around it, not the answers with each other: whatever it
reports is a broken promise, though it does not find every history that fits no order.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

Did = Literal["opens", "closes", "asks"]
Answer = TypeVar("Answer")

NEVER_ANSWERED = 2**63 - 1
"""The end of a write whose answer was lost: it may take effect at any later instant, or not at all."""


@dataclass(frozen=True)
class Operation:
    """One call. `start` and `end` are nanoseconds of the monotonic clock; `allowed` counts for questions only."""

    customer: str
    did: Did
    start: int
    end: int
    allowed: bool = False
    what: str = ""

    def before(self, other: "Operation") -> bool:
        """Say whether this was over when the other began."""
        return self.end < other.start


@dataclass(frozen=True)
class Violation:
    """An answer that no order of the history explains, and the acknowledged write it ignored."""

    question: Operation
    ignored: Operation

    def __str__(self) -> str:
        late = (self.question.start - self.ignored.end) / 1000
        answer = "ALLOW" if self.question.allowed else "no"
        return (
            f"{self.question.what or 'question'} about {self.question.customer} began {late:.0f} microseconds "
            f"after {self.ignored.what or self.ignored.did} was acknowledged, and was answered {answer}"
        )


class Recorder:
    """Records the operations of one process; lists of several are simply joined."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def write(self, customer: str, did: Did, call: Callable[[], Answer], what: str = "") -> Answer:
        """Make a write and record it. A call that raises is recorded as never answered."""
        start, end = time.monotonic_ns(), NEVER_ANSWERED
        try:
            answer = call()
            end = time.monotonic_ns()
        finally:
            self.operations.append(Operation(customer, did, start, end, what=what))
        return answer

    def ask(self, customer: str, call: Callable[[], bool], what: str = "") -> bool:
        """Ask whether a contact is allowed and record the answer. A call that raises told nothing."""
        start = time.monotonic_ns()
        allowed = call()
        self.operations.append(Operation(customer, "asks", start, time.monotonic_ns(), allowed, what))
        return allowed


def violations(history: Iterable[Operation]) -> list[Violation]:
    """Return every answer that breaks the promise; none when the history is one of a store that keeps it."""
    by_customer: dict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        by_customer[operation.customer].append(operation)
    return [found for operations in by_customer.values() for found in _of_customer(operations)]


def _of_customer(operations: list[Operation]) -> Iterator[Violation]:
    opens = [each for each in operations if each.did == "opens"]
    closes = [each for each in operations if each.did == "closes"]
    for question in operations:
        if question.did != "asks":
            continue
        explaining, opposing = (opens, closes) if question.allowed else (closes, opens)
        ignored = _ignored(question, explaining, opposing)
        if ignored is not None:
            yield Violation(question, ignored)


def _ignored(question: Operation, explaining: list[Operation], opposing: list[Operation]) -> Operation | None:
    """Return the acknowledged write the answer ignored: one after every write that could explain the answer."""
    known = [write for write in opposing if write.before(question)]
    if not known:
        return None
    newest = max(known, key=lambda write: write.start)
    # A write explains the answer if it may have come after the newest opposing one and before the answer.
    explained = any(write.start <= question.end and not write.before(newest) for write in explaining)
    return None if explained else newest
