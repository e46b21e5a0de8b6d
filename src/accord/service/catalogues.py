"""Versions of a brand's catalogue, as its ledger keeps them."""

from collections.abc import Iterator
from itertools import takewhile

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.catalogue import Catalogue
from accord.domain.events import CatalogueApplied, LedgerRecovered, LossAccepted
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem, Violation
from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.entry import BRAND_REF, StoredEntry, read_leaf
from accord.ledger.store import Head, LedgerStore
from accord.ledger.walk import history
from accord.service.errors import CallError, catalogue_missing
from accord.service.policies import Policies


class Applied(Struct, frozen=True):
    """A catalogue and where it was applied."""

    position: Position
    catalogue: Catalogue


class AppliedVersion(Struct, frozen=True):
    """A version, where it stands, and from when it counted."""

    version: int
    position: Position
    recorded_time: Instant


class Catalogues:
    """Reads catalogues."""

    def __init__(self, store: LedgerStore, policies: Policies) -> None:
        """Read from this store."""
        self._store = store
        self._policies = policies

    def get(self, brand: BrandId, version: int = 0) -> tuple[CatalogueApplied, Position]:
        """Return a version, 0 for the one that counts, and its position. Raises CallError when there is none."""
        head = self._head(brand)
        if version in (0, head.catalogue_version):
            (entry,) = self._store.entries(brand, head.catalogue_position, 1)
            return self._policies.applied(head, entry), entry.position
        for entry in self.entries(brand):
            applied = self._policies.applied(head, entry)
            if applied.version == version:
                return applied, entry.position
        fault = Violation("version", f"must be 1 to {head.catalogue_version}, or 0 for the newest")
        metadata = {"field": "version", "newest": str(head.catalogue_version)}
        raise CallError(Problem(ErrorReason.CATALOGUE_VERSION_UNKNOWN, "no such version", (fault,), metadata))

    def at(self, brand: BrandId, position: Position) -> CatalogueApplied:
        """Return the version that counted when the entry at a position was recorded, or that it applied."""
        return self._policies.applied(self._head(brand), self._entry_at(brand, position))

    def position_at(self, brand: BrandId, position: Position) -> Position:
        """Return where the version stands that counted when the entry at a position was recorded."""
        return self._entry_at(brand, position).position

    def policy_then(self, head: Head, as_of: Instant, size: int) -> Policy:
        """Return the policy that counted at an instant, by the first `size` entries. Raises CallError before any."""
        version, position, since = 0, Position(0), Position(0)
        for entry in history(self._store, head.brand, BRAND_REF):
            leaf = read_leaf(entry.leaf)
            if entry.position >= size or leaf.recorded_at > as_of:
                break
            match leaf.type:
                case CatalogueApplied.__name__:
                    version, position = version + 1, entry.position
                case LedgerRecovered.__name__:
                    since = entry.position
                case LossAccepted.__name__:
                    since = Position(0)
        if not version:
            fault = Violation("as_of", "must not be earlier than the brand's first catalogue")
            raise CallError(
                Problem(ErrorReason.CATALOGUE_MISSING, "the brand had no catalogue then", (fault,), {"field": "as_of"})
            )
        return self.policy_of(head, version, position, since)

    def policy_of(self, head: Head, version: int, position: Position, since: Position) -> Policy:
        """Return the policy of the version applied at a position; `since` where an unaccepted loss was told, else 0."""
        then = replace(head, catalogue_version=version, catalogue_position=position, unreconciled_since=since)
        policy = self._policies.of(then)
        if policy is None:
            raise catalogue_missing()
        return policy

    def _entry_at(self, brand: BrandId, position: Position) -> StoredEntry:
        *_, last = (entry for entry in self.entries(brand) if entry.position <= position)
        return last

    def versions(self, brand: BrandId) -> list[AppliedVersion]:
        """Return every version, oldest first."""
        self._head(brand)
        return [
            AppliedVersion(number, entry.position, read_leaf(entry.leaf).recorded_at)
            for number, entry in enumerate(self.entries(brand), start=1)
        ]

    def applied_until(self, brand: BrandId, size: int) -> tuple[Applied, ...]:
        """Return the catalogues applied among the first `size` entries, oldest first."""
        head = self._head(brand)
        entries = takewhile(lambda entry: entry.position < size, self.entries(brand))
        return tuple(Applied(entry.position, self._policies.applied(head, entry).catalogue) for entry in entries)

    def _head(self, brand: BrandId) -> Head:
        head = self._store.head(brand)
        if head is None or not head.catalogue_version:
            raise catalogue_missing()
        return head

    def entries(self, brand: BrandId) -> Iterator[StoredEntry]:
        """Yield the entries that applied a catalogue, oldest first."""
        # The brand's own entries tell of other things too, such as exports.
        own = history(self._store, brand, BRAND_REF)
        return (entry for entry in own if read_leaf(entry.leaf).type == CatalogueApplied.__name__)
