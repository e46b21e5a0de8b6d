"""Every measure: its name, unit, attributes and meaning, written once; whoever exports reads them here.

Reading never fails as a whole: what cannot be read now is left out, and the others are told. Measures whose
scope is the ledger tell the same from every process, so processes are not to be added up.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol

from msgspec import Struct

from accord.domain.terms import Reason, Verdict
from accord.telemetry import process
from accord.telemetry.counting import Spread
from accord.telemetry.ledgers import Ledgers
from accord.telemetry.tally import SECONDS, SIZES, Tally

Kind = Literal["counter", "gauge", "histogram"]
Value = float | Spread
Points = Iterable[tuple[tuple[str, ...], Value]]

_log = logging.getLogger(__name__)


class Measure(Struct, frozen=True, kw_only=True):
    """One measure. `read` gives each point with the values of `attributes`, in their order.

    `unit` is UCUM's, `{…}` for things that are counted, empty for yes or no. `bounds` are a histogram's.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    read: Callable[[], Points]
    attributes: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    def points(self) -> list[tuple[tuple[str, ...], Value]]:
        """Return what there is to tell now; nothing when it cannot be read."""
        try:
            return list(self.read())
        except Exception as error:  # noqa: BLE001 - one measure must not take the others down
            _log.warning("a measure could not be read: %s: %s", self.name, type(error).__name__)
            return []


class Pooled(Protocol):
    """Pools of threads, by name."""

    def load(self) -> dict[str, tuple[int, int]]:
        """Return how many calls wait or run in each pool, and how many threads it has."""
        ...


class Queue(Protocol):
    """The queue of the writer."""

    @property
    def queued(self) -> int:
        """How many requests wait for their commit."""
        ...


class Guard(Protocol):
    """What holds the database to the checkpoint kept outside it."""

    @property
    def is_proven(self) -> bool:
        """Whether the last proof held and the database has not failed since."""
        ...


class Parts(Struct, frozen=True):
    """What is measured."""

    tally: Tally
    pools: Pooled
    queue: Queue
    guard: Guard
    ledgers: Ledgers


def measures(of: Parts) -> tuple[Measure, ...]:
    """Return every measure of one process."""
    return (
        *_calls(of.tally),
        *_writes(of.tally, of.queue),
        *_pools(of.pools),
        *_ledgers(of.ledgers, of.guard),
        *_process(),
    )


def _calls(tally: Tally) -> Iterator[Measure]:
    yield Measure(
        name="rpc.server.call.duration",
        kind="histogram",
        unit="s",
        attributes=("rpc.method", "rpc.response.status_code"),
        bounds=SECONDS,
        meaning="How long calls took; their count is the number of calls.",
        read=lambda: tally.calls.read().items(),
    )
    yield Measure(
        name="accord.calls.turned_away",
        kind="counter",
        unit="{call}",
        meaning="Calls beyond ACCORD_MAX_CONCURRENT, told RESOURCE_EXHAUSTED before Accord sees them.",
        read=lambda: [((), tally.turned_away.read().get((), 0))],
    )
    yield Measure(
        name="accord.decisions",
        kind="counter",
        unit="{decision}",
        attributes=("accord.question", "accord.verdict", "accord.reason", "accord.channel"),
        meaning="Decisions; question is check, batch, reach or authorize.",
        read=lambda: (
            ((kind, Verdict(verdict).name, Reason(reason).name, channel), number)
            for (kind, verdict, reason, channel), number in tally.decisions.read().items()
        ),
    )


def _writes(tally: Tally, queue: Queue) -> Iterator[Measure]:
    yield Measure(
        name="accord.commit.requests",
        kind="histogram",
        unit="{request}",
        bounds=SIZES,
        meaning="How many requests shared a commit.",
        read=lambda: tally.sizes.read().items(),
    )
    yield Measure(
        name="accord.commit.duration",
        kind="histogram",
        unit="s",
        bounds=SECONDS,
        meaning="From asking for the head's lock until the commit is durable.",
        read=lambda: tally.commits.read().items(),
    )
    yield Measure(
        name="accord.queue.duration",
        kind="histogram",
        unit="s",
        bounds=SECONDS,
        meaning="How long writes waited for their commit to begin.",
        read=lambda: tally.waits.read().items(),
    )
    yield Measure(
        name="accord.queue.requests",
        kind="gauge",
        unit="{request}",
        meaning="Requests that wait for their commit; beyond 4,096 callers are turned away.",
        read=lambda: [((), queue.queued)],
    )


def _pools(pools: Pooled) -> Iterator[Measure]:
    yield Measure(
        name="accord.pool.calls",
        kind="gauge",
        unit="{call}",
        attributes=("accord.pool",),
        meaning="Calls that run, or wait for a thread.",
        read=lambda: (((name,), calls) for name, (calls, _) in pools.load().items()),
    )
    yield Measure(
        name="accord.pool.threads",
        kind="gauge",
        unit="{thread}",
        attributes=("accord.pool",),
        meaning="Threads of the pool; calls beyond them wait.",
        read=lambda: (((name,), threads) for name, (_, threads) in pools.load().items()),
    )


def _ledgers(ledgers: Ledgers, guard: Guard) -> Iterator[Measure]:
    yield Measure(
        name="accord.ledger.proven",
        kind="gauge",
        unit="",
        meaning="1 while the database is proven to extend the checkpoint kept outside it, else 0: nothing is served.",
        read=lambda: [((), int(guard.is_proven))],
    )
    yield Measure(
        name="accord.ledger.entries",
        kind="gauge",
        unit="{entry}",
        attributes=("accord.brand",),
        meaning="Entries of the ledger.",
        read=ledgers.entries,
    )
    yield Measure(
        name="accord.checkpoint.age",
        kind="gauge",
        unit="s",
        attributes=("accord.brand",),
        meaning="How long ago the checkpoint outside the database was kept.",
        read=ledgers.checkpoint_ages,
    )
    yield Measure(
        name="accord.checkpoint.lag",
        kind="gauge",
        unit="{entry}",
        attributes=("accord.brand",),
        meaning="Entries after the checkpoint outside the database; it does not protect them yet.",
        read=ledgers.checkpoint_lags,
    )
    yield Measure(
        name="accord.scrub.age",
        kind="gauge",
        unit="s",
        attributes=("accord.brand",),
        meaning="How long ago every leaf and tile had last been read again and held to its hashes.",
        read=ledgers.scrub_ages,
    )
    yield Measure(
        name="accord.scrub.faults",
        kind="gauge",
        unit="{fault}",
        attributes=("accord.brand",),
        meaning="What the scrub found that does not fit; while there is any, nothing is served.",
        read=ledgers.scrub_faults,
    )
    yield Measure(
        name="accord.contact.unreported.age",
        kind="gauge",
        unit="s",
        attributes=("accord.brand",),
        meaning="How long ago the oldest contact was authorised of which nothing was told since; 0 when there is none.",
        read=ledgers.unreported_ages,
    )


def _process() -> Iterator[Measure]:
    yield Measure(
        name="process.cpu.time",
        kind="counter",
        unit="s",
        meaning="Processor time of the process.",
        read=lambda: [((), process.cpu_seconds())],
    )
    yield Measure(
        name="process.memory.usage",
        kind="gauge",
        unit="By",
        meaning="Memory that is resident.",
        read=lambda: [((), process.resident_bytes())],
    )
    yield Measure(
        name="process.thread.count",
        kind="gauge",
        unit="{thread}",
        meaning="Threads of the interpreter.",
        read=lambda: [((), process.threads())],
    )
    yield Measure(
        name="process.open_file_descriptor.count",
        kind="gauge",
        unit="{file_descriptor}",
        meaning="Files and sockets that are open.",
        read=lambda: [((), process.open_files())],
    )
    yield Measure(
        name="process.uptime",
        kind="gauge",
        unit="s",
        meaning="How long the process has run.",
        read=lambda: [((), process.uptime_seconds())],
    )
