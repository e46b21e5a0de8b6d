"""AuditService on the wire: an export is streamed as it is made, once it is recorded that it was asked for."""

from collections.abc import Iterator

import grpc

from accord.domain.calendar import zone_known
from accord.domain.commands import RecordExport
from accord.domain.tally import Cell, Dimension, Measure, Period
from accord.domain.terms import Position
from accord.keys.callers import Callers
from accord.ledger.lookup import Lookups
from accord.rpc import explaining, exporting, forecasting, replaying
from accord.rpc.call import AtMost, Call, admit, call, stream
from accord.rpc.errors import abort
from accord.rpc.inbound import MAX_POSITION
from accord.rpc.parsing import MALFORMED, NO_MESSAGE
from accord.rpc.submit import Submitter
from accord.rpc.wire import Examiner, names, numbers
from accord.service.access import Access
from accord.service.explanations import Explanations
from accord.service.exports import Exports
from accord.service.forecasts import Forecasts
from accord.service.receipts import Receipts
from accord.service.replay import Replay
from accord.service.reports import Reports, Wished
from accord.service.tokens import page, page_start
from accord.v1 import audit_service_pb2 as pb
from accord.v1.audit_service_pb2_grpc import AuditServiceServicer

MAX_EXPORTS = 4
"""Exports at once: each keeps a processor busy, and checks come first."""

MAX_FORECASTS = 1
"""Forecasts at once in one process, for the same reason."""

_AUDITORS = frozenset({"auditor"})
_FORECASTERS = frozenset({"auditor", "administrator"})
_PERIODS = names(pb.Period, "PERIOD_", Period) | {pb.PERIOD_UNSPECIFIED: Period.DAY}
_DIMENSIONS = names(pb.Dimension, "DIMENSION_", Dimension)
_MEASURES = numbers(pb.Measure, "MEASURE_", Measure)


class AuditService(AuditServiceServicer):
    """Hands out what stands by itself outside of Accord, and what officers ask of the ledger."""

    def __init__(  # noqa: PLR0913 - one use case for each method
        self,
        exports: Exports,
        receipts: Receipts,
        explanations: Explanations,
        access: Access,
        reports: Reports,
        replay: Replay,
        forecasts: Forecasts,
        submitter: Submitter,
        lookups: Lookups,
        callers: Callers,
    ) -> None:
        """Serve from these."""
        self._exports = exports
        self._submitter = submitter
        self._running = AtMost(MAX_EXPORTS, "too many exports are made")
        self._receipts = receipts
        self._explanations = explanations
        self._access = access
        self._reports = reports
        self._replay = replay
        self._forecasts = forecasts
        self._forecasting = AtMost(MAX_FORECASTS, "a forecast runs already")
        self._lookups = lookups
        self.callers = callers

    def Export(self, request: pb.ExportRequest, context: grpc.ServicerContext) -> Iterator[pb.ExportResponse]:
        """Stream an export."""
        if request is MALFORMED:
            abort(context, NO_MESSAGE)
        with self._running.one_more(context):
            yield from stream(context, self._export(request, context))

    @call("auditor", "collector")
    def GetReceipt(self, request: pb.GetReceiptRequest, call: Call) -> pb.GetReceiptResponse:
        """Return the receipt of what a customer said."""
        found = self._receipts.receipt(call.brand, Position(min(request.position, MAX_POSITION)))
        return pb.GetReceiptResponse(
            document=found.document,
            signed=found.signed,
            verifier_key=found.verifier_key,
            handovers=found.handovers,
        )

    @call("auditor", "privacy_officer")
    def ExplainContact(self, request: pb.ExplainContactRequest, call: Call) -> pb.ExplainContactResponse:
        """Tell why a customer was contacted, with proofs."""
        examiner = Examiner()
        contact_id = examiner.code("contact_id", request.contact_id, required=True)
        examiner.done()
        found = self._explanations.explain(call.brand, contact_id)
        return pb.ExplainContactResponse(explanation=explaining.explanation(found))

    @call("privacy_officer")
    def GetAccessReport(self, request: pb.GetAccessReportRequest, call: Call) -> pb.GetAccessReportResponse:
        """Tell everything held of one customer, by pages."""
        examiner = Examiner()
        customer = examiner.customer("customer", request.customer)
        size = examiner.page_size(request.page_size)
        examiner.done()
        binding = f"access\0{call.brand}\0{customer.kind}\0{customer.value}"
        start = page_start(self._lookups, binding, request.page_token, 1)
        response = pb.GetAccessReportResponse()
        if not request.page_token:
            response.summary.CopyFrom(explaining.summary(self._access.summary(call.brand, customer)))
        found = self._access.entries(call.brand, customer, start, size + 1)
        response.entries.extend(explaining.held_entry(each) for each in found[:size])
        if len(found) > size:
            response.next_page_token = page(self._lookups, binding, start + size)
        return response

    @call("auditor")
    def Report(self, request: pb.ReportRequest, call: Call) -> pb.ReportResponse:
        """Count over time, by pages."""
        wished = _wished(request)
        binding = f"report\0{call.brand}\0{_binding(request)}"
        start = page_start(self._lookups, binding, request.page_token, 0) if request.page_token else None
        found = self._reports.count(call.brand, wished, None if start is None else Position(start))
        following = found.next_position
        return pb.ReportResponse(
            rows=[_row(cell, count) for cell, count in found.counts.items()],
            unreadable=found.unreadable,
            entries_read=found.entries_read,
            next_page_token="" if following is None else page(self._lookups, binding, following),
        )

    @call("auditor")
    def Replay(self, request: pb.ReplayRequest, call: Call) -> pb.ReplayResponse:
        """Answer contacts again, by pages."""
        wished = replaying.wished(request)
        binding = f"replay\0{call.brand}\0{_binding(request)}"
        start = page_start(self._lookups, binding, request.page_token, 0) if request.page_token else None
        found = self._replay.replay(call.brand, wished, None if start is None else Position(start))
        following = found.next_position
        token = "" if following is None else page(self._lookups, binding, following)
        return replaying.response(found, token)

    def ForecastLapses(
        self, request: pb.ForecastLapsesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ForecastLapsesResponse]:
        """Stream what lapses."""
        if request is MALFORMED:
            abort(context, NO_MESSAGE)
        with self._forecasting.one_more(context):
            yield from stream(context, self._forecast(request, context))

    def _forecast(
        self, request: pb.ForecastLapsesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ForecastLapsesResponse]:
        call = admit(self.callers, context, request.brand, _FORECASTERS)
        examiner = Examiner()
        wanted, language = forecasting.wanted(request, examiner), examiner.language(request.language)
        examiner.done()
        yield from forecasting.responses(self._forecasts.forecast(call.brand, wanted), language)

    def _export(self, request: pb.ExportRequest, context: grpc.ServicerContext) -> Iterator[pb.ExportResponse]:
        call = admit(self.callers, context, request.brand, _AUDITORS)
        examiner = Examiner()
        examiner.code("request_id", request.request_id, required=True)
        asked = exporting.asked(request, examiner)
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


def _wished(request: pb.ReportRequest) -> Wished:
    examiner = Examiner()
    zone = request.time_zone or "UTC"
    if not zone_known(zone):
        examiner.fault("time_zone", "must be an IANA name such as Europe/Paris")
    wished = Wished(
        recorded_from=examiner.instant("recorded_from", request, "recorded_from"),
        recorded_until=examiner.instant("recorded_until", request, "recorded_until"),
        period=examiner.member("period", request.period, _PERIODS),
        time_zone=zone,
        dimensions=frozenset(
            examiner.member(f"dimensions[{index}]", number, _DIMENSIONS)
            for index, number in enumerate(request.dimensions[: len(_DIMENSIONS) + 1])
        ),
    )
    if len(request.dimensions) > len(_DIMENSIONS):
        examiner.fault("dimensions", f"must have at most {len(_DIMENSIONS)} items")
    examiner.done()
    return wished


def _binding(request: pb.ReportRequest | pb.ReplayRequest) -> str:
    """Return what a page token is bound to: everything else that was asked."""
    asked = type(request).FromString(request.SerializeToString())
    asked.ClearField("page_token")
    return asked.SerializeToString(deterministic=True).hex()


def _row(cell: Cell, count: int) -> pb.ReportRow:
    return pb.ReportRow(
        period_start=cell.start.isoformat(),
        measure=_MEASURES[cell.measure],
        touchpoint=cell.touchpoint,
        channel=cell.channel,
        purpose=cell.purpose,
        notice=cell.notice,
        reason=cell.reason,  # type: ignore[arg-type] # the domain carries the wire's numbers
        count=count,
    )
