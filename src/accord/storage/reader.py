"""The check path: one prepared statement on the driver's own connection.

Everything a question needs comes in one statement, so it is of one instant, and of the newest
committed one: autocommit, no cache, no snapshot held open. The connection used last is used next,
since its pages and plans are still near the processor. One that broke takes all idle ones with it;
the next read opens another, and the guard around the store proves the ledger before it is believed.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec
from sqlalchemy import Engine

from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.store import Head, Known, Sight, StoreUnavailableError
from accord.storage.engine import PRAGMAS
from accord.storage.held import decode

if TYPE_CHECKING:
    import psycopg

_HEAD = (
    "h.ledger, h.size, h.recorded_time, h.catalogue_position, h.catalogue_version, h.incarnation, "
    "h.unreconciled_since, h.pepper_epoch, h.pepper_check"
)
_SELECT = (
    f"SELECT {_HEAD}, w.lookup, c.customer_ref, c.state, c.held, c.group_id FROM head h "
    "LEFT JOIN identity w ON w.brand_id = h.brand_id AND w.lookup {wanted} "
    "LEFT JOIN customer c ON c.brand_id = w.brand_id AND c.customer_ref = w.customer_ref "
    "WHERE h.brand = {mark}"
)
# The same with every member of a group in a row of their own; alone of one instant, so it takes the place of the first.
# The sign keeps SQLite, which knows no numbers of rows, from walking all customers of the brand instead of the index.
_SELECT_GROUPS = _SELECT.replace(" FROM", ", m.customer_ref, m.state, m.held FROM").replace(
    "WHERE", "LEFT JOIN customer m ON m.group_id = c.group_id AND +m.brand_id = c.brand_id WHERE"
)
# For many lookups, with the head once, as one value: its columns would weigh as much as theirs in every row.
_SELECT_MANY = (
    f"SELECT CAST({{array}}({_HEAD}) AS TEXT), NULL, NULL, NULL, NULL, NULL FROM head h WHERE h.brand = {{mark}} "
    "UNION ALL SELECT NULL, w.lookup, c.customer_ref, c.state, c.held, c.group_id FROM head h "
    "JOIN identity w ON w.brand_id = h.brand_id AND w.lookup {wanted} "
    "JOIN customer c ON c.brand_id = w.brand_id AND c.customer_ref = w.customer_ref WHERE h.brand = {mark}"
)
_SQLITE_ONE = _SELECT.format(wanted="= ?", mark="?")
_POSTGRESQL_ONE = _SELECT.format(wanted="= %s", mark="%s")
_POSTGRESQL_MANY = _SELECT_MANY.format(array="json_build_array", wanted="= ANY(%b)", mark="%s")
_POSTGRESQL_GROUPS = _SELECT_GROUPS.format(wanted="= ANY(%b)", mark="%s")


class Reader(Protocol):
    """Reads what questions need."""

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> Sight | None:
        """Return what the lookups lead to; None when the brand has no ledger."""
        ...

    def close(self) -> None:
        """Close every connection; one in use is closed when it is given back."""
        ...


def open_reader(engine: Engine, opening: Callable[[], None]) -> Reader:
    """Return the reader for a database; `opening` is told of each connection before it is opened."""
    if engine.dialect.name == "sqlite":
        return _SqliteReader(str(engine.url.database), opening)
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return _PostgresqlReader(url, opening)


Lent = TypeVar("Lent", sqlite3.Connection, "psycopg.Cursor[tuple[Any, ...]]")


class _Idle(Generic[Lent]):
    """Connections between two questions, the one used last on top; all are closed when one of them breaks.

    Readers take from the stack and give back to the very one they took from, without a call: it is on
    the way of every check. Where another is the newest by then, what they gave back is closed.
    """

    def __init__(self, close: Callable[[Lent], None], error: type[Exception]) -> None:
        self._close: Callable[[Lent], None] = close
        self._error = error
        self.stack: list[Lent] = []

    def drop(self, *broken: Lent) -> None:
        """Close the broken one and every idle one; those in use belong to a stack that is no longer the newest."""
        stack, self.stack = self.stack, []
        stack.extend(broken)
        self.empty(stack)

    def empty(self, stack: list[Lent]) -> None:
        """Close whatever a stack holds."""
        while stack:
            with suppress(IndexError, self._error):
                self._close(stack.pop())


class _SqliteReader:
    def __init__(self, path: str, opening: Callable[[], None]) -> None:
        self._path = path
        self._opening = opening
        self._idle = _Idle[sqlite3.Connection](lambda connection: connection.close(), sqlite3.Error)

    def read(self, brand: BrandId, lookups: tuple[bytes, ...], *, groups: bool = False) -> Sight | None:
        stack = self._idle.stack
        try:
            connection = stack.pop()
        except IndexError:
            connection = self._connect()
        try:
            if groups:
                rows = connection.execute(_sqlite_many(_SELECT_GROUPS, len(lookups)), (*lookups, brand)).fetchall()
            elif len(lookups) == 1:
                rows = connection.execute(_SQLITE_ONE, (*lookups, brand)).fetchall()
            else:
                rows = connection.execute(_sqlite_many(_SELECT_MANY, len(lookups)), (brand, *lookups, brand)).fetchall()
        except sqlite3.Error as error:
            self._idle.drop(connection)
            raise StoreUnavailableError("the database did not answer") from error
        stack.append(connection)
        if stack is not self._idle.stack:
            self._idle.empty(stack)
        if groups:
            return _sight_of_groups(brand, rows)
        sight = _sight(brand, rows) if len(lookups) == 1 else _sight_of_many(brand, rows)
        return self.read(brand, lookups, groups=True) if sight is _SOMEBODY_MERGED else sight

    def close(self) -> None:
        self._idle.drop()

    def _connect(self) -> sqlite3.Connection:
        self._opening()
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            for pragma in PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error as error:
            raise StoreUnavailableError("the database cannot be opened") from error
        return connection


class _PostgresqlReader:
    def __init__(self, url: str, opening: Callable[[], None]) -> None:
        self._url = url
        self._opening = opening
        import psycopg  # noqa: PLC0415 - a service on SQLite need not load it

        self._driver = psycopg
        self._idle = _Idle["psycopg.Cursor[tuple[Any, ...]]"](lambda cursor: cursor.connection.close(), psycopg.Error)

    def read(self, brand: BrandId, lookups: tuple[bytes, ...], *, groups: bool = False) -> Sight | None:
        stack = self._idle.stack
        try:
            cursor = stack.pop()
        except IndexError:
            cursor = self._connect()
        try:
            if groups:
                rows = cursor.execute(_POSTGRESQL_GROUPS, (list(lookups), brand)).fetchall()
            elif len(lookups) == 1:
                rows = cursor.execute(_POSTGRESQL_ONE, (lookups[0], brand), prepare=True).fetchall()
            else:
                rows = cursor.execute(_POSTGRESQL_MANY, (brand, list(lookups), brand)).fetchall()
        except self._driver.Error as error:
            self._idle.drop(cursor)
            raise StoreUnavailableError("the database did not answer") from error
        stack.append(cursor)
        if stack is not self._idle.stack:
            self._idle.empty(stack)
        if groups:
            return _sight_of_groups(brand, rows)
        sight = _sight(brand, rows) if len(lookups) == 1 else _sight_of_many(brand, rows)
        return self.read(brand, lookups, groups=True) if sight is _SOMEBODY_MERGED else sight

    def close(self) -> None:
        self._idle.drop()

    def _connect(self) -> "psycopg.Cursor[tuple[Any, ...]]":
        self._opening()
        try:
            connection = self._driver.connect(self._url, autocommit=True, connect_timeout=10)
        except self._driver.Error as error:
            raise StoreUnavailableError("the database cannot be reached") from error
        return connection.cursor(binary=True)


@lru_cache(maxsize=64)
def _sqlite_many(sql: str, count: int) -> str:
    return sql.format(array="json_array", wanted=f"IN ({','.join('?' * count)})", mark="?")


_columns = msgspec.json.Decoder(tuple[str, int, Instant, Position, int, int, Position, int, int]).decode

_SOMEBODY_MERGED = Sight(Head(BrandId(""), ""), {})
"""Stands for a sight that would show one member of a group without the others."""


def _sight(brand: BrandId, rows: list[Any]) -> Sight | None:
    """Return what the rows say: one for each holder of each lookup, in any order."""
    if not rows:
        return None
    known: dict[bytes, tuple[Known, ...]] = {}
    for _, _, _, _, _, _, _, _, _, lookup, ref, state, addresses, group in rows:
        if group is not None:
            return _SOMEBODY_MERGED
        if state is not None:
            known[lookup] = (*known.get(lookup, ()), Known(ref, state, decode(addresses) if addresses else ()))
    return Sight(Head(brand, *rows[0][:9]), known)


def _sight_of_many(brand: BrandId, rows: list[Any]) -> Sight | None:
    """Return what the rows say: one of the head, and one for each holder of each lookup, in any order."""
    head: Head | None = None
    known: dict[bytes, tuple[Known, ...]] = {}
    for end_of_ledger, lookup, ref, state, addresses, group in rows:
        if end_of_ledger is not None:
            head = Head(brand, *_columns(end_of_ledger))
            continue
        if group is not None:
            return _SOMEBODY_MERGED
        holder = Known(ref, state, decode(addresses) if addresses else ())
        known[lookup] = (*known[lookup], holder) if lookup in known else (holder,)
    return Sight(head, known) if head else None


def _sight_of_groups(brand: BrandId, rows: list[Any]) -> Sight | None:
    """Return what the rows say: one for each holder of each lookup and each member of the holder's group."""
    if not rows:
        return None
    known: dict[bytes, dict[bytes, Known]] = {}
    groups: dict[bytes, dict[bytes, Known]] = {}
    for _, _, _, _, _, _, _, _, _, lookup, ref, state, addresses, group, *member in rows:
        if state is None:
            continue
        known.setdefault(lookup, {})[ref] = Known(ref, state, decode(addresses) if addresses else (), group or b"")
        if group:
            of_member, its_state, held = member
            groups.setdefault(group, {})[of_member] = Known(of_member, its_state, decode(held) if held else (), group)
    return Sight(
        Head(brand, *rows[0][:9]),
        {lookup: tuple(theirs.values()) for lookup, theirs in known.items()},
        {group: tuple(members[ref] for ref in sorted(members)) for group, members in groups.items()},
    )
