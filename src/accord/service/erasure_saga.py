"""Erasing customers from a ledger that never forgets (GDPR art. 17): a saga that can be cut off anywhere.

(1) Fence: no key is ever made for them again; told in the key store and outside both databases.
(2) Append that they were erased, under the brand's key; their state becomes a tombstone, their
    identifiers lead nowhere, and what only they told of an address is dropped, in one commit.
(3) In the same commit, where it was asked for, keep a digest of each address, so that a list
    imported later cannot wake them up.
(4) Delete what ties requests and contacts to them, and destroy their keys.
(5) Try to read them: with what is left, nothing may open.
(6) Sign and keep the receipt.

Each step may be done again and does only what is missing, so whoever finds a saga cut off runs it anew.
"""

from collections.abc import Callable, Mapping

from accord.domain.commands import Erase, HoldErasure, Teller
from accord.domain.events import ContactAuthorized, ContactReported, CustomersErased, Evidence
from accord.domain.problems import ErrorReason, Problem
from accord.domain.state import TOMBSTONE, decode_point, encode, told_at
from accord.domain.terms import BrandId, Identifier, IdentifierKind, Instant, Position
from accord.ledger.entry import BRAND_REF, StoredEntry, read_leaf
from accord.ledger.erasing import (
    Erasure,
    ErasureStore,
    Forgetting,
    OutsideFences,
    open_evidence,
    seal_evidence,
)
from accord.ledger.keyring import Keyring, Signer
from accord.ledger.lookup import Lookups
from accord.ledger.opening import open_entry
from accord.ledger.store import Head, LedgerStore, StoreUnavailableError
from accord.ledger.walk import history
from accord.proof.handover import ledger_of
from accord.service.answers import Receipt, Request, Result, Write, Written
from accord.service.erasure_receipt import Erased, sign_receipt
from accord.service.errors import CallError, customer_changed
from accord.service.recognition import require_epoch
from accord.service.writer import Clock

_TRIES = 5
TOMBSTONE_BYTES = encode(TOMBSTONE)


class ErasureIncompleteError(Exception):
    """Something of an erased customer can still be read. Ours, and stop: no receipt is given."""


class ErasureSaga:
    """Runs the steps of one erasure after the other."""

    def __init__(  # noqa: PLR0913 - an erasure reaches everything there is
        self,
        store: LedgerStore,
        forgetting: Forgetting,
        kept: ErasureStore,
        fences: OutsideFences,
        keyring: Keyring,
        lookups: Lookups,
        signer: Signer,
        write: Write,
        clock: Clock,
        irrecoverable_by: Callable[[Instant], Instant],
    ) -> None:
        """Use all of these; `write` appends, and `irrecoverable_by` tells when an erasure of now is final."""
        self._store = store
        self._forgetting = forgetting
        self._kept = kept
        self._fences = fences
        self._keyring = keyring
        self._lookups = lookups
        self._signer = signer
        self._write = write
        self._clock = clock
        self._irrecoverable_by = irrecoverable_by

    def run(self, erasure: Erasure) -> str:
        """Do every step, each as far as it is not done; return the receipt. Raises CallError, StoreUnavailableError."""
        self.fence(erasure)
        entry = self.tombstone(erasure)
        self.forget(erasure)
        self.destroy(erasure)
        self.verify(erasure)
        return self.sign(erasure, entry)

    def seal_evidence(self, brand: BrandId, erasure_id: bytes, evidence: Evidence) -> bytes:
        """Return the evidence as an erasure keeps it."""
        return seal_evidence(self._brand_key(brand), erasure_id, evidence)

    def hold(self, erasure: Erasure) -> None:
        """Restrict the customers until they are erased. A repeat writes nothing."""
        command = HoldErasure(
            customers=erasure.customers,
            mode=erasure.mode,
            reason=erasure.reason,
            not_before=erasure.not_before,
            evidence=self._evidence(erasure),
        )
        self._append(erasure, command, "hold")

    def fence(self, erasure: Erasure) -> None:
        """Step 1. The erasure is kept first, so that a crash from here on is found."""
        self._kept.keep_erasure(erasure)
        self._kept.fence(erasure.brand, erasure.customers)
        self._fences.put(erasure)

    def tombstone(self, erasure: Erasure) -> Receipt | None:
        """Steps 2 and 3, unless they are done; None when the ledger knows nobody of them."""
        for _ in range(_TRIES):
            command = self._command(erasure)
            if command is None:
                return None
            result = self._append(erasure, command, "erase")
            if isinstance(result, Written):
                return result.receipts[0]
            if isinstance(result, Problem) and result.reason is ErrorReason.CUSTOMER_ERASED:
                return self._entry_of(erasure)
            if result != customer_changed():
                raise CallError(result) if isinstance(result, Problem) else TypeError("an erasure is a write")
        raise CallError(customer_changed())

    def forget(self, erasure: Erasure) -> None:
        """Step 4, first half: what ties requests and contacts to them."""
        self._forgetting.forget(erasure.brand, list(erasure.customers))

    def destroy(self, erasure: Erasure) -> None:
        """Step 4, second half: their keys, and every deleted byte where the database can."""
        self._kept.destroy(erasure.brand, erasure.customers)
        # Both are asked, whatever the first says.
        if not all([self._forgetting.compact(), self._kept.compact()]):
            raise StoreUnavailableError("a reader keeps deleted bytes in the write-ahead log")

    def verify(self, erasure: Erasure) -> None:
        """Step 5. Raises ErasureIncompleteError when anything still opens."""
        states = self._forgetting.states(erasure.brand, list(erasure.customers))
        if any(state != TOMBSTONE_BYTES for state in states.values()):
            raise ErasureIncompleteError("a state is left of somebody who was erased")
        keys = self._keyring.find(erasure.brand, erasure.customers)
        head = self._store.head(erasure.brand)
        for ref in erasure.customers if head is not None else ():
            for entry in history(self._store, erasure.brand, ref):
                if head is not None and _opens(entry, head.ledger, keys):
                    raise ErasureIncompleteError(f"entry {entry.position} still opens")

    def sign(self, erasure: Erasure, entry: Receipt | None) -> str:
        """Step 6."""
        head = self._store.head(erasure.brand)
        erased_time = self._clock()
        event = None
        if head and entry:
            (stored,) = self._store.entries(erasure.brand, entry.position, 1)
            event = self._event(head, stored)
        erased = Erased(
            ledger=head.origin if head else erasure.brand,
            entry=entry,
            erased_time=erased_time,
            irrecoverable_by=self._irrecoverable_by(erased_time),
            suppressed=event.suppressed if event else 0,
        )
        receipt = sign_receipt(erasure, erased, self._signer.keys(ledger_of(erased.ledger)).private_key)
        self._kept.finish(erasure.brand, erasure.erasure_id, receipt)
        return receipt

    def _command(self, erasure: Erasure) -> Erase | None:
        """Read the customers' history, while their keys live, for every address they ever held."""
        addresses: dict[Identifier, None] = {}
        versions: dict[bytes, int] = {}
        contacts: dict[str, list[Position]] = {}
        head = self._store.head(erasure.brand)
        if head is None:
            return None
        keys = self._keyring.find(erasure.brand, erasure.customers)
        for ref in erasure.customers:
            for entry in history(self._store, erasure.brand, ref):
                versions[ref] = entry.customer_version
                if (ref, entry.generation) in keys:
                    event = open_entry(entry, head.ledger, keys).payload.event
                    addresses |= dict.fromkeys(link.identifier for link in event.links)
                    if isinstance(event, ContactAuthorized | ContactReported):
                        contacts.setdefault(event.contact_id, []).append(entry.position)
        if not versions:
            return None
        ever = tuple(each for each in addresses if each.kind is not IdentifierKind.CUSTOMER_ID)
        return Erase(
            customers=tuple(versions),
            versions=tuple(versions.values()),
            addresses=ever,
            tellers=self._tellers(erasure, head, ever),
            contacts={name: tuple(positions) for name, positions in contacts.items()},
            mode=erasure.mode,
            reason=erasure.reason,
            request_time=erasure.request_time,
            keep_suppression=erasure.keep_suppression,
            evidence=self._evidence(erasure),
        )

    def _tellers(self, erasure: Erasure, head: Head, addresses: tuple[Identifier, ...]) -> dict[Identifier, Teller]:
        """Return, for each address of which others told something, one of them: their no must outlast the erased."""
        lookups = self._lookups.at(head)
        by_lookup = {lookups.identifier(erasure.brand, each): each for each in addresses}
        known = self._forgetting.points(erasure.brand, list(by_lookup))
        require_epoch(self._store.head(erasure.brand), lookups.epoch)
        found = {}
        for lookup, raw in known.items():
            for position in sorted(told_at(decode_point(raw))):
                (entry,) = self._store.entries(erasure.brand, position, 1)
                teller = self._teller(erasure, head.ledger, entry.customer_ref, by_lookup[lookup])
                if teller is not None:
                    found[by_lookup[lookup]] = teller
        return found

    def _teller(self, erasure: Erasure, ledger: str, ref: bytes, address: Identifier) -> Teller | None:
        if ref in erasure.customers:
            return None
        keys = self._keyring.find(erasure.brand, [ref])
        if not keys:
            return None
        for entry in history(self._store, erasure.brand, ref):
            for link in open_entry(entry, ledger, keys).payload.event.links:
                if link.identifier == address:
                    return Teller(ref, link.number)
        return None

    def _evidence(self, erasure: Erasure) -> Evidence | None:
        if not erasure.evidence:
            return None
        return open_evidence(self._brand_key(erasure.brand), erasure.erasure_id, erasure.evidence)

    def _brand_key(self, brand: BrandId) -> bytes:
        keys = self._keyring.find(brand, [BRAND_REF])
        return keys[max(keys)]

    def _append(self, erasure: Erasure, command: Erase | HoldErasure, step: str) -> Result:
        name = f"{step} {erasure.erasure_id.hex()}"
        request = Request(
            command=command,
            caller=erasure.caller,
            # No caller has an empty name: these are our own requests.
            key=self._lookups.request(erasure.brand, "", name),
            content=self._lookups.content(name.encode()),
        )
        (result,) = self._write(erasure.brand, [request])
        return result

    def _entry_of(self, erasure: Erasure) -> Receipt | None:
        """Return the entry that erased these customers for another request."""
        head = self._store.head(erasure.brand)
        if head is None:
            return None
        wanted = {ref.hex() for ref in erasure.customers}
        for entry in history(self._store, erasure.brand, BRAND_REF):
            event = self._event(head, entry)
            if event is not None and wanted & set(event.customers):
                return Receipt(entry.position, entry.leaf_hash, read_leaf(entry.leaf).recorded_at)
        return None

    def _event(self, head: Head, entry: StoredEntry) -> CustomersErased | None:
        """Open an entry of the brand if its leaf says that it erased somebody."""
        if read_leaf(entry.leaf).type != CustomersErased.__name__:
            return None
        event = open_entry(entry, head.ledger, self._keyring.find(head.brand, [BRAND_REF])).payload.event
        return event if isinstance(event, CustomersErased) else None


def _opens(entry: StoredEntry, ledger: str, keys: Mapping[tuple[bytes, int], bytes]) -> bool:
    try:
        open_entry(entry, ledger, keys)
    except KeyError:
        return False
    return True
