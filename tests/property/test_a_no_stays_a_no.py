"""No order of delivery, no skew of clocks and no look at the past turns a refusal into an ALLOW.

What customers said comes in any order: tills are offline for days, forms are typed in later, the
server's clock jumps back and forth. Whatever the order, where the newest act that was said of a cell is
a refusal, the answer is no: now, as of any instant, known at any, and when contacts are answered again.
"""

import random
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from support.installations import BRAND, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, CATALOGUE, said

from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Grant, Question, Refuse, ReportActivity
from accord.domain.terms import HOUR, SECOND, ActivityKind, Instant, RefusalKind, Verdict
from accord.service.answers import Authorized, Written
from accord.service.past import Then
from accord.service.replay import Cause, Wished

PURPOSES = ("marketing.cart", "marketing.birthday")
CHANNELS = ("email", "sms")
CELLS = [(purpose, channel) for purpose in PURPOSES for channel in CHANNELS]
ACTS = 12
END = Instant(START + 400 * HOUR)


class Act(NamedTuple):
    """What was said, when, of which cells; `no`: a refusal."""

    time: Instant
    no: bool
    purpose: str
    channel: str

    def reaches(self, cell: tuple[str, str]) -> bool:
        return self.purpose in ("", cell[0]) and self.channel in ("", cell[1])

    @property
    def command(self) -> Any:
        evidence = said(act_time=self.time)
        if self.no:
            return Refuse(
                kind=RefusalKind.WITHDRAWN,
                customer=ADA_ID,
                evidence=evidence,
                purpose=self.purpose,
                channel=self.channel,
            )
        purposes, channels = ((each,) if each else () for each in (self.purpose, self.channel))
        return Grant(customer=ADA_ID, evidence=evidence, purposes=purposes, channels=channels)


class Life:
    """Acts as they were said, delivered in an order of chance to a server whose clock jumps."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.it = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
        caps: Any = ()
        self.it.write(ApplyCatalogue(catalogue=replace(CATALOGUE, caps=caps)))
        self.it.write(ReportActivity(customer=ADA_ID, kind=ActivityKind.CLICK))
        self.acts = [self._act() for _ in range(ACTS)]
        self.delivered: list[tuple[Act, Instant]] = []
        self.contacts: list[tuple[tuple[str, str], int, Instant]] = []

    def _act(self) -> Act:
        time = Instant(START + self.chance.randrange(1, 24) * HOUR)
        purpose, channel = self.chance.choice(["", *PURPOSES]), self.chance.choice(["", *CHANNELS])
        return Act(time, self.chance.random() < 0.5, purpose, channel)

    def live(self) -> None:
        for act in self.chance.sample(self.acts, ACTS):
            # Never before the act, for a permission of the future is none; else anywhere: backwards too.
            self.it.clock.now = Instant(act.time + self.chance.randrange(0, 30) * HOUR + self.chance.randrange(SECOND))
            (written,) = self.it.write(act.command)
            assert isinstance(written, Written), written
            self.delivered.append((act, written.receipts[0].recorded_time))
            self.contact()
        self.it.clock.now = END

    def contact(self) -> None:
        cell = self.chance.choice(CELLS)
        (found,) = self.it.write(AuthorizeContact(contact_id=f"c{len(self.delivered)}", question=asked(cell)))
        assert isinstance(found, Authorized)
        if found.receipt:
            self.contacts.append((cell, found.receipt.position, found.receipt.recorded_time))

    def acts_by(self, as_of: Instant, known_at: Instant = END) -> list[Act]:
        return [act for act, recorded in self.delivered if act.time <= as_of and recorded <= known_at]


def asked(cell: tuple[str, str]) -> Question:
    return Question(customer=ADA_ID, purpose=cell[0], channel=cell[1])


def ends_in_a_no(acts: Iterable[Act], cell: tuple[str, str]) -> bool:
    """Say whether the newest act of a cell is a refusal; of acts at one instant, one refusal is enough."""
    told = [act for act in acts if act.reaches(cell)]
    newest = max((act.time for act in told), default=None)
    return any(act.no for act in told if act.time == newest)


SEEDS = range(24)


@pytest.mark.parametrize("seed", SEEDS)
def test_where_the_newest_act_is_a_no_every_answer_is_one(seed: int) -> None:
    life = Life(seed)
    life.live()
    noes = 0
    for cell in CELLS:
        if ends_in_a_no(life.acts, cell):
            noes += 1
            assert life.it.questions.check(BRAND, asked(cell)).decision.verdict is not Verdict.ALLOW
        for _ in range(6):
            as_of = Instant(START + life.chance.randrange(1, 60) * HOUR)
            known_at = Instant(as_of + life.chance.randrange(30) * HOUR)
            for then, acts in (
                (Then(as_of=as_of), life.acts_by(as_of)),
                (Then(as_of=as_of, as_known_at=known_at), life.acts_by(as_of, known_at)),
            ):
                if ends_in_a_no(acts, cell):
                    noes += 1
                    found = life.it.past_questions.check(BRAND, asked(cell), then).decision
                    assert found.verdict is not Verdict.ALLOW, (cell, then)
    assert noes > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_replay_allows_nothing_that_a_no_forbids_and_lists_nothing_that_was_not_allowed(seed: int) -> None:
    life = Life(seed)
    life.live()
    found = life.it.replay.replay(BRAND, Wished())
    allowed = {position: (cell, time) for cell, position, time in life.contacts}
    assert found.contacts == len(allowed)
    listed = {each.position: each for each in found.invalid}
    assert listed.keys() <= allowed.keys()
    for position, (cell, time) in allowed.items():
        if ends_in_a_no(life.acts_by(time), cell):
            assert position in listed, (position, cell)
    for position, invalid in listed.items():
        assert invalid.decision.verdict is not Verdict.ALLOW
        assert invalid.cause is Cause.LATE_ENTRY
        assert invalid.late_entry is not None
        assert invalid.late_entry.position > position
        assert invalid.late_entry.act_time <= invalid.authorized_time < invalid.late_entry.recorded_time


def test_these_lives_have_contacts_that_a_late_no_makes_invalid() -> None:
    """Else the tests above would hold of nothing."""
    lives = [Life(seed) for seed in SEEDS[:8]]
    for life in lives:
        life.live()
    assert sum(len(life.it.replay.replay(BRAND, Wished()).invalid) for life in lives) > 4
