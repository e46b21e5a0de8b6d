"""When a call is tried again, and how long it waits first."""

import pytest

from accord.client import CallFailedError
from accord.client.patience import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Attempts, Patience


def failure(*, transient: bool = True, retry_seconds: float = 0) -> CallFailedError:
    made = CallFailedError("STOPPING", "the server is stopping", {}, {})
    made.transient = transient
    made.retry_seconds = retry_seconds
    return made


def attempts(patience: Patience, chance: float = 1.0) -> tuple[Attempts, list[float]]:
    """Return the attempts of a call begun at second 100, and the clock to move."""
    now = [100.0]
    return Attempts(patience, lambda: now[0], lambda: chance), now


def test_pauses_double_up_to_the_longest() -> None:
    made, _ = attempts(Patience(1_000))
    pauses = [made.pause_after(failure()) for _ in range(7)]
    assert pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0])
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)


def test_chance_shortens_a_pause_to_its_half_at_most() -> None:
    assert attempts(Patience(10), chance=0.0)[0].pause_after(failure()) == pytest.approx(FIRST_PAUSE_SECONDS / 2)


def test_a_server_that_says_how_long_to_wait_is_obeyed() -> None:
    made, _ = attempts(Patience(10))
    assert made.pause_after(failure(retry_seconds=3)) == pytest.approx(3 + FIRST_PAUSE_SECONDS)


def test_no_attempt_begins_after_the_deadline() -> None:
    made, now = attempts(Patience(10))
    now[0] += 9.96
    assert made.seconds_left() == pytest.approx(0.04)
    assert made.pause_after(failure()) is None
    assert attempts(Patience(2))[0].pause_after(failure(retry_seconds=3)) is None
    now[0] += 5
    assert made.seconds_left() == 0.0


def test_what_cannot_pass_is_not_tried_again() -> None:
    assert attempts(Patience(10))[0].pause_after(failure(transient=False)) is None


def test_attempts_are_counted() -> None:
    made, _ = attempts(Patience(1_000, attempts=3))
    assert [made.pause_after(failure()) is None for _ in range(3)] == [False, False, True]
