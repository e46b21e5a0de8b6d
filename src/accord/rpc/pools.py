"""Threads: one pool for each way of waiting, so that no caller can hold up another kind of call.

Questions wait for nothing; writes wait for a commit; a stream holds its thread as long as its
caller likes, and so does reflection. Streams beyond MAX_STREAMS are refused, not queued.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from accord.config import Config

MAX_STREAMS = 32
_DESCRIBING_THREADS = 8


class CountingPool(ThreadPoolExecutor):
    """A pool that knows how many of its calls are under way."""

    def __init__(self, threads: int, name: str) -> None:
        """Start no thread yet."""
        super().__init__(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self.underway = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as its base
        """Run a call."""
        with self._lock:
            self.underway += 1
        future = super().submit(function, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: Future[Any]) -> None:
        with self._lock:
            self.underway -= 1


class Pools:
    """The pools of one server."""

    def __init__(self, config: Config) -> None:
        """Start no thread yet."""
        self.reading = CountingPool(config.read_threads, "read")
        self.writing = CountingPool(config.write_threads, "write")
        # More threads than streams, so that one too many is told so.
        self.streaming = CountingPool(MAX_STREAMS + 8, "stream")
        self.describing = CountingPool(_DESCRIBING_THREADS, "describe")

    def busy(self) -> bool:
        """Say whether a call of ours is under way; who only looks at us does not count."""
        return any(pool.underway for pool in (self.reading, self.writing, self.streaming))
