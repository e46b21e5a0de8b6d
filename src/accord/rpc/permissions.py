"""PermissionService on the wire."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

import grpc
from msgspec import Struct
from msgspec.structs import replace

from accord.domain import replies
from accord.domain.commands import Command
from accord.domain.events import PermissionGranted, PermissionRefused
from accord.domain.problems import Problem, invalid
from accord.domain.replies import Reading
from accord.domain.terms import BrandId, RefusalKind, ReplyMeaning
from accord.keys.callers import ROLES, Callers
from accord.ledger.lookup import Lookups
from accord.rpc import inbound, outbound
from accord.rpc.call import AtMost, Call, admit, call, stream
from accord.rpc.errors import to_item_error
from accord.rpc.parsing import MALFORMED, NO_MESSAGE
from accord.rpc.pools import MAX_STREAMS
from accord.rpc.submit import Submitter, request_for
from accord.rpc.wire import Examiner, brand_of, numbers
from accord.service.answers import Request, Written
from accord.service.errors import CallError
from accord.service.past import Then
from accord.service.records import Remembered, StandingPermission, StandingRefusal
from accord.service.tokens import page, page_start
from accord.v1 import permission_service_pb2 as pb
from accord.v1.permission_service_pb2_grpc import PermissionServiceServicer

MAX_RECORDS = 1000

SaidNo = TypeVar("SaidNo", pb.RefuseResponse, pb.WithdrawResponse, pb.ObjectResponse, pb.RecordReplyResponse)

_MEANINGS = numbers(pb.ReplyMeaning, "REPLY_MEANING_", ReplyMeaning)
_RECORDED = frozenset({ReplyMeaning.WITHDRAWAL, ReplyMeaning.UNCLEAR})
_COLLECTING = frozenset({"collector"})
_SAYING_NO = frozenset(ROLES)
_READERS: dict[str, Callable[[Any, Examiner], Command]] = {
    "grant": inbound.grant,
    "confirm": inbound.confirm,
    "refuse": lambda told, examiner: inbound.refuse(told, RefusalKind.REFUSED, examiner),
    "withdraw": lambda told, examiner: inbound.refuse(told, RefusalKind.WITHDRAWN, examiner),
    "object": lambda told, examiner: inbound.refuse(told, RefusalKind.OBJECTED, examiner),
}
"""Of all records but a reply, whose words say which command it is."""

_ROLES = {
    "grant": _COLLECTING,
    "confirm": _COLLECTING,
    "refuse": _SAYING_NO,
    "withdraw": _SAYING_NO,
    "object": _SAYING_NO,
    "reply": _SAYING_NO,
}
_WHICH = f"is required: set one of {', '.join(_ROLES)}"


class _Prepared(Struct, frozen=True):
    """A request that was examined, of which record it is, and what it says where that is a reply."""

    kind: str
    request: Request
    reading: Reading | None = None

    @property
    def recorded(self) -> bool:
        """Whether an entry is to be written."""
        return self.reading is None or self.reading.meaning in _RECORDED


class PermissionService(PermissionServiceServicer):
    """Remembers what customers say."""

    def __init__(self, submitter: Submitter, remembered: Remembered, lookups: Lookups, callers: Callers) -> None:
        """Serve from these."""
        self._submitter = submitter
        self._remembered = remembered
        self._lookups = lookups
        self._streams = AtMost(MAX_STREAMS, "too many streams are open")
        self.callers = callers

    @call("collector")
    def Grant(self, request: pb.GrantRequest, call: Call) -> pb.GrantResponse:
        """Record a permission."""
        return self._granted(self._submitter.one(request, _READERS["grant"], call))

    @call("collector")
    def Confirm(self, request: pb.ConfirmRequest, call: Call) -> pb.ConfirmResponse:
        """Record a confirmation."""
        return self._confirmed(call.brand, self._submitter.one(request, _READERS["confirm"], call))

    @call(*ROLES)
    def Refuse(self, request: pb.RefuseRequest, call: Call) -> pb.RefuseResponse:
        """Record a refusal."""
        return self._said_no(pb.RefuseResponse, call.brand, self._submitter.one(request, _READERS["refuse"], call))

    @call(*ROLES)
    def Withdraw(self, request: pb.WithdrawRequest, call: Call) -> pb.WithdrawResponse:
        """Record a withdrawal."""
        return self._said_no(pb.WithdrawResponse, call.brand, self._submitter.one(request, _READERS["withdraw"], call))

    @call(*ROLES)
    def Object(self, request: pb.ObjectRequest, call: Call) -> pb.ObjectResponse:
        """Record an objection."""
        return self._said_no(pb.ObjectResponse, call.brand, self._submitter.one(request, _READERS["object"], call))

    @call(*ROLES)
    def RecordReply(self, request: pb.RecordReplyRequest, call: Call) -> pb.RecordReplyResponse:
        """Read a reply, and record the no or the doubt."""
        prepared = self._prepared("reply", request, call)
        (result,) = self._judged(call, [prepared])
        if isinstance(result, Problem):
            raise CallError(result)
        return self._item(prepared, result, call.brand).reply

    def BatchRecord(
        self, request_iterator: Iterator[pb.BatchRecordRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.BatchRecordResponse]:
        """Record a stream, message by message: each is answered when all of it is durable."""
        held: list[BrandId] = []
        with self._streams.one_more(context):
            yield from stream(context, (self._batch(message, context, held) for message in request_iterator))

    @call("collector")
    def ListPermissions(self, request: pb.ListPermissionsRequest, call: Call) -> pb.ListPermissionsResponse:
        """List what counts for a customer, by pages."""
        examiner = Examiner()
        customer = examiner.customer("customer", request.customer)
        size = examiner.page_size(request.page_size)
        examiner.done()
        binding = f"permissions\0{call.brand}\0{customer.kind}\0{customer.value}"
        start = page_start(self._lookups, binding, request.page_token, 0)
        standing = self._remembered.permissions(call.brand, customer)
        shown = standing[start : start + size]
        response = pb.ListPermissionsResponse()
        for each in shown:
            self._add(response, each, call.brand)
        if start + size < len(standing):
            response.next_page_token = page(self._lookups, binding, start + size)
        return response

    @call("collector", "auditor")
    def GetHistory(self, request: pb.GetHistoryRequest, call: Call) -> pb.GetHistoryResponse:
        """List a customer's entries, opened, by pages."""
        examiner = Examiner()
        customer = examiner.customer("customer", request.customer)
        size = examiner.page_size(request.page_size)
        then = Then(
            as_of=examiner.instant("as_of", request, "as_of"),
            as_known_at=examiner.instant("as_known_at", request, "as_known_at"),
        )
        examiner.done()
        named = f"{customer.kind}\0{customer.value}"
        binding = f"history\0{call.brand}\0{named}\0{then.as_of}\0{then.as_known_at}"
        start = page_start(self._lookups, binding, request.page_token, 1)
        found = self._remembered.history(call.brand, customer, start, size, then)
        more = page(self._lookups, binding, found.following) if found.following else ""
        items = [outbound.history_item(each) for each in found.entries]
        return pb.GetHistoryResponse(items=items, next_page_token=more)

    def _batch(
        self, message: pb.BatchRecordRequest, context: grpc.ServicerContext, held: list[BrandId]
    ) -> pb.BatchRecordResponse:
        """Record one message; `held` keeps the brand of the stream, which its first good record names."""
        if message is MALFORMED:
            raise CallError(NO_MESSAGE)
        if not 1 <= len(message.records) <= MAX_RECORDS:
            raise CallError(invalid("records", f"must have 1 to {MAX_RECORDS} items"))
        if not held:
            held.append(_brand_of(message.records))
        kinds = {record.WhichOneof("record") or "grant" for record in message.records}
        allowed = frozenset.intersection(*(_ROLES[kind] for kind in kinds))
        call = admit(self.callers, context, held[0], allowed)
        prepared = [self._prepare(record, f"records[{index}]", call) for index, record in enumerate(message.records)]
        results = iter(self._judged(call, [each for each in prepared if isinstance(each, _Prepared)]))
        return pb.BatchRecordResponse(
            results=[
                _failed(each) if isinstance(each, Problem) else self._item(each, next(results), call.brand)
                for each in prepared
            ]
        )

    def _judged(self, call: Call, prepared: list[_Prepared]) -> list[Written | Problem]:
        """Record in one commit what is to be recorded, judge the rest, and return what became of each, in order.

        What is wrong with a caller's requests is to show on a thank you, not on the first no.
        """
        rehearsed = iter(self._submitter.rehearse(call, [each.request for each in prepared if not each.recorded]))
        written = iter(self._submitter.many(call, [each.request for each in prepared if each.recorded]))
        return [next(written if each.recorded else rehearsed) for each in prepared]

    def _prepare(self, record: pb.BatchRecord, at: str, call: Call) -> _Prepared | Problem:
        kind = record.WhichOneof("record")
        if kind is None:
            return invalid(at, _WHICH)
        told = getattr(record, kind)
        if told.brand != call.brand:
            return invalid(f"{at}.{kind}.brand", "must be the brand of the first record")
        try:
            return self._prepared(kind, told, call)
        except CallError as error:
            return error.problem

    def _prepared(self, kind: str, told: Any, call: Call) -> _Prepared:  # noqa: ANN401 - any record
        """Return a record once it is examined. Raises CallError."""
        if kind != "reply":
            return _Prepared(kind, request_for(self._lookups, told, _READERS[kind], call))
        reading = replies.read(told.text[: inbound.MAX_REPLY])
        read = partial(inbound.reply, meaning=reading.meaning)
        # Read by the words of a later edition, the same reply may say more: then that is recorded too.
        request = request_for(self._lookups, told, read, call, apart=f"\0{reading.meaning}")
        return _Prepared(kind, request if reading.meaning in _RECORDED else replace(request, key=b""), reading)

    def _item(self, prepared: _Prepared, written: Written | Problem, brand: BrandId) -> pb.BatchRecordResult:
        if isinstance(written, Problem):
            return _failed(written)
        if prepared.reading:
            return pb.BatchRecordResult(reply=self._replied(brand, prepared.reading, written))
        match prepared.kind:
            case "grant":
                return pb.BatchRecordResult(grant=self._granted(written))
            case "confirm":
                return pb.BatchRecordResult(confirm=self._confirmed(brand, written))
            case "refuse":
                return pb.BatchRecordResult(refuse=self._said_no(pb.RefuseResponse, brand, written))
            case "withdraw":
                return pb.BatchRecordResult(withdraw=self._said_no(pb.WithdrawResponse, brand, written))
            case _:
                return pb.BatchRecordResult(object=self._said_no(pb.ObjectResponse, brand, written))

    def _granted(self, written: Written) -> pb.GrantResponse:
        (receipt,) = outbound.receipts(written)
        return pb.GrantResponse(receipt=receipt, status=written.status)  # type: ignore[arg-type] # shared numbers

    def _confirmed(self, brand: BrandId, written: Written) -> pb.ConfirmResponse:
        if written.told_at is None:
            (receipt,) = outbound.receipts(written)
        else:
            receipt = outbound.receipt(written.ledger, self._remembered.receipt(brand, written.told_at))
        return pb.ConfirmResponse(receipt=receipt, status=written.status)  # type: ignore[arg-type] # shared numbers

    def _replied(self, brand: BrandId, reading: Reading, written: Written) -> pb.RecordReplyResponse:
        response = self._said_no(pb.RecordReplyResponse, brand, written)
        response.meaning = _MEANINGS[reading.meaning]
        response.rules.extend(map(outbound.rule, reading.rules))
        return response

    def _said_no(self, response: type[SaidNo], brand: BrandId, written: Written) -> SaidNo:
        positions = [each.position for each in written.open_contacts]
        names = self._remembered.contact_ids(brand, written.ledger, positions)
        found = zip(written.open_contacts, names, strict=True)
        return response(
            receipts=outbound.receipts(written),
            open_contacts=[outbound.open_contact(each, name) for each, name in found],
        )

    def _add(
        self, response: pb.ListPermissionsResponse, each: StandingPermission | StandingRefusal, brand: BrandId
    ) -> None:
        if isinstance(each, StandingPermission):
            topics, recipients = self._texts(brand, each)
            response.permissions.append(outbound.permission(each, topics, recipients))
        else:
            topic, recipient = self._texts_of_refusal(brand, each)
            response.refusals.append(outbound.refusal(each, topic, recipient))

    def _texts(self, brand: BrandId, each: StandingPermission) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if not each.mark.granted.topics and not each.mark.granted.recipients:
            return (), ()
        event = self._remembered.event(brand, each.mark.position)
        return (event.topics, event.recipients) if isinstance(event, PermissionGranted) else ((), ())

    def _texts_of_refusal(self, brand: BrandId, each: StandingRefusal) -> tuple[str, str]:
        if not each.mark.refused.topic and not each.mark.refused.recipient:
            return "", ""
        event = self._remembered.event(brand, each.mark.position)
        return (event.topic, event.recipient) if isinstance(event, PermissionRefused) else ("", "")


def _failed(problem: Problem) -> pb.BatchRecordResult:
    return pb.BatchRecordResult(error=to_item_error(problem))


def _brand_of(records: Iterable[pb.BatchRecord]) -> BrandId:
    """Return the first brand that can be one. Raises CallError saying what is wrong with the first when none can."""
    problem = CallError(invalid("records[0]", _WHICH))
    named = [getattr(record, kind).brand for record in records if (kind := record.WhichOneof("record"))]
    for brand in named:
        try:
            return brand_of(brand)
        except CallError as error:
            problem = error
    raise problem
