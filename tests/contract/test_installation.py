"""What an installation does on every store: small histories, each of one truth."""

from typing import Any

from property.scene import catalogue
from support.installations import BRAND, START, Installation
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, CATALOGUE, ask_to_confirm, click, grant, said, withdraw

from accord.domain.commands import ApplyCatalogue, Grant, Link, Question, Refuse
from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import HOUR, Identifier, IdentifierKind, PermissionStatus, Position, RefusalKind
from accord.ledger.entry import BRAND_REF
from accord.service.answers import Authorized, Written


def written(result: Any) -> Written:
    assert isinstance(result, Written), result
    return result


def token_of(result: Any) -> str:
    assert isinstance(result, Authorized), result
    assert result.confirmation_token, result
    return result.confirmation_token


def test_a_catalogue_may_be_applied_again_in_a_later_commit(installation: Installation) -> None:
    for version in (1, 2, 3):
        (result,) = installation.write(ApplyCatalogue(catalogue=CATALOGUE, expected_version=version - 1))
        assert written(result).version == version
        installation.write(grant())
    assert [each.version for each in installation.catalogues.versions(BRAND)] == [1, 2, 3]
    assert [each.position for each in installation.store.entries(BRAND, 1, 9, BRAND_REF)] == [0, 2, 4]
    assert installation.audit().faults == ()


def test_the_link_of_an_earlier_sign_up_still_confirms(installation: Installation) -> None:
    """Two sign-ups, two mails: whichever link is clicked says yes."""
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    first, second = installation.write(grant(touchpoint="form"), grant(touchpoint="form"))
    places = [written(each).receipts[0].position for each in (first, second)]
    mails = installation.write(*(ask_to_confirm(place, f"mail-{place}") for place in places))
    (confirmed,) = installation.write(click(token_of(mails[0])))
    assert written(confirmed)
    question = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
    decision = installation.questions.check(BRAND, question).decision
    assert (decision.verdict.name, decision.permission) == ("ALLOW", written(first).receipts[0].position)
    assert written(second).receipts[0].position == Position(2)


def test_a_confirmation_by_its_link_is_the_same_on_every_store(installation: Installation) -> None:
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    (given,) = installation.write(grant(touchpoint="form"))
    position = written(given).receipts[0].position
    (early,) = installation.write(ask_to_confirm(position))
    (late,) = installation.write(ask_to_confirm(position))
    (refused,) = installation.write(click(token_of(early)))
    assert isinstance(refused, Problem)
    assert refused.reason is ErrorReason.TOKEN_INVALID
    (first,) = installation.write(click(token_of(late)))
    (again,) = installation.write(click(token_of(late)))
    assert written(first).status == written(again).status == PermissionStatus.ACTIVE
    assert (written(again).receipts, written(again).told_at) == ((), written(first).receipts[0].position)
    assert installation.audit().faults == ()


def test_a_permission_stays_when_a_wider_one_rests_on_a_notice_that_goes_stale(installation: Installation) -> None:
    """Each was given on its own text: that one of the texts no longer counts says nothing of the other."""
    customer = Identifier(IdentifierKind.CUSTOMER_ID, "ada")
    installation.write(ApplyCatalogue(catalogue=catalogue(0)))
    for touchpoint in ("fair", "web"):
        installation.write(Grant(customer=customer, evidence=said(touchpoint)))
    installation.write(ApplyCatalogue(catalogue=catalogue(1)))
    question = Question(customer=customer, purpose="marketing.news", channel="email")
    decision = installation.questions.check(BRAND, question).decision
    assert (decision.verdict.name, decision.permission) == ("ALLOW", 1)


def test_a_refusal_of_an_address_that_several_hold_is_recorded_in_the_same_order_everywhere(
    installation: Installation,
) -> None:
    """The order is part of the ledger: a second store told the same would else have another root."""
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    for number in range(12):
        shared = Identifier(IdentifierKind.EMAIL, f"shared-{number}@example.com")
        for holder in range(3):
            customer = Identifier(IdentifierKind.CUSTOMER_ID, f"holder-{number}-{holder}")
            installation.write(Link(customer=customer, contact_point=shared))
        (result,) = installation.write(Refuse(kind=RefusalKind.WITHDRAWN, customer=shared, evidence=said()))
        positions = [each.position for each in written(result).receipts]
        refs = [installation.store.entries(BRAND, position, 1)[0].customer_ref for position in positions]
        assert len(refs) == 3
        assert refs == sorted(refs)


def test_an_entry_is_recorded_later_than_the_one_before_it_even_when_the_clock_goes_back(
    installation: Installation,
) -> None:
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    installation.clock.advance(-HOUR)
    (result,) = installation.write(grant())
    assert written(result).receipts[0].recorded_time == START + 1
    assert installation.audit().faults == ()


def test_a_withdrawal_counts_for_the_check_that_follows_it_whatever_the_clock_says(installation: Installation) -> None:
    question = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    installation.write(grant())
    assert installation.questions.check(BRAND, question).decision.verdict.name == "ALLOW"
    installation.clock.advance(-HOUR)
    installation.write(withdraw())
    assert installation.questions.check(BRAND, question).decision.verdict.name == "DENY"


def test_a_no_of_an_unknown_person_binds_whoever_is_known_by_the_address_later(installation: Installation) -> None:
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    installation.write(Refuse(kind=RefusalKind.OBJECTED, customer=ADA_MAIL, evidence=said()))
    installation.clock.advance(HOUR)
    installation.write(Link(customer=BOB_ID, contact_point=ADA_MAIL))
    earlier = said(act_time=START)
    installation.write(Grant(customer=BOB_ID, contact_point=ADA_MAIL, evidence=earlier))
    question = Question(customer=BOB_ID, purpose="marketing.cart", channel="email")
    assert installation.questions.check(BRAND, question).decision.reason.name == "OBJECTED"
