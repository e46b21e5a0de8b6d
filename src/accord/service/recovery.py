"""Recovery of a ledger whose newest entries are lost for good: it goes on as another incarnation, and says so.

What the database holds is kept. Each position that the last checkpoint shows to be lost gets an entry that says so, so
that no number ever means two things; then comes the entry that names the handover, and with it the last checkpoint.
From there on the ledger is signed for under another name, and marketing is denied until an officer accepts the loss.

Steps, each of which may be cut off; asking again goes on where this one stopped:
(1) keep the handover outside: nothing is served any more that does not lead to the new incarnation;
(2) fill the lost positions; (3) tell the recovery; (4) keep the first checkpoint of the new incarnation outside.
"""

from collections.abc import Callable

from msgspec import Struct

from accord.domain.commands import AcceptLoss, MarkLost, RecordHandover
from accord.domain.events import Justification, LedgerRecovered
from accord.domain.terms import BrandId, Position
from accord.ledger.keyring import Handovers, OutsideCopy, SigningKeys
from accord.ledger.store import LedgerStore, Records, TreeHead
from accord.ledger.tree import Tree
from accord.proof import handover
from accord.proof.checkpoint import Checkpoint
from accord.proof.handover import Handover, incarnation_of, origin_of, text_of, verify_any
from accord.proof.merkle import EMPTY_ROOT
from accord.service.answers import Request, Write, written
from accord.service.errors import catalogue_missing
from accord.service.guard import LedgerUnprovenError, keep_outside
from accord.service.handovers import CALLER

_AT_ONCE = 2000


class NotRecoverableError(Exception):
    """The ledger cannot be recovered, or need not be; the message says why and what to do."""


class Recovered(Struct, frozen=True):
    """What a recovery did: the new name, what was kept, and how many entries after it are lost."""

    origin: str
    kept: int
    lost: int
    verifier_key: str


class Recovery:
    """Recovers ledgers, one brand at a time, while nobody serves them."""

    def __init__(  # noqa: PLR0913 - where ledgers, keys, handovers and checkpoints are
        self,
        store: LedgerStore,
        records: Records,
        keys: SigningKeys,
        handovers: Handovers,
        outside: OutsideCopy,
        write: Write,
        examine: Callable[[TreeHead], None],
    ) -> None:
        """Read and lock this store; `write` writes to it, proven or not; `examine` raises LedgerUnprovenError."""
        self._store = store
        self._records = records
        self._keys = keys
        self._handovers = handovers
        self._outside = outside
        self._write = write
        self._examine = examine

    def unproven(self) -> list[BrandId]:
        """Return the brands whose ledgers do not extend the checkpoints kept outside."""
        found = []
        for head in self._records.heads():
            try:
                self._examine(head)
            except LedgerUnprovenError:
                found.append(head.brand)
        return found

    def recover(self, brand: BrandId, progress: Callable[[int, int], None]) -> Recovered:
        """Recover a ledger, or go on with what was begun. Raises NotRecoverableError; `progress` counts the lost."""
        head = self._head(brand)
        told = self._begun(head) or self._begin(head)
        incarnation = incarnation_of(told.name)
        lost = told.first - told.kept.size
        while (head := self._head(brand)).size < told.first:
            count = min(_AT_ONCE, told.first - head.size)
            self._tell(brand, MarkLost(count=count, incarnation=incarnation))
            progress(head.size + count - told.kept.size, lost)
        if head.incarnation != incarnation:
            note = self._handovers.read(head.ledger)[-1]
            event = LedgerRecovered(incarnation=incarnation, handover=note, lost=lost)
            self._tell(brand, RecordHandover(told=event))
        head = self._head(brand)
        keep_outside(self._outside, head, self._keys)
        return Recovered(head.origin, told.kept.size, lost, told.after)

    def accept(self, brand: BrandId, justification: Justification, write: Write) -> Position:
        """Record that an officer accepts the loss, by the write of a proven ledger. Raises CallError."""
        (result,) = write(brand, [Request(command=AcceptLoss(justification=justification), caller=CALLER)])
        return written(result).receipts[0].position

    def _head(self, brand: BrandId) -> TreeHead:
        head = self._store.head(brand)
        if head is None:
            raise catalogue_missing()
        return head

    def _begun(self, head: TreeHead) -> Handover | None:
        """Return the recovery that was begun on this very database and is not whole; None where there is none."""
        notes = self._handovers.read(head.ledger)
        told = handover.read(notes[-1])[0] if notes else None
        if told is None or not told.recovers or self._outside.read(told.name) is not None:
            return None
        if incarnation_of(told.name) == head.incarnation and head.size > told.first + 1:
            return None  # it was whole: its checkpoint went missing since, and is needed
        kept = told.kept
        if head.size >= kept.size and _root(self._store, head, kept.size) == kept.root:
            return told
        # Another database was put in its place since: nobody has served the incarnation yet, so it is begun anew.
        self._handovers.keep(head.ledger, notes[:-1])
        return None

    def _begin(self, head: TreeHead) -> Handover:
        try:
            self._examine(head)
        except LedgerUnprovenError:
            pass
        else:
            raise NotRecoverableError(f"{head.origin} extends its outside checkpoint: there is nothing to recover from")
        keys = self._keys.keys(head.ledger)
        last = self._last(keys.name, keys.trusted())
        if _root(self._store, head, head.size) != head.root:
            raise NotRecoverableError("what the database holds contradicts itself; `accord scrub` says where")
        after = text_of(origin_of(head.ledger, incarnation_of(keys.name) + 1), keys.private_key)
        with self._store.write(head.brand) as writing:
            # Nobody commits meanwhile. From the next line on only the new incarnation is served.
            at = writing.head or head
            told = Handover(
                kept=Checkpoint(keys.name, at.size, at.root),
                last=last,
                first=max(at.size, last.size),
                before=keys.verifier_key,
                after=after,
            )
            note = handover.write(told, keys.private_key, keys.private_key)
            self._handovers.keep(at.ledger, (*keys.handovers, note))
        return told

    def _last(self, name: str, keys: list[handover.TrustedKey]) -> Checkpoint:
        try:
            return verify_any(self._outside.read(name) or "", keys)[0]
        except ValueError as error:
            told = f"the outside checkpoint of {name} is needed, to say what is lost: put it, or any copy of it, back"
            raise NotRecoverableError(told) from error

    def _tell(self, brand: BrandId, command: MarkLost | RecordHandover) -> None:
        (result,) = self._write(brand, [Request(command=command, caller=CALLER)])
        written(result)


def _root(store: LedgerStore, head: TreeHead, size: int) -> bytes:
    return Tree(store, head.brand).root(size) if size else EMPTY_ROOT
