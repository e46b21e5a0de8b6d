"""Which answers would another policy change? `decide` under both at one instant, and nothing asked in vain. Pure.

What is asked is what Check answers for a customer named by their id: purpose and channel, with one topic,
place and third party for all, none unless told. Two shortcuts, and a property test holds them to asking
everything. A pair of purpose and channel that the very same rules bind under both policies is not asked.
Pairs that bear the same rules, and that the same permissions and refusals of a customer reach, have one
answer, so the first of them is asked for all. Both look at compiled rules only: a rule that is new to a
lane is new here, and no rule is read twice.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from accord.domain.catalogue import covers
from accord.domain.commands import Question
from accord.domain.decide import decide, examine_question
from accord.domain.decision import Customer, Decision
from accord.domain.full_view import completed
from accord.domain.group import lowest
from accord.domain.lane import CapTerm, Lane
from accord.domain.policy import Policy
from accord.domain.state import Facts
from accord.domain.terms import CustomerKind, Identifier, IdentifierKind, Instant, Reason, Verdict

Pair = tuple[str, str]
"""Purpose and channel; the channel is empty for purposes of class processing."""

ANYBODY = Identifier(IdentifierKind.CUSTOMER_ID, "")
"""Stands in a question for whoever it is asked about: an id names no address."""

_REMEMBERED = 16_384

_Place = tuple[str, str, str, CustomerKind | None]
_Layout = tuple[int, ...]
"""By what each pair is bound, as numbers; pairs with the same number are bound alike."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


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
        asked = asked or Question(customer=ANYBODY, purpose="")
        questions = [replace(asked, purpose=purpose, channel=channel) for purpose, channel in self.pairs]
        self._askable: list[dict[Pair, Question]] = [
            {
                pair: question
                for pair, question in zip(self.pairs, questions, strict=True)
                if pair in frozenset(policy.pairs) and examine_question(question, policy) is None
            }
            for policy in self._policies
        ]
        self._turned_notices = before.stale_notices ^ after.stale_notices
        self._numbers: dict[tuple[bytes, bytes], int] = {}
        self._shapes: dict[int, tuple[tuple[Lane, ...], bytes]] = {}
        self._layouts: dict[_Place, _Layout] = {}
        self._alike: dict[object, tuple[tuple[Pair, ...], ...]] = {}

    def changes(self, readings: Sequence[Customer]) -> Iterator[Change]:
        """Yield the answers that differ for one person: one reading, or several where they are merged."""
        for pairs in self._to_ask(readings):
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
        differing = {number for (before, after), number in self._numbers.items() if before != after}
        return sum(any(layout[at] in differing for layout in self._layouts.values()) for at in range(len(self.pairs)))

    def _decide(self, which: int, readings: Sequence[Customer], pair: Pair, *, full: bool) -> Decision | None:
        question = self._askable[which].get(pair)
        if question is None:
            return None
        policy, now = self._policies[which], self._now
        found = lowest([decide(each, question, policy, now, full=full) for each in readings])
        return completed(found, readings, question, policy) if full else found

    def _to_ask(self, readings: Sequence[Customer]) -> tuple[tuple[Pair, ...], ...]:
        """Return the pairs whose answer may differ, those together that have one answer."""
        layouts = tuple(self._layout(each.state.facts) for each in readings)
        state = readings[0].state
        granted = tuple((mark.granted.purposes, mark.granted.channels) for mark in state.permissions)
        refusals = (*state.refusals, *(mark for point in readings[0].points for mark in point.state.refusals))
        refused = tuple((mark.refused.purpose, mark.refused.channel) for mark in refusals)
        turned = any(mark.notice in self._turned_notices for mark in state.permissions)
        key = (layouts, granted, refused, turned)
        found = self._alike.get(key)
        if found is None:
            if len(self._alike) >= _REMEMBERED:
                self._alike.clear()
            found = self._alike[key] = tuple(self._sorted(layouts, granted, refused, turned=turned))
        return found

    def _sorted(
        self,
        layouts: tuple[_Layout, ...],
        granted: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...],
        refused: tuple[tuple[str, str], ...],
        *,
        turned: bool,
    ) -> Iterable[tuple[Pair, ...]]:
        same = frozenset(number for (before, after), number in self._numbers.items() if before == after)
        found: dict[tuple[object, ...], list[Pair]] = {}
        for at, (purpose, channel) in enumerate(self.pairs):
            bound = tuple(layout[at] for layout in layouts)
            if not turned and same.issuperset(bound):
                continue
            permits = tuple(purpose in purposes and channel in channels for purposes, channels in granted)
            refuses = tuple(on in ("", channel) and covers(branch, purpose) for branch, on in refused)
            found.setdefault((bound, permits, refuses), []).append((purpose, channel))
        return map(tuple, found.values())

    def _layout(self, facts: Facts) -> _Layout:
        place = (facts.country, facts.region, facts.time_zone, facts.kind)
        found = self._layouts.get(place)
        if found is None:
            if len(self._layouts) >= _REMEMBERED:
                self._layouts.clear()
            found = self._layouts[place] = tuple(self._number(pair, facts) for pair in self.pairs)
        return found

    def _number(self, pair: Pair, facts: Facts) -> int:
        shapes = (self._shape(0, pair, facts), self._shape(1, pair, facts))
        return self._numbers.setdefault(shapes, len(self._numbers))

    def _shape(self, which: int, pair: Pair, facts: Facts) -> bytes:
        """Return all that an answer may rest on besides the customer, as bytes; empty where the pair is unknown."""
        policy = self._policies[which]
        if pair not in self._askable[which]:
            return b""
        lanes = policy.lanes(*pair, facts)
        known = self._shapes.get(id(lanes))
        if known is None:
            # The lanes are kept, so that no others are ever found under their number.
            tracking = {term.tracking for lane in lanes for term in lane.presence if term.tracking in policy.purposes}
            others = [policy.lanes(each, "", facts) for each in sorted(tracking)]
            shape = _encode([policy.home_country, *(list(map(_bare, each)) for each in (lanes, *others))])
            known = self._shapes[id(lanes)] = (lanes, shape)
        return known[1]


def _bare(lane: Lane) -> Lane:
    """Return a lane without what no verdict rests on. Its names stay where a gate compares them with others."""
    asks = any(term.asks for term in lane.inactivity)
    return replace(
        lane,
        purpose=lane.purpose if asks else "",
        channel=lane.channel if lane.cool_downs else "",
        legal_caps=_unremembering(lane.legal_caps),
        brand_caps=_unremembering(lane.brand_caps),
        obligations=(),
        recipient_obligations=(),
        sources={},
        assumed="",
    )


def _unremembering(caps: tuple[CapTerm, ...]) -> tuple[CapTerm, ...]:
    return tuple(replace(cap, known={}) for cap in caps)


def _ruling(decision: Decision | None) -> Ruling:
    return Ruling(decision.verdict, decision.reason) if decision else UNASKED
