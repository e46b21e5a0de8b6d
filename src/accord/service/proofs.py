"""Entries, checkpoints and inclusion proofs, for whoever audits."""

from msgspec import Struct

from accord.domain.problems import ErrorReason, Problem, Violation
from accord.domain.terms import BrandId, Position
from accord.ledger.entry import StoredEntry
from accord.ledger.keyring import OutsideCopy, Signer
from accord.ledger.store import Head, LedgerStore, TreeHead
from accord.ledger.tree import Tree
from accord.proof.merkle import split, verify_consistency, verify_inclusion
from accord.service.errors import CallError, catalogue_missing
from accord.service.guard import SignedCheckpoint, keep_outside, keys_of, signed_by


class InclusionProof(Struct, frozen=True):
    """The sibling hashes from the leaf up, and the checkpoint they lead to."""

    position: Position
    leaf_hash: bytes
    hashes: list[bytes]
    signed: SignedCheckpoint


class ConsistencyProof(Struct, frozen=True):
    """The hashes that show a later tree to extend an earlier one, and the checkpoint of the later one."""

    old_size: int
    old_root: bytes
    hashes: list[bytes]
    signed: SignedCheckpoint


class Proofs:
    """Proves what is in a ledger."""

    def __init__(self, store: LedgerStore, outside: OutsideCopy, signer: Signer) -> None:
        """Read from this store; sign with this signer."""
        self._store = store
        self._outside = outside
        self._signer = signer

    def head(self, brand: BrandId) -> TreeHead:
        """Return the end of the brand's ledger. Raises CallError when it has none."""
        head = self._store.head(brand)
        if head is None:
            raise catalogue_missing()
        return head

    def checkpoint(self, brand: BrandId) -> SignedCheckpoint:
        """Sign the size and root as they are now, and keep it outside."""
        return self._sign(self.head(brand))

    def checkpoint_at(self, brand: BrandId, size: int, field: str = "size") -> SignedCheckpoint:
        """Sign the first `size` entries, 0 for all there are. Raises CallError, naming `field`, for more."""
        head = self.head(brand)
        if size in (0, head.size):
            return self._sign(head)
        if size > head.size:
            raise CallError(_size_unknown(field, head))
        return self._sign_past(head, size)

    def consistency(self, brand: BrandId, old_size: int, size: int) -> ConsistencyProof:
        """Prove that the first `size` entries, 0 for all there are, extend the first `old_size`. Raises CallError."""
        signed = self.checkpoint_at(brand, size)
        size = signed.checkpoint.size
        if not 0 < old_size <= size:
            raise CallError(_size_unknown("old_size", self.head(brand)))
        tree = Tree(self._store, brand)
        old_root, hashes = tree.root(old_size), tree.prove_consistency(old_size, size)
        if not verify_consistency(old_size, old_root, size, signed.checkpoint.root, hashes):
            raise RuntimeError("the stored tree does not lead to its root; run `accord audit`")
        return ConsistencyProof(old_size, old_root, hashes, signed)

    def entry(self, brand: BrandId, position: Position) -> StoredEntry:
        """Return one entry. Raises CallError when the ledger has no such position."""
        entries = self._store.entries(brand, position, 1)
        if not entries:
            raise CallError(_entry_unknown(self.head(brand)))
        return entries[0]

    def entries(self, brand: BrandId, start: int, limit: int) -> list[StoredEntry]:
        """Return up to `limit` entries by position from `start` on."""
        return self._store.entries(brand, start, limit)

    def inclusion(self, brand: BrandId, position: Position) -> InclusionProof:
        """Prove that an entry is in the ledger as it is now. Raises CallError when it has no such position."""
        (proof,) = self.inclusions(brand, [position])
        return proof

    def inclusions(self, brand: BrandId, positions: list[Position]) -> list[InclusionProof]:
        """Prove entries in order, all to one checkpoint. Raises CallError when there is no such position."""
        head = self.head(brand)
        if not all(0 <= position < head.size for position in positions):
            raise CallError(_entry_unknown(head))
        tree = Tree(self._store, brand, head.size, split(head.edge))
        found: list[tuple[Position, bytes, list[bytes]]] = []
        for position in positions:
            (entry,) = self._store.entries(brand, position, 1)
            hashes = tree.prove_inclusion(position, head.size)
            if not verify_inclusion(entry.leaf_hash, position, head.size, hashes, head.root):
                # Never sign off a proof that does not hold: stop, and let the audit say where it breaks.
                raise RuntimeError("the stored tree does not lead to its root; run `accord audit`")
            found.append((position, entry.leaf_hash, hashes))
        signed = self._sign(head)
        return [InclusionProof(position, leaf_hash, hashes, signed) for position, leaf_hash, hashes in found]

    def _sign(self, head: TreeHead) -> SignedCheckpoint:
        return keep_outside(self._outside, head, self._signer)

    def _sign_past(self, head: TreeHead, size: int) -> SignedCheckpoint:
        """Sign a state the ledger was in, once it is proven that the head extends it."""
        tree = Tree(self._store, head.brand)
        root = tree.root(size)
        proof = tree.prove_consistency(size, head.size)
        if not verify_consistency(size, root, head.size, head.root, proof):
            raise RuntimeError("the stored tree does not lead to its root; run `accord audit`")
        return signed_by(keys_of(self._signer, head), size, root)


def _size_unknown(field: str, head: Head) -> Problem:
    fault = Violation(field, f"must be 1 to {head.size}, the size of the ledger")
    return Problem(ErrorReason.ENTRY_UNKNOWN, "no such size", (fault,), {"field": field, "size": str(head.size)})


def _entry_unknown(head: Head) -> Problem:
    fault = Violation("position", f"must be less than {head.size}, the size of the ledger")
    metadata = {"field": "position", "size": str(head.size)}
    return Problem(ErrorReason.ENTRY_UNKNOWN, "no such entry", (fault,), metadata)
