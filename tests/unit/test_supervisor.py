"""The supervisor, over small real processes that serve nothing: replaced, renewed, drained, on a clock that stands."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from accord.workers.supervisor import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    OVERDUE_SECONDS,
    STEADY_SECONDS,
    Supervisor,
    WorkerFailedError,
    pause_seconds,
)
from accord.workers.worker import START_SECONDS, Worker

DRAIN_SECONDS = 5.0
PATIENCE_SECONDS = 20

PROGRAMS = {
    "serves": "told(); lifeline.recv(1)",
    "fails": "sys.exit(3)",
    "serves and fails": "told(); sys.exit(3)",
    "never serves": "lifeline.recv(1)",
    "never ends": "told(); time.sleep(600)",
}
PREAMBLE = """
import socket, sys, time
lifeline = socket.socket(fileno=int(sys.argv[1]))
told = lambda: lifeline.send(b"+")
"""


class World:
    """A supervisor whose workers run the program that is next, and a clock that a test moves."""

    def __init__(self, count: int = 2) -> None:
        self.now = 0.0
        self.program = "serves"
        self.started: list[tuple[int, Worker]] = []
        self.supervisor = Supervisor(self._start, count, DRAIN_SECONDS, lambda: self.now)

    def _start(self, seat: int, now: float) -> Worker:
        made = Worker((sys.executable, "-c", PREAMBLE + PROGRAMS[self.program]), {}, now)
        self.started.append((seat, made))
        return made

    def look_until(self, seen: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not seen():
            assert time.monotonic() < end, "waited in vain"
            self.supervisor.look()
            time.sleep(0.01)

    def kill(self, number: int) -> None:
        os.kill(number, signal.SIGKILL)
        self.look_until(lambda: number not in self.supervisor.numbers)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.supervisor.start()
    yield made
    for _, worker in made.started:
        worker.kill()


def test_every_seat_has_a_worker_that_serves_before_the_start_is_over(world: World) -> None:
    assert [seat for seat, _ in world.started] == [0, 1]
    assert all(worker.is_serving for _, worker in world.started)
    assert world.supervisor.numbers == [worker.number for _, worker in world.started]


def test_a_worker_that_fails_ends_the_start_and_the_other_workers() -> None:
    world = World()
    world.program = "fails"
    with pytest.raises(WorkerFailedError):
        world.supervisor.start()
    assert [worker.code for _, worker in world.started].count(None) == 0


def test_a_worker_that_ends_is_followed_on_its_own_seat_and_the_other_stays(world: World) -> None:
    first, second = world.supervisor.numbers
    world.kill(second)
    world.look_until(lambda: len(world.started) == 3)
    seat, follower = world.started[2]
    assert seat == 1
    assert world.supervisor.numbers == [first, follower.number]


def test_workers_that_end_soon_again_and_again_are_followed_later_and_later(world: World) -> None:
    world.program = "serves and fails"
    stays = world.supervisor.numbers[0]
    world.kill(world.supervisor.numbers[1])
    starts = []
    # The first was followed at once.
    for _ in range(4):
        began = len(world.started)
        pause = 0.0
        while len(world.started) == began:
            world.supervisor.look()
            if world.supervisor.numbers == [stays] and len(world.started) == began:
                world.now += 0.25
                pause += 0.25
        starts.append(pause)
        world.look_until(lambda: world.supervisor.numbers == [stays])
    assert starts == [0.5, 1.0, 2.0, 4.0]
    assert stays in world.supervisor.numbers


def test_a_worker_that_lived_long_is_followed_at_once_though_some_before_it_had_failed(world: World) -> None:
    for _ in range(3):
        world.look_until(lambda: len(world.supervisor.numbers) == 2)
        world.kill(world.supervisor.numbers[1])
        world.now += LONGEST_PAUSE_SECONDS
    world.look_until(lambda: len(world.supervisor.numbers) == 2)
    world.now += STEADY_SECONDS
    world.kill(world.supervisor.numbers[1])
    # The clock stands: whoever had to wait would never come.
    world.look_until(lambda: len(world.supervisor.numbers) == 2)


@pytest.mark.parametrize(
    ("failures", "pause"),
    [
        (0, 0),
        (1, 0),
        (2, FIRST_PAUSE_SECONDS),
        (3, 1),
        (7, 16),
        (8, LONGEST_PAUSE_SECONDS),
        (10**6, LONGEST_PAUSE_SECONDS),
    ],
)
def test_the_pause_doubles_up_to_the_longest(failures: int, pause: float) -> None:
    assert pause_seconds(failures) == pause


def test_a_worker_that_does_not_come_to_serve_is_killed_and_followed(world: World) -> None:
    world.program = "never serves"
    world.kill(world.supervisor.numbers[1])
    world.look_until(lambda: len(world.started) == 3)
    hung = world.started[2][1]
    world.now += START_SECONDS + 1
    world.program = "serves"
    world.look_until(lambda: len(world.started) == 4)
    assert hung.code == -signal.SIGKILL


def test_a_renewal_replaces_one_worker_after_the_other_and_each_drains_only_when_its_successor_serves(
    world: World,
) -> None:
    before = world.supervisor.numbers
    old = [worker for _, worker in world.started]
    world.supervisor.renew()
    while not set(world.supervisor.numbers).isdisjoint(before) or any(each.code is None for each in old):
        world.supervisor.look()
        serving = [worker for _, worker in world.started if worker.is_serving and worker.code is None]
        assert len(serving) >= 2
        assert sum(worker.code is None for _, worker in world.started) <= 3
        time.sleep(0.005)
    assert [seat for seat, _ in world.started] == [0, 1, 0, 1]
    assert [worker.code for worker in old] == [0, 0]


def test_a_renewal_ends_where_the_new_does_not_come_to_serve_and_who_served_goes_on(world: World) -> None:
    before = world.supervisor.numbers
    world.program = "fails"
    world.supervisor.renew()
    world.look_until(lambda: len(world.started) == 3 and world.started[2][1].code == 3)
    for _ in range(5):
        world.supervisor.look()
    assert world.supervisor.numbers == before
    assert len(world.started) == 3
    world.program = "serves"
    world.supervisor.renew()
    world.look_until(lambda: set(world.supervisor.numbers).isdisjoint(before))


def test_a_worker_that_does_not_end_is_killed_once_it_is_overdue(world: World) -> None:
    world.program = "never ends"
    world.kill(world.supervisor.numbers[0])
    world.look_until(lambda: len(world.started) == 3 and world.started[2][1].is_serving)
    world.program = "serves"
    world.supervisor.renew()
    world.look_until(lambda: len(world.started) == 4 and world.started[3][1].number in world.supervisor.numbers)
    stubborn = world.started[2][1]
    assert stubborn.code is None
    world.now += DRAIN_SECONDS + OVERDUE_SECONDS + 1
    world.look_until(lambda: stubborn.code == -signal.SIGKILL)


def test_the_end_drains_every_worker(world: World) -> None:
    said: list[str] = []
    world.supervisor.stop()
    world.supervisor.run(lambda: said.append("stopping"))
    assert said == ["stopping"]
    assert [worker.code for _, worker in world.started] == [0, 0]
