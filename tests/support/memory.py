"""The stores in plain dicts: short enough to be read as the meaning of the contracts.

A commit builds the brand anew and swaps it in, so it is seen whole or not at all. Nothing outlives
the process, so "durable" means here that the method has returned.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace as replace_row

from accord.domain.terms import BrandId, Instant
from accord.ledger.entry import NO_CUSTOMER, StoredEntry
from accord.ledger.erasing import Erasure, ErasureRow
from accord.ledger.keyring import LedgerKeys, WrappedKey
from accord.ledger.scrubbing import ScrubMark
from accord.ledger.store import (
    TILE_WIDTH,
    Batch,
    Census,
    ContactRow,
    CustomerRow,
    DenialRow,
    GroupRow,
    Head,
    IdentifierRow,
    Known,
    ListingRow,
    RequestRow,
    Sight,
    TreeHead,
    View,
    Wanted,
)
from accord.proof import handover
from accord.proof.checkpoint import read_verifier_key
from accord.proof.merkle import grow, root_of_edge


@dataclass(frozen=True)
class _Brand:
    head: TreeHead
    entries: tuple[StoredEntry, ...] = ()
    customers: dict[bytes, CustomerRow] = field(default_factory=dict)
    identities: dict[tuple[bytes, bytes], tuple[int, str]] = field(default_factory=dict)
    merged: dict[bytes, GroupRow] = field(default_factory=dict)
    points: dict[bytes, bytes] = field(default_factory=dict)
    contacts: dict[bytes, ContactRow] = field(default_factory=dict)
    requests: dict[bytes, RequestRow] = field(default_factory=dict)
    denials: Counter[tuple[int, str, str, int]] = field(default_factory=Counter)
    suppressions: dict[bytes, Instant] = field(default_factory=dict)
    listings: dict[tuple[bytes, str], ListingRow] = field(default_factory=dict)
    left: frozenset[tuple[bytes, bytes]] = frozenset()
    moves: dict[bytes, bytes] = field(default_factory=dict)

    def customer(self, ref: bytes) -> CustomerRow:
        row = self.customers[ref]
        held = sorted((number, lookup, kind) for (lookup, who), (number, kind) in self.identities.items() if who == ref)
        identifiers = tuple(IdentifierRow(key, number, kind, self.points.get(key, b"")) for number, key, kind in held)
        return CustomerRow(row.version, row.leaf_hash, row.state, identifiers, self.merged.get(ref))

    def members(self, ref: bytes) -> list[bytes]:
        group = self.merged[ref].group if ref in self.merged else None
        return sorted(other for other, row in self.merged.items() if row.group == group) if group else [ref]

    def holders(self, lookups: tuple[bytes, ...]) -> dict[bytes, tuple[bytes, ...]]:
        held = {lookup: tuple(sorted(ref for key, ref in self.identities if key == lookup)) for lookup in lookups}
        return {lookup: refs for lookup, refs in held.items() if refs}

    def on_lists(self, digest: bytes) -> dict[str, ListingRow]:
        return {code: row for (of, code), row in self.listings.items() if of == digest}

    def after(self, batch: Batch) -> "_Brand":
        kept = {pair: row for pair, row in self.identities.items() if pair not in batch.unlinked}
        linked = {(lookup, ref): (number, kind) for lookup, ref, number, kind in batch.linked}
        counted = Counter({(row.day, row.channel, row.purpose, row.reason): row.count for row in batch.denials})
        return _Brand(
            head=batch.head,
            entries=self.entries + batch.entries,
            customers=self.customers | batch.customers,
            identities=kept | linked,
            merged={ref: row for ref, row in (self.merged | batch.merged).items() if row is not None},
            points={key: raw for key, raw in self.points.items() if key not in batch.dropped_points} | batch.points,
            contacts=self.contacts | batch.contacts,
            requests=self.requests | batch.requests,
            denials=self.denials + counted,
            suppressions=self.suppressions | batch.suppressions,
            listings={key: row for key, row in (self.listings | batch.listings).items() if row is not None},
            left=self.left | set(batch.left),
            moves=self.moves,
        )

    def digests(self) -> set[bytes]:
        return {lookup for lookup, _ in (*self.identities, *self.left)} | set(self.points)

    def moved(self, epoch: int, check: int) -> "_Brand":
        to = self.moves
        listings = {key: replace_row(row, lookup=to.get(row.lookup, key[0])) for key, row in self.listings.items()}
        return replace(
            self,
            head=replace_row(self.head, pepper_epoch=epoch, pepper_check=check),
            identities={(to[lookup], ref): row for (lookup, ref), row in self.identities.items()},
            points={to[lookup]: raw for lookup, raw in self.points.items()},
            left=frozenset((to[lookup], ref) for lookup, ref in self.left),
            listings=listings,
            moves={},
        )


class MemoryStore:
    """`LedgerStore`, `Records` and `Denials`."""

    def __init__(self) -> None:
        self._brands: dict[BrandId, _Brand] = {}
        self._writers: dict[BrandId, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def connections(self) -> int:
        return 1

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> Sight | None:
        it = self._brands.get(brand)
        if it is None:
            return None
        known = {key: tuple(_known(ref, it.customer(ref)) for ref in refs) for key, refs in it.holders(lookups).items()}
        met = {each.customer_ref: each.group for holders in known.values() for each in holders if each.group}
        groups = {
            group: tuple(_known(each, it.customer(each)) for each in it.members(ref)) for ref, group in met.items()
        }
        return Sight(seen_of(it.head), known, groups)

    def head(self, brand: BrandId) -> TreeHead | None:
        return self._brands[brand].head if brand in self._brands else None

    @contextmanager
    def write(self, brand: BrandId) -> Iterator["MemoryWriting"]:
        with self._lock:
            lock = self._writers.setdefault(brand, threading.Lock())
        with lock:
            yield MemoryWriting(self._brands, brand)

    def entries(self, brand: BrandId, start: int, limit: int, customer_ref: bytes | None = None) -> list[StoredEntry]:
        found = self._brands[brand].entries if brand in self._brands else ()
        if customer_ref is None:
            return [each for each in found if start <= each.position < start + limit]
        theirs = [each for each in found if each.customer_ref == customer_ref]
        return [each for each in theirs if start <= each.customer_version < start + limit]

    def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
        leaves = [each.leaf_hash for each in self._brands[brand].entries] if brand in self._brands else []
        below = TILE_WIDTH**level
        found = {}
        for index in indexes:
            under = leaves[index * below * TILE_WIDTH :][: below * TILE_WIDTH]
            if len(under) == below * TILE_WIDTH:
                groups = [under[at : at + below] for at in range(0, len(under), below)]
                found[index] = b"".join(root_of_edge(grow((), 0, group)) for group in groups)
        return found

    def heads(self) -> list[TreeHead]:
        return [it.head for _, it in sorted(self._brands.items())]

    def oldest_unreported(self) -> dict[BrandId, StoredEntry | None]:
        found: dict[BrandId, StoredEntry | None] = {}
        for brand, it in sorted(self._brands.items()):
            alone = [row.positions[0] for row in it.contacts.values() if len(row.positions) == len(row.told_to)]
            found[brand] = it.entries[min(alone)] if alone else None
        return found

    def contact(self, brand: BrandId, key: bytes) -> ContactRow | None:
        return self._brands[brand].contacts.get(key) if brand in self._brands else None

    def all_customers(self, brand: BrandId) -> Iterator[tuple[bytes, CustomerRow]]:
        it = self._brands[brand]
        yield from ((ref, it.customer(ref)) for ref in sorted(it.customers))

    def all_known(self, brand: BrandId) -> Iterator[Known]:
        yield from (_known(ref, row) for ref, row in self.all_customers(brand))

    @contextmanager
    def frozen(self) -> Iterator["MemoryStore"]:
        made = MemoryStore()
        made._brands = dict(self._brands)
        yield made

    @contextmanager
    def census(self, brand: BrandId) -> Iterator[Census | None]:
        if brand not in self._brands:
            yield None
            return
        everybody = [each for each in self.all_known(brand) if each.customer_ref not in NO_CUSTOMER]
        persons: dict[bytes, tuple[Known, ...]] = {}
        for each in sorted(everybody, key=lambda each: (each.group, each.customer_ref)):
            person = each.group or each.customer_ref
            persons[person] = (*persons.get(person, ()), each)
        yield Census(self._brands[brand].head, len(persons), iter(persons.values()))

    def all_points(self, brand: BrandId) -> Iterator[tuple[bytes, bytes]]:
        yield from sorted(self._brands[brand].points.items())

    def all_contacts(self, brand: BrandId) -> Iterator[tuple[bytes, ContactRow]]:
        yield from sorted(self._brands[brand].contacts.items())

    def all_former_holders(self, brand: BrandId) -> Iterator[tuple[bytes, bytes]]:
        yield from sorted(self._brands[brand].left)

    def former_holders(self, brand: BrandId, lookups: list[bytes]) -> set[tuple[bytes, bytes]]:
        it = self._brands.get(brand)
        return {pair for pair in it.left if pair[0] in lookups} if it else set()

    def all_suppressions(self, brand: BrandId) -> Iterator[tuple[bytes, Instant]]:
        yield from sorted(self._brands[brand].suppressions.items())

    def all_listings(self, brand: BrandId) -> Iterator[tuple[str, ListingRow]]:
        yield from [(code, row) for (_, code), row in sorted(self._brands[brand].listings.items())]

    def listed(self, brand: BrandId, code: str, before: Instant) -> tuple[int, int]:
        rows = [row for (_, of), row in self._brands[brand].listings.items() if of == code]
        return len(rows), sum(row.listed_time < before for row in rows)

    def vanished(self, brand: BrandId, code: str, before: Instant, limit: int) -> list[tuple[bytes, ListingRow]]:
        rows = sorted((digest, row) for (digest, of), row in self._brands[brand].listings.items() if of == code)
        return [(digest, row) for digest, row in rows if row.listed_time < before][:limit]

    def states(self, brand: BrandId, refs: list[bytes]) -> dict[bytes, bytes]:
        it = self._brands.get(brand)
        return {ref: it.customers[ref].state for ref in refs if it and ref in it.customers}

    def points(self, brand: BrandId, lookups: list[bytes]) -> dict[bytes, bytes]:
        it = self._brands.get(brand)
        return {key: it.points[key] for key in lookups if it and key in it.points}

    def keep_moves(self, brand: BrandId, epoch: int, moves: Iterable[tuple[bytes, bytes]]) -> bool:
        with self.write(brand):
            it = self._brands[brand]
            if it.head.pepper_epoch != epoch:
                return False
            self._brands[brand] = replace(it, moves={**it.moves, **dict(moves)})
            return True

    def forget_moves(self, brand: BrandId) -> None:
        self._brands[brand] = replace(self._brands[brand], moves={})

    def forget(self, brand: BrandId, refs: list[bytes]) -> None:
        it = self._brands.get(brand)
        if it is not None:
            contacts = {key: row for key, row in it.contacts.items() if row.customer_ref not in refs}
            requests = {key: row for key, row in it.requests.items() if row.customer_ref not in refs}
            left = frozenset(pair for pair in it.left if pair[1] not in refs)
            self._brands[brand] = replace(it, contacts=contacts, requests=requests, left=left)

    def compact(self) -> bool:
        return True

    def denials(self, brand: BrandId, first_day: int, end_day: int) -> list[DenialRow]:
        counted = self._brands[brand].denials if brand in self._brands else Counter()
        return [DenialRow(*key, count) for key, count in sorted(counted.items()) if first_day <= key[0] < end_day]

    def close(self) -> None:
        """Nothing is open."""


def seen_of(head: TreeHead) -> Head:
    """Return the head as questions see it, without the tree."""
    return Head(**{name: getattr(head, name) for name in Head.__struct_fields__})


def _known(ref: bytes, row: CustomerRow) -> Known:
    addresses = tuple(each for each in row.identifiers if each.kind != "CUSTOMER_ID")
    return Known(ref, row.state, addresses, row.merged.group if row.merged else b"")


class MemoryWriting:
    """`Writing` over the brand as it was when the lock was taken."""

    def __init__(self, brands: dict[BrandId, _Brand], brand: BrandId) -> None:
        self._brands = brands
        self._brand = brand
        self._before = brands.get(brand)
        self.head = self._before.head if self._before else None

    def load(self, wanted: Wanted) -> View:
        it = self._before
        if it is None:
            raise ValueError("the brand has no ledger yet")
        holders = it.holders(wanted.lookups)
        contacts = {key: it.contacts[key] for key in wanted.contacts if key in it.contacts}
        refs = {ref for held in holders.values() for ref in held} | {
            ref for row in contacts.values() for ref in row.told_to
        }
        refs |= {ref for ref in wanted.customers if ref in it.customers}
        refs |= {member for ref in refs for member in it.members(ref)}
        return View(
            head=it.head,
            holders=holders,
            customers={ref: it.customer(ref) for ref in refs},
            points={key: it.points[key] for key in wanted.lookups if key in it.points},
            contacts=contacts,
            requests={key: it.requests[key] for key in wanted.requests if key in it.requests},
            suppressions={key: it.suppressions[key] for key in wanted.suppressions if key in it.suppressions},
            listings={key: found for key in wanted.suppressions if (found := it.on_lists(key))},
        )

    def commit(self, batch: Batch) -> None:
        before = self._before or _Brand(TreeHead(brand=batch.head.brand, ledger=batch.head.ledger))
        self._brands[self._brand] = before.after(batch)

    def move_lookups(self, epoch: int, check: int, moves: Iterable[tuple[bytes, bytes]]) -> int:
        it = self._brands[self._brand]
        it = replace(it, moves=it.moves | dict(moves))
        if left := len(it.digests() - it.moves.keys()):
            return left
        self._brands[self._brand] = it.moved(epoch, check)
        return 0


class MemoryWrappedKeys:
    """`WrappedKeys`, `KekEpochs` and `ErasureStore`."""

    def __init__(self) -> None:
        self.keys: dict[tuple[BrandId, bytes, int], WrappedKey] = {}
        self.fences: set[tuple[BrandId, bytes]] = set()
        self.begun: dict[int, tuple[Instant, Instant]] = {1: (Instant(1), Instant(0))}
        self.kept: dict[tuple[BrandId, bytes], ErasureRow] = {}

    def insert_missing(self, brand: BrandId, keys: list[WrappedKey]) -> None:
        for key in keys:
            if (brand, key.customer_ref) not in self.fences and key.epoch == self.epoch():
                self.keys.setdefault((brand, key.customer_ref, key.generation), key)

    def select(self, brand: BrandId, refs: list[bytes]) -> list[WrappedKey]:
        # A list first: another thread may insert meanwhile.
        return [key for (of, ref, _), key in list(self.keys.items()) if of == brand and ref in refs]

    def fenced(self, brand: BrandId, refs: list[bytes]) -> set[bytes]:
        return {ref for ref in refs if (brand, ref) in self.fences}

    def epoch(self) -> int:
        return max(self.begun)

    def epochs(self) -> list[tuple[int, Instant, Instant, int]]:
        held = Counter(key.epoch for key in list(self.keys.values()))
        return [(epoch, begun, ended, held[epoch]) for epoch, (begun, ended) in sorted(self.begun.items())]

    def begin_epoch(self, epoch: int, now: Instant) -> None:
        self.begun[epoch] = (now, Instant(0))

    def end_epoch(self, epoch: int, now: Instant) -> None:
        self.begun[epoch] = (self.begun[epoch][0], now)

    def older(self, epoch: int, limit: int) -> list[tuple[BrandId, WrappedKey]]:
        return [(brand, key) for (brand, _, _), key in list(self.keys.items()) if key.epoch < epoch][:limit]

    def rewrap(self, keys: list[tuple[BrandId, WrappedKey, int]]) -> None:
        for brand, key, before in keys:
            place = (brand, key.customer_ref, key.generation)
            if place in self.keys and self.keys[place].epoch == before:
                self.keys[place] = key

    def find_erasure(self, brand: BrandId, erasure_id: bytes) -> ErasureRow | None:
        return self.kept.get((brand, erasure_id))

    def keep_erasure(self, erasure: Erasure) -> None:
        self.kept.setdefault((erasure.brand, erasure.erasure_id), ErasureRow(erasure))

    def fence(self, brand: BrandId, refs: Iterable[bytes]) -> None:
        self.fences |= {(brand, ref) for ref in refs}

    def destroy(self, brand: BrandId, refs: Iterable[bytes]) -> None:
        gone = set(refs)
        self.keys = {place: key for place, key in list(self.keys.items()) if place[0] != brand or place[1] not in gone}

    def finish(self, brand: BrandId, erasure_id: bytes, receipt: str) -> None:
        self.kept[brand, erasure_id] = ErasureRow(self.kept[brand, erasure_id].erasure, receipt)

    def erasures(self, brand: BrandId, start: int, limit: int) -> list[ErasureRow]:
        found = [row for row in self.kept.values() if row.erasure.brand == brand]
        ordered = sorted(found, key=lambda row: (row.erasure.request_time, row.erasure.erasure_id))
        return ordered[start : start + limit]

    def unfinished(self) -> list[Erasure]:
        found = [row.erasure for row in self.kept.values() if not row.receipt]
        return sorted(found, key=lambda erasure: (erasure.not_before, erasure.brand, erasure.erasure_id))

    def all_erasures(self) -> Iterator[ErasureRow]:
        yield from list(self.kept.values())

    def revived(self) -> set[tuple[BrandId, bytes]]:
        return {(brand, ref) for brand, ref, _ in self.keys if (brand, ref) in self.fences}

    def compact(self) -> bool:
        return True


class MemoryFences:
    """`OutsideFences`."""

    def __init__(self) -> None:
        self.lines: list[Erasure] = []

    def put(self, erasure: Erasure) -> None:
        self.lines.append(erasure)

    def all(self) -> Iterator[Erasure]:
        yield from self.lines


class MemorySigner:
    """`SigningKeys` and `Handovers`."""

    def __init__(self, *seeds: Ed25519PrivateKey) -> None:
        self.seeds = list(seeds)
        self.notes: dict[str, tuple[str, ...]] = {}
        self._disowned = False

    def keys(self, ledger: str) -> LedgerKeys:
        notes = self.notes.get(ledger, ())
        if not notes:
            return LedgerKeys(ledger, self.seeds[0])
        name, public = read_verifier_key(handover.read(notes[-1])[0].after)
        private = next(seed for seed in self.seeds if seed.public_key() == public)
        return LedgerKeys(name, private, notes)

    def newest(self) -> Ed25519PrivateKey:
        return self.seeds[-1]

    def make(self) -> None:
        self.seeds.append(Ed25519PrivateKey.generate())

    def older(self) -> int:
        return len(self.seeds) - 1

    def disown(self) -> None:
        self._disowned = True

    def disowned(self) -> bool:
        return self._disowned

    def destroy_older(self) -> None:
        del self.seeds[:-1]
        self._disowned = False

    def read(self, ledger: str) -> tuple[str, ...]:
        return self.notes.get(ledger, ())

    def keep(self, ledger: str, notes: tuple[str, ...]) -> None:
        self.notes[ledger] = notes


class MemoryMarks:
    """`ScrubMarks`."""

    def __init__(self) -> None:
        self.kept: dict[str, ScrubMark] = {}

    def read(self, ledger: str) -> ScrubMark | None:
        return self.kept.get(ledger)

    def put(self, mark: ScrubMark) -> None:
        self.kept[mark.ledger] = mark

    def damaged(self) -> tuple[ScrubMark, ...]:
        return tuple(mark for mark in self.kept.values() if mark.faults)


class MemoryOutsideCopy:
    """`OutsideCopy`."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self._lock = threading.Lock()

    def read(self, ledger: str) -> str | None:
        return self.notes.get(ledger)

    def replace(self, ledger: str, before: str | None, after: str) -> bool:
        with self._lock:
            if self.notes.get(ledger) != before:
                return False
            self.notes[ledger] = after
            return True

    def ledgers(self) -> list[str]:
        return sorted(self.notes)
