"""Keeps as many workers serving as were asked for: replaces what crashes, renews all on request, drains all at the end.

Every worker sits on a seat, which is a core. A worker that ends unasked is followed by another, at
once the first time, later and later when one after another ends soon: a fault that stays must not
burn the machine that the others serve on. Renewing goes seat by seat, and a worker drains only once
its successor serves; where a successor does not come to serve, the renewal ends and who served goes on.

One thread looks at everything, every LOOK_SECONDS; signals only leave a note.
"""

import logging
import time
from collections import deque
from collections.abc import Callable

from accord.workers.worker import Worker

LOOK_SECONDS = 0.05
STEADY_SECONDS = 10.0
"""A worker that lived so long did not fail at its start."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

OVERDUE_SECONDS = 40.0
"""How long after the time to drain a worker is killed: a write may wait half a minute for its lock."""

Start = Callable[[int, float], Worker]
"""Starts the worker of a seat, 0 and up, at an instant of the clock."""

_log = logging.getLogger(__name__)


class WorkerFailedError(Exception):
    """A worker ended before it ever served, while the server was starting."""


class _Seat:
    """A core, and who serves on it: a worker, perhaps its successor, perhaps who leaves."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.worker: Worker | None = None
        self.successor: Worker | None = None
        self.leaving: Worker | None = None
        self.failures = 0
        self.start_time = 0.0

    def workers(self) -> list[Worker]:
        return [each for each in (self.worker, self.successor, self.leaving) if each is not None]


class Supervisor:
    """Supervises; use from one thread, but for `renew` and `stop`, which any signal may call."""

    def __init__(
        self, start: Start, count: int, drain_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start nothing yet."""
        self._start = start
        self._seats = [_Seat(index) for index in range(count)]
        self._to_renew: deque[_Seat] = deque()
        self._renewing: _Seat | None = None
        self._drain_seconds = drain_seconds
        self._clock = clock
        self._renewal_asked = False
        self._stop_asked = False

    @property
    def numbers(self) -> list[int]:
        """The process number of the worker on every seat that has one."""
        return [seat.worker.number for seat in self._seats if seat.worker is not None]

    def renew(self) -> None:
        """Ask for every worker to be followed by a new one."""
        self._renewal_asked = True

    def stop(self) -> None:
        """Ask for the end."""
        self._stop_asked = True

    def start(self) -> None:
        """Start every worker; return once all serve, or the end was asked for. Raises WorkerFailedError."""
        try:
            for seat in self._seats:
                seat.worker = self._start(seat.index, self._clock())
            while not (self._stop_asked or self._all_serve()):
                time.sleep(LOOK_SECONDS)
        except BaseException:
            self._drain()
            raise

    def run(self, at_end: Callable[[], object]) -> None:
        """Keep them serving until the end is asked for, call `at_end`, and return once all have drained and ended."""
        try:
            while not self._stop_asked:
                self.look()
                time.sleep(LOOK_SECONDS)
            at_end()
        finally:
            self._drain()

    def look(self) -> None:
        """Do what is to be done now."""
        self._look_at_all()
        now = self._clock()
        for seat in self._seats:
            self._replace_ended(seat, now)
        if self._renewal_asked:
            self._renewal_asked = False
            _log.info("every worker is renewed, one after the other")
            self._to_renew = deque(self._seats)
        self._renew_on(now)

    def _all_serve(self) -> bool:
        workers = self._look_at_all()
        if any(worker.code is not None for worker in workers):
            raise WorkerFailedError("a worker ended before it served")
        return all(worker.is_serving for worker in workers)

    def _look_at_all(self) -> list[Worker]:
        now = self._clock()
        workers = [worker for seat in self._seats for worker in seat.workers()]
        for worker in workers:
            worker.look(now)
        return workers

    def _replace_ended(self, seat: _Seat, now: float) -> None:
        worker = seat.worker
        if worker is not None and worker.code is not None:
            seat.worker = None
            worker.release()
            soon = worker.lived_seconds(now) < STEADY_SECONDS
            seat.failures = seat.failures + 1 if soon else 0
            pause = pause_seconds(seat.failures)
            seat.start_time = now + pause
            _log.warning("worker %d ended with %s; another follows in %.1f s", worker.number, worker.code, pause)
        if seat.worker is None and seat.successor is None and now >= seat.start_time:
            seat.worker = self._start(seat.index, now)

    def _renew_on(self, now: float) -> None:
        """Take the renewal a step on, where something has changed."""
        seat = self._renewing
        if seat is None:
            if self._to_renew:
                self._renewing = seat = self._to_renew.popleft()
                seat.successor = self._start(seat.index, now)
        elif seat.successor is not None:
            self._succeed(seat, seat.successor, now)
        elif seat.leaving is None or seat.leaving.code is not None:
            seat.leaving = self._renewing = None

    def _succeed(self, seat: _Seat, successor: Worker, now: float) -> None:
        if successor.code is not None:
            successor.release()
            seat.successor = self._renewing = None
            self._to_renew.clear()
            _log.error("a new worker ended before it served: those that serve go on, the rest is not renewed")
        elif successor.is_serving:
            seat.leaving, seat.worker, seat.successor = seat.worker, successor, None
            seat.failures = 0
            if seat.leaving is not None:
                seat.leaving.drain(self._drained_by(now))

    def _drained_by(self, now: float) -> float:
        return now + self._drain_seconds + OVERDUE_SECONDS

    def _drain(self) -> None:
        """Let every worker finish and end, the slow ones by force."""
        now = self._clock()
        for worker in self._look_at_all():
            worker.drain(self._drained_by(now))
        while any(worker.code is None for worker in self._look_at_all()):
            time.sleep(LOOK_SECONDS)


def pause_seconds(failures: int) -> float:
    """Return how long to wait before the next worker, when so many in a row ended soon: 0, 0, 0.5, 1, 2 and so on."""
    if failures <= 1:
        return 0.0
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 2, 10), LONGEST_PAUSE_SECONDS)
