"""What lapses, on every store: counted by day, with whom may be asked, and each sample as Check then answers."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.installations import BRAND, Installation
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, ask_to_confirm, grant, said, withdraw

from accord.domain.catalogue import Notice, Purpose
from accord.domain.commands import ApplyCatalogue, Grant, Link, Merge, Question, ReportContact, ReportContactPoint
from accord.domain.events import Justification
from accord.domain.problems import ErrorReason
from accord.domain.terms import (
    DAY,
    HOUR,
    SECOND,
    Identifier,
    IdentifierKind,
    Instant,
    Outcome,
    PointFact,
    Position,
    PurposeClass,
    Reason,
    Verdict,
)
from accord.service.answers import Authorized, Written
from accord.service.errors import CallError
from accord.service.everybody import Progress
from accord.service.forecasts import AskedOn, Lapsing, Step, Summary, Unconfirming, Wanted

CYD_ID, DAN_ID, EVE_ID = (Identifier(IdentifierKind.CUSTOMER_ID, name) for name in ("cyd", "dan", "eve"))
CYD_MAIL, DAN_MAIL, EVE_MAIL = (
    Identifier(IdentifierKind.EMAIL, f"{name}@example.com") for name in ("cyd", "dan", "eve")
)
ASK = "marketing.permission_request"
_NOTICE = CATALOGUE.notices[0]
ASKS = replace(
    CATALOGUE,
    purposes=(*CATALOGUE.purposes, Purpose(ASK, PurposeClass.MARKETING)),
    notices=(Notice("n1", (*_NOTICE.purposes, ASK), _NOTICE.texts, _NOTICE.channels),),
    caps=(),
)
NEWS = "marketing.cart"


class Town:
    """Ada, who is one person with Eve, and Cyd permitted until a day; Bob has yet to confirm.

    Cyd does not want to be asked, Dan withdrew all he permitted.
    """

    def __init__(self, installation: Installation) -> None:
        self.it = installation
        self.first: dict[Position, Identifier] = {}
        self.tell(ApplyCatalogue(catalogue=ASKS))
        mails = {ADA_ID: ADA_MAIL, BOB_ID: BOB_MAIL, CYD_ID: CYD_MAIL, DAN_ID: DAN_MAIL, EVE_ID: EVE_MAIL}
        for who, point in mails.items():
            self.first[self.tell(Link(customer=who, contact_point=point))] = who
        self.end = installation.clock.now + 5 * DAY
        for who in (ADA_ID, CYD_ID, DAN_ID):
            self.tell(Grant(customer=who, channels=("email",), evidence=said(), valid_until=self.end))
        self.tell(grant(BOB_ID, "form", BOB_MAIL))
        self.pending_until = installation.clock.now + 24 * HOUR
        self.tell(withdraw(CYD_ID, ASK))
        self.tell(withdraw(DAN_ID))
        self.tell(Merge(customers=(ADA_ID, EVE_ID), justification=Justification(reason="same person")))

    def tell(self, command: Any) -> Position:
        self.it.clock.advance(SECOND)
        (result,) = self.it.write(command)
        assert isinstance(result, Written), result
        return result.receipts[0].position

    def forecast(self, **wanted: Any) -> list[Step]:
        return list(self.it.forecasts.forecast(BRAND, Wanted(**wanted)))


def groups(steps: list[Step]) -> list[Lapsing]:
    return [each for each in steps if isinstance(each, Lapsing)]


def unconfirmed(steps: list[Step]) -> list[Unconfirming]:
    return [each for each in steps if isinstance(each, Unconfirming)]


def summary(steps: list[Step]) -> Summary:
    (found,) = (each for each in steps if isinstance(each, Summary))
    return found


@pytest.fixture
def town(installation: Installation) -> Town:
    return Town(installation)


def test_what_lapses_is_counted_by_day_with_whom_may_be_asked_as_check_then_answers(town: Town) -> None:
    head = town.it.store.head(BRAND)
    steps = town.forecast(within_days=30, purpose=NEWS, channel="email", samples=10)
    assert town.it.store.head(BRAND) == head
    told = summary(steps)
    assert (told.persons, told.persons_lapsing, told.lapses, told.asking) == (4, 3, 3, (ASK,))
    assert [each for each in steps if isinstance(each, Progress)] == [Progress(0, 4), Progress(4, 4)]
    pending, expired = groups(steps)
    assert (pending.lapse.time, pending.lapse.reason) == (
        town.pending_until - town.pending_until % DAY,
        Reason.PENDING_EXPIRED,
    )
    assert (pending.persons, pending.now, pending.in_time, pending.channels) == (1, 0, 0, ())
    assert (expired.lapse.time, expired.lapse.reason) == (town.end - town.end % DAY, Reason.PERMISSION_EXPIRED)
    # Ada may be asked, while it lasts; Cyd said not to be.
    assert (expired.persons, expired.now, expired.in_time) == (2, 1, 1)
    assert expired.channels == (AskedOn("email", 1, 1),)
    assert {sample.time for sample in expired.samples} == {town.end}
    met = {town.first[each.position] for each in (*pending.samples, *expired.samples)}
    assert met in ({ADA_ID, BOB_ID, CYD_ID}, {EVE_ID, BOB_ID, CYD_ID})
    for sample in (*pending.samples, *expired.samples):
        who = town.first[sample.position]
        asked = dict(sample.asking)
        for pair, decision in (((NEWS, "email"), sample.now), *asked.items()):
            question = Question(customer=who, purpose=pair[0], channel=pair[1])
            now = town.it.questions.check(BRAND, question, full=True).decision
            assert (now.verdict, now.reason, now.trace) == (decision.verdict, decision.reason, decision.trace)
        assert asked[ASK, "email"].verdict is (Verdict.ALLOW if who in {ADA_ID, EVE_ID} else Verdict.DENY)
    town.it.clock.advance(5 * DAY)
    for sample in expired.samples:
        question = Question(customer=town.first[sample.position], purpose=NEWS, channel="email")
        then = town.it.questions.check(BRAND, question, full=True).decision
        assert (then.reason, then.trace) == (sample.then.reason, sample.then.trace)


def test_nobody_may_be_asked_at_an_address_that_complained(town: Town) -> None:
    town.tell(ReportContactPoint(contact_point=ADA_MAIL, fact=PointFact.COMPLAINED))
    town.tell(ReportContactPoint(contact_point=EVE_MAIL, fact=PointFact.COMPLAINED))
    found = groups(town.forecast(within_days=30, channel="email"))
    # What can no longer reach her is a no already, and lapses no more.
    assert {
        (each.lapse.purpose, each.persons, each.in_time)
        for each in found
        if each.lapse.reason is Reason.PERMISSION_EXPIRED
    } == {
        (NEWS, 1, 0),
        ("marketing.birthday", 1, 0),
    }


def test_several_topics_of_one_person_that_lapse_together_are_counted_once_as_check_then_answers(town: Town) -> None:
    topics = ("sku-1", "sku-2")
    for topic in topics:
        given = Grant(customer=EVE_ID, channels=("sms",), evidence=said(), topics=(topic,), valid_until=town.end)
        town.tell(given)
    town.tell(Link(customer=EVE_ID, contact_point=Identifier(IdentifierKind.PHONE, "+33612345678")))
    steps = town.forecast(within_days=30, purpose=NEWS, channel="sms", samples=2)
    (found,) = groups(steps)
    assert (found.limits, found.persons, summary(steps).lapses) == (("topic",), 1, 1)
    (sample,) = found.samples
    question = Question(customer=EVE_ID, purpose=NEWS, channel="sms", topic=topics[0])
    now = town.it.questions.check(BRAND, question, full=True).decision
    assert (now.verdict, now.reason) == (sample.now.verdict, sample.now.reason)
    assert now.verdict in {Verdict.ALLOW, Verdict.DEFER}
    town.it.clock.advance(5 * DAY)
    then = town.it.questions.check(BRAND, question, full=True).decision
    assert (then.verdict, then.reason) == (sample.then.verdict, sample.then.reason)


def test_what_is_permitted_to_one_of_several_addresses_is_told_as_check_of_that_address_then_answers(
    town: Town,
) -> None:
    work = Identifier(IdentifierKind.EMAIL, "dan@work.example")
    town.tell(Grant(customer=DAN_ID, channels=("email",), evidence=said(), contact_point=work, valid_until=town.end))
    steps = town.forecast(within_days=30, purpose=NEWS, channel="email", samples=5)
    (found,) = (each for each in groups(steps) if each.limits)
    assert (found.limits, found.persons, found.lapse.reason) == (("contact_point",), 1, Reason.WITHDRAWN)
    (sample,) = found.samples
    assert (town.first[sample.position], sample.time) == (DAN_ID, town.end)

    def asked(**named: Any) -> Any:
        question = Question(customer=DAN_ID, purpose=NEWS, channel="email", **named)
        return town.it.questions.check(BRAND, question, full=True).decision

    for told in (sample.now, sample.then):
        town.it.clock.now = Instant(max(town.it.clock.now, told.time))
        found_then = asked(contact_point=work)
        assert (found_then.verdict, found_then.reason, found_then.trace) == (told.verdict, told.reason, told.trace)
        assert asked().verdict is asked(contact_point=DAN_MAIL).verdict is Verdict.DENY
    assert (sample.now.verdict, sample.then.verdict) == (Verdict.ALLOW, Verdict.DENY)
    assert sample.now.positions


def test_what_will_be_left_unconfirmed_is_told_with_the_answer_to_one_more_request(town: Town) -> None:
    steps = town.forecast(within_days=2, samples=1)
    assert summary(steps).unconfirmed == 1
    (found,) = unconfirmed(steps)
    assert found.time == town.pending_until - town.pending_until % DAY
    assert (found.touchpoint, found.verdict, found.permissions) == ("form", Verdict.ALLOW, 1)
    (sample,) = found.samples
    assert (sample.time, sample.pair) == (town.pending_until, ("service.opt_in", "email"))
    (asked,) = town.it.write(ask_to_confirm(sample.permission, "mail", BOB_ID))
    assert isinstance(asked, Authorized)
    assert sample.answer
    assert asked.authorization.decision.verdict is sample.answer.verdict
    town.tell(ReportContact(contact_id="mail", outcome=Outcome.SENT))
    (again,) = unconfirmed(town.forecast(within_days=2, samples=1))
    assert (again.verdict, again.reason) == (Verdict.DENY, Reason.CONFIRMATION_REQUESTED)
    assert again.samples[0].answer is not None
    assert again.samples[0].answer.trace
    assert unconfirmed(town.forecast(within_days=2, purpose="service")) == []


def test_nothing_lapses_before_its_day_and_an_unknown_branch_or_channel_is_told(town: Town) -> None:
    assert {each.lapse.reason for each in groups(town.forecast(within_days=4))} == {Reason.PENDING_EXPIRED}
    for wanted, reason in (
        ({"purpose": "marketing.none"}, ErrorReason.PURPOSE_UNKNOWN),
        ({"channel": "fax"}, ErrorReason.CHANNEL_UNKNOWN),
    ):
        with pytest.raises(CallError) as raised:
            town.forecast(within_days=4, **wanted)
        assert raised.value.problem.reason is reason


def test_a_brand_without_catalogue_has_no_answers_that_could_lapse(installation: Installation) -> None:
    with pytest.raises(CallError) as raised:
        list(installation.forecasts.forecast(BRAND, Wanted(within_days=1)))
    assert raised.value.problem.reason is ErrorReason.CATALOGUE_MISSING
