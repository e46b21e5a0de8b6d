"""report.parquet: the rows of report.csv with their types, the same bytes twice, and only where it can be written."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.exporting import Members, conclusion, export, live, members, person
from support.installations import Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys

from accord.domain.problems import ErrorReason
from accord.domain.terms import SECOND, Instant, Redaction
from accord.proof import verify
from accord.service import export_parquet, exports
from accord.service.errors import CallError

START = 1_767_348_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCOPES: dict[str, dict[str, Any]] = {
    "all": {},
    "personal": {"redaction": Redaction.PERSONAL},
    "counts": {"redaction": Redaction.COUNTS},
    "channel": {"channels": ("email",), "first": 2},
    "period": {"recorded_from": Instant(START + SECOND + 1)},
    "customer": {"customer": person(1)},
    "with receipts": {"receipts": True},
}


@pytest.fixture(scope="module")
def it() -> Installation:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    live(made, 5)
    return made


def table(of: Members) -> Any:
    return parquet.ParquetFile(io.BytesIO(of["report.parquet"]))


def told(cell: Any) -> str:
    """Return a cell as report.csv has it."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return verify.instant((cell - EPOCH) // timedelta(microseconds=1))
    return " ".join(cell) if isinstance(cell, list) else str(cell)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("row_group", [3, 16_384])
def test_it_says_what_the_report_says_and_is_the_same_twice(
    it: Installation, scope: str, row_group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_parquet, "ROW_GROUP", row_group)
    raw = export(it, parquet=True, **SCOPES[scope])
    assert raw == export(it, parquet=True, **SCOPES[scope])
    of = members(raw)
    head, *rows = csv.reader(io.StringIO(of["report.csv"].decode(), newline=""))
    found = table(of).read()
    assert found.column_names == head
    assert [[told(cell) for cell in row.values()] for row in found.to_pylist()] == rows
    assert table(of).num_row_groups == -(-len(rows) // row_group)
    assert conclusion(of).exit_code == 0
    assert ("parquet", {}) in conclusion(of).unproven


def test_its_columns_have_types_and_it_names_who_wrote_it(it: Installation) -> None:
    found = table(members(export(it, parquet=True)))
    types = {field.name: str(field.type) for field in found.schema_arrow}
    assert types["position"] == "uint64"
    assert types["recorded"] == types["acted"] == "timestamp[us, tz=UTC]"
    assert types["purposes"].startswith("list<")
    assert pa.__version__ in found.metadata.created_by


def test_nobody_has_it_who_did_not_ask(it: Installation) -> None:
    assert "report.parquet" not in members(export(it))
    plain = it.exports.begin("maison", exports.Asked(redaction=Redaction.NONE))  # type: ignore[arg-type] # a brand
    asked = it.exports.begin("maison", exports.Asked(redaction=Redaction.NONE, parquet=True))  # type: ignore[arg-type]
    assert asked.name == plain.name.replace(".zip", "-parquet.zip")


def test_a_server_without_pyarrow_says_what_it_needs(it: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "can_write", lambda: False)
    with pytest.raises(CallError, match="pyarrow") as raised:
        export(it, parquet=True)
    assert raised.value.problem.reason is ErrorReason.VIEW_UNAVAILABLE
    assert conclusion(members(export(it))).exit_code == 0
