"""Opaque tokens: "at least as fresh as this", and "the page after this one".

A freshness token names a ledger and how many of its entries were known. A page token names where
the next page starts and carries a keyed digest that binds it to the request it continues, so that
it fits nowhere else.
"""

import base64
import binascii
from functools import lru_cache

from accord.domain.problems import ErrorReason, Problem, Violation
from accord.ledger.lookup import Lookups
from accord.ledger.store import Head
from accord.proof.handover import incarnation_of, ledger_of
from accord.service.errors import CallError

_MAC_BYTES = 8


@lru_cache(maxsize=1024)
def freshness(origin: str, size: int) -> str:
    """Return the token of a state that knows the first `size` entries."""
    return base64.urlsafe_b64encode(size.to_bytes(8, "big") + origin.encode()).decode().rstrip("=")


def require_fresh(token: str, head: Head) -> None:
    """Raise CallError unless the state at this head is at least as fresh as the token."""
    if token:
        size_known(token, head, "at_least_as_fresh")


def size_known(token: str, head: Head, field: str) -> int:
    """Return how many entries the state knew that a token is of. Raises CallError where this head knows no such."""
    raw = _decoded(token)
    if raw is None or len(raw) < 9:
        raise _not_fresh(ErrorReason.INVALID_ARGUMENT, field, "must be a token of an earlier answer")
    size, origin = int.from_bytes(raw[:8], "big"), raw[8:].decode("utf-8", "replace")
    if origin == head.origin and size <= head.size:
        return size
    if ledger_of(origin) == head.ledger and incarnation_of(origin) < head.incarnation:
        # What was kept may be another history than the one the token is of: nobody can tell.
        description = "is of before the ledger was recovered: what it names may be lost"
        raise _not_fresh(ErrorReason.STATE_LOST, field, description)
    description = "names another ledger or a state not known here yet"
    raise _not_fresh(ErrorReason.FRESHNESS_UNAVAILABLE, field, description)


def page(lookups: Lookups, binding: str, start: int) -> str:
    """Return the token of the page that starts at `start`, for the request that `binding` describes."""
    place = start.to_bytes(8, "big")
    mac = lookups.content(b"page\0" + binding.encode() + b"\0" + place)[:_MAC_BYTES]
    return base64.urlsafe_b64encode(place + mac).decode().rstrip("=")


def page_start(lookups: Lookups, binding: str, token: str, first: int) -> int:
    """Return where the page starts, `first` without a token. Raises CallError for a token given elsewhere."""
    if not token:
        return first
    raw = _decoded(token)
    if raw is not None and len(raw) == 8 + _MAC_BYTES:
        start = int.from_bytes(raw[:8], "big")
        if page(lookups, binding, start) == token:
            return start
    fault = Violation("page_token", "must come from the answer before, for the same request")
    problem = Problem(ErrorReason.PAGE_TOKEN_INVALID, "the page token does not fit", (fault,), {"field": "page_token"})
    raise CallError(problem)


def _decoded(token: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None


def _not_fresh(reason: ErrorReason, field: str, description: str) -> CallError:
    return CallError(Problem(reason, "not fresh enough", (Violation(field, description),), {"field": field}))
