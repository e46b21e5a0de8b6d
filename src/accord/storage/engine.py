"""Connections: how each database is opened, and how its errors become ours.

SQLite: WAL, synchronous=FULL (what is acknowledged survives a power cut), writes begin IMMEDIATE so
that the lock is taken before anything is read. PostgreSQL: psycopg 3, its defaults, which are
durable. Both wait for a lock at most LOCK_SECONDS.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from accord.ledger.store import StoreFaultError, StoreUnavailableError
from accord.storage.turns import NO_TURN, end_turn, take_turn

LOCK_SECONDS = 30
_TYPES: dict[type, str] = {
    BigInteger: "bigint",
    Integer: "integer",
    LargeBinary: "bytea",
    SmallInteger: "smallint",
    Text: "text",
}
MANY = 16
"""Rows from which on PostgreSQL is told of them as arrays: fewer cost more to pack than they save."""
_INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\) VALUES \((?:\?(?:, )?)+\)(.*)")
CACHE_KIB = 8192
"""A small page cache: commits of other processes empty it, and the operating system caches better."""

PRAGMAS = (
    "PRAGMA page_size=8192",  # an entry fills a fifth of a page of 4096 with waste; for new databases only
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}",
    f"PRAGMA cache_size=-{CACHE_KIB}",
    "PRAGMA wal_autocheckpoint=16000",
    "PRAGMA secure_delete=ON",
)


def open_engine(url: str, *, pool_size: int = 8) -> Engine:
    """Return the engine of a database, `sqlite:///FILE` or `postgresql://…`. Raises ValueError for another.

    `pool_size` 0 keeps no connection: each use opens one, and so goes where a new one leads now.
    """
    pooled: dict[str, Any] = {"poolclass": NullPool}
    if pool_size:
        pooled = {"pool_size": pool_size, "max_overflow": pool_size}
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("a database is named by a URL: sqlite:///FILE or postgresql://…") from None
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        timeouts = f"-c lock_timeout={LOCK_SECONDS}s"
        return create_engine(
            parsed,
            **pooled,
            hide_parameters=True,
            # No pre-ping: a connection replaced in silence would be used before the ledger is proven anew.
            pool_pre_ping=False,
            connect_args={"options": timeouts, "connect_timeout": 10, "prepare_threshold": 1},
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        engine = create_engine(parsed, **pooled, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    raise ValueError("a database is named by a URL: sqlite:///FILE or postgresql://…")


Errors = tuple[type[Exception], ...]


def _away() -> Errors:
    """Return what is raised where a database is away."""
    drivers = _drivers()
    own = (each for driver in drivers for each in (driver.OperationalError, driver.InterfaceError))
    return (OperationalError, InterfaceError, PoolTimeoutError, *own)


def _refused() -> Errors:
    """Return what is raised where a database does not do what it is told."""
    return (DBAPIError, *(driver.Error for driver in _drivers()))


def _drivers() -> list[Any]:
    """Return the drivers that raise errors of their own: those that are loaded, which is where a database is opened."""
    return [sys.modules[name] for name in ("sqlite3", "psycopg") if name in sys.modules]


@contextmanager
def translated() -> Iterator[None]:
    """Turn a database that is away into StoreUnavailableError, and one that refuses into StoreFaultError."""
    try:
        yield
    except _away() as error:
        raise StoreUnavailableError("the database did not answer") from error
    except _refused() as error:
        raise StoreFaultError("the database refused a statement") from error


def in_dialect(engine: Engine, sql: str) -> str:
    """Return a statement with the marks of the driver; no statement has a question mark otherwise."""
    return sql if engine.dialect.name == "sqlite" else _with_percent_marks(sql)


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
    connection.isolation_level = None  # the driver emits no BEGIN of its own: `transaction` does
    for pragma in PRAGMAS:
        connection.execute(pragma)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Yield a connection inside a write transaction; commit on leaving, roll back on an exception."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.commit()


Row = tuple[Any, ...]
Statement = tuple[str, tuple[Any, ...]]


class Driver:
    """The driver's own connection, lent by the pool for one transaction.

    Statements are constants with `?` marks; a list of keys stands where one says `= ANY(?)`, last. What
    goes together is told together, so that PostgreSQL takes it in one round trip. Nothing lasts
    without `commit`.
    """

    def __init__(self, connection: Any, *, is_sqlite: bool) -> None:  # noqa: ANN401 - either driver's own type
        """Use a connection inside a transaction, which on SQLite has begun and holds the write lock where it writes."""
        self.is_sqlite = is_sqlite
        self._connection = connection

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return the rows of one statement."""
        return self.rows_of([(sql, values)])[0]

    def rows_of(self, statements: list[Statement]) -> list[list[Row]]:
        """Return the rows of each statement."""
        if self.is_sqlite:
            return [self._connection.execute(*_for_sqlite(*each)).fetchall() for each in statements]
        if len(statements) == 1:
            return [self._select(*statements[0]).fetchall()]
        with self._connection.pipeline():
            cursors = [self._select(*each) for each in statements]
            return [cursor.fetchall() for cursor in cursors]

    def write(self, statements: list[tuple[str, list[Row]]]) -> None:
        """Run each statement once for each of its rows, in order."""
        told = [each for each in statements if each[1]]
        if self.is_sqlite:
            for sql, rows in told:
                self._connection.executemany(sql, rows)
            return
        with self._connection.pipeline(), self._connection.cursor() as cursor:
            for sql, rows in told:
                together = _together(sql) if len(rows) >= MANY else None
                if together:
                    cursor.execute(together, _columns(rows), prepare=True)
                else:
                    cursor.executemany(_with_percent_marks(sql), rows)

    def write_together(self, sql: str, rows: list[Row]) -> None:
        """Run a statement of PostgreSQL once, told an array for each column of the rows."""
        self._connection.execute(_with_binary_marks(sql), _columns(rows), prepare=True)

    def commit(self) -> None:
        """Make everything durable."""
        self._connection.commit()

    def _select(self, sql: str, values: tuple[object, ...]) -> Any:  # noqa: ANN401 - the driver's cursor
        return self._connection.cursor(binary=True).execute(_with_percent_marks(sql), values, prepare=True)


@contextmanager
def driver(engine: Engine, *, writing: bool = True) -> Iterator[Driver]:
    """Lend a driver's connection for one transaction; what was not committed is rolled back."""
    with translated():
        pool = engine.pool
        lent = engine.raw_connection()
        connection: Any = lent.driver_connection
        is_sqlite = engine.dialect.name == "sqlite"
        turn = NO_TURN
        try:
            if is_sqlite and writing:
                turn = take_turn(str(engine.url.database), LOCK_SECONDS)
                connection.execute("BEGIN IMMEDIATE")
            elif not writing and not is_sqlite:
                # Whoever only reads is spared two round trips: each statement sees what is committed then, as it
                # would in a transaction of READ COMMITTED.
                connection.autocommit = True
            yield Driver(connection, is_sqlite=is_sqlite)
        except _away():
            if not is_sqlite and connection.closed:
                # What broke it has broken the idle ones too: let no one meet them.
                engine.dispose()
            raise
        finally:
            if engine.pool is not pool or (not is_sqlite and connection.closed):
                # The pool it came from is gone, or may not lend it again.
                lent.invalidate()
            elif not writing and not is_sqlite:
                connection.autocommit = False
            lent.close()
            end_turn(turn)


@lru_cache(maxsize=256)
def _with_percent_marks(sql: str) -> str:
    # Arrays in binary: in text each of their bytes is quoted.
    return sql.replace("= ANY(?)", "= ANY(%b)").replace("?", "%s")


@lru_cache(maxsize=256)
def _together(sql: str) -> str | None:
    """Return the statement that inserts many rows at once, told as an array for each column; None for another one.

    PostgreSQL takes it in half the time of one execution for each row. No two rows may have one key.
    """
    found = _INSERT.fullmatch(sql)
    if found is None:
        return None
    table, names, conflict = found.groups()
    from accord.storage import schema  # noqa: PLC0415 - it loads both dialects whole, and seldom are many told at once

    columns = next(of.tables[table] for of in (schema.ledger, schema.keys) if table in of.tables).columns
    arrays = ", ".join(f"%b::{_TYPES[type(columns[name].type)]}[]" for name in names.split(", "))
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}){conflict}"


def _columns(rows: list[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


@lru_cache(maxsize=256)
def _with_binary_marks(sql: str) -> str:
    """Return a statement that is told its values in binary: arrays of bytes are quoted otherwise, byte by byte."""
    return sql.replace("?", "%b")


def _for_sqlite(sql: str, values: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    if values and isinstance(values[-1], list):
        keys = values[-1]
        return _with_marks_for(sql, len(keys)), (*values[:-1], *keys)
    return sql, values


@lru_cache(maxsize=1024)
def _with_marks_for(sql: str, count: int) -> str:
    return sql.replace("= ANY(?)", f"IN ({','.join('?' * count)})")
