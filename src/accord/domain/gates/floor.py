"""Gate 1: what forbids everything: erasure (GDPR art. 17), restriction (art. 18), death, an authority, a sector ban.

And, where nothing but a yes or a no of the customer counts, a loss of entries that nobody has accepted.
"""

from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.terms import PurposeClass, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny, but for a loss for every class."""
    state = case.state
    if state.erased:
        return Finding(Verdict.DENY, Reason.ERASED)
    if state.restricted:
        return Finding(Verdict.DENY, Reason.RESTRICTED)
    if state.facts.deceased:
        return Finding(Verdict.DENY, Reason.DECEASED, positions=(state.facts.position,))
    if state.authority_order:
        return Finding(Verdict.DENY, Reason.AUTHORITY_ORDER)
    if case.lane.prohibited_by and not (case.lane.contract_spared and state.facts.contract_current):
        return Finding(Verdict.DENY, Reason.SECTOR_PROHIBITED, case.lane.prohibited_by)
    since = case.policy.unreconciled_since
    if since and (case.lane.marketing or case.lane.purpose_class is PurposeClass.PROCESSING):
        return Finding(Verdict.DENY, Reason.UNRECONCILED, positions=(since,))
    return None
