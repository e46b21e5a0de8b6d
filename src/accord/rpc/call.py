"""Around every method: who calls and in which role, and how what is raised becomes a status.

A decorator, not an interceptor, so that a call pays for one look at its metadata and no more.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Protocol

import grpc

from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import BrandId
from accord.keys.callers import ROLES, Caller, Callers
from accord.ledger.store import StoreUnavailableError
from accord.rpc.errors import abort, incident
from accord.rpc.parsing import MALFORMED, NO_MESSAGE
from accord.rpc.tls import certificate_names
from accord.rpc.wire import brand_of
from accord.service.errors import CallError, store_unavailable

_BEARER = "Bearer "
_WHO_CALLS = "a bearer token that somebody was given is required, or a certificate that somebody is known by"


class Gated(Protocol):
    """A servicer: it knows who may call."""

    callers: Callers


class Call:
    """One call: the caller, the brand it names, and how long there is left."""

    __slots__ = ("brand", "caller", "context")

    def __init__(self, brand: BrandId, caller: Caller, context: grpc.ServicerContext) -> None:
        """Hold what was found."""
        self.brand = brand
        self.caller = caller
        self.context = context

    def deadline(self) -> float | None:
        """Return when the caller stops waiting, in seconds of the monotonic clock; None for never."""
        remaining = self.context.time_remaining()
        return None if remaining is None else time.monotonic() + remaining


def call(*roles: str) -> Callable[[Callable[[Any, Any, Call], Any]], Any]:
    """Make a unary method of `handle(self, request, call)`, open to callers with one of the roles."""
    allowed = frozenset(roles)
    if not allowed <= set(ROLES):
        raise ValueError("a role that nobody can hold")

    def around(handle: Callable[[Any, Any, Call], Any]) -> Any:  # noqa: ANN401 - the generated base class types it
        @wraps(handle)
        def method(self: Gated, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - the same
            if request is MALFORMED:
                return abort(context, NO_MESSAGE)
            try:
                return handle(self, request, admit(self.callers, context, request.brand, allowed))
            except Exception as error:  # noqa: BLE001 - every failure becomes a documented status
                problem = problem_of(error)
            return abort(context, problem)

        return method

    return around


def admit(callers: Callers, context: grpc.ServicerContext, brand: str, allowed: frozenset[str]) -> Call:
    """Return the call when its caller may make it: who holds the token told, else who showed the certificate.

    Raises CallError.
    """
    token = ""
    for key, value in context.invocation_metadata():
        if key == "authorization":
            token = str(value)
    if token.startswith(_BEARER):
        caller = callers.find(token[len(_BEARER) :])
    else:
        # A token that is told counts alone: a wrong one is not mended by a certificate.
        caller = None if token else callers.find_by_certificate(certificate_names(context))
    if caller is None:
        raise CallError(Problem(ErrorReason.UNAUTHENTICATED, _WHO_CALLS))
    named = brand_of(brand)
    if not caller.may(brand, allowed):
        raise CallError(_role_missing(caller, brand, allowed))
    return Call(named, caller, context)


def _role_missing(caller: Caller, brand: str, allowed: frozenset[str]) -> Problem:
    """Say to a caller as whom it called and what that lacks; nothing of other callers or brands."""
    roles = ", ".join(sorted(allowed))
    held = ", ".join(sorted(caller.roles)) if caller.works_for(brand) else ""
    what = f"has of this brand's roles only {held}" if held else "has no role for this brand"
    message = f"the caller {caller.name} {what}, and this needs one of: {roles}"
    return Problem(ErrorReason.ROLE_MISSING, message, (), {"roles": roles, "caller": caller.name, "held": held})


def problem_of(error: Exception) -> Problem:
    """Return what a caller may know of an exception."""
    if isinstance(error, CallError):
        return error.problem
    if isinstance(error, StoreUnavailableError):
        return store_unavailable()
    return incident(error)


def stream(context: grpc.ServicerContext, responses: Iterator[Any]) -> Iterator[Any]:
    """Pass responses on; end with a documented status where the next one cannot be made."""
    while True:
        try:
            response = next(responses)
        except (StopIteration, grpc.RpcError):
            return  # the caller has said all, or has left
        except Exception as error:  # noqa: BLE001 - every failure becomes a documented status
            problem = problem_of(error)
            break
        yield response
    abort(context, problem)


class AtMost:
    """Lets so many streams of a kind run at once; one more is told so instead of being queued."""

    def __init__(self, limit: int, message: str) -> None:
        """Let `limit` run; `message` says to one more what there is too much of."""
        self._problem = Problem(ErrorReason.OVERLOADED, message, (), {"limit": str(limit)})
        self._running = threading.BoundedSemaphore(limit)

    @contextmanager
    def one_more(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Hold a place until left; where none is free, end the call."""
        if not self._running.acquire(blocking=False):
            abort(context, self._problem)
        try:
            yield
        finally:
            self._running.release()
