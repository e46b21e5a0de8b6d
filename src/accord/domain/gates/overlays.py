"""Gate 3: household, employer, account, contractual pause. They never rewrite the customer's own entries."""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.terms import Instant, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny under a standing overlay; defer under one that ends."""
    deferred = None
    for overlay in case.state.overlays:
        if not overlay.until:
            return Finding(Verdict.DENY, Reason.OVERLAID, positions=(overlay.position,))
        if overlay.until > case.now:
            deferred = Finding(
                Verdict.DEFER, Reason.CONTRACT_PAUSED, positions=(overlay.position,), not_before=overlay.until
            )
    return deferred


def opens(case: Case, time: Instant) -> Instant:
    """Return when the last pause has ended."""
    return max([time, *(overlay.until for overlay in case.state.overlays)])
