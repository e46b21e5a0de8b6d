"""Holds what stands on lists of addresses not to be contacted to the entries that tell of it.

Whose addresses they are nobody can tell: a row has digests alone. So what is held is that each row rests on an
import of its list that the ledger has, that no row is gone of an address whose holder was told, and that no fewer
stand on a list than its last import counted. Rows told of later than what was audited are left for the next audit.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from accord.domain.events import Event, SuppressionsEnded, SuppressionsImported
from accord.domain.state import Listing, PointState
from accord.domain.terms import Position
from accord.ledger.store import ListingRow
from accord.service.listed import key

_decode = msgspec.msgpack.Decoder(Listing).decode


class _Counted(Struct, frozen=True):
    """How many stood on a list when its last import ended."""

    ended: Position
    least: int


class ListAuditor:
    """Is told of imports as they are folded, then compares the rows."""

    def __init__(self) -> None:
        """Begin before the first entry."""
        self._begun: dict[Position, SuppressionsImported] = {}
        self._imports: dict[str, list[tuple[Position, SuppressionsImported]]] = {}
        self._counted: dict[str, _Counted] = {}

    def fold(self, event: Event, position: Position) -> None:
        """Note an import that begins or ends."""
        match event:
            case SuppressionsImported():
                self._begun[position] = event
                self._imports.setdefault(key(event.kind, event.list), []).append((position, event))
            case SuppressionsEnded() if begun := self._begun.get(event.imported):
                self._counted[key(begun.kind, begun.list)] = _Counted(position, event.listed)
            case _:
                return

    def faults(
        self, rows: Iterable[tuple[str, ListingRow]], points: dict[bytes, PointState], size: int
    ) -> Iterator[str]:
        """Yield what does not follow from the first `size` entries; `points` are the addresses as they were folded."""
        told = {
            (lookup, key(each.kind, each.list)): each.listed_time
            for lookup, point in points.items()
            for each in point.listings
        }
        counts: Counter[str] = Counter()
        for code, row in rows:
            counts[code] += 1
            if told.get((row.lookup, code), row.listed_time) <= row.listed_time:
                told.pop((row.lookup, code), None)
            if not self._follows(code, row, size):
                yield f"an address on the list {code} does not follow from an import of it"
        for _, code in sorted(told):
            yield f"the list {code} no longer has an address whose holder was told of it"
        for code, counted in sorted(self._counted.items()):
            if counts[code] < counted.least and not self._under_way(code, counted.ended):
                yield f"fewer addresses stand on the list {code} than its last import counted"

    def _follows(self, code: str, row: ListingRow, size: int) -> bool:
        try:
            listing = _decode(row.listing)
        except msgspec.MsgspecError:
            return False
        if (key(listing.kind, listing.list), listing.listed_time) != (code, row.listed_time):
            return False
        if listing.position >= size:
            return True
        begun = self._begun.get(listing.position)
        if begun is None or key(begun.kind, begun.list) != code:
            return False
        imports = [each for at, each in self._imports[code] if at <= listing.position]
        dated = any(each.listed_time == listing.listed_time for each in imports)
        return dated and _named(listing.purposes, imports)

    def _under_way(self, code: str, ended: Position) -> bool:
        """Say whether an import of the list began since: until it ends, it may have taken addresses off."""
        return any(at > ended for at, _ in self._imports[code])


def _named(purposes: tuple[str, ...], imports: list[SuppressionsImported]) -> bool:
    """Say whether imports together named these purposes; none are all."""
    if not purposes:
        return any(not each.purposes for each in imports)
    return set(purposes) <= {purpose for each in imports for purpose in each.purposes}
