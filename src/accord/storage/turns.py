"""Turns: processes that write to one SQLite database let each other in between two commits.

SQLite's own waiting looks again only every tenth of a second once it has waited a while, so whoever
commits without pause keeps the others out. This looks often enough to find the moment between two
commits. It is manners, not a lock: whose turn does not come in time, or who cannot take part, goes on
to SQLite's lock all the same, and nothing is safe by it.
"""

import fcntl
import os
import time

LOOK_SECONDS = 0.0003
"""Shorter than what lies between two commits."""

NO_TURN = -1


def take_turn(database: str, seconds: float) -> int:
    """Wait for no other process to write, so long at most; return what `end_turn` takes."""
    try:
        turn = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return NO_TURN
    deadline = time.monotonic() + seconds
    while not _taken(turn) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return turn


def end_turn(turn: int) -> None:
    """Let the next one write. A process that dies ends its turn."""
    if turn != NO_TURN:
        os.close(turn)


def _taken(turn: int) -> bool:
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
