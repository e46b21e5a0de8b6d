"""A new pepper while servers go on: every check finds its customer, every write its place, and a crash is finished."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
import pytest
from click.testing import CliRunner, Result
from support.databases import Databases, Kind
from support.scenes import asked_erasure
from support.serving import Server, Site, email_of, grant, question, wait_for

from accord.app import Installation, load_sample_brand, play_sample_demo
from accord.cli import Accord
from accord.cli.completion import PROGRAM
from accord.cli.main import accord
from accord.client import Connection
from accord.config import Config
from accord.domain.terms import BrandId, Identifier, IdentifierKind
from accord.ledger.lookup import IdentifierLookups
from accord.v1 import customer_pb2, decision_pb2, decision_service_pb2

BRAND = BrandId("maison")
PERMITTED = decision_pb2.DECISION_REASON_PERMITTED
SUPPRESSED = decision_pb2.DECISION_REASON_SUPPRESSED
DAY_SECONDS = 86_400

_DIE = """
import importlib, os, signal, sys
from accord.__main__ import main
module, name, when = sys.argv[1:]
*owner, method = name.split(".")
at = importlib.import_module(module)
for each in owner:
    at = getattr(at, each)
real = getattr(at, method)
def die(*told):
    if when == "after":
        real(*told)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(at, method, die)
sys.argv = ["accord", "keys", "rotate-pepper"]
main()
"""


class Step(NamedTuple):
    """Where a rotation is killed, and whether the brand has moved by then."""

    module: str
    name: str
    when: str
    moved: bool = False


STEPS = (
    Step("accord.storage.store", "SqlStore.keep_moves", "after"),
    Step("accord.storage.lookup_moves", "move", "after"),
    Step("accord.storage.store", "SqlWriting.move_lookups", "after", moved=True),
)
ALL_STEPS = (
    Step("accord.keys.peppers", "PepperEpochs.make", "before"),
    Step("accord.keys.peppers", "PepperEpochs.make", "after"),
    Step("accord.storage.store", "SqlStore.forget_moves", "before"),
    Step("accord.storage.store", "SqlStore.forget_moves", "after"),
    Step("accord.storage.store", "SqlStore.keep_moves", "before"),
    STEPS[0],
    Step("accord.storage.store", "SqlWriting.move_lookups", "before"),
    Step("accord.storage.lookup_moves", "stranded", "after"),
    Step("accord.storage.lookup_moves", "move", "before"),
    Step("accord.storage.held", "refresh_of", "before"),
    Step("accord.storage.held", "refresh_of", "after"),
    STEPS[1],
    STEPS[2],
    Step("accord.storage.store", "SqlStore.compact", "before", moved=True),
    Step("accord.storage.store", "SqlStore.compact", "after", moved=True),
)


class Served(NamedTuple):
    """A site with a customer who said yes and one who was erased, and the server that serves it with two workers."""

    site: Site
    server: Server


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def served(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    kind: Kind = request.param
    with Site.fresh(kind, databases, tmp_path_factory.mktemp(kind), {"ACCORD_WORKERS": "2"}) as site:
        server = site.start()
        wait_for(lambda: "Accord serves on" in server.told, "every worker to serve")
        site.apply_catalogue(server)
        with site.connect(server) as connection:
            for name in ("ada", "gone"):
                connection.ask(connection.permissions.Grant, grant(name, "till", name, email_of(name)))
        gone = Identifier(IdentifierKind.CUSTOMER_ID, "gone")
        with opened(site) as installation:
            installation.erasures.ask(BRAND, asked_erasure(gone, keep_suppression=True))
        yield Served(site, server)


class Load:
    """Asks of one customer all the while, and lets two callers at once name each new one; connections are new ones."""

    def __init__(self, served: Served, name: str) -> None:
        self.reasons: set[int] = set()
        self.checks = 0
        self.granted: list[str] = []
        self.failures: list[Exception] = []
        self._name = name
        self._ended = threading.Event()
        self._served = served

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._over_and_over, args=(each,)) for each in (self._ask, self._grant)]
        for thread in threads:
            thread.start()
        try:
            self.go_on()
            yield
            self.go_on()
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()
        assert self.failures == []

    def go_on(self) -> None:
        """Return once there was more of both."""
        checks, granted = self.checks, len(self.granted)
        more = lambda: self.checks > checks + 20 and len(self.granted) > granted + 2  # noqa: E731 - of this load alone
        wait_for(lambda: more() or bool(self.failures), "a load")

    def _over_and_over(self, work: Callable[[], None]) -> None:
        try:
            while not self._ended.is_set():
                work()
        except Exception as error:  # noqa: BLE001 - the test fails by it
            self.failures.append(error)

    def _ask(self) -> None:
        with self._connected() as connection:
            for _ in range(10):
                self.reasons.add(check(connection, customer_pb2.CustomerKey(customer_id="ada")))
                self.checks += 1

    def _grant(self) -> None:
        name = f"{self._name}-{len(self.granted)}"
        with ThreadPoolExecutor(2) as callers:
            list(callers.map(lambda number: self._grant_once(name, f"{name}-{number}"), range(2)))
        self.granted.append(name)

    def _grant_once(self, name: str, request_id: str) -> None:
        with self._connected() as connection:
            connection.ask(connection.permissions.Grant, grant(name, "till", request_id, email_of(name)))

    def _connected(self) -> Connection:
        return self._served.site.connect(self._served.server)


def check(connection: Connection, customer: customer_pb2.CustomerKey) -> int:
    asked = question("", "marketing.news")
    asked.customer.CopyFrom(customer)
    request = decision_service_pb2.CheckRequest(brand=BRAND, question=asked)
    return connection.ask(connection.decisions.Check, request).decision.reason


def keys_of(name: str) -> tuple[customer_pb2.CustomerKey, customer_pb2.CustomerKey]:
    return customer_pb2.CustomerKey(customer_id=name), customer_pb2.CustomerKey(contact_point=email_of(name))


def rotate(site: Site) -> int:
    done = json.loads(site.run("keys", "rotate-pepper", "--json", expect=0).stdout)
    assert done["compacted"]
    epoch: int = done["epoch"]
    return epoch


def line(site: Site, *arguments: str, expect: int = 0) -> Result:
    """Run a command in this process, which costs no start."""
    told = ("--data", str(site.data), *arguments)
    settings = {name: value for name, value in site.environment.items() if name.startswith("ACCORD_")}
    it = Accord(Installation, load_sample_brand, play_sample_demo)
    done = CliRunner().invoke(accord, told, obj=it, env=settings, prog_name=PROGRAM)
    assert done.exit_code == expect, (arguments, done.output, done.exception)
    return done


def kill_a_rotation(site: Site, step: Step) -> None:
    command = [sys.executable, "-c", _DIE, *step[:3]]
    died = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr


@contextmanager
def opened(site: Site) -> Iterator[Installation]:
    installation = Installation(Config.read({}, data=site.data, database=site.database or None), environment={})
    try:
        yield installation
    finally:
        installation.close()


def epoch_of(site: Site) -> int:
    with opened(site) as installation:
        return installation.store.heads()[0].pepper_epoch


def customers(site: Site) -> int:
    with opened(site) as installation:
        return len(list(installation.store.all_customers(BRAND)))


def digests(site: Site, names: list[str], epoch: int) -> set[bytes]:
    """Return the digests of what customers are called under the pepper of an epoch."""
    lookups = IdentifierLookups(epoch, (site.data / "secrets" / f"pepper-{epoch}").read_bytes())
    found = [Identifier(IdentifierKind.CUSTOMER_ID, name) for name in names]
    found += [Identifier(IdentifierKind.EMAIL, email_of(name).value) for name in names]
    return {lookups.identifier(BRAND, each) for each in found}


def stored(site: Site) -> bytes:
    """Return all bytes of SQLite's files, or of PostgreSQL's rows."""
    if not site.database:
        return b"".join(path.read_bytes() for path in site.data.glob("accord.db*"))
    with psycopg.connect(site.database) as connection:
        tables = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        rows = [row for name in tables for row in connection.execute(f'SELECT * FROM "{name}"')]
    return b"\0".join(value for row in rows for value in row if isinstance(value, bytes))


def require_nothing_is_lost(served: Served, load: Load, before: int) -> None:
    """Fail unless everybody is known once, by each identifier, who was erased stays it, and no old digest is left."""
    site, server = served
    assert load.reasons == {PERMITTED}
    assert customers(site) == before + len(load.granted)
    with site.connect(server) as connection:
        assert {check(connection, key) for name in load.granted for key in keys_of(name)} == {PERMITTED}
        again = grant(f"eve-{load.granted[0]}", "till", f"eve-{load.granted[0]}", email_of("gone"))
        again.evidence.act_time.FromSeconds(int(time.time()) - DAY_SECONDS)
        connection.ask(connection.permissions.Grant, again)
        assert check(connection, again.customer) == SUPPRESSED
    epoch, held = epoch_of(site), stored(site)
    assert all(each in held for each in digests(site, load.granted, epoch))
    for old in range(1, epoch):
        assert not [each for each in digests(site, ["ada", *load.granted], old) if each in held]
    assert site.audit().faults == ()


def test_checks_and_writes_of_two_workers_go_on(served: Served) -> None:
    site, _ = served
    load, before, epoch = Load(served, "new"), customers(site), epoch_of(site)
    with load.running():
        assert rotate(site) == epoch + 1
        assert site.audit().faults == ()
    require_nothing_is_lost(served, load, before)
    assert json.loads(line(site, "keys", "status", "--json").stdout)["pepper_epochs"] == {"maison": epoch + 1}


@pytest.mark.parametrize(
    "steps", [STEPS, pytest.param(ALL_STEPS, marks=[pytest.mark.long, pytest.mark.timeout(1200)])], ids=len
)
def test_a_rotation_killed_at_a_step_is_finished_by_another(served: Served, steps: tuple[Step, ...]) -> None:
    site, _ = served
    load, before = Load(served, f"kept-{len(steps)}"), customers(site)
    with load.running():
        for step in steps:
            epoch = epoch_of(site)
            kill_a_rotation(site, step)
            assert epoch_of(site) == epoch + step.moved
            load.go_on()
        rotate(site)
    require_nothing_is_lost(served, load, before)


def test_a_server_without_the_new_pepper_says_no_and_writes_nothing(served: Served) -> None:
    site, server = served
    line(site, "keys", "rotate-pepper")
    newest = site.data / "secrets" / f"pepper-{epoch_of(site)}"
    newest.rename(newest.with_name("elsewhere"))
    with site.connect(server) as connection:
        for ask in (
            lambda: check(connection, keys_of("ada")[0]),
            lambda: connection.ask(connection.permissions.Grant, grant("bob", "till", "bob", email_of("bob"))),
        ):
            with pytest.raises(Exception, match="STORE_UNAVAILABLE"):
                ask()
        assert newest.name in server.told
        assert f"{newest.name} is not here" in line(site, "keys", "rotate-pepper", expect=1).output
        newest.with_name("elsewhere").rename(newest)
        assert check(connection, keys_of("ada")[0]) == PERMITTED
    assert site.audit().faults == ()
