"""What is held of one customer: all of it, and nothing of anyone else."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from support.installations import BRAND, START, HandClock, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, grant, said, withdraw

from accord.domain.catalogue import Level, Touchpoint
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Command,
    Link,
    Merge,
    Question,
    RecordFacts,
    Refuse,
    ReportContact,
    Unlink,
)
from accord.domain.events import FactsRecorded, Justification
from accord.domain.problems import ErrorReason
from accord.domain.terms import (
    ContactStatus,
    Identifier,
    IdentifierKind,
    Outcome,
    PermissionStatus,
    RefusalKind,
)
from accord.service.access import Summary
from accord.service.answers import Authorized, Written
from accord.service.errors import CallError

SHARED = Identifier(IdentifierKind.EMAIL, "both@example.com")


@pytest.fixture
def house() -> Iterator[Installation]:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()), HandClock())
    partners = replace(
        CATALOGUE,
        levels=(*CATALOGUE.levels, Level("partner", recipients_required=True)),
        touchpoints=(*CATALOGUE.touchpoints, Touchpoint("fair", "partner", "n1")),
    )
    made.write(ApplyCatalogue(catalogue=partners))
    yield made
    made.close()


def tell(house: Installation, *commands: Command) -> None:
    results = house.write(*commands)
    assert all(isinstance(each, Written | Authorized) for each in results), results


def summary(house: Installation, customer: Identifier = ADA_ID) -> Summary:
    return house.access.summary(BRAND, customer)


def test_everything_that_stands_is_told(house: Installation) -> None:
    tell(
        house,
        grant(),
        replace(grant(touchpoint="fair"), recipients=("Partner SA",)),
        Refuse(kind=RefusalKind.OBJECTED, customer=ADA_ID, purpose="marketing.birthday", evidence=said()),
        RecordFacts(customer=ADA_ID, facts=FactsRecorded(country="FR", birth_year=1990)),
        AuthorizeContact(
            contact_id="c1", question=Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
        ),
        ReportContact(contact_id="c1", outcome=Outcome.SENT),
    )
    found = summary(house)
    assert [each.status for each in found.permissions] == [PermissionStatus.ACTIVE] * 2
    assert [(each.mark.kind, each.mark.refused.purpose) for each in found.refusals] == [
        (RefusalKind.OBJECTED, "marketing.birthday")
    ]
    assert (found.facts.country, found.facts.birth_year) == ("FR", 1990)
    assert found.third_parties == ["Partner SA"]
    assert found.callers == ("tests",)
    assert [code for code, _ in found.purposes] == ["marketing.cart", "marketing.birthday"]
    assert (found.entries, found.erased) == (6, False)


def test_every_entry_tells_its_source_and_a_contact_how_it_stands(house: Installation) -> None:
    asked = AuthorizeContact(
        contact_id="c1", question=Question(customer=ADA_ID, purpose="service.order", channel="email")
    )
    tell(house, grant(), asked, ReportContact(contact_id="c1", outcome=Outcome.BOUNCED))
    given, authorized, reported = house.access.entries(BRAND, ADA_ID, 1, 10)
    assert given.evidence is not None
    assert given.evidence.touchpoint == "web"
    assert authorized.contact is not None
    assert (authorized.contact.contact_id, authorized.contact.status) == ("c1", ContactStatus.BOUNCED)
    assert (authorized.evidence, reported.contact) == (None, None)
    assert [each.entry.customer_version for each in house.access.entries(BRAND, ADA_ID, 2, 1)] == [2]


def test_identifiers_are_told_with_the_time_they_were_held(house: Installation) -> None:
    tell(house, grant())
    house.clock.advance(1_000_000)
    tell(house, Unlink(customer=ADA_ID, contact_point=ADA_MAIL))
    first, second = summary(house).identifiers
    assert (first.link.identifier, first.unlinked_time) == (ADA_ID, 0)
    assert (second.link.identifier, second.unlinked_time) == (ADA_MAIL, house.clock.now)
    assert START <= second.linked_time < house.clock.now


def test_what_another_holder_of_an_address_said_is_not_told(house: Installation) -> None:
    tell(house, grant(), grant(BOB_ID, point=BOB_MAIL))
    tell(house, Link(customer=ADA_ID, contact_point=SHARED), Link(customer=BOB_ID, contact_point=SHARED))
    stop = Refuse(kind=RefusalKind.WITHDRAWN, customer=BOB_ID, contact_point=SHARED, evidence=said())
    tell(house, stop)
    assert len(house.remembered.permissions(BRAND, ADA_ID)) == 2, "it binds her"
    assert summary(house).refusals == ()
    assert [each.one_address for each in summary(house, BOB_ID).refusals] == [True]
    assert {each.link.value for each in summary(house).identifiers} == {"ada", "ada@example.com", "both@example.com"}
    refs = {each.entry.customer_ref for each in house.access.entries(BRAND, ADA_ID, 1, 100)}
    assert len(refs) == 1


def test_the_same_no_of_both_holders_is_told_to_each(house: Installation) -> None:
    tell(house, Link(customer=ADA_ID, contact_point=SHARED), Link(customer=BOB_ID, contact_point=SHARED))
    for who in (ADA_ID, BOB_ID):
        tell(house, Refuse(kind=RefusalKind.WITHDRAWN, customer=who, contact_point=SHARED, evidence=said()))
    for who in (ADA_ID, BOB_ID):
        (refusal,) = summary(house, who).refusals
        own = [each.entry.position for each in house.access.entries(BRAND, who, 1, 100)]
        assert refusal.mark.position in own


def test_an_address_of_two_is_told_of_neither(house: Installation) -> None:
    tell(house, Link(customer=ADA_ID, contact_point=SHARED), Link(customer=BOB_ID, contact_point=SHARED))
    for ask in (lambda: summary(house, SHARED), lambda: house.access.entries(BRAND, SHARED, 1, 10)):
        with pytest.raises(CallError) as raised:
            ask()
        assert raised.value.problem.reason is ErrorReason.CUSTOMER_AMBIGUOUS
        assert "name one by customer_id" in raised.value.problem.message


def test_of_who_is_merged_it_is_told_what_the_member_has_whom_the_key_names(house: Installation) -> None:
    tell(house, grant(), Link(customer=BOB_ID, contact_point=SHARED))
    alone = [each.entry for who in (ADA_ID, BOB_ID) for each in house.access.entries(BRAND, who, 1, 10)]
    tell(house, Merge(customers=(ADA_ID, BOB_ID), justification=Justification(reason="same person")))
    merged = [each.entry for who in (ADA_ID, BOB_ID) for each in house.access.entries(BRAND, who, 1, 10)]
    assert [each for each in merged if each in alone] == alone
    assert len(merged) == len(alone) + 2
    assert (len(summary(house, ADA_ID).permissions), len(summary(house, BOB_ID).permissions)) == (1, 0)
    assert len(house.remembered.permissions(BRAND, BOB_ID)) == 1
    tell(house, Link(customer=ADA_ID, contact_point=SHARED))
    with pytest.raises(CallError, match="2 customers"):
        summary(house, SHARED)


def test_of_somebody_unknown_it_is_said_that_nobody_is_known(house: Installation) -> None:
    with pytest.raises(CallError) as raised:
        summary(house, Identifier(IdentifierKind.CUSTOMER_ID, "nobody"))
    assert raised.value.problem.reason is ErrorReason.CUSTOMER_UNKNOWN


def test_without_the_key_the_entries_are_listed_and_said_to_be_unreadable(house: Installation) -> None:
    tell(house, grant(), withdraw())
    keys = house.parts.wrapped_keys
    assert isinstance(keys, MemoryWrappedKeys)
    ref = house.access.entries(BRAND, ADA_ID, 1, 1)[0].entry.customer_ref
    for name in [name for name in keys.keys if name[1] == ref]:
        del keys.keys[name]
    found = summary(house)
    assert (found.entries, found.erased) == (2, True)
    assert (found.identifiers, found.callers, found.third_parties) == ((), (), [])
    assert [each.opened for each in house.access.entries(BRAND, ADA_ID, 1, 10)] == [None, None]
