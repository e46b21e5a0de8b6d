"""Documents for people: everything in them is text, every word has its French, no cell is a formula."""

import ast
import stat
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from accord.cli import access, document, why
from accord.cli.chart import strips
from accord.cli.document import Document, Section, as_html, write
from accord.cli.report import as_csv, as_svg, plain
from accord.cli.wording import Words
from accord.v1 import (
    audit_service_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    evidence_pb2,
    permission_pb2,
)

ATTACK = "</td><script>alert('x')</script>&\"><img src=x onerror=alert(1)>"
SHOWN = Document(
    ATTACK,
    "fr",
    (Section(ATTACK, (ATTACK,), ((ATTACK, ATTACK),), (ATTACK,), (ATTACK,), ((ATTACK,),)),),
)
MEMBERS: list[tuple[EnumTypeWrapper, str]] = [
    (contact_service_pb2.ContactStatus, "CONTACT_STATUS_"),
    (contact_service_pb2.ContactOutcome, "CONTACT_OUTCOME_"),
    (decision_pb2.Basis, "BASIS_"),
    (evidence_pb2.DeclarationMethod, "DECLARATION_METHOD_"),
    (evidence_pb2.Declarant, "DECLARANT_"),
    (evidence_pb2.Recorder, "RECORDER_"),
    (permission_pb2.PermissionStatus, "PERMISSION_STATUS_"),
    (permission_pb2.RefusalKind, "REFUSAL_KIND_"),
    (customer_pb2.ContactPointKind, "CONTACT_POINT_KIND_"),
    (customer_service_pb2.CustomerKind, "CUSTOMER_KIND_"),
]
"""Enumerations whose members stand in documents."""


class Reader(HTMLParser):
    """Notes the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_whatever_stands_in_a_page_is_text() -> None:
    reader = Reader()
    reader.feed(as_html(SHOWN))
    assert not reader.tags & {"script", "img", "iframe", "link"}
    assert reader.texts.count(ATTACK) == 9


def test_a_page_runs_no_script_and_loads_nothing() -> None:
    assert "default-src 'none'" in as_html(SHOWN)
    assert '<html lang="fr">' in as_html(SHOWN)


def test_nothing_in_a_document_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    steering = "\x1b[2Jgone\x07"
    section = Section(steering, (steering,), (("a", steering),), (steering,), ("b",), ((steering,),))
    document.show(Document(steering, "en", (section,)))
    told = capsys.readouterr().out
    assert told.count("gone") == 6
    assert not {"\x1b", "\x07"} & set(told)


def test_a_file_that_tells_of_a_person_is_its_owners_alone(tmp_path: Path) -> None:
    write(tmp_path / "page.html", "page")
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o600


@pytest.mark.parametrize("module", [why, access])
def test_every_word_of_a_document_has_its_french(module: object) -> None:
    source = Path(module.__file__).read_text("utf-8")  # type: ignore[attr-defined]
    said = {
        argument.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }
    assert len(said) > 15
    assert all(Words("fr")(word) for word in said)


def test_every_member_that_a_document_shows_has_its_french() -> None:
    for wrapper, prefix in MEMBERS:
        for name, number in wrapper.items():
            if number:
                assert Words("fr").member(name, prefix)


def test_every_fact_of_a_customer_has_its_french() -> None:
    for field in customer_service_pb2.CustomerFacts.DESCRIPTOR.fields:
        if field.name != "kind":
            assert Words("fr")(field.name.replace("_", " "))


def test_a_word_without_french_is_an_error_not_half_a_translation() -> None:
    with pytest.raises(KeyError):
        Words("fr")("never translated")
    assert Words("en")("never translated") == "never translated"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1"])
def test_a_cell_is_never_a_formula(cell: str) -> None:
    assert plain(cell) == f"'{cell}"
    assert plain("web") == "web"
    row = audit_service_pb2.ReportRow(
        period_start="2026-01-01", measure=audit_service_pb2.MEASURE_GIVEN, touchpoint=cell, count=1
    )
    written = as_csv(audit_service_pb2.ReportResponse(rows=[row]))
    assert f"'{cell}" in written


def test_a_chart_is_svg_with_a_bar_for_each_count() -> None:
    svg = ET.fromstring(strips("<maison>", ["2026-01-01", "2026-02-01"], {"given": [3, 6], "a & b": [0, 0]}))
    bars = [each for each in svg.iter("{http://www.w3.org/2000/svg}rect") if len(each)]
    assert [bar[0].text for bar in bars[:2]] == ["2026-01-01: 3", "2026-02-01: 6"]
    assert float(bars[1].attrib["height"]) == 2 * float(bars[0].attrib["height"]) > 0
    assert [float(bar.attrib["height"]) for bar in bars[2:]] == [0, 0]


def test_a_chart_without_counts_is_svg_too() -> None:
    assert ET.fromstring(as_svg(audit_service_pb2.ReportResponse(), "maison")) is not None
