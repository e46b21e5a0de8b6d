"""The server is killed in the middle of its work, again and again: nothing acknowledged is lost, nothing happens twice.

Writers go on until a call of theirs fails, which is when the server died. Then it starts again, and
everything is asked of the new one: each receipt must still be good, each request whose answer was
lost is sent once more under its own name, and afterwards every entry of the ledger must be the work
of exactly one request.
"""

import os
import random
import shlex
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.databases import Databases, Kind, PostgresServer
from support.serving import (
    BRAND,
    PATIENCE_SECONDS,
    Server,
    Site,
    apply_request,
    authorize,
    email_of,
    grant,
    question,
    wait_for,
    withdraw,
)

from accord.client import CallFailedError, Connection
from accord.v1 import (
    contact_service_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    ledger_service_pb2,
    permission_service_pb2,
)

WRITERS = 8
CUSTOMERS_IN_BATCH = 5
WRITES_BEFORE_DEATH = (20, 160)
"""Between how many acknowledged writes the server is let live."""

COMMIT_SECONDS = 0.02
"""A few commits' time: the blow falls somewhere within it."""

AUDITED_EVERY = 5
"""Every so many kills are followed by an audit, which folds the ledger from its first entry."""


class Expected(NamedTuple):
    """What a question about a purpose must be answered."""

    purpose: str
    verdict: int
    reason: int


@dataclass(frozen=True)
class Step:
    """One request of a story, and what each customer may expect once it is recorded."""

    method: str
    request: Any
    expected: dict[str, Expected]


@dataclass
class Work:
    """What the writers did between two deaths. Steps of a customer stand in their order."""

    answered: list[tuple[Step, Any]] = field(default_factory=list)
    unanswered: list[Step] = field(default_factory=list)
    """Steps whose answer was lost: nobody knows whether they were recorded."""

    failures: Counter[str] = field(default_factory=Counter)
    """Why calls failed, by reason."""

    def expected(self) -> dict[str, Expected]:
        """Return what every customer may expect when the unanswered steps are recorded too."""
        steps = [*(step for step, _ in self.answered), *self.unanswered]
        return {customer: expected for step in steps for customer, expected in step.expected.items()}


@dataclass
class Book:
    """Every receipt that was ever given: what the ledger must hold, and nothing else."""

    leaf_hashes: dict[int, bytes] = field(default_factory=dict)
    recorded_before: int = 0
    """Steps that were recorded though their answer was lost."""

    recorded_after: int = 0
    """Steps that were not, and were recorded when they were sent again."""

    def enter(self, receipts: Iterable[evidence_pb2.Receipt]) -> None:
        """Enter receipts. A position belongs to one entry for ever."""
        for receipt in receipts:
            known = self.leaf_hashes.setdefault(receipt.position, receipt.leaf_hash)
            assert known == receipt.leaf_hash, f"two entries were acknowledged at position {receipt.position}"


# --- the load -----------------------------------------------------------------------------------


def stories(name: str, chance: random.Random) -> Iterator[Step]:
    """Yield the steps of one customer after the other, each story a few steps long."""
    number = 0
    while True:
        number += 1
        customer = f"{name}-{number}"
        match chance.choice(["comes", "leaves", "is contacted", "is contacted once", "is many"]):
            case "comes":
                yield _grants(customer)
            case "leaves":
                yield _grants(customer)
                yield _withdraws(customer)
            case "is contacted":
                yield _grants(customer)
                yield _contacts(customer, _MAY)
                yield _reports(customer)
                yield _withdraws(customer)
            case "is contacted once":
                yield _grants(customer, "qr_code", _MAY_ONCE)
                yield _contacts(customer, _USED_UP)
                yield _reports(customer)
            case _:
                crowd = [f"{customer}-{each}" for each in range(CUSTOMERS_IN_BATCH)]
                yield _batch([_grants(each) for each in crowd])
                yield _batch([_withdraws(each) for each in crowd[1:]])


_MAY = Expected("marketing.news", decision_pb2.VERDICT_ALLOW, decision_pb2.DECISION_REASON_PERMITTED)
_MAY_ONCE = _MAY._replace(purpose="marketing.callback")
_WITHDRAWN = Expected("marketing.news", decision_pb2.VERDICT_DENY, decision_pb2.DECISION_REASON_WITHDRAWN)
_QUESTION = decision_service_pb2.CheckRequest(brand=BRAND, question=question("ada", "marketing.news"))
_USED_UP = Expected("marketing.callback", decision_pb2.VERDICT_DENY, decision_pb2.DECISION_REASON_USED_UP)


def _grants(customer: str, touchpoint: str = "till", expected: Expected = _MAY) -> Step:
    request = grant(customer, touchpoint, f"grant/{customer}", email_of(customer))
    return Step("Grant", request, {customer: expected})


def _withdraws(customer: str) -> Step:
    return Step("Withdraw", withdraw(customer, f"withdraw/{customer}"), {customer: _WITHDRAWN})


def _contacts(customer: str, expected: Expected) -> Step:
    request = authorize(customer, f"contact/{customer}", expected.purpose)
    return Step("AuthorizeContact", request, {customer: expected})


def _reports(customer: str) -> Step:
    request = contact_service_pb2.ReportContactRequest(
        brand=BRAND,
        request_id=f"report/{customer}",
        contact_id=f"contact/{customer}",
        outcome=contact_service_pb2.CONTACT_OUTCOME_SENT,
    )
    return Step("ReportContact", request, {})


def _batch(steps: list[Step]) -> Step:
    records = [permission_service_pb2.BatchRecord(**{step.method.lower(): step.request}) for step in steps]
    expected = {customer: each for step in steps for customer, each in step.expected.items()}
    return Step("BatchRecord", permission_service_pb2.BatchRecordRequest(records=records), expected)


def send(connection: Connection, step: Step) -> Any:
    """Send a step and return its answer. Raises CallFailedError."""
    service = connection.contacts if step.method.endswith("Contact") else connection.permissions
    method = getattr(service, step.method)
    return connection.ask(_alone(method) if step.method == "BatchRecord" else method, step.request)


def _alone(stream: Callable[..., Iterator[Any]]) -> Callable[..., Any]:
    """Make a unary method of a stream: one message there, one back."""

    def method(request: Any, **options: Any) -> Any:
        (response,) = stream(iter([request]), **options)
        return response

    return method


def receipts_of(answer: Any) -> list[evidence_pb2.Receipt]:
    """Return every receipt of an answer; each record of a batch must have one."""
    if isinstance(answer, permission_service_pb2.BatchRecordResponse):
        results = [getattr(result, result.WhichOneof("result")) for result in answer.results]
        return [receipt for result in results for receipt in receipts_of(result)]
    if isinstance(answer, permission_service_pb2.WithdrawResponse):
        return list(answer.receipts)
    return [answer.receipt] if answer.HasField("receipt") else []


class Load:
    """Writers at work on one server, each on its own stories, until their calls fail."""

    def __init__(self, site: Site, server: Server, name: str, chance: random.Random) -> None:
        self.work = Work()
        self._site = site
        self._server = server
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(WRITERS)
        self._writers = [
            self._pool.submit(self._write, stories(f"{name}-{number}", random.Random(chance.random())))
            for number in range(WRITERS)
        ]

    def wait_until_answered(self, writes: int) -> None:
        """Return once so many writes were acknowledged."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.work.answered) >= writes, PATIENCE_SECONDS)

    def end(self) -> Work:
        """Return what was done, once every writer has seen the end."""
        for writer in self._writers:
            writer.result(PATIENCE_SECONDS)
        self._pool.shutdown()
        return self.work

    def _write(self, steps: Iterator[Step]) -> None:
        with self._site.connect(self._server) as connection:
            for step in steps:
                try:
                    answer = send(connection, step)
                except CallFailedError as error:
                    with self._changed:
                        self.work.unanswered.append(step)
                        self.work.failures[error.reason] += 1
                    return
                with self._changed:
                    self.work.answered.append((step, answer))
                    self._changed.notify_all()


# --- what must be true afterwards ---------------------------------------------------------------


def settle(connection: Connection, work: Work, book: Book) -> None:
    """Hold a server, started again, to every promise that the one before gave."""
    size = _size(connection)
    for _, answer in work.answered:
        book.enter(receipts_of(answer))
    for step in work.unanswered:
        receipts = receipts_of(send(connection, step)) or [_receipt_of_contact(connection, step.request.contact_id)]
        before = sum(receipt.position < size for receipt in receipts)
        assert before in (0, len(receipts)), "part of a batch was recorded"
        book.recorded_before += before > 0
        book.recorded_after += before == 0
        book.enter(receipts)
    for step, answer in work.answered[-WRITERS:]:
        if step.method != "AuthorizeContact":
            assert receipts_of(send(connection, step)) == receipts_of(answer)
    _assert_every_entry_is_known(connection, book)
    _assert_answers(connection, work.expected())


def _size(connection: Connection) -> int:
    request = ledger_service_pb2.GetCheckpointRequest(brand=BRAND)
    return int(connection.ask(connection.ledger.GetCheckpoint, request).checkpoint.size)


def _receipt_of_contact(connection: Connection, contact_id: str) -> evidence_pb2.Receipt:
    """Return the receipt of an authorisation that was recorded before and so is answered without one."""
    found = connection.ask(
        connection.contacts.GetContact, contact_service_pb2.GetContactRequest(brand=BRAND, contact_id=contact_id)
    )
    (position,) = found.contact.positions
    entry = connection.ask(
        connection.ledger.GetEntry, ledger_service_pb2.GetEntryRequest(brand=BRAND, position=position)
    ).entry
    return evidence_pb2.Receipt(position=position, leaf_hash=entry.leaf_hash)


def _assert_every_entry_is_known(connection: Connection, book: Book) -> None:
    """Fail unless the ledger holds exactly what was acknowledged: nothing is lost, nothing is there twice."""
    held: dict[int, bytes] = {}
    request = ledger_service_pb2.ListEntriesRequest(brand=BRAND, page_size=1000)
    while True:
        page = connection.ask(connection.ledger.ListEntries, request)
        held |= {entry.position: entry.leaf_hash for entry in page.entries}
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert held == book.leaf_hashes


def _assert_answers(connection: Connection, expected: dict[str, Expected]) -> None:
    customers = list(expected)
    for first in range(0, len(customers), 1000):
        asked = customers[first : first + 1000]
        questions = [question(each, expected[each].purpose) for each in asked]
        request = decision_service_pb2.BatchCheckRequest(brand=BRAND, questions=questions)
        answer = connection.ask(connection.decisions.BatchCheck, request)
        found = {
            customer: (result.decision.verdict, result.decision.reason)
            for customer, result in zip(asked, answer.results, strict=True)
        }
        assert found == {each: (expected[each].verdict, expected[each].reason) for each in asked}


def _open_book(site: Site, server: Server) -> Book:
    book = Book()
    with site.connect(server) as connection:
        book.enter([connection.ask(connection.catalogues.Apply, apply_request()).receipt])
    return book


# --- the blows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_server_killed_in_the_middle_of_writes_loses_nothing_it_acknowledged(
    databases: Databases, tmp_path: Path, kind: Kind, kills: int
) -> None:
    chance = random.Random(f"{kind}/{kills}")
    with Site.fresh(kind, databases, tmp_path) as site:
        server = site.start()
        book = _open_book(site, server)
        for kill in range(kills):
            load = Load(site, server, f"{kill}", chance)
            load.wait_until_answered(chance.randint(*WRITES_BEFORE_DEATH))
            # Nothing is waited for here: the moment of the blow is what is drawn.
            time.sleep(chance.uniform(0, COMMIT_SECONDS))
            server.kill()
            work = load.end()

            server = site.start()
            with site.connect(server) as connection:
                settle(connection, work, book)
            if kill % AUDITED_EVERY == 0:
                assert site.audit().faults == ()
        assert server.stop() == 0
        site.run_process("audit", expect=0)
    assert book.recorded_after > 0


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, which it may crash."""
    server = PostgresServer()
    try:
        yield server
    finally:
        server.stop()


def test_while_postgresql_is_down_nothing_is_allowed_and_afterwards_nothing_is_lost(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.run("CREATE DATABASE ledger")
    with Site(tmp_path, postgres.url("ledger")) as site:
        site.run("migrate", expect=0)
        server = site.start()
        book = _open_book(site, server)
        load = Load(site, server, "first", random.Random(1))
        load.wait_until_answered(100)
        _control(postgres, "-m", "immediate", "stop")
        work = load.end()
        assert set(work.failures) == {"STORE_UNAVAILABLE"}
        with site.connect(server) as connection:
            for method, request in (
                (connection.decisions.Check, _QUESTION),
                (connection.contacts.AuthorizeContact, authorize("ada", "contact/ada", "marketing.news")),
                (connection.permissions.Withdraw, withdraw("ada", "withdraw/ada")),
            ):
                assert _failure(method, request, connection) == "STORE_UNAVAILABLE"

            _control(postgres, "-l", f"{postgres.folder}/log", "-o", f"-k '{postgres.folder}' -h ''", "start")
            wait_for(lambda: _answers(connection), "the server to answer again")
            settle(connection, work, book)
        assert site.audit().faults == ()
        assert server.stop() == 0


def test_when_postgresql_kills_every_backend_the_server_proves_the_ledger_and_goes_on(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.run("CREATE DATABASE ledger")
    with Site(tmp_path, postgres.url("ledger")) as site:
        site.run("migrate", expect=0)
        server = site.start()
        book = _open_book(site, server)
        for number in range(3):
            load = Load(site, server, f"crash-{number}", random.Random(number))
            load.wait_until_answered(60)
            backends = "SELECT pid FROM pg_stat_activity WHERE datname = 'ledger'"
            # One dead backend makes the postmaster end all the others and recover from its log.
            os.kill(postgres.run(backends)[0][0], signal.SIGKILL)
            work = load.end()
            assert set(work.failures) == {"STORE_UNAVAILABLE"}
            with site.connect(server) as connection:
                wait_for(lambda: _answers(connection), "the server to answer again")
                settle(connection, work, book)
        assert site.audit().faults == ()
        assert server.stop() == 0


def _answers(connection: Connection) -> bool:
    """Say whether a question and a write are served; a failure may only be that the database is away."""
    reasons = {
        _failure(connection.decisions.Check, _QUESTION, connection),
        _failure(connection.permissions.Grant, grant("somebody", "no such place", "never"), connection),
    }
    assert reasons <= {"", "TOUCHPOINT_UNKNOWN", "STORE_UNAVAILABLE"}
    return reasons == {"", "TOUCHPOINT_UNKNOWN"}


def _failure(method: Callable[..., Any], request: Any, connection: Connection) -> str:
    """Return the reason for which a call fails; empty when it does not."""
    try:
        connection.ask(method, request)
    except CallFailedError as error:
        return error.reason
    return ""


def _control(postgres: PostgresServer, *arguments: str) -> None:
    """Run `pg_ctl` as the server's own user."""
    data = postgres.folder / "data"
    # The first word of the command line that the postmaster leaves in its folder is its own path.
    binary = Path(shlex.split((data / "postmaster.opts").read_text())[0]).with_name("pg_ctl")
    subprocess.run(
        [*postgres.identity, binary, "-D", data, "-w", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=PATIENCE_SECONDS,
        cwd=postgres.folder,
    )
