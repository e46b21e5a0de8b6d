"""What a rule pack may say: the law of one jurisdiction, as dated data with its sources.

Owns the form of a rule and when it counts. Holds no law: that stands in `packs/`. A date means the
start of that day in the pack's own time zone; `effective_to` is the first day on which the rule no
longer counts.
"""

from datetime import date
from enum import StrEnum
from typing import Final

from msgspec import Struct

from accord.domain.calendar import midnight
from accord.domain.terms import (
    FAR,
    NEVER,
    ActivityKind,
    Basis,
    CustomerKind,
    Instant,
    Obligation,
    PurposeClass,
    ReplyMeaning,
)

CHANNELS: Final = (
    "email", "sms", "mms", "push", "voice", "automated_call", "fax", "post", "chat", "social", "in_store", "in_app",
)  # fmt: skip
"""The means of contact the law tells apart. A catalogue under rule packs uses these codes."""

SECTORS: Final = ("energy_renovation", "press")
"""What a purpose may promote that a law tells apart; most are of none."""


SINCE: Final = (
    ActivityKind.PURCHASE,
    ActivityKind.ENQUIRY,
    ActivityKind.DONATION,
    ActivityKind.VOLUNTEERING,
    ActivityKind.MEMBERSHIP_END,
    ActivityKind.CONTRACT_END,
)
"""Acts from which a law lets a ground last for some time."""


class Reach(StrEnum):
    """Whom a rule reaches: customers who live in the jurisdiction, or those of a brand established in it as well."""

    CUSTOMER = "CUSTOMER"
    BRAND_TOO = "BRAND_TOO"


class _Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """What every rule says. An empty list is no limit; `replaces` names rules of the wider jurisdiction."""

    id: str
    legal_source: str
    reviewed: bool
    en: str
    fr: str
    effective_from: date | None = None
    effective_to: date | None = None
    reach: Reach = Reach.CUSTOMER
    replaces: tuple[str, ...] = ()
    classes: tuple[PurposeClass, ...] = (PurposeClass.MARKETING,)
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    customer_kinds: tuple[CustomerKind, ...] = ()


class GroundRule(_Rule, frozen=True, kw_only=True, tag="ground"):
    """A ground the law accepts. `since` and `months`: only so long after the customer's newest act of that kind.

    `generic_only`: only for addresses that name no person; `published_only`: for those published in a business
    capacity. Since MEMBERSHIP_END is also while the membership runs.
    """

    basis: Basis
    since: ActivityKind | None = None
    months: int = 0
    sector: str = ""
    generic_only: bool = False
    published_only: bool = False


class RegistryRule(_Rule, frozen=True, kw_only=True, tag="registry"):
    """An address on the registry may not be contacted, but on the bases spared."""

    spares: tuple[Basis, ...] = ()


class MinorsRule(_Rule, frozen=True, kw_only=True, tag="minors"):
    """Below the age a guardian must give the permission; `jointly`: the minor as well."""

    below_age: int
    jointly: bool = False


class VerificationRule(_Rule, frozen=True, kw_only=True, tag="verification"):
    """An address needs to be verified by itself."""


class Window(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"from_": "from"}):
    """A part of the local day, `until` not included; no days are all days, 1 is Monday."""

    from_: str
    until: str
    days: tuple[int, ...] = ()


class HoursRule(_Rule, frozen=True, kw_only=True, tag="hours"):
    """Contact only inside the windows, where the customer lives, unless they permitted the purpose `otherwise`."""

    windows: tuple[Window, ...]
    closed_on_public_holidays: bool = False
    otherwise: str = ""


class CapRule(_Rule, frozen=True, kw_only=True, tag="cap"):
    """A limit on the number of contacts on these channels together."""

    limit: int
    days: int
    calendar_days: bool = False
    counts_attempts: bool = False


class CoolDownRule(_Rule, frozen=True, kw_only=True, tag="cool_down"):
    """Full calendar days of silence after a refusal on the channel."""

    days: int


class InactivityRule(_Rule, frozen=True, kw_only=True, tag="inactivity"):
    """No contact so many months after the customer's last act, but one for a purpose of the branch `asking`."""

    months: int
    asking: str


class SectorRule(_Rule, frozen=True, kw_only=True, tag="sector"):
    """A sector may not contact anyone; `unless_contract`: but those whose contract runs, on that ground."""

    sector: str
    unless_contract: bool = False


class PresenceRule(_Rule, frozen=True, kw_only=True, tag="presence"):
    """Contact only so long after the customer was seen there, and with a permission for the purpose `tracking`."""

    minutes: int
    tracking: str


class SpreadRule(_Rule, frozen=True, kw_only=True, tag="spread"):
    """A refusal made on one of the channels `said_on` reaches everything this rule binds, whatever it named."""

    said_on: tuple[str, ...]


class ObligationRule(_Rule, frozen=True, kw_only=True, tag="obligation"):
    """What a message must carry; `for_recipients`: only where it is asked for a third party."""

    obligation: Obligation
    for_recipients: bool = False


class AnswerRule(_Rule, frozen=True, kw_only=True, tag="answer"):
    """The law behind answers that every decision gives by itself: the rule is named when one of the reasons is."""

    reasons: tuple[str, ...]


class DutyRule(_Rule, frozen=True, kw_only=True, tag="duty"):
    """What the firm must have done within a time, or, with `keep`, must keep so long; it decides no contact.

    `starts` says in words what the time runs from; one unit is set. `duties.last_day` counts it.
    """

    starts: str
    keep: bool = False
    years: int = 0
    days: int = 0
    business_days: int = 0


class ReplyRule(_Rule, frozen=True, kw_only=True, tag="reply"):
    """Words by which somebody who writes back is understood, whoever and wherever they are.

    A reply says `meaning` when, courtesies aside, it is one of `alone`; when it begins with one of `first`; or when it
    holds one of `within`. Where it holds one of `unless`, it is no clear no. All are written as `replies` reads them.
    """

    meaning: ReplyMeaning
    alone: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


LawRule = (
    GroundRule
    | RegistryRule
    | MinorsRule
    | VerificationRule
    | HoursRule
    | CapRule
    | CoolDownRule
    | InactivityRule
    | SectorRule
    | PresenceRule
    | SpreadRule
    | ObligationRule
    | AnswerRule
    | DutyRule
    | ReplyRule
)


class Pack(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One jurisdiction. `within` is the wider one, whose rules count too; `regions` parts of one country.

    `countries` empty with `elsewhere` set: every country no pack names; with `everywhere`: all.
    `not_covered` says in plain words what the pack leaves out.
    """

    jurisdiction: str
    title: str
    title_fr: str
    time_zone: str
    rules: tuple[LawRule, ...]
    within: str = ""
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    elsewhere: bool = False
    everywhere: bool = False
    not_covered: tuple[str, ...] = ()

    @property
    def titles(self) -> dict[str, str]:
        """Its title in each language."""
        return {"en": self.title, "fr": self.title_fr}


class InForce(Struct, frozen=True):
    """When a rule counts: from an instant on, until another; FAR for no end."""

    begins: Instant
    ends: Instant


def kind_of(rule: LawRule) -> str:
    """Return the word by which packs name the kind of a rule."""
    return str(rule.__struct_config__.tag)


def in_force(rule: LawRule, pack: Pack) -> InForce:
    """Return when a rule of the pack counts."""
    begins = midnight(rule.effective_from, pack.time_zone) if rule.effective_from else NEVER
    ends = midnight(rule.effective_to, pack.time_zone) if rule.effective_to else FAR
    return InForce(begins, ends)
