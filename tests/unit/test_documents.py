"""Documents for people: everything in them is text, every word has its French, no cell is a formula."""

import ast
import stat
import xml.etree.ElementTree as ET
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from msgspec import Struct

from accord.cli import access, document, why
from accord.cli.chart import strips
from accord.cli.document import Document, Section, as_html, write
from accord.cli.payload import in_words
from accord.cli.report import as_csv, as_svg, plain
from accord.cli.wording import CHANNELS, Words
from accord.domain import rules
from accord.domain.events import (
    Artefact,
    CatalogueApplied,
    ContactAuthorized,
    CustomersErased,
    EntryLost,
    Event,
    Evidence,
    Exported,
    Justification,
    LedgerRecovered,
    Link,
    LossAccepted,
    PermissionGranted,
    SigningKeyRotated,
    SuppressionsEnded,
    SuppressionsImported,
)
from accord.domain.terms import Basis, Declarant, IdentifierKind, Instant, Method, OverlayKind, Recorder, RefusalKind
from accord.proof import verify
from accord.v1 import (
    access_report_pb2,
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


def test_every_side_and_choice_of_an_event_has_its_french() -> None:
    """Of events that tell of a customer: the brand's own stand in no report."""
    of_the_brand = {
        CatalogueApplied,
        CustomersErased,
        EntryLost,
        Exported,
        LedgerRecovered,
        LossAccepted,
        SigningKeyRotated,
        SuppressionsEnded,
        SuppressionsImported,
    }
    left, seen = [*(set(get_args(Event)) - of_the_brand)], set[Any]()
    while left:
        hint = left.pop()
        if hint in seen:
            continue
        seen.add(hint)
        left += get_args(hint)
        if isinstance(hint, type) and issubclass(hint, Enum):
            assert all(Words("fr").member(member.name, "") for member in hint)
        elif isinstance(hint, type) and issubclass(hint, Struct):
            assert all(Words("fr").side(name) for name in hint.__struct_fields__)
            left += get_type_hints(hint).values()
    assert {Evidence, Justification, Method, OverlayKind} <= seen


def test_an_entry_is_told_in_words_and_its_instants_as_instants() -> None:
    evidence = Evidence(
        touchpoint="till",
        method=Method.TICKED_BOX,
        declarant=Declarant.CUSTOMER,
        recorder=Recorder.SYSTEM,
        act_time=Instant(1_772_464_500_000_000),
        artefacts=(Artefact("00ff", "audio/ogg"),),
    )
    event = PermissionGranted(
        links=(Link(IdentifierKind.EMAIL, "ada@example.com", 1),),
        evidence=evidence,
        level="ongoing",
        purposes=("marketing.news", "marketing.offer"),
        valid_from=Instant(1_772_464_500_000_000),
        link_only=True,
    )
    payload = msgspec.json.encode({"customer": "ref", "event": event}).decode()
    told = in_words(payload, Words("en"), links=True)
    assert told == (
        "links (kind email, value ada@example.com, number 1); touchpoint till; method ticked box; declarant customer; "
        "recorder system; act time 2026-03-02T15:15:00Z; artefacts (sha256 00ff, media type audio/ogg); level ongoing; "
        "purposes marketing.news, marketing.offer; valid from 2026-03-02T15:15:00Z; link only true"
    )
    assert in_words(payload, Words("fr"), links=False).startswith("point de contact till; expression case cochée; ")


def test_a_ground_of_ours_is_never_called_a_basis_in_law() -> None:
    event = ContactAuthorized(
        contact_id="c1", channel="email", purpose="service.order", basis=Basis.CLASS, policy_version=1
    )
    payload = msgspec.json.encode({"customer": "ref", "event": event}).decode()
    assert "ground class" in in_words(payload, Words("en"), links=True)
    told = in_words(payload, Words("fr"), links=True)
    assert "fondement classe de la finalité" in told
    assert "canal e-mail" in told
    assert not [word for word in verify.NAMES.values() if "légale" in word[1] and "obligation" not in word[1]]


def test_a_permission_is_withdrawn_and_a_refusal_is_a_withdrawal() -> None:
    french = Words("fr")
    assert french.member("PERMISSION_STATUS_WITHDRAWN", "PERMISSION_STATUS_") == "retirée"
    assert french.refusal("REFUSAL_KIND_WITHDRAWN", "REFUSAL_KIND_") == "retrait"
    said = [french.refusal(kind.name) for kind in RefusalKind]
    assert said == ["refus", "retrait", "opposition", "adresse bloquée"]


def test_channels_of_the_law_have_words_and_others_stand_as_the_catalogue_has_them() -> None:
    assert CHANNELS == rules.CHANNELS
    assert [Words("fr").channel(code) for code in ("automated_call", "pigeon", "phone")] == [
        "automate d'appel",
        "pigeon",
        "phone",
    ]


def test_how_long_is_kept_is_told_in_a_whole_sentence() -> None:
    summary = access_report_pb2.AccessSummary(
        controller=access_report_pb2.ReportedController(name="Maison Alba", retention_days=1095)
    )
    report = audit_service_pb2.GetAccessReportResponse(summary=summary)
    sides = {lang: dict(access.document(report, Words(lang)).sections[0].sides) for lang in ("en", "fr")}
    assert sides["en"]["kept"] == "1,095 days after the relation with you ends"
    assert (
        sides["fr"]["durée de conservation"]
        == "1\N{NARROW NO-BREAK SPACE}095 jours après la fin de la relation avec vous"
    )


def test_what_this_program_does_not_know_is_shown_as_it_came() -> None:
    newer = '{"event":{"type":"FromTheFuture","sides":1}}'
    assert in_words(newer, Words("fr"), links=True) == newer
    assert in_words("", Words("en"), links=True) == ""


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
