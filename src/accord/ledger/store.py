"""What a store of ledgers must do. One suite of tests holds every database to it.

Five verbs: `read` for questions, `write` for commands, `head`, `entries` and `tiles` for proofs. A store
holds no rule: it returns what it was asked for and commits what it was given, all of it or nothing.
Rows that hold personal data hold it sealed; lookups are keyed digests.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.entry import StoredEntry
from accord.proof.handover import origin_of
from accord.proof.merkle import EMPTY_ROOT

TILE_WIDTH = 256
"""Hashes in a full tile (tlog-tiles)."""


class Head(Struct, frozen=True, gc=False):
    """The end of a ledger. Moved by every commit that appends; position order is commit order.

    `recorded_time` is that of the newest entry, `catalogue_position` that of the catalogue that counts.
    `unreconciled_since` is the position of the entry by which the ledger was recovered, while nobody has accepted
    what was lost, else 0. `pepper_epoch` is that of the digests by which identifiers are found, and `pepper_check`
    what is told of its pepper (`lookup`), 0 where nothing was told yet.
    """

    brand: BrandId
    ledger: str
    size: int = 0
    recorded_time: Instant = Instant(0)
    catalogue_position: Position = Position(0)
    catalogue_version: int = 0
    incarnation: int = 1
    unreconciled_since: Position = Position(0)
    pepper_epoch: int = 1
    pepper_check: int = 0

    @property
    def origin(self) -> str:
        """The name under which it is signed for."""
        return origin_of(self.ledger, self.incarnation)

    def now(self, clock_time: Instant) -> Instant:
        """Return the instant at which things stand as they are told: never before the newest entry."""
        return Instant(max(clock_time, self.recorded_time))


class TreeHead(Head, frozen=True, gc=False):
    """The end of a ledger and of its tree: the root, and the right edge, its hashes joined."""

    root: bytes = EMPTY_ROOT
    edge: bytes = b""


class IdentifierRow(Struct, frozen=True, gc=False, array_like=True):
    """An identifier a customer holds; `point` is the state of the address, empty when nothing is known of it."""

    lookup: bytes
    number: int
    kind: str
    point: bytes = b""


class GroupRow(Struct, frozen=True, array_like=True):
    """That a customer is merged: the group, and the position of the entry by which they came into it."""

    group: bytes
    since: Position


class CustomerRow(Struct, frozen=True):
    """A customer: how many entries they have, the hash of the newest leaf, their state, what they hold, their group."""

    version: int
    leaf_hash: bytes
    state: bytes
    identifiers: tuple[IdentifierRow, ...] = ()
    merged: GroupRow | None = None


class Known(Struct, frozen=True, gc=False):
    """A customer as a question meets them: their state, the addresses they hold, by number, and their group."""

    customer_ref: bytes
    state: bytes
    addresses: tuple[IdentifierRow, ...] = ()
    group: bytes = b""


class Sight(Struct, frozen=True, gc=False):
    """What questions need, of one instant: whom each wanted lookup leads to; one that leads to nobody is not there.

    `groups` has every member of the group of whoever is merged, by reference.
    """

    head: Head
    known: dict[bytes, tuple[Known, ...]]
    groups: dict[bytes, tuple[Known, ...]] = {}


class ContactRow(Struct, frozen=True):
    """Whose contact it is, the entries about it, ascending, and in which other customers' histories it is told."""

    customer_ref: bytes
    positions: tuple[Position, ...]
    others: tuple[bytes, ...] = ()

    @property
    def told_to(self) -> tuple[bytes, ...]:
        """Every customer in whose history it is told."""
        return self.customer_ref, *self.others


class RequestRow(Struct, frozen=True):
    """A request that was answered: the keyed digest of its content, whose it was, and the answer."""

    content: bytes
    customer_ref: bytes
    answer: bytes


class ListingRow(Struct, frozen=True):
    """That an address stands on a list: by which lookup its holders are found, and what the list says, encoded.

    `listing` is a `state.Listing`; its position is that of the import.
    """

    lookup: bytes
    listed_time: Instant
    listing: bytes


class Wanted(Struct, frozen=True):
    """What to load, by keyed digest."""

    lookups: tuple[bytes, ...] = ()
    contacts: tuple[bytes, ...] = ()
    requests: tuple[bytes, ...] = ()
    customers: tuple[bytes, ...] = ()
    """Customers by reference."""
    suppressions: tuple[bytes, ...] = ()
    """Digests of addresses: what is kept of erasures and of lists."""


class View(Struct, frozen=True):
    """What was loaded, of one instant. Whatever is missing is not there.

    `holders` has the customers of each wanted lookup and contact, and `customers` them and all they are
    merged with; `points` the state of every wanted lookup that has one, held or not; `suppressions` when the
    holder of each suppressed address was erased.
    """

    head: TreeHead
    holders: dict[bytes, tuple[bytes, ...]]
    customers: dict[bytes, CustomerRow]
    points: dict[bytes, bytes]
    contacts: dict[bytes, ContactRow]
    requests: dict[bytes, RequestRow]
    suppressions: dict[bytes, Instant] = {}
    listings: dict[bytes, dict[str, ListingRow]] = {}
    """By digest of the address, then by list."""


class DenialRow(Struct, frozen=True):
    """Denied authorisations, counted without the customer. `day` is days since 1970-01-01 in UTC."""

    day: int
    channel: str
    purpose: str
    reason: int
    count: int


class Batch(Struct, frozen=True):
    """What one commit writes. Entries continue the head that was locked; `head` is the one after them.

    `linked` and `unlinked` are (lookup, customer_ref, number, kind); `left` those who unlinked an address, as
    (lookup, customer_ref): they are kept until they are erased. `customers` without identifiers and
    group; `merged` has the group of each customer whose group changed, None for "no longer merged".
    `dropped_points` are addresses of which nothing is known any more.
    """

    head: TreeHead
    entries: tuple[StoredEntry, ...] = ()
    customers: dict[bytes, CustomerRow] = {}
    merged: dict[bytes, GroupRow | None] = {}
    points: dict[bytes, bytes] = {}
    linked: tuple[tuple[bytes, bytes, int, str], ...] = ()
    unlinked: tuple[tuple[bytes, bytes], ...] = ()
    left: tuple[tuple[bytes, bytes], ...] = ()
    contacts: dict[bytes, ContactRow] = {}
    requests: dict[bytes, RequestRow] = {}
    denials: tuple[DenialRow, ...] = ()
    dropped_points: tuple[bytes, ...] = ()
    made: dict[bytes, tuple[IdentifierRow, ...]] = {}
    """Customers who were not there before: the addresses they hold, by number, and what is known of each."""
    suppressions: dict[bytes, Instant] = {}
    listings: dict[tuple[bytes, str], ListingRow | None] = {}
    """By digest of the address and list; None takes it off."""


class StoreUnavailableError(Exception):
    """The database cannot be reached or did not answer. Ours for now: nothing was committed that was not said so."""


class StoreFaultError(Exception):
    """The database refused what we asked: a fault of ours. Nothing of it was committed."""


class Writing(Protocol):
    """A write transaction that holds the lock of one brand's head."""

    @property
    def head(self) -> TreeHead | None:
        """The head as locked; None when the brand has no ledger yet."""
        ...

    def load(self, wanted: Wanted) -> View:
        """Return what is wanted, as of the lock. The head must exist."""
        ...

    def commit(self, batch: Batch) -> None:
        """Write everything and make it durable before returning; at most once.

        Leaving the context without it, or by an exception, writes nothing. If the process dies on
        any line before the return, either all of the batch is there afterwards or none of it.
        """
        ...


class LedgerStore(Protocol):
    """A database of ledgers, one for each brand."""

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> Sight | None:
        """Return what the wanted lookups lead to, in one statement on the newest committed state.

        None when the brand has no ledger. A commit acknowledged before the call began is always seen.
        Of what customers hold, the addresses are returned: the callers' own ids only find them. Where
        the statement meets somebody merged, another one takes its place that brings whole groups.
        """
        ...

    def head(self, brand: BrandId) -> TreeHead | None:
        """Return the newest committed head; None when the brand has no ledger."""
        ...

    def write(self, brand: BrandId) -> AbstractContextManager[Writing]:
        """Lock the brand's head, waiting for whoever holds it, and begin to write."""
        ...

    def entries(self, brand: BrandId, start: int, limit: int, customer_ref: bytes | None = None) -> list[StoredEntry]:
        """Return up to `limit` entries from `start` on: a position, or with a customer their version."""
        ...

    def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
        """Return full tiles: 256 hashes of level 8 * `level`, by index. A tile that is not full is not there."""
        ...


class Unreported(Protocol):
    """What is asked of contacts by those who watch over senders."""

    def oldest_unreported(self) -> dict[BrandId, StoredEntry | None]:
        """Return the entry that authorised the oldest unreported contact of each brand, None where there is none.

        Unreported is a contact of which nothing was told since it was authorised, so that it has one entry in
        each history it is told in.
        One that was authorised again before its report (with another permission or address) is not looked for.
        By an index: the cost does not grow with the contacts.
        """
        ...


class Records(Protocol):
    """What audit and start-up read besides: everything, in bulk."""

    @property
    def connections(self) -> int:
        """How many connections were ever opened; a new one may lead to another database than the last."""
        ...

    def heads(self) -> list[TreeHead]:
        """Return the head of every ledger."""
        ...

    def frozen(self) -> AbstractContextManager["FrozenRecords"]:
        """Open a snapshot of everything, and hold it and its one connection until the context is left.

        Whoever writes meanwhile neither waits nor is seen.
        """
        ...

    def contact(self, brand: BrandId, key: bytes) -> ContactRow | None:
        """Return one contact."""
        ...

    def all_customers(self, brand: BrandId) -> Iterator[tuple[bytes, CustomerRow]]:
        """Yield every customer with what they hold, by reference."""
        ...

    def all_known(self, brand: BrandId) -> Iterator[Known]:
        """Yield every customer as `read` returns them, by reference."""
        ...

    def all_points(self, brand: BrandId) -> Iterator[tuple[bytes, bytes]]:
        """Yield the state of every address."""
        ...

    def all_contacts(self, brand: BrandId) -> Iterator[tuple[bytes, ContactRow]]:
        """Yield every contact."""
        ...

    def all_former_holders(self, brand: BrandId) -> Iterator[tuple[bytes, bytes]]:
        """Yield everyone who held an address and left it, as (lookup, customer_ref)."""
        ...

    def all_suppressions(self, brand: BrandId) -> Iterator[tuple[bytes, Instant]]:
        """Yield every suppressed address and when its holder was erased."""
        ...

    def all_listings(self, brand: BrandId) -> Iterator[tuple[str, ListingRow]]:
        """Yield what each list says of each address on it, with the list."""
        ...


class MovingWriting(Writing, Protocol):
    """A write transaction in which identifiers may move to another epoch of the pepper."""

    def move_lookups(self, epoch: int, check: int, moves: Iterable[tuple[bytes, bytes]]) -> int:
        """Write every digest of identifiers anew, by the moves noted before and by these; durable on return.

        `check` is what is told of the pepper of the epoch.
        Returns how many rows have a digest of which nobody noted what it becomes: unless 0, nothing moved.
        """
        ...


class LookupMoves(Protocol):
    """What moves the identifiers of a brand from one epoch of the pepper to another."""

    def heads(self) -> list[TreeHead]:
        """Return the head of every ledger."""
        ...

    def entries(self, brand: BrandId, start: int, limit: int) -> list[StoredEntry]:
        """Return up to `limit` entries from `start` on."""
        ...

    def keep_moves(self, brand: BrandId, epoch: int, moves: Iterable[tuple[bytes, bytes]]) -> bool:
        """Note what digests of an epoch become, durable on return; False, and none, if the brand is in another."""
        ...

    def forget_moves(self, brand: BrandId) -> None:
        """Delete whatever was noted."""
        ...

    def compact(self) -> bool:
        """Leave no deleted byte behind, where the database can; False when a reader is in the way."""
        ...

    def write(self, brand: BrandId) -> AbstractContextManager[MovingWriting]:
        """Lock the brand's head."""
        ...


class ListedAddresses(Protocol):
    """What is asked of a list as a whole."""

    def listed(self, brand: BrandId, code: str, before: Instant) -> tuple[int, int]:
        """Return how many addresses stand on a list, and how many of them were last told of by one dated before."""
        ...

    def vanished(self, brand: BrandId, code: str, before: Instant, limit: int) -> list[tuple[bytes, ListingRow]]:
        """Return up to `limit` addresses of a list, by digest, that were last told of by one dated before."""
        ...


class Points(Protocol):
    """What is kept of addresses besides who holds them."""

    def points(self, brand: BrandId, lookups: list[bytes]) -> dict[bytes, bytes]:
        """Return the state of each address of which something is known."""
        ...

    def former_holders(self, brand: BrandId, lookups: list[bytes]) -> set[tuple[bytes, bytes]]:
        """Return who held each address and left it, as (lookup, customer_ref); holders who came back too."""
        ...


class Census(Struct, frozen=True):
    """Everybody of a brand at one instant: the head, how many persons there are, and each of them, once.

    A person is one customer, or all members of a group by reference. Those who are merged come last.
    """

    head: TreeHead
    count: int
    persons: Iterator[tuple[Known, ...]]


class FrozenRecords(LedgerStore, Records, Protocol):
    """Everything as of one instant. Nothing is written here."""


class Censuses(LedgerStore, Protocol):
    """Everybody at one instant too, for what judges them all."""

    def census(self, brand: BrandId) -> AbstractContextManager[Census | None]:
        """Open a snapshot of a brand and hold it until the context is left; None when the brand has no ledger.

        Writers and questions are never waited for nor held up. Memory does not grow with the customers.
        """
        ...


class Denials(Protocol):
    """Counts of denied authorisations."""

    def denials(self, brand: BrandId, first_day: int, end_day: int) -> list[DenialRow]:
        """Return the counts from the first day up to, not including, the end, by day, channel, purpose, reason."""
        ...
