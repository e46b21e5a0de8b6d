"""How things stood at a moment: the histories a question needs, folded again as far as they counted then.

A moment has two clocks. `as_of` lets in what had happened by then, each entry by its own act time;
`size` lets in what was known, by position. The same entries give the same states, so a moment whose
clocks both stand where a real answer was given gives that answer again.

What is read: the customers a key leads to, everyone they were ever merged with, and of each of their
addresses whoever holds it, held it, or told of it, because facts of an address bind every holder. All
of it is read from entries, and nothing of it on the way of a check. What an erased customer told cannot be
read any more: where it concerned the person, nothing is known of them; where it concerned an address,
what was told of it once more counts as far as it had happened. Writes nothing.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.act_time import act_time
from accord.domain.events import ContactAuthorized, ContactReported, CustomerMerged
from accord.domain.officer import MAX_GROUP
from accord.domain.problems import Violation, invalid, invalid_fields
from accord.domain.state import NO_POINT, POINT_FACTS, PointState, decode_point, told_at
from accord.domain.terms import NEVER, BrandId, Identifier, IdentifierKind, Instant, Position
from accord.ledger.entry import StoredEntry, read_leaf
from accord.ledger.keyring import Keyring
from accord.ledger.lookup import FIRST_EPOCH, Lookups
from accord.ledger.opening import OpenedEntry, open_entry
from accord.ledger.projection import Projection
from accord.ledger.store import Head, LedgerStore, Points
from accord.ledger.walk import first_since, history
from accord.service.errors import CallError
from accord.service.recognition import require_epoch
from accord.service.tokens import size_known

_REMEMBERED = 20_000
"""Entries of remembered histories beyond which they are forgotten."""


class Then(Struct, frozen=True):
    """Which past is asked for: what had happened by `as_of`, as far as it was recorded by `as_known_at`.

    0: neither limit. `as_known_by`, instead of `as_known_at`: the token of an answer, and exactly what it knew.
    """

    as_of: Instant = NEVER
    as_known_at: Instant = NEVER
    as_known_by: str = ""

    def require_past(self, now: Instant) -> None:
        """Raise CallError, with every fault, where an instant lies in the future or knowing comes before happening."""
        faults = [
            Violation(name, "must not lie in the future")
            for name in ("as_of", "as_known_at")
            if getattr(self, name) > now
        ]
        if NEVER < self.as_known_at < self.as_of:
            faults.append(Violation("as_known_at", "must not be earlier than as_of"))
        if self.as_known_at and self.as_known_by:
            faults.append(Violation("as_known_by", "must be empty where as_known_at is set"))
        if faults:
            raise CallError(invalid_fields(tuple(faults)))

    def counts(self, opened: OpenedEntry) -> bool:
        """Say whether what an entry tells had happened, and was recorded."""
        recorded = opened.leaf.recorded_at
        known = not self.as_known_at or recorded <= self.as_known_at
        return known and (not self.as_of or act_time(opened.payload.event, recorded) <= self.as_of)


EVERYTHING = Then()
"""No past: all there is."""


class Moment(Struct, frozen=True):
    """An instant of the past, and how many entries of the ledger are known when it is looked at."""

    as_of: Instant
    size: int

    def counts(self, opened: OpenedEntry) -> bool:
        """Say whether what an entry tells was known, and had happened."""
        told = act_time(opened.payload.event, opened.leaf.recorded_at)
        return opened.entry.position < self.size and told <= self.as_of


class Told(Struct, frozen=True):
    """The histories of a person and of their addresses, oldest entry first.

    `unreadable`: somebody who was one person with them was erased since. `points` is what is known today of the
    addresses of which an erased customer told, by their digests of the epoch.
    """

    entries: tuple[OpenedEntry, ...]
    unreadable: bool
    points: dict[bytes, PointState]
    pepper_epoch: int = FIRST_EPOCH

    def fold(self, brand: BrandId, lookups: Lookups, moment: Moment, *, without: str = "") -> Projection:
        """Return how things stood at a moment; `without` leaves out a contact, as before it was authorised."""
        world = Projection(brand, lookups, self.pepper_epoch)
        for opened in self.entries:
            event = opened.payload.event
            own = isinstance(event, ContactAuthorized | ContactReported) and event.contact_id == without
            if moment.counts(opened) and not (without and own):
                world.apply(opened.entry.customer_ref, event, opened.entry.position, opened.leaf.recorded_at)
        readable = {opened.entry.position for opened in self.entries}
        for lookup, today in self.points.items():
            world.points[lookup] = _with_lost(world.points.get(lookup, NO_POINT), today, readable, moment)
        return world


class Past:
    """Reads what was told, for one question after the other."""

    def __init__(self, store: LedgerStore, points: Points, lookups: Lookups, keyring: Keyring) -> None:
        """Read from this store."""
        self._store = store
        self._points = points
        self._lookups = lookups
        self._keyring = keyring

    def moment(self, head: Head, then: Then, now: Instant) -> Moment:
        """Return the moment of a past. Raises CallError where there is none, naming the field."""
        if not then.as_of:
            raise CallError(invalid("as_of", "is required with as_known_at and as_known_by"))
        then.require_past(now)
        if then.as_known_by:
            return Moment(then.as_of, size_known(then.as_known_by, head, "as_known_by"))
        if then.as_known_at:
            # No two entries share a recorded time: what was recorded at that very instant was known.
            after = Instant(then.as_known_at + 1)
            return Moment(then.as_of, first_since(self._store, head.brand, after, head.size))
        return Moment(then.as_of, head.size)

    def histories(self, head: Head) -> "Histories":
        """Return where histories are opened, for several questions about one ledger."""
        return Histories(self._store, self._keyring, head)

    def told(
        self,
        histories: "Histories",
        moment: Moment,
        identifiers: tuple[Identifier, ...] = (),
        refs: Iterable[bytes] = (),
    ) -> Told:
        """Return what was told of whoever the identifiers lead to, or ever led to, and of these customers.

        Raises StoreUnavailableError where identifiers moved to another epoch since the head was read.
        """
        head, reading = histories.head, _Reading(histories, moment)
        lookups = self._lookups.at(head)
        persons = {*refs, *self._holders(head, tuple(lookups.identifier(head.brand, each) for each in identifiers))}
        unreadable = reading.persons(persons)
        addresses = tuple(lookups.identifier(head.brand, each) for each in reading.addresses())
        known = {key: decode_point(raw) for key, raw in self._points.points(head.brand, list(addresses)).items()}
        reading.beside(self._holders(head, addresses))
        lost = {key: point for key, point in known.items() if not reading.tellers(told_at(point))}
        return Told(reading.entries, unreadable, lost, lookups.epoch)

    def _holders(self, head: Head, digests: tuple[bytes, ...]) -> set[bytes]:
        """Return whoever holds, or held, what the digests stand for; what was read by them before is of one epoch."""
        if not digests:
            return set()
        former = {ref for _, ref in self._points.former_holders(head.brand, list(digests))}
        sight = self._store.read(head.brand, digests)
        require_epoch(sight.head if sight else None, head.pepper_epoch)
        found = {known.customer_ref for holders in sight.known.values() for known in holders} if sight else set()
        return found | former


class Histories:
    """Opens histories, and remembers some: contacts of one customer stand near each other."""

    def __init__(self, store: LedgerStore, keyring: Keyring, head: Head) -> None:
        """Read from these, at this end of the ledger."""
        self.head = head
        self._store = store
        self._keyring = keyring
        self._opened: dict[bytes, tuple[OpenedEntry, ...] | None] = {}
        self._entries = 0

    def of(self, ref: bytes) -> tuple[OpenedEntry, ...] | None:
        """Return every entry of a customer, oldest first; None when they were erased."""
        if ref not in self._opened:
            if self._entries > _REMEMBERED:
                self._opened, self._entries = {}, 0
            found = self._opened[ref] = self._open(ref)
            self._entries += len(found or ())
        return self._opened[ref]

    def _open(self, ref: bytes) -> tuple[OpenedEntry, ...] | None:
        keys = self._keyring.find(self.head.brand, [ref])
        try:
            told = history(self._store, self.head.brand, ref)
            return tuple(open_entry(entry, self.head.ledger, keys) for entry in told)
        except KeyError:
            return None

    def at(self, first: int, count: int) -> list[StoredEntry]:
        """Return up to so many entries of the ledger from a position on."""
        return self._store.entries(self.head.brand, first, count)

    def group_made_at(self, entry: StoredEntry) -> str | None:
        """Return the group that an entry made; None where it made none, empty where nobody can read it any more."""
        if read_leaf(entry.leaf).type != CustomerMerged.__name__:
            return None
        keys = self._keyring.find(self.head.brand, [entry.customer_ref])
        try:
            event = open_entry(entry, self.head.ledger, keys).payload.event
        except KeyError:
            return ""
        return event.group if isinstance(event, CustomerMerged) else None


class _Reading:
    """The histories that concern one person."""

    def __init__(self, histories: Histories, moment: Moment) -> None:
        self._histories = histories
        self._moment = moment
        self._found: dict[bytes, tuple[OpenedEntry, ...] | None] = {}

    @property
    def entries(self) -> tuple[OpenedEntry, ...]:
        """Everything that could be opened, by position."""
        found = [opened for entries in self._found.values() for opened in entries or ()]
        return tuple(sorted(found, key=lambda opened: opened.entry.position))

    def addresses(self) -> set[Identifier]:
        """Return every address that what was opened gave to somebody."""
        given = {link.identifier for each in self.entries for link in each.payload.event.links}
        return {each for each in given if each.kind is not IdentifierKind.CUSTOMER_ID}

    def persons(self, refs: Iterable[bytes]) -> bool:
        """Open customers and all they had been merged with; True when one of them was erased."""
        waiting, unreadable = set(refs), False
        while waiting:
            ref = waiting.pop()
            if ref in self._found:
                continue
            entries = self._found[ref] = self._histories.of(ref)
            unreadable = unreadable or entries is None
            for each in entries or ():
                if isinstance(each.payload.event, CustomerMerged) and self._moment.counts(each):
                    waiting |= self._merged_with(each, each.payload.event.group)
        return unreadable

    def beside(self, refs: Iterable[bytes]) -> None:
        """Open customers for what they told of addresses."""
        for ref in refs:
            if ref not in self._found:
                self._found[ref] = self._histories.of(ref)

    def tellers(self, positions: Iterable[Position]) -> bool:
        """Open whoever told the entries at these positions; False where one of them was erased."""
        readable = True
        for position in positions:
            (entry,) = self._histories.at(position, 1)
            self.beside([entry.customer_ref])
            readable = readable and self._found[entry.customer_ref] is not None
        return readable

    def _merged_with(self, merge: OpenedEntry, group: str) -> set[bytes]:
        """Return everyone in the group that one command made: their entries stand side by side."""
        position = merge.entry.position
        first = max(0, position - MAX_GROUP)
        around = self._histories.at(first, 2 * MAX_GROUP + 1)
        at = next(index for index, entry in enumerate(around) if entry.position == position)
        found = {merge.entry.customer_ref}
        for run in (reversed(around[:at]), iter(around[at + 1 :])):
            for entry in run:
                # Where nobody can read it, it is taken for one that made the same group.
                if self._histories.group_made_at(entry) not in ("", group):
                    break
                found.add(entry.customer_ref)
        return found


def _with_lost(then: PointState, today: PointState, readable: set[Position], moment: Moment) -> PointState:
    """Return the state of an address with what is known today of what an erased customer told of it by then."""

    def lost(position: Position) -> bool:
        return 0 < position < moment.size and position not in readable

    facts = {name: at for name in POINT_FACTS if not getattr(then, name) and lost(at := getattr(today, name))}
    refusals = tuple(
        mark
        for mark in today.refusals
        if lost(mark.position) and mark.act_time <= moment.as_of and mark not in then.refusals
    )
    listings = tuple(each for each in today.listings if lost(each.position) and each not in then.listings)
    moved = max(then.reassigned_time, today.reassigned_time) if "reassigned" in facts else then.reassigned_time
    came = max(then.unsettled_time, today.unsettled_time) if "unsettled" in facts else then.unsettled_time
    return replace(
        then,
        refusals=(*then.refusals, *refusals),
        listings=(*then.listings, *listings),
        reassigned_time=moved,
        unsettled_time=came,
        **facts,
    )
