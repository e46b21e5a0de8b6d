"""One worker process as its supervisor sees it: started, serving, draining, ended.

A worker is a program of its own, started afresh: a copy of this process would take along what
libraries had set up for it.
"""

import logging
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from accord.workers.lifeline import SERVING

START_SECONDS = 120
"""A worker that does not serve by then is hung, and killed."""

_log = logging.getLogger(__name__)


class Worker:
    """A process, and the supervisor's end of its lifeline."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], now: float) -> None:
        """Start it; the last argument it gets is the number of its lifeline."""
        self._ours, theirs = socket.socketpair()
        self._ours.setblocking(False)  # noqa: FBT003 - the library's own way
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - our own program, by its own path
                [*command, str(number)], env=environment, pass_fds=[number], stdin=subprocess.DEVNULL
            )
        self._started = now
        self._kill_time: float | None = now + START_SECONDS
        self._drains = False
        self.is_serving = False

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended, as `subprocess` tells; None while it runs."""
        return self._process.poll()

    def lived_seconds(self, now: float) -> float:
        """Return for how long it has been there."""
        return now - self._started

    def look(self, now: float) -> None:
        """Note whether it serves, and kill it when it takes too long to begin or to end."""
        if not self._drains:
            with suppress(BlockingIOError, ConnectionError):
                if self._ours.recv(1) == SERVING:
                    self.is_serving = True
                    self._kill_time = None
        if self._kill_time is not None and now > self._kill_time and self.code is None:
            _log.warning(
                "worker %d takes too long to %s and is killed", self.number, "end" if self._drains else "start"
            )
            self.kill()

    def drain(self, kill_time: float) -> None:
        """Let it finish the calls under way and end; it is killed at `kill_time`."""
        if not self._drains:
            self._drains = True
            self._kill_time = kill_time
            self._ours.close()

    def kill(self) -> None:
        """End it at once."""
        self._kill_time = None
        self._process.kill()
        self._process.wait()

    def release(self) -> None:
        """Let go of what is left of one that ended."""
        self._ours.close()
