"""When it is not the caller's fault: each reason of ours, and that nothing is permitted meanwhile."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from bad_requests import BATCH, batch, put
from examine import examine, named
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from msgspec.structs import replace
from support.grpc_server import GrpcServer
from wire_examples import BRAND, MARK, Ground, authorize, email, grant, link, question, valid, withdraw

from accord.config import Config
from accord.domain.commands import Link
from accord.domain.problems import ErrorReason
from accord.domain.terms import BrandId, Identifier, IdentifierKind
from accord.rpc.ceiling import Ceiling
from accord.rpc.errors import STATUS, to_status
from accord.service.errors import CallError
from accord.v1 import decision_service_pb2

ASKING: dict[str, Any] = {
    "DecisionService/Check": decision_service_pb2.CheckRequest(brand=BRAND, question=question()),
    "ContactService/AuthorizeContact": authorize(f"asked-{MARK}"),
    "PermissionService/Grant": grant(f"asked-{MARK}"),
    "PermissionService/Withdraw": withdraw(f"asked-{MARK}"),
}


def test_a_writer_that_has_too_much_queued_says_when_to_come_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accord.service.writer.MAX_QUEUED", 0)
    size = ground.server.size()
    failure = ground.server.fail("PermissionService/Withdraw", withdraw(f"queued-{MARK}"))
    examine(failure, ErrorReason.OVERLOADED)
    assert (failure.retry_seconds, failure.metadata) == (1, {"limit": "0"})
    assert ground.server.size() == size


def test_a_call_beyond_those_there_may_be_at_once_is_counted(fresh: Ground) -> None:
    server = fresh.server
    state: Any = server.server._server._state  # type: ignore[attr-defined] # grpc's own
    assert state.maximum_concurrent_rpcs == Config.read({}).max_concurrent
    state.maximum_concurrent_rpcs = Ceiling(0, state.maximum_concurrent_rpcs._turn_away)
    for turned_away in (1, 2):
        failure = server.fail("DecisionService/Check", valid("DecisionService/Check", fresh))
        assert failure.code is StatusCode.RESOURCE_EXHAUSTED
        assert server.installation.tally.turned_away.read() == {(): turned_away}


def test_a_server_that_stops_takes_no_more_writes_and_still_answers(fresh: Ground) -> None:
    ground, server = fresh, fresh.server
    server.installation.writer.stop()
    for method in ("PermissionService/Withdraw", "ContactService/AuthorizeContact", "CatalogueService/Apply", BATCH):
        failure = server.fail(method, valid(method, ground))
        examine(failure, ErrorReason.STOPPING)
        assert failure.retry_seconds == 1
    assert server.ask("DecisionService/Check", valid("DecisionService/Check", ground)).HasField("decision")


@pytest.mark.parametrize("method", ASKING)
def test_a_database_that_is_gone_permits_nothing(fresh: Ground, method: str) -> None:
    server = fresh.server
    server.installation.store.close()
    for path in server.folder.glob("accord.db*"):
        path.unlink()
    (server.folder / "accord.db").mkdir()
    failure = server.fail(method, ASKING[method])
    examine(failure, ErrorReason.STORE_UNAVAILABLE)
    assert failure.retry_seconds == 1


def test_a_database_that_does_not_extend_its_checkpoint_is_not_served(tmp_path: Path) -> None:
    with GrpcServer(tmp_path) as server:
        Ground(server)
        size = server.size()
    for path in (tmp_path / "checkpoints").glob("*.checkpoint"):
        path.unlink()
    with GrpcServer(tmp_path) as server:
        for method, request in ASKING.items():
            examine(server.fail(method, request), ErrorReason.LEDGER_UNPROVEN)
        assert server.size() == size


def test_a_write_whose_deadline_passed_in_the_queue_is_not_written(ground: Ground) -> None:
    installation = ground.server.installation
    command = Link(
        customer=Identifier(IdentifierKind.CUSTOMER_ID, f"late-{MARK}"),
        contact_point=Identifier(IdentifierKind.EMAIL, f"late.{MARK}@example.com"),
    )
    late = replace(installation.request(command), deadline=time.monotonic() - 1)
    size = ground.server.size()
    with pytest.raises(CallError) as caught:
        installation.writer.submit(BrandId(BRAND), [late])
    reason = caught.value.problem.reason
    assert reason is ErrorReason.DEADLINE_PASSED
    assert to_status(caught.value.problem).code == STATUS[reason].value[0]
    assert ground.server.size() == size


def test_a_fault_of_ours_is_told_by_a_number_only(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"broken on {MARK}")

    monkeypatch.setattr(ground.server.installation.questions, "check", broken)
    failure = ground.server.fail("DecisionService/Check", ASKING["DecisionService/Check"])
    examine(failure, ErrorReason.INTERNAL)
    assert re.fullmatch(r"[0-9a-f]{16}", failure.metadata["incident"])
    assert failure.metadata["incident"] in caplog.text
    assert MARK not in caplog.text


def test_a_full_customer_takes_no_more_permissions_or_addresses_and_every_no(ground: Ground) -> None:
    server, full = ground.server, f"full-{MARK}"
    addresses = [email(f"a{number}.{MARK}@example.com") for number in range(999)]
    filling = batch(*(grant(f"f-{number}", full, contact_point=each) for number, each in enumerate(addresses)))
    response = server.ask(BATCH, filling, timeout=60)
    assert {each.WhichOneof("result") for each in response.results} == {"grant"}
    one_more = email(f"more.{MARK}@example.com")
    size = server.size()
    for method, request in {
        "PermissionService/Grant": grant("f-999", full, contact_point=one_more),
        "CustomerService/Link": link("f-1000", full, one_more),
    }.items():
        failure = server.fail(method, request)
        examine(failure, ErrorReason.CUSTOMER_FULL)
        assert (named(failure), failure.metadata["limit"]) == ({"customer"}, "1000")
    assert server.size() == size
    stop = withdraw("f-stop", full)
    put("scope.contact_point", one_more)(stop, ground)
    assert server.ask("PermissionService/Withdraw", stop).receipts


def test_who_watches_the_health_is_told_of_changes_alone(server: GrpcServer) -> None:
    told = health_pb2.HealthCheckResponse
    watching = health_pb2_grpc.HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
    assert next(watching).status == told.SERVING
    for serving in (True, True, False, False, True):
        server.server.tell_health(serving=serving)
    assert [next(watching).status for _ in range(2)] == [told.NOT_SERVING, told.SERVING]
    watching.cancel()
