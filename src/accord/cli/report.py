"""`accord report-permissions`: counts over time as a table, CSV, JSON or a chart. Nobody is named in any of them."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import click

from accord.cli import tell
from accord.cli.arguments import OneOf, TimeType
from accord.cli.chart import strips
from accord.cli.connect import connect
from accord.cli.options import remote
from accord.client import Connection
from accord.v1 import audit_service_pb2, decision_pb2

Row = audit_service_pb2.ReportRow
Response = audit_service_pb2.ReportResponse

_SIDES = ("touchpoint", "channel", "purpose", "notice", "reason")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_OUT = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.command("report-permissions")
@click.option("--from", "recorded_from", type=TimeType(), help="Recorded at this instant or later.")
@click.option("--until", "recorded_until", type=TimeType(), help="Recorded before this instant.")
@click.option(
    "--period",
    type=OneOf(audit_service_pb2.Period.items(), "PERIOD_"),
    default="month",
    show_default=True,
    help="Over what time counts are put together.",
)
@click.option("--zone", "time_zone", default="", help="The zone whose days are counted, an IANA name. Left out: UTC.")
@click.option(
    "--by",
    "dimensions",
    type=OneOf(audit_service_pb2.Dimension.items(), "DIMENSION_"),
    multiple=True,
    help="Split counts by this; may be told several times.",
)
@click.option("--csv", "csv_file", type=_OUT, help="Write the rows as CSV to this file, - for the output.")
@click.option("--svg", "svg_file", type=_OUT, help="Write a chart to this file, - for the output.")
@remote
def report_permissions(
    server: str,
    as_json: bool,
    csv_file: Path | None,
    svg_file: Path | None,
    **asked: Any,  # noqa: ANN401 - a report's sides
) -> None:
    """Count permissions, refusals and contacts over time. Denials are counted by days in UTC."""
    request = audit_service_pb2.ReportRequest(**asked)
    with connect(server) as connection:
        found = _read(connection, request)
    if csv_file:
        _put(csv_file, as_csv(found))
    if svg_file:
        _put(svg_file, as_svg(found, request.brand))
    if as_json or not (csv_file or svg_file):
        tell.answer(found, _show, as_json=as_json)


def _read(connection: Connection, request: audit_service_pb2.ReportRequest) -> Response:
    """Return the counts of every page, added up."""
    counts: Counter[bytes] = Counter()
    whole = Response()
    with tell.progress("counting") as show:
        while True:
            page = connection.ask(connection.audits.Report, request)
            for row in page.rows:
                count, row.count = row.count, 0
                counts[row.SerializeToString(deterministic=True)] += count
            whole.unreadable += page.unreadable
            whole.entries_read += page.entries_read
            request.page_token = page.next_page_token
            if not request.page_token:
                break
            show(whole.entries_read)
    for raw, count in counts.items():
        row = Row.FromString(raw)
        row.count = count
        whole.rows.append(row)
    whole.rows.sort(key=lambda row: (row.period_start, row.measure, *_sides(row)))
    return whole


def _show(found: Response) -> None:
    sides = [side for side in _SIDES if any(getattr(row, side) for row in found.rows)]
    rows = ((row.period_start, _measure(row), *_sides(row, sides), str(row.count)) for row in found.rows)
    tell.table(("from", "what", *sides, "count"), rows)
    if found.unreadable:
        note = f"{found.unreadable} entries of erased customers are counted by what their leaves show"
        click.echo(note, err=True)


def as_csv(found: Response) -> str:
    """Return the rows as CSV (RFC 4180); a cell that a spreadsheet would take for a formula is quoted by `'`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("period_start", "measure", *_SIDES, "count"))
    for row in found.rows:
        writer.writerow([*map(plain, (row.period_start, _measure(row), *_sides(row))), row.count])
    return text.getvalue()


def plain(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (CWE-1236)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def as_svg(found: Response, brand: str) -> str:
    """Return a chart: a strip for each measure, and where counts are split, for each side of it."""
    periods = sorted({row.period_start for row in found.rows})
    counts = {(_strip(row), row.period_start): row.count for row in found.rows}
    names = dict.fromkeys(_strip(row) for row in sorted(found.rows, key=lambda row: (row.measure, *_sides(row))))
    series = {name: [counts.get((name, period), 0) for period in periods] for name in names}
    return strips(f"{brand}: permissions and contacts", periods, series)


def _sides(row: Row, sides: Any = _SIDES) -> list[str]:  # noqa: ANN401 - names of fields
    reason = decision_pb2.DecisionReason.Name(row.reason).removeprefix("DECISION_REASON_") if row.reason else ""
    return [reason if side == "reason" else getattr(row, side) for side in sides]


def _measure(row: Row) -> str:
    return tell.words(audit_service_pb2.Measure.Name(row.measure), "MEASURE_")


def _strip(row: Row) -> str:
    return " · ".join(filter(None, (_measure(row), *_sides(row))))


def _put(path: Path, text: str) -> None:
    if str(path) == "-":
        click.echo(text, nl=False)
    else:
        path.write_text(text, "utf-8", newline="")
        click.echo(f"written: {path}", err=True)


COMMANDS = (report_permissions,)
