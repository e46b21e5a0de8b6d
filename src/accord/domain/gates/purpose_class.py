"""Gate 4: service, legal and safety purposes skip the gates of marketing. Never says no; the trace shows it."""

from accord.domain.case import Case
from accord.domain.decision import Finding


def judge(_case: Case) -> Finding | None:
    """Let pass: what the class skips is settled with the lane."""
    return None
