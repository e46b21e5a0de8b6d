"""`make bench`: what the service does, each figure beside its floor of the same run.

Wall rates depend on what else the machine does; ratios of CPU per request hardly do, so judge by
them. Misses are marked and are no error: a test that fails by the clock teaches nobody. A run that
could not be made is one.
"""

import importlib
import importlib.util
import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

import msgspec
from rich.console import Console

from tests.bench import measure, report, workers_bench
from tests.bench.brand import TurnedAwayError
from tests.bench.floors import FloorError
from tests.bench.load import LoadError
from tests.bench.processes import NotServingError

FULL = measure.Plan(customers=10_000, rounds=7, seconds=1.0)
QUICK = measure.Plan(customers=1_500, rounds=3, seconds=0.4)

_BUSY = 0.5
"""Load above which others share the cores; a run that follows another should wait for a minute."""

_MICRO_BENCHMARK = "tests.bench.decide_bench"
_MICRO_ROUNDS = 20
"""Fewer than it takes by itself: medians settle long before."""


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    parser = ArgumentParser(prog="make bench", description="Measure Accord, each figure beside its floor.")
    parser.add_argument("--quick", action="store_true", help="less of everything, within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--folder", type=Path, help="where the databases are written, on the disk to be measured")
    told = parser.parse_args()
    console = Console(width=150 if not sys.stdout.isatty() else None, highlight=False)
    start = time.monotonic()
    console.print(", ".join(f"{name} {value}" for name, value in report.machine().items()))
    if os.getloadavg()[0] > _BUSY:
        console.print("The machine is busy: trust the ratios of CPU, no rate and no p99.", style="yellow")
    try:
        with tempfile.TemporaryDirectory(prefix="accord-bench-", dir=told.folder) as folder:
            plan = QUICK if told.quick else FULL
            measured = measure.run(plan, Path(folder), console.print)
            console.print("asking several workers")
            workers = workers_bench.measure(Path(folder), plan.customers, plan.rounds, plan.seconds)
    except (measure.BenchError, TurnedAwayError, FloorError, LoadError, NotServingError) as error:
        console.print(f"could not measure: {error}", style="bold red", markup=False)
        return 1
    rows = [*report.rows(measured), *workers]
    console.print(report.table(rows))
    console.print(
        f"Check: {measured.sizes[0]} B asked, {measured.sizes[1]} B answered, "
        + ", ".join(f"{name} {count}" for name, count in measured.verdicts.most_common())
    )
    if importlib.util.find_spec(_MICRO_BENCHMARK):
        micro = importlib.import_module(_MICRO_BENCHMARK)
        micro.ROUNDS = _MICRO_ROUNDS
        micro.main()
    missed = [row.quantity.strip() for row in rows if row.met is False]
    console.print(f"{len(missed)} missed: {'; '.join(missed)}" if missed else "all met", style="bold")
    console.print(f"{time.monotonic() - start:.0f} s")
    if told.json:
        told.json.write_bytes(msgspec.json.format(msgspec.json.encode(report.figures(measured, rows)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
