"""Runs everything, service and floors in turn, and keeps every sample.

Rounds go round all servers, so that a busy moment of the machine falls on each alike; ratios are
taken within a round, and the report takes their medians.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, product
from pathlib import Path
from typing import Any

from msgspec import Struct

from accord.config import Config
from accord.v1 import contact_service_pb2, decision_pb2, decision_service_pb2, permission_service_pb2
from tests.bench import brand
from tests.bench.floors import Pgbench, sqlite_commits
from tests.bench.load import Call, drive
from tests.bench.processes import AccordProcess, EchoProcess, ServerProcess, cpu_seconds_of_children
from tests.bench.storage import Storage, weigh
from tests.support.databases import Databases

ECHO, SQLITE, POSTGRES = "echo", "SQLite", "PostgreSQL"
DATABASES = (SQLITE, POSTGRES)
MANY, FEW = 64, 8
QUESTIONS = 1000
RECORDS = 100
VERDICTS, ANSWERS = "verdicts", "answers"
VIEWS = {VERDICTS: decision_pb2.DECISION_VIEW_VERDICT, ANSWERS: decision_pb2.DECISION_VIEW_BASIC}

Say = Callable[[str], None]


class Plan(Struct, frozen=True):
    """How much is measured."""

    customers: int
    rounds: int
    seconds: float


class Sample(Struct, frozen=True):
    """One run against one server, for each item; `backend_us` is what the database's own processes took."""

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    backend_us: float


class BenchError(Exception):
    """Something could not be measured; the message says what."""


class Measured:
    """Every sample by what was done and where, every floor by its database, and what was found on the way."""

    def __init__(self) -> None:
        self.samples: defaultdict[tuple[str, str], list[Sample]] = defaultdict(list)
        self.floors: defaultdict[str, list[float]] = defaultdict(list)
        self.load_rates: dict[str, float] = {}
        self.memory_bytes: dict[str, int] = {}
        self.verdicts: Counter[str] = Counter()
        self.sizes = (0, 0)
        self.storage: Storage | None = None

    def median(self, act: str, where: str, field: str) -> float:
        """Return the median of one field of the samples."""
        return statistics.median(getattr(sample, field) for sample in self.samples[act, where])

    def against(self, act: str, where: str, field: str, floors: list[float]) -> float:
        """Return the median of each round's figure by the floor of that very round: both fell on the same moment."""
        rounds = [getattr(sample, field) for sample in self.samples[act, where]]
        return statistics.median(measured / floor for measured, floor in zip(rounds, floors, strict=True))

    def echoes(self, act: str) -> list[float]:
        """Return what a call cost the echo in each round."""
        return [sample.cpu_us for sample in self.samples[act, ECHO]]

    def floor(self, database: str) -> float:
        """Return the median of a floor."""
        return statistics.median(self.floors[database])


def run(plan: Plan, folder: Path, say: Say) -> Measured:
    """Load, serve, measure."""
    measured = Measured()
    databases = Databases(folder)
    with ExitStack() as stack:
        stack.callback(databases.stop)
        urls = {
            SQLITE: ("", ""),
            POSTGRES: (databases.fresh("postgres"), databases.fresh("postgres", "keys")),
        }
        accords: dict[str, AccordProcess] = {}
        for database, (url, keys_url) in urls.items():
            say(f"loading {plan.customers} customers into {database}")
            data = folder / database.lower()
            config = Config(data=data, database=url, keys_database=keys_url)
            measured.load_rates[database] = brand.load(config, plan.customers)
            accords[database] = stack.enter_context(AccordProcess(data, url, keys_url))
        measured.storage = weigh(folder / SQLITE.lower() / "accord.db")
        pgbench = Pgbench(databases.empty("postgres", "floor"))
        bench = _Bench(plan, measured, accords, _postmaster(databases))
        echo = stack.enter_context(EchoProcess(bench.look(), folder))
        say("asking")
        for _ in range(plan.rounds):
            bench.ask(echo)
        say("writing")
        for _ in range(plan.rounds):
            bench.write(SQLITE, sqlite_commits(folder, plan.seconds / 2))
            bench.write(POSTGRES, pgbench.transactions(plan.seconds))
        measured.memory_bytes = {database: server.memory_bytes for database, server in accords.items()}
    return measured


def _postmaster(databases: Databases) -> int:
    return int((databases.postgres.folder / "data" / "postmaster.pid").read_text().split()[0])


class _Bench:
    def __init__(self, plan: Plan, measured: Measured, accords: dict[str, AccordProcess], postmaster: int) -> None:
        self._plan = plan
        self._measured = measured
        self._accords = accords
        self._postmaster = postmaster
        self._numbers = count()
        self._authorized = dict.fromkeys(accords, 0)

    def look(self) -> bytes:
        """Ask a few questions, count the verdicts, and return an answer of the usual size for the echo."""
        customers = self._plan.customers
        bodies = self._drive(self._accords[SQLITE], brand.CHECK, brand.checks(customers, 1), MANY, keep=500)
        for body in bodies:
            decision = decision_service_pb2.CheckResponse.FromString(body).decision
            self._measured.verdicts[
                decision_pb2.DecisionReason.Name(decision.reason).removeprefix("DECISION_REASON_")
            ] += 1
        usual = sorted(bodies, key=len)[len(bodies) // 2]
        self._measured.sizes = (len(next(brand.checks(customers, 1))), len(usual))
        return usual

    def ask(self, echo: EchoProcess) -> None:
        """Go round the servers once with questions."""
        servers: dict[str, ServerProcess] = {ECHO: echo, **self._accords}
        customers = self._plan.customers
        for concurrency in (MANY, FEW):
            for where, server in servers.items():
                requests = brand.checks(customers, next(self._numbers))
                self._sample(f"check@{concurrency}", where, server, brand.CHECK, requests, concurrency)
        for (act, view), (where, server) in product(VIEWS.items(), self._accords.items()):
            requests = brand.batch_checks(customers, next(self._numbers), QUESTIONS, view)
            bodies = self._sample(act, where, server, brand.BATCH_CHECK, requests, 2, items=QUESTIONS, keep=1)
            results = decision_service_pb2.BatchCheckResponse.FromString(bodies[0]).results
            if len(results) != QUESTIONS or any(each.HasField("error") for each in results):
                raise BenchError("BatchCheck left questions without a decision")

    def write(self, where: str, floor: float) -> None:
        """Note a floor and go once through the writes on its database."""
        self._measured.floors[where].append(floor)
        server, customers = self._accords[where], self._plan.customers
        run = f"run-{next(self._numbers)}"
        self._drive(server, brand.GRANT, brand.grants(customers, f"{run}-warm"), MANY, keep=0)
        self._sample("grant", where, server, brand.GRANT, brand.grants(customers, run), MANY)
        self._sample("first_grant", where, server, brand.GRANT, brand.first_grants(run), MANY)
        self._authorize(where, server, run)
        bodies = self._sample(
            "batch_record",
            where,
            server,
            brand.BATCH_RECORD,
            brand.batches(customers, run + "-batch", RECORDS),
            FEW,
            items=RECORDS,
            keep=1,
        )
        results = permission_service_pb2.BatchRecordResponse.FromString(bodies[0]).results
        if len(results) != RECORDS or any(each.HasField("error") for each in results):
            raise BenchError("BatchRecord turned records away")

    def _authorize(self, where: str, server: AccordProcess, run: str) -> None:
        first = self._authorized[where]
        requests = brand.authorizations(self._plan.customers, run, first)
        bodies = self._sample("authorize", where, server, brand.AUTHORIZE, requests, MANY, keep=10**9)
        allowed = sum(
            contact_service_pb2.AuthorizeContactResponse.FromString(body).HasField("receipt") for body in bodies
        )
        if allowed < 0.99 * len(bodies):
            raise BenchError(f"only {allowed} of {len(bodies)} contacts were allowed: load more customers")
        self._authorized[where] = first + len(bodies) * 2

    def _sample(
        self,
        act: str,
        where: str,
        server: ServerProcess,
        path: str,
        requests: Iterator[bytes],
        concurrency: int,
        *,
        items: int = 1,
        keep: int = 0,
    ) -> list[bytes]:
        """Drive a server and note what it took; return the answers kept."""
        bodies, sample = self._run(server, path, requests, concurrency, items, keep)
        self._measured.samples[act, where].append(sample)
        return bodies

    def _drive(self, *arguments: Any, keep: int) -> list[bytes]:
        return self._run(*arguments, 1, keep)[0]

    def _run(
        self, server: ServerProcess, path: str, requests: Iterator[bytes], concurrency: int, items: int, keep: int
    ) -> tuple[list[bytes], Sample]:
        # The echo gets the headers of a real call, though it looks at none.
        token = server.token if isinstance(server, AccordProcess) else self._accords[SQLITE].token
        call = Call(server.port, path, (("authorization", f"Bearer {token}"),))
        before, backends_before = server.cpu_seconds, cpu_seconds_of_children(self._postmaster)
        came = drive(call, requests, concurrency, self._plan.seconds, keep=keep)
        if came.failed:
            raise BenchError(f"{path}: {came.failed} of {came.calls} calls failed: {came.failure}")
        micro = 1e6 / (came.calls * items)
        return came.bodies, Sample(
            rate=came.calls * items / came.seconds,
            cpu_us=(server.cpu_seconds - before) * micro,
            p50_ms=came.percentile(0.5),
            p99_ms=came.percentile(0.99),
            backend_us=(cpu_seconds_of_children(self._postmaster) - backends_before) * micro,
        )
