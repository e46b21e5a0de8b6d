"""CatalogueService on the wire."""

from collections.abc import Iterator

import grpc

from accord.domain.commands import ApplyCatalogue
from accord.keys.callers import Callers
from accord.ledger.lookup import Lookups
from accord.rpc import catalogues, outbound, simulating
from accord.rpc.call import AtMost, Call, admit, call, stream
from accord.rpc.errors import abort
from accord.rpc.parsing import MALFORMED, NO_MESSAGE
from accord.rpc.submit import Submitter
from accord.rpc.wire import Examiner, timestamp
from accord.service.catalogues import Catalogues
from accord.service.simulations import Simulations
from accord.service.tokens import page, page_start
from accord.v1 import catalogue_service_pb2 as pb
from accord.v1.catalogue_service_pb2_grpc import CatalogueServiceServicer

MAX_SIMULATIONS = 1
"""Simulations at once in one process: each keeps a processor busy, and checks come first."""

_ADMINISTRATORS = frozenset({"administrator"})


class CatalogueService(CatalogueServiceServicer):
    """Keeps the catalogue of a brand."""

    def __init__(
        self,
        submitter: Submitter,
        catalogues_of: Catalogues,
        simulations: Simulations,
        lookups: Lookups,
        callers: Callers,
    ) -> None:
        """Serve from these."""
        self._submitter = submitter
        self._catalogues = catalogues_of
        self._simulations = simulations
        self._running = AtMost(MAX_SIMULATIONS, "a simulation runs already")
        self._lookups = lookups
        self.callers = callers

    @call("administrator")
    def Apply(self, request: pb.ApplyRequest, call: Call) -> pb.ApplyResponse:
        """Make a catalogue the one that counts."""
        written = self._submitter.one(request, _apply, call)
        (receipt,) = outbound.receipts(written)
        return pb.ApplyResponse(receipt=receipt, version=written.version)

    @call("administrator")
    def Get(self, request: pb.GetRequest, call: Call) -> pb.GetResponse:
        """Return one version."""
        applied, position = self._catalogues.get(call.brand, request.version)
        return pb.GetResponse(
            catalogue=catalogues.outbound(applied.catalogue), version=applied.version, position=position
        )

    @call("administrator")
    def List(self, request: pb.ListRequest, call: Call) -> pb.ListResponse:
        """List the versions, by pages."""
        examiner = Examiner()
        size = examiner.page_size(request.page_size)
        examiner.done()
        binding = f"catalogues\0{call.brand}"
        start = page_start(self._lookups, binding, request.page_token, 0)
        found = self._catalogues.versions(call.brand)
        return pb.ListResponse(
            versions=[
                pb.CatalogueVersion(
                    version=each.version, position=each.position, recorded_time=timestamp(each.recorded_time)
                )
                for each in found[start : start + size]
            ],
            next_page_token=page(self._lookups, binding, start + size) if start + size < len(found) else "",
        )

    def Simulate(self, request: pb.SimulateRequest, context: grpc.ServicerContext) -> Iterator[pb.SimulateResponse]:
        """Stream what a catalogue would change."""
        if request is MALFORMED:
            abort(context, NO_MESSAGE)
        with self._running.one_more(context):
            yield from stream(context, self._simulate(request, context))

    def _simulate(self, request: pb.SimulateRequest, context: grpc.ServicerContext) -> Iterator[pb.SimulateResponse]:
        call = admit(self.callers, context, request.brand, _ADMINISTRATORS)
        examiner = Examiner()
        supposed, language = simulating.supposed(request, examiner), examiner.language(request.language)
        command = _apply(request, examiner)
        yield from simulating.responses(self._simulations.simulate(call.brand, command, supposed), language)


def _apply(request: pb.ApplyRequest | pb.SimulateRequest, examiner: Examiner) -> ApplyCatalogue:
    if not request.HasField("catalogue"):
        examiner.fault("catalogue", "is required")
    examiner.done()
    return ApplyCatalogue(catalogue=catalogues.inbound(request.catalogue), expected_version=request.expected_version)
