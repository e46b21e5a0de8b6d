"""ImportService on the wire: streams whose every message is answered when all of it is durable."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from accord.keys.callers import Callers
from accord.ledger.lookup import Lookups
from accord.rpc import importing, suppressions
from accord.rpc.call import AtMost, Call, admit, stream
from accord.rpc.parsing import MALFORMED, NO_MESSAGE
from accord.rpc.pools import MAX_STREAMS
from accord.rpc.submit import Submitter
from accord.service.errors import CallError
from accord.service.suppression_lists import SuppressionLists
from accord.v1 import import_service_pb2 as pb
from accord.v1.import_service_pb2_grpc import ImportServiceServicer

_COLLECTORS = frozenset({"collector"})
_OFFICERS = frozenset({"privacy_officer"})

Response = TypeVar("Response")


class ImportService(ImportServiceServicer):
    """Takes over what others know."""

    def __init__(self, submitter: Submitter, lists: SuppressionLists, lookups: Lookups, callers: Callers) -> None:
        """Serve from these."""
        self._submitter = submitter
        self._lookups = lookups
        self._lists = lists
        self._streams = AtMost(MAX_STREAMS, "too many streams are open")
        self.callers = callers

    def ImportSuppressions(
        self, request_iterator: Iterator[pb.ImportSuppressionsRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ImportSuppressionsResponse]:
        """Import a list of addresses that are not to be contacted."""
        yield from self._each(
            request_iterator, context, _OFFICERS, lambda told, call: suppressions.answer(self._lists, told, call)
        )

    def ImportRecords(
        self, request_iterator: Iterator[pb.ImportRecordsRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ImportRecordsResponse]:
        """Import what customers said elsewhere."""
        yield from self._each(
            request_iterator,
            context,
            _COLLECTORS,
            lambda told, call: importing.answer(self._submitter, self._lookups, told, call),
        )

    def _each(
        self,
        messages: Iterator[Any],
        context: grpc.ServicerContext,
        allowed: frozenset[str],
        answer: Callable[[Any, Call], Response],
    ) -> Iterator[Response]:
        """Yield the answer to each message of a stream, of which not too many may be open."""
        with self._streams.one_more(context):
            yield from stream(context, (self._one(each, context, allowed, answer) for each in messages))

    def _one(
        self,
        message: Any,  # noqa: ANN401 - any message that names its brand
        context: grpc.ServicerContext,
        allowed: frozenset[str],
        answer: Callable[[Any, Call], Response],
    ) -> Response:
        if message is MALFORMED:
            raise CallError(NO_MESSAGE)
        return answer(message, admit(self.callers, context, message.brand, allowed))
