"""The client of one brand, for threads. `AsyncClient` is its twin on asyncio.

Anything but ALLOW is a no. Accord unreachable, slow or failing is a no with a reason: `check`,
`batch_check`, `reach` and `authorize` never raise for it. Mistakes of the caller raise `MistakeError`
from every method. All other methods raise `CallFailedError` for an outage too: a withdrawal that was
not recorded must not look recorded.

Whatever may succeed later is tried again within the deadline, and every call may be: questions
change nothing, and a write carries a request_id or a contact_id that Accord knows again. Name them
yourself where a call must survive a crash of your process; a request_id left out is drawn and holds
for the attempts of that one call.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc

from accord.client import calls
from accord.client.answers import (
    Answer,
    Authorization,
    Granted,
    HistoryItem,
    Imported,
    Listed,
    PastAnswer,
    Permission,
    Reach,
    Receipt,
    Refusal,
    Refused,
    ReplayPage,
    Reply,
    Reported,
    Standing,
)
from accord.client.arguments import judged
from accord.client.calls import Call
from accord.client.connection import Connection
from accord.client.failures import CallFailedError, MistakeError, closed
from accord.client.forecast import ForecastPart
from accord.client.patience import FOR_QUESTIONS, FOR_WRITES, Attempts, Patience
from accord.client.sending import Sending
from accord.client.values import (
    ActivityKind,
    Chosen,
    ContactOutcome,
    ContactPoint,
    ContactPointFact,
    Customer,
    Evidence,
    Facts,
    ImportedPermission,
    ImportedRefusal,
    ImportSource,
    Justification,
    Narrowing,
    OverlayKind,
    Question,
    RestrictionGround,
    Scope,
    SuppressionList,
    Token,
)

Value = TypeVar("Value")


class Client:
    """Asks and tells for one brand. Threads may share it; close it, or use it as a context."""

    @judged
    def __init__(
        self,
        server: str,
        token: Token,
        brand: str,
        *,
        questions: Patience = FOR_QUESTIONS,
        writes: Patience = FOR_WRITES,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Prepare; the first call connects. With `credentials` it speaks TLS."""
        self.brand = brand
        self.connection = Connection(server, token, credentials=credentials)
        """For calls in protobuf: one attempt each, every failure an exception."""
        self._questions = questions
        self._writes = writes

    # --- questions ------------------------------------------------------------------------------

    def check(
        self,
        customer: Customer,
        channel: str,
        purpose: str,
        *,
        full: bool = False,
        language: str = "",
        at_least_as_fresh: str = "",
        **narrowing: Unpack[Narrowing],
    ) -> Answer:
        """May this customer be contacted now, and why? Counts nothing: before a message leaves, authorise it."""
        return self._ask(
            calls.check(
                self.brand, customer, channel, purpose, at_least_as_fresh, full=full, language=language, **narrowing
            )
        )

    def check_past(
        self,
        customer: Customer,
        channel: str,
        purpose: str,
        *,
        as_of: datetime,
        as_known_at: datetime | None = None,
        as_known_by: str = "",
        full: bool = False,
        language: str = "",
        **narrowing: Unpack[Narrowing],
    ) -> PastAnswer:
        """Return what the answer was, or would have been, at an instant of the past. Never leave to send.

        Left out, everything known today counts as far as it had happened; `as_known_at` lets in only what had been
        recorded by then, `as_known_by`, the token of an answer, exactly what that answer knew. Raises
        CallFailedError for an outage.
        """
        call = calls.check_past(
            self.brand,
            customer,
            channel,
            purpose,
            as_of,
            as_known_at,
            as_known_by,
            full=full,
            language=language,
            **narrowing,
        )
        return self._ask(call)

    def batch_check(
        self, questions: Sequence[Question], *, full: bool = False, at_least_as_fresh: str = "", language: str = ""
    ) -> tuple[Answer, ...]:
        """Answer 1 to 1,000 questions on one snapshot, in their order; one that is faulty is a no of its own."""
        return self._ask(calls.batch_check(self.brand, questions, at_least_as_fresh, full=full, language=language))

    def reach(
        self,
        customer: Customer,
        purpose: str,
        *,
        topic: str = "",
        place: str = "",
        full: bool = False,
        language: str = "",
        at_least_as_fresh: str = "",
    ) -> Reach:
        """Which channels may reach this customer for this purpose now?"""
        return self._ask(
            calls.reach(self.brand, customer, purpose, topic, place, at_least_as_fresh, full=full, language=language)
        )

    def permissions(self, customer: Customer) -> Standing:
        """Return every permission and refusal that counts for a customer, ended permissions too."""
        permissions: list[Permission] = []
        refusals: list[Refusal] = []
        token = ""
        while True:
            page = self._ask(calls.permissions(self.brand, customer, token))
            permissions += page.permissions
            refusals += page.refusals
            token = page.next_page_token
            if not token:
                return Standing(tuple(permissions), tuple(refusals))

    def history(
        self,
        customer: Customer,
        page_size: int = 100,
        *,
        as_of: datetime | None = None,
        as_known_at: datetime | None = None,
    ) -> Iterator[HistoryItem]:
        """Yield every entry of a customer, oldest first, asking for a page at a time.

        With `as_of` those of what had happened by then, with `as_known_at` those recorded by then.
        """
        token = ""
        while True:
            page = self._ask(calls.history(self.brand, customer, token, page_size, as_of, as_known_at))
            yield from page.items
            token = page.next_page_token
            if not token:
                return

    def replay(
        self,
        recorded_from: datetime | None = None,
        recorded_until: datetime | None = None,
        *,
        today: bool = False,
        catalogue: Mapping[str, Any] | None = None,
        catalogue_version: int = 0,
        rules_edition: str = "",
        law_time: datetime | None = None,
    ) -> Iterator[ReplayPage]:
        """Yield, page by page, the contacts of a period that would no longer be allowed, by what is known today.

        Left out, by the catalogue and the law of then. `today`: by those of now; else a catalogue that need not be
        applied, in the field names of its proto as `tomllib.load` reads its file, or another version of the brand's;
        another edition of the rules, or the law of another instant. A contact belongs to the period by when it was
        authorised. Role: auditor.
        """
        token = ""
        while True:
            call = calls.replay(
                self.brand,
                token,
                recorded_from,
                recorded_until,
                catalogue,
                catalogue_version,
                rules_edition,
                law_time,
                today=today,
            )
            page = self._ask(call)
            yield page
            token = page.next_page_token
            if not token:
                return

    def forecast(
        self, within_days: int, *, purpose: str = "", channel: str = "", samples: int = 0, language: str = ""
    ) -> Iterator[ForecastPart]:
        """Yield, part by part, which answers end by time alone within 1 to 400 days, and whom one may still ask.

        Of one purpose or branch and one channel, or of all; with up to 10 samples of each group, whose words are in
        `language`. It may take minutes, and nothing but silence ends it: each part must come within the patience of
        writes. Before the first part it is tried again like a question; an outage after it raises CallFailedError.
        Role: auditor or administrator.
        """
        return self._stream(
            calls.forecast(
                self.brand, within_days, purpose=purpose, channel=channel, samples=samples, language=language
            )
        )

    # --- contacts -------------------------------------------------------------------------------

    def contact(
        self,
        customer: Customer,
        channel: str,
        purpose: str,
        *,
        contact_id: str,
        confirms_position: int = 0,
        **narrowing: Unpack[Narrowing],
    ) -> Sending:
        """Return the context of one contact: authorised when the block begins, reported when it ends (`sending`).

        The block runs either way; what it is given is false on a no. `contact_id` is your name for this
        one message: the same for every attempt to send it, another for every other. `confirms_position` asks to
        confirm the pending permission at that position: the link carries `contact.confirmation_token`.
        """
        return Sending(
            lambda: self._ask(
                calls.authorize(
                    self.brand,
                    customer,
                    channel,
                    purpose,
                    contact_id,
                    confirms_position,
                    full=False,
                    language="",
                    **narrowing,
                )
            ),
            lambda outcome: self.report(contact_id, outcome),
        )

    def authorize(
        self,
        customer: Customer,
        channel: str,
        purpose: str,
        *,
        contact_id: str,
        confirms_position: int = 0,
        full: bool = False,
        language: str = "",
        **narrowing: Unpack[Narrowing],
    ) -> Authorization:
        """May this one message be sent? Check and count in one step; report what became of it."""
        return self._ask(
            calls.authorize(
                self.brand,
                customer,
                channel,
                purpose,
                contact_id,
                confirms_position,
                full=full,
                language=language,
                **narrowing,
            )
        )

    def report(
        self,
        contact_id: str,
        outcome: ContactOutcome,
        *,
        outcome_time: datetime | None = None,
        request_id: str | None = None,
    ) -> Reported:
        """Tell what became of a contact."""
        return self._ask(calls.report(self.brand, contact_id, outcome, outcome_time, request_id))

    # --- what customers say ---------------------------------------------------------------------

    def grant(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **chosen: Unpack[Chosen]
    ) -> Granted:
        """Record that a customer gave the permission a touchpoint asked for."""
        return self._ask(calls.grant(self.brand, customer, evidence, request_id, **chosen))

    def confirm(
        self, customer: Customer, permission_position: int, evidence: Evidence, *, request_id: str | None = None
    ) -> Granted:
        """Record that a customer confirmed a pending permission, named by the position in its receipt."""
        return self._ask(calls.confirm(self.brand, customer, permission_position, evidence, request_id))

    def confirm_by_token(
        self, confirmation_token: str, evidence: Evidence, *, request_id: str | None = None
    ) -> Granted:
        """Record that a customer clicked the link of a confirmation; its token says whose and which.

        Call it for the POST of a button on the page the link opens, never for the GET: scanners open links.
        """
        return self._ask(calls.confirm_by_token(self.brand, confirmation_token, evidence, request_id))

    def refuse(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **scope: Unpack[Scope]
    ) -> Refused:
        """Record that a customer was asked and said no."""
        return self._ask(calls.refuse(self.brand, customer, evidence, request_id, **scope))

    def withdraw(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **scope: Unpack[Scope]
    ) -> Refused:
        """Record that a customer took permissions back. Once it returns, every check that starts sees it."""
        return self._ask(calls.withdraw(self.brand, customer, evidence, request_id, **scope))

    def object(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **scope: Unpack[Scope]
    ) -> Refused:
        """Record that a customer objected to processing."""
        return self._ask(calls.object_to(self.brand, customer, evidence, request_id, **scope))

    def reply(
        self, contact_point: ContactPoint, text: str, evidence: Evidence, *, request_id: str | None = None
    ) -> Reply:
        """Tell what somebody wrote back in their own words: a no is recorded, a doubt holds marketing to it."""
        return self._ask(calls.reply(self.brand, contact_point, text, evidence, request_id))

    # --- who customers are ----------------------------------------------------------------------

    def link(self, customer: Customer, contact_point: ContactPoint, *, request_id: str | None = None) -> Receipt:
        """Link an address to a customer."""
        return self._ask(calls.link(self.brand, customer, contact_point, request_id))

    def unlink(self, customer: Customer, contact_point: ContactPoint, *, request_id: str | None = None) -> Receipt:
        """Take an address off a customer. Refusals on the address stay with it."""
        return self._ask(calls.unlink(self.brand, customer, contact_point, request_id))

    def record_facts(self, customer: Customer, *, request_id: str | None = None, **facts: Unpack[Facts]) -> Receipt:
        """Record facts that rules look at; a fact left out stays what it was."""
        return self._ask(calls.record_facts(self.brand, customer, request_id, **facts))

    def report_activity(
        self,
        customer: Customer,
        kind: ActivityKind,
        *,
        act_time: datetime | None = None,
        place: str = "",
        objection_offered: bool = False,
        request_id: str | None = None,
    ) -> Receipt:
        """Record what a customer did; never a permission."""
        return self._ask(
            calls.report_activity(
                self.brand, customer, kind, act_time, place, request_id, objection_offered=objection_offered
            )
        )

    def report_contact_point(
        self,
        contact_point: ContactPoint,
        fact: ContactPointFact,
        *,
        act_time: datetime | None = None,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Record a fact of an address, for whoever holds it."""
        return self._ask(calls.report_contact_point(self.brand, contact_point, fact, act_time, request_id))

    # --- what others know -----------------------------------------------------------------------

    def import_records(
        self,
        source: ImportSource,
        records: Sequence[ImportedPermission | ImportedRefusal],
        *,
        dry_run: bool = False,
    ) -> tuple[Imported, ...]:
        """Import what customers said elsewhere, 1 to 1,000 records; return what became of each, in order.

        A permission fills a gap only: it lifts no refusal and completes no opt-in. A row that was imported before gets
        its first answer. `dry_run` judges and writes nothing. Role: collector.
        """
        return self._ask(calls.import_records(self.brand, source, records, dry_run=dry_run))

    def import_suppressions(
        self,
        suppression_list: SuppressionList,
        contact_points: Sequence[ContactPoint] = (),
        *,
        ending_limit: int | None = None,
    ) -> Listed:
        """Import up to 1,000 e-mail addresses and phone numbers that are not to be contacted, again and again.

        With `ending_limit` the import ends: at most so many that vanished from a complete registry are taken off; were
        it more, none is. Role: privacy_officer.
        """
        return self._ask(calls.import_suppressions(self.brand, suppression_list, contact_points, ending_limit))

    # --- what officers do -----------------------------------------------------------------------

    def merge(
        self, customers: Sequence[Customer], justification: Justification, *, request_id: str | None = None
    ) -> tuple[Receipt, ...]:
        """Join customers who are one person: nothing moves, and every refusal of one binds all."""
        return self._ask(calls.merge(self.brand, customers, justification, request_id))

    def split(
        self, customer: Customer, justification: Justification, *, request_id: str | None = None
    ) -> tuple[Receipt, ...]:
        """Take a customer out of their group. Refusals made while they were merged stay with both sides."""
        return self._ask(calls.split(self.brand, customer, justification, request_id))

    def add_overlay(
        self,
        customers: Sequence[Customer],
        kind: OverlayKind,
        justification: Justification,
        *,
        until: datetime | None = None,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Add the no of a household, employer or account, or a pause by contract, to each customer."""
        return self._ask(calls.add_overlay(self.brand, customers, kind, justification, until, request_id))

    def lift_overlay(
        self, customer: Customer, position: int, justification: Justification, *, request_id: str | None = None
    ) -> tuple[Receipt, ...]:
        """Lift an overlay, named by the position in the receipt of whoever added it."""
        return self._ask(calls.lift_overlay(self.brand, customer, position, justification, request_id))

    def restrict(
        self,
        customer: Customer,
        ground: RestrictionGround,
        justification: Justification,
        *,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Restrict processing (GDPR art. 18): every contact is denied."""
        return self._ask(calls.restrict(self.brand, customer, ground, justification, request_id))

    def lift_restriction(
        self,
        customer: Customer,
        informed_time: datetime,
        justification: Justification,
        *,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Lift a restriction; `informed_time` is when the customer was told that it ends (GDPR art. 18(3))."""
        return self._ask(calls.lift_restriction(self.brand, customer, informed_time, justification, request_id))

    # --- its life -------------------------------------------------------------------------------

    def close(self) -> None:
        """End the connection; calls under way fail with reason CLOSED, and a call afterwards is a mistake."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, call: Call[Value]) -> Value:
        try:
            return self._attempt(call)
        except MistakeError:
            raise
        except CallFailedError as failure:
            if call.undecided is None:
                raise
            return call.undecided(failure)

    def _attempt(self, call: Call[Value]) -> Value:
        attempts = Attempts(
            self._writes if call.writes or call.takes_long else self._questions, time.monotonic, random.random
        )
        method = call.method(self.connection)
        while True:
            try:
                return call.read(self.connection.ask(method, call.request, attempts.seconds_left()))
            except CallFailedError as failure:
                pause = attempts.pause_after(failure)
                if pause is None:
                    raise
            if self.connection.closed.wait(pause):
                raise closed()

    def _stream(self, call: Call[Value]) -> Iterator[Value]:
        """Yield what a stream tells. Before its first message it is tried again; what was told cannot be untold."""
        attempts = Attempts(self._writes, time.monotonic, random.random)
        method = call.method(self.connection)
        while True:
            begun = False
            try:
                for message in self.connection.stream(method, call.request, self._writes.timeout_seconds):
                    begun = True
                    yield call.read(message)
            except CallFailedError as failure:
                pause = None if begun else attempts.pause_after(failure)
                if pause is None:
                    raise
            else:
                return
            if self.connection.closed.wait(pause):
                raise closed()
