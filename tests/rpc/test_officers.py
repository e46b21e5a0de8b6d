"""What officers and customers ask: proof of use that is verified from one answer, access, and counts."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from examine import examine
from sqlalchemy import create_engine, text
from support.grpc_server import EVERY_ROLE
from wire_examples import (
    BRAND,
    CONTACT,
    KNOWN,
    MARK,
    OTHER_BRAND,
    SHARED_EMAIL,
    Ground,
    authorize,
    by_id,
    by_point,
    email,
    evidence,
    grant,
    report,
    valid,
    withdraw,
)

from accord.cli.proof_of_use import verify
from accord.domain.problems import ErrorReason
from accord.v1 import audit_service_pb2, contact_service_pb2, decision_pb2, explanation_pb2, ledger_service_pb2

Explanation = explanation_pb2.ContactExplanation
WHY = "AuditService/ExplainContact"
ACCESS = "AuditService/GetAccessReport"
REPORT = "AuditService/Report"


def explained(ground: Ground, contact_id: str = CONTACT) -> Explanation:
    request = audit_service_pb2.ExplainContactRequest(brand=BRAND, contact_id=contact_id)
    found: Explanation = ground.server.ask(WHY, request).explanation
    return found


def accessed(ground: Ground, customer: Any, **fields: Any) -> Any:
    return ground.server.ask(
        ACCESS, audit_service_pb2.GetAccessReportRequest(brand=BRAND, customer=customer, page_size=1000, **fields)
    )


# Proof of use


def test_one_answer_holds_the_contact_its_permission_and_the_words_shown(ground: Ground) -> None:
    found = explained(ground)
    assert (found.contact.contact_id, found.contact.channel) == (CONTACT, "email")
    assert found.permission.position == ground.granted
    assert found.permission.evidence.touchpoint == "web_form"
    assert found.permission.evidence.recorder_id == f"recorder-{MARK}"
    assert [text.language for text in found.permission.notice_texts] == ["fr"]
    assert found.permission.notice_texts[0].text.startswith("Nous vous écrirons.")
    assert found.permission.caller == EVERY_ROLE
    assert found.rules
    assert {each.entry.position for each in found.entries} >= {0, ground.granted, *found.contact.positions}


def test_the_answer_is_verified_without_the_server(ground: Ground) -> None:
    found = explained(ground)
    signed = verify(found, found.checkpoint.verifier_key)
    assert signed.size == ground.server.size(BRAND)


def test_what_became_of_a_contact_is_part_of_it(fresh: Ground) -> None:
    name = f"told-{MARK}"
    fresh.server.ask("ContactService/AuthorizeContact", authorize(name))
    for number, outcome in enumerate((contact_service_pb2.CONTACT_OUTCOME_SENT, 4), start=1):
        fresh.server.ask("ContactService/ReportContact", report(f"told-{number}", name, outcome))
    found = explained(fresh, name)
    verify(found)
    assert [each.outcome for each in found.reports] == [1, 4]
    assert found.contact.status == contact_service_pb2.CONTACT_STATUS_BOUNCED


def test_a_confirmed_permission_is_verified_with_its_confirmation(fresh: Ground) -> None:
    who = f"double-{MARK}"
    given = grant("double", who, evidence=evidence("double_form"), contact_point=email(f"{who}@example.com"))
    position = fresh.server.ask("PermissionService/Grant", given).receipt.position
    confirm = valid("PermissionService/Confirm", fresh)
    confirm.customer.CopyFrom(by_id(who))
    confirm.permission_position = position
    confirmed = fresh.server.ask("PermissionService/Confirm", confirm).receipt.position
    fresh.server.ask("ContactService/AuthorizeContact", authorize(who, who))
    found = explained(fresh, who)
    assert (found.permission.position, found.permission.confirmed_position) == (position, confirmed)
    verify(found)
    found.permission.confirmation.recorder_id = "another"
    with pytest.raises(ValueError, match="something else of the confirmation"):
        verify(found)


def _entry(found: Explanation, kind: str) -> explanation_pb2.ProvenEntry:
    return next(each for each in found.entries if each.entry.type == kind)


def _other_leaf(found: Explanation) -> None:
    found.entries[1].entry.leaf = found.entries[0].entry.leaf


def _other_payload(found: Explanation) -> None:
    entry = _entry(found, "PermissionGranted").entry
    entry.payload_json = entry.payload_json.replace("TICKED_BOX", "SIGNATURE")


def _other_place(found: Explanation) -> None:
    found.entries[1].entry.position += 1


def _dropped_contact(found: Explanation) -> None:
    found.entries.remove(_entry(found, "ContactAuthorized"))


def _dropped_permission(found: Explanation) -> None:
    found.entries.remove(_entry(found, "PermissionGranted"))


def _other_rule(found: Explanation) -> None:
    found.rules[0].legal_source = "a law nobody passed"


def _other_method(found: Explanation) -> None:
    found.permission.evidence.method = 4  # type: ignore[assignment]


def _other_time(found: Explanation) -> None:
    found.permission.evidence.act_time.seconds -= 60


def _other_words(found: Explanation) -> None:
    found.permission.notice_texts[0].text = "Nous vous écrirons tous les jours."


def _other_basis(found: Explanation) -> None:
    found.contact.basis = decision_pb2.BASIS_CLASS


def _other_size(found: Explanation) -> None:
    found.checkpoint.size += 1


def _other_report(found: Explanation) -> None:
    found.reports.add(position=1, outcome=contact_service_pb2.CONTACT_OUTCOME_SENT)


def _other_status(found: Explanation) -> None:
    found.contact.status = contact_service_pb2.CONTACT_STATUS_CANCELLED


def _other_name(found: Explanation) -> None:
    found.contact.contact_id = "another"


def _other_recorded_time(found: Explanation) -> None:
    found.entries[1].entry.recorded_time.seconds += 1


def _other_caller(found: Explanation) -> None:
    found.permission.caller = "another"


def _other_title(found: Explanation) -> None:
    found.permission.touchpoint_title = "Another form"


def _other_controller(found: Explanation) -> None:
    found.controller = "Another house"


def _confirmed(found: Explanation) -> None:
    found.permission.confirmed_position = found.permission.position


def _said_to_be_erased(found: Explanation) -> None:
    found.erased = True


def _hidden_payload(found: Explanation) -> None:
    entry = _entry(found, "ContactAuthorized").entry
    entry.payload_json, found.erased = "", True


def _no_permission(found: Explanation) -> None:
    found.ClearField("permission")


FORGERIES: dict[str, tuple[Callable[[Explanation], None], str]] = {
    "another leaf": (_other_leaf, "the leaf does not fit its hash"),
    "another payload": (_other_payload, "what it tells does not fit the leaf"),
    "another place": (_other_place, "the path does not lead to the root"),
    "another recorded time": (_other_recorded_time, "something else of itself"),
    "no entry of the contact": (_dropped_contact, "something else of the contact"),
    "no entry of the permission": (_dropped_permission, "no entry of the answer tells its permission"),
    "no permission": (_no_permission, "something else of the contact"),
    "a rule that was never applied": (_other_rule, "have such a rule"),
    "another controller": (_other_controller, "another controller"),
    "another method": (_other_method, "something else of the permission"),
    "another time of the act": (_other_time, "something else of the permission"),
    "another caller": (_other_caller, "something else of the permission"),
    "another touchpoint": (_other_title, "has this touchpoint"),
    "a confirmation that never came": (_confirmed, "no entry of the answer tells its confirmation"),
    "words that were never shown": (_other_words, "no catalogue of the answer has these words"),
    "another basis": (_other_basis, "something else of the contact"),
    "another name of the contact": (_other_name, "something else of the contact"),
    "another status": (_other_status, "something else of the contact"),
    "a report that never came": (_other_report, "something else of the contact"),
    "a key that is said to be gone": (_said_to_be_erased, "something else of the keys"),
    "a payload held back": (_hidden_payload, "something else of the contact"),
    "another size": (_other_size, "something else than what was signed"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_explanation_fails_at_what_was_forged(ground: Ground, forgery: str) -> None:
    found = explained(ground)
    verify(found)
    change, sentence = FORGERIES[forgery]
    change(found)
    with pytest.raises(ValueError, match=sentence):
        verify(found)


def test_an_explanation_under_another_key_does_not_hold(ground: Ground) -> None:
    found = explained(ground)
    other = ground.server.ask("LedgerService/GetCheckpoint", _checkpoint(OTHER_BRAND)).checkpoint.verifier_key
    with pytest.raises(ValueError, match="is not one of"):
        verify(found, other)


def test_a_contact_of_another_brand_has_no_explanation(ground: Ground) -> None:
    request = audit_service_pb2.ExplainContactRequest(brand=OTHER_BRAND, contact_id=CONTACT)
    examine(ground.server.fail(WHY, request), ErrorReason.CONTACT_UNKNOWN)


def test_a_contact_whose_key_is_gone_is_told_as_such_and_still_proven(fresh: Ground) -> None:
    _forget(fresh)
    found = explained(fresh)
    assert found.erased
    verify(found)
    assert (found.contact.channel, found.contact.purpose) == ("email", "marketing.birthday")
    assert not found.HasField("permission")
    assert not any(each.entry.payload_json for each in found.entries)
    assert MARK not in str(found).replace(CONTACT, "")


# Access


def test_an_access_report_tells_every_entry_of_the_customer(ground: Ground) -> None:
    found = accessed(ground, by_id())
    history = ground.server.ask("PermissionService/GetHistory", valid("PermissionService/GetHistory", ground))
    payloads = [each.payload_json for each in found.entries]
    assert payloads[: len(history.items)] == [each.payload_json for each in history.items]
    assert found.summary.entries == len(found.entries)
    assert [each.customer_version for each in found.entries] == list(range(1, len(found.entries) + 1))
    assert {each.caller for each in found.entries} == {EVERY_ROLE} == set(found.summary.callers)
    (contact,) = [each.contact for each in found.entries if each.HasField("contact")]
    assert contact.contact_id == CONTACT
    assert found.summary.controller.name


def test_the_summary_comes_with_the_first_page_only(ground: Ground) -> None:
    request = audit_service_pb2.GetAccessReportRequest(brand=BRAND, customer=by_id(), page_size=1)
    first = ground.server.ask(ACCESS, request)
    second = accessed(ground, by_id(), page_token=first.next_page_token)
    assert (first.HasField("summary"), second.HasField("summary")) == (True, False)
    assert [each.customer_version for each in (*first.entries, *second.entries)] == list(
        range(1, first.summary.entries + 1)
    )


def test_an_access_report_tells_nothing_of_who_shares_an_address(ground: Ground) -> None:
    first, second = f"holder-1-{MARK}", f"holder-2-{MARK}"
    told = str(accessed(ground, by_id(first)))
    assert SHARED_EMAIL in told
    assert second not in told
    assert KNOWN not in told.replace(first, "")


def test_an_address_of_two_must_be_asked_for_by_customer_id(ground: Ground) -> None:
    request = audit_service_pb2.GetAccessReportRequest(brand=BRAND, customer=by_point(email(SHARED_EMAIL)))
    failure = ground.server.fail(ACCESS, request)
    examine(failure, ErrorReason.CUSTOMER_AMBIGUOUS)
    assert "name one by customer_id" in failure.raw


def test_without_the_key_an_access_report_says_that_nobody_can_read_it(fresh: Ground) -> None:
    before = accessed(fresh, by_id())
    _forget(fresh)
    found = accessed(fresh, by_id())
    assert (before.summary.erased, found.summary.erased) == (False, True)
    assert [each.leaf_hash for each in found.entries] == [each.leaf_hash for each in before.entries]
    assert not any(each.payload_json or each.caller or each.touchpoint for each in found.entries)
    assert not found.summary.identifiers


# Counts


def test_counts_are_those_of_the_entries(fresh: Ground) -> None:
    request = audit_service_pb2.ReportRequest(brand=BRAND, period=audit_service_pb2.PERIOD_MONTH)
    before = {row.measure: row.count for row in fresh.server.ask(REPORT, request).rows}
    fresh.server.ask("PermissionService/Grant", grant("counted", f"counted-{MARK}"))
    fresh.server.ask("PermissionService/Withdraw", withdraw("counted-2", f"counted-{MARK}"))
    denied = fresh.server.ask("ContactService/AuthorizeContact", authorize(f"counted-{MARK}", f"counted-{MARK}"))
    assert denied.decision.verdict == decision_pb2.VERDICT_DENY
    after = {row.measure: row.count for row in fresh.server.ask(REPORT, request).rows}
    grown = {measure: after[measure] - before.get(measure, 0) for measure in after}
    assert {measure for measure, number in grown.items() if number} == {
        audit_service_pb2.MEASURE_GIVEN,
        audit_service_pb2.MEASURE_WITHDRAWN,
        audit_service_pb2.MEASURE_DENIED,
    }
    assert set(grown.values()) == {0, 1}


def test_a_page_token_of_a_report_fits_no_other_report(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.service.reports.ENTRIES_A_PAGE", 2)
    request = audit_service_pb2.ReportRequest(brand=BRAND, dimensions=[audit_service_pb2.DIMENSION_TOUCHPOINT])
    request.page_token = ground.server.ask(REPORT, request).next_page_token
    assert ground.server.ask(REPORT, request).entries_read == 2
    request.dimensions.append(audit_service_pb2.DIMENSION_CHANNEL)
    examine(ground.server.fail(REPORT, request), ErrorReason.PAGE_TOKEN_INVALID)


def _checkpoint(brand: str) -> Any:
    return ledger_service_pb2.GetCheckpointRequest(brand=brand)


def _forget(ground: Ground) -> None:
    """Destroy the keys of the customer of the ground, as erasing them does."""
    items = ground.server.ask("PermissionService/GetHistory", valid("PermissionService/GetHistory", ground)).items
    ref = bytes.fromhex(json.loads(items[0].payload_json)["customer"])
    engine = create_engine(f"sqlite:///{ground.server.folder / 'keys.db'}")
    with engine.begin() as connection:
        gone = connection.execute(text("DELETE FROM wrapped_key WHERE customer_ref = :ref"), {"ref": ref})
        assert gone.rowcount > 0
    engine.dispose()
