"""What callers ask to be written. Commands ask; `admit` turns each into an event, or says why not.

Values arrive here normalised: identifiers in their normal form, instants in UTC microseconds with
0 for "now" or "none", strings within their limits. What only the catalogue or the state can tell
is judged by `admit`.
"""

from msgspec import Struct

from accord.domain.catalogue import Catalogue
from accord.domain.events import (
    Artefact,
    Evidence,
    Exported,
    FactsRecorded,
    Justification,
    LedgerRecovered,
    SigningKeyRotated,
    SuppressionsEnded,
    SuppressionsImported,
)
from accord.domain.terms import (
    ActivityKind,
    Declarant,
    ErasureMode,
    ErasureReason,
    Identifier,
    Instant,
    ListKind,
    Method,
    Outcome,
    OverlayKind,
    PointFact,
    Position,
    Recorder,
    RefusalKind,
    RestrictionGround,
)


class Declaration(Struct, frozen=True, kw_only=True):
    """Evidence as told by the caller; `act_time` 0 is now, `notice` empty is the touchpoint's."""

    touchpoint: str
    method: Method
    declarant: Declarant
    recorder: Recorder
    notice: str = ""
    language: str = ""
    recorder_id: str = ""
    act_time: Instant = Instant(0)
    artefacts: tuple[Artefact, ...] = ()


class Grant(Struct, frozen=True, kw_only=True):
    """Give what the touchpoint asks for; empty lists choose everything its notice lists."""

    customer: Identifier
    evidence: Declaration
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    contact_point: Identifier | None = None
    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    valid_from: Instant = Instant(0)
    valid_until: Instant = Instant(0)


class Token(Struct, frozen=True):
    """What a confirmation token says: by which contact it went out, and the SHA-256 of its secret.

    `contact_key` is the keyed digest by which the contact is found. The secret itself is forgotten where
    the token is read.
    """

    contact_key: bytes
    sha256: bytes


class Confirm(Struct, frozen=True, kw_only=True):
    """Confirm a pending permission: by the token of its link, or by its customer and its position."""

    evidence: Declaration
    customer: Identifier | None = None
    permission: Position = Position(0)
    token: Token | None = None


class Refuse(Struct, frozen=True, kw_only=True):
    """Say no: refused, withdrawn or objected. Never fails for identity."""

    kind: RefusalKind
    customer: Identifier
    evidence: Declaration
    purpose: str = ""
    channel: str = ""
    contact_point: Identifier | None = None
    topic: str = ""
    place: str = ""
    recipient: str = ""


class Link(Struct, frozen=True, kw_only=True):
    """Give an address to a customer."""

    customer: Identifier
    contact_point: Identifier


class Unlink(Struct, frozen=True, kw_only=True):
    """Take an address off a customer."""

    customer: Identifier
    contact_point: Identifier


class RecordFacts(Struct, frozen=True, kw_only=True):
    """Tell facts; at least one is set."""

    customer: Identifier
    facts: FactsRecorded


class ReportActivity(Struct, frozen=True, kw_only=True):
    """Tell what a customer did."""

    customer: Identifier
    kind: ActivityKind
    act_time: Instant = Instant(0)
    place: str = ""
    objection_offered: bool = False


class ReportContactPoint(Struct, frozen=True, kw_only=True):
    """Tell a fact of an address."""

    contact_point: Identifier
    fact: PointFact
    act_time: Instant = Instant(0)
    evidence: Declaration | None = None


class Merge(Struct, frozen=True, kw_only=True):
    """Join customers who are one person."""

    customers: tuple[Identifier, ...]
    justification: Justification


class Split(Struct, frozen=True, kw_only=True):
    """Take a customer out of their group."""

    customer: Identifier
    justification: Justification


class AddOverlay(Struct, frozen=True, kw_only=True):
    """Add the no of a household, employer or account, or a pause by contract, to each customer."""

    customers: tuple[Identifier, ...]
    kind: OverlayKind
    until: Instant = Instant(0)
    justification: Justification


class LiftOverlay(Struct, frozen=True, kw_only=True):
    """Lift the overlay that the entry at a position added."""

    customer: Identifier
    overlay: Position
    justification: Justification


class Restrict(Struct, frozen=True, kw_only=True):
    """Restrict processing."""

    customer: Identifier
    ground: RestrictionGround
    justification: Justification


class LiftRestriction(Struct, frozen=True, kw_only=True):
    """Lift the restriction, of which the customer was told before."""

    customer: Identifier
    informed_time: Instant
    justification: Justification


class Question(Struct, frozen=True, gc=False, kw_only=True):
    """May I contact this customer, on this channel, for this purpose?"""

    customer: Identifier
    purpose: str
    channel: str = ""
    topic: str = ""
    place: str = ""
    recipient: str = ""
    contact_point: Identifier | None = None


class AuthorizeContact(Struct, frozen=True, kw_only=True):
    """Check and count one intended message."""

    contact_id: str
    question: Question
    confirms: Position | None = None
    """The pending permission whose confirmation the contact asks for; None for any other contact."""

    @property
    def customer(self) -> Identifier:
        """Whom."""
        return self.question.customer


class ReportContact(Struct, frozen=True, kw_only=True):
    """Tell what became of a contact."""

    contact_id: str
    outcome: Outcome
    outcome_time: Instant = Instant(0)


class ApplyCatalogue(Struct, frozen=True, kw_only=True):
    """Make a catalogue the one that counts; `expected_version` 0 is "whichever counts now"."""

    catalogue: Catalogue
    expected_version: int = 0


class HoldErasure(Struct, frozen=True, kw_only=True):
    """Restrict customers, by reference, until they are erased at `not_before`."""

    customers: tuple[bytes, ...]
    mode: ErasureMode
    reason: ErasureReason
    not_before: Instant
    evidence: Evidence | None = None


class Teller(Struct, frozen=True):
    """Somebody who told of an address they no longer hold: by reference, and the number it had among theirs."""

    customer: bytes
    number: int


class Erase(Struct, frozen=True, kw_only=True):
    """Make tombstones of customers, by reference, whose keys are fenced.

    `versions` are how many entries each had when their history was read, and `addresses` every one
    that any of them ever held: if another entry came since, nothing is done. `tellers` are others who
    told of one of them, for those that nobody may hold any more. `contacts` has, by contact_id, the positions
    of their own entries about each contact: one may be told to others too, with whom they were merged.
    """

    customers: tuple[bytes, ...]
    versions: tuple[int, ...]
    addresses: tuple[Identifier, ...]
    mode: ErasureMode
    reason: ErasureReason
    request_time: Instant
    keep_suppression: bool = False
    evidence: Evidence | None = None
    tellers: dict[Identifier, Teller] = {}
    contacts: dict[str, tuple[Position, ...]] = {}


class Import(Struct, frozen=True, kw_only=True):
    """Tell what a customer said elsewhere, recorded by an import: a permission only where it fills a gap."""

    record: Grant | Refuse


class BeginList(Struct, frozen=True, kw_only=True):
    """Note that a list of addresses not to be contacted is imported, before any of it is."""

    begun: SuppressionsImported


class ListAddress(Struct, frozen=True, kw_only=True):
    """Bind an address by a list, whoever holds it now or is given it later. `imported` is the entry of the import."""

    contact_point: Identifier
    begun: SuppressionsImported
    imported: Position


class UnlistAddress(Struct, frozen=True, kw_only=True):
    """Take an address off a list, known by its digests alone, unless the list named it again since `listed_time`."""

    digest: bytes
    lookup: bytes
    kind: ListKind
    list: str
    listed_time: Instant
    imported: Position


class EndList(Struct, frozen=True, kw_only=True):
    """Note that an import came to its end."""

    ended: SuppressionsEnded


class RecordExport(Struct, frozen=True, kw_only=True):
    """Note that an export was begun, before anything of it is handed out."""

    exported: Exported


class RecordHandover(Struct, frozen=True, kw_only=True):
    """Tell in the ledger that it was handed over to another key, or recovered."""

    told: SigningKeyRotated | LedgerRecovered


class MarkLost(Struct, frozen=True, kw_only=True):
    """Tell of so many positions that what stood there is lost."""

    count: int
    incarnation: int


class AcceptLoss(Struct, frozen=True, kw_only=True):
    """Accept, as an officer, that entries are lost."""

    justification: Justification


Command = (
    Grant
    | Confirm
    | Refuse
    | Link
    | Unlink
    | RecordFacts
    | ReportActivity
    | ReportContactPoint
    | AuthorizeContact
    | ReportContact
    | Merge
    | Split
    | AddOverlay
    | LiftOverlay
    | Restrict
    | LiftRestriction
    | ApplyCatalogue
    | Import
    | BeginList
    | ListAddress
    | UnlistAddress
    | EndList
    | HoldErasure
    | Erase
    | RecordExport
    | RecordHandover
    | MarkLost
    | AcceptLoss
)
