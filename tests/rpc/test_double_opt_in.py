"""Double opt-in over the wire: who gets the token, what a click answers, and where the token never is."""

import base64
import re
from typing import Any

import pytest
from examine import examine
from support.grpc_server import FailedError
from wire_examples import BRAND, MARK, Ground, ask_to_confirm, by_id, click, evidence, grant, question, withdraw
from wire_examples import email as email_of

from accord.domain.problems import ErrorReason
from accord.domain.terms import HOUR
from accord.keys.callers import ROLES
from accord.v1 import contact_service_pb2, decision_pb2, decision_service_pb2, permission_pb2, permission_service_pb2

ASK = "ContactService/AuthorizeContact"
CONFIRM = "PermissionService/Confirm"
LINKED = f"linked-{MARK}"


def signed_up(ground: Ground, name: str) -> int:
    request = grant(
        f"sign-up-{name}",
        f"{name}-{MARK}",
        contact_point=email_of(f"{name}.{MARK}@example.com"),
        evidence=evidence("link_form"),
    )
    position: int = ground.server.ask("PermissionService/Grant", request).receipt.position
    return position


def asked(ground: Ground, name: str, position: int, contact_id: str = "") -> Any:
    return ground.server.ask(ASK, ask_to_confirm(contact_id or f"{name}-mail-{MARK}", position, f"{name}-{MARK}"))


def status(response: Any) -> str:
    return permission_pb2.PermissionStatus.Name(response.status).removeprefix("PERMISSION_STATUS_")


def allowed(ground: Ground, name: str) -> bool:
    asking = question(customer=by_id(f"{name}-{MARK}"))
    found = ground.server.ask("DecisionService/Check", decision_service_pb2.CheckRequest(brand=BRAND, question=asking))
    return bool(found.decision.verdict == decision_pb2.VERDICT_ALLOW)


@pytest.mark.parametrize("role", ROLES)
def test_only_a_mailer_is_told_a_confirmation_token(ground: Ground, role: str) -> None:
    position = signed_up(ground, f"told-{role}")
    request = ask_to_confirm(f"told-{role}-{MARK}", position, f"told-{role}-{MARK}")
    if role == "mailer":
        assert re.fullmatch(r"[A-Za-z0-9_-]{64}", ground.server.ask(ASK, request, role).confirmation_token)
        return
    with pytest.raises(FailedError) as told:
        ground.server.ask(ASK, request, role)
    examine(told.value.failure, ErrorReason.ROLE_MISSING)
    assert told.value.failure.metadata["roles"] == "mailer"


def test_a_mailer_sends_nothing_else(ground: Ground) -> None:
    asking = contact_service_pb2.AuthorizeContactRequest(brand=BRAND, contact_id=f"other-{MARK}", question=question())
    with pytest.raises(FailedError) as told:
        ground.server.ask(ASK, asking, "mailer")
    examine(told.value.failure, ErrorReason.ROLE_MISSING)


def test_a_click_finds_its_permission_by_the_token_alone(fresh: Ground) -> None:
    response = fresh.server.ask(CONFIRM, click("click", fresh.confirmation_token), "collector")
    assert status(response) == "ACTIVE"
    assert allowed(fresh, "linked")
    history = fresh.server.ask(
        "PermissionService/GetHistory", permission_service_pb2.GetHistoryRequest(brand=BRAND, customer=by_id(LINKED))
    )
    assert [item.type for item in history.items] == ["PermissionGranted", "ContactAuthorized", "PermissionConfirmed"]
    proof = history.items[-1].payload_json
    assert '"method":"CONFIRMATION_LINK"' in proof
    assert '"token_sha256":"' in proof
    assert '"notice":"newsletter-1"' in proof
    assert fresh.confirmation_token not in proof


def test_an_answer_of_no_carries_no_token(fresh: Ground) -> None:
    position = signed_up(fresh, "refuser")
    fresh.server.ask("PermissionService/Withdraw", withdraw("refuser-no", f"refuser-{MARK}"))
    response = asked(fresh, "refuser", position)
    assert response.decision.reason == decision_pb2.DECISION_REASON_WITHDRAWN
    assert not response.confirmation_token


def test_asked_anew_a_contact_gets_a_new_token_and_the_earlier_one_no_longer_counts(fresh: Ground) -> None:
    again = asked(fresh, "linked", fresh.linked, f"carried-{MARK}")
    assert again.repeat
    assert again.confirmation_token != fresh.confirmation_token
    with pytest.raises(FailedError) as told:
        fresh.server.ask(CONFIRM, click("early", fresh.confirmation_token))
    examine(told.value.failure, ErrorReason.TOKEN_INVALID)
    assert status(fresh.server.ask(CONFIRM, click("new", again.confirmation_token))) == "ACTIVE"


def test_a_second_click_gets_the_first_receipt_and_writes_nothing(fresh: Ground) -> None:
    first = fresh.server.ask(CONFIRM, click("first", fresh.confirmation_token))
    size = fresh.server.size(BRAND)
    again = fresh.server.ask(CONFIRM, click("second", fresh.confirmation_token))
    assert again == first
    assert fresh.server.ask(CONFIRM, click("first", fresh.confirmation_token)) == first
    assert fresh.server.size(BRAND) == size


def test_two_clicks_in_one_message_are_one_confirmation(fresh: Ground) -> None:
    clicks = [click(name, fresh.confirmation_token) for name in ("one", "two")]
    records = [permission_service_pb2.BatchRecord(confirm=each) for each in clicks]
    size = fresh.server.size(BRAND)
    (response,) = fresh.server.stream(
        "PermissionService/BatchRecord", [permission_service_pb2.BatchRecordRequest(records=records)]
    )
    one, two = (each.confirm for each in response.results)
    assert (status(one), two) == ("ACTIVE", one)
    assert fresh.server.size(BRAND) == size + 1


def test_a_late_click_is_recorded_once_and_is_not_a_yes(fresh: Ground) -> None:
    fresh.server.clock.advance(49 * HOUR)
    late = fresh.server.ask(CONFIRM, click("late", fresh.confirmation_token))
    assert status(late) == "EXPIRED"
    assert fresh.server.ask(CONFIRM, click("later", fresh.confirmation_token)) == late
    assert not allowed(fresh, "linked")


def test_a_click_on_what_was_refused_meanwhile_says_withdrawn(fresh: Ground) -> None:
    fresh.server.clock.advance(HOUR)
    fresh.server.ask("PermissionService/Withdraw", withdraw("no", LINKED))
    fresh.server.clock.advance(HOUR)
    assert status(fresh.server.ask(CONFIRM, click("yes", fresh.confirmation_token))) == "WITHDRAWN"
    assert not allowed(fresh, "linked")


def test_a_withdrawal_names_the_request_to_confirm_that_may_still_be_stopped(fresh: Ground) -> None:
    request = withdraw("no", LINKED)
    request.scope.purpose = "marketing"
    response = fresh.server.ask("PermissionService/Withdraw", request)
    assert [each.contact_id for each in response.open_contacts] == [f"carried-{MARK}"]


def test_the_contact_that_asked_is_remembered_by_its_ground(fresh: Ground) -> None:
    found = fresh.server.ask(
        "ContactService/GetContact",
        contact_service_pb2.GetContactRequest(brand=BRAND, contact_id=f"carried-{MARK}"),
    ).contact
    assert (found.basis, list(found.basis_positions)) == (decision_pb2.BASIS_CONFIRMATION_REQUEST, [fresh.linked])


def test_the_token_is_in_no_byte_of_the_database_nor_in_a_log(fresh: Ground, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever steals the disk, or the logs, confirms nothing."""
    caplog.set_level("DEBUG")
    again = asked(fresh, "linked", fresh.linked, f"carried-{MARK}").confirmation_token
    fresh.server.ask(CONFIRM, click("click", again))
    fresh.server.ask(CONFIRM, click("click", again))
    for token in (fresh.confirmation_token, again):
        secret = base64.urlsafe_b64decode(token)[16:]
        seen = (token.encode(), secret, secret.hex().encode(), base64.b64encode(secret)[:40])
        files = [path for path in fresh.server.folder.rglob("*") if path.is_file()]
        assert any(b"SQLite format 3" in path.read_bytes()[:16] for path in files)
        for path in files:
            held = path.read_bytes()
            assert not any(each in held for each in seen), path.name
        assert token not in caplog.text
