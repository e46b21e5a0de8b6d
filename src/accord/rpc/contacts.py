"""ContactService on the wire."""

import grpc

from accord.domain.terms import HOUR, ContactStatus, Verdict
from accord.keys.callers import Callers
from accord.rpc import inbound, outbound
from accord.rpc.call import Call, call
from accord.rpc.parsing import MALFORMED
from accord.rpc.submit import Submitter
from accord.rpc.wire import Examiner, timestamp
from accord.service.records import Remembered
from accord.service.tokens import freshness
from accord.telemetry.tally import Tally
from accord.v1 import contact_service_pb2 as pb
from accord.v1.contact_service_pb2_grpc import ContactServiceServicer

SEND_WITHIN = HOUR
"""How long an authorisation may lie before it must be asked for again, at most."""


class ContactService(ContactServiceServicer):
    """Authorises and follows contacts."""

    def __init__(self, submitter: Submitter, remembered: Remembered, callers: Callers, tally: Tally) -> None:
        """Serve from these."""
        self._submitter = submitter
        self._remembered = remembered
        self.callers = callers
        self._tally = tally

    def AuthorizeContact(
        self, request: pb.AuthorizeContactRequest, context: grpc.ServicerContext
    ) -> pb.AuthorizeContactResponse:
        """Check and count in one step. The token of a confirmation is told to a mailer only."""
        asks = request is not MALFORMED and request.confirms_position
        response: pb.AuthorizeContactResponse = (self._ask_to_confirm if asks else self._contact)(request, context)
        return response

    @call("sender")
    def _contact(self, request: pb.AuthorizeContactRequest, call: Call) -> pb.AuthorizeContactResponse:
        return self._authorize(request, call)

    @call("mailer")
    def _ask_to_confirm(self, request: pb.AuthorizeContactRequest, call: Call) -> pb.AuthorizeContactResponse:
        return self._authorize(request, call)

    @call("sender", "mailer")
    def ReportContact(self, request: pb.ReportContactRequest, call: Call) -> pb.ReportContactResponse:
        """Record what became of a contact."""
        written = self._submitter.one(request, inbound.report_contact, call)
        (receipt,) = outbound.receipts(written)
        status = outbound.contact_status(ContactStatus(written.status))
        return pb.ReportContactResponse(receipt=receipt, status=status)

    @call("sender", "auditor")
    def GetContact(self, request: pb.GetContactRequest, call: Call) -> pb.GetContactResponse:
        """Tell why a customer was contacted."""
        examiner = Examiner()
        contact_id = examiner.code("contact_id", request.contact_id, required=True)
        examiner.done()
        return pb.GetContactResponse(contact=outbound.contact(self._remembered.contact(call.brand, contact_id)))

    def _authorize(self, request: pb.AuthorizeContactRequest, call: Call) -> pb.AuthorizeContactResponse:
        examiner = Examiner()
        command = inbound.authorize_contact(request, examiner)
        full = examiner.full_view(request.view)
        language = examiner.language(request.language)
        examiner.done()
        found = self._submitter.authorize(command, call, full=full)
        decision = found.authorization.decision
        self._tally.decided("authorize", command.question, decision)
        response = pb.AuthorizeContactResponse(
            repeat=found.authorization.repeat, confirmation_token=found.confirmation_token
        )
        outbound.tell(response.decision, decision, freshness(found.ledger, found.size), language)
        if found.receipt:
            response.receipt.CopyFrom(outbound.receipt(found.ledger, found.receipt))
        if decision.verdict is Verdict.ALLOW:
            latest = decision.time + SEND_WITHIN
            response.send_before.CopyFrom(timestamp(min(decision.valid_until or latest, latest)))
        return response
