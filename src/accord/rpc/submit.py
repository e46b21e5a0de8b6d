"""From a write request on the wire to the writer, and back: the part every write shares."""

from collections.abc import Callable
from typing import Any

from accord.domain.commands import Command
from accord.domain.problems import Problem
from accord.ledger.lookup import Lookups
from accord.rpc.call import Call
from accord.rpc.wire import Examiner
from accord.service.answers import Authorized, Request, Result, Written
from accord.service.errors import CallError
from accord.service.writer import MAX_COMMIT, Writer

Reader = Callable[[Any, Examiner], Command]


def request_for(
    lookups: Lookups,
    message: Any,  # noqa: ANN401 - any write
    read: Reader,
    call: Call,
    *,
    apart: str = "",
) -> Request:
    """Return the examined request; its content is digested so that a repeat is told from a reuse. Raises CallError.

    `apart` tells requests of one request_id from each other that do not ask for the same.
    """
    examiner = Examiner()
    examiner.code("request_id", message.request_id, required=True)
    command = read(message, examiner)
    examiner.done()
    content = type(message).__name__.encode() + b"\0" + message.SerializeToString(deterministic=True)
    return Request(
        command=command,
        caller=call.caller.name,
        key=lookups.request(call.brand, call.caller.name, message.request_id + apart),
        content=lookups.content(content),
        deadline=call.deadline(),
    )


class Submitter:
    """Hands requests to the writer and raises what it could not do."""

    def __init__(self, writer: Writer, lookups: Lookups) -> None:
        """Use this writer."""
        self._writer = writer
        self._lookups = lookups

    def one(self, message: Any, read: Reader, call: Call, *, apart: str = "") -> Written:  # noqa: ANN401 - any write
        """Write one request and return its answer. Raises CallError."""
        return _sole(self.many(call, [request_for(self._lookups, message, read, call, apart=apart)]))

    def many(self, call: Call, requests: list[Request]) -> list[Written | Problem]:
        """Write requests in order, in commits of at most MAX_COMMIT, and return their answers or problems."""
        found: list[Written | Problem] = []
        for start in range(0, len(requests), MAX_COMMIT):
            found += _records(self._writer.submit(call.brand, requests[start : start + MAX_COMMIT]))
        return found

    def rehearse(self, call: Call, requests: list[Request]) -> list[Written | Problem]:
        """Return what `many` would, without receipts, and write nothing."""
        return _records(self._writer.rehearse(call.brand, requests)) if requests else []

    def authorize(self, command: Command, call: Call, *, full: bool) -> Authorized:
        """Authorise one contact. Raises CallError."""
        request = Request(command=command, caller=call.caller.name, full=full, deadline=call.deadline())
        (result,) = self._writer.submit(call.brand, [request])
        if isinstance(result, Problem):
            raise CallError(result)
        if not isinstance(result, Authorized):
            raise TypeError("only contacts are authorised")
        return result


def _sole(results: list[Written | Problem]) -> Written:
    (result,) = results
    if isinstance(result, Problem):
        raise CallError(result)
    return result


def _records(results: list[Result]) -> list[Written | Problem]:
    found: list[Written | Problem] = []
    for result in results:
        if isinstance(result, Authorized):
            raise TypeError("a contact is not authorised among other writes")
        found.append(result)
    return found
