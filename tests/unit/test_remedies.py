"""What would make it allowed is true: whoever does it, by the commands that serve, is allowed."""

import re
from collections.abc import Iterator

import pytest
from support.histories import GOLDEN, Act, Asked, History, Step, Vector, identifier, themes, vectors
from support.remedying import followed

from accord.domain.commands import Erase
from accord.domain.decision import Decision
from accord.domain.explain import Explainer
from accord.domain.terms import (
    ErasureMode,
    ErasureReason,
    Identifier,
    IdentifierKind,
    Reason,
    Recorder,
    RemedyKind,
    Verdict,
)
from accord.domain.words import LANGUAGES

_FILES = [*themes(GOLDEN), *themes(GOLDEN / "law")]
_NOES = [vector for file in _FILES for vector in vectors(file) if vector.expect.verdict in {"DENY", "DEFER"}]

HOPELESS = {Reason.ERASED, Reason.DECEASED, Reason.NO_BASIS, Reason.ALREADY_CONFIRMED}
"""Reasons for which nothing ever helps."""

AT_TIMES_HOPELESS = {
    Reason.CONTACT_POINT_COMPLAINED: "the confirmation of a permission for that very address",
    Reason.OBJECTED: "where no permission is a ground, nothing lifts the objection",
    Reason.RECIPIENT_NOT_NAMED: "a service message carries nothing for a third party",
}


def told(vector: Vector) -> tuple[History, Decision]:
    history = History(vector.catalogue).tell(vector.history).give(vector.state)
    decision = history.ask(vector.ask, vector.time, full=True).decision
    assert decision is not None
    return history, decision


def addresses(vector: Vector) -> Iterator[Identifier]:
    """Return every address the history names as the customer's."""
    for step in vector.history:
        for act in (step.grant, step.link, step.address):
            named = (act.contact_point, act.customer) if act else ()
            yield from (point for each in named if each for point in [identifier(each)] if point.kind is not _ID)


_ID = IdentifierKind.CUSTOMER_ID


@pytest.mark.parametrize("vector", [pytest.param(each, id=each.name) for each in _NOES])
def test_who_does_what_a_no_asks_for_is_allowed(vector: Vector) -> None:
    history, decision = told(vector)
    kinds = [each.kind for each in decision.remedies]
    assert kinds
    if RemedyKind.NOTHING in kinds:
        assert kinds == [RemedyKind.NOTHING]
        assert decision.reason in HOPELESS | AT_TIMES_HOPELESS.keys()
        return
    assert decision.reason not in HOPELESS
    answer = followed(history, vector.ask, decision, addresses(vector)).decision
    assert answer is not None
    assert answer.verdict is Verdict.ALLOW, (kinds, answer.reason.name)


def test_every_no_there_is_has_been_tried() -> None:
    tried = {vector.expect.reason for vector in _NOES}
    # Whose entries were lost is told with the recovery: no history of one customer leads there.
    by_itself = {Reason.PERMITTED, Reason.SUPPRESSED, Reason.UNRECONCILED}
    assert tried >= {reason.name for reason in Reason if reason not in by_itself}


def test_whose_address_was_suppressed_is_allowed_by_an_act_of_their_own() -> None:
    history = History("boutique").tell([Step(time="2026-01-01T09:00Z", grant=Act(customer="ada", contact_point=_MAIL))])
    (ref,) = history.world.customers_of(identifier(_MAIL))
    erase = Erase(
        customers=(ref,),
        versions=(0,),  # no entry was sealed yet
        addresses=(identifier(_MAIL),),
        mode=ErasureMode.NOW,
        reason=ErasureReason.UNLAWFUL,
        request_time=history.now,
        keep_suppression=True,
    )
    assert history.command(erase) is None
    again = Act(customer="bob", contact_point=_MAIL, recorder=Recorder.IMPORT)
    history.tell([Step(time="2026-01-02T09:00Z", grant=again)])
    asked = Asked(customer="bob", channel="email", purpose="marketing.newsletter")
    decision = history.ask(asked, "2026-01-03T09:00Z", full=True).decision
    assert decision is not None
    assert decision.reason is Reason.SUPPRESSED
    for language in LANGUAGES:
        say = Explainer(decision, language)
        whole = " ".join((say.sentence(), say.what_would_allow(), *map(say.step, decision.trace)))
        assert not re.search("eras|effac|held|détenai|list|2026", whole), "whoever held it before is told of"
    assert [each.kind for each in decision.remedies] == [RemedyKind.GIVE_PERMISSION]
    answer = followed(history, asked, decision).decision
    assert answer is not None
    assert answer.verdict is Verdict.ALLOW


_MAIL = "email:ada@example.com"
