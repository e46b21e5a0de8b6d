"""What is true of a customer and of an address, small enough to read on every check.

Keeps, per cell, the newest permission and refusal and the live limited permissions, contact
instants for 400 days, and facts. Holds catalogue codes, digests, instants and positions only: no
identifier and no text, so it can be read without a key. `fold` is its only writer.

Encoded with MessagePack, fields by order: append fields, never move them.
"""

import struct
from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from accord.domain.scope import Granted, Refused
from accord.domain.terms import (
    NEVER,
    ActivityKind,
    ContactStatus,
    CustomerKind,
    Instant,
    ListKind,
    Position,
    RefusalKind,
)


class PermissionMark(Struct, frozen=True, array_like=True, gc=False):
    """A permission. `recorded_time` is that of its confirmation once confirmed.

    `lifts` is false for an import. `pending_until` is 0 unless it still waits for its confirmation.
    `taken` counts contacts that hold or have taken a use; `valid_until` 0 is "no end".
    """

    position: Position
    act_time: Instant
    recorded_time: Instant
    granted: Granted
    touchpoint: str
    level: str
    notice: str
    valid_from: Instant
    valid_until: Instant = Instant(0)
    uses: int = 0
    taken: int = 0
    pending_until: Instant = Instant(0)
    lifts: bool = True
    guardian: bool = False


class RefusalMark(Struct, frozen=True, array_like=True, gc=False):
    """A refusal; both clocks are the latest of all refusals with this very scope.

    `stops`: it names an address and no purpose (STOP), so it binds service messages to it too.
    `asked_time` is the latest act of kind REFUSED among them, 0 for none: a silence counts from it.
    """

    position: Position
    kind: RefusalKind
    refused: Refused
    act_time: Instant
    recorded_time: Instant
    stops: bool = False
    asked_time: Instant = Instant(0)


class Overlay(Struct, frozen=True, array_like=True, gc=False):
    """A household, employer or account that says no; `until` set: a contractual pause until then."""

    position: Position
    until: Instant = Instant(0)


class Facts(Struct, frozen=True, array_like=True, gc=False):
    """What rules look at; empty or zero is "unknown", and unknown takes the most protective answer."""

    country: str = ""
    region: str = ""
    time_zone: str = ""
    language: str = ""
    kind: CustomerKind | None = None
    birth_year: int = 0
    guardian_known: bool = False
    deceased: bool = False
    contract_current: bool = False
    preferred_channel: str = ""
    paused_until: Instant = Instant(0)
    position: Position = Position(0)
    """The newest entry that told a fact."""
    contract_position: Position = Position(0)
    """The newest entry that told whether a contract runs."""
    membership_current: bool = False
    membership_position: Position = Position(0)
    """The newest entry that told whether a membership runs."""


class ActMark(Struct, frozen=True, array_like=True, gc=False):
    """The newest act of one kind, and the entry that told it."""

    kind: ActivityKind
    time: Instant
    position: Position


class Activity(Struct, frozen=True, array_like=True, gc=False):
    """The newest of each kind of act. `sale_*` is the newest purchase at which the objection was offered."""

    purchase_time: Instant = Instant(0)
    sale_time: Instant = Instant(0)
    sale_position: Position = Position(0)
    click_time: Instant = Instant(0)
    enquiry_time: Instant = Instant(0)
    presence_time: Instant = Instant(0)
    presence_place: str = ""
    engagement_time: Instant = Instant(0)
    purchase_position: Position = Position(0)
    acts: tuple[ActMark, ...] = ()
    """The newest of each kind that has no fields above, by kind."""


class ConfirmationMark(Struct, frozen=True, array_like=True, gc=False):
    """What the confirmation of a permission rests on, by the permission's position.

    `link_only`: nothing but the link confirms it. `token_sha256` is the digest of the one secret that
    counts, `contact` the key of the contact that carried it; empty before the link is sent. `clicked` is
    the entry that told of the click, in time or late; 0 before it.
    """

    permission: Position
    link_only: bool = False
    token_sha256: bytes = b""
    contact: bytes = b""
    clicked: Position = Position(0)


class CustomerState(Struct, frozen=True, array_like=True, gc=False):
    """What is true of one customer. `identifiers` counts numbers ever given to theirs.

    `codes` names purposes and channels for `contacts` and `served`, which pack contact marks, oldest
    first: `served` those lawful by the class of their purpose, which no cap counts.
    """

    identifiers: int = 0
    permissions: tuple[PermissionMark, ...] = ()
    refusals: tuple[RefusalMark, ...] = ()
    facts: Facts = Facts()
    activity: Activity = Activity()
    codes: tuple[str, ...] = ()
    contacts: bytes = b""
    overlays: tuple[Overlay, ...] = ()
    erased: bool = False
    restricted: bool = False
    authority_order: bool = False
    served: bytes = b""
    confirmations: tuple[ConfirmationMark, ...] = ()
    erasing: bool = False
    """An erasure waits: the restriction stays until it is done, whoever lifts another."""


class Listing(Struct, frozen=True, array_like=True, gc=False):
    """That an address stands on a list, by the code of the list; its times are the latest told.

    `listed_time` is the date of the list, `recorded_time` when it was imported. No purposes are all.
    """

    list: str
    kind: ListKind
    listed_time: Instant
    recorded_time: Instant
    position: Position
    purposes: tuple[str, ...] = ()


class PointState(Struct, frozen=True, array_like=True, gc=False):
    """What is true of one address, whoever holds it: positions of facts, 0 for none.

    Refusals that name the address live here, so that they bind every holder, later ones too. So do the
    confirmations it was asked for, by the key of the contact: whoever asks, one mailbox gets them all.
    `reassigned` stays when it is verified anew: what was given before `reassigned_time`, the latest told,
    is another person's.
    """

    bounced: Position = Position(0)
    complained: Position = Position(0)
    reassigned: Position = Position(0)
    invalid: Position = Position(0)
    verified: Position = Position(0)
    listed: Position = Position(0)
    refusals: tuple[RefusalMark, ...] = ()
    requests: tuple[tuple[bytes, Instant], ...] = ()
    reassigned_time: Instant = Instant(0)
    listings: tuple[Listing, ...] = ()
    """What imported lists say; `listed` is what was told of no list by name."""
    generic: Position = Position(0)
    """It names a function of an organisation, not a person."""
    published: Position = Position(0)
    """Its holder published it in a business capacity, and does not turn unasked messages away there."""
    unsettled: Position = Position(0)
    """A reply came from it that may be a no, and nobody has settled yet what it means."""
    unsettled_time: Instant = Instant(0)
    """When the newest such reply came: what was settled before does not settle it."""


POINT_FACTS = (
    "bounced", "complained", "reassigned", "invalid", "verified", "listed", "generic", "published", "unsettled",
)  # fmt: skip
"""What is known of an address, each as the position of the entry that told it."""


def told_at(point: PointState) -> set[Position]:
    """Return the positions of the entries that what is known of an address rests on."""
    facts = (getattr(point, name) for name in POINT_FACTS)
    refusals, listings = (mark.position for mark in point.refusals), (each.position for each in point.listings)
    return {position for position in (*facts, *refusals, *listings) if position}


def own_list_of(mark: RefusalMark, point: PointState) -> Listing | None:
    """Return the brand's own list that is behind a suppression of an address; None: none is, or it is no suppression.

    The list is told anew on each holder, so it may stand at another position than what it did first.
    """
    if mark.kind is not RefusalKind.SUPPRESSED:
        return None
    own = (each for each in point.listings if each.kind is ListKind.OWN)
    clocks = (mark.act_time, mark.recorded_time)
    return next(
        (it for it in own if it.position == mark.position or (it.listed_time, it.recorded_time) == clocks), None
    )


def lifts(mark: PermissionMark, refusal: RefusalMark) -> bool:
    """Say whether a permission is later than a refusal by both clocks, and of those that lift one."""
    return mark.lifts and mark.act_time > refusal.act_time and mark.recorded_time > refusal.recorded_time


class ContactMark(Struct, frozen=True, gc=False):
    """One contact, unpacked. `key` is the digest of its contact_id; `served`: lawful by its class, no cap counts it.

    `asked` tells its topic, place and third party from another's.
    """

    key: bytes
    time: Instant
    position: Position
    permission: Position | None
    purpose: str
    channel: str
    point: int
    status: ContactStatus
    served: bool = False
    asked: bytes = bytes(4)


ContactRecord = tuple[bytes, int, int, int, int, int, int, int, bytes]
"""key, time, position, permission or -1, purpose, channel, point, status, asked."""

NO_STATE = CustomerState()
NO_POINT = PointState()
TOMBSTONE = CustomerState(erased=True)
"""All that is left of the state of somebody who was erased."""

_RECORD = struct.Struct("<8sQQqHHHB4s")
"""A ContactRecord in 43 bytes; the time stands in bytes 8 to 16."""

RECORD_BYTES = _RECORD.size

_time_from: Callable[[bytes, int], tuple[int]] = struct.Struct("<Q").unpack_from

_encoder = msgspec.msgpack.Encoder()


def encode(state: CustomerState | PointState) -> bytes:
    """Return the bytes of a state; the same state gives the same bytes."""
    return _encoder.encode(state)


decode_customer: Callable[[bytes], CustomerState] = msgspec.msgpack.Decoder(CustomerState).decode
"""Return the state of a customer from its bytes."""

decode_point: Callable[[bytes], PointState] = msgspec.msgpack.Decoder(PointState).decode
"""Return the state of an address from its bytes."""


def customer_anew(raw: bytes) -> bytes:
    """Return the bytes of a customer's state as they are written now; what is no state stays as it is."""
    return _anew(raw, decode_customer)


def point_anew(raw: bytes) -> bytes:
    """Return the bytes of an address's state as they are written now; what is no state stays as it is."""
    return _anew(raw, decode_point)


def _anew(raw: bytes, decode: Callable[[bytes], CustomerState | PointState]) -> bytes:
    try:
        return encode(decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw


def contacts_newest_first(state: CustomerState, since: Instant = NEVER) -> list[ContactMark]:
    """Return every contact authorised at `since` or later, newest first."""
    marks = [
        ContactMark(
            key=key,
            time=Instant(time),
            position=Position(position),
            permission=None if permission < 0 else Position(permission),
            purpose=state.codes[purpose],
            channel=state.codes[channel],
            point=point,
            status=ContactStatus(status),
            served=served,
            asked=asked,
        )
        for raw, served in ((state.contacts, False), (state.served, True))
        for key, time, position, permission, purpose, channel, point, status, asked in _newest_first(raw, since)
    ]
    return sorted(marks, key=lambda mark: mark.position, reverse=True)


def counted_newest_first(state: CustomerState, since: int) -> list[ContactRecord]:
    """Return the contacts that caps may count, as packed: purpose and channel are numbers of `state.codes`."""
    return _newest_first(state.contacts, since)


def time_at(contacts: bytes, at: int) -> int:
    """Return when the packed contact was authorised whose record starts `at` bytes in."""
    return _time_from(contacts, at + 8)[0]


def _newest_first(raw: bytes, since: int) -> list[ContactRecord]:
    records: list[ContactRecord] = list(_RECORD.iter_unpack(raw[_first(raw, since) * RECORD_BYTES :]))
    records.reverse()
    return records


def _first(raw: bytes, since: int) -> int:
    """Return the number of the first record at `since` or later, found by halving."""
    low, high = 0, len(raw) // RECORD_BYTES
    while low < high:
        middle = (low + high) // 2
        if time_at(raw, middle * RECORD_BYTES) < since:
            low = middle + 1
        else:
            high = middle
    return low


def with_contacts(state: CustomerState, newest_first: list[ContactMark]) -> CustomerState:
    """Return the state with these contacts and no others."""
    numbers = {name: number for number, name in enumerate(state.codes)}
    packed: dict[bool, list[bytes]] = {False: [], True: []}
    for mark in reversed(newest_first):
        purpose = numbers.setdefault(mark.purpose, len(numbers))
        channel = numbers.setdefault(mark.channel, len(numbers))
        permission = -1 if mark.permission is None else mark.permission
        where = (permission, purpose, channel, mark.point, mark.status.value, mark.asked)
        packed[mark.served].append(_RECORD.pack(mark.key, mark.time, mark.position, *where))
    return replace(state, codes=tuple(numbers), contacts=b"".join(packed[False]), served=b"".join(packed[True]))
