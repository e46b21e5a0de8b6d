"""Erasures and fences, in the database of the wrapped keys: one `DELETE` there is what an erasure comes down to."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Engine

from accord.domain.terms import BrandId
from accord.ledger.erasing import Erasure, ErasureRow, decode_erasure, encode_erasure
from accord.storage.engine import Row, Statement, driver
from accord.storage.wal import truncate_wal

_COLUMNS = "record, receipt"
_FIND = f"SELECT {_COLUMNS} FROM erasure WHERE brand = ? AND erasure_id = ?"
_KEEP = (
    "INSERT INTO erasure (brand, erasure_id, request_time, not_before, record, receipt) VALUES (?, ?, ?, ?, ?, '') "
    "ON CONFLICT (brand, erasure_id) DO NOTHING"
)
_FENCE = "INSERT INTO fence (brand, customer_ref) VALUES (?, ?) ON CONFLICT (brand, customer_ref) DO NOTHING"
_DESTROY = "DELETE FROM wrapped_key WHERE brand = ? AND customer_ref = ?"
_FINISH = "UPDATE erasure SET receipt = ? WHERE brand = ? AND erasure_id = ?"
_PAGE = f"SELECT {_COLUMNS} FROM erasure WHERE brand = ? ORDER BY request_time, erasure_id LIMIT ? OFFSET ?"
_AFTER = f"SELECT {_COLUMNS} FROM erasure WHERE brand = ? AND erasure_id > ? ORDER BY erasure_id LIMIT ?"
_UNFINISHED = "SELECT record, receipt FROM erasure WHERE receipt = '' ORDER BY not_before, brand, erasure_id"
_BRANDS = "SELECT DISTINCT brand FROM erasure ORDER BY brand"
_REVIVED = (
    "SELECT DISTINCT f.brand, f.customer_ref FROM fence f "
    "JOIN wrapped_key k ON k.brand = f.brand AND k.customer_ref = f.customer_ref"
)
_PAGE_ROWS = 1000


class SqlErasures:
    """`ErasureStore` over the key store's database."""

    def __init__(self, engine: Engine) -> None:
        """Use this database."""
        self._engine = engine

    def find_erasure(self, brand: BrandId, erasure_id: bytes) -> ErasureRow | None:
        """Return an erasure, or None when there is none of this name."""
        return next((_row(each) for each in self._rows((_FIND, (brand, erasure_id)))), None)

    def keep_erasure(self, erasure: Erasure) -> None:
        """Keep an erasure; one that is there stays as it is."""
        times = erasure.request_time, erasure.not_before
        self._write(_KEEP, [(erasure.brand, erasure.erasure_id, *times, encode_erasure(erasure))])

    def fence(self, brand: BrandId, refs: Iterable[bytes]) -> None:
        """Let no key ever be made again for these customers."""
        self._write(_FENCE, [(brand, ref) for ref in refs])

    def destroy(self, brand: BrandId, refs: Iterable[bytes]) -> None:
        """Delete every key of these customers."""
        self._write(_DESTROY, [(brand, ref) for ref in refs])

    def finish(self, brand: BrandId, erasure_id: bytes, receipt: str) -> None:
        """Keep the receipt: the erasure is done."""
        self._write(_FINISH, [(receipt, brand, erasure_id)])

    def erasures(self, brand: BrandId, start: int, limit: int) -> list[ErasureRow]:
        """Return up to `limit` erasures of a brand in the order they were asked for, from number `start` on."""
        return [_row(each) for each in self._rows((_PAGE, (brand, limit, start)))]

    def unfinished(self) -> list[Erasure]:
        """Return every erasure without a receipt, those on hold too."""
        return [_row(each).erasure for each in self._rows((_UNFINISHED, ()))]

    def all_erasures(self) -> Iterator[ErasureRow]:
        """Yield every erasure of every brand."""
        for (brand,) in self._rows((_BRANDS, ())):
            after = b""
            while page := [_row(each) for each in self._rows((_AFTER, (brand, after, _PAGE_ROWS)))]:
                yield from page
                after = page[-1].erasure.erasure_id

    def revived(self) -> set[tuple[BrandId, bytes]]:
        """Return the fenced customers who have a key, as after a restore."""
        return {(BrandId(brand), bytes(ref)) for brand, ref in self._rows((_REVIVED, ()))}

    def compact(self) -> bool:
        """Leave no deleted byte behind, where the database can; False when readers kept it from that."""
        return truncate_wal(self._engine)

    def _rows(self, statement: Statement) -> list[Row]:
        with driver(self._engine, writing=False) as database:
            return database.rows(statement[0], *statement[1])

    def _write(self, sql: str, rows: list[Row]) -> None:
        with driver(self._engine) as database:
            database.write([(sql, rows)])
            database.commit()


def _row(row: Row) -> ErasureRow:
    return ErasureRow(decode_erasure(bytes(row[0])), row[1])
