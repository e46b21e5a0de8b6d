"""Laws of the double opt-in that hold for every history: a no is never turned by a click, one token counts, mailboxes
are left in peace."""

from dataclasses import dataclass, field
from random import Random

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from support.histories import History, folded, identifier, instant

from accord.domain.admit import Authorization
from accord.domain.commands import (
    AuthorizeContact,
    Confirm,
    Declaration,
    Grant,
    Question,
    Refuse,
    ReportContact,
    Unlink,
)
from accord.domain.decide import decide
from accord.domain.problems import ErrorReason, Problem
from accord.domain.state import encode
from accord.domain.terms import (
    DAY,
    HOUR,
    Declarant,
    Identifier,
    Instant,
    Method,
    Outcome,
    Position,
    Recorder,
    RefusalKind,
    Verdict,
)
from accord.service import confirmation_tokens

CHANCE = st.randoms(use_true_random=False)
LAW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
START = instant("2026-01-01T09:00Z")
CUSTOMERS = (identifier("ada"), identifier("bob"))
ADDRESSES = (identifier("email:one@example.com"), identifier("email:two@example.com"))
PURPOSES = ("marketing.newsletter", "marketing.birthday")


@dataclass
class Given:
    """What one sign-up was, and the token that counts for it."""

    customer: Identifier
    address: Identifier
    act_time: int
    recorded_time: int
    token: str = ""
    clicked: bool = False


@dataclass
class Told:
    """A plain list of what was said, beside the ledger."""

    given: dict[int, Given] = field(default_factory=dict)
    tokens: list[tuple[int, str]] = field(default_factory=list)
    refusals: list[tuple[Identifier, int, Refuse]] = field(default_factory=list)
    asked: dict[str, tuple[Identifier, int]] = field(default_factory=dict)


def _said(act_time: int, method: Method = Method.TICKED_BOX) -> Declaration:
    return Declaration(
        touchpoint="double_opt_in",
        method=method,
        declarant=Declarant.CUSTOMER,
        recorder=Recorder.SYSTEM,
        language="en",
        act_time=Instant(act_time),
    )


def _sign_up(random: Random, history: History, told: Told, now: int) -> None:
    customer, address = random.choice(CUSTOMERS), random.choice((*ADDRESSES, ADDRESSES[0], ADDRESSES[0]))
    act_time = now - random.choice((0, 0, HOUR))
    position = history.size
    assert history.command(Grant(customer=customer, contact_point=address, evidence=_said(act_time))) is None
    told.given[position] = Given(customer, address, act_time, history.now)


def _ask(random: Random, history: History, told: Told, now: int) -> None:
    if not told.given:
        return
    position = random.choice(list(told.given)[-2:])
    given, contact_id = told.given[position], f"c{random.randint(1, 20)}"
    question = Question(customer=given.customer, purpose="service.opt_in_confirmation", channel="email")
    command = AuthorizeContact(contact_id=contact_id, question=question, confirms=Position(position))
    found = history.command(command)
    token = history.token
    allowed = isinstance(found, Authorization) and found.decision.verdict is Verdict.ALLOW
    assert bool(token) is allowed
    if allowed:
        given.token = token
        told.tokens.append((position, token))
        told.asked[contact_id] = (given.address, history.now)
        assert not _refused_since(told, given)
        recent = [time for address, time in told.asked.values() if address == given.address and time > now - DAY]
        assert len(recent) <= 3


def _click(random: Random, history: History, told: Told, now: int) -> None:
    if not told.tokens:
        return
    position, token = random.choice(told.tokens)
    given, before = told.given[position], history.size
    # The act time a caller tells of a click must not help it.
    evidence = _said(now - random.choice((0, HOUR)), Method.CONFIRMATION_LINK)
    found = history.command(Confirm(evidence=evidence, token=confirmation_tokens.read(token)))
    if token != given.token:
        assert isinstance(found, Problem)
        assert (found.reason, history.size) == (ErrorReason.TOKEN_INVALID, before)
    elif not isinstance(found, Problem):
        assert history.size == before + (not given.clicked)
        given.clicked = True
    _check(history, told)


def _refuse(random: Random, history: History, told: Told, now: int) -> None:
    customer = random.choice(CUSTOMERS)
    act_time = now - random.choice((0, 0, 2 * HOUR, -HOUR))
    command = Refuse(
        kind=random.choice(tuple(RefusalKind)),
        customer=customer,
        evidence=_said(act_time),
        purpose=random.choice(("", "marketing", PURPOSES[0])),
        contact_point=random.choice((None, None, *ADDRESSES)),
    )
    assert history.command(command) is None
    told.refusals.append((customer, min(act_time, history.now), command))
    _check(history, told)


def _report(random: Random, history: History, told: Told, _now: int) -> None:
    if told.asked:
        contact_id, outcome = random.choice(list(told.asked)), random.choice(tuple(Outcome))
        history.command(ReportContact(contact_id=contact_id, outcome=outcome))
        if outcome is Outcome.CANCELLED:
            del told.asked[contact_id]


def _unlink(random: Random, history: History, _told: Told, _now: int) -> None:
    history.command(Unlink(customer=random.choice(CUSTOMERS), contact_point=random.choice(ADDRESSES)))


def _refused_since(told: Told, given: Given) -> bool:
    """Say whether a no to everything the sign-up would permit was said since its act."""
    return any(
        customer == given.customer and act_time >= given.act_time and it.purpose in ("", "marketing")
        for customer, act_time, it in told.refusals
        if it.contact_point in (None, given.address)
    )


def _check(history: History, told: Told) -> None:
    """No answer is a yes that rests on a permission refused since its act, or on one that nobody clicked."""
    for customer in CUSTOMERS:
        known = history.customer(customer)
        if known is None or isinstance(known, Problem):
            continue
        for purpose in PURPOSES:
            for address in ADDRESSES:
                question = Question(customer=customer, purpose=purpose, channel="email", contact_point=address)
                asked = history.customer(customer, address)
                assert asked is None or not isinstance(asked, Problem)
                decision = decide(asked, question, history.policy, history.now)
                if decision.verdict is Verdict.ALLOW:
                    assert decision.permission is not None
                    given = told.given[decision.permission]
                    assert given.clicked
                    assert given.address == address
                    assert not _refused_since(told, given)


@LAW
@given(CHANCE)
def test_no_click_turns_a_no_and_one_token_counts_and_no_mailbox_is_asked_too_often(random: Random) -> None:
    history, told, time = History("boutique"), Told(), int(START)
    acts = (_sign_up, _sign_up, _ask, _ask, _ask, _click, _click, _click, _refuse, _report, _unlink)
    for _ in range(random.randint(4, 50)):
        time += random.choice((0, 1, 1, 1, HOUR, HOUR, 6 * HOUR, 30 * HOUR))
        history.at(Instant(time))
        random.choice(acts)(random, history, told, max(time, history.now + 1))
    world = folded(history.entries)
    assert {ref: encode(state) for ref, state in world.states.items()} == {
        ref: encode(state) for ref, state in history.world.states.items() if ref in world.states
    }
    assert world.points == history.world.points
