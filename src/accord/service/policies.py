"""Compiled policies, one for each catalogue version. The version comes with every row that is read."""

import threading

from accord.domain.events import CatalogueApplied
from accord.domain.policy import Policy
from accord.domain.terms import Position
from accord.ledger.entry import BRAND_REF, StoredEntry
from accord.ledger.keyring import Keyring
from accord.ledger.opening import open_entry
from accord.ledger.store import Head, LedgerStore

_REMEMBERED = 64


class Policies:
    """Loads a brand's catalogue from its ledger, once for each version."""

    def __init__(self, store: LedgerStore, keyring: Keyring) -> None:
        """Read from this store."""
        self._store = store
        self._keyring = keyring
        self._known: dict[tuple[str, int], Policy] = {}
        self._unreconciled: dict[tuple[str, int, Position], Policy] = {}
        self._lock = threading.Lock()

    def of(self, head: Head) -> Policy | None:
        """Return the policy that counts at this head; None before the first catalogue."""
        if not head.catalogue_version:
            return None
        key = (head.ledger, head.catalogue_version)
        policy = self._known.get(key) or self._load(key, head)
        return policy if not head.unreconciled_since else self._denying(policy, head)

    def _denying(self, policy: Policy, head: Head) -> Policy:
        key = (head.ledger, head.catalogue_version, head.unreconciled_since)
        found = self._unreconciled.get(key)
        if found is None:
            # Few losses, and few catalogues while one lasts.
            found = self._unreconciled[key] = policy.unreconciled(head.unreconciled_since)
        return found

    def _load(self, key: tuple[str, int], head: Head) -> Policy:
        with self._lock:
            (entry,) = self._store.entries(head.brand, head.catalogue_position, 1)
            policy = compile_policy(self.applied(head, entry))
            while len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = policy
            return policy

    def applied(self, head: Head, entry: StoredEntry) -> CatalogueApplied:
        """Open an entry that applied a catalogue. Raises ValueError when it did not."""
        keys = self._keyring.find(head.brand, [BRAND_REF])
        event = open_entry(entry, head.ledger, keys).payload.event
        if not isinstance(event, CatalogueApplied):
            raise ValueError("the entry applied no catalogue")  # noqa: TRY004 - a fault of the ledger, not of a type
        return event


def compile_policy(applied: CatalogueApplied) -> Policy:
    """Return the policy of a catalogue as it was applied."""
    return Policy(applied.catalogue, applied.version)
