"""CustomerService on the wire."""

from accord.keys.callers import Callers
from accord.ledger.lookup import Lookups
from accord.rpc import erasures, inbound, outbound
from accord.rpc.call import Call, call
from accord.rpc.submit import Submitter
from accord.rpc.wire import Examiner
from accord.service.erasures import Erasures
from accord.service.tokens import page, page_start
from accord.v1 import customer_service_pb2 as pb
from accord.v1.customer_service_pb2_grpc import CustomerServiceServicer


class CustomerService(CustomerServiceServicer):
    """Remembers who customers are and what they do."""

    def __init__(self, submitter: Submitter, erasures: Erasures, lookups: Lookups, callers: Callers) -> None:
        """Serve from these."""
        self._submitter = submitter
        self._erasures = erasures
        self._lookups = lookups
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

    @call("privacy_officer")
    def Erase(self, request: pb.EraseRequest, call: Call) -> pb.EraseResponse:
        """Erase a customer."""
        row = self._erasures.ask(call.brand, erasures.asked(self._lookups, request, call))
        return pb.EraseResponse(erasure=erasures.erasure(row, self._erasures.now()))

    @call("privacy_officer", "auditor")
    def GetErasure(self, request: pb.GetErasureRequest, call: Call) -> pb.GetErasureResponse:
        """Return one erasure."""
        row = self._erasures.find(call.brand, erasures.erasure_id(request))
        return pb.GetErasureResponse(erasure=erasures.erasure(row, self._erasures.now()))

    @call("privacy_officer", "auditor")
    def ListErasures(self, request: pb.ListErasuresRequest, call: Call) -> pb.ListErasuresResponse:
        """List erasures, by pages."""
        examiner = Examiner()
        size = examiner.page_size(request.page_size)
        examiner.done()
        binding = f"erasures\0{call.brand}"
        start = page_start(self._lookups, binding, request.page_token, 0)
        found = self._erasures.page(call.brand, start, size + 1)
        now = self._erasures.now()
        return pb.ListErasuresResponse(
            erasures=[erasures.erasure(each, now) for each in found[:size]],
            next_page_token=page(self._lookups, binding, start + size) if len(found) > size else "",
        )
