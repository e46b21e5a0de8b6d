"""What was true at an instant, by all that is known today or only by what was known then."""

import pytest
from msgspec.structs import replace
from support.installations import BRAND, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, asked_erasure, grant, said, withdraw

from accord.domain.commands import (
    AcceptLoss,
    ApplyCatalogue,
    AuthorizeContact,
    Command,
    Grant,
    Link,
    Merge,
    Question,
    RecordHandover,
    Refuse,
    ReportContact,
    ReportContactPoint,
    Split,
    Unlink,
)
from accord.domain.events import Justification, LedgerRecovered
from accord.domain.problems import ErrorReason
from accord.domain.state import POINT_FACTS, PointState, told_at
from accord.domain.terms import (
    DAY,
    HOUR,
    Identifier,
    Instant,
    Outcome,
    PointFact,
    Position,
    Reason,
    RefusalKind,
    Verdict,
)
from accord.ledger.lookup import Lookups
from accord.service.answers import Problem
from accord.service.errors import CallError
from accord.service.past import Moment, Then, Told
from accord.service.past_questions import PastAnswer

CART = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
WHY = Justification(reason="one person")


@pytest.fixture
def it() -> Installation:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    made.write(ApplyCatalogue(catalogue=CATALOGUE))
    return made


def day(number: int) -> Instant:
    return Instant(START + number * DAY)


def on_day(it: Installation, number: int, *commands: Command) -> None:
    it.clock.now = day(number)
    assert not [each for each in it.write(*commands) if isinstance(each, Problem)]


def then(it: Installation, number: int, known_on: int | None = None, question: Question = CART) -> PastAnswer:
    it.clock.now = day(30)
    known = Instant(0) if known_on is None else day(known_on)
    asked = Then(as_of=Instant(day(number) + HOUR), as_known_at=Instant(known + HOUR) if known else known)
    return it.past_questions.check(BRAND, question, asked)


def told(
    it: Installation, number: int, known_on: int | None = None, question: Question = CART
) -> tuple[Verdict, Reason]:
    decision = then(it, number, known_on, question).decision
    return decision.verdict, decision.reason


ALLOWED = (Verdict.ALLOW, Reason.PERMITTED)


def test_a_withdrawal_told_late_was_true_when_it_was_said_and_known_when_it_was_told(it: Installation) -> None:
    on_day(it, 0, grant())
    late = Refuse(kind=RefusalKind.WITHDRAWN, customer=ADA_ID, evidence=said(act_time=day(3)))
    on_day(it, 9, late)
    assert told(it, 2) == ALLOWED
    assert told(it, 5) == (Verdict.DENY, Reason.WITHDRAWN)
    assert told(it, 5, known_on=5) == ALLOWED
    assert told(it, 5, known_on=9) == (Verdict.DENY, Reason.WITHDRAWN)


def test_a_permission_told_late_counts_from_the_act_and_lifts_no_refusal_told_after_it(it: Installation) -> None:
    paper = Grant(customer=ADA_ID, contact_point=ADA_MAIL, evidence=said(act_time=day(2)))
    on_day(it, 5, paper)
    assert told(it, 1) == (Verdict.DENY, Reason.CUSTOMER_UNKNOWN)
    assert told(it, 3) == ALLOWED
    assert told(it, 3, known_on=3) == (Verdict.DENY, Reason.CUSTOMER_UNKNOWN)
    on_day(it, 6, Refuse(kind=RefusalKind.OBJECTED, customer=ADA_ID, evidence=said(act_time=day(1))))
    assert told(it, 3) == (Verdict.DENY, Reason.OBJECTED)
    assert told(it, 3, known_on=5) == ALLOWED


def test_the_catalogue_and_the_time_are_those_of_then(it: Installation) -> None:
    on_day(it, 0, grant())
    stale = tuple(replace(each, stale=True) for each in CATALOGUE.notices)
    on_day(it, 3, ApplyCatalogue(catalogue=replace(CATALOGUE, notices=stale)))
    assert told(it, 2) == ALLOWED
    assert told(it, 4) == (Verdict.DENY, Reason.NOTICE_STALE)
    before, after = then(it, 2).decision, then(it, 4).decision
    assert (before.policy_version, before.time, after.policy_version) == (1, day(2) + HOUR, 2)


def test_a_loss_that_nobody_had_accepted_denied_then_and_no_longer(it: Installation) -> None:
    on_day(it, 0, grant())
    on_day(it, 2, RecordHandover(told=LedgerRecovered(incarnation=2, handover="", lost=0)))
    assert told(it, 1) == ALLOWED
    on_day(it, 4, AcceptLoss(justification=WHY))
    assert [told(it, number) for number in (1, 3, 5)] == [ALLOWED, (Verdict.DENY, Reason.UNRECONCILED), ALLOWED]


def test_contacts_and_caps_count_as_far_as_they_had_happened(it: Installation) -> None:
    on_day(it, 0, grant(touchpoint="qr"))
    on_day(it, 1, AuthorizeContact(contact_id="once", question=CART))
    on_day(it, 4, ReportContact(contact_id="once", outcome=Outcome.FAILED, outcome_time=day(2)))
    assert told(it, 0) == ALLOWED
    assert told(it, 1) == (Verdict.DENY, Reason.USED_UP)
    assert told(it, 3) == ALLOWED, "it had failed, as is known today"
    assert told(it, 3, known_on=3) == (Verdict.DENY, Reason.USED_UP)


def test_who_held_an_address_then_is_asked_about_whoever_holds_it_today(it: Installation) -> None:
    on_day(it, 0, grant())
    on_day(it, 2, ReportContactPoint(contact_point=ADA_MAIL, fact=PointFact.BOUNCED))
    on_day(it, 4, Unlink(customer=ADA_ID, contact_point=ADA_MAIL))
    on_day(it, 6, Link(customer=BOB_ID, contact_point=ADA_MAIL))
    on_day(it, 8, ReportContactPoint(contact_point=ADA_MAIL, fact=PointFact.VERIFIED))
    by_address = replace(CART, customer=ADA_MAIL)
    assert told(it, 1, question=by_address) == ALLOWED
    assert told(it, 3, question=by_address) == (Verdict.DENY, Reason.CONTACT_POINT_BOUNCED)
    assert told(it, 5, question=by_address) == (Verdict.DENY, Reason.CUSTOMER_UNKNOWN)
    bob = replace(CART, customer=BOB_ID)
    assert told(it, 7, question=bob) == (Verdict.DENY, Reason.CONTACT_POINT_BOUNCED), "told of by whoever left it"
    assert told(it, 9, question=bob) == (Verdict.DENY, Reason.NO_PERMISSION)


def test_a_group_is_one_person_for_as_long_as_it_was(it: Installation) -> None:
    on_day(it, 0, grant(), Link(customer=BOB_ID, contact_point=BOB_MAIL))
    on_day(it, 2, Merge(customers=(ADA_ID, BOB_ID), justification=WHY))
    on_day(it, 4, Split(customer=BOB_ID, justification=WHY))
    on_day(it, 6, withdraw(BOB_ID))
    by_ada = replace(CART, customer=BOB_ID, contact_point=ADA_MAIL)
    assert told(it, 1, question=by_ada) == (Verdict.DENY, Reason.CONTACT_POINT_UNKNOWN)
    assert told(it, 3, question=by_ada) == ALLOWED
    assert told(it, 5, question=by_ada) == (Verdict.DENY, Reason.CONTACT_POINT_UNKNOWN)
    assert told(it, 7) == ALLOWED, "what was said after a split stays with whoever said it"


def test_an_address_several_hold_was_ambiguous_then(it: Installation) -> None:
    on_day(it, 0, grant(), Link(customer=BOB_ID, contact_point=ADA_MAIL))
    on_day(it, 2, Unlink(customer=BOB_ID, contact_point=ADA_MAIL))
    by_address = replace(CART, customer=ADA_MAIL)
    with pytest.raises(CallError) as refused:
        then(it, 1, question=by_address)
    assert refused.value.problem.reason is ErrorReason.CUSTOMER_AMBIGUOUS
    assert told(it, 3, question=by_address) == ALLOWED


def erase(it: Installation, number: int, customer: Identifier) -> None:
    it.clock.now = day(number)
    asked = asked_erasure(customer)
    assert it.erasures.ask(BRAND, asked).receipt


def test_of_whoever_was_one_person_with_somebody_erased_since_nothing_is_known(it: Installation) -> None:
    on_day(it, 0, grant(), grant(BOB_ID, point=BOB_MAIL))
    on_day(it, 2, Merge(customers=(ADA_ID, BOB_ID), justification=WHY))
    on_day(it, 4, Split(customer=BOB_ID, justification=WHY))
    erase(it, 6, BOB_ID)
    assert told(it, 1) == ALLOWED
    assert told(it, 3) == (Verdict.DENY, Reason.ERASED)


def test_who_was_erased_is_unknown_in_the_past_too(it: Installation) -> None:
    on_day(it, 0, grant())
    erase(it, 2, ADA_ID)
    assert told(it, 1) == (Verdict.DENY, Reason.CUSTOMER_UNKNOWN)


def test_a_no_of_somebody_erased_that_binds_an_address_bound_it_before_the_erasure(it: Installation) -> None:
    on_day(it, 0, grant(), Link(customer=BOB_ID, contact_point=ADA_MAIL))
    stop = Refuse(kind=RefusalKind.WITHDRAWN, customer=BOB_ID, contact_point=ADA_MAIL, evidence=said())
    on_day(it, 2, stop)
    erase(it, 4, BOB_ID)
    assert told(it, 1) == ALLOWED
    assert told(it, 3) == (Verdict.DENY, Reason.STOPPED)
    assert told(it, 5) == (Verdict.DENY, Reason.STOPPED)


def test_a_history_is_told_as_far_as_it_counted_by_pages(it: Installation) -> None:
    on_day(it, 0, grant())
    for number in range(1, 8):
        late = Refuse(kind=RefusalKind.REFUSED, customer=ADA_ID, evidence=said(act_time=day(number % 3)))
        on_day(it, number, late)
    whole = it.remembered.history(BRAND, ADA_ID, 1, 99)
    assert (len(whole.entries), whole.following) == (8, 0)
    known = it.remembered.history(BRAND, ADA_ID, 1, 99, Then(as_known_at=day(4)))
    assert [each.entry.position for each in known.entries] == [1, 2, 3, 4, 5]
    happened = Then(as_of=Instant(day(1) + HOUR))
    found, start = [], 1
    while start:
        page = it.remembered.history(BRAND, ADA_ID, start, 2, happened)
        assert len(page.entries) <= 2
        found += [each.entry.position for each in page.entries]
        start = page.following
    assert found == [1, 2, 4, 5, 7, 8]


@pytest.mark.parametrize("fact", POINT_FACTS)
def test_every_fact_that_somebody_erased_told_of_an_address_is_kept_for_the_past(fact: str) -> None:
    told_then = PointState(**{fact: Position(6)})
    assert told_at(told_then) == {6}
    erased = Told((), unreadable=False, points={b"mail": told_then})
    world = erased.fold(BRAND, Lookups(bytes(32), bytes(32)), Moment(START, 100))
    assert world.points == {b"mail": told_then}
