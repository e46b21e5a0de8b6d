"""Gate 9 on customers who are not there: silent for years, or not seen where a beacon would call.

A click, an enquiry, a purchase, a donation, work as a volunteer and a permission are acts of the customer.
That a tie ended is none; nor is that a message was opened, which is never reported. Without any act
known, the time is over.
"""

from accord.domain.calendar import months_after
from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.gates.permitted import permitted
from accord.domain.lane import InactivityTerm, PresenceTerm
from accord.domain.state import contacts_newest_first
from accord.domain.terms import CONTACT_MEMORY_DAYS, DAY, NEVER, ActivityKind, ContactStatus, Instant, Reason, Verdict

_OWN_ACTS = (ActivityKind.DONATION, ActivityKind.VOLUNTEERING)


def judge(case: Case) -> Finding | None:
    """Deny a customer silent for too long, and one who is not present."""
    for silence in case.lane.inactivity:
        if _silent(silence, case):
            return Finding(Verdict.DENY, Reason.INACTIVE, silence.rule)
    for presence in case.lane.presence:
        # Whether the customer permitted to be located is a question of its own, on another purpose.
        if not (_present(presence, case) and permitted(presence.tracking, case)):
            return Finding(Verdict.DENY, Reason.NOT_PRESENT, presence.rule)
    return None


def _silent(term: InactivityTerm, case: Case) -> bool:
    if case.state.facts.contract_current:
        return False
    last = _last_act(case)
    end = months_after(case.where, last, term.months) if last else NEVER
    case.changes_at(end)
    if case.now < end:
        return False
    # Whether to go on may be asked once, while contacts are remembered that tell whether it was.
    asking_ends = end + CONTACT_MEMORY_DAYS * DAY
    if not (term.asks and last and case.now < asking_ends):
        return True
    case.changes_at(asking_ends)
    own = case.own_contact.key if case.own_contact else b""
    return any(
        mark.purpose == case.lane.purpose and mark.status is not ContactStatus.CANCELLED and mark.key != own
        for mark in contacts_newest_first(case.state, end)
    )


def _last_act(case: Case) -> Instant:
    activity = case.state.activity
    last = max(activity.purchase_time, activity.click_time, activity.enquiry_time)
    for act in activity.acts:
        if act.kind in _OWN_ACTS:
            last = max(last, act.time)
    for mark in case.state.permissions:
        last = max(last, mark.act_time)
    return last


def _present(term: PresenceTerm, case: Case) -> bool:
    activity = case.state.activity
    end = activity.presence_time + term.span
    case.changes_at(end)
    elsewhere = case.cell.place and activity.presence_place != case.cell.place
    return bool(activity.presence_time) and case.now < end and not elsewhere
