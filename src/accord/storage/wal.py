"""Keeps SQLite's write-ahead log short, away from commits: a checkpoint inside a commit costs it tens of milliseconds.

Passive checkpoints wait for nobody and block nobody; SQLite's own, inside a commit, stays as the
net below, for a log that grows faster than this.
"""

import sqlite3
from contextlib import closing

from sqlalchemy import Engine

from accord.storage.engine import PRAGMAS

EVERY_SECONDS = 1.0


class WalKeeper:
    """Checkpoints one SQLite database, whenever it is told to; does nothing for another database."""

    def __init__(self, engine: Engine) -> None:
        """Open nothing yet."""
        self._path = str(engine.url.database) if engine.dialect.name == "sqlite" else ""

    def checkpoint(self) -> None:
        """Move what nobody reads any more from the log into the database. Raises sqlite3.Error."""
        if not self._path:
            return
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
