"""Good requests that read: in order, by pages without loss, all of one instant, exactly what was written."""

import hmac
import json
from base64 import b64decode
from functools import partial
from typing import Any

import pytest
from bad_requests import put
from examine import examine
from msgspec.json import decode
from support.grpc_server import GrpcServer
from support.installations import SIGNING_KEY
from wire_examples import (
    BRAND,
    EMAIL,
    KNOWN,
    MARK,
    PHONE,
    SHARED_EMAIL,
    STRANGER,
    VALID,
    Ground,
    apply,
    at,
    authorize,
    by_id,
    catalogue,
    email,
    evidence,
    grant,
    link,
    phone,
    question,
    report,
    valid,
    withdraw,
)

from accord.domain.problems import ErrorReason
from accord.domain.terms import HOUR
from accord.proof import checkpoint as notes
from accord.proof import jws
from accord.proof.merkle import leaf_hash, verify_inclusion
from accord.v1 import (
    audit_service_pb2,
    catalogue_service_pb2,
    contact_service_pb2,
    customer_pb2,
    decision_pb2,
    decision_service_pb2,
    ledger_service_pb2,
    permission_pb2,
    permission_service_pb2,
)

ITEMS = {
    "PermissionService/ListPermissions": ("permissions", "refusals"),
    "PermissionService/GetHistory": ("items",),
    "CatalogueService/List": ("versions",),
    "LedgerService/ListEntries": ("entries",),
}


def pages(server: GrpcServer, method: str, request: Any) -> list[list[Any]]:
    """Return the items of every page."""
    found = []
    while True:
        response = server.ask(method, request)
        found.append([item for name in ITEMS[method] for item in getattr(response, name)])
        if not response.next_page_token:
            return found
        request.page_token = response.next_page_token


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("method", [method for method in ITEMS if method != "CatalogueService/List"])
def test_pages_put_together_are_the_whole(ground: Ground, method: str, size: int) -> None:
    request = VALID[method](ground)
    request.page_size = 1000
    (whole,) = pages(ground.server, method, request)
    request.page_size, request.page_token = size, ""
    parts = pages(ground.server, method, request)
    assert len(parts) > 1 or len(whole) <= size
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert [item for part in parts for item in part] == whole


def test_versions_of_a_catalogue_are_listed_by_pages_without_loss(server: GrpcServer) -> None:
    for number in range(5):
        server.ask("CatalogueService/Apply", apply(f"apply-{number}"))
    parts = pages(server, "CatalogueService/List", catalogue_service_pb2.ListRequest(brand=BRAND, page_size=2))
    assert [[item.version for item in part] for part in parts] == [[1, 2], [3, 4], [5]]
    assert [item.position for part in parts for item in part] == [0, 1, 2, 3, 4]


def test_a_page_is_a_hundred_items_unless_told(fresh: Ground) -> None:
    server = fresh.server
    for number in range(110):
        server.ask("PermissionService/Withdraw", withdraw(f"w-{number}", f"many-{MARK}"))
    request = permission_service_pb2.GetHistoryRequest(brand=BRAND, customer=by_id(f"many-{MARK}"))
    assert [len(page) for page in pages(server, "PermissionService/GetHistory", request)] == [100, 10]


def test_a_page_token_may_come_with_another_page_size(ground: Ground) -> None:
    request = VALID["LedgerService/ListEntries"](ground)
    request.start_position, request.page_size = 0, 2
    request.page_token = ground.server.ask("LedgerService/ListEntries", request).next_page_token
    request.page_size = 3
    entries = ground.server.ask("LedgerService/ListEntries", request).entries
    assert [entry.position for entry in entries] == [2, 3, 4]


@pytest.mark.parametrize("start", [10_000, 2**53, 2**63, 2**64 - 1])
def test_a_list_that_starts_beyond_the_ledger_is_empty(ground: Ground, start: int) -> None:
    request = ledger_service_pb2.ListEntriesRequest(brand=BRAND, start_position=start)
    response = ground.server.ask("LedgerService/ListEntries", request)
    assert (list(response.entries), response.next_page_token) == ([], "")


def test_permissions_are_listed_with_where_each_stands(fresh: Ground) -> None:
    server = fresh.server
    customer, number = f"all-{MARK}", "+33698765433"
    server.ask("CustomerService/Link", link("all-0", customer, phone(number)))
    granted = {
        "EXPIRED": grant("all-1", customer, purposes=["marketing.birthday"], channels=["sms"], valid_until=at(60)),
        "ACTIVE": grant("all-2", customer, purposes=["marketing.birthday"], channels=["email"]),
        "PENDING": grant("all-3", customer, evidence=evidence("double_form"), contact_point=email()),
        "USED_UP": grant("all-4", customer, evidence=evidence("till")),
        "NOT_YET_VALID": grant(
            "all-5", customer, evidence=evidence("alert_form"), topics=[f"sku-{MARK}"], valid_from=at(86_400)
        ),
        "WITHDRAWN": grant("all-6", customer, evidence=evidence("beacon"), places=["store:lyon"]),
    }
    positions = [server.ask("PermissionService/Grant", each).receipt.position for each in granted.values()]
    once = authorize(f"all-{MARK}", customer, channel="sms", purpose="marketing.recommendation")
    assert server.ask("ContactService/AuthorizeContact", once).decision.verdict == decision_pb2.VERDICT_ALLOW
    scope = permission_pb2.RefusalScope(purpose="marketing.recommendation", channel="push")
    refused = server.ask("PermissionService/Withdraw", withdraw("all-7", customer, scope=scope)).receipts[0].position
    server.clock.advance(HOUR)
    listing = permission_service_pb2.ListPermissionsRequest(brand=BRAND, customer=by_id(customer))
    response = server.ask("PermissionService/ListPermissions", listing)
    assert [each.position for each in response.permissions] == positions
    statuses = [permission_pb2.PermissionStatus.Name(each.status) for each in response.permissions]
    assert [status.removeprefix("PERMISSION_STATUS_") for status in statuses] == list(granted)
    alert, store = response.permissions[4], response.permissions[5]
    assert (list(alert.topics), list(store.places), store.level) == ([f"sku-{MARK}"], ["store:lyon"], "in_store")
    assert (response.permissions[3].uses, response.permissions[3].uses_taken) == (1, 1)
    assert response.permissions[2].contact_point_only
    (refusal,) = response.refusals
    assert (refusal.position, refusal.kind, refusal.scope) == (refused, permission_pb2.REFUSAL_KIND_WITHDRAWN, scope)


def test_a_permission_of_class_processing_names_its_third_parties_and_no_channel(fresh: Ground) -> None:
    server = fresh.server
    customer = f"shared-{MARK}"
    given = grant("given", customer, evidence=evidence("partner_page"), recipients=[f"partner-{MARK}"])
    server.ask("PermissionService/Grant", given)
    listing = permission_service_pb2.ListPermissionsRequest(brand=BRAND, customer=by_id(customer))
    (permission,) = server.ask("PermissionService/ListPermissions", listing).permissions
    assert (list(permission.channels), list(permission.recipients)) == ([], [f"partner-{MARK}"])


def test_a_history_tells_every_entry_of_a_customer_in_order_and_only_theirs(fresh: Ground) -> None:
    server = fresh.server
    customer = f"history-{MARK}"
    server.ask("PermissionService/Grant", grant("h-1", customer, contact_point=email(f"h.{MARK}@example.com")))
    server.ask("PermissionService/Grant", grant("h-other", f"other-{MARK}"))
    server.ask("ContactService/AuthorizeContact", authorize(f"h-{MARK}", customer))
    sent = report("h-2", f"h-{MARK}", contact_service_pb2.CONTACT_OUTCOME_SENT)
    server.ask("ContactService/ReportContact", sent)
    server.ask("PermissionService/Withdraw", withdraw("h-3", customer))
    request = permission_service_pb2.GetHistoryRequest(brand=BRAND, customer=by_id(customer))
    items = server.ask("PermissionService/GetHistory", request).items
    types = ["PermissionGranted", "ContactAuthorized", "ContactReported", "PermissionRefused"]
    assert [item.type for item in items] == types
    assert [item.customer_version for item in items] == [1, 2, 3, 4]
    assert [item.position for item in items] == sorted(item.position for item in items)
    payloads = [json.loads(item.payload_json) for item in items]
    assert len({payload["customer"] for payload in payloads}) == 1
    assert {payload["caller"] for payload in payloads} == {"every-role"}


def test_a_contact_is_shown_with_the_permission_it_rested_on(fresh: Ground) -> None:
    ground, server = fresh, fresh.server
    authorized = server.ask("ContactService/AuthorizeContact", authorize(f"why-{MARK}")).receipt
    bounced = report("why", f"why-{MARK}", contact_service_pb2.CONTACT_OUTCOME_BOUNCED)
    reported = server.ask("ContactService/ReportContact", bounced).receipt
    request = contact_service_pb2.GetContactRequest(brand=BRAND, contact_id=f"why-{MARK}")
    contact = server.ask("ContactService/GetContact", request).contact
    assert (contact.contact_id, contact.channel, contact.purpose) == (f"why-{MARK}", "email", "marketing.birthday")
    assert contact.status == contact_service_pb2.CONTACT_STATUS_BOUNCED
    assert contact.basis == decision_pb2.BASIS_PERMISSION
    assert list(contact.basis_positions) == [ground.granted]
    assert list(contact.positions) == [authorized.position, reported.position]
    assert contact.authorized_time == authorized.recorded_time
    assert contact.policy_version == 1


def test_reach_tells_every_channel_of_the_catalogue_in_its_order_as_check_does(ground: Ground) -> None:
    request = VALID["DecisionService/ListReach"](ground)
    reaches = ground.server.ask("DecisionService/ListReach", request).reaches
    assert [each.channel for each in reaches] == [channel.code for channel in catalogue().channels]
    for each in reaches:
        asked = question(channel=each.channel, topic=request.topic, place=request.place)
        check = decision_service_pb2.CheckRequest(brand=BRAND, question=asked, view=request.view)
        assert ground.server.ask("DecisionService/Check", check).decision == each.decision


def test_reach_of_a_purpose_of_class_processing_has_no_channel(ground: Ground) -> None:
    request = decision_service_pb2.ListReachRequest(brand=BRAND, customer=by_id(), purpose="sharing.partner")
    (reach,) = ground.server.ask("DecisionService/ListReach", request).reaches
    assert reach.channel == ""


def test_a_batch_is_answered_in_order_as_each_question_alone_and_at_one_instant(ground: Ground) -> None:
    asked = [
        question(purpose=purpose, channel=channel, customer=by_id(customer))
        for customer in (f"customer-{MARK}", STRANGER, f"holder-1-{MARK}")
        for purpose in ("marketing.birthday", "service.order")
        for channel in ("email", "sms")
    ]
    request = decision_service_pb2.BatchCheckRequest(brand=BRAND, questions=asked, view=decision_pb2.DECISION_VIEW_FULL)
    response = ground.server.ask("DecisionService/BatchCheck", request)
    results = response.results
    alone = [
        ground.server.ask(
            "DecisionService/Check", decision_service_pb2.CheckRequest(brand=BRAND, question=each, view=request.view)
        ).decision
        for each in asked
    ]
    assert [each.decision for each in results] == alone
    assert {each.decision.token for each in results} == {response.token}


def test_a_batch_of_verdicts_tells_verdict_reason_and_the_end_of_a_defer_and_no_more(ground: Ground) -> None:
    asked = [
        question(purpose=purpose, customer=by_id(customer))
        for customer in (f"customer-{MARK}", STRANGER, f"holder-1-{MARK}")
        for purpose in ("marketing.birthday", "service.order", f"{MARK}.unknown")
    ]
    ask = partial(decision_service_pb2.BatchCheckRequest, brand=BRAND, questions=asked)
    whole = ground.server.ask("DecisionService/BatchCheck", ask())
    brief = ground.server.ask("DecisionService/BatchCheck", ask(view=decision_pb2.DECISION_VIEW_VERDICT))
    told = {"verdict", "reason", "not_before"}
    for each in whole.results:
        for field, _ in each.decision.ListFields() if each.HasField("decision") else ():
            if field.name not in told:
                each.decision.ClearField(field.name)
    assert brief == whole
    assert {each.WhichOneof("result") for each in brief.results} == {"decision", "error"}


def test_a_thousand_questions_are_answered_at_once(ground: Ground) -> None:
    questions = [question(f"{number}-{MARK}") for number in range(1000)]
    request = decision_service_pb2.BatchCheckRequest(
        brand=BRAND, questions=questions, view=decision_pb2.DECISION_VIEW_FULL
    )
    assert len(ground.server.ask("DecisionService/BatchCheck", request).results) == 1000


def test_asking_changes_nothing(ground: Ground) -> None:
    size = ground.server.size()
    request = VALID["DecisionService/Check"](ground)
    first = ground.server.ask("DecisionService/Check", request)
    assert ground.server.ask("DecisionService/Check", request) == first
    assert ground.server.size() == size


def test_only_the_full_view_has_a_trace(ground: Ground) -> None:
    request = decision_service_pb2.CheckRequest(brand=BRAND, question=question(STRANGER))
    basic = ground.server.ask("DecisionService/Check", request).decision
    request.view = decision_pb2.DECISION_VIEW_BASIC
    assert ground.server.ask("DecisionService/Check", request).decision == basic
    request.view = decision_pb2.DECISION_VIEW_FULL
    full = ground.server.ask("DecisionService/Check", request).decision
    assert (full.verdict, full.reason) == (basic.verdict, basic.reason)
    assert full.trace
    assert full.what_would_allow
    assert not basic.trace
    assert not basic.what_would_allow


@pytest.mark.parametrize(("tag", "may_not"), [("", "may not be"), ("en-GB", "may not be"), ("fr-CA", "ne peut pas")])
def test_the_full_view_is_told_in_the_language_asked_for(ground: Ground, tag: str, may_not: str) -> None:
    asked = question(STRANGER)
    full = decision_pb2.DECISION_VIEW_FULL
    check = decision_service_pb2.CheckRequest(brand=BRAND, question=asked, view=full, language=tag)
    decision = ground.server.ask("DecisionService/Check", check).decision
    assert may_not in decision.sentence
    assert decision.what_would_allow == decision.remedies[0].words
    assert decision.remedies[0].kind == decision_pb2.REMEDY_KIND_GIVE_PERMISSION
    assert decision.remedies[0].purpose == asked.purpose
    assert decision.remedies[0].touchpoints
    batch = decision_service_pb2.BatchCheckRequest(brand=BRAND, questions=[asked], view=full, language=tag)
    assert may_not in ground.server.ask("DecisionService/BatchCheck", batch).results[0].decision.sentence
    reach = decision_service_pb2.ListReachRequest(
        brand=BRAND, customer=asked.customer, purpose=asked.purpose, view=full, language=tag
    )
    told = ground.server.ask("DecisionService/ListReach", reach).reaches
    assert told
    assert all(may_not in each.decision.sentence for each in told)
    authorize = contact_service_pb2.AuthorizeContactRequest(
        brand=BRAND, question=asked, contact_id=f"words-{tag}-{MARK}", view=full, language=tag
    )
    assert may_not in ground.server.ask("ContactService/AuthorizeContact", authorize).decision.sentence


def test_the_plain_view_has_no_words_in_any_language(ground: Ground) -> None:
    request = decision_service_pb2.CheckRequest(brand=BRAND, question=question(STRANGER), language="fr")
    decision = ground.server.ask("DecisionService/Check", request).decision
    assert not decision.sentence
    assert not decision.remedies


def test_a_customer_is_found_by_every_way_of_writing_an_address(fresh: Ground) -> None:
    server = fresh.server
    for written in (f"ADA.{MARK}@Example.COM", f"  ada.{MARK}@example.com "):
        asked = question(customer=customer_pb2.CustomerKey(contact_point=email(written)))
        request = decision_service_pb2.CheckRequest(brand=BRAND, question=asked)
        decision = server.ask("DecisionService/Check", request).decision
        assert decision.verdict == decision_pb2.VERDICT_ALLOW


def test_the_token_of_a_receipt_is_fresh_enough_for_every_question(ground: Ground) -> None:
    token = ground.server.ask("PermissionService/Withdraw", withdraw("fresh", f"fresh-{MARK}")).receipts[0].token
    for method in ("DecisionService/Check", "DecisionService/BatchCheck", "DecisionService/ListReach"):
        request = VALID[method](ground)
        request.at_least_as_fresh = token
        assert ground.server.ask(method, request)


# Catalogues


def test_a_catalogue_comes_back_exactly_as_it_was_applied(server: GrpcServer) -> None:
    applied = server.ask("CatalogueService/Apply", apply("one"))
    for version in (0, 1):
        request = catalogue_service_pb2.GetRequest(brand=BRAND, version=version)
        response = server.ask("CatalogueService/Get", request)
        assert response.catalogue == catalogue()
        assert (response.version, response.position) == (1, applied.receipt.position)


def test_every_version_of_a_catalogue_comes_back_as_it_was(server: GrpcServer) -> None:
    other = catalogue()
    other.places.add(code="store:nice", title="Nice")
    server.ask("CatalogueService/Apply", apply("one"))
    server.ask("CatalogueService/Apply", apply("two", catalogue=other))
    found = {
        version: server.ask("CatalogueService/Get", catalogue_service_pb2.GetRequest(brand=BRAND, version=version))
        for version in (0, 1, 2)
    }
    assert [found[version].version for version in (0, 1, 2)] == [2, 1, 2]
    assert [found[version].catalogue for version in (0, 1, 2)] == [other, catalogue(), other]


# Receipts


def test_a_receipt_is_signed_with_the_key_of_the_ledger_and_says_the_same_again(ground: Ground) -> None:
    request = valid("AuditService/GetReceipt", ground)
    found = ground.server.ask("AuditService/GetReceipt", request)
    _, key = notes.read_verifier_key(found.verifier_key)
    assert key == SIGNING_KEY.public_key()
    assert jws.verify(found.signed, key) == found.document
    assert ground.server.ask("AuditService/GetReceipt", request) == found
    record = json.loads(found.document)["dpv:hasRecordOfActivity"]
    entry = ledger_service_pb2.GetEntryRequest(brand=BRAND, position=request.position)
    leaf = ground.server.ask("LedgerService/GetEntry", entry).entry.leaf_hash
    assert record["dct:source"] == f"urn:accord:leaf:{leaf.hex()}"


def test_everything_a_customer_said_has_a_receipt_that_names_no_address(ground: Ground) -> None:
    """Nothing else has one: facts, links, contacts and catalogues are no declarations."""
    said = {"PermissionGranted", "PermissionConfirmed", "PermissionRefused"}
    for position in range(ground.server.size(BRAND)):
        entry = ledger_service_pb2.GetEntryRequest(brand=BRAND, position=position)
        type_ = ground.server.ask("LedgerService/GetEntry", entry).entry.type
        request = audit_service_pb2.GetReceiptRequest(brand=BRAND, position=position)
        if type_ in said:
            document = ground.server.ask("AuditService/GetReceipt", request).document
            assert not any(each.encode() in document for each in (EMAIL, SHARED_EMAIL, PHONE, KNOWN))
        else:
            failure = ground.server.fail("AuditService/GetReceipt", request)
            assert failure.reason == ErrorReason.RECEIPT_UNKNOWN


def test_a_receipt_quotes_the_notice_as_it_was_when_the_customer_acted(server: GrpcServer) -> None:
    server.ask("CatalogueService/Apply", apply("first"))
    first = server.ask("PermissionService/Grant", grant("grant-1")).receipt.position
    other = catalogue()
    other.touchpoints[0].notice = "once-1"
    server.ask("CatalogueService/Apply", apply("second", catalogue=other))
    request = audit_service_pb2.GetReceiptRequest(brand=BRAND, position=first)
    document = server.ask("AuditService/GetReceipt", request).document.decode()
    assert "(newsletter-1)" in document
    assert "(once-1)" not in document


def test_without_the_details_of_the_controller_there_is_no_receipt(server: GrpcServer) -> None:
    bare = catalogue()
    bare.ClearField("controller_details")
    server.ask("CatalogueService/Apply", apply("bare", catalogue=bare))
    position = server.ask("PermissionService/Grant", grant("grant-1")).receipt.position
    request = audit_service_pb2.GetReceiptRequest(brand=BRAND, position=position)
    examine(server.fail("AuditService/GetReceipt", request), ErrorReason.CONTROLLER_UNTOLD)
    # Once it is told, what was said before has its receipt too.
    server.ask("CatalogueService/Apply", apply("whole"))
    assert server.ask("AuditService/GetReceipt", request).document


# The ledger


def test_a_checkpoint_verifies_with_the_key_it_names(ground: Ground) -> None:
    shown = ground.server.ask("LedgerService/GetCheckpoint", valid("LedgerService/GetCheckpoint", ground)).checkpoint
    public = SIGNING_KEY.public_key()
    assert shown.verifier_key == notes.verifier_key(shown.origin, public)
    read = notes.verify(shown.note, public)
    assert (read.origin, read.size, read.root) == (shown.origin, shown.size, shown.root_hash)
    assert read.size == ground.server.size(BRAND)


def test_every_position_of_a_ledger_is_proven(ground: Ground) -> None:
    size = ground.server.size(BRAND)
    for position in range(size):
        request = ledger_service_pb2.ProveInclusionRequest(brand=BRAND, position=position)
        proof = ground.server.ask("LedgerService/ProveInclusion", request)
        root = proof.checkpoint.root_hash
        assert verify_inclusion(proof.leaf_hash, position, proof.checkpoint.size, list(proof.hashes), root)
        assert not verify_inclusion(proof.leaf_hash, position + 1, proof.checkpoint.size, list(proof.hashes), root)


def test_every_entry_opens_to_what_its_leaf_commits_to(ground: Ground) -> None:
    for position in range(ground.server.size(BRAND)):
        request = ledger_service_pb2.GetEntryRequest(brand=BRAND, position=position)
        entry = ground.server.ask("LedgerService/GetEntry", request).entry
        leaf = decode(entry.leaf)
        assert leaf_hash(entry.leaf) == entry.leaf_hash
        committed = b"accord/v1/payload\0" + entry.payload_json.encode()
        assert hmac.digest(entry.opening, committed, "sha256") == b64decode(leaf["pc"], validate=True)
        assert (leaf["position"], leaf["type"]) == (position, entry.type)
        assert len(entry.opening) == 32


def test_a_list_of_entries_opens_none(ground: Ground) -> None:
    entries = ground.server.ask("LedgerService/ListEntries", valid("LedgerService/ListEntries", ground)).entries
    assert entries
    assert not any(entry.payload_json or entry.opening for entry in entries)


def test_a_leaf_tells_nothing_of_a_person(ground: Ground) -> None:
    request = VALID["LedgerService/ListEntries"](ground)
    put("page_size", 1000)(request, ground)
    entries = ground.server.ask("LedgerService/ListEntries", request).entries
    assert entries
    for entry in entries:
        assert MARK.encode() not in entry.leaf
