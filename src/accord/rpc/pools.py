"""Threads: one pool for each way of waiting, so that no caller can hold up another kind of call.

Questions wait for nothing; writes wait for a commit; a stream holds its thread as long as its
caller likes, and so does reflection. Streams beyond MAX_STREAMS are refused, not queued.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from queue import SimpleQueue
from typing import Any

from accord.config import Config

MAX_STREAMS = 32
_DESCRIBING_THREADS = 8

_log = logging.getLogger(__name__)


class Pool(ThreadPoolExecutor):
    """Threads that take calls from one queue, and know whether a call is under way.

    grpc uses two things of its pools: `submit`, and `add_done_callback` of what that returns. The futures,
    conditions and locks of the standard pool would cost a check a tenth of all it costs.
    """

    def __init__(self, threads: int, name: str) -> None:
        """Start no thread yet: the first calls do."""
        super().__init__(threads)
        self.threads = threads
        self._name = name
        self._calls: SimpleQueue[tuple[_Ticket, Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        self._to_start = deque(range(threads))
        # Two counters that the interpreter moves in one step each.
        self._begun = count()
        self._ended = count()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> "_Ticket":  # type: ignore[override] # noqa: ANN401 - grpc asks no more of a future
        """Run a call. What it returns or raises is its own affair."""
        next(self._begun)
        ticket = _Ticket()
        self._calls.put((ticket, function, args))
        if self._to_start:
            self._start_thread()
        return ticket

    def busy(self) -> bool:
        """Say whether a call waits or runs."""
        return self.calls() != 0

    def calls(self) -> int:
        """Return how many calls wait or run. To look moves both counters alike."""
        ended = next(self._ended)
        return next(self._begun) - ended

    def _start_thread(self) -> None:
        with suppress(IndexError):  # another call has just started the last one
            number = self._to_start.popleft()
            try:
                threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
            except RuntimeError:
                # No thread is to be had now: those there are take the call, and the next one tries again.
                self._to_start.append(number)

    def _work(self) -> None:
        while True:
            ticket, function, args = self._calls.get()
            try:
                function(*args)
            except BaseException:  # noqa: BLE001 - grpc has answered the caller; the thread lives on
                _log.exception("a call left an exception to its thread")
            next(self._ended)
            try:
                ticket.done()
            except BaseException:  # noqa: BLE001 - the same
                _log.exception("what was told of a call's end failed")
            # Nothing of a call outlives it while the thread waits for the next.
            del ticket, function, args


class _Ticket:
    """What `submit` returns: tells who asked that the call has ended, each of them once."""

    __slots__ = ("_callbacks", "_is_done")

    def __init__(self) -> None:
        self._callbacks: deque[Callable[[Any], object]] = deque()
        self._is_done = False

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call back once the call has ended; at once if it has."""
        self._callbacks.append(callback)
        if self._is_done:
            self.done()

    def done(self) -> None:
        """Note the end. A callback noted meanwhile is taken by one of both who look."""
        self._is_done = True
        while self._callbacks:
            try:
                callback = self._callbacks.popleft()
            except IndexError:
                return
            callback(self)


class Pools:
    """The pools of one server."""

    def __init__(self, config: Config) -> None:
        """Start no thread yet."""
        self.reading = Pool(config.read_threads, "read")
        self.writing = Pool(config.write_threads, "write")
        # More threads than streams, so that one too many is told so.
        self.streaming = Pool(MAX_STREAMS + 8, "stream")
        self.describing = Pool(_DESCRIBING_THREADS, "describe")

    def busy(self) -> bool:
        """Say whether a call of ours is under way; who only looks at us does not count."""
        return any(pool.busy() for pool in (self.reading, self.writing, self.streaming))

    def load(self) -> dict[str, tuple[int, int]]:
        """Return how many calls wait or run in each pool, and how many threads it has."""
        pools = {"read": self.reading, "write": self.writing, "stream": self.streaming, "describe": self.describing}
        return {name: (pool.calls(), pool.threads) for name, pool in pools.items()}
