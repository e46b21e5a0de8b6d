"""All that binds one purpose on one channel in one place, compiled for decisions.

Owns the form a rule has when `decide` meets it, whoever wrote it, catalogue or rule pack: every rule
has an id and a legal source, and everything that does not depend on the customer's own history is
worked out beforehand, once.
"""

from msgspec import Struct

from accord.domain.calendar import OpenHours
from accord.domain.catalogue import covers
from accord.domain.terms import FAR, ActivityKind, Basis, IdentifierKind, Instant, Obligation, PurposeClass, Reason


class Rule(Struct, frozen=True):
    """The name of a rule in answers and its source in law; empty where the brand set it for itself."""

    id: str
    legal_source: str = ""


class Assumed(Struct, frozen=True):
    """Which law was taken for want of facts: the fact that is `missing`, and the jurisdictions that all count."""

    missing: str
    jurisdictions: tuple[str, ...]


class BasisTerm(Struct, frozen=True):
    """One acceptable ground on a lane. `rules` are all that carry it: the law's, and the catalogue's that claims it.

    `months` since the newest act of kind `since`; `purchase_within` in microseconds. 0: no such bound.
    """

    rule: Rule
    rules: tuple[Rule, ...]
    basis: Basis
    purchase_within: int = 0
    registry_binds: bool = False
    guardian_below_age: int = 0
    minor_too: bool = False
    """The minor must give it as well as the guardian."""
    since: ActivityKind | None = None
    months: int = 0
    generic_only: bool = False
    """It holds where every address that may be used names no person."""
    published_only: bool = False
    """It holds where every address that may be used was published in a business capacity."""


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
    """Hours on a lane; who permitted the purpose `otherwise` is not bound by them."""

    rule: Rule
    open_hours: OpenHours
    otherwise: str = ""


class CoolDownTerm(Struct, frozen=True):
    """A silence after a refusal on a lane."""

    rule: Rule
    days: int


class InactivityTerm(Struct, frozen=True):
    """No contact so many months after the customer's last act; `asks`: this purpose may ask once whether to go on."""

    rule: Rule
    months: int
    asks: bool


class PresenceTerm(Struct, frozen=True):
    """Contact only so long after the customer was seen, who permitted the purpose `tracking`."""

    rule: Rule
    span: int
    tracking: str


class SpreadTerm(Struct, frozen=True):
    """A refusal made from `since` on, on one of the channels `said_on`, reaches the lane whatever it named."""

    rule: Rule
    said_on: frozenset[str]
    since: Instant


class Lane(Struct, frozen=True):
    """All that binds one purpose on one channel; the channel is empty for purposes of class processing.

    Counts until the instant `until`, at which another takes its place; FAR for no end.
    """

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
    contract_spared: bool = False
    """It spares the customers whose contract runs."""
    bases: tuple[BasisTerm, ...] = ()
    lawful_hours: tuple[HoursTerm, ...] = ()
    quiet_hours: tuple[HoursTerm, ...] = ()
    legal_caps: tuple[CapTerm, ...] = ()
    brand_caps: tuple[CapTerm, ...] = ()
    cool_downs: tuple[CoolDownTerm, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    recipient_obligations: tuple[Obligation, ...] = ()
    """What a contact for a third party carries besides."""
    inactivity: tuple[InactivityTerm, ...] = ()
    refresh_after: int = 0
    """How long after the act, in microseconds, a permission is to be refreshed; 0 for never."""
    presence: tuple[PresenceTerm, ...] = ()
    spreads: tuple[SpreadTerm, ...] = ()
    one_click_missing: Rule | None = None
    """Who asks for a one-click unsubscription that its messages cannot carry."""
    sources: dict[Reason, tuple[Rule, ...]] = {}
    """The law behind a reason, for those that every decision gives by itself."""
    assumed: Assumed | None = None
    """Which law was taken for want of facts; None when the facts told it."""
    until: int = FAR


class Law(Struct, frozen=True):
    """What rule packs say of one lane in one window of time; without packs, nothing.

    `grounds` is None where no pack speaks: the catalogue alone names the grounds.
    """

    grounds: tuple[BasisTerm, ...] | None = None
    registries: tuple[tuple[Rule, frozenset[Basis]], ...] = ()
    guardian_below_age: int = 0
    minor_too: bool = False
    verification_required: bool = False
    prohibited_by: Rule | None = None
    contract_spared: bool = False
    lawful_hours: tuple[HoursTerm, ...] = ()
    caps: tuple[CapTerm, ...] = ()
    cool_downs: tuple[CoolDownTerm, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    recipient_obligations: tuple[Obligation, ...] = ()
    inactivity: tuple[InactivityTerm, ...] = ()
    presence: tuple[PresenceTerm, ...] = ()
    spreads: tuple[SpreadTerm, ...] = ()
    sources: dict[Reason, tuple[Rule, ...]] = {}
    assumed: Assumed | None = None
    until: int = FAR


NO_LAW = Law()
"""Of a catalogue that names no edition of the rule packs."""
