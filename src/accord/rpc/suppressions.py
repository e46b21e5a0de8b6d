"""Lists of suppressed addresses on the wire: from a message to an import, and back."""

from collections.abc import Iterator

from accord.domain.events import SuppressionsImported
from accord.domain.problems import Problem, invalid_fields
from accord.domain.terms import Identifier, IdentifierKind, ListKind
from accord.rpc import outbound
from accord.rpc.call import Call
from accord.rpc.errors import to_item_error
from accord.rpc.wire import Examiner, names
from accord.service.suppression_lists import Ended, SuppressionLists
from accord.v1 import customer_pb2
from accord.v1 import import_service_pb2 as pb

MAX_ADDRESSES = 1000
_MAX_COUNT = 2**53 - 1
_KINDS = names(pb.ListKind, "LIST_KIND_", ListKind)
_LISTABLE = frozenset({IdentifierKind.EMAIL, IdentifierKind.PHONE})


def answer(lists: SuppressionLists, request: pb.ImportSuppressionsRequest, call: Call) -> pb.ImportSuppressionsResponse:
    """Take one message whole. Raises CallError."""
    examiner = Examiner()
    told = _list(request.list, examiner)
    if len(request.contact_points) > MAX_ADDRESSES:
        examiner.fault("contact_points", f"must have at most {MAX_ADDRESSES} items")
    if request.end.ending_limit > _MAX_COUNT:
        examiner.fault("end.ending_limit", f"must be at most {_MAX_COUNT}")
    examiner.done()
    deadline = call.deadline()
    begun = lists.begin(call.brand, call.caller.name, told, deadline)
    read = [_address(point, f"contact_points[{index}]") for index, point in enumerate(request.contact_points)]
    good = [each for each in read if isinstance(each, Identifier)]
    verdicts = iter(lists.add(call.brand, call.caller.name, begun, good, deadline) if good else ())
    response = pb.ImportSuppressionsResponse(
        receipt=outbound.receipt(begun.ledger, begun.receipt), results=_results(read, verdicts)
    )
    if request.HasField("end"):
        limit = request.end.ending_limit
        ended = lists.end(call.brand, call.caller.name, begun, limit, deadline)
        response.ended.CopyFrom(_ended(begun.ledger, ended))
    return response


def _list(told: pb.SuppressionList, examiner: Examiner) -> SuppressionsImported:
    if len(told.sha256) != 32:
        examiner.fault("list.sha256", "is required: 32 bytes")
    if told.lines > _MAX_COUNT:
        examiner.fault("list.lines", f"must be at most {_MAX_COUNT}")
    time = examiner.instant("list.list_time", told, "list_time")
    if not told.HasField("list_time"):
        examiner.fault("list.list_time", "is required: the date of the list")
    return SuppressionsImported(
        list=examiner.code("list.code", told.code, required=True),
        kind=examiner.member("list.kind", told.kind, _KINDS),
        listed_time=time,
        sha256=told.sha256.hex(),
        lines=min(told.lines, _MAX_COUNT),
        complete=told.complete,
        purposes=tuple(sorted(examiner.codes("list.purposes", told.purposes))),
    )


def _address(point: customer_pb2.ContactPoint, at: str) -> Identifier | Problem:
    """Return one address, or what is wrong with it alone."""
    examiner = Examiner()
    found = examiner.contact_point(at, point)
    if not examiner.faults and found.kind not in _LISTABLE:
        examiner.fault(f"{at}.kind", "must be EMAIL or PHONE")
    return invalid_fields(tuple(examiner.faults)) if examiner.faults else found


def _results(read: list[Identifier | Problem], verdicts: Iterator[int]) -> Iterator[pb.SuppressionResult]:
    for each in read:
        if isinstance(each, Problem):
            yield pb.SuppressionResult(error=to_item_error(each))
        else:
            yield pb.SuppressionResult(verdict=next(verdicts))  # type: ignore[arg-type] # shared numbers


def _ended(ledger: str, ended: Ended) -> pb.SuppressionsEnded:
    return pb.SuppressionsEnded(
        receipt=outbound.receipt(ledger, ended.receipt),
        listed=ended.listed,
        taken_off=ended.taken_off,
        stay_on=ended.stay_on,
    )
