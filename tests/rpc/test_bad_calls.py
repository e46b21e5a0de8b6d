"""Bad calls: bytes that are no message, more than fits, and callers whom nobody knows."""

from pathlib import Path
from typing import Any

import pytest
from bad_requests import BATCH
from examine import examine
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode
from support.grpc_server import METHODS, GrpcServer
from wire_examples import BRAND, MARK, OTHER_BRAND, Ground, apply, catalogue, evidence, grant, valid, withdraw

from accord.domain.problems import ErrorReason
from accord.keys.callers import ROLES
from accord.v1 import catalogue_pb2, ledger_service_pb2

NO_MESSAGE = (
    b"\xff\xff\xff",
    b"\x0a\x7fcut short",
    b"\x0a\x02\xff\xfe",
    b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
)
"""No tag, a length that is not there, text that is no UTF-8, a length beyond all."""

NO_TOKEN: dict[str, list[tuple[str, str | bytes]]] = {
    "none": [],
    "empty": [("authorization", "Bearer ")],
    "unknown": [("authorization", f"Bearer {MARK}")],
    "basic": [("authorization", "Basic YTpi")],
    "blank": [("authorization", "")],
    "binary": [("authorization-bin", b"Bearer \xff\xfe")],
}


@pytest.mark.parametrize("method", [method for method in METHODS if method != BATCH])
def test_bytes_that_are_no_message_are_the_callers_fault(ground: Ground, method: str) -> None:
    size = ground.server.size()
    for raw in NO_MESSAGE:
        examine(ground.server.ask_raw(method, raw), ErrorReason.INVALID_ARGUMENT)
    assert ground.server.size() == size


def test_a_stream_of_bytes_that_are_no_message_is_the_callers_fault_and_the_server_still_stops(tmp_path: Path) -> None:
    server = GrpcServer(tmp_path)
    failures = [server.ask_raw(BATCH, raw) for raw in NO_MESSAGE]
    server.close()
    for failure in failures:
        examine(failure, ErrorReason.INVALID_ARGUMENT)


@pytest.mark.parametrize("method", {name.split("/")[0]: name for name in METHODS}.values())
def test_a_message_over_the_limit_is_refused_and_appends_nothing(ground: Ground, method: str) -> None:
    size = ground.server.size()
    padding = 4 * 2**20
    unknown_field = b"\xfa\x01" + b"\x80\x80\x80\x02" + bytes(padding)
    failure = ground.server.ask_raw(method, valid(method, ground).SerializeToString() + unknown_field)
    assert failure.code is StatusCode.RESOURCE_EXHAUSTED
    assert ground.server.size() == size


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_message_names_what_is_missing(ground: Ground, method: str) -> None:
    size = ground.server.size()
    failure = ground.server.fail(method, GetMessageClass(METHODS[method].input_type)())
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    assert set(failure.fields) >= {"records" if method == BATCH else "brand"}
    assert ground.server.size() == size


@pytest.mark.parametrize("count", [1, 10])
def test_every_fault_of_a_request_is_told_at_once(ground: Ground, count: int) -> None:
    failure = ground.server.fail("PermissionService/Grant", _spoilt(count))
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    lists = {f"{name}[{index}]" for name in ("topics", "places", "recipients") for index in range(count)}
    assert set(failure.fields) == {"request_id", "customer.customer_id", "evidence.language", *lists}


def test_a_request_of_a_hundred_faults_is_told_why(ground: Ground) -> None:
    failure = ground.server.fail("PermissionService/Grant", _spoilt(32))
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    assert "request_id" in failure.fields


def test_a_catalogue_of_a_thousand_faults_is_told_why(ground: Ground) -> None:
    request = valid("CatalogueService/Apply", ground)
    for number in range(1000):
        request.catalogue.places.add(code=f"NOT A CODE {number}")
    failure = ground.server.fail("CatalogueService/Apply", request)
    examine(failure, ErrorReason.CATALOGUE_INVALID)
    assert any(field.startswith("catalogue.places[") for field in failure.fields)


def test_a_catalogue_of_a_thousand_unspecified_classes_is_told_why(ground: Ground) -> None:
    request = valid("CatalogueService/Apply", ground)
    for number in range(1000):
        request.catalogue.purposes.add(code=f"more.purpose_{number}")
    failure = ground.server.fail("CatalogueService/Apply", request)
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    assert any(field.startswith("catalogue.purposes[") for field in failure.fields)


def test_a_choice_outside_a_notice_of_a_thousand_purposes_is_told_why(server: GrpcServer) -> None:
    big = catalogue()
    codes = [f"marketing.campaign_number_{number}" for number in range(1000)]
    for code in codes:
        big.purposes.add(code=code, purpose_class=catalogue_pb2.PURPOSE_CLASS_MARKETING)
    big.notices[0].purposes.extend(codes)
    server.ask("CatalogueService/Apply", apply("big", catalogue=big))
    chosen = [f"{MARK}.number_{number}" for number in range(32)]
    failure = server.fail("PermissionService/Grant", grant("chosen", purposes=chosen))
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    assert set(failure.fields) == {"purposes"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("metadata", NO_TOKEN.values(), ids=NO_TOKEN)
def test_nobody_may_call_without_a_token_that_was_given(
    ground: Ground, method: str, metadata: list[tuple[str, str | bytes]]
) -> None:
    size = ground.server.size()
    raw = valid(method, ground).SerializeToString()
    examine(ground.server.ask_raw(method, raw, metadata), ErrorReason.UNAUTHENTICATED)
    assert ground.server.size() == size


@pytest.mark.parametrize("method", METHODS)
def test_a_caller_of_one_brand_reaches_no_other(ground: Ground, method: str) -> None:
    ground.server.add_caller("other", OTHER_BRAND, *ROLES)
    size = ground.server.size()
    denied = ground.server.fail(method, valid(method, ground), "other")
    examine(denied, ErrorReason.ROLE_MISSING)
    assert denied.metadata["held"] == ""
    assert ground.server.size() == size


def test_a_caller_of_one_brand_cannot_tell_which_others_there_are(ground: Ground) -> None:
    server = ground.server
    server.add_caller("other", OTHER_BRAND, "auditor")
    assert server.ask("LedgerService/GetCheckpoint", _checkpoint(OTHER_BRAND), "other").checkpoint.size
    there, nowhere = (
        server.fail("LedgerService/GetCheckpoint", _checkpoint(brand), "other") for brand in (BRAND, "no-such-brand")
    )
    assert there == nowhere
    assert BRAND not in there.raw


def test_a_caller_taken_away_may_call_no_more(ground: Ground) -> None:
    server = ground.server
    server.add_caller("leaving", "*", "auditor")
    assert server.ask("LedgerService/GetCheckpoint", _checkpoint(BRAND), "leaving")
    server.remove_caller("leaving")
    examine(server.fail("LedgerService/GetCheckpoint", _checkpoint(BRAND), "leaving"), ErrorReason.UNAUTHENTICATED)


def test_a_request_id_is_one_callers_own(ground: Ground) -> None:
    first = ground.server.ask("PermissionService/Withdraw", withdraw("same", f"one-{MARK}"), "collector")
    second = ground.server.ask("PermissionService/Withdraw", withdraw("same", f"two-{MARK}"), "sender")
    assert first.receipts[0].position != second.receipts[0].position


def _checkpoint(brand: str) -> Any:
    return ledger_service_pb2.GetCheckpointRequest(brand=brand)


def _spoilt(count: int) -> Any:
    """Return a grant with faults in three fields and in every item of three lists."""
    bad = [f"{number}\x07" for number in range(count)]
    return grant("", "", topics=bad, places=bad, recipients=bad, evidence=evidence(language=""))
