"""One writer for each process: judges what is queued in order under the head's lock, and commits it together.

Callers hand over requests and wait. A thread takes all that is queued, brand by brand, lingering a
moment only when more than one waits (a single caller never waits for company). A commit is shared
by all of its requests: either every one of them is durable when it is answered, or none is.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import BrandId, Instant
from accord.ledger.keyring import FencedError, Keyring, OutsideCopy, Signer
from accord.ledger.lookup import Lookups
from accord.ledger.store import LedgerStore, StoreUnavailableError, TreeHead, View, Writing
from accord.service.answers import Request, Result
from accord.service.errors import CallError, customer_erased, store_unavailable
from accord.service.guard import keep_outside
from accord.service.policies import Policies
from accord.service.sitting import Sitting
from accord.service.wanted import wanted_by

MAX_QUEUED = 4096
"""Requests queued at most; beyond it callers are told to come again."""

MAX_COMMIT = 1024
"""Requests in one commit at most."""

LINGER_SECONDS = 0.0007
"""How long the writer waits for company once more than one request is queued."""

Clock = Callable[[], Instant]
NameLedger = Callable[[BrandId], str]

_log = logging.getLogger(__name__)


class WriteTally(Protocol):
    """Counts what writing costs, on the thread that pays; neither waits nor raises."""

    def committed(self, requests: int, seconds: float) -> None:
        """Count a commit: its requests, and how long it took from asking for the lock until it was durable."""
        ...

    def waited(self, queued: float, taken: float, done: float) -> None:
        """Count a wait, on the caller's own thread: when queued, taken and done, by `time.perf_counter`."""
        ...


class _Waiting:
    """Requests handed over together, and their results once committed.

    `undone` is a lock that is held until then: an event would make a condition for each write.
    """

    __slots__ = ("brand", "error", "queued", "requests", "results", "taken", "undone")

    def __init__(self, brand: BrandId, requests: list[Request]) -> None:
        self.brand = brand
        self.requests = requests
        self.results: list[Result] = []
        self.error: Exception | None = None
        self.queued = self.taken = time.perf_counter()
        self.undone = threading.Lock()
        self.undone.acquire()


class Writer:
    """The only way anything is appended."""

    def __init__(  # noqa: PLR0913 - everything a commit needs
        self,
        store: LedgerStore,
        keyring: Keyring,
        lookups: Lookups,
        policies: Policies,
        outside: OutsideCopy,
        signer: Signer,
        clock: Clock,
        name_ledger: NameLedger,
        tally: WriteTally,
    ) -> None:
        """Prepare; `start` begins."""
        self._store = store
        self._keyring = keyring
        self._lookups = lookups
        self._policies = policies
        self._outside = outside
        self._signer = signer
        self._clock = clock
        self._name_ledger = name_ledger
        self._tally = tally
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to take requests."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new requests, write what is queued, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def queued(self) -> int:
        """How many requests wait for their commit."""
        return self._queued

    def submit(self, brand: BrandId, requests: list[Request]) -> list[Result]:
        """Return a result for each request, in order, once all are durable. At most MAX_COMMIT at a time.

        Raises CallError when nothing could be judged: overloaded, stopping, the database away.
        """
        waiting = _Waiting(brand, requests)
        with self._changed:
            if self._stopping:
                raise CallError(Problem(ErrorReason.STOPPING, "the server is stopping"))
            if self._queued + len(requests) > MAX_QUEUED:
                raise CallError(
                    Problem(ErrorReason.OVERLOADED, "too much is queued already", (), {"limit": str(MAX_QUEUED)})
                )
            self._queue.append(waiting)
            self._queued += len(requests)
            self._changed.notify()
        waiting.undone.acquire()
        self._tally.waited(waiting.queued, waiting.taken, time.perf_counter())
        if waiting.error is not None:
            raise waiting.error
        return waiting.results

    def write(self, brand: BrandId, requests: list[Request]) -> list[Result]:
        """Judge and commit now, on the caller's own thread; for loaders and erasures, which wait for nobody."""
        with self._store.write(brand) as writing:
            return self._commit(brand, requests, writing)

    def rehearse(self, brand: BrandId, requests: list[Request]) -> list[Result]:
        """Judge on the newest state, each on the result of those before it, and write nothing.

        On the caller's own thread, and under the head's lock, since what is judged on must be of one instant.
        """
        with self._store.write(brand) as writing:
            view, policy = self._load(brand, requests, writing)
            sitting = Sitting(self._lookups, view, policy, self._clock())
            for request in requests:
                sitting.judge(request)
            return sitting.rehearsed()

    def _run(self) -> None:
        while self._await_company():
            group = self._take()
            try:
                self._write_group(group)
            finally:
                for waiting in group:
                    waiting.undone.release()

    def _await_company(self) -> bool:
        """Wait for requests, and a moment longer when they come in crowds; False when stopping and none is left."""
        with self._changed:
            while not self._queue:
                if self._stopping:
                    return False
                self._changed.wait()
            crowded = len(self._queue) > 1
        if crowded:
            time.sleep(LINGER_SECONDS)
        return True

    def _take(self) -> list[_Waiting]:
        """Return what is queued for the brand that has waited longest, oldest first."""
        with self._changed:
            brand, size = self._queue[0].brand, 0
            group: list[_Waiting] = []
            others: deque[_Waiting] = deque()
            while self._queue:
                waiting = self._queue.popleft()
                if waiting.brand != brand:
                    others.append(waiting)
                elif group and size + len(waiting.requests) > MAX_COMMIT:
                    others.append(waiting)
                    break
                else:
                    group.append(waiting)
                    size += len(waiting.requests)
            others.extend(self._queue)
            self._queue = others
            self._queued -= size
        now = time.perf_counter()
        for waiting in group:
            waiting.taken = now
        return group

    def _write_group(self, group: list[_Waiting]) -> None:
        live = [waiting for waiting in group if not _late(waiting)]
        if not live:
            return
        try:
            self._write_together(live)
        except (StoreUnavailableError, CallError) as error:
            known = error if isinstance(error, CallError) else CallError(store_unavailable())
            _log.warning("commit failed: %s", known.problem.reason, exc_info=error)
            for waiting in live:
                waiting.error = known
        except Exception as error:  # noqa: BLE001 - one faulty request must not take the others down
            if len(live) == 1:
                live[0].error = CallError(customer_erased()) if isinstance(error, FencedError) else error
                return
            for waiting in live:
                self._write_group([waiting])

    def _write_together(self, live: list[_Waiting]) -> None:
        requests = [request for waiting in live for request in waiting.requests]
        start_time = time.perf_counter()
        with self._store.write(live[0].brand) as writing:
            results = self._commit(live[0].brand, requests, writing)
        self._tally.committed(len(requests), time.perf_counter() - start_time)
        start = 0
        for waiting in live:
            waiting.results = results[start : start + len(waiting.requests)]
            start += len(waiting.requests)

    def _commit(self, brand: BrandId, requests: list[Request], writing: Writing) -> list[Result]:
        view, policy = self._load(brand, requests, writing)
        sitting = Sitting(self._lookups, view, policy, self._clock())
        for request in requests:
            sitting.judge(request)
        batch, results = sitting.end(lambda refs: self._keyring.make(brand, refs))
        if batch is not None:
            if writing.head is None and batch.entries:
                # Kept before the commit: a ledger that exists always has a checkpoint outside.
                keep_outside(self._outside, view.head, self._signer)
            writing.commit(batch)
        return results

    def _load(self, brand: BrandId, requests: list[Request], writing: Writing) -> tuple[View, Policy | None]:
        if writing.head is None:
            return View(self._begun(brand), {}, {}, {}, {}, {}), None
        view = writing.load(wanted_by(self._lookups, writing.head, requests))
        return view, self._policies.of(view.head)

    def _begun(self, brand: BrandId) -> TreeHead:
        newest = self._lookups.of(self._lookups.newest_epoch)
        ledger = self._name_ledger(brand)
        return TreeHead(brand=brand, ledger=ledger, pepper_epoch=newest.epoch, pepper_check=newest.check)


def _late(waiting: _Waiting) -> bool:
    """Say whether every request of the group has passed its deadline, and tell it so."""
    deadlines = [request.deadline for request in waiting.requests if request.deadline is not None]
    if len(deadlines) == len(waiting.requests) and deadlines and time.monotonic() > max(deadlines):
        waiting.error = CallError(
            Problem(ErrorReason.DEADLINE_PASSED, "the deadline passed while queued; nothing was written")
        )
        return True
    return False
