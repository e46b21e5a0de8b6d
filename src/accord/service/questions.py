"""Check, BatchCheck, ListReach: load what a question needs in one statement, and decide.

Reads the authority every time: there is no cache of decisions. What is remembered is the compiled
policy of a catalogue version, and the version comes with the row.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.commands import Question
from accord.domain.decide import examine_question
from accord.domain.decision import Customer, Decision, Point
from accord.domain.full_view import answered
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem, moved, unknown
from accord.domain.state import NO_POINT, decode_customer, decode_point
from accord.domain.terms import BrandId, Identifier, IdentifierKind, Instant, PurposeClass
from accord.ledger.lookup import IdentifierLookups, Lookups
from accord.ledger.store import Head, Known, LedgerStore, Sight
from accord.service.errors import CallError, catalogue_missing
from accord.service.policies import Policies
from accord.service.recognition import Recognition
from accord.service.sights import group_of
from accord.service.tokens import require_fresh
from accord.service.writer import Clock

_KINDS = {kind.value: kind for kind in IdentifierKind}


class Answer(Struct, frozen=True, gc=False):
    """A decision and the end of the ledger it was read at."""

    decision: Decision
    head: Head


class _Seen(NamedTuple):
    """What questions are decided on: a digest for each identifier read, in order, and how others are made."""

    sight: Sight
    policy: Policy
    digests: tuple[bytes, ...]
    lookups: IdentifierLookups


class Questions:
    """Answers questions from a store."""

    def __init__(self, store: LedgerStore, lookups: Lookups, policies: Policies, clock: Clock) -> None:
        """Read from this store."""
        self._recognition = Recognition(store, lookups)
        self._policies = policies
        self._clock = clock

    def check(self, brand: BrandId, question: Question, *, full: bool = False, fresh: str = "") -> Answer:
        """Return the decision. Raises CallError when it could not be decided; read that as a no."""
        seen = self._see(brand, (question.customer,), fresh)
        sight = seen.sight
        decision = self._decide(seen, seen.digests[0], question, sight.head.now(self._clock()), full=full)
        if isinstance(decision, Problem):
            raise CallError(decision)
        return Answer(decision, sight.head)

    def batch_check(
        self, brand: BrandId, questions: list[Question | Problem], *, full: bool = False, fresh: str = ""
    ) -> tuple[Head, list[Decision | Problem]]:
        """Return a decision for each question, in order, on one snapshot and at one instant; a bad one fails alone."""
        asked = [each.customer for each in questions if not isinstance(each, Problem)]
        seen = self._see(brand, asked, fresh)
        sight, digests = seen.sight, iter(seen.digests)
        now = sight.head.now(self._clock())
        found = [
            each if isinstance(each, Problem) else self._decide(seen, next(digests), each, now, full=full)
            for each in questions
        ]
        for index, each in enumerate(found):
            if isinstance(each, Problem):
                found[index] = moved(each, "question.", f"questions[{index}].")
        return sight.head, found

    def list_reach(
        self, brand: BrandId, question: Question, *, full: bool = False, fresh: str = ""
    ) -> tuple[Head, list[tuple[str, Decision]]]:
        """Return the decision on every channel of the catalogue, in its order, on one snapshot."""
        seen = self._see(brand, (question.customer,), fresh)
        sight, policy = seen.sight, seen.policy
        purpose = policy.purposes.get(question.purpose)
        if purpose is None:
            raise CallError(unknown(ErrorReason.PURPOSE_UNKNOWN, "purpose", "purpose", list(policy.purposes)))
        now = sight.head.now(self._clock())
        processing = purpose.purpose_class is PurposeClass.PROCESSING
        found = []
        for channel in [""] if processing else list(policy.channels):
            asked = replace(question, channel=channel)
            decision = self._decide(seen, seen.digests[0], asked, now, full=full)
            if isinstance(decision, Problem):
                raise CallError(moved(decision, "question.", ""))
            found.append((channel, decision))
        return sight.head, found

    def _see(self, brand: BrandId, identifiers: Sequence[Identifier], fresh: str) -> _Seen:
        sight, digests, lookups = self._recognition.read(brand, identifiers)
        policy = self._policies.of(sight.head) if sight else None
        if sight is None or policy is None:
            raise catalogue_missing()
        if fresh:
            require_fresh(fresh, sight.head)
        return _Seen(sight, policy, digests, lookups)

    def _decide(
        self, seen: _Seen, digest: bytes, question: Question, now: Instant, *, full: bool
    ) -> Decision | Problem:
        sight, policy, _, lookups = seen
        if problem := examine_question(question, policy):
            return problem
        known = sight.known.get(digest, ())
        named = question.contact_point
        point = lookups.identifier(sight.head.brand, named) if named and known else b""
        if sight.groups or len(known) > 1:
            group = group_of(sight, known, {question.customer: digest} | ({named: point} if named else {}))
            if isinstance(group, Problem):
                return group
            if group is not None:
                return answered(group.readings, question, policy, now, full=full)
        customer = _customer(known[0], digest, point, question) if known else None
        return answered((customer,), question, policy, now, full=full)


def _customer(known: Known, digest: bytes, point: bytes, question: Question) -> Customer:
    """Return a customer whose key has a digest; `point` is that of the address a question names."""
    numbers: dict[Identifier, int] = {}
    named = question.contact_point
    points = []
    for each in known.addresses:
        if each.lookup == digest:
            numbers[question.customer] = each.number
        if named is not None and each.lookup == point:
            numbers[named] = each.number
        state = decode_point(each.point) if each.point else NO_POINT
        points.append(Point(each.number, _KINDS[each.kind], state))
    return Customer(decode_customer(known.state), tuple(points), numbers)
