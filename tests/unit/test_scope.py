"""Scope is a set of cells: a refusal flows down, a permission never does."""

from itertools import product

import pytest

from accord.domain.catalogue import covers
from accord.domain.scope import Cell, Granted, Refused, code, includes, permits, reaches_all, refuses

NEWS, BIRTHDAY, PROFILE = "marketing.newsletter", "marketing.birthday", "profiling.recommendation"
SKU1, SKU2, ACME = code("sku-1"), code("sku-2"), code("acme")


@pytest.mark.parametrize(
    ("branch", "purpose", "held"),
    [
        ("", NEWS, True),
        ("marketing", NEWS, True),
        (NEWS, NEWS, True),
        ("market", NEWS, False),
        ("marketing.news", NEWS, False),
        (NEWS + ".weekly", NEWS, False),
        ("alert", NEWS, False),
    ],
)
def test_a_branch_holds_what_stands_below_it(branch: str, purpose: str, held: bool) -> None:  # noqa: FBT001
    assert covers(branch, purpose) is held


def test_codes_are_eight_bytes_and_nothing_for_nothing() -> None:
    assert len(SKU1) == 8
    assert SKU1 != SKU2
    assert code("") == b""


def test_the_codes_of_topics_and_third_parties_are_frozen() -> None:
    assert code("sku-1").hex() == "b7601ed3f4b4fd1c"


@pytest.mark.parametrize(
    ("granted", "cell", "listed"),
    [
        (Granted((NEWS,), ("email",)), Cell(NEWS, "email"), True),
        (Granted((NEWS,), ("email",)), Cell(NEWS, "sms"), False),
        (Granted((NEWS,), ("email",)), Cell(BIRTHDAY, "email"), False),
        (Granted(("marketing",), ("email",)), Cell(NEWS, "email"), False),
        (Granted((NEWS,), ("email",)), Cell(NEWS, "email", (1, 2)), True),
        (Granted((NEWS,), ("email",), 1), Cell(NEWS, "email", (1,)), True),
        (Granted((NEWS,), ("email",), 1), Cell(NEWS, "email", (1, 2)), False),
        (Granted((NEWS,), ("email",), 1), Cell(NEWS, "email", (2,)), False),
        (Granted((NEWS,), ("email",), 1), Cell(NEWS, "email"), False),
        (Granted((NEWS,), ("email",), topics=(SKU1,)), Cell(NEWS, "email", topic=SKU1), True),
        (Granted((NEWS,), ("email",), topics=(SKU1,)), Cell(NEWS, "email", topic=SKU2), False),
        (Granted((NEWS,), ("email",), topics=(SKU1,)), Cell(NEWS, "email"), False),
        (Granted((NEWS,), ("email",)), Cell(NEWS, "email", topic=SKU1), True),
        (Granted((NEWS,), ("email",), places=("store:lyon",)), Cell(NEWS, "email", place="store:lyon"), True),
        (Granted((NEWS,), ("email",), places=("store:lyon",)), Cell(NEWS, "email", place="store:paris"), False),
        (Granted((PROFILE,), ("",)), Cell(PROFILE, ""), True),
        (Granted((PROFILE,), ("",)), Cell(NEWS, "email"), False),
    ],
)
def test_a_permission_lists_exactly_its_cells(granted: Granted, cell: Cell, listed: bool) -> None:  # noqa: FBT001
    assert permits(granted, cell) is listed


@pytest.mark.parametrize(
    ("refused", "cell", "reached"),
    [
        (Refused(), Cell(NEWS, "email"), True),
        (Refused(), Cell(PROFILE, ""), True),
        (Refused("marketing"), Cell(NEWS, "email"), True),
        (Refused("marketing"), Cell("marketing.added_later", "email"), True),
        (Refused(NEWS), Cell(BIRTHDAY, "email"), False),
        (Refused("", "email"), Cell(NEWS, "email"), True),
        (Refused("", "email"), Cell(NEWS, "sms"), False),
        (Refused("", "email"), Cell(PROFILE, ""), False),
        (Refused(topic=SKU1), Cell(NEWS, "email", topic=SKU1), True),
        (Refused(topic=SKU1), Cell(NEWS, "email", topic=SKU2), False),
        (Refused(topic=SKU1), Cell(NEWS, "email"), False),
        (Refused(place="store:lyon"), Cell(NEWS, "email", place="store:paris"), False),
        (Refused(recipient=ACME), Cell(NEWS, "email", recipient=ACME), True),
        (Refused(recipient=ACME), Cell(NEWS, "email"), False),
    ],
)
def test_a_refusal_reaches_every_cell_below_what_it_names(refused: Refused, cell: Cell, reached: bool) -> None:  # noqa: FBT001
    assert refuses(refused, cell) is reached


GRANTS = [
    Granted(purposes, channels, point, topics, places, recipients)
    for purposes, channels in (
        ((NEWS,), ("email",)),
        ((BIRTHDAY, NEWS), ("email", "sms")),
        ((PROFILE,), ("",)),
        ((NEWS, PROFILE), ("", "email")),
    )
    for point, topics, places, recipients in product(
        (0, 1), ((), (SKU1,), (SKU1, SKU2)), ((), ("store:lyon",)), ((), (ACME,))
    )
]
CELLS = [
    Cell(purpose, channel, points, topic, place, recipient)
    for purpose, channel in ((NEWS, "email"), (NEWS, "sms"), (BIRTHDAY, "email"), (BIRTHDAY, "sms"), (PROFILE, ""))
    for points, topic, place, recipient in product(
        ((1,), (2,), (1, 2), ()), (b"", SKU1, SKU2), ("", "store:lyon", "store:paris"), (b"", ACME)
    )
]
REFUSALS = [
    Refused(*parts)
    for parts in product(
        ("", "marketing", NEWS, "profiling"), ("", "email"), (b"", SKU1), ("", "store:lyon"), (b"", ACME)
    )
]


def carried(granted: Granted, cell: Cell) -> bool:
    """Say whether a permission carries a cell, third party and all."""
    named = cell.recipient in granted.recipients if granted.recipients else not cell.recipient
    return permits(granted, cell) and named


def test_what_includes_another_permission_carries_every_cell_it_carries() -> None:
    for wide, narrow in product(GRANTS, GRANTS):
        if includes(wide, narrow):
            missing = [cell for cell in CELLS if carried(narrow, cell) and not carried(wide, cell)]
            assert not missing, (wide, narrow, missing[0])


def test_every_permission_includes_itself() -> None:
    assert all(includes(granted, granted) for granted in GRANTS)


def test_a_refusal_said_to_reach_all_of_a_permission_reaches_every_cell_of_it() -> None:
    for refused, granted in product(REFUSALS, GRANTS):
        if reaches_all(refused, granted):
            missing = [cell for cell in CELLS if carried(granted, cell) and not refuses(refused, cell)]
            assert not missing, (refused, granted, missing[0])


def test_a_refusal_of_everything_reaches_all_of_every_permission() -> None:
    assert all(reaches_all(Refused(), granted) for granted in GRANTS)
