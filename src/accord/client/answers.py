"""What Accord answers, in plain frozen values.

An answer is true exactly when its verdict is ALLOW, and there is no way to make one that says
otherwise; what is decided for another instant is neither true nor false. UNDECIDED is the verdict of
an outage: nobody knows, so it is a no. Instants are UTC. Names of reasons, bases and obligations are
those of the protos without their prefix; one that this client is too old to know is
`UNRECOGNISED_<number>`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from accord.client.failures import CallFailedError


class Verdict(StrEnum):
    """Anything but ALLOW is a no."""

    UNDECIDED = "UNDECIDED"
    DENY = "DENY"
    DEFER = "DEFER"
    ALLOW = "ALLOW"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that decided, and its source in law."""

    id: str
    legal_source: str


@dataclass(frozen=True, slots=True)
class GateStep:
    """What one gate said, in plain words."""

    number: int
    name: str
    verdict: Verdict
    reason: str
    explanation: str
    not_before: datetime | None
    skipped: bool


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change that would help turn a no into an ALLOW, such as WAIT_UNTIL with its `time`; `words` say it."""

    kind: str
    words: str
    time: datetime | None
    position: int
    purpose: str
    touchpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided for an instant, and why. By itself no leave to send: as a condition it raises TypeError.

    Of DEFER, `not_before` is the earliest instant. Before `valid_until` time alone changes nothing.
    The full view alone has `trace`, `sentence` for a person, and what would make it allowed: in words, and as
    `remedies` in the order in which they must happen.
    """

    verdict: Verdict
    reason: str
    basis: str = ""
    positions: tuple[int, ...] = ()
    rules: tuple[Rule, ...] = ()
    obligations: tuple[str, ...] = ()
    valid_until: datetime | None = None
    not_before: datetime | None = None
    policy_version: int = 0
    engine_version: str = ""
    token: str = ""
    decision_time: datetime | None = None
    trace: tuple[GateStep, ...] = ()
    what_would_allow: str = ""
    sentence: str = ""
    remedies: tuple[Remedy, ...] = ()

    def __bool__(self) -> bool:
        raise TypeError("what is decided for another instant is no leave to send: look at its verdict, check for now")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Decision):
    """May this contact happen, and why? True as a condition exactly when it may.

    `message` says in words why nothing could be decided, `fields` which were at fault in a batch.
    """

    message: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether it is a yes."""
        return self.verdict is Verdict.ALLOW

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAnswer(Decision):
    """What the answer was, or would have been, at an instant of the past. Never leave to send.

    `known_size`: how many entries of the ledger were known.
    """

    as_of: datetime
    known_size: int

    @property
    def was_allowed(self) -> bool:
        """Whether it was a yes then. Before a message leaves, authorise it."""
        return self.verdict is Verdict.ALLOW


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of an entry. Hand the token to a later question to get an answer at least as fresh."""

    ledger: str
    position: int
    leaf_hash: bytes
    recorded_time: datetime | None
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization(Answer):
    """Whether one contact may be made; on ALLOW it is counted already.

    `repeat`: it was authorised before and never reported, so it may have gone out; hand contact_id to
    the provider as idempotency key. The message must leave before `send_before`. `confirmation_token` is
    what the link of a confirmation must carry; it is told this once.
    """

    contact_id: str
    receipt: Receipt | None = None
    repeat: bool = False
    send_before: datetime | None = None
    confirmation_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """Every channel of the catalogue, in its order, with its answer; none at all when nothing is known."""

    answers: Mapping[str, Answer]
    failure: CallFailedError | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that may reach the customer now."""
        return tuple(channel for channel, answer in self.answers.items() if answer.allowed)

    @property
    def reason(self) -> str:
        """Why nothing is known; empty when something is."""
        return self.failure.reason if self.failure else ""

    def __bool__(self) -> bool:
        return bool(self.channels)


@dataclass(frozen=True, slots=True)
class Granted:
    """A permission was recorded, or confirmed, and stands so: ACTIVE, PENDING, NOT_YET_VALID, EXPIRED, WITHDRAWN."""

    receipt: Receipt
    status: str


@dataclass(frozen=True, slots=True)
class OpenContact:
    """A contact that was authorised and not yet reported: it may still be stopped."""

    contact_id: str
    channel: str
    purpose: str
    authorized_time: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A no was recorded, once for each holder of the key; every check that starts now sees it."""

    receipts: tuple[Receipt, ...]
    open_contacts: tuple[OpenContact, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody who wrote back was taken to say: WITHDRAWAL, UNCLEAR, HELP or NOTHING, by the words of `rules`.

    A withdrawal is recorded, service messages to the address included. While it is UNCLEAR marketing to the address
    waits: have a person read it, record what it says, and report REPLY_SETTLED. Receipts are empty where nothing is
    recorded.
    """

    meaning: str
    rules: tuple[Rule, ...]
    receipts: tuple[Receipt, ...]
    open_contacts: tuple[OpenContact, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """A report was recorded, and the contact stands so."""

    receipt: Receipt
    status: str


@dataclass(frozen=True, slots=True)
class Permission:
    """What was given, as the ledger knows it now; `position` is its name in every answer."""

    position: int
    status: str
    touchpoint: str
    level: str
    notice: str
    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    topics: tuple[str, ...]
    places: tuple[str, ...]
    recipients: tuple[str, ...]
    contact_point_only: bool
    act_time: datetime | None
    recorded_time: datetime | None
    valid_from: datetime | None
    valid_until: datetime | None
    uses: int
    uses_taken: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no, as the ledger knows it now; every empty field of its scope means all.

    Of kind SUPPRESSED `own_list` is the brand's own list behind it, and the times are the list's: without one, None.
    """

    position: int
    kind: str
    purpose: str
    channel: str
    topic: str
    place: str
    recipient: str
    contact_point_only: bool
    act_time: datetime | None
    recorded_time: datetime | None
    own_list: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts for a customer, ended permissions too, each by position."""

    permissions: tuple[Permission, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One entry of a customer, opened; `payload_json` is exactly what was committed to."""

    position: int
    type: str
    recorded_time: datetime | None
    customer_version: int
    payload_json: str

    @property
    def payload(self) -> dict[str, Any]:
        """The payload, parsed."""
        parsed: dict[str, Any] = json.loads(self.payload_json)
        return parsed


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A part of a history; an empty `next_page_token` ends it."""

    items: tuple[HistoryItem, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class LateEntry:
    """An entry that was recorded after a contact and tells of what had happened before it."""

    position: int
    type: str
    act_time: datetime | None
    recorded_time: datetime | None


@dataclass(frozen=True, slots=True)
class InvalidContact:
    """A contact that was allowed and would no longer be: `verdict` and `reason` say how it is answered again.

    `cause` is what makes the difference: LATE_ENTRY, with that entry, RULES, or UNEXPLAINED.
    """

    position: int
    authorized_time: datetime | None
    channel: str
    purpose: str
    status: str
    basis: str
    basis_positions: tuple[int, ...]
    verdict: Verdict
    reason: str
    positions: tuple[int, ...]
    rules: tuple[Rule, ...]
    cause: str
    late_entry: LateEntry | None


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """A part of a replay; an empty `next_page_token` ends it.

    `contacts_replayed` were answered again, `unreadable` could not be, since somebody they concern was erased.
    """

    contacts: tuple[InvalidContact, ...]
    contacts_replayed: int
    unreadable: int
    entries_read: int
    entries_total: int
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one record or address of an import, such as IMPORTED or KEPT; with an empty verdict, why nothing.

    `position` is that of the entry that tells it, 0 where none was written, and for every address.
    """

    verdict: str
    position: int = 0
    reason: str = ""
    message: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListEnded:
    """A list was imported whole: how many stand on it now, vanished and were taken off, vanished and stay on."""

    receipt: Receipt
    listed: int
    taken_off: int
    stay_on: int


@dataclass(frozen=True, slots=True)
class Listed:
    """Addresses were taken; each binds from now on. `ended` is set once the import ended."""

    receipt: Receipt
    results: tuple[Imported, ...]
    ended: ListEnded | None


@dataclass(frozen=True, slots=True)
class StandingPage:
    """A part of what counts for a customer; an empty `next_page_token` ends it."""

    permissions: tuple[Permission, ...]
    refusals: tuple[Refusal, ...]
    next_page_token: str


def undecided(failure: CallFailedError) -> Answer:
    """Return the no of an outage."""
    return Answer(verdict=Verdict.UNDECIDED, reason=failure.reason, message=failure.message)
