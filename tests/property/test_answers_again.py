"""The past is told as it was: random histories, on every store, asked again at the moments of real answers.

Every answer that was given is given again byte for byte, trace included, as of its instant and known by
what it knew, however much was told since: late acts, merges, splits, addresses that went to others. So is
every contact allowed again, but for what was told late.
"""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from property.test_histories import BEGINNING, MAILS, PEOPLE, POINTS, QUESTIONS, Chance
from support.databases import Databases
from support.installations import BRAND, STORE_KINDS, Installation, StoreKind, open_parts

from accord.domain import commands as say
from accord.domain.events import Justification, SuppressionsImported
from accord.domain.terms import DAY, Instant, ListKind, OverlayKind, PermissionStatus, Position, RestrictionGround
from accord.rpc import outbound
from accord.service.answers import Written
from accord.service.errors import CallError
from accord.service.past import Then
from accord.service.replay import Cause, Wished
from accord.service.tokens import freshness
from accord.v1 import decision_pb2

WHY = Justification(reason="same person")
LIVES: dict[StoreKind, range] = {"memory": range(14), "sqlite": range(14, 16), "postgres": range(16, 17)}
STEPS = 40
ASKED_AGAIN: dict[StoreKind, int] = {"memory": 40, "sqlite": 20, "postgres": 20}


class Given(NamedTuple):
    """One real answer: to which question, when, known by what, and its bytes."""

    question: say.Question
    time: Instant
    token: str
    size: int
    told: bytes | str


class Life(Chance):
    """A history with groups and officers in it, told to an installation, and what it answered on the way."""

    def __init__(self, it: Installation, seed: int) -> None:
        super().__init__(seed)
        self.it = it
        self.given: list[Given] = []
        self.pending = [9_999]

    def live(self) -> None:
        for step in [*BEGINNING, self.beginning(), *(self.step() for _ in range(STEPS))]:
            self.it.clock.advance(step.passes)
            told = [each[0] for each in step.requests if isinstance(each[0], tuple(say.Command.__args__))]
            self.write(*told, *self.officers())
            for question in self.sample(QUESTIONS, 4):
                self.given.append(self.ask(question))

    def officers(self) -> list[say.Command]:
        who, other = self.sample([*PEOPLE, *MAILS], 2)
        chosen: list[say.Command] = [
            say.Merge(customers=(who, other), justification=WHY),
            say.Merge(customers=(who, other), justification=WHY),
            say.Split(customer=who, justification=WHY),
            say.Restrict(customer=who, ground=next(iter(RestrictionGround)), justification=WHY),
            say.LiftRestriction(customer=who, informed_time=self.it.clock.now, justification=WHY),
            say.AddOverlay(customers=(who,), kind=OverlayKind.HOUSEHOLD, justification=WHY),
            self.listed(),
            self.listed(),
        ]
        return self.choices([[], [self.choice(chosen)]], (4, 1))[0]

    def listed(self) -> say.Command:
        """Put an address on a list of a day ago; its import begins when it is written."""
        begun = SuppressionsImported(
            list=self.choice(["own", "fr.bloctel"]),
            kind=self.choice(list(ListKind)),
            listed_time=Instant(self.it.clock.now - DAY),
            sha256="00" * 32,
            lines=1,
        )
        return say.ListAddress(contact_point=self.choice(POINTS), begun=begun, imported=Position(0))

    def confirm(self) -> say.Command:
        told = super().confirm()
        assert isinstance(told, say.Confirm)
        return say.Confirm(customer=told.customer, evidence=told.evidence, permission=self.choice(self.pending))

    def write(self, *commands: say.Command) -> None:
        for result in self.it.write(*(told for each in commands for told in self.begun(each))):
            if isinstance(result, Written) and result.status == PermissionStatus.PENDING.value:
                self.pending.append(result.receipts[0].position)

    def begun(self, command: say.Command) -> list[say.Command]:
        """Begin the import of what puts an address on a list, as every import begins; before a catalogue none does."""
        if not isinstance(command, say.ListAddress):
            return [command]
        (done,) = self.it.write(say.BeginList(begun=command.begun))
        return [replace(command, imported=done.receipts[0].position)] if isinstance(done, Written) else []

    def ask(self, question: say.Question) -> Given:
        head = self.it.store.head(BRAND)
        assert head is not None
        now = Instant(max(self.it.clock.now, head.recorded_time))
        token = freshness(head.ledger, head.size)
        try:
            found = self.it.questions.check(BRAND, question, full=True)
        except CallError as error:
            return Given(question, now, token, head.size, error.problem.text)
        assert found.decision.time == now
        return Given(question, now, token, head.size, bytes_of(found.decision, token))

    def ask_again(self, given: Given, then: Then) -> bytes | str:
        try:
            found = self.it.past_questions.check(BRAND, given.question, then, full=True)
        except CallError as error:
            return error.problem.text
        assert found.moment.size == given.size
        return bytes_of(found.decision, freshness(found.ledger, found.moment.size))


def recorded_time(it: Installation, position: int) -> Instant:
    return it.remembered.receipt(BRAND, Position(position)).recorded_time


def bytes_of(decision: Any, token: str) -> bytes:
    message = decision_pb2.Decision()
    outbound.tell(message, decision, token, "en")
    return message.SerializeToString(deterministic=True)


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in STORE_KINDS for seed in LIVES[kind]])
def test_every_answer_that_was_given_is_given_again_byte_for_byte(
    kind: StoreKind, seed: int, databases: Databases, tmp_path: Path
) -> None:
    parts = open_parts(kind, databases, tmp_path)
    try:
        life = Life(Installation(parts), seed)
        life.live()
        head = life.it.store.head(BRAND)
        assert head is not None
        for given in life.sample(life.given, ASKED_AGAIN[kind]):
            found = life.ask_again(given, Then(as_of=given.time, as_known_by=given.token))
            assert found == given.told, given
            # While the clock stands still, an entry after an answer may be recorded at its very instant.
            if given.size == head.size or recorded_time(life.it, given.size) > given.time:
                assert life.ask_again(given, Then(as_of=given.time, as_known_at=given.time)) == given.told, given
        replayed = life.it.replay.replay(BRAND, Wished())
        assert replayed.unreadable == 0
        assert {each.cause for each in replayed.invalid} <= {Cause.LATE_ENTRY}, "known then, each was allowed"
        assert life.it.audit().faults == ()
    finally:
        parts.close()
