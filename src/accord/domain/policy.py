"""The rules that bind, compiled for decisions: a catalogue version with the edition of the rule packs it names.

The law is not chosen: the customer's facts and the brand's country say which packs count. The
catalogue claims grounds and sets limits; it can be stricter than the packs, never laxer. One that
names no edition, as those before the packs, answers by itself alone, as it always did.
"""

from copy import copy
from functools import cached_property

from msgspec.structs import replace

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
from accord.domain.hours import open_hours
from accord.domain.jurisdiction import Places, places
from accord.domain.lane import NO_LAW, BasisTerm, CapTerm, CoolDownTerm, HoursTerm, Lane, Law, Rule
from accord.domain.law import Subject, windows
from accord.domain.packs import Edition, edition
from accord.domain.state import Facts
from accord.domain.terms import (
    DAY,
    FAR,
    HOUR,
    Basis,
    CustomerKind,
    Instant,
    Obligation,
    Position,
    PurposeClass,
    Reason,
)

ENGINE_VERSION = 1
"""Raised whenever the same state, question, policy and time would give another answer."""

_REMEMBERED = 65_536
"""Ways to lanes kept, by what is known of customers; regions are words of the caller's, so there may be many."""

_LaneKey = tuple[str, str, str, str, str, CustomerKind | None]
"""Purpose, channel, country, region, time zone, kind."""

_NOWHERE = Places((), ())
"""Of a catalogue that names no edition."""

_EXEMPT = (PurposeClass.SERVICE, PurposeClass.LEGAL, PurposeClass.SAFETY)


class Policy:
    """A catalogue version, compiled. Lanes are made when first asked for and kept."""

    def __init__(self, catalogue: Catalogue, version: int, packs: Edition | None = None) -> None:
        """Compile a catalogue that `examine` found without fault, with the packs it names unless others are told."""
        self.catalogue = catalogue
        self.version = version
        self.unreconciled_since = Position(0)
        self.packs = packs or (edition(catalogue.rules_edition) if catalogue.rules_edition else None)
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
        self._lawful_hours: dict[str, OpenHours] = {}
        self._lanes: dict[_LaneKey, tuple[Lane, ...]] = {}
        self._compiled: dict[tuple[str, ...], tuple[Lane, ...]] = {}

    def unreconciled(self, since: Position) -> "Policy":
        """Return the policy as it counts since the entry at `since` told of a loss, until somebody accepts that."""
        found = Policy(self.catalogue, self.version, self.packs)
        found.unreconciled_since = since
        return found

    def carrying(self) -> "Policy":
        """Return the policy as it would count if every channel carried a one-click unsubscription."""
        found = copy(self)
        channels = tuple(replace(each, one_click_missing=False) for each in self.catalogue.channels)
        found.catalogue = replace(self.catalogue, channels=channels)
        found.channels = {channel.code: channel for channel in channels}
        found._lanes, found._compiled = {}, {}  # noqa: SLF001 - of its own kind
        return found

    def lane(self, purpose: str, channel: str, facts: Facts, now: Instant) -> Lane:
        """Return what binds the pair now, for a customer of whom these facts are known.

        Both must be in the catalogue (channel empty for processing).
        """
        key = (purpose, channel, facts.country, facts.region, facts.time_zone, facts.kind)
        lanes = self._lanes.get(key)
        if lanes is None:
            lanes = self._remember(key, facts)
        for lane in lanes:
            if now < lane.until:
                return lane
        return lanes[-1]

    def lanes(self, purpose: str, channel: str, facts: Facts) -> tuple[Lane, ...]:
        """Return what binds the pair in each window of time, ascending; the last has no end."""
        key = (purpose, channel, facts.country, facts.region, facts.time_zone, facts.kind)
        return self._lanes.get(key) or self._remember(key, facts)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every purpose with every channel it can be asked on, in the catalogue's order."""
        return tuple(
            (purpose.code, channel)
            for purpose in self.catalogue.purposes
            for channel in ([""] if purpose.purpose_class is PurposeClass.PROCESSING else self.channels)
        )

    def _remember(self, key: _LaneKey, facts: Facts) -> tuple[Lane, ...]:
        if len(self._lanes) >= _REMEMBERED:
            self._lanes = {}
        lanes = self._lanes[key] = self._lanes_of(key[0], key[1], facts)
        return lanes

    def _lanes_of(self, purpose: str, channel: str, facts: Facts) -> tuple[Lane, ...]:
        """Return the lanes of a place, which many facts share, so that each is compiled and kept once."""
        if self.packs is None:
            found = _NOWHERE
        else:
            found = places(self.packs, facts.country, facts.region, facts.time_zone, self.home_country)
        kind = facts.kind or CustomerKind.CONSUMER
        key = (purpose, channel, kind, *found.names)
        lanes = self._compiled.get(key)
        if lanes is None:
            laws = self._laws(self.purposes[purpose], channel, kind, found)
            lanes = self._compiled[key] = tuple(self._compile(self.purposes[purpose], channel, law) for law in laws)
        return lanes

    def _laws(self, purpose: Purpose, channel: str, kind: CustomerKind, found: Places) -> tuple[Law, ...]:
        if found is _NOWHERE:
            return (NO_LAW,)
        return windows(found, Subject(purpose, channel, kind, self._not_marketing), self._lawful_hours)

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

    def _compile(self, purpose: Purpose, channel: str, law: Law) -> Lane:
        means = self.channels.get(channel)
        kind = purpose.purpose_class
        exempt = kind in _EXEMPT
        marketing = kind is PurposeClass.MARKETING
        obligations = (*(means.obligations if means else ()), *law.obligations) if marketing else ()
        refreshed = law.grounds is None or Obligation.REFRESH_DUE in law.obligations
        return Lane(
            purpose=purpose.code,
            channel=channel,
            purpose_class=kind,
            point_kind=means.contact_point_kind if means else None,
            exempt=exempt,
            floor_only=kind in {PurposeClass.LEGAL, PurposeClass.SAFETY},
            marketing=marketing,
            verification_required=marketing
            and bool((means and means.verification_required) or law.verification_required),
            prohibited_by=law.prohibited_by,
            contract_spared=law.contract_spared,
            bases=() if exempt else self._bases(purpose, channel, law),
            lawful_hours=(*law.lawful_hours, *self._hours(channel, lawful=True)) if marketing else (),
            quiet_hours=self._hours(channel, lawful=False) if marketing else (),
            legal_caps=(*law.caps, *self._caps(purpose, channel, legal=True)) if marketing else (),
            brand_caps=self._caps(purpose, channel, legal=False) if marketing else (),
            cool_downs=(*law.cool_downs, *self._cool_downs(channel)) if marketing else (),
            # Whether a permission is due to be refreshed is its own age's to say.
            obligations=tuple(dict.fromkeys(each for each in obligations if each is not Obligation.REFRESH_DUE)),
            refresh_after=purpose.refresh_after_days * DAY if refreshed else 0,
            recipient_obligations=tuple(each for each in law.recipient_obligations if each not in obligations),
            inactivity=law.inactivity,
            presence=law.presence,
            spreads=law.spreads,
            one_click_missing=_one_click_missing(means, obligations, law),
            sources=law.sources,
            assumed=law.assumed,
            until=law.until,
        )

    def _bases(self, purpose: Purpose, channel: str, law: Law) -> tuple[BasisTerm, ...]:
        claims = [
            rule
            for rule in self.catalogue.bases
            if rule.purpose_class is purpose.purpose_class
            and (not rule.channels or channel in rule.channels)
            and (not rule.purposes or any(covers(branch, purpose.code) for branch in rule.purposes))
        ]
        if law.grounds is None:
            return tuple(_claimed(rule) for rule in claims)
        if not claims:
            # A permission needs no claim: every other ground rests on what only the brand can say of its offers.
            found = [term for term in law.grounds if term.basis is Basis.PERMISSION]
        else:
            found = [_both(rule, term) for rule in claims for term in law.grounds if term.basis is rule.basis]
        return tuple(_bounded(term, law) for term in found)

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


class DatedPolicy(Policy):
    """A catalogue under the law of one instant, whenever it is asked about: what if that law had counted then?"""

    def __init__(self, catalogue: Catalogue, version: int, law_time: Instant, packs: Edition | None = None) -> None:
        """Compile it, under the law in force at `law_time`."""
        super().__init__(catalogue, version, packs)
        self._law_time = law_time

    def lane(self, purpose: str, channel: str, facts: Facts, now: Instant) -> Lane:
        """Return what binds the pair at the instant of the law; no time ends it."""
        del now
        return replace(super().lane(purpose, channel, facts, self._law_time), until=FAR)


def _one_click_missing(means: Channel | None, obligations: tuple[Obligation, ...], law: Law) -> Rule | None:
    if means is None or not means.one_click_missing or Obligation.ONE_CLICK_UNSUBSCRIBE not in obligations:
        return None
    asking = law.sources.get(Reason.ONE_CLICK_MISSING)
    return asking[0] if asking else Rule("catalogue:" + means.code)


def _rule(it: BasisRule | Cap | Hours | CoolDown) -> Rule:
    return Rule("catalogue:" + it.id, it.legal_source)


def _claimed(rule: BasisRule) -> BasisTerm:
    named = _rule(rule)
    return BasisTerm(
        rule=named,
        rules=(named,),
        basis=rule.basis,
        purchase_within=rule.purchase_within_days * DAY,
        registry_binds=rule.registry_binds,
        guardian_below_age=rule.guardian_below_age,
    )


def _both(claim: BasisRule, term: BasisTerm) -> BasisTerm:
    """Return the law's ground with what the catalogue demands besides."""
    return replace(
        _claimed(claim),
        rule=term.rule,
        rules=(*term.rules, _rule(claim)),
        since=term.since,
        months=term.months,
        generic_only=term.generic_only,
        published_only=term.published_only,
    )


def _bounded(term: BasisTerm, law: Law) -> BasisTerm:
    """Return a ground with the law's bounds on grounds: registries, and minors where a permission is given."""
    given = term.basis is Basis.PERMISSION
    return replace(
        term,
        registry_binds=term.registry_binds or any(term.basis not in spared for _, spared in law.registries),
        guardian_below_age=max(term.guardian_below_age, law.guardian_below_age) if given else term.guardian_below_age,
        minor_too=law.minor_too and given,
    )


def _open_hours(hours: Hours) -> OpenHours:
    told = [(window.days, window.from_, window.until) for window in hours.windows]
    return open_hours(told, lawful=hours.lawful, closed_on_public_holidays=hours.closed_on_public_holidays)
