"""Who among servers of one PostgreSQL does what only one should: whoever holds an advisory lock of the database.

The lock belongs to a connection: when its server dies, the database lets go of it and another one
leads. SQLite has one machine, and whoever asks there leads.
"""

from hashlib import sha256

from sqlalchemy import Connection, Engine

from accord.storage.engine import translated


class AdvisoryLeader:
    """Leads one thing, named by `what`, among all servers of the database. For one thread."""

    def __init__(self, engine: Engine, what: str) -> None:
        """Lead nothing yet. The engine is one that keeps no connection: the lock has one of its own."""
        self._engine = engine
        # The lock's number is 64 bits with a sign.
        self._key = int.from_bytes(sha256(f"accord/{what}".encode()).digest()[:8], signed=True)
        self._connection: Connection | None = None

    def leads(self) -> bool:
        """Say whether this server leads now, becoming the leader where there is none. Raises StoreUnavailableError."""
        if self._engine.dialect.name == "sqlite":
            return True
        try:
            with translated():
                if self._connection is None:
                    self._connection = self._connected()
                    return self._try_lock(self._connection)
                # A connection that is gone took the lock with it.
                self._connection.exec_driver_sql("SELECT 1")
                return True
        except BaseException:
            self.resign()
            raise

    def resign(self) -> None:
        """Let another one lead."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _connected(self) -> Connection:
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _try_lock(self, connection: Connection) -> bool:
        (locked,) = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (self._key,)).one()
        if not locked:
            self.resign()
        return bool(locked)
