"""Contacts answered again: what is told late, a new rule, and nothing else makes one invalid."""

from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace
from support.histories import catalogue_of
from support.installations import BRAND, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import (
    ADA_ID,
    ADA_MAIL,
    BOB_ID,
    BOB_MAIL,
    CATALOGUE,
    ask_to_confirm,
    asked_erasure,
    grant,
    said,
    withdraw,
)

from accord.domain.catalogue import Catalogue
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Command,
    Link,
    Merge,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
)
from accord.domain.events import FactsRecorded, Justification
from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import (
    DAY,
    ActivityKind,
    Basis,
    ContactStatus,
    Identifier,
    IdentifierKind,
    Instant,
    Outcome,
    PointFact,
    Position,
    Reason,
    RefusalKind,
    Verdict,
)
from accord.service import replay
from accord.service.answers import Authorized
from accord.service.errors import CallError
from accord.service.replay import Cause, Replayed, Wished

WHY = Justification(reason="one person")
_numbers = count(1)


def served(catalogue: Catalogue) -> Installation:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    made.write(ApplyCatalogue(catalogue=catalogue))
    return made


@pytest.fixture
def it() -> Installation:
    return served(CATALOGUE)


def day(number: int) -> Instant:
    return Instant(START + number * DAY)


def on_day(it: Installation, number: int, *commands: Command) -> list[Any]:
    it.clock.now = day(number)
    results = it.write(*commands)
    assert not [each for each in results if isinstance(each, Problem)], results
    return results


def contact(
    it: Installation, number: int, customer: Identifier = ADA_ID, *, name: str = "", **sides: Any
) -> tuple[str, Position]:
    """Authorise a contact, which must be allowed; return its name and position."""
    question = Question(customer=customer, purpose="marketing.cart", channel="email", **sides)
    name = name or f"c{next(_numbers)}"
    (found,) = on_day(it, number, AuthorizeContact(contact_id=name, question=question))
    assert isinstance(found, Authorized)
    assert found.receipt is not None, found
    return name, found.receipt.position


def replayed(it: Installation, **wished: Any) -> Replayed:
    it.clock.now = day(60)
    found = it.replay.replay(BRAND, Wished(**wished))
    assert found.next_position is None
    return found


def late_no(customer: Identifier = ADA_ID, *, acted: int, **scope: Any) -> Refuse:
    return Refuse(kind=RefusalKind.WITHDRAWN, customer=customer, evidence=said(act_time=day(acted)), **scope)


def test_contacts_that_were_right_stay_right_whatever_came_after_them(it: Installation) -> None:
    on_day(it, 0, grant(), grant(BOB_ID, "qr", BOB_MAIL))
    names = [contact(it, number)[0] for number in (1, 2, 3)]
    contact(it, 3, BOB_ID)
    on_day(it, 4, *(ReportContact(contact_id=name, outcome=Outcome.SENT) for name in names))
    on_day(it, 5, withdraw(), ReportContactPoint(contact_point=BOB_MAIL, fact=PointFact.BOUNCED))
    found = replayed(it)
    assert found.invalid == ()
    assert (found.contacts, found.unreadable, found.entries_total) == (4, 0, 12)


def test_a_withdrawal_told_late_makes_the_contacts_after_it_invalid_and_is_named(it: Installation) -> None:
    on_day(it, 0, grant())
    contact(it, 1)
    name, position = contact(it, 5)
    on_day(it, 6, ReportContact(contact_id=name, outcome=Outcome.SENT))
    on_day(it, 8, ReportContactPoint(contact_point=ADA_MAIL, fact=PointFact.VERIFIED, act_time=day(2)))
    (told,) = on_day(it, 9, late_no(acted=3))
    (invalid,) = replayed(it).invalid
    assert (invalid.position, invalid.authorized_time, invalid.status) == (position, day(5), ContactStatus.SENT)
    assert (invalid.decision.verdict, invalid.decision.reason) == (Verdict.DENY, Reason.WITHDRAWN)
    assert invalid.cause is Cause.LATE_ENTRY
    assert invalid.late_entry is not None
    assert invalid.late_entry.position == told.receipts[0].position
    assert (invalid.late_entry.type, invalid.late_entry.act_time) == ("PermissionRefused", day(3))
    assert invalid.late_entry.recorded_time == day(9)


def test_an_address_reported_late_as_having_changed_hands_makes_contacts_invalid(it: Installation) -> None:
    on_day(it, 0, grant())
    _, position = contact(it, 5)
    on_day(it, 9, ReportContactPoint(contact_point=ADA_MAIL, fact=PointFact.REASSIGNED, act_time=day(4)))
    (invalid,) = replayed(it).invalid
    assert (invalid.position, invalid.decision.reason) == (position, Reason.CONTACT_POINT_REASSIGNED)
    assert invalid.late_entry is not None
    assert invalid.late_entry.type == "ContactPointReported"


def test_only_the_period_asked_for_is_answered(it: Installation) -> None:
    on_day(it, 0, grant())
    positions = [contact(it, number)[1] for number in (3, 4, 5)]
    on_day(it, 9, late_no(acted=1))
    assert [each.position for each in replayed(it).invalid] == positions
    found = replayed(it, recorded_from=day(4), recorded_until=day(5))
    assert [each.position for each in found.invalid] == positions[1:2]
    assert (found.contacts, found.entries_total) == (1, 1)
    assert replayed(it, recorded_from=day(20)).contacts == 0


def test_a_use_is_judged_as_before_it_was_taken(it: Installation) -> None:
    on_day(it, 0, grant(touchpoint="qr"))
    name, _ = contact(it, 1)
    on_day(it, 2, ReportContact(contact_id=name, outcome=Outcome.FAILED))
    contact(it, 3, name=f"{name} again")
    assert replayed(it).invalid == ()


def test_a_failure_told_late_of_an_earlier_contact_never_makes_a_later_one_invalid(it: Installation) -> None:
    on_day(it, 0, grant())
    names = [contact(it, 1)[0] for _ in range(3)]
    on_day(it, 9, *(ReportContact(contact_id=name, outcome=Outcome.CANCELLED, outcome_time=day(1)) for name in names))
    contact(it, 9)
    assert replayed(it).invalid == ()


def test_under_another_catalogue_the_rules_are_to_blame(it: Installation) -> None:
    on_day(it, 0, grant())
    _, position = contact(it, 1)
    stale = replace(CATALOGUE, notices=tuple(replace(each, stale=True) for each in CATALOGUE.notices))
    assert replayed(it).invalid == ()
    (invalid,) = replayed(it, catalogue=stale).invalid
    assert (invalid.position, invalid.cause, invalid.late_entry) == (position, Cause.RULES, None)
    assert invalid.decision.reason is Reason.NOTICE_STALE
    on_day(it, 61, ApplyCatalogue(catalogue=stale))
    it.clock.now = day(62)
    assert it.replay.replay(BRAND, Wished()).invalid == ()
    for wished in (Wished(version=2), Wished(today=True)):
        assert [each.cause for each in it.replay.replay(BRAND, wished).invalid] == [Cause.RULES]


def test_a_contact_of_which_the_catalogue_knows_nothing_has_no_basis_in_it(it: Installation) -> None:
    on_day(it, 0, grant())
    contact(it, 1)
    others = tuple(each for each in CATALOGUE.purposes if each.code != "marketing.cart")
    (invalid,) = replayed(it, catalogue=replace(CATALOGUE, purposes=others)).invalid
    assert (invalid.decision.reason, invalid.cause) == (Reason.NO_BASIS, Cause.RULES)


def test_the_law_of_another_day_can_be_asked_about() -> None:
    """A consumer in France who never refused may be called until 11 August 2026, and then only who permitted it."""
    phone = Identifier(IdentifierKind.PHONE, "+33612345678")
    facts = FactsRecorded(country="FR", time_zone="Europe/Paris")
    it = served(catalogue_of("law"))
    on_day(it, 0, Link(customer=ADA_ID, contact_point=phone))
    on_day(it, 0, RecordFacts(customer=ADA_ID, facts=facts), ReportActivity(customer=ADA_ID, kind=ActivityKind.ENQUIRY))
    call = Question(customer=ADA_ID, purpose="marketing.newsletter", channel="voice")
    (found,) = on_day(it, 3, AuthorizeContact(contact_id="call", question=call))
    assert isinstance(found, Authorized)
    assert found.authorization.decision.basis is Basis.LEGITIMATE_INTEREST
    assert replayed(it).contacts == 1
    for wished in ({}, {"law_time": day(200)}, {"rules_edition": "2026-11"}):
        assert replayed(it, **wished).invalid == ()
    (invalid,) = replayed(it, law_time=day(230)).invalid
    assert (invalid.decision.reason, invalid.cause) == (Reason.NO_PERMISSION, Cause.RULES)
    assert [rule.id for rule in invalid.decision.rules] == ["fr.voice_permission"]


def test_a_version_that_was_never_applied_is_named_as_the_field_it_is(it: Installation) -> None:
    with pytest.raises(CallError) as refused:
        it.replay.replay(BRAND, Wished(version=7))
    assert refused.value.problem.reason is ErrorReason.CATALOGUE_VERSION_UNKNOWN
    assert [fault.field for fault in refused.value.problem.violations] == ["catalogue_version"]


def test_a_contact_told_in_several_histories_is_one(it: Installation) -> None:
    on_day(it, 0, Link(customer=ADA_ID, contact_point=ADA_MAIL), grant(BOB_ID, "qr", None))
    on_day(it, 1, Merge(customers=(ADA_ID, BOB_ID), justification=WHY))
    _, position = contact(it, 2, contact_point=ADA_MAIL)
    it.clock.now = day(3)
    found = it.replay.replay(BRAND, Wished())
    assert (found.contacts, found.invalid) == (1, ())
    on_day(it, 9, late_no(BOB_ID, acted=1))
    (invalid,) = replayed(it).invalid
    assert invalid.position == position


def test_a_request_to_confirm_is_answered_as_the_contact_it_is(it: Installation) -> None:
    (given,) = on_day(it, 0, grant(touchpoint="form"))
    pending = given.receipts[0].position
    on_day(it, 0, ask_to_confirm(pending))
    assert replayed(it).invalid == ()
    on_day(it, 61, late_no(acted=0))
    it.clock.now = day(62)
    (invalid,) = it.replay.replay(BRAND, Wished()).invalid
    assert (invalid.decision.reason, invalid.cause) == (Reason.WITHDRAWN, Cause.LATE_ENTRY)


def test_contacts_of_somebody_erased_are_counted_as_what_nobody_can_read(it: Installation) -> None:
    on_day(it, 0, grant(), grant(BOB_ID, point=BOB_MAIL))
    contact(it, 1)
    contact(it, 1, BOB_ID)
    on_day(it, 2)
    asked = asked_erasure()
    assert it.erasures.ask(BRAND, asked).receipt
    found = replayed(it)
    assert (found.contacts, found.unreadable, found.invalid) == (1, 1, ())


def test_pages_lose_nothing_and_tell_nothing_twice(it: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    on_day(it, 0, grant(), Link(customer=BOB_ID, contact_point=BOB_MAIL))
    positions = [contact(it, 10 * number)[1] for number in range(1, 6)]
    it.clock.now = day(70)
    it.write(late_no(acted=1))
    whole = it.replay.replay(BRAND, Wished())
    assert [each.position for each in whole.invalid] == positions
    names = ("ENTRIES_A_PAGE", "CONTACTS_A_PAGE", "WORK_A_PAGE")
    for limits in ((2, 100, 999), (100, 2, 999), (3, 1, 999), (100, 100, 20), (100, 100, 0)):
        for name, limit in zip(names, limits, strict=True):
            monkeypatch.setattr(replay, name, limit)
        found, read, start = [], 0, None
        while True:
            page = it.replay.replay(BRAND, Wished(), start)
            found += page.invalid
            read += page.entries_read
            start = page.next_position
            if start is None:
                break
        assert [each.position for each in found] == positions, limits
        assert read == whole.entries_total == whole.entries_read


def test_the_late_entry_named_is_the_one_without_which_it_would_be_allowed(it: Installation) -> None:
    phone = Identifier(IdentifierKind.PHONE, "+33612345678")
    on_day(it, 0, grant())
    contact(it, 5)
    on_day(it, 6, Link(customer=ADA_ID, contact_point=phone))
    on_day(it, 7, late_no(acted=6), late_no(acted=2, channel="sms"))
    (told,) = on_day(it, 8, late_no(acted=3, purpose="marketing.cart"))
    on_day(it, 9, late_no(acted=4, channel="email"), late_no(acted=4, purpose="marketing.birthday"))
    (invalid,) = replayed(it).invalid
    assert invalid.late_entry is not None
    assert invalid.late_entry.position == told.receipts[0].position
