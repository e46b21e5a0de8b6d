"""What a brand may ask and do: channels, purposes, levels, notices, touchpoints, limits.

A catalogue is a plain value, kept whole in the ledger. `examine` tells every fault of one, also
against the one before it: a notice that was ever applied keeps its words and its lists for ever,
because permissions rest on them. Compiling it for decisions is `policy`'s work.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from accord.domain.calendar import country_known
from accord.domain.packs import EDITIONS
from accord.domain.problems import Violation
from accord.domain.rules import CHANNELS, SECTORS
from accord.domain.terms import CONTACT_MEMORY_DAYS, Basis, IdentifierKind, Obligation, PurposeClass

MAX_CHANNELS = 64
MAX_PURPOSES = 1024
MAX_ITEMS = 4096
MAX_NOTICE_TEXT = 16_384
MAX_VALID_DAYS = 36_500
MAX_GUARDIAN_AGE = 30
MAX_RETENTION_DAYS = 36_500

MAX_CONFIRMATION_HOURS = 24 * 365

CONFIRMATIONS_PER_ADDRESS = 3
"""Confirmations one address is asked for in the window, where a catalogue does not say."""

CONFIRMATION_WINDOW_HOURS = 24
"""The window, where a catalogue does not say."""

MAX_CONFIRMATIONS_PER_ADDRESS = 20
MAX_CONFIRMATION_WINDOW_HOURS = 720
"""How long an address remembers that it was asked."""

_CODE = re.compile(r"[a-z0-9][a-z0-9_:\-]{0,63}\Z")
_PURPOSE = re.compile(r"[a-z0-9_]{1,40}(\.[a-z0-9_]{1,40}){1,5}\Z")
_BRANCH = re.compile(r"[a-z0-9_]{1,40}(\.[a-z0-9_]{1,40}){0,5}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z|24:00\Z")


class Channel(Struct, frozen=True, omit_defaults=True):
    """A means of contact and the kind of address it uses."""

    code: str
    contact_point_kind: IdentifierKind
    verification_required: bool = False
    obligations: tuple[Obligation, ...] = ()
    one_click_missing: bool = False
    """Its messages cannot carry a one-click unsubscription."""


class Purpose(Struct, frozen=True, omit_defaults=True):
    """A leaf of the purpose tree."""

    code: str
    purpose_class: PurposeClass
    title: str = ""
    outside_brand_caps: bool = False
    sector: str = ""
    refresh_after_days: int = 0


class Level(Struct, frozen=True, omit_defaults=True):
    """What a touchpoint asks for, as a named offer. Zero means "no limit" in each term."""

    code: str
    uses: int = 0
    valid_days: int = 0
    topics_required: bool = False
    places_required: bool = False
    recipients_required: bool = False
    confirmation_hours: int = 0
    confirmed_otherwise: bool = False
    """Another act than a click on the link confirms it too."""


class NoticeText(Struct, frozen=True):
    """The exact words in one language."""

    language: str
    text: str


class Notice(Struct, frozen=True, omit_defaults=True):
    """What the customer is told; a permission covers exactly the cells it lists."""

    code: str
    purposes: tuple[str, ...]
    texts: tuple[NoticeText, ...]
    channels: tuple[str, ...] = ()
    stale: bool = False

    @property
    def languages(self) -> list[str]:
        """The languages it is written in, in its order."""
        return [text.language for text in self.texts]


class Touchpoint(Struct, frozen=True, omit_defaults=True):
    """Where customers act: the level it asks for and the notice it shows."""

    code: str
    level: str
    notice: str
    title: str = ""


class Place(Struct, frozen=True, omit_defaults=True):
    """A place, such as a store."""

    code: str
    title: str = ""


class BasisRule(Struct, frozen=True, omit_defaults=True):
    """One acceptable ground for a class, tried in the order of the catalogue."""

    id: str
    basis: Basis
    purpose_class: PurposeClass
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    purchase_within_days: int = 0
    registry_binds: bool = False
    guardian_below_age: int = 0
    legal_source: str = ""


class Cap(Struct, frozen=True, omit_defaults=True):
    """A limit on the number of contacts in `days` days."""

    id: str
    limit: int
    days: int
    calendar_days: bool = False
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    legal: bool = False
    counts_attempts: bool = False
    legal_source: str = ""


class DayWindow(Struct, frozen=True, omit_defaults=True):
    """A part of a day; `until` is not included and may lie past midnight for quiet hours."""

    from_: str = ""
    until: str = ""
    days: tuple[int, ...] = ()


class Hours(Struct, frozen=True, omit_defaults=True):
    """Lawful hours (contact only inside) or quiet hours (never inside)."""

    id: str
    channels: tuple[str, ...]
    windows: tuple[DayWindow, ...]
    lawful: bool = False
    closed_on_public_holidays: bool = False
    legal_source: str = ""


class CoolDown(Struct, frozen=True, omit_defaults=True):
    """Full calendar days of silence on a channel after a refusal on it."""

    id: str
    channels: tuple[str, ...]
    days: int
    legal_source: str = ""


class ControllerDetails(Struct, frozen=True, omit_defaults=True):
    """What receipts tell of the brand (GDPR art. 13; ISO/IEC TS 27560). `retention_days` 0: until it is taken back."""

    address: str
    contact: str
    rights_url: str
    storage_countries: tuple[str, ...]
    retention_days: int = 0


class Catalogue(Struct, frozen=True, omit_defaults=True):
    """Everything a brand may ask and do."""

    controller: str
    country: str
    channels: tuple[Channel, ...]
    purposes: tuple[Purpose, ...]
    levels: tuple[Level, ...] = ()
    notices: tuple[Notice, ...] = ()
    touchpoints: tuple[Touchpoint, ...] = ()
    places: tuple[Place, ...] = ()
    bases: tuple[BasisRule, ...] = ()
    caps: tuple[Cap, ...] = ()
    hours: tuple[Hours, ...] = ()
    cool_downs: tuple[CoolDown, ...] = ()
    controller_details: ControllerDetails | None = None
    rules_edition: str = ""
    confirmations_per_address: int = 0
    confirmation_window_hours: int = 0
    retention_days: int = 0


def covers(branch: str, purpose: str) -> bool:
    """Say whether a branch of the tree holds a purpose; the empty branch holds all."""
    return not branch or purpose == branch or purpose.startswith(branch + ".")


def examine(catalogue: Catalogue, before: Catalogue | None) -> tuple[Violation, ...]:
    """Return every fault of a catalogue, by field; empty when it may be applied."""
    return tuple(_faults(catalogue, before))


def _faults(it: Catalogue, before: Catalogue | None) -> Iterator[Violation]:
    if not it.controller.strip():
        yield Violation("catalogue.controller", "is required")
    if not 0 <= it.retention_days <= MAX_RETENTION_DAYS:
        yield Violation("catalogue.retention_days", f"must be 0, for no end, to {MAX_RETENTION_DAYS}")
    if not country_known(it.country):
        yield Violation("catalogue.country", "must be an ISO 3166-1 alpha-2 code such as FR")
    if it.controller_details is not None:
        yield from _details_faults(it.controller_details)
    yield from _code_faults(it)
    yield from _edition_faults(it, before)
    channels = frozenset(channel.code for channel in it.channels)
    purposes = {purpose.code: purpose for purpose in it.purposes}
    yield from _notice_faults(it, channels, purposes)
    yield from _touchpoint_faults(it)
    yield from _confirmation_faults(it)
    yield from _rule_faults(it, channels, list(purposes))
    if before is not None:
        yield from _history_faults(it, before)


def _details_faults(it: ControllerDetails) -> Iterator[Violation]:
    at = "catalogue.controller_details"
    for name in ("address", "contact", "rights_url"):
        if not getattr(it, name).strip():
            yield Violation(f"{at}.{name}", "is required")
    if it.rights_url.strip() and not it.rights_url.startswith("https://"):
        yield Violation(f"{at}.rights_url", "must begin with https://")
    if not it.storage_countries:
        yield Violation(f"{at}.storage_countries", "needs at least one country")
    for index, country in enumerate(it.storage_countries):
        if not country_known(country):
            yield Violation(f"{at}.storage_countries[{index}]", "must be an ISO 3166-1 alpha-2 code such as FR")
    if it.retention_days > MAX_VALID_DAYS:
        yield Violation(f"{at}.retention_days", f"must be at most {MAX_VALID_DAYS}")


def _code_faults(it: Catalogue) -> Iterator[Violation]:  # noqa: C901 - a list of checks
    lists: tuple[tuple[str, tuple[str, ...], re.Pattern[str], int], ...] = (
        ("channels", tuple(each.code for each in it.channels), _CODE, MAX_CHANNELS),
        ("purposes", tuple(each.code for each in it.purposes), _PURPOSE, MAX_PURPOSES),
        ("levels", tuple(each.code for each in it.levels), _CODE, MAX_ITEMS),
        ("notices", tuple(each.code for each in it.notices), _CODE, MAX_ITEMS),
        ("touchpoints", tuple(each.code for each in it.touchpoints), _CODE, MAX_ITEMS),
        ("places", tuple(each.code for each in it.places), _CODE, MAX_ITEMS),
        ("bases", tuple(each.id for each in it.bases), _CODE, MAX_ITEMS),
        ("caps", tuple(each.id for each in it.caps), _CODE, MAX_CHANNELS),
        ("hours", tuple(each.id for each in it.hours), _CODE, MAX_CHANNELS),
        ("cool_downs", tuple(each.id for each in it.cool_downs), _CODE, MAX_CHANNELS),
    )
    for name, codes, pattern, limit in lists:
        if len(codes) > limit:
            yield Violation(f"catalogue.{name}", f"has {len(codes)} items; at most {limit} are allowed")
        seen: set[str] = set()
        for index, code in enumerate(codes):
            key = "id" if name in {"bases", "caps", "hours", "cool_downs"} else "code"
            if not pattern.match(code):
                yield Violation(f"catalogue.{name}[{index}].{key}", f"must match {pattern.pattern}")
            if code in seen:
                yield Violation(f"catalogue.{name}[{index}].{key}", "stands twice")
            seen.add(code)
    for required in ("channels", "purposes", "levels", "notices", "touchpoints"):
        if not getattr(it, required):
            yield Violation(f"catalogue.{required}", "needs at least one item")
    codes_in_tree = {purpose.code for purpose in it.purposes}
    for index, purpose in enumerate(it.purposes):
        if not 0 <= purpose.refresh_after_days <= MAX_VALID_DAYS:
            yield Violation(f"catalogue.purposes[{index}].refresh_after_days", f"must be at most {MAX_VALID_DAYS}")
        if any(other != purpose.code and covers(purpose.code, other) for other in codes_in_tree):
            yield Violation(f"catalogue.purposes[{index}].code", "is a branch of another purpose; list leaves only")
    yield from _channel_faults(it.channels)


def _channel_faults(channels: tuple[Channel, ...]) -> Iterator[Violation]:
    for index, channel in enumerate(channels):
        at = f"catalogue.channels[{index}]"
        if channel.contact_point_kind is IdentifierKind.CUSTOMER_ID:
            yield Violation(f"{at}.contact_point_kind", "must be a kind of contact point")
        if channel.one_click_missing and channel.contact_point_kind is not IdentifierKind.EMAIL:
            why = "must be false: one-click unsubscription is a header of e-mail (RFC 8058)"
            yield Violation(f"{at}.one_click_missing", why)


def _edition_faults(it: Catalogue, before: Catalogue | None) -> Iterator[Violation]:
    for index, purpose in enumerate(it.purposes):
        if purpose.sector not in ("", *SECTORS):
            allowed = ", ".join(SECTORS)
            yield Violation(f"catalogue.purposes[{index}].sector", f"must be empty or one of: {allowed}")
    if not it.rules_edition:
        if before is not None and before.rules_edition:
            yield Violation("catalogue.rules_edition", "is gone; a brand under rule packs stays under them")
        return
    if it.rules_edition not in EDITIONS:
        yield Violation("catalogue.rules_edition", f"must be one of: {', '.join(EDITIONS)}")
    elif before is not None and before.rules_edition > it.rules_edition:
        yield Violation("catalogue.rules_edition", f"must not be older than {before.rules_edition}, which counts now")
    for index, channel in enumerate(it.channels):
        if channel.code not in CHANNELS:
            allowed = ", ".join(CHANNELS)
            yield Violation(f"catalogue.channels[{index}].code", f"must be one the rule packs know: {allowed}")


def _notice_faults(it: Catalogue, channels: frozenset[str], purposes: dict[str, Purpose]) -> Iterator[Violation]:
    for index, notice in enumerate(it.notices):
        at = f"catalogue.notices[{index}]"
        if not notice.purposes:
            yield Violation(f"{at}.purposes", "needs at least one leaf purpose")
        yield from _unknown(f"{at}.purposes", notice.purposes, purposes, "purpose")
        yield from _unknown(f"{at}.channels", notice.channels, channels, "channel")
        listed = [purposes[code] for code in notice.purposes if code in purposes]
        if any(purpose.purpose_class is PurposeClass.CONFIRMATION for purpose in listed):
            yield Violation(f"{at}.purposes", "names a purpose of class confirmation, which no permission covers")
        contacting = any(purpose.purpose_class is not PurposeClass.PROCESSING for purpose in listed)
        if contacting and not notice.channels:
            yield Violation(f"{at}.channels", "needs at least one channel, since it names purposes of contact")
        if not notice.texts:
            yield Violation(f"{at}.texts", "needs its exact words in at least one language")
        if len(set(notice.languages)) != len(notice.texts):
            yield Violation(f"{at}.texts", "names a language twice")
        for number, text in enumerate(notice.texts):
            if not _LANGUAGE.match(text.language):
                yield Violation(f"{at}.texts[{number}].language", "must be a BCP 47 tag such as fr")
            if not text.text.strip() or len(text.text) > MAX_NOTICE_TEXT:
                yield Violation(f"{at}.texts[{number}].text", f"must have 1 to {MAX_NOTICE_TEXT} characters")


def _touchpoint_faults(it: Catalogue) -> Iterator[Violation]:
    levels = {level.code for level in it.levels}
    notices = {notice.code for notice in it.notices}
    for index, level in enumerate(it.levels):
        if level.valid_days > MAX_VALID_DAYS:
            yield Violation(f"catalogue.levels[{index}].valid_days", f"must be at most {MAX_VALID_DAYS}")
    for index, touchpoint in enumerate(it.touchpoints):
        at = f"catalogue.touchpoints[{index}]"
        yield from _unknown(f"{at}.level", [touchpoint.level], levels, "level")
        yield from _unknown(f"{at}.notice", [touchpoint.notice], notices, "notice")


def _confirmation_faults(it: Catalogue) -> Iterator[Violation]:
    for index, level in enumerate(it.levels):
        at = f"catalogue.levels[{index}]"
        if level.confirmation_hours > MAX_CONFIRMATION_HOURS:
            yield Violation(f"{at}.confirmation_hours", f"must be at most {MAX_CONFIRMATION_HOURS}")
        if level.confirmed_otherwise and not level.confirmation_hours:
            yield Violation(f"{at}.confirmed_otherwise", "needs confirmation_hours: the level waits for nothing")
    if it.confirmations_per_address > MAX_CONFIRMATIONS_PER_ADDRESS:
        yield Violation("catalogue.confirmations_per_address", f"must be at most {MAX_CONFIRMATIONS_PER_ADDRESS}")
    if it.confirmation_window_hours > MAX_CONFIRMATION_WINDOW_HOURS:
        yield Violation("catalogue.confirmation_window_hours", f"must be at most {MAX_CONFIRMATION_WINDOW_HOURS}")


def _rule_faults(  # noqa: C901 - a list of checks
    it: Catalogue, channels: frozenset[str], purposes: list[str]
) -> Iterator[Violation]:
    for index, rule in enumerate(it.bases):
        at = f"catalogue.bases[{index}]"
        yield from _unknown(f"{at}.channels", rule.channels, channels, "channel")
        yield from _branches(f"{at}.purposes", rule.purposes, purposes)
        if rule.guardian_below_age > MAX_GUARDIAN_AGE:
            yield Violation(f"{at}.guardian_below_age", f"must be at most {MAX_GUARDIAN_AGE} years")
        if rule.basis in {Basis.NONE, Basis.CLASS, Basis.CONFIRMATION_REQUEST}:
            allowed = "must be a ground that needs a rule: not unspecified, not class, not a confirmation request"
            yield Violation(f"{at}.basis", allowed)
        if rule.purpose_class not in {PurposeClass.MARKETING, PurposeClass.PROCESSING}:
            yield Violation(f"{at}.purpose_class", "must be marketing or processing; the other classes need no basis")
    for index, cap in enumerate(it.caps):
        at = f"catalogue.caps[{index}]"
        yield from _unknown(f"{at}.channels", cap.channels, channels, "channel")
        yield from _branches(f"{at}.purposes", cap.purposes, purposes)
        if cap.limit < 1:
            yield Violation(f"{at}.limit", "must be at least 1; leave the basis out to forbid")
        if not 1 <= cap.days <= CONTACT_MEMORY_DAYS:
            yield Violation(f"{at}.days", f"must be 1 to {CONTACT_MEMORY_DAYS}: contact instants are kept no longer")
    for index, hours in enumerate(it.hours):
        yield from _hours_faults(f"catalogue.hours[{index}]", hours, channels)
    for index, cool_down in enumerate(it.cool_downs):
        at = f"catalogue.cool_downs[{index}]"
        if not cool_down.channels:
            yield Violation(f"{at}.channels", "needs at least one channel")
        yield from _unknown(f"{at}.channels", cool_down.channels, channels, "channel")
        if not 1 <= cool_down.days <= CONTACT_MEMORY_DAYS:
            yield Violation(f"{at}.days", f"must be 1 to {CONTACT_MEMORY_DAYS}")


def _hours_faults(at: str, hours: Hours, channels: frozenset[str]) -> Iterator[Violation]:
    if not hours.channels:
        yield Violation(f"{at}.channels", "needs at least one channel")
    yield from _unknown(f"{at}.channels", hours.channels, channels, "channel")
    if not hours.windows:
        yield Violation(f"{at}.windows", "needs at least one window")
    if hours.closed_on_public_holidays and not hours.lawful:
        yield Violation(f"{at}.closed_on_public_holidays", "holds for lawful hours only")
    for number, window in enumerate(hours.windows):
        where = f"{at}.windows[{number}]"
        good = _TIME.match(window.from_) and _TIME.match(window.until) and window.from_ != "24:00"
        if not good:
            yield Violation(where, "needs `from` and `until` as HH:MM")
        elif window.from_ == window.until or (hours.lawful and window.from_ > window.until):
            yield Violation(where, "must end after it starts; only quiet hours may pass midnight")
        if any(not 1 <= day <= 7 for day in window.days):
            yield Violation(f"{where}.days", "must be ISO days, 1 for Monday to 7 for Sunday")


def _history_faults(it: Catalogue, before: Catalogue) -> Iterator[Violation]:
    now = {notice.code: (index, notice) for index, notice in enumerate(it.notices)}
    for old in before.notices:
        if old.code not in now:
            yield Violation("catalogue.notices", f"{old.code} is gone; permissions rest on it, mark it stale instead")
            continue
        index, new = now[old.code]
        if (new.purposes, new.channels, new.texts) != (old.purposes, old.channels, old.texts):
            yield Violation(f"catalogue.notices[{index}]", "changed its words or lists; give the new notice a new code")
    classes = {purpose.code: purpose.purpose_class for purpose in before.purposes}
    for index, purpose in enumerate(it.purposes):
        if classes.get(purpose.code, purpose.purpose_class) is not purpose.purpose_class:
            at = f"catalogue.purposes[{index}].purpose_class"
            yield Violation(at, "changed; a purpose keeps its class, give a new purpose a new code")


def _unknown(field: str, codes: Iterable[str], known: Iterable[str], what: str) -> Iterator[Violation]:
    named = set(known)
    for index, code in enumerate(codes):
        if code not in named:
            where = field if field.endswith((".level", ".notice")) else f"{field}[{index}]"
            yield Violation(where, f"names a {what} that the catalogue does not list")


def _branches(field: str, branches: tuple[str, ...], purposes: list[str]) -> Iterator[Violation]:
    for index, branch in enumerate(branches):
        if not _BRANCH.match(branch) or not any(covers(branch, purpose) for purpose in purposes):
            yield Violation(f"{field}[{index}]", "names a branch that holds no purpose of the catalogue")
