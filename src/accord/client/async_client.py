"""The client of one brand on asyncio: method for method `Client`, with the same promises (`client`).

A cancelled task ends its call at once and raises CancelledError: no attempt follows, nothing is
reported. Accord may have got the call all the same; for a contact that means it counts as made.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
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
from accord.client.connection import AsyncConnection
from accord.client.failures import CallFailedError, MistakeError, closed, used_after_close
from accord.client.forecast import ForecastPart
from accord.client.patience import FOR_QUESTIONS, FOR_WRITES, Attempts, Patience
from accord.client.sending import AsyncSending
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


class AsyncClient:
    """Asks and tells for one brand, for the tasks of one event loop; close it, or use it as an async context."""

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
        """Prepare, on any thread; the first call connects, and binds it to the loop it runs on."""
        self.brand = brand
        self._server = server
        self._token = token
        self._credentials = credentials
        self._questions = questions
        self._writes = writes
        self._connection: AsyncConnection | None = None
        self._closed = False

    @property
    def connection(self) -> AsyncConnection:
        """For calls in protobuf: one attempt each, every failure an exception. Needs the running loop."""
        if self._connection is None:
            self._connection = AsyncConnection(self._server, self._token, credentials=self._credentials)
        return self._connection

    # --- questions ------------------------------------------------------------------------------

    async def check(
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
        return await self._ask(
            calls.check(
                self.brand, customer, channel, purpose, at_least_as_fresh, full=full, language=language, **narrowing
            )
        )

    async def check_past(
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
        return await self._ask(call)

    async def batch_check(
        self, questions: Sequence[Question], *, full: bool = False, at_least_as_fresh: str = "", language: str = ""
    ) -> tuple[Answer, ...]:
        """Answer 1 to 1,000 questions on one snapshot, in their order; one that is faulty is a no of its own."""
        return await self._ask(
            calls.batch_check(self.brand, questions, at_least_as_fresh, full=full, language=language)
        )

    async def reach(
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
        return await self._ask(
            calls.reach(self.brand, customer, purpose, topic, place, at_least_as_fresh, full=full, language=language)
        )

    async def permissions(self, customer: Customer) -> Standing:
        """Return every permission and refusal that counts for a customer, ended permissions too."""
        permissions: list[Permission] = []
        refusals: list[Refusal] = []
        token = ""
        while True:
            page = await self._ask(calls.permissions(self.brand, customer, token))
            permissions += page.permissions
            refusals += page.refusals
            token = page.next_page_token
            if not token:
                return Standing(tuple(permissions), tuple(refusals))

    async def history(
        self,
        customer: Customer,
        page_size: int = 100,
        *,
        as_of: datetime | None = None,
        as_known_at: datetime | None = None,
    ) -> AsyncIterator[HistoryItem]:
        """Yield every entry of a customer, oldest first, asking for a page at a time.

        With `as_of` those of what had happened by then, with `as_known_at` those recorded by then.
        """
        token = ""
        while True:
            page = await self._ask(calls.history(self.brand, customer, token, page_size, as_of, as_known_at))
            for item in page.items:
                yield item
            token = page.next_page_token
            if not token:
                return

    async def replay(
        self,
        recorded_from: datetime | None = None,
        recorded_until: datetime | None = None,
        *,
        today: bool = False,
        catalogue: Mapping[str, Any] | None = None,
        catalogue_version: int = 0,
        rules_edition: str = "",
        law_time: datetime | None = None,
    ) -> AsyncIterator[ReplayPage]:
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
            page = await self._ask(call)
            yield page
            token = page.next_page_token
            if not token:
                return

    def forecast(
        self, within_days: int, *, purpose: str = "", channel: str = "", samples: int = 0, language: str = ""
    ) -> AsyncGenerator[ForecastPart, None]:
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
    ) -> AsyncSending:
        """Return the context of one contact: authorised when the block begins, reported when it ends (`sending`).

        The block runs either way; what it is given is false on a no. `contact_id` is your name for this
        one message: the same for every attempt to send it, another for every other. `confirms_position` asks to
        confirm the pending permission at that position: the link carries `contact.confirmation_token`.
        """
        return AsyncSending(
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

    async def authorize(
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
        return await self._ask(
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

    async def report(
        self,
        contact_id: str,
        outcome: ContactOutcome,
        *,
        outcome_time: datetime | None = None,
        request_id: str | None = None,
    ) -> Reported:
        """Tell what became of a contact."""
        return await self._ask(calls.report(self.brand, contact_id, outcome, outcome_time, request_id))

    # --- what customers say ---------------------------------------------------------------------

    async def grant(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **chosen: Unpack[Chosen]
    ) -> Granted:
        """Record that a customer gave the permission a touchpoint asked for."""
        return await self._ask(calls.grant(self.brand, customer, evidence, request_id, **chosen))

    async def confirm(
        self, customer: Customer, permission_position: int, evidence: Evidence, *, request_id: str | None = None
    ) -> Granted:
        """Record that a customer confirmed a pending permission, named by the position in its receipt."""
        return await self._ask(calls.confirm(self.brand, customer, permission_position, evidence, request_id))

    async def confirm_by_token(
        self, confirmation_token: str, evidence: Evidence, *, request_id: str | None = None
    ) -> Granted:
        """Record that a customer clicked the link of a confirmation; its token says whose and which.

        Call it for the POST of a button on the page the link opens, never for the GET: scanners open links.
        """
        return await self._ask(calls.confirm_by_token(self.brand, confirmation_token, evidence, request_id))

    async def refuse(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **scope: Unpack[Scope]
    ) -> Refused:
        """Record that a customer was asked and said no."""
        return await self._ask(calls.refuse(self.brand, customer, evidence, request_id, **scope))

    async def withdraw(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **scope: Unpack[Scope]
    ) -> Refused:
        """Record that a customer took permissions back. Once it returns, every check that starts sees it."""
        return await self._ask(calls.withdraw(self.brand, customer, evidence, request_id, **scope))

    async def object(
        self, customer: Customer, evidence: Evidence, *, request_id: str | None = None, **scope: Unpack[Scope]
    ) -> Refused:
        """Record that a customer objected to processing."""
        return await self._ask(calls.object_to(self.brand, customer, evidence, request_id, **scope))

    async def reply(
        self, contact_point: ContactPoint, text: str, evidence: Evidence, *, request_id: str | None = None
    ) -> Reply:
        """Tell what somebody wrote back in their own words: a no is recorded, a doubt holds marketing to it."""
        return await self._ask(calls.reply(self.brand, contact_point, text, evidence, request_id))

    # --- who customers are ----------------------------------------------------------------------

    async def link(self, customer: Customer, contact_point: ContactPoint, *, request_id: str | None = None) -> Receipt:
        """Link an address to a customer."""
        return await self._ask(calls.link(self.brand, customer, contact_point, request_id))

    async def unlink(
        self, customer: Customer, contact_point: ContactPoint, *, request_id: str | None = None
    ) -> Receipt:
        """Take an address off a customer. Refusals on the address stay with it."""
        return await self._ask(calls.unlink(self.brand, customer, contact_point, request_id))

    async def record_facts(
        self, customer: Customer, *, request_id: str | None = None, **facts: Unpack[Facts]
    ) -> Receipt:
        """Record facts that rules look at; a fact left out stays what it was."""
        return await self._ask(calls.record_facts(self.brand, customer, request_id, **facts))

    async def report_activity(
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
        return await self._ask(
            calls.report_activity(
                self.brand, customer, kind, act_time, place, request_id, objection_offered=objection_offered
            )
        )

    async def report_contact_point(
        self,
        contact_point: ContactPoint,
        fact: ContactPointFact,
        *,
        act_time: datetime | None = None,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Record a fact of an address, for whoever holds it."""
        return await self._ask(calls.report_contact_point(self.brand, contact_point, fact, act_time, request_id))

    # --- what others know -----------------------------------------------------------------------

    async def import_records(
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
        return await self._ask(calls.import_records(self.brand, source, records, dry_run=dry_run))

    async def import_suppressions(
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
        return await self._ask(calls.import_suppressions(self.brand, suppression_list, contact_points, ending_limit))

    # --- what officers do -----------------------------------------------------------------------

    async def merge(
        self, customers: Sequence[Customer], justification: Justification, *, request_id: str | None = None
    ) -> tuple[Receipt, ...]:
        """Join customers who are one person: nothing moves, and every refusal of one binds all."""
        return await self._ask(calls.merge(self.brand, customers, justification, request_id))

    async def split(
        self, customer: Customer, justification: Justification, *, request_id: str | None = None
    ) -> tuple[Receipt, ...]:
        """Take a customer out of their group. Refusals made while they were merged stay with both sides."""
        return await self._ask(calls.split(self.brand, customer, justification, request_id))

    async def add_overlay(
        self,
        customers: Sequence[Customer],
        kind: OverlayKind,
        justification: Justification,
        *,
        until: datetime | None = None,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Add the no of a household, employer or account, or a pause by contract, to each customer."""
        return await self._ask(calls.add_overlay(self.brand, customers, kind, justification, until, request_id))

    async def lift_overlay(
        self, customer: Customer, position: int, justification: Justification, *, request_id: str | None = None
    ) -> tuple[Receipt, ...]:
        """Lift an overlay, named by the position in the receipt of whoever added it."""
        return await self._ask(calls.lift_overlay(self.brand, customer, position, justification, request_id))

    async def restrict(
        self,
        customer: Customer,
        ground: RestrictionGround,
        justification: Justification,
        *,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Restrict processing (GDPR art. 18): every contact is denied."""
        return await self._ask(calls.restrict(self.brand, customer, ground, justification, request_id))

    async def lift_restriction(
        self,
        customer: Customer,
        informed_time: datetime,
        justification: Justification,
        *,
        request_id: str | None = None,
    ) -> tuple[Receipt, ...]:
        """Lift a restriction; `informed_time` is when the customer was told that it ends (GDPR art. 18(3))."""
        return await self._ask(calls.lift_restriction(self.brand, customer, informed_time, justification, request_id))

    # --- its life -------------------------------------------------------------------------------

    async def close(self) -> None:
        """End the connection; calls under way fail with reason CLOSED, and a call afterwards is a mistake."""
        self._closed = True
        if self._connection:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, call: Call[Value]) -> Value:
        try:
            return await self._attempt(call)
        except MistakeError:
            raise
        except CallFailedError as failure:
            if call.undecided is None:
                raise
            return call.undecided(failure)

    async def _attempt(self, call: Call[Value]) -> Value:
        if self._closed:
            raise used_after_close()
        attempts = Attempts(
            self._writes if call.writes or call.takes_long else self._questions, time.monotonic, random.random
        )
        method = call.method(self.connection)
        while True:
            try:
                return call.read(await self.connection.ask(method, call.request, attempts.seconds_left()))
            except CallFailedError as failure:
                pause = attempts.pause_after(failure)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
            if self._closed:
                raise closed()

    async def _stream(self, call: Call[Value]) -> AsyncGenerator[Value, None]:
        """Yield what a stream tells. Before its first message it is tried again; what was told cannot be untold."""
        if self._closed:
            raise used_after_close()
        attempts = Attempts(self._writes, time.monotonic, random.random)
        method = call.method(self.connection)
        while True:
            begun = False
            told = self.connection.stream(method, call.request, self._writes.timeout_seconds)
            try:
                async with aclosing(told):
                    async for message in told:
                        begun = True
                        yield call.read(message)
            except CallFailedError as failure:
                pause = None if begun else attempts.pause_after(failure)
                if pause is None:
                    raise
            else:
                return
            await asyncio.sleep(pause)
            if self._closed:
                raise closed()
