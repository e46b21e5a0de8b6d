"""Where customers' wrapped keys are kept: a database of its own. Knows nothing of what they open.

Two rules are the statement's own, so that no process can break them: no key for a fenced customer,
and none in an epoch that is not the newest.
"""

from sqlalchemy import Engine

from accord.domain.terms import BrandId, Instant
from accord.ledger.keyring import WrappedKey
from accord.storage.engine import MANY, Row, driver
from accord.storage.wal import truncate_wal

_INSERT = (
    "INSERT INTO wrapped_key (brand, customer_ref, generation, epoch, wrapped) SELECT ?, ?, ?, ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM fence f WHERE f.brand = ? AND f.customer_ref = ?) "
    "AND ? = (SELECT max(k.epoch) FROM kek_epoch k) "
    "ON CONFLICT (brand, customer_ref, generation) DO NOTHING"
)
# The same for many, on PostgreSQL: one execution for each key costs several times as much.
_INSERT_TOGETHER = (
    "INSERT INTO wrapped_key (brand, customer_ref, generation, epoch, wrapped) SELECT n.* "
    "FROM unnest(?::text[], ?::bytea[], ?::integer[], ?::integer[], ?::bytea[]) "
    "AS n (brand, customer_ref, generation, epoch, wrapped) "
    "WHERE NOT EXISTS (SELECT 1 FROM fence f WHERE f.brand = n.brand AND f.customer_ref = n.customer_ref) "
    "AND n.epoch = (SELECT max(k.epoch) FROM kek_epoch k) "
    "ON CONFLICT (brand, customer_ref, generation) DO NOTHING"
)
_SELECT = "SELECT customer_ref, generation, epoch, wrapped FROM wrapped_key WHERE brand = ? AND customer_ref = ANY(?)"
_FENCED = "SELECT customer_ref FROM fence WHERE brand = ? AND customer_ref = ANY(?)"
_EPOCH = "SELECT max(epoch) FROM kek_epoch"
_EPOCHS = (
    "SELECT e.epoch, e.begun_time, e.ended_time, "
    "(SELECT count(*) FROM wrapped_key k WHERE k.epoch = e.epoch) FROM kek_epoch e ORDER BY e.epoch"
)
_BEGIN = "INSERT INTO kek_epoch (epoch, begun_time, ended_time) VALUES (?, ?, 0)"
_END = "UPDATE kek_epoch SET ended_time = ? WHERE epoch = ?"
_OLDER = "SELECT brand, customer_ref, generation, epoch, wrapped FROM wrapped_key WHERE epoch < ? LIMIT ?"
_REWRAP = (
    "UPDATE wrapped_key SET epoch = ?, wrapped = ? "
    "WHERE brand = ? AND customer_ref = ? AND generation = ? AND epoch = ?"
)
# Waits for whoever is keeping keys in the epoch before, and lets nobody begin to.
_LOCK = "LOCK TABLE wrapped_key IN SHARE MODE"
_PAGE = 1000


class SqlWrappedKeys:
    """`WrappedKeys` and `KekEpochs` over one database at its newest revision."""

    def __init__(self, engine: Engine) -> None:
        """Use this database."""
        self._engine = engine

    def insert_missing(self, brand: BrandId, keys: list[WrappedKey]) -> None:
        """Keep keys that are not there yet; durable on return."""
        ordered = sorted(keys, key=lambda key: key.customer_ref)
        rows: list[Row] = [(brand, key.customer_ref, key.generation, key.epoch, key.wrapped) for key in ordered]
        with driver(self._engine) as database:
            if database.is_sqlite or len(rows) < MANY:
                database.write([(_INSERT, [(*row, brand, row[1], row[3]) for row in rows])])
            else:
                database.write_together(_INSERT_TOGETHER, rows)
            database.commit()

    def select(self, brand: BrandId, refs: list[bytes]) -> list[WrappedKey]:
        """Return every key of the customers."""
        found: list[WrappedKey] = []
        with driver(self._engine, writing=False) as database:
            for start in range(0, len(refs), _PAGE):
                found.extend(WrappedKey(*row) for row in database.rows(_SELECT, brand, refs[start : start + _PAGE]))
        return found

    def fenced(self, brand: BrandId, refs: list[bytes]) -> set[bytes]:
        """Return those of the customers who are fenced."""
        with driver(self._engine, writing=False) as database:
            return {bytes(ref) for (ref,) in database.rows(_FENCED, brand, refs)}

    def epoch(self) -> int:
        """Return the newest epoch of the key-encryption key."""
        with driver(self._engine, writing=False) as database:
            newest: int = database.rows(_EPOCH)[0][0]
        return newest

    def epochs(self) -> list[tuple[int, Instant, Instant, int]]:
        """Return every epoch, oldest first: its number, when it began, when it ended (0: not yet), keys in it."""
        with driver(self._engine, writing=False) as database:
            return [(row[0], Instant(row[1]), Instant(row[2]), row[3]) for row in database.rows(_EPOCHS)]

    def begin_epoch(self, epoch: int, now: Instant) -> None:
        """Let keys be kept in this epoch only, from here on."""
        with driver(self._engine) as database:
            if not database.is_sqlite:
                database.write([(_LOCK, [()])])
            database.write([(_BEGIN, [(epoch, now)])])
            database.commit()

    def end_epoch(self, epoch: int, now: Instant) -> None:
        """Note that the key-encryption key of an epoch is destroyed, or left to others to destroy."""
        self._write(_END, [(now, epoch)])

    def older(self, epoch: int, limit: int) -> list[tuple[BrandId, WrappedKey]]:
        """Return up to `limit` keys of earlier epochs, of every brand."""
        with driver(self._engine, writing=False) as database:
            return [(BrandId(row[0]), WrappedKey(*row[1:])) for row in database.rows(_OLDER, epoch, limit)]

    def rewrap(self, keys: list[tuple[BrandId, WrappedKey, int]]) -> None:
        """Put keys in the place of those of the epoch named last; one that was destroyed meanwhile stays destroyed."""
        rows: list[Row] = [
            (key.epoch, key.wrapped, brand, key.customer_ref, key.generation, before) for brand, key, before in keys
        ]
        self._write(_REWRAP, rows)

    def compact(self) -> bool:
        """Leave no replaced byte behind, where the database can."""
        return truncate_wal(self._engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _write(self, sql: str, rows: list[Row]) -> None:
        with driver(self._engine) as database:
            database.write([(sql, rows)])
            database.commit()
