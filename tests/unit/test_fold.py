"""What is true afterwards: which permissions stand for which, what a use is, what the state remembers."""

import pytest
from support.histories import Act, Asked, History, Step, ToldFacts, identifier, instant

from accord.domain.events import (
    ActivityReported,
    ContactAuthorized,
    ContactPointReported,
    ContactReported,
    Evidence,
    Link,
    PermissionGranted,
)
from accord.domain.fold import find_contact, fold, fold_point, touched_number
from accord.domain.state import (
    NO_POINT,
    NO_STATE,
    CustomerState,
    PermissionMark,
    contacts_newest_first,
    decode_customer,
    encode,
)
from accord.domain.terms import (
    CONTACT_MEMORY_DAYS,
    DAY,
    HOUR,
    ActivityKind,
    Basis,
    ContactStatus,
    Declarant,
    IdentifierKind,
    Instant,
    Method,
    Outcome,
    PointFact,
    Position,
    Recorder,
)

ADA = identifier("ada")
T0 = instant("2026-01-01T09:00Z")


def told(*steps: Step) -> History:
    return History("boutique").tell(steps)


def granted(time: str, name: str = "", **told_of: object) -> Step:
    act = Act(**{"customer": "ada", "at": "web_form", **told_of})  # type: ignore[arg-type]
    return Step(time=time, name=name, grant=act)


def marks(history: History) -> tuple[PermissionMark, ...]:
    return state_of(history).permissions


def state_of(history: History) -> CustomerState:
    (ref,) = history.world.customers_of(ADA)
    return history.world.states[ref]


def names(history: History) -> list[str]:
    by_position = {position: name for name, position in history.positions.items()}
    return [by_position[mark.position] for mark in marks(history)]


def test_a_permission_given_again_stands_for_the_first() -> None:
    assert names(told(granted("2026-01-01T09:00Z", "first"), granted("2026-01-02T09:00Z", "again"))) == ["again"]


def test_a_wider_permission_stands_for_a_narrower_one() -> None:
    history = told(granted("2026-01-01T09:00Z", "narrow", channels=("sms",)), granted("2026-01-02T09:00Z", "wide"))
    assert names(history) == ["wide"]


@pytest.mark.parametrize(
    "later",
    [
        {"channels": ("sms",)},
        {"purposes": ("marketing.birthday",)},
        {"contact_point": "email:ada@example.com"},
        {"valid_until": "2026-06-01T00:00Z"},
        {"valid_from": "2026-06-01T00:00Z"},
        {"recorder": Recorder.IMPORT},
        {"declarant": Declarant.GUARDIAN},
        {"acted": "2025-12-01T09:00Z"},
        {"at": "paper_form"},
        {"at": "call_me"},
        {"at": "month_form"},
    ],
    ids=lambda later: next(iter(later)) + " " + str(next(iter(later.values()))),
)
def test_a_permission_that_says_less_leaves_the_one_that_stands(later: dict[str, object]) -> None:
    history = told(granted("2026-01-01T09:00Z", "first"), granted("2026-01-02T09:00Z", "later", **later))
    assert names(history) == ["first", "later"]


def test_an_alert_for_every_topic_of_two_stands_for_one_of_them_and_not_the_other_way_round() -> None:
    one = granted("2026-01-01T09:00Z", "one", at="alert_button", topics=("sku-1",))
    two = granted("2026-01-02T09:00Z", "two", at="alert_button", topics=("sku-1", "sku-2"))
    again = granted("2026-01-03T09:00Z", "again", at="alert_button", topics=("sku-1",))
    assert names(told(one, two)) == ["two"]
    assert names(told(one, two, again)) == ["two", "again"]


def test_a_permission_that_names_partners_does_not_stand_for_one_that_names_none() -> None:
    own = granted("2026-01-01T09:00Z", "own", purposes=("marketing.newsletter",), channels=("email",))
    theirs = granted("2026-01-02T09:00Z", "theirs", at="partner_news_form", recipients=("acme",))
    assert names(told(own, theirs)) == ["own", "theirs"]


def test_an_ongoing_permission_stands_for_a_contact_once_one_it_includes() -> None:
    history = told(granted("2026-01-01T09:00Z", "once", at="call_me"), granted("2026-01-02T09:00Z", "all"))
    assert names(history) == ["all"]


def test_the_first_of_two_pending_permissions_may_still_be_confirmed() -> None:
    history = told(
        granted("2026-01-01T09:00Z", "first", at="paper_form"),
        granted("2026-01-01T09:05Z", "second", at="paper_form"),
    )
    assert names(history) == ["first", "second"]


def test_live_limited_permissions_that_differ_in_time_are_both_remembered() -> None:
    history = told(
        granted("2026-01-01T09:00Z", "lasting", at="call_me"),
        granted("2026-01-02T09:00Z", "short", at="call_me", valid_until="2026-01-05T00:00Z"),
    )
    assert names(history) == ["lasting", "short"]


def test_the_same_act_told_twice_keeps_its_use() -> None:
    asked = Asked(customer="ada", channel="email", purpose="marketing.newsletter", contact_id="c1")
    history = told(
        granted("2026-01-01T09:00Z", "first", at="call_me"),
        Step(time="2026-01-02T09:00Z", authorize=asked),
        granted("2026-01-03T09:00Z", "again", at="call_me", acted="2026-01-01T09:00Z"),
    )
    assert sum(mark.taken for mark in marks(history)) == 1
    assert all(mark.taken == mark.uses for mark in marks(history))


def test_a_new_act_brings_a_new_use() -> None:
    asked = Asked(customer="ada", channel="email", purpose="marketing.newsletter", contact_id="c1")
    history = told(
        granted("2026-01-01T09:00Z", "first", at="call_me"),
        Step(time="2026-01-02T09:00Z", authorize=asked),
        granted("2026-01-03T09:00Z", "anew", at="call_me"),
    )
    assert any(mark.taken < mark.uses for mark in marks(history))


def test_refusals_of_one_scope_are_one_mark_with_the_latest_of_both_clocks() -> None:
    history = told(
        Step(time="2026-01-10T09:00Z", withdraw=Act(customer="ada", purpose="marketing")),
        Step(time="2026-01-12T09:00Z", withdraw=Act(customer="ada", purpose="marketing", acted="2026-01-01T09:00Z")),
    )
    (mark,) = state_of(history).refusals
    assert mark.act_time == instant("2026-01-10T09:00Z")
    assert mark.recorded_time == instant("2026-01-12T09:00Z")
    assert mark.position == Position(2)


def test_a_refusal_that_names_an_address_lives_with_the_address() -> None:
    stop = Act(customer="ada", contact_point="phone:+33612345678")
    history = told(Step(time="2026-01-10T09:00Z", withdraw=stop))
    assert state_of(history).refusals == ()
    (point,) = history.world.points.values()
    assert [mark.stops for mark in point.refusals] == [True]


def test_a_refusal_by_an_address_stays_with_the_customer_and_with_the_address() -> None:
    history = told(Step(time="2026-01-10T09:00Z", withdraw=Act(customer="email:ada@example.com")))
    (state,) = (history.world.states[ref] for ref in history.world.customers_of(identifier("email:ada@example.com")))
    (point,) = history.world.points.values()
    assert len(state.refusals) == len(point.refusals) == 1
    assert not point.refusals[0].stops


def test_facts_left_out_keep_what_was_known() -> None:
    history = told(
        Step(time="2026-01-01T09:00Z", facts=ToldFacts(customer="ada", country="FR", birth_year=1980)),
        Step(time="2026-01-02T09:00Z", facts=ToldFacts(customer="ada", country="")),
    )
    facts = state_of(history).facts
    assert (facts.country, facts.birth_year, facts.position) == ("", 1980, Position(2))


def purchase(time: int, *, offered: bool = False) -> ActivityReported:
    return ActivityReported(kind=ActivityKind.PURCHASE, act_time=Instant(time), objection_offered=offered)


def test_a_late_report_of_an_older_purchase_changes_nothing() -> None:
    state = fold(NO_STATE, purchase(T0 + DAY, offered=True), Position(1), Instant(T0 + DAY))
    after = fold(state, purchase(T0, offered=True), Position(2), Instant(T0 + 2 * DAY))
    assert after == state


def test_a_purchase_without_the_offer_leaves_the_newest_sale() -> None:
    state = fold(NO_STATE, purchase(T0, offered=True), Position(1), T0)
    after = fold(state, purchase(T0 + DAY), Position(2), Instant(T0 + DAY)).activity
    assert (after.purchase_time, after.sale_time, after.sale_position) == (T0 + DAY, T0, Position(1))


def test_presence_keeps_the_newest_place() -> None:
    first = ActivityReported(kind=ActivityKind.PRESENCE, act_time=Instant(T0 + 1), place="store:lyon")
    late = ActivityReported(kind=ActivityKind.PRESENCE, act_time=T0, place="store:paris")
    state = fold(fold(NO_STATE, first, Position(1), T0), late, Position(2), T0)
    assert (state.activity.presence_time, state.activity.presence_place) == (T0 + 1, "store:lyon")


@pytest.mark.parametrize("kind", [ActivityKind.CLICK, ActivityKind.ENQUIRY, ActivityKind.ENGAGEMENT])
def test_activities_keep_the_newest_time(kind: ActivityKind) -> None:
    newest = fold(NO_STATE, ActivityReported(kind=kind, act_time=Instant(T0 + 5)), Position(1), T0)
    again = fold(newest, ActivityReported(kind=kind, act_time=T0), Position(2), T0)
    assert again == newest != NO_STATE


def contact(number: int, *, purpose: str = "marketing.newsletter", channel: str = "email") -> ContactAuthorized:
    return ContactAuthorized(
        contact_id=f"c{number}",
        channel=channel,
        purpose=purpose,
        basis=Basis.PERMISSION,
        permission=Position(1),
        policy_version=1,
    )


def with_contacts(*times: int) -> CustomerState:
    state = NO_STATE
    for number, time in enumerate(times):
        state = fold(state, contact(number), Position(number + 2), Instant(time))
    return state


def test_contacts_are_told_newest_first() -> None:
    found = list(contacts_newest_first(with_contacts(T0, T0 + HOUR, T0 + DAY)))
    assert [mark.time for mark in found] == [T0 + DAY, T0 + HOUR, T0]
    assert [mark.position for mark in found] == [4, 3, 2]


def test_contacts_since_an_instant_include_that_instant() -> None:
    found = contacts_newest_first(with_contacts(T0, T0 + HOUR, T0 + DAY), Instant(T0 + HOUR))
    assert [mark.time for mark in found] == [T0 + DAY, T0 + HOUR]


def test_a_contact_stays_in_memory_for_four_hundred_days() -> None:
    end = T0 + CONTACT_MEMORY_DAYS * DAY
    assert len(list(contacts_newest_first(with_contacts(T0, end)))) == 2
    assert len(list(contacts_newest_first(with_contacts(T0, end + 1)))) == 1


def test_contacts_pack_into_forty_three_bytes_each() -> None:
    assert len(with_contacts(*range(T0, T0 + 10)).contacts) == 430


def test_codes_are_named_once_and_keep_their_numbers() -> None:
    state = with_contacts(T0, T0 + 1)
    assert state.codes == ("marketing.newsletter", "email")
    grown = fold(state, contact(7, purpose="marketing.birthday"), Position(9), Instant(T0 + 2))
    assert grown.codes == ("marketing.newsletter", "email", "marketing.birthday")
    found = [(mark.purpose, mark.channel) for mark in contacts_newest_first(grown)]
    assert found == [("marketing.birthday", "email"), *[("marketing.newsletter", "email")] * 2]


def test_a_contact_without_permission_is_remembered_without_one() -> None:
    event = ContactAuthorized(
        contact_id="c1", channel="email", purpose="service.order", basis=Basis.CLASS, policy_version=1
    )
    (mark,) = contacts_newest_first(fold(NO_STATE, event, Position(3), T0))
    assert mark.permission is None


def test_a_contact_authorised_anew_is_one_contact() -> None:
    state = fold(with_contacts(T0, T0 + 1), contact(0), Position(8), Instant(T0 + 2))
    assert [mark.position for mark in contacts_newest_first(state)] == [8, 3]


def test_a_report_of_a_contact_nobody_remembers_changes_nothing() -> None:
    state = with_contacts(T0)
    report = ContactReported(contact_id="other", outcome=Outcome.SENT, outcome_time=T0)
    assert fold(state, report, Position(9), T0) == state


def test_a_report_tells_where_the_contact_stands() -> None:
    state = with_contacts(T0, T0 + 1)
    report = ContactReported(contact_id="c0", outcome=Outcome.FAILED, outcome_time=T0)
    after = fold(state, report, Position(9), Instant(T0 + 2))
    assert [mark.status for mark in contacts_newest_first(after)] == [ContactStatus.AUTHORIZED, ContactStatus.FAILED]
    found = find_contact(after, "c0")
    assert found is not None
    assert found.time == T0
    assert find_contact(after, "c9") is None


def limited() -> CustomerState:
    event = PermissionGranted(
        evidence=Evidence(
            touchpoint="call_me",
            method=Method.BUTTON,
            declarant=Declarant.CUSTOMER,
            recorder=Recorder.SYSTEM,
            act_time=T0,
            notice="marketing-1",
        ),
        level="contact_once",
        purposes=("marketing.newsletter",),
        channels=("email",),
        valid_from=T0,
        uses=2,
    )
    return fold(NO_STATE, event, Position(1), T0)


@pytest.mark.parametrize(
    ("outcomes", "taken"),
    [
        ([], 1),
        ([Outcome.SENT], 1),
        ([Outcome.BOUNCED], 1),
        ([Outcome.COMPLAINED], 1),
        ([Outcome.FAILED], 0),
        ([Outcome.CANCELLED], 0),
        ([Outcome.CANCELLED, Outcome.CANCELLED], 0),
        ([Outcome.CANCELLED, Outcome.FAILED], 0),
        ([Outcome.FAILED, Outcome.SENT], 1),
        ([Outcome.SENT, Outcome.SENT], 1),
        ([Outcome.SENT, Outcome.FAILED], 0),
    ],
    ids=str,
)
def test_a_use_is_held_as_the_newest_report_says(outcomes: list[Outcome], taken: int) -> None:
    state = fold(limited(), contact(1), Position(2), T0)
    for outcome in outcomes:
        report = ContactReported(contact_id="c1", outcome=outcome, outcome_time=T0)
        state = fold(state, report, Position(3), T0)
    assert state.permissions[0].taken == taken


def test_a_contact_authorised_anew_holds_one_use() -> None:
    state = fold(fold(limited(), contact(1), Position(2), T0), contact(1), Position(3), Instant(T0 + 1))
    assert state.permissions[0].taken == 1


def test_numbers_of_identifiers_only_grow() -> None:
    event = ActivityReported(
        kind=ActivityKind.CLICK, act_time=T0, links=(Link(IdentifierKind.EMAIL, "a@example.com", 3),)
    )
    state = fold(NO_STATE, event, Position(1), T0)
    assert state.identifiers == 3
    assert fold(state, contact(1), Position(2), T0).identifiers == 3


def reported(fact: PointFact) -> ContactPointReported:
    return ContactPointReported(number=1, fact=fact, act_time=T0)


def test_verifying_an_address_mends_all_but_a_complaint_and_a_registry() -> None:
    point = NO_POINT
    for number, fact in enumerate(
        (PointFact.BOUNCED, PointFact.REASSIGNED, PointFact.INVALID, PointFact.COMPLAINED, PointFact.REGISTRY_LISTED)
    ):
        point = fold_point(point, reported(fact), Position(number + 1), T0)
    mended = fold_point(point, reported(PointFact.VERIFIED), Position(9), T0)
    assert (mended.bounced, mended.reassigned, mended.invalid) == (0, 2, 0)
    assert (mended.complained, mended.listed, mended.verified) == (4, 5, 9)


@pytest.mark.parametrize("fact", [PointFact.REASSIGNED, PointFact.INVALID])
def test_an_address_that_changed_hands_or_does_not_exist_is_verified_no_longer(fact: PointFact) -> None:
    point = fold_point(NO_POINT, reported(PointFact.VERIFIED), Position(1), T0)
    assert fold_point(point, reported(fact), Position(2), T0).verified == 0


def test_an_address_leaves_the_registry() -> None:
    point = fold_point(NO_POINT, reported(PointFact.REGISTRY_LISTED), Position(1), T0)
    assert fold_point(point, reported(PointFact.REGISTRY_REMOVED), Position(2), T0) == NO_POINT


def test_an_address_is_generic_until_it_is_told_to_be_a_persons_or_changes_hands() -> None:
    point = fold_point(NO_POINT, reported(PointFact.GENERIC), Position(1), T0)
    assert point.generic == 1
    assert fold_point(point, reported(PointFact.PERSONAL), Position(2), T0) == NO_POINT
    assert fold_point(point, reported(PointFact.REASSIGNED), Position(2), T0).generic == 0
    assert fold_point(point, reported(PointFact.VERIFIED), Position(2), T0).generic == 1


def test_an_address_is_published_until_it_is_told_not_to_be_or_changes_hands() -> None:
    point = fold_point(NO_POINT, reported(PointFact.PUBLISHED), Position(1), T0)
    assert point.published == 1
    assert fold_point(point, reported(PointFact.UNPUBLISHED), Position(2), T0) == NO_POINT
    assert fold_point(point, reported(PointFact.REASSIGNED), Position(2), T0).published == 0
    assert fold_point(point, reported(PointFact.PERSONAL), Position(2), T0).published == 1


def test_of_each_tie_the_newest_act_stays_in_whatever_order_it_is_told() -> None:
    told = [(ActivityKind.DONATION, 3), (ActivityKind.CONTRACT_END, 1), (ActivityKind.DONATION, 2)]
    events = [ActivityReported(kind=kind, act_time=Instant(T0 + time)) for kind, time in told]
    state = NO_STATE
    for number, event in enumerate(events, 1):
        state = fold(state, event, Position(number), T0)
    marks = [(mark.kind, mark.time - T0, mark.position) for mark in state.activity.acts]
    assert marks == [(ActivityKind.CONTRACT_END, 1, 2), (ActivityKind.DONATION, 3, 1)]


def test_a_sent_contact_touches_no_address() -> None:
    report = ContactReported(contact_id="c0", outcome=Outcome.SENT, outcome_time=T0)
    assert touched_number(with_contacts(T0), report) == 0
    assert fold_point(NO_POINT, report, Position(1), T0) == NO_POINT


def test_a_customer_of_a_thousand_contacts_comes_back_from_their_bytes() -> None:
    state = with_contacts(*range(T0, T0 + 1000))
    assert decode_customer(encode(state)) == state
    assert len(encode(state)) < 44_000
