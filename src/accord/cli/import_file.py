"""`accord import`: permissions and refusals that were collected elsewhere, from a file, by a mapping.

The file is read twice, for its digest and row by row. What became of each row goes into a file beside it, a
chunk at a time, and how far that is into another: an import that was cut off goes on there when it is
started again. Rows are requests by file, mapping and number, so none counts twice however often it is sent.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from msgspec import Struct

from accord.cli import tell
from accord.cli.ahead import ahead
from accord.cli.connect import connect
from accord.cli.errors import LocalError
from accord.cli.mapping import MappingError, Reading, RowError, read_mapping
from accord.cli.options import remote
from accord.cli.rehearsal import in_order_of_persons
from accord.cli.rows import FileError, Table
from accord.cli.sketch import sketch
from accord.v1 import error_reason_pb2
from accord.v1 import import_service_pb2 as pb

CHUNK_RECORDS = 1000
_READ_BYTES = 1 << 20
_HEADINGS = ("row", "part", "verdict", "position", "field", "reason")
_PREFIX = "IMPORT_VERDICT_"
_VERDICTS = {number: name.removeprefix(_PREFIX).lower() for name, number in pb.ImportVerdict.items()}
INVALID, NOTHING_SAID = "invalid", "nothing_said"

Line = tuple[int, int, str, str, str, str]
"""A row of the output: its number, which record of it, the verdict, the position, the field at fault, and why."""

Item = pb.ImportRecord | Line
"""A record to be sent, or what became of a row already."""


class _Progress(Struct, frozen=True):
    """How far an import has come: `items` were answered, whose lines end at `bytes`."""

    sha256: str
    mapping_sha256: str
    brand: str
    items: int
    bytes: int


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The mapping, in TOML.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where each row's verdict goes.")
@click.option("--dry-run", is_flag=True, help="Judge on the ledger as it is, and record nothing.")
@click.option("--sketch", "sketching", is_flag=True, help="Print a mapping for FILE to begin with.")
@remote
def import_file(  # noqa: PLR0913 - each is an option
    brand: str,
    server: str,
    as_json: bool,
    file: Path,
    mapping: Path | None,
    output: Path | None,
    dry_run: bool,
    sketching: bool,
) -> None:
    """Import permissions and refusals from FILE.

    It is named .csv, .jsonl or .parquet. A permission fills a gap only: none lifts a refusal or completes an opt-in.
    What became of each row is written to FILE.verdicts.csv. Start it again after a failure, and it goes on. Exits 1
    when a row is invalid.
    """
    try:
        if sketching:
            click.echo(sketch(file))
            return
        if mapping is None:
            raise click.UsageError("give --mapping, or --sketch to begin one")
        reading = read_mapping(mapping.read_bytes())
        table = Table(file, reading.told.file)
        _examine_columns(reading, table)
        run = _Run(brand, reading, table, output or file.with_name(f"{file.name}.verdicts.csv"), dry_run=dry_run)
        with connect(server) as connection, tell.bar("rehearsing" if dry_run else "importing") as show:

            def ask(records: list[pb.ImportRecord]) -> Iterable[pb.ImportResult]:
                request = pb.ImportRecordsRequest(brand=brand, source=run.source, records=records, dry_run=dry_run)
                return connection.ask_alone(connection.imports.ImportRecords, request).results

            counts = run.take(ask, show)
    except (MappingError, FileError) as error:
        raise LocalError(str(error)) from None
    _tell(counts, run.output, as_json=as_json)


class _Run:
    """One run over a file."""

    def __init__(self, brand: str, reading: Reading, table: Table, output: Path, *, dry_run: bool) -> None:
        self._reading = reading
        self._table = table
        self._dry_run = dry_run
        digest, self._total = _measure(table.path)
        self._progress = _Progress(digest.hex(), reading.digest.hex(), brand, 0, 0)
        self._noted = output.with_name(f"{output.name}.progress")
        self.output = output
        self.source = pb.ImportSource(
            partner=reading.told.partner,
            sha256=digest,
            media_type=table.media_type,
            mapping_sha256=reading.digest,
        )

    def take(self, ask: Any, show: tell.Show) -> Counter[str]:  # noqa: ANN401 - a function from records to results
        """Send every record that was not answered before, write what became of each, and count the verdicts."""
        done = self._progress if self._dry_run else self._before()
        with self.output.open("r+" if done.items else "w", encoding="utf-8", newline="") as lines:
            counts = _counted(lines, done)
            writer = csv.writer(lines)
            if not done.items:
                writer.writerow(_HEADINGS)
            for chunk in ahead(_chunks(self._items(), done.items)):
                records = [each for each in chunk if isinstance(each, pb.ImportRecord)]
                results = iter(ask(records) if records else ())
                for each in chunk:
                    line = _line(each, next(results)) if isinstance(each, pb.ImportRecord) else each
                    counts[line[2]] += 1
                    writer.writerow(line)
                lines.flush()
                done = self._note(done, len(chunk), lines)
                last = chunk[-1]
                show(last.row if isinstance(last, pb.ImportRecord) else last[0], self._total)
        self._noted.unlink(missing_ok=True)
        return counts

    def _items(self) -> Iterator[Item]:
        told = in_order_of_persons(self._table, self._reading) if self._dry_run else enumerate(self._table.rows(), 1)
        for number, row in told:
            yield from _of_row(self._reading, number, row)

    def _before(self) -> _Progress:
        """Return how far this very import came before; nothing where it was another, or none."""
        try:
            found = msgspec.json.decode(self._noted.read_bytes(), type=_Progress)
            size = self.output.stat().st_size
        except (OSError, msgspec.DecodeError):
            return self._progress
        mine = self._progress
        same = (found.sha256, found.mapping_sha256, found.brand) == (mine.sha256, mine.mapping_sha256, mine.brand)
        return found if same and found.bytes <= size else mine

    def _note(self, done: _Progress, items: int, lines: TextIO) -> _Progress:
        """Note how far it is. Dying before, the same records are sent again and get the answers they got."""
        after = msgspec.structs.replace(done, items=done.items + items, bytes=lines.tell())
        if not self._dry_run:
            beside = self._noted.with_name(f"{self._noted.name}.new")
            beside.write_bytes(msgspec.json.encode(after))
            beside.replace(self._noted)
        return after


def _of_row(reading: Reading, number: int, row: Any) -> Iterator[Item]:  # noqa: ANN401 - a row or its fault
    if isinstance(row, RowError):
        yield number, 0, INVALID, "", row.field, str(row)
        return
    said = False
    for each in reading.records(number, row):
        said = True
        if isinstance(each, pb.ImportRecord):
            yield each
        else:
            part, error = each
            yield number, part, INVALID, "", error.field, str(error)
    if not said:
        yield number, 0, NOTHING_SAID, "", "", ""


def _chunks(items: Iterator[Item], skipped: int) -> Iterator[list[Item]]:
    left = islice(items, skipped, None)
    while chunk := list(islice(left, CHUNK_RECORDS)):
        yield chunk


def _line(record: pb.ImportRecord, result: pb.ImportResult) -> Line:
    if not result.HasField("error"):
        return record.row, record.part, _VERDICTS[result.verdict], str(result.position or ""), "", ""
    error = result.error
    reason = error_reason_pb2.ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
    fields = [_shortened(each.field) for each in error.violations] or [error.metadata["field"]]
    why = "; ".join(dict.fromkeys(each.description for each in error.violations)) or error.message
    return record.row, record.part, INVALID, "", ", ".join(filter(None, fields)), f"{reason}: {why}"


def _shortened(field: str) -> str:
    """Return the field without the kind of record before it."""
    for kind in ("grant.", "refuse.", "withdraw.", "object."):
        field = field.removeprefix(kind)
    return field


def _counted(lines: TextIO, done: _Progress) -> Counter[str]:
    """Count the verdicts of what was answered before, cut off what was not noted, and stand at its end."""
    counts: Counter[str] = Counter()
    if not done.items:
        return counts
    lines.truncate(done.bytes)
    lines.seek(0)
    for line in csv.DictReader(lines):
        counts[line["verdict"]] += 1
    lines.seek(0, os.SEEK_END)
    return counts


def _measure(path: Path) -> tuple[bytes, int]:
    """Return the SHA-256 of a file, and about how many rows it has."""
    digest, lines = sha256(), 0
    with path.open("rb") as raw:
        while block := raw.read(_READ_BYTES):
            digest.update(block)
            lines += block.count(b"\n")
    return digest.digest(), max(lines, 1)


def _examine_columns(reading: Reading, table: Table) -> None:
    columns = table.columns()
    missing = sorted(reading.columns - set(columns)) if columns is not None else []
    if missing:
        raise MappingError(f"the file has no column {', '.join(missing)}; it has: {', '.join(columns or ())}")


def _tell(counts: Counter[str], output: Path, *, as_json: bool) -> None:
    """Print how many rows had which verdict, and exit with 1 when one is invalid."""
    if as_json:
        click.echo(msgspec.json.encode({"verdicts": dict(sorted(counts.items())), "output": str(output)}))
    else:
        tell.table(("verdict", "records"), ((name, str(count)) for name, count in sorted(counts.items())))
        click.echo(f"each row's verdict is in {output}", err=True)
    if counts[INVALID]:
        click.echo(f"accord: {counts[INVALID]} are invalid", err=True)
        raise SystemExit(1)


COMMANDS = (import_file,)
