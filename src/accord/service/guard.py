"""Serves a store only while it is proven to extend the checkpoints kept outside it.

At start and after every failure of the database, before the next read or write: each ledger must
hold a tree that is consistent with the outside checkpoint (docs/architecture.md), so that a
restored backup or a regrown fork is never served as if it were the ledger. Entries after the last
outside checkpoint are not protected by it. A ledger in which the scrub found damage is neither served nor signed.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, TypeVar

from msgspec import Struct

from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import BrandId
from accord.ledger.entry import StoredEntry
from accord.ledger.keyring import LedgerKeys, OutsideCopy, Signer
from accord.ledger.scrubbing import ScrubMarks
from accord.ledger.store import (
    Census,
    Censuses,
    FrozenRecords,
    Records,
    Sight,
    StoreUnavailableError,
    TreeHead,
    Writing,
)
from accord.ledger.tree import Tree
from accord.proof import checkpoint as notes
from accord.proof.checkpoint import Checkpoint
from accord.proof.handover import incarnation_of, ledger_of, verify_any
from accord.proof.merkle import EMPTY_ROOT, Edge, root_of_edge, split, verify_consistency
from accord.service.errors import CallError

_Held = TypeVar("_Held")
_NEVER = -1
_TRIES = 5
_RESTLESS = "connections are opened faster than they can be proven"


class ProvableStore(Censuses, Records, Protocol):
    """A store that counts its connections and lists its ledgers."""


class LedgerUnprovenError(Exception):
    """The database does not extend the checkpoint kept outside it. Ours, and stop."""


class ProvenStore:
    """A `LedgerStore` that proves itself before it answers."""

    def __init__(
        self, store: ProvableStore, fresh: ProvableStore, outside: OutsideCopy, signer: Signer, marks: ScrubMarks
    ) -> None:
        """Guard a store; nothing is proven yet.

        `fresh` is the same database by a connection that is opened for each use: a proof over one that
        was opened before would prove what that one still leads to. `marks` tell what the scrub found.
        """
        self._store = store
        self._fresh = fresh
        self._outside = outside
        self._signer = signer
        self._marks = marks
        self._edges: dict[str, tuple[int, Edge]] = {}
        """The tree at the checkpoint of each ledger that was looked at last: what is below it is not read again."""
        self._proven_connections = _NEVER
        self._refused = False
        self._lock = threading.Lock()

    @property
    def is_proven(self) -> bool:
        """Whether the last proof held and the database has not failed since."""
        return not self._refused and self._proven_connections != _NEVER

    def prove(self) -> None:
        """Prove every ledger against its outside checkpoint. Raises LedgerUnprovenError, StoreUnavailableError."""
        with self._lock:
            try:
                self._prove()
            except Exception:
                self._refused = True
                raise
            self._refused = False

    def look(self) -> bool:
        """Say whether nothing is damaged, by the marks of the scrub; what is served from here on is proven anew."""
        damaged = bool(self._marks.damaged())
        if damaged:
            self._proven_connections = _NEVER
        return not damaged

    def examine(self, head: TreeHead) -> None:
        """Prove one ledger by what the database holds now. Raises LedgerUnprovenError, StoreUnavailableError."""
        kept = {name: self._outside.read(name) for name in self._outside.ledgers()}
        with self._fresh.frozen() as held:
            self._prove_ledger(head.ledger, kept, held.head(head.brand), held)

    def keep_checkpoints(self) -> None:
        """Keep the newest checkpoint of every ledger outside. Raises LedgerUnprovenError, StoreUnavailableError.

        A fork must not become what the ledger is proven against, so each is proven first; a damaged one is not signed.
        """
        self._require_whole()
        for head in self._prove_ledgers():
            keep_outside(self._outside, head, self._signer)
            self._edges[head.origin] = head.size, split(head.edge)

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> Sight | None:
        """Read; again once proven, for as long as reading opens connections that are not proven yet."""
        try:
            if self._proven_connections == _NEVER:
                self._prove_or_refuse()
            sight = self._store.read(brand, lookups)
            if self._proven_connections == self._store.connections:
                return sight
            for _ in range(_TRIES):
                self._prove_or_refuse()
                sight = self._store.read(brand, lookups)
                if self._proven_connections == self._store.connections:
                    return sight
        except StoreUnavailableError:
            self._proven_connections = _NEVER
            raise
        raise StoreUnavailableError(_RESTLESS)

    def head(self, brand: BrandId) -> TreeHead | None:
        """Return the head, proven as what is read is."""
        try:
            for _ in range(_TRIES):
                head = self._store.head(brand)
                if not self._unproven():
                    return head
                self._prove_or_refuse()
        except StoreUnavailableError:
            self._proven_connections = _NEVER
            raise
        raise StoreUnavailableError(_RESTLESS)

    def write(self, brand: BrandId) -> AbstractContextManager[Writing]:
        """Write, once the connections opened so far are proven, that which writes among them."""
        return self._held(self._store.write(brand))

    def census(self, brand: BrandId) -> AbstractContextManager[Census | None]:
        """Open a snapshot, proven as what is written is."""
        return self._held(self._store.census(brand))

    @contextmanager
    def _held(self, opened: AbstractContextManager[_Held]) -> Iterator[_Held]:
        try:
            if self._unproven():
                self._prove_or_refuse()
            with opened as held:
                if self._unproven():
                    self._prove_or_refuse()
                yield held
        except StoreUnavailableError:
            self._proven_connections = _NEVER
            raise

    def entries(self, brand: BrandId, start: int, limit: int, customer_ref: bytes | None = None) -> list[StoredEntry]:
        """Read entries; an auditor may look at an unproven ledger."""
        return self._store.entries(brand, start, limit, customer_ref)

    def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
        """Read tiles; an auditor may look at an unproven ledger."""
        return self._store.tiles(brand, level, indexes)

    def _prove(self) -> None:
        self._require_whole()
        # What counts is a proof during which the store opened no connection.
        for _ in range(_TRIES):
            connections = self._store.connections
            self._prove_ledgers()
            if connections == self._store.connections:
                self._proven_connections = connections
                return
        raise StoreUnavailableError(_RESTLESS)

    def _require_whole(self) -> None:
        for mark in self._marks.damaged():
            raise LedgerUnprovenError(f"{mark.ledger} is damaged: {mark.faults[0]}; {_MEND}")

    def _unproven(self) -> bool:
        return self._proven_connections != self._store.connections

    def _prove_or_refuse(self) -> None:
        try:
            self.prove()
        except LedgerUnprovenError as error:
            raise CallError(Problem(ErrorReason.LEDGER_UNPROVEN, str(error))) from error

    def _prove_ledgers(self) -> list[TreeHead]:
        """Prove what the database holds now, and return it."""
        # Notes before heads: others write and keep checkpoints meanwhile, and a head read after a note is no smaller.
        notes_kept = {name: self._outside.read(name) for name in self._outside.ledgers()}
        with ExitStack() as stack:
            held = stack.enter_context(self._fresh.frozen())
            heads = held.heads()
            begun = [head.origin for head in heads if head.origin not in notes_kept]
            if begun:
                # A ledger that was begun in between has had its note since before its first commit.
                notes_kept |= {name: self._outside.read(name) for name in begun}
                held = stack.enter_context(self._fresh.frozen())
                heads = held.heads()
            by_ledger = {head.ledger: head for head in heads}
            for ledger in sorted({*by_ledger, *map(ledger_of, notes_kept)}):
                self._prove_ledger(ledger, notes_kept, by_ledger.get(ledger), held)
        return heads

    def _prove_ledger(
        self, ledger: str, notes_kept: Mapping[str, str | None], head: TreeHead | None, held: FrozenRecords
    ) -> None:
        """Prove a ledger against the checkpoint of its newest incarnation; those of earlier ones are history."""
        name = ledger
        try:
            keys = self._signer.keys(ledger)
            name, note = keys.name, notes_kept.get(keys.name)
            if note is None:
                raise LedgerUnprovenError(_unkept(name))
            kept, _ = verify_any(note, keys.trusted())
        except ValueError as error:
            raise LedgerUnprovenError(f"the outside checkpoint of {name} is not ours: {error}; {_ADVICE}") from error
        if kept.origin != name:
            raise LedgerUnprovenError(f"the outside checkpoint of {name} names another ledger; {_ADVICE}")
        if head is not None and head.origin != name:
            raise LedgerUnprovenError(f"the database holds {head.origin}, which was recovered as {name}; {_ADVICE}")
        if head is None:
            if kept.size == 0:
                return  # the first commit of this ledger never happened
            raise LedgerUnprovenError(f"the database lacks {name}, which had {kept.size} entries; {_ADVICE}")
        if not self._extends(kept, head, held):
            raise LedgerUnprovenError(
                f"the database does not extend the outside checkpoint of {name} at {kept.size} entries; {_ADVICE}"
            )

    def _extends(self, kept: Checkpoint, head: TreeHead, held: FrozenRecords) -> bool:
        if kept.size == 0:
            return kept.root == EMPTY_ROOT
        if kept.size > head.size:
            return False
        size, edge = self._edges.get(kept.origin, (0, ()))
        if size != kept.size or root_of_edge(edge) != kept.root:
            edge = Tree(held, head.brand).edge(kept.size)
            if root_of_edge(edge) != kept.root:
                return False
            self._edges[kept.origin] = kept.size, edge
        proof = Tree(held, head.brand, kept.size, edge).prove_consistency(kept.size, head.size)
        return verify_consistency(kept.size, kept.root, head.size, head.root, proof)


def keys_of(signer: Signer, head: TreeHead) -> LedgerKeys:
    """Return the keys that sign for a head, asked for after it was read. Raises LedgerUnprovenError, KeyLostError."""
    keys = signer.keys(head.ledger)
    if keys.name != head.origin:
        raise LedgerUnprovenError(f"the database holds {head.origin}, which was recovered as {keys.name}; {_ADVICE}")
    return keys


def _unkept(name: str) -> str:
    told = f"no checkpoint of {name} is kept outside the database: "
    if incarnation_of(name) > 1:
        told += "if its recovery was cut off, run `accord recover --new-incarnation` again; else "
    return told + _ADVICE


_ADVICE = (
    "restore the newest database, or the outside checkpoints that belong to this one; "
    "where entries are lost for good: `accord recover --new-incarnation`"
)
_MEND = "put back what was there, from a replica or a backup; it is served again once it is read and fits"


class SignedCheckpoint(Struct, frozen=True):
    """A checkpoint, its note, the verifier key in the text form of signed notes, and the handovers that led to it."""

    checkpoint: Checkpoint
    note: str
    verifier_key: str
    handovers: tuple[str, ...] = ()


def signed_by(keys: LedgerKeys, size: int, root: bytes) -> SignedCheckpoint:
    """Sign a size and root that hold: by the same key always the same bytes."""
    checkpoint = Checkpoint(keys.name, size, root)
    return SignedCheckpoint(checkpoint, notes.sign(checkpoint, keys.private_key), keys.verifier_key, keys.handovers)


def keep_outside(outside: OutsideCopy, head: TreeHead, signer: Signer) -> SignedCheckpoint:
    """Sign the head, keep it outside unless something newer is kept, and return it."""
    keys = keys_of(signer, head)
    signed = signed_by(keys, head.size, head.root)
    while True:
        before = outside.read(keys.name)
        if before is not None and int(before.split("\n")[1]) >= head.size:
            return signed
        if outside.replace(keys.name, before, signed.note):
            return signed
