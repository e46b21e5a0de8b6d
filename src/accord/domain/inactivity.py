"""Since when a customer has done nothing: what a retention period counts from (GDPR art. 5(1)(e)).

Counts what customers did themselves: permissions, refusals, activities, facts told of them. What the
brand sent them counts for nothing, else whoever writes often would keep everybody for ever.
"""

from accord.domain.state import CustomerState
from accord.domain.terms import Instant, Position


def acted_since(state: CustomerState, time: Instant, position: Position) -> bool:
    """Say whether the state knows an act at `time` or later; `position` is of the first entry recorded since."""
    acts = state.activity
    return (
        state.facts.position >= max(position, 1)
        or any(mark.act_time >= time for mark in state.permissions)
        or any(mark.act_time >= time for mark in state.refusals)
        or max(acts.purchase_time, acts.click_time, acts.enquiry_time, acts.presence_time, acts.engagement_time) >= time
        or any(mark.time >= time for mark in acts.acts)
    )


def acts_known(state: CustomerState) -> bool:
    """Say whether the state knows any act at all; of some, such as a link, it keeps no instant."""
    return acted_since(state, Instant(1), Position(1))
