"""Privacy: what identifies a person leaves by an answer to who may ask, and is kept sealed; nowhere else.

One scenario over the wire, with made-up people, good requests and bad ones, while everything that
is logged, traced, counted, printed, told in errors or written to disk is kept and searched afterwards.
"""

import logging
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest
from support.grpc_server import METHODS, FailedError, GrpcServer

from accord.telemetry.ledgers import Ledgers
from accord.telemetry.logs import JsonLines
from accord.telemetry.measures import Parts, measures
from accord.telemetry.prometheus import Measured
from accord.telemetry.tracing import Traces
from accord.v1 import (
    audit_service_pb2,
    catalogue_pb2,
    catalogue_service_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    permission_pb2,
    permission_service_pb2,
)

BRAND = "maison"
SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PERSON = {
    "customer_id": "crm-7f3Q9-Xylophage",
    "e-mail": "ottiline.quentbury@example.com",
    "phone": "+33698765407",
    "postal address": "14 rue des Zibelines, 67999 Quentheim",
    "push token": "pushtok-Zq81Wmlk",
    "profile": "mastodon:quentbury_o",
    "card": "CARD-5550-Qz-7788",
    "beacon": "BEACON-Zib-9911",
    "contact_id": "contact-Wm77-Vrille",
    "recorder_id": "clerk-Jorunn-Vask",
    "topic": "sku-Velours-Zinzolin",
    "third party": "partner-Brindezingue",
    "request_id": "request-Quinteux-42",
    "media type": "image/x-quentbury",
}

EMAIL = customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_EMAIL, value=PERSON["e-mail"])
PHONE = customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_PHONE, value=PERSON["phone"])
CUSTOMER = customer_pb2.CustomerKey(customer_id=PERSON["customer_id"])
REPORT = (
    "AuditService/Report",
    audit_service_pb2.ReportRequest(
        brand=BRAND, dimensions=[number for number in audit_service_pb2.Dimension.values() if number]
    ),
)
"""Asks for counts split by everything there is."""


class Left(NamedTuple):
    """What the scenario left behind, by where it was found."""

    logged: str
    traced: str
    measured: str
    printed: str
    refused: str
    files: dict[str, bytes]


def forms(value: str) -> Iterator[bytes]:
    """Yield the ways a value may be written: as it is, in either case, and in base64 or hexadecimal."""
    for text in {value, value.lower(), value.upper(), value.casefold()}:
        yield text.encode()
        yield text.encode().hex().encode()
        # Without the last characters, which depend on what follows.
        yield b64encode(text.encode()).rstrip(b"=")[:-2]
        yield text.encode("utf-16-le")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("privacy")
    records: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    formatter = JsonLines()
    handler.emit = lambda record: records.append(formatter.format(record))  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        with (
            _printed(folder.with_name("printed")) as printed,
            GrpcServer(folder, traces=Traces(provider)) as server,
        ):
            server.metadata = (("traceparent", SAMPLED),)
            refused = [*scenario(server)]
            measured = _scraped(server)
            files = dict(_read(folder))
        files |= {f"{name} (closed)": content for name, content in _read(folder)}
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    spans = "\n".join(span.to_json() for span in exporter.get_finished_spans())
    return Left("\n".join(records), spans, measured, printed.read_text("utf-8"), "\n".join(refused), files)


def scenario(server: GrpcServer) -> Iterator[str]:
    """Do one of everything, well and badly; yield what every failure told."""
    good = list(_good())
    for method, request in good:
        server.ask(method, request)
    for method, request in good:
        for spoilt in _spoilt(method, request):
            yield _fails(server, method, spoilt)
        raw = request.SerializeToString()
        if not METHODS[method].client_streaming:
            yield server.ask_raw(method, raw[:-3] + b"\xff").raw
        yield server.ask_raw(method, raw, []).raw
        for caller in server.tokens:
            yield _fails(server, method, request, caller)
    monkeypatch = pytest.MonkeyPatch()
    for owner, name in (
        (server.installation.questions, "check"),
        (server.installation.remembered, "permissions"),
        (server.installation.remembered, "find"),
        (server.installation.remembered, "contact"),
        (server.installation.reports, "count"),
        (server.installation.writer, "submit"),
    ):
        monkeypatch.setattr(owner, name, _break)
    for method, request in good:
        yield _fails(server, method, request)
    monkeypatch.undo()
    monkeypatch.setattr("accord.service.sitting.admit.admit_refuse", _break)
    for method, request in good:
        if hasattr(request, "request_id"):
            request.request_id = f"{PERSON['request_id']}-again"
        yield _fails(server, method, request)
    monkeypatch.undo()


def test_nothing_personal_is_logged(left: Left) -> None:
    assert not _found(left.logged.encode())


def test_the_faults_of_ours_were_logged(left: Left) -> None:
    assert "incident" in left.logged


def test_nothing_personal_is_traced(left: Left) -> None:
    assert "accord.v1.ContactService/AuthorizeContact" in left.traced
    assert "INTERNAL" in left.traced
    assert not _found(left.traced.encode())


def test_nothing_personal_is_measured(left: Left) -> None:
    assert 'accord_decisions_total{accord_channel="email"' in left.measured
    assert f'accord_contact_unreported_age_seconds{{accord_brand="{BRAND}"}}' in left.measured
    assert not _found(left.measured.encode())


def test_nothing_personal_is_printed(left: Left) -> None:
    assert not _found(left.printed.encode())


def test_nothing_personal_is_told_in_an_error(left: Left) -> None:
    assert "INVALID_ARGUMENT" in left.refused
    assert "INTERNAL" in left.refused
    assert not _found(left.refused.encode())


def test_nothing_personal_names_a_file(left: Left) -> None:
    assert not _found("\n".join(left.files).encode())


def test_nothing_personal_stands_in_any_file(left: Left) -> None:
    names = " ".join(left.files)
    for wanted in ("accord.db", "accord.db-wal", "keys.db", "callers.json", ".checkpoint"):
        assert wanted in names
    found = {name: _found(content) for name, content in left.files.items()}
    assert not {name: each for name, each in found.items() if each}


def test_nothing_personal_stands_in_a_report(tmp_path: Path) -> None:
    with GrpcServer(tmp_path) as server:
        # As it was answered before the customer was erased: later what they said is counted without its kind.
        answers = {method: server.ask(method, request) for method, request in _good()}
    response = answers[REPORT[0]]
    measures = {audit_service_pb2.Measure.Name(row.measure) for row in response.rows}
    assert {"MEASURE_GIVEN", "MEASURE_WITHDRAWN", "MEASURE_AUTHORIZED"} <= measures
    assert not _found(response.SerializeToString())
    assert not _found(str(response).encode())


def test_the_search_finds_what_is_there() -> None:
    for name, value in PERSON.items():
        assert _found(f"told of {value} once".encode()) == [name]
        assert _found(value.encode().hex().encode()) == [name]


def _found(content: bytes) -> list[str]:
    return [name for name, value in PERSON.items() if any(form in content for form in forms(value))]


def _scraped(server: GrpcServer) -> str:
    """Return what Prometheus would be told."""
    it: Any = server.installation
    ledgers = Ledgers(it.store, it.outside, it.parts.marks, it.clock)
    registry = CollectorRegistry()
    registry.register(Measured(measures(Parts(it.tally, server.server.pools, it.writer, it.proven, ledgers))))
    return generate_latest(registry).decode()


@contextmanager
def _printed(path: Path) -> Iterator[Path]:
    """Send what is printed into a file, by Python and by the libraries below it alike."""
    with path.open("w", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        try:
            for descriptor in kept:
                os.dup2(file.fileno(), descriptor)
            yield path
        finally:
            for descriptor, before in kept.items():
                os.dup2(before, descriptor)
                os.close(before)


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def _fails(server: GrpcServer, method: str, request: Any, caller: str = "every-role") -> str:
    try:
        response = server.ask(method, request, caller)
    except FailedError as error:
        return error.failure.raw
    # A bad record of a batch is told in the answer.
    return str([each.error for each in getattr(response, "results", []) if each.HasField("error")])


def _break(*values: object, **named: object) -> None:
    raise RuntimeError(f"broken on {values} {named} {PERSON}")


def _spoilt(method: str, request: Any) -> Iterator[Any]:
    """Yield the request with its content changed under its name, and with each field made too long or left out."""
    for field in METHODS[method].input_type.fields:
        missing = type(request)()
        missing.CopyFrom(request)
        missing.ClearField(field.name)
        yield missing
        if field.type == field.TYPE_STRING and not field.is_repeated:
            long = type(request)()
            long.CopyFrom(request)
            setattr(long, field.name, getattr(request, field.name) * 30 + "\x07")
            yield long


def _good() -> Iterator[tuple[str, Any]]:
    evidence = evidence_pb2.Evidence(
        touchpoint="web",
        language="fr",
        method=evidence_pb2.DECLARATION_METHOD_TICKED_BOX,
        declarant=evidence_pb2.DECLARANT_CUSTOMER,
        recorder=evidence_pb2.RECORDER_CLERK,
        recorder_id=PERSON["recorder_id"],
        artefacts=[evidence_pb2.Artefact(sha256=bytes(range(32)), media_type=PERSON["media type"])],
    )
    question = decision_pb2.Question(
        customer=CUSTOMER,
        channel="email",
        purpose="marketing.news",
        topic=PERSON["topic"],
        contact_point=EMAIL,
    )
    own: dict[str, Any] = {"brand": BRAND, "request_id": PERSON["request_id"], "customer": CUSTOMER}
    numbers = iter(range(100))

    def told(**fields: Any) -> dict[str, Any]:
        return own | {"request_id": f"{PERSON['request_id']}-{next(numbers)}"} | fields

    yield (
        "CatalogueService/Apply",
        catalogue_service_pb2.ApplyRequest(brand=BRAND, request_id="catalogue", catalogue=_catalogue()),
    )
    yield (
        "PermissionService/Grant",
        permission_service_pb2.GrantRequest(**told(evidence=evidence, contact_point=EMAIL, topics=[PERSON["topic"]])),
    )
    shared = evidence_pb2.Evidence()
    shared.CopyFrom(evidence)
    shared.touchpoint = "partners"
    yield (
        "PermissionService/Grant",
        permission_service_pb2.GrantRequest(**told(evidence=shared, recipients=[PERSON["third party"]])),
    )
    yield "CustomerService/Link", customer_service_pb2.LinkRequest(**told(contact_point=PHONE))
    for kind, name in {
        "POSTAL_ADDRESS": "postal address",
        "PUSH_TOKEN": "push token",
        "SOCIAL_PROFILE": "profile",
        "LOYALTY_CARD": "card",
        "BEACON_DEVICE": "beacon",
    }.items():
        number = customer_pb2.ContactPointKind.Value(f"CONTACT_POINT_KIND_{kind}")
        point = customer_pb2.ContactPoint(kind=number, value=PERSON[name])
        yield "CustomerService/Link", customer_service_pb2.LinkRequest(**told(contact_point=point))
    yield (
        "CustomerService/RecordFacts",
        customer_service_pb2.RecordFactsRequest(
            **told(facts=customer_service_pb2.CustomerFacts(country="FR", birth_year=1985))
        ),
    )
    yield (
        "CustomerService/ReportActivity",
        customer_service_pb2.ReportActivityRequest(**told(kind=customer_service_pb2.ACTIVITY_KIND_PURCHASE)),
    )
    yield (
        "CustomerService/ReportContactPoint",
        customer_service_pb2.ReportContactPointRequest(
            brand=BRAND,
            request_id=f"{PERSON['request_id']}-point",
            contact_point=EMAIL,
            fact=customer_service_pb2.CONTACT_POINT_FACT_VERIFIED,
        ),
    )
    yield (
        "DecisionService/Check",
        decision_service_pb2.CheckRequest(brand=BRAND, question=question, view=decision_pb2.DECISION_VIEW_FULL),
    )
    yield (
        "DecisionService/BatchCheck",
        decision_service_pb2.BatchCheckRequest(
            brand=BRAND, questions=[question, decision_pb2.Question(customer=CUSTOMER, purpose=PERSON["topic"])]
        ),
    )
    yield (
        "ContactService/AuthorizeContact",
        contact_service_pb2.AuthorizeContactRequest(brand=BRAND, contact_id=PERSON["contact_id"], question=question),
    )
    yield (
        "ContactService/ReportContact",
        contact_service_pb2.ReportContactRequest(
            brand=BRAND,
            request_id=f"{PERSON['request_id']}-report",
            contact_id=PERSON["contact_id"],
            outcome=contact_service_pb2.CONTACT_OUTCOME_SENT,
        ),
    )
    yield (
        "ContactService/GetContact",
        contact_service_pb2.GetContactRequest(brand=BRAND, contact_id=PERSON["contact_id"]),
    )
    scope = permission_pb2.RefusalScope(
        contact_point=EMAIL, topic=PERSON["topic"], recipient=PERSON["third party"], purpose="marketing"
    )
    withdrawal = permission_service_pb2.WithdrawRequest(**told(evidence=evidence, scope=scope))
    yield "PermissionService/Withdraw", withdrawal
    yield (
        "PermissionService/BatchRecord",
        permission_service_pb2.BatchRecordRequest(records=[permission_service_pb2.BatchRecord(withdraw=withdrawal)]),
    )
    yield (
        "PermissionService/ListPermissions",
        permission_service_pb2.ListPermissionsRequest(brand=BRAND, customer=CUSTOMER),
    )
    yield "PermissionService/GetHistory", permission_service_pb2.GetHistoryRequest(brand=BRAND, customer=CUSTOMER)
    explained = audit_service_pb2.ExplainContactRequest(brand=BRAND, contact_id=PERSON["contact_id"])
    yield "AuditService/ExplainContact", explained
    yield "AuditService/GetAccessReport", audit_service_pb2.GetAccessReportRequest(brand=BRAND, customer=CUSTOMER)
    yield REPORT
    erasure = customer_service_pb2.EraseRequest(
        **told(
            mode=customer_service_pb2.ERASURE_MODE_NOW,
            reason=customer_service_pb2.ERASURE_REASON_OBJECTED,
            keep_suppression=True,
            evidence=evidence,
        )
    )
    yield "CustomerService/Erase", erasure
    yield "CustomerService/ListErasures", customer_service_pb2.ListErasuresRequest(brand=BRAND)


def _catalogue() -> catalogue_pb2.Catalogue:
    return catalogue_pb2.Catalogue(
        controller="Maison Exemple SAS",
        country="FR",
        channels=[
            catalogue_pb2.Channel(code="email", contact_point_kind=customer_pb2.CONTACT_POINT_KIND_EMAIL),
        ],
        purposes=[
            catalogue_pb2.Purpose(code="marketing.news", purpose_class=catalogue_pb2.PURPOSE_CLASS_MARKETING),
        ],
        levels=[catalogue_pb2.Level(code="ongoing"), catalogue_pb2.Level(code="partner", recipients_required=True)],
        notices=[
            catalogue_pb2.Notice(
                code="news-1",
                purposes=["marketing.news"],
                channels=["email"],
                texts=[catalogue_pb2.NoticeText(language="fr", text="Nous vous écrirons.")],
            )
        ],
        touchpoints=[
            catalogue_pb2.Touchpoint(code="web", level="ongoing", notice="news-1"),
            catalogue_pb2.Touchpoint(code="partners", level="partner", notice="news-1"),
        ],
        bases=[
            catalogue_pb2.BasisRule(
                id="permission",
                basis=decision_pb2.BASIS_PERMISSION,
                purpose_class=catalogue_pb2.PURPOSE_CLASS_MARKETING,
            )
        ],
    )
