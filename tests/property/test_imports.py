"""Random histories, then random imports: nobody who said no is contacted for it, and a file again changes nothing."""

import random
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from support.installations import BRAND, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import CATALOGUE, said

from accord.domain.commands import (
    ApplyCatalogue,
    Command,
    Declaration,
    Grant,
    Import,
    Link,
    Merge,
    Question,
    Refuse,
    Unlink,
)
from accord.domain.events import Justification, SuppressionsImported
from accord.domain.importing import ImportVerdict
from accord.domain.problems import Problem
from accord.domain.terms import (
    DAY,
    HOUR,
    Identifier,
    IdentifierKind,
    Instant,
    ListKind,
    Reason,
    Recorder,
    RefusalKind,
    Verdict,
)
from accord.service.answers import Authorized, Result
from accord.service.errors import CallError

NO = {Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED, Reason.STOPPED, Reason.SUPPRESSED, Reason.PENDING_CONFIRMATION}
IDS = [Identifier(IdentifierKind.CUSTOMER_ID, name) for name in ("ada", "bob", "cyd")]
MAILS = [Identifier(IdentifierKind.EMAIL, f"{name}@example.com") for name in ("a", "b", "c")]
PHONES = [Identifier(IdentifierKind.PHONE, f"+3361234567{number}") for number in range(2)]
PURPOSES = ("marketing.cart", "marketing.birthday")
CHANNELS = ("email", "sms")
QUESTIONS = [
    Question(customer=who, purpose=purpose, channel=channel)
    for who in (*IDS, *MAILS, *PHONES)
    for purpose in PURPOSES
    for channel in CHANNELS
]
LIVES = 40


class Life:
    """An installation in memory, and chance."""

    def __init__(self, seed: int) -> None:
        self.it = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
        self.chance = random.Random(seed)
        self.it.write(ApplyCatalogue(catalogue=replace(CATALOGUE, caps=())))

    def declaration(self, recorder: Recorder) -> Declaration:
        time = Instant(self.it.clock() - self.chance.choice([0, HOUR, DAY, 9 * DAY]))
        return replace(said(self.chance.choice(["web", "web", "qr", "form"])), recorder=recorder, act_time=time)

    def grant(self, recorder: Recorder = Recorder.SYSTEM) -> Grant:
        pick = self.chance.choice
        return Grant(
            customer=pick([*IDS, *IDS, *MAILS]),
            contact_point=pick([None, *MAILS, *PHONES]),
            evidence=self.declaration(recorder),
            purposes=pick([(), (), PURPOSES[:1], PURPOSES[1:]]),
            channels=pick([(), (), CHANNELS[:1], CHANNELS[1:]]),
        )

    def refuse(self, recorder: Recorder = Recorder.SYSTEM) -> Refuse:
        pick = self.chance.choice
        point = pick([None, None, *MAILS])
        return Refuse(
            kind=pick([RefusalKind.REFUSED, RefusalKind.WITHDRAWN, RefusalKind.OBJECTED]),
            customer=pick([*IDS, *MAILS, *PHONES]),
            evidence=self.declaration(recorder),
            purpose=pick(["", "marketing", *PURPOSES]),
            channel="email" if point else pick(["", *CHANNELS]),
            contact_point=point,
        )

    def other(self) -> Command:
        pick = self.chance.choice
        return pick(
            [
                Link(customer=pick(IDS), contact_point=pick([*MAILS, *PHONES])),
                Unlink(customer=pick(IDS), contact_point=pick([*MAILS, *PHONES])),
                Merge(customers=tuple(self.chance.sample(IDS, 2)), justification=Justification(reason="one")),
            ]
        )

    def live(self) -> None:
        for _ in range(self.chance.randrange(1, 12)):
            make = self.chance.choice([self.grant, self.grant, self.refuse, self.refuse, self.other])
            self.it.write(make())
            self.it.clock.advance(self.chance.choice([1, HOUR, DAY]))
        if self.chance.random() < 0.3:
            self._list(self.chance.choice([*MAILS, *PHONES]))

    def _list(self, address: Identifier) -> None:
        told = SuppressionsImported(list="own", kind=ListKind.OWN, listed_time=START, sha256="0" * 64, lines=1)
        self.it.writer.start()
        begun = self.it.lists.begin(BRAND, "officer", told)
        self.it.lists.add(BRAND, "officer", begun, [address])
        self.it.writer.stop()

    def file(self) -> list[Import]:
        makes = self.chance.choices([self.grant, self.grant, self.grant, self.refuse], k=self.chance.randrange(1, 9))
        return [Import(record=make(Recorder.IMPORT)) for make in makes]

    def answers(self) -> Iterator[tuple[Verdict, Reason]]:
        for question in QUESTIONS:
            try:
                decision = self.it.questions.check(BRAND, question).decision
            except CallError:  # two hold the address: not decided is not allowed
                yield Verdict.DENY, Reason.CUSTOMER_UNKNOWN
            else:
                yield decision.verdict, decision.reason

    def size(self) -> int:
        head = self.it.store.head(BRAND)
        assert head
        return head.size


def told(results: list[Result]) -> list[object]:
    """Return the verdict of each record, or the reason it could not be imported for."""
    assert not any(isinstance(each, Authorized) for each in results)
    return [each.reason if isinstance(each, Problem) else each.status for each in results]  # type: ignore[union-attr]


@pytest.mark.parametrize("batch", range(3))
def test_no_refusal_turns_into_allow_and_a_file_again_adds_nothing(batch: int) -> None:
    turned = recorded = 0
    for seed in range(batch * LIVES, (batch + 1) * LIVES):
        life = Life(seed)
        life.live()
        before, file = list(life.answers()), life.file()
        requests = [life.it.request(each, f"row {row}", b"row") for row, each in enumerate(file)]
        size = life.size()
        rehearsed = told(life.it.writer.rehearse(BRAND, requests))
        assert life.size() == size, "a rehearsal writes nothing"
        real = told(life.it.writer.write(BRAND, requests))
        assert rehearsed == real, seed
        after = list(life.answers())
        for question, (verdict, reason), (now, _) in zip(QUESTIONS, before, after, strict=True):
            assert verdict is Verdict.ALLOW or reason not in NO or now is not Verdict.ALLOW, (seed, question)
        turned += sum(now[0] > then[0] for then, now in zip(before, after, strict=True))
        recorded += ImportVerdict.IMPORTED in real
        size = life.size()
        life.it.writer.write(BRAND, requests)
        assert life.size() == size, "a row again is answered, not judged"
        again = told(life.it.write(*file))
        assert not {ImportVerdict.IMPORTED, ImportVerdict.PENDING} & set(again), (seed, real, again)
        # A no may reach somebody who has come to hold its address since; nobody is permitted anything.
        assert all(now[0] <= then[0] for then, now in zip(after, life.answers(), strict=True))
        assert life.it.audit().faults == ()
    assert turned > LIVES // 10, "imports that permit something are tried as well"
    assert recorded > LIVES // 5
