"""What a scrub keeps between two slices: how far it is, and what it found; beside the database, never in it."""

from typing import Protocol

import msgspec
from msgspec import Struct

from accord.domain.terms import Instant, Position


class ScrubMark(Struct, frozen=True, kw_only=True):
    """How far the scrub of one ledger is. `faults` name positions and what does not fit, never people.

    While there are faults, `position` is where the slice begins that shows them. `begun_time` is that of this round,
    `ended_time` of the last whole one, 0 before there was any.
    """

    ledger: str
    position: Position = Position(0)
    begun_time: Instant = Instant(0)
    ended_time: Instant = Instant(0)
    faults: tuple[str, ...] = ()


class ScrubMarks(Protocol):
    """Keeps the mark of each ledger where every process that serves it finds it."""

    def read(self, ledger: str) -> ScrubMark | None:
        """Return the mark of a ledger, None where it was never scrubbed."""
        ...

    def put(self, mark: ScrubMark) -> None:
        """Keep a mark in the place of the one before; durable on return."""
        ...

    def damaged(self) -> tuple[ScrubMark, ...]:
        """Return every mark that has faults. Cheap enough to be asked many times a second."""
        ...


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(ScrubMark).decode


def encode_mark(mark: ScrubMark) -> bytes:
    """Return the bytes a mark is kept as."""
    return _encode(mark)


def decode_mark(raw: bytes) -> ScrubMark:
    """Return the mark of kept bytes. Raises ValueError when they are none."""
    return _decode(raw)
