"""Who is due to be erased because they have done nothing for as long as the catalogue's `retention_days`.

Lists references only. Who is restricted is left out: they are kept for a claim, or wait for an
erasure of their own. A catalogue without `retention_days` makes nobody due.
"""

from collections.abc import Iterator

from accord.domain.inactivity import acted_since, acts_known
from accord.domain.state import decode_customer
from accord.domain.terms import DAY, BrandId, Instant
from accord.ledger.entry import NO_CUSTOMER
from accord.ledger.store import LedgerStore, Records
from accord.ledger.walk import first_since
from accord.service.errors import catalogue_missing
from accord.service.policies import Policies


def due_customers(
    brand: BrandId, store: LedgerStore, records: Records, policies: Policies, now: Instant
) -> Iterator[tuple[bytes, ...]]:
    """Yield the references of each person past retention, who is merged being one. Raises CallError: no catalogue."""
    head = store.head(brand)
    policy = policies.of(head) if head else None
    if head is None or policy is None:
        raise catalogue_missing()
    days = policy.catalogue.retention_days
    if not days:
        return
    since = Instant(now - days * DAY)
    first = first_since(store, brand, since, head.size)
    persons: dict[bytes, list[bytes]] = {}
    kept: set[bytes] = set()
    for ref, row in records.all_customers(brand):
        person = row.merged.group if row.merged else ref
        state = decode_customer(row.state)
        if ref in NO_CUSTOMER or state.erased or state.restricted or acted_since(state, since, first):
            kept.add(person)
            continue
        if not acts_known(state) and store.entries(brand, row.version, 1, ref)[0].position >= first:
            kept.add(person)
            continue
        persons.setdefault(person, []).append(ref)
    # Whoever is merged did what any of them did.
    yield from (tuple(refs) for person, refs in persons.items() if person not in kept)
