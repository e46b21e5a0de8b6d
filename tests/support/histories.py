"""Tiny histories in readable JSON, turned into states by the very code that serves: admit, then fold.

A vector names a catalogue, a history, a question, a time and the answer expected; the README beside
the vectors tells their form. Routing to customers, recorded times and the judging anew of contacts
are those of a `Sitting`, on nothing but memory: no database, no key.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from accord.domain import admit, confirmation
from accord.domain.catalogue import Catalogue, examine
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Command,
    Confirm,
    Declaration,
    Grant,
    Link,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
    Unlink,
)
from accord.domain.decide import decide, examine_question
from accord.domain.decision import Customer, Decision
from accord.domain.events import CatalogueApplied, Event, FactsRecorded
from accord.domain.full_view import completed
from accord.domain.identifiers import normalise
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem
from accord.domain.state import CustomerState, Overlay
from accord.domain.terms import (
    ActivityKind,
    Basis,
    BrandId,
    CustomerKind,
    Declarant,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Obligation,
    Outcome,
    PointFact,
    Position,
    Recorder,
    RefusalKind,
)
from accord.ledger.lookup import Lookups
from accord.ledger.projection import Projection
from accord.ledger.store import TreeHead, View
from accord.service import confirmation_tokens, sitting
from accord.service.answers import Request
from accord.service.sitting import Sitting

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "decisions"
BEGINNING = "2020-01-01T00:00Z"
"""When the first catalogue of every history is applied."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00Z")
_KINDS = {
    "email": IdentifierKind.EMAIL,
    "phone": IdentifierKind.PHONE,
    "post": IdentifierKind.POSTAL_ADDRESS,
    "push": IdentifierKind.PUSH_TOKEN,
    "social": IdentifierKind.SOCIAL_PROFILE,
    "card": IdentifierKind.LOYALTY_CARD,
    "beacon": IdentifierKind.BEACON_DEVICE,
}


class _Told(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a vector: unknown fields are mistakes."""


class Act(_Told, frozen=True, kw_only=True):
    """What a step tells; each verb uses the fields it needs."""

    customer: str = ""
    at: str = ""
    acted: str = ""
    method: Method = Method.TICKED_BOX
    declarant: Declarant = Declarant.CUSTOMER
    recorder: Recorder = Recorder.SYSTEM
    notice: str = ""
    language: str = "en"
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    valid_from: str = ""
    valid_until: str = ""
    permission: str = ""
    token_of: str = ""
    purpose: str = ""
    channel: str = ""
    topic: str = ""
    place: str = ""
    recipient: str = ""
    contact_point: str = ""
    kind: ActivityKind | None = None
    objection_offered: bool = False
    fact: PointFact | None = None
    contact_id: str = ""
    outcome: Outcome | None = None


class ToldFacts(_Told, frozen=True, kw_only=True):
    """Facts of a customer; what is left out stays as it was known."""

    customer: str
    country: str | None = None
    region: str | None = None
    time_zone: str | None = None
    language: str | None = None
    kind: CustomerKind | None = None
    birth_year: int | None = None
    guardian_known: bool | None = None
    deceased: bool | None = None
    contract_current: bool | None = None
    membership_current: bool | None = None
    preferred_channel: str | None = None
    paused_until: str | None = None


class Asked(_Told, frozen=True, kw_only=True):
    """The question. `contact_id` set: it is asked by authorising that contact. `confirms`: to confirm that step."""

    customer: str
    purpose: str
    channel: str = ""
    topic: str = ""
    place: str = ""
    recipient: str = ""
    contact_point: str = ""
    contact_id: str = ""
    confirms: str = ""


class Expected(_Told, frozen=True, kw_only=True):
    """The answer, as far as the vector tells it; null is "none"."""

    verdict: str | None = None
    reason: str | None = None
    basis: str | None = None
    permission: str | msgspec.UnsetType | None = msgspec.UNSET
    rests_on: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    rules: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    obligations: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    not_before: str | msgspec.UnsetType | None = msgspec.UNSET
    valid_until: str | msgspec.UnsetType | None = msgspec.UNSET
    repeat: bool | None = None
    problem: str | None = None


class Step(_Told, frozen=True, kw_only=True):
    """One line of a history: when it was recorded, one verb, and what is expected of it if not success."""

    time: str
    name: str = ""
    grant: Act | None = None
    confirm: Act | None = None
    refuse: Act | None = None
    withdraw: Act | None = None
    object: Act | None = None
    link: Act | None = None
    unlink: Act | None = None
    facts: ToldFacts | None = None
    activity: Act | None = None
    address: Act | None = None
    authorize: Asked | None = None
    report: Act | None = None
    catalogue: str = ""
    expect: Expected | None = None


class OverlayGiven(_Told, frozen=True):
    """An overlay given as a state; `until` set: a contractual pause."""

    until: str = ""


class StateGiven(_Told, frozen=True, kw_only=True):
    """What no command sets yet, told as the state itself."""

    erased: bool = False
    restricted: bool = False
    authority_order: bool = False
    unproved: bool = False
    overlays: tuple[OverlayGiven, ...] = ()


class Vector(_Told, frozen=True, kw_only=True):
    """One golden decision."""

    name: str
    catalogue: str | dict[str, Any]
    history: tuple[Step, ...] = ()
    state: StateGiven | None = None
    ask: Asked
    time: str
    expect: Expected


class Entry(Struct, frozen=True):
    """One entry of a customer, as it is folded."""

    ref: bytes
    event: Event
    position: Position
    recorded_time: Instant


class Answer(Struct, frozen=True):
    """What came of a question: a decision or a problem, and whether the contact is a repeat."""

    decision: Decision | None
    problem: Problem | None = None
    repeat: bool = False


def instant(text: str) -> Instant:
    """Return the instant an ISO 8601 time with its offset names; 0 for empty."""
    return Instant((datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)) if text else Instant(0)


def iso(time: int) -> str:
    """Return an instant in words, for messages."""
    return (_EPOCH + timedelta(microseconds=time)).isoformat()


def identifier(text: str) -> Identifier:
    """Return `email:…`, `phone:…` and the like as an address; anything else is an id of the caller's."""
    kind, colon, value = text.partition(":")
    if colon and kind in _KINDS:
        return normalise(_KINDS[kind], value)
    return normalise(IdentifierKind.CUSTOMER_ID, text)


def catalogue_of(told: str | dict[str, Any]) -> Catalogue:
    """Return a shared catalogue by name or one told inline, that `examine` finds without fault."""
    catalogue = msgspec.convert(_with_numbers(_whole(told)), Catalogue, strict=True)
    faults = examine(catalogue, None)
    if faults:
        raise AssertionError(f"the catalogue has faults: {faults}")
    return catalogue


def themes(folder: Path) -> list[Path]:
    """Return the files of vectors in a folder, by name."""
    return sorted(path for path in folder.glob("*.json") if path.name != "schema.json")


def vectors(file: Path) -> tuple[Vector, ...]:
    """Return the vectors of one theme."""
    return msgspec.json.decode(file.read_bytes(), type=tuple[Vector, ...])


class History:
    """A ledger's worth of steps on one brand, in memory."""

    def __init__(self, catalogue: str | dict[str, Any] | Catalogue) -> None:
        """Begin with a catalogue."""
        head = TreeHead(BrandId("maison"), "golden")
        self._sitting = Sitting(Lookups(bytes(32)), View(head, {}, {}, {}, {}, {}), None, instant(BEGINNING))
        self.positions: dict[str, Position] = {}
        self.tokens: dict[str, str] = {}
        self._given: StateGiven | None = None
        self.apply(catalogue)

    @property
    def world(self) -> Projection:
        """What follows from the entries so far."""
        return self._sitting._world

    @property
    def policy(self) -> Policy:
        """What counts now."""
        policy = self._sitting._policy
        if policy is None:
            raise AssertionError("the catalogue was not applied")
        return policy

    @property
    def size(self) -> int:
        """How many entries were written."""
        return self._sitting._head.size

    @property
    def entries(self) -> list[Entry]:
        """Every entry about a customer, in order."""
        drafts = (each for each in self._sitting._drafts if not isinstance(each.event, CatalogueApplied))
        return [Entry(each.ref, each.event, each.position, each.recorded_time) for each in drafts]

    @property
    def now(self) -> Instant:
        """The time of the newest entry: no question is asked earlier."""
        return self._sitting._head.recorded_time

    def apply(self, told: str | dict[str, Any] | Catalogue) -> None:
        """Apply a catalogue."""
        catalogue = told if isinstance(told, Catalogue) else catalogue_of(told)
        done = self.command(ApplyCatalogue(catalogue=catalogue))
        if done is not None:
            raise AssertionError(f"the catalogue was not applied: {done}")

    def at(self, time: str | Instant) -> "History":
        """Move the clock."""
        self._sitting._clock_time = instant(time) if isinstance(time, str) else time
        return self

    def command(self, command: Command) -> Problem | admit.Authorization | None:
        """Judge a command now; return the problem, or the authorisation it is."""
        self._sitting.judge(Request(command=command, caller="test"))
        _, judged = self._sitting._judged[-1]
        match judged:
            case Problem():
                return judged
            case sitting._Authorized():
                return judged.found
            case _:
                return None

    @property
    def token(self) -> str:
        """The confirmation token that the newest command got, empty for none."""
        _, judged = self._sitting._judged[-1]
        return judged.token if isinstance(judged, sitting._Authorized) else ""

    def tell(self, steps: Iterable[Step]) -> "History":
        """Play steps, each as it expects to be answered."""
        for step in steps:
            before = self.size
            done = self.at(step.time).command(self._command(step))
            if step.name:
                self.positions[step.name] = Position(before)
                self.tokens[step.name] = self.token
            _as_expected(step, done, written=self.size > before)
        return self

    @property
    def given(self) -> StateGiven | None:
        """What no command sets yet, as it was given."""
        return self._given

    def give(self, given: StateGiven | None) -> "History":
        """Say what no command sets yet, of whoever is asked about."""
        self._given = given
        return self

    def customer(self, named: Identifier, point: Identifier | None = None) -> Customer | Problem | None:
        """Return who is known by a key."""
        refs = self.world.customers_of(named)
        if self.world.persons(refs) > 1:
            return Problem(ErrorReason.CUSTOMER_AMBIGUOUS, "several customers hold the key")
        if not refs:
            return None
        asked = (named, point) if point else (named,)
        merged = refs[0] in self.world.merged
        found = self.world.united(refs[0], asked).customer if merged else self.world.customer(refs[0], asked)
        return replace(found, state=_overridden(found.state, self._given)) if self._given else found

    def ask(self, asked: Asked, time: str | Instant, *, full: bool = False) -> Answer:
        """Answer a question at a time, without writing anything."""
        question = question_of(asked)
        moment = instant(time) if isinstance(time, str) else time
        now = Instant(max(moment, self._sitting._head.recorded_time))
        if problem := examine_question(question, self.policy):
            return Answer(None, problem)
        customer = self.customer(question.customer, question.contact_point)
        if isinstance(customer, Problem):
            return Answer(None, customer)
        if not asked.contact_id:
            found = decide(customer, question, self.policy, now, full=full)
            return Answer(completed(found, (customer,), question, self.policy) if full else found)
        confirms = self.positions[asked.confirms] if asked.confirms else None
        command = AuthorizeContact(contact_id=asked.contact_id, question=question, confirms=confirms)
        seen = self._sitting._lookups.contact(self._sitting._head.brand, asked.contact_id) in self.world.contacts
        if confirms is None:
            found = admit.authorize(customer, command, self.policy, now, seen=seen, full=full)
        else:
            found = confirmation.authorize(customer, command, self.policy, now, bytes(32), seen=seen, full=full)
        if isinstance(found, Problem):
            return Answer(None, found)
        return Answer(found.decision, None, found.repeat)

    def _command(self, step: Step) -> Command:  # noqa: C901, PLR0912 - one line for each verb
        if step.grant:
            return grant_of(step.grant)
        if step.confirm:
            return self._confirm(step.confirm)
        if step.refuse:
            return refusal_of(step.refuse, RefusalKind.REFUSED)
        if step.withdraw:
            return refusal_of(step.withdraw, RefusalKind.WITHDRAWN)
        if step.object:
            return refusal_of(step.object, RefusalKind.OBJECTED)
        if step.link:
            return Link(customer=identifier(step.link.customer), contact_point=identifier(step.link.contact_point))
        if step.unlink:
            told = step.unlink
            return Unlink(customer=identifier(told.customer), contact_point=identifier(told.contact_point))
        if step.facts:
            return _facts(step.facts)
        if step.activity:
            return _activity(step.activity)
        if step.address and step.address.fact:
            point = identifier(step.address.contact_point)
            return ReportContactPoint(contact_point=point, fact=step.address.fact, act_time=instant(step.address.acted))
        if step.authorize:
            return AuthorizeContact(
                contact_id=step.authorize.contact_id,
                question=question_of(step.authorize),
                confirms=self.positions[step.authorize.confirms] if step.authorize.confirms else None,
            )
        if step.report and step.report.outcome:
            return ReportContact(
                contact_id=step.report.contact_id, outcome=step.report.outcome, outcome_time=instant(step.report.acted)
            )
        if step.catalogue:
            return ApplyCatalogue(catalogue=catalogue_of(step.catalogue))
        raise AssertionError(f"the step at {step.time} has no verb")

    def _confirm(self, told: Act) -> Confirm:
        evidence = _evidence(replace(told, method=_clicked(told.method)))
        if told.token_of:
            return Confirm(evidence=evidence, token=confirmation_tokens.read(self.tokens[told.token_of]))
        position = self.positions.get(told.permission, Position(9_999))
        return Confirm(customer=identifier(told.customer), evidence=evidence, permission=position)


def folded(entries: Iterable[Entry]) -> Projection:
    """Return what follows from entries, folded in the order given."""
    world = Projection(BrandId("maison"), Lookups(bytes(32)), 1)
    for each in entries:
        world.apply(each.ref, each.event, each.position, each.recorded_time)
    return world


def question_of(asked: Asked) -> Question:
    """Return the question as the domain has it."""
    return Question(
        customer=identifier(asked.customer),
        purpose=asked.purpose,
        channel=asked.channel,
        topic=asked.topic,
        place=asked.place,
        recipient=asked.recipient,
        contact_point=_point(asked.contact_point),
    )


def grant_of(told: Act) -> Grant:
    """Return the command a step tells."""
    return Grant(
        customer=identifier(told.customer),
        evidence=_evidence(told),
        purposes=told.purposes,
        channels=told.channels,
        contact_point=_point(told.contact_point),
        topics=told.topics,
        places=told.places,
        recipients=told.recipients,
        valid_from=instant(told.valid_from),
        valid_until=instant(told.valid_until),
    )


def refusal_of(told: Act, kind: RefusalKind) -> Refuse:
    """Return the command a step tells."""
    return Refuse(
        kind=kind,
        customer=identifier(told.customer),
        evidence=_evidence(told),
        purpose=told.purpose,
        channel=told.channel,
        contact_point=_point(told.contact_point),
        topic=told.topic,
        place=told.place,
        recipient=told.recipient,
    )


def _as_expected(step: Step, done: Problem | admit.Authorization | None, *, written: bool) -> None:
    wanted = step.expect or Expected(verdict="ALLOW" if step.authorize else None)
    if isinstance(done, Problem):
        if done.reason.value != wanted.problem:
            raise AssertionError(f"at {step.time}: {done.reason}: {done.text}")
        return
    if wanted.problem:
        raise AssertionError(f"at {step.time}: {wanted.problem} was expected")
    if done is None:
        if not (written or wanted.repeat):
            raise AssertionError(f"at {step.time}: nothing was written")
        return
    found = (done.decision.verdict.name, done.decision.reason.name, done.repeat)
    asked = (wanted.verdict, wanted.reason, wanted.repeat)
    if any(right is not None and left != right for left, right in zip(found, asked, strict=True)):
        raise AssertionError(f"at {step.time}: authorised as {found}, not {asked}")


def _evidence(told: Act) -> Declaration:
    return Declaration(
        touchpoint=told.at or "web_form",
        method=told.method,
        declarant=told.declarant,
        recorder=told.recorder,
        notice=told.notice,
        language=told.language,
        act_time=instant(told.acted),
    )


def _clicked(method: Method) -> Method:
    """Return how a confirmation was expressed: by its link, unless another way is told."""
    return Method.CONFIRMATION_LINK if method is Method.TICKED_BOX else method


def _facts(told: ToldFacts) -> RecordFacts:
    facts = FactsRecorded(
        country=told.country,
        region=told.region,
        time_zone=told.time_zone,
        language=told.language,
        kind=told.kind,
        birth_year=told.birth_year,
        guardian_known=told.guardian_known,
        deceased=told.deceased,
        contract_current=told.contract_current,
        membership_current=told.membership_current,
        preferred_channel=told.preferred_channel,
        paused_until=None if told.paused_until is None else instant(told.paused_until),
    )
    return RecordFacts(customer=identifier(told.customer), facts=facts)


def _activity(told: Act) -> ReportActivity:
    return ReportActivity(
        customer=identifier(told.customer),
        kind=told.kind or ActivityKind.PURCHASE,
        act_time=instant(told.acted),
        place=told.place,
        objection_offered=told.objection_offered,
    )


def _point(text: str) -> Identifier | None:
    return identifier(text) if text else None


def _overridden(state: CustomerState, given: StateGiven) -> CustomerState:
    return replace(
        state,
        erased=given.erased,
        restricted=given.restricted,
        authority_order=given.authority_order,
        permissions=tuple(replace(mark, notice="") if given.unproved else mark for mark in state.permissions),
        overlays=tuple(Overlay(Position(0), instant(each.until)) for each in given.overlays),
    )


def _whole(told: str | dict[str, Any]) -> dict[str, Any]:
    """Return a catalogue with what it extends: the lists it tells replace those of the same name."""
    own = _shared(told) if isinstance(told, str) else told
    if "extends" not in own:
        return own
    return _whole(own["extends"]) | {name: value for name, value in own.items() if name != "extends"}


@lru_cache
def _shared(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((GOLDEN / "catalogues" / f"{name}.json").read_bytes())
    return told


def _with_numbers(told: dict[str, Any]) -> dict[str, Any]:
    """Put numbers for the words of the enumerations that have numbers, and the names fields have in Python."""
    bases = [{**each, "basis": Basis[each["basis"]].value} for each in told.get("bases", ())]
    channels = [
        {**each, "obligations": [Obligation[name].value for name in each.get("obligations", ())]}
        for each in told["channels"]
    ]
    hours = [
        {**each, "windows": [{"from_" if key == "from" else key: it for key, it in one.items()} for one in windows]}
        for each in told.get("hours", ())
        for windows in [each["windows"]]
    ]
    return {**told, "bases": bases, "channels": channels, "hours": hours}
