"""Gate 9 on what a message must carry and, on its channel, cannot: a one-click unsubscription (RFC 8058).

The brand says so of a channel in its catalogue. Where no rule asks for it, nothing is missing.
"""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.terms import Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny what would go out without it."""
    missing = case.lane.one_click_missing
    return Finding(Verdict.DENY, Reason.ONE_CLICK_MISSING, missing) if missing else None
