"""What the ledger remembers of a customer or a contact: permissions, history, proof of use."""

from itertools import chain

import msgspec
from msgspec import Struct

from accord.domain import standing
from accord.domain.decision import Customer, Point
from accord.domain.events import ContactAuthorized, ContactReported, Event
from accord.domain.fold import STATUS_AFTER
from accord.domain.group import Group
from accord.domain.problems import Problem
from accord.domain.state import (
    NO_POINT,
    Listing,
    PermissionMark,
    RefusalMark,
    decode_customer,
    decode_point,
    own_list_of,
)
from accord.domain.terms import BrandId, ContactStatus, Identifier, IdentifierKind, Instant, PermissionStatus, Position
from accord.ledger.entry import StoredEntry, read_leaf
from accord.ledger.keyring import Keyring
from accord.ledger.lookup import Lookups
from accord.ledger.opening import OpenedEntry, open_entry
from accord.ledger.store import Head, Known, LedgerStore, Records, Sight
from accord.proof.handover import ledger_of
from accord.service.answers import Receipt
from accord.service.errors import (
    CallError,
    catalogue_missing,
    contact_unknown,
    customer_ambiguous,
    customer_erased,
    customer_unknown,
)
from accord.service.past import EVERYTHING, Then
from accord.service.recognition import Recognition
from accord.service.sights import group_of
from accord.service.writer import Clock


class HistoryPage(Struct, frozen=True):
    """Entries of a customer, oldest first; `following` is the number of the next that counted, 0 for none."""

    entries: tuple[OpenedEntry, ...]
    following: int = 0


class Contact(Struct, frozen=True):
    """One outbound message: how it was authorised, the entries about it, where it stands."""

    contact_id: str
    authorized: ContactAuthorized
    authorized_time: Instant
    positions: tuple[Position, ...]
    status: ContactStatus


class StandingPermission(Struct, frozen=True):
    """A permission and where it stands."""

    mark: PermissionMark
    status: PermissionStatus


class StandingRefusal(Struct, frozen=True):
    """A refusal, whether it reaches one address only, and the brand's own list behind it where one is."""

    mark: RefusalMark
    one_address: bool
    own_list: Listing | None = None


class Remembered:
    """Reads what was recorded."""

    def __init__(self, store: LedgerStore, records: Records, lookups: Lookups, keyring: Keyring, clock: Clock) -> None:
        """Read from this store."""
        self._store = store
        self._records = records
        self._lookups = lookups
        self._recognition = Recognition(store, lookups)
        self._keyring = keyring
        self._clock = clock

    def permissions(self, brand: BrandId, customer: Identifier) -> list[StandingPermission | StandingRefusal]:
        """Return the permissions, then the refusals, each by position. Raises CallError when nobody is known."""
        sight, found, group = self._person(brand, customer)
        return self._standing(group.customer if group else alone(found[0]), sight.head)

    def standing(self, head: Head, found: Known) -> list[StandingPermission | StandingRefusal]:
        """Return the permissions, then the refusals that bind a customer, each by position; not those of a group."""
        return self._standing(alone(found), head)

    def _standing(self, known: Customer, head: Head) -> list[StandingPermission | StandingRefusal]:
        now = self.now(head)
        marks = sorted(known.state.permissions, key=lambda mark: mark.position)
        given = [StandingPermission(mark, standing.status_of(mark, known, now)) for mark in marks]
        refused = [
            StandingRefusal(mark, point is not None, own_list_of(mark, point) if point else None)
            for mark, point in standing.refusals_of(known)
        ]
        return [*given, *refused]

    def now(self, head: Head) -> Instant:
        """Return the instant at which things stand now."""
        return head.now(self._clock())

    def history(
        self, brand: BrandId, customer: Identifier, start: int, limit: int, then: Then = EVERYTHING
    ) -> HistoryPage:
        """Return up to `limit` entries of a customer that counted then, from the one numbered `start` on, oldest first.

        Of a group: the entries of all members as one history, in the order of their positions. Raises CallError
        for nobody, and where `then` lies in the future.
        """
        sight, found, _ = self._person(brand, customer)
        then.require_past(self.now(sight.head))
        refs = [each.customer_ref for each in found]
        counted: list[OpenedEntry] = []
        while page := self._entries_of(brand, sight, refs, start, limit + 1):
            for opened in page:
                if then.counts(opened):
                    if len(counted) == limit:
                        return HistoryPage(tuple(counted), start)
                    counted.append(opened)
                start += 1
        return HistoryPage(tuple(counted))

    def _entries_of(self, brand: BrandId, sight: Sight, refs: list[bytes], start: int, limit: int) -> list[OpenedEntry]:
        if len(refs) == 1:
            entries = self._store.entries(brand, start, limit, refs[0])
        else:
            # Among the first n of a group are none beyond the first n of a member.
            firsts = (self._store.entries(brand, 1, start + limit - 1, ref) for ref in refs)
            entries = sorted(chain.from_iterable(firsts), key=lambda each: each.position)[start - 1 : start + limit - 1]
        keys = self._keyring.find(brand, refs)
        return [open_entry(entry, sight.head.ledger, keys) for entry in entries]

    def opened(self, brand: BrandId, ledger: str, position: Position) -> OpenedEntry | None:
        """Return the entry at a position, or None when there is none. Raises KeyError when its key is gone."""
        entries = self._store.entries(brand, position, 1)
        if not entries:
            return None
        return open_entry(entries[0], ledger, self._keyring.find(brand, [entries[0].customer_ref]))

    def event(self, brand: BrandId, position: Position) -> Event | None:
        """Return what the entry at a position tells, or None when there is none or its key is gone."""
        entries = self._store.entries(brand, position, 1)
        head = self._store.head(brand)
        found = self.try_open(brand, head.ledger, entries[0]) if entries and head else None
        return found.payload.event if found else None

    def try_open(self, brand: BrandId, ledger: str, entry: StoredEntry) -> OpenedEntry | None:
        """Return the opened entry, or None when its key is gone."""
        return self.try_open_all(brand, ledger, [entry])[0]

    def try_open_all(self, brand: BrandId, ledger: str, entries: list[StoredEntry]) -> list[OpenedEntry | None]:
        """Return the opened entry, or None when its key is gone, for each; their keys are read together."""
        keys = self._keyring.find(brand, {entry.customer_ref for entry in entries})
        return [
            open_entry(entry, ledger, keys) if (entry.customer_ref, entry.generation) in keys else None
            for entry in entries
        ]

    def receipt(self, brand: BrandId, position: Position) -> Receipt:
        """Return the receipt of an entry of the ledger, as it was first given."""
        (entry,) = self._store.entries(brand, position, 1)
        return Receipt(position, entry.leaf_hash, read_leaf(entry.leaf).recorded_at)

    def contact_ids(self, brand: BrandId, ledger: str, positions: list[Position]) -> list[str]:
        """Return the names of the contacts that entries authorised, in order; empty where the key is gone."""
        entries = [entry for position in positions for entry in self._store.entries(brand, position, 1)]
        opened = self.try_open_all(brand, ledger_of(ledger), entries) if entries else []
        events = (found.payload.event if found else None for found in opened)
        return [event.contact_id if isinstance(event, ContactAuthorized) else "" for event in events]

    def contact_positions(self, brand: BrandId, contact_id: str) -> tuple[Head, tuple[Position, ...]]:
        """Return the entries about a contact, ascending. Raises CallError when it was never authorised."""
        head = self._store.head(brand)
        if head is None:
            raise catalogue_missing()
        row = self._records.contact(brand, self._lookups.contact(brand, contact_id))
        if row is None:
            raise CallError(contact_unknown())
        return head, row.positions

    def contact(self, brand: BrandId, contact_id: str) -> Contact:
        """Return one contact and the entries about it. Raises CallError: never authorised, or its customer erased."""
        head, positions = self.contact_positions(brand, contact_id)
        authorized: ContactAuthorized | None = None
        authorized_time, status = Instant(0), ContactStatus.AUTHORIZED
        for position in positions:
            found = self._opened_contact(brand, head.ledger, position)
            event = found.payload.event if found else None
            if found and isinstance(event, ContactAuthorized):
                authorized, authorized_time = event, found.leaf.recorded_at
                status = ContactStatus.AUTHORIZED
            elif isinstance(event, ContactReported):
                status = STATUS_AFTER[event.outcome]
        if authorized is None:
            raise msgspec.ValidationError("the contact's entries do not authorise it")
        return Contact(contact_id, authorized, authorized_time, positions, status)

    def _opened_contact(self, brand: BrandId, ledger: str, position: Position) -> OpenedEntry | None:
        try:
            return self.opened(brand, ledger, position)
        except KeyError:
            # An erasure takes the contact away before the key; a restored ledger brings it back without.
            raise CallError(customer_erased("contact_id")) from None

    def find(self, brand: BrandId, customer: Identifier) -> tuple[Head, Known]:
        """Return whom alone a key leads to, be they merged or not. Raises CallError for nobody, and for several."""
        sight, known, _ = self._holders(brand, customer)
        if len(known) > 1:
            raise CallError(customer_ambiguous(len(known)))
        return sight.head, known[0]

    def _person(self, brand: BrandId, customer: Identifier) -> tuple[Sight, tuple[Known, ...], Group | None]:
        """Return everyone in the history of whom a key names, and the group they are, if any. Raises CallError."""
        sight, known, digest = self._holders(brand, customer)
        group = group_of(sight, known, {customer: digest})
        if isinstance(group, Problem):
            raise CallError(group)
        return sight, sight.groups[known[0].group] if group else known, group

    def _holders(self, brand: BrandId, customer: Identifier) -> tuple[Sight, tuple[Known, ...], bytes]:
        """Return everyone who holds a key, one at least, and its digest. Raises CallError."""
        sight, (digest,), _ = self._recognition.read(brand, (customer,))
        if sight is None:
            raise catalogue_missing()
        known = sight.known.get(digest, ())
        if not known:
            raise CallError(customer_unknown())
        return sight, known, digest


def alone(found: Known) -> Customer:
    """Return one customer as decisions know them, without their group."""
    points = tuple(
        Point(each.number, IdentifierKind(each.kind), decode_point(each.point) if each.point else NO_POINT)
        for each in found.addresses
    )
    return Customer(decode_customer(found.state), points)
