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
from accord.domain.lapse import ASKING, Asking, Radar
from accord.domain.packs import EDITIONS
from accord.domain.policy import Policy
from accord.domain.scope import Granted, Refused
from accord.domain.state import NO_POINT, NO_STATE, Activity, CustomerState, Facts, PermissionMark, RefusalMark
from accord.domain.terms import (
    DAY,
    HOUR,
    Basis,
    CustomerKind,
    IdentifierKind,
    Instant,
    Position,
    PurposeClass,
    Reason,
    RefusalKind,
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
