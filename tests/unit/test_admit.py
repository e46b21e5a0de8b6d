"""May this be written, and as what? Every problem a command can meet, and what the event says when it meets none."""

import pytest
from msgspec.structs import replace
from support.histories import Act, History, catalogue_of, grant_of, identifier, instant, refusal_of

from accord.domain import admit
from accord.domain.catalogue import Catalogue, Channel
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Confirm,
    Declaration,
    Grant,
    Link,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
    Unlink,
)
from accord.domain.decision import Customer
from accord.domain.events import (
    ActivityReported,
    CatalogueApplied,
    ContactAuthorized,
    FactsRecorded,
    PermissionGranted,
    PermissionRefused,
)
from accord.domain.fold import fold
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem
from accord.domain.state import NO_STATE, CustomerState
from accord.domain.terms import (
    DAY,
    HOUR,
    NEVER,
    ActivityKind,
    Declarant,
    IdentifierKind,
    Instant,
    Method,
    Outcome,
    PointFact,
    Position,
    Reason,
    Recorder,
    RefusalKind,
    Verdict,
)

NOW = instant("2026-03-04T09:00Z")
ADA = identifier("ada")
EMAIL, PHONE = identifier("email:ada@example.com"), identifier("phone:+33612345678")
NOBODY = Customer(NO_STATE)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy(catalogue_of("boutique"), 1)


def grant(**told: object) -> Grant:
    return grant_of(Act(**{"customer": "ada", "at": "web_form", **told}))  # type: ignore[arg-type]


def refuse(**told: object) -> Refuse:
    act = Act(**{"customer": "ada", "at": "web_form", **told})  # type: ignore[arg-type]
    return refusal_of(act, RefusalKind.WITHDRAWN)


def granted(command: Grant, policy: Policy, customer: Customer = NOBODY) -> PermissionGranted:
    event = admit.admit_grant(customer, command, policy, NOW)
    assert isinstance(event, PermissionGranted), event
    return event


def refused(command: Refuse, policy: Policy, customer: Customer = NOBODY) -> PermissionRefused:
    event = admit.admit_refuse(customer, command, policy, NOW)
    assert isinstance(event, PermissionRefused), event
    return event


def problem(found: object) -> tuple[ErrorReason, list[str]]:
    """Return what was wrong and in which fields."""
    assert isinstance(found, Problem), found
    return found.reason, [fault.field for fault in found.violations]


# Permissions


def test_a_permission_that_chooses_nothing_covers_what_its_notice_lists(policy: Policy) -> None:
    event = granted(grant(), policy)
    notice = policy.notices["marketing-1"]
    assert (event.purposes, event.channels) == (tuple(sorted(notice.purposes)), tuple(sorted(notice.channels)))
    assert (event.evidence.notice, event.level, event.uses) == ("marketing-1", "ongoing", 0)
    assert (event.valid_from, event.valid_until, event.confirm_until) == (NOW, NEVER, NEVER)


def test_a_permission_covers_what_was_chosen_of_its_notice(policy: Policy) -> None:
    event = granted(grant(purposes=("marketing.newsletter",), channels=("sms", "email")), policy)
    assert (event.purposes, event.channels) == (("marketing.newsletter",), ("email", "sms"))


def test_a_permission_for_processing_lists_no_channel_but_none(policy: Policy) -> None:
    assert granted(grant(at="profile_form"), policy).channels == ("",)


def test_a_level_sets_uses_and_ends_a_permission_from_the_act(policy: Policy) -> None:
    assert granted(grant(at="call_me"), policy).uses == 1
    event = granted(grant(at="month_form", acted="2026-03-01T09:00Z"), policy)
    assert event.valid_until == instant("2026-03-31T09:00Z")


def test_a_permission_to_be_confirmed_waits_from_its_recording(policy: Policy) -> None:
    event = granted(grant(at="paper_form", acted="2026-03-01T09:00Z"), policy)
    assert event.confirm_until == NOW + 48 * HOUR


def test_the_earlier_end_counts(policy: Policy) -> None:
    early, late = NOW + 5 * DAY, NOW + 500 * DAY
    month = grant(at="month_form")
    assert granted(replace(month, valid_until=Instant(early)), policy).valid_until == early
    assert granted(replace(month, valid_until=Instant(late)), policy).valid_until == NOW + 30 * DAY


def test_a_permission_names_the_notice_that_was_shown_on_paper(policy: Policy) -> None:
    event = granted(grant(at="till", notice="birthday-1"), policy)
    assert (event.evidence.notice, event.purposes) == ("birthday-1", ("marketing.birthday",))


def test_a_permission_links_what_the_customer_does_not_hold_yet(policy: Policy) -> None:
    event = granted(grant(contact_point="email:ada@example.com"), policy)
    assert [(link.identifier, link.number) for link in event.links] == [(ADA, 1), (EMAIL, 2)]
    assert event.point == 2


def test_a_permission_for_a_held_address_links_nothing(policy: Policy) -> None:
    customer = Customer(CustomerState(identifiers=4), (), {ADA: 1, EMAIL: 4})
    event = granted(grant(contact_point="email:ada@example.com"), policy, customer)
    assert (event.links, event.point) == ((), 4)


@pytest.mark.parametrize(
    ("told", "reason", "fields"),
    [
        ({"at": "nowhere"}, ErrorReason.TOUCHPOINT_UNKNOWN, ["evidence.touchpoint"]),
        ({"notice": "unheard-of"}, ErrorReason.NOTICE_UNKNOWN, ["evidence.notice"]),
        ({"language": "ja"}, ErrorReason.NOTICE_UNKNOWN, ["evidence.language"]),
        ({"language": ""}, ErrorReason.NOTICE_UNKNOWN, ["evidence.language"]),
        ({"purposes": ("marketing.in_store",)}, ErrorReason.INVALID_ARGUMENT, ["purposes"]),
        ({"purposes": ("marketing",)}, ErrorReason.INVALID_ARGUMENT, ["purposes"]),
        ({"channels": ("push",)}, ErrorReason.INVALID_ARGUMENT, ["channels"]),
        ({"at": "alert_button"}, ErrorReason.INVALID_ARGUMENT, ["topics"]),
        ({"at": "store_beacon"}, ErrorReason.INVALID_ARGUMENT, ["places"]),
        ({"at": "partner_form"}, ErrorReason.INVALID_ARGUMENT, ["recipients"]),
        ({"recipients": ("acme",)}, ErrorReason.INVALID_ARGUMENT, ["recipients"]),
        ({"at": "store_beacon", "places": ("store:atlantis",)}, ErrorReason.PLACE_UNKNOWN, ["places[0]"]),
        ({"acted": "2026-03-04T09:00:00.000001Z"}, ErrorReason.INVALID_ARGUMENT, ["evidence.act_time"]),
        ({"valid_until": "2026-03-04T09:00Z"}, ErrorReason.INVALID_ARGUMENT, ["valid_until"]),
        (
            {"valid_from": "2026-04-01T00:00Z", "valid_until": "2026-04-01T00:00Z"},
            ErrorReason.INVALID_ARGUMENT,
            ["valid_until"],
        ),
        *[
            ({"method": method}, ErrorReason.NOT_A_PERMISSION, ["evidence.method"])
            for method in (Method.ENGAGEMENT, Method.PRE_TICKED_BOX, Method.SILENCE, Method.BUNDLED_TERMS)
        ],
        (
            {"at": "alert_button", "channels": ("push",), "acted": "2027-01-01T00:00Z"},
            ErrorReason.INVALID_ARGUMENT,
            ["channels", "topics", "evidence.act_time"],
        ),
    ],
    ids=str,
)
def test_what_is_no_permission_is_told_with_every_field_at_fault(
    policy: Policy, told: dict[str, object], reason: ErrorReason, fields: list[str]
) -> None:
    assert problem(admit.admit_grant(NOBODY, grant(**told), policy, NOW)) == (reason, fields)


def test_a_permission_acted_at_this_very_instant_is_not_of_the_future(policy: Policy) -> None:
    assert granted(grant(acted="2026-03-04T09:00Z"), policy).evidence.act_time == NOW


def test_a_customer_full_of_permissions_takes_no_more_but_may_still_say_no(policy: Policy) -> None:
    one = fold(NO_STATE, granted(grant(), policy), Position(1), NOW).permissions[0]
    full = Customer(CustomerState(1, (one,) * admit.MAX_PERMISSIONS), (), {ADA: 1})
    assert problem(admit.admit_grant(full, grant(), policy, NOW))[0] is ErrorReason.CUSTOMER_FULL
    assert refused(refuse(), policy, full).kind is RefusalKind.WITHDRAWN


def test_a_customer_full_of_identifiers_takes_no_more_but_may_still_say_no(policy: Policy) -> None:
    full = Customer(CustomerState(admit.MAX_IDENTIFIERS), (), {ADA: 1})
    at_address = grant(contact_point="email:ada@example.com")
    assert problem(admit.admit_grant(full, at_address, policy, NOW))[0] is ErrorReason.CUSTOMER_FULL
    link = Link(customer=ADA, contact_point=EMAIL)
    assert problem(admit.admit_link(full, link))[0] is ErrorReason.CUSTOMER_FULL
    activity = ReportActivity(customer=EMAIL, kind=ActivityKind.CLICK)
    assert problem(admit.admit_activity(full, activity, policy, NOW))[0] is ErrorReason.CUSTOMER_FULL
    facts = RecordFacts(customer=EMAIL, facts=FactsRecorded(country="FR"))
    assert problem(admit.admit_facts(full, facts, policy, NOW))[0] is ErrorReason.CUSTOMER_FULL
    assert refused(refuse(contact_point="email:ada@example.com"), policy, full).point == admit.MAX_IDENTIFIERS + 1


# Confirmations


def declaration(**told: object) -> Declaration:
    defaults: dict[str, object] = {
        "touchpoint": "paper_form",
        "method": Method.SIGNATURE,
        "declarant": Declarant.CUSTOMER,
        "recorder": Recorder.SYSTEM,
    }
    return Declaration(**(defaults | told))  # type: ignore[arg-type]


def pending(policy: Policy) -> Customer:
    event = granted(grant(at="paper_form"), policy)
    return Customer(fold(NO_STATE, event, Position(7), NOW), (), {ADA: 1})


def test_a_pending_permission_is_confirmed_by_its_position(policy: Policy) -> None:
    command = Confirm(customer=ADA, evidence=declaration(), permission=Position(7))
    event = admit.admit_confirm(pending(policy), command, policy, NOW)
    assert not isinstance(event, Problem)
    assert (event.permission, event.evidence.act_time) == (7, NOW)


@pytest.mark.parametrize(
    ("told", "position", "reason", "fields"),
    [
        ({"touchpoint": "nowhere"}, 7, ErrorReason.TOUCHPOINT_UNKNOWN, ["evidence.touchpoint"]),
        ({"act_time": Instant(NOW + 1)}, 7, ErrorReason.INVALID_ARGUMENT, ["evidence.act_time"]),
        ({"method": Method.SILENCE}, 7, ErrorReason.NOT_A_PERMISSION, ["evidence.method"]),
        ({"recorder": Recorder.IMPORT}, 7, ErrorReason.INVALID_ARGUMENT, ["evidence.recorder"]),
        ({}, 8, ErrorReason.PERMISSION_UNKNOWN, ["permission_position"]),
    ],
    ids=str,
)
def test_what_confirms_nothing_is_told(
    policy: Policy, told: dict[str, object], position: int, reason: ErrorReason, fields: list[str]
) -> None:
    command = Confirm(customer=ADA, evidence=declaration(**told), permission=Position(position))
    assert problem(admit.admit_confirm(pending(policy), command, policy, NOW)) == (reason, fields)


def test_a_permission_that_waits_for_nothing_is_not_confirmed(policy: Policy) -> None:
    customer = Customer(fold(NO_STATE, granted(grant(), policy), Position(7), NOW), (), {ADA: 1})
    command = Confirm(customer=ADA, evidence=declaration(), permission=Position(7))
    assert problem(admit.admit_confirm(customer, command, policy, NOW))[0] is ErrorReason.PERMISSION_UNKNOWN


# Refusals


def test_a_refusal_of_the_future_is_clamped_to_now(policy: Policy) -> None:
    assert refused(refuse(acted="2027-01-01T00:00Z"), policy).evidence.act_time == NOW


def test_a_refusal_of_the_past_keeps_its_time(policy: Policy) -> None:
    assert refused(refuse(acted="2025-01-01T00:00Z"), policy).evidence.act_time == instant("2025-01-01T00:00Z")


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("recorder", list(Recorder))
def test_a_refusal_is_never_turned_away_for_how_or_by_whom_it_was_said(
    policy: Policy, method: Method, recorder: Recorder
) -> None:
    assert refused(refuse(method=method, recorder=recorder), policy).evidence.method is method


def test_a_refusal_needs_no_notice_and_no_language(policy: Policy) -> None:
    assert refused(refuse(language=""), policy).evidence.notice == ""


def test_a_refusal_keeps_its_scope(policy: Policy) -> None:
    event = refused(
        refuse(purpose="marketing", channel="sms", topic="sku-1", place="store:lyon", recipient="acme"), policy
    )
    assert (event.purpose, event.channel, event.topic) == ("marketing", "sms", "sku-1")
    assert (event.place, event.recipient, event.point) == ("store:lyon", "acme", 0)


def test_a_refusal_by_an_address_says_by_which_it_came(policy: Policy) -> None:
    event = refused(refuse(customer="email:ada@example.com"), policy)
    assert (event.point, event.via) == (0, 1)


def test_a_refusal_of_an_address_names_it_and_came_by_none(policy: Policy) -> None:
    event = refused(refuse(customer="email:ada@example.com", contact_point="email:ada@example.com"), policy)
    assert (event.point, event.via, len(event.links)) == (1, 0, 1)


@pytest.mark.parametrize(
    ("told", "reason", "fields"),
    [
        ({"at": "nowhere"}, ErrorReason.TOUCHPOINT_UNKNOWN, ["evidence.touchpoint"]),
        ({"purpose": "marketting"}, ErrorReason.PURPOSE_UNKNOWN, ["scope.purpose"]),
        ({"channel": "fax"}, ErrorReason.CHANNEL_UNKNOWN, ["scope.channel"]),
        ({"place": "store:atlantis"}, ErrorReason.PLACE_UNKNOWN, ["scope.place"]),
    ],
    ids=str,
)
def test_a_refusal_of_what_nobody_knows_is_told_as_a_mistake(
    policy: Policy, told: dict[str, object], reason: ErrorReason, fields: list[str]
) -> None:
    assert problem(admit.admit_refuse(NOBODY, refuse(**told), policy, NOW)) == (reason, fields)


def test_a_refusal_of_a_channel_at_an_address_of_another_kind_is_not_swallowed(policy: Policy) -> None:
    """Kept as told it would bind no question ever: e-mail questions look at no phone number."""
    found = admit.admit_refuse(NOBODY, refuse(channel="email", contact_point="phone:+33612345678"), policy, NOW)
    assert isinstance(found, Problem) or not (found.channel == "email" and found.point)


# Links, facts, activities, addresses


def test_a_link_that_stands_is_recorded_again_without_effect() -> None:
    customer = Customer(CustomerState(identifiers=2), (), {ADA: 1, EMAIL: 2})
    event = admit.admit_link(customer, Link(customer=ADA, contact_point=EMAIL))
    assert not isinstance(event, Problem)
    assert event.links == ()


def test_an_address_is_taken_off_by_its_number() -> None:
    customer = Customer(CustomerState(identifiers=2), (), {ADA: 1, EMAIL: 2})
    event = admit.admit_unlink(customer, Unlink(customer=ADA, contact_point=EMAIL))
    assert not isinstance(event, Problem)
    assert event.number == 2


def test_an_address_the_customer_does_not_hold_is_not_taken_off() -> None:
    found = admit.admit_unlink(NOBODY, Unlink(customer=ADA, contact_point=EMAIL))
    assert problem(found) == (ErrorReason.CONTACT_POINT_NOT_LINKED, ["contact_point"])


@pytest.mark.parametrize(
    ("facts", "reason", "fields"),
    [
        (FactsRecorded(country="France"), ErrorReason.INVALID_ARGUMENT, ["facts.country"]),
        (FactsRecorded(country="XX"), ErrorReason.INVALID_ARGUMENT, ["facts.country"]),
        (FactsRecorded(time_zone="Mars/Olympus"), ErrorReason.INVALID_ARGUMENT, ["facts.time_zone"]),
        (FactsRecorded(time_zone="../../etc/passwd"), ErrorReason.INVALID_ARGUMENT, ["facts.time_zone"]),
        (FactsRecorded(birth_year=1849), ErrorReason.INVALID_ARGUMENT, ["facts.birth_year"]),
        (FactsRecorded(birth_year=2027), ErrorReason.INVALID_ARGUMENT, ["facts.birth_year"]),
        (FactsRecorded(preferred_channel="fax"), ErrorReason.CHANNEL_UNKNOWN, ["facts.preferred_channel"]),
        (
            FactsRecorded(country="XX", time_zone="x", birth_year=1),
            ErrorReason.INVALID_ARGUMENT,
            ["facts.country", "facts.time_zone", "facts.birth_year"],
        ),
    ],
    ids=str,
)
def test_facts_the_rules_cannot_read_are_told(
    policy: Policy, facts: FactsRecorded, reason: ErrorReason, fields: list[str]
) -> None:
    assert problem(admit.admit_facts(NOBODY, RecordFacts(customer=ADA, facts=facts), policy, NOW)) == (reason, fields)


def test_facts_may_be_taken_back(policy: Policy) -> None:
    facts = FactsRecorded(country="", time_zone="", preferred_channel="")
    event = admit.admit_facts(NOBODY, RecordFacts(customer=ADA, facts=facts), policy, NOW)
    assert not isinstance(event, Problem)
    assert event.country == ""


def test_a_birth_year_is_never_taken_back_since_it_protects_a_minor(policy: Policy) -> None:
    found = admit.admit_facts(NOBODY, RecordFacts(customer=ADA, facts=FactsRecorded(birth_year=0)), policy, NOW)
    assert problem(found) == (ErrorReason.INVALID_ARGUMENT, ["facts.birth_year"])


def test_an_activity_of_the_future_is_rejected(policy: Policy) -> None:
    command = ReportActivity(customer=ADA, kind=ActivityKind.CLICK, act_time=Instant(NOW + 1))
    assert problem(admit.admit_activity(NOBODY, command, policy, NOW)) == (
        ErrorReason.INVALID_ARGUMENT,
        ["act_time"],
    )


def test_an_activity_in_a_place_nobody_knows_is_rejected(policy: Policy) -> None:
    command = ReportActivity(customer=ADA, kind=ActivityKind.PRESENCE, place="store:atlantis")
    assert problem(admit.admit_activity(NOBODY, command, policy, NOW)) == (ErrorReason.PLACE_UNKNOWN, ["place"])


def test_an_activity_without_a_time_is_of_now(policy: Policy) -> None:
    event = admit.admit_activity(NOBODY, ReportActivity(customer=ADA, kind=ActivityKind.CLICK), policy, NOW)
    assert isinstance(event, ActivityReported)
    assert event.act_time == NOW


def test_a_fact_of_an_address_from_the_future_is_clamped(policy: Policy) -> None:
    command = ReportContactPoint(contact_point=EMAIL, fact=PointFact.BOUNCED, act_time=Instant(NOW + DAY))
    event = admit.admit_contact_point(NOBODY, command, policy, NOW)
    assert not isinstance(event, Problem)
    assert (event.act_time, event.number) == (NOW, 1)


def test_a_report_is_recorded_whenever_it_comes() -> None:
    late = ReportContact(contact_id="c1", outcome=Outcome.SENT, outcome_time=Instant(NOW - 900 * DAY))
    early = replace(late, outcome_time=Instant(NOW + DAY))
    assert admit.admit_report(late, NOW).outcome_time == NOW - 900 * DAY
    assert admit.admit_report(early, NOW).outcome_time == NOW


# Catalogues


def test_a_catalogue_becomes_the_next_version() -> None:
    event = admit.admit_catalogue(ApplyCatalogue(catalogue=catalogue_of("boutique")), None, 4)
    assert isinstance(event, CatalogueApplied)
    assert event.version == 5


def test_a_catalogue_made_for_another_version_is_not_applied() -> None:
    command = ApplyCatalogue(catalogue=catalogue_of("boutique"), expected_version=3)
    assert problem(admit.admit_catalogue(command, None, 4)) == (ErrorReason.CATALOGUE_CHANGED, ["expected_version"])
    assert isinstance(admit.admit_catalogue(command, None, 3), CatalogueApplied)


def test_a_catalogue_with_faults_is_not_applied() -> None:
    empty = Catalogue("", "", (), ())
    reason, fields = problem(admit.admit_catalogue(ApplyCatalogue(catalogue=empty), None, 0))
    assert reason is ErrorReason.CATALOGUE_INVALID
    lists = ("channels", "purposes", "levels", "notices", "touchpoints")
    assert fields == ["catalogue.controller", "catalogue.country", *(f"catalogue.{each}" for each in lists)]


def test_at_most_a_hundred_faults_are_told() -> None:
    channels = tuple(Channel("", IdentifierKind.EMAIL) for _ in range(200))
    found = admit.admit_catalogue(ApplyCatalogue(catalogue=Catalogue("x", "FR", channels, ())), None, 0)
    assert isinstance(found, Problem)
    assert len(found.violations) == 100


# Contacts


def question(channel: str = "email", **told: object) -> Question:
    asked: dict[str, object] = {"customer": ADA, "purpose": "marketing.newsletter", "channel": channel}
    return Question(**(asked | told))  # type: ignore[arg-type]


def told(history: History, contact_id: str, asked: Question) -> admit.Authorization:
    found = history.command(AuthorizeContact(contact_id=contact_id, question=asked))
    assert isinstance(found, admit.Authorization), found
    return found


def permitted(**told_of: object) -> History:
    history = History("boutique").at(NOW)
    assert history.command(grant(**told_of)) is None
    return history


def test_an_allowed_contact_is_recorded_with_what_it_rests_on() -> None:
    found = told(permitted(at="call_me"), "c1", question())
    assert isinstance(found.event, ContactAuthorized)
    assert (found.event.permission, found.event.positions, found.repeat) == (1, (1,), False)


def test_a_denied_contact_is_not_recorded() -> None:
    found = told(permitted(channels=("sms",)), "c1", question())
    assert (found.decision.verdict, found.event, found.repeat) == (Verdict.DENY, None, False)


def test_a_contact_asked_for_again_is_a_repeat_and_is_not_recorded_twice() -> None:
    history = permitted(at="call_me")
    told(history, "c1", question())
    again = told(history, "c1", question())
    assert (again.decision.verdict, again.event, again.repeat) == (Verdict.ALLOW, None, True)


def test_a_contact_of_nobody_known_is_denied_and_not_recorded() -> None:
    found = told(History("boutique").at(NOW), "c1", question())
    assert (found.decision.reason, found.event) == (Reason.CUSTOMER_UNKNOWN, None)


def test_the_one_address_a_contact_can_use_is_recorded() -> None:
    history = permitted()
    history.command(Link(customer=ADA, contact_point=EMAIL))
    event = told(history, "c1", question()).event
    assert event is not None
    assert event.point == 2


def test_no_address_is_recorded_where_it_could_be_one_of_several() -> None:
    history = permitted()
    history.command(Link(customer=ADA, contact_point=EMAIL))
    history.command(Link(customer=ADA, contact_point=identifier("email:ada@work.example")))
    event = told(history, "c1", question()).event
    assert event is not None
    assert event.point == 0


def test_a_contact_is_never_repeated_to_another_address_than_the_one_recorded() -> None:
    other = identifier("email:ada@work.example")
    history = permitted()
    history.command(Link(customer=ADA, contact_point=EMAIL))
    history.command(Link(customer=ADA, contact_point=other))
    told(history, "c1", question(contact_point=EMAIL))
    again = history.command(AuthorizeContact(contact_id="c1", question=question(contact_point=other)))
    assert problem(again)[0] is ErrorReason.CONTACT_ID_REUSED


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (question("sms"), ErrorReason.CONTACT_ID_REUSED),
        (question(purpose="marketing.birthday"), ErrorReason.CONTACT_ID_REUSED),
        (question("fax"), ErrorReason.CHANNEL_UNKNOWN),
        (question(purpose="marketing"), ErrorReason.PURPOSE_UNKNOWN),
        (question(place="store:atlantis"), ErrorReason.PLACE_UNKNOWN),
        (question(contact_point=PHONE), ErrorReason.INVALID_ARGUMENT),
        (question("", purpose="sharing.partner"), ErrorReason.INVALID_ARGUMENT),
    ],
    ids=str,
)
def test_a_contact_that_cannot_be_asked_for_is_an_error(asked: Question, reason: ErrorReason) -> None:
    history = permitted()
    told(history, "c1", question())
    assert problem(history.command(AuthorizeContact(contact_id="c1", question=asked)))[0] is reason


def test_a_contact_id_of_another_customer_is_not_reused() -> None:
    history = permitted()
    told(history, "c1", question())
    history.command(replace(grant(), customer=identifier("bob")))
    asked = AuthorizeContact(contact_id="c1", question=replace(question(), customer=identifier("bob")))
    assert problem(history.command(asked))[0] is ErrorReason.CONTACT_ID_REUSED
