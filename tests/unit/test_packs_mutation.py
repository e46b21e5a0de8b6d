"""Every parameter of every rule matters: change any, and at least one golden vector of the law tells.

A date or a number moved by one, a switch turned, an item taken off a list, a rule dropped: each makes
an edition that is not the law, and it must not pass.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.answers import in_utc, plain, told
from support.duties import kept_as_told
from support.histories import GOLDEN, Answer, History, Vector, instant, question_of, vectors
from support.replies import all_read_as_told

from accord.domain import policy
from accord.domain.decide import decide
from accord.domain.decision import Customer
from accord.domain.packs import EDITIONS, Edition, edition
from accord.domain.policy import Policy
from accord.domain.rules import DutyRule, LawRule, Pack, Reach, ReplyRule, Window
from accord.domain.terms import ActivityKind, Basis, Obligation

NEWEST = edition(EDITIONS[-1])
WORDS = {"id", "legal_source", "reviewed", "en", "fr", "starts"}
"""What a rule says to people; no answer follows from it, nor from the class of what decides no contact."""

DECIDES_NOTHING = (DutyRule, ReplyRule)


class Prepared:
    """A vector whose history was told once: only the question depends on the packs."""

    def __init__(self, vector: Vector) -> None:
        self.vector = vector
        self.expected = plain(in_utc(vector.expect))
        self.depends = any(step.authorize for step in vector.history)
        self.history = History(vector.catalogue).tell(vector.history).give(vector.state)
        self.names = set(_rules_of(vector))

    def holds(self, packs: Edition, policies: dict[str, Policy], patch: pytest.MonkeyPatch) -> bool:
        if self.depends:
            patch.setattr(policy, "edition", lambda _name: packs)
            try:
                history = History(self.vector.catalogue).tell(self.vector.history).give(self.vector.state)
            except AssertionError:
                return False
            finally:
                patch.undo()
            law = Policy(history.policy.catalogue, history.policy.version, packs)
        else:
            history, key = self.history, str(self.history.policy.catalogue)
            law = policies.get(key) or Policy(history.policy.catalogue, history.policy.version, packs)
            policies[key] = law
        question = question_of(self.vector.ask)
        customer = history.customer(question.customer, question.contact_point)
        assert isinstance(customer, Customer)
        now = max(instant(self.vector.time), history.now)
        answer = Answer(decide(customer, question, law, now))
        return told(answer, self.vector.expect, history.positions) == self.expected


@lru_cache
def prepared(jurisdiction: str) -> tuple[Prepared, ...]:
    return tuple(Prepared(vector) for vector in vectors(GOLDEN / "law" / f"{jurisdiction}.json"))


def mutants(rule: LawRule) -> Iterator[tuple[str, LawRule | None]]:
    """Return every rule that is this one but for one thing; None for none at all."""
    yield "dropped", None
    for field in rule.__struct_fields__:
        if field in WORDS or (field == "classes" and isinstance(rule, DECIDES_NOTHING)):
            continue
        for what, value in _others(getattr(rule, field)):
            yield f"{field}: {what}", replace(rule, **{field: value})


def _others(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: C901, PLR0912 - one case for each type
    match value:
        case bool():
            yield str(not value), not value
        case date():
            for days in (-1, 1):
                yield f"{days:+} day", value + timedelta(days=days)
        case Reach.BRAND_TOO:
            yield "customer", Reach.CUSTOMER
        case Reach.CUSTOMER:
            return
        case Basis():
            yield "another basis", Basis.PERMISSION if value is not Basis.PERMISSION else Basis.SOFT_OPT_IN
        case ActivityKind():
            yield "another act", ActivityKind.ENQUIRY if value is ActivityKind.PURCHASE else ActivityKind.PURCHASE
        case Obligation():
            yield "another", Obligation.PREFER_OTHER_CHANNEL
        case int() if value:
            for more in (-1, 1):
                yield f"{more:+}", value + more
        case str() if value:
            yield "another word", "another"
        case tuple():
            for index, item in enumerate(value):
                yield f"without {item}", value[:index] + value[index + 1 :]
                if isinstance(item, Window):
                    for what, window in _other_windows(item):
                        yield what, (*value[:index], window, *value[index + 1 :])
        case _:
            return


def _other_windows(window: Window) -> Iterator[tuple[str, Window]]:
    for name in ("from_", "until"):
        hour, minute = map(int, getattr(window, name).split(":"))
        for more in (-1, 1):
            moved = hour * 60 + minute + more
            yield f"{name} {more:+} minute", replace(window, **{name: f"{moved // 60:02}:{moved % 60:02}"})
    for day in window.days:
        yield f"without day {day}", replace(window, days=tuple(other for other in window.days if other != day))


def with_rule(pack: Pack, rule: LawRule, other: LawRule | None) -> Edition:
    """Return the edition with another rule in the place of one."""
    rules = tuple(each for each in (other if each is rule else each for each in pack.rules) if each is not None)
    packs = [replace(pack, rules=rules) if each is pack else each for each in NEWEST.packs.values()]
    if other is None:
        # What it would have replaced, or been replaced by, stands as it is.
        packs = [replace(each, rules=tuple(_without(one, rule.id) for one in each.rules)) for each in packs]
    return Edition(NEWEST.name, tuple(packs))


def _without(rule: LawRule, gone: str) -> LawRule:
    if gone not in rule.replaces:
        return rule
    return replace(rule, replaces=tuple(each for each in rule.replaces if each != gone))


RULES = [pytest.param(pack, rule, id=rule.id) for pack in NEWEST.packs.values() for rule in pack.rules]


@pytest.mark.parametrize(("pack", "rule"), RULES)
def test_no_parameter_of_the_rule_can_change_unnoticed(
    pack: Pack, rule: LawRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not isinstance(rule, DutyRule) or kept_as_told(rule.id, rule)
    unnoticed = []
    for what, other in mutants(rule):
        if isinstance(rule, DutyRule):
            noticed = not kept_as_told(rule.id, other)
        elif isinstance(rule, ReplyRule):
            noticed = not all_read_as_told(with_rule(pack, rule, other), rule.id)
        else:
            noticed = _noticed(pack, rule, other, monkeypatch)
        if not noticed:
            unnoticed.append(what)
    assert unnoticed == []


def _noticed(pack: Pack, rule: LawRule, other: LawRule | None, patch: pytest.MonkeyPatch) -> bool:
    packs, policies = with_rule(pack, rule, other), dict[str, Policy]()
    told_first = sorted(prepared(pack.jurisdiction), key=lambda each: (rule.id not in each.names, each.depends))
    return any(not each.holds(packs, policies, patch) for each in told_first)


def test_the_vectors_hold_under_the_packs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    policies: dict[str, Policy] = {}
    every = chain.from_iterable(prepared(jurisdiction) for jurisdiction in NEWEST.packs)
    assert [each.vector.name for each in every if not each.holds(NEWEST, policies, monkeypatch)] == []


def test_each_jurisdiction_has_vectors_of_its_own_and_all_together_many() -> None:
    counts = {path.stem: len(vectors(path)) for path in (GOLDEN / "law").glob("*.json")}
    assert set(counts) == set(NEWEST.packs)
    assert sum(counts.values()) >= 400


def test_the_law_is_named_in_the_vectors_by_rules_that_exist() -> None:
    known = {rule.id for pack in NEWEST.packs.values() for rule in pack.rules}
    prefixes = tuple(f"{name}." for name in NEWEST.packs)
    files = (GOLDEN / "law").glob("*.json")
    named = {rule for file in files for each in vectors(file) for rule in _rules_of(each)}
    assert {rule for rule in named if rule.startswith(prefixes)} <= known


def _rules_of(vector: Vector) -> tuple[str, ...]:
    return () if vector.expect.rules is msgspec.UNSET else vector.expect.rules
