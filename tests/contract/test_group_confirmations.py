"""Double opt-in of who is merged, on every store: the permission that waits stays with the member who gave it."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.installations import BRAND, Installation
from support.scenes import (
    ADA_ID,
    ADA_MAIL,
    BOB_ID,
    BOB_MAIL,
    CATALOGUE,
    CONFIRMED_OTHERWISE,
    ask_to_confirm,
    click,
    grant,
    said,
    withdraw,
)

from accord.domain.commands import (
    ApplyCatalogue,
    Confirm,
    Link,
    Merge,
    RecordFacts,
    Refuse,
    ReportContactPoint,
    Restrict,
    Split,
)
from accord.domain.events import ContactAuthorized, FactsRecorded, Justification, PermissionConfirmed
from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import (
    SECOND,
    PermissionStatus,
    PointFact,
    Position,
    RefusalKind,
    RestrictionGround,
    Verdict,
)
from accord.ledger.opening import open_entry
from accord.service.answers import Authorized, Written

WHY = Justification(reason="same person")


class Pair:
    """Ada, who signed up with her address and has to confirm, and Bob, who has another: merged when told to."""

    def __init__(self, installation: Installation) -> None:
        self.it = installation
        self.tell(ApplyCatalogue(catalogue=CATALOGUE))
        self.tell(Link(customer=BOB_ID, contact_point=BOB_MAIL))
        self.position = self.tell(grant(touchpoint="form")).receipts[0].position

    def tell(self, command: Any) -> Written:
        self.it.clock.advance(60 * SECOND)
        (result,) = self.it.write(command)
        assert isinstance(result, Written), result
        return result

    def problem(self, command: Any) -> Problem:
        (result,) = self.it.write(command)
        assert isinstance(result, Problem), result
        return result

    def merge(self) -> None:
        self.tell(Merge(customers=(ADA_ID, BOB_ID), justification=WHY))

    def split(self) -> None:
        self.tell(Split(customer=BOB_ID, justification=WHY))

    def ask(self, contact_id: str = "mail", customer: Any = BOB_ID, position: Position | None = None) -> Authorized:
        self.it.clock.advance(60 * SECOND)
        (result,) = self.it.write(ask_to_confirm(position or self.position, contact_id, customer))
        assert isinstance(result, Authorized), result
        return result

    def link(self, customer: Any = BOB_ID) -> str:
        token = self.ask(customer=customer).confirmation_token
        assert token
        return token

    def reason(self, **asked: Any) -> str:
        return self.ask(**asked).authorization.decision.reason.name

    def events(self, of: Any) -> list[type]:
        row = self.it.remembered.find(BRAND, of)[1]
        entries = self.it.store.entries(BRAND, 1, 100, row.customer_ref)
        keys = self.it.keyring.find(BRAND, [row.customer_ref])
        head = self.it.store.head(BRAND)
        assert head
        return [type(open_entry(each, head.ledger, keys).payload.event) for each in entries]


@pytest.fixture
def pair(installation: Installation) -> Any:
    yield (made := Pair(installation))
    assert made.it.audit().faults == ()


@pytest.mark.parametrize("customer", [ADA_ID, ADA_MAIL, BOB_ID])
def test_a_link_goes_to_whoever_gave_the_permission_by_whose_key_it_was_asked(pair: Pair, customer: Any) -> None:
    pair.merge()
    token = pair.link(customer)
    assert pair.tell(click(token)).status == PermissionStatus.ACTIVE.value
    assert {ContactAuthorized, PermissionConfirmed} <= set(pair.events(ADA_ID))
    assert not {ContactAuthorized, PermissionConfirmed} & set(pair.events(BOB_ID))


def test_a_link_sent_before_the_merge_confirms_after_it(pair: Pair) -> None:
    token = pair.link(ADA_ID)
    pair.merge()
    assert pair.tell(click(token)).status == PermissionStatus.ACTIVE.value


def test_a_link_sent_while_merged_confirms_after_the_split(pair: Pair) -> None:
    pair.merge()
    token = pair.link()
    pair.split()
    assert pair.tell(click(token)).status == PermissionStatus.ACTIVE.value


def test_a_link_clicked_again_is_answered_by_its_first_click(pair: Pair) -> None:
    pair.merge()
    token = pair.link()
    first = pair.tell(click(token)).receipts[0].position
    pair.split()
    assert pair.tell(click(token)).told_at == first


def test_the_key_of_another_address_does_not_name_the_one_that_waits(pair: Pair) -> None:
    pair.merge()
    problem = pair.problem(ask_to_confirm(pair.position, "mail", BOB_MAIL))
    assert (problem.reason, problem.violations[0].field) == (ErrorReason.INVALID_ARGUMENT, "question.customer")


def test_a_refusal_of_one_member_binds_the_asking_for_another(pair: Pair) -> None:
    pair.tell(withdraw(BOB_ID))
    assert pair.reason(customer=ADA_ID, contact_id="before") == "PERMITTED"
    pair.merge()
    assert pair.reason(contact_id="before") == "WITHDRAWN"


def test_a_restriction_and_a_death_told_of_one_member_bind_the_asking_for_another(pair: Pair) -> None:
    pair.tell(RecordFacts(customer=BOB_ID, facts=FactsRecorded(deceased=True)))
    assert pair.reason(customer=ADA_ID) == "PERMITTED"
    pair.merge()
    assert pair.reason() == "DECEASED"
    pair.tell(Restrict(customer=BOB_ID, ground=RestrictionGround.LEGAL_CLAIMS, justification=WHY))
    assert pair.reason() == "RESTRICTED"


def test_members_who_live_apart_are_asked_once(pair: Pair) -> None:
    for customer, country in ((ADA_ID, "FR"), (BOB_ID, "DE")):
        pair.tell(RecordFacts(customer=customer, facts=FactsRecorded(country=country)))
    pair.merge()
    found = pair.ask().authorization
    assert (found.decision.verdict, found.decision.positions) == (Verdict.ALLOW, (pair.position,))
    assert pair.reason(contact_id="another") == "CONFIRMATION_REQUESTED"


def test_a_refusal_lists_the_asking_that_it_stops_whoever_made_it(pair: Pair) -> None:
    pair.merge()
    asked = pair.ask()
    assert asked.receipt
    stopped = pair.tell(withdraw(BOB_ID, "marketing.cart")).open_contacts
    assert [each.position for each in stopped] == [asked.receipt.position]


def test_an_address_is_asked_as_often_as_it_may_be_whoever_asks(pair: Pair) -> None:
    pair.tell(ApplyCatalogue(catalogue=replace(CATALOGUE, confirmations_per_address=2, confirmation_window_hours=1)))
    pair.tell(Link(customer=BOB_ID, contact_point=ADA_MAIL))
    others = [pair.tell(grant(BOB_ID, "form", ADA_MAIL)).receipts[0].position for _ in range(2)]
    pair.merge()
    told = [pair.reason(contact_id=f"mail {at}", position=at) for at in (pair.position, *others)]
    assert told == ["PERMITTED", "PERMITTED", "CONFIRMATION_CAP_REACHED"]


def test_one_contact_asks_for_one_permission_of_the_group(pair: Pair) -> None:
    other = pair.tell(grant(BOB_ID, "form", BOB_MAIL)).receipts[0].position
    pair.merge()
    pair.link()
    assert pair.ask().authorization.repeat
    assert pair.problem(ask_to_confirm(other, "mail", BOB_ID)).reason is ErrorReason.CONTACT_ID_REUSED


def test_what_nobody_of_the_group_gave_is_not_asked_about(pair: Pair) -> None:
    pair.merge()
    assert pair.problem(ask_to_confirm(1, "mail", BOB_ID)).reason is ErrorReason.PERMISSION_UNKNOWN


def test_where_another_yes_will_do_it_may_be_told_by_any_key_of_the_group(pair: Pair) -> None:
    pair.tell(ApplyCatalogue(catalogue=CONFIRMED_OTHERWISE))
    pair.position = pair.tell(grant(touchpoint="form")).receipts[0].position
    pair.merge()
    told = pair.tell(Confirm(customer=BOB_ID, permission=pair.position, evidence=said("form")))
    assert told.status == PermissionStatus.ACTIVE.value
    assert pair.problem(ask_to_confirm(pair.position, "mail", BOB_ID)).reason is ErrorReason.PERMISSION_UNKNOWN


def test_after_an_address_changed_hands_only_a_later_permission_is_asked_about(pair: Pair) -> None:
    pair.tell(ReportContactPoint(contact_point=ADA_MAIL, fact=PointFact.REASSIGNED))
    assert pair.reason(customer=ADA_ID) == "CONTACT_POINT_REASSIGNED"
    later = pair.tell(grant(touchpoint="form")).receipts[0].position
    token = pair.ask("second", ADA_ID, later).confirmation_token
    assert pair.tell(click(token)).status == PermissionStatus.ACTIVE.value


def test_a_stop_of_the_address_by_one_holder_binds_the_asking_for_another(pair: Pair) -> None:
    pair.tell(Link(customer=BOB_ID, contact_point=ADA_MAIL))
    pair.merge()
    stop = Refuse(kind=RefusalKind.WITHDRAWN, customer=BOB_ID, contact_point=ADA_MAIL, evidence=said())
    pair.tell(stop)
    assert pair.reason() == "STOPPED"
