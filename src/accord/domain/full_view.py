"""The full view of an answer: what would make it allowed, and what its words need besides it.

Never changes an answer; made only where it is asked for.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from accord.domain import calendar
from accord.domain.commands import Question
from accord.domain.decision import Background, Customer, Decision
from accord.domain.group import decide_under
from accord.domain.policy import Policy
from accord.domain.remedies import Trial, Tried, of_contact, remedies
from accord.domain.state import ContactMark, Listing, own_list_of
from accord.domain.terms import Instant


def completed(  # noqa: PLR0913 - a question has this many sides
    found: Decision,
    readings: Sequence[Customer | None],
    question: Question,
    policy: Policy,
    *,
    own_contact: ContactMark | None = None,
    tried: Tried | None = None,
) -> Decision:
    """Return the answer with its remedies and its background.

    `readings` are the customer under each reading of the facts, as the answer was sought; None: nobody is
    known. `tried` says how a trial is judged, where it is not by `decide`.
    """
    known = tuple(each for each in readings if each is not None)
    trial = Trial(known, found.time, own_contact)
    told = remedies(tried or of_contact(question, policy), trial, found)
    purposes = {question.purpose, *(each.purpose for each in told if each.purpose)}
    touchpoints = {code for each in told for code in each.touchpoints}
    background = Background(
        purpose=question.purpose,
        channel=question.channel,
        limits=tuple(side for side in ("topic", "place", "recipient") if getattr(question, side)),
        time_zone=_time_zone(known, policy),
        edition=policy.catalogue.rules_edition,
        titles={
            **{code: policy.purposes[code].title for code in purposes},
            **{code: policy.touchpoints[code].title for code in touchpoints},
        },
        own_list=_own_list(found, known),
    )
    return replace(found, remedies=told, background=background)


def answered(  # noqa: PLR0913 - a question has this many sides
    readings: Sequence[Customer | None],
    question: Question,
    policy: Policy,
    now: Instant,
    *,
    own_contact: ContactMark | None = None,
    full: bool = False,
) -> Decision:
    """Return the answer under the readings, with the rest of the full view where that is asked for."""
    found = decide_under(readings, question, policy, now, own_contact=own_contact, full=full)
    return completed(found, readings, question, policy, own_contact=own_contact) if full else found


def _own_list(found: Decision, readings: Sequence[Customer]) -> Listing | None:
    """Return the brand's own list behind a suppression that the answer or a step of its trace rests on."""
    told = {*found.positions, *(at for step in found.trace if step.finding for at in step.finding.positions)}
    lists = (
        own_list_of(mark, point.state)
        for customer in readings
        for point in customer.points
        for mark in point.state.refusals
        if mark.position in told
    )
    return next(filter(None, lists), None)


def _time_zone(readings: Sequence[Customer], policy: Policy) -> str:
    """Return the customer's time zone, empty where more than one may be theirs."""
    zones = {
        zone
        for facts in (each.state.facts for each in readings)
        for zone in calendar.candidate_zones(
            calendar.whereabouts(facts.country, facts.region, facts.time_zone, policy.home_country)
        )
    }
    return zones.pop() if len(zones) == 1 else ""
