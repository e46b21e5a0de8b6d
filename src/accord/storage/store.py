"""The store of ledgers on SQLite and PostgreSQL: one SQL for both, written once, compiled once.

Reads for questions go through the driver itself (`reader`); everything else through SQLAlchemy
Core, in batches. Every statement is a constant; values are bound, never written into it.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, bindparam, text

from accord.domain.terms import BrandId, Position
from accord.ledger.entry import StoredEntry
from accord.ledger.store import (
    TILE_WIDTH,
    Batch,
    ContactRow,
    CustomerRow,
    Head,
    IdentifierRow,
    RequestRow,
    View,
    Wanted,
)
from accord.proof.merkle import grow, root_of_edge, split
from accord.storage.engine import translated
from accord.storage.reader import HEAD_COLUMNS, Reader, open_reader, read_head


def _any(sql: str, *lists: str) -> TextClause:
    return text(sql).bindparams(*(bindparam(name, expanding=True) for name in lists))


_MAKE_HEAD = text(
    "INSERT INTO head (brand, ledger, size, root, edge, recorded_time, catalogue_position, catalogue_version) "
    "VALUES (:brand, :ledger, 0, :root, :edge, 0, 0, 0)"
)
_MOVE_HEAD = text(
    "UPDATE head SET size = :size, root = :root, edge = :edge, recorded_time = :recorded_time, "
    "catalogue_position = :catalogue_position, catalogue_version = :catalogue_version WHERE brand = :brand"
)
_HEAD = f"SELECT brand_id, {HEAD_COLUMNS} FROM head h WHERE h.brand = :brand"
_HEADS = text(f"SELECT brand_id, {HEAD_COLUMNS} FROM head h ORDER BY h.brand")
_BRAND_ID = text("SELECT brand_id FROM head WHERE brand = :brand")
_CONTACTS = _any(
    "SELECT contact_key, customer_ref, positions FROM contact WHERE brand_id = :brand_id AND contact_key IN :keys",
    "keys",
)
_REQUESTS = _any(
    "SELECT request_key, content, customer_ref, answer FROM request "
    "WHERE brand_id = :brand_id AND request_key IN :keys",
    "keys",
)
_HOLDERS = _any("SELECT lookup, customer_ref FROM identity WHERE brand_id = :brand_id AND lookup IN :keys", "keys")
_POINTS = _any("SELECT lookup, state FROM point WHERE brand_id = :brand_id AND lookup IN :keys", "keys")
_CUSTOMERS = _any(
    "SELECT c.customer_ref, c.version, c.leaf_hash, c.state, i.lookup, i.number, i.kind, p.state "
    "FROM customer c "
    "LEFT JOIN identity i ON i.brand_id = c.brand_id AND i.customer_ref = c.customer_ref "
    "LEFT JOIN point p ON p.brand_id = i.brand_id AND p.lookup = i.lookup "
    "WHERE c.brand_id = :brand_id AND c.customer_ref IN :refs ORDER BY c.customer_ref, i.number",
    "refs",
)
_ALL_CUSTOMERS = text(
    "SELECT c.customer_ref, c.version, c.leaf_hash, c.state, i.lookup, i.number, i.kind, p.state "
    "FROM customer c "
    "LEFT JOIN identity i ON i.brand_id = c.brand_id AND i.customer_ref = c.customer_ref "
    "LEFT JOIN point p ON p.brand_id = i.brand_id AND p.lookup = i.lookup "
    "WHERE c.brand_id = :brand_id ORDER BY c.customer_ref, i.number"
)
_ADD_ENTRIES = text(
    "INSERT INTO entry (brand_id, position, leaf, leaf_hash, customer_ref, customer_version, generation, sealed) "
    "VALUES (:brand_id, :position, :leaf, :leaf_hash, :customer_ref, :customer_version, :generation, :sealed)"
)
_ADD_TILES = text(
    "INSERT INTO tile (brand_id, level, tile_index, hashes) VALUES (:brand_id, :level, :tile_index, :hashes)"
)
_PUT_CUSTOMERS = text(
    "INSERT INTO customer (brand_id, customer_ref, version, leaf_hash, state) "
    "VALUES (:brand_id, :customer_ref, :version, :leaf_hash, :state) "
    "ON CONFLICT (brand_id, customer_ref) DO UPDATE SET "
    "version = excluded.version, leaf_hash = excluded.leaf_hash, state = excluded.state"
)
_PUT_POINTS = text(
    "INSERT INTO point (brand_id, lookup, state) VALUES (:brand_id, :lookup, :state) "
    "ON CONFLICT (brand_id, lookup) DO UPDATE SET state = excluded.state"
)
_LINK = text(
    "INSERT INTO identity (brand_id, lookup, customer_ref, number, kind) "
    "VALUES (:brand_id, :lookup, :customer_ref, :number, :kind) "
    "ON CONFLICT (brand_id, lookup, customer_ref) DO UPDATE SET number = excluded.number"
)
_UNLINK = text("DELETE FROM identity WHERE brand_id = :brand_id AND lookup = :lookup AND customer_ref = :customer_ref")
_PUT_CONTACTS = text(
    "INSERT INTO contact (brand_id, contact_key, customer_ref, positions) "
    "VALUES (:brand_id, :contact_key, :customer_ref, :positions) "
    "ON CONFLICT (brand_id, contact_key) DO UPDATE SET positions = excluded.positions"
)
_ADD_REQUESTS = text(
    "INSERT INTO request (brand_id, request_key, content, customer_ref, answer) "
    "VALUES (:brand_id, :request_key, :content, :customer_ref, :answer)"
)
_COUNT_DENIALS = text(
    "INSERT INTO denial (brand_id, day, channel, purpose, reason, count) "
    "VALUES (:brand_id, :day, :channel, :purpose, :reason, :count) "
    "ON CONFLICT (brand_id, day, channel, purpose, reason) DO UPDATE SET count = denial.count + excluded.count"
)
_ENTRY_COLUMNS = "position, leaf, leaf_hash, customer_ref, customer_version, generation, sealed"
_ENTRIES = text(
    f"SELECT {_ENTRY_COLUMNS} FROM entry WHERE brand_id = :brand_id "
    "AND position >= :start AND position < :stop ORDER BY position"
)
_ENTRIES_OF = text(
    f"SELECT {_ENTRY_COLUMNS} FROM entry WHERE brand_id = :brand_id AND customer_ref = :customer_ref "
    "AND customer_version >= :start AND customer_version < :stop ORDER BY customer_version"
)
_LEAF_HASHES = text(
    "SELECT leaf_hash FROM entry WHERE brand_id = :brand_id AND position >= :start AND position < :stop "
    "ORDER BY position"
)
_TILES = _any(
    "SELECT tile_index, hashes FROM tile WHERE brand_id = :brand_id AND level = :level AND tile_index IN :indexes",
    "indexes",
)
_ALL_POINTS = text("SELECT lookup, state FROM point WHERE brand_id = :brand_id ORDER BY lookup")
_ALL_CONTACTS = text(
    "SELECT contact_key, customer_ref, positions FROM contact WHERE brand_id = :brand_id ORDER BY contact_key"
)


class SqlStore:
    """`LedgerStore` and `Records` over one database."""

    def __init__(self, engine: Engine) -> None:
        """Use a database at the newest revision. Nothing is opened yet."""
        self._engine = engine
        self._reader: Reader = open_reader(engine)

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> View | None:
        """Return what the wanted lookups lead to, in one statement on the newest committed state."""
        return self._reader.read(brand, lookups)

    @contextmanager
    def write(self, brand: BrandId) -> Iterator["SqlWriting"]:
        """Lock the brand's head and begin to write."""
        with translated(), self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                row = connection.execute(text(_HEAD), {"brand": brand}).first()
            else:
                row = connection.execute(text(_HEAD + " FOR UPDATE"), {"brand": brand}).first()
            yield SqlWriting(connection, brand, row)

    def entries(self, brand: BrandId, start: int, limit: int, customer_ref: bytes | None = None) -> list[StoredEntry]:
        """Return up to `limit` entries from `start` on: a position, or with a customer their version."""
        found = {"start": start, "stop": start + limit, "customer_ref": customer_ref}
        statement = _ENTRIES if customer_ref is None else _ENTRIES_OF
        if customer_ref is None:
            del found["customer_ref"]
        return [StoredEntry(*row) for row in self._rows(brand, statement, found)]

    def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
        """Return full tiles of a level by index."""
        rows = self._rows(brand, _TILES, {"level": level, "indexes": list(indexes)})
        return {index: bytes(hashes) for index, hashes in rows}

    def heads(self) -> list[Head]:
        """Return the head of every ledger."""
        with translated(), self._engine.connect() as connection:
            return [read_head(row[1:]) for row in connection.execute(_HEADS)]

    def contact(self, brand: BrandId, key: bytes) -> ContactRow | None:
        """Return one contact."""
        rows = self._rows(brand, _CONTACTS, {"keys": [key]})
        return next((_contact_row(ref, raw) for _, ref, raw in rows), None)

    def all_customers(self, brand: BrandId) -> Iterator[tuple[bytes, CustomerRow]]:
        """Yield every customer with what they hold, by reference."""
        yield from _grouped(self._stream(brand, _ALL_CUSTOMERS))

    def all_points(self, brand: BrandId) -> Iterator[tuple[bytes, bytes]]:
        """Yield the state of every address."""
        for lookup, state in self._stream(brand, _ALL_POINTS):
            yield bytes(lookup), bytes(state)

    def all_contacts(self, brand: BrandId) -> Iterator[tuple[bytes, ContactRow]]:
        """Yield every contact."""
        for key, ref, raw in self._stream(brand, _ALL_CONTACTS):
            yield bytes(key), _contact_row(ref, raw)

    def close(self) -> None:
        """Close every connection."""
        self._reader.close()
        self._engine.dispose()

    def _rows(self, brand: BrandId, statement: TextClause, values: dict[str, Any]) -> list[Any]:
        with translated(), self._engine.connect() as connection:
            brand_id = connection.execute(_BRAND_ID, {"brand": brand}).scalar()
            if brand_id is None:
                return []
            return list(connection.execute(statement, {"brand_id": brand_id, **values}))

    def _stream(self, brand: BrandId, statement: TextClause) -> Iterator[Any]:
        with translated(), self._engine.connect() as connection:
            brand_id = connection.execute(_BRAND_ID, {"brand": brand}).scalar()
            options = connection.execution_options(yield_per=10_000)
            yield from options.execute(statement, {"brand_id": brand_id})


class SqlWriting:
    """`Writing` over one open transaction; leaving it without commit rolls it back."""

    def __init__(self, connection: Connection, brand: BrandId, row: Any) -> None:  # noqa: ANN401 - a row or None
        """Hold the locked head."""
        self._connection = connection
        self._brand = brand
        self._brand_id: int | None = row[0] if row else None
        self.head: Head | None = read_head(row[1:]) if row else None

    def load(self, wanted: Wanted) -> View:
        """Return what is wanted, as of the lock."""
        if self.head is None:
            raise ValueError("the brand has no ledger yet")
        requests = {
            key: RequestRow(content, ref, answer)
            for key, content, ref, answer in self._select(_REQUESTS, keys=wanted.requests)
        }
        contacts = {key: _contact_row(ref, raw) for key, ref, raw in self._select(_CONTACTS, keys=wanted.contacts)}
        holders: dict[bytes, list[bytes]] = {}
        for lookup, ref in self._select(_HOLDERS, keys=wanted.lookups):
            holders.setdefault(lookup, []).append(ref)
        points = dict(tuple(row) for row in self._select(_POINTS, keys=wanted.lookups))
        refs = {ref for held in holders.values() for ref in held} | {row.customer_ref for row in contacts.values()}
        customers = dict(_grouped(self._select(_CUSTOMERS, refs=tuple(sorted(refs)))))
        return View(
            head=self.head,
            holders={lookup: tuple(held) for lookup, held in holders.items()},
            customers=customers,
            points=points,
            contacts=contacts,
            requests=requests,
        )

    def commit(self, batch: Batch) -> None:
        """Write everything and make it durable before returning."""
        brand_id = self._brand_id if self._brand_id is not None else self._open(batch.head)
        before = self.head.size if self.head else 0
        self._execute(_ADD_ENTRIES, ({"brand_id": brand_id, **_fields(each)} for each in batch.entries))
        self._add_tiles(brand_id, before, batch.head.size)
        self._execute(
            _PUT_CUSTOMERS,
            (
                {
                    "brand_id": brand_id,
                    "customer_ref": ref,
                    "version": row.version,
                    "leaf_hash": row.leaf_hash,
                    "state": row.state,
                }
                for ref, row in sorted(batch.customers.items())
            ),
        )
        points = sorted(batch.points.items())
        self._execute(_PUT_POINTS, ({"brand_id": brand_id, "lookup": key, "state": raw} for key, raw in points))
        self._execute(
            _UNLINK,
            ({"brand_id": brand_id, "lookup": lookup, "customer_ref": ref} for lookup, ref in batch.unlinked),
        )
        self._execute(
            _LINK,
            (
                {"brand_id": brand_id, "lookup": lookup, "customer_ref": ref, "number": number, "kind": kind}
                for lookup, ref, number, kind in batch.linked
            ),
        )
        self._execute(
            _PUT_CONTACTS,
            (
                {
                    "brand_id": brand_id,
                    "contact_key": key,
                    "customer_ref": row.customer_ref,
                    "positions": struct.pack(f"<{len(row.positions)}Q", *row.positions),
                }
                for key, row in sorted(batch.contacts.items())
            ),
        )
        self._execute(
            _ADD_REQUESTS,
            ({"brand_id": brand_id, "request_key": key, **_fields(row)} for key, row in sorted(batch.requests.items())),
        )
        self._execute(_COUNT_DENIALS, ({"brand_id": brand_id, **_fields(row)} for row in batch.denials))
        if batch.head != self.head:
            self._connection.execute(_MOVE_HEAD, _fields(batch.head))
        self._connection.commit()

    def _open(self, head: Head) -> int:
        empty = Head(brand=head.brand, ledger=head.ledger)
        self._connection.execute(
            _MAKE_HEAD, {"brand": head.brand, "ledger": head.ledger, "root": empty.root, "edge": b""}
        )
        made: int = self._connection.execute(_BRAND_ID, {"brand": head.brand}).scalar_one()
        return made

    def _add_tiles(self, brand_id: int, before: int, after: int) -> None:
        level, old, new = 0, before, after
        while old // TILE_WIDTH < new // TILE_WIDTH:
            for index in range(old // TILE_WIDTH, new // TILE_WIDTH):
                hashes = b"".join(self._level_hashes(brand_id, level, index * TILE_WIDTH))
                row = {"brand_id": brand_id, "level": level, "tile_index": index, "hashes": hashes}
                self._connection.execute(_ADD_TILES, row)
            level, old, new = level + 1, old // TILE_WIDTH, new // TILE_WIDTH

    def _level_hashes(self, brand_id: int, level: int, start: int) -> list[bytes]:
        """Return the 256 hashes of a level from `start` on; all of them are there."""
        stop = start + TILE_WIDTH
        if level == 0:
            window = {"brand_id": brand_id, "start": start, "stop": stop}
            return [bytes(row[0]) for row in self._connection.execute(_LEAF_HASHES, window)]
        below = {"brand_id": brand_id, "level": level - 1, "indexes": list(range(start, stop))}
        tiles = {index: bytes(hashes) for index, hashes in self._connection.execute(_TILES, below)}
        return [root_of_edge(grow((), 0, split(tiles[index]))) for index in range(start, stop)]

    def _select(self, statement: TextClause, **lists: tuple[bytes, ...]) -> list[Any]:
        ((name, values),) = lists.items()
        if not values:
            return []
        return list(self._connection.execute(statement, {"brand_id": self._brand_id, name: list(values)}))

    def _execute(self, statement: TextClause, rows: Iterable[dict[str, Any]]) -> None:
        if batch := list(rows):
            self._connection.execute(statement, batch)


def _fields(row: StoredEntry | RequestRow | Head | Any) -> dict[str, Any]:  # noqa: ANN401 - any frozen row
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _contact_row(ref: bytes, raw: bytes) -> ContactRow:
    return ContactRow(bytes(ref), tuple(Position(each) for (each,) in struct.iter_unpack("<Q", raw)))


def _grouped(rows: Iterable[Any]) -> Iterator[tuple[bytes, CustomerRow]]:
    """Join the rows of each customer, which follow each other."""
    ref: bytes | None = None
    first: Any = None
    held: list[IdentifierRow] = []
    for row in rows:
        if row[0] != ref:
            if ref is not None:
                yield bytes(ref), CustomerRow(first[1], bytes(first[2]), bytes(first[3]), tuple(held))
            ref, first, held = row[0], row, []
        if row[4] is not None:
            held.append(IdentifierRow(bytes(row[4]), row[5], row[6], bytes(row[7] or b"")))
    if ref is not None:
        yield bytes(ref), CustomerRow(first[1], bytes(first[2]), bytes(first[3]), tuple(held))
