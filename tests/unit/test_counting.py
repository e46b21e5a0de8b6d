"""Counts: none is lost, whoever counts and whoever reads meanwhile; a value falls into the bucket it fits."""

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from accord.telemetry.counting import Counter, Histogram, Spread

THREADS, EACH = 8, 20_000


@pytest.fixture(autouse=True)
def _hasty() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _everywhere(count: Callable[[int], None], read: Callable[[], object]) -> None:
    """Count from many threads at once, and read all the while."""
    ready = threading.Barrier(THREADS + 1)

    def run(number: int) -> None:
        ready.wait()
        for turn in range(EACH):
            count(number + turn)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    ready.wait()
    while any(thread.is_alive() for thread in threads):
        read()
    for thread in threads:
        thread.join()


def test_no_count_is_lost_between_threads_that_come_and_go() -> None:
    counter: Counter[str] = Counter()
    for _ in range(2):
        _everywhere(lambda number: counter.add("even" if number % 2 == 0 else "odd"), counter.read)
    assert counter.read() == {"even": THREADS * EACH, "odd": THREADS * EACH}


def test_keys_that_appear_while_somebody_reads_are_counted() -> None:
    counter: Counter[int] = Counter()
    _everywhere(counter.add, counter.read)
    assert sum(counter.read().values()) == THREADS * EACH
    assert set(counter.read()) == set(range(THREADS + EACH - 1))


def test_no_value_of_a_histogram_is_lost_between_threads() -> None:
    histogram: Histogram[str] = Histogram((1, 2))
    _everywhere(lambda number: histogram.add("it", number % 4), histogram.read)
    spread = histogram.read()["it"]
    assert spread.count == THREADS * EACH
    quarter = THREADS * EACH // 4
    assert spread == Spread((2 * quarter, quarter, quarter), 6.0 * quarter)


def test_a_count_only_grows_for_who_reads() -> None:
    counter: Counter[str] = Counter()
    seen: list[int] = []
    _everywhere(lambda _: counter.add("it"), lambda: seen.append(counter.read().get("it", 0)))
    assert seen == sorted(seen)


def test_a_value_on_the_end_of_a_bucket_belongs_to_it() -> None:
    histogram: Histogram[tuple[()]] = Histogram((0.1, 0.5))
    for value in (0.1, 0.1000001, 0.5, 0.6, 0):
        histogram.add((), value)
    assert histogram.read()[()].counts == (2, 2, 1)


def test_what_was_never_counted_is_not_told() -> None:
    assert Counter[str]().read() == {}
    assert Histogram[str]((1,)).read() == {}
