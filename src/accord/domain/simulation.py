"""Which answers would another policy change? `decide` under both at one instant, and nothing asked in vain. Pure.

What is asked is what Check answers for a customer named by their id: purpose and channel, with one topic,
place and third party for all, none unless told. A pair of purpose and channel that the very same rules bind
under both policies is not asked, and pairs that have one answer are asked once (`alike`). A property test
holds both to asking everything.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.alike import Alike, Pair
from accord.domain.commands import Question
from accord.domain.decision import Customer, Decision
from accord.domain.full_view import answered
from accord.domain.policy import Policy
from accord.domain.terms import Instant, Reason, Verdict


class Ruling(Struct, frozen=True, gc=False):
    """A verdict and its reason. Without both: the catalogue does not know the question, which reads as a no."""

    verdict: Verdict | None = None
    reason: Reason | None = None

    @property
    def reads_as(self) -> Verdict:
        """What a caller makes of it."""
        return self.verdict or Verdict.DENY


UNASKED = Ruling()


class Change(Struct, frozen=True, gc=False):
    """One answer that differs; a flip where the verdict does too."""

    purpose: str
    channel: str
    before: Ruling
    after: Ruling

    @property
    def flips(self) -> bool:
        """Whether a caller would read another verdict."""
        return self.before.reads_as is not self.after.reads_as


class Simulation:
    """Compares two policies, customer by customer. Remembers rules, never a customer."""

    def __init__(self, before: Policy, after: Policy, now: Instant, asked: Question | None = None) -> None:
        """Compare at one instant. `asked` gives topic, place and third party of every question."""
        self._policies = (before, after)
        self._now = now
        self.pairs: tuple[Pair, ...] = tuple(dict.fromkeys((*before.pairs, *after.pairs)))
        self._alike = Alike(self._policies, self.pairs, asked)
        self._turned_notices = before.stale_notices ^ after.stale_notices

    def changes(self, readings: Sequence[Customer]) -> Iterator[Change]:
        """Yield the answers that differ for one person: one reading, or several where they are merged."""
        turned = any(mark.notice in self._turned_notices for mark in readings[0].state.permissions)
        for pairs in self._alike.groups(readings, differing_only=not turned):
            before, after = self.decisions(readings, pairs[0])
            if before and after and before.verdict is after.verdict and before.reason is after.reason:
                continue
            change = Change(*pairs[0], _ruling(before), _ruling(after))
            # What only one of both knows, and is a no, says nothing new.
            if change.flips or (before and after):
                yield from (replace(change, purpose=purpose, channel=channel) for purpose, channel in pairs)

    def decisions(
        self, readings: Sequence[Customer], pair: Pair, *, full: bool = False
    ) -> tuple[Decision | None, Decision | None]:
        """Return the answer under each policy, None where the catalogue does not know the question."""
        return self._decide(0, readings, pair, full=full), self._decide(1, readings, pair, full=full)

    def bound_otherwise(self) -> int:
        """Return on how many pairs other rules bind somebody met so far."""
        return self._alike.bound_otherwise()

    def _decide(self, which: int, readings: Sequence[Customer], pair: Pair, *, full: bool) -> Decision | None:
        question = self._alike.questions[which].get(pair)
        if question is None:
            return None
        policy, now = self._policies[which], self._now
        return answered(readings, question, policy, now, full=full)


def _ruling(decision: Decision | None) -> Ruling:
    return Ruling(decision.verdict, decision.reason) if decision else UNASKED
