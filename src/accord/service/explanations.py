"""ExplainContact: why a customer was contacted, and the proof of every entry that the answer rests on.

Tells what was recorded, not what would be decided today. The entry of a contact keeps its basis and the
catalogue version that was applied; the rules are those of that version by which this basis is acceptable.
Where a key is gone the entries and their proofs remain, and it is said.
"""

from msgspec import Struct

from accord.domain import confirmation
from accord.domain.catalogue import NoticeText
from accord.domain.events import (
    ContactAuthorized,
    ContactReported,
    FactsRecorded,
    PermissionConfirmed,
    PermissionGranted,
)
from accord.domain.fold import fold
from accord.domain.lane import Rule
from accord.domain.policy import Policy
from accord.domain.state import NO_STATE, Facts
from accord.domain.terms import Basis, BrandId, Instant, Position
from accord.ledger.entry import Leaf, StoredEntry, read_leaf
from accord.ledger.opening import OpenedEntry
from accord.ledger.store import LedgerStore
from accord.ledger.walk import history
from accord.service.catalogues import Catalogues
from accord.service.policies import compile_policy
from accord.service.proofs import InclusionProof, Proofs
from accord.service.records import Contact, Remembered

_CLASS_RULE = Rule("accord:class")


class Given(Struct, frozen=True):
    """A permission as it was given: its entry, what confirmed it, and the words that were shown."""

    entry: OpenedEntry
    granted: PermissionGranted
    touchpoint_title: str
    texts: tuple[NoticeText, ...]
    confirmed: OpenedEntry | None
    confirmation: PermissionConfirmed | None


class Proven(Struct, frozen=True):
    """An entry, opened while its key lives, and its proof."""

    entry: StoredEntry
    opened: OpenedEntry | None
    proof: InclusionProof


class Reported(Struct, frozen=True):
    """An entry that tells what became of the contact."""

    entry: OpenedEntry
    event: ContactReported


class Explanation(Struct, frozen=True):
    """Why a contact was made. `contact` None: its key is gone, and `leaf` shows what is left of it."""

    contact_id: str
    leaf: Leaf
    contact: Contact | None
    positions: tuple[Position, ...]
    reports: tuple[Reported, ...]
    rules: tuple[Rule, ...]
    given: Given | None
    controller: str
    entries: tuple[Proven, ...]

    @property
    def erased(self) -> bool:
        """Say whether a key of these entries is gone."""
        return any(each.opened is None for each in self.entries)


class Explanations:
    """Explains contacts."""

    def __init__(self, store: LedgerStore, remembered: Remembered, proofs: Proofs, catalogues: Catalogues) -> None:
        """Read from these."""
        self._store = store
        self._remembered = remembered
        self._proofs = proofs
        self._catalogues = catalogues

    def explain(self, brand: BrandId, contact_id: str) -> Explanation:
        """Return why a contact was made. Raises CallError when it was never authorised."""
        head, positions = self._remembered.contact_positions(brand, contact_id)
        own = [self._proofs.entry(brand, position) for position in positions]
        opened = self._remembered.try_open_all(brand, head.ledger, own)
        leaf = [read for each in own if (read := read_leaf(each.leaf)).type == ContactAuthorized.__name__][-1]
        if None in opened:
            return self._explanation(brand, head.ledger, contact_id, leaf, positions)
        contact = self._remembered.contact(brand, contact_id)
        reports = [Reported(each, told) for each in opened if each and (told := _report(each))]
        authorized = contact.authorized
        catalogue, applied_at = self._catalogues.get(brand, authorized.policy_version)
        given = None if authorized.permission is None else self._given(brand, head.ledger, authorized.permission)
        concerned = {*positions, *authorized.positions, applied_at}
        if given:
            concerned |= {given.entry.entry.position, self._catalogues.position_at(brand, given.entry.entry.position)}
        if given and given.confirmed:
            concerned.add(given.confirmed.entry.position)
        return self._explanation(
            brand,
            head.ledger,
            contact_id,
            leaf,
            positions,
            contact=contact,
            reports=tuple(reports),
            rules=rules_of(
                compile_policy(catalogue),
                authorized,
                self._facts(brand, head.ledger, own[0]),
                contact.authorized_time,
            ),
            given=given,
            controller=catalogue.catalogue.controller,
            concerned=concerned,
        )

    def _explanation(  # noqa: PLR0913 - an explanation has this many sides
        self,
        brand: BrandId,
        ledger: str,
        contact_id: str,
        leaf: Leaf,
        positions: tuple[Position, ...],
        *,
        contact: Contact | None = None,
        reports: tuple[Reported, ...] = (),
        rules: tuple[Rule, ...] = (),
        given: Given | None = None,
        controller: str = "",
        concerned: set[Position] | None = None,
    ) -> Explanation:
        proofs = self._proofs.inclusions(brand, sorted(concerned or positions))
        entries = [self._proofs.entry(brand, proof.position) for proof in proofs]
        opened = self._remembered.try_open_all(brand, ledger, entries)
        proven = tuple(map(Proven, entries, opened, proofs))
        return Explanation(contact_id, leaf, contact, positions, reports, rules, given, controller, proven)

    def _given(self, brand: BrandId, ledger: str, position: Position) -> Given | None:
        entry = self._proofs.entry(brand, position)
        opened = self._remembered.try_open(brand, ledger, entry)
        if opened is None or not isinstance(opened.payload.event, PermissionGranted):
            return None
        granted = opened.payload.event
        catalogue = self._catalogues.at(brand, position).catalogue
        title = next((each.title for each in catalogue.touchpoints if each.code == granted.evidence.touchpoint), "")
        notice = next((each for each in catalogue.notices if each.code == granted.evidence.notice), None)
        texts = notice.texts if notice else ()
        shown = tuple(text for text in texts if text.language == granted.evidence.language)
        confirmed = self._confirmed(brand, ledger, entry) if granted.confirm_until else None
        confirmation = confirmed.payload.event if confirmed else None
        return Given(
            entry=opened,
            granted=granted,
            touchpoint_title=title,
            texts=shown or texts,
            confirmed=confirmed,
            confirmation=confirmation if isinstance(confirmation, PermissionConfirmed) else None,
        )

    def _facts(self, brand: BrandId, ledger: str, contact: StoredEntry) -> Facts:
        """Return the facts known of the customer when a contact was authorised; they tell which law counted."""
        state = NO_STATE
        for entry in history(self._store, brand, contact.customer_ref):
            if entry.customer_version >= contact.customer_version:
                break
            leaf = read_leaf(entry.leaf)
            opened = self._remembered.try_open(brand, ledger, entry) if leaf.type == FactsRecorded.__name__ else None
            if opened:
                state = fold(state, opened.payload.event, entry.position, leaf.recorded_at)
        return state.facts

    def _confirmed(self, brand: BrandId, ledger: str, permission: StoredEntry) -> OpenedEntry | None:
        """Return the entry that confirmed a permission: it comes after it in the customer's own chain."""
        for entry in history(self._store, brand, permission.customer_ref, permission.customer_version + 1):
            if read_leaf(entry.leaf).type != PermissionConfirmed.__name__:
                continue
            opened = self._remembered.try_open(brand, ledger, entry)
            event = opened.payload.event if opened else None
            if isinstance(event, PermissionConfirmed) and event.permission == permission.position:
                return opened
        return None


def rules_of(policy: Policy, authorized: ContactAuthorized, facts: Facts, time: Instant) -> tuple[Rule, ...]:
    """Return the rules by which a basis was acceptable then, for a customer of whom these facts were known."""
    if authorized.basis is Basis.CLASS:
        return (_CLASS_RULE,)
    if authorized.basis is Basis.CONFIRMATION_REQUEST:
        return (confirmation.RULE,)
    lane = policy.lane(authorized.purpose, authorized.channel, facts, time)
    found = (rule for term in lane.bases if term.basis is authorized.basis for rule in term.rules)
    return tuple(dict.fromkeys(found))


def _report(entry: OpenedEntry) -> ContactReported | None:
    event = entry.payload.event
    return event if isinstance(event, ContactReported) else None
