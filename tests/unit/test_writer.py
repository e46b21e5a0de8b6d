"""The writer: results in order, one commit for all who wait, and a fate for every request."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from support.installations import BRAND, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, ADA_MAIL, CATALOGUE, grant, withdraw

from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Command, Link, Question
from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import BrandId, Identifier, IdentifierKind
from accord.ledger.store import StoreUnavailableError
from accord.service.answers import Request, Written
from accord.service.errors import CallError
from accord.service.writer import MAX_COMMIT, MAX_QUEUED, Writer

OTHER = BrandId("autre")


class GatedStore(MemoryStore):
    """A store that counts commits, fails on demand, and holds every writer before the lock while closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.open.set()
        self.writes: list[BrandId] = []
        self.failures: list[Exception] = []

    @contextmanager
    def write(self, brand: BrandId) -> Iterator[Any]:
        self.entered.release()
        assert self.open.wait(30)
        self.writes.append(brand)
        if self.failures:
            raise self.failures.pop()
        with super().write(brand) as writing:
            yield writing

    def close_gate(self) -> None:
        """Hold the next writer, and those after it."""
        self.open.clear()
        while self.entered.acquire(blocking=False):
            pass


@pytest.fixture
def store() -> GatedStore:
    return GatedStore()


@pytest.fixture
def house(store: GatedStore) -> Installation:
    made = Installation(Parts(store, MemoryWrappedKeys(), MemoryOutsideCopy()))
    made.write(ApplyCatalogue(catalogue=CATALOGUE))
    store.writes.clear()
    return made


@pytest.fixture
def writer(house: Installation, store: GatedStore) -> Iterator[Writer]:
    house.writer.start()
    yield house.writer
    store.open.set()
    house.writer.stop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(80) as made:
        yield made


def link(number: int) -> Request:
    return asking(Link(customer=Identifier(IdentifierKind.CUSTOMER_ID, f"c{number}"), contact_point=ADA_MAIL))


def asking(command: Command, **said: Any) -> Request:
    return Request(command=command, caller="tests", **said)


def queued(writer: Writer, count: int) -> None:
    """Return once so many requests wait; those who hand them over are on other threads."""
    until(lambda: writer._queued >= count)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.001)


class Blocked:
    """A writer with one request in hand that waits at the gate, so that what comes next is queued."""

    def __init__(self, writer: Writer, store: GatedStore, pool: ThreadPoolExecutor) -> None:
        self._writer, self._store, self._pool = writer, store, pool
        store.close_gate()
        self.first = self.submit([link(0)])
        assert store.entered.acquire(timeout=30)

    def submit(self, requests: list[Request], brand: BrandId = BRAND) -> "Future[Any]":
        return self._pool.submit(self._writer.submit, brand, requests)


@pytest.fixture
def blocked(writer: Writer, store: GatedStore, pool: ThreadPoolExecutor) -> Blocked:
    return Blocked(writer, store, pool)


def positions(results: list[Any]) -> list[int]:
    return [receipt.position for result in results for receipt in result.receipts]


def reason(future: "Future[Any]") -> ErrorReason:
    error = future.exception(30)
    assert isinstance(error, CallError)
    return error.problem.reason


class TestResults:
    def test_results_stand_in_the_order_of_the_requests(self, writer: Writer) -> None:
        found = writer.submit(BRAND, [asking(grant()), asking(grant(touchpoint="no such")), asking(withdraw())])
        assert [type(each) for each in found] == [Written, Problem, Written]
        assert positions([found[0], found[2]]) == [1, 2]

    def test_a_later_request_of_a_commit_sees_what_the_earlier_ones_said(self, writer: Writer) -> None:
        question = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
        found: list[Any] = writer.submit(
            BRAND,
            [
                asking(AuthorizeContact(contact_id="early", question=question)),
                asking(grant()),
                asking(AuthorizeContact(contact_id="between", question=question)),
                asking(withdraw()),
                asking(AuthorizeContact(contact_id="late", question=question)),
            ],
        )
        verdicts = [found[index].authorization.decision.verdict.name for index in (0, 2, 4)]
        assert verdicts == ["DENY", "ALLOW", "DENY"]
        assert [each.channel for each in found[3].open_contacts] == ["email"]

    def test_a_repeat_within_one_commit_gets_the_very_same_answer(self, house: Installation, writer: Writer) -> None:
        request = house.request(grant(), "r1", b"same")
        first, second = writer.submit(BRAND, [request, request])
        assert first == second
        assert house.store.heads()[0].size == 2
        assert writer.submit(BRAND, [request]) == [first]
        (other,) = writer.submit(BRAND, [house.request(withdraw(), "r1", b"other")])
        assert isinstance(other, Problem)
        assert other.reason is ErrorReason.REQUEST_ID_REUSED

    def test_a_problem_is_not_remembered_so_the_mended_request_may_come_again(
        self, house: Installation, writer: Writer
    ) -> None:
        (problem,) = writer.submit(BRAND, [house.request(grant(touchpoint="no such"), "r1", b"wrong")])
        assert isinstance(problem, Problem)
        (written,) = writer.submit(BRAND, [house.request(grant(), "r1", b"right")])
        assert isinstance(written, Written)


class TestGroups:
    def test_all_who_wait_share_one_commit(self, writer: Writer, store: GatedStore, blocked: Blocked) -> None:
        waiting = [blocked.submit([link(number)]) for number in range(1, 41)]
        queued(writer, 40)
        store.open.set()
        found = [each.result(30) for each in [blocked.first, *waiting]]
        assert store.writes == [BRAND, BRAND]
        assert sorted(positions([result for results in found for result in results])) == list(range(1, 42))

    def test_a_commit_takes_no_more_than_its_limit(self, writer: Writer, store: GatedStore, blocked: Blocked) -> None:
        size = MAX_COMMIT // 2
        waiting = [blocked.submit([link(number)] * size) for number in range(3)]
        queued(writer, 3 * size)
        store.open.set()
        assert all(len(each.result(30)) == size for each in waiting)
        assert len(store.writes) == 1 + 2

    def test_each_brand_has_commits_of_its_own_and_the_longest_wait_goes_first(
        self, house: Installation, writer: Writer, store: GatedStore, blocked: Blocked
    ) -> None:
        waiting = [
            blocked.submit([asking(ApplyCatalogue(catalogue=CATALOGUE))], OTHER),
        ]
        queued(writer, 1)
        waiting.append(blocked.submit([link(1)]))
        queued(writer, 2)
        store.open.set()
        for each in waiting:
            each.result(30)
        assert store.writes == [BRAND, OTHER, BRAND]
        assert {head.brand: head.size for head in house.store.heads()} == {BRAND: 3, OTHER: 1}


class TestDeadlines:
    def test_a_request_whose_deadline_passed_while_queued_writes_nothing(
        self, house: Installation, writer: Writer, store: GatedStore, blocked: Blocked
    ) -> None:
        late = blocked.submit([asking(grant(), deadline=time.monotonic() - 1)])
        alive = blocked.submit([asking(withdraw(), deadline=time.monotonic() + 600)])
        queued(writer, 2)
        store.open.set()
        assert reason(late) is ErrorReason.DEADLINE_PASSED
        assert positions(alive.result(30)) == [2]
        types = [each.leaf.split(b'"type":"')[1].split(b'"')[0] for each in house.store.entries(BRAND, 1, 9)]
        assert types == [b"IdentifierLinked", b"PermissionRefused"]


class TestLimits:
    def test_more_than_the_queue_holds_is_told_to_come_again(
        self, writer: Writer, store: GatedStore, blocked: Blocked
    ) -> None:
        waiting = [blocked.submit([link(number)] * MAX_COMMIT) for number in range(MAX_QUEUED // MAX_COMMIT)]
        queued(writer, MAX_QUEUED)
        with pytest.raises(CallError) as refused:
            writer.submit(BRAND, [link(1)])
        assert refused.value.problem.reason is ErrorReason.OVERLOADED
        assert refused.value.problem.metadata == {"limit": str(MAX_QUEUED)}
        store.open.set()
        for each in waiting:
            assert len(each.result(60)) == MAX_COMMIT
        assert positions(writer.submit(BRAND, [link(1)])) == [MAX_QUEUED + 2]

    def test_stopping_writes_what_is_queued_and_refuses_what_comes(
        self, house: Installation, writer: Writer, store: GatedStore, blocked: Blocked, pool: ThreadPoolExecutor
    ) -> None:
        waiting = [blocked.submit([link(number)]) for number in range(5)]
        queued(writer, 5)
        stopping = pool.submit(writer.stop)
        until(lambda: writer._stopping)
        with pytest.raises(CallError) as refused:
            writer.submit(BRAND, [link(9)])
        assert refused.value.problem.reason is ErrorReason.STOPPING
        store.open.set()
        stopping.result(30)
        assert all(each.result(30) for each in [blocked.first, *waiting])
        assert house.store.heads()[0].size == 7


class TestFailures:
    def test_one_faulty_request_takes_no_other_down(
        self, house: Installation, writer: Writer, store: GatedStore, blocked: Blocked, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("accord.domain.admit.admit_refuse", _explode)
        waiting = [blocked.submit([link(number)]) for number in range(1, 4)]
        poison = blocked.submit([asking(withdraw())])
        waiting += [blocked.submit([link(number)]) for number in range(4, 7)]
        queued(writer, 7)
        store.open.set()
        assert isinstance(poison.exception(30), ZeroDivisionError)
        assert sorted(positions([each.result(30)[0] for each in waiting])) == [2, 3, 4, 5, 6, 7]
        assert house.audit().faults == ()

    def test_when_the_database_is_away_all_who_wait_are_told_and_the_next_write_works(
        self, house: Installation, writer: Writer, store: GatedStore, blocked: Blocked
    ) -> None:
        store.failures = [StoreUnavailableError("away"), StoreUnavailableError("away")]
        waiting = [blocked.submit([link(number)]) for number in range(5)]
        queued(writer, 5)
        store.open.set()
        assert {reason(each) for each in [blocked.first, *waiting]} == {ErrorReason.STORE_UNAVAILABLE}
        assert house.store.heads()[0].size == 1
        assert positions(writer.submit(BRAND, [link(1)])) == [1]

    def test_a_ledger_that_does_not_prove_itself_is_not_written_to(
        self, house: Installation, writer: Writer, store: GatedStore
    ) -> None:
        del store
        assert isinstance(house.outside, MemoryOutsideCopy)
        house.proven._proven_connections = -1
        house.outside.notes.clear()
        with pytest.raises(CallError) as refused:
            writer.submit(BRAND, [link(1)])
        assert refused.value.problem.reason is ErrorReason.LEDGER_UNPROVEN


def _explode(*_: object) -> None:
    raise ZeroDivisionError
