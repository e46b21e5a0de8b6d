"""What is asked of an export, read off the wire."""

from accord.domain.terms import Position, Redaction
from accord.rpc.wire import Examiner, names
from accord.service.exports import Asked
from accord.v1 import audit_service_pb2 as pb

_REDACTIONS = names(pb.Redaction, "REDACTION_", Redaction)
_LIMITS = ("first_position", "end_position", "recorded_from", "recorded_until", "purposes", "channels")
_POSITIONS, _TIMES = _LIMITS[:2], _LIMITS[2:4]


def asked(request: pb.ExportRequest, examiner: Examiner) -> Asked:
    """Return what is to be exported; faults go to the examiner."""
    redaction = examiner.member("redaction", request.redaction, _REDACTIONS)
    customer = examiner.customer("customer", request.customer) if request.HasField("customer") else None
    told = {field.name for field, _ in request.ListFields()}
    if customer is not None:
        if redaction is not Redaction.NONE:
            examiner.fault("redaction", "must be none for one customer: a history without content shows nothing")
        for field in _LIMITS:
            if field in told:
                examiner.fault(field, "must be left out for one customer")
    elif request.receipts and redaction is not Redaction.NONE:
        examiner.fault("receipts", "must be left out where anything is held back: receipts tell who said what")
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
        receipts=request.receipts,
        parquet=request.parquet,
    )
