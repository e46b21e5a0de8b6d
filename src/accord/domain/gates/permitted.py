"""Whether a customer permitted something besides the contact: to be located, to be called at other hours.

A question of its own, on a purpose of class processing, which no channel and no address limits. Where the
catalogue has no such purpose, nobody permitted it.
"""

from accord.domain import candidates
from accord.domain.case import Case
from accord.domain.gates import refusals
from accord.domain.scope import Cell
from accord.domain.terms import NEVER, Instant


def permitted(purpose: str, case: Case) -> bool:
    """Say whether the customer permitted the purpose, at the place asked about, and note when that may change."""
    if purpose not in case.policy.purposes:
        return False
    lane = case.policy.lane(purpose, "", case.state.facts, case.now)
    other = Case(case.customer, Cell(purpose, "", place=case.cell.place), [], lane, case.policy, case.now)
    found = refusals.judge(other) is None and not candidates.best(other).gate
    case.changes_at(other.until)
    return found


def permitted_from(purpose: str, case: Case, time: Instant) -> Instant:
    """Return the first instant from `time` on at which the purpose is permitted; 0 for none that is known yet."""
    begins = (mark.valid_from for mark in case.state.permissions if purpose in mark.granted.purposes)
    for each in (time, *sorted(begin for begin in begins if begin > time)):
        if permitted(purpose, case.at(each)):
            return each
    return NEVER
