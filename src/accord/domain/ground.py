"""What `candidates` found: the best ground for a contact, or the one that came furthest."""

from msgspec import Struct

from accord.domain.lane import BasisTerm
from accord.domain.state import PermissionMark
from accord.domain.terms import Position, Reason


class Ground(Struct, frozen=True, gc=False):
    """The best ground found. `gate` is the number of the gate that stopped it, 0 for none."""

    gate: int
    reason: Reason | None = None
    term: BasisTerm | None = None
    mark: PermissionMark | None = None
    positions: tuple[Position, ...] = ()

    def fault_at(self, gate: int) -> Reason | None:
        """Return why the ground was stopped at this gate, or None when it was not."""
        return self.reason if self.gate == gate else None


NOT_SOUGHT = Ground(0)
"""Before the grounds are tried."""
