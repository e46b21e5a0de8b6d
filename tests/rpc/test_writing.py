"""Good requests that write: each is answered, a repeat gets the first answer, and every status is told."""

import json
from hashlib import sha256
from typing import Any

import pytest
from bad_requests import BATCH, batch, put
from support.grpc_server import GrpcServer
from wire_examples import (
    BRAND,
    MARK,
    VALID,
    WRITES,
    Ground,
    apply,
    at,
    authorize,
    by_id,
    by_point,
    email,
    evidence,
    grant,
    link,
    phone,
    question,
    reply,
    report,
    valid,
    withdraw,
)

from accord.domain.replies import Reading
from accord.domain.terms import HOUR, SECOND, ReplyMeaning
from accord.v1 import (
    contact_service_pb2,
    customer_service_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    permission_pb2,
    permission_service_pb2,
)


@pytest.mark.parametrize("method", WRITES)
def test_a_repeated_request_gets_the_first_answer_and_writes_nothing(ground: Ground, method: str) -> None:
    request = valid(method, ground)
    size = ground.server.size()
    first = ground.server.ask(method, request)
    written = len(first.receipts) if "receipts" in first.DESCRIPTOR.fields_by_name else 1
    assert ground.server.size() == size + written
    ground.server.clock.advance(SECOND)
    assert ground.server.ask(method, request) == first
    assert ground.server.size() == size + written


def test_a_repeated_batch_gets_the_first_answers_and_writes_nothing(fresh: Ground) -> None:
    ground, server = fresh, fresh.server
    request = VALID[BATCH](ground)
    first = server.ask(BATCH, request)
    size = server.size()
    assert server.ask(BATCH, request) == first
    assert server.size() == size


def test_a_request_repeated_inside_one_batch_is_written_once(fresh: Ground) -> None:
    server = fresh.server
    size = server.size()
    request = grant("twice", f"new-{MARK}")
    first, second = server.ask(BATCH, batch(request, request)).results
    assert first == second
    assert server.size() == size + 1


def test_a_request_recorded_alone_and_in_a_batch_is_one_request(fresh: Ground) -> None:
    server = fresh.server
    request = grant("both", f"new-{MARK}")
    alone = server.ask("PermissionService/Grant", request)
    assert server.ask(BATCH, batch(request)).results[0].grant == alone


def test_every_message_of_a_stream_is_answered_in_its_order(fresh: Ground) -> None:
    server = fresh.server
    size = server.size(BRAND)
    messages = [batch(*(grant(f"{page}-{number}", f"{MARK}-{number}") for number in range(3))) for page in range(4)]
    responses = server.stream(BATCH, messages)
    positions = [each.grant.receipt.position for response in responses for each in response.results]
    assert positions == list(range(size, size + 12))


def test_the_valid_requests_are_all_accepted_one_after_the_other(fresh: Ground) -> None:
    ground, server = fresh, fresh.server
    for method in VALID:
        response = server.ask(method, valid(method, ground))
        if method == BATCH:
            kinds = [each.WhichOneof("result") for each in response.results]
            wanted = ["grant", "error", "refuse", "withdraw", "object", "reply"]
            assert kinds == wanted, "the pending one was confirmed alone"
    assert server.installation.audit().faults == ()


def test_a_receipt_names_the_entry_and_its_hash(ground: Ground) -> None:
    receipt = ground.server.ask("PermissionService/Grant", grant("receipt", f"receipt-{MARK}")).receipt
    request = VALID["LedgerService/GetEntry"](ground)
    request.position = receipt.position
    entry = ground.server.ask("LedgerService/GetEntry", request).entry
    assert (entry.leaf_hash, entry.recorded_time) == (receipt.leaf_hash, receipt.recorded_time)
    assert entry.type == "PermissionGranted"


def test_a_grant_tells_where_the_permission_stands(fresh: Ground) -> None:
    server = fresh.server
    statuses = [
        server.ask("PermissionService/Grant", request).status
        for request in (
            grant("now", f"s1-{MARK}"),
            grant("pending", f"s2-{MARK}", evidence=evidence("double_form")),
            grant("later", f"s3-{MARK}", valid_from=at(3600)),
        )
    ]
    assert statuses == [
        permission_pb2.PERMISSION_STATUS_ACTIVE,
        permission_pb2.PERMISSION_STATUS_PENDING,
        permission_pb2.PERMISSION_STATUS_NOT_YET_VALID,
    ]


@pytest.mark.parametrize(("hours", "status"), [(47, "ACTIVE"), (49, "EXPIRED")])
def test_a_confirmation_counts_in_time_only_and_says_so(fresh: Ground, hours: int, status: str) -> None:
    ground, server = fresh, fresh.server
    server.clock.advance(hours * HOUR)
    response = server.ask("PermissionService/Confirm", valid("PermissionService/Confirm", ground))
    assert permission_pb2.PermissionStatus.Name(response.status) == f"PERMISSION_STATUS_{status}"


def test_a_withdrawal_names_the_contacts_that_may_still_be_stopped(fresh: Ground) -> None:
    server = fresh.server
    customer = f"open-{MARK}"
    server.ask("PermissionService/Grant", grant("open", customer, contact_point=email(f"open.{MARK}@example.com")))
    for name in ("first", "second", "sent"):
        server.ask("ContactService/AuthorizeContact", authorize(f"{name}-{MARK}", customer))
    sent = report("sent", f"sent-{MARK}", contact_service_pb2.CONTACT_OUTCOME_SENT)
    server.ask("ContactService/ReportContact", sent)
    request = withdraw("stop", customer)
    response = server.ask("PermissionService/Withdraw", request)
    assert [each.contact_id for each in response.open_contacts] == [f"first-{MARK}", f"second-{MARK}"]
    assert {(each.channel, each.purpose) for each in response.open_contacts} == {("email", "marketing.birthday")}
    assert all(each.authorized_time.seconds for each in response.open_contacts)
    assert server.ask("PermissionService/Withdraw", request) == response
    elsewhere = withdraw("elsewhere", customer, scope=permission_pb2.RefusalScope(channel="sms"))
    assert not server.ask("PermissionService/Withdraw", elsewhere).open_contacts


@pytest.mark.parametrize("method", ["Refuse", "Withdraw", "Object"])
def test_a_no_from_an_address_of_two_is_recorded_for_both(fresh: Ground, method: str) -> None:
    ground, server = fresh, fresh.server
    request = VALID[f"PermissionService/{method}"](ground)
    request.ClearField("scope")
    request.customer.CopyFrom(by_point(email(f"shared.{MARK}@example.com")))
    assert len(server.ask(f"PermissionService/{method}", request).receipts) == 2


@pytest.mark.parametrize("method", ["Refuse", "Withdraw", "Object"])
def test_a_no_from_a_stranger_is_recorded(fresh: Ground, method: str) -> None:
    ground, server = fresh, fresh.server
    request = VALID[f"PermissionService/{method}"](ground)
    request.customer.CopyFrom(by_id(f"nobody-{MARK}"))
    assert len(server.ask(f"PermissionService/{method}", request).receipts) == 1


@pytest.mark.parametrize("method", ["Refuse", "Withdraw", "Object"])
def test_a_no_of_the_future_counts_now(fresh: Ground, method: str) -> None:
    ground, server = fresh, fresh.server
    request = VALID[f"PermissionService/{method}"](ground)
    request.ClearField("scope")
    put("evidence.act_time", at(86_400))(request, ground)
    server.ask(f"PermissionService/{method}", request)
    asked = VALID["DecisionService/Check"](ground)
    asked.question.CopyFrom(question())
    decision = server.ask("DecisionService/Check", asked).decision
    assert decision.verdict == decision_pb2.VERDICT_DENY


def test_a_no_of_any_method_is_recorded(fresh: Ground) -> None:
    server = fresh.server
    for name, number in evidence_pb2.DeclarationMethod.items():
        if number:
            told = withdraw(f"by {name}", f"no-{MARK}", evidence=evidence(method=number))
            assert server.ask("PermissionService/Withdraw", told).receipts


def test_a_contact_point_fact_is_recorded_for_every_holder(fresh: Ground) -> None:
    ground, server = fresh, fresh.server
    request = VALID["CustomerService/ReportContactPoint"](ground)
    request.contact_point.value = f"shared.{MARK}@example.com"
    assert len(server.ask("CustomerService/ReportContactPoint", request).receipts) == 2


def test_a_contact_is_authorised_once_and_a_retry_repeats_it(fresh: Ground) -> None:
    server = fresh.server
    request = authorize(f"retry-{MARK}")
    first = server.ask("ContactService/AuthorizeContact", request)
    assert first.decision.verdict == decision_pb2.VERDICT_ALLOW
    assert first.HasField("receipt")
    assert not first.repeat
    size = server.size()
    server.clock.advance(SECOND)
    second = server.ask("ContactService/AuthorizeContact", request)
    assert (second.repeat, second.HasField("receipt"), server.size()) == (True, False, size)
    assert second.send_before.seconds >= first.send_before.seconds > first.decision.decision_time.seconds


def test_a_contact_reported_sent_is_not_authorised_again(fresh: Ground) -> None:
    server = fresh.server
    request = authorize(f"sent-{MARK}")
    server.ask("ContactService/AuthorizeContact", request)
    sent = report("sent", f"sent-{MARK}", contact_service_pb2.CONTACT_OUTCOME_SENT)
    assert server.ask("ContactService/ReportContact", sent).status == contact_service_pb2.CONTACT_STATUS_SENT
    again = server.ask("ContactService/AuthorizeContact", request)
    assert again.decision.reason == decision_pb2.DECISION_REASON_CONTACT_ALREADY_REPORTED
    assert not again.HasField("send_before")


def test_a_contact_authorised_before_a_withdrawal_is_denied_on_retry(fresh: Ground) -> None:
    server = fresh.server
    request = authorize(f"late-{MARK}")
    server.ask("ContactService/AuthorizeContact", request)
    server.ask("PermissionService/Withdraw", withdraw("no"))
    again = server.ask("ContactService/AuthorizeContact", request)
    assert again.decision.reason == decision_pb2.DECISION_REASON_WITHDRAWN
    assert not again.repeat


def test_contact_once_is_one_contact(fresh: Ground) -> None:
    server = fresh.server
    customer = f"once-{MARK}"
    server.ask("CustomerService/Link", link("once-link", customer, phone("+33698765499")))
    server.ask("PermissionService/Grant", grant("once", customer, evidence=evidence("till")))
    asked = {"channel": "sms", "purpose": "marketing.recommendation"}
    first = server.ask("ContactService/AuthorizeContact", authorize(f"o1-{MARK}", customer, **asked))
    assert first.decision.verdict == decision_pb2.VERDICT_ALLOW
    second = server.ask("ContactService/AuthorizeContact", authorize(f"o2-{MARK}", customer, **asked))
    assert second.decision.reason == decision_pb2.DECISION_REASON_USED_UP
    cancelled = report("cancel", f"o1-{MARK}", contact_service_pb2.CONTACT_OUTCOME_CANCELLED)
    server.ask("ContactService/ReportContact", cancelled)
    third = server.ask("ContactService/AuthorizeContact", authorize(f"o2-{MARK}", customer, **asked))
    assert third.decision.verdict == decision_pb2.VERDICT_ALLOW


@pytest.mark.parametrize("outcome", ["SENT", "FAILED", "CANCELLED", "BOUNCED", "COMPLAINED"])
def test_every_outcome_is_recorded_and_told(fresh: Ground, outcome: str) -> None:
    server = fresh.server
    server.ask("ContactService/AuthorizeContact", authorize(f"o-{MARK}"))
    number = contact_service_pb2.ContactOutcome.Value(f"CONTACT_OUTCOME_{outcome}")
    status = server.ask("ContactService/ReportContact", report("o", f"o-{MARK}", number)).status
    assert contact_service_pb2.ContactStatus.Name(status) == f"CONTACT_STATUS_{outcome}"


def test_a_permission_that_would_outlast_all_time_ends_where_time_can_be_told(fresh: Ground) -> None:
    server = fresh.server
    far = at(200 * 366 * 86_400)
    request = grant("far", f"far-{MARK}", evidence=evidence("century_form"), valid_from=far)
    server.ask("PermissionService/Grant", request)
    listing = permission_service_pb2.ListPermissionsRequest(brand=BRAND, customer=by_id(f"far-{MARK}"))
    (permission,) = server.ask("PermissionService/ListPermissions", listing).permissions
    assert permission.valid_until.ToDatetime() > permission.valid_from.ToDatetime()
    entries = VALID["LedgerService/GetEntry"](None)  # type: ignore[arg-type]
    entries.position = permission.position
    assert server.ask("LedgerService/GetEntry", entries).entry.payload_json
    assert server.installation.audit().faults == ()


def test_a_second_catalogue_counts_from_then_on(server: GrpcServer) -> None:
    first = server.ask("CatalogueService/Apply", apply("one"))
    second = server.ask("CatalogueService/Apply", apply("two", expected_version=1))
    third = server.ask("CatalogueService/Apply", apply("three"))
    assert [each.version for each in (first, second, third)] == [1, 2, 3]
    assert [each.receipt.position for each in (first, second, third)] == [0, 1, 2]
    assert server.installation.audit().faults == ()


REPLY = "PermissionService/RecordReply"


def test_a_no_in_somebody_s_own_words_stops_everything_to_the_address_and_its_text_is_not_kept(fresh: Ground) -> None:
    server, text = fresh.server, f"Please stop sending me this! {MARK}-text"
    server.ask("ContactService/AuthorizeContact", authorize(f"open-{MARK}"))
    response = server.ask(REPLY, reply("own-words", text, contact_point=email()))
    assert response.meaning == permission_service_pb2.REPLY_MEANING_WITHDRAWAL
    assert [rule.id for rule in response.rules] == ["us.revocation_own_words"]
    assert f"open-{MARK}" in {each.contact_id for each in response.open_contacts}
    assert server.ask(REPLY, reply("own-words", text, contact_point=email())) == response
    checked = decision_service_pb2.CheckRequest(brand=BRAND, question=question(purpose="service.order"))
    assert server.ask("DecisionService/Check", checked).decision.reason == decision_pb2.DECISION_REASON_STOPPED
    history = server.ask(
        "PermissionService/GetHistory", permission_service_pb2.GetHistoryRequest(brand=BRAND, customer=by_id())
    )
    kept = next(item.payload_json for item in history.items if item.position == response.receipts[0].position)
    assert sha256(text.encode()).hexdigest() in kept
    assert f"{MARK}-text" not in kept


def test_a_reply_nobody_is_sure_of_holds_marketing_until_it_is_settled(fresh: Ground) -> None:
    server = fresh.server
    response = server.ask(REPLY, reply("doubt", "Is it me you look for?", contact_point=email()))
    assert response.meaning == permission_service_pb2.REPLY_MEANING_UNCLEAR
    assert (len(response.receipts), list(response.rules), list(response.open_contacts)) == (1, [], [])

    def reason(purpose: str) -> Any:
        asked = decision_service_pb2.CheckRequest(brand=BRAND, question=question(purpose=purpose))
        return server.ask("DecisionService/Check", asked).decision.reason

    assert reason("marketing.birthday") == decision_pb2.DECISION_REASON_REPLY_UNSETTLED
    assert reason("service.order") == decision_pb2.DECISION_REASON_PERMITTED
    settled = customer_service_pb2.ReportContactPointRequest(
        brand=BRAND,
        request_id="settled",
        contact_point=email(),
        fact=customer_service_pb2.CONTACT_POINT_FACT_REPLY_SETTLED,
    )
    server.ask("CustomerService/ReportContactPoint", settled)
    assert reason("marketing.birthday") == decision_pb2.DECISION_REASON_PERMITTED


@pytest.mark.parametrize(("text", "meaning"), [("Help!", "HELP"), ("Thanks, great", "NOTHING")])
def test_a_reply_that_says_no_no_records_nothing(fresh: Ground, text: str, meaning: str) -> None:
    size = fresh.server.size()
    response = fresh.server.ask(REPLY, reply(f"harmless-{meaning}", text))
    assert permission_service_pb2.ReplyMeaning.Name(response.meaning) == f"REPLY_MEANING_{meaning}"
    assert (list(response.receipts), fresh.server.size()) == ([], size)


def test_replies_in_a_batch_are_read_and_recorded_as_each_alone_and_in_their_order(fresh: Ground) -> None:
    server = fresh.server
    texts = ("STOP", "Is it me you look for?", "Thanks, great", "Help!", "stop")

    def replies_from(who: str) -> list[Any]:
        address = email(f"{who}.{MARK}@example.com")
        server.ask("PermissionService/Grant", grant(f"{who} came", f"{who}-{MARK}", contact_point=address))
        at = evidence(method=evidence_pb2.DECLARATION_METHOD_MESSAGE)
        at.act_time.FromNanoseconds(1000 * server.clock.now)
        return [reply(f"{who}-{index}", text, contact_point=address, evidence=at) for index, text in enumerate(texts)]

    def entries(who: str) -> list[Any]:
        request = permission_service_pb2.GetHistoryRequest(brand=BRAND, customer=by_id(f"{who}-{MARK}"))
        told = [json.loads(item.payload_json) for item in server.ask("PermissionService/GetHistory", request).items]
        return [payload["event"] for payload in told[1:]]

    one_by_one, together = replies_from("alone"), replies_from("batched")
    alone = [server.ask(REPLY, each) for each in one_by_one]
    size = server.size(BRAND)
    batched = [each.reply for each in server.ask(BATCH, batch(*together)).results]
    assert [(each.meaning, each.rules, len(each.receipts)) for each in batched] == [
        (each.meaning, each.rules, len(each.receipts)) for each in alone
    ]
    assert [each.receipts[0].position for each in batched if each.receipts] == [size, size + 1, size + 2]
    assert entries("batched") == entries("alone")
    assert len(entries("batched")) == 3
    # One request, whichever way it comes again.
    assert [each.reply for each in server.ask(BATCH, batch(*one_by_one)).results] == alone
    assert [server.ask(REPLY, each) for each in together] == batched
    assert server.size(BRAND) == size + 3
    assert server.installation.audit().faults == ()


def test_a_message_that_later_words_read_as_a_no_is_recorded_again(
    fresh: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = reply("same-message", "Lopeta")
    first = fresh.server.ask(REPLY, unknown)
    assert first.meaning == permission_service_pb2.REPLY_MEANING_UNCLEAR
    later = Reading(ReplyMeaning.WITHDRAWAL)
    monkeypatch.setattr("accord.domain.replies.read", lambda _text: later)
    again = fresh.server.ask(REPLY, unknown)
    assert again.meaning == permission_service_pb2.REPLY_MEANING_WITHDRAWAL
    assert again.receipts[0].position > first.receipts[0].position
