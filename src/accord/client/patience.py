"""How long a call may take, and when it is tried again.

One deadline binds all attempts of a call together. The pause between two doubles, up to a second,
and is blurred by chance so that many callers don't come back at the same instant; a server that says
how long it wants to be left alone is obeyed. Holds no clock and no chance: both are handed in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accord.client.failures import CallFailedError

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """For one kind of call: all attempts end within `timeout_seconds`; at most `attempts` of them, 0 for no limit."""

    timeout_seconds: float
    attempts: int = 0


FOR_QUESTIONS = Patience(timeout_seconds=2, attempts=3)
"""A customer may be waiting, and a no costs little: where nobody listens it comes within a fifth of a second."""

FOR_WRITES = Patience(timeout_seconds=10)
"""What a customer said must not be lost to a restart, so it is tried until the time is up."""


class Attempts:
    """The attempts of one call."""

    def __init__(self, patience: Patience, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        """Begin to count; `clock` gives seconds that never go back, `chance` a number from 0 to 1."""
        self._patience = patience
        self._clock = clock
        self._chance = chance
        self._deadline = clock() + patience.timeout_seconds
        self._made = 0

    def seconds_left(self) -> float:
        """Return how long the next attempt may take."""
        return max(self._deadline - self._clock(), 0.0)

    def pause_after(self, failure: CallFailedError) -> float | None:
        """Return how many seconds to wait before the next attempt. None: there is none, the failure stands."""
        self._made += 1
        if not failure.transient or self._made == self._patience.attempts:
            return None
        longest = min(FIRST_PAUSE_SECONDS * 2 ** min(self._made - 1, 10), LONGEST_PAUSE_SECONDS)
        pause = failure.retry_seconds + longest * (1 + self._chance()) / 2
        return pause if pause < self.seconds_left() else None
