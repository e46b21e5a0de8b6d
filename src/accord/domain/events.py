"""What happened, as the ledger keeps it for years. Events tell; they are never changed.

An event holds everything `fold` needs, so that folding the ledger again gives the same state. The
names and fields are frozen: golden bytes guard them. Fields that hold their default are left out.
"""

from msgspec import Struct

from accord.domain.catalogue import Catalogue
from accord.domain.terms import (
    ActivityKind,
    Basis,
    CustomerKind,
    Declarant,
    ErasureMode,
    ErasureReason,
    Identifier,
    IdentifierKind,
    Instant,
    ListKind,
    Method,
    Outcome,
    OverlayKind,
    PointFact,
    Position,
    Recorder,
    Redaction,
    RefusalKind,
    RestrictionGround,
)


class Artefact(Struct, frozen=True):
    """A digest of something kept elsewhere that shows the act; `sha256` in hexadecimal."""

    sha256: str
    media_type: str


class Evidence(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How we know: where, on which text, expressed how, by whom, written down by whom, when."""

    touchpoint: str
    method: Method
    declarant: Declarant
    recorder: Recorder
    act_time: Instant
    notice: str = ""
    language: str = ""
    recorder_id: str = ""
    artefacts: tuple[Artefact, ...] = ()


class Link(Struct, frozen=True):
    """An identifier that this entry gave to the customer, and its number among theirs, from 1."""

    kind: IdentifierKind
    value: str
    number: int

    @property
    def identifier(self) -> Identifier:
        """The identifier without its number."""
        return Identifier(self.kind, self.value)


class _Event(Struct, frozen=True, omit_defaults=True, kw_only=True, tag=True, tag_field="type"):
    links: tuple[Link, ...] = ()


class PermissionGranted(_Event, frozen=True, kw_only=True):
    """A customer gave what a touchpoint asked for. `confirm_until` set: it waits for its confirmation.

    `link_only`: nothing but a click on the link sent to its address confirms it.
    Among `channels` the empty one stands for purposes of class processing, which have none.
    """

    evidence: Evidence
    level: str
    purposes: tuple[str, ...]
    channels: tuple[str, ...] = ()
    point: int = 0
    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    valid_from: Instant
    valid_until: Instant = Instant(0)
    uses: int = 0
    confirm_until: Instant = Instant(0)
    link_only: bool = False


class PermissionConfirmed(_Event, frozen=True, kw_only=True):
    """A customer confirmed a pending permission, by its position.

    `token_sha256` set, in hexadecimal: by a click on the link sent to the address `point`, which held
    the secret of this digest.
    """

    evidence: Evidence
    permission: Position
    point: int = 0
    token_sha256: str = ""


class PermissionRefused(_Event, frozen=True, kw_only=True):
    """A customer said no: refused when asked, withdrew, or objected.

    `point` set: it reaches that address only. `via` set: it came by that address, and binds whoever
    holds it as well, so that the no of an unknown person is not lost once they are recognised.
    """

    kind: RefusalKind
    evidence: Evidence
    purpose: str = ""
    channel: str = ""
    point: int = 0
    via: int = 0
    topic: str = ""
    place: str = ""
    recipient: str = ""


class IdentifierLinked(_Event, frozen=True, kw_only=True):
    """An identifier was given to a customer; it stands in `links`."""


class IdentifierUnlinked(_Event, frozen=True, kw_only=True):
    """An address was taken off a customer, by its number among theirs."""

    number: int


class FactsRecorded(_Event, frozen=True, kw_only=True):
    """Facts that rules look at; a field left out keeps what was known."""

    country: str | None = None
    region: str | None = None
    time_zone: str | None = None
    language: str | None = None
    kind: CustomerKind | None = None
    birth_year: int | None = None
    guardian_known: bool | None = None
    deceased: bool | None = None
    contract_current: bool | None = None
    preferred_channel: str | None = None
    paused_until: Instant | None = None
    membership_current: bool | None = None


class ActivityReported(_Event, frozen=True, kw_only=True):
    """A customer did something; never a permission."""

    kind: ActivityKind
    act_time: Instant
    place: str = ""
    objection_offered: bool = False


class ContactPointReported(_Event, frozen=True, kw_only=True):
    """A fact of an address, by its number among the customer's."""

    number: int
    fact: PointFact
    act_time: Instant
    evidence: Evidence | None = None
    """How we know, of a reply."""


class ContactAuthorized(_Event, frozen=True, kw_only=True):
    """A contact was allowed and took its use and its places under the caps.

    `confirms` set: it asks to confirm the pending permission at that position, by the link whose secret
    has the digest `token_sha256`, in hexadecimal. The secret itself was told to the mailer alone.
    """

    contact_id: str
    channel: str
    purpose: str
    point: int = 0
    topic: str = ""
    place: str = ""
    recipient: str = ""
    basis: Basis
    permission: Position | None = None
    positions: tuple[Position, ...] = ()
    policy_version: int
    confirms: Position | None = None
    token_sha256: str = ""


class ContactReported(_Event, frozen=True, kw_only=True):
    """What became of a contact."""

    contact_id: str
    outcome: Outcome
    outcome_time: Instant


class Justification(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Why an officer acted: in a few words, which officer, what shows it."""

    reason: str
    officer_id: str = ""
    artefacts: tuple[Artefact, ...] = ()


class OverlayAdded(_Event, frozen=True, kw_only=True):
    """A household, employer or account said no, or a contract pauses contacts `until` an instant; 0 without end."""

    kind: OverlayKind
    until: Instant = Instant(0)
    justification: Justification


class OverlayLifted(_Event, frozen=True, kw_only=True):
    """An overlay ended, named by the position of the entry that added it."""

    overlay: Position
    justification: Justification


class CustomerRestricted(_Event, frozen=True, kw_only=True):
    """Processing was restricted (GDPR art. 18(1))."""

    ground: RestrictionGround
    justification: Justification


class RestrictionLifted(_Event, frozen=True, kw_only=True):
    """The restriction ended; the customer was informed before (GDPR art. 18(3))."""

    informed_time: Instant
    justification: Justification


class CarriedRefusal(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A refusal of another member of the group, made while both were merged. Digests for topic and third party."""

    position: Position
    kind: RefusalKind
    act_time: Instant
    recorded_time: Instant
    purpose: str = ""
    channel: str = ""
    topic: bytes = b""
    place: str = ""
    recipient: bytes = b""
    asked_time: Instant = Instant(0)


class CarriedOverlay(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An overlay of another member of the group, added while both were merged."""

    position: Position
    until: Instant = Instant(0)


class _Carrying(_Event, frozen=True, kw_only=True):
    refusals: tuple[CarriedRefusal, ...] = ()
    overlays: tuple[CarriedOverlay, ...] = ()
    justification: Justification


class CustomerMerged(_Carrying, frozen=True, kw_only=True):
    """A customer is one person with the other members of `group`: 16 random bytes in hexadecimal, never a reference.

    What is carried comes from members of a group they leave by it, if any.
    """

    group: str


class CustomerSplit(_Carrying, frozen=True, kw_only=True):
    """A group lost a member. `group` empty: this customer is in it no longer; else who left was another."""

    group: str = ""


class CatalogueApplied(_Event, frozen=True, kw_only=True):
    """A catalogue counts from now on. The first opens the ledger."""

    version: int
    catalogue: Catalogue


class ContactPointRetold(_Event, frozen=True, kw_only=True):
    """What was known of an address, told once more on somebody who stays, before a holder of it was erased.

    Who stays holds it, or held it once under that number. `state` is the address's as states are
    encoded. Whoever folds the ledger later cannot read the erased holder's entries, and takes it from here.
    """

    number: int
    state: bytes


class ContactPointSuppressed(_Event, frozen=True, kw_only=True):
    """The address a customer was just given belonged to somebody who was erased and is not to be woken up.

    It binds like an objection said at `erased_time`, so a later act of a declarant lifts it and an import never does.
    """

    number: int
    erased_time: Instant


class SuppressionsImported(_Event, frozen=True, kw_only=True):
    """The brand began to import a list of addresses that are not to be contacted, by its code in `list`.

    `sha256`, in hexadecimal, and `lines` are those of the file; `listed_time` is the date of the list, and
    `complete` says that it holds every address of it on that day. No purposes are all. Names no address.
    """

    list: str
    kind: ListKind
    listed_time: Instant
    sha256: str
    lines: int
    complete: bool = False
    purposes: tuple[str, ...] = ()


class SuppressionsEnded(_Event, frozen=True, kw_only=True):
    """The import that the entry at a position began came to its end; so many addresses stand on its list now."""

    imported: Position
    listed: int


class ContactPointListed(_Event, frozen=True, kw_only=True):
    """An address of the customer stands on a list: as it was imported, or when the address was given to them.

    The import is the brand's entry at `imported`; `recorded_time` is when it told of this address.
    """

    number: int
    list: str
    kind: ListKind
    listed_time: Instant
    recorded_time: Instant
    imported: Position
    purposes: tuple[str, ...] = ()


class ContactPointUnlisted(_Event, frozen=True, kw_only=True):
    """An address of the customer stands on a registry no longer, by the complete list whose entry is `imported`."""

    number: int
    list: str
    imported: Position


class ErasureRequested(_Event, frozen=True, kw_only=True):
    """The customer is to be erased at `not_before`, and is restricted until then (GDPR art. 18(1)(c), art. 17(3))."""

    mode: ErasureMode
    reason: ErasureReason
    not_before: Instant
    evidence: Evidence | None = None


class CustomersErased(_Event, frozen=True, kw_only=True):
    """Customers, by their references in hexadecimal, were erased. An entry of the brand, so it outlives their keys.

    Several are one person whom merges had made one. `suppressed` counts the addresses kept from being woken up.
    """

    customers: tuple[str, ...]
    mode: ErasureMode
    reason: ErasureReason
    request_time: Instant
    suppressed: int = 0
    evidence: Evidence | None = None


class Exported(_Event, frozen=True, kw_only=True):
    """An export of the first `size` entries was begun; `root`, in hexadecimal, is theirs.

    Positions from `first` up to, not including, `end`; empty and zero sides asked for no filter.
    `customer` names the one it was about, by reference.
    """

    size: int
    root: str
    first: Position
    end: Position
    redaction: Redaction
    customer: str = ""
    recorded_from: Instant = Instant(0)
    recorded_until: Instant = Instant(0)
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


class SigningKeyRotated(_Event, frozen=True, kw_only=True):
    """Another key signs for the ledger from here on, by a handover (`accord.proof.handover`).

    `disowned`: the key before was lost or is in wrong hands, and does not vouch for the one after.
    """

    handover: str
    disowned: bool = False


class EntryLost(_Event, frozen=True, kw_only=True):
    """An entry stood here that was lost with the database, before the ledger was recovered as this incarnation."""

    incarnation: int


class LedgerRecovered(_Event, frozen=True, kw_only=True):
    """The ledger goes on as another incarnation, by a handover that names its last checkpoint.

    `lost` entries before this one are `EntryLost`. Until `LossAccepted`, marketing is denied.
    """

    incarnation: int
    handover: str
    lost: int


class LossAccepted(_Event, frozen=True, kw_only=True):
    """An officer accepts that entries are lost; `recovered` is where it was told that they are."""

    recovered: Position
    justification: Justification


Event = (
    PermissionGranted
    | PermissionConfirmed
    | PermissionRefused
    | IdentifierLinked
    | IdentifierUnlinked
    | FactsRecorded
    | ActivityReported
    | ContactPointReported
    | ContactAuthorized
    | ContactReported
    | OverlayAdded
    | OverlayLifted
    | CustomerRestricted
    | RestrictionLifted
    | CustomerMerged
    | CustomerSplit
    | ContactPointRetold
    | ContactPointSuppressed
    | ContactPointListed
    | ContactPointUnlisted
    | SuppressionsImported
    | SuppressionsEnded
    | ErasureRequested
    | CustomersErased
    | CatalogueApplied
    | Exported
    | SigningKeyRotated
    | EntryLost
    | LedgerRecovered
    | LossAccepted
)
