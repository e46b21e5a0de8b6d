"""The check path: one prepared statement on the driver's own connection, one for each thread.

Everything a question needs comes in one statement, so it is of one instant, and of the newest
committed one: autocommit, no cache, no snapshot held open. A connection that broke is closed and
opened anew by the next read; the guard around the store proves the ledger before it does.
"""

import sqlite3
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import psycopg
from sqlalchemy import Engine

from accord.domain.terms import BrandId
from accord.ledger.store import CustomerRow, Head, IdentifierRow, StoreUnavailableError, View
from accord.storage.engine import PRAGMAS

HEAD_COLUMNS = "h.brand, h.ledger, h.size, h.root, h.edge, h.recorded_time, h.catalogue_position, h.catalogue_version"

_SELECT = (
    f"SELECT {HEAD_COLUMNS}, w.lookup, w.customer_ref, c.version, c.leaf_hash, c.state, "
    "i.lookup, i.number, i.kind, p.state "
    "FROM head h "
    "LEFT JOIN identity w ON w.brand_id = h.brand_id AND {condition} "
    "LEFT JOIN customer c ON c.brand_id = w.brand_id AND c.customer_ref = w.customer_ref "
    # A question looks at addresses; the caller's own ids only find the customer.
    "LEFT JOIN identity i ON i.brand_id = c.brand_id AND i.customer_ref = c.customer_ref AND i.kind <> 'CUSTOMER_ID' "
    "LEFT JOIN point p ON p.brand_id = i.brand_id AND p.lookup = i.lookup "
    "WHERE h.brand = {mark}"
)


class Reader(Protocol):
    """Reads what questions need. `opened` counts the connections ever opened."""

    opened: int

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> View | None:
        """Return what the lookups lead to; None when the brand has no ledger."""
        ...

    def close(self) -> None:
        """Close the connections of every thread."""
        ...


def open_reader(engine: Engine) -> Reader:
    """Return the reader for a database."""
    if engine.dialect.name == "sqlite":
        return _SqliteReader(str(engine.url.database))
    return _PostgresqlReader(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))


def read_head(row: Sequence[Any]) -> Head:
    """Return the head from its columns."""
    return Head(*row)


class _SqliteReader:
    def __init__(self, path: str) -> None:
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self.opened = 0

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> View | None:
        try:
            connection: sqlite3.Connection = self._local.connection
        except AttributeError:
            connection = self._connect()
        condition = "w.lookup = ?" if len(lookups) == 1 else f"w.lookup IN ({','.join('?' * len(lookups))})"
        try:
            return _view(connection.execute(_statement(condition, "?"), (*lookups, brand)).fetchall())
        except sqlite3.Error as error:
            self._local = threading.local()
            raise StoreUnavailableError("the database did not answer") from error

    def close(self) -> None:
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            for pragma in PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error as error:
            raise StoreUnavailableError("the database cannot be opened") from error
        self._local.connection = connection
        with self._lock:
            self.opened += 1
            self._open.append(connection)
        return connection


class _PostgresqlReader:
    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._open: list[psycopg.Connection[tuple[Any, ...]]] = []
        self._lock = threading.Lock()
        self.opened = 0

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> View | None:
        try:
            cursor: psycopg.Cursor[tuple[Any, ...]] = self._local.cursor
        except AttributeError:
            cursor = self._connect()
        try:
            if len(lookups) == 1:
                rows = cursor.execute(_statement("w.lookup = %s", "%s"), (lookups[0], brand), prepare=True).fetchall()
            else:
                rows = cursor.execute(_statement("w.lookup = ANY(%s)", "%s"), (list(lookups), brand)).fetchall()
        except psycopg.Error as error:
            # The connection may be broken: every thread opens a new one, once the ledger is proven again.
            self._local = threading.local()
            raise StoreUnavailableError("the database did not answer") from error
        return _view(rows)

    def close(self) -> None:
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _connect(self) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        except psycopg.Error as error:
            raise StoreUnavailableError("the database cannot be reached") from error
        with self._lock:
            self.opened += 1
            self._open = [each for each in self._open if not each.closed]
            self._open.append(connection)
        cursor = connection.cursor(binary=True)
        self._local.connection = connection
        self._local.cursor = cursor
        return cursor


_STATEMENTS: dict[tuple[str, str], str] = {}


def _statement(condition: str, mark: str) -> str:
    key = (condition, mark)
    found = _STATEMENTS.get(key)
    if found is None:
        # Both parts are constants of this module; only the number of marks varies, up to 1,000.
        found = _STATEMENTS[key] = _SELECT.format(condition=condition, mark=mark)
    return found


def _view(rows: list[Any]) -> View | None:
    """Join the rows: one for each identifier of each holder of each lookup, in any order."""
    if not rows:
        return None
    holders: dict[bytes, tuple[bytes, ...]] = {}
    found: dict[bytes, tuple[int, bytes, bytes, dict[int, IdentifierRow]]] = {}
    for row in rows:
        lookup, ref, version, leaf_hash, state, held, number, kind, point = row[8:]
        if state is None:
            continue
        refs = holders.get(lookup)
        if refs is None:
            holders[lookup] = (ref,)
        elif ref not in refs:
            holders[lookup] = (*refs, ref)
        customer = found.get(ref)
        if customer is None:
            customer = found[ref] = (version, leaf_hash, state, {})
        if number is not None:
            customer[3][number] = IdentifierRow(held, number, kind, point or b"")
    customers = {
        ref: CustomerRow(version, leaf_hash, state, tuple(identifiers.values()))
        for ref, (version, leaf_hash, state, identifiers) in found.items()
    }
    return View(read_head(rows[0][:8]), holders, customers, {}, {}, {})
