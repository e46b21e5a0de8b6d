"""Followers go on whatever one step meets, and only where they lead."""

import logging
import threading

import pytest

from accord.followers.follower import Follower, Followers

PATIENCE_SECONDS = 20


class Steps:
    """A step that counts, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.taken = 0
        self._failures = failures
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.taken += 1
            self._changed.notify_all()
        if self.taken <= self._failures:
            raise ValueError("ada@example.com")

    def wait_until(self, taken: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.taken >= taken, PATIENCE_SECONDS)


class Ballot:
    """A leader by turns, as told."""

    def __init__(self, turns: list[bool]) -> None:
        self._turns = turns
        self.asked = threading.Event()
        self.resigned = 0

    def leads(self) -> bool:
        if len(self._turns) == 1:
            self.asked.set()
            return self._turns[0]
        return self._turns.pop(0)

    def resign(self) -> None:
        self.resigned += 1


def test_a_follower_steps_again_and_again_until_it_is_stopped() -> None:
    steps = Steps()
    followers = Followers(Follower(name="counting", every_seconds=0.001, step=steps))
    followers.start()
    steps.wait_until(3)
    followers.stop()
    taken = steps.taken
    followers.stop()
    assert steps.taken == taken
    assert not [thread for thread in threading.enumerate() if thread.name == "counting"]


def test_a_step_that_fails_is_told_by_its_kind_alone_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps(failures=2)
    with caplog.at_level(logging.WARNING):
        followers = Followers(Follower(name="counting", every_seconds=0.001, step=steps))
        followers.start()
        steps.wait_until(4)
        followers.stop()
    assert [record.getMessage() for record in caplog.records] == ["counting was not kept up: ValueError"] * 2


def test_one_that_fails_holds_up_no_other() -> None:
    failing, other = Steps(failures=10**9), Steps()
    followers = Followers(
        Follower(name="failing", every_seconds=0.001, step=failing),
        Follower(name="other", every_seconds=0.001, step=other),
    )
    followers.start()
    failing.wait_until(2)
    other.wait_until(3)
    followers.stop()


def test_only_a_leader_takes_steps_and_it_resigns_at_the_end() -> None:
    steps, ballot = Steps(), Ballot([False, True, False, True, False])
    followers = Followers(Follower(name="led", every_seconds=0.001, step=steps, leader=ballot))
    followers.start()
    assert ballot.asked.wait(PATIENCE_SECONDS)
    followers.stop()
    assert (steps.taken, ballot.resigned) == (2, 1)
