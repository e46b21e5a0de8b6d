"""Audit exports: what is asked for, settled against the ledger as it is, and noted before it is handed out.

`begin` fixes everything that the bytes depend on: the checkpoint, the range, the customer. The bytes
follow in `export_writer`, and are the same for the same checkpoint, scope, redaction and erasures, so
that an export that broke off is continued by its size and offset. Whoever asks is noted in the ledger
first (`Exported`), after the checkpoint that the export shows.
"""

from collections.abc import Iterator

from msgspec import Struct

from accord.domain.events import Exported
from accord.domain.problems import ErrorReason, Problem, Violation
from accord.domain.terms import BrandId, Identifier, Instant, Position, Redaction
from accord.ledger.keyring import Keyring, Signer
from accord.ledger.store import LedgerStore
from accord.ledger.walk import first_since
from accord.service.catalogues import Catalogues
from accord.service.errors import CallError
from accord.service.export_parquet import can_write
from accord.service.export_writer import Chunk, ExportWriter, Settled
from accord.service.proofs import Proofs
from accord.service.receipts import controller_untold
from accord.service.records import Remembered


class Asked(Struct, frozen=True, kw_only=True):
    """What an auditor asks for: one customer, or a range by positions or by recorded time, perhaps filtered.

    Ends are not included; 0 and empty ask for no limit. `receipts` are those of what is disclosed,
    `parquet` the rows of the report for machines.
    """

    redaction: Redaction
    customer: Identifier | None = None
    first: Position = Position(0)
    end: Position = Position(0)
    recorded_from: Instant = Instant(0)
    recorded_until: Instant = Instant(0)
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    receipts: bool = False
    parquet: bool = False


class Exports:
    """Makes exports of a brand's ledger."""

    def __init__(  # noqa: PLR0913 - what an export shows comes from everywhere
        self,
        store: LedgerStore,
        keyring: Keyring,
        remembered: Remembered,
        catalogues: Catalogues,
        proofs: Proofs,
        signer: Signer,
    ) -> None:
        """Read from this store; sign with this signer."""
        self._store = store
        self._remembered = remembered
        self._catalogues = catalogues
        self._proofs = proofs
        self._writer = ExportWriter(store, keyring, catalogues, signer)

    def begin(self, brand: BrandId, asked: Asked, size: int = 0) -> Settled:
        """Settle an export of the first `size` entries, 0 for all there are. Raises CallError."""
        signed = self._proofs.checkpoint_at(brand, size, "checkpoint_size")
        size = signed.checkpoint.size
        customer, (first, end) = "", (0, size)
        if asked.customer is not None:
            customer = self._remembered.find(brand, asked.customer)[1].customer_ref.hex()
        elif asked.recorded_from or asked.recorded_until:
            first, end = self._period(brand, asked, size)
        else:
            first, end = self._range(asked, size)
        exported = Exported(
            size=size,
            root=signed.checkpoint.root.hex(),
            first=Position(first),
            end=Position(end),
            redaction=asked.redaction,
            customer=customer,
            recorded_from=asked.recorded_from,
            recorded_until=asked.recorded_until,
            purposes=asked.purposes,
            channels=asked.channels,
        )
        wanted = asked.receipts or bool(customer)
        catalogues = self._catalogues.applied_until(brand, size) if wanted else ()
        if not any(each.catalogue.controller_details for each in catalogues):
            if asked.receipts:
                raise CallError(controller_untold())
            catalogues = ()
        if asked.parquet and not can_write():
            raise CallError(_no_parquet())
        return Settled(brand, signed, exported, catalogues, asked.parquet)

    def chunks(self, settled: Settled, offset: int = 0) -> Iterator[Chunk]:
        """Yield the bytes of an export from `offset` on, as they are made. Raises TamperedError, never half a truth."""
        skipped = 0
        for chunk in self._writer.chunks(settled):
            ahead = min(max(0, offset - skipped), len(chunk.content))
            skipped += ahead
            yield Chunk(chunk.content[ahead:], chunk.done, chunk.total)

    @staticmethod
    def _range(asked: Asked, size: int) -> tuple[int, int]:
        end = asked.end or size
        if end > size:
            raise CallError(_outside("end_position", f"must be at most {size}, the size of the ledger", size))
        if asked.first > end:
            raise CallError(_outside("first_position", "must not lie after the end", size))
        return asked.first, end

    def _period(self, brand: BrandId, asked: Asked, size: int) -> tuple[int, int]:
        """Return the range of a period with the entry on each side, which shows that none is missing there."""
        first = first_since(self._store, brand, asked.recorded_from, size)
        end = first_since(self._store, brand, asked.recorded_until, size) if asked.recorded_until else size
        return max(0, first - 1) if asked.recorded_from else 0, min(size, max(first, end) + 1)


def _no_parquet() -> Problem:
    text = "this server writes no report.parquet: it needs pyarrow, pip install 'accord[parquet]'"
    fault = Violation("parquet", "must be left out")
    return Problem(ErrorReason.VIEW_UNAVAILABLE, text, (fault,), {"field": "parquet"})


def _outside(field: str, description: str, size: int) -> Problem:
    fault = Violation(field, description)
    return Problem(ErrorReason.ENTRY_UNKNOWN, "no such range", (fault,), {"field": field, "size": str(size)})
