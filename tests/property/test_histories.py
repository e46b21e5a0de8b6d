"""Random histories of all commands: the model, and every kind of store, give the same answers and the same root.

Each history is judged by the model first; then it is told to installations over different stores, on
one clock and one source of chance. Afterwards the audit folds the ledger again and finds no fault.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from property.model import Model
from property.scene import KINDS, OFFERS, VERSIONS, catalogue
from support.databases import Databases
from support.installations import START, Installation, StoreKind, open_parts

from accord.domain import commands as say
from accord.domain.events import FactsRecorded
from accord.domain.problems import Problem
from accord.domain.terms import (
    DAY,
    HOUR,
    SECOND,
    ActivityKind,
    BrandId,
    Declarant,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Outcome,
    PointFact,
    Position,
    Recorder,
    RefusalKind,
)
from accord.service.answers import Authorized, Request, Result, Written
from accord.service.audit import audit
from accord.service.errors import CallError

PEOPLE = [Identifier(IdentifierKind.CUSTOMER_ID, name) for name in ("ada", "bob")]
MAILS = [Identifier(IdentifierKind.EMAIL, f"{name}@example.com") for name in ("a", "b")]
PHONE = Identifier(IdentifierKind.PHONE, "+33612345678")
POINTS = [*MAILS, PHONE]
KEYS = [*PEOPLE, *POINTS]
MOSTLY_ADA = [*PEOPLE[:1] * 8, *KEYS]
PURPOSES = ["marketing.cart", "marketing.news", "service.order"]
TIMES = [Instant(0), *(Instant(START + days * DAY) for days in (-1, 3))]
QUESTIONS = [
    *(say.Question(customer=who, purpose=purpose, channel=on) for who in KEYS for purpose in PURPOSES for on in KINDS),
    *(say.Question(customer=PEOPLE[0], purpose=PURPOSES[0], channel="email", contact_point=mail) for mail in MAILS),
]


class Again(NamedTuple):
    """Stands for a request of before, sent once more."""

    which: int


class Step(NamedTuple):
    """Time passes, then requests are committed together: each a command and its request id, empty for none."""

    passes: int
    requests: list[Any]


class Chance(random.Random):
    """Chooses what is said; likelier things stand more often in the lists."""

    def declaration(self, methods: list[Method], recorders: list[Recorder], times: list[Instant]) -> say.Declaration:
        return say.Declaration(
            touchpoint=self.choice(list(OFFERS)),
            method=self.choice(methods),
            declarant=Declarant.CUSTOMER,
            recorder=self.choice(recorders),
            language="fr",
            act_time=self.choice(times),
        )

    def grant(self) -> say.Command:
        return say.Grant(
            customer=self.choice(MOSTLY_ADA),
            contact_point=self.choice([None, None, None, MAILS[0], *POINTS]),
            evidence=self.declaration(BY_ACT, MAYBE_IMPORTED, SOMETIMES_EARLIER),
            purposes=self.choice([(), (), ("marketing.news",)]),
            channels=self.choice([(), (), ("email",)]),
            valid_until=self.choice([*TIMES[:1] * 3, Instant(START + 5 * DAY)]),
        )

    def confirm(self) -> say.Command:
        """Name which of those that wait; which they are is known later."""
        evidence = self.declaration([Method.BUTTON, Method.SIGNATURE], [Recorder.SYSTEM], TIMES[:1])
        return say.Confirm(customer=self.choice(MOSTLY_ADA), evidence=evidence, permission=Position(self.randrange(4)))

    def refuse(self) -> say.Command:
        return say.Refuse(
            kind=self.choice(list(RefusalKind)),
            customer=self.choice(MOSTLY_ADA),
            contact_point=self.choice([None, None, None, *POINTS]),
            evidence=self.declaration(BY_ACT, MAYBE_IMPORTED, SOMETIMES_EARLIER),
            purpose=self.choice(["", "marketing", *["marketing.news"] * 4, "service"]),
            channel=self.choice(["", "email", "sms"]),
        )

    def authorize(self) -> say.Command:
        question = self.choice([*QUESTIONS[:6] * 8, *QUESTIONS])
        return say.AuthorizeContact(contact_id=self.choice(CONTACTS), question=question)

    def report(self) -> say.Command:
        return say.ReportContact(contact_id=self.choice(CONTACTS), outcome=self.choice(OUTCOMES))

    def link(self) -> say.Command:
        kind = self.choice([say.Link, say.Unlink])
        return kind(customer=self.choice(MOSTLY_ADA), contact_point=self.choice(POINTS))

    def facts(self) -> say.Command:
        told = FactsRecorded(
            deceased=self.choice([*[None] * 9, False, False, False, True]),
            paused_until=self.choice([None, *TIMES[:1] * 3, *(Instant(START + days * DAY) for days in (4, 30, 200))]),
            language=self.choice([None, "fr"]),
        )
        return say.RecordFacts(customer=self.choice(MOSTLY_ADA), facts=told)

    def activity(self) -> say.Command:
        kind, time = self.choice(list(ActivityKind)), self.choice(TIMES)
        return say.ReportActivity(customer=self.choice(MOSTLY_ADA), kind=kind, act_time=time)

    def contact_point(self) -> say.Command:
        fact = self.choice([*PointFact, *[PointFact.VERIFIED] * 8])
        return say.ReportContactPoint(contact_point=self.choice(POINTS), fact=fact)

    def catalogue(self) -> say.Command:
        return say.ApplyCatalogue(catalogue=catalogue(self.randrange(len(VERSIONS))))

    def request(self) -> Any:
        often = [self.grant] * 3 + [self.authorize] * 8 + [self.report] * 4 + [self.confirm, self.refuse]
        seldom = [self.link, self.facts, self.activity, self.catalogue, *[self.contact_point] * 3]
        request = (self.choice([*often, *seldom])(), f"r{self.randrange(100)}")
        return self.choice([request] * 9 + [Again(self.randrange(9))])

    def beginning(self) -> Step:
        """Let Ada give something by one of the touchpoints, so that there is something to lose."""
        given = self.declaration([Method.BUTTON], [Recorder.SYSTEM], TIMES[:2])
        return Step(HOUR, [(say.Grant(customer=PEOPLE[0], evidence=given), "")])

    def step(self) -> Step:
        passes = self.choice([0, 0, 1, SECOND, HOUR, HOUR, HOUR, 25 * HOUR, 25 * HOUR, 6 * DAY])
        return Step(passes, [self.request() for _ in range(self.choice([1, 1, 2, 3]))])


BY_ACT = [*[Method.BUTTON] * 9, Method.SILENCE]
MAYBE_IMPORTED = [*[Recorder.SYSTEM] * 5, Recorder.IMPORT]
CONTACTS = ["c1", "c2", "c3", "c4", "c5"]
OUTCOMES = [*Outcome, *[Outcome.SENT, Outcome.FAILED, Outcome.CANCELLED] * 9]
SOMETIMES_EARLIER = [*TIMES[:1] * 2, *TIMES]
BEGINNING = [
    Step(0, [(say.ApplyCatalogue(catalogue=catalogue(0)), "")]),
    Step(0, [(say.Link(customer=who, contact_point=mail), "") for who, mail in zip(PEOPLE, MAILS, strict=True)]),
]

# Each step comes of a number of its own, so that a failing history shrinks by leaving steps out.
numbers = st.integers(0, 2**32)
beginnings = st.tuples(numbers.map(lambda number: Chance(number).beginning()))
steps = st.lists(numbers.map(lambda number: Chance(number).step()), max_size=10)
histories = st.builds(lambda *parts: list(chain(*parts)), beginnings, *[steps] * 5)


class Transcript(NamedTuple):
    """What an installation answered after each step, and where its ledger ended."""

    results: list[list[Result]]
    answers: list[list[Any]]
    root: bytes


def resolved(history: list[Step], it: Installation, brand: BrandId) -> tuple[list[Step], Transcript]:
    """Tell a history to an installation beside the model, and hold every answer to the model's.

    Returns the history with what stood for something else resolved, and what was answered.
    """
    model, told, sent = Model(), list[Step](), list[tuple[say.Command, str]]()
    results, answers = [], []
    model.clock = START
    with at_the_start(it):
        for step in [*BEGINNING, *history]:
            model.clock = it.clock.advance(step.passes)
            for request in step.requests:
                again = isinstance(request, Again)
                sent.append(sent[-1 - request.which % len(sent)] if again else (_named(request[0], model), request[1]))
            told.append(Step(step.passes, sent[len(sent) - len(step.requests) :]))
            found = it.writer.write(brand, [_request(it, brand, *each) for each in told[-1].requests])
            for (command, request_id), result in zip(told[-1].requests, found, strict=True):
                rewritten = isinstance(result, Authorized) and result.receipt is not None
                assert in_short(result) == model.do(command, request_id, rewritten=rewritten), command
            asked = [_answer(it, brand, question) for question in QUESTIONS]
            for question, answer in zip(QUESTIONS, asked, strict=True):
                assert verdict(answer) == model.decide(question)[0], question
            results.append(found)
            answers.append(asked)
    return told, Transcript(results, answers, root_of(it, brand))


def _named(command: say.Command, model: Model) -> say.Command:
    """Let a confirmation name a permission that still waits; the golden decisions tell of late ones."""
    if not isinstance(command, say.Confirm):
        return command
    known = model.waiting(model.people.holders(command.customer))
    waiting = [p.position for p in known if p.waits > model.clock + SECOND] or [9_999]
    return replace(command, permission=waiting[command.permission % len(waiting)])


@contextmanager
def at_the_start(it: Installation) -> Iterator[None]:
    """Set the clock, and let chance be the same everywhere."""
    it.clock.now = START
    with pytest.MonkeyPatch.context() as patch:
        for module in ("service.sitting", "service.persons", "ledger.seal", "keys.keyring"):
            patch.setattr(f"accord.{module}.os", SimpleNamespace(urandom=random.Random(1).randbytes))
        yield


def root_of(it: Installation, brand: BrandId) -> bytes:
    """Fold the ledger again, find no fault, and return its root."""
    found = audit(brand, it.store, it.store, it.keyring, it.lookups)
    assert found.faults == ()
    return found.root


def told_to(it: Installation, brand: BrandId, history: list[Step]) -> Transcript:
    """Tell an installation a history; return what it answered."""
    results, answers = [], []
    with at_the_start(it):
        for step in history:
            it.clock.advance(step.passes)
            results.append(it.writer.write(brand, [_request(it, brand, *each) for each in step.requests]))
            answers.append([_answer(it, brand, question) for question in QUESTIONS])
    return Transcript(results, answers, root_of(it, brand))


def _request(it: Installation, brand: BrandId, command: say.Command, request_id: str) -> Request:
    if not request_id or isinstance(command, say.AuthorizeContact):
        return Request(command=command, caller="tests")
    content = it.lookups.content(repr(command).encode())
    return Request(command=command, caller="tests", key=it.lookups.request(brand, "tests", request_id), content=content)


def _answer(it: Installation, brand: BrandId, question: say.Question) -> Any:
    try:
        return it.questions.check(brand, question).decision
    except CallError as error:
        return error.problem


def in_short(result: Result) -> Any:
    """Return a result as the model puts it."""
    match result:
        case Written():
            return [receipt.position for receipt in result.receipts]
        case Authorized():
            written = [result.receipt.position] if result.receipt else []
            return result.authorization.decision.verdict.name, result.authorization.repeat, written
        case Problem():
            return result.reason.name


def verdict(answer: Any) -> str:
    """Return a decision as the model puts it."""
    name: str = answer.reason.name if isinstance(answer, Problem) else answer.verdict.name
    return name


@pytest.fixture(scope="module")
def installations(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[StoreKind, Any]]:
    """One installation on each kind of store; every history is another brand's."""
    made: dict[StoreKind, Any] = {}
    kinds: list[StoreKind] = ["memory", "sqlite", "postgres"]
    for kind in kinds:
        made[kind] = Installation(open_parts(kind, databases, tmp_path_factory.mktemp(kind)))
    yield made
    for each in made.values():
        each.close()


_numbers = count(1)


def holds_on(kinds: list[StoreKind], installations: dict[StoreKind, Any], history: list[Step]) -> None:
    brand = BrandId(f"brand-{next(_numbers)}")
    told, transcript = resolved(history, installations["memory"], brand)
    for kind in kinds:
        assert told_to(installations[kind], brand, told) == transcript


def thoroughly(examples: int, *, derandomize: bool = True) -> settings:
    return settings(
        max_examples=examples,
        derandomize=derandomize,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


@thoroughly(150)
@given(history=histories)
def test_a_history_gives_the_answers_of_the_model(installations: dict[StoreKind, Any], history: list[Step]) -> None:
    holds_on([], installations, history)


@thoroughly(40)
@given(history=histories)
def test_a_history_gives_the_same_answers_and_root_on_sqlite(
    installations: dict[StoreKind, Any], history: list[Step]
) -> None:
    holds_on(["sqlite"], installations, history)


@thoroughly(15)
@given(history=histories)
def test_a_history_gives_the_same_answers_and_root_on_postgresql(
    installations: dict[StoreKind, Any], history: list[Step]
) -> None:
    holds_on(["postgres"], installations, history)


@pytest.mark.long
@pytest.mark.timeout(3600)
@thoroughly(2000, derandomize=False)
@given(history=histories)
def test_long_histories_agree_everywhere(installations: dict[StoreKind, Any], history: list[Step]) -> None:
    holds_on(["sqlite", "postgres"], installations, history)
