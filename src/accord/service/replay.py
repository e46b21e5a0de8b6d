"""Replay: every contact authorised in a period is answered again at its own instant, by what is known today.

Told late, a withdrawal or an address that changed hands may show that a contact should not have been
made; so may a new rule, when the contacts are answered under another law than that of then. Only
contacts that were allowed are asked about, so nothing that was refused is ever allowed by it. A contact
is judged as before it was authorised: without its own use and its own place under the caps. What is
listed names positions and codes, never a person. Writes nothing.
"""

from bisect import bisect_left
from collections.abc import Iterator
from enum import Enum, IntEnum, auto
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from accord.domain import confirmation
from accord.domain.act_time import act_time
from accord.domain.alike import ANYBODY
from accord.domain.catalogue import Catalogue
from accord.domain.commands import AuthorizeContact, Question
from accord.domain.decide import examine_question
from accord.domain.decision import Decision
from accord.domain.events import ContactAuthorized, ContactReported
from accord.domain.fold import STATUS_AFTER
from accord.domain.packs import edition
from accord.domain.policy import DatedPolicy, Policy
from accord.domain.problems import Problem, moved
from accord.domain.terms import BrandId, ContactStatus, Identifier, Instant, Position, Reason, Verdict
from accord.ledger.entry import StoredEntry
from accord.ledger.lookup import Lookups
from accord.ledger.opening import OpenedEntry
from accord.ledger.projection import Projection
from accord.ledger.store import Head, LedgerStore, Records
from accord.ledger.walk import first_since
from accord.service import persons
from accord.service.catalogues import Catalogues
from accord.service.errors import CallError, catalogue_missing
from accord.service.past import Histories, Moment, Past, Told
from accord.service.past_questions import answer_for
from accord.service.records import Remembered

ENTRIES_A_PAGE: Final = 10_000
"""How many entries one answer passes at most."""

CONTACTS_A_PAGE: Final = 200
"""How many contacts one answer answers again at most: well within a deadline."""

WORK_A_PAGE: Final = 20_000
"""How many entries one answer folds, or a contact more: some customers have long histories."""

_BATCH: Final = 250
_MARK: Final = f'"type":"{ContactAuthorized.__name__}"'.encode()


class Cause(IntEnum):
    """What makes the difference between the answer of then and that of the replay."""

    LATE_ENTRY = 1
    RULES = 2
    UNEXPLAINED = 3
    """Neither: what an erased customer told of an address, or an engine that answers otherwise than that of then."""


class Outcome(Enum):
    """What came of an entry that is not listed."""

    ALLOWED = auto()
    UNREADABLE = auto()
    TOLD_ELSEWHERE = auto()


class Wished(Struct, frozen=True):
    """What is asked for. `recorded_until` 0: to the end.

    `version` of the catalogue 0, and no `catalogue`: that which counted then. `rules_edition` empty: that which the
    catalogue names; `law_time` 0: the law in force at the instant of the contact. `today`: the catalogue and the law
    of now.
    """

    recorded_from: Instant = Instant(0)
    recorded_until: Instant = Instant(0)
    version: int = 0
    catalogue: Catalogue | None = None
    rules_edition: str = ""
    law_time: Instant = Instant(0)
    today: bool = False


class LateEntry(Struct, frozen=True):
    """The entry without which the contact would still be allowed."""

    position: Position
    type: str
    act_time: Instant
    recorded_time: Instant


class Invalid(Struct, frozen=True):
    """A contact that would no longer be allowed: how it was authorised, where it stands, today's answer, and why."""

    position: Position
    authorized: ContactAuthorized
    authorized_time: Instant
    status: ContactStatus
    decision: Decision
    cause: Cause
    late_entry: LateEntry | None = None


class Replayed(Struct, frozen=True):
    """A part of the period; `next_position` None: all of it is answered.

    `contacts` were answered again. `unreadable` could not be: somebody they concern was erased.
    """

    invalid: tuple[Invalid, ...]
    contacts: int
    unreadable: int
    entries_read: int
    entries_total: int
    next_position: Position | None


class Replay:
    """Answers contacts again."""

    def __init__(  # noqa: PLR0913 - what a contact is answered from
        self,
        store: LedgerStore,
        records: Records,
        past: Past,
        lookups: Lookups,
        catalogues: Catalogues,
        remembered: Remembered,
    ) -> None:
        """Read from these."""
        self._store = store
        self._records = records
        self._past = past
        self._lookups = lookups
        self._catalogues = catalogues
        self._remembered = remembered

    def replay(self, brand: BrandId, wished: Wished, start: Position | None = None) -> Replayed:
        """Answer a page of contacts from `start` on, None for the first. Raises CallError for a version unknown."""
        head = self._store.head(brand)
        if head is None:
            raise catalogue_missing()
        first = first_since(self._store, brand, wished.recorded_from, head.size)
        until = wished.recorded_until
        end = first_since(self._store, brand, until, head.size) if until else Position(head.size)
        position = max(first, start or first)
        last = min(end, position + ENTRIES_A_PAGE)
        if wished.today:
            wished = replace(wished, version=head.catalogue_version, law_time=self._remembered.now(head))
        laws = _Laws(self._catalogues, head, wished)
        page = _Page(self._past.histories(head), laws)
        found: list[Invalid | Outcome] = []
        for entry, opened in self._contacts(head, position, last):
            if len(found) == CONTACTS_A_PAGE or page.folded > WORK_A_PAGE:
                last = entry.position
                break
            found.append(self._again(page, entry, opened))
        return Replayed(
            invalid=tuple(each for each in found if isinstance(each, Invalid)),
            contacts=sum(isinstance(each, Invalid) or each is Outcome.ALLOWED for each in found),
            unreadable=sum(each is Outcome.UNREADABLE for each in found),
            entries_read=max(0, last - position),
            entries_total=max(0, end - first),
            next_position=Position(last) if last < end else None,
        )

    def _contacts(self, head: Head, start: int, end: int) -> Iterator[tuple[StoredEntry, OpenedEntry | None]]:
        """Yield every entry of a range that authorised a contact, opened where its key is there."""
        while start < end:
            batch = self._store.entries(head.brand, start, min(_BATCH, end - start))
            contacts = [entry for entry in batch if _MARK in entry.leaf]
            yield from zip(contacts, self._remembered.try_open_all(head.brand, head.ledger, contacts), strict=True)
            start += len(batch)

    def _again(self, page: "_Page", entry: StoredEntry, opened: OpenedEntry | None) -> Invalid | Outcome:
        """Return what is wrong with a contact, or that nothing is, or that it is not for this entry to say."""
        head = page.histories.head
        event = opened.payload.event if opened else None
        if opened is None or not isinstance(event, ContactAuthorized):
            return Outcome.UNREADABLE
        row = self._records.contact(head.brand, self._lookups.contact(head.brand, event.contact_id))
        if row is not None and row.customer_ref != entry.customer_ref:
            # A contact of several who are merged is told in each of their histories; it is one contact.
            return Outcome.TOLD_ELSEWHERE
        moment = Moment(opened.leaf.recorded_at, head.size)
        told = self._past.told(page.histories, moment, refs=[entry.customer_ref])
        if told.unreadable:
            return Outcome.UNREADABLE
        contact = _Contact(self._lookups, head.brand, told, opened, event)
        policy = page.laws.of(entry.position)
        decision = contact.answer(policy, moment)
        if decision.verdict is Verdict.ALLOW:
            page.folded += contact.folded
            return Outcome.ALLOWED
        cause, late = contact.cause(policy, moment, of_then=page.laws.of_then)
        page.folded += contact.folded
        return Invalid(
            position=entry.position,
            authorized=event,
            authorized_time=opened.leaf.recorded_at,
            status=contact.status,
            decision=decision,
            cause=cause,
            late_entry=late,
        )


class _Page:
    """What the contacts of one answer share, and how many entries were folded for them."""

    def __init__(self, histories: Histories, laws: "_Laws") -> None:
        self.histories = histories
        self.laws = laws
        self.folded = 0


class _Laws:
    """The policy that each contact is answered under; `of_then`: that which counted then."""

    def __init__(self, catalogues: Catalogues, head: Head, wished: Wished) -> None:
        self._wished = wished
        self._catalogues = catalogues
        self._head = head
        self._applied = [each.position for each in catalogues.versions(head.brand)]
        self._known: dict[int, Policy] = {}
        self._one = self._version(wished.version) if wished.version else wished.catalogue
        self.of_then = self._one is None and not wished.rules_edition and not wished.law_time

    def _version(self, version: int) -> Catalogue:
        try:
            return self._catalogues.get(self._head.brand, version)[0].catalogue
        except CallError as error:
            raise CallError(moved(error.problem, "version", "catalogue_version")) from None

    def of(self, position: Position) -> Policy:
        """Return what the contact authorised at a position is answered under."""
        number = bisect_left(self._applied, position)
        then = self._catalogues.policy_of(self._head, number, self._applied[number - 1], Position(0))
        if self.of_then:
            return then
        wished, version = self._wished, self._wished.version if self._one else number
        if version not in self._known:
            catalogue = self._one or then.catalogue
            packs = edition(wished.rules_edition) if wished.rules_edition else None
            self._known[version] = (
                DatedPolicy(catalogue, version, wished.law_time, packs)
                if wished.law_time
                else Policy(catalogue, version, packs)
            )
        return self._known[version]


class _Contact:
    """One contact, and all that was told of whoever it concerns."""

    def __init__(
        self, lookups: Lookups, brand: BrandId, told: Told, opened: OpenedEntry, event: ContactAuthorized
    ) -> None:
        self._lookups = lookups
        self._brand = brand
        self._told = told
        self._opened = opened
        self._event = event
        self._question = self._asked()
        self.folded = 0

    @property
    def status(self) -> ContactStatus:
        """Where the contact stands today."""
        status = ContactStatus.AUTHORIZED
        for opened in self._told.entries:
            event = opened.payload.event
            if isinstance(event, ContactReported) and event.contact_id == self._event.contact_id:
                status = STATUS_AFTER[event.outcome]
        return status

    def answer(self, policy: Policy, moment: Moment) -> Decision:
        """Return what would be answered at a moment, were it asked for the first time."""
        if examine_question(self._question, policy):
            # The catalogue knows such a contact no longer: nothing in it is a basis for one.
            return Decision(Verdict.DENY, Reason.NO_BASIS, moment.as_of, policy.version)
        self.folded += len(self._told.entries)
        world = self._told.fold(self._brand, self._lookups, moment, without=self._event.contact_id)
        ref = self._opened.entry.customer_ref
        if self._event.confirms is None:
            return answer_for(world, ref, self._question, policy, moment)
        return self._confirmation(world, ref, policy, moment)

    def cause(self, policy: Policy, moment: Moment, *, of_then: bool) -> tuple[Cause, LateEntry | None]:
        """Return what makes the difference: with the entries known then it was an ALLOW, or the rules are to blame."""
        known = Moment(moment.as_of, self._opened.entry.position)
        if self.answer(policy, known).verdict is not Verdict.ALLOW:
            return (Cause.UNEXPLAINED if of_then else Cause.RULES), None
        late = [each for each in self._told.entries if each.entry.position > known.size and moment.counts(each)]
        if not late or self._allowed_after(late[-1], policy, moment):
            return Cause.UNEXPLAINED, None
        # Between an ALLOW and a no there is an entry that made the one into the other: sought by halving.
        allowed, refused = -1, len(late) - 1
        while refused - allowed > 1:
            middle = (allowed + refused) // 2
            if self._allowed_after(late[middle], policy, moment):
                allowed = middle
            else:
                refused = middle
        found = late[refused]
        recorded = found.leaf.recorded_at
        happened = act_time(found.payload.event, recorded)
        return Cause.LATE_ENTRY, LateEntry(found.entry.position, found.leaf.type, happened, recorded)

    def _allowed_after(self, late: OpenedEntry, policy: Policy, moment: Moment) -> bool:
        known = Moment(moment.as_of, late.entry.position + 1)
        return self.answer(policy, known).verdict is Verdict.ALLOW

    def _confirmation(self, world: Projection, ref: bytes, policy: Policy, moment: Moment) -> Decision:
        customer, *others = persons.bound(world, ref, ())
        command = AuthorizeContact(
            contact_id=self._event.contact_id, question=self._question, confirms=self._event.confirms
        )
        found = confirmation.authorize(customer, command, policy, moment.as_of, b"", others=others)
        if isinstance(found, Problem):
            return Decision(Verdict.DENY, Reason.NO_PERMISSION, moment.as_of, policy.version)
        return found.decision

    def _asked(self) -> Question:
        """Return the question again, by the address the contact was authorised for."""
        event, address = self._event, self._address()
        return Question(
            customer=ANYBODY,
            purpose=event.purpose,
            channel=event.channel,
            topic=event.topic,
            place=event.place,
            recipient=event.recipient,
            contact_point=None if event.confirms is not None else address,
        )

    def _address(self) -> Identifier | None:
        """Return the address of the contact, as whoever of the group holds it tells."""
        for opened in self._told.entries:
            event = opened.payload.event
            if isinstance(event, ContactAuthorized) and event.contact_id == self._event.contact_id and event.point:
                return self._held(opened.entry.customer_ref, event.point)
        return None

    def _held(self, ref: bytes, number: int) -> Identifier | None:
        links = (
            link
            for opened in self._told.entries
            if opened.entry.customer_ref == ref
            for link in opened.payload.event.links
        )
        return next((link.identifier for link in links if link.number == number), None)
