"""Which answers end by time alone, when, and may the customer still be asked before? `decide` and nothing else. Pure.

A lapse is an answer that reads ALLOW or DEFER now, or waits for its confirmation, and that reads DENY, other
than for want of the confirmation, at an instant up to a horizon. Nothing is assumed about what makes an
answer end: it is asked at the horizon and at each instant at which a permission of the person ends or
another law begins, and between the last yes and the first no it is halved until both meet. So at the instant
told the answer is a no, and one microsecond before it is not. Where it lapses more than once, as where
another permission begins later, one lapse is told: the first, unless it began and ended between two of those
instants. Pairs that have one answer are asked once (`alike`).

Whether the customer may be asked for a permission is a question of its own, since asking is a contact too:
the purposes that ask are answered by the same decision.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.alike import ANYBODY, Alike, Pair
from accord.domain.catalogue import covers
from accord.domain.commands import Question
from accord.domain.decision import Customer, Decision
from accord.domain.full_view import answered
from accord.domain.policy import Policy
from accord.domain.terms import FAR, Instant, Reason, Verdict

ASKING: Final = ("marketing.permission_request", "marketing.stay_in_touch")
"""Branches of purposes whose contacts ask for a permission, by the names the rule packs know them by."""


class Lapse(Struct, frozen=True, gc=False):
    """One answer that ends: the first instant at which it is a no, and the reason it then has."""

    purpose: str
    channel: str
    time: Instant
    reason: Reason


class Asking(Struct, frozen=True):
    """On which channels a person may be asked before an instant: now, and now or later but in time."""

    now: frozenset[str]
    in_time: frozenset[str]


class Radar:
    """Looks ahead, person by person. Remembers rules, never a person."""

    def __init__(
        self, policy: Policy, now: Instant, horizon: Instant, *, purpose: str = "", channel: str | None = None
    ) -> None:
        """Look for lapses after `now`, up to and at `horizon`, of a branch of purposes on a channel; None for any."""
        self._policy = policy
        self._now = now
        self._horizon = horizon
        self._alike = Alike(
            (policy,), [each for each in policy.pairs if covers(purpose, each[0]) and channel in (None, each[1])]
        )
        self.asking: tuple[Pair, ...] = tuple(
            each for each in policy.pairs if each[1] and any(covers(branch, each[0]) for branch in ASKING)
        )

    def lapses(self, readings: Sequence[Customer]) -> Iterator[Lapse]:
        """Yield what ends for one person: one reading, or several where they are merged."""
        for pairs in self._alike.groups(readings):
            found = self._lapse(readings, pairs[0])
            if found:
                yield from (replace(found, purpose=purpose, channel=channel) for purpose, channel in pairs)

    def asking_before(self, readings: Sequence[Customer], time: Instant) -> Asking:
        """Return on which channels the person may be asked before an answer lapses at `time`.

        In time is also a DEFER that opens before it, and what is allowed at the last instant only.
        """
        now, in_time = set[str](), set[str]()
        for pair in self.asking:
            found = self.decision(readings, pair, self._now)
            if found.verdict is Verdict.ALLOW:
                now.add(pair[1])
            elif pair[1] not in in_time and self._opens(readings, pair, found, time):
                in_time.add(pair[1])
        return Asking(frozenset(now), frozenset(now | in_time))

    def decision(self, readings: Sequence[Customer], pair: Pair, time: Instant, *, full: bool = False) -> Decision:
        """Return the answer at an instant, as of the states of now."""
        question = Question(customer=ANYBODY, purpose=pair[0], channel=pair[1])
        return answered(readings, question, self._policy, time, full=full)

    def _opens(self, readings: Sequence[Customer], pair: Pair, found: Decision, time: Instant) -> bool:
        if found.verdict is Verdict.DEFER and found.not_before < time:
            return True
        # Time alone changes nothing before `valid_until`.
        changes = found.valid_until and found.valid_until < time
        return bool(changes) and self.decision(readings, pair, Instant(time - 1)).verdict is Verdict.ALLOW

    def _lapse(self, readings: Sequence[Customer], pair: Pair) -> Lapse | None:
        low = self.decision(readings, pair, self._now)
        if _ended(low):
            return None
        for probe in self._probes(readings, pair):
            if _last(low) >= probe:
                continue
            found = self.decision(readings, pair, probe)
            if _ended(found):
                return self._halved(readings, pair, low, found)
            low = found
        return None

    def _halved(self, readings: Sequence[Customer], pair: Pair, low: Decision, high: Decision) -> Lapse:
        """Return the lapse between an answer that stands and one that has ended."""
        while (last := min(_last(low), high.time - 1)) < high.time - 1:
            found = self.decision(readings, pair, Instant((last + high.time) // 2))
            if _ended(found):
                high = found
            else:
                low = found
        return Lapse(*pair, high.time, high.reason)

    def _probes(self, readings: Sequence[Customer], pair: Pair) -> list[Instant]:
        """Return the instants at which to ask, ascending."""
        ends = {end for mark in readings[0].state.permissions for end in (mark.valid_until, mark.pending_until)}
        for each in readings:
            ends.update(Instant(lane.until) for lane in self._policy.lanes(*pair, each.state.facts))
        return sorted({*(end for end in ends if self._now < end < self._horizon), self._horizon})


def _ended(decision: Decision) -> bool:
    return decision.verdict is Verdict.DENY and decision.reason is not Reason.PENDING_CONFIRMATION


def _last(decision: Decision) -> int:
    """Return the last instant at which the answer is known to stand."""
    return max(decision.time, (decision.valid_until or FAR) - 1)
