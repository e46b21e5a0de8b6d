"""Keeps SQLite's write-ahead log short, away from commits: a checkpoint inside a commit costs it tens of milliseconds.

Passive checkpoints wait for nobody and block nobody; SQLite's own, inside a commit, stays as the
net below, for a log that grows faster than this.
"""

import logging
import sqlite3
import threading
import time
from contextlib import closing

from sqlalchemy import Engine

from accord.storage.engine import PRAGMAS

EVERY_SECONDS = 1.0

TRUNCATE_SECONDS = 10.0
"""How long an erasure waits for readers who still need the log."""

_log = logging.getLogger(__name__)


class WalKeeper:
    """A thread that checkpoints one SQLite database; nothing at all for another database."""

    def __init__(self, engine: Engine) -> None:
        """Prepare; `start` begins."""
        self._path = str(engine.url.database) if engine.dialect.name == "sqlite" else ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wal", daemon=True)

    def start(self) -> None:
        """Begin."""
        if self._path:
            self._thread.start()

    def stop(self) -> None:
        """End; a checkpoint under way finishes."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            try:
                self._checkpoint()
            except sqlite3.Error as error:
                _log.warning("the write-ahead log was not checkpointed: %s", type(error).__name__)

    def _checkpoint(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def truncate_wal(engine: Engine) -> bool:
    """Move everything from SQLite's log into its database, and empty the log; say whether that was done.

    With `secure_delete` nothing deleted is left then. True for another database too: it has no such log.
    """
    if engine.dialect.name != "sqlite":
        return True
    ends = time.monotonic() + TRUNCATE_SECONDS
    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        connection.execute("PRAGMA busy_timeout=200")
        while True:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy or time.monotonic() > ends:
                return not busy
