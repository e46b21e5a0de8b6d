"""Imports on the wire: an item fails alone, what was acknowledged binds, and nothing refused is lifted."""

from typing import Any

import pytest
from bad_requests import CASES, Case
from support.grpc_server import GrpcServer
from wire_examples import (
    BRAND,
    KNOWN,
    MARK,
    PERSONAL,
    VALID,
    Ground,
    at,
    email,
    evidence,
    grant,
    imported,
    question,
    valid,
    withdraw,
)

from accord.v1 import customer_pb2, decision_pb2, decision_service_pb2
from accord.v1 import import_service_pb2 as pb

SUPPRESSIONS = "ImportService/ImportSuppressions"
RECORDS = "ImportService/ImportRecords"


def own_list(ground: Ground, *points: customer_pb2.ContactPoint) -> pb.ImportSuppressionsRequest:
    request: pb.ImportSuppressionsRequest = valid(SUPPRESSIONS, ground)
    request.list.kind, request.list.code = pb.LIST_KIND_OWN, f"own-{MARK}"
    del request.contact_points[:], request.list.purposes[:]
    request.contact_points.extend(points)
    request.ClearField("end")
    return request


def verdict(server: GrpcServer, customer_id: str) -> decision_pb2.Decision:
    asked = decision_service_pb2.CheckRequest(brand=BRAND, question=question(customer_id))
    answer: decision_service_pb2.CheckResponse = server.ask("DecisionService/Check", asked)
    return answer.decision


def test_each_address_is_answered_and_a_bad_one_fails_alone(fresh: Ground) -> None:
    card = customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_LOYALTY_CARD, value=MARK)
    bad = [email(f"no address {MARK}"), email(""), customer_pb2.ContactPoint(value=MARK), card]
    response = fresh.server.ask(SUPPRESSIONS, own_list(fresh, *bad, email()))
    faults = [[each.field for each in result.error.violations] for result in response.results[:4]]
    places = [("value",), ("value",), ("kind",), ("kind",)]
    assert faults == [[f"contact_points[{index}].{of}" for of in names] for index, names in enumerate(places)]
    assert response.results[4].verdict == pb.SUPPRESSION_VERDICT_BOUND
    assert not [each for each in PERSONAL if each in str(response)]


def test_no_check_says_allow_once_a_line_was_acknowledged(fresh: Ground) -> None:
    server, names = fresh.server, [f"listed-{number}-{MARK}" for number in range(4)]
    for name in names:
        server.ask("PermissionService/Grant", grant(f"grant-{name}", name, contact_point=email(f"{name}@example.com")))
        assert verdict(server, name).verdict == decision_pb2.VERDICT_ALLOW
    messages = (own_list(fresh, email(f"{name}@example.com")) for name in names)
    for name, message in zip(names, messages, strict=True):
        server.stream(SUPPRESSIONS, [message])
        assert verdict(server, name).reason == decision_pb2.DECISION_REASON_SUPPRESSED


def test_a_message_again_writes_nothing(fresh: Ground) -> None:
    request = VALID[SUPPRESSIONS](fresh)
    first = fresh.server.ask(SUPPRESSIONS, request)
    size = fresh.server.size(BRAND)
    again = fresh.server.ask(SUPPRESSIONS, request)
    assert (again.receipt, again.ended) == (first.receipt, first.ended)
    assert {each.verdict for each in again.results} == {pb.SUPPRESSION_VERDICT_ALREADY_KNOWN}
    assert fresh.server.size(BRAND) == size


def rows(ground: Ground, *told: Any, dry_run: bool = False) -> list[pb.ImportResult]:
    """Import each record as a row of its own, and return what became of them."""
    request: pb.ImportRecordsRequest = valid(RECORDS, ground)
    del request.records[:]
    for number, each in enumerate(told, 1):
        kind = type(each).__name__.removesuffix("Request").lower()
        request.records.append(pb.ImportRecord(row=number, **{kind: each}))
    request.dry_run = dry_run
    return list(ground.server.ask(RECORDS, request).results)


def permission(customer_id: str, touchpoint: str = "web_form", **fields: Any) -> Any:
    told = evidence(touchpoint, act_time=at(-7200))
    return imported(grant("-", customer_id, contact_point=email(f"{customer_id}@example.com"), evidence=told, **fields))


def named(results: list[pb.ImportResult]) -> list[str]:
    return [pb.ImportVerdict.Name(each.verdict).removeprefix("IMPORT_VERDICT_") for each in results]


def test_a_permission_fills_a_gap_once_and_its_file_and_row_are_kept(fresh: Ground) -> None:
    server, name = fresh.server, f"gap-{MARK}"
    first = rows(fresh, permission(name), permission(name))
    assert named(first) == ["IMPORTED", "ALREADY_KNOWN"]
    assert verdict(server, name).verdict == decision_pb2.VERDICT_ALLOW
    assert rows(fresh, permission(name)) == first[:1], "the same row gets its first answer"
    event = server.installation.remembered.event(BRAND, first[0].position)
    assert event.evidence.recorder_id == f"partner-{MARK}:1"
    assert event.evidence.artefacts[-1].sha256 == "0a" * 32


def test_an_import_lifts_no_refusal_and_completes_no_opt_in(fresh: Ground) -> None:
    server = fresh.server
    for name in ("no", "part", "open"):
        point = email(f"{name}-{MARK}@example.com")
        double = {"evidence": evidence("double_form")} if name == "open" else {}
        server.ask("PermissionService/Grant", grant(name, f"{name}-{MARK}", contact_point=point, **double))
    server.ask("PermissionService/Withdraw", withdraw("no-w", f"no-{MARK}"))
    found = rows(fresh, permission(f"no-{MARK}"), permission(f"part-{MARK}"), permission(f"open-{MARK}"))
    assert named(found) == ["REFUSAL_STANDS", "ALREADY_KNOWN", "OPT_IN_OPEN"]
    assert verdict(server, f"no-{MARK}").reason == decision_pb2.DECISION_REASON_WITHDRAWN
    assert verdict(server, f"open-{MARK}").reason == decision_pb2.DECISION_REASON_PENDING_CONFIRMATION
    assert all(each.position == 0 for each in found)


def test_a_rehearsal_writes_nothing_and_says_what_would_become_of_each_row(fresh: Ground) -> None:
    told = [permission(f"dry-{MARK}"), imported(withdraw("-", f"dry-{MARK}")), permission(f"dry-{MARK}", "nowhere")]
    size = fresh.server.size()
    dry = rows(fresh, *told, dry_run=True)
    assert fresh.server.size() == size
    real = rows(fresh, *told)
    assert named(dry) == named(real) == ["IMPORTED", "REFUSAL_RECORDED", "UNSPECIFIED"]
    assert dry[2].error == real[2].error


def test_a_refusal_of_a_file_is_recorded_as_one_and_again_only_where_it_is_later(fresh: Ground) -> None:
    def said(seconds: int) -> Any:
        return imported(withdraw("-", f"said-{MARK}", evidence=evidence(act_time=at(seconds))))

    found = rows(fresh, permission(f"said-{MARK}"), said(-3600), said(-3600), said(-60))
    assert named(found) == ["IMPORTED", "REFUSAL_RECORDED", "ALREADY_KNOWN", "REFUSAL_RECORDED"]
    assert verdict(fresh.server, f"said-{MARK}").reason == decision_pb2.DECISION_REASON_WITHDRAWN


GRANTS = [
    case
    for case in CASES
    if case.method == "PermissionService/Grant"
    and not case.fields & {"brand", "request_id", "evidence", "evidence.recorder", "evidence.recorder_id"}
]


@pytest.mark.parametrize("case", GRANTS[::4], ids=lambda case: case.label)
def test_a_row_is_held_to_what_a_grant_is_held_to_and_fails_alone(ground: Ground, case: Case) -> None:
    request = imported(case.request(ground))
    size = ground.server.size()
    (result,) = rows(ground, request)
    assert result.verdict == pb.IMPORT_VERDICT_UNSPECIFIED
    assert result.HasField("error")
    assert ground.server.size() == size


def test_what_a_row_may_not_say_of_itself_is_told_by_its_field(ground: Ground) -> None:
    told = permission(KNOWN)
    told.brand, told.request_id = BRAND, "mine"
    told.evidence.recorder, told.evidence.recorder_id = 1, "me"
    told.evidence.artefacts.extend([told.evidence.artefacts[0]] * 7)
    (result,) = rows(ground, told)
    assert {each.field for each in result.error.violations} == {
        "grant.brand",
        "grant.request_id",
        "grant.evidence.recorder",
        "grant.evidence.recorder_id",
        "grant.evidence.artefacts",
    }
    request: pb.ImportRecordsRequest = valid(RECORDS, ground)
    del request.records[:]
    request.records.extend([pb.ImportRecord(row=1), pb.ImportRecord(withdraw=imported(withdraw("-", KNOWN)))])
    empty, without_row = ground.server.ask(RECORDS, request).results
    assert empty.error.violations[0].field == "records[0]"
    assert without_row.error.violations[0].field == "row"


def test_nobody_whom_an_own_list_names_is_made_by_an_import(fresh: Ground) -> None:
    server, name = fresh.server, f"woken-{MARK}"
    server.ask(SUPPRESSIONS, own_list(fresh, email(f"{name}@example.com")))
    size = server.size(BRAND)
    assert named(rows(fresh, permission(name))) == ["REFUSAL_STANDS"]
    assert server.size(BRAND) == size
    told = decision_service_pb2.CheckRequest(brand=BRAND, question=question(name))
    assert server.ask("DecisionService/Check", told).decision.reason == decision_pb2.DECISION_REASON_CUSTOMER_UNKNOWN
