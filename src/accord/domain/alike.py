"""Which pairs of purpose and channel have one answer for a person, under every policy and at every instant? Pure.

What is asked is what Check answers for a customer named by their id. Pairs that bear the same rules, in
every window of time, and that the same permissions and refusals of a person reach, have one answer, so the
first of them is asked for all. It looks at compiled rules only: a rule that is new to a lane is new here,
and no rule is read twice. Property tests hold it to asking every pair.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from accord.domain.catalogue import covers
from accord.domain.commands import Question
from accord.domain.decide import examine_question
from accord.domain.decision import Customer
from accord.domain.lane import CapTerm, Lane
from accord.domain.policy import Policy
from accord.domain.state import Facts
from accord.domain.terms import CustomerKind, Identifier, IdentifierKind

Pair = tuple[str, str]
"""Purpose and channel; the channel is empty for purposes of class processing."""

ANYBODY = Identifier(IdentifierKind.CUSTOMER_ID, "")
"""Stands in a question for whoever it is asked about: an id names no address."""

_REMEMBERED = 16_384

_Place = tuple[str, str, str, CustomerKind | None]
_Layout = tuple[int, ...]
"""By what each pair is bound, as numbers; pairs with the same number are bound alike."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Alike:
    """Sorts pairs by their answers, person by person. Remembers rules, never a person."""

    def __init__(self, policies: Sequence[Policy], pairs: Sequence[Pair], asked: Question | None = None) -> None:
        """Sort these pairs. `asked` gives topic, place and third party of every question."""
        self._policies = policies
        self.pairs = tuple(pairs)
        asked = asked or Question(customer=ANYBODY, purpose="")
        questions = [replace(asked, purpose=purpose, channel=channel) for purpose, channel in self.pairs]
        self.questions: tuple[dict[Pair, Question], ...] = tuple(
            {
                pair: question
                for pair, question in zip(self.pairs, questions, strict=True)
                if examine_question(question, policy) is None
            }
            for policy in policies
        )
        """Of each policy, how each pair is asked; without those its catalogue does not know."""
        self._numbers: dict[tuple[bytes, ...], int] = {}
        self._shapes: dict[int, tuple[tuple[Lane, ...], bytes]] = {}
        self._layouts: dict[_Place, _Layout] = {}
        self._found: dict[object, tuple[tuple[Pair, ...], ...]] = {}

    def groups(self, readings: Sequence[Customer], *, differing_only: bool = False) -> tuple[tuple[Pair, ...], ...]:
        """Return the pairs, those together that have one answer for the person.

        `differing_only` leaves out those that the very same rules bind under every policy.
        """
        layouts = tuple(self._layout(each.state.facts) for each in readings)
        state = readings[0].state
        granted = tuple((mark.granted.purposes, mark.granted.channels) for mark in state.permissions)
        refusals = (*state.refusals, *(mark for point in readings[0].points for mark in point.state.refusals))
        refused = tuple((mark.refused.purpose, mark.refused.channel) for mark in refusals)
        key = (layouts, granted, refused, differing_only)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            same = self._same() if differing_only else frozenset[int]()
            found = self._found[key] = tuple(self._sorted(layouts, granted, refused, same))
        return found

    def bound_otherwise(self) -> int:
        """Return on how many pairs the policies bind somebody met so far by other rules."""
        same = self._same()
        return sum(any(layout[at] not in same for layout in self._layouts.values()) for at in range(len(self.pairs)))

    def _same(self) -> frozenset[int]:
        return frozenset(number for shapes, number in self._numbers.items() if len(set(shapes)) == 1)

    def _sorted(
        self,
        layouts: tuple[_Layout, ...],
        granted: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...],
        refused: tuple[tuple[str, str], ...],
        left_out: frozenset[int],
    ) -> Iterable[tuple[Pair, ...]]:
        found: dict[tuple[object, ...], list[Pair]] = {}
        for at, (purpose, channel) in enumerate(self.pairs):
            bound = tuple(layout[at] for layout in layouts)
            if left_out.issuperset(bound):
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
        shapes = tuple(self._shape(which, pair, facts) for which in range(len(self._policies)))
        return self._numbers.setdefault(shapes, len(self._numbers))

    def _shape(self, which: int, pair: Pair, facts: Facts) -> bytes:
        """Return all that an answer may rest on besides the customer, as bytes; empty where the pair is unknown."""
        policy = self._policies[which]
        if pair not in self.questions[which]:
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
