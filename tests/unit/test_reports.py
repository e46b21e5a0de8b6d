"""Counts over time: what is counted as what, under which sides, over which days, and that nobody is named."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from support.installations import BRAND, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, BOB_ID, BOB_MAIL, CATALOGUE, ask_to_confirm, click, grant, said, withdraw

from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Command, Question, Refuse
from accord.domain.problems import ErrorReason
from accord.domain.tally import OF_REFUSAL, Cell, Dimension, Measure, Period, start_of
from accord.domain.terms import DAY, HOUR, Identifier, IdentifierKind, Instant, Position, Reason, RefusalKind
from accord.service import reports
from accord.service.answers import Authorized, Written
from accord.service.errors import CallError
from accord.service.reports import Counted, Wished

FIRST_DAY = date(2026, 1, 2)
ALL = frozenset(Dimension)


@pytest.fixture
def house() -> Iterator[Installation]:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    made.write(ApplyCatalogue(catalogue=CATALOGUE))
    yield made
    made.close()


def tell(house: Installation, *commands: Command) -> list[Position]:
    results = house.write(*commands)
    assert all(isinstance(each, Written) for each in results), results
    return [each.receipts[0].position for each in results if isinstance(each, Written)]


def refuse(kind: RefusalKind, customer: Identifier = ADA_ID, **scope: str) -> Refuse:
    return Refuse(kind=kind, customer=customer, evidence=said(), **scope)


def ask(contact_id: str, purpose: str = "marketing.cart") -> AuthorizeContact:
    question = Question(customer=ADA_ID, purpose=purpose, channel="email")
    return AuthorizeContact(contact_id=contact_id, question=question)


def count(house: Installation, **wished: object) -> dict[Cell, int]:
    """Return the counts of every page, added up."""
    counts: Counter[Cell] = Counter()
    start: Position | None = None
    while True:
        page = house.reports.count(BRAND, Wished(**wished), start)  # type: ignore[arg-type]
        counts.update(page.counts)
        if page.next_position is None:
            return dict(counts)
        start = page.next_position


def confirm(house: Installation, pending: Position) -> None:
    """Ask for the confirmation of a permission, and click its link."""
    (asked,) = house.write(ask_to_confirm(pending))
    assert isinstance(asked, Authorized)
    tell(house, click(asked.confirmation_token))


def by_measure(counts: dict[Cell, int]) -> dict[Measure, int]:
    found: Counter[Measure] = Counter()
    for cell, number in counts.items():
        found[cell.measure] += number
    return dict(found)


def test_each_kind_of_entry_is_counted_as_what_it_is(house: Installation) -> None:
    (pending,) = tell(house, grant(touchpoint="form"))
    confirm(house, pending)
    house.write(ask("c1"))
    tell(house, *(refuse(kind, purpose="marketing.birthday") for kind in OF_REFUSAL), withdraw())
    house.write(ask("c2"))
    assert by_measure(count(house)) == {
        Measure.GIVEN: 1,
        Measure.CONFIRMED: 1,
        Measure.AUTHORIZED: 2,  # a request for confirmation is a contact as well
        Measure.REFUSED: 1,
        Measure.WITHDRAWN: 2,
        Measure.OBJECTED: 1,
        Measure.DENIED: 1,
    }


def test_what_names_several_channels_counts_once_under_each(house: Installation) -> None:
    tell(house, grant(point=None))
    counts = count(house, dimensions=frozenset({Dimension.CHANNEL, Dimension.PURPOSE}))
    assert {(cell.channel, cell.purpose): number for cell, number in counts.items()} == {
        (channel, purpose): 1 for channel in ("email", "sms") for purpose in ("marketing.cart", "marketing.birthday")
    }


def test_every_side_is_told_where_it_is_asked_for(house: Installation) -> None:
    tell(house, grant(), refuse(RefusalKind.REFUSED, BOB_ID, purpose="marketing", channel="sms"))
    house.write(ask("c1", "marketing.birthday"))
    counts = count(house, dimensions=ALL)
    assert Cell(FIRST_DAY, Measure.GIVEN, "web", "email", "marketing.cart", "n1") in counts
    assert Cell(FIRST_DAY, Measure.REFUSED, "web", "sms", "marketing") in counts
    assert Cell(FIRST_DAY, Measure.AUTHORIZED, "", "email", "marketing.birthday") in counts


def test_a_confirmation_counts_under_the_sides_of_what_it_confirms(house: Installation) -> None:
    (pending,) = tell(house, grant(touchpoint="form"))
    confirm(house, pending)
    counts = count(house, dimensions=frozenset({Dimension.PURPOSE, Dimension.TOUCHPOINT}))
    confirmed = [cell for cell in counts if cell.measure is Measure.CONFIRMED]
    assert {(cell.touchpoint, cell.purpose) for cell in confirmed} == {
        ("form", "marketing.cart"),
        ("form", "marketing.birthday"),
    }


def test_a_denial_counts_by_its_reason_and_names_nobody(house: Installation) -> None:
    house.write(ask("c1"), ask("c2"), ask("c3"))
    counts = count(house, dimensions=frozenset({Dimension.REASON, Dimension.CHANNEL}))
    assert counts == {Cell(FIRST_DAY, Measure.DENIED, channel="email", reason=Reason.CUSTOMER_UNKNOWN): 3}


def test_pages_add_up_to_the_whole(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        tell(house, grant(Identifier(IdentifierKind.CUSTOMER_ID, f"c{number}"), point=None))
        house.write(ask(f"x{number}"))
        house.clock.advance(DAY)
    whole = count(house, dimensions=ALL)
    assert len(whole) > 14
    monkeypatch.setattr(reports, "ENTRIES_A_PAGE", 3)
    monkeypatch.setattr(reports, "_BATCH", 2)
    assert count(house, dimensions=ALL) == whole


def test_only_what_was_recorded_in_time_is_counted(house: Installation) -> None:
    for number in range(5):
        tell(house, grant(Identifier(IdentifierKind.CUSTOMER_ID, f"c{number}"), point=None))
        house.write(ask(f"x{number}"))
        house.clock.advance(DAY)
    found = count(house, recorded_from=Instant(START + DAY), recorded_until=Instant(START + 3 * DAY))
    assert {(cell.start.day, cell.measure) for cell in found} == {
        (3, Measure.GIVEN),
        (4, Measure.GIVEN),
        (3, Measure.DENIED),
        (4, Measure.DENIED),
        (5, Measure.DENIED),
    }, "denials are counted by whole days that began before the end"
    assert count(house, recorded_from=Instant(START + 9 * DAY)) == {}


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", 2), ("Europe/Paris", 3), ("America/Los_Angeles", 2), ("Asia/Kathmandu", 3)]
)
def test_days_are_those_of_the_zone(house: Installation, zone: str, day: int) -> None:
    house.clock.advance(13 * HOUR + HOUR // 2)
    assert datetime.fromtimestamp(house.clock.now / 1e6, UTC).hour == 23
    tell(house, grant())
    (cell,) = count(house, time_zone=zone)
    assert cell.start == date(2026, 1, day)


def test_a_day_lies_in_its_week_from_monday_and_in_its_month() -> None:
    assert start_of(date(2026, 1, 2), Period.DAY) == date(2026, 1, 2)
    assert start_of(date(2026, 1, 2), Period.WEEK) == date(2025, 12, 29)
    assert start_of(date(2026, 1, 5), Period.WEEK) == date(2026, 1, 5)
    assert start_of(date(2026, 1, 31), Period.MONTH) == date(2026, 1, 1)


def test_an_entry_whose_key_is_gone_is_counted_by_what_its_leaf_shows(house: Installation) -> None:
    tell(house, grant(), withdraw(), grant(BOB_ID, point=BOB_MAIL))
    keys = house.parts.wrapped_keys
    assert isinstance(keys, MemoryWrappedKeys)
    ref = house.store.entries(BRAND, 1, 1)[0].customer_ref
    for name in [name for name in keys.keys if name[1] == ref]:
        del keys.keys[name]
    found: Counted = house.reports.count(BRAND, Wished(dimensions=frozenset({Dimension.TOUCHPOINT})))
    assert found.unreadable == 2
    assert {(cell.measure, cell.touchpoint): number for cell, number in found.counts.items()} == {
        (Measure.GIVEN, "web"): 1,
        (Measure.GIVEN, ""): 1,
        (Measure.SAID_NO, ""): 1,
    }


def test_a_brand_without_ledger_has_no_counts(house: Installation) -> None:
    with pytest.raises(CallError) as raised:
        house.reports.count(BRAND.__class__("another"), Wished())
    assert raised.value.problem.reason is ErrorReason.CATALOGUE_MISSING
