"""What erasures leave on states: restriction while one waits, what others keep, and the no of a suppressed address."""

import pytest
from msgspec.structs import replace

from accord.domain.events import (
    ContactPointReported,
    ContactPointRetold,
    ContactPointSuppressed,
    CustomersErased,
    ErasureRequested,
    Evidence,
    PermissionRefused,
)
from accord.domain.fold import fold, fold_point, touched_number
from accord.domain.scope import Refused
from accord.domain.state import NO_POINT, NO_STATE, PointState, encode
from accord.domain.terms import (
    Declarant,
    ErasureMode,
    ErasureReason,
    Instant,
    Method,
    PointFact,
    Position,
    Recorder,
    RefusalKind,
)

ERASED, NOW = Instant(1_000_000), Instant(9_000_000)
SUPPRESSED = ContactPointSuppressed(number=2, erased_time=ERASED)
EVIDENCE = Evidence(
    touchpoint="web", method=Method.BUTTON, declarant=Declarant.CUSTOMER, recorder=Recorder.SYSTEM, act_time=ERASED
)


def no(act_time: int, kind: RefusalKind = RefusalKind.REFUSED, **scope: object) -> PermissionRefused:
    evidence = replace(EVIDENCE, act_time=Instant(act_time))
    return PermissionRefused(kind=kind, evidence=evidence, point=2, **scope)  # type: ignore[arg-type]


def test_who_waits_to_be_erased_is_restricted() -> None:
    event = ErasureRequested(mode=ErasureMode.ON_HOLD_UNTIL, reason=ErasureReason.OBJECTED, not_before=NOW)
    assert fold(NO_STATE, event, Position(1), NOW) == replace(NO_STATE, restricted=True, erasing=True)


def test_an_erasure_changes_nothing_of_the_brand_it_is_told_on() -> None:
    event = CustomersErased(customers=("00",), mode=ErasureMode.NOW, reason=ErasureReason.CHILD, request_time=NOW)
    assert fold(NO_STATE, event, Position(1), NOW) == NO_STATE


@pytest.mark.parametrize("event", [SUPPRESSED, ContactPointRetold(number=2, state=encode(NO_POINT))])
def test_what_is_told_of_an_address_reaches_that_address(event: ContactPointSuppressed | ContactPointRetold) -> None:
    assert touched_number(NO_STATE, event) == 2
    assert fold(NO_STATE, event, Position(1), NOW) == NO_STATE


def test_what_was_retold_is_what_was_known_whatever_stood_before() -> None:
    known = fold_point(PointState(bounced=Position(3)), no(5, purpose="marketing"), Position(4), NOW)
    event = ContactPointRetold(number=2, state=encode(known))
    other = ContactPointReported(number=2, fact=PointFact.COMPLAINED, act_time=NOW)
    assert fold_point(fold_point(NO_POINT, other, Position(7), NOW), event, Position(8), NOW) == known


def test_a_suppressed_address_gets_a_no_to_everything_dated_when_its_holder_was_erased() -> None:
    (mark,) = fold_point(NO_POINT, SUPPRESSED, Position(8), NOW).refusals
    assert (mark.kind, mark.refused, mark.stops) == (RefusalKind.SUPPRESSED, Refused(), False)
    assert (mark.position, mark.act_time, mark.recorded_time, mark.asked_time) == (8, ERASED, ERASED, 0)


def test_no_refusal_of_the_address_is_weakened_by_it() -> None:
    refusals = fold_point(NO_POINT, no(5, channel="sms"), Position(3), NOW).refusals
    after = fold_point(PointState(refusals=refusals), SUPPRESSED, Position(8), NOW).refusals
    assert after[0] == refusals[0]
    assert len(after) == 2
    stop = fold_point(NO_POINT, no(int(ERASED) + 5), Position(3), NOW)
    assert stop.refusals[0].stops
    assert stop.refusals[0] in fold_point(stop, SUPPRESSED, Position(8), NOW).refusals, "a STOP binds service messages"


def test_told_twice_it_is_the_later_erasure_that_counts() -> None:
    once = fold_point(NO_POINT, SUPPRESSED, Position(8), NOW)
    assert fold_point(once, SUPPRESSED, Position(9), NOW) == once
    later = fold_point(once, replace(SUPPRESSED, erased_time=NOW), Position(10), NOW)
    assert [(mark.position, mark.act_time, mark.recorded_time) for mark in later.refusals] == [(10, NOW, NOW)]
    assert fold_point(later, SUPPRESSED, Position(11), NOW) == later
