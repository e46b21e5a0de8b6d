"""Gate 10: the brand's own caps across channels, quiet hours, and the pause the customer asked for."""

from accord.domain import calendar
from accord.domain.case import Case
from accord.domain.decision import Finding
from accord.domain.gates import caps
from accord.domain.terms import Instant, Obligation, Reason, Verdict


def judge(case: Case) -> Finding | None:
    """Defer until there is room, the quiet hours end, and the pause is over."""
    for cap in case.lane.brand_caps:
        if free := caps.free_at(cap, case, case.now):
            return Finding(Verdict.DEFER, Reason.BRAND_CAP_REACHED, cap.rule, not_before=free)
    for term in case.lane.quiet_hours:
        starts = calendar.open_until(term.open_hours, case.where, case.now)
        if not starts:
            later = calendar.next_open(term.open_hours, case.where, case.now)
            return Finding(Verdict.DEFER, Reason.QUIET_HOURS, term.rule, not_before=later)
        case.changes_at(starts)
    facts = case.state.facts
    if case.lane.marketing and facts.paused_until > case.now:
        return Finding(Verdict.DEFER, Reason.PAUSED, positions=(facts.position,), not_before=facts.paused_until)
    return None


def opens(case: Case, time: Instant) -> Instant:
    """Return the first instant from `time` on that satisfies each rule once; 0 for none."""
    for cap in case.lane.brand_caps:
        time = caps.free_at(cap, case, time) or time
    for term in case.lane.quiet_hours:
        time = calendar.next_open(term.open_hours, case.where, time)
        if not time:
            return time
    return max(time, case.state.facts.paused_until) if case.lane.marketing else time


def advice(case: Case) -> tuple[Obligation, ...]:
    """Return what the sender should rather do: use the channel the customer prefers."""
    preferred = case.state.facts.preferred_channel
    other = case.lane.marketing and preferred and preferred != case.cell.channel
    return (Obligation.PREFER_OTHER_CHANNEL,) if other else ()
