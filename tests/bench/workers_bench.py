"""What a second worker brings: checks answered by two workers beside those answered by one, in the same run.

The load generator needs a part of the two cores itself, so the clock says too little of a machine
whose callers live elsewhere. What is judged is the CPU that the server's processes took for each
check while all of them were kept busy: as many cores as workers, each answering one check per so
much CPU. It shows what workers cost each other (locks, caches, the database's files). By the
clock, generator and all, is told beside it. `python -m tests.bench.workers_bench` measures this alone.
"""

import statistics
import sys
import tempfile
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from msgspec import Struct
from rich.console import Console

from accord.config import Config
from tests.bench import brand
from tests.bench.load import Call, drive
from tests.bench.processes import AccordProcess, cpu_seconds_of_children
from tests.bench.report import Row, table

WORKERS = 2
MUST = 1.7
_CONCURRENCY = 128
"""On 16 connections, so that each worker is given some."""


class _Sample(Struct, frozen=True):
    rate: float
    cpu_seconds: float
    """For each check, over all processes that serve."""


def measure(folder: Path, customers: int, rounds: int, seconds: float) -> list[Row]:
    """Load a brand into SQLite, and ask one worker and several by turns."""
    data = folder / "workers"
    brand.load(Config(data=data), customers)
    numbers = count(10_000)
    samples: dict[int, list[_Sample]] = {1: [], WORKERS: []}
    with ExitStack() as stack:
        servers = {workers: stack.enter_context(AccordProcess(data, workers=workers)) for workers in samples}
        for _ in range(rounds + 1):
            for workers, server in servers.items():
                samples[workers].append(_ask(server, workers, customers, next(numbers), seconds))
    # The first round warms up.
    pairs = list(zip(samples[1][1:], samples[WORKERS][1:], strict=True))
    saturated = statistics.median(WORKERS * one.cpu_seconds / several.cpu_seconds for one, several in pairs)
    by_clock = statistics.median(several.rate / one.rate for one, several in pairs)
    return [
        Row(
            quantity=f"Check, {WORKERS} workers ÷ 1, per second of server CPU",
            floor=_micro([one for one, _ in pairs]),
            measured=_micro([several for _, several in pairs]),
            value=saturated,
            must=MUST,
        ),
        Row(
            quantity="  the same by the clock, the load on the same cores",
            floor=_rate([one for one, _ in pairs]),
            measured=_rate([several for _, several in pairs]),
            value=by_clock,
        ),
    ]


def _ask(server: AccordProcess, workers: int, customers: int, number: int, seconds: float) -> _Sample:
    def cpu() -> float:
        return server.cpu_seconds if workers == 1 else cpu_seconds_of_children(server.number)

    before = cpu()
    call = Call(server.port, brand.CHECK, (("authorization", f"Bearer {server.token}"),))
    came = drive(call, brand.checks(customers, number), _CONCURRENCY, seconds)
    if came.failed:
        raise brand.TurnedAwayError(f"{came.failed} of {came.calls} checks failed: {came.failure}")
    return _Sample(came.calls / came.seconds, (cpu() - before) / came.calls)


def _micro(samples: list[_Sample]) -> str:
    return f"{statistics.median(each.cpu_seconds for each in samples) * 1e6:,.1f} µs"


def _rate(samples: list[_Sample]) -> str:
    return f"{statistics.median(each.rate for each in samples):,.0f}/s"


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        rows = measure(Path(folder), customers=10_000, rounds=7, seconds=2.0)
    Console(width=150 if not sys.stdout.isatty() else None, highlight=False).print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
