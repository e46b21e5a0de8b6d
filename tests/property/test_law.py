"""Laws that hold for every history: of refusals, of permissions, of time, of asking, of folding.

Histories are drawn at random, told to the code that serves, and asked about at random. The laws are
stated without knowing how the gates work.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from itertools import product
from random import Random

import hypothesis.strategies as st
from hypothesis import HealthCheck, assume, given, reject, settings
from msgspec.structs import replace
from support.histories import BEGINNING, Asked, Entry, History, catalogue_of, folded, identifier, instant
from support.remedying import followed

from accord.domain.catalogue import Catalogue
from accord.domain.commands import (
    AuthorizeContact,
    Command,
    Confirm,
    Declaration,
    Grant,
    Link,
    Merge,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
    Unlink,
)
from accord.domain.decide import ORDER, decide, examine_question
from accord.domain.decision import Customer, Decision
from accord.domain.events import Evidence, FactsRecorded, Justification, PermissionGranted, PermissionRefused
from accord.domain.fold import fold, fold_point
from accord.domain.full_view import completed
from accord.domain.group import decide_under
from accord.domain.packs import EDITIONS
from accord.domain.policy import Policy
from accord.domain.problems import Problem
from accord.domain.scope import Cell, Granted, code, permits
from accord.domain.state import NO_POINT, NO_STATE, decode_customer, decode_point, encode
from accord.domain.terms import (
    DAY,
    HOUR,
    SECOND,
    ActivityKind,
    Declarant,
    Identifier,
    Instant,
    Method,
    Outcome,
    PointFact,
    Position,
    PurposeClass,
    Reason,
    Recorder,
    RefusalKind,
    RemedyKind,
    Verdict,
)
from accord.ledger.projection import Projection

LAW = settings(
    max_examples=160,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
CHANCE = st.randoms(use_true_random=True)
START = instant("2026-06-05T08:00Z")
ADA, BOB = identifier("ada"), identifier("bob")
_NAMED = {each: identifier(each) for each in ("email:a@example.com", "email:b@example.com", "phone:+33612345678")}
ADDRESSES = tuple(_NAMED.values())
CONSENT = {"id": "consent", "basis": "PERMISSION", "purpose_class": "MARKETING", "guardian_below_age": 15}
CATALOGUE = {
    "extends": "everything",
    "bases": [
        {"id": "contract", "basis": "CURRENT_CONTRACT", "purpose_class": "MARKETING", "channels": ["voice"]},
        CONSENT,
        {
            "id": "sale",
            "basis": "SOFT_OPT_IN",
            "purpose_class": "MARKETING",
            "channels": ["email"],
            "purchase_within_days": 60,
        },
        {"id": "processing", "basis": "PERMISSION", "purpose_class": "PROCESSING"},
    ],
    "channels": [
        {"code": "email", "contact_point_kind": "EMAIL"},
        {"code": "sms", "contact_point_kind": "PHONE", "verification_required": True},
        {"code": "voice", "contact_point_kind": "PHONE"},
        {"code": "post", "contact_point_kind": "POSTAL_ADDRESS"},
        {"code": "in_store", "contact_point_kind": "BEACON_DEVICE"},
    ],
}
TOUCHPOINTS = (
    "web_form",
    "call_me",
    "trial",
    "month_form",
    "paper_form",
    "birthday_form",
    "alert_button",
    "partner_form",
    "partner_news_form",
    "profile_form",
    "order_month_form",
)
PURPOSES = (
    "marketing.newsletter",
    "marketing.birthday",
    "alert.back_in_stock",
    "service.order",
    "legal.terms",
    "profiling.recommendation",
    "sharing.partner",
)


@lru_cache
def _catalogue(edition: str) -> Catalogue:
    return catalogue_of(CATALOGUE | {"rules_edition": edition})


def _declaration(touchpoint: str, method: Method, declarant: Declarant, recorder: Recorder, act: int) -> Declaration:
    return Declaration(
        touchpoint=touchpoint,
        method=method,
        declarant=declarant,
        recorder=recorder,
        language="en",
        act_time=Instant(act),
    )


def _told_at(random: Random, now: int) -> int:
    """When a customer acted: now, or up to some months ago."""
    return random.choice((0, 0, now - random.randint(1, 90 * 24) * HOUR))


def _grant(random: Random, now: int) -> Grant:
    touchpoint = random.choice(TOUCHPOINTS)
    begin = now + random.choice((0, 0, random.randint(1, 40))) * DAY
    end = now + random.choice((0, random.randint(1, 120))) * DAY
    return Grant(
        customer=ADA,
        evidence=_declaration(
            touchpoint,
            Method.TICKED_BOX,
            random.choice((Declarant.CUSTOMER, Declarant.GUARDIAN)),
            random.choice((Recorder.SYSTEM, Recorder.CLERK, Recorder.IMPORT)),
            _told_at(random, now),
        ),
        channels=("email",) if touchpoint in {"web_form", "call_me"} and random.randint(0, 1) else (),
        contact_point=random.choice((None, None, *ADDRESSES)),
        topics=("sku-1",) if touchpoint == "alert_button" else (),
        recipients=("acme",) if touchpoint.startswith("partner") else (),
        valid_from=Instant(begin if begin > now else 0),
        valid_until=Instant(end if end > begin else 0),
    )


def _refusal(random: Random, now: int) -> Refuse:
    return Refuse(
        kind=random.choice(tuple(RefusalKind)),
        customer=random.choice((ADA, ADA, ADA, *ADDRESSES)),
        evidence=_declaration("web_form", Method.BUTTON, Declarant.CUSTOMER, Recorder.SYSTEM, _told_at(random, now)),
        purpose=random.choice(("", "marketing", "marketing.newsletter", "marketing.birthday", "service", "profiling")),
        channel=random.choice(("", "", "email", "sms", "voice")),
        contact_point=random.choice((None, None, *ADDRESSES)),
        recipient=random.choice(("", "", "", "acme")),
    )


def _facts(random: Random, now: int) -> RecordFacts:
    return RecordFacts(
        customer=ADA,
        facts=FactsRecorded(
            country=random.choice((None, "FR", "RE", "DE", "US", "CA", "JP")),
            time_zone=random.choice((None, "Europe/Paris", "Indian/Reunion", "America/New_York")),
            birth_year=random.choice((None, None, 1980, 2011, 2014)),
            contract_current=random.choice((None, True, False)),
            membership_current=random.choice((None, None, True, False)),
            paused_until=random.choice((None, Instant(now + random.randint(-10, 100) * DAY))),
        ),
    )


def _question(random: Random) -> Question:
    purpose = random.choice(PURPOSES)
    processing = purpose.startswith(("profiling", "sharing"))
    channel = "" if processing else random.choice(("email", "email", "sms", "voice", "post"))
    kinds = {"email": ADDRESSES[:2], "sms": ADDRESSES[2:], "voice": ADDRESSES[2:]}
    return Question(
        customer=ADA,
        purpose=purpose,
        channel=channel,
        topic="sku-1" if purpose == "alert.back_in_stock" else "",
        recipient=random.choice(("", "", "", "acme")),
        contact_point=random.choice((None, *kinds.get(channel, ()))),
    )


def _command(random: Random, now: int, size: int) -> Command:
    address, contact = random.choice(ADDRESSES), f"c{random.randint(1, 5)}"
    signature = _declaration("paper_form", Method.SIGNATURE, Declarant.CUSTOMER, Recorder.SYSTEM, 0)
    makers: tuple[Callable[[], Command], ...] = (
        lambda: _grant(random, now),
        lambda: _grant(random, now),
        lambda: _grant(random, now),
        lambda: _refusal(random, now),
        lambda: _facts(random, now),
        lambda: AuthorizeContact(contact_id=contact, question=_question(random)),
        lambda: AuthorizeContact(contact_id=contact, question=_question(random)),
        lambda: ReportContact(contact_id=contact, outcome=random.choice(tuple(Outcome))),
        lambda: ReportContactPoint(contact_point=address, fact=random.choice(tuple(PointFact))),
        lambda: Link(customer=ADA, contact_point=address),
        lambda: Unlink(customer=ADA, contact_point=address),
        lambda: Confirm(customer=ADA, evidence=signature, permission=Position(random.randint(1, max(1, size)))),
        lambda: ReportActivity(
            customer=ADA, kind=random.choice(tuple(ActivityKind)), objection_offered=bool(random.randint(0, 1))
        ),
    )
    return random.choice(makers)()


def _history(random: Random) -> History:
    history = History(_catalogue(random.choice(("", EDITIONS[-1]))))
    time = START
    for _ in range(random.randint(1, 12)):
        time = Instant(time + random.choice((0, 1, HOUR, 6 * HOUR, 11 * HOUR, DAY, 3 * DAY, 20 * DAY)))
        history.at(time).command(_command(random, time, history.size))
    return history


def _some_time_later(random: Random, history: History) -> Instant:
    return Instant(history.now + random.choice((0, 1, random.randint(0, 24), random.randint(0, 24 * 120))) * HOUR)


def _known(history: History, named: Identifier | None = None) -> Customer | None:
    found = history.customer(ADA, named)
    assert not isinstance(found, Problem)
    return found


def _ask(history: History, question: Question, now: int, *, full: bool = False) -> Decision:
    assert examine_question(question, history.policy) is None
    return decide(_known(history, question.contact_point), question, history.policy, Instant(now), full=full)


def _answered(random: Random, history: History, verdict: Verdict) -> tuple[Question, Instant, Decision]:
    """Return a question, an instant and the answer, which has this verdict; a history is cast off when none is found.

    Most questions are answered otherwise, and a history costs as much to tell as many questions cost to ask.
    """
    for _ in range(50):
        question, now = _question(random), _some_time_later(random, history)
        answer = _ask(history, question, now)
        if answer.verdict is verdict:
            return question, now, answer
    return reject()


@LAW
@given(CHANCE)
def test_adding_a_refusal_anywhere_never_turns_a_no_into_a_yes(random: Random) -> None:
    history, question = _history(random), _question(random)
    entries = history.entries
    refs = history.world.customers_of(ADA)
    assume(refs)
    index = random.randint(0, len(entries))
    numbers = sorted(folded(entries[:index]).held.get(refs[0], {}))
    time = entries[index - 1].recorded_time if index else START
    event = PermissionRefused(
        kind=random.choice(tuple(RefusalKind)),
        evidence=Evidence(
            touchpoint="web_form",
            method=Method.BUTTON,
            declarant=Declarant.CUSTOMER,
            recorder=Recorder.SYSTEM,
            act_time=Instant(time - random.randint(0, 60 * 24) * HOUR),
        ),
        purpose=random.choice(("", "marketing", "marketing.newsletter", "marketing.birthday", "service")),
        channel=random.choice(("", "email", "voice")),
        point=random.choice((0, *numbers)),
    )
    refused = Entry(refs[0], event, Position(10_000), time)
    now = _some_time_later(random, history)
    before = _asked_of(entries, question, history.policy, now)
    after = _asked_of([*entries[:index], refused, *entries[index:]], question, history.policy, now)
    assert after.verdict is not Verdict.ALLOW or before.verdict is Verdict.ALLOW


def _asked_of(entries: list[Entry], question: Question, policy: Policy, now: Instant) -> Decision:
    world = folded(entries)
    refs = world.customers_of(ADA)
    named = (ADA, question.contact_point) if question.contact_point else (ADA,)
    return decide(world.customer(refs[0], named) if refs else None, question, policy, now)


@LAW
@given(CHANCE)
def test_asking_never_changes_an_answer(random: Random) -> None:
    history, question = _history(random), _question(random)
    now = _some_time_later(random, history)
    states = {ref: encode(state) for ref, state in history.world.states.items()}
    points = {lookup: encode(point) for lookup, point in history.world.points.items()}
    first = _ask(history, question, now)
    _ask(history, question, now + 30 * DAY, full=True)
    assert _ask(history, question, now) == first
    assert {ref: encode(state) for ref, state in history.world.states.items()} == states
    assert {lookup: encode(point) for lookup, point in history.world.points.items()} == points


@LAW
@given(CHANCE)
def test_who_does_what_would_make_it_allowed_is_allowed(random: Random) -> None:
    """Whatever happened before: the remedies of a no, done in their order by the commands that serve, end in a yes."""
    history, question = _history(random), _question(random)
    asked = _asked(question)
    answer = history.ask(asked, _some_time_later(random, history), full=True).decision
    assert answer is not None
    kinds = [each.kind for each in answer.remedies]
    assume(answer.verdict is not Verdict.ALLOW and RemedyKind.NOTHING not in kinds)
    # What is known of an address shows only once it is linked.
    assume(not question.contact_point or answer.reason not in {Reason.CONTACT_POINT_UNKNOWN, Reason.CUSTOMER_UNKNOWN})
    if RemedyKind.TELL_TIME_ZONE in kinds:
        assert kinds[-1] is RemedyKind.TELL_TIME_ZONE
        return
    after = followed(history, asked, answer, ADDRESSES).decision
    assert after is not None
    assert after.verdict is Verdict.ALLOW, (answer.reason, answer.remedies, after.reason)


def _asked(question: Question) -> Asked:
    named = {identifier: text for text, identifier in _NAMED.items()}
    return Asked(
        customer=named.get(question.customer, question.customer.value),
        purpose=question.purpose,
        channel=question.channel,
        topic=question.topic,
        place=question.place,
        recipient=question.recipient,
        contact_point=named[question.contact_point] if question.contact_point else "",
    )


@LAW
@given(CHANCE)
def test_the_full_view_never_changes_an_answer(random: Random) -> None:
    history, question = _history(random), _question(random)
    now = _some_time_later(random, history)
    full = _ask(history, question, now, full=True)
    assert replace(full, trace=(), remedies=(), background=None) == _ask(history, question, now)
    if _known(history) is None:
        return
    assert [step.number for step in full.trace] == [gate.number for gate in ORDER]
    found = [step.finding.verdict for step in full.trace if step.finding]
    lowest = min(found, default=Verdict.ALLOW)
    assert full.verdict is lowest or (lowest, full.verdict) == (Verdict.DEFER, Verdict.DENY)


@LAW
@given(CHANCE)
def test_a_permission_changes_nothing_outside_its_cells(random: Random) -> None:
    history = _history(random)
    time = Instant(history.now + random.randint(1, 24) * HOUR)
    command = _grant(random, time)
    customer = _known(history, command.contact_point)
    # An address that the permission links is new to every question, so it is linked first.
    assume(customer is not None and (command.contact_point is None or command.contact_point in customer.numbers))
    cells = _cells()
    now = Instant(time + HOUR)
    before = [_ask(history, question, now) for question in cells]
    size = len(history.entries)
    history.at(time).command(command)
    assume(len(history.entries) > size)
    event = history.entries[-1].event
    assert isinstance(event, PermissionGranted)
    for question, earlier in zip(cells, before, strict=True):
        listed, named = _lies_in(event, question, history)
        if not listed:
            # By the law of France any act of the customer starts the years of silence anew: the answer may stay longer.
            after = _ask(history, question, now)
            longer = after.valid_until if history.policy.packs else earlier.valid_until
            assert after == replace(earlier, valid_until=longer)
        elif not named:
            after = _ask(history, question, now)
            kept = (after.verdict, after.basis, after.permission, after.not_before)
            assert kept == (earlier.verdict, earlier.basis, earlier.permission, earlier.not_before)


def _cells() -> list[Question]:
    pairs = [(purpose, channel) for purpose in PURPOSES[:5] for channel in ("email", "sms", "voice", "post")]
    pairs += [(purpose, "") for purpose in PURPOSES[5:]]
    asked = product(pairs, ("", "sku-1"), ("", "acme"))
    return [
        Question(customer=ADA, purpose=purpose, channel=channel, topic=topic, recipient=recipient)
        for (purpose, channel), topic, recipient in asked
    ]


def _lies_in(event: PermissionGranted, question: Question, history: History) -> tuple[bool, bool]:
    """Say whether a permission lists the cell, and whether it names its third party."""
    granted = Granted(event.purposes, event.channels, event.point, tuple(map(code, event.topics)), event.places)
    customer = _known(history)
    assert customer is not None
    means = history.policy.channels.get(question.channel)
    kind = means.contact_point_kind if means else None
    points = tuple(point.number for point in customer.points if point.kind is kind)
    cell = Cell(question.purpose, question.channel, points, code(question.topic), question.place)
    named = question.recipient in event.recipients if event.recipients else not question.recipient
    return permits(granted, cell), named


@LAW
@given(CHANCE)
def test_until_valid_until_time_alone_changes_nothing(random: Random) -> None:
    history, question = _history(random), _question(random)
    now = _some_time_later(random, history)
    answer = _ask(history, question, now)
    end = answer.valid_until or now + 700 * DAY
    for moment in {random.randint(now, end - 1), end - 1, min(end - 1, now + DAY)}:
        later = _ask(history, question, moment)
        assert (later.verdict, later.reason) == (answer.verdict, answer.reason), timedelta(microseconds=moment - now)


@settings(LAW, max_examples=80)
@given(CHANCE)
def test_what_waits_is_allowed_at_not_before_and_no_instant_earlier(random: Random) -> None:
    history = _history(random)
    question, now, answer = _answered(random, history, Verdict.DEFER)
    assert answer.not_before > now
    assert _ask(history, question, answer.not_before).verdict is Verdict.ALLOW
    for moment in {random.randint(now, answer.not_before - 1), answer.not_before - 1}:
        assert _ask(history, question, moment).verdict is not Verdict.ALLOW


@LAW
@given(CHANCE)
def test_an_allowed_marketing_contact_names_its_ground(random: Random) -> None:
    history = _history(random)
    question, _, answer = _answered(random, history, Verdict.ALLOW)
    purpose_class = history.policy.purposes[question.purpose].purpose_class
    if purpose_class in {PurposeClass.MARKETING, PurposeClass.PROCESSING}:
        assert answer.positions
    else:
        assert answer.permission is None


@LAW
@given(CHANCE)
def test_states_come_back_from_their_bytes(random: Random) -> None:
    history = _history(random)
    for state in history.world.states.values():
        assert decode_customer(encode(state)) == state
        assert encode(decode_customer(encode(state))) == encode(state)
    for point in history.world.points.values():
        assert decode_point(encode(point)) == point


@LAW
@given(CHANCE)
def test_folding_the_entries_again_gives_the_very_same_states(random: Random) -> None:
    history = _history(random)
    again = folded(history.entries)
    written = {each.ref for each in history.entries}
    assert {ref: encode(again.states[ref]) for ref in written} == {
        ref: encode(history.world.states[ref]) for ref in written
    }
    assert again.points == history.world.points
    assert {ref: again.held[ref] for ref in written} == {ref: history.world.held[ref] for ref in written}


@LAW
@given(CHANCE)
def test_folding_never_fails_in_whatever_order_entries_come(random: Random) -> None:
    entries = _history(random).entries
    random.shuffle(entries)
    state, point = NO_STATE, NO_POINT
    for number, each in enumerate(entries):
        time = Instant(instant(BEGINNING) + number * SECOND)
        state = fold(state, each.event, Position(number), time)
        point = fold_point(point, each.event, Position(number), time)
    assert decode_customer(encode(state)) == state
    assert decode_point(encode(point)) == point


@LAW
@given(CHANCE)
def test_no_permission_carries_more_contacts_than_it_allows(random: Random) -> None:
    history = _history(random)
    for number in range(8):
        time = Instant(history.now + random.randint(1, 40) * HOUR)
        history.at(time).command(AuthorizeContact(contact_id=f"d{number}", question=_question(random)))
    for state in history.world.states.values():
        for mark in state.permissions:
            assert not mark.uses or mark.taken <= mark.uses


# --- the same laws of customers who were merged -------------------------------------------------------

LAW_OF_GROUPS = settings(LAW, max_examples=60)


def _merged(random: Random) -> History:
    """Return two lives that become one person's at some time, and go on; a catalogue alone, or under the packs."""
    history = History(_catalogue(random.choice(("", EDITIONS[-1]))))
    time, steps = START, random.randint(2, 14)
    joined = random.randint(1, steps - 1)
    for step in range(steps):
        time = Instant(time + random.choice((0, 1, HOUR, 6 * HOUR, 11 * HOUR, DAY, 3 * DAY, 20 * DAY)))
        command = _command(random, time, history.size)
        history.at(time).command(_told_of_bob(command) if random.randint(0, 1) else command)
        if step == joined:
            history.command(Merge(customers=(ADA, BOB), justification=Justification(reason="same person")))
    assume(any(ref in history.world.merged for ref in history.world.customers_of(ADA)))
    return history


def _told_of_bob(command: Command) -> Command:
    if isinstance(command, AuthorizeContact):
        return replace(command, question=replace(command.question, customer=BOB))
    return replace(command, customer=BOB) if getattr(command, "customer", None) == ADA else command


def _asked_of_group(world: Projection, question: Question, policy: Policy, now: int) -> Decision:
    named = (ADA, question.contact_point) if question.contact_point else (ADA,)
    return decide_under(world.united(world.customers_of(ADA)[0], named).readings, question, policy, Instant(now))


@LAW_OF_GROUPS
@given(CHANCE)
def test_adding_a_refusal_to_a_group_never_turns_a_no_into_a_yes(random: Random) -> None:
    history, question = _merged(random), _question(random)
    entries = history.entries
    index = random.randint(0, len(entries))
    time = entries[index - 1].recorded_time if index else START
    refused = PermissionRefused(
        kind=random.choice(tuple(RefusalKind)),
        evidence=Evidence(
            touchpoint="web_form",
            method=Method.BUTTON,
            declarant=Declarant.CUSTOMER,
            recorder=Recorder.SYSTEM,
            act_time=Instant(time - random.randint(0, 60 * 24) * HOUR),
        ),
        purpose=random.choice(("", "marketing", "marketing.newsletter", "marketing.birthday", "service")),
        channel=random.choice(("", "email", "voice")),
    )
    member = random.choice(history.world.members(history.world.customers_of(ADA)[0]))
    told = [*entries[:index], Entry(member, refused, Position(10_000), time), *entries[index:]]
    now = _some_time_later(random, history)
    before = _asked_of_group(folded(entries), question, history.policy, now)
    after = _asked_of_group(folded(told), question, history.policy, now)
    assert after.verdict is not Verdict.ALLOW or before.verdict is Verdict.ALLOW


@LAW_OF_GROUPS
@given(CHANCE)
def test_asking_a_group_never_changes_an_answer(random: Random) -> None:
    history, question = _merged(random), _question(random)
    now = _some_time_later(random, history)
    states = {ref: encode(state) for ref, state in history.world.states.items()}
    points = {lookup: encode(point) for lookup, point in history.world.points.items()}
    first = _asked_of_group(history.world, question, history.policy, now)
    group = history.world.united(history.world.customers_of(ADA)[0])
    whole = completed(first, group.readings, question, history.policy)
    assert replace(whole, remedies=(), background=None) == first
    assert _asked_of_group(history.world, question, history.policy, now) == first
    assert {ref: encode(state) for ref, state in history.world.states.items()} == states
    assert {lookup: encode(point) for lookup, point in history.world.points.items()} == points


@LAW_OF_GROUPS
@given(CHANCE)
def test_a_permission_of_a_member_changes_nothing_outside_its_cells(random: Random) -> None:
    history = _merged(random)
    time = Instant(history.now + random.randint(1, 24) * HOUR)
    command = replace(_grant(random, time), contact_point=None, customer=random.choice((ADA, BOB)))
    cells, now = _cells(), Instant(time + HOUR)
    before = [_asked_of_group(history.world, question, history.policy, now) for question in cells]
    size = len(history.entries)
    history.at(time).command(command)
    assume(len(history.entries) > size)
    event = history.entries[-1].event
    assert isinstance(event, PermissionGranted)
    outside = 0
    for question, earlier in zip(cells, before, strict=True):
        if question.purpose in event.purposes and question.channel in event.channels:
            continue
        outside += 1
        # By the law of France any act of the customer starts the years of silence anew: the answer may stay longer.
        after = _asked_of_group(history.world, question, history.policy, now)
        longer = after.valid_until if history.policy.packs else earlier.valid_until
        assert after == replace(earlier, valid_until=longer)
    assert outside
