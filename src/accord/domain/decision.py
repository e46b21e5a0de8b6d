"""The answer to a question, and what decide needs to know to give it. Values only."""

from msgspec import Struct

from accord.domain.lane import Assumed, Rule
from accord.domain.state import CustomerState, Listing, PointState
from accord.domain.terms import (
    NEVER,
    Basis,
    Identifier,
    IdentifierKind,
    Instant,
    Obligation,
    Position,
    Reason,
    RemedyKind,
    Verdict,
)


class Point(Struct, frozen=True, gc=False):
    """One identifier of a customer: its number among theirs, its kind, and the state of the address."""

    number: int
    kind: IdentifierKind
    state: PointState


class Customer(Struct, frozen=True, gc=False):
    """What was loaded of one customer: their state, every identifier they hold, by number.

    `numbers` maps each identifier that the question or command names, and that this customer holds,
    to its number.
    """

    state: CustomerState
    points: tuple[Point, ...] = ()
    numbers: dict[Identifier, int] = {}


class Finding(Struct, frozen=True, gc=False):
    """What one gate found against a contact. `not_before` is set when it defers."""

    verdict: Verdict
    reason: Reason
    rule: Rule | None = None
    positions: tuple[Position, ...] = ()
    not_before: Instant = Instant(0)


class Step(Struct, frozen=True, gc=False):
    """One line of the trace; `finding` None: the gate lets pass, or was skipped. `assumed`: what it took as given."""

    number: int
    name: str
    skipped: bool
    finding: Finding | None
    assumed: Assumed | None = None


class Remedy(Struct, frozen=True):
    """One change that would help turn a no into an ALLOW.

    `time`: until when to wait, or before when to confirm. `position`: which pending permission to confirm, 0 for
    one just given. `purpose` and `touchpoints`: which permission to give, and where it can be.
    """

    kind: RemedyKind
    time: Instant = NEVER
    position: Position = Position(0)
    purpose: str = ""
    touchpoints: tuple[str, ...] = ()


class Background(Struct, frozen=True):
    """What the words of an answer need besides it. `titles` are the catalogue's, of purposes and touchpoints.

    `limits` says which of topic, place and recipient the question names. `time_zone` is empty where more than one
    may be the customer's; `edition` names the rule packs. `own_list` is the brand's own list where one is behind a
    suppression that the answer tells of.
    """

    purpose: str
    channel: str
    limits: tuple[str, ...]
    time_zone: str
    edition: str
    titles: dict[str, str]
    own_list: Listing | None = None


class Decision(Struct, frozen=True, gc=False):
    """The answer. `permission` is the permission that an ALLOW rests on, and takes a use of.

    `positions` ascend. `valid_until` and `not_before` are 0 for "none". The full view alone has the rest:
    `trace`, `remedies` in the order in which they must happen, none on ALLOW, and `background`.
    """

    verdict: Verdict
    reason: Reason
    time: Instant
    policy_version: int
    basis: Basis = Basis.NONE
    permission: Position | None = None
    positions: tuple[Position, ...] = ()
    rules: tuple[Rule, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    valid_until: Instant = Instant(0)
    not_before: Instant = Instant(0)
    trace: tuple[Step, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    background: Background | None = None
