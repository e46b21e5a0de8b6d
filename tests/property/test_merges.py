"""Random lives of customers who are merged and split, judged by a model of few lines, on every store.

The model knows who is with whom, which refusal bound whom when it was made, and who gave what; it
knows nothing of states, numbers or entries. A question is answered ALLOW exactly when somebody in the
group permits the cell by an act later, by both clocks, than every refusal that binds anybody in it.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.databases import Databases
from support.installations import BRAND, STORE_KINDS, Installation, StoreKind, open_parts
from support.scenes import CATALOGUE, CONFIRMED_OTHERWISE, said

from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Confirm,
    Grant,
    Link,
    Merge,
    Question,
    Refuse,
    ReportActivity,
    ReportContact,
    Split,
)
from accord.domain.events import ContactAuthorized, ContactReported, Justification
from accord.domain.fold import HOLDING, STATUS_AFTER
from accord.domain.terms import (
    DAY,
    HOUR,
    SECOND,
    ActivityKind,
    ContactStatus,
    Identifier,
    IdentifierKind,
    Instant,
    Outcome,
    PermissionStatus,
    Position,
    RefusalKind,
    Verdict,
)
from accord.service.answers import Authorized, Written

WHY = Justification(reason="same person")
PURPOSES = ("marketing.cart", "marketing.birthday")
CHANNELS = ("email", "sms")
PEOPLE = ("ada", "bob", "cyd", "dan")
LIVES: dict[StoreKind, range] = {"memory": range(60), "sqlite": range(60, 66), "postgres": range(60, 66)}
STEPS = 60


@dataclass
class Said:
    """A permission or a refusal: of whom, on what, and both clocks. A refusal bound everyone in `whose`."""

    whose: frozenset[str]
    purpose: str
    channel: str
    address: str
    acted: int
    recorded: int


@dataclass
class Model:
    """What should be true."""

    groups: list[set[str]] = field(default_factory=lambda: [{each} for each in PEOPLE])
    permissions: list[Said] = field(default_factory=list)
    refusals: list[Said] = field(default_factory=list)

    def group(self, who: str) -> set[str]:
        return next(group for group in self.groups if who in group)

    def merge(self, people: list[str]) -> None:
        joined = set().union(*(self.group(each) for each in people))
        self.groups = [group for group in self.groups if not group <= joined] + [joined]

    def split(self, who: str) -> None:
        self.group(who).discard(who)
        self.groups = [group for group in self.groups if group] + [{who}]

    def allows(self, who: str, purpose: str, channel: str, address: str) -> bool:
        group = self.group(who)
        asked = {address} if address else group if channel == "email" else set()
        binding = [each for each in self.refusals if self._binds(each, group, purpose, channel, asked)]
        giving = [
            each
            for each in self.permissions
            if each.whose & group
            and each.purpose in ("", purpose)
            and each.channel in ("", channel)
            and (not each.address or asked == {each.address})
        ]
        return any(all(given.acted > no.acted and given.recorded > no.recorded for no in binding) for given in giving)

    @staticmethod
    def _binds(no: Said, group: set[str], purpose: str, channel: str, asked: set[str]) -> bool:
        reaches = no.purpose in ("", purpose) and no.channel in ("", channel)
        return reaches and (no.address in asked if no.address else bool(no.whose & group))


class Life:
    """A model and an installation that are told the same."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self.it, self.chance, self.model = installation, random.Random(seed), Model()
        caps: Any = ()
        self.it.write(ApplyCatalogue(catalogue=replace(CATALOGUE, caps=caps)))
        for who in PEOPLE:
            self.it.write(Link(customer=named(who), contact_point=mail(who)))

    def live(self) -> None:
        verbs = [self.grant, self.refuse, self.merge, self.split, self.contact]
        for step in range(STEPS):
            self.it.clock.advance(SECOND)
            self.chance.choices(verbs, weights=(5, 4, 2, 1, 3))[0](step)
            self.compare()

    def compare(self) -> None:
        for who in PEOPLE:
            purpose, channel = self.chance.choice(PURPOSES), self.chance.choice(CHANNELS)
            address = self.chance.choice(["", *sorted(self.model.group(who))]) if channel == "email" else ""
            point = mail(address) if address else None
            question = Question(customer=named(who), purpose=purpose, channel=channel, contact_point=point)
            verdict = self.it.questions.check(BRAND, question).decision.verdict
            expected = self.model.allows(who, purpose, channel, address)
            assert (verdict is Verdict.ALLOW) == expected, (who, purpose, channel, address)

    def grant(self, _: int) -> None:
        who, address = self.chance.choice(PEOPLE), self.chance.choice([True, False, False])
        acted = self._acted()
        purposes = self.chance.choice([(), PURPOSES[:1], PURPOSES[1:]])
        channels = ("email",) if address else self.chance.choice([(), CHANNELS[:1], CHANNELS[1:]])
        receipt = self._write(
            Grant(
                customer=named(who),
                evidence=said(act_time=acted),
                purposes=purposes,
                channels=channels,
                contact_point=mail(who) if address else None,
            )
        ).receipts[0]
        for purpose in purposes or PURPOSES:
            for channel in channels or CHANNELS:
                told = Said(frozenset({who}), purpose, channel, who if address else "", acted, receipt.recorded_time)
                self.model.permissions.append(told)

    def refuse(self, _: int) -> None:
        who = self.chance.choice(PEOPLE)
        group = self.model.group(who)
        address = self.chance.choice(["", "", self.chance.choice(sorted(group))])
        purpose = self.chance.choice(["", "marketing", *PURPOSES])
        channel = "email" if address else self.chance.choice(["", *CHANNELS])
        acted = self._acted()
        kind = self.chance.choice(list(RefusalKind))
        written = self._write(
            Refuse(
                kind=kind,
                customer=named(who),
                evidence=said(act_time=acted),
                purpose=purpose,
                channel=channel,
                contact_point=mail(address) if address else None,
            )
        )
        for each in PURPOSES if purpose in ("", "marketing") else (purpose,):
            time = written.receipts[0].recorded_time
            self.model.refusals.append(Said(frozenset(group), each, channel, address, acted, time))

    def merge(self, _: int) -> None:
        people = self.chance.sample(PEOPLE, self.chance.choice([2, 2, 3]))
        keys = tuple(mail(each) if self.chance.random() < 0.3 else named(each) for each in people)
        self._write(Merge(customers=keys, justification=WHY))
        self.model.merge(people)

    def split(self, _: int) -> None:
        who = self.chance.choice(PEOPLE)
        (result,) = self.it.write(Split(customer=named(who), justification=WHY))
        assert isinstance(result, Written) == (len(self.model.group(who)) > 1)
        self.model.split(who)

    def contact(self, step: int) -> None:
        """Ask for a contact under a name old or new, and report what became of some of them."""
        who = self.chance.choice(PEOPLE)
        question = Question(customer=named(who), purpose=PURPOSES[0], channel="sms")
        contact_id = f"message {self.chance.choice([step, self.chance.randrange(step + 1)])}"
        (found,) = self.it.write(AuthorizeContact(contact_id=contact_id, question=question))
        allowed = isinstance(found, Authorized) and found.authorization.decision.verdict is Verdict.ALLOW
        if allowed and self.chance.random() < 0.4:
            self._write(ReportContact(contact_id=contact_id, outcome=self.chance.choice(list(Outcome))))

    def _acted(self) -> Any:
        return self.it.clock.now - self.chance.choice([0, 0, 3, 20]) * SECOND

    def _write(self, command: Any) -> Written:
        (result,) = self.it.write(command)
        assert isinstance(result, Written), result
        return result


def named(who: str) -> Identifier:
    return Identifier(IdentifierKind.CUSTOMER_ID, who)


def mail(who: str) -> Identifier:
    return Identifier(IdentifierKind.EMAIL, f"{who}@example.com")


SEEDS = [(kind, seed) for kind in STORE_KINDS for seed in LIVES[kind]]


@pytest.mark.parametrize(("kind", "seed"), SEEDS)
def test_a_group_is_allowed_what_one_permits_and_nobody_refused(
    kind: StoreKind, seed: int, databases: Databases, tmp_path: Path
) -> None:
    parts = open_parts(kind, databases, tmp_path)
    try:
        life = Life(Installation(parts), seed)
        life.live()
        assert life.it.audit().faults == ()
    finally:
        parts.close()


@pytest.mark.parametrize("seed", range(60))
def test_no_use_is_taken_twice_whoever_is_merged_and_split_meanwhile(
    seed: int, databases: Databases, tmp_path: Path
) -> None:
    """Contact-once permissions and nothing else, contacts under few names, merges and splits in between."""
    parts = open_parts("memory", databases, tmp_path)
    it, chance = Installation(parts), random.Random(seed)
    caps: Any = ()
    it.write(ApplyCatalogue(catalogue=replace(CATALOGUE, caps=caps)))
    for who in PEOPLE:
        it.write(Link(customer=named(who), contact_point=mail(who)))
    uses = Uses(it)
    for step in range(80):
        it.clock.advance(SECOND)
        who, verb = chance.choice(PEOPLE), chance.random()
        if verb < 0.2:
            it.write(Grant(customer=named(who), evidence=said("qr"), channels=(chance.choice(CHANNELS),)))
        elif verb < 0.3:
            it.write(Merge(customers=(named(who), named(chance.choice(PEOPLE))), justification=WHY))
        elif verb < 0.38:
            it.write(Split(customer=named(who), justification=WHY))
        elif verb < 0.5:
            it.write(ReportContact(contact_id=f"m{chance.randrange(9)}", outcome=chance.choice(list(Outcome))))
        else:
            point = mail(chance.choice(PEOPLE)) if chance.random() < 0.3 else None
            channel = "email" if point else chance.choice(CHANNELS)
            question = Question(
                customer=named(who), purpose=chance.choice(PURPOSES), channel=channel, contact_point=point
            )
            it.write(AuthorizeContact(contact_id=f"m{chance.randrange(9)} {step // 30}", question=question))
        assert max(uses.holders().values(), default=0) <= 1
    assert it.audit().faults == ()
    parts.close()


@pytest.mark.parametrize("seed", range(40))
def test_a_group_merged_from_the_start_is_answered_like_one_customer(
    seed: int, databases: Databases, tmp_path: Path
) -> None:
    """The same life told twice: once all of it to one customer, once each line to one of three who are merged."""
    chance = random.Random(seed)
    parts = [open_parts("memory", databases, tmp_path) for _ in range(2)]
    alone, group = (Installation(each) for each in parts)
    for it in (alone, group):
        it.write(ApplyCatalogue(catalogue=CONFIRMED_OTHERWISE))
        it.write(*(ReportActivity(customer=named(who), kind=ActivityKind.CLICK) for who in PEOPLE[:3]))
    group.write(Merge(customers=tuple(named(who) for who in PEOPLE[:3]), justification=WHY))
    pending: list[tuple[Position, Position]] = []
    for step in range(60):
        pause = chance.choice([SECOND, HOUR, DAY])
        act_time = Instant(alone.clock.now + pause - chance.choice([0, 0, 2, 3 * HOUR, 2 * DAY]))
        told = life_step(chance, act_time, step, [first for first, _ in pending])
        answers = []
        for number, (it, who) in enumerate(((alone, "ada"), (group, chance.choice(PEOPLE[:3])))):
            it.clock.advance(pause)
            command = told(named(who), dict(pending) if number else {})
            answers.append(it.write(command)[0])
        if not isinstance(command, Confirm):
            # One who gave the same again no longer waits for what came too late; a member may.
            assert outcome_of(answers[0]) == outcome_of(answers[1]), step
        if isinstance(answers[0], Written) and answers[0].status == PermissionStatus.PENDING.value:
            assert isinstance(answers[1], Written)
            pending.append((answers[0].receipts[0].position, answers[1].receipts[0].position))
        for purpose in (*PURPOSES, "service.order"):
            for channel in CHANNELS:
                found = [
                    it.questions.check(BRAND, Question(customer=named(who), purpose=purpose, channel=channel)).decision
                    for it, who in ((alone, "ada"), (group, chance.choice(PEOPLE[:3])))
                ]
                assert (found[0].verdict, found[0].reason) == (found[1].verdict, found[1].reason), (step, channel)
    assert group.audit().faults == ()


def life_step(chance: random.Random, act_time: Instant, step: int, pending: list[Position]) -> Any:
    """Return one command as a function of whom it is told of, and of how the other ledger numbers its entries."""
    purpose, channel = chance.choice(PURPOSES), chance.choice(CHANNELS)
    verb = chance.random()
    if verb < 0.3:
        touchpoint = chance.choice(["web", "qr", "qr", "form"])
        channels = chance.choice([(), (channel,)])
        evidence = said(touchpoint, act_time=act_time)
        return lambda who, _: Grant(customer=who, evidence=evidence, channels=channels)
    if verb < 0.4 and pending:
        position, evidence = chance.choice(pending), said("form")
        return lambda who, other: Confirm(customer=who, evidence=evidence, permission=other.get(position, position))
    if verb < 0.5:
        no = {"purpose": chance.choice(["", purpose]), "channel": chance.choice(["", channel])}
        kind, evidence = chance.choice(list(RefusalKind)), said(act_time=act_time)
        return lambda who, _: Refuse(kind=kind, customer=who, evidence=evidence, **no)
    contact_id = f"m{chance.choice([step, chance.randrange(step + 1)])}"
    if verb < 0.65:
        outcome = chance.choice(list(Outcome))
        return lambda *_: ReportContact(contact_id=contact_id, outcome=outcome)
    return lambda who, _: AuthorizeContact(
        contact_id=contact_id, question=Question(customer=who, purpose=purpose, channel=channel)
    )


def outcome_of(result: Any) -> Any:
    """Return what an answer says, positions and receipts apart."""
    if isinstance(result, Authorized):
        decision = result.authorization.decision
        return decision.verdict, decision.reason, result.authorization.repeat
    return result.status if isinstance(result, Written) else result.reason


class Uses:
    """What the entries alone say of permissions of one use; each entry is read once."""

    def __init__(self, it: Installation) -> None:
        self._it = it
        self._read = 0
        self._rests_on: dict[str, Position | None] = {}
        self._status: dict[str, ContactStatus] = {}

    def holders(self) -> Counter[Position]:
        """Return how many contacts hold each permission."""
        head = self._it.store.head(BRAND)
        assert head is not None
        for position in range(self._read, head.size):
            event = self._it.remembered.event(BRAND, Position(position))
            if isinstance(event, ContactAuthorized):
                self._rests_on[event.contact_id] = event.permission
                self._status[event.contact_id] = ContactStatus.AUTHORIZED
            elif isinstance(event, ContactReported):
                self._status[event.contact_id] = STATUS_AFTER[event.outcome]
        self._read = head.size
        holding = (permission for id_, permission in self._rests_on.items() if self._status[id_] in HOLDING)
        return Counter(permission for permission in holding if permission is not None)
