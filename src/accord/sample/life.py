"""The words the made-up year is told in: acts, and one customer's life as a list of them.

An act is a command with the instant at which it happens. It may rest on the answer to an earlier
one: the message that asks to confirm needs the position of what it asks about, the click on its link
needs the token, and only a contact that was authorised is reported. So a life is told in full before
anything is written, and `settle` fills the gaps in when the answers are there. Nothing here looks at
a clock or at a ledger.

Every name, address and number is made up: e-mail at example.com and example.org, phone numbers
from the ranges that Arcep and Ofcom keep for fiction.
"""

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.commands import (
    AuthorizeContact,
    Command,
    Confirm,
    Declaration,
    Grant,
    Link,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
)
from accord.domain.events import FactsRecorded
from accord.domain.terms import (
    DAY,
    HOUR,
    ActivityKind,
    Declarant,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Outcome,
    PointFact,
    Position,
    Recorder,
    RefusalKind,
)
from accord.service import confirmation_tokens

MAX_CUSTOMERS = 10_000
"""The ranges of phone numbers kept for fiction hold no more."""

_SOON = 8 * HOUR
_MINUTE = HOUR // 60

CONFIRMATION = "service.opt_in_confirmation"

_GIVEN_NAMES = ("ada", "basile", "camille", "dora", "elio", "flore", "gaspard", "hilda", "isidore", "jeanne")


class Act(Struct, frozen=True):
    """Something that happens to one customer. `id` is the same in every run.

    `rests_on` is the id of the act whose answer this one needs, empty for none.
    """

    time: Instant
    id: str
    command: Command
    rests_on: str = ""


class Answer(Struct, frozen=True):
    """What an act brought that later ones rest on: where it stands, and the token of the link it may send."""

    position: Position
    token: str = ""


def settle(act: Act, answers: dict[str, Answer]) -> Command | None:
    """Return the command with what its answer brought filled in; None when the act falls away.

    `answers` has those of permissions that wait and of contacts that were authorised.
    """
    if not act.rests_on:
        return act.command
    answer = answers.get(act.rests_on)
    if answer is None:
        return None
    match act.command:
        case AuthorizeContact():
            return replace(act.command, confirms=answer.position)
        case Confirm():
            return replace(act.command, token=confirmation_tokens.read(answer.token))
        case _:
            return act.command


def between(act: Act, asked: Instant, answered: Instant, recorded: Instant) -> Act:
    """Return the act as it may happen: after what it rests on was answered, and until it is `recorded` itself.

    One that was told to happen earlier happens within a few hours instead, later where it came longer after what it
    rests on was `asked`: a link is sent when that is authorised, and clicked afterwards.
    """
    earliest = answered + _MINUTE
    if act.time >= earliest:
        return act
    time = Instant(min(earliest + (act.time - asked) % _SOON, recorded))
    match act.command:
        case Confirm(evidence=evidence):
            command: Command = replace(act.command, evidence=replace(evidence, act_time=time))
        case ReportContact(outcome_time=told) if told:
            command = replace(act.command, outcome_time=time)
        case _:
            command = act.command
    return replace(act, time=time, command=command)


def customer_id(number: int) -> Identifier:
    """Return the brand's own id of a customer."""
    return Identifier(IdentifierKind.CUSTOMER_ID, f"customer-{number:05d}")


def email(number: int) -> Identifier:
    """Return a mailbox that nobody has (RFC 2606)."""
    name = _GIVEN_NAMES[number % len(_GIVEN_NAMES)]
    return Identifier(IdentifierKind.EMAIL, f"{name}.{number:05d}@example.{'org' if number % 3 else 'com'}")


def mobile(number: int) -> Identifier:
    """Return a mobile number of the range that Arcep keeps for fiction."""
    return Identifier(IdentifierKind.PHONE, f"+3363998{number % MAX_CUSTOMERS:04d}")


def landline(number: int) -> Identifier:
    """Return a number of the Paris range that Arcep keeps for fiction."""
    return Identifier(IdentifierKind.PHONE, f"+3319900{number % MAX_CUSTOMERS:04d}")


def british_mobile(number: int) -> Identifier:
    """Return a number of the range that Ofcom keeps for fiction; it has a thousand."""
    return Identifier(IdentifierKind.PHONE, f"+447700900{number % 1000:03d}")


def loyalty_card(number: int) -> Identifier:
    """Return the number of a card."""
    return Identifier(IdentifierKind.LOYALTY_CARD, f"alba {number:05d}")


def push_token(number: int) -> Identifier:
    """Return the token of one installation of the application."""
    return Identifier(IdentifierKind.PUSH_TOKEN, f"made-up-installation-{number:05d}")


def beacon_device(number: int) -> Identifier:
    """Return a phone as beacons know it."""
    return Identifier(IdentifierKind.BEACON_DEVICE, f"made-up-device-{number:05d}")


def social_profile(number: int) -> Identifier:
    """Return a profile on a network that does not exist."""
    return Identifier(IdentifierKind.SOCIAL_PROFILE, f"pleiade:{_GIVEN_NAMES[number % len(_GIVEN_NAMES)]}-{number:05d}")


def postal_address(number: int) -> Identifier:
    """Return an address in a town that does not exist."""
    return Identifier(IdentifierKind.POSTAL_ADDRESS, f"{number} rue de l'exemple, 00000 villeneuve-la-fictive")


class Life:
    """Tells one customer's acts, one after the other; ids count up, so the order of telling is part of them."""

    def __init__(self, number: int) -> None:
        """Begin with nothing told."""
        self.number = number
        self.customer = customer_id(number)
        self.acts: list[Act] = []

    def links(self, time: int, *addresses: Identifier) -> None:
        """Tell that the brand learns addresses."""
        for address in addresses:
            self._tell(time, Link(customer=self.customer, contact_point=address))

    def facts(self, time: int, facts: FactsRecorded) -> None:
        """Tell facts."""
        self._tell(time, RecordFacts(customer=self.customer, facts=facts))

    def grants(  # noqa: PLR0913 - a permission has this many sides
        self,
        time: int,
        touchpoint: str,
        *,
        method: Method = Method.TICKED_BOX,
        declarant: Declarant = Declarant.CUSTOMER,
        recorder: Recorder = Recorder.SYSTEM,
        recorder_id: str = "",
        language: str = "fr",
        purposes: tuple[str, ...] = (),
        channels: tuple[str, ...] = (),
        address: Identifier | None = None,
        topics: tuple[str, ...] = (),
        places: tuple[str, ...] = (),
        recipients: tuple[str, ...] = (),
    ) -> str:
        """Tell that the customer gives what a touchpoint asks for; return the act's id, to confirm it."""
        evidence = Declaration(
            touchpoint=touchpoint,
            method=method,
            declarant=declarant,
            recorder=recorder,
            recorder_id=recorder_id,
            language=language,
            act_time=Instant(time),
        )
        command = Grant(
            customer=self.customer,
            evidence=evidence,
            purposes=purposes,
            channels=channels,
            contact_point=address,
            topics=topics,
            places=places,
            recipients=recipients,
        )
        return self._tell(time, command)

    def is_asked_to_confirm(self, time: int, grant: str) -> str:
        """Tell that the mailer wants to send the link; return the act's id, to click it."""
        question = Question(customer=self.customer, purpose=CONFIRMATION, channel="email")
        contact_id = f"confirmation-{self.number:05d}-{len(self.acts):03d}"
        return self._tell(time, AuthorizeContact(contact_id=contact_id, question=question), grant)

    def clicks(self, time: int, asked: str, touchpoint: str) -> None:
        """Tell that the message was delivered, and that the customer clicks the link in it."""
        asking = next(act for act in self.acts if act.id == asked)
        if isinstance(asking.command, AuthorizeContact):
            sent = ReportContact(contact_id=asking.command.contact_id, outcome=Outcome.SENT, outcome_time=asking.time)
            self._tell(asking.time, sent, asked)
        evidence = _said(time, touchpoint, Method.CONFIRMATION_LINK, Recorder.SYSTEM)
        self._tell(time, Confirm(evidence=evidence), asked)

    def says_no(  # noqa: PLR0913 - a refusal has this many sides
        self,
        time: int,
        kind: RefusalKind,
        touchpoint: str,
        *,
        method: Method = Method.BUTTON,
        recorder: Recorder = Recorder.SYSTEM,
        purpose: str = "",
        channel: str = "",
        address: Identifier | None = None,
    ) -> None:
        """Tell that the customer refuses, withdraws or objects."""
        command = Refuse(
            kind=kind,
            customer=self.customer,
            evidence=_said(time, touchpoint, method, recorder),
            purpose=purpose,
            channel=channel,
            contact_point=address,
        )
        self._tell(time, command)

    def buys(self, time: int, place: str = "", *, objection_offered: bool = True) -> None:
        """Tell a purchase; `objection_offered`: the customer was told of similar offers and could say no."""
        command = ReportActivity(
            customer=self.customer,
            kind=ActivityKind.PURCHASE,
            act_time=Instant(time),
            place=place,
            objection_offered=objection_offered,
        )
        self._tell(time, command)

    def is_seen(self, time: int, place: str) -> None:
        """Tell that a beacon of a store sees the customer's phone, whose system lets it."""
        command = ReportActivity(
            customer=self.customer, kind=ActivityKind.PRESENCE, act_time=Instant(time), place=place
        )
        self._tell(time, command)

    def learns(self, time: int, address: Identifier, fact: PointFact) -> None:
        """Tell a fact of an address."""
        self._tell(time, ReportContactPoint(contact_point=address, fact=fact, act_time=Instant(time)))

    def is_to_be_contacted(  # noqa: PLR0913 - a contact has this many sides
        self,
        time: int,
        channel: str,
        purpose: str,
        *outcomes: Outcome,
        days_later: int = 1,
        topic: str = "",
        place: str = "",
    ) -> None:
        """Tell that the automation wants to contact the customer, and what becomes of it, in turn, if it may."""
        question = Question(customer=self.customer, purpose=purpose, channel=channel, topic=topic, place=place)
        contact_id = f"contact-{self.number:05d}-{len(self.acts):03d}"
        contact = self._tell(time, AuthorizeContact(contact_id=contact_id, question=question))
        for outcome in outcomes:
            time += days_later * DAY
            self._tell(time, ReportContact(contact_id=contact_id, outcome=outcome), contact)

    def _tell(self, time: int, command: Command, rests_on: str = "") -> str:
        act = Act(Instant(time), f"{self.customer.value}/{len(self.acts):03d}", command, rests_on)
        self.acts.append(act)
        return act.id


def _said(time: int, touchpoint: str, method: Method, recorder: Recorder) -> Declaration:
    return Declaration(
        touchpoint=touchpoint,
        method=method,
        declarant=Declarant.CUSTOMER,
        recorder=recorder,
        act_time=Instant(time),
    )
