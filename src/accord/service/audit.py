"""Folds a ledger again from its entries and compares everything that is kept beside them.

Reads every stored byte once: leaves against their hashes, ciphertexts and payloads against the
leaves, hashes against tiles, edge and root, the chain of each customer, and then every state,
address, identifier, contact and list against what folding gives. Of somebody who was erased, leaves and
ciphertexts are checked as all others are; nothing is opened, and what must be left is a tombstone.
States are compared by what they say: one that was written before a field was appended has other bytes
and no fault. Reports, never repairs.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.events import CatalogueApplied, CustomersErased, LedgerRecovered, LossAccepted
from accord.domain.state import customer_anew, point_anew
from accord.domain.terms import BrandId, IdentifierKind
from accord.ledger.entry import BRAND_REF, Leaf, StoredEntry
from accord.ledger.keyring import Keyring
from accord.ledger.lookup import Lookups
from accord.ledger.opening import OpenedEntry, TamperedError, check_leaf, open_entry
from accord.ledger.projection import Projection
from accord.ledger.store import TILE_WIDTH, CustomerRow, IdentifierRow, LedgerStore, Records, TreeHead
from accord.ledger.walk import history
from accord.proof.merkle import Edge, grow, root_of_edge
from accord.service.audit_lists import ListAuditor

_PAGE = 2000
MAX_FAULTS = 100


class AuditReport(Struct, frozen=True):
    """What an audit found: nothing wrong when `faults` is empty. Faults name positions, never people."""

    ledger: str
    entries: int
    customers: int
    root: bytes
    faults: tuple[str, ...]


def audit(  # noqa: PLR0913 - all that is compared, and whom to tell
    brand: BrandId,
    store: LedgerStore,
    records: Records,
    keyring: Keyring,
    lookups: Lookups,
    progress: Callable[[int, int], None] | None = None,
) -> AuditReport:
    """Fold a brand's ledger again and compare. Raises ValueError when the brand has none.

    What is read must be of one instant, or nobody may write meanwhile. `progress` is told after each page how many
    entries of how many are folded.
    """
    head = next((each for each in records.heads() if each.brand == brand), None)
    if head is None:
        raise ValueError("the brand has no ledger")
    auditor = _Auditor(head, store, keyring, lookups, progress)
    faults: list[str] = []
    for fault in auditor.faults(records):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            faults.append("more faults were found than are listed")
            break
    return AuditReport(head.ledger, auditor.size, len(auditor.world.chains), root_of_edge(auditor.edge), tuple(faults))


class _Auditor:
    def __init__(
        self,
        head: TreeHead,
        store: LedgerStore,
        keyring: Keyring,
        lookups: Lookups,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.head = head
        self.world = Projection(head.brand, lookups, lookups.at(head).epoch)
        self.edge: Edge = ()
        self.size = 0
        self.catalogue = (0, 0)
        self.recovered = (1, 0)
        self._erased: dict[bytes, int] = {}
        self._suppressed: Counter[int] = Counter()
        self._lists = ListAuditor()
        self._store = store
        self._keyring = keyring
        self._progress = progress
        self._last_time = 0
        self._tiles: dict[int, list[bytes]] = {}

    def faults(self, records: Records) -> Iterator[str]:
        self._find_erased()
        while page := self._store.entries(self.head.brand, self.size, min(_PAGE, self.head.size - self.size)):
            keys = self._keyring.find(self.head.brand, {entry.customer_ref for entry in page})
            for entry in page:
                if (entry.customer_ref, entry.generation) in keys and entry.customer_ref in self._erased:
                    yield f"entry {entry.position}: is of somebody who was erased, and its key lives"
                yield from self._entry(entry, keys)
            if self._progress:
                self._progress(self.size, self.head.size)
        yield from self._head_faults()
        yield from self._customer_faults(records)
        yield from self._other_faults(records)
        yield from self._suppression_faults(records)
        yield from self._lists.faults(records.all_listings(self.head.brand), self.world.points, self.size)

    def _find_erased(self) -> None:
        """Note who was erased, and where: their entries come first, and are not opened even where they could be."""
        keys = self._keyring.find(self.head.brand, [BRAND_REF])
        for entry in history(self._store, self.head.brand, BRAND_REF):
            try:
                event = open_entry(entry, self.head.ledger, keys).payload.event
            except (TamperedError, KeyError):
                continue  # told when its turn comes
            if isinstance(event, CustomersErased):
                self._erased |= {bytes.fromhex(each): entry.position for each in event.customers}

    def _entry(self, entry: StoredEntry, keys: dict[tuple[bytes, int], bytes]) -> Iterator[str]:
        if entry.position != self.size:
            yield f"entry {entry.position}: stands where entry {self.size} should"
        try:
            if entry.customer_ref in self._erased:
                yield from self._sealed(entry, check_leaf(entry, self.head.ledger))
            else:
                yield from self._fold(open_entry(entry, self.head.ledger, keys))
        except TamperedError as error:
            yield str(error)
        except KeyError:
            yield f"entry {entry.position}: its key is gone"
        self.edge = grow(self.edge, self.size, [entry.leaf_hash])
        self.size += 1
        yield from self._tile(0, entry.leaf_hash)

    def _fold(self, opened: OpenedEntry) -> Iterator[str]:
        entry, leaf, payload = opened.entry, opened.leaf, opened.payload
        version, previous = self.world.chain(entry.customer_ref)
        if entry.customer_version != version + 1 or payload.previous != previous.hex():
            yield f"entry {entry.position}: does not continue its customer's chain"
        yield from self._time(entry, leaf)
        self.world.apply(entry.customer_ref, payload.event, entry.position, leaf.recorded_at)
        self.world.advance(entry.customer_ref, entry.customer_version, entry.leaf_hash)
        self._lists.fold(payload.event, entry.position)
        if isinstance(payload.event, CatalogueApplied):
            self.catalogue = (entry.position, payload.event.version)
        if isinstance(payload.event, LedgerRecovered):
            self.recovered = (payload.event.incarnation, entry.position)
        if isinstance(payload.event, LossAccepted):
            self.recovered = (self.recovered[0], 0)
        if isinstance(payload.event, CustomersErased):
            self._suppressed[leaf.recorded_at] += payload.event.suppressed

    def _sealed(self, entry: StoredEntry, leaf: Leaf) -> Iterator[str]:
        """Take an entry of somebody who was erased: its place in their chain counts, its content is gone."""
        if entry.customer_version != self.world.chain(entry.customer_ref)[0] + 1:
            yield f"entry {entry.position}: does not continue its customer's chain"
        if entry.position > self._erased[entry.customer_ref]:
            yield f"entry {entry.position}: was written after its customer was erased"
        yield from self._time(entry, leaf)
        self.world.advance(entry.customer_ref, entry.customer_version, entry.leaf_hash)

    def _time(self, entry: StoredEntry, leaf: Leaf) -> Iterator[str]:
        if leaf.recorded_at <= self._last_time:
            yield f"entry {entry.position}: was recorded no later than the entry before it"
        self._last_time = leaf.recorded_at

    def _tile(self, level: int, hash_: bytes) -> Iterator[str]:
        """Collect the hashes of each level and compare a tile when it is full."""
        row = self._tiles.setdefault(level, [])
        row.append(hash_)
        if len(row) < TILE_WIDTH:
            return
        index = (self.size >> (8 * (level + 1))) - 1
        if self._store.tiles(self.head.brand, level, (index,)).get(index) != b"".join(row):
            yield f"tile {level}/{index}: does not fit the entries"
        root = root_of_edge(grow((), 0, row))
        row.clear()
        yield from self._tile(level + 1, root)

    def _head_faults(self) -> Iterator[str]:
        head = self.head
        if self.size != head.size:
            yield f"the head says {head.size} entries, {self.size} are there"
        if (root_of_edge(self.edge), b"".join(self.edge)) != (head.root, head.edge):
            yield "the head's root or edge does not fit the entries"
        if self._last_time != head.recorded_time:
            yield "the head's recorded time is not that of the newest entry"
        if self.recovered != (head.incarnation, head.unreconciled_since):
            yield "the head says something else of what was lost than the entries"
        if self.catalogue != (head.catalogue_position, head.catalogue_version):
            yield "the head names another catalogue than the newest one applied"

    def _customer_faults(self, records: Records) -> Iterator[str]:
        seen = 0
        for ref, row in records.all_customers(self.head.brand):
            seen += 1
            if ref not in self.world.chains:
                yield f"customer {ref.hex()[:8]}…: has a state and no entry"
            elif (anew := _anew(row)) != self.world.full_row(ref, _states_of(anew.identifiers)):
                yield f"customer {ref.hex()[:8]}…: state, chain, identifiers or group do not follow from the entries"
        if seen != len(self.world.chains):
            yield f"{len(self.world.chains)} customers have entries, {seen} have a state"
        for known in records.all_known(self.head.brand):
            addresses = _all_anew(known.addresses)
            row = self.world.full_row(known.customer_ref, _states_of(addresses))
            if known.group != (row.merged.group if row.merged else b""):
                yield f"customer {known.customer_ref.hex()[:8]}…: questions see another group than theirs"
            if addresses != tuple(each for each in row.identifiers if each.kind != IdentifierKind.CUSTOMER_ID):
                yield f"customer {known.customer_ref.hex()[:8]}…: questions see other addresses than they hold"

    def _other_faults(self, records: Records) -> Iterator[str]:
        points = {lookup: point_anew(raw) for lookup, raw in records.all_points(self.head.brand)}
        if any(
            points.get(lookup, b"") not in self.world.possible_points(lookup)
            for lookup in points.keys() | self.world.points.keys()
        ):
            yield "the states of addresses do not follow from the entries"
        if dict(records.all_contacts(self.head.brand)) != self.world.contacts:
            yield "the contacts do not follow from the entries"
        # Who left an address before it was kept who did is not there, and no fault.
        if any(pair not in self.world.left for pair in records.all_former_holders(self.head.brand)):
            yield "who left an address does not follow from the entries"

    def _suppression_faults(self, records: Records) -> Iterator[str]:
        """Compare times and numbers: whose addresses they are, nobody can tell any more."""
        kept = Counter(time for _, time in records.all_suppressions(self.head.brand))
        if any(count > self._suppressed[time] for time, count in kept.items()):
            yield "more addresses are suppressed than erasures say"


def _anew(row: CustomerRow) -> CustomerRow:
    """Return the row with its states as they are written now."""
    return replace(row, state=customer_anew(row.state), identifiers=_all_anew(row.identifiers))


def _all_anew(rows: tuple[IdentifierRow, ...]) -> tuple[IdentifierRow, ...]:
    return tuple(replace(row, point=point_anew(row.point)) for row in rows)


def _states_of(rows: tuple[IdentifierRow, ...]) -> dict[bytes, bytes]:
    return {row.lookup: row.point for row in rows}
