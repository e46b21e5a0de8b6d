"""Whom identifiers lead to, by the digests of the epoch that the ledger is in."""

from collections.abc import Sequence
from typing import NamedTuple

from accord.domain.terms import BrandId, Identifier
from accord.ledger.lookup import IdentifierLookups, Lookups
from accord.ledger.store import Head, LedgerStore, Sight, StoreUnavailableError

_TRIES = 5


class Recognised(NamedTuple):
    """What was read, by which digests: one for each identifier, in order, and how others of that epoch are made."""

    sight: Sight | None
    digests: tuple[bytes, ...]
    lookups: IdentifierLookups


class Recognition:
    """Reads a store by identifiers. Which epoch a ledger is in is only known once it was read, so it is remembered."""

    def __init__(self, store: LedgerStore, lookups: Lookups) -> None:
        """Read from this store."""
        self._store = store
        self._lookups = lookups
        self._last: dict[BrandId, IdentifierLookups] = {}

    def read(self, brand: BrandId, identifiers: Sequence[Identifier]) -> Recognised:
        """Return what the identifiers lead to, of one instant; again where they moved to another epoch.

        Raises StoreUnavailableError, of which PepperMissingError is one.
        """
        lookups = self._last.get(brand) or self._lookups.of(self._lookups.newest_epoch)
        for _ in range(_TRIES):
            digests = tuple([lookups.identifier(brand, each) for each in identifiers])
            sight = self._store.read(brand, digests if len(digests) == 1 else tuple(dict.fromkeys(digests)))
            if sight is None:
                return Recognised(sight, digests, lookups)
            used, head = lookups, sight.head
            if head.pepper_epoch != used.epoch or head.pepper_check != used.check:
                lookups = self._lookups.at(head)
            if lookups is used:
                self._last[brand] = used
                return Recognised(sight, digests, used)
        raise StoreUnavailableError("identifiers move to other epochs faster than they can be read")


def require_epoch(head: Head | None, epoch: int) -> None:
    """Raise StoreUnavailableError unless what was read by the digests of an epoch still is in it."""
    if head is not None and head.pepper_epoch != epoch:
        raise StoreUnavailableError("identifiers moved to another epoch meanwhile; ask again")
