"""Mappings and rows: every fault of a mapping names its key, and a row that cannot be read fails alone."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from accord.cli.mapping import FileForm, MappingError, Reading, RowError, read_mapping
from accord.cli.rows import FileError, Table
from accord.cli.sketch import sketch
from accord.v1 import customer_pb2, evidence_pb2
from accord.v1 import import_service_pb2 as pb

WHOM = '[customer]\ncustomer_id = "id"\nemail = "mail"\nphone = "tel"\nphone_country = "FR"\n'
YES = """
[[records]]
says = "permission"
when = { ok = ["1", "yes"] }
touchpoint = { column = "from", map = { shop = "till" }, default = "web" }
method = "ticked-box"
language = "fr"
contact_point = "email"
act_time = { column = "when", format = "%d/%m/%Y %H:%M", time_zone = "Europe/Paris" }
topics = { column = "likes", separator = "|" }
"""
NO = """
[[records]]
says = "objection"
when = { ok = ["0"] }
touchpoint = "till"
method = "message"
purpose = "marketing"
"""
MAPPING = f'partner = "acme"\n{WHOM}{YES}{NO}'
ROW = {"id": "ada", "mail": "ada@example.com", "tel": "", "ok": "1", "from": "shop", "when": "01/07/2025 09:30"}


def reading(text: str = MAPPING) -> Reading:
    return read_mapping(text.encode())


def test_a_row_becomes_the_record_its_mapping_says() -> None:
    (record,) = reading().records(7, ROW | {"likes": "bread | wine"})
    assert isinstance(record, pb.ImportRecord)
    told = record.grant
    assert (record.row, record.part, told.customer.customer_id) == (7, 0, "ada")
    assert told.contact_point.value == "ada@example.com"
    assert (told.evidence.touchpoint, list(told.topics)) == ("till", ["bread", "wine"])
    assert told.evidence.recorder == evidence_pb2.RECORDER_IMPORT
    assert told.evidence.method == evidence_pb2.DECLARATION_METHOD_TICKED_BOX
    assert told.evidence.act_time.ToJsonString() == "2025-07-01T07:30:00Z"


def test_a_row_says_no_without_a_time_and_names_whom_by_the_address_there_is() -> None:
    row = {"ok": "0", "tel": "06 12 34 56 78"}
    (record,) = reading().records(1, row)
    assert isinstance(record, pb.ImportRecord)
    point = record.object.customer.contact_point
    assert (point.kind, point.value) == (customer_pb2.CONTACT_POINT_KIND_PHONE, "+33612345678")
    assert record.object.scope.purpose == "marketing"


def test_a_row_that_says_neither_is_no_record() -> None:
    assert list(reading().records(1, ROW | {"ok": "perhaps"})) == []


def test_what_is_no_number_is_left_to_the_server() -> None:
    (found,) = reading().records(1, ROW | {"tel": "12"})
    assert isinstance(found, pb.ImportRecord)


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"id": "", "mail": ""}, "customer", "is required"),
        ({"mail": ""}, "contact_point", "the row has no email"),
        ({"from": "fair"}, "evidence.touchpoint", "must be one of: shop"),
        ({"when": ""}, "evidence.act_time", "is required"),
        ({"when": "2025-07-01"}, "evidence.act_time", "must be written as %d/%m/%Y %H:%M"),
    ],
)
def test_what_a_row_lacks_or_misspells_is_told_by_its_field(change: dict[str, str], field: str, why: str) -> None:
    (found,) = reading().records(1, ROW | change)
    assert isinstance(found, tuple)
    part, error = found
    assert (part, error.field) == (0, field)
    assert why in str(error)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (MAPPING.replace('partner = "acme"', ""), "the mapping: object missing required field `partner`"),
        (MAPPING.replace('"acme"', '""'), "partner: must have 1 to 64 characters"),
        (
            MAPPING.replace("touchpoint =", "touch_point =", 1),
            "records[0]: object contains unknown field `touch_point`",
        ),
        (MAPPING.replace('"permission"', '"yes"'), "records[0].says"),
        (MAPPING.replace("ticked-box", "ticked"), "records[0].method: must be one of: ticked_box"),
        (MAPPING.replace("Europe/Paris", "Paris"), "records[0].act_time.time_zone: must be an IANA time zone"),
        (MAPPING.replace('email = "mail"\n', ""), "records[0].contact_point: customer.email names no column"),
        (MAPPING.replace('purpose = "marketing"', 'purposes = ["marketing"]'), "records[1].purposes: must be left out"),
        (f'partner = "acme"\n[customer]\n{YES}', "customer: must name at least one column"),
        (f'partner = "acme"\nrecords = []\n{WHOM}', "records: must have at least one item"),
        (MAPPING + "[file]\ndelimiter = ';;'", "file.delimiter: must be one character"),
        ("partner", "the mapping is no TOML"),
    ],
)
def test_a_fault_of_a_mapping_names_its_key(text: str, key: str) -> None:
    with pytest.raises(MappingError) as error:
        reading(text)
    assert key in str(error.value)


def test_a_permission_without_the_time_of_the_act_is_no_mapping() -> None:
    lines = [line for line in MAPPING.splitlines() if not line.startswith("act_time")]
    with pytest.raises(MappingError, match=r"records\[0\].act_time: is required"):
        reading("\n".join(lines))


def test_a_bad_line_of_csv_fails_alone(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b'id,mail\n1,a@b.fr\n2\n"3"x,c\n4,\xff@b.fr\n"5\n5",e@b.fr\n')
    rows = list(Table(file, FileForm()).rows())
    faults = [(each.field, str(each)) if isinstance(each, RowError) else each for each in rows]
    assert faults == [
        {"id": "1", "mail": "a@b.fr"},
        ("row", "has 1 fields where the heading names 2"),
        ("row", "is no line of CSV: ',' expected after '\"'"),
        ("column mail", "is not written in utf-8-sig"),
        {"id": "5\n5", "mail": "e@b.fr"},
    ]


def test_the_same_rows_are_read_from_every_form(tmp_path: Path) -> None:
    csv, lines, columns = (tmp_path / f"rows.{suffix}" for suffix in ("csv", "jsonl", "parquet"))
    csv.write_text("id,ok,when\nada,true,2025-07-01\nbob,false,\n")
    lines.write_text(
        '{"id": "ada", "ok": true, "when": "2025-07-01"}\n\n{"id": "bob", "ok": false, "when": null}\n[1]\n'
    )
    day = pa.array(["2025-07-01", None]).cast(pa.date32())
    parquet.write_table(pa.table({"id": ["ada", "bob"], "ok": [True, False], "when": day}), columns)
    told = [list(Table(each, FileForm()).rows()) for each in (csv, lines, columns)]
    assert told[0] == told[2] == told[1][:2]
    assert str(told[1][2]) == "is no object in JSON"


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("rows.xls", b"", "a file is named"),
        ("rows.csv", b"", "must name the columns"),
        ("rows.csv", b"a,a\n", "each once"),
        ("rows.parquet", b"no", "no Parquet"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_says_why(tmp_path: Path, name: str, raw: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(FileError, match=why):
        Table(tmp_path / name, FileForm()).columns()


def test_a_sketch_is_a_mapping_once_its_places_are_filled_in(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("Email;Mobile;Newsletter;Opt In;date\nada@example.com;0612345678;1;1;2025-07-01\n")
    made = reading(sketch(file))
    assert (made.told.customer.email, made.told.customer.phone, made.told.file.delimiter) == ("Email", "Mobile", ";")
    assert [each.says for each in made.told.records] == ["permission", "refusal"]
    assert made.columns == {"Email", "Mobile", "Opt In", "date"}
