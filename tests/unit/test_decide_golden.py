"""Every golden decision, asked plainly and in full; the vectors are data, so that anyone can run them."""

import msgspec
import pytest
from support.answers import in_utc, plain, schema, told
from support.histories import GOLDEN, History, Vector, themes, vectors

from accord.domain.decide import ORDER
from accord.domain.terms import Reason

_THEMES = [*themes(GOLDEN), *themes(GOLDEN / "law")]
_VECTORS = [pytest.param(vector, id=f"{file.stem}: {vector.name}") for file in _THEMES for vector in vectors(file)]


@pytest.mark.parametrize("vector", _VECTORS)
def test_golden_decision(vector: Vector) -> None:
    history = History(vector.catalogue).tell(vector.history).give(vector.state)
    answer = history.ask(vector.ask, vector.time)
    assert told(answer, vector.expect, history.positions) == plain(in_utc(vector.expect))

    whole = history.ask(vector.ask, vector.time, full=True)
    if answer.decision is None or whole.decision is None:
        assert whole == answer
        return
    assert msgspec.structs.replace(whole.decision, trace=(), remedies=(), background=None) == answer.decision
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
