"""Who is due to be erased for having done nothing: the customer's own acts count, the brand's messages do not."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.installations import BRAND, Installation
from support.scenes import ADA_ID, BOB_ID, BOB_MAIL, CATALOGUE, grant, withdraw

from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Link,
    Merge,
    Question,
    RecordFacts,
    ReportActivity,
    ReportContact,
)
from accord.domain.events import FactsRecorded, Justification
from accord.domain.terms import DAY, ActivityKind, Identifier, IdentifierKind, Outcome
from accord.service.errors import CallError
from accord.service.retention import due_customers

DAYS = 100


def due(house: Installation) -> list[bytes]:
    return [ref for person in persons_due(house) for ref in person]


def persons_due(house: Installation) -> list[tuple[bytes, ...]]:
    return list(due_customers(BRAND, house.proven, house.store, house.policies, house.clock.now))


def ref_of(house: Installation, customer: Identifier) -> bytes:
    lookup = house.lookups.of(1).identifier(BRAND, customer)
    sight = house.store.read(BRAND, (lookup,))
    assert sight is not None
    return sight.known[lookup][0].customer_ref


@pytest.fixture
def house(installation: Installation) -> Installation:
    """Ada and Bob gave a permission on the first day."""
    installation.write(ApplyCatalogue(catalogue=replace(CATALOGUE, retention_days=DAYS)))
    installation.write(grant(), grant(BOB_ID, point=BOB_MAIL))
    return installation


def test_nobody_is_due_before_the_period_has_passed_and_all_are_after_it(house: Installation) -> None:
    house.clock.advance(DAYS * DAY)
    assert due(house) == []
    house.clock.advance(DAY)
    assert due(house) == sorted([ref_of(house, ADA_ID), ref_of(house, BOB_ID)])


ACTS: dict[str, Any] = {
    "a permission": grant(touchpoint="qr"),
    "a withdrawal": withdraw(),
    "a click": ReportActivity(customer=ADA_ID, kind=ActivityKind.CLICK),
    "a purchase": ReportActivity(customer=ADA_ID, kind=ActivityKind.PURCHASE),
    "a fact": RecordFacts(customer=ADA_ID, facts=FactsRecorded(country="FR")),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_of_their_own_keeps_them(house: Installation, act: str) -> None:
    house.clock.advance(DAYS * DAY)
    house.write(ACTS[act])
    house.clock.advance(DAY)
    assert due(house) == [ref_of(house, BOB_ID)]


def test_what_the_brand_sends_does_not(house: Installation) -> None:
    question = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
    house.clock.advance(DAYS * DAY)
    house.write(
        AuthorizeContact(contact_id="c1", question=question), ReportContact(contact_id="c1", outcome=Outcome.SENT)
    )
    house.clock.advance(DAY)
    assert len(due(house)) == 2


def test_who_only_has_a_link_counts_from_it(house: Installation) -> None:
    house.clock.advance(50 * DAY)
    who = Identifier(IdentifierKind.CUSTOMER_ID, "eve")
    house.write(Link(customer=who, contact_point=Identifier(IdentifierKind.EMAIL, "eve@example.com")))
    house.clock.advance(51 * DAY)
    assert ref_of(house, who) not in due(house)
    house.clock.advance(50 * DAY)
    assert ref_of(house, who) in due(house)


def test_who_is_merged_is_due_as_one_and_only_when_none_of_them_acted(house: Installation) -> None:
    house.write(Merge(customers=(ADA_ID, BOB_ID), justification=Justification(reason="one person")))
    both = tuple(sorted([ref_of(house, ADA_ID), ref_of(house, BOB_ID)]))
    house.clock.advance((DAYS + 1) * DAY)
    assert persons_due(house) == [both]
    house.write(ReportActivity(customer=BOB_ID, kind=ActivityKind.CLICK))
    assert persons_due(house) == []
    house.clock.advance((DAYS + 1) * DAY)
    (person,) = persons_due(house)
    assert house.erasures.retire(BRAND, person).receipt
    assert persons_due(house) == []
    assert house.audit().faults == ()


def test_a_catalogue_without_a_period_makes_nobody_due(house: Installation) -> None:
    house.write(ApplyCatalogue(catalogue=CATALOGUE))
    house.clock.advance(10_000 * DAY)
    assert due(house) == []


def test_they_are_erased_by_the_same_steps_and_due_no_more(house: Installation) -> None:
    house.clock.advance((DAYS + 1) * DAY)
    for ref in due(house):
        row = house.erasures.retire(BRAND, (ref,))
        assert "reason: RETENTION_ENDED" in row.receipt
        assert house.erasures.retire(BRAND, (ref,)).receipt
    assert due(house) == []
    assert house.audit().faults == ()


def test_a_brand_without_a_catalogue_is_told_so(installation: Installation) -> None:
    with pytest.raises(CallError):
        due(installation)
