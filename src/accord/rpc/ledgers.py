"""LedgerService on the wire."""

from accord.domain.terms import Position
from accord.keys.callers import Callers
from accord.ledger.lookup import Lookups
from accord.rpc import outbound
from accord.rpc.call import Call, call
from accord.rpc.inbound import MAX_POSITION
from accord.rpc.wire import Examiner
from accord.service.proofs import Proofs
from accord.service.records import Remembered
from accord.service.tokens import page, page_start
from accord.v1 import ledger_service_pb2 as pb
from accord.v1.ledger_service_pb2_grpc import LedgerServiceServicer


class LedgerService(LedgerServiceServicer):
    """Shows the ledger and proves it."""

    def __init__(self, proofs: Proofs, remembered: Remembered, lookups: Lookups, callers: Callers) -> None:
        """Serve from these."""
        self._proofs = proofs
        self._remembered = remembered
        self._lookups = lookups
        self.callers = callers

    @call("auditor")
    def GetEntry(self, request: pb.GetEntryRequest, call: Call) -> pb.GetEntryResponse:
        """Return one entry, opened while its key lives."""
        found = self._proofs.entry(call.brand, _position(request.position))
        ledger = self._proofs.head(call.brand).ledger
        return pb.GetEntryResponse(entry=outbound.entry(found, self._remembered.try_open(call.brand, ledger, found)))

    @call("auditor")
    def ListEntries(self, request: pb.ListEntriesRequest, call: Call) -> pb.ListEntriesResponse:
        """List entries, by pages."""
        examiner = Examiner()
        size = examiner.page_size(request.page_size)
        examiner.done()
        binding = f"entries\0{call.brand}"
        start = page_start(self._lookups, binding, request.page_token, _position(request.start_position))
        head = self._proofs.head(call.brand)
        found = self._proofs.entries(call.brand, start, size)
        more = start + size < head.size
        return pb.ListEntriesResponse(
            entries=[outbound.entry(each) for each in found],
            next_page_token=page(self._lookups, binding, start + size) if more else "",
        )

    @call("auditor")
    def GetCheckpoint(self, request: pb.GetCheckpointRequest, call: Call) -> pb.GetCheckpointResponse:
        """Sign the size and root."""
        del request
        return pb.GetCheckpointResponse(checkpoint=outbound.checkpoint(self._proofs.checkpoint(call.brand)))

    @call("auditor")
    def ProveInclusion(self, request: pb.ProveInclusionRequest, call: Call) -> pb.ProveInclusionResponse:
        """Prove that an entry is in the ledger."""
        found = self._proofs.inclusion(call.brand, _position(request.position))
        return pb.ProveInclusionResponse(
            position=found.position,
            leaf_hash=found.leaf_hash,
            hashes=found.hashes,
            checkpoint=outbound.checkpoint(found.signed),
        )

    @call("auditor")
    def ProveConsistency(self, request: pb.ProveConsistencyRequest, call: Call) -> pb.ProveConsistencyResponse:
        """Prove that the ledger only grew."""
        found = self._proofs.consistency(call.brand, request.old_size, request.size)
        return pb.ProveConsistencyResponse(
            old_size=found.old_size,
            old_root_hash=found.old_root,
            hashes=found.hashes,
            checkpoint=outbound.checkpoint(found.signed),
        )


def _position(number: int) -> Position:
    """Return a position; one beyond what the ledger can hold is beyond its end."""
    return Position(min(number, MAX_POSITION))
