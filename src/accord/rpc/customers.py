"""CustomerService on the wire."""

from accord.keys.callers import Callers
from accord.rpc import inbound, outbound
from accord.rpc.call import Call, call
from accord.rpc.submit import Submitter
from accord.v1 import customer_service_pb2 as pb
from accord.v1.customer_service_pb2_grpc import CustomerServiceServicer


class CustomerService(CustomerServiceServicer):
    """Remembers who customers are and what they do."""

    def __init__(self, submitter: Submitter, callers: Callers) -> None:
        """Serve from these."""
        self._submitter = submitter
        self.callers = callers

    @call("collector")
    def Link(self, request: pb.LinkRequest, call: Call) -> pb.LinkResponse:
        """Link an address."""
        (receipt,) = outbound.receipts(self._submitter.one(request, inbound.link, call))
        return pb.LinkResponse(receipt=receipt)

    @call("collector")
    def Unlink(self, request: pb.UnlinkRequest, call: Call) -> pb.UnlinkResponse:
        """Unlink an address."""
        (receipt,) = outbound.receipts(self._submitter.one(request, inbound.unlink, call))
        return pb.UnlinkResponse(receipt=receipt)

    @call("collector")
    def RecordFacts(self, request: pb.RecordFactsRequest, call: Call) -> pb.RecordFactsResponse:
        """Record facts."""
        (receipt,) = outbound.receipts(self._submitter.one(request, inbound.record_facts, call))
        return pb.RecordFactsResponse(receipt=receipt)

    @call("collector")
    def ReportActivity(self, request: pb.ReportActivityRequest, call: Call) -> pb.ReportActivityResponse:
        """Record what a customer did."""
        (receipt,) = outbound.receipts(self._submitter.one(request, inbound.report_activity, call))
        return pb.ReportActivityResponse(receipt=receipt)

    @call("collector", "sender")
    def ReportContactPoint(self, request: pb.ReportContactPointRequest, call: Call) -> pb.ReportContactPointResponse:
        """Record a fact of an address."""
        written = self._submitter.one(request, inbound.report_contact_point, call)
        return pb.ReportContactPointResponse(receipts=outbound.receipts(written))

    @call("privacy_officer")
    def Merge(self, request: pb.MergeRequest, call: Call) -> pb.MergeResponse:
        """Join customers who are one person."""
        return pb.MergeResponse(receipts=outbound.receipts(self._submitter.one(request, inbound.merge, call)))

    @call("privacy_officer")
    def Split(self, request: pb.SplitRequest, call: Call) -> pb.SplitResponse:
        """Take a customer out of their group."""
        return pb.SplitResponse(receipts=outbound.receipts(self._submitter.one(request, inbound.split, call)))

    @call("privacy_officer")
    def Overlay(self, request: pb.OverlayRequest, call: Call) -> pb.OverlayResponse:
        """Add or lift an overlay."""
        return pb.OverlayResponse(receipts=outbound.receipts(self._submitter.one(request, inbound.overlay, call)))

    @call("privacy_officer")
    def Restrict(self, request: pb.RestrictRequest, call: Call) -> pb.RestrictResponse:
        """Restrict processing, or lift the restriction."""
        return pb.RestrictResponse(receipts=outbound.receipts(self._submitter.one(request, inbound.restrict, call)))
