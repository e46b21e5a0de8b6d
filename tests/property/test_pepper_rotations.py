"""Random histories, with and without rotations of the pepper: nobody can tell which ledger was rotated.

Each history is told to two installations, on one clock and one source of chance. One of them moves to new peppers now
and then, or is cut off at any step of it while more is told, and goes on later; the other never does.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.databases import Databases
from support.installations import BRAND, SECRETS, HandClock, Installation, StoreKind, open_parts
from support.scenes import CATALOGUE, asked_erasure, said

from accord.domain import commands as say
from accord.domain.events import Justification, SuppressionsImported
from accord.domain.problems import Problem
from accord.domain.terms import (
    DAY,
    HOUR,
    BrandId,
    Identifier,
    IdentifierKind,
    Instant,
    ListKind,
    Outcome,
    PointFact,
    Recorder,
    RefusalKind,
)
from accord.ledger.lookup import FIRST_EPOCH
from accord.service import pepper_rotation
from accord.service.answers import Authorized, Result, Written
from accord.service.errors import CallError
from accord.service.past import Then
from accord.service.pepper_rotation import PepperRotation

IDS = [Identifier(IdentifierKind.CUSTOMER_ID, name) for name in ("ada", "bob", "cyd")]
MAILS = [Identifier(IdentifierKind.EMAIL, f"{name}@example.com") for name in ("a", "b", "c")]
PHONE = Identifier(IdentifierKind.PHONE, "+33612345678")
POINTS = [*MAILS, PHONE]
KEYS = [*IDS, *POINTS]
PURPOSES = ("marketing.cart", "marketing.birthday")
QUESTIONS = [
    *(say.Question(customer=who, purpose=PURPOSES[0], channel=on) for who in KEYS for on in ("email", "sms")),
    *(
        say.Question(customer=who, purpose=PURPOSES[1], channel="email", contact_point=mail)
        for who in IDS
        for mail in MAILS
    ),
]
CONTACTS = ["c1", "c2", "c3"]
JUSTIFICATION = Justification(reason="one person")


class TurningPeppers:
    """Peppers of which the next is made when it is asked for."""

    def __init__(self) -> None:
        self.known = {FIRST_EPOCH: SECRETS.pepper}

    def of(self, epoch: int) -> bytes:
        return self.known[epoch]

    def newest(self) -> int:
        return max(self.known)

    def make(self, epoch: int) -> None:
        self.known.setdefault(epoch, bytes([epoch]) * 32)


class CutOffError(BaseException):
    """The process that rotated was killed."""


class Mortal:
    """Peppers and a store for one rotation: after so many calls each further one fails, like those of a killed process.

    The last call does its work first where it is `late`. `beside` is called before another call: what others do.
    """

    def __init__(self, whole: Any, calls: int, *, late: bool, beside: Callable[[], None], before_call: int) -> None:
        self._whole = whole
        self._left = calls
        self._late = late
        self._beside = beside
        self._before_call = before_call

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *told: self._call(getattr(self._whole, name), *told)

    @contextmanager
    def write(self, brand: BrandId) -> Iterator[Any]:
        with self._call(self._whole.write, brand) as writing:
            moving = SimpleNamespace(head=writing.head)
            moving.move_lookups = lambda *told: self._call(writing.move_lookups, *told, alone=True)
            yield moving

    def _call(self, real: Callable[..., Any], *told: Any, alone: bool = False) -> Any:
        self._left -= 1
        if not alone and self._before_call >= 0:
            self._before_call -= 1
            if self._before_call < 0:
                self._beside()
        if self._left < 0 or (self._left == 0 and not self._late):
            self._left = 0
            self._late = False
            raise CutOffError
        found = real(*told)
        if self._left == 0:
            self._late = False
            if isinstance(found, AbstractContextManager):
                return found  # it dies inside
            raise CutOffError
        return found


class Side:
    """One of the two installations, with a source of chance of its own."""

    def __init__(self, kind: StoreKind, databases: Databases, folder: Path) -> None:
        self.clock = HandClock()
        self.peppers = TurningPeppers()
        self.chance = random.Random(1)
        self.parts = open_parts(kind, databases, folder)
        self.it = self._open()

    def _open(self) -> Installation:
        made = Installation(self.parts, self.clock, peppers=self.peppers)
        made.writer.start()
        return made

    def restart(self) -> None:
        """Let another process take the place of the one there was."""
        self.it.writer.stop()
        self.it = self._open()

    def close(self) -> None:
        self.it.writer.stop()
        self.parts.close()


class Rotate(NamedTuple):
    """Stands for a rotation, whole or cut off after so many calls, beside which a command is told."""

    cut_off_after: int
    late: bool
    beside: "Deed"
    before_call: int


Deed = Callable[[Installation], Any]


class Chance(random.Random):
    """Chooses what is told."""

    def key(self) -> Identifier:
        return self.choice([*IDS, *IDS, *POINTS])

    def declaration(self, clock: Instant, recorder: Recorder) -> say.Declaration:
        act_time = Instant(clock - self.choice([0, HOUR, DAY]))
        return replace(said(self.choice(["web", "web", "qr", "form"])), recorder=recorder, act_time=act_time)

    def grant(self, clock: Instant, recorder: Recorder = Recorder.SYSTEM) -> say.Command:
        evidence = self.declaration(clock, recorder)
        return say.Grant(customer=self.key(), contact_point=self.choice([None, None, *POINTS]), evidence=evidence)

    def refuse(self, clock: Instant, recorder: Recorder = Recorder.SYSTEM) -> say.Command:
        point = self.choice([None, None, *POINTS])
        return say.Refuse(
            kind=self.choice([RefusalKind.REFUSED, RefusalKind.WITHDRAWN, RefusalKind.OBJECTED]),
            customer=self.key(),
            evidence=self.declaration(clock, recorder),
            purpose=self.choice(["", "marketing", *PURPOSES]),
            channel={None: "", PHONE: "sms"}.get(point, "email"),
            contact_point=point,
        )

    def link(self, _: Instant) -> say.Command:
        kind = self.choice([say.Link, say.Link, say.Unlink])
        return kind(customer=self.choice(IDS), contact_point=self.choice(POINTS))

    def fact(self, _: Instant) -> say.Command:
        return say.ReportContactPoint(contact_point=self.choice(POINTS), fact=self.choice(list(PointFact)))

    def group(self, _: Instant) -> say.Command:
        if self.random() < 0.6:
            return say.Merge(customers=tuple(self.sample(IDS, 2)), justification=JUSTIFICATION)
        return say.Split(customer=self.choice(IDS), justification=JUSTIFICATION)

    def contact(self, _: Instant) -> say.Command:
        if self.random() < 0.7:
            return say.AuthorizeContact(contact_id=self.choice(CONTACTS), question=self.choice(QUESTIONS))
        return say.ReportContact(contact_id=self.choice(CONTACTS), outcome=self.choice([Outcome.SENT, Outcome.FAILED]))

    def imported(self, clock: Instant) -> say.Command:
        record: Any = self.choice([self.grant, self.refuse])(clock, Recorder.IMPORT)
        return say.Import(record=record)

    def command(self, clock: Instant) -> Deed:
        often = [self.grant, self.grant, self.grant, self.refuse, self.link, self.link, self.fact]
        command = self.choice([*often, self.group, self.contact, self.contact, self.imported])(clock)
        name = f"r{self.randrange(40)}"
        return lambda it: it.writer.write(BRAND, [it.request(command, name, repr(command).encode())])

    def erasure(self, _: Instant) -> Deed:
        asked = asked_erasure(self.key(), erasure_id=self.randbytes(16), keep_suppression=self.random() < 0.7)
        return lambda it: it.erasures.ask(BRAND, asked).erasure.customers

    def suppression(self, clock: Instant) -> Deed:
        told = SuppressionsImported(
            list="fr.bloctel",
            kind=ListKind.REGISTRY,
            listed_time=Instant(clock - self.randrange(1, 1000)),
            sha256=self.randbytes(32).hex(),
            lines=2,
            complete=self.random() < 0.5,
        )
        addresses = self.sample(POINTS, self.randrange(1, 3))

        def listing(it: Installation) -> Any:
            begun = it.lists.begin(BRAND, "officer", told)
            added = it.lists.add(BRAND, "officer", begun, addresses)
            ended = it.lists.end(BRAND, "officer", begun, 10)
            return added, ended.listed, ended.taken_off, ended.stay_on

        return listing

    def deed(self, clock: Instant) -> Deed:
        return self.choice([*[self.command] * 10, self.erasure, self.suppression])(clock)

    def step(self) -> Callable[[Instant], Any]:
        """Return what turns now into a deed, a rotation, or None for a restart."""
        which = self.random()
        if which < 0.72:
            return self.deed
        if which < 0.76:
            return lambda _: None
        return lambda clock: Rotate(
            cut_off_after=self.choice([99, self.randrange(1, 14), self.randrange(1, 14)]),
            late=self.random() < 0.5,
            beside=self.deed(clock),
            before_call=self.randrange(12),
        )


histories = st.lists(st.integers(0, 2**32).map(lambda number: Chance(number).step()), min_size=6, max_size=40)


class Pair:
    """Two installations that are told the same."""

    def __init__(self, kind: StoreKind, databases: Databases, folder: Path) -> None:
        self.plain = Side(kind, databases, folder / "plain")
        self.turning = Side(kind, databases, folder / "turning")
        self.rotated = 0

    def tell(self, deed: Deed) -> None:
        """Let both be told, and answer the same."""
        assert _told(self.turning, deed) == _told(self.plain, deed)

    def rotate(self, asked: Rotate) -> None:
        """Rotate the one, and tell both what comes beside."""
        side = self.turning
        beside = [asked.beside]

        def beside_once() -> None:
            self.tell(beside.pop())

        lives = {"late": asked.late, "beside": beside_once, "before_call": asked.before_call}
        mortal: Any = Mortal(_Everything(side), asked.cut_off_after, **lives)
        try:
            PepperRotation(mortal, mortal, side.it.lookups, side.it.keyring).rotate(lambda _: None)
            self.rotated += 1
        except CutOffError:
            side.restart()
        for each in beside:
            self.tell(each)

    def finish(self) -> None:
        """Finish whatever was cut off, and find no trace of any pepper but the newest."""
        side = self.turning
        PepperRotation(side.parts.store, side.peppers, side.it.lookups, side.it.keyring).rotate(lambda _: None)
        for epoch in range(FIRST_EPOCH, side.peppers.newest()):
            old = [side.it.lookups.of(epoch).identifier(BRAND, each) for each in KEYS]
            assert not _digests(side) & set(old)
        digests = {lookup for lookup, _ in _rows(side)}
        with side.parts.store.write(BRAND) as writing:
            assert not digests or writing.move_lookups(99, 99, ()) >= len(digests), "no way leads to the new digests"

    def require_alike(self) -> None:
        """Compare all that can be asked, and the ledgers themselves."""
        assert _answers(self.turning.it) == _answers(self.plain.it)
        turned, plain = self.turning.it.audit(), self.plain.it.audit()
        assert (turned.faults, turned.root) == (plain.faults, plain.root) == ((), plain.root)


class _Everything:
    """The store and the peppers of a side as one, to be killed at any call of either."""

    def __init__(self, side: Side) -> None:
        self._store = side.parts.store
        self.make = side.peppers.make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _told(side: Side, deed: Deed) -> Any:
    _current.append(side.chance)
    try:
        found = deed(side.it)
    except CallError as error:
        return error.problem
    finally:
        _current.pop()
    return [_in_short(each) for each in found] if isinstance(found, list) else found


_current: list[random.Random] = []
"""The source of chance of the side that is told something; none while a rotation is at work, which needs none."""


def _randbytes(count: int) -> bytes:
    return _current[-1].randbytes(count)


def _in_short(result: Result) -> Any:
    match result:
        case Written():
            return [(receipt.position, receipt.leaf_hash) for receipt in result.receipts], result.status
        case Authorized():
            return result.authorization.decision, result.receipt
        case Problem():
            return result


def _answers(it: Installation) -> list[Any]:
    then = Then(as_of=it.clock())
    it.clock.advance(1)
    found: list[Any] = [_asked(lambda each=each: it.questions.check(BRAND, each).decision) for each in QUESTIONS]
    found += it.questions.batch_check(BRAND, QUESTIONS)[1]
    found += [_asked(lambda each=each: it.past_questions.check(BRAND, each, then).decision) for each in QUESTIONS[::5]]
    found += [_asked(lambda each=each: _history(it, each)) for each in KEYS]
    return found


def _asked(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except CallError as error:
        return error.problem


def _history(it: Installation, key: Identifier) -> list[Any]:
    return [(each.entry.position, each.payload) for each in it.remembered.history(BRAND, key, 1, 100).entries]


def _rows(side: Side) -> list[tuple[bytes, bytes]]:
    store = side.parts.store
    held = [(each.lookup, ref) for ref, row in store.all_customers(BRAND) for each in row.identifiers]
    points = [(lookup, b"") for lookup, _ in store.all_points(BRAND)]
    return [*held, *points, *store.all_former_holders(BRAND)]


def _digests(side: Side) -> set[bytes]:
    store = side.parts.store
    known = {each.lookup for known in store.all_known(BRAND) for each in known.addresses}
    listed = {row.lookup for _, row in store.all_listings(BRAND)}
    return {lookup for lookup, _ in _rows(side)} | known | listed


def holds(kind: StoreKind, databases: Databases, folder: Path, history: list[Any]) -> None:
    pair = Pair(kind, databases, folder)
    try:
        pair.tell(lambda it: it.write(say.ApplyCatalogue(catalogue=replace(CATALOGUE, caps=()))))
        for step in history:
            for clock in (pair.plain.clock, pair.turning.clock):
                clock.advance(HOUR)
            told = step(pair.plain.clock())
            if told is None:
                pair.turning.restart()
            elif isinstance(told, Rotate):
                pair.rotate(told)
                pair.require_alike()
            else:
                pair.tell(told)
        pair.require_alike()
        pair.finish()
        pair.require_alike()
    finally:
        pair.plain.close()
        pair.turning.close()


@pytest.fixture(autouse=True, scope="module")
def same_chance_and_short_pages() -> Iterator[None]:
    """Let both be given the same chance, and a rotation read few entries at a time, so that it takes several calls."""
    with pytest.MonkeyPatch.context() as patch:
        chance = SimpleNamespace(urandom=_randbytes)
        for module in ("service.sitting", "service.persons", "ledger.seal", "keys.keyring"):
            patch.setattr(f"accord.{module}.os", chance)
        patch.setattr(pepper_rotation, "_PAGE", 5)
        yield


def thoroughly(examples: int, *, derandomize: bool = True) -> settings:
    return settings(
        max_examples=examples,
        derandomize=derandomize,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


@thoroughly(25)
@given(history=histories)
def test_rotations_change_no_answer_and_no_entry(databases: Databases, tmp_path: Path, history: list[Any]) -> None:
    holds("memory", databases, tmp_path, history)


@thoroughly(6)
@given(history=histories)
def test_rotations_change_no_answer_and_no_entry_on_sqlite(
    databases: Databases, tmp_path: Path, history: list[Any]
) -> None:
    holds("sqlite", databases, tmp_path, history)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
@thoroughly(400, derandomize=False)
@given(history=histories)
def test_rotations_change_nothing_anywhere(
    databases: Databases, tmp_path: Path, kind: StoreKind, history: list[Any]
) -> None:
    holds(kind, databases, tmp_path, history)
