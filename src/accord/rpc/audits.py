"""AuditService on the wire."""

from accord.domain.terms import Position
from accord.keys.callers import Callers
from accord.rpc.call import Call, call
from accord.rpc.inbound import MAX_POSITION
from accord.service.receipts import Receipts
from accord.v1 import audit_service_pb2 as pb
from accord.v1.audit_service_pb2_grpc import AuditServiceServicer


class AuditService(AuditServiceServicer):
    """Hands out what stands by itself outside of Accord."""

    def __init__(self, receipts: Receipts, callers: Callers) -> None:
        """Serve from these."""
        self._receipts = receipts
        self.callers = callers

    @call("auditor", "collector")
    def GetReceipt(self, request: pb.GetReceiptRequest, call: Call) -> pb.GetReceiptResponse:
        """Return the receipt of what a customer said."""
        found = self._receipts.receipt(call.brand, Position(min(request.position, MAX_POSITION)))
        return pb.GetReceiptResponse(document=found.document, signed=found.signed, verifier_key=found.verifier_key)
