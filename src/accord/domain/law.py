"""What the rule packs say of one purpose on one channel in one place, window by window.

Rules. A narrower rule stands beside the wider ones unless it names what it replaces, and as long as it
counts itself. Limits of every candidate place count together; a ground counts only where each
candidate accepts it. A rule that reaches by the brand too follows the brand to customers elsewhere.
"""

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct

from accord.domain.calendar import OpenHours
from accord.domain.catalogue import Purpose, covers
from accord.domain.hours import Windows, open_hours
from accord.domain.jurisdiction import Place, Places
from accord.domain.lane import (
    Assumed,
    BasisTerm,
    CapTerm,
    CoolDownTerm,
    HoursTerm,
    InactivityTerm,
    Law,
    PresenceTerm,
    Rule,
    SpreadTerm,
)
from accord.domain.rules import (
    AnswerRule,
    CapRule,
    CoolDownRule,
    GroundRule,
    HoursRule,
    InactivityRule,
    InForce,
    LawRule,
    MinorsRule,
    ObligationRule,
    PresenceRule,
    Reach,
    RegistryRule,
    SectorRule,
    SpreadRule,
    VerificationRule,
    in_force,
)
from accord.domain.terms import DAY, FAR, NEVER, SECOND, Basis, CustomerKind, Instant, Obligation, Reason

_Kind = TypeVar("_Kind")


class Subject(Struct, frozen=True):
    """Of what the law is asked: a purpose, a channel, a kind of customer. An unknown kind is a consumer."""

    purpose: Purpose
    channel: str
    kind: CustomerKind
    uncounted: frozenset[str]
    """Purposes whose contacts no legal cap counts."""


class _Dated(Struct, frozen=True):
    rule: LawRule
    counts: InForce


def windows(places: Places, subject: Subject, kept_hours: dict[str, OpenHours]) -> tuple[Law, ...]:
    """Return the law of the subject, one value for each window, ascending; the last has no end.

    `kept_hours` remembers compiled hours by rule, so that each is made once.
    """
    chains = [_dated(place, places.brand, subject) for place in places.candidates]
    edges = {edge for chain in chains for each in chain for edge in (each.counts.begins, each.counts.ends)}
    starts = sorted({NEVER, *edges} - {FAR})
    ends = [*starts[1:], FAR]
    return tuple(
        _law([_counting(chain, start) for chain in chains], subject, places.assumed, end, kept_hours)
        for start, end in zip(starts, ends, strict=True)
    )


def _dated(place: Place, brand: Place, subject: Subject) -> list[_Dated]:
    own = [_Dated(rule, in_force(rule, pack)) for pack in place for rule in pack.rules]
    ids = {each.rule.id for each in own}
    followed = [
        _Dated(rule, in_force(rule, pack))
        for pack in brand
        for rule in pack.rules
        if rule.reach is Reach.BRAND_TOO and rule.id not in ids
    ]
    return [each for each in (*own, *followed) if _binds(each.rule, subject)]


def _binds(rule: LawRule, subject: Subject) -> bool:
    purpose = subject.purpose
    return (
        purpose.purpose_class in rule.classes
        and (not rule.channels or subject.channel in rule.channels)
        and (not rule.purposes or any(covers(branch, purpose.code) for branch in rule.purposes))
        and (not rule.customer_kinds or subject.kind in rule.customer_kinds)
        and (not isinstance(rule, GroundRule | SectorRule) or rule.sector in ("", purpose.sector))
    )


def _counting(chain: list[_Dated], start: Instant) -> list[_Dated]:
    now = [each for each in chain if each.counts.begins <= start < each.counts.ends]
    replaced = {name for each in now for name in each.rule.replaces}
    return [each for each in now if each.rule.id not in replaced]


def _law(
    chains: list[list[_Dated]], subject: Subject, assumed: Assumed | None, until: int, kept_hours: dict[str, OpenHours]
) -> Law:
    dated = list({each.rule.id: each for chain in chains for each in chain}.values())
    rules = [each.rule for each in dated]
    sectors = _of(SectorRule, rules)
    minors = _of(MinorsRule, rules)
    obligations = _of(ObligationRule, rules)
    return Law(
        grounds=_grounds(chains, sectors),
        registries=tuple((_named(rule), frozenset(rule.spares)) for rule in _of(RegistryRule, rules)),
        guardian_below_age=max((rule.below_age for rule in minors), default=0),
        minor_too=any(rule.jointly for rule in minors),
        verification_required=bool(_of(VerificationRule, rules)),
        prohibited_by=_named(sectors[0]) if sectors else None,
        contract_spared=all(rule.unless_contract for rule in sectors),
        lawful_hours=tuple(_hours(rule, kept_hours) for rule in _of(HoursRule, rules)),
        caps=tuple(_cap(rule, subject) for rule in _of(CapRule, rules)),
        cool_downs=tuple(CoolDownTerm(_named(rule), rule.days) for rule in _of(CoolDownRule, rules)),
        obligations=tuple(rule.obligation for rule in obligations if not rule.for_recipients),
        recipient_obligations=tuple(rule.obligation for rule in obligations if rule.for_recipients),
        inactivity=tuple(_inactivity(rule, subject) for rule in _of(InactivityRule, rules)),
        presence=tuple(
            PresenceTerm(_named(rule), rule.minutes * 60 * SECOND, rule.tracking) for rule in _of(PresenceRule, rules)
        ),
        spreads=tuple(
            SpreadTerm(_named(each.rule), frozenset(each.rule.said_on), each.counts.begins)
            for each in dated
            if isinstance(each.rule, SpreadRule)
        ),
        sources=_sources(rules),
        assumed=assumed,
        until=until,
    )


def _of(kind: type[_Kind], rules: Iterable[object]) -> list[_Kind]:
    return [rule for rule in rules if isinstance(rule, kind)]


def _named(rule: LawRule) -> Rule:
    return Rule(rule.id, rule.legal_source)


def _grounds(chains: list[list[_Dated]], sectors: list[SectorRule]) -> tuple[BasisTerm, ...]:
    """Return the grounds that every candidate place accepts; under a sector's ban the current contract alone."""
    first, *others = [_of(GroundRule, (each.rule for each in chain)) for chain in chains]
    found = []
    for rule in first:
        same = [[each for each in other if (each.basis, each.since) == (rule.basis, rule.since)] for other in others]
        if not all(same) or (sectors and rule.basis is not Basis.CURRENT_CONTRACT):
            continue
        carried = [rule, *(each for other in same for each in other)]
        named = tuple(dict.fromkeys(_named(each) for each in carried))
        months = min((each.months for each in carried if each.months), default=0)
        generic = any(each.generic_only for each in carried)
        published = any(each.published_only for each in carried)
        found.append(
            BasisTerm(
                rule=named[0],
                rules=named,
                basis=rule.basis,
                since=rule.since,
                months=months,
                generic_only=generic,
                published_only=published,
            )
        )
    return tuple(found)


def _hours(rule: HoursRule, kept: dict[str, OpenHours]) -> HoursTerm:
    if rule.id not in kept:
        told: Windows = [(window.days, window.from_, window.until) for window in rule.windows]
        kept[rule.id] = open_hours(told, lawful=True, closed_on_public_holidays=rule.closed_on_public_holidays)
    return HoursTerm(_named(rule), kept[rule.id], rule.otherwise)


def _cap(rule: CapRule, subject: Subject) -> CapTerm:
    return CapTerm(
        rule=_named(rule),
        limit=rule.limit,
        days=rule.days,
        span=rule.days * DAY,
        calendar_days=rule.calendar_days,
        counts_attempts=rule.counts_attempts,
        channels=frozenset(rule.channels),
        branches=rule.purposes or ("",),
        uncounted=subject.uncounted,
        known={},
    )


def _inactivity(rule: InactivityRule, subject: Subject) -> InactivityTerm:
    return InactivityTerm(_named(rule), rule.months, covers(rule.asking, subject.purpose.code))


def _sources(rules: list[LawRule]) -> dict[Reason, tuple[Rule, ...]]:
    found: dict[Reason, tuple[Rule, ...]] = {}
    for rule in rules:
        match rule:
            case AnswerRule():
                reasons = [Reason[name] for name in rule.reasons]
            case RegistryRule():
                reasons = [Reason.REGISTRY_LISTED]
            case MinorsRule():
                reasons = [Reason.GUARDIAN_MISSING]
            case ObligationRule(obligation=Obligation.ONE_CLICK_UNSUBSCRIBE):
                reasons = [Reason.ONE_CLICK_MISSING]
            case VerificationRule():
                reasons = [Reason.CONTACT_POINT_UNVERIFIED]
            case _:
                continue
        for reason in reasons:
            found[reason] = (*found.get(reason, ()), _named(rule))
    return found
