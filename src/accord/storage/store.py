"""The store of ledgers on SQLite and PostgreSQL: one SQL for both, written once, compiled once.

Reads for questions have their own path (`reader`); everything else borrows the driver's connection
from SQLAlchemy's pool (`engine.driver`), in batches. Statements are constants written once for both
databases and handed to the driver as they are, since building them costs more than running them;
values are bound, never written into a statement.
"""

import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, event

from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.entry import NO_CUSTOMER, REF_BYTES, StoredEntry
from accord.ledger.store import (
    TILE_WIDTH,
    Batch,
    Census,
    ContactRow,
    CustomerRow,
    DenialRow,
    GroupRow,
    IdentifierRow,
    Known,
    ListingRow,
    RequestRow,
    Sight,
    StoreUnavailableError,
    TreeHead,
    View,
    Wanted,
)
from accord.proof.merkle import EMPTY_ROOT, grow, root_of_edge, split
from accord.storage import held, lookup_moves
from accord.storage.engine import Driver, Row, Statement, driver, in_dialect, translated
from accord.storage.reader import Reader, open_reader
from accord.storage.wal import truncate_wal

_MAKE_HEAD = (
    "INSERT INTO head (brand, ledger, size, root, edge, recorded_time, catalogue_position, catalogue_version, "
    "incarnation, unreconciled_since, pepper_epoch, pepper_check) VALUES (?, ?, 0, ?, ?, 0, 0, 0, 1, 0, ?, ?)"
)
_MOVE_HEAD = (
    "UPDATE head SET size = ?, root = ?, edge = ?, recorded_time = ?, catalogue_position = ?, "
    "catalogue_version = ?, incarnation = ?, unreconciled_since = ? WHERE brand_id = ?"
)
_HEAD_COLUMNS = (
    "brand, ledger, size, recorded_time, catalogue_position, catalogue_version, incarnation, unreconciled_since, "
    "pepper_epoch, pepper_check, root, edge"
)
_HEAD = f"SELECT brand_id, {_HEAD_COLUMNS} FROM head WHERE brand = ?"
_HEADS = f"SELECT {_HEAD_COLUMNS} FROM head ORDER BY brand"
_BRAND_ID = "SELECT brand_id FROM head WHERE brand = ?"
_CONTACTS = (
    "SELECT contact_key, customer_ref, positions, others FROM contact WHERE brand_id = ? AND contact_key = ANY(?)"
)
_REQUESTS = "SELECT request_key, content, customer_ref, answer FROM request WHERE brand_id = ? AND request_key = ANY(?)"
# Sorted by us: ORDER BY customer_ref would have SQLite walk every identity of the brand in that order.
_HOLDERS = "SELECT lookup, customer_ref FROM identity WHERE brand_id = ? AND lookup = ANY(?)"
_POINTS = "SELECT lookup, state FROM point WHERE brand_id = ? AND lookup = ANY(?)"
_ALL_CUSTOMERS = (
    "SELECT c.customer_ref, c.version, c.leaf_hash, c.state, i.lookup, i.number, i.kind, p.state, "
    "c.group_id, c.group_since "
    "FROM customer c "
    "LEFT JOIN identity i ON i.brand_id = c.brand_id AND i.customer_ref = c.customer_ref "
    "LEFT JOIN point p ON p.brand_id = i.brand_id AND p.lookup = i.lookup "
    "WHERE c.brand_id = ? ORDER BY c.customer_ref, i.number"
)
_CUSTOMERS = _ALL_CUSTOMERS.replace("ORDER BY", "AND c.customer_ref = ANY(?) ORDER BY")
# The sign keeps SQLite from walking all customers of the brand instead of the index of groups.
_MEMBERS = _ALL_CUSTOMERS.replace(
    "WHERE c.brand_id = ? ORDER BY", "WHERE +c.brand_id = ? AND c.group_id = ANY(?) ORDER BY"
)
_ADD_ENTRIES = (
    "INSERT INTO entry (brand_id, position, leaf, leaf_hash, customer_ref, customer_version, generation, sealed) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_TILES = "INSERT INTO tile (brand_id, level, tile_index, hashes) VALUES (?, ?, ?, ?)"
_PUT_CUSTOMERS = (
    "INSERT INTO customer (brand_id, customer_ref, version, leaf_hash, state, held) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (brand_id, customer_ref) DO UPDATE SET "
    "version = excluded.version, leaf_hash = excluded.leaf_hash, state = excluded.state"
)
_PUT_GROUPS = "UPDATE customer SET group_id = ?, group_since = ? WHERE brand_id = ? AND customer_ref = ?"
_PUT_POINTS = (
    "INSERT INTO point (brand_id, lookup, state) VALUES (?, ?, ?) "
    "ON CONFLICT (brand_id, lookup) DO UPDATE SET state = excluded.state"
)
_LINK = (
    "INSERT INTO identity (brand_id, lookup, customer_ref, number, kind) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (brand_id, lookup, customer_ref) DO UPDATE SET number = excluded.number"
)
_UNLINK = "DELETE FROM identity WHERE brand_id = ? AND lookup = ? AND customer_ref = ?"
_LEAVE = "INSERT INTO former_holder (brand_id, lookup, customer_ref) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_PUT_CONTACTS = (
    "INSERT INTO contact (brand_id, contact_key, customer_ref, positions, others) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (brand_id, contact_key) DO UPDATE SET "
    "customer_ref = excluded.customer_ref, positions = excluded.positions, others = excluded.others"
)
_ADD_REQUESTS = "INSERT INTO request (brand_id, request_key, content, customer_ref, answer) VALUES (?, ?, ?, ?, ?)"
_COUNT_DENIALS = (
    "INSERT INTO denial (brand_id, day, channel, purpose, reason, count) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (brand_id, day, channel, purpose, reason) DO UPDATE SET count = denial.count + excluded.count"
)
_ENTRY_COLUMNS = "position, leaf, leaf_hash, customer_ref, customer_version, generation, sealed"
_ENTRIES = f"SELECT {_ENTRY_COLUMNS} FROM entry WHERE brand_id = ? AND position >= ? AND position < ? ORDER BY position"
_ENTRIES_OF = (
    f"SELECT {_ENTRY_COLUMNS} FROM entry WHERE brand_id = ? AND customer_ref = ? "
    "AND customer_version >= ? AND customer_version < ? ORDER BY customer_version"
)
_LEAF_HASHES = "SELECT leaf_hash FROM entry WHERE brand_id = ? AND position >= ? AND position < ? ORDER BY position"
_TILES = "SELECT tile_index, hashes FROM tile WHERE brand_id = ? AND level = ? AND tile_index = ANY(?)"
_FORMER_HOLDERS = "SELECT lookup, customer_ref FROM former_holder WHERE brand_id = ? AND lookup = ANY(?)"
_ALL_FORMER_HOLDERS = "SELECT lookup, customer_ref FROM former_holder WHERE brand_id = ? ORDER BY lookup, customer_ref"
_SUPPRESSIONS = "SELECT digest, erased_time FROM suppression WHERE brand_id = ? AND digest = ANY(?)"
_LISTINGS = "SELECT digest, list, lookup, listed_time, listing FROM listing WHERE brand_id = ? AND digest = ANY(?)"
_LISTED = (
    "SELECT count(*), coalesce(sum(CASE WHEN listed_time < ? THEN 1 ELSE 0 END), 0) FROM listing "
    "WHERE brand_id = ? AND list = ?"
)
_VANISHED = (
    "SELECT digest, lookup, listed_time, listing FROM listing "
    "WHERE brand_id = ? AND list = ? AND listed_time < ? ORDER BY digest LIMIT ?"
)
_PUT_LISTINGS = (
    "INSERT INTO listing (brand_id, digest, list, lookup, listed_time, listing) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (brand_id, digest, list) DO UPDATE SET "
    "lookup = excluded.lookup, listed_time = excluded.listed_time, listing = excluded.listing"
)
_TAKE_OFF = "DELETE FROM listing WHERE brand_id = ? AND digest = ? AND list = ?"
_DROP_POINTS = "DELETE FROM point WHERE brand_id = ? AND lookup = ?"
_PUT_SUPPRESSIONS = (
    "INSERT INTO suppression (brand_id, digest, erased_time) VALUES (?, ?, ?) "
    "ON CONFLICT (brand_id, digest) DO UPDATE SET erased_time = excluded.erased_time"
)
_TYING = ("contact", "request", "former_holder")
_FORGET = tuple(f"DELETE FROM {table} WHERE brand_id = ? AND customer_ref = ?" for table in _TYING)
_STATES = "SELECT customer_ref, state FROM customer WHERE brand_id = ? AND customer_ref = ANY(?)"
_ALL_SUPPRESSIONS = "SELECT digest, erased_time FROM suppression WHERE brand_id = ? ORDER BY digest"
_ALL_LISTINGS = "SELECT list, lookup, listed_time, listing FROM listing WHERE brand_id = ? ORDER BY digest, list"
_ALL_KNOWN = "SELECT customer_ref, state, held, group_id FROM customer WHERE brand_id = ? ORDER BY customer_ref"
_ALONE = _ALL_KNOWN.replace("ORDER BY", "AND group_id IS NULL AND customer_ref NOT IN (?, ?) ORDER BY")
_MERGED = _ALL_KNOWN.replace("ORDER BY", "AND group_id IS NOT NULL ORDER BY group_id,")
_PERSONS = (
    "SELECT (SELECT count(*) FROM customer WHERE brand_id = ? AND group_id IS NULL AND customer_ref NOT IN (?, ?)) + "
    "(SELECT count(DISTINCT group_id) FROM customer WHERE brand_id = ? AND group_id IS NOT NULL)"
)
_ALL_POINTS = "SELECT lookup, state FROM point WHERE brand_id = ? ORDER BY lookup"
_UNREPORTED = (
    "SELECT brand, brand_id, (SELECT min(positions) FROM contact c "
    "WHERE c.brand_id = h.brand_id AND length(positions) = 8 + coalesce(length(others), 0) / 2) "
    "FROM head h ORDER BY brand"
)
_ALL_CONTACTS = (
    "SELECT contact_key, customer_ref, positions, others FROM contact WHERE brand_id = ? ORDER BY contact_key"
)
_DENIALS = (
    "SELECT day, channel, purpose, reason, count FROM denial WHERE brand_id = ? AND day >= ? AND day < ? "
    "ORDER BY day, channel, purpose, reason"
)

_ROWS_AT_ONCE = 10_000

_POSITION = struct.Struct(">Q")
"""A position in a contact's row: the order of the bytes is the order of the numbers."""


class SqlStore:
    """`LedgerStore`, `Records` and `Denials` over one database."""

    def __init__(self, engine: Engine) -> None:
        """Use a database at the newest revision. Nothing is opened yet."""
        self._engine = engine
        self._lock = threading.Lock()
        self.connections = 0
        """How many connections were ever opened."""
        self._reader: Reader = open_reader(engine, self._count)
        event.listen(engine, "connect", self._count)

    def _count(self, *_: object) -> None:
        with self._lock:
            self.connections += 1

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> Sight | None:
        """Return what the wanted lookups lead to, in one statement on the newest committed state."""
        try:
            return self._reader.read(brand, lookups)
        except StoreUnavailableError:
            # Whatever broke this connection has broken the idle ones too: let no one meet them.
            self._engine.dispose()
            raise

    @contextmanager
    def write(self, brand: BrandId) -> Iterator["SqlWriting"]:
        """Lock the brand's head and begin to write."""
        with driver(self._engine) as database:
            if database.is_sqlite:
                rows = database.rows(_HEAD, brand)
            else:
                rows = database.rows(_HEAD + " FOR UPDATE", brand)
                if not rows:
                    # No row to lock yet: whoever opens the brand holds this lock until the commit.
                    database.rows("SELECT pg_advisory_xact_lock(?)", _lock_number(brand))
                    rows = database.rows(_HEAD + " FOR UPDATE", brand)
            yield SqlWriting(database, brand, rows[0] if rows else None)

    def entries(self, brand: BrandId, start: int, limit: int, customer_ref: bytes | None = None) -> list[StoredEntry]:
        """Return up to `limit` entries from `start` on: a position, or with a customer their version."""
        window = (start, start + limit)
        if customer_ref is None:
            return [StoredEntry(*row) for row in self._rows(brand, _ENTRIES, *window)]
        return [StoredEntry(*row) for row in self._rows(brand, _ENTRIES_OF, customer_ref, *window)]

    def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
        """Return full tiles of a level by index."""
        return dict(tuple(row) for row in self._rows(brand, _TILES, level, list(indexes)))

    def head(self, brand: BrandId) -> TreeHead | None:
        """Return the newest committed head."""
        with driver(self._engine, writing=False) as database:
            rows = database.rows(_HEAD, brand)
        return TreeHead(*rows[0][1:]) if rows else None

    def heads(self) -> list[TreeHead]:
        """Return the head of every ledger."""
        with driver(self._engine, writing=False) as database:
            return [TreeHead(*row) for row in database.rows(_HEADS)]

    def oldest_unreported(self) -> dict[BrandId, StoredEntry | None]:
        """Return the entry that authorised the oldest unreported contact of each brand, None where there is none."""
        found: dict[BrandId, StoredEntry | None] = {}
        with driver(self._engine, writing=False) as database:
            for brand, brand_id, raw in database.rows(_UNREPORTED):
                found[brand] = None
                if raw is not None:
                    (position,) = _POSITION.unpack_from(raw)
                    found[brand] = StoredEntry(*database.rows(_ENTRIES, brand_id, position, position + 1)[0])
        return found

    def contact(self, brand: BrandId, key: bytes) -> ContactRow | None:
        """Return one contact."""
        return next((_contact_row(*row) for _, *row in self._rows(brand, _CONTACTS, [key])), None)

    def denials(self, brand: BrandId, first_day: int, end_day: int) -> list[DenialRow]:
        """Return the counts of denied authorisations of some days."""
        return [DenialRow(*row) for row in self._rows(brand, _DENIALS, first_day, end_day)]

    def all_customers(self, brand: BrandId) -> Iterator[tuple[bytes, CustomerRow]]:
        """Yield every customer with what they hold, by reference."""
        yield from _grouped(self._stream(brand, _ALL_CUSTOMERS))

    def all_known(self, brand: BrandId) -> Iterator[Known]:
        """Yield every customer as questions meet them, by reference."""
        yield from map(_known, self._stream(brand, _ALL_KNOWN))

    @contextmanager
    def frozen(self) -> Iterator["FrozenStore"]:
        """Open a snapshot of everything; whoever writes meanwhile neither waits nor is seen."""
        with translated(), self._snapshot() as connection:
            yield FrozenStore(self._engine, connection)

    @contextmanager
    def census(self, brand: BrandId) -> Iterator[Census | None]:
        """Open a snapshot of a brand: one transaction that only reads."""
        with translated(), self._snapshot() as connection:
            row = connection.exec_driver_sql(in_dialect(self._engine, _HEAD), (brand,)).first()
            if row is None:
                yield None
                return
            it, *head = row
            count = connection.exec_driver_sql(in_dialect(self._engine, _PERSONS), (it, *NO_CUSTOMER, it)).scalar()
            yield Census(TreeHead(*head), int(count or 0), self._persons(connection, it))

    def all_points(self, brand: BrandId) -> Iterator[tuple[bytes, bytes]]:
        """Yield the state of every address."""
        yield from self._stream(brand, _ALL_POINTS)

    def all_contacts(self, brand: BrandId) -> Iterator[tuple[bytes, ContactRow]]:
        """Yield every contact."""
        for key, *row in self._stream(brand, _ALL_CONTACTS):
            yield key, _contact_row(*row)

    def all_former_holders(self, brand: BrandId) -> Iterator[tuple[bytes, bytes]]:
        """Yield everyone who held an address and left it, as (lookup, customer_ref)."""
        for lookup, ref in self._stream(brand, _ALL_FORMER_HOLDERS):
            yield bytes(lookup), bytes(ref)

    def former_holders(self, brand: BrandId, lookups: list[bytes]) -> set[tuple[bytes, bytes]]:
        """Return who held each address and left it."""
        return {(bytes(lookup), bytes(ref)) for lookup, ref in self._rows(brand, _FORMER_HOLDERS, lookups)}

    def all_suppressions(self, brand: BrandId) -> Iterator[tuple[bytes, Instant]]:
        """Yield every suppressed address and when its holder was erased."""
        for digest, time in self._stream(brand, _ALL_SUPPRESSIONS):
            yield bytes(digest), Instant(time)

    def all_listings(self, brand: BrandId) -> Iterator[tuple[str, ListingRow]]:
        """Yield what each list says of each address on it, with the list."""
        for code, lookup, time, listing in self._stream(brand, _ALL_LISTINGS):
            yield code, ListingRow(bytes(lookup), Instant(time), bytes(listing))

    def listed(self, brand: BrandId, code: str, before: Instant) -> tuple[int, int]:
        """Return how many addresses stand on a list, and how many were last told of by one dated before."""
        with driver(self._engine, writing=False) as database:
            found = database.rows(_BRAND_ID, brand)
            ((total, older),) = database.rows(_LISTED, before, found[0][0], code) if found else ((0, 0),)
        return total, int(older)

    def vanished(self, brand: BrandId, code: str, before: Instant, limit: int) -> list[tuple[bytes, ListingRow]]:
        """Return up to `limit` addresses of a list that were last told of by one dated before."""
        rows = self._rows(brand, _VANISHED, code, before, limit)
        return [(digest, ListingRow(*row)) for digest, *row in rows]

    def states(self, brand: BrandId, refs: list[bytes]) -> dict[bytes, bytes]:
        """Return the state of each customer there is."""
        return {bytes(ref): bytes(state) for ref, state in self._rows(brand, _STATES, refs)}

    def points(self, brand: BrandId, lookups: list[bytes]) -> dict[bytes, bytes]:
        """Return the state of each address of which something is known."""
        return {bytes(lookup): bytes(state) for lookup, state in self._rows(brand, _POINTS, lookups)}

    def keep_moves(self, brand: BrandId, epoch: int, moves: Iterable[tuple[bytes, bytes]]) -> bool:
        """Note what digests of an epoch become, durable on return; False, and none, if the brand is in another."""
        # Under the head's lock: noted after the brand moved, they would lead from the old digests to the new ones.
        with self.write(brand) as writing:
            return writing.keep_moves(epoch, moves)

    def forget_moves(self, brand: BrandId) -> None:
        """Delete whatever was noted."""
        with driver(self._engine) as database:
            if found := database.rows(_BRAND_ID, brand):
                database.write([(lookup_moves.CLEAR, [found[0]])])
                database.commit()

    def forget(self, brand: BrandId, refs: list[bytes]) -> None:
        """Delete what ties contacts and requests to customers. Walks both tables, and holds no head meanwhile."""
        with driver(self._engine) as database:
            found = database.rows(_BRAND_ID, brand)
            if found:
                database.write([(sql, [(found[0][0], ref) for ref in refs]) for sql in _FORGET])
                database.commit()

    def compact(self) -> bool:
        """Leave no deleted byte behind, where the database can: SQLite empties its write-ahead log."""
        return truncate_wal(self._engine)

    def close(self) -> None:
        """Close every connection."""
        self._reader.close()
        self._engine.dispose()

    def _rows(self, brand: BrandId, sql: str, *values: object) -> list[Row]:
        with driver(self._engine, writing=False) as database:
            found = database.rows(_BRAND_ID, brand)
            return database.rows(sql, found[0][0], *values) if found else []

    def _stream(self, brand: BrandId, sql: str) -> Iterator[Any]:
        with translated(), self._engine.connect() as connection:
            brand_id = connection.exec_driver_sql(in_dialect(self._engine, _BRAND_ID), (brand,)).scalar()
            yield from self._streamed(connection, sql, brand_id)

    def _streamed(self, connection: Connection, sql: str, *values: object) -> Iterator[Any]:
        streaming = connection.execution_options(yield_per=_ROWS_AT_ONCE)
        yield from streaming.exec_driver_sql(in_dialect(self._engine, sql), values)

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """Lend a connection whose statements all see one instant."""
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def _persons(self, connection: Connection, brand_id: int) -> Iterator[tuple[Known, ...]]:
        with translated():
            for row in self._streamed(connection, _ALONE, brand_id, *NO_CUSTOMER):
                yield (_known(row),)
            merged = map(_known, self._streamed(connection, _MERGED, brand_id))
            yield from (tuple(members) for _, members in groupby(merged, attrgetter("group")))


class FrozenStore(SqlStore):
    """A store of one instant, to be read in bulk: one transaction that only reads, over one connection."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        """Read over a connection whose statements all see one instant. It belongs to whoever opened it."""
        self._engine = engine
        self._connection = connection

    def head(self, brand: BrandId) -> TreeHead | None:
        """Return the head as of then."""
        rows = self._driver().rows(_HEAD, brand)
        return TreeHead(*rows[0][1:]) if rows else None

    def heads(self) -> list[TreeHead]:
        """Return the head of every ledger."""
        return [TreeHead(*row) for row in self._driver().rows(_HEADS)]

    def _rows(self, brand: BrandId, sql: str, *values: object) -> list[Row]:
        database = self._driver()
        found = database.rows(_BRAND_ID, brand)
        return database.rows(sql, found[0][0], *values) if found else []

    def _stream(self, brand: BrandId, sql: str) -> Iterator[Any]:
        ((brand_id,),) = self._driver().rows(_BRAND_ID, brand)
        yield from self._streamed(self._connection, sql, brand_id)

    def _driver(self) -> Driver:
        is_sqlite = self._engine.dialect.name == "sqlite"
        return Driver(self._connection.connection.driver_connection, is_sqlite=is_sqlite)


class SqlWriting:
    """`Writing` over one open transaction; leaving it without commit rolls it back."""

    def __init__(self, database: Driver, brand: BrandId, row: Row | None) -> None:
        """Hold the locked head."""
        self._database = database
        self._brand = brand
        self._brand_id: int | None = row[0] if row else None
        self.head: TreeHead | None = TreeHead(*row[1:]) if row else None

    def load(self, wanted: Wanted) -> View:
        """Return what is wanted, as of the lock."""
        if self.head is None:
            raise ValueError("the brand has no ledger yet")
        asked = (
            (_REQUESTS, wanted.requests),
            (_CONTACTS, wanted.contacts),
            (_HOLDERS, wanted.lookups),
            (_POINTS, wanted.lookups),
            (_SUPPRESSIONS, wanted.suppressions),
            (_LISTINGS, wanted.suppressions),
        )
        found = self._select(*asked)
        requests = {key: RequestRow(content, ref, answer) for key, content, ref, answer in found[_REQUESTS]}
        contacts = {key: _contact_row(*row) for key, *row in found[_CONTACTS]}
        holders: dict[bytes, tuple[bytes, ...]] = {}
        for lookup, ref in sorted(found[_HOLDERS]):
            holders[lookup] = (*holders.get(lookup, ()), ref)
        points: dict[bytes, bytes] = dict(found[_POINTS])
        refs = {*wanted.customers, *(ref for row in contacts.values() for ref in row.told_to)}
        refs.update(ref for theirs in holders.values() for ref in theirs)
        customers = dict(_grouped(self._select((_CUSTOMERS, tuple(sorted(refs))))[_CUSTOMERS]))
        suppressions: dict[bytes, Instant] = dict(found[_SUPPRESSIONS])
        listings: dict[bytes, dict[str, ListingRow]] = {}
        for digest, code, *row in found[_LISTINGS]:
            listings.setdefault(digest, {})[code] = ListingRow(*row)
        if groups := {row.merged.group for row in customers.values() if row.merged}:
            customers |= dict(_grouped(self._select((_MEMBERS, tuple(sorted(groups))))[_MEMBERS]))
        return View(self.head, holders, customers, points, contacts, requests, suppressions, listings)

    def commit(self, batch: Batch) -> None:
        """Write everything and make it durable before returning."""
        it = self._brand_id if self._brand_id is not None else self._open(batch.head)
        before, after = self.head.size if self.head else 0, batch.head.size
        entries = [
            (
                it,
                each.position,
                each.leaf,
                each.leaf_hash,
                each.customer_ref,
                each.customer_version,
                each.generation,
                each.sealed,
            )
            for each in batch.entries
        ]
        statements: list[tuple[str, list[Row]]] = [(_ADD_ENTRIES, entries)]
        if before // TILE_WIDTH < after // TILE_WIDTH:
            self._database.write(statements)
            statements = [(_ADD_TILES, self._full_tiles(it, before, after))]
        statements += _rows_of(it, batch)
        if batch.head != self.head:
            statements.append((_MOVE_HEAD, [_moved(it, batch.head)]))
        self._database.write(statements)
        held.refresh(self._database, it, batch)
        self._database.commit()

    def keep_moves(self, epoch: int, moves: Iterable[tuple[bytes, bytes]]) -> bool:
        """Note what digests of an epoch become, durable on return; False, and none, if the brand is in another."""
        if self.head is None or self.head.pepper_epoch != epoch:
            return False
        self._database.write([(lookup_moves.KEEP, [(self._brand_id, *each) for each in moves])])
        self._database.commit()
        return True

    def move_lookups(self, epoch: int, check: int, moves: Iterable[tuple[bytes, bytes]]) -> int:
        """Write every digest of identifiers anew, by the moves noted and these; durable on return.

        Returns how many rows have a digest of which nobody noted what it becomes: unless 0, nothing moved.
        """
        it = self._brand_id
        if it is None:
            raise ValueError("the brand has no ledger yet")
        self._database.write([(lookup_moves.KEEP, [(it, *each) for each in moves])])
        if left := lookup_moves.stranded(self._database, it):
            return left
        lookup_moves.move(self._database, it, epoch, check)
        self._database.commit()
        return 0

    def _open(self, head: TreeHead) -> int:
        self._database.write([(_MAKE_HEAD, [_begun(head)])])
        made: int = self._database.rows(_BRAND_ID, head.brand)[0][0]
        return made

    def _full_tiles(self, brand_id: int, before: int, after: int) -> list[Row]:
        """Return the tiles that became full, from the hashes of entries already written."""
        made: dict[tuple[int, int], bytes] = {}
        level, old, new = 0, before, after
        while old // TILE_WIDTH < new // TILE_WIDTH:
            for index in range(old // TILE_WIDTH, new // TILE_WIDTH):
                made[level, index] = b"".join(self._level_hashes(brand_id, level, index * TILE_WIDTH, made))
            level, old, new = level + 1, old // TILE_WIDTH, new // TILE_WIDTH
        return [(brand_id, level, index, hashes) for (level, index), hashes in made.items()]

    def _level_hashes(self, brand_id: int, level: int, start: int, made: dict[tuple[int, int], bytes]) -> list[bytes]:
        """Return the 256 hashes of a level from `start` on; all of them are there, or just made."""
        stop = start + TILE_WIDTH
        if level == 0:
            return [row[0] for row in self._database.rows(_LEAF_HASHES, brand_id, start, stop)]
        below = self._database.rows(_TILES, brand_id, level - 1, list(range(start, stop)))
        tiles = dict(below) | {index: hashes for (of, index), hashes in made.items() if of == level - 1}
        return [root_of_edge(grow((), 0, split(tiles[index]))) for index in range(start, stop)]

    def _select(self, *asked: tuple[str, tuple[bytes, ...]]) -> dict[str, list[Row]]:
        """Return the rows of each statement; of no keys there are none."""
        told: list[Statement] = [(sql, (self._brand_id, list(keys))) for sql, keys in asked if keys]
        found: dict[str, list[Row]] = {sql: [] for sql, _ in asked}
        if told:
            found |= {sql: rows for (sql, _), rows in zip(told, self._database.rows_of(told), strict=True)}
        return found


def _rows_of(it: int, batch: Batch) -> list[tuple[str, list[Row]]]:
    """Return what a batch writes besides entries and head, each table's rows in the order of their keys."""
    customers = sorted(batch.customers.items())
    contacts = sorted(batch.contacts.items())
    requests = sorted(batch.requests.items())
    listings = sorted(batch.listings.items())
    return [
        (
            _PUT_CUSTOMERS,
            [(it, ref, row.version, row.leaf_hash, row.state, held.of_made(batch, ref)) for ref, row in customers],
        ),
        (_PUT_GROUPS, [(*_group_values(row), it, ref) for ref, row in sorted(batch.merged.items())]),
        (_DROP_POINTS, [(it, lookup) for lookup in batch.dropped_points]),
        (_PUT_SUPPRESSIONS, [(it, digest, time) for digest, time in sorted(batch.suppressions.items())]),
        (_TAKE_OFF, [(it, *key) for key, row in listings if row is None]),
        (_PUT_LISTINGS, [(it, *key, row.lookup, row.listed_time, row.listing) for key, row in listings if row]),
        (_PUT_POINTS, [(it, lookup, raw) for lookup, raw in sorted(batch.points.items())]),
        (_UNLINK, [(it, *each) for each in sorted(batch.unlinked)]),
        (_LEAVE, [(it, *each) for each in batch.left]),
        (_LINK, [(it, *each) for each in sorted(batch.linked)]),
        (_PUT_CONTACTS, [(it, key, *_contact_values(row)) for key, row in contacts]),
        (_ADD_REQUESTS, [(it, key, row.content, row.customer_ref, row.answer) for key, row in requests]),
        (_COUNT_DENIALS, [(it, row.day, row.channel, row.purpose, row.reason, row.count) for row in batch.denials]),
    ]


def _begun(head: TreeHead) -> Row:
    return head.brand, head.ledger, EMPTY_ROOT, b"", head.pepper_epoch, head.pepper_check


def _moved(brand_id: int, head: TreeHead) -> Row:
    return (
        head.size,
        head.root,
        head.edge,
        head.recorded_time,
        head.catalogue_position,
        head.catalogue_version,
        head.incarnation,
        head.unreconciled_since,
        brand_id,
    )


def _lock_number(brand: BrandId) -> int:
    return int.from_bytes(blake2b(brand.encode(), digest_size=8, person=b"accord/v1 head").digest(), "big", signed=True)


def _contact_values(row: ContactRow) -> tuple[bytes, bytes, bytes | None]:
    return row.customer_ref, b"".join(map(_POSITION.pack, row.positions)), b"".join(row.others) or None


def _group_values(row: GroupRow | None) -> tuple[bytes | None, int | None]:
    return (row.group, row.since) if row else (None, None)


def _contact_row(ref: bytes, raw: bytes, others: bytes | None) -> ContactRow:
    positions = tuple(Position(each) for (each,) in _POSITION.iter_unpack(raw))
    told = bytes(others or b"")
    return ContactRow(bytes(ref), positions, tuple(told[at : at + REF_BYTES] for at in range(0, len(told), REF_BYTES)))


def _known(row: Any) -> Known:  # noqa: ANN401 - a row of either driver
    ref, state, raw, group = row
    return Known(bytes(ref), bytes(state), held.decode(raw) if raw else (), bytes(group or b""))


def _grouped(rows: Iterable[Any]) -> Iterator[tuple[bytes, CustomerRow]]:
    """Join the rows of each customer, which follow each other."""
    ref: bytes | None = None
    first: Any = None
    identifiers: list[IdentifierRow] = []
    for row in rows:
        if row[0] != ref:
            if ref is not None:
                yield bytes(ref), _customer_row(first, identifiers)
            ref, first, identifiers = row[0], row, []
        if row[4] is not None:
            identifiers.append(IdentifierRow(bytes(row[4]), row[5], row[6], bytes(row[7] or b"")))
    if ref is not None:
        yield bytes(ref), _customer_row(first, identifiers)


def _customer_row(row: Any, identifiers: list[IdentifierRow]) -> CustomerRow:  # noqa: ANN401 - a row of either driver
    merged = GroupRow(bytes(row[8]), row[9]) if row[8] else None
    return CustomerRow(row[1], bytes(row[2]), bytes(row[3]), tuple(identifiers), merged)
