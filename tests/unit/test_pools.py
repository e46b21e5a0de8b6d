"""Pools of the server: every call runs, its end is told once, and a pool knows whether it is busy."""

import threading
from collections import Counter
from typing import Any

import pytest

from accord.rpc.call import AtMost
from accord.rpc.pools import Pool


def test_every_call_runs_on_one_of_the_threads_and_no_more_are_started() -> None:
    pool, ran, done = Pool(3, "test"), Counter[str](), threading.Semaphore(0)

    def call() -> None:
        ran[threading.current_thread().name] += 1
        done.release()

    for _ in range(50):
        pool.submit(call)
    for _ in range(50):
        assert done.acquire(timeout=5)
    assert ran.total() == 50
    assert set(ran) <= {"test-0", "test-1", "test-2"}


def test_a_pool_is_busy_while_a_call_waits_or_runs() -> None:
    pool, go, told = Pool(1, "test"), threading.Event(), threading.Semaphore(0)
    assert not pool.busy()
    for _ in range(2):
        pool.submit(go.wait, 5).add_done_callback(lambda _: told.release())
    assert [pool.busy() for _ in range(3)] == [True] * 3
    go.set()
    assert told.acquire(timeout=5)
    assert told.acquire(timeout=5)
    assert [pool.busy() for _ in range(3)] == [False] * 3


@pytest.mark.parametrize("late", [False, True], ids=["before the end", "after the end"])
def test_the_end_of_a_call_is_told_once(*, late: bool) -> None:
    pool, go, told, ended = Pool(1, "test"), threading.Event(), [], threading.Event()
    ticket = pool.submit(go.wait, 5)
    if late:
        ticket.add_done_callback(lambda _: ended.set())
        go.set()
        assert ended.wait(5)
    ticket.add_done_callback(told.append)
    go.set()
    pool.submit(lambda: None).add_done_callback(lambda _: ended.set())
    assert ended.wait(5)
    ticket.done()
    assert told == [ticket]


def test_an_exception_ends_its_call_and_not_the_thread() -> None:
    pool, told = Pool(1, "test"), threading.Semaphore(0)

    def fail() -> None:
        raise RuntimeError("of the call")

    for call in (fail, lambda: None):
        pool.submit(call).add_done_callback(lambda _: told.release())
        assert told.acquire(timeout=5)
    assert not pool.busy()


class EndedError(Exception):
    """What a context raises where a call is ended."""


class Context:
    """A context that keeps the status a call was ended with."""

    def abort_with_status(self, status: Any) -> None:
        self.status = status
        raise EndedError


def test_one_stream_too_many_is_told_so_and_the_next_one_runs_once_a_place_is_free() -> None:
    places, second = AtMost(1, "one runs already"), Context()
    first: Any = Context()
    with places.one_more(first):
        with pytest.raises(EndedError), places.one_more(second):  # type: ignore[arg-type] # all that is asked of a context
            pytest.fail("a second one ran")
        assert second.status.code.name == "RESOURCE_EXHAUSTED"
    with pytest.raises(EndedError), places.one_more(first):
        raise EndedError
    with places.one_more(first):
        pass
