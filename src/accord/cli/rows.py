"""The rows of a file, one at a time: CSV, JSON lines or Parquet, by how the file is named.

A row that cannot be read is a `RowError` in its place, and the rest follows; a file of which nothing can be
read raises `FileError`. Rows are counted from 1, the heading of a CSV file not among them. Parquet needs
`pip install 'accord[parquet]'`.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from accord.cli.mapping import FileForm, Row, RowError

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
}
_BATCH_ROWS = 10_000

Rows = Iterator[Row | RowError]


class FileError(ValueError):
    """Nothing of the file can be read; the message says why."""


class Table:
    """A file of rows, read from its beginning as often as it is asked for."""

    def __init__(self, path: Path, form: FileForm) -> None:
        """Look at the heading. Raises FileError."""
        self.path = path
        self._form = form
        suffix = path.suffix.lower()
        if suffix not in MEDIA_TYPES:
            raise FileError(f"a file is named {', '.join(MEDIA_TYPES)}; this one is {suffix or 'nothing of it'}")
        self.media_type = MEDIA_TYPES[suffix]
        self._rows: Callable[[], Rows] = {".csv": self._csv, ".parquet": self._parquet}.get(suffix, self._jsonl)

    def rows(self) -> Rows:
        """Yield every row. Raises FileError."""
        try:
            yield from self._rows()
        except OSError as error:
            raise FileError(f"the file cannot be read: {error.strerror}") from None

    def columns(self) -> tuple[str, ...] | None:
        """Return the columns the file names; None where only its rows do. Raises FileError."""
        if self.media_type == "text/csv":
            with self._text() as text:
                return tuple(self._heading(self._reader(text)))
        if self.media_type.endswith("parquet"):
            return tuple(_parquet_file(self.path).schema_arrow.names)
        return None

    def _text(self) -> io.TextIOWrapper:
        try:
            return self.path.open(encoding=self._form.encoding, errors="surrogateescape", newline="")
        except LookupError:
            raise FileError(f"file.encoding: {self._form.encoding} is no encoding") from None

    def _reader(self, text: io.TextIOWrapper) -> Any:  # noqa: ANN401 - csv's own type
        return csv.reader(text, delimiter=self._form.delimiter, quotechar=self._form.quote, strict=True)

    def _heading(self, reader: Any) -> list[str]:  # noqa: ANN401 - csv's own type
        try:
            heading: list[str] = next(reader, [])
        except (csv.Error, UnicodeError) as error:
            raise FileError(f"the heading cannot be read: {error}") from None
        if not heading or len(set(heading)) < len(heading):
            raise FileError("the first line must name the columns, each once")
        return heading

    def _csv(self) -> Rows:
        with self._text() as text:
            reader = self._reader(text)
            heading = self._heading(reader)
            while True:
                try:
                    values = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield RowError("row", f"is no line of CSV: {error}")
                    continue
                except UnicodeError:
                    raise FileError(f"the file is not written in {self._form.encoding}") from None
                if values:
                    yield self._named(heading, values)

    def _named(self, heading: list[str], values: list[str]) -> Row | RowError:
        if len(values) != len(heading):
            return RowError("row", f"has {len(values)} fields where the heading names {len(heading)}")
        row = dict(zip(heading, values, strict=True))
        strange = None if "".join(values).isascii() else next((each for each in row if _is_broken(row[each])), None)
        return RowError(f"column {strange}", f"is not written in {self._form.encoding}") if strange else row

    def _jsonl(self) -> Rows:
        decoder = msgspec.json.Decoder(dict[str, Any])
        with self.path.open("rb") as lines:
            for line in lines:
                if line.strip():
                    try:
                        yield {name: _as_text(value) for name, value in decoder.decode(line).items()}
                    except (msgspec.DecodeError, UnicodeDecodeError):
                        yield RowError("row", "is no object in JSON")

    def _parquet(self) -> Rows:
        for batch in _parquet_file(self.path).iter_batches(_BATCH_ROWS):
            for row in batch.to_pylist():
                yield {name: _as_text(value) for name, value in row.items()}


def _parquet_file(path: Path) -> Any:  # noqa: ANN401 - an optional library's own type
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - only who reads such a file has it installed
    except ImportError:
        raise FileError("Parquet needs one library more: pip install 'accord[parquet]'") from None
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise FileError(f"the file is no Parquet: {type(error).__name__}") from None


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case list():
            return ";".join(map(_as_text, value))
        case _:
            return str(value)


def _is_broken(text: str) -> bool:
    return any("\udc80" <= each <= "\udcff" for each in text)


csv.field_size_limit(min(1 << 20, sys.maxsize))
