"""Where a permission is said to stand agrees with what `decide` answers."""

import pytest
from support.histories import Act, Asked, History, Step, identifier

from accord.domain import standing
from accord.domain.decision import Customer
from accord.domain.terms import PermissionStatus, Recorder, Verdict

ONCE = Step(time="2026-01-01T09:00Z", grant=Act(customer="ada", at="call_me"))
FORM = Step(time="2026-01-01T09:00Z", grant=Act(customer="ada"))
PENDING = Step(time="2026-01-01T09:00Z", grant=Act(customer="ada", at="paper_form"))
MONTH = Step(time="2026-01-01T09:00Z", grant=Act(customer="ada", at="month_form"))
SOON = Step(time="2026-01-01T09:00Z", grant=Act(customer="ada", valid_from="2026-06-01T00:00Z"))
PROFILE = Step(time="2026-01-01T09:00Z", grant=Act(customer="ada", at="profile_form"))
WITHDRAWN = Step(time="2026-01-02T09:00Z", withdraw=Act(customer="ada"))
NO_EMAIL = Step(time="2026-01-02T09:00Z", withdraw=Act(customer="ada", channel="email"))
EARLIER_NO = Step(time="2025-12-01T09:00Z", withdraw=Act(customer="ada", purpose="marketing"))
IMPORT = Step(time="2026-01-01T09:00Z", grant=Act(customer="ada", at="crm_import", recorder=Recorder.IMPORT))
USE = Step(
    time="2026-01-02T09:00Z",
    authorize=Asked(customer="ada", channel="email", purpose="marketing.newsletter", contact_id="c1"),
)


@pytest.mark.parametrize(
    ("steps", "time", "status"),
    [
        ((FORM,), "2026-01-03T09:00Z", PermissionStatus.ACTIVE),
        ((FORM, NO_EMAIL), "2026-01-03T09:00Z", PermissionStatus.ACTIVE),
        ((FORM, WITHDRAWN), "2026-01-03T09:00Z", PermissionStatus.WITHDRAWN),
        ((EARLIER_NO, FORM), "2026-01-03T09:00Z", PermissionStatus.ACTIVE),
        ((EARLIER_NO, IMPORT), "2026-01-03T09:00Z", PermissionStatus.WITHDRAWN),
        ((PENDING,), "2026-01-03T08:59Z", PermissionStatus.PENDING),
        ((PENDING,), "2026-01-03T09:00Z", PermissionStatus.EXPIRED),
        ((MONTH,), "2026-01-31T08:59Z", PermissionStatus.ACTIVE),
        ((MONTH,), "2026-01-31T09:00Z", PermissionStatus.EXPIRED),
        ((SOON,), "2026-01-31T09:00Z", PermissionStatus.NOT_YET_VALID),
        ((ONCE, USE), "2026-01-03T09:00Z", PermissionStatus.USED_UP),
    ],
)
def test_a_permission_stands_where_its_customer_left_it(
    steps: tuple[Step, ...], time: str, status: PermissionStatus
) -> None:
    history = History("boutique").tell(steps)
    customer = history.at(time).customer(identifier("ada"))
    assert isinstance(customer, Customer)
    (mark,) = customer.state.permissions
    answer = history.ask(Asked(customer="ada", channel="sms", purpose="marketing.newsletter"), time)
    assert answer.decision is not None
    assert standing.status_of(mark, customer, answer.decision.time) is status
    assert (answer.decision.verdict is Verdict.ALLOW) is (status is PermissionStatus.ACTIVE)


def test_a_refusal_of_a_channel_leaves_a_permission_for_processing_active() -> None:
    history = History("boutique").tell((PROFILE, NO_EMAIL))
    customer = history.customer(identifier("ada"))
    assert isinstance(customer, Customer)
    (mark,) = customer.state.permissions
    assert standing.status_of(mark, customer, history.now) is PermissionStatus.ACTIVE
