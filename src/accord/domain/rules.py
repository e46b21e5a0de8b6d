"""What a rule pack may say: the law of one jurisdiction, as dated data with its sources.

Owns the form of a rule, the reading of a pack, and every fault one can have. Holds no law: that
stands in `packs/`. Reads bytes it is handed, never a file. A date means the start of that day in
the pack's own time zone; `effective_to` is the first day on which the rule no longer counts.
"""

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from accord.domain.calendar import midnight, zone_known
from accord.domain.problems import Violation
from accord.domain.terms import (
    CONTACT_MEMORY_DAYS,
    FAR,
    NEVER,
    ActivityKind,
    Basis,
    CustomerKind,
    Instant,
    Obligation,
    PurposeClass,
    Reason,
)

CHANNELS: Final = (
    "email", "sms", "mms", "push", "voice", "automated_call", "fax", "post", "chat", "social", "in_store", "in_app",
)  # fmt: skip
"""The means of contact the law tells apart. A catalogue under rule packs uses these codes."""

SECTORS: Final = ("energy_renovation", "press")
"""What a purpose may promote that a law tells apart; most are of none."""

_JURISDICTION = re.compile(r"[a-z]{2,10}(_[a-z]{2,3})?\Z")
_CODE = re.compile(r"[a-z0-9_]{1,40}\Z")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z|24:00\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


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
    """A ground the law accepts. `since` and `months`: only so long after the customer's newest act of that kind."""

    basis: Basis
    since: ActivityKind | None = None
    months: int = 0
    sector: str = ""


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
    """Contact only inside the windows, where the customer lives."""

    windows: tuple[Window, ...]
    closed_on_public_holidays: bool = False


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
)


class Pack(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One jurisdiction. `within` is the wider one, whose rules count too; `regions` parts of one country.

    `countries` empty with `elsewhere` set: every country no pack names; with `everywhere`: all.
    `not_covered` says in plain words what the pack leaves out.
    """

    jurisdiction: str
    title: str
    time_zone: str
    rules: tuple[LawRule, ...]
    within: str = ""
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    elsewhere: bool = False
    everywhere: bool = False
    not_covered: tuple[str, ...] = ()


class InForce(Struct, frozen=True):
    """When a rule counts: from an instant on, until another; FAR for no end."""

    begins: Instant
    ends: Instant


class PackError(ValueError):
    """A pack cannot be used; `faults` name each field and what is allowed."""

    def __init__(self, faults: tuple[Violation, ...]) -> None:
        """Say every fault."""
        super().__init__("; ".join(f"{fault.field} {fault.description}" for fault in faults))
        self.faults = faults


def read_pack(text: bytes) -> Pack:
    """Return the pack that a TOML text holds. Raises PackError with every fault that can be told at once."""
    try:
        pack = msgspec.convert(tomllib.loads(text.decode()), Pack)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackError((Violation("pack", f"is no TOML: {error}"),)) from error
    except msgspec.ValidationError as error:
        raise PackError((Violation("pack", str(error)),)) from error
    if faults := tuple(_faults(pack)):
        raise PackError(faults)
    return pack


def kind_of(rule: LawRule) -> str:
    """Return the word by which packs name the kind of a rule."""
    return str(rule.__struct_config__.tag)


def in_force(rule: LawRule, pack: Pack) -> InForce:
    """Return when a rule of the pack counts."""
    begins = midnight(rule.effective_from, pack.time_zone) if rule.effective_from else NEVER
    ends = midnight(rule.effective_to, pack.time_zone) if rule.effective_to else FAR
    return InForce(begins, ends)


def _faults(pack: Pack) -> Iterator[Violation]:
    if not _JURISDICTION.match(pack.jurisdiction):
        yield Violation("jurisdiction", "must be a short code such as fr or us_fl")
    if not zone_known(pack.time_zone):
        yield Violation("time_zone", "must be an IANA time zone such as Europe/Paris")
    for index, country in enumerate(pack.countries):
        if not _COUNTRY.match(country):
            yield Violation(f"countries[{index}]", "must be an ISO 3166-1 alpha-2 code such as FR")
    if pack.regions and len(pack.countries) != 1:
        yield Violation("regions", "must be parts of the one country that `countries` names")
    if sum((bool(pack.countries), pack.elsewhere, pack.everywhere)) != 1:
        yield Violation("countries", "must name countries, or `elsewhere` or `everywhere` must be true; one of them")
    seen: set[str] = set()
    for index, rule in enumerate(pack.rules):
        at = f"rules[{index}]"
        if rule.id in seen:
            yield Violation(f"{at}.id", f"{rule.id} stands twice")
        seen.add(rule.id)
        yield from _rule_faults(at, rule, pack)


def _rule_faults(at: str, rule: LawRule, pack: Pack) -> Iterator[Violation]:
    prefix, _, name = rule.id.partition(".")
    if prefix != pack.jurisdiction or not _CODE.match(name):
        yield Violation(f"{at}.id", f"must be {pack.jurisdiction}. and a name of a-z, 0-9 and _")
    for field in ("legal_source", "en", "fr"):
        if not getattr(rule, field).strip():
            yield Violation(f"{at}.{field}", "is required")
    if rule.effective_from and rule.effective_to and rule.effective_from >= rule.effective_to:
        yield Violation(f"{at}.effective_to", "must be later than effective_from: it is the first day without the rule")
    for index, replaced in enumerate(rule.replaces):
        if not pack.within or not replaced.startswith(pack.within + "."):
            yield Violation(f"{at}.replaces[{index}]", "must name a rule of the jurisdiction this one lies within")
    yield from _channel_faults(f"{at}.channels", rule.channels)
    if isinstance(rule, GroundRule | SectorRule) and rule.sector not in ("", *SECTORS):
        yield Violation(f"{at}.sector", f"must be one of: {', '.join(SECTORS)}")
    yield from _parameter_faults(at, rule)


def _channel_faults(at: str, channels: tuple[str, ...]) -> Iterator[Violation]:
    for index, channel in enumerate(channels):
        if channel not in CHANNELS:
            yield Violation(f"{at}[{index}]", f"must be one of: {', '.join(CHANNELS)}")


def _parameter_faults(at: str, rule: LawRule) -> Iterator[Violation]:  # noqa: C901, PLR0912 - one case for each kind
    match rule:
        case GroundRule():
            if rule.basis in {Basis.NONE, Basis.CLASS}:
                yield Violation(f"{at}.basis", "must be a ground that needs a rule: not none, not class")
            if bool(rule.months) is not bool(rule.since) or rule.months < 0:
                yield Violation(f"{at}.months", "and `since` are told together: so long after which act")
            if rule.since not in {None, ActivityKind.PURCHASE, ActivityKind.ENQUIRY}:
                yield Violation(f"{at}.since", "must be PURCHASE or ENQUIRY")
        case MinorsRule():
            if not 1 <= rule.below_age <= 30:
                yield Violation(f"{at}.below_age", "must be 1 to 30 years")
        case HoursRule():
            yield from _window_faults(at, rule)
        case CapRule():
            if rule.limit < 1 or not 1 <= rule.days <= CONTACT_MEMORY_DAYS:
                yield Violation(f"{at}.limit", f"must be at least 1, in 1 to {CONTACT_MEMORY_DAYS} days")
        case CoolDownRule():
            if not 1 <= rule.days <= CONTACT_MEMORY_DAYS:
                yield Violation(f"{at}.days", f"must be 1 to {CONTACT_MEMORY_DAYS}")
        case InactivityRule():
            if rule.months < 1:
                yield Violation(f"{at}.months", "must be at least 1")
        case PresenceRule():
            if rule.minutes < 1:
                yield Violation(f"{at}.minutes", "must be at least 1")
        case SpreadRule():
            yield from _channel_faults(f"{at}.said_on", rule.said_on)
        case AnswerRule():
            for index, reason in enumerate(rule.reasons):
                if reason not in Reason.__members__:
                    yield Violation(f"{at}.reasons[{index}]", "must be a reason of decisions, such as WITHDRAWN")
        case DutyRule():
            if sum(bool(unit) for unit in (rule.years, rule.days, rule.business_days)) != 1:
                yield Violation(at, "must tell one of years, days and business_days")
        case _:
            return


def _window_faults(at: str, rule: HoursRule) -> Iterator[Violation]:
    if not rule.windows:
        yield Violation(f"{at}.windows", "needs at least one window")
    for index, window in enumerate(rule.windows):
        good = _TIME.match(window.from_) and _TIME.match(window.until) and window.from_ < window.until
        if not good or any(not 1 <= day <= 7 for day in window.days):
            yield Violation(f"{at}.windows[{index}]", "needs `from` before `until` as HH:MM, and ISO days 1 to 7")
