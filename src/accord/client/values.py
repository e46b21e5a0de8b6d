"""What callers say, in plain values: customers, contact points, evidence, questions, facts.

Every choice is an enum with the names of the protos, so that a wrong word is found by a type checker.
Instants must know their time zone. `arguments` judges their types, Accord what they mean; nothing is judged here.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypedDict


class ContactPointKind(StrEnum):
    """What kind of address a contact point is."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    POSTAL_ADDRESS = "POSTAL_ADDRESS"
    PUSH_TOKEN = "PUSH_TOKEN"  # noqa: S105 - a kind of address, not a secret
    SOCIAL_PROFILE = "SOCIAL_PROFILE"
    LOYALTY_CARD = "LOYALTY_CARD"
    BEACON_DEVICE = "BEACON_DEVICE"


class DeclarationMethod(StrEnum):
    """How a declaration was expressed. The last four are never a permission."""

    TICKED_BOX = "TICKED_BOX"
    BUTTON = "BUTTON"
    SPOKEN = "SPOKEN"
    SIGNATURE = "SIGNATURE"
    MESSAGE = "MESSAGE"
    CONFIRMATION_LINK = "CONFIRMATION_LINK"
    PRE_TICKED_BOX = "PRE_TICKED_BOX"
    SILENCE = "SILENCE"
    BUNDLED_TERMS = "BUNDLED_TERMS"
    ENGAGEMENT = "ENGAGEMENT"


class Declarant(StrEnum):
    """Who made a declaration."""

    CUSTOMER = "CUSTOMER"
    GUARDIAN = "GUARDIAN"


class Recorder(StrEnum):
    """Who wrote a declaration down."""

    SYSTEM = "SYSTEM"
    CLERK = "CLERK"
    AGENT = "AGENT"
    IMPORT = "IMPORT"


class ContactOutcome(StrEnum):
    """What became of a contact."""

    SENT = "SENT"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"


class CustomerKind(StrEnum):
    """In which capacity a customer is addressed."""

    CONSUMER = "CONSUMER"
    PROFESSIONAL = "PROFESSIONAL"


class ActivityKind(StrEnum):
    """What a customer did, or which tie of theirs ended."""

    PURCHASE = "PURCHASE"
    CLICK = "CLICK"
    ENQUIRY = "ENQUIRY"
    PRESENCE = "PRESENCE"
    ENGAGEMENT = "ENGAGEMENT"
    DONATION = "DONATION"
    VOLUNTEERING = "VOLUNTEERING"
    MEMBERSHIP_END = "MEMBERSHIP_END"
    CONTRACT_END = "CONTRACT_END"


class ContactPointFact(StrEnum):
    """A fact of an address; it binds whoever holds it."""

    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    REASSIGNED = "REASSIGNED"
    INVALID = "INVALID"
    VERIFIED = "VERIFIED"
    REGISTRY_LISTED = "REGISTRY_LISTED"
    REGISTRY_REMOVED = "REGISTRY_REMOVED"
    GENERIC = "GENERIC"
    PERSONAL = "PERSONAL"
    PUBLISHED = "PUBLISHED"
    UNPUBLISHED = "UNPUBLISHED"
    REPLY_UNCLEAR = "REPLY_UNCLEAR"
    REPLY_SETTLED = "REPLY_SETTLED"


class OverlayKind(StrEnum):
    """Who says no for the customer, or why contacts rest."""

    HOUSEHOLD = "HOUSEHOLD"
    EMPLOYER = "EMPLOYER"
    ACCOUNT = "ACCOUNT"
    CONTRACT_PAUSE = "CONTRACT_PAUSE"


class RestrictionGround(StrEnum):
    """Why processing is restricted (GDPR art. 18(1))."""

    ACCURACY_CONTESTED = "ACCURACY_CONTESTED"
    UNLAWFUL = "UNLAWFUL"
    LEGAL_CLAIMS = "LEGAL_CLAIMS"
    OBJECTION_PENDING = "OBJECTION_PENDING"


Position = Annotated[int, range(2**63)]
"""The number of an entry, from 0."""

Token = Annotated[str, re.compile("[ -~]*")]
"""What a caller is known by: it travels in a header, which holds no line ends and nothing beyond ASCII."""


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """One address of a customer."""

    kind: ContactPointKind
    value: str

    @classmethod
    def email(cls, value: str) -> "ContactPoint":
        """Return an e-mail address."""
        return cls(ContactPointKind.EMAIL, value)

    @classmethod
    def phone(cls, value: str) -> "ContactPoint":
        """Return a phone number in international form, for example `+33612345678`."""
        return cls(ContactPointKind.PHONE, value)


Customer = str | ContactPoint
"""Whom: your own opaque customer_id, or a contact point that exactly one customer holds."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A digest (SHA-256, 32 bytes) of something kept elsewhere that shows an act, and its media type."""

    sha256: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """How we know of a declaration: where, on which notice in which language, how, by whom, when.

    An empty notice is the one the touchpoint shows now; without an act time the customer acted now.
    The language is required to grant.
    """

    touchpoint: str
    method: DeclarationMethod
    language: str = ""
    notice: str = ""
    declarant: Declarant = Declarant.CUSTOMER
    recorder: Recorder = Recorder.SYSTEM
    recorder_id: str = ""
    act_time: datetime | None = None
    artefacts: tuple[Artefact, ...] = ()


@dataclass(frozen=True, slots=True)
class Justification:
    """Why an officer acted, in a few words without personal data; which officer; what shows it."""

    reason: str
    officer_id: str = ""
    artefacts: tuple[Artefact, ...] = ()


class ListKind(StrEnum):
    """What a list says of the addresses on it."""

    REGISTRY = "REGISTRY"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    OWN = "OWN"


@dataclass(frozen=True, slots=True)
class SuppressionList:
    """A list of addresses not to be contacted, as one file holds it: which, what it says, of which day.

    `sha256` is the file's, 32 bytes; `lines` how many addresses it holds; `complete`: every address that stood on
    the list that day. It binds `purposes` or branches only; none are all.
    """

    code: str
    kind: ListKind
    list_time: datetime
    sha256: bytes
    lines: Position = 0
    complete: bool = False
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportSource:
    """Where records come from: who handed the file over, its digest, what it is, the digest of how it was read."""

    partner: str
    sha256: bytes
    media_type: str
    mapping_sha256: bytes


@dataclass(frozen=True, slots=True)
class ImportedPermission:
    """A permission that a row of a file tells of. What the customer chose is as in `grant`; left out, all of it."""

    row: Position
    customer: Customer
    evidence: Evidence
    part: int = 0
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    contact_point: ContactPoint | None = None
    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class ImportedNo(StrEnum):
    """Which no a row of a file tells of."""

    REFUSAL = "REFUSAL"
    WITHDRAWAL = "WITHDRAWAL"
    OBJECTION = "OBJECTION"


@dataclass(frozen=True, slots=True)
class ImportedRefusal:
    """A no that a row of a file tells of. What it reaches is as in `withdraw`; left out, everything."""

    row: Position
    kind: ImportedNo
    customer: Customer
    evidence: Evidence
    part: int = 0
    purpose: str = ""
    channel: str = ""
    contact_point: ContactPoint | None = None
    topic: str = ""
    place: str = ""
    recipient: str = ""


class Narrowing(TypedDict, total=False):
    """What a question may name besides customer, channel and purpose."""

    topic: str
    place: str
    recipient: str
    contact_point: ContactPoint | None


@dataclass(frozen=True, slots=True)
class Question:
    """May this customer be contacted, on this channel, for this purpose? The channel is empty for processing."""

    customer: Customer
    channel: str
    purpose: str
    topic: str = ""
    place: str = ""
    recipient: str = ""
    contact_point: ContactPoint | None = None


class Chosen(TypedDict, total=False):
    """What a customer chose of what a touchpoint offers. Left out: all of it."""

    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    contact_point: ContactPoint | None
    topics: tuple[str, ...]
    places: tuple[str, ...]
    recipients: tuple[str, ...]
    valid_from: datetime | None
    valid_until: datetime | None


class Scope(TypedDict, total=False):
    """What a no reaches. Left out: everything."""

    purpose: str
    channel: str
    contact_point: ContactPoint | None
    topic: str
    place: str
    recipient: str


class Facts(TypedDict, total=False):
    """What rules look at. Left out: what was known stays."""

    country: str
    region: str
    time_zone: str
    language: str
    kind: CustomerKind
    birth_year: int
    guardian_known: bool
    deceased: bool
    contract_current: bool
    membership_current: bool
    preferred_channel: str
    paused_until: datetime
