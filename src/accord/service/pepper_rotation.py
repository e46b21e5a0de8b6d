"""Rotation of the pepper of identifiers: every digest is hashed anew from what the entries say.

For whoever learned the pepper can guess, in a copy of the database, whose digests these are. Steps, each of
which may be cut off; asking again goes on where this one stopped:
(1) make the pepper of the next epoch, which every process must be able to read before anything is in it; (2) brand by
brand, note what each digest becomes, while servers go on; (3) lock the brand's head, note what came meanwhile, and
move all digests in one commit. From there on every read and write of the brand is by the new epoch; (4) leave neither
notes nor deleted digests behind: a note leads whoever has the old pepper to the new digest.
Peppers so far are kept: a backup of the ledger needs that of its epoch, and contacts and requests the first.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from accord.domain.terms import BrandId
from accord.ledger.entry import NO_CUSTOMER, StoredEntry
from accord.ledger.keyring import Keyring
from accord.ledger.lookup import IdentifierLookups, Lookups
from accord.ledger.opening import open_entry
from accord.ledger.store import LookupMoves, TreeHead

_PAGE = 1000

Moves = list[tuple[bytes, bytes]]


class PepperMaker(Protocol):
    """Makes peppers."""

    def make(self, epoch: int) -> None:
        """Make the pepper of an epoch unless it is here; durable on return. Raises where others must."""
        ...


class StrandedError(Exception):
    """Some of what is known of addresses would be found no more; nothing moved."""


class MovedLedgers(Struct, frozen=True):
    """What a rotation did: the epoch, and how many entries were read for each brand that moved to it.

    `compacted`: no digest of before is left in the database's own log, where it has one.
    """

    epoch: int
    brands: dict[str, int]
    compacted: bool


class PepperRotation:
    """Moves every brand to the next epoch."""

    def __init__(self, store: LookupMoves, peppers: PepperMaker, lookups: Lookups, keyring: Keyring) -> None:
        """Lock heads of this store, which is proven."""
        self._store = store
        self._peppers = peppers
        self._lookups = lookups
        self._keyring = keyring

    def rotate(self, progress: Callable[[int], None]) -> MovedLedgers:
        """Begin a new epoch, or finish the one that was begun. `progress` is told how many entries were read.

        Raises StrandedError, StoreUnavailableError, and what making a pepper raises.
        """
        epochs = [head.pepper_epoch for head in self._heads()]
        newest = max([self._lookups.newest_epoch, *epochs])
        # A pepper in which not every brand is was made by a rotation that was cut off, or put here for this one. A
        # restored ledger goes there too: the epochs between may be those that others learned.
        epoch = newest if any(each < newest for each in epochs) else newest + 1
        self._peppers.make(epoch)
        done: dict[str, int] = {}
        # Again, for a brand that began while others moved, by a process that did not have the pepper yet.
        while behind := [head for head in self._heads() if head.pepper_epoch < epoch]:
            for head in behind:
                done[head.brand] = self._move(head, epoch, sum(done.values()), progress)
        return MovedLedgers(epoch, done, self._store.compact())

    def _move(self, head: TreeHead, epoch: int, elsewhere: int, progress: Callable[[int], None]) -> int:
        """Move one brand; return how many entries it has. `elsewhere` were read already of others."""
        brand, before, after = head.brand, self._lookups.at(head), self._lookups.of(epoch)
        self._store.forget_moves(brand)
        try:
            read = 0
            for entries in self._pages(brand, 0, head.size):
                if not self._store.keep_moves(brand, before.epoch, self._moves(head, entries, before, after)):
                    return read  # somebody else moved it
                read += len(entries)
                progress(elsewhere + read)
            return self._move_noted(head, read, before, after)
        finally:
            self._store.forget_moves(brand)

    def _move_noted(self, head: TreeHead, read: int, before: IdentifierLookups, after: IdentifierLookups) -> int:
        """Move a brand whose first entries are noted; return how many it has."""
        brand = head.brand
        with self._store.write(brand) as writing:
            now = writing.head or head
            if now.pepper_epoch != before.epoch:
                return read
            newest = [each for page in self._pages(brand, read, now.size) for each in page]
            if left := writing.move_lookups(after.epoch, after.check, self._moves(head, newest, before, after)):
                raise StrandedError(f"{brand}: {left} digests are of nobody whose key is here; {_ADVICE}")
        return now.size

    def _heads(self) -> list[TreeHead]:
        """Return every head. Raises PepperMissingError unless the pepper of each is here."""
        # One made in the place of another hides customers from everybody who has the right one.
        heads = self._store.heads()
        for head in heads:
            self._lookups.at(head)
        return heads

    def _pages(self, brand: BrandId, start: int, end: int) -> Iterator[list[StoredEntry]]:
        for at in range(start, end, _PAGE):
            yield self._store.entries(brand, at, min(_PAGE, end - at))

    def _moves(
        self, head: TreeHead, entries: list[StoredEntry], before: IdentifierLookups, after: IdentifierLookups
    ) -> Moves:
        """Return what the digest of each identifier becomes that an entry gave to somebody who can still be read."""
        brand = head.brand
        keys = self._keyring.find(brand, {each.customer_ref for each in entries})
        given = {
            link.identifier
            for entry in entries
            if entry.customer_ref not in NO_CUSTOMER and (entry.customer_ref, entry.generation) in keys
            for link in open_entry(entry, head.ledger, keys).payload.event.links
        }
        return [(before.identifier(brand, each), after.identifier(brand, each)) for each in given]


_ADVICE = "finish erasures (`accord erasures`), audit the ledger, and rotate again; nothing moved"
