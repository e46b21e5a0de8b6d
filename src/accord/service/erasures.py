"""Erasures as they are asked for, found again and finished. What each does step by step is the saga's.

`finish` runs before anything is served: it finishes what a crash cut off, executes what has come due,
and erases again whoever a restored backup brought back.
"""

from msgspec import Struct

from accord.domain.admit import admit_erasure_evidence
from accord.domain.commands import Declaration
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem, Violation, invalid
from accord.domain.terms import DAY, BrandId, ErasureMode, ErasureReason, Identifier, Instant
from accord.ledger.entry import read_leaf
from accord.ledger.erasing import Erasure, ErasureRow, ErasureStore, Forgetting, OutsideFences
from accord.ledger.lookup import Lookups
from accord.ledger.store import LedgerStore
from accord.ledger.walk import history
from accord.service.erasure_saga import TOMBSTONE_BYTES, ErasureSaga
from accord.service.errors import (
    CallError,
    catalogue_missing,
    customer_ambiguous,
    customer_unknown,
    request_id_reused,
)
from accord.service.policies import Policies
from accord.service.recognition import Recognition
from accord.service.writer import Clock

_PAGE = 1000


class AskedErasure(Struct, frozen=True, kw_only=True):
    """An erasure as a caller asks for it. `erasure_id` and `content` are keyed digests of the request."""

    customer: Identifier
    mode: ErasureMode
    reason: ErasureReason
    not_before: Instant
    keep_suppression: bool
    evidence: Declaration | None
    caller: str
    erasure_id: bytes
    content: bytes


class Erasures:
    """Takes erasures, and remembers them."""

    def __init__(  # noqa: PLR0913 - an erasure reaches everything there is
        self,
        store: LedgerStore,
        forgetting: Forgetting,
        kept: ErasureStore,
        fences: OutsideFences,
        lookups: Lookups,
        policies: Policies,
        saga: ErasureSaga,
        clock: Clock,
    ) -> None:
        """Use all of these."""
        self._store = store
        self._forgetting = forgetting
        self._kept = kept
        self._fences = fences
        self._lookups = lookups
        self._recognition = Recognition(store, lookups)
        self._policies = policies
        self._saga = saga
        self._clock = clock

    def now(self) -> Instant:
        """Return now by the clock that erasures wait for."""
        return self._clock()

    def ask(self, brand: BrandId, asked: AskedErasure) -> ErasureRow:
        """Erase now, or hold until later; a repeat gets the first answer. Raises CallError."""
        known = self._kept.find_erasure(brand, asked.erasure_id)
        if known is None:
            return self._begin(self._examined(brand, asked))
        if known.erasure.content != asked.content:
            raise CallError(request_id_reused())
        return known if known.receipt else self._begin(known.erasure)

    def retire(self, brand: BrandId, customers: tuple[bytes, ...]) -> ErasureRow:
        """Erase one person, by their references, whose retention period has passed."""
        now = self._clock()
        name = "retention " + customers[0].hex()
        erasure = Erasure(
            brand=brand,
            erasure_id=self._lookups.request(brand, "", name),
            customers=customers,
            mode=ErasureMode.NOW,
            reason=ErasureReason.RETENTION_ENDED,
            request_time=now,
            not_before=now,
            keep_suppression=False,
            caller="",
            content=self._lookups.content(name.encode()),
        )
        return self._begin(erasure)

    def find(self, brand: BrandId, erasure_id: bytes) -> ErasureRow:
        """Return one erasure. Raises CallError when there is none of this name."""
        if self._store.head(brand) is None:
            raise catalogue_missing()
        found = self._kept.find_erasure(brand, erasure_id)
        if found is None:
            fault = Violation("erasure_id", "must be of an erasure of this brand")
            metadata = {"field": "erasure_id"}
            raise CallError(Problem(ErrorReason.ERASURE_UNKNOWN, "no such erasure", (fault,), metadata))
        return found

    def page(self, brand: BrandId, start: int, limit: int) -> list[ErasureRow]:
        """Return up to `limit` erasures in the order they were asked for, from the one numbered `start` on."""
        if self._store.head(brand) is None:
            raise catalogue_missing()
        return self._kept.erasures(brand, start, limit)

    def due_erasures(self, now: Instant) -> list[Erasure]:
        """Return every erasure that is not done and whose time has come, the longest due first."""
        return [each for each in self._kept.unfinished() if each.not_before <= now]

    def run_due(self, now: Instant) -> list[ErasureRow]:
        """Execute them; for a follower."""
        return [ErasureRow(each, self._saga.run(each)) for each in self.due_erasures(now)]

    def finish(self) -> list[ErasureRow]:
        """Finish what was cut off, execute what is due, and erase again whom a restored backup brought back."""
        now = self._clock()
        for erasure in self._fences.all():
            # A key store that was restored may know nothing of it.
            self._kept.keep_erasure(erasure)
        for erasure in self._kept.unfinished():
            if erasure.not_before > now:
                self._saga.hold(erasure)
        return [ErasureRow(erasure, self._saga.run(erasure)) for erasure in self._undone(now)]

    def _examined(self, brand: BrandId, asked: AskedErasure) -> Erasure:
        now = self._clock()
        head = self._store.head(brand)
        policy = self._policies.of(head) if head else None
        if head is None or policy is None:
            raise catalogue_missing()
        evidence = b""
        if asked.evidence is not None:
            admitted = admit_erasure_evidence(asked.evidence, policy, now)
            if isinstance(admitted, Problem):
                raise CallError(admitted)
            evidence = self._saga.seal_evidence(brand, asked.erasure_id, admitted)
        customers = self._customers(brand, asked.customer)
        return Erasure(
            brand=brand,
            erasure_id=asked.erasure_id,
            customers=customers,
            mode=asked.mode,
            reason=asked.reason,
            request_time=now,
            not_before=self._not_before(brand, asked, customers, policy, now),
            keep_suppression=asked.keep_suppression,
            caller=asked.caller,
            content=asked.content,
            evidence=evidence,
        )

    def _customers(self, brand: BrandId, customer: Identifier) -> tuple[bytes, ...]:
        """Return the references of one person: who is known by the key, and all that they were made one with."""
        sight, (digest,), _ = self._recognition.read(brand, (customer,))
        known = sight.known.get(digest, ()) if sight else ()
        if not known:
            raise CallError(customer_unknown())
        if (persons := len({each.group or each.customer_ref for each in known})) > 1:
            raise CallError(customer_ambiguous(persons))
        members = sight.groups[known[0].group] if sight and known[0].group else known
        return tuple(each.customer_ref for each in members)

    def _not_before(
        self, brand: BrandId, asked: AskedErasure, customers: tuple[bytes, ...], policy: Policy, now: Instant
    ) -> Instant:
        match asked.mode:
            case ErasureMode.NOW:
                return now
            case ErasureMode.ON_HOLD_UNTIL:
                if asked.not_before <= now:
                    raise CallError(invalid("not_before", "must lie in the future"))
                return asked.not_before
            case ErasureMode.AFTER_RETENTION:
                days = policy.catalogue.retention_days
                if not days:
                    raise CallError(invalid("mode", "needs a catalogue that sets retention_days"))
                newest = max(
                    read_leaf(entry.leaf).recorded_at for ref in customers for entry in history(self._store, brand, ref)
                )
                return Instant(max(now, newest + days * DAY))

    def _begin(self, erasure: Erasure) -> ErasureRow:
        # Kept first: from here on a crash is found by `finish`.
        self._kept.keep_erasure(erasure)
        if erasure.not_before > self._clock():
            self._fences.put(erasure)
            self._saga.hold(erasure)
            return ErasureRow(erasure)
        return ErasureRow(erasure, self._saga.run(erasure))

    def _undone(self, now: Instant) -> list[Erasure]:
        """Return what is due and not done, or was done and is not any more."""
        found: dict[bytes, Erasure] = {}
        revived = self._kept.revived()
        done: list[Erasure] = []
        for row in self._kept.all_erasures():
            it = row.erasure
            if row.receipt and not any((it.brand, ref) in revived for ref in it.customers):
                done.append(it)
            elif it.not_before <= now:
                found[_name(it)] = it
            if len(done) == _PAGE:
                found |= self._returned(done)
                done = []
        return list((found | self._returned(done)).values())

    def _returned(self, page: list[Erasure]) -> dict[bytes, Erasure]:
        """Return the erasures one of whose customers has a state again that is no tombstone."""
        returned: set[tuple[BrandId, bytes]] = set()
        for brand in {it.brand for it in page}:
            refs = [ref for it in page if it.brand == brand for ref in it.customers]
            for start in range(0, len(refs), _PAGE):
                states = self._forgetting.states(brand, refs[start : start + _PAGE])
                returned |= {(brand, ref) for ref, state in states.items() if state != TOMBSTONE_BYTES}
        return {_name(it): it for it in page if any((it.brand, ref) in returned for ref in it.customers)}


def _name(erasure: Erasure) -> bytes:
    """Return what names an erasure among those of all brands."""
    return erasure.brand.encode() + b"\0" + erasure.erasure_id
