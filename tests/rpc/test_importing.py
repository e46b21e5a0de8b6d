"""Imports on the wire: an item fails alone, and what was acknowledged binds."""

from support.grpc_server import GrpcServer
from wire_examples import BRAND, MARK, PERSONAL, VALID, Ground, email, grant, question, valid

from accord.v1 import customer_pb2, decision_pb2, decision_service_pb2
from accord.v1 import import_service_pb2 as pb

SUPPRESSIONS = "ImportService/ImportSuppressions"


def own_list(ground: Ground, *points: customer_pb2.ContactPoint) -> pb.ImportSuppressionsRequest:
    request: pb.ImportSuppressionsRequest = valid(SUPPRESSIONS, ground)
    request.list.kind, request.list.code = pb.LIST_KIND_OWN, f"own-{MARK}"
    del request.contact_points[:]
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
