"""Where the demo is played: acts told through the writer, questions asked of the service, each noted as a line.

Nothing is staged: what a line says of an act or an answer is what the service returned. The time of
the ledger is the stage's own, and it only goes forward.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from accord.domain.commands import AuthorizeContact, Command, Question
from accord.domain.decision import Decision
from accord.domain.events import Event, PermissionGranted
from accord.domain.explain import Explainer
from accord.domain.problems import Problem
from accord.domain.terms import BrandId, Instant
from accord.domain.words import LANGUAGES
from accord.ledger.lookup import Lookups
from accord.sample.load import request_for
from accord.service.answers import Authorized, Receipt, Result, Written
from accord.service.questions import Questions
from accord.service.records import Remembered
from accord.service.writer import Writer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.msgpack.Encoder().encode


class Line(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One line of a scene: an act (`told`), or a question (`asked`) with its answer.

    `recorded` are the entries it wrote, `rests_on` those that an answer rests on; `open_contacts` are what may
    still be stopped after a no. `verdict` is ALLOW, DENY or DEFER, or TURNED_AWAY of an act that was not written.
    """

    time: str
    told: str = ""
    asked: str = ""
    verdict: str = ""
    reason: str = ""
    why: str = ""
    to_allow: str = ""
    not_before: str = ""
    rests_on: tuple[int, ...] = ()
    recorded: tuple[int, ...] = ()
    open_contacts: tuple[str, ...] = ()
    facts: dict[str, str] = {}


class Scene(Struct, frozen=True):
    """One story of the demo."""

    title: str
    lines: tuple[Line, ...]


class Stage:
    """Tells and asks for one brand, and notes what the service said."""

    def __init__(  # noqa: PLR0913 - the services a stage stands on
        self,
        writer: Writer,
        lookups: Lookups,
        questions: Questions,
        remembered: Remembered,
        brand: BrandId,
        set_time: Callable[[Instant], None],
        begin: Instant,
    ) -> None:
        """Set the clock to the beginning."""
        self._writer = writer
        self._lookups = lookups
        self._questions = questions
        self._remembered = remembered
        self._brand = brand
        self._set_time = set_time
        self._now = begin
        self._told = 0
        self._lines: list[Line] = []
        set_time(begin)

    def waits(self, span: int) -> None:
        """Let a span of microseconds pass."""
        self._now = Instant(self._now + span)
        self._set_time(self._now)

    def tells(self, words: str, *commands: Command) -> None:
        """Tell an act; each command must be written, or the line says that it was turned away and why."""
        results = [self._write(command) for command in commands]
        problem = next((each for each in results if isinstance(each, Problem)), None)
        written = [each for each in results if isinstance(each, Written)]
        if problem:
            self._note(told=words, verdict="TURNED_AWAY", reason=problem.reason.value, why=problem.message)
            return
        opened = [contact.position for each in written for contact in each.open_contacts]
        self._note(
            told=words,
            recorded=tuple(receipt.position for each in written for receipt in each.receipts),
            open_contacts=tuple(self._remembered.contact_ids(self._brand, written[0].ledger, opened)),
        )

    def asks(self, words: str, question: Question) -> None:
        """Ask whether a contact may happen. Nothing is counted."""
        self._answered(words, self._questions.check(self._brand, question, full=True).decision)

    def authorizes(self, words: str, contact_id: str, question: Question) -> None:
        """Ask for one contact and count it in the same step."""
        result = self._write(AuthorizeContact(contact_id=contact_id, question=question))
        if not isinstance(result, Authorized):
            raise TypeError(f"{contact_id} was not decided: {result}")
        self._answered(words, result.authorization.decision, result.receipt)

    def explains(self, words: str, contact_id: str) -> None:
        """Ask why a customer was contacted: the contact, and what the customer was shown and did."""
        found = self._remembered.contact(self._brand, contact_id)
        basis = found.authorized.positions
        shown = [self._remembered.event(self._brand, position) for position in basis]
        self._note(
            asked=words,
            why=f"{found.status.name.lower()} by {found.authorized.channel} for {found.authorized.purpose}",
            rests_on=tuple(basis),
            recorded=tuple(found.positions),
            facts={
                "authorized": _words(found.authorized_time),
                "on the ground of": found.authorized.basis.value.lower().replace("_", " "),
                **{name: text for event in shown for name, text in _given(event).items()},
            },
        )

    def scene(self, title: str) -> Scene:
        """Return what was noted since the scene before."""
        lines, self._lines = tuple(self._lines), []
        return Scene(title, lines)

    def _write(self, command: Command) -> Result:
        self._told += 1
        request = request_for(self._lookups, self._brand, f"demo-{self._told}", command, _encode(command))
        (result,) = self._writer.write(self._brand, [replace(request, full=True)])
        return result

    def _answered(self, words: str, found: Decision, receipt: Receipt | None = None) -> None:
        say = Explainer(found, LANGUAGES[0])
        self._note(
            asked=words,
            verdict=found.verdict.name,
            reason=found.reason.name,
            why=say.why(),
            to_allow=say.what_would_allow(),
            not_before=_words(found.not_before) if found.not_before else "",
            rests_on=found.positions,
            recorded=(receipt.position,) if receipt else (),
        )

    def _note(self, **said: object) -> None:
        self._lines.append(msgspec.convert({"time": _words(self._now), **said}, Line))


def _given(event: Event | None) -> dict[str, str]:
    """Return what shows a permission: where, how, on which text."""
    if not isinstance(event, PermissionGranted):
        return {}
    evidence = event.evidence
    return {
        "permission": f"{event.level}, given on {_words(evidence.act_time)}",
        "given at": f"{evidence.touchpoint}, {evidence.method.value.lower().replace('_', ' ')}",
        "on the notice": f"{evidence.notice} ({evidence.language})",
    }


def _words(time: int) -> str:
    return (_EPOCH + timedelta(microseconds=time)).isoformat(timespec="minutes").replace("+00:00", "Z")
