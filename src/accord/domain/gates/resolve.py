"""Gate 0: is somebody known by this key, and is the address theirs? Errors were raised before; this denies."""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.terms import Reason, Verdict

UNKNOWN = Finding(Verdict.DENY, Reason.CUSTOMER_UNKNOWN)
NOT_THEIRS = Finding(Verdict.DENY, Reason.CONTACT_POINT_UNKNOWN)


def judge(case: Case) -> Finding | None:
    """Deny an address that is not linked to the customer: nobody knows whose it is."""
    return NOT_THEIRS if case.cell.points == (0,) else None
