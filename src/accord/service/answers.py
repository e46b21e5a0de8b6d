"""What writing answers: values kept with the request, so that a repeat gets the very same answer."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from accord.domain.admit import Authorization
from accord.domain.commands import Command
from accord.domain.problems import Problem
from accord.domain.terms import BrandId, Instant, Position
from accord.service.errors import CallError


class Receipt(Struct, frozen=True, array_like=True):
    """Where an entry stands and what was hashed."""

    position: Position
    leaf_hash: bytes
    recorded_time: Instant


class OpenContact(Struct, frozen=True, array_like=True):
    """A contact that may still be stopped, by the entry that authorised it; its name is sealed there."""

    position: Position
    channel: str
    purpose: str
    authorized_time: Instant


class Written(Struct, frozen=True, array_like=True):
    """The answer to a command. `status` is that of the permission or contact; `version` of the catalogue.

    `told_at` is the entry that told the same before, where nothing was written and there is no receipt.
    """

    ledger: str
    receipts: tuple[Receipt, ...]
    status: int = 0
    open_contacts: tuple[OpenContact, ...] = ()
    version: int = 0
    told_at: Position | None = None


class Authorized(Struct, frozen=True):
    """The answer to AuthorizeContact; `size` is how much of the ledger was known when it was decided.

    `confirmation_token` is told where the contact asks for a confirmation; it is kept nowhere.
    """

    ledger: str
    size: int
    authorization: Authorization
    receipt: Receipt | None
    confirmation_token: str = ""


Result = Written | Authorized | Problem


class Request(Struct, frozen=True, kw_only=True):
    """A command, who asks it, and the keys that make a repeat safe.

    `key` and `content` are keyed digests, empty for AuthorizeContact, whose contact_id does their
    work. `deadline` is in seconds of the monotonic clock; past it nothing is written.
    """

    command: Command
    caller: str
    key: bytes = b""
    content: bytes = b""
    full: bool = False
    deadline: float | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Written)


def encode_answer(answer: Written) -> bytes:
    """Return the bytes kept with a request."""
    return _encoder.encode(answer)


def decode_answer(raw: bytes) -> Written:
    """Return the answer first given."""
    return _decoder.decode(raw)


Write = Callable[[BrandId, list[Request]], list[Result]]
"""Commits requests and returns their results, in order."""


def written(result: Result) -> Written:
    """Return the answer to a command that authorises no contact. Raises CallError where it was refused."""
    if isinstance(result, Problem):
        raise CallError(result)
    if not isinstance(result, Written):
        raise TypeError("no contact is authorised here")
    return result
