"""Commands on many lines at once: record, check-many. A line is one item in proto JSON; a bad one fails alone.

Lines are asked a chunk at a time, each chunk one call. Where a call fails after others were answered, its
lines and all that follow are told with that failure, so that what was recorded before is told too.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TextIO, TypeVar
from uuid import uuid4

import click
from google.protobuf import json_format
from google.protobuf.message import Message

from accord.cli import tell
from accord.cli.connect import connect
from accord.cli.options import remote
from accord.client import CallFailedError
from accord.v1 import (
    decision_pb2,
    decision_service_pb2,
    error_reason_pb2,
    evidence_pb2,
    item_error_pb2,
    permission_service_pb2,
)

CHUNK_LINES = 500
"""A full commit of the server's is a little more; an outage leaves no more than this in doubt."""

_FAILED = 1

Item = TypeVar("Item", bound=Message)
Result = TypeVar("Result", bound=Message)
Answered = tuple[int, Item | None, Result]
"""The number of a line from 1, what it says (None when it cannot be read), and what became of it."""

_lines = click.argument("file", type=click.File(encoding="utf-8"), default="-")


@click.command()
@_lines
@remote
def record(brand: str, server: str, as_json: bool, file: TextIO) -> None:
    """Record what customers said, line by line. FILE is left out, or `-`, for standard input.

    A line is a BatchRecord in JSON, such as {"withdraw": {"customer": {"customer_id": "ada"}, "evidence": {…}}}. The
    brand may be left out. A request_id that is left out is drawn; name it to make a repeat safe. Exits 1 when a line
    was not recorded.
    """
    with connect(server) as connection:

        def ask(items: list[permission_service_pb2.BatchRecord]) -> Sequence[permission_service_pb2.BatchRecordResult]:
            request = permission_service_pb2.BatchRecordRequest(records=[_completed(item, brand) for item in items])
            return connection.ask_alone(connection.permissions.BatchRecord, request).results

        found = _answered(file, "recording", permission_service_pb2.BatchRecord, ask, _unrecorded)
        _tell(found, permission_service_pb2.BatchRecordResponse(), _RECORD_HEADINGS, _record_row, as_json=as_json)


@click.command("check-many")
@_lines
@remote
def check_many(brand: str, server: str, as_json: bool, file: TextIO) -> None:
    """Ask many questions, line by line. FILE is left out, or `-`, for standard input.

    A line is a Question in JSON, such as
    {"customer": {"customer_id": "ada"}, "channel": "email", "purpose": "marketing.birthday"}.
    A no among the answers is no failure. Exits 1 when a line could not be decided, which is a no.
    """
    with connect(server) as connection:

        def ask(items: list[decision_pb2.Question]) -> Sequence[decision_service_pb2.BatchCheckResult]:
            request = decision_service_pb2.BatchCheckRequest(brand=brand, questions=items)
            return connection.ask(connection.decisions.BatchCheck, request).results

        found = _answered(file, "asking", decision_pb2.Question, ask, _undecided)
        _tell(found, decision_service_pb2.BatchCheckResponse(), _CHECK_HEADINGS, _check_row, as_json=as_json)


def _answered(
    file: TextIO,
    label: str,
    item: type[Item],
    ask: Callable[[list[Item]], Sequence[Result]],
    failed: Callable[[item_error_pb2.ItemError], Result],
) -> Iterator[Answered[Item, Result]]:
    """Yield what became of each line that is not blank, in order."""
    total = _count(file)
    numbered = ((number, line) for number, line in enumerate(file, 1) if line.strip())
    failure: item_error_pb2.ItemError | None = None
    asked = False
    with tell.progress(label, total) as show:
        while chunk := list(islice(numbered, CHUNK_LINES)):
            read = [(number, _read(line, item)) for number, line in chunk]
            good = [each for _, each in read if not isinstance(each, item_error_pb2.ItemError)]
            answers: Iterator[Result] = iter(())
            try:
                if good and failure is None:
                    answers, asked = iter(ask(good)), True
            except CallFailedError as error:
                if not asked:
                    # Nothing was answered before: the failure says all there is.
                    raise
                failure = _as_item_error(error)
            for number, each in read:
                if isinstance(each, item_error_pb2.ItemError):
                    yield number, None, failed(each)
                else:
                    yield number, each, failed(failure) if failure else next(answers)
            show(chunk[-1][0])


def _unrecorded(error: item_error_pb2.ItemError) -> permission_service_pb2.BatchRecordResult:
    return permission_service_pb2.BatchRecordResult(error=error)


def _undecided(error: item_error_pb2.ItemError) -> decision_service_pb2.BatchCheckResult:
    return decision_service_pb2.BatchCheckResult(error=error)


def _completed(item: permission_service_pb2.BatchRecord, brand: str) -> permission_service_pb2.BatchRecord:
    """Return the record with the brand and a request_id, where it names none."""
    kind = item.WhichOneof("record")
    if kind:
        told = getattr(item, kind)
        told.brand = told.brand or brand
        told.request_id = told.request_id or str(uuid4())
    return item


def _read(line: str, item: type[Item]) -> Item | item_error_pb2.ItemError:
    try:
        return json_format.Parse(line, item())
    except json_format.ParseError as error:
        reason = error_reason_pb2.ERROR_REASON_INVALID_ARGUMENT
        return item_error_pb2.ItemError(reason=reason, message=f"is no {item.DESCRIPTOR.name} in JSON: {error}")


def _as_item_error(error: CallFailedError) -> item_error_pb2.ItemError:
    known = error_reason_pb2.ErrorReason.items()
    reason = dict(known).get(f"ERROR_REASON_{error.reason}", error_reason_pb2.ERROR_REASON_UNSPECIFIED)
    return item_error_pb2.ItemError(reason=reason, message=f"the call failed: {error}", metadata=error.metadata)


def _count(file: TextIO) -> int | None:
    """Return how many lines there are; None where they come through a pipe."""
    if not file.seekable():
        return None
    total = sum(1 for _ in file)
    file.seek(0)
    return total


def _tell(
    found: Iterator[Answered[Item, Result]],
    response: Any,  # noqa: ANN401 - the response that holds these results
    headings: tuple[str, ...],
    row: Callable[[Item | None, Result], tuple[str, ...]],
    *,
    as_json: bool,
) -> None:
    """Print what became of the lines, and exit with 1 when one of them failed."""
    failed: list[int] = []

    def noted() -> Iterator[Answered[Item, Result]]:
        for line in found:
            if line[2].HasField("error"):
                failed.append(line[0])
            yield line

    if as_json:
        response.results.extend(result for _, _, result in noted())
        tell.in_json(response)
    else:
        tell.table(headings, ((str(number), *row(item, result)) for number, item, result in noted()))
    if failed:
        click.echo(f"accord: {len(failed)} failed, first line {failed[0]}", err=True)
        raise SystemExit(_FAILED)


_RECORD_HEADINGS = ("line", "what", "outcome", "entries", "why")
_CHECK_HEADINGS = ("line", "channel", "purpose", "verdict", "reason", "not before")


def _record_row(
    item: permission_service_pb2.BatchRecord | None, result: permission_service_pb2.BatchRecordResult
) -> tuple[str, ...]:
    kind = (item.WhichOneof("record") if item else None) or ""
    if result.HasField("error"):
        return kind, "failed", "", _why(result.error)
    told: Any = getattr(result, result.WhichOneof("result") or "")
    receipts: Sequence[evidence_pb2.Receipt] = told.receipts if kind not in {"grant", "confirm"} else (told.receipt,)
    # A reply alone may be one of which nothing is recorded, and alone says what it was taken for.
    said = [_meaning(told)] if isinstance(told, permission_service_pb2.RecordReplyResponse) else []
    still = [f"still to stop: contact {each.contact_id}" for each in getattr(told, "open_contacts", ())]
    outcome = "recorded" if receipts else "nothing to record"
    return kind, outcome, ", ".join(str(each.position) for each in receipts), ", ".join(said + still)


def _meaning(told: permission_service_pb2.RecordReplyResponse) -> str:
    return tell.words(permission_service_pb2.ReplyMeaning.Name(told.meaning), "REPLY_MEANING_")


def _check_row(item: decision_pb2.Question | None, result: decision_service_pb2.BatchCheckResult) -> tuple[str, ...]:
    asked = (item.channel, item.purpose) if item else ("", "")
    if result.HasField("error"):
        return *asked, "UNDECIDED", _why(result.error), ""
    told = result.decision
    not_before = tell.when(told.not_before) if told.HasField("not_before") else ""
    return *asked, tell.verdict_of(told), tell.reason_of(told), not_before


def _why(error: item_error_pb2.ItemError) -> str:
    reason = error_reason_pb2.ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
    faults = "".join(f"; {each.field} {each.description}" for each in error.violations)
    return f"{reason}: {error.message}{faults}"


COMMANDS = (check_many, record)
