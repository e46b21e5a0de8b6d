"""`python -m tests.bench.pepper_bench`: identifiers move to a new pepper beside a server; how long callers wait.

The ledger is filled as the benchmark's brand lives, in SQLite and in PostgreSQL. Two callers go on all the while,
one with checks and one with grants, each call as soon as the one before is answered and tried once. Beside the clock
stands the processor's time of the command; what PostgreSQL itself took is not in it.
"""

import os
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from accord.client import CallFailedError, Client, DeclarationMethod, Evidence, Patience
from accord.config import Config
from tests.bench import brand
from tests.bench.processes import AccordProcess
from tests.support.databases import Databases

CUSTOMERS = 100_000
_ROOT = Path(__file__).resolve().parents[2]
_ONCE = Patience(timeout_seconds=120, attempts=1)
_EVIDENCE = Evidence("web_account", DeclarationMethod.TICKED_BOX, language="fr")


class Cost(NamedTuple):
    """What a rotation took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mebibytes: float


class Caller:
    """Calls over and over, and remembers the longest it waited and why calls failed."""

    def __init__(self, call: Callable[[int], str]) -> None:
        """Call with a number of its own each time; a call says why it failed, or nothing."""
        self.calls = 0
        self.longest_seconds = 0.0
        self.failures: Counter[str] = Counter()
        self._call = call
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Call until left."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    def _run(self) -> None:
        for self.calls in count(1):
            start = time.monotonic()
            if failure := self._call(self.calls):
                self.failures[failure] += 1
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - start)
            if self._over.is_set():
                return


def main() -> int:
    """Measure and print; 1 when the rotation failed."""
    parser = ArgumentParser(prog="python -m tests.bench.pepper_bench", description="Rotate the pepper beside a server.")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="how many customers the brand has")
    parser.add_argument("--folder", type=Path, help="where the databases are written, on the disk to be measured")
    told = parser.parse_args()
    console = Console(highlight=False)
    table = Table("database", "wall s", "CPU s", "peak MiB", "longest write s", "longest check s", "failures")
    with tempfile.TemporaryDirectory(prefix="accord-bench-", dir=told.folder) as folder:
        databases = Databases(Path(folder))
        try:
            for name, url in (("SQLite", ""), ("PostgreSQL", databases.fresh("postgres"))):
                table.add_row(name, *_measure(Path(folder) / name, url, told.customers))
        finally:
            databases.stop()
    console.print(f"{told.customers} customers, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    console.print(table)
    return 0


def _measure(data: Path, url: str, customers: int) -> Iterator[str]:
    """Yield the figures of one database."""
    brand.load(Config.read({}, data=data, database=url or None), customers)
    with AccordProcess(data, url) as server:
        address, kept = f"127.0.0.1:{server.port}", {"questions": _ONCE, "writes": _ONCE}
        with Client(address, server.token, brand.BRAND, **kept) as client:
            writer = Caller(lambda number: _grant(client, number))
            asker = Caller(lambda number: _check(client, number % customers))
            with writer.calling(), asker.calling():
                cost = _rotate(data, url)
    figures = (*cost, writer.longest_seconds, asker.longest_seconds)
    yield from (f"{each:.1f}" for each in figures)
    yield ", ".join(f"{reason} {many}" for reason, many in (writer.failures + asker.failures).items()) or "none"


def _grant(client: Client, number: int) -> str:
    try:
        client.grant(f"new-{number}", _EVIDENCE)
    except CallFailedError as error:
        return error.reason
    return ""


def _check(client: Client, number: int) -> str:
    return client.check(f"customer-{number:06d}", "email", "marketing.newsletter").message


def _rotate(data: Path, url: str) -> Cost:
    """Run the command to its end. Raises RuntimeError when it fails."""
    start = time.monotonic()
    settings = {"ACCORD_DATA": str(data), "ACCORD_DATABASE": url}
    arguments = [sys.executable, "-m", "accord", "keys", "rotate-pepper"]
    number = os.posix_spawn(sys.executable, arguments, {**os.environ, **settings})
    _, status, used = os.wait4(number, 0)
    if status:
        raise RuntimeError(f"the rotation ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


if __name__ == "__main__":
    sys.exit(main())
