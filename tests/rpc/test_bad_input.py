"""Bad input: the documented reason and field, nothing appended, nothing personal told back, no INTERNAL."""

import pytest
from bad_requests import BATCH, BATCHED, CASES, Case, batch
from examine import examine, named
from support.grpc_server import FailedError
from wire_examples import (
    BRAND,
    MARK,
    OTHER_BRAND,
    PERSONAL,
    Ground,
    authorize,
    email,
    evidence,
    grant,
    question,
    report,
    withdraw,
)

from accord.domain.problems import ErrorReason
from accord.v1 import contact_service_pb2, decision_pb2, decision_service_pb2, error_reason_pb2, permission_service_pb2


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method}: {case.label}")
def test_a_bad_request_is_refused_for_the_documented_reason_and_appends_nothing(ground: Ground, case: Case) -> None:
    size = ground.server.size()
    failure = ground.server.fail(case.method, case.request(ground))
    examine(failure, case.reason)
    found = named(failure)
    assert case.fields <= found if case.also else case.fields == found
    if case.reason in {ErrorReason.INVALID_ARGUMENT, ErrorReason.CATALOGUE_INVALID}:
        assert found == set(failure.fields), "BadRequest names the same fields as the metadata"
    assert all(failure.fields.values())
    assert ground.server.size() == size


@pytest.mark.parametrize("method", list(BATCHED))
def test_a_bad_record_fails_in_a_batch_for_the_same_reason_as_alone(ground: Ground, method: str) -> None:
    bad = [case for case in CASES if case.method == method and not case.label.startswith("brand")]
    size = ground.server.size()
    (response,) = ground.server.stream(BATCH, [batch(*(case.request(ground) for case in bad))])
    for case, result in zip(bad, response.results, strict=True):
        assert result.WhichOneof("result") == "error", case.label
        assert error_reason_pb2.ErrorReason.Name(result.error.reason) == f"ERROR_REASON_{case.reason.value}", case.label
        fields = {each.field for each in result.error.violations}
        assert fields <= case.fields if not case.also else fields, (case.label, fields)
        assert not [each for each in PERSONAL if each in str(result)], case.label
    assert ground.server.size() == size


def test_a_bad_question_fails_in_a_batch_for_the_same_reason_as_alone_and_names_its_place(ground: Ground) -> None:
    told = ("question.", "customer")
    bad = [
        case
        for case in CASES
        if case.method == "DecisionService/Check" and all(f.startswith(told) for f in case.fields)
    ]
    questions = [case.request(ground).question for case in bad]
    request = decision_service_pb2.BatchCheckRequest(brand=BRAND, questions=questions)
    results = ground.server.ask("DecisionService/BatchCheck", request).results
    misplaced = []
    for index, (case, result) in enumerate(zip(bad, results, strict=True)):
        assert error_reason_pb2.ErrorReason.Name(result.error.reason) == f"ERROR_REASON_{case.reason.value}", case.label
        assert not [each for each in PERSONAL if each in str(result)], case.label
        fields = {each.field for each in result.error.violations}
        wanted = {field.replace("question", f"questions[{index}]") for field in case.fields}
        if fields and fields != wanted:
            misplaced.append((case.label, sorted(fields), sorted(wanted)))
    assert not misplaced, f"{len(misplaced)} of {len(bad)} faults name another place, such as {misplaced[:3]}"


def test_good_and_bad_questions_are_answered_in_their_order(ground: Ground) -> None:
    good, unknown, too_long = question(), question(purpose=f"{MARK}.unknown"), question(channel="x" * 129)
    asked = [good, unknown, good, too_long, question(channel=""), too_long, good]
    request = decision_service_pb2.BatchCheckRequest(brand=BRAND, questions=asked)
    results = ground.server.ask("DecisionService/BatchCheck", request).results
    assert [each.HasField("decision") for each in results] == [each is good for each in asked]
    assert {each.field for index in (3, 5) for each in results[index].error.violations} == {
        "questions[3].channel",
        "questions[5].channel",
    }


# Batches of records


def test_an_empty_batch_is_refused(ground: Ground) -> None:
    failure = ground.server.fail(BATCH, batch())
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    assert set(failure.fields) == {"records"}


def test_a_batch_of_1001_records_is_refused_as_a_whole(ground: Ground) -> None:
    size = ground.server.size()
    many = batch(*(grant(f"many-{number}", f"{MARK}-{number}") for number in range(1001)))
    failure = ground.server.fail(BATCH, many)
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    assert set(failure.fields) == {"records"}
    assert ground.server.size() == size


def test_a_batch_of_1000_records_is_recorded(fresh: Ground) -> None:
    ground, server = fresh, fresh.server
    size = server.size()
    many = batch(*(grant(f"many-{number}", f"{MARK}-{number}") for number in range(1000)))
    response = ground.server.ask(BATCH, many)
    assert [each.grant.receipt.position for each in response.results] == list(range(size - 2, size + 998))


def test_bad_records_fail_alone_and_the_good_ones_around_them_are_recorded_in_order(fresh: Ground) -> None:
    server = fresh.server
    size = server.size(BRAND)
    no_touchpoint = grant("bad-1", f"three-{MARK}", evidence=evidence(f"{MARK}-unknown"))
    message = batch(
        grant("good-1", f"one-{MARK}"),
        grant("", f"two-{MARK}"),
        withdraw("good-2", f"one-{MARK}"),
        no_touchpoint,
        grant("good-1", f"another-{MARK}"),
        grant("good-3", f"four-{MARK}"),
    )
    message.records.add()
    response = server.ask(BATCH, message)
    results = [each.WhichOneof("result") for each in response.results]
    assert results == ["grant", "error", "withdraw", "error", "error", "grant", "error"]
    reasons = [
        error_reason_pb2.ErrorReason.Name(each.error.reason) for each in response.results if each.HasField("error")
    ]
    assert [reason.removeprefix("ERROR_REASON_") for reason in reasons] == [
        "INVALID_ARGUMENT",
        "TOUCHPOINT_UNKNOWN",
        "REQUEST_ID_REUSED",
        "INVALID_ARGUMENT",
    ]
    positions = [
        response.results[0].grant.receipt.position,
        response.results[2].withdraw.receipts[0].position,
        response.results[5].grant.receipt.position,
    ]
    assert positions == [size, size + 1, size + 2]
    assert server.size(BRAND) == size + 3


def test_a_record_of_another_brand_fails_alone(fresh: Ground) -> None:
    server = fresh.server
    before = server.size(BRAND), server.size(OTHER_BRAND)
    message = batch(grant("here", f"one-{MARK}"), grant("there", f"two-{MARK}", brand=OTHER_BRAND))
    response = server.ask(BATCH, message)
    assert [each.WhichOneof("result") for each in response.results] == ["grant", "error"]
    assert response.results[1].error.violations[0].field.endswith("brand")
    assert (server.size(BRAND), server.size(OTHER_BRAND)) == (before[0] + 1, before[1])


def test_the_brand_of_a_stream_is_that_of_its_first_record(fresh: Ground) -> None:
    server = fresh.server
    before = server.size(OTHER_BRAND)
    messages = [batch(grant("here", f"one-{MARK}")), batch(grant("there", f"two-{MARK}", brand=OTHER_BRAND))]
    try:
        _, second = server.stream(BATCH, messages)
        told = second.results[0].WhichOneof("result")
    except FailedError as error:
        told = error.failure.reason
    assert told in {"error", "INVALID_ARGUMENT"}
    assert server.size(OTHER_BRAND) == before


@pytest.mark.parametrize("brand", ["", "Maison"])
def test_a_first_record_of_a_bad_brand_does_not_take_the_good_ones_down(fresh: Ground, brand: str) -> None:
    server = fresh.server
    message = batch(grant("bad", f"one-{MARK}", brand=brand), grant("good", f"two-{MARK}"))
    response = server.ask(BATCH, message)
    assert [each.WhichOneof("result") for each in response.results] == ["error", "grant"]


def test_a_batch_of_an_unknown_brand_records_nothing(ground: Ground) -> None:
    size = ground.server.size()
    response = ground.server.ask(BATCH, batch(grant("x", brand="no-such-brand")))
    assert response.results[0].error.reason == error_reason_pb2.ERROR_REASON_CATALOGUE_MISSING
    assert ground.server.size() == size


def test_a_record_that_is_none_fails_alone(ground: Ground) -> None:
    message = permission_service_pb2.BatchRecordRequest(records=[permission_service_pb2.BatchRecord()])
    failure = ground.server.fail(BATCH, message)
    examine(failure, ErrorReason.INVALID_ARGUMENT)
    assert set(failure.fields) == {"records[0]"}


# Contacts


def test_a_contact_id_names_one_address(fresh: Ground) -> None:
    server = fresh.server
    second = email(f"second.{MARK}@example.com")
    server.ask("PermissionService/Grant", grant("second", contact_point=second))
    assert server.ask("ContactService/AuthorizeContact", authorize(f"one-{MARK}", contact_point=email())).receipt
    size = server.size()
    again = server.fail("ContactService/AuthorizeContact", authorize(f"one-{MARK}", contact_point=second))
    examine(again, ErrorReason.CONTACT_ID_REUSED)
    assert server.size() == size


@pytest.mark.parametrize(("field", "value"), [("topic", f"topic-{MARK}"), ("place", "store:lyon")])
def test_a_contact_authorised_again_with_another_question_is_refused_or_recorded(
    fresh: Ground, field: str, value: str
) -> None:
    server = fresh.server
    server.ask("ContactService/AuthorizeContact", authorize(f"one-{MARK}"))
    try:
        again = server.ask("ContactService/AuthorizeContact", authorize(f"one-{MARK}", **{field: value}))
    except FailedError as error:
        reason = error.failure.reason
    else:
        reason = "" if again.HasField("receipt") else "permitted without a trace in the ledger"
    assert reason in {"", ErrorReason.CONTACT_ID_REUSED.value}


def test_a_bounce_is_a_fact_of_the_address_that_the_contact_used(fresh: Ground) -> None:
    server = fresh.server
    second = email(f"second.{MARK}@example.com")
    server.ask("PermissionService/Grant", grant("second", contact_point=second))
    server.ask("ContactService/AuthorizeContact", authorize(f"one-{MARK}", contact_point=email()))
    server.fail("ContactService/AuthorizeContact", authorize(f"one-{MARK}", contact_point=second))
    bounced = report("bounced", f"one-{MARK}", contact_service_pb2.CONTACT_OUTCOME_BOUNCED)
    server.ask("ContactService/ReportContact", bounced)
    reasons = []
    for point in (email(), second):
        asked = decision_service_pb2.CheckRequest(brand=BRAND, question=question(contact_point=point))
        reasons.append(server.ask("DecisionService/Check", asked).decision.reason)
    assert reasons == [decision_pb2.DECISION_REASON_CONTACT_POINT_BOUNCED, decision_pb2.DECISION_REASON_PERMITTED]
