"""Why a command is not written, beside `model`: the first thing that is wrong with it, or nothing."""

from typing import Any

from property.people import Row
from property.scene import KINDS

from accord.domain import commands as say
from accord.domain.terms import NOT_BY_ACT


def problem_of(it: Any, people: list[Row], waiting: list[Row], act: int, now: int) -> str:
    """Return the name of the problem; `people` hold the identifier, `waiting` are permissions of theirs."""
    if len(people) > 1 and not isinstance(it, say.Refuse | say.ReportContactPoint):
        return "CUSTOMER_AMBIGUOUS"
    match it:
        case say.Confirm() | say.Unlink() if not people:
            return "CUSTOMER_UNKNOWN"
        case say.Confirm() if it.permission not in [p.position for p in waiting]:
            return "PERMISSION_UNKNOWN"
        case say.Unlink() if it.contact_point not in people[0].held:
            return "CONTACT_POINT_NOT_LINKED"
        case say.Grant() if act > now or 0 < it.valid_until <= act:
            return "INVALID_ARGUMENT"
        case say.Grant() if it.evidence.method in NOT_BY_ACT:
            return "NOT_A_PERMISSION"
        case say.ReportActivity() if act > now:
            return "INVALID_ARGUMENT"
        case say.Refuse() if it.contact_point and it.channel and it.contact_point.kind is not KINDS[it.channel]:
            return "INVALID_ARGUMENT"
    return ""
