"""One contact from its authorisation to its report: `with client.contact(…) as contact: if contact: send()`.

| the block | what is reported |
|---|---|
| was told no | nothing, ever |
| was cut: its task cancelled, an interrupt | nothing |
| said `contact.leave_unreported()` | nothing |
| said `contact.cancel()` | CANCELLED: it was never tried |
| ended | SENT |
| raised a timeout, or what stands on one | nothing: it may have left |
| raised an exception, of a repeat | nothing: the attempt before it may have left |
| raised any other exception | FAILED: it was tried in vain |

FAILED and CANCELLED give the use back, so they are only reported when nothing can have left. An
unreported contact counts as made, which is the safe side; asking again under its contact_id keeps its
place and says `repeat`. So a cancelled task also ends at once, with no last call that could keep it;
one cancelled during its report leaves it open whether that was recorded, which is as safe.

A report that cannot be delivered is logged and kept in `report_failure`, and never raised: the
message has left, and an exception would look like a send that failed and invite a second one.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType

from accord.client.answers import Authorization, Reported
from accord.client.failures import CallFailedError
from accord.client.values import ContactOutcome

_log = logging.getLogger("accord.client")


class Contact:
    """One intended message. True as a condition exactly when it may be sent."""

    def __init__(self, authorization: Authorization) -> None:
        """Hold what was answered."""
        self.authorization = authorization
        self.report_failure: CallFailedError | None = None
        self._cancelled = False
        self._left_unreported = False

    def __bool__(self) -> bool:
        return self.authorization.allowed and not self._cancelled

    @property
    def contact_id(self) -> str:
        """Its name; of a repeat, the idempotency key for the provider."""
        return self.authorization.contact_id

    @property
    def reason(self) -> str:
        """Why, or why not."""
        return self.authorization.reason

    @property
    def repeat(self) -> bool:
        """Whether it was authorised before and never reported, so that it may have gone out already."""
        return self.authorization.repeat

    @property
    def send_before(self) -> datetime | None:
        """The instant before which it must leave."""
        return self.authorization.send_before

    @property
    def confirmation_token(self) -> str:
        """What the link of a confirmation must carry; empty for any other contact. Never log it."""
        return self.authorization.confirmation_token

    def cancel(self) -> None:
        """Say that it never left and will not, of a repeat by no attempt before either: what it took comes back."""
        self._cancelled = True

    def leave_unreported(self) -> None:
        """Say that nobody knows whether it left, as when a provider did not answer: it counts as made."""
        self._left_unreported = True

    def outcome(self, error: BaseException | None) -> ContactOutcome | None:
        """Return what to report once the block ended with `error`. None: nothing."""
        cut = error is not None and not isinstance(error, Exception)
        if cut or self._left_unreported or not self.authorization.allowed:
            return None
        if self._cancelled:
            return ContactOutcome.CANCELLED
        if error is None:
            return ContactOutcome.SENT
        return None if self.repeat or _leaves_doubt(error) else ContactOutcome.FAILED

    def note_failure(self, outcome: ContactOutcome, failure: CallFailedError) -> None:
        """Keep and log that a report could not be delivered."""
        self.report_failure = failure
        # The contact_id is the caller's and may be personal: it is not logged.
        _log.warning("a contact that was %s could not be reported, and counts as made: %s", outcome, failure.reason)


def _leaves_doubt(error: BaseException) -> bool:
    """Say whether the message may have left all the same: a timeout is the error, or stands behind it.

    Libraries wrap the timeout of a socket in errors of their own, so all that stands behind is looked at.
    """
    behind: list[BaseException] = [error]
    for each in behind:
        if isinstance(each, TimeoutError) or not isinstance(each, Exception):
            return True
        grouped = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        ground = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        behind += [next_one for next_one in (*grouped, ground) if next_one and next_one not in behind]
    return False


class Sending:
    """The context of one contact."""

    def __init__(self, authorize: Callable[[], Authorization], report: Callable[[ContactOutcome], Reported]) -> None:
        """Hold how to ask and how to tell; nothing is asked before the block begins."""
        self._authorize = authorize
        self._report = report
        self._contact: Contact | None = None

    def __enter__(self) -> Contact:
        self._contact = Contact(self._authorize())
        return self._contact

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        contact = self._contact
        # Not `if contact`: one that was cancelled is false too, and must be reported.
        outcome = None if contact is None else contact.outcome(error)
        if contact is None or outcome is None:
            return
        try:
            self._report(outcome)
        except CallFailedError as failure:
            contact.note_failure(outcome, failure)


class AsyncSending:
    """The context of one contact, on asyncio."""

    def __init__(
        self,
        authorize: Callable[[], Awaitable[Authorization]],
        report: Callable[[ContactOutcome], Awaitable[Reported]],
    ) -> None:
        """Hold how to ask and how to tell; nothing is asked before the block begins."""
        self._authorize = authorize
        self._report = report
        self._contact: Contact | None = None

    async def __aenter__(self) -> Contact:
        self._contact = Contact(await self._authorize())
        return self._contact

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        contact = self._contact
        # Not `if contact`: one that was cancelled is false too, and must be reported.
        outcome = None if contact is None else contact.outcome(error)
        if contact is None or outcome is None:
            return
        try:
            await self._report(outcome)
        except CallFailedError as failure:
            contact.note_failure(outcome, failure)
