"""Answers in the words of a golden vector, so that found and expected can be compared."""

from typing import Any

import msgspec
from support.histories import Answer, Expected, Vector, instant, iso

from accord.domain.terms import Position


def schema() -> dict[str, Any]:
    """Return the JSON schema of a theme."""
    return plain(msgspec.json.schema(tuple[Vector, ...]))


def plain(value: object) -> dict[str, Any]:
    """Return a value as JSON has it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return found


def told(answer: Answer, wanted: Expected, positions: dict[str, Position]) -> dict[str, Any]:
    """Return the answer in the words of a vector, as far as the vector tells it."""
    if answer.problem is not None:
        return {"problem": answer.problem.reason.value}
    decision = answer.decision
    assert decision is not None
    names = {position: name for name, position in positions.items()}
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
    return {name: found[name] for name in plain(wanted)}


def in_utc(wanted: Expected) -> Expected:
    """Return the expectation with its times in one form."""
    times = {
        name: iso(instant(value))
        for name in ("not_before", "valid_until")
        if isinstance(value := getattr(wanted, name), str)
    }
    return msgspec.structs.replace(wanted, **times)
