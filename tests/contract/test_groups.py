"""Merged and split, overlaid and restricted, on every store: small histories, each of one truth."""

import threading
from typing import Any

import pytest
from msgspec.structs import replace
from support.installations import BRAND, START, Installation
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, grant, said, withdraw

from accord.domain.catalogue import DayWindow, Hours
from accord.domain.commands import (
    AddOverlay,
    ApplyCatalogue,
    AuthorizeContact,
    Grant,
    LiftOverlay,
    LiftRestriction,
    Link,
    Merge,
    Question,
    RecordFacts,
    Refuse,
    ReportContact,
    ReportContactPoint,
    Restrict,
    Split,
    Unlink,
)
from accord.domain.decision import Decision
from accord.domain.events import FactsRecorded, Justification
from accord.domain.problems import Problem
from accord.domain.terms import (
    DAY,
    HOUR,
    SECOND,
    Identifier,
    IdentifierKind,
    Instant,
    Outcome,
    OverlayKind,
    PointFact,
    RefusalKind,
    RestrictionGround,
    Verdict,
)
from accord.service.answers import Authorized, Written
from accord.service.errors import CallError

WHY = Justification(reason="same person")
CYD_ID = Identifier(IdentifierKind.CUSTOMER_ID, "cyd")
PHONE = Identifier(IdentifierKind.PHONE, "+33612345678")


class People:
    """Ada, Bob and Cyd of a brand, each known by an id and, but for Cyd, an address."""

    def __init__(self, installation: Installation) -> None:
        self.it = installation
        self.tell(ApplyCatalogue(catalogue=CATALOGUE))
        self.tell(Link(customer=ADA_ID, contact_point=ADA_MAIL))
        self.tell(Link(customer=BOB_ID, contact_point=BOB_MAIL))
        self.tell(RecordFacts(customer=CYD_ID, facts=FactsRecorded(language="fr")))

    def tell(self, command: Any) -> Written:
        self.it.clock.advance(SECOND)
        (result,) = self.it.write(command)
        assert isinstance(result, Written), result
        return result

    def problem(self, command: Any) -> Problem:
        (result,) = self.it.write(command)
        assert isinstance(result, Problem), result
        return result

    def merge(self, *customers: Identifier) -> Written:
        return self.tell(Merge(customers=customers, justification=WHY))

    def split(self, customer: Identifier) -> Written:
        return self.tell(Split(customer=customer, justification=WHY))

    def check(
        self,
        customer: Identifier,
        channel: str = "sms",
        point: Identifier | None = None,
        purpose: str = "marketing.cart",
    ) -> Decision:
        question = Question(customer=customer, purpose=purpose, channel=channel, contact_point=point)
        return self.it.questions.check(BRAND, question).decision

    def reason(self, customer: Identifier, channel: str = "sms", point: Identifier | None = None) -> str:
        return self.check(customer, channel, point).reason.name

    def authorize(self, contact_id: str, customer: Identifier, channel: str = "sms", **asked: Any) -> Authorized:
        question = Question(customer=customer, purpose="marketing.cart", channel=channel, **asked)
        self.it.clock.advance(SECOND)
        (found,) = self.it.write(AuthorizeContact(contact_id=contact_id, question=question))
        assert isinstance(found, Authorized), found
        return found


@pytest.fixture
def people(installation: Installation) -> Any:
    yield (made := People(installation))
    assert made.it.audit().faults == ()


def test_who_is_merged_is_recognised_by_any_key_of_any_member(people: People) -> None:
    position = people.tell(grant(point=None)).receipts[0].position
    people.merge(ADA_ID, BOB_ID)
    for key in (ADA_ID, BOB_ID, ADA_MAIL, BOB_MAIL):
        decision = people.check(key)
        assert (decision.reason.name, decision.permission) == ("PERMITTED", position)


def test_an_objection_of_one_member_binds_all_and_a_split_ends_that(people: People) -> None:
    people.tell(grant(point=None))
    people.tell(Refuse(kind=RefusalKind.OBJECTED, customer=BOB_ID, evidence=said()))
    assert people.reason(ADA_ID) == "PERMITTED"
    people.merge(ADA_ID, BOB_ID)
    assert people.reason(ADA_ID) == people.reason(BOB_ID) == "OBJECTED"
    people.split(BOB_ID)
    assert (people.reason(ADA_ID), people.reason(BOB_ID)) == ("PERMITTED", "OBJECTED")


def test_a_refusal_made_while_merged_stays_with_all_who_were_merged(people: People) -> None:
    for customer in (ADA_ID, BOB_ID, CYD_ID):
        people.tell(grant(customer, point=None))
    people.merge(ADA_ID, BOB_ID, CYD_ID)
    people.tell(withdraw(BOB_ID))
    people.split(BOB_ID)
    assert [people.reason(each) for each in (ADA_ID, BOB_ID, CYD_ID)] == ["WITHDRAWN"] * 3
    people.split(CYD_ID)
    assert [people.reason(each) for each in (ADA_ID, BOB_ID, CYD_ID)] == ["WITHDRAWN"] * 3


def test_a_refusal_made_before_a_larger_group_came_about_stays_with_those_of_the_smaller(people: People) -> None:
    for customer in (ADA_ID, BOB_ID, CYD_ID):
        people.tell(grant(customer, point=None))
    dan = Identifier(IdentifierKind.CUSTOMER_ID, "dan")
    people.tell(grant(dan, point=None))
    people.merge(ADA_ID, BOB_ID)
    people.tell(withdraw(BOB_ID))
    people.merge(CYD_ID, dan)
    people.merge(ADA_ID, CYD_ID)
    for customer in (ADA_ID, BOB_ID, CYD_ID):
        people.split(customer)
    found = [people.reason(each) for each in (ADA_ID, BOB_ID, CYD_ID, dan)]
    assert found == ["WITHDRAWN", "WITHDRAWN", "PERMITTED", "PERMITTED"]


def test_a_later_permission_of_one_member_lifts_the_refusal_of_another(people: People) -> None:
    people.tell(withdraw(BOB_ID))
    people.merge(ADA_ID, BOB_ID)
    people.tell(grant(point=None))
    assert people.reason(BOB_ID) == "PERMITTED"
    people.split(BOB_ID)
    assert people.reason(BOB_ID) == "WITHDRAWN"


def test_an_address_that_two_hold_names_one_person_once_they_are_merged(people: People) -> None:
    people.tell(Link(customer=BOB_ID, contact_point=ADA_MAIL))
    with pytest.raises(CallError) as error:
        people.check(ADA_MAIL)
    assert "2 customers hold this address" in error.value.problem.message
    assert "customer_id" in error.value.problem.message
    assert "merge" in error.value.problem.message
    assert error.value.problem.metadata == {"field": "customer", "holders": "2"}
    people.merge(ADA_ID, BOB_ID)
    people.tell(grant(ADA_MAIL, point=None))
    assert people.reason(ADA_MAIL, "email", ADA_MAIL) == "PERMITTED"
    people.tell(Link(customer=CYD_ID, contact_point=ADA_MAIL))
    with pytest.raises(CallError) as error:
        people.check(ADA_MAIL)
    assert error.value.problem.metadata["holders"] == "2"


def test_contacts_of_all_members_count_together(people: People) -> None:
    for customer in (ADA_ID, BOB_ID):
        people.tell(grant(customer, point=None))
    for number in (1, 2):
        people.authorize(f"to ada {number}", ADA_ID)
    people.authorize("to bob", BOB_ID)
    assert people.reason(BOB_ID) == "PERMITTED"
    people.merge(ADA_ID, BOB_ID)
    assert people.check(BOB_ID).verdict is Verdict.DEFER
    people.split(BOB_ID)
    assert people.reason(BOB_ID) == "PERMITTED"


def test_a_use_taken_by_another_member_stays_taken_after_a_split(people: People) -> None:
    people.tell(grant(touchpoint="qr", point=None))
    people.merge(ADA_ID, BOB_ID)
    assert people.authorize("one", BOB_ID).authorization.decision.verdict is Verdict.ALLOW
    assert people.authorize("two", ADA_ID).authorization.decision.reason.name == "USED_UP"
    people.split(BOB_ID)
    assert people.reason(ADA_ID) == "USED_UP"
    people.tell(ReportContact(contact_id="one", outcome=Outcome.CANCELLED))
    assert people.reason(ADA_ID) == "PERMITTED"


def test_a_contact_judged_anew_on_another_permission_gives_the_first_use_back_even_after_a_split(
    people: People,
) -> None:
    people.tell(grant(touchpoint="qr", point=None))
    people.merge(ADA_ID, BOB_ID)
    people.authorize("one", BOB_ID)
    people.split(BOB_ID)
    people.tell(grant(BOB_ID, point=None))
    found = people.authorize("one", BOB_ID).authorization
    assert (found.decision.verdict, found.repeat) == (Verdict.ALLOW, True)
    assert people.reason(ADA_ID) == "PERMITTED"


def test_one_act_told_to_two_members_has_one_use(people: People) -> None:
    acted = Instant(START)
    for customer in (ADA_ID, BOB_ID):
        people.tell(Grant(customer=customer, evidence=said("qr", act_time=acted)))
    people.authorize("one", BOB_ID)
    people.merge(ADA_ID, BOB_ID)
    assert people.reason(ADA_ID) == "USED_UP"
    assert people.authorize("one", ADA_ID).authorization.repeat


def test_a_complaint_about_a_contact_reaches_the_address_whichever_member_holds_it(people: People) -> None:
    people.tell(grant(touchpoint="qr", point=None))
    people.merge(ADA_ID, BOB_ID)
    people.authorize("one", ADA_ID, "email", contact_point=BOB_MAIL)
    people.tell(ReportContact(contact_id="one", outcome=Outcome.COMPLAINED))
    people.split(BOB_ID)
    assert people.reason(BOB_ID, "email") == "CONTACT_POINT_COMPLAINED"
    assert people.reason(ADA_ID, "email") == "USED_UP"


def test_nobody_is_given_a_key_of_another_member(people: People) -> None:
    """Told by the key of one about the address of another, it is recorded with whose address it is."""
    people.merge(ADA_ID, BOB_ID)
    people.tell(grant(ADA_ID, point=BOB_MAIL))
    people.tell(Refuse(kind=RefusalKind.REFUSED, customer=BOB_ID, evidence=said(), contact_point=ADA_MAIL))
    people.split(BOB_ID)
    assert people.reason(BOB_ID, "email") == "PERMITTED"
    assert people.reason(ADA_ID, "email") == "STOPPED"
    assert people.reason(BOB_MAIL, "email") == "PERMITTED"


def test_an_address_is_unlinked_from_whichever_member_holds_it(people: People) -> None:
    people.merge(ADA_ID, BOB_ID)
    people.tell(Unlink(customer=ADA_ID, contact_point=BOB_MAIL))
    assert people.reason(BOB_ID, "email", BOB_MAIL) == "CONTACT_POINT_UNKNOWN"


def test_a_withdrawal_lists_the_open_contacts_of_the_whole_group(people: People) -> None:
    for customer in (ADA_ID, BOB_ID):
        people.tell(grant(customer, point=None))
        people.authorize(f"to {customer.value}", customer)
    people.merge(ADA_ID, BOB_ID)
    written = people.tell(withdraw(ADA_ID))
    assert len(written.open_contacts) == 2


def test_the_permissions_and_the_history_of_a_group_are_those_of_all_members(people: People) -> None:
    people.tell(grant(point=None))
    people.tell(withdraw(BOB_ID))
    people.merge(ADA_ID, BOB_ID)
    standing = people.it.remembered.permissions(BRAND, BOB_ID)
    assert len(standing) == 2
    whole = people.it.remembered.history(BRAND, ADA_ID, 1, 99).entries
    assert [each.leaf.type for each in whole] == [
        "IdentifierLinked",
        "IdentifierLinked",
        "PermissionGranted",
        "PermissionRefused",
        "CustomerMerged",
        "CustomerMerged",
    ]
    pages = [people.it.remembered.history(BRAND, BOB_ID, start, 2).entries for start in (1, 3, 5, 7)]
    assert [each.entry.position for page in pages for each in page] == [each.entry.position for each in whole]


def test_no_entry_of_a_merge_names_another_customer(people: People) -> None:
    """So that one who is erased later is not found through those they were merged with."""
    people.tell(withdraw(BOB_ID))
    people.merge(ADA_ID, BOB_ID)
    people.split(BOB_ID)
    history = {who: people.it.remembered.history(BRAND, who, 1, 99).entries for who in (ADA_ID, BOB_ID)}
    refs = {who: theirs[0].entry.customer_ref.hex() for who, theirs in history.items()}
    assert not [each for each in history[ADA_ID] if refs[BOB_ID].encode() in each.raw_payload]
    assert not [each for each in history[BOB_ID] if refs[ADA_ID].encode() in each.raw_payload]


def test_where_members_disagree_on_where_they_live_the_hours_of_each_place_bind(people: People) -> None:
    """Ten o'clock in Paris is night in America."""
    window = DayWindow("09:00", "20:00", (1, 2, 3, 4, 5, 6, 7))
    people.tell(ApplyCatalogue(catalogue=replace(CATALOGUE, hours=(Hours("day", ("sms",), (window,), lawful=True),))))
    people.tell(grant(point=None))
    people.tell(RecordFacts(customer=ADA_ID, facts=FactsRecorded(country="FR", time_zone="Europe/Paris")))
    people.tell(RecordFacts(customer=BOB_ID, facts=FactsRecorded(country="US", time_zone="America/New_York")))
    assert people.reason(ADA_ID) == "PERMITTED"
    people.merge(ADA_ID, BOB_ID)
    decision = people.check(ADA_ID)
    assert decision.verdict is Verdict.DEFER
    assert decision.not_before == START + 4 * HOUR
    people.it.clock.now = decision.not_before
    assert people.reason(BOB_ID) == "PERMITTED"


def test_the_longest_pause_a_member_asked_for_binds_all(people: People) -> None:
    people.tell(grant(point=None))
    until = Instant(START + DAY)
    people.tell(RecordFacts(customer=BOB_ID, facts=FactsRecorded(paused_until=until)))
    people.tell(RecordFacts(customer=ADA_ID, facts=FactsRecorded(paused_until=Instant(START + HOUR))))
    people.merge(ADA_ID, BOB_ID)
    decision = people.check(ADA_ID)
    assert (decision.reason.name, decision.not_before) == ("PAUSED", until)


def test_a_death_told_of_one_member_is_told_of_the_person(people: People) -> None:
    people.tell(grant(point=None))
    people.tell(RecordFacts(customer=BOB_ID, facts=FactsRecorded(deceased=True)))
    people.merge(ADA_ID, BOB_ID)
    people.tell(RecordFacts(customer=ADA_ID, facts=FactsRecorded(language="de", deceased=False)))
    assert people.reason(ADA_ID) == "DECEASED"


def test_a_merge_names_known_people_and_not_too_many(people: People) -> None:
    assert people.problem(Merge(customers=(ADA_ID, PHONE), justification=WHY)).metadata["field"] == "customers[1]"
    assert people.problem(Merge(customers=(ADA_ID, ADA_MAIL), justification=WHY)).reason == "INVALID_ARGUMENT"
    many = [Identifier(IdentifierKind.CUSTOMER_ID, f"many {number}") for number in range(17)]
    for each in many:
        people.tell(RecordFacts(customer=each, facts=FactsRecorded(language="fr")))
    people.merge(*many[:16])
    problem = people.problem(Merge(customers=(many[0], many[16]), justification=WHY))
    assert (problem.reason, problem.metadata["limit"]) == ("CUSTOMER_FULL", "16")
    people.merge(*many[:2])


def test_only_a_key_of_one_member_says_who_leaves(people: People) -> None:
    people.tell(Link(customer=BOB_ID, contact_point=ADA_MAIL))
    people.merge(ADA_ID, BOB_ID)
    assert people.problem(Split(customer=ADA_MAIL, justification=WHY)).reason == "CUSTOMER_AMBIGUOUS"
    assert people.problem(Split(customer=CYD_ID, justification=WHY)).reason == "CUSTOMER_NOT_MERGED"
    assert people.problem(Split(customer=PHONE, justification=WHY)).reason == "CUSTOMER_UNKNOWN"
    people.split(ADA_ID)
    assert people.problem(Split(customer=BOB_ID, justification=WHY)).reason == "CUSTOMER_NOT_MERGED"


def test_a_household_says_no_for_each_and_it_is_lifted_by_its_entry(people: People) -> None:
    for customer in (ADA_ID, BOB_ID):
        people.tell(grant(customer, point=None))
    overlay = AddOverlay(customers=(ADA_ID, BOB_ID, ADA_MAIL), kind=OverlayKind.HOUSEHOLD, justification=WHY)
    added = people.tell(overlay)
    assert len(added.receipts) == 2
    assert people.reason(ADA_ID) == people.reason(BOB_ID) == "OVERLAID"
    (position,) = people.check(ADA_ID).positions
    assert position == added.receipts[0].position
    people.tell(LiftOverlay(customer=ADA_ID, overlay=position, justification=WHY))
    assert (people.reason(ADA_ID), people.reason(BOB_ID)) == ("PERMITTED", "OVERLAID")
    again = people.problem(LiftOverlay(customer=ADA_ID, overlay=position, justification=WHY))
    assert again.reason == "OVERLAY_UNKNOWN"


def test_an_overlay_leaves_safety_messages_alone_and_a_pause_ends_by_itself(people: People) -> None:
    people.tell(grant(point=None))
    until = Instant(START + DAY)
    people.tell(AddOverlay(customers=(ADA_ID,), kind=OverlayKind.CONTRACT_PAUSE, until=until, justification=WHY))
    decision = people.check(ADA_ID)
    assert (decision.verdict, decision.reason.name, decision.not_before) == (Verdict.DEFER, "CONTRACT_PAUSED", until)
    people.it.clock.now = until
    assert people.reason(ADA_ID) == "PERMITTED"


def test_an_overlay_added_while_merged_stays_with_both_and_is_lifted_of_both_apart(people: People) -> None:
    for customer in (ADA_ID, BOB_ID):
        people.tell(grant(customer, point=None))
    people.merge(ADA_ID, BOB_ID)
    overlay = AddOverlay(customers=(ADA_ID,), kind=OverlayKind.EMPLOYER, justification=WHY)
    position = people.tell(overlay).receipts[0].position
    assert people.reason(BOB_ID) == "OVERLAID"
    people.split(BOB_ID)
    assert people.reason(ADA_ID) == people.reason(BOB_ID) == "OVERLAID"
    for customer in (ADA_ID, BOB_ID):
        people.tell(LiftOverlay(customer=customer, overlay=position, justification=WHY))
        assert people.reason(customer) == "PERMITTED"


def test_an_overlay_of_a_group_is_lifted_by_any_key(people: People) -> None:
    people.tell(grant(point=None))
    people.merge(ADA_ID, BOB_ID)
    overlay = AddOverlay(customers=(ADA_ID,), kind=OverlayKind.ACCOUNT, justification=WHY)
    position = people.tell(overlay).receipts[0].position
    people.tell(LiftOverlay(customer=BOB_ID, overlay=position, justification=WHY))
    assert people.reason(ADA_ID) == "PERMITTED"


def test_a_restriction_denies_everything_until_the_customer_was_told_that_it_ends(people: People) -> None:
    people.tell(grant(point=None))
    people.merge(ADA_ID, BOB_ID)
    ground = RestrictionGround.ACCURACY_CONTESTED
    assert len(people.tell(Restrict(customer=ADA_ID, ground=ground, justification=WHY)).receipts) == 2
    for purpose in ("marketing.cart", "service.order"):
        assert people.check(BOB_ID, purpose=purpose).reason.name == "RESTRICTED"
    early = LiftRestriction(customer=BOB_ID, informed_time=Instant(START + DAY), justification=WHY)
    assert people.problem(early).reason == "INVALID_ARGUMENT"
    people.tell(replace(early, informed_time=people.it.clock.now))
    assert people.reason(ADA_ID) == "PERMITTED"
    assert people.problem(replace(early, informed_time=people.it.clock.now)).reason == "CUSTOMER_NOT_RESTRICTED"
    people.tell(Restrict(customer=BOB_ID, ground=ground, justification=WHY))
    people.split(BOB_ID)
    assert people.reason(ADA_ID) == people.reason(BOB_ID) == "RESTRICTED"


def test_a_fact_of_an_address_binds_every_member(people: People) -> None:
    people.tell(grant(point=None))
    people.merge(ADA_ID, BOB_ID)
    people.tell(ReportContactPoint(contact_point=BOB_MAIL, fact=PointFact.COMPLAINED))
    assert people.reason(ADA_ID, "email") == "CONTACT_POINT_COMPLAINED"


def test_a_batch_is_answered_on_one_snapshot_whoever_is_merged(people: People) -> None:
    people.tell(grant(point=None))
    people.merge(ADA_ID, BOB_ID)
    asked: list[Any] = [
        Question(customer=each, purpose="marketing.cart", channel="sms") for each in (ADA_ID, CYD_ID, BOB_ID)
    ]
    _, found = people.it.questions.batch_check(BRAND, asked)
    assert [each.reason.name for each in found] == ["PERMITTED", "NO_PERMISSION", "PERMITTED"]  # type: ignore[union-attr]


def test_two_merges_at_once_make_one_group(people: People) -> None:
    people.tell(grant(point=None))
    pairs = [(ADA_ID, BOB_ID), (BOB_ID, CYD_ID)] * 4
    for result in _at_once(people.it, [Merge(customers=pair, justification=WHY) for pair in pairs]):
        assert isinstance(result, Written)
    assert [people.reason(each) for each in (ADA_ID, BOB_ID, CYD_ID)] == ["PERMITTED"] * 3


def test_of_64_senders_exactly_one_takes_the_use_while_its_customers_are_merged(people: People) -> None:
    for attempt in range(4):
        people.tell(grant(touchpoint="qr", point=None))
        asked = [
            AuthorizeContact(
                contact_id=f"sender {attempt}.{number}",
                question=Question(customer=(ADA_ID, BOB_ID)[number % 2], purpose="marketing.cart", channel="sms"),
            )
            for number in range(64)
        ]
        commands: list[Any] = [*asked[:32], Merge(customers=(ADA_ID, BOB_ID), justification=WHY), *asked[32:]]
        results = _at_once(people.it, commands)
        allowed = [
            each
            for each in results
            if isinstance(each, Authorized) and each.authorization.decision.verdict is Verdict.ALLOW
        ]
        assert len(allowed) == 1
        people.split(BOB_ID)
        assert people.reason(ADA_ID) == "USED_UP"
        people.it.clock.advance(8 * DAY)


def _at_once(it: Installation, commands: list[Any]) -> list[Any]:
    """Submit every command from a thread of its own, all together, and return the results in order."""
    if not it.writer._thread.is_alive():
        it.writer.start()
    start = threading.Barrier(len(commands))
    results: list[Any] = [None] * len(commands)

    def submit(number: int) -> None:
        start.wait()
        (results[number],) = it.writer.submit(BRAND, [it.request(commands[number])])

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
