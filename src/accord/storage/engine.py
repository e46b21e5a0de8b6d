"""Connections: how each database is opened, and how its errors become ours.

SQLite: WAL, synchronous=FULL (what is acknowledged survives a power cut), writes begin IMMEDIATE so
that the lock is taken before anything is read. PostgreSQL: psycopg 3, its defaults, which are
durable. Both wait for a lock at most LOCK_SECONDS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from accord.ledger.store import StoreFaultError, StoreUnavailableError

LOCK_SECONDS = 30
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
    """Return the engine of a database, `sqlite:///FILE` or `postgresql://…`. Raises ValueError for another."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("a database is named by a URL: sqlite:///FILE or postgresql://…") from None
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        timeouts = f"-c lock_timeout={LOCK_SECONDS}s"
        return create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=pool_size,
            hide_parameters=True,
            # No pre-ping: a connection replaced in silence would be used before the ledger is proven anew.
            pool_pre_ping=False,
            connect_args={"options": timeouts, "connect_timeout": 10, "prepare_threshold": 1},
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=pool_size, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    raise ValueError("a database is named by a URL: sqlite:///FILE or postgresql://…")


@contextmanager
def translated() -> Iterator[None]:
    """Turn a database that is away into StoreUnavailableError, and one that refuses into StoreFaultError."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise StoreUnavailableError("the database did not answer") from error
    except DBAPIError as error:
        raise StoreFaultError("the database refused a statement") from error


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
