"""Scope is a set of cells: leaf purpose, channel, contact point or all, topic, place, recipient.

The rule of the whole product stands here: a refusal flows down, it reaches every cell below what
it names and purposes added later; a permission never does, it reaches exactly the cells it lists.
Topics and third parties are kept as short digests (`code`), since the state holds no text.
"""

from hashlib import blake2b

from msgspec import Struct

from accord.domain.catalogue import covers


class Cell(Struct, frozen=True, gc=False):
    """The one cell a question asks about. `points` are the numbers of the addresses that may be used."""

    purpose: str
    channel: str
    points: tuple[int, ...] = ()
    topic: bytes = b""
    place: str = ""
    recipient: bytes = b""


class Granted(Struct, frozen=True, array_like=True, gc=False):
    """The cells of a permission: a product of lists. An empty list of topics or places is no limit.

    An empty list of recipients is a limit: nobody. `point` 0 means every address of the customer. The
    empty channel stands for purposes of class processing, which have none.
    """

    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    point: int = 0
    topics: tuple[bytes, ...] = ()
    places: tuple[str, ...] = ()
    recipients: tuple[bytes, ...] = ()


class Refused(Struct, frozen=True, array_like=True, gc=False):
    """What a refusal reaches; every empty field means all."""

    purpose: str = ""
    channel: str = ""
    topic: bytes = b""
    place: str = ""
    recipient: bytes = b""


class Coded(str):
    """Stands in a question for a topic or third party of which only the digest is known; its text is that, in hex."""

    __slots__ = ()


def code(text: str) -> bytes:
    """Return the 8-byte digest by which the state knows a topic or a third party; empty for empty."""
    if isinstance(text, Coded):
        return bytes.fromhex(text)
    return blake2b(text.encode(), digest_size=8, person=b"accord/v1/scope").digest() if text else b""


def asked_code(topic: str, place: str, recipient: str) -> bytes:
    """Return 4 bytes that tell one contact's topic, place and third party from another's; zeros for none."""
    return code(f"{topic}\0{place}\0{recipient}")[:4] if topic or place or recipient else bytes(4)


def confirms_code(permission: int) -> bytes:
    """Return the same 4 bytes for a contact that asks to confirm the permission at this position."""
    return code(f"confirms\0{permission}")[:4]


def permits(granted: Granted, cell: Cell) -> bool:
    """Say whether the permission lists this very cell; third parties are gate 7's question."""
    return (
        cell.purpose in granted.purposes
        and cell.channel in granted.channels
        # Numbers differ, so every address that may be used is the one named only where it is the only one.
        and (not granted.point or cell.points == (granted.point,))
        and (not granted.topics or cell.topic in granted.topics)
        and (not granted.places or cell.place in granted.places)
    )


def refuses(refused: Refused, cell: Cell) -> bool:
    """Say whether the refusal reaches this cell."""
    return (
        (not refused.channel or refused.channel == cell.channel)
        and covers(refused.purpose, cell.purpose)
        and (not refused.topic or refused.topic == cell.topic)
        and (not refused.place or refused.place == cell.place)
        and (not refused.recipient or refused.recipient == cell.recipient)
    )


def includes(wide: Granted, narrow: Granted) -> bool:
    """Say whether every cell of `narrow` is a cell of `wide`."""
    return wide == narrow or (
        (wide.point in (0, narrow.point))
        and set(narrow.purposes) <= set(wide.purposes)
        and set(narrow.channels) <= set(wide.channels)
        and (not wide.topics or (bool(narrow.topics) and set(narrow.topics) <= set(wide.topics)))
        and (not wide.places or (bool(narrow.places) and set(narrow.places) <= set(wide.places)))
        and set(narrow.recipients) <= set(wide.recipients)
        # Third parties named are a limit too: such a permission says nothing of the brand itself.
        and bool(narrow.recipients) is bool(wide.recipients)
    )


def reaches_all(refused: Refused, granted: Granted) -> bool:
    """Say whether the refusal reaches every cell of the permission."""
    return (
        all(covers(refused.purpose, purpose) for purpose in granted.purposes)
        and (not refused.channel or all(refused.channel == channel for channel in granted.channels))
        and (not refused.topic or granted.topics == (refused.topic,))
        and (not refused.place or granted.places == (refused.place,))
        and (not refused.recipient or granted.recipients == (refused.recipient,))
    )
