"""Several workers share one port: what crashes is replaced, a renewal is not noticed, nobody is left behind."""

import math
import os
import re
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from support.databases import Databases, Kind
from support.serving import (
    BRAND,
    PATIENCE_SECONDS,
    Server,
    Site,
    bearer,
    free_address,
    grant,
    is_running,
    wait_for,
)

from accord.client import CallFailedError, Client, DeclarationMethod, Evidence, Patience, Receipt, Verdict
from accord.client.patience import FOR_QUESTIONS
from accord.v1 import ledger_service_pb2

CALLERS = 8
PAUSE_SECONDS = 0.01
"""How long a caller rests between two calls: some are always under way, and a worker can start beside them."""

FEW_ATTEMPTS = Patience(timeout_seconds=PATIENCE_SECONDS, attempts=FOR_QUESTIONS.attempts)
"""As questions are asked, but for the time: a busy machine is not what is tested."""

SETTINGS = {"ACCORD_WORKERS": "2"}
AT_TILL = Evidence("till", DeclarationMethod.BUTTON, language="en")


@pytest.fixture(params=["sqlite", "postgres"])
def site(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Site]:
    """A site with a catalogue, served by two workers."""
    kind: Kind = request.param
    with Site.fresh(kind, databases, tmp_path, SETTINGS) as made:
        made.apply_catalogue(start(made))
        yield made


@pytest.fixture
def sqlite_site(tmp_path: Path) -> Iterator[Site]:
    """The same on SQLite alone."""
    with Site(tmp_path, settings=SETTINGS) as made:
        made.apply_catalogue(start(made))
        yield made


def start(site: Site) -> Server:
    """Start a server and return once every worker of it serves."""
    server = site.start()
    wait_for(lambda: "Accord serves on" in server.told, "every worker to serve")
    return server


class Load:
    """Callers at work with the client that services use, each on a connection of its own, until told to stop."""

    def __init__(self, site: Site, server: Server) -> None:
        self.receipts: list[Receipt] = []
        self.failures: Counter[str] = Counter()
        self._site = site
        self._server = server
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def wait_until_more(self, writes: int) -> None:
        """Return once so many more writes were acknowledged."""
        with self._changed:
            wanted = len(self.receipts) + writes
            assert self._changed.wait_for(lambda: len(self.receipts) >= wanted, PATIENCE_SECONDS)

    def end(self) -> None:
        """Return once every caller has made its last call."""
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _call(self, number: int) -> None:
        with Client(self._server.address, self._site.token, BRAND, questions=FEW_ATTEMPTS) as client:
            for turn in range(1_000_000):
                if self._over.wait(PAUSE_SECONDS):
                    return
                customer = f"customer-{number}-{turn}"
                try:
                    given = client.grant(customer, AT_TILL)
                except CallFailedError as error:
                    self.failures[f"grant: {error.reason}"] += 1
                    continue
                answer = client.check(customer, "email", "marketing.news")
                with self._changed:
                    self.receipts.append(given.receipt)
                    if answer.verdict is not Verdict.ALLOW:
                        self.failures[f"check: {answer.reason}: {answer.message}"] += 1
                    self._changed.notify_all()


def assert_nothing_is_lost(site: Site, server: Server, load: Load) -> None:
    """Fail unless every acknowledged entry stands where its receipt says, and the ledger is sound."""
    with site.connect(server) as connection:
        held: dict[int, bytes] = {}
        request = ledger_service_pb2.ListEntriesRequest(brand=BRAND, page_size=1000)
        while True:
            page = connection.ask(connection.ledger.ListEntries, request)
            held |= {entry.position: entry.leaf_hash for entry in page.entries}
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
    receipts = {receipt.position: receipt.leaf_hash for receipt in load.receipts}
    assert len(receipts) == len(load.receipts)
    assert receipts.items() <= held.items()
    # One for the catalogue; a call that was tried again is recorded once.
    assert len(held) == len(receipts) + 1
    assert server.stop() == 0
    assert site.audit().faults == ()


# --- sharing ------------------------------------------------------------------------------------


def test_both_workers_take_connections_of_the_one_port_each_on_a_core_of_its_own(sqlite_site: Site) -> None:
    (server,) = sqlite_site.servers
    first, second = server.workers()
    connections = [sqlite_site.connect(server) for _ in range(32)]
    try:
        assert {connection.health() for connection in connections} == {"SERVING"}
        taken = {number: _connections_taken(number, server) for number in (first, second)}
        assert sum(taken.values()) >= 32
        assert min(taken.values()) > 0, taken
    finally:
        for connection in connections:
            connection.close()
    cores = [os.sched_getaffinity(number) for number in (first, second)]
    assert [len(each) for each in cores] == [1, 1]
    assert len(os.sched_getaffinity(0)) == 1 or cores[0] != cores[1]


def _connections_taken(number: int, server: Server) -> int:
    """Return how many connections of callers a process holds."""
    return _sockets(number, server, "01")


def _listens(number: int, server: Server) -> bool:
    return _sockets(number, server, "0A") > 0


def _sockets(number: int, server: Server, state: str) -> int:
    """Return how many TCP sockets of the server's port in a state of the kernel's table a process holds."""
    port = f"{int(server.address.rpartition(':')[2]):04X}"
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table]
    found = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(f":{port}") and line[3] == state}
    try:
        return sum(str(each.readlink()) in found for each in Path(f"/proc/{number}/fd").iterdir())
    except OSError:
        return 0  # it opens or closes something just now, or has ended


def test_port_0_becomes_one_free_port_for_all_workers(tmp_path: Path) -> None:
    with Site(tmp_path, settings=SETTINGS) as site:
        server = site.launch("127.0.0.1:0")
        wait_for(lambda: "Accord serves on" in server.told, "every worker to serve")
        server.address = server.told.split("Accord serves on ")[1].split()[0]
        assert not server.address.endswith(":0")
        site.apply_catalogue(server)
        assert server.stop() == 0


def test_a_port_that_other_workers_share_is_told_to_be_taken(sqlite_site: Site, tmp_path: Path) -> None:
    (server,) = sqlite_site.servers
    for number, settings in enumerate((SETTINGS, {})):
        with Site(tmp_path, settings=settings | {"ACCORD_DATA": str(tmp_path / f"other-{number}")}) as other:
            done = other.run_process("serve", "--listen", server.address, expect=1)
        assert f"cannot listen on {server.address}: is another server running there?" in done.stderr


def test_a_worker_that_cannot_serve_ends_the_start_with_its_reason(tmp_path: Path) -> None:
    with Site(tmp_path, settings=SETTINGS | {"ACCORD_PEPPER": "not base64!"}) as site:
        done = site.run_process("serve", "--listen", free_address())
    assert done.returncode == 1
    assert "ACCORD_PEPPER must be base64" in done.stderr


# --- crashing -----------------------------------------------------------------------------------


def test_a_worker_killed_under_load_is_replaced_and_nothing_acknowledged_is_lost(site: Site) -> None:
    (server,) = site.servers
    load = Load(site, server)
    for _ in range(2):
        load.wait_until_more(60)
        killed, other = server.workers()
        os.kill(killed, signal.SIGKILL)
        _wait_for_two(server, without={killed})
        assert other in server.workers()
        load.wait_until_more(60)
    load.end()
    # A kill takes calls with it that nobody can finish; the client's next attempt does.
    assert not load.failures, load.failures
    assert_nothing_is_lost(site, server, load)


def _wait_for_two(server: Server, without: set[int]) -> None:
    """Return once two workers serve, none of those told among them."""

    def seen() -> bool:
        workers = set(server.workers())
        return len(workers) == 2 and not workers & without and all(_listens(each, server) for each in workers)

    wait_for(seen, "two workers to serve")


def test_workers_end_by_themselves_when_their_supervisor_is_killed(sqlite_site: Site) -> None:
    (server,) = sqlite_site.servers
    workers = server.workers()
    assert len(workers) == 2
    server.kill()
    wait_for(lambda: not any(is_running(each) for each in workers), "the workers to end")
    sqlite_site.start(server.address)


# --- renewing -----------------------------------------------------------------------------------


def test_renewing_every_worker_under_load_fails_no_call_of_the_client(site: Site) -> None:
    (server,) = site.servers
    load = Load(site, server)
    load.wait_until_more(60)
    before = set(server.workers())
    server.process.send_signal(signal.SIGHUP)
    _wait_for_two(server, without=before)
    load.wait_until_more(60)
    load.end()
    assert not load.failures, load.failures
    assert_nothing_is_lost(site, server, load)


def test_each_worker_tells_its_measures_on_its_seat_s_port_and_its_successor_does_after_a_renewal(
    tmp_path: Path,
) -> None:
    host, _, first = free_address().rpartition(":")
    ports = (int(first), int(first) + 1)
    with Site(tmp_path, settings=SETTINGS | {"ACCORD_METRICS_LISTEN": f"{host}:{first}"}) as site:
        server = start(site)
        before = set(server.workers())
        assert all(_uptime(host, port) is not None for port in ports)
        renewed = time.monotonic()
        server.process.send_signal(signal.SIGHUP)
        _wait_for_two(server, without=before)
        wait_for(
            lambda: all((_uptime(host, port) or math.inf) < time.monotonic() - renewed for port in ports),
            "the successors to answer",
        )
        assert server.stop() == 0


def _uptime(host: str, port: int) -> float | None:
    """Return for how many seconds the process that answers Prometheus on a port has run; None where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=PATIENCE_SECONDS) as answer:
            (seconds,) = re.findall(r"^process_uptime_seconds (\S+)$", answer.read().decode(), re.MULTILINE)
    except OSError:
        return None
    return float(seconds)


# --- ending -------------------------------------------------------------------------------------


def test_workers_told_to_stop_finish_the_calls_under_way_and_the_newest_checkpoint_is_kept(
    databases: Databases, tmp_path: Path
) -> None:
    with Site.fresh("postgres", databases, tmp_path, SETTINGS) as site:
        server = start(site)
        site.apply_catalogue(server)
        workers = server.workers()
        with site.connect(server) as connection:
            with psycopg.connect(site.database) as holder:
                holder.execute("SELECT 1 FROM head WHERE brand = %s FOR UPDATE", [BRAND])
                under_way = connection.permissions.Grant.future(
                    grant("ada", "till", "grant-1"), metadata=bearer(site.token), timeout=60
                )
                wait_for(lambda: _writes_waiting(site) == 1, "the write to be under way")
                server.ask_to_stop()
                wait_for(lambda: "stopping" in server.told, "the server to stop")
                wait_for(lambda: sum(is_running(each) for each in workers) == 1, "the idle worker to end")
                assert not under_way.done()
            receipt = under_way.result().receipt
        assert server.wait_until_ended() == 0
        assert not any(is_running(each) for each in workers)
        assert site.outside_checkpoints() == {receipt.ledger: receipt.position + 1}


def _writes_waiting(site: Site) -> int:
    with psycopg.connect(site.database, autocommit=True) as looking:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row = looking.execute(waiting).fetchone()
    assert row is not None
    return int(row[0])


# --- following ----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_newest_checkpoint_is_kept_outside_while_the_ledger_grows(
    databases: Databases, tmp_path: Path, workers: str
) -> None:
    settings = {"ACCORD_WORKERS": workers, "ACCORD_CHECKPOINT_SECONDS": "0.1"}
    with Site.fresh("postgres", databases, tmp_path, settings) as site:
        server = start(site)
        site.apply_catalogue(server)
        with site.connect(server) as connection:
            for number in range(3):
                request = grant(f"ada-{number}", "till", f"grant-{number}")
                receipt = connection.ask(connection.permissions.Grant, request).receipt
                wanted = {receipt.ledger: receipt.position + 1}
                wait_for(lambda wanted=wanted: site.outside_checkpoints() == wanted, "the checkpoint to be kept")
