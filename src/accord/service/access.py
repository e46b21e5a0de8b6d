"""GetAccessReport: everything a brand holds of one customer, for the customer (GDPR art. 15 and 20).

Of this customer only: their own entries, and how things stand by them. What another holder of a shared address
said is theirs (art. 15(4)), so refusals of one address are told from the customer's own entries, not from the
state of the address; what lists say of one concerns whoever holds it. Entries that tell of another holder are told
without that. Where the key is gone the entries are listed, and it is said that nobody can read them.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from accord.domain.catalogue import Catalogue
from accord.domain.decision import Point
from accord.domain.events import (
    ContactAuthorized,
    ContactPointRetold,
    ContactPointSuppressed,
    Event,
    Evidence,
    IdentifierUnlinked,
    Link,
    PermissionGranted,
    PermissionRefused,
)
from accord.domain.state import Facts, Listing, RefusalMark, decode_customer, own_list_of
from accord.domain.succession import act_of, refused_by
from accord.domain.terms import BrandId, Identifier, Instant, Position, RefusalKind
from accord.ledger.entry import StoredEntry
from accord.ledger.keyring import Keyring
from accord.ledger.opening import OpenedEntry, open_entry
from accord.ledger.store import LedgerStore
from accord.service.catalogues import Catalogues
from accord.service.records import Contact, Remembered, StandingPermission, StandingRefusal, alone

_BATCH = 1000

_OF_OTHERS: dict[type[Event], tuple[str, ...]] = {
    ContactPointSuppressed: ("erased_time",),
    ContactPointRetold: ("state",),
}
"""What events tell of somebody else who held an address: when they were erased, what they had said of it."""


class HeldIdentifier(Struct, frozen=True):
    """An identifier of the customer; `unlinked_time` 0: it is held."""

    link: Link
    linked_time: Instant
    unlinked_time: Instant = Instant(0)


class HeldListing(Struct, frozen=True):
    """That an address is not to be contacted: by a list, or by what an erasure left; `link` None: its key is gone."""

    link: Link | None
    listing: Listing | None


class Summary(Struct, frozen=True, kw_only=True):
    """How things stand for one customer. `events` has what each of their entries told, by position."""

    ledger: str
    time: Instant
    catalogue: Catalogue
    entries: int
    erased: bool
    identifiers: tuple[HeldIdentifier, ...]
    facts: Facts
    permissions: tuple[StandingPermission, ...]
    refusals: tuple[StandingRefusal, ...]
    listings: tuple[HeldListing, ...]
    events: dict[Position, Event]
    callers: tuple[str, ...]

    @property
    def third_parties(self) -> list[str]:
        """The third parties that permissions named, sorted."""
        granted = (event for event in self.events.values() if isinstance(event, PermissionGranted))
        return sorted({recipient for event in granted for recipient in event.recipients})

    @property
    def purposes(self) -> list[tuple[str, str]]:
        """Code and title of each purpose that permissions and contacts name, in the catalogue's order."""
        named = {purpose for event in self.events.values() for purpose in _purposes(event)}
        return [(each.code, each.title) for each in self.catalogue.purposes if each.code in named]


class HeldEntry(Struct, frozen=True):
    """One entry of the customer. `opened` None: its key is gone. `contact`: the one it authorised, as it stands."""

    entry: StoredEntry
    opened: OpenedEntry | None
    contact: Contact | None = None

    @property
    def evidence(self) -> Evidence | None:
        """How we know of it, where it tells what the customer said."""
        act = act_of(self.opened.payload.event) if self.opened else None
        return act.evidence if act else None

    @property
    def withheld(self) -> tuple[str, ...]:
        """Name what the event tells of another holder of an address, and not of this customer."""
        return _OF_OTHERS.get(type(self.opened.payload.event), ()) if self.opened else ()

    @property
    def told(self) -> bytes:
        """What the entry tells of this customer, in JSON: what was committed to, without what is withheld."""
        raw = self.opened.raw_payload if self.opened else b""
        if not self.withheld:
            return raw
        payload = msgspec.json.decode(raw)
        for name in self.withheld:
            del payload["event"][name]
        return msgspec.json.encode(payload, order="sorted")


class Access:
    """Tells what is held."""

    def __init__(self, store: LedgerStore, remembered: Remembered, keyring: Keyring, catalogues: Catalogues) -> None:
        """Read from these."""
        self._store = store
        self._remembered = remembered
        self._keyring = keyring
        self._catalogues = catalogues

    def summary(self, brand: BrandId, customer: Identifier) -> Summary:
        """Return how things stand. Raises CallError where the key leads to nobody, or to several."""
        head, known = self._remembered.find(brand, customer)
        entries = list(self._entries(brand, head.ledger, known.customer_ref))
        opened = [each.opened for each in entries if each.opened]
        state = decode_customer(known.state)
        identifiers = tuple(_identifiers(opened))
        standing = self._remembered.standing(head, known)
        return Summary(
            ledger=head.ledger,
            time=self._remembered.now(head),
            catalogue=self._catalogues.get(brand)[0].catalogue,
            entries=len(entries),
            erased=state.erased or len(opened) < len(entries),
            identifiers=identifiers,
            facts=state.facts,
            permissions=tuple(each for each in standing if isinstance(each, StandingPermission)),
            refusals=_own_refusals(state.refusals, opened),
            listings=tuple(_listings(alone(known).points, identifiers)),
            events={each.entry.position: each.payload.event for each in opened},
            callers=tuple(sorted({each.payload.caller for each in opened})),
        )

    def entries(self, brand: BrandId, customer: Identifier, start: int, limit: int) -> list[HeldEntry]:
        """Return up to `limit` entries of a customer from version `start` on, oldest first. Raises CallError."""
        head, known = self._remembered.find(brand, customer)
        return [
            HeldEntry(each.entry, each.opened, self._contact(brand, each.opened))
            for each in self._read(brand, head.ledger, known.customer_ref, start, limit)
        ]

    def _contact(self, brand: BrandId, opened: OpenedEntry | None) -> Contact | None:
        event = opened.payload.event if opened else None
        return self._remembered.contact(brand, event.contact_id) if isinstance(event, ContactAuthorized) else None

    def _entries(self, brand: BrandId, ledger: str, ref: bytes) -> Iterator[HeldEntry]:
        start = 1
        while page := self._read(brand, ledger, ref, start, _BATCH):
            yield from page
            start += len(page)

    def _read(self, brand: BrandId, ledger: str, ref: bytes, start: int, limit: int) -> list[HeldEntry]:
        keys = self._keyring.find(brand, [ref])
        return [
            # A key that is gone is no fault here: the entry is listed as what it is.
            HeldEntry(each, open_entry(each, ledger, keys) if (ref, each.generation) in keys else None)
            for each in self._store.entries(brand, start, limit, ref)
        ]


def _identifiers(opened: Iterable[OpenedEntry]) -> Iterator[HeldIdentifier]:
    """Yield every identifier the customer ever had, by number."""
    found: dict[int, HeldIdentifier] = {}
    for each in opened:
        event, time = each.payload.event, each.leaf.recorded_at
        for link in event.links:
            found[link.number] = HeldIdentifier(link, time)
        if isinstance(event, IdentifierUnlinked) and event.number in found:
            held = found[event.number]
            found[event.number] = HeldIdentifier(held.link, held.linked_time, time)
    return iter(found[number] for number in sorted(found))


def _own_refusals(marks: tuple[RefusalMark, ...], opened: Iterable[OpenedEntry]) -> tuple[StandingRefusal, ...]:
    """Return the customer's refusals by position; of those of one address the newest with each scope."""
    of_address: dict[object, RefusalMark] = {}
    for each in opened:
        event = each.payload.event
        refused = refused_by(event) if isinstance(event, PermissionRefused) else None
        if refused is not None and isinstance(event, PermissionRefused) and event.point:
            mark = RefusalMark(
                position=each.entry.position,
                kind=event.kind,
                refused=refused,
                act_time=event.evidence.act_time,
                recorded_time=each.leaf.recorded_at,
            )
            of_address[event.point, refused] = mark
    found = [StandingRefusal(mark, one_address=False) for mark in marks]
    found.extend(StandingRefusal(mark, one_address=True) for mark in of_address.values())
    return tuple(sorted(found, key=lambda each: each.mark.position))


def _listings(points: Iterable[Point], identifiers: Iterable[HeldIdentifier]) -> Iterator[HeldListing]:
    """Yield what keeps each address from being contacted though nobody said so, by number."""
    links = {each.link.number: each.link for each in identifiers}
    for point in points:
        link, state = links.get(point.number), point.state
        yield from (HeldListing(link, listing) for listing in state.listings)
        kept = (mark for mark in state.refusals if mark.kind is RefusalKind.SUPPRESSED)
        if any(own_list_of(mark, state) is None for mark in kept):
            yield HeldListing(link, None)


def _purposes(event: Event) -> tuple[str, ...]:
    match event:
        case PermissionGranted(purposes=purposes):
            return purposes
        case ContactAuthorized(purpose=purpose):
            return (purpose,)
        case _:
            return ()
