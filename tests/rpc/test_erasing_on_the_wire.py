"""Erasures over the wire: from the request to the receipt, and what callers meet afterwards."""

from examine import examine
from wire_examples import BRAND, MARK, Ground, at, by_id, email, grant, link, question, report, valid

from accord.domain.commands import Erase
from accord.domain.problems import ErrorReason
from accord.domain.terms import BrandId, ErasureMode, ErasureReason, Identifier, IdentifierKind, Instant
from accord.v1 import contact_service_pb2, customer_service_pb2, decision_pb2, decision_service_pb2

GONE = f"gone-{MARK}"


def erase(request_id: str, **fields: object) -> customer_service_pb2.EraseRequest:
    told = {
        "brand": BRAND,
        "request_id": request_id,
        "customer": by_id(GONE),
        "mode": customer_service_pb2.ERASURE_MODE_NOW,
        "reason": customer_service_pb2.ERASURE_REASON_PERMISSION_WITHDRAWN,
    }
    return customer_service_pb2.EraseRequest(**told | fields)  # type: ignore[arg-type]


def test_an_erasure_answers_with_a_receipt_that_is_found_again(fresh: Ground) -> None:
    server = fresh.server
    server.ask("PermissionService/Grant", grant("gone-1", GONE, contact_point=email(f"gone.{MARK}@example.com")))
    found = server.ask("CustomerService/Erase", erase("erase-1", keep_suppression=True)).erasure
    assert found.status == customer_service_pb2.ERASURE_STATUS_DONE
    assert found.receipt.startswith("accord erasure receipt v1\n")
    assert MARK not in found.receipt
    assert found.erased_time == at()
    assert found.irrecoverable_by.seconds >= found.erased_time.seconds
    assert len(found.customer_refs) == 1
    assert server.ask("CustomerService/Erase", erase("erase-1", keep_suppression=True)).erasure == found
    asked = customer_service_pb2.GetErasureRequest(brand=BRAND, erasure_id=found.erasure_id)
    assert server.ask("CustomerService/GetErasure", asked).erasure == found
    listed = server.ask("CustomerService/ListErasures", customer_service_pb2.ListErasuresRequest(brand=BRAND))
    assert found in listed.erasures
    assert customer_service_pb2.ERASURE_STATUS_ON_HOLD in [each.status for each in listed.erasures]
    check = decision_service_pb2.CheckRequest(brand=BRAND, question=question(GONE))
    decision = server.ask("DecisionService/Check", check).decision
    assert decision.reason == decision_pb2.DECISION_REASON_CUSTOMER_UNKNOWN
    server.ask("CustomerService/Link", link("gone-2", f"new-{GONE}", email(f"gone.{MARK}@example.com")))
    check = decision_service_pb2.CheckRequest(brand=BRAND, question=question(f"new-{GONE}"))
    decision = server.ask("DecisionService/Check", check).decision
    assert decision.reason == decision_pb2.DECISION_REASON_SUPPRESSED
    assert server.installation.audit().faults == ()


def test_the_pages_of_erasures_hold_each_once(ground: Ground) -> None:
    request, found = customer_service_pb2.ListErasuresRequest(brand=BRAND, page_size=1), []
    while True:
        page = ground.server.ask("CustomerService/ListErasures", request)
        found += [each.erasure_id for each in page.erasures]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert len(found) == len(set(found)) >= 2


def test_while_somebody_is_being_erased_nothing_is_recorded_for_them(fresh: Ground) -> None:
    """Between the tombstone and the moment their contacts are forgotten, a report of one may come."""
    server, it = fresh.server, fresh.server.installation
    contact = f"late-{MARK}"
    server.ask("PermissionService/Grant", grant("gone-1", GONE, contact_point=email(f"gone.{MARK}@example.com")))
    authorize = contact_service_pb2.AuthorizeContactRequest(brand=BRAND, contact_id=contact, question=question(GONE))
    server.ask("ContactService/AuthorizeContact", authorize)
    lookup = it.lookups.of(1).identifier(BrandId(BRAND), Identifier(IdentifierKind.CUSTOMER_ID, GONE))
    sight = it.store.read(BrandId(BRAND), (lookup,))
    assert sight is not None
    ref = sight.known[lookup][0].customer_ref
    command = Erase(
        customers=(ref,),
        versions=(2,),
        addresses=(),
        mode=ErasureMode.NOW,
        reason=ErasureReason.OBJECTED,
        request_time=Instant(1),
    )
    it.writer.write(BrandId(BRAND), [it.request(command)])
    failure = server.fail("ContactService/ReportContact", report("late", contact, valid_outcome(fresh)))
    examine(failure, ErrorReason.CUSTOMER_ERASED)


def valid_outcome(ground: Ground) -> contact_service_pb2.ContactOutcome.ValueType:
    outcome: contact_service_pb2.ContactOutcome.ValueType = valid("ContactService/ReportContact", ground).outcome
    return outcome
