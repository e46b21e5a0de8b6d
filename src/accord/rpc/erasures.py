"""Erasures on the wire: what an officer asks for, and what becomes of it."""

from accord.domain.terms import ErasureMode, ErasureReason, Instant
from accord.ledger.erasing import ErasureRow
from accord.ledger.lookup import Lookups
from accord.rpc import inbound
from accord.rpc.call import Call
from accord.rpc.wire import Examiner, names, numbers, optional_timestamp, timestamp
from accord.service.erasure_receipt import ERASED_AT, IRRECOVERABLE_BY, read_instant
from accord.service.erasures import AskedErasure
from accord.v1 import customer_service_pb2 as pb

_ID_BYTES = 16
_MODES = names(pb.ErasureMode, "ERASURE_MODE_", ErasureMode)
_REASONS = names(pb.ErasureReason, "ERASURE_REASON_", ErasureReason)
_MODE_NUMBERS = numbers(pb.ErasureMode, "ERASURE_MODE_", ErasureMode)
_REASON_NUMBERS = numbers(pb.ErasureReason, "ERASURE_REASON_", ErasureReason)


def asked(lookups: Lookups, request: pb.EraseRequest, call: Call) -> AskedErasure:
    """Return the erasure asked for. Raises CallError naming every fault."""
    examiner = Examiner()
    examiner.code("request_id", request.request_id, required=True)
    mode = examiner.member("mode", request.mode, _MODES)
    not_before = examiner.instant("not_before", request, "not_before")
    if request.mode in _MODES and request.HasField("not_before") != (mode is ErasureMode.ON_HOLD_UNTIL):
        examiner.fault("not_before", "is required for mode ON_HOLD_UNTIL, and must be left out otherwise")
    found = AskedErasure(
        customer=examiner.customer("customer", request.customer),
        mode=mode,
        reason=examiner.member("reason", request.reason, _REASONS),
        not_before=not_before,
        keep_suppression=request.keep_suppression,
        evidence=inbound.evidence(request.evidence, examiner) if request.HasField("evidence") else None,
        caller=call.caller.name,
        erasure_id=lookups.request(call.brand, call.caller.name, request.request_id),
        content=lookups.content(b"EraseRequest\0" + request.SerializeToString(deterministic=True)),
    )
    examiner.done()
    return found


def erasure_id(request: pb.GetErasureRequest) -> bytes:
    """Return the name of an erasure. Raises CallError."""
    examiner = Examiner()
    if len(request.erasure_id) != _ID_BYTES:
        examiner.fault("erasure_id", f"is required, {_ID_BYTES} bytes")
    examiner.done()
    return request.erasure_id


def erasure(row: ErasureRow, now: Instant) -> pb.Erasure:
    """Return an erasure on the wire."""
    it, receipt = row.erasure, row.receipt
    return pb.Erasure(
        erasure_id=it.erasure_id,
        status=_status(row, now),
        customer_refs=it.customers,
        mode=_MODE_NUMBERS[it.mode],
        reason=_REASON_NUMBERS[it.reason],
        request_time=timestamp(it.request_time),
        not_before=timestamp(it.not_before),
        keep_suppression=it.keep_suppression,
        receipt=receipt,
        erased_time=optional_timestamp(read_instant(receipt, ERASED_AT) if receipt else 0),
        irrecoverable_by=optional_timestamp(read_instant(receipt, IRRECOVERABLE_BY) if receipt else 0),
    )


def _status(row: ErasureRow, now: Instant) -> pb.ErasureStatus.ValueType:
    if row.receipt:
        return pb.ERASURE_STATUS_DONE
    return pb.ERASURE_STATUS_ON_HOLD if row.erasure.not_before > now else pb.ERASURE_STATUS_UNFINISHED
