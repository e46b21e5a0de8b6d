"""Rotation of the signing key: every ledger is handed over to a new key, which is then the only one.

Steps, each of which may be cut off; the next start, or asking again, goes on where this one stopped:
(1) make another key, which signs nothing yet; (2) ledger by ledger, while nobody commits to it, keep its handover:
from then on every server signs by the key after, and nothing larger was ever signed by the key before;
(3) tell it in the ledger, and keep a checkpoint by the new key outside; (4) destroy the key before.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from accord.domain.commands import RecordHandover
from accord.domain.events import SigningKeyRotated
from accord.ledger.entry import BRAND_REF, read_leaf
from accord.ledger.keyring import Handovers, KeyLostError, OutsideCopy, SigningKeys
from accord.ledger.store import LedgerStore, Records, TreeHead
from accord.ledger.walk import history
from accord.proof import handover
from accord.proof.checkpoint import Checkpoint, read_verifier_key, verify
from accord.proof.handover import Handover, text_of
from accord.service.answers import Request, Write, written

CALLER = "accord"


class HandedOver(Struct, frozen=True):
    """What a rotation did: the ledgers, each with its verifier key now."""

    ledgers: dict[str, str]


class KeyRotation:
    """Hands ledgers over from key to key."""

    def __init__(  # noqa: PLR0913 - where keys, handovers, ledgers and checkpoints are
        self,
        records: Records,
        store: LedgerStore,
        keys: SigningKeys,
        handovers: Handovers,
        outside: OutsideCopy,
        write: Write,
        keep_checkpoints: Callable[[], None],
    ) -> None:
        """Lock heads of this store; `write` and `keep_checkpoints` are those of a ledger that is proven."""
        self._records = records
        self._store = store
        self._keys = keys
        self._handovers = handovers
        self._outside = outside
        self._write = write
        self._keep_checkpoints = keep_checkpoints

    def rotate(self, *, disown: bool = False, before: str = "") -> HandedOver:
        """Begin with a new key, or go on with the one that was begun. Raises KeyLostError, LedgerUnprovenError.

        `disown`: the key before does not vouch for the one after. `before` is then its verifier key as it was
        handed out, needed where no handover names it and the key itself is lost.
        """
        if disown:
            self._keys.disown()
        # If we crash after this line, a key is there that signs nothing: the next call hands over to it.
        if not self._keys.older():
            self._keys.make()
        return self._go_on(before)

    def finish(self) -> None:
        """Finish what was cut off, if anything was."""
        if self._keys.older():
            self._go_on("")
        else:
            self._tell()

    def _go_on(self, before: str) -> HandedOver:
        for head in self._records.heads():
            self._hand_over(head, before)
        self._tell()
        # What is kept outside is signed anew before the old key goes.
        self._keep_checkpoints()
        self._keys.destroy_older()
        return HandedOver({each.ledger: self._keys.keys(each.ledger).verifier_key for each in self._records.heads()})

    def _hand_over(self, head: TreeHead, before: str) -> None:
        notes, newest = self._handovers.read(head.ledger), self._keys.newest()
        if notes and handover.read(notes[-1])[0].after == text_of(head.origin, newest):
            return
        old, private = self._before(head, notes, before)
        with self._store.write(head.brand) as writing:
            # Nobody commits meanwhile, and whoever signs asks for the key after reading the head: nothing larger
            # than this was signed by the key before, or ever will be.
            at = writing.head or head
            last = Checkpoint(at.origin, at.size, at.root)
            told = Handover(kept=last, last=last, first=at.size, before=old, after=text_of(at.origin, newest))
            self._handovers.keep(at.ledger, (*notes, handover.write(told, private, newest)))

    def _before(self, head: TreeHead, notes: tuple[str, ...], given: str) -> tuple[str, Ed25519PrivateKey | None]:
        """Return the key before as it is pinned, and itself where it vouches for the one after."""
        if not self._keys.disowned():
            keys = self._keys.keys(head.ledger)
            return keys.verifier_key, keys.private_key
        if notes:
            return handover.read(notes[-1])[0].after, None
        old = given or self._keys.keys(head.ledger).verifier_key
        try:
            verify(self._outside.read(head.origin) or "", read_verifier_key(old)[1])
        except ValueError as error:
            told = f"the outside checkpoint of {head.origin} is not signed by {old}: name the key that was handed out"
            raise KeyLostError(told) from error
        return old, None

    def _tell(self) -> None:
        """Tell in each ledger the handovers that it does not tell yet."""
        for head in self._records.heads():
            notes = [note for note in self._handovers.read(head.ledger) if not handover.read(note)[0].recovers]
            told = self._told(head) if notes else 0
            for note in notes[told:]:
                event = SigningKeyRotated(handover=note, disowned=not handover.read(note)[1])
                (result,) = self._write(head.brand, [Request(command=RecordHandover(told=event), caller=CALLER)])
                # The key before goes only once the ledger tells what followed it.
                written(result)

    def _told(self, head: TreeHead) -> int:
        """Return how many handovers the entries of a ledger tell: in order, and none twice."""
        entries = history(self._store, head.brand, BRAND_REF)
        return sum(read_leaf(entry.leaf).type == SigningKeyRotated.__name__ for entry in entries)
