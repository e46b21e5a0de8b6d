"""Everything that follows from the entries of one ledger, folded in position order.

Used twice, so that it cannot differ: by the writer on the few customers a commit touches, and by
the audit on all of them. Knows no database and no key but the pepper. Keeps note of what changed.
"""

from functools import lru_cache, partial
from operator import attrgetter

from msgspec.structs import replace

from accord.domain.decision import Customer, Point
from accord.domain.events import (
    ContactAuthorized,
    ContactPointRetold,
    ContactReported,
    CustomerMerged,
    CustomersErased,
    CustomerSplit,
    Event,
    IdentifierUnlinked,
)
from accord.domain.fold import fold, fold_point, touched_number
from accord.domain.group import Group, Member, unite
from accord.domain.state import (
    NO_POINT,
    NO_STATE,
    TOMBSTONE,
    CustomerState,
    PointState,
    decode_customer,
    decode_point,
    encode,
)
from accord.domain.terms import BrandId, Identifier, IdentifierKind, Instant, Position
from accord.ledger.lookup import Lookups
from accord.ledger.store import ContactRow, CustomerRow, GroupRow, IdentifierRow, View

Held = tuple[bytes, IdentifierKind]

_KINDS = {kind.value: kind for kind in IdentifierKind}
_NUMBER = attrgetter("number")


class Projection:
    """States of customers and addresses, who holds which identifier, and where each contact is told of."""

    def __init__(self, brand: BrandId, lookups: Lookups, pepper_epoch: int) -> None:
        """Begin empty. Identifiers are found by their digests of that epoch."""
        self.brand = brand
        self._lookups = lookups
        # A commit asks for each of its identifiers several times; an audit, which meets all there are, once.
        self.lookup = lru_cache(maxsize=4096)(partial(lookups.of(pepper_epoch).identifier, brand))
        self.states: dict[bytes, CustomerState] = {}
        self.chains: dict[bytes, tuple[int, bytes]] = {}
        # By number, ascending: later identifiers have higher ones.
        self.held: dict[bytes, dict[int, Held]] = {}
        self.holders: dict[bytes, dict[bytes, int]] = {}
        self.merged: dict[bytes, GroupRow] = {}
        self.groups: dict[bytes, set[bytes]] = {}
        self.points: dict[bytes, PointState] = {}
        self.contacts: dict[bytes, ContactRow] = {}
        self.changed_customers: set[bytes] = set()
        self.changed_groups: set[bytes] = set()
        self.changed_points: set[bytes] = set()
        self.changed_contacts: set[bytes] = set()
        self.linked: dict[tuple[bytes, bytes], tuple[int, str]] = {}
        self.unlinked: set[tuple[bytes, bytes]] = set()
        self.dropped_points: set[bytes] = set()
        self._alone: set[bytes] = set()
        self._without: dict[bytes, list[PointState]] = {}
        self._left: dict[tuple[bytes, int], bytes] = {}
        self.left: set[tuple[bytes, bytes]] = set()
        self._kept: set[bytes] = set()

    def load(self, view: View) -> None:
        """Take over what a store returned."""
        for lookup, refs in view.holders.items():
            self.holders.setdefault(lookup, dict.fromkeys(refs, 0))
        for ref, row in view.customers.items():
            self.states[ref] = decode_customer(row.state) if row.state else NO_STATE
            self.chains[ref] = (row.version, row.leaf_hash)
            if row.merged:
                self._join(ref, row.merged)
            self.held[ref] = {}
            for each in sorted(row.identifiers, key=_NUMBER):
                self.held[ref][each.number] = (each.lookup, _KINDS[each.kind])
                self.holders.setdefault(each.lookup, {})[ref] = each.number
                if each.point:
                    self.points[each.lookup] = decode_point(each.point)
        for lookup, raw in view.points.items():
            self.points[lookup] = decode_point(raw)
        self.contacts.update(view.contacts)

    def customers_of(self, identifier: Identifier) -> list[bytes]:
        """Return the references of those who hold the identifier."""
        return list(self.holders.get(self.lookup(identifier), ()))

    def has_customer_id(self, ref: bytes) -> bool:
        """Say whether the caller ever named this customer by an id of theirs."""
        return any(kind is IdentifierKind.CUSTOMER_ID for _, kind in self.held.get(ref, {}).values())

    def customer(self, ref: bytes, named: tuple[Identifier, ...] = ()) -> Customer:
        """Return what is known of a customer; of the identifiers named, the numbers of those they hold."""
        held = self.held.get(ref, {})
        points = tuple([Point(number, kind, self.points.get(key, NO_POINT)) for number, (key, kind) in held.items()])
        numbers = {}
        for identifier in named:
            number = self.holders.get(self.lookup(identifier), {}).get(ref)
            if number:
                numbers[identifier] = number
        return Customer(self.states.get(ref, NO_STATE), points, numbers)

    def members(self, ref: bytes) -> list[bytes]:
        """Return everyone in the customer's group, in the order that gives addresses their numbers; alone: them."""
        merged = self.merged.get(ref)
        return sorted(self.groups[merged.group]) if merged else [ref]

    def persons(self, refs: list[bytes]) -> int:
        """Return how many persons these customers are, who is merged being one."""
        return len({merged.group if (merged := self.merged.get(ref)) else ref for ref in refs})

    def united(self, ref: bytes, named: tuple[Identifier, ...] = ()) -> Group:
        """Return the customer as one person with all they are merged with."""
        members = [Member(self.states.get(each, NO_STATE), self._addresses(each)) for each in self.members(ref)]
        return unite(members, {identifier: self.lookup(identifier) for identifier in named})

    def _addresses(self, ref: bytes) -> tuple[tuple[bytes, Point], ...]:
        held = self.held.get(ref, {}).items()
        return tuple((key, Point(number, kind, self.points.get(key, NO_POINT))) for number, (key, kind) in held)

    def apply(self, ref: bytes, event: Event, position: Position, recorded_time: Instant) -> None:
        """Fold one entry of a customer. Order of calls is position order."""
        held = self.held.setdefault(ref, {})
        for link in event.links:
            self._link(ref, held, link.number, link.identifier)
        before = self.states.get(ref, NO_STATE)
        number = touched_number(before, event)
        lookup = held[number][0] if number in held else None
        if isinstance(event, ContactPointRetold) and lookup is None:
            # Told on somebody who left the address: a commit, which knows its state anyway, need not know where.
            lookup = self._left.get((ref, number))
        if lookup is not None:
            self.points[lookup] = fold_point(self.points.get(lookup, NO_POINT), event, position, recorded_time)
            self.changed_points.add(lookup)
            if lookup in self._without:
                others = [fold_point(each, event, position, recorded_time) for each in self._without[lookup]]
                self._without[lookup] = others
        self.states[ref] = fold(before, event, position, recorded_time)
        if isinstance(event, IdentifierUnlinked):
            self._unlink(ref, held, event.number)
        if isinstance(event, ContactAuthorized | ContactReported):
            self._tell(ref, event.contact_id, position)
        if isinstance(event, CustomersErased):
            self._erase([bytes.fromhex(each) for each in event.customers], position)
        if isinstance(event, CustomerMerged | CustomerSplit):
            self._regroup(ref, bytes.fromhex(event.group), position)

    def keep_point(self, lookup: bytes) -> None:
        """Let what is known of an address outlast those who are erased: it was told on somebody else."""
        self._kept.add(lookup)

    def drop_point(self, lookup: bytes) -> None:
        """Forget what is known of an address, unless somebody holds it or it was told on somebody else."""
        if lookup not in self._kept and not self.holders.get(lookup) and self.points.pop(lookup, None) is not None:
            self.dropped_points.add(lookup)
            self.changed_points.discard(lookup)

    def possible_points(self, lookup: bytes) -> list[bytes]:
        """Return every state an address can have, as a store keeps it: erasures may have dropped what was known.

        Whoever folds the ledger cannot know which addresses an erased customer was the last to hold.
        """
        others = self._without.get(lookup, ())
        return [self.point_row(lookup), *(b"" if each is NO_POINT else encode(each) for each in others)]

    def chain(self, ref: bytes) -> tuple[int, bytes]:
        """Return how many entries the customer has and the hash of the newest leaf, empty for none."""
        return self.chains.get(ref, (0, b""))

    def advance(self, ref: bytes, version: int, leaf_hash: bytes) -> None:
        """Note the newest entry of a customer."""
        self.chains[ref] = (version, leaf_hash)
        self.changed_customers.add(ref)

    def row(self, ref: bytes) -> CustomerRow:
        """Return the customer as a store is given them: without identifiers."""
        version, leaf_hash = self.chain(ref)
        return CustomerRow(version, leaf_hash, encode(self.states.get(ref, NO_STATE)), (), self.merged.get(ref))

    def full_row(self, ref: bytes, told: dict[bytes, bytes] | None = None) -> CustomerRow:
        """Return the customer as a store tells of them: with what they hold, by number.

        `told` is what a store tells of addresses; where that is possible, it is returned as it is.
        """
        held, told = self.held.get(ref, {}).items(), told or {}
        identifiers = [
            IdentifierRow(key, number, str(kind), self._point_row(key, told.get(key))) for number, (key, kind) in held
        ]
        return replace(self.row(ref), identifiers=tuple(identifiers))

    def addresses(self, ref: bytes) -> tuple[IdentifierRow, ...]:
        """Return the addresses a customer holds, by number, as a store keeps them beside their state."""
        return tuple(
            IdentifierRow(key, number, str(kind), self.point_row(key))
            for number, (key, kind) in self.held.get(ref, {}).items()
            if kind is not IdentifierKind.CUSTOMER_ID
        )

    def point_row(self, lookup: bytes) -> bytes:
        """Return the state of an address as a store keeps it; empty when nothing is known of it."""
        return encode(self.points[lookup]) if lookup in self.points else b""

    def _point_row(self, lookup: bytes, told: bytes | None) -> bytes:
        possible = told is not None and lookup in self._without and told in self.possible_points(lookup)
        return told if possible and told is not None else self.point_row(lookup)

    def _link(self, ref: bytes, held: dict[int, Held], number: int, identifier: Identifier) -> None:
        lookup = self.lookup(identifier)
        held[number] = (lookup, identifier.kind)
        self.holders.setdefault(lookup, {})[ref] = number
        self._alone.discard(lookup)
        self.linked[lookup, ref] = (number, str(identifier.kind))
        self.unlinked.discard((lookup, ref))

    def _unlink(self, ref: bytes, held: dict[int, Held], number: int) -> None:
        if number not in held:
            return
        lookup, _ = held.pop(number)
        self._left[ref, number] = lookup
        self.left.add((lookup, ref))
        self._let_go(ref, lookup)

    def _let_go(self, ref: bytes, lookup: bytes) -> None:
        self.holders[lookup].pop(ref, None)
        self.linked.pop((lookup, ref), None)
        self.unlinked.add((lookup, ref))
        if not self.holders[lookup]:
            self._alone.add(lookup)

    def untell(self, refs: tuple[bytes, ...], told: dict[bytes, tuple[Position, ...]]) -> None:
        """Take customers and their own entries, by contact, out of the contacts that are told to others too."""
        for key, positions in told.items():
            row = self.contacts.get(key)
            others = [each for each in row.told_to if each not in refs] if row else []
            if row and others and len(others) < len(row.told_to):
                left = tuple(each for each in row.positions if each not in positions)
                self.contacts[key] = ContactRow(others[0], left, tuple(others[1:]))
                self.changed_contacts.add(key)

    def _erase(self, refs: list[bytes], position: Position) -> None:
        """Leave tombstones in no group, and of the addresses nobody holds any more, nothing."""
        for ref in refs:
            self.states[ref] = TOMBSTONE
            self._regroup(ref, b"", position)
            held, self.held[ref] = self.held.get(ref, {}), {}
            for lookup, _ in held.values():
                self._let_go(ref, lookup)
                self.drop_point(lookup)
            self.changed_customers.add(ref)
        for lookup in self._alone & self.points.keys():
            self._without.setdefault(lookup, [])
            if NO_POINT not in self._without[lookup]:
                self._without[lookup].append(NO_POINT)

    def _tell(self, ref: bytes, contact_id: str, position: Position) -> None:
        key = self._lookups.contact(self.brand, contact_id)
        before = self.contacts.get(key, ContactRow(ref, ()))
        others = before.others if ref in before.told_to else (*before.others, ref)
        self.contacts[key] = ContactRow(before.customer_ref, (*before.positions, position), others)
        self.changed_contacts.add(key)

    def _regroup(self, ref: bytes, group: bytes, position: Position) -> None:
        """Note the group of a customer, empty for none. Who stays in theirs came to it when they did before."""
        before = self.merged.get(ref)
        if before and before.group != group:
            self.groups[before.group].discard(ref)
            del self.merged[ref]
            self.changed_groups.add(ref)
        if group and ref not in self.merged:
            self._join(ref, GroupRow(group, position))
            self.changed_groups.add(ref)

    def _join(self, ref: bytes, merged: GroupRow) -> None:
        self.merged[ref] = merged
        self.groups.setdefault(merged.group, set()).add(ref)
