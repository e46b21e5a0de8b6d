"""What the law's answers say of time is true: they stay until `valid_until`, and wait no longer than needed."""

import pytest
from support.histories import GOLDEN, History, Vector, instant, themes, vectors

from accord.domain.decision import Decision
from accord.domain.terms import DAY, Instant, Reason, Verdict

_VECTORS = [
    pytest.param(vector, id=f"{file.stem}: {vector.name}")
    for file in themes(GOLDEN / "law")
    for vector in vectors(file)
]


def asked(history: History, vector: Vector, time: int) -> Decision:
    found = history.ask(vector.ask, Instant(time)).decision
    assert found is not None
    return found


@pytest.mark.parametrize("vector", _VECTORS)
def test_an_answer_of_the_law_stays_until_it_says_and_a_wait_ends_when_it_says(vector: Vector) -> None:
    history = History(vector.catalogue).tell(vector.history).give(vector.state)
    now = max(instant(vector.time), history.now)
    first = asked(history, vector, now)
    end = first.valid_until or now + 1000 * DAY
    steps = [now + (end - now) * part // 9 for part in range(9)]
    for time in [*steps, end - 1]:
        later = asked(history, vector, time)
        assert (later.verdict, later.reason, later.rules) == (first.verdict, first.reason, first.rules)
        assert (later.basis, later.not_before) == (first.basis, first.not_before)
    if first.verdict is Verdict.DEFER:
        assert asked(history, vector, first.not_before).verdict is Verdict.ALLOW
        waits = [now + (first.not_before - now) * part // 50 for part in range(50)]
        for time in [*waits, first.not_before - 1]:
            assert asked(history, vector, time).verdict is not Verdict.ALLOW
    if first.reason is Reason.NO_SLOT:
        assert first.valid_until > now
