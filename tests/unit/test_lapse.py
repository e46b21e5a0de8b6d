"""What ends by time alone, one kind after the other, and who may be asked before: at the day and the microsecond."""

import tomllib
from importlib.resources import files
from typing import Any

import pytest
from msgspec.structs import replace
from support.drawn import NOON, small, wide

from accord.domain.alike import Pair
from accord.domain.catalogue import BasisRule, Catalogue, Purpose, covers
from accord.domain.decision import Customer, Point
from accord.domain.lapse import ASKING, WHOLE, Asking, Limits, Radar
from accord.domain.packs import EDITIONS
from accord.domain.policy import CONFIRMATIONS_PER_ADDRESS, Policy
from accord.domain.scope import Coded, Granted, Refused, code
from accord.domain.state import (
    NO_POINT,
    NO_STATE,
    Activity,
    ConfirmationMark,
    ContactMark,
    CustomerState,
    Facts,
    PermissionMark,
    PointState,
    RefusalMark,
    with_contacts,
)
from accord.domain.terms import (
    DAY,
    HOUR,
    Basis,
    ContactStatus,
    CustomerKind,
    IdentifierKind,
    Instant,
    Position,
    PurposeClass,
    Reason,
    RefusalKind,
    Verdict,
)

NEWS, CALL = "marketing.newsletter", "marketing.stay_in_touch.call"
REQUEST = Purpose("marketing.permission_request", PurposeClass.MARKETING)
FRENCH = Facts(country="FR", region="75", kind=CustomerKind.CONSUMER)
CANADIAN = Facts(country="CA", kind=CustomerKind.CONSUMER)
MAIL = Point(1, IdentifierKind.EMAIL, NO_POINT)
YESTERDAY = Instant(NOON - DAY)


def bare(**told: Any) -> Catalogue:
    """Return the small catalogue with the law alone: no hours, no caps."""
    return replace(small(), rules_edition=EDITIONS[-1], hours=(), caps=(), **told)


def allowing(purposes: tuple[str, ...] = (NEWS,), act: Instant = YESTERDAY, **told: Any) -> PermissionMark:
    """Return a permission by e-mail."""
    return replace(wide(act), granted=Granted(purposes, ("email",)), **told)


def refusing(purpose: str, act: Instant = YESTERDAY) -> RefusalMark:
    """Return a no on every channel."""
    return RefusalMark(Position(5), RefusalKind.WITHDRAWN, Refused(purpose=purpose), act, act)


def ahead(state: CustomerState, days: int = 30, catalogue: Catalogue | None = None) -> dict[Pair, tuple[int, Reason]]:
    """Return what lapses for somebody with an e-mail address: when, and why."""
    radar = Radar(Policy(catalogue or bare(), 1), NOON, Instant(NOON + days * DAY))
    return {(it.purpose, it.channel): (it.time, it.reason) for it in radar.lapses((Customer(state, (MAIL,)),))}


def asking(state: CustomerState, time: int, catalogue: Catalogue | None = None) -> Asking:
    """Return on which channels that customer may be asked before an instant."""
    radar = Radar(Policy(catalogue or bare(), 1), NOON, Instant(NOON + 30 * DAY))
    return radar.asking_before((Customer(state, (MAIL,)),), Instant(time))


def test_a_permission_lapses_at_its_end_and_not_beyond_the_horizon() -> None:
    end = Instant(NOON + 7 * DAY + 1)
    state = replace(NO_STATE, permissions=(allowing(valid_until=end),), facts=FRENCH)
    assert ahead(state) == {(NEWS, "email"): (end, Reason.PERMISSION_EXPIRED)}
    assert ahead(state, 7) == {}


def test_a_permission_that_another_follows_at_once_does_not_lapse_but_one_followed_later_does() -> None:
    end, later = Instant(NOON + 7 * DAY), Instant(NOON + 9 * DAY)
    first, second = allowing(valid_until=end), replace(allowing(), position=Position(2))
    followed = replace(NO_STATE, permissions=(first, replace(second, valid_from=end)), facts=FRENCH)
    assert ahead(followed) == {}
    gap = replace(NO_STATE, permissions=(first, replace(second, valid_from=later)), facts=FRENCH)
    assert ahead(gap)[NEWS, "email"][0] == end


def test_a_permission_that_waits_for_its_confirmation_lapses_when_the_time_to_confirm_is_over() -> None:
    state = replace(NO_STATE, permissions=(allowing(pending_until=Instant(NOON + DAY)),), facts=FRENCH)
    assert ahead(state) == {(NEWS, "email"): (NOON + DAY, Reason.PENDING_EXPIRED)}


def test_three_years_of_silence_end_what_was_permitted_in_france_but_not_asking_once_whether_to_go_on() -> None:
    act = Instant(NOON - (3 * 365 - 10) * DAY)
    state = replace(NO_STATE, permissions=(allowing((NEWS, "marketing.stay_in_touch"), act),), facts=FRENCH)
    known = bare(purposes=(*bare().purposes, Purpose("marketing.stay_in_touch", PurposeClass.MARKETING)))
    found = ahead(state, catalogue=known)
    assert {pair: reason for pair, (_, reason) in found.items()} == {(NEWS, "email"): Reason.INACTIVE}
    ((time, _),) = found.values()
    assert abs(time - (NOON + 11 * DAY)) < DAY
    assert asking(state, time, known) == Asking(frozenset({"email"}), frozenset({"email"}))


def test_in_canada_the_permission_implied_by_a_purchase_lapses_after_two_years_and_asking_needs_a_ground_too() -> None:
    implied = BasisRule("bought", Basis.EXISTING_RELATIONSHIP, PurposeClass.MARKETING, ("email",), (NEWS,))
    known = bare(bases=(*bare().bases, implied), purposes=(*bare().purposes, REQUEST))
    bought = Activity(purchase_time=Instant(NOON - (2 * 365 - 5) * DAY), purchase_position=Position(3))
    state = replace(NO_STATE, activity=bought, facts=CANADIAN)
    found = ahead(state, catalogue=known)
    assert set(found) == {(NEWS, "email")}
    time, reason = found[NEWS, "email"]
    assert abs(time - (NOON + 5 * DAY)) <= DAY
    assert reason is not Reason.PERMITTED
    # What was bought implies the newsletter; nothing implies that a permission may be asked for.
    assert asking(state, time, known) == Asking(frozenset(), frozenset())
    claimed = replace(known, bases=(*known.bases, replace(implied, id="ask", purposes=(REQUEST.code,))))
    assert asking(state, time, claimed).now == {"email"}


@pytest.mark.parametrize("branch", ["", "marketing", NEWS])
def test_what_was_withdrawn_is_a_no_already_and_never_lapses(branch: str) -> None:
    end = Instant(NOON + 7 * DAY)
    state = replace(NO_STATE, permissions=(allowing(act=Instant(NOON - 2 * DAY), valid_until=end),), facts=FRENCH)
    assert ahead(state)
    assert ahead(replace(state, refusals=(refusing(branch),))) == {}


def test_who_refused_to_be_asked_may_not_be_asked_for_what_lapses() -> None:
    end = Instant(NOON + 7 * DAY)
    permitted = allowing((NEWS, CALL), Instant(NOON - 2 * DAY), valid_until=end)
    state = replace(NO_STATE, permissions=(permitted,), facts=FRENCH)
    assert asking(state, end) == Asking(frozenset({"email"}), frozenset({"email"}))
    refused = replace(state, refusals=(refusing("marketing.stay_in_touch"),))
    assert (NEWS, "email") in ahead(refused)
    assert asking(refused, end) == Asking(frozenset(), frozenset())
    bounced = replace(MAIL, state=replace(NO_POINT, bounced=Position(9)))
    radar = Radar(Policy(bare(), 1), NOON, end)
    assert not radar.asking_before((Customer(state, (bounced,)),), end).in_time


def test_quiet_hours_put_asking_off_but_it_is_in_time_only_where_they_end_before_the_lapse() -> None:
    night = Instant(NOON + 11 * HOUR)
    radar = Radar(Policy(replace(bare(), hours=small().hours), 1), night, Instant(night + DAY))
    readings = (Customer(replace(NO_STATE, permissions=(wide(YESTERDAY),), facts=FRENCH)),)
    opens = radar.decision(readings, (CALL, "sms"), night).not_before
    assert opens > night
    before, after = radar.asking_before(readings, opens), radar.asking_before(readings, Instant(opens + 1))
    assert "sms" not in before.in_time | before.now | after.now
    assert "sms" in after.in_time


def test_one_branch_and_one_channel_are_looked_at_alone() -> None:
    mark = replace(wide(YESTERDAY), valid_until=Instant(NOON + DAY))
    readings = (Customer(replace(NO_STATE, permissions=(mark,), facts=FRENCH), (MAIL,)),)
    radar = Radar(Policy(bare(), 1), NOON, Instant(NOON + 2 * DAY), purpose="marketing.stay_in_touch", channel="email")
    found = {(each.purpose, each.channel) for each in radar.lapses(readings)}
    assert found == {(CALL, "email"), ("marketing.stay_in_touch.letter", "email")}


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"topics": (code("sku-1"),)}, ("topic",)),
        ({"places": ("store:lyon",)}, ("place",)),
        ({"recipients": (code("acme"),)}, ("recipient",)),
        ({"topics": (code("sku-1"),), "recipients": (code("acme"),)}, ("topic", "recipient")),
    ],
)
def test_a_permission_for_one_topic_place_or_third_party_lapses_and_its_holder_is_asked_about_that(
    limits: dict[str, Any], named: tuple[str, ...]
) -> None:
    end = Instant(NOON + 7 * DAY)
    mark = allowing((NEWS, CALL), valid_until=end)
    narrow = replace(mark, granted=replace(mark.granted, **limits))
    readings = (Customer(replace(NO_STATE, permissions=(narrow,), facts=FRENCH), (MAIL,)),)
    radar = Radar(Policy(bare(), 1), NOON, end)
    lapses = list(radar.lapses(readings))
    assert {(it.purpose, it.time, it.limits.named) for it in lapses} == {(NEWS, end, named), (CALL, end, named)}
    whole, about = (radar.asking_before(readings, end, each).now for each in (WHOLE, lapses[0].limits))
    assert whole == frozenset()
    # The brand asks: what a third party was permitted does not permit it.
    assert about == (frozenset() if "recipient" in named else frozenset({"email"}))


def test_a_permission_for_one_of_several_addresses_lapses_there_and_its_holder_is_asked_there() -> None:
    end = Instant(NOON + 7 * DAY)
    mark = allowing((NEWS, CALL), valid_until=end)
    mark = replace(mark, granted=replace(mark.granted, channels=("email", "sms"), point=1))
    state = replace(NO_STATE, permissions=(mark,), facts=FRENCH)
    # What became of the other address is nothing to this one.
    other = Point(2, IdentifierKind.EMAIL, replace(NO_POINT, bounced=Position(9)))
    phone = Point(3, IdentifierKind.PHONE, NO_POINT)
    readings = (Customer(state, (MAIL, other, phone)),)
    radar = Radar(Policy(bare(), 1), NOON, end)
    lapses = list(radar.lapses(readings))
    at_one = Limits(contact_point=1)
    assert {(it.purpose, it.channel, it.time, it.reason) for it in lapses} == {
        (NEWS, "email", end, Reason.PERMISSION_EXPIRED),
        (CALL, "email", end, Reason.PERMISSION_EXPIRED),
    }
    assert {it.limits for it in lapses} == {at_one}
    assert at_one.named == ("contact_point",)
    whole, there = (radar.asking_before(readings, end, each).now for each in (WHOLE, at_one))
    assert (whole, there) == (frozenset(), frozenset({"email"}))
    # Of the only one of its kind the question of the whole is asked.
    (alone,) = {it.limits for it in radar.lapses((Customer(state, (MAIL, phone)),))}
    assert alone == WHOLE
    # Whoever no longer holds it has nothing there that could lapse.
    assert list(radar.lapses((Customer(state, (other, phone)),))) == []


def test_a_no_to_one_topic_is_no_lapse_of_it_and_leaves_the_next_topic() -> None:
    end = Instant(NOON + 7 * DAY)
    mark = allowing(act=Instant(NOON - 2 * DAY), valid_until=end)
    narrow = replace(mark, granted=replace(mark.granted, topics=(code("sku-1"), code("sku-2"))))
    refused = RefusalMark(Position(5), RefusalKind.WITHDRAWN, Refused(topic=code("sku-1")), YESTERDAY, YESTERDAY)
    state = replace(NO_STATE, permissions=(narrow,), refusals=(refused,), facts=FRENCH)
    lapses = Radar(Policy(bare(), 1), NOON, end).lapses((Customer(state, (MAIL,)),))
    assert [it.limits for it in lapses] == [Limits(Coded(code("sku-2").hex()))]


PENDING = allowing(pending_until=Instant(NOON + 2 * DAY))
WAITS = replace(PENDING, granted=replace(PENDING.granted, point=1))


def one_more(state: CustomerState, point: PointState = NO_POINT, days: int = 2) -> list[tuple[int, Any, Any]]:
    """Return what is told of permissions that wait: the end, and the answer to one more request."""
    radar = Radar(Policy(bare(), 1), NOON, Instant(NOON + days * DAY))
    readings = (Customer(replace(state, facts=FRENCH), (replace(MAIL, state=point),)),)
    found = list(radar.unconfirmed(readings))
    assert all((it.pair is None) is (it.answer is None) for it in found)
    assert all(it.pair in {None, ("service.opt_in_confirmation", "email")} for it in found)
    return [(it.time, it.answer and it.answer.verdict, it.answer and it.answer.reason) for it in found]


def requested(status: ContactStatus) -> CustomerState:
    """Return the state of somebody who was asked to confirm by one contact."""
    contact = ContactMark(b"contact1", YESTERDAY, Position(7), None, "service.opt_in_confirmation", "email", 1, status)
    mark = ConfirmationMark(WAITS.position, token_sha256=bytes(32), contact=contact.key)
    return with_contacts(replace(NO_STATE, permissions=(WAITS,), confirmations=(mark,)), [contact])


def test_a_permission_that_waits_may_be_asked_about_once_more_until_its_time_is_over() -> None:
    state = replace(NO_STATE, permissions=(WAITS,))
    assert one_more(state) == [(NOON + 2 * DAY, Verdict.ALLOW, Reason.PERMITTED)]
    assert one_more(state, days=1) == []
    # Without an address nobody knows where the link would go.
    assert one_more(replace(NO_STATE, permissions=(PENDING,))) == [(NOON + 2 * DAY, None, None)]


@pytest.mark.parametrize(
    ("status", "verdict", "reason"),
    [
        (ContactStatus.AUTHORIZED, Verdict.ALLOW, Reason.PERMITTED),
        (ContactStatus.SENT, Verdict.DENY, Reason.CONFIRMATION_REQUESTED),
        (ContactStatus.FAILED, Verdict.ALLOW, Reason.PERMITTED),
    ],
)
def test_a_request_that_was_sent_is_the_only_one_and_one_that_never_left_may_follow(
    status: ContactStatus, verdict: Verdict, reason: Reason
) -> None:
    assert one_more(requested(status)) == [(NOON + 2 * DAY, verdict, reason)]


def test_an_address_asked_too_often_complained_of_or_refused_is_not_asked_once_more() -> None:
    state = replace(NO_STATE, permissions=(WAITS,))

    def asked(time: int) -> PointState:
        return PointState(requests=tuple((bytes([n]), Instant(time)) for n in range(CONFIRMATIONS_PER_ADDRESS)))

    window = Policy(bare(), 1).confirmation_window
    for point, verdict, reason in (
        (asked(NOON + DAY - window), Verdict.DEFER, Reason.CONFIRMATION_CAP_REACHED),
        (asked(NOON + 2 * DAY - window), Verdict.DENY, Reason.NO_SLOT),
        (PointState(complained=Position(3)), Verdict.DENY, Reason.CONTACT_POINT_COMPLAINED),
        (PointState(bounced=Position(3)), Verdict.DENY, Reason.CONTACT_POINT_BOUNCED),
    ):
        assert one_more(state, point) == [(NOON + 2 * DAY, verdict, reason)]
    refused = replace(state, refusals=(refusing(NEWS, Instant(NOON - HOUR)),))
    assert one_more(refused) == [(NOON + 2 * DAY, Verdict.DENY, Reason.WITHDRAWN)]


def test_without_a_purpose_that_asks_nobody_may_be_asked() -> None:
    known = bare(purposes=tuple(each for each in bare().purposes if not each.code.startswith(ASKING)))
    radar = Radar(Policy(known, 1), NOON, Instant(NOON + DAY))
    assert radar.asking == ()
    state = replace(NO_STATE, permissions=(wide(YESTERDAY),), facts=FRENCH)
    assert radar.asking_before((Customer(state, (MAIL,)),), Instant(NOON + DAY)) == Asking(frozenset(), frozenset())


def test_the_purposes_that_ask_are_those_the_rule_packs_know_by_name() -> None:
    named = set()
    for pack in (files("accord.domain.packs") / EDITIONS[-1]).iterdir():
        if pack.name.endswith(".toml"):
            for rule in tomllib.loads(pack.read_text("utf-8")).get("rules", []):
                named.update(rule.get("asking", "").split())
                if rule["id"].endswith("request_needs_ground"):
                    named.update(rule["purposes"])
    assert named == set(ASKING)
    assert covers(ASKING[1], CALL)
