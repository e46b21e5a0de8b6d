"""Followers: steps taken again and again beside the serving, in the process that was started, never in its workers.

A step brings what it keeps up to the ledger's end and returns; what it has reached, it knows from
what it keeps, so that it can be stopped, killed or run twice. One that fails is told in the log and
tried again at its next time. What several servers must not do at once has a leader among them.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

_log = logging.getLogger(__name__)


class Leader(Protocol):
    """Knows whether this server leads what it is asked for."""

    def leads(self) -> bool:
        """Say whether this server leads now, becoming the leader where there is none."""
        ...

    def resign(self) -> None:
        """Let another one lead."""
        ...


class Follower(Struct, frozen=True, kw_only=True):
    """One thing kept up. Without a `leader` every server does it for itself."""

    name: str
    every_seconds: float
    step: Callable[[], object]
    leader: Leader | None = None


class Followers:
    """Runs followers, each on a thread of its own, from `start` to `stop`."""

    def __init__(self, *followers: Follower) -> None:
        """Prepare; nothing runs yet."""
        self._followers = followers
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; every first step comes after its follower's time."""
        for follower in self._followers:
            thread = threading.Thread(target=self._run, args=(follower,), name=follower.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End; steps under way finish. Stopping again, or before the start, does nothing."""
        self._stopping.set()
        while self._threads:
            self._threads.pop().join()

    def _run(self, follower: Follower) -> None:
        while not self._stopping.wait(follower.every_seconds):
            take_step(follower)
        if follower.leader is not None:
            follower.leader.resign()


def take_step(follower: Follower) -> None:
    """Take one step where this server leads; a failure is told by its kind, since its text may quote what it met."""
    try:
        if follower.leader is None or follower.leader.leads():
            follower.step()
    except Exception as error:  # noqa: BLE001 - the next step may succeed, and the serving must go on
        _log.warning("%s was not kept up: %s", follower.name, type(error).__name__)
