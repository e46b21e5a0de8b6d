"""One sitting: the commands of one commit, judged one after the other on each other's result.

Owns the order of things inside a commit. Judging appends drafts and folds them at once, so the next
command sees them; sealing comes last, when every key is durable. Nothing is written here: a sitting
ends as a batch. A repeated request is answered before the law is asked, since the law would judge
it on the state after the first one; AuthorizeContact alone is judged anew.
"""

import os
from collections import Counter
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from accord.domain import admit, confirmation, importing, officer, standing
from accord.domain.commands import (
    AcceptLoss,
    AddOverlay,
    ApplyCatalogue,
    AuthorizeContact,
    BeginList,
    Command,
    Confirm,
    EndList,
    Erase,
    Grant,
    HoldErasure,
    Import,
    LiftOverlay,
    LiftRestriction,
    Link,
    ListAddress,
    MarkLost,
    Merge,
    RecordExport,
    RecordFacts,
    RecordHandover,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
    Restrict,
    Split,
    Token,
    Unlink,
    UnlistAddress,
)
from accord.domain.decision import Customer
from accord.domain.events import (
    CatalogueApplied,
    ContactPointUnlisted,
    EntryLost,
    Event,
    LedgerRecovered,
    LossAccepted,
    PermissionConfirmed,
    PermissionGranted,
    PermissionRefused,
)
from accord.domain.fold import STATUS_AFTER
from accord.domain.importing import ImportVerdict
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem
from accord.domain.state import ContactMark
from accord.domain.terms import DAY, Instant, Position, Verdict
from accord.ledger.entry import (
    BRAND_REF,
    LOST_REF,
    REF_BYTES,
    Leaf,
    Payload,
    StoredEntry,
    ciphertext_hash,
    commitment,
    event_type,
    public_codes,
    write_leaf,
    write_payload,
)
from accord.ledger.keyring import CustomerKey
from accord.ledger.lookup import Lookups
from accord.ledger.projection import Projection
from accord.ledger.seal import OPENING_BYTES, Place, seal
from accord.ledger.store import Batch, DenialRow, ListingRow, RequestRow, View
from accord.proof.merkle import grow, leaf_hash, root_of_edge, split
from accord.service import confirmation_tokens as tokens
from accord.service import listed, persons, tombstones
from accord.service.answers import (
    Authorized,
    OpenContact,
    Receipt,
    Request,
    Result,
    Written,
    decode_answer,
    encode_answer,
)
from accord.service.errors import contact_unknown, customer_ambiguous, customer_erased, request_id_reused
from accord.service.policies import compile_policy
from accord.service.wanted import named

_NEIGHBOUR_BYTES = 6
"""How much of a reference the customers made by one commit share, so that their rows stand side by side in every index.

With as many of their own as make two that are alike no likelier than a fault of the machine.
"""

MakeKeys = Callable[[list[bytes]], dict[bytes, CustomerKey]]


class _Draft(Struct, frozen=True):
    position: Position
    ref: bytes
    event: Event
    caller: str
    recorded_time: Instant


class _Drafted(Struct, frozen=True):
    """An answer whose receipts are not sealed yet."""

    drafts: tuple[int, ...]
    ref: bytes
    status: int = 0
    open_contacts: tuple[OpenContact, ...] = ()
    version: int = 0


class _Authorized(Struct, frozen=True):
    """The answer to AuthorizeContact before it is sealed. `token` is told once and kept nowhere."""

    found: admit.Authorization
    draft: int | None = None
    token: str = ""


_Judged = _Drafted | _Authorized | Written | Problem


class Sitting:
    """Judges requests in order and ends as a batch. Made for one commit and thrown away."""

    def __init__(self, lookups: Lookups, view: View, policy: Policy | None, clock_time: Instant) -> None:
        """Begin on what was loaded under the lock. `clock_time` is now by the clock; the ledger's never goes back."""
        self._lookups = lookups
        self._head = view.head
        self._policy = policy
        self._clock_time = clock_time
        self._world = Projection(view.head.brand, lookups, view.head.pepper_epoch)
        self._world.load(view)
        self._before = view.customers.keys()
        self._neighbours = os.urandom(_NEIGHBOUR_BYTES)
        self._answered: dict[bytes, RequestRow] = view.requests
        self._suppressed = dict(view.suppressions)
        self._suppressing: dict[bytes, Instant] = {}
        self._lists_of = dict(view.listings)
        self._listing: dict[tuple[bytes, str], ListingRow | None] = {}
        self._judged: list[tuple[Request, _Judged]] = []
        self._keyed: dict[bytes, tuple[bytes, _Judged]] = {}
        self._drafts: list[_Draft] = []
        self._denials: Counter[tuple[int, str, str, int]] = Counter()

    def judge(self, request: Request) -> None:
        """Judge one request on the result of those before it."""
        judged = self._repeat(request) or self._command(request)
        if request.key and not isinstance(judged, Problem):
            self._keyed[request.key] = (request.content, judged)
        self._judged.append((request, judged))

    def end(self, make_keys: MakeKeys) -> tuple[Batch | None, list[Result]]:
        """Seal the drafts and return the batch, None when there is nothing to write, and a result for each request."""
        entries = self._seal(make_keys)
        receipts = [
            Receipt(each.position, each.leaf_hash, draft.recorded_time)
            for each, draft in zip(entries, self._drafts, strict=True)
        ]
        results: list[Result] = []
        requests: dict[bytes, RequestRow] = {}
        for request, judged in self._judged:
            result = self._result(judged, receipts)
            if request.key and isinstance(judged, _Drafted) and isinstance(result, Written):
                requests[request.key] = RequestRow(request.content, judged.ref, encode_answer(result))
            results.append(result)
        batch = self._batch(entries, requests) if entries or requests or self._denials or self._listing else None
        return batch, results

    def rehearsed(self) -> list[Result]:
        """Return a result for each request as `end` would, without receipts: nothing is sealed, and no key is made."""
        return [
            Written(self._head.ledger, (), judged.status) if isinstance(judged, _Drafted) else self._result(judged, [])
            for _, judged in self._judged
        ]

    def _repeat(self, request: Request) -> _Judged | None:
        if not request.key:
            return None
        content, judged = self._keyed.get(request.key, (b"", None))
        if row := self._answered.get(request.key):
            content, judged = row.content, decode_answer(row.answer)
        if judged is None or content == request.content:
            return judged
        return request_id_reused()

    def _command(self, request: Request) -> _Judged:
        command = request.command
        if isinstance(command, ApplyCatalogue):
            return self._apply_catalogue(command, request.caller)
        if isinstance(command, RecordHandover | MarkLost | AcceptLoss):
            return self._on_ledger(command, request.caller)
        if self._policy is None:
            return Problem(ErrorReason.CATALOGUE_MISSING, "the brand has no catalogue yet", (), {"field": "brand"})
        if isinstance(command, AuthorizeContact):
            return self._authorize(command, request, self._policy)
        if isinstance(command, ReportContact):
            return self._report(command, request.caller)
        if isinstance(command, HoldErasure | Erase):
            return self._on_erasures(command, request.caller)
        if isinstance(command, Merge | Split):
            return self._on_groups(command, request.caller)
        if isinstance(command, RecordExport | BeginList | EndList):
            return self._on_brand(command, request.caller)
        if isinstance(command, ListAddress | UnlistAddress | Import):
            return self._on_imports(command, request.caller, self._policy)
        return self._on_customers(command, request.caller, self._policy)

    def _on_customers(self, command: Command, caller: str, policy: Policy) -> _Judged:
        names = named(command)
        refs = persons.targets(self._world, command, names, self._new_ref)
        if isinstance(refs, Problem):
            return refs
        if isinstance(command, Confirm) and command.token is not None and (told := self._told(command.token, refs[0])):
            return told
        now = self._now()
        admitted: list[tuple[bytes, Event]] = []
        for ref in refs:
            customer = self._world.customer(ref, names)
            if customer.state.erased:
                return customer_erased()
            event = _admit(customer, persons.readdressed(self._world, command, ref), policy, now)
            if isinstance(event, Problem):
                return event
            admitted.append((ref, event))
        open_contacts: dict[bytes, ContactMark] = {}
        for ref, event in admitted:
            if isinstance(event, PermissionRefused):
                open_contacts |= {mark.key: mark for mark in self._open_contacts(ref, event, policy)}
        drafts = tuple(self._tell(ref, event, caller) for ref, event in admitted)
        status, first = 0, admitted[0][1]
        if isinstance(first, PermissionGranted | PermissionConfirmed):
            draft = self._drafts[drafts[0]]
            position = first.permission if isinstance(first, PermissionConfirmed) else draft.position
            status = self._status(refs[0], position, draft.recorded_time)
        return _Drafted(
            drafts=drafts,
            ref=refs[0],
            status=status,
            open_contacts=tuple(
                OpenContact(mark.position, mark.channel, mark.purpose, mark.time) for mark in open_contacts.values()
            ),
        )

    def _import(self, record: Grant | Refuse, caller: str, policy: Policy) -> _Judged:
        """Append what is new of an imported record; of a permission nothing where its address is not to be woken up."""
        names = named(record)
        refs = persons.targets(self._world, record, names, self._new_ref)
        if isinstance(refs, Problem):
            return refs
        now = self._now()
        admitted: list[tuple[bytes, Event]] = []
        for ref in refs:
            customer = self._world.customer(ref, names)
            if customer.state.erased:
                return customer_erased()
            event = _admit(customer, persons.readdressed(self._world, record, ref), policy, now)
            if isinstance(event, Problem):
                return event
            if isinstance(event, PermissionGranted):
                found = self._filling(customer, event, now)
                if isinstance(found, ImportVerdict):
                    return _Drafted((), ref, found)
                event = found
            elif isinstance(event, PermissionRefused) and not importing.is_new(customer, event):
                continue
            admitted.append((ref, event))
        if not admitted:
            return _Drafted((), refs[0], ImportVerdict.ALREADY_KNOWN)
        first = admitted[0][1]
        if isinstance(first, PermissionRefused):
            verdict = ImportVerdict.REFUSAL_RECORDED
        else:
            waits = isinstance(first, PermissionGranted) and first.confirm_until
            verdict = ImportVerdict.PENDING if waits else ImportVerdict.IMPORTED
        return _Drafted(tuple(self._tell(ref, event, caller) for ref, event in admitted), admitted[0][0], verdict)

    def _filling(self, customer: Customer, event: PermissionGranted, now: Instant) -> PermissionGranted | ImportVerdict:
        if event.links and (self._suppressed or self._lists_of):
            digests = [self._lookups.suppression(self._head.brand, link.identifier) for link in event.links]
            if any(each in self._suppressed or listed.own(self._lists_of.get(each, {})) for each in digests):
                return ImportVerdict.REFUSAL_STANDS
        return importing.filling(customer, event, now)

    def _tell(self, ref: bytes, event: Event, caller: str) -> int:
        """Append what was admitted, then what stands of each address it gave to the customer."""
        draft = self._append(ref, event, caller)
        for suppressed in tombstones.suppressed(self._world, self._lookups, event, self._suppressed):
            self._append(ref, suppressed, caller)
        for found in listed.told_of_links(self._world, self._lookups, event, self._lists_of):
            self._append(ref, found, caller)
        for each in list(listed.moved(self._world, self._lookups, event, self._lists_of)):
            self._keep_listing(*each)
        return draft

    def _on_brand(self, command: RecordExport | BeginList | EndList, caller: str) -> _Judged:
        match command:
            case RecordExport(exported=told) | EndList(ended=told):
                event: Event = told
            case BeginList(begun=begun):
                if problem := listed.begin_problem(begun, self._now()):
                    return problem
                event = begun
        return _Drafted((self._append(BRAND_REF, event, caller),), BRAND_REF)

    def _on_imports(self, command: ListAddress | UnlistAddress | Import, caller: str, policy: Policy) -> _Judged:
        if isinstance(command, Import):
            return self._import(command.record, caller, policy)
        if isinstance(command, ListAddress):
            return self._list(command, caller)
        return self._take_off(command, caller)

    def _list(self, command: ListAddress, caller: str) -> _Judged:
        """Bind an address: whoever holds it is told now, whoever is given it later is told then."""
        address = command.contact_point
        digest, lookup = self._lookups.suppression(self._head.brand, address), self._world.lookup(address)
        code = listed.key(command.begun.kind, command.begun.list)
        row = listed.row_after(command, lookup, self._lists_of.get(digest, {}).get(code), self._now())
        if row is None:
            return _Drafted((), BRAND_REF, listed.ListVerdict.ALREADY_KNOWN)
        self._keep_listing(digest, code, row)
        holders = sorted(self._world.holders.get(lookup, {}).items())
        drafts = tuple(self._append(ref, listed.told(row, number), caller) for ref, number in holders)
        return _Drafted(drafts, BRAND_REF, listed.ListVerdict.BOUND if drafts else listed.ListVerdict.KEPT)

    def _take_off(self, command: UnlistAddress, caller: str) -> _Judged:
        """Take an address off a list, and tell whoever holds it.

        One that was listed anew meanwhile, or whose digest moved to another epoch, stays on.
        """
        code = listed.key(command.kind, command.list)
        row = self._lists_of.get(command.digest, {}).get(code)
        if row is None or (row.listed_time, row.lookup) != (command.listed_time, command.lookup):
            return _Drafted((), BRAND_REF)
        self._keep_listing(command.digest, code, None)
        holders = sorted(self._world.holders.get(command.lookup, {}).items())
        events = [
            (ref, ContactPointUnlisted(number=n, list=command.list, imported=command.imported)) for ref, n in holders
        ]
        return _Drafted(tuple(self._append(ref, event, caller) for ref, event in events), BRAND_REF)

    def _keep_listing(self, digest: bytes, code: str, row: ListingRow | None) -> None:
        self._listing[digest, code] = row
        others = {of: each for of, each in self._lists_of.get(digest, {}).items() if of != code}
        self._lists_of[digest] = {**others, code: row} if row else others

    def _on_groups(self, command: Merge | Split, caller: str) -> _Judged:
        told = (
            persons.merge(self._world, command) if isinstance(command, Merge) else persons.split(self._world, command)
        )
        if isinstance(told, Problem):
            return told
        drafts = tuple(self._append(ref, event, caller) for ref, event in told)
        return _Drafted(drafts, told[0][0])

    def _open_contacts(self, ref: bytes, event: PermissionRefused, policy: Policy) -> list[ContactMark]:
        """Return the contacts of the person that a refusal may still stop."""
        members = self._world.members(ref)
        if len(members) == 1:
            return standing.open_contacts(self._world.customer(ref), event, policy)
        group = self._world.united(ref)
        point = group.numbering.number(members.index(ref), event.point)
        return standing.open_contacts(group.customer, replace(event, point=point), policy)

    def _person(self, ref: bytes) -> Customer:
        """Return the customer, with all they are merged with."""
        return self._world.united(ref).customer if ref in self._world.merged else self._world.customer(ref)

    def _told(self, token: Token, ref: bytes) -> _Judged | None:
        """Return the answer to a link that was clicked before: the entry of the first click, and how it stands now."""
        customer = self._world.customer(ref)
        clicked = None if customer.state.erased else admit.clicked_before(customer, token)
        if clicked is None:
            return None
        permission, position = clicked
        status = self._status(ref, permission, self._now())
        for number, draft in enumerate(self._drafts):
            if draft.position == position:
                return _Drafted((number,), ref, status)
        return Written(self._head.origin, (), status, told_at=position)

    def _status(self, ref: bytes, position: Position, now: Instant) -> int:
        """Return where the permission stands that was given at a position."""
        customer = self._person(ref)
        # An act told again adds no permission: then the one it gave before is the answer.
        mark = max(customer.state.permissions, key=lambda mark: (mark.position == position, mark.act_time))
        return standing.status_of(mark, customer, now).value

    def _authorize(self, command: AuthorizeContact, request: Request, policy: Policy) -> _Judged:
        refs = self._world.customers_of(command.customer)
        if (people := self._world.persons(refs)) > 1:
            return customer_ambiguous(people)
        ref = min(refs) if refs else None
        row = self._world.contacts.get(self._lookups.contact(self._head.brand, command.contact_id))
        if row is not None and (ref is None or not set(self._world.members(ref)) & set(row.told_to)):
            return admit.contact_id_reused()
        if command.confirms is not None:
            return self._ask_to_confirm(command, command.confirms, ref, request, policy, seen=row is not None)
        group = self._world.united(ref, named(command)) if ref in self._world.merged else None
        customer = group.customer if group else self._world.customer(ref, named(command)) if ref else None
        others = group.readings[1:] if group else ()
        found = admit.authorize(
            customer, command, policy, self._now(), seen=row is not None, full=request.full, others=others
        )
        if isinstance(found, Problem):
            return found
        self._count_denial(command, found)
        if found.event is None or ref is None:
            return _Authorized(found)
        told_to = row.told_to if row is not None else ()
        if group is None and set(told_to) <= {ref}:
            return _Authorized(found, self._append(ref, found.event, request.caller))
        told = persons.tellings(self._world, found.event, ref, told_to, group)
        drafts = [self._append(each, event, request.caller) for each, event in told]
        return _Authorized(found, drafts[0])

    def _ask_to_confirm(  # noqa: PLR0913 - a contact has this many sides
        self,
        command: AuthorizeContact,
        permission: Position,
        ref: bytes | None,
        request: Request,
        policy: Policy,
        *,
        seen: bool,
    ) -> _Judged:
        """Judge a contact that asks for a confirmation, and tell it to whoever gave the permission, alone."""
        giver = persons.giver(self._world, ref, permission) if ref else None
        customer, *others = persons.bound(self._world, giver, named(command)) if giver else (None,)
        secret = os.urandom(tokens.SECRET_BYTES)
        found = confirmation.authorize(
            customer,
            command,
            policy,
            self._now(),
            tokens.digest(secret),
            others=others,
            seen=seen,
            full=request.full,
        )
        if isinstance(found, Problem):
            return found
        self._count_denial(command, found)
        if found.event is None or giver is None:
            return _Authorized(found)
        token = tokens.write(self._lookups.contact(self._head.brand, command.contact_id), secret)
        return _Authorized(found, self._append(giver, found.event, request.caller), token)

    def _count_denial(self, command: AuthorizeContact, found: admit.Authorization) -> None:
        if found.decision.verdict is not Verdict.ALLOW:
            question, day = command.question, self._clock_time // DAY
            self._denials[day, question.channel, question.purpose, found.decision.reason.value] += 1

    def _report(self, command: ReportContact, caller: str) -> _Judged:
        row = self._world.contacts.get(self._lookups.contact(self._head.brand, command.contact_id))
        if row is None:
            return contact_unknown()
        told_to = [ref for ref in row.told_to if not self._world.states[ref].erased]
        if not told_to:
            return customer_erased("contact_id")
        event = admit.admit_report(command, self._now())
        drafts = [self._append(ref, event, caller) for ref in told_to]
        return _Drafted((drafts[0],), told_to[0], STATUS_AFTER[command.outcome].value)

    def _on_ledger(self, command: RecordHandover | MarkLost | AcceptLoss, caller: str) -> _Judged:
        match command:
            case RecordHandover():
                ref, told = BRAND_REF, [self._append(BRAND_REF, command.told, caller)]
            case MarkLost():
                lost, ref = EntryLost(incarnation=command.incarnation), LOST_REF
                told = [self._append(LOST_REF, lost, caller) for _ in range(command.count)]
            case AcceptLoss():
                if not self._head.unreconciled_since:
                    return Problem(ErrorReason.INVALID_ARGUMENT, "nothing is lost that was not accepted")
                accepted = LossAccepted(recovered=self._head.unreconciled_since, justification=command.justification)
                ref, told = BRAND_REF, [self._append(BRAND_REF, accepted, caller)]
        return _Drafted(tuple(told), ref)

    def _apply_catalogue(self, command: ApplyCatalogue, caller: str) -> _Judged:
        before = self._policy.catalogue if self._policy else None
        event = admit.admit_catalogue(command, before, self._head.catalogue_version)
        if isinstance(event, Problem):
            return event
        draft = self._append(BRAND_REF, event, caller)
        self._policy = compile_policy(event)
        if self._head.unreconciled_since:
            self._policy = self._policy.unreconciled(self._head.unreconciled_since)
        return _Drafted((draft,), BRAND_REF, version=event.version)

    def _on_erasures(self, command: HoldErasure | Erase, caller: str) -> _Judged:
        if isinstance(command, Erase):
            return self._erase(command, caller)
        return self._hold_erasure(command, caller)

    def _hold_erasure(self, command: HoldErasure, caller: str) -> _Judged:
        if problem := tombstones.hold_problem(self._world, command):
            return problem
        drafts = [self._append(ref, tombstones.held(command), caller) for ref in command.customers]
        return _Drafted(tuple(drafts), command.customers[0])

    def _erase(self, command: Erase, caller: str) -> _Judged:
        """Leave tombstones, after what others keep; then drop what nobody holds, and suppress where that is asked."""
        if problem := tombstones.erase_problem(self._world, command):
            return problem
        for lookup, ref, event in list(tombstones.retold(self._world, command)):
            self._append(ref, event, caller)
            self._world.keep_point(lookup)
        draft = self._append(BRAND_REF, tombstones.erased(command), caller)
        brand = self._head.brand
        self._world.untell(command.customers, {self._lookups.contact(brand, k): v for k, v in command.contacts.items()})
        for address in command.addresses:
            self._world.drop_point(self._world.lookup(address))
            if command.keep_suppression:
                digest = self._lookups.suppression(brand, address)
                self._suppressed[digest] = self._suppressing[digest] = self._drafts[draft].recorded_time
        return _Drafted((draft,), BRAND_REF)

    def _new_ref(self) -> bytes:
        """Return the reference of a customer who is made: near to those of all others this commit makes."""
        return self._neighbours + os.urandom(REF_BYTES - _NEIGHBOUR_BYTES)

    def _now(self) -> Instant:
        """Return the recorded time the next entry gets: by the clock, and later than every entry before it."""
        return Instant(max(self._clock_time, self._head.recorded_time + 1))

    def _append(self, ref: bytes, event: Event, caller: str) -> int:
        """Fold an event at once and draft its entry; return the draft's number."""
        position, now = Position(self._head.size), self._now()
        self._world.apply(ref, event, position, now)
        self._drafts.append(_Draft(position, ref, event, caller, now))
        head = replace(self._head, size=position + 1, recorded_time=now)
        if isinstance(event, CatalogueApplied):
            head = replace(head, catalogue_position=position, catalogue_version=event.version)
        elif isinstance(event, LedgerRecovered):
            head = replace(head, incarnation=event.incarnation, unreconciled_since=position)
        elif isinstance(event, LossAccepted):
            head = replace(head, unreconciled_since=Position(0))
        self._head = head
        return len(self._drafts) - 1

    def _seal(self, make_keys: MakeKeys) -> list[StoredEntry]:
        if not self._drafts:
            return []
        keys = make_keys([draft.ref for draft in self._drafts])
        entries = []
        for draft in self._drafts:
            entry = self._seal_one(draft, keys[draft.ref])
            self._world.advance(draft.ref, entry.customer_version, entry.leaf_hash)
            entries.append(entry)
        hashes = [entry.leaf_hash for entry in entries]
        edge = grow(split(self._head.edge), self._head.size - len(entries), hashes)
        self._head = replace(self._head, edge=b"".join(edge), root=root_of_edge(edge))
        return entries

    def _seal_one(self, draft: _Draft, key: CustomerKey) -> StoredEntry:
        version, previous = self._world.chain(draft.ref)
        payload = write_payload(
            Payload(
                customer=draft.ref.hex(),
                version=version + 1,
                previous=previous.hex(),
                caller=draft.caller,
                event=draft.event,
            )
        )
        opening = os.urandom(OPENING_BYTES)
        place = Place(self._head.ledger, draft.ref, draft.position, version + 1, key.generation)
        sealed = seal(key.key, place, opening, payload)
        purposes, channels, notice = public_codes(draft.event)
        leaf = write_leaf(
            Leaf(
                ledger=self._head.ledger,
                position=draft.position,
                type=event_type(draft.event),
                purpose=purposes,
                channel=channels,
                notice=notice,
                recorded_at=draft.recorded_time,
                pc=commitment(opening, payload),
                ch=ciphertext_hash(sealed),
            )
        )
        return StoredEntry(draft.position, leaf, leaf_hash(leaf), draft.ref, version + 1, key.generation, sealed)

    def _result(self, judged: _Judged, receipts: list[Receipt]) -> Result:
        match judged:
            case _Drafted():
                return Written(
                    ledger=self._head.origin,
                    receipts=tuple(receipts[number] for number in judged.drafts),
                    status=judged.status,
                    open_contacts=judged.open_contacts,
                    version=judged.version,
                )
            case _Authorized():
                receipt = receipts[judged.draft] if judged.draft is not None else None
                return Authorized(self._head.origin, self._head.size, judged.found, receipt, judged.token)
            case Written() | Problem():
                return judged
        raise AssertionError("unreachable: every judgement is matched above")

    def _batch(self, entries: list[StoredEntry], requests: dict[bytes, RequestRow]) -> Batch:
        world = self._world
        return Batch(
            head=self._head,
            entries=tuple(entries),
            customers={ref: world.row(ref) for ref in world.changed_customers},
            merged={ref: world.merged.get(ref) for ref in world.changed_groups},
            points={lookup: world.point_row(lookup) for lookup in world.changed_points},
            linked=tuple((lookup, ref, number, kind) for (lookup, ref), (number, kind) in world.linked.items()),
            unlinked=tuple(world.unlinked),
            left=tuple(sorted(world.left)),
            contacts={key: world.contacts[key] for key in world.changed_contacts},
            requests=requests,
            denials=tuple(DenialRow(*key, count) for key, count in sorted(self._denials.items())),
            dropped_points=tuple(sorted(world.dropped_points)),
            made={ref: world.addresses(ref) for ref in world.changed_customers if ref not in self._before},
            suppressions=self._suppressing,
            listings=self._listing,
        )


def _admit(  # noqa: C901 - one case for each command
    customer: Customer, command: Command, policy: Policy, now: Instant
) -> Event | Problem:
    match command:
        case Grant():
            return admit.admit_grant(customer, command, policy, now)
        case Confirm():
            return admit.admit_confirm(customer, command, policy, now)
        case Refuse():
            return admit.admit_refuse(customer, command, policy, now)
        case Link():
            return admit.admit_link(customer, command)
        case Unlink():
            return admit.admit_unlink(customer, command)
        case RecordFacts():
            return admit.admit_facts(customer, command, policy, now)
        case ReportActivity():
            return admit.admit_activity(customer, command, policy, now)
        case ReportContactPoint():
            return admit.admit_contact_point(customer, command, policy, now)
        case AddOverlay() | LiftOverlay() | Restrict() | LiftRestriction():
            return officer.admit(customer, command, now)
        case (
            AuthorizeContact()
            | ReportContact()
            | ApplyCatalogue()
            | RecordExport()
            | RecordHandover()
            | MarkLost()
            | AcceptLoss()
            | Merge()
            | Split()
            | HoldErasure()
            | Erase()
            | Import()
            | BeginList()
            | ListAddress()
            | UnlistAddress()
            | EndList()
        ):
            raise AssertionError("judged elsewhere: these are not about customers by their key")
