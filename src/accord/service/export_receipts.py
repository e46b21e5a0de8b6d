"""receipts.jsonld of an export: a receipt of each act that is disclosed, as GetReceipt writes it.

One JSON-LD document with a receipt a line, so that neither who writes it nor who reads it need hold it. A
receipt looks back on all that its customer had said, so histories are read again, each once for a page
of entries; what is held is one history and the lines of one page.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import msgspec

from accord.domain.catalogue import Catalogue, ControllerDetails
from accord.domain.terms import BrandId, Position
from accord.ledger.entry import StoredEntry
from accord.ledger.opening import OpenedEntry, open_entry
from accord.ledger.store import LedgerStore
from accord.ledger.walk import history
from accord.proof import verify
from accord.service.catalogues import Applied
from accord.service.receipts import receipt_of

Keys = Mapping[tuple[bytes, int], bytes]

_encode = msgspec.json.Encoder(order="sorted").encode


class ReceiptLines:
    """The lines of receipts.jsonld, as entries come."""

    def __init__(
        self, store: LedgerStore, brand: BrandId, ledger: str, size: int, catalogues: tuple[Applied, ...]
    ) -> None:
        """Write from this store as it was with `size` entries; `catalogues` are those applied by then."""
        self._store = store
        self._brand = brand
        self._ledger = ledger
        self._size = size
        self._catalogues = catalogues
        self._positions = [each.position for each in catalogues]
        self._begun = False

    def of(self, entries: Iterable[StoredEntry], disclosed: set[int], keys: Keys) -> bytes:
        """Return the receipts of those entries that are disclosed and tell what a customer said, in their order."""
        found: dict[int, bytes] = {}
        wanted: dict[bytes, list[Position]] = {}
        for entry in entries:
            if entry.position in disclosed:
                wanted.setdefault(entry.customer_ref, []).append(entry.position)
        for ref, positions in wanted.items():
            opened = self._history(ref, keys)
            for position in positions:
                node = receipt_of(self._ledger, opened, position, partial(self._then, position))
                if node is not None:
                    found[position] = _encode({name: told for name, told in node.items() if name != "@context"})
        return b"".join(self._separated(found[position]) for position in sorted(found))

    @staticmethod
    def document(lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the document around what `of` returned."""
        yield verify.RECEIPTS_HEAD
        yield from lines
        yield b"\n]}\n"

    def _separated(self, line: bytes) -> bytes:
        begun, self._begun = self._begun, True
        return (b",\n" if begun else b"\n") + line

    def _history(self, ref: bytes, keys: Keys) -> list[OpenedEntry]:
        found: list[OpenedEntry] = []
        for entry in history(self._store, self._brand, ref):
            if entry.position >= self._size:
                break
            if (entry.customer_ref, entry.generation) in keys:
                found.append(open_entry(entry, self._ledger, keys))
        return found

    def _then(self, position: Position) -> tuple[Catalogue, ControllerDetails]:
        """Return the catalogue that counted then, and what it, else the newest that does, tells of the controller."""
        counted = self._catalogues[max(0, bisect_right(self._positions, position) - 1)].catalogue
        told = [each.catalogue.controller_details for each in self._catalogues]
        details = counted.controller_details or next(each for each in reversed(told) if each)
        return counted, details
