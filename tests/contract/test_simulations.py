"""A catalogue that is supposed, on every store: what it tells is what Check answers before and after Apply."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.installations import BRAND, Installation
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, said, withdraw

from accord.domain.catalogue import Cap, Catalogue, Channel, Purpose
from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Grant, Link, Merge, Question, ReportContactPoint
from accord.domain.decision import Decision
from accord.domain.events import Justification
from accord.domain.problems import ErrorReason, Problem
from accord.domain.simulation import Change
from accord.domain.terms import (
    DAY,
    SECOND,
    Identifier,
    IdentifierKind,
    Instant,
    PointFact,
    Position,
    PurposeClass,
    Reason,
    Verdict,
)
from accord.service.answers import Written
from accord.service.errors import CallError
from accord.service.everybody import Progress
from accord.service.simulations import Changed, Step, Summary, Supposed

CYD_ID, DAN_ID, EVE_ID = (Identifier(IdentifierKind.CUSTOMER_ID, name) for name in ("cyd", "dan", "eve"))
CYD_MAIL, DAN_MAIL, EVE_MAIL = (
    Identifier(IdentifierKind.EMAIL, f"{name}@example.com") for name in ("cyd", "dan", "eve")
)
OTHERWISE = replace(
    CATALOGUE,
    caps=(Cap("week", 1, 7),),
    channels=(*CATALOGUE.channels, Channel("post", IdentifierKind.POSTAL_ADDRESS)),
    purposes=(
        *(each for each in CATALOGUE.purposes if each.code != "service.opt_in"),
        Purpose("safety.recall", PurposeClass.SAFETY),
    ),
)
"""One contact a week instead of three, one channel and one purpose more, and one purpose less."""


class Town:
    """Ada was contacted, Bob said no, Cyd's address bounces, Dan said nothing; Eve is merged with Ada."""

    def __init__(self, installation: Installation) -> None:
        self.it = installation
        self.first: dict[Position, Identifier] = {}
        self.tell(ApplyCatalogue(catalogue=CATALOGUE))
        mails = {ADA_ID: ADA_MAIL, BOB_ID: BOB_MAIL, CYD_ID: CYD_MAIL, DAN_ID: DAN_MAIL, EVE_ID: EVE_MAIL}
        for who, point in mails.items():
            self.first[self.tell(Link(customer=who, contact_point=point))] = who
        for who in (ADA_ID, BOB_ID, CYD_ID):
            self.tell(Grant(customer=who, evidence=said()))
        question = Question(customer=ADA_ID, purpose="marketing.cart", channel="sms")
        self.it.write(AuthorizeContact(contact_id="c1", question=question))
        self.tell(withdraw(BOB_ID))
        self.tell(ReportContactPoint(contact_point=CYD_MAIL, fact=PointFact.BOUNCED))
        self.tell(Merge(customers=(ADA_ID, EVE_ID), justification=Justification(reason="same person")))

    def tell(self, command: Any) -> Position:
        self.it.clock.advance(SECOND)
        (result,) = self.it.write(command)
        assert isinstance(result, Written), result
        return result.receipts[0].position

    def simulate(self, catalogue: Catalogue, expected: int = 0, **supposed: Any) -> list[Step]:
        command = ApplyCatalogue(catalogue=catalogue, expected_version=expected)
        return list(self.it.simulations.simulate(BRAND, command, Supposed(**supposed)))

    def check(self, who: Identifier, change: Change) -> Decision | None:
        """Return the answer of Check in full view, None where it is an error; without when and by which version."""
        question = Question(customer=who, purpose=change.purpose, channel=change.channel)
        try:
            found = self.it.questions.check(BRAND, question, full=True).decision
        except CallError as error:
            if error.problem.reason in {ErrorReason.PURPOSE_UNKNOWN, ErrorReason.CHANNEL_UNKNOWN}:
                return None
            raise
        return undated(found)


def undated(decision: Decision | None) -> Decision | None:
    return replace(decision, time=Instant(0), policy_version=0) if decision else None


def changes(steps: list[Step]) -> list[Changed]:
    return [each for each in steps if isinstance(each, Changed)]


def summary(steps: list[Step]) -> Summary:
    (found,) = (each for each in steps if isinstance(each, Summary))
    return found


@pytest.fixture
def town(installation: Installation) -> Town:
    return Town(installation)


def test_each_sample_is_answered_as_check_answers_before_and_after_the_catalogue_is_applied(town: Town) -> None:
    head = town.it.store.head(BRAND)
    found = changes(town.simulate(OTHERWISE, samples=10))
    assert town.it.store.head(BRAND) == head
    samples = [(each.change, town.first[sample.position], sample) for each in found for sample in each.samples]
    assert {who for _, who, _ in samples} >= {BOB_ID, CYD_ID, DAN_ID}
    for change, who, sample in samples:
        assert town.check(who, change) == undated(sample.before)
    (applied,) = town.it.write(ApplyCatalogue(catalogue=OTHERWISE))
    assert isinstance(applied, Written)
    for change, who, sample in samples:
        assert town.check(who, change) == undated(sample.after)


def test_what_changes_is_counted_for_each_pair_by_verdict_and_reason(town: Town) -> None:
    steps = town.simulate(OTHERWISE, samples=1)
    found = {}
    for each in changes(steps):
        it = each.change
        key = (it.purpose, it.channel, it.before.reason, it.after.verdict, it.after.reason)
        found[key] = (each.persons, len(each.samples))
    capped = (Reason.PERMITTED, Verdict.DEFER, Reason.BRAND_CAP_REACHED)
    opened = (None, Verdict.ALLOW, Reason.PERMITTED)
    # Ada, who is one person with Eve, was contacted this week; Cyd was not, and may still be.
    assert found == {
        ("marketing.cart", "sms", *capped): (1, 1),
        ("marketing.cart", "email", *capped): (1, 1),
        ("marketing.birthday", "sms", *capped): (1, 1),
        ("marketing.birthday", "email", *capped): (1, 1),
        ("service.order", "post", *opened): (4, 1),
        ("safety.recall", "email", *opened): (3, 1),
        ("safety.recall", "sms", *opened): (4, 1),
        ("safety.recall", "post", *opened): (4, 1),
    }
    told = summary(steps)
    assert (told.persons, told.persons_flipped, told.flips) == (4, 4, 19)
    assert (told.version_before, told.version_after) == (1, 2)
    assert [each for each in steps if isinstance(each, Progress)] == [Progress(0, 4), Progress(4, 4)]


def test_the_same_catalogue_changes_nothing_and_asks_nothing(town: Town) -> None:
    steps = town.simulate(CATALOGUE, samples=10)
    told = summary(steps)
    assert (changes(steps), told.flips, told.persons_flipped, told.pairs_bound_otherwise) == ([], 0, 0, 0)
    assert (told.persons, told.pairs) == (4, 8)


@pytest.mark.parametrize(
    ("catalogue", "expected"),
    [
        (replace(CATALOGUE, controller="", country="XX", levels=()), 0),
        (replace(CATALOGUE, notices=()), 0),
        (CATALOGUE, 7),
    ],
)
def test_a_catalogue_is_turned_away_as_apply_turns_it_away(
    installation: Installation, catalogue: Catalogue, expected: int
) -> None:
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    head = installation.store.head(BRAND)
    command = ApplyCatalogue(catalogue=catalogue, expected_version=expected)
    with pytest.raises(CallError) as raised:
        list(installation.simulations.simulate(BRAND, command, Supposed()))
    (problem,) = installation.write(command)
    assert isinstance(problem, Problem)
    assert raised.value.problem == problem
    assert installation.store.head(BRAND) == head


def test_both_are_asked_at_the_instant_that_was_named(town: Town) -> None:
    later = Instant(town.it.clock.now + 8 * DAY)
    steps = town.simulate(OTHERWISE, time=later)
    assert summary(steps).time == later
    # The contact of this week left the window by then.
    assert not [each for each in changes(steps) if each.change.after.reason is Reason.BRAND_CAP_REACHED]
    with pytest.raises(CallError, match="decision_time"):
        town.simulate(OTHERWISE, time=Instant(town.it.clock.now - 1))


def test_a_brand_without_catalogue_has_nothing_to_compare_with(installation: Installation) -> None:
    with pytest.raises(CallError) as raised:
        list(installation.simulations.simulate(BRAND, ApplyCatalogue(catalogue=CATALOGUE), Supposed()))
    assert raised.value.problem.reason is ErrorReason.CATALOGUE_MISSING


def test_a_brand_without_customers_changes_nobody(installation: Installation) -> None:
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    steps = list(installation.simulations.simulate(BRAND, ApplyCatalogue(catalogue=OTHERWISE), Supposed(samples=3)))
    assert (summary(steps).persons, changes(steps)) == (0, [])
