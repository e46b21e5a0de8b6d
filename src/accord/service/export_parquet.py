"""report.parquet of an export: the rows of report.csv for machines, with their types.

Needs pyarrow, which `accord[parquet]` brings and which is loaded only when it is asked for. The same rows
give the same bytes by the same pyarrow, whose version the file names itself (`created_by`); so this view
is there only where somebody wanted it. What is held is one row group; what is written waits in an
unnamed file.
"""

import tempfile
from importlib.util import find_spec
from typing import IO, Any, Final

from accord.proof import verify

ROW_GROUP: Final = 16_384
_BRAND = "brand"
_Row = tuple[Any, ...]


def can_write() -> bool:
    """Say whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


class ParquetRows:
    """The rows, as lines come."""

    def __init__(self) -> None:
        """Begin without a row. Raises ImportError without pyarrow."""
        import pyarrow as pa  # noqa: PLC0415 - a server that writes no such view need not load it, nor have it
        from pyarrow import parquet  # noqa: PLC0415 - the same

        self._arrow = pa
        self._schema = _schema(pa)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as who reads it
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd", store_schema=False)
        self._rows: list[_Row] = []

    def add(self, line: verify.Line) -> None:
        """Write the row of an entry."""
        self._rows.append(_row(line))
        if len(self._rows) == ROW_GROUP:
            self._write()

    def written(self) -> IO[bytes]:
        """Return the file, whole. Nothing can be added after."""
        if self._rows:
            self._write()
        self._writer.close()
        return self._file

    def _write(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [self._arrow.array(column, of.type) for column, of in zip(columns, self._schema, strict=True)]
        self._writer.write_batch(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows.clear()


def _schema(arrow: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    instant, codes = arrow.timestamp("us", tz="UTC"), arrow.list_(arrow.string())
    types = {"position": arrow.uint64(), "recorded": instant, "acted": instant, "version": arrow.uint32()}
    types |= {"purposes": codes, "channels": codes}
    return arrow.schema([(name, types.get(name, arrow.string())) for name in verify.REPORT_COLUMNS])


def _row(line: verify.Line) -> _Row:
    """Return the cells of a row; None for what is not disclosed or not told."""
    status, kind, purposes, channels, notice = line.shown
    row = (line.position, line.recorded_at, kind, status, purposes, channels, notice or None)
    payload = line.payload
    if payload is None:
        return (*row, None, None, None, None, None)
    caller, customer, event, _, version = payload
    acted, touchpoint = verify.when_and_where(event)
    told = touchpoint if isinstance(touchpoint, str) and touchpoint else None
    return (*row, customer if customer != verify.BRAND_REF else _BRAND, version, caller, acted or None, told)
