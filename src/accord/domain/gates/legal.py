"""Gate 9: lawful hours, public holidays, legal caps, cool-down after a refusal, where the customer lives.

And what no waiting mends: to contact who was silent for years, by a beacon who is not there, or without what the
message must carry.
"""

from accord.domain import calendar
from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.gates import absence, caps, carriage
from accord.domain.gates.permitted import permitted, permitted_from
from accord.domain.lane import CoolDownTerm, HoursTerm
from accord.domain.state import RefusalMark
from accord.domain.terms import NEVER, Instant, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Deny what no waiting makes lawful; defer to the next lawful instant of the rule that binds."""
    lane = case.lane
    if (lane.inactivity or lane.presence) and (finding := absence.judge(case)):
        return finding
    if lane.one_click_missing:
        return carriage.judge(case)
    for term in lane.lawful_hours:
        closes = calendar.open_until(term.open_hours, case.where, case.now)
        if not closes:
            if term.otherwise and permitted(term.otherwise, case):
                continue
            later = calendar.next_open(term.open_hours, case.where, case.now)
            return Finding(Verdict.DEFER, Reason.OUTSIDE_CALLING_HOURS, term.rule, not_before=later)
        case.changes_at(closes)
    for cap in lane.legal_caps:
        if free := caps.free_at(cap, case, case.now):
            return Finding(Verdict.DEFER, Reason.LEGAL_CAP_REACHED, cap.rule, not_before=free)
    for silence in lane.cool_downs:
        if (end := _silent_until(silence, case)) > case.now:
            return Finding(Verdict.DEFER, Reason.COOLING_DOWN, silence.rule, not_before=end)
    return None


def opens(case: Case, time: Instant) -> Instant:
    """Return the first instant from `time` on that satisfies each rule once; 0 for none."""
    for term in case.lane.lawful_hours:
        time = _opens(term, case, time)
        if not time:
            return time
    for cap in case.lane.legal_caps:
        time = caps.free_at(cap, case, time) or time
    return max([time, *(_silent_until(silence, case) for silence in case.lane.cool_downs)])


def _opens(term: HoursTerm, case: Case, time: Instant) -> Instant:
    """Return the first instant from `time` on inside the hours, or at which the customer permitted others."""
    opens = calendar.next_open(term.open_hours, case.where, time)
    if not term.otherwise or opens == time:
        return opens
    begins = permitted_from(term.otherwise, case, time)
    return min(opens or begins, begins or opens)


def _silent_until(term: CoolDownTerm, case: Case) -> Instant:
    """Return the end of the silence that any refusal on this channel began, unless the cell was permitted since."""
    end = _silence_of(case.state.refusals, term, case)
    for point in case.points:
        if point.state.refusals:
            end = max(end, _silence_of(point.state.refusals, term, case))
    return end


def _silence_of(marks: tuple[RefusalMark, ...], term: CoolDownTerm, case: Case) -> Instant:
    end = NEVER
    for mark in marks:
        if not mark.asked_time or mark.refused.channel != case.cell.channel:
            continue
        permitted_since = any(
            given.lifts and given.act_time > mark.asked_time and given.recorded_time > mark.recorded_time
            for given in case.permissions
        )
        if not permitted_since:
            end = max(end, calendar.calendar_days_after(case.where, mark.asked_time, term.days))
    return end
