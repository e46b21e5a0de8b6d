"""What the client asks and tells, in plain values, against a served brand."""

import dataclasses
import hashlib
import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.flavours import TOKENS, Flavour, open_client
from support.serving import BRAND, CAP, CATALOGUE, Site

from accord.client import (
    ActivityKind,
    Answer,
    Artefact,
    AskableChannel,
    AskingAnswer,
    AsyncClient,
    CallFailedError,
    Client,
    ContactOutcome,
    ContactPoint,
    ContactPointFact,
    ContactPointKind,
    CustomerKind,
    Decision,
    Declarant,
    DeclarationMethod,
    Evidence,
    Facts,
    ForecastPart,
    ForecastSummary,
    ImportedNo,
    ImportedPermission,
    ImportedRefusal,
    ImportSource,
    Justification,
    LapseGroup,
    LapseSample,
    ListKind,
    MistakeError,
    OverlayKind,
    Question,
    Recorder,
    RestrictionGround,
    Scope,
    SuppressionList,
    UnconfirmedGroup,
    UnconfirmedSample,
    Verdict,
)
from accord.v1 import (
    audit_service_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    evidence_pb2,
    permission_pb2,
)

At = Callable[[str], Evidence]


# --- questions ----------------------------------------------------------------------------------


def test_a_permitted_contact_is_a_yes_that_names_its_ground(client: Any, name: str, at: At) -> None:
    given = client.grant(name, at("till"))
    answer = client.check(name, "email", "marketing.news")
    assert answer
    assert answer.allowed
    assert (answer.verdict, answer.reason, answer.basis) == (Verdict.ALLOW, "PERMITTED", "PERMISSION")
    assert answer.positions == (given.receipt.position,)
    assert answer.rules[0].id == "catalogue:permission"
    assert answer.trace == ()
    assert answer.decision_time >= given.receipt.recorded_time


def test_a_no_is_false_and_the_full_view_says_what_would_allow_it(client: Any, name: str) -> None:
    answer = client.check(name, "email", "marketing.news", full=True)
    assert not answer
    assert (answer.verdict, answer.reason) == (Verdict.DENY, "CUSTOMER_UNKNOWN")
    assert answer.trace[0].name == "resolve"
    assert answer.what_would_allow


def test_an_answer_of_the_past_says_what_it_was_and_is_no_condition(client: Any, name: str, at: At) -> None:
    given = client.grant(name, at("till"))
    answer = client.check(name, "email", "marketing.news", full=True)
    client.withdraw(name, at("web_form"))
    assert not client.check(name, "email", "marketing.news")
    past = client.check_past(
        name, "email", "marketing.news", as_of=answer.decision_time, as_known_by=answer.token, full=True
    )
    assert not isinstance(past, Answer)
    assert past.was_allowed
    with pytest.raises(TypeError, match="no leave to send"):
        bool(past)
    sides = {each.name for each in dataclasses.fields(answer)} - {"message", "fields"}
    assert {side: getattr(past, side) for side in sides} == {side: getattr(answer, side) for side in sides}
    assert past.known_size == given.receipt.position + 1
    with pytest.raises(MistakeError) as refused:
        client.check_past(name, "email", "marketing.news", as_of=datetime.now(UTC) + timedelta(days=1))
    assert refused.value.fields == {"as_of": "must not lie in the future"}
    known = list(client.history(name, as_known_at=given.receipt.recorded_time))
    assert [item.type for item in known] == ["PermissionGranted"]
    assert list(client.history(name, as_of=given.receipt.recorded_time - timedelta(days=400))) == []


def test_a_defer_is_false_and_says_from_when(client: Any, name: str, at: At) -> None:
    client.grant(name, at("till"))
    for number in range(CAP):
        assert client.authorize(name, "email", "marketing.offer", contact_id=f"{name}/{number}")
    answer = client.check(name, "sms", "marketing.offer")
    assert not answer
    assert (answer.verdict, answer.reason) == (Verdict.DEFER, "BRAND_CAP_REACHED")
    assert answer.not_before > datetime.now(UTC)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_an_allow_is_true(verdict: Verdict) -> None:
    answer = Answer(verdict=verdict, reason="PERMITTED")
    assert answer.allowed == bool(answer) == (verdict is Verdict.ALLOW)


def test_a_batch_answers_in_order_and_a_faulty_question_is_a_no_of_its_own(client: Any, name: str, at: At) -> None:
    client.grant(name, at("till"))
    yes, faulty, no = client.batch_check(
        [
            Question(name, "email", "marketing.news"),
            Question(name, "email", "marketing.unheard_of"),
            Question(f"{name}/other", "email", "marketing.news"),
        ]
    )
    assert yes
    assert (faulty.verdict, faulty.reason) == (Verdict.UNDECIDED, "PURPOSE_UNKNOWN")
    assert list(faulty.fields) == ["questions[1].purpose"]
    assert no.reason == "CUSTOMER_UNKNOWN"


def test_reach_names_the_channels_that_may(client: Any, name: str, at: At) -> None:
    assert not client.reach(name, "marketing.news")
    client.grant(name, at("till"), channels=("sms",))
    reach = client.reach(name, "marketing.news")
    assert reach
    assert reach.channels == ("sms",)
    assert {channel: answer.allowed for channel, answer in reach.answers.items()} == {"email": False, "sms": True}


def test_an_answer_is_at_least_as_fresh_as_the_token_it_was_asked_with(client: Any, name: str, at: At) -> None:
    token = client.grant(name, at("till")).receipt.token
    assert client.check(name, "email", "marketing.news", at_least_as_fresh=token)


# --- the life of a permission -------------------------------------------------------------------


def test_a_permission_lives_from_grant_to_withdrawal(client: Any, name: str, at: At) -> None:
    assert client.grant(name, at("qr_code")).status == "ACTIVE"
    authorized = client.authorize(name, "email", "marketing.callback", contact_id=name)
    assert authorized
    assert not authorized.repeat
    assert authorized.receipt.position
    assert authorized.send_before > datetime.now(UTC)
    again = client.authorize(name, "email", "marketing.callback", contact_id=name)
    assert again.repeat
    assert client.report(name, ContactOutcome.SENT).status == "SENT"
    assert client.check(name, "email", "marketing.callback").reason == "USED_UP"
    withdrawn = client.withdraw(name, at("till"), purpose="marketing")
    assert len(withdrawn.receipts) == 1
    assert client.check(name, "email", "marketing.callback").reason == "WITHDRAWN"
    standing = client.permissions(name)
    assert [(each.status, each.level, each.uses_taken) for each in standing.permissions] == [
        ("WITHDRAWN", "contact_once", 1)
    ]
    assert [(each.kind, each.purpose) for each in standing.refusals] == [("WITHDRAWN", "marketing")]


def test_a_reply_is_read_and_a_no_is_recorded(client: Any, name: str, at: At) -> None:
    address = ContactPoint.email(f"{name}@example.com")
    client.grant(name, at("till"), contact_point=address)
    assert client.reply(address, "Merci", at("till")).meaning == "NOTHING"
    assert client.check(name, "email", "marketing.news")
    assert client.reply(address, "Quand ouvrez-vous ?", at("till")).meaning == "UNCLEAR"
    assert client.check(name, "email", "marketing.news").reason == "REPLY_UNSETTLED"
    client.report_contact_point(address, ContactPointFact.REPLY_SETTLED)
    found = client.reply(address, "STOP", at("till"))
    assert (found.meaning, [rule.id for rule in found.rules]) == ("WITHDRAWAL", ["us.revocation_words"])
    assert len(found.receipts) == 1
    assert client.check(name, "email", "marketing.news").reason == "STOPPED"


def test_a_contact_that_a_late_no_makes_invalid_is_found_by_a_replay(client: Any, name: str, at: At) -> None:
    given = client.grant(name, at("till"))
    kept = client.authorize(name, "email", "marketing.news", contact_id=f"{name}/1")
    before = given.receipt.recorded_time + (kept.decision_time - given.receipt.recorded_time) / 2
    late = client.withdraw(name, dataclasses.replace(at("till"), act_time=before))
    pages = list(client.replay(given.receipt.recorded_time))
    found = [each for page in pages for each in page.contacts if each.basis_positions == (given.receipt.position,)]
    assert [(each.channel, each.purpose, each.verdict, each.reason) for each in found] == [
        ("email", "marketing.news", Verdict.DENY, "WITHDRAWN")
    ]
    (contact,) = found
    assert (contact.status, contact.basis, contact.cause) == ("AUTHORIZED", "PERMISSION", "LATE_ENTRY")
    assert contact.late_entry is not None
    assert (contact.late_entry.position, contact.late_entry.type) == (late.receipts[0].position, "PermissionRefused")
    assert contact.late_entry.act_time == before
    assert contact.authorized_time is not None
    assert contact.late_entry.act_time < contact.authorized_time
    assert pages[-1].next_page_token == ""
    assert sum(page.contacts_replayed for page in pages) >= 1
    (nothing,) = client.replay(recorded_until=given.receipt.recorded_time - timedelta(days=1))
    assert (nothing.contacts, nothing.contacts_replayed) == ((), 0)
    with pytest.raises(MistakeError) as refused:
        list(client.replay(today=True, catalogue_version=1))
    assert list(refused.value.fields) == ["today"]


def test_a_replay_answers_by_a_catalogue_that_nobody_applied(client: Any, name: str, at: At) -> None:
    given = client.grant(name, at("till"))
    before = len(list(client.history(name)))
    client.authorize(name, "email", "marketing.news", contact_id=f"{name}/1")
    email, sms = CATALOGUE["channels"]
    supposed = CATALOGUE | {"channels": [email | {"verification_required": True}, sms]}
    for catalogue, expected in ((CATALOGUE, []), (supposed, [(Verdict.DENY, "CONTACT_POINT_UNVERIFIED", "RULES")])):
        pages = list(client.replay(given.receipt.recorded_time, catalogue=catalogue))
        own = [each for page in pages for each in page.contacts if each.basis_positions == (given.receipt.position,)]
        assert [(each.verdict, each.reason, each.cause) for each in own] == expected
    assert client.check(name, "email", "marketing.news")
    assert len(list(client.history(name))) == before + 1
    with pytest.raises(MistakeError) as refused:
        list(client.replay(catalogue=CATALOGUE, catalogue_version=1))
    assert list(refused.value.fields) == ["catalogue_version"]
    with pytest.raises(MistakeError) as invalid:
        list(client.replay(catalogue=CATALOGUE | {"country": "France"}))
    assert invalid.value.reason == "CATALOGUE_INVALID"


def test_what_lapses_is_told_part_by_part_with_samples_that_are_no_leave_to_send(
    client: Any, flavour: Flavour, name: str, at: At
) -> None:
    # A day of its own for each flavour, so that its group is of this customer alone.
    end = datetime.now(UTC) + timedelta(days=201 if flavour == "sync" else 202)
    given = client.grant(name, at("till"), channels=("email",), valid_until=end)
    address = ContactPoint.email(f"{name}@example.com"[-60:])
    waits = client.grant(f"{name}/2", at("newsletter_form"), contact_point=address)
    home, work = (ContactPoint.email(f"{flavour}@{place}.example") for place in ("home", "work"))
    client.link(f"{name}/3", home)
    client.grant(f"{name}/3", at("till"), contact_point=work, channels=("email",), valid_until=end)
    first, *_, last = client.forecast(1, purpose="marketing.offer", samples=10)
    assert (first.customers_met, first.summary, first.groups) == (0, None, ())
    assert last.customers_met == last.customers_total == first.customers_total

    parts = list(client.forecast(400, purpose="marketing.news", channel="email", samples=10, language="fr"))
    (told,) = (part.summary for part in parts if part.summary)
    assert (told.horizon - told.decision_time, told.asking_purposes) == (timedelta(days=400), ())
    assert told.lapses == sum(group.customers for part in parts for group in part.groups)
    group, limited = (each for part in parts for each in part.groups if each.day.date() == end.date())
    assert (group.by_contact_point, limited.by_contact_point, limited.customers) == (False, True, 1)
    assert (group.purpose, group.channel, group.reason) == ("marketing.news", "email", "PERMISSION_EXPIRED")
    assert (group.customers, group.customers_askable_in_time, group.channels, group.by_topic) == (1, 0, (), False)
    (sample,) = group.samples
    assert (sample.position, sample.lapse_time, sample.asking) == (given.receipt.position, end, ())
    assert (sample.now.verdict, sample.then.verdict) == (Verdict.ALLOW, Verdict.DENY)
    assert (sample.now.positions, sample.then.reason) == ((given.receipt.position,), group.reason)
    assert "permission" in sample.then.sentence
    with pytest.raises(TypeError, match="no leave to send"):
        bool(sample.now)

    waiting = [each for part in parts for group in part.unconfirmed_groups for each in group.samples]
    (asked,) = (each.asking for each in waiting if each.position == waits.receipt.position)
    assert (asked.purpose, asked.channel, asked.decision.verdict) == ("service.opt_in", "email", Verdict.ALLOW)
    assert {(group.touchpoint, group.verdict) for part in parts for group in part.unconfirmed_groups} >= {
        ("newsletter_form", Verdict.ALLOW)
    }
    with pytest.raises(MistakeError) as refused:
        list(client.forecast(401))
    assert list(refused.value.fields) == ["within_days"]


def test_what_others_know_is_imported_and_never_lifts_a_no(client: Any, name: str, at: At) -> None:
    digest = hashlib.sha256(name.encode()).digest()
    source = ImportSource("partner", digest, "text/csv", bytes(32))
    said = dataclasses.replace(at("till"), act_time=datetime.now(UTC) - timedelta(days=9))
    noes = [
        ImportedRefusal(row, kind, f"{name}/{kind}", said, channel="email")
        for row, kind in enumerate(ImportedNo, start=10)
    ]
    records = [
        ImportedPermission(1, name, said, channels=("email",)),
        *noes,
        ImportedPermission(9, name, at("nowhere")),
    ]
    rehearsed = client.import_records(source, records, dry_run=True)
    assert not client.check(name, "email", "marketing.news")
    found = client.import_records(source, records)
    assert [each.verdict for each in found] == ["IMPORTED", *["REFUSAL_RECORDED"] * 3, ""]
    assert [each.verdict for each in rehearsed] == [each.verdict for each in found]
    assert (found[4].reason, list(found[4].fields)) == ("TOUCHPOINT_UNKNOWN", ["evidence.touchpoint"])
    assert client.import_records(source, records) == found
    assert client.check(name, "email", "marketing.news").positions == (found[0].position,)
    kinds = [next(iter(client.permissions(f"{name}/{kind}").refusals)).kind for kind in ImportedNo]
    assert kinds == ["REFUSED", "WITHDRAWN", "OBJECTED"]
    back = [ImportedPermission(20, f"{name}/REFUSAL", at("till"), channels=("email",))]
    assert client.import_records(source, back)[0].verdict == "REFUSAL_STANDS"


def test_a_list_binds_whoever_holds_an_address_of_it(client: Any, name: str, at: At) -> None:
    address, other = ContactPoint.email(f"{name}@example.com"), ContactPoint.email(f"{name}.other@example.com")
    client.grant(name, at("till"), contact_point=address)
    digest = hashlib.sha256(name.encode()).digest()
    told = SuppressionList(f"own-{digest.hex()[:8]}", ListKind.OWN, datetime.now(UTC), digest, lines=2)
    card = ContactPoint(ContactPointKind.LOYALTY_CARD, "77")
    taken = client.import_suppressions(told, [address, other, card])
    assert [each.verdict for each in taken.results] == ["BOUND", "KEPT", ""]
    assert (taken.results[2].reason, taken.ended) == ("INVALID_ARGUMENT", None)
    assert client.check(name, "email", "marketing.news").reason == "SUPPRESSED"
    ended = client.import_suppressions(told, ending_limit=0)
    assert (ended.receipt, ended.results) == (taken.receipt, ())
    assert (ended.ended.listed, ended.ended.taken_off, ended.ended.stay_on) == (2, 0, 0)


def test_a_withdrawal_names_the_contacts_that_may_still_be_stopped(client: Any, name: str, at: At) -> None:
    client.grant(name, at("till"))
    client.authorize(name, "email", "marketing.news", contact_id=name)
    (opened,) = client.withdraw(name, at("till")).open_contacts
    assert (opened.contact_id, opened.channel, opened.purpose) == (name, "email", "marketing.news")


def test_a_customer_confirms_by_the_link_that_was_sent(client: Any, name: str, at: At) -> None:
    address = ContactPoint.email(f"{name}@example.com"[-60:])
    pending = client.grant(name, at("newsletter_form"), contact_point=address)
    asked = client.authorize(
        name, "email", "service.opt_in", contact_id=name, confirms_position=pending.receipt.position
    )
    assert (asked.basis, asked.obligations[0]) == ("CONFIRMATION_REQUEST", "NO_ADVERTISING")
    assert len(asked.confirmation_token) == 64
    assert asked.confirmation_token not in repr(asked)
    clicked = dataclasses.replace(at("newsletter_form"), method=DeclarationMethod.CONFIRMATION_LINK)
    confirmed = client.confirm_by_token(asked.confirmation_token, clicked)
    assert confirmed.status == "ACTIVE"
    assert client.confirm_by_token(asked.confirmation_token, clicked) == confirmed
    assert client.check(name, "email", "marketing.news")


def test_everything_a_customer_says_and_does_is_in_their_history(client: Any, name: str, at: At) -> None:
    address = ContactPoint.email(f"{name}@example.com"[-60:])
    pending = client.grant(name, at("web_form"))
    assert pending.status == "PENDING"
    assert client.confirm(name, pending.receipt.position, at("web_form")).status == "ACTIVE"
    client.link(name, address)
    assert client.check(address, "email", "marketing.news")
    client.record_facts(name, country="FR", kind=CustomerKind.CONSUMER, birth_year=1990, deceased=False)
    client.report_activity(name, ActivityKind.PURCHASE, act_time=datetime.now(UTC) - timedelta(days=1))
    assert len(client.report_contact_point(address, ContactPointFact.VERIFIED)) == 1
    client.refuse(name, at("till"), channel="sms")
    client.object(name, at("till"), purpose="marketing.offer")
    client.unlink(name, address)
    history = list(client.history(name, page_size=2))
    assert [item.type for item in history] == [
        "PermissionGranted",
        "PermissionConfirmed",
        "IdentifierLinked",
        "FactsRecorded",
        "ActivityReported",
        "ContactPointReported",
        "PermissionRefused",
        "PermissionRefused",
        "IdentifierUnlinked",
    ]
    assert [item.customer_version for item in history] == list(range(1, 10))
    assert history[3].payload["event"]["type"] == "FactsRecorded"


def test_a_request_told_twice_is_recorded_once(client: Any, name: str, at: At) -> None:
    evidence = at("till")
    first = client.grant(name, evidence, request_id=name)
    assert client.grant(name, evidence, request_id=name) == first
    with pytest.raises(MistakeError) as reused:
        client.grant(name, evidence, request_id=name, channels=("sms",))
    assert reused.value.reason == "REQUEST_ID_REUSED"


# --- mistakes -----------------------------------------------------------------------------------


def test_an_unknown_purpose_is_a_mistake_that_names_what_is_known(client: Any) -> None:
    for ask in (client.check, lambda *words: client.authorize(*words, contact_id="c")):
        with pytest.raises(MistakeError) as mistake:
            ask("ada", "email", "marketing.unheard_of")
        assert mistake.value.reason == "PURPOSE_UNKNOWN"
        assert list(mistake.value.fields) == ["question.purpose"]
        assert "marketing.news" in mistake.value.metadata["known"]
        assert "question.purpose" in str(mistake.value)


def test_every_faulty_field_of_a_call_is_named_at_once(client: Any) -> None:
    with pytest.raises(MistakeError) as mistake:
        client.authorize("", "email", "marketing.news", contact_id="")
    assert set(mistake.value.fields) == {"contact_id", "question.customer.customer_id"}


def test_a_caller_nobody_knows_or_in_another_role_is_told_so(site: Site, flavour: Flavour) -> None:
    server = site.servers[0].address
    with open_client(flavour, server, "a-token-nobody-was-given", BRAND) as stranger, pytest.raises(MistakeError) as no:
        stranger.check("ada", "email", "marketing.news")
    assert no.value.reason == "UNAUTHENTICATED"
    with open_client(flavour, server, TOKENS["checker"], BRAND) as asking, pytest.raises(MistakeError) as other:
        asking.authorize("ada", "email", "marketing.news", contact_id="c")
    assert (other.value.reason, other.value.metadata["roles"]) == ("ROLE_MISSING", "sender")


def test_a_brand_without_a_catalogue_is_a_mistake(site: Site, flavour: Flavour) -> None:
    with open_client(flavour, site.servers[0].address, site.token, "misspelled") as client:
        with pytest.raises(MistakeError) as mistake:
            client.check("ada", "email", "marketing.news")
        assert mistake.value.reason == "CATALOGUE_MISSING"


def test_an_address_that_two_customers_hold_is_a_no_and_no_exception(client: Any, name: str, at: At) -> None:
    shared = ContactPoint.phone("+33612345678" if "sync-" in name else "+33612345679")
    for customer in (f"{name}/1", f"{name}/2"):
        client.grant(customer, at("till"), contact_point=shared)
    answer = client.check(shared, "sms", "marketing.news")
    assert not answer
    assert (answer.verdict, answer.reason) == (Verdict.UNDECIDED, "CUSTOMER_AMBIGUOUS")
    with pytest.raises(CallFailedError) as failed:
        client.record_facts(shared, country="FR")
    assert failed.value.reason == "CUSTOMER_AMBIGUOUS"


def test_an_instant_without_time_zone_is_refused_before_it_is_sent(client: Any, name: str) -> None:
    with pytest.raises(MistakeError, match="act_time: must know its time zone"):
        client.report_activity(name, ActivityKind.PURCHASE, act_time=datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_an_officer_merges_overlays_and_restricts_and_takes_it_back(client: Any, name: str, at: At) -> None:
    why = Justification("same card", officer_id="dpo", artefacts=(Artefact(bytes(32), "application/pdf"),))
    other, asked = f"{name}-other", ("email", "marketing.news")
    client.grant(name, at("till"))
    client.record_facts(other, language="fr")
    assert len(client.merge([name, other], why)) == 2
    assert client.check(other, *asked)
    (added,) = client.add_overlay([other], OverlayKind.HOUSEHOLD, why)
    assert client.check(name, *asked).reason == "OVERLAID"
    client.lift_overlay(name, added.position, why)
    client.add_overlay([name], OverlayKind.CONTRACT_PAUSE, why, until=datetime.now(UTC) + timedelta(days=1))
    assert client.check(other, *asked).reason == "CONTRACT_PAUSED"
    assert len(client.restrict(other, RestrictionGround.LEGAL_CLAIMS, why)) == 2
    assert client.check(name, *asked).reason == "RESTRICTED"
    client.lift_restriction(name, datetime.now(UTC) - timedelta(minutes=1), why)
    assert client.check(name, *asked).reason == "CONTRACT_PAUSED"
    assert len(client.split(other, why)) == 2
    assert client.check(other, *asked).reason == "NO_PERMISSION"


# --- the flavours, and the protos ---------------------------------------------------------------


def test_the_flavours_have_the_same_methods_with_the_same_arguments() -> None:
    def told(flavour: type) -> dict[str, list[tuple[str, Any, Any]]]:
        methods = {name: method for name, method in vars(flavour).items() if inspect.isfunction(method)}
        return {
            name: [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]
            for name, method in methods.items()
            if not name.startswith("_")
        }

    assert told(Client) == told(AsyncClient)
    assert len(told(Client)) == 32


@pytest.mark.parametrize(
    ("words", "names", "prefix"),
    [
        (ContactPointKind, customer_pb2.ContactPointKind, "CONTACT_POINT_KIND_"),
        (DeclarationMethod, evidence_pb2.DeclarationMethod, "DECLARATION_METHOD_"),
        (Declarant, evidence_pb2.Declarant, "DECLARANT_"),
        (Recorder, evidence_pb2.Recorder, "RECORDER_"),
        (ContactOutcome, contact_service_pb2.ContactOutcome, "CONTACT_OUTCOME_"),
        (CustomerKind, customer_service_pb2.CustomerKind, "CUSTOMER_KIND_"),
        (ActivityKind, customer_service_pb2.ActivityKind, "ACTIVITY_KIND_"),
        (ContactPointFact, customer_service_pb2.ContactPointFact, "CONTACT_POINT_FACT_"),
    ],
)
def test_the_client_knows_every_word_of_the_protos(words: Any, names: Any, prefix: str) -> None:
    assert {word.value for word in words} == {name.removeprefix(prefix) for name in names.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - no dict


def test_the_client_knows_every_field_of_the_protos() -> None:
    def fields(message: Any) -> set[str]:
        return set(message.DESCRIPTOR.fields_by_name)

    def names(value: type) -> set[str]:
        return {each.name for each in dataclasses.fields(value)}

    assert names(Answer) - {"message", "fields"} == names(Decision) == fields(decision_pb2.Decision)
    assert names(Question) == fields(decision_pb2.Question)
    assert names(Evidence) == fields(evidence_pb2.Evidence)
    assert set(Facts.__annotations__) == fields(customer_service_pb2.CustomerFacts)
    assert set(Scope.__annotations__) == fields(permission_pb2.RefusalScope)
    for value in (
        ForecastSummary,
        LapseGroup,
        LapseSample,
        UnconfirmedGroup,
        UnconfirmedSample,
        AskableChannel,
        AskingAnswer,
    ):
        assert names(value) == fields(getattr(audit_service_pb2, value.__name__))
    assert names(ForecastPart) == fields(audit_service_pb2.ForecastLapsesResponse)
