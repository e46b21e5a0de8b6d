"""AuditService on the wire: an export is streamed as it is made, once it is recorded that it was asked for."""

import threading
from collections.abc import Iterator

import grpc

from accord.domain.commands import RecordExport
from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import Position, Redaction
from accord.keys.callers import Callers
from accord.rpc.call import Call, admit, call, stream
from accord.rpc.errors import abort
from accord.rpc.inbound import MAX_POSITION
from accord.rpc.parsing import MALFORMED, NO_MESSAGE
from accord.rpc.submit import Submitter
from accord.rpc.wire import Examiner, names
from accord.service.exports import Asked, Exports
from accord.service.receipts import Receipts
from accord.v1 import audit_service_pb2 as pb
from accord.v1.audit_service_pb2_grpc import AuditServiceServicer

MAX_EXPORTS = 4
"""Exports at once: each keeps a processor busy, and checks come first."""

_AUDITORS = frozenset({"auditor"})
_REDACTIONS = names(pb.Redaction, "REDACTION_", Redaction)
_LIMITS = ("first_position", "end_position", "recorded_from", "recorded_until", "purposes", "channels")
_POSITIONS, _TIMES = _LIMITS[:2], _LIMITS[2:4]


class AuditService(AuditServiceServicer):
    """Hands out what stands by itself outside of Accord."""

    def __init__(self, exports: Exports, receipts: Receipts, submitter: Submitter, callers: Callers) -> None:
        """Serve from these."""
        self._exports = exports
        self._receipts = receipts
        self._submitter = submitter
        self._running = threading.BoundedSemaphore(MAX_EXPORTS)
        self.callers = callers

    def Export(self, request: pb.ExportRequest, context: grpc.ServicerContext) -> Iterator[pb.ExportResponse]:
        """Stream an export."""
        if request is MALFORMED:
            abort(context, NO_MESSAGE)
        if not self._running.acquire(blocking=False):
            abort(
                context, Problem(ErrorReason.OVERLOADED, "too many exports are made", (), {"limit": str(MAX_EXPORTS)})
            )
        try:
            yield from stream(context, self._export(request, context))
        finally:
            self._running.release()

    @call("auditor", "collector")
    def GetReceipt(self, request: pb.GetReceiptRequest, call: Call) -> pb.GetReceiptResponse:
        """Return the receipt of what a customer said."""
        found = self._receipts.receipt(call.brand, Position(min(request.position, MAX_POSITION)))
        return pb.GetReceiptResponse(document=found.document, signed=found.signed, verifier_key=found.verifier_key)

    def _export(self, request: pb.ExportRequest, context: grpc.ServicerContext) -> Iterator[pb.ExportResponse]:
        call = admit(self.callers, context, request.brand, _AUDITORS)
        examiner = Examiner()
        examiner.code("request_id", request.request_id, required=True)
        asked = _asked(request, examiner)
        examiner.done()
        settled = self._exports.begin(call.brand, asked, request.checkpoint_size)
        # Where it is continued from is no part of what was asked: the same request is recorded once.
        bare = pb.ExportRequest()
        bare.CopyFrom(request)
        bare.ClearField("checkpoint_size")
        bare.ClearField("offset")
        self._submitter.one(bare, lambda *_: RecordExport(exported=settled.exported), call)
        for chunk in self._exports.chunks(settled, request.offset):
            yield pb.ExportResponse(
                chunk=chunk.content,
                checkpoint_size=settled.exported.size,
                entries_read=chunk.done,
                entries_total=chunk.total,
                file_name=settled.name,
            )


def _asked(request: pb.ExportRequest, examiner: Examiner) -> Asked:
    redaction = examiner.member("redaction", request.redaction, _REDACTIONS)
    customer = examiner.customer("customer", request.customer) if request.HasField("customer") else None
    told = {field.name for field, _ in request.ListFields()}
    if customer is not None:
        if redaction is not Redaction.NONE:
            examiner.fault("redaction", "must be none for one customer: a history without content shows nothing")
        for field in _LIMITS:
            if field in told:
                examiner.fault(field, "must be left out for one customer")
    if told & set(_POSITIONS):
        for field in _TIMES:
            if field in told:
                examiner.fault(field, "must be left out where positions are given")
    recorded_from = examiner.instant("recorded_from", request, "recorded_from")
    recorded_until = examiner.instant("recorded_until", request, "recorded_until")
    if recorded_until and recorded_until <= recorded_from:
        examiner.fault("recorded_until", "must be later than recorded_from")
    return Asked(
        redaction=redaction,
        customer=customer,
        first=Position(request.first_position),
        end=Position(request.end_position),
        recorded_from=recorded_from,
        recorded_until=recorded_until,
        purposes=examiner.codes("purposes", request.purposes),
        channels=examiner.codes("channels", request.channels),
    )
