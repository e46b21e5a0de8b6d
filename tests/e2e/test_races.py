"""Many senders at once, in several processes, through two servers on one database: the promises hold exactly.

The senders of a round stand at a barrier and go together. The two servers know nothing of each
other but the database, so what holds here holds for any number of them.
"""

import itertools
import multiprocessing
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.databases import Databases, Kind
from support.installations import BRAND as BRAND_ID
from support.installations import HandClock, Installation, Store, open_parts
from support.recorded_history import NEVER_ANSWERED, Operation, Recorder, violations
from support.serving import (
    BRAND,
    CAP,
    PATIENCE_SECONDS,
    Server,
    Site,
    apply_request,
    authorize,
    bearer,
    email_of,
    grant,
    question,
    who,
    withdraw,
)

from accord.client import Connection
from accord.domain.commands import ApplyCatalogue, Declaration, Grant, Question, Refuse
from accord.domain.terms import (
    BrandId,
    Declarant,
    Identifier,
    IdentifierKind,
    Method,
    RefusalKind,
    Verdict,
)
from accord.domain.terms import Recorder as WhoRecorded
from accord.ledger.store import Sight
from accord.rpc import catalogues
from accord.service.questions import Questions
from accord.v1 import (
    contact_service_pb2_grpc,
    customer_service_pb2,
    decision_pb2,
    decision_service_pb2,
    ledger_service_pb2,
    permission_pb2,
    permission_service_pb2,
)

PROCESSES = 4
SENDERS = 64
"""How many want the same permission at once: as many from each process, half of them on each connection."""

TOGETHER = 4
"""How many rounds are under way at once: they keep the senders busy, and race each other for the commits too."""

ROUNDS = pytest.mark.parametrize(
    "rounds", [200, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(1200)])]
)


@dataclass(frozen=True)
class Sending:
    """One call a sender makes: for whom, under which name, why and by which means."""

    customer: str
    contact_id: str
    purpose: str
    channel: str


@dataclass(frozen=True)
class Sent:
    """What it was answered."""

    sending: Sending
    verdict: int
    reason: int
    repeat: bool


@dataclass(frozen=True)
class Door:
    """How another process finds the servers."""

    addresses: tuple[str, ...]
    token: str


# --- in the senders' processes ------------------------------------------------------------------

_start: Barrier
_turn: "Synchronized[int]"
_over: Event


def _arrive(start: Barrier, turn: "Synchronized[int]", over: Event) -> None:
    """Take what the processes share."""
    global _start, _turn, _over
    _start, _turn, _over = start, turn, over


def _send(door: Door, volleys: list[list[Sending]]) -> list[Sent]:
    """Send volley by volley, each together with the other processes, all calls of one under way at once."""
    # Connections of their own, so that workers behind one address share them out.
    channels = [grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) for address in door.addresses]
    stubs = [contact_service_pb2_grpc.ContactServiceStub(channel) for channel in channels]
    found: list[Sent] = []
    for volley in volleys:
        _start.wait(PATIENCE_SECONDS)
        calls = [
            stub.AuthorizeContact.future(
                authorize(each.customer, each.contact_id, each.purpose, each.channel),
                metadata=bearer(door.token),
                timeout=PATIENCE_SECONDS,
            )
            for each, stub in zip(volley, itertools.cycle(stubs), strict=False)
        ]
        for each, call in zip(volley, calls, strict=True):
            answer = call.result()
            found.append(Sent(each, answer.decision.verdict, answer.decision.reason, answer.repeat))
    for channel in channels:
        channel.close()
    return found


def _ask_until_over(door: Door, customers: list[str], seed: int, threads: int) -> list[Operation]:
    """Ask about the customer whose turn it is until told that it is over; return what was recorded."""
    _start.wait(PATIENCE_SECONDS)
    recorders = [Recorder() for _ in range(threads)]
    asking = [
        threading.Thread(target=_ask, args=(door, customers, random.Random(f"{seed}/{number}"), recorder))
        for number, recorder in enumerate(recorders)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return [operation for recorder in recorders for operation in recorder.operations]


def _ask(door: Door, customers: list[str], chance: random.Random, recorder: Recorder) -> None:
    connections = [Connection(address, door.token, PATIENCE_SECONDS) for address in door.addresses]
    for number in itertools.count():
        if _over.is_set():
            break
        customer, connection = customers[_turn.value], chance.choice(connections)
        if chance.random() < 0.2:
            contact_id = f"{customer}/{chance.getrandbits(64):x}/{number}"
            recorder.ask(customer, partial(_authorized, connection, customer, contact_id), "authorize")
        else:
            recorder.ask(customer, partial(_checked, connection, customer), "check")
    for connection in connections:
        connection.close()


def _checked(connection: Connection, customer: str) -> bool:
    request = decision_service_pb2.CheckRequest(brand=BRAND, question=question(customer, "marketing.news"))
    return bool(connection.ask(connection.decisions.Check, request).decision.verdict == decision_pb2.VERDICT_ALLOW)


def _authorized(connection: Connection, customer: str, contact_id: str) -> bool:
    request = authorize(customer, contact_id, "marketing.news")
    answer = connection.ask(connection.contacts.AuthorizeContact, request)
    return bool(answer.decision.verdict == decision_pb2.VERDICT_ALLOW)


# --- in the test's own process ------------------------------------------------------------------


class Crowd:
    """The senders' processes, started once for all tests of this module."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.start = context.Barrier(PROCESSES)
        self.turn = context.Value("i", 0)
        self.over = context.Event()
        self._pool = ProcessPoolExecutor(
            PROCESSES, mp_context=context, initializer=_arrive, initargs=(self.start, self.turn, self.over)
        )

    def send(self, door: Door, rounds: list[list[Sending]], seed: int) -> dict[str, list[Sent]]:
        """Let the senders of each round race, TOGETHER rounds at a time; return the answers by customer."""
        chance = random.Random(seed)
        volleys: list[list[list[Sending]]] = [[] for _ in range(PROCESSES)]
        for first in range(0, len(rounds), TOGETHER):
            parts: list[list[Sending]] = [[] for _ in range(PROCESSES)]
            for sendings in rounds[first : first + TOGETHER]:
                chance.shuffle(sendings)
                for number, sending in enumerate(sendings):
                    parts[number % PROCESSES].append(sending)
            for mine, part in zip(volleys, parts, strict=True):
                chance.shuffle(part)
                mine.append(part)
        work = [self._pool.submit(_send, door, mine) for mine in volleys]
        found: dict[str, list[Sent]] = defaultdict(list)
        for each in work:
            for sent in each.result(PATIENCE_SECONDS * 10):
                found[sent.sending.customer].append(sent)
        return found

    def ask(self, door: Door, customers: list[str], seed: int) -> list[Future[list[Operation]]]:
        """Let every process ask about the customer whose turn it is, until `over` is set."""
        self.turn.value = 0
        self.over.clear()
        return [
            self._pool.submit(_ask_until_over, door, customers, seed + number, threads=2) for number in range(PROCESSES)
        ]

    def close(self) -> None:
        self.over.set()
        self._pool.shutdown()


class Pair:
    """Two servers on one database, or one with two workers, and how to reach them: by two addresses, alike or not."""

    def __init__(self, site: Site, *, workers: bool) -> None:
        self.site = site
        self._workers = workers
        # Each on a core of its own: then they truly run at once.
        self.servers: tuple[Server, Server] = (
            (site.start(),) * 2 if workers else (site.start(core=0), site.start(core=1))
        )
        site.apply_catalogue(self.servers[0])
        self.connections = tuple(site.connect(server) for server in self.servers)
        self.door = Door(tuple(server.address for server in self.servers), site.token)

    def some_of(self, rounds: int) -> int:
        """Return how many rounds to race: workers run the same code, so fewer tell enough."""
        return rounds // 4 if self._workers else rounds

    def grant_all(self, customers: list[str], touchpoint: str) -> None:
        """Record the same permission for many customers."""
        records = [
            permission_service_pb2.BatchRecord(grant=grant(each, touchpoint, f"grant/{each}")) for each in customers
        ]
        stub = self.connections[0].permissions
        for first in range(0, len(records), 500):
            message = permission_service_pb2.BatchRecordRequest(records=records[first : first + 500])
            answers = stub.BatchRecord(iter([message]), metadata=bearer(self.door.token), timeout=PATIENCE_SECONDS)
            for answer in answers:
                assert all(result.WhichOneof("result") == "grant" for result in answer.results)

    def size(self) -> int:
        """Return how many entries the ledger has."""
        return checkpoint_size(self.connections[1])

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        for server in set(self.servers):
            server.stop()


def checkpoint_size(connection: Connection) -> int:
    """Return how many entries the brand's ledger has."""
    request = ledger_service_pb2.GetCheckpointRequest(brand=BRAND)
    return int(connection.ask(connection.ledger.GetCheckpoint, request).checkpoint.size)


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres", "sqlite workers", "postgres workers"])
def pair(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two servers, or two workers, on each kind of database; when all races are over, the ledger must be sound."""
    kind: Kind
    kind, _, workers = request.param.partition(" ")
    settings = {"ACCORD_WORKERS": "2"} if workers else None
    with Site.fresh(kind, databases, tmp_path_factory.mktemp(f"races-{kind}"), settings) as site:
        pair = Pair(site, workers=bool(workers))
        try:
            yield pair
        finally:
            pair.close()
        assert site.audit().faults == ()


@ROUNDS
def test_of_64_senders_exactly_one_may_use_a_contact_once_permission(pair: Pair, crowd: Crowd, rounds: int) -> None:
    rounds = pair.some_of(rounds)
    customers = [f"once-{rounds}-{number}" for number in range(rounds)]
    pair.grant_all(customers, "qr_code")
    before = pair.size()
    sendings = [
        [Sending(each, f"{each}/{sender}", "marketing.callback", "email") for sender in range(SENDERS)]
        for each in customers
    ]
    answers = crowd.send(pair.door, sendings, seed=rounds)
    for customer in customers:
        told = Counter((sent.verdict, sent.reason, sent.repeat) for sent in answers[customer])
        assert told == {
            (decision_pb2.VERDICT_ALLOW, decision_pb2.DECISION_REASON_PERMITTED, False): 1,
            (decision_pb2.VERDICT_DENY, decision_pb2.DECISION_REASON_USED_UP, False): SENDERS - 1,
        }
    assert pair.size() == before + rounds


def test_a_contact_retried_by_64_senders_at_once_takes_the_use_once(pair: Pair, crowd: Crowd) -> None:
    customers = [f"retried-{number}" for number in range(pair.some_of(20))]
    pair.grant_all(customers, "qr_code")
    before = pair.size()
    sendings = [[Sending(each, f"{each}/only", "marketing.callback", "email")] * SENDERS for each in customers]
    answers = crowd.send(pair.door, sendings, seed=1)
    for customer in customers:
        told = Counter((sent.verdict, sent.repeat) for sent in answers[customer])
        assert told == {
            (decision_pb2.VERDICT_ALLOW, False): 1,
            (decision_pb2.VERDICT_ALLOW, True): SENDERS - 1,
        }
        connection = pair.connections[0]
        listed = connection.ask(
            connection.permissions.ListPermissions,
            permission_service_pb2.ListPermissionsRequest(brand=BRAND, customer=who(customer)),
        )
        (permission,) = listed.permissions
        assert (permission.status, permission.uses_taken) == (permission_pb2.PERMISSION_STATUS_USED_UP, 1)
    assert pair.size() == before + len(customers)


def test_a_cap_is_never_exceeded_by_senders_on_several_channels_at_once(pair: Pair, crowd: Crowd) -> None:
    customers = [f"capped-{number}" for number in range(pair.some_of(24))]
    pair.grant_all(customers, "till")
    before = pair.size()
    sendings = [
        [
            Sending(each, f"{each}/{sender}", "marketing.offer", "email" if sender % 2 else "sms")
            for sender in range(SENDERS)
        ]
        for each in customers
    ]
    answers = crowd.send(pair.door, sendings, seed=2)
    for customer in customers:
        told = Counter((sent.verdict, sent.reason) for sent in answers[customer])
        assert told == {
            (decision_pb2.VERDICT_ALLOW, decision_pb2.DECISION_REASON_PERMITTED): CAP,
            (decision_pb2.VERDICT_DEFER, decision_pb2.DECISION_REASON_BRAND_CAP_REACHED): SENDERS - CAP,
        }
    assert pair.size() == before + CAP * len(customers)


@pytest.mark.parametrize("turns", [30, pytest.param(300, marks=[pytest.mark.long, pytest.mark.timeout(1200)])])
def test_no_question_that_starts_after_an_acknowledged_no_is_answered_allow(
    pair: Pair, crowd: Crowd, turns: int
) -> None:
    turns = pair.some_of(turns)
    customers = [f"leaving-{turns}-{number}" for number in range(turns)]
    asking = crowd.ask(pair.door, customers, seed=turns)
    chance, told = random.Random(turns), Recorder()
    try:
        for turn, customer in enumerate(customers):
            crowd.turn.value = turn
            for time in range(3):
                giver, taker, other = (chance.choice(pair.connections) for _ in range(3))
                _give(told, giver, customer, time)
                for connection in (other, giver, taker):
                    told.ask(customer, partial(_checked, connection, customer), "check")
                # A complaint is never taken back, so it comes last.
                _end(told, taker, customer, time, "complains" if time == 2 else chance.choice(["withdraws", "stops"]))
                for connection in pair.connections:
                    told.ask(customer, partial(_checked, connection, customer), "check")
    finally:
        crowd.over.set()
    history = told.operations + [operation for each in asking for operation in each.result(PATIENCE_SECONDS)]

    assert [str(found) for found in violations(history)] == []
    _assert_telling(history, turns)


def _give(told: Recorder, connection: Connection, customer: str, time: int) -> None:
    request = grant(customer, "till", f"give/{customer}/{time}", email_of(customer))
    told.write(customer, "opens", lambda: connection.ask(connection.permissions.Grant, request), "a grant")


def _end(told: Recorder, connection: Connection, customer: str, time: int, how: str) -> None:
    """Let a customer end the permission in one of three ways, each by an acknowledged write."""
    request_id = f"end/{customer}/{time}"
    stopped = permission_pb2.RefusalScope(contact_point=email_of(customer))
    complaint = customer_service_pb2.ReportContactPointRequest(
        brand=BRAND,
        request_id=request_id,
        contact_point=email_of(customer),
        fact=customer_service_pb2.CONTACT_POINT_FACT_COMPLAINED,
    )
    method, request = {
        "withdraws": (connection.permissions.Withdraw, withdraw(customer, request_id)),
        "stops": (connection.permissions.Withdraw, withdraw(customer, request_id, stopped)),
        "complains": (connection.customers.ReportContactPoint, complaint),
    }[how]
    told.write(customer, "closes", lambda: connection.ask(method, request), f"the customer {how}")


def _assert_telling(history: list[Operation], turns: int) -> None:
    """Fail unless the history could have shown a fault: both answers, and questions in flight across every kind."""
    asked = [each for each in history if each.did == "asks"]
    closing = [each for each in history if each.did == "closes"]
    assert len(closing) == 3 * turns
    assert sum(each.allowed for each in asked) > turns
    assert sum(not each.allowed for each in asked) > turns
    across = [
        each
        for each in asked
        for write in closing
        if each.customer == write.customer and each.start < write.end and write.start < each.end
    ]
    assert len(across) > turns


# --- the checker itself -------------------------------------------------------------------------


def _op(did: Any, start: int, end: int, *, allowed: bool = False) -> Operation:
    return Operation("ada", did, start, end, allowed)


def test_the_checker_names_an_allow_that_began_after_an_acknowledged_withdrawal() -> None:
    history = [_op("opens", 0, 1), _op("closes", 2, 3), _op("asks", 4, 5, allowed=True)]
    (found,) = violations(history)
    assert (found.question, found.ignored) == (history[2], history[1])


def test_the_checker_names_a_no_that_began_after_an_acknowledged_grant() -> None:
    history = [_op("closes", 0, 1), _op("opens", 2, 3), _op("asks", 4, 5)]
    assert len(violations(history)) == 1


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([_op("opens", 0, 1), _op("asks", 2, 4, allowed=True), _op("closes", 3, 5)], id="in flight"),
        pytest.param([_op("opens", 0, 4), _op("closes", 1, 3), _op("asks", 5, 6, allowed=True)], id="order unknown"),
        pytest.param([_op("closes", 0, 1), _op("opens", 3, 9), _op("asks", 4, 5, allowed=True)], id="opening again"),
        pytest.param(
            [_op("opens", 0, 1), _op("closes", 2, NEVER_ANSWERED), _op("asks", 9, 10, allowed=True)], id="lost answer"
        ),
        pytest.param([_op("opens", 0, 1), _op("closes", 2, NEVER_ANSWERED), _op("asks", 9, 10)], id="lost, but counts"),
    ],
)
def test_the_checker_blames_no_answer_that_some_order_explains(history: list[Operation]) -> None:
    assert violations(history) == []


class StaleStore:
    """A store that goes on answering what it read first: what every cache of decisions would be."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[tuple[bytes, ...], Sight | None] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> Sight | None:
        if lookups not in self._kept:
            self._kept[lookups] = self._store.read(brand, lookups)
        return self._kept[lookups]


@pytest.mark.parametrize("stale", [False, True], ids=["honest", "stale"])
def test_the_checker_fails_on_a_store_that_answers_from_an_old_view(
    databases: Databases, tmp_path: Path, *, stale: bool
) -> None:
    installation = Installation(open_parts("sqlite", databases, tmp_path), HandClock())
    store = StaleStore(installation.store) if stale else installation.store
    questions = Questions(store, installation.lookups, installation.policies, installation.clock)
    ada = Identifier(IdentifierKind.CUSTOMER_ID, "ada")
    said = Declaration(
        touchpoint="till",
        language="en",
        method=Method.BUTTON,
        declarant=Declarant.CUSTOMER,
        recorder=WhoRecorded.SYSTEM,
    )
    told = Recorder()

    def allowed() -> bool:
        asked = Question(customer=ada, purpose="marketing.news", channel="email")
        return questions.check(BRAND_ID, asked).decision.verdict is Verdict.ALLOW

    installation.write(ApplyCatalogue(catalogue=catalogues.inbound(apply_request().catalogue)))
    told.write("ada", "opens", lambda: installation.write(Grant(customer=ada, evidence=said)), "a grant")
    assert told.ask("ada", allowed, "check")
    withdrawal = Refuse(kind=RefusalKind.WITHDRAWN, customer=ada, evidence=said)
    told.write("ada", "closes", lambda: installation.write(withdrawal), "a withdrawal")
    told.ask("ada", allowed, "check")
    installation.close()

    found = violations(told.operations)
    assert [each.ignored.what for each in found] == (["a withdrawal"] if stale else [])
