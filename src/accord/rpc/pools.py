"""Threads: one pool for each way of waiting, so that no caller can hold up another kind of call.

Questions wait for nothing; writes wait for a commit; a stream holds its thread as long as its
caller likes, and so does reflection. Streams beyond MAX_STREAMS are refused, not queued.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any

from accord.config import Config

MAX_STREAMS = 32
_DESCRIBING_THREADS = 8


class CountingPool(ThreadPoolExecutor):
    """A pool that knows whether any of its calls is under way.

    Two counters that the interpreter moves in one step each: a lock and a callback for every call
    would cost a check a tenth of all it costs.
    """

    def __init__(self, threads: int, name: str) -> None:
        """Start no thread yet."""
        super().__init__(threads, thread_name_prefix=name)
        self._begun = count()
        self._ended = count()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as its base
        """Run a call."""
        next(self._begun)
        return super().submit(self._counted, function, args, kwargs)

    def busy(self) -> bool:
        """Say whether a call waits or runs. To look moves both counters alike."""
        ended = next(self._ended)
        return next(self._begun) != ended

    def _counted(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401 - the call's
        try:
            return function(*args, **kwargs)
        finally:
            next(self._ended)


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
        return any(pool.busy() for pool in (self.reading, self.writing, self.streaming))
