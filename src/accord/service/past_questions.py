"""Check for the past: the answer that was given, or would have been, at a moment. Never leave to send.

The gates are those of a check, on states folded again from the entries. As of the instant of a real
answer, known by what it knew, the answer is the same byte for byte.
"""

from msgspec import Struct

from accord.domain.commands import Question
from accord.domain.decide import examine_question
from accord.domain.decision import Decision
from accord.domain.full_view import answered, completed
from accord.domain.policy import Policy
from accord.domain.terms import BrandId, Reason, Verdict
from accord.ledger.lookup import Lookups
from accord.ledger.projection import Projection
from accord.ledger.store import LedgerStore
from accord.service.catalogues import Catalogues
from accord.service.errors import CallError, catalogue_missing, customer_ambiguous
from accord.service.past import Moment, Past, Then
from accord.service.records import Remembered
from accord.service.tokens import require_fresh


class PastAnswer(Struct, frozen=True):
    """A decision of the past, and how much of which ledger was known."""

    decision: Decision
    ledger: str
    moment: Moment


class PastQuestions:
    """Answers questions about the past."""

    def __init__(
        self, store: LedgerStore, past: Past, lookups: Lookups, catalogues: Catalogues, remembered: Remembered
    ) -> None:
        """Read from these."""
        self._store = store
        self._past = past
        self._lookups = lookups
        self._catalogues = catalogues
        self._remembered = remembered

    def check(
        self, brand: BrandId, question: Question, then: Then, *, full: bool = False, fresh: str = ""
    ) -> PastAnswer:
        """Return the decision of then. Raises CallError when there is no such past, or it cannot be decided."""
        head = self._store.head(brand)
        if head is None:
            raise catalogue_missing()
        require_fresh(fresh, head)
        moment = self._past.moment(head, then, self._remembered.now(head))
        policy = self._catalogues.policy_then(head, moment.as_of, moment.size)
        if problem := examine_question(question, policy):
            raise CallError(problem)
        told = self._past.told(self._past.histories(head), moment, (question.customer,))
        if told.unreadable:
            erased = Decision(Verdict.DENY, Reason.ERASED, moment.as_of, policy.version)
            decision = completed(erased, (), question, policy) if full else erased
        else:
            decision = answer(told.fold(brand, self._lookups, moment), question, policy, moment, full=full)
        return PastAnswer(decision, head.origin, moment)


def answer(world: Projection, question: Question, policy: Policy, moment: Moment, *, full: bool) -> Decision:
    """Return what a check answers where things stand so. Raises CallError for several persons."""
    refs = world.customers_of(question.customer)
    if (persons := world.persons(refs)) > 1:
        raise CallError(customer_ambiguous(persons))
    return answer_for(world, refs[0] if refs else None, question, policy, moment, full=full)


def answer_for(  # noqa: PLR0913 - a question has this many sides
    world: Projection, ref: bytes | None, question: Question, policy: Policy, moment: Moment, *, full: bool = False
) -> Decision:
    """Return what is answered about a customer, with all they are merged with; None: nobody is known."""
    named = tuple(each for each in (question.customer, question.contact_point) if each)
    merged = world.united(ref, named) if ref in world.merged else None
    readings = merged.readings if merged else (world.customer(ref, named) if ref else None,)
    return answered(readings, question, policy, moment.as_of, full=full)
