"""Check, BatchCheck, ListReach: load what a question needs in one statement, and decide.

Reads the authority every time: there is no cache of decisions. What is remembered is the compiled
policy of a catalogue version, and the version comes with the row.
"""

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
from accord.ledger.lookup import Lookups
from accord.ledger.store import Head, Known, LedgerStore, Sight
from accord.service.errors import CallError, catalogue_missing
from accord.service.policies import Policies
from accord.service.sights import group_of
from accord.service.tokens import require_fresh
from accord.service.writer import Clock

_KINDS = {kind.value: kind for kind in IdentifierKind}


class Answer(Struct, frozen=True, gc=False):
    """A decision and the end of the ledger it was read at."""

    decision: Decision
    head: Head


class Questions:
    """Answers questions from a store."""

    def __init__(self, store: LedgerStore, lookups: Lookups, policies: Policies, clock: Clock) -> None:
        """Read from this store."""
        self._store = store
        self._lookups = lookups
        self._policies = policies
        self._clock = clock

    def check(self, brand: BrandId, question: Question, *, full: bool = False, fresh: str = "") -> Answer:
        """Return the decision. Raises CallError when it could not be decided; read that as a no."""
        lookup = self._lookups.identifier(brand, question.customer)
        sight, policy = self._see(brand, (lookup,), fresh)
        decision = self._decide(sight, lookup, question, policy, sight.head.now(self._clock()), full=full)
        if isinstance(decision, Problem):
            raise CallError(decision)
        return Answer(decision, sight.head)

    def batch_check(
        self, brand: BrandId, questions: list[Question | Problem], *, full: bool = False, fresh: str = ""
    ) -> tuple[Head, list[Decision | Problem]]:
        """Return a decision for each question, in order, on one snapshot and at one instant; a bad one fails alone."""
        lookups = [
            b"" if isinstance(each, Problem) else self._lookups.identifier(brand, each.customer) for each in questions
        ]
        sight, policy = self._see(brand, tuple(dict.fromkeys(lookups)), fresh)
        now = sight.head.now(self._clock())
        found = [
            each if isinstance(each, Problem) else self._decide(sight, lookup, each, policy, now, full=full)
            for each, lookup in zip(questions, lookups, strict=True)
        ]
        for index, each in enumerate(found):
            if isinstance(each, Problem):
                found[index] = moved(each, "question.", f"questions[{index}].")
        return sight.head, found

    def list_reach(
        self, brand: BrandId, question: Question, *, full: bool = False, fresh: str = ""
    ) -> tuple[Head, list[tuple[str, Decision]]]:
        """Return the decision on every channel of the catalogue, in its order, on one snapshot."""
        lookup = self._lookups.identifier(brand, question.customer)
        sight, policy = self._see(brand, (lookup,), fresh)
        purpose = policy.purposes.get(question.purpose)
        if purpose is None:
            raise CallError(unknown(ErrorReason.PURPOSE_UNKNOWN, "purpose", "purpose", list(policy.purposes)))
        now = sight.head.now(self._clock())
        processing = purpose.purpose_class is PurposeClass.PROCESSING
        found = []
        for channel in [""] if processing else list(policy.channels):
            asked = replace(question, channel=channel)
            decision = self._decide(sight, lookup, asked, policy, now, full=full)
            if isinstance(decision, Problem):
                raise CallError(moved(decision, "question.", ""))
            found.append((channel, decision))
        return sight.head, found

    def _see(self, brand: BrandId, lookups: tuple[bytes, ...], fresh: str) -> tuple[Sight, Policy]:
        sight = self._store.read(brand, lookups)
        policy = self._policies.of(sight.head) if sight else None
        if sight is None or policy is None:
            raise catalogue_missing()
        if fresh:
            require_fresh(fresh, sight.head)
        return sight, policy

    def _decide(  # noqa: PLR0913 - a question has this many sides
        self, sight: Sight, lookup: bytes, question: Question, policy: Policy, now: Instant, *, full: bool
    ) -> Decision | Problem:
        if problem := examine_question(question, policy):
            return problem
        known = sight.known.get(lookup, ())
        if sight.groups or len(known) > 1:
            group = group_of(sight, known, self._named(sight.head.brand, lookup, question))
            if isinstance(group, Problem):
                return group
            if group is not None:
                return answered(group.readings, question, policy, now, full=full)
        customer = self._customer(sight.head.brand, known[0], lookup, question) if known else None
        return answered((customer,), question, policy, now, full=full)

    def _named(self, brand: BrandId, lookup: bytes, question: Question) -> dict[Identifier, bytes]:
        named = {question.customer: lookup}
        if question.contact_point is not None:
            named[question.contact_point] = self._lookups.identifier(brand, question.contact_point)
        return named

    def _customer(self, brand: BrandId, known: Known, lookup: bytes, question: Question) -> Customer:
        numbers: dict[Identifier, int] = {}
        named = question.contact_point
        named_lookup = self._lookups.identifier(brand, named) if named else b""
        points = []
        for each in known.addresses:
            if each.lookup == lookup:
                numbers[question.customer] = each.number
            if named is not None and each.lookup == named_lookup:
                numbers[named] = each.number
            state = decode_point(each.point) if each.point else NO_POINT
            points.append(Point(each.number, _KINDS[each.kind], state))
        return Customer(decode_customer(known.state), tuple(points), numbers)
