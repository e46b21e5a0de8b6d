"""The rules that bind, compiled for decisions. Today a catalogue fills it; rule packs will fill it too.

Owns the form a rule has when `decide` meets it, whoever wrote it: every rule has an id and a legal
source, and everything that does not depend on the customer is worked out here, once per catalogue
version. A `Lane` is all that binds one purpose on one channel.
"""

from functools import cached_property

from msgspec import Struct

from accord.domain.calendar import OpenHours
from accord.domain.catalogue import (
    CONFIRMATION_WINDOW_HOURS,
    CONFIRMATIONS_PER_ADDRESS,
    BasisRule,
    Cap,
    Catalogue,
    Channel,
    CoolDown,
    Hours,
    Level,
    Notice,
    Purpose,
    Touchpoint,
    covers,
)
from accord.domain.terms import DAY, HOUR, Basis, IdentifierKind, Obligation, PurposeClass

ENGINE_VERSION = 1
"""Raised whenever the same state, question, policy and time would give another answer."""


class Rule(Struct, frozen=True):
    """The name of a rule in answers, and its source in law; empty where the brand set it for itself."""

    id: str
    legal_source: str = ""


class BasisTerm(Struct, frozen=True):
    """One acceptable ground on a lane."""

    rule: Rule
    basis: Basis
    purchase_within: int = 0
    registry_binds: bool = False
    guardian_below_age: int = 0


class CapTerm(Struct, frozen=True):
    """One limit on a lane; `counts` tells which earlier contacts count, by purpose and channel."""

    rule: Rule
    limit: int
    days: int
    span: int
    """The window in microseconds, for a sliding one."""
    calendar_days: bool
    counts_attempts: bool
    channels: frozenset[str]
    branches: tuple[str, ...]
    uncounted: frozenset[str]
    known: dict[tuple[str, str], bool]
    """What `counts` said before: it depends on nothing else."""

    def counts(self, purpose: str, channel: str) -> bool:
        """Say whether an earlier contact for this purpose on this channel counts."""
        found = self.known.get((purpose, channel))
        if found is None:
            found = self.known[purpose, channel] = (
                (not self.channels or channel in self.channels)
                and purpose not in self.uncounted
                and any(covers(branch, purpose) for branch in self.branches)
            )
        return found


class HoursTerm(Struct, frozen=True):
    """Hours on a lane."""

    rule: Rule
    open_hours: OpenHours


class CoolDownTerm(Struct, frozen=True):
    """A silence after a refusal on a lane."""

    rule: Rule
    days: int


class Lane(Struct, frozen=True):
    """All that binds one purpose on one channel; the channel is empty for purposes of class processing."""

    purpose: str
    channel: str
    purpose_class: PurposeClass
    point_kind: IdentifierKind | None
    exempt: bool
    """Class service, legal or safety: gates 5, 6, 8, 10 and the marketing rules of 9 are skipped."""
    floor_only: bool
    """Class legal or safety: gate 3 is skipped as well."""
    marketing: bool = False
    """Class marketing."""
    verification_required: bool = False
    prohibited_by: Rule | None = None
    """The rule by which a sector may not contact anyone for this."""
    bases: tuple[BasisTerm, ...] = ()
    lawful_hours: tuple[HoursTerm, ...] = ()
    quiet_hours: tuple[HoursTerm, ...] = ()
    legal_caps: tuple[CapTerm, ...] = ()
    brand_caps: tuple[CapTerm, ...] = ()
    cool_downs: tuple[CoolDownTerm, ...] = ()
    obligations: tuple[Obligation, ...] = ()


class Policy:
    """A catalogue version, compiled. Lanes are made when first asked for and kept."""

    def __init__(self, catalogue: Catalogue, version: int) -> None:
        """Compile a catalogue that `examine` found without fault."""
        self.catalogue = catalogue
        self.version = version
        self.channels: dict[str, Channel] = {channel.code: channel for channel in catalogue.channels}
        self.purposes: dict[str, Purpose] = {purpose.code: purpose for purpose in catalogue.purposes}
        self.levels: dict[str, Level] = {level.code: level for level in catalogue.levels}
        self.notices: dict[str, Notice] = {notice.code: notice for notice in catalogue.notices}
        self.touchpoints: dict[str, Touchpoint] = {each.code: each for each in catalogue.touchpoints}
        self.places = frozenset(place.code for place in catalogue.places)
        self.stale_notices = frozenset(notice.code for notice in catalogue.notices if notice.stale)
        self.home_country = catalogue.country
        self.confirmations_per_address = catalogue.confirmations_per_address or CONFIRMATIONS_PER_ADDRESS
        self.confirmation_window = (catalogue.confirmation_window_hours or CONFIRMATION_WINDOW_HOURS) * HOUR
        self._open_hours = {hours.id: _open_hours(hours) for hours in catalogue.hours}
        self._lanes: dict[tuple[str, str], Lane] = {}

    def lane(self, purpose: str, channel: str) -> Lane:
        """Return what binds the pair; both must be in the catalogue (channel empty for processing)."""
        key = (purpose, channel)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._compile(self.purposes[purpose], channel)
        return lane

    def knows_branch(self, branch: str) -> bool:
        """Say whether some purpose of the catalogue lies in the branch."""
        return any(covers(branch, purpose) for purpose in self.purposes)

    @cached_property
    def _outside_caps(self) -> frozenset[str]:
        return frozenset(
            purpose.code
            for purpose in self.catalogue.purposes
            if purpose.outside_brand_caps or purpose.purpose_class is not PurposeClass.MARKETING
        )

    @cached_property
    def _not_marketing(self) -> frozenset[str]:
        marketing = PurposeClass.MARKETING
        return frozenset(each.code for each in self.catalogue.purposes if each.purpose_class is not marketing)

    def _compile(self, purpose: Purpose, channel: str) -> Lane:
        means = self.channels.get(channel)
        kind = purpose.purpose_class
        exempt = kind in {PurposeClass.SERVICE, PurposeClass.LEGAL, PurposeClass.SAFETY}
        marketing = kind is PurposeClass.MARKETING
        return Lane(
            purpose=purpose.code,
            channel=channel,
            purpose_class=kind,
            point_kind=means.contact_point_kind if means else None,
            exempt=exempt,
            floor_only=kind in {PurposeClass.LEGAL, PurposeClass.SAFETY},
            marketing=marketing,
            verification_required=bool(means and means.verification_required and marketing),
            bases=() if exempt else self._bases(purpose, channel),
            lawful_hours=self._hours(channel, lawful=True) if marketing else (),
            quiet_hours=self._hours(channel, lawful=False) if marketing else (),
            legal_caps=self._caps(purpose, channel, legal=True) if marketing else (),
            brand_caps=self._caps(purpose, channel, legal=False) if marketing else (),
            cool_downs=self._cool_downs(channel) if marketing else (),
            obligations=means.obligations if means and marketing else (),
        )

    def _bases(self, purpose: Purpose, channel: str) -> tuple[BasisTerm, ...]:
        return tuple(
            BasisTerm(
                rule=_rule(rule),
                basis=rule.basis,
                purchase_within=rule.purchase_within_days * DAY,
                registry_binds=rule.registry_binds,
                guardian_below_age=rule.guardian_below_age,
            )
            for rule in self.catalogue.bases
            if rule.purpose_class is purpose.purpose_class
            and (not rule.channels or channel in rule.channels)
            and (not rule.purposes or any(covers(branch, purpose.code) for branch in rule.purposes))
        )

    def _caps(self, purpose: Purpose, channel: str, *, legal: bool) -> tuple[CapTerm, ...]:
        if not legal and purpose.outside_brand_caps:
            return ()
        return tuple(
            CapTerm(
                rule=_rule(cap),
                limit=cap.limit,
                days=cap.days,
                span=cap.days * DAY,
                calendar_days=cap.calendar_days,
                counts_attempts=cap.counts_attempts,
                channels=frozenset(cap.channels),
                branches=cap.purposes or ("",),
                uncounted=self._not_marketing if legal else self._outside_caps,
                known={},
            )
            for cap in self.catalogue.caps
            if cap.legal is legal
            and (not cap.channels or channel in cap.channels)
            and (not cap.purposes or any(covers(branch, purpose.code) for branch in cap.purposes))
        )

    def _hours(self, channel: str, *, lawful: bool) -> tuple[HoursTerm, ...]:
        return tuple(
            HoursTerm(_rule(hours), self._open_hours[hours.id])
            for hours in self.catalogue.hours
            if hours.lawful is lawful and channel in hours.channels
        )

    def _cool_downs(self, channel: str) -> tuple[CoolDownTerm, ...]:
        return tuple(
            CoolDownTerm(_rule(each), each.days) for each in self.catalogue.cool_downs if channel in each.channels
        )


def _rule(it: BasisRule | Cap | Hours | CoolDown) -> Rule:
    return Rule("catalogue:" + it.id, it.legal_source)


def _open_hours(hours: Hours) -> OpenHours:
    """Turn lawful or quiet hours into the minutes of each ISO day in which a contact may be made."""
    inside: list[set[int]] = [set() for _ in range(7)]
    for window in hours.windows:
        start, end = _minute(window.from_), _minute(window.until)
        for day in window.days or range(1, 8):
            if start < end:
                inside[day - 1].update(range(start, end))
            else:
                inside[day - 1].update(range(start, 24 * 60))
                inside[day % 7].update(range(end))
    everything = set(range(24 * 60))
    minutes = inside if hours.lawful else [everything - day for day in inside]
    return OpenHours(
        days=tuple(_spans(sorted(day)) for day in minutes),
        closed_on_public_holidays=hours.closed_on_public_holidays,
    )


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _spans(minutes: list[int]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for minute in minutes:
        if spans and spans[-1][1] == minute:
            spans[-1] = (spans[-1][0], minute + 1)
        else:
            spans.append((minute, minute + 1))
    return tuple(spans)
