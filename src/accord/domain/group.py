"""Customers who are one person, judged as one: the states of all members, united for a question.

Nothing is moved and nothing is kept: the union is made when it is asked for. Its rules are those of
folding the members' entries in the order of their positions. A permission of one covers for all, a
refusal of one binds all, contacts count together. What is known of them by facts that tell no
clocks is united to the customer's protection; where they disagree on where the customer lives or in
which capacity, each answer is sought and the lowest stands. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.commands import Question
from accord.domain.decide import decide
from accord.domain.decision import Customer, Decision, Point
from accord.domain.fold import newest_acts, same_act, with_permission, with_refusal
from accord.domain.policy import Policy
from accord.domain.state import (
    NO_STATE,
    Activity,
    ContactMark,
    CustomerState,
    Facts,
    PermissionMark,
    RefusalMark,
    contacts_newest_first,
    with_contacts,
)
from accord.domain.terms import FAR, CustomerKind, Identifier, Instant, Position, Verdict

MAX_PACKED_NUMBER = 0xFFFF
"""The highest number of an address that a packed contact can tell."""


class Member(Struct, frozen=True):
    """One customer of a group: their state, and the addresses they hold with the digest of each."""

    state: CustomerState
    addresses: tuple[tuple[bytes, Point], ...] = ()


class Numbering(Struct, frozen=True):
    """Numbers for the addresses of a group. One that several members hold has one number."""

    offsets: tuple[int, ...]
    shared: Mapping[bytes, int]
    keys: tuple[Mapping[int, bytes], ...]

    def number(self, member: int, own: int) -> int:
        """Return the number in the group of what has this number among the member's own; 0 for 0."""
        key = self.keys[member].get(own)
        return self.shared[key] if key is not None else own + self.offsets[member] if own else 0

    def own(self, member: int, number: int) -> int:
        """Return the number among the member's own of an address of the group; 0 when they do not hold it."""
        return next((own for own, key in self.keys[member].items() if self.shared[key] == number), 0)


class Group(Struct, frozen=True):
    """One person: how the members' numbers read, and the customer under each reading of the facts."""

    numbering: Numbering
    readings: tuple[Customer, ...]

    @property
    def customer(self) -> Customer:
        """The person, for all that does not look at where or in which capacity."""
        return self.readings[0]

    def binding(self, member: Customer) -> tuple[Customer, ...]:
        """Return a member with all that forbids the person a contact, under each reading of the facts.

        Permissions, contacts and addresses stay the member's own, by the member's numbers.
        """
        person = self.customer.state
        state = replace(
            member.state,
            refusals=person.refusals,
            overlays=person.overlays,
            erased=person.erased,
            restricted=person.restricted,
            authority_order=person.authority_order,
        )
        return tuple(replace(member, state=replace(state, facts=each.state.facts)) for each in self.readings)


def unite(members: Sequence[Member], named: Mapping[Identifier, bytes] | None = None) -> Group:
    """Return the members as one person. Their order gives the numbers, so it must be the same every time.

    `named` are the identifiers of the question with their digests; those an address of the group has
    are known by its number.
    """
    numbering = _numbering(members)
    points: dict[int, Point] = {}
    for key, point in chain.from_iterable(member.addresses for member in members):
        number = numbering.shared[key]
        points.setdefault(number, Point(number, point.kind, point.state))
    numbers = {each: numbering.shared[key] for each, key in (named or {}).items() if key in numbering.shared}
    state = _united(members, numbering)
    ordered = tuple(points[number] for number in sorted(points))
    return Group(
        numbering,
        tuple(Customer(replace(state, facts=facts), ordered, numbers) for facts in _readings(members)),
    )


def _numbering(members: Sequence[Member]) -> Numbering:
    offsets, shared, total = [], dict[bytes, int](), 0
    for member in members:
        offsets.append(total)
        for key, point in member.addresses:
            shared.setdefault(key, total + point.number)
        total += member.state.identifiers
    keys = tuple({point.number: key for key, point in member.addresses} for member in members)
    return Numbering(tuple(offsets), shared, keys)


def _united(members: Sequence[Member], numbering: Numbering) -> CustomerState:
    states = [member.state for member in members]
    state = with_contacts(NO_STATE, _contacts(states, numbering))
    for mark in sorted(_permissions(states, numbering), key=lambda each: each.recorded_time):
        state = _with_permission(state, mark)
    refusals: tuple[RefusalMark, ...] = ()
    for refusal in sorted(chain.from_iterable(each.refusals for each in states), key=lambda each: each.position):
        refusals = with_refusal(refusals, refusal)
    overlays = {each.position: each for state_ in states for each in state_.overlays}
    return replace(
        state,
        identifiers=sum(each.identifiers for each in states),
        refusals=refusals,
        activity=_activity([each.activity for each in states]),
        overlays=tuple(overlays[position] for position in sorted(overlays)),
        confirmations=tuple(chain.from_iterable(each.confirmations for each in states)),
        erased=any(each.erased for each in states),
        restricted=any(each.restricted for each in states),
        authority_order=any(each.authority_order for each in states),
    )


def _contacts(states: Sequence[CustomerState], numbering: Numbering) -> list[ContactMark]:
    """Return the contacts of all, newest first; one told to several members is one contact."""
    found: dict[bytes, ContactMark] = {}
    for member, state in enumerate(states):
        for mark in contacts_newest_first(state):
            number = numbering.number(member, mark.point)
            told = found.get(mark.key)
            if told is None or (number and not told.point):
                # A number too high to be packed is told as none: it only guards a contact_id against reuse.
                found[mark.key] = replace(mark, point=number if number <= MAX_PACKED_NUMBER else 0)
    return sorted(found.values(), key=lambda mark: mark.position, reverse=True)


def _permissions(states: Sequence[CustomerState], numbering: Numbering) -> Iterable[PermissionMark]:
    for member, state in enumerate(states):
        for mark in state.permissions:
            point = numbering.number(member, mark.granted.point)
            yield replace(mark, granted=replace(mark.granted, point=point))


def _with_permission(state: CustomerState, mark: PermissionMark) -> CustomerState:
    """Add a permission as `fold` would. One act told to two members has one set of uses, taken by either."""
    twin = next((old for old in state.permissions if same_act(old, mark)), None)
    if twin is None:
        return with_permission(state, mark)
    taken = twin.taken + mark.taken
    others = tuple(replace(old, taken=taken) if old is twin else old for old in state.permissions)
    state = with_permission(replace(state, permissions=others), replace(mark, taken=taken))
    if any(each.position == mark.position for each in state.permissions):
        return state
    contacts = contacts_newest_first(state)
    moved = [replace(each, permission=twin.position) if each.permission == mark.position else each for each in contacts]
    return with_contacts(state, moved)


def _activity(told: Sequence[Activity]) -> Activity:
    """Return the newest of each kind of act; what belongs together comes from one member."""
    bought = max(told, key=lambda each: (each.purchase_time, each.purchase_position))
    sold = max(told, key=lambda each: (each.sale_time, each.sale_position))
    there = max(told, key=lambda each: (each.presence_time, each.presence_place))
    return Activity(
        purchase_time=bought.purchase_time,
        sale_time=sold.sale_time,
        sale_position=sold.sale_position,
        click_time=max(each.click_time for each in told),
        enquiry_time=max(each.enquiry_time for each in told),
        presence_time=there.presence_time,
        presence_place=there.presence_place,
        engagement_time=max(each.engagement_time for each in told),
        purchase_position=bought.purchase_position,
        acts=newest_acts(chain.from_iterable(each.acts for each in told)),
    )


def _readings(members: Sequence[Member]) -> list[Facts]:
    """Return what may be true of the person: one reading for each place and capacity that a member tells of."""
    told = sorted((member.state.facts for member in members), key=lambda each: each.position)
    newest_first = told[::-1]
    contract = max(told, key=lambda each: each.contract_position)
    membership = max(told, key=lambda each: each.membership_position)
    shared = Facts(
        language=_first(each.language for each in newest_first),
        birth_year=max(each.birth_year for each in told),
        guardian_known=all(each.guardian_known for each in told),
        deceased=any(each.deceased for each in told),
        contract_current=contract.contract_current,
        preferred_channel=_first(each.preferred_channel for each in newest_first),
        paused_until=max(each.paused_until for each in told),
        position=_position(told),
        contract_position=contract.contract_position,
        membership_current=membership.membership_current,
        membership_position=membership.membership_position,
    )
    places = dict.fromkeys((each.country, each.region, each.time_zone) for each in newest_first)
    known = [place for place in places if any(place)] or [("", "", "")]
    kinds: list[CustomerKind | None] = list(dict.fromkeys(each.kind for each in newest_first if each.kind)) or [None]
    return [
        replace(shared, country=country, region=region, time_zone=zone, kind=kind)
        for country, region, zone in known
        for kind in kinds
    ]


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def _position(told: Sequence[Facts]) -> Position:
    """Return the entry an answer by facts names: that of a death or a pause where there is one, else the newest."""
    died = [each for each in told if each.deceased]
    paused = [each for each in told if each.paused_until]
    return max(died or paused or told, key=lambda each: (each.paused_until, each.position)).position


def decide_under(  # noqa: PLR0913 - a question has this many sides
    readings: Sequence[Customer | None],
    question: Question,
    policy: Policy,
    now: Instant,
    *,
    own_contact: ContactMark | None = None,
    full: bool = False,
) -> Decision:
    """Return the lowest answer under any reading of the facts; of two alike, the one that binds longer.

    None stands for nobody known, and is then the only reading.
    """
    if len(readings) == 1:
        return decide(readings[0], question, policy, now, own_contact=own_contact, full=full)
    return lowest([decide(each, question, policy, now, own_contact=own_contact, full=full) for each in readings])


def lowest(found: list[Decision]) -> Decision:
    """Return the lowest of one or more decisions, good until the first instant at which any of them may change."""
    if len(found) == 1:
        return found[0]
    worst = min(found, key=_lowness)
    until = min((each.valid_until or FAR) for each in found)
    duties = worst.obligations
    if worst.verdict is Verdict.ALLOW:
        duties = tuple(dict.fromkeys(chain.from_iterable(each.obligations for each in found)))
    return replace(worst, valid_until=Instant(until) if until < FAR else Instant(0), obligations=duties)


def _lowness(decision: Decision) -> tuple[int, int]:
    return decision.verdict, -decision.not_before
