"""Reads a rule pack from its text, and tells every fault it can have, by field, with what is allowed."""

import re
import tomllib
from collections.abc import Iterator

import msgspec

from accord.domain.calendar import zone_known
from accord.domain.problems import Violation
from accord.domain.reply_text import plain
from accord.domain.rules import (
    CHANNELS,
    SECTORS,
    SINCE,
    AnswerRule,
    CapRule,
    CoolDownRule,
    DutyRule,
    GroundRule,
    HoursRule,
    InactivityRule,
    LawRule,
    MinorsRule,
    Pack,
    PresenceRule,
    ReplyRule,
    SectorRule,
    SpreadRule,
)
from accord.domain.terms import CONTACT_MEMORY_DAYS, Basis, Reason, ReplyMeaning

_JURISDICTION = re.compile(r"[a-z]{2,10}(_[a-z]{2,3})?\Z")
_CODE = re.compile(r"[a-z0-9_]{1,40}\Z")
_PURPOSE = re.compile(r"[a-z0-9_]{1,40}(\.[a-z0-9_]{1,40}){1,5}\Z")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z|24:00\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


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


def _faults(pack: Pack) -> Iterator[Violation]:
    yield from _name_faults(pack)
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


def _name_faults(pack: Pack) -> Iterator[Violation]:
    if not _JURISDICTION.match(pack.jurisdiction):
        yield Violation("jurisdiction", "must be a short code such as fr or us_fl")
    for field in ("title", "title_fr"):
        if not getattr(pack, field).strip():
            yield Violation(field, "is required")


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
            if rule.since and rule.since not in SINCE:
                yield Violation(f"{at}.since", f"must be one of: {', '.join(SINCE)}")
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
        case ReplyRule():
            yield from _reply_faults(at, rule)
        case _:
            return


def _reply_faults(at: str, rule: ReplyRule) -> Iterator[Violation]:
    if rule.meaning is ReplyMeaning.UNCLEAR:
        yield Violation(f"{at}.meaning", "must be WITHDRAWAL, HELP or NOTHING: what no rule reads is unclear")
    if rule.meaning is not ReplyMeaning.WITHDRAWAL and (rule.first or rule.within or rule.unless):
        yield Violation(f"{at}.alone", "alone is told by a rule that withdraws nothing")
    for field in ("alone", "first", "within", "unless"):
        for index, words in enumerate(getattr(rule, field)):
            if not words or plain(words) != words:
                read = plain(words)
                yield Violation(
                    f"{at}.{field}[{index}]", f"must be written as replies are read: {read or 'in letters'}"
                )


def _window_faults(at: str, rule: HoursRule) -> Iterator[Violation]:
    if not rule.windows:
        yield Violation(f"{at}.windows", "needs at least one window")
    if rule.otherwise and not _PURPOSE.match(rule.otherwise):
        yield Violation(f"{at}.otherwise", "must be a leaf purpose such as calls.other_hours")
    for index, window in enumerate(rule.windows):
        good = _TIME.match(window.from_) and _TIME.match(window.until) and window.from_ < window.until
        if not good or any(not 1 <= day <= 7 for day in window.days):
            yield Violation(f"{at}.windows[{index}]", "needs `from` before `until` as HH:MM, and ISO days 1 to 7")
