"""Every golden decision, asked plainly and in full; the vectors are data, so that anyone can run them."""

from typing import Any

import msgspec
import pytest
from support.histories import GOLDEN, Answer, Expected, History, Vector, instant, iso, themes, vectors

from accord.domain.decide import ORDER
from accord.domain.terms import Reason

_THEMES = [*themes(GOLDEN), *themes(GOLDEN / "law")]
_VECTORS = [pytest.param(vector, id=f"{file.stem}: {vector.name}") for file in _THEMES for vector in vectors(file)]


@pytest.mark.parametrize("vector", _VECTORS)
def test_golden_decision(vector: Vector) -> None:
    history = History(vector.catalogue).tell(vector.history).give(vector.state)
    answer = history.ask(vector.ask, vector.time)
    assert _told(answer, vector.expect, history) == _plain(_in_utc(vector.expect))

    whole = history.ask(vector.ask, vector.time, full=True)
    if answer.decision is None or whole.decision is None:
        assert whole == answer
        return
    assert msgspec.structs.replace(whole.decision, trace=()) == answer.decision
    assert whole.repeat is answer.repeat
    remembered = answer.decision.reason is not Reason.CONTACT_ALREADY_REPORTED or answer.decision.positions
    if answer.decision.reason is not Reason.CUSTOMER_UNKNOWN and remembered:
        assert [step.number for step in whole.decision.trace] == [gate.number for gate in ORDER]


def test_the_golden_decisions_are_many_and_named_once() -> None:
    names = [vector.name for file in _THEMES for vector in vectors(file)]
    assert len(names) >= 300
    assert len(names) == len(set(names))


def test_the_schema_of_the_golden_decisions_is_the_one_they_are_read_by() -> None:
    assert msgspec.json.decode((GOLDEN / "schema.json").read_bytes()) == schema()


def schema() -> dict[str, Any]:
    """Return the JSON schema of a theme."""
    return _plain(msgspec.json.schema(tuple[Vector, ...]))


def _plain(told: object) -> dict[str, Any]:
    """Return a value as JSON has it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    return plain


def _told(answer: Answer, wanted: Expected, history: History) -> dict[str, Any]:
    """Return the answer in the words of a vector, as far as the vector tells it."""
    if answer.problem is not None:
        return {"problem": answer.problem.reason.value}
    decision = answer.decision
    assert decision is not None
    names = {position: name for name, position in history.positions.items()}
    found: dict[str, Any] = {
        "verdict": decision.verdict.name,
        "reason": decision.reason.name,
        "basis": decision.basis.name,
        "permission": None if decision.permission is None else names.get(decision.permission, decision.permission),
        "rests_on": [names.get(position, position) for position in decision.positions],
        "rules": [rule.id for rule in decision.rules],
        "obligations": [each.name for each in decision.obligations],
        "not_before": iso(decision.not_before) if decision.not_before else None,
        "valid_until": iso(decision.valid_until) if decision.valid_until else None,
        "repeat": answer.repeat,
    }
    return {name: found[name] for name in _plain(wanted)}


def _in_utc(wanted: Expected) -> Expected:
    """Return the expectation with its times in one form."""
    times = {
        name: iso(instant(value))
        for name in ("not_before", "valid_until")
        if isinstance(value := getattr(wanted, name), str)
    }
    return msgspec.structs.replace(wanted, **times)
