"""Why a contact was made: everything it rested on, what was shown, and what remains where a key is gone."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from support.installations import BRAND, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, BOB_ID, CATALOGUE, ask_to_confirm, click, grant

from accord.domain.catalogue import BasisRule
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Question,
    RecordFacts,
    ReportActivity,
    ReportContact,
)
from accord.domain.events import (
    CatalogueApplied,
    ContactAuthorized,
    ContactReported,
    Event,
    FactsRecorded,
    PermissionGranted,
)
from accord.domain.policy import Rule
from accord.domain.problems import ErrorReason
from accord.domain.terms import (
    ActivityKind,
    Basis,
    ContactStatus,
    Identifier,
    Method,
    Outcome,
    Position,
    PurposeClass,
)
from accord.proof.merkle import verify_inclusion
from accord.service.answers import Authorized, Written
from accord.service.errors import CallError
from accord.service.explanations import Explanation

RULE = BasisRule("permission", Basis.PERMISSION, PurposeClass.MARKETING, legal_source="GDPR art. 6(1)(a)")
SOFT = BasisRule(
    "known", Basis.SOFT_OPT_IN, PurposeClass.MARKETING, purchase_within_days=90, legal_source="2002/58/EC art. 13(2)"
)


@pytest.fixture
def house() -> Iterator[Installation]:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    made.write(ApplyCatalogue(catalogue=replace(CATALOGUE, bases=(RULE, SOFT))))
    yield made
    made.close()


def written(house: Installation, *commands: object) -> list[Position]:
    """Write commands that must all be taken, and return where their entries stand."""
    results = house.write(*commands)  # type: ignore[arg-type]
    assert all(isinstance(each, Written) for each in results), results
    return [each.receipts[0].position for each in results if isinstance(each, Written)]


def contact(house: Installation, contact_id: str = "c1", customer: Identifier = ADA_ID, **asked: str) -> Position:
    """Have a contact authorised, and return where it stands."""
    sides = {"purpose": "marketing.cart", "channel": "email"} | asked
    command = AuthorizeContact(contact_id=contact_id, question=Question(customer=customer, **sides))
    (result,) = house.write(command)
    assert isinstance(result, Authorized), result
    assert result.receipt, result
    return result.receipt.position


def explain(house: Installation, contact_id: str = "c1") -> Explanation:
    return house.explanations.explain(BRAND, contact_id)


def told(found: Explanation) -> list[tuple[Position, type[Event] | None]]:
    """Return the entries of an explanation, with what they tell."""
    return [(each.entry.position, type(each.opened.payload.event) if each.opened else None) for each in found.entries]


def test_a_contact_is_explained_by_its_permission_its_rule_and_the_words_that_were_shown(house: Installation) -> None:
    (given,) = written(house, grant())
    authorized = contact(house)
    (reported,) = written(house, ReportContact(contact_id="c1", outcome=Outcome.SENT))
    found = explain(house)
    assert found.contact is not None
    assert found.contact.status is ContactStatus.SENT
    assert [(each.entry.entry.position, each.event.outcome) for each in found.reports] == [(reported, Outcome.SENT)]
    assert found.rules == (Rule("catalogue:permission", "GDPR art. 6(1)(a)"),)
    assert found.given is not None
    assert (found.given.entry.entry.position, found.given.granted.evidence.touchpoint) == (given, "web")
    assert [(text.language, text.text) for text in found.given.texts] == [("fr", "Oui, écrivez-moi.")]
    assert told(found) == [
        (Position(0), CatalogueApplied),
        (given, PermissionGranted),
        (authorized, ContactAuthorized),
        (reported, ContactReported),
    ]
    assert not found.erased


def test_every_entry_is_proven_to_one_checkpoint(house: Installation) -> None:
    written(house, grant(), *(grant(Identifier(BOB_ID.kind, f"other-{number}"), point=None) for number in range(300)))
    contact(house)
    found = explain(house)
    signed = {each.proof.signed for each in found.entries}
    assert len(signed) == 1
    root, size = (checkpoint := signed.pop().checkpoint).root, checkpoint.size
    for each in found.entries:
        assert verify_inclusion(each.entry.leaf_hash, each.entry.position, size, each.proof.hashes, root)


def test_the_words_are_those_of_the_version_that_counted_when_the_customer_acted(house: Installation) -> None:
    written(house, grant())
    (applied,) = written(house, ApplyCatalogue(catalogue=replace(CATALOGUE, controller="Another house")))
    contact(house)
    found = explain(house)
    assert {position for position, kind in told(found) if kind is CatalogueApplied} == {0, applied}
    assert found.contact is not None
    assert found.contact.authorized.policy_version == 2
    assert found.rules == (Rule("catalogue:permission", ""),), "the rules are those of the version that was applied"


def test_a_confirmed_permission_comes_with_its_confirmation(house: Installation) -> None:
    (given,) = written(house, grant(touchpoint="form"))
    (asked,) = house.write(ask_to_confirm(given))
    assert isinstance(asked, Authorized)
    (confirmed,) = written(house, click(asked.confirmation_token))
    contact(house)
    found = explain(house)
    assert found.given is not None
    assert found.given.confirmed is not None
    assert found.given.confirmed.entry.position == confirmed
    assert found.given.confirmation is not None
    assert found.given.confirmation.evidence.method is Method.CONFIRMATION_LINK
    assert confirmed in [each.entry.position for each in found.entries]


def test_a_contact_on_a_sale_is_explained_by_the_sale(house: Installation) -> None:
    (sale,) = written(house, ReportActivity(customer=ADA_ID, kind=ActivityKind.PURCHASE, objection_offered=True))
    written(house, grant(ADA_ID, "qr"))
    contact(house, "once")
    # The permission was used up by the first: the second contact rests on the sale.
    contact(house)
    found = explain(house)
    assert found.given is None
    assert found.rules == (Rule("catalogue:known", "2002/58/EC art. 13(2)"),)
    assert sale in [each.entry.position for each in found.entries]


def test_a_message_of_service_is_explained_by_the_class_of_its_purpose(house: Installation) -> None:
    written(house, grant())
    contact(house, purpose="service.order")
    found = explain(house)
    assert (found.given, found.rules) == (None, (Rule("accord:class"),))


def test_a_contact_that_was_never_authorised_has_no_explanation(house: Installation) -> None:
    with pytest.raises(CallError) as raised:
        explain(house, "never")
    assert raised.value.problem.reason is ErrorReason.CONTACT_UNKNOWN


def test_without_the_key_what_is_left_is_proven_and_said_to_be_all(house: Installation) -> None:
    (given,) = written(house, grant())
    authorized = contact(house)
    before = explain(house)
    forget(house, before.entries[1].entry.customer_ref)
    found = explain(house)
    assert found.erased
    assert (found.contact, found.given, found.reports, found.rules) == (None, None, (), ())
    assert told(found) == [(authorized, None)]
    assert (found.leaf.channel, found.leaf.purpose) == (("email",), ("marketing.cart",))
    assert given not in [each.entry.position for each in found.entries]


def forget(house: Installation, ref: bytes) -> None:
    """Destroy the keys of a customer."""
    keys = house.parts.wrapped_keys
    assert isinstance(keys, MemoryWrappedKeys)
    for name in [name for name in keys.keys if name[1] == ref]:
        del keys.keys[name]


def test_under_the_rule_packs_the_rules_are_those_of_where_the_customer_lived_then(house: Installation) -> None:
    house.write(ApplyCatalogue(catalogue=replace(CATALOGUE, rules_edition="2026-11")))
    facts = RecordFacts(customer=ADA_ID, facts=FactsRecorded(country="CA", time_zone="America/Toronto"))
    moved = RecordFacts(customer=ADA_ID, facts=FactsRecorded(country="FR", time_zone="Europe/Paris"))
    written(house, grant(), facts)
    contact(house)
    written(house, moved)
    assert {rule.id for rule in explain(house).rules} == {"ca.express", "catalogue:permission"}
