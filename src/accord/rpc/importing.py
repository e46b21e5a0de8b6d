"""Imported records on the wire: from a message to commands recorded by an import, and back.

A row is its own request: file, mapping and row name it, whoever sends it, so that a file sent again after a
failure adds nothing. Where it comes from is written into its evidence: the partner and the row as who
recorded it, the file as what shows it.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from accord.domain.commands import Grant, Import, Refuse
from accord.domain.events import Artefact
from accord.domain.problems import ErrorReason, Problem, invalid
from accord.domain.terms import Recorder, RefusalKind
from accord.ledger.lookup import Lookups
from accord.rpc import inbound
from accord.rpc.call import Call
from accord.rpc.errors import to_item_error
from accord.rpc.inbound import MAX_ARTEFACTS, MAX_POSITION
from accord.rpc.submit import Submitter
from accord.rpc.wire import Examiner
from accord.service.answers import Request, Written
from accord.service.errors import CallError
from accord.v1 import import_service_pb2 as pb

MAX_RECORDS = 1000
MAX_PARTNER = 64
_NEAR_BYTES = 6

_Record = Grant | Refuse
_READERS: dict[str, Callable[[Any, Examiner], _Record]] = {
    "grant": inbound.grant,
    "refuse": lambda told, examiner: inbound.refuse(told, RefusalKind.REFUSED, examiner),
    "withdraw": lambda told, examiner: inbound.refuse(told, RefusalKind.WITHDRAWN, examiner),
    "object": lambda told, examiner: inbound.refuse(told, RefusalKind.OBJECTED, examiner),
}


class _Source(Struct, frozen=True):
    partner: str
    file: Artefact
    named: str
    """What names a request, before its row."""


def answer(
    submitter: Submitter, lookups: Lookups, request: pb.ImportRecordsRequest, call: Call
) -> pb.ImportRecordsResponse:
    """Take one message whole. Raises CallError."""
    examiner = Examiner()
    source = _source(request.source, examiner)
    if not 1 <= len(request.records) <= MAX_RECORDS:
        examiner.fault("records", f"must have 1 to {MAX_RECORDS} items")
    examiner.done()
    read = [
        _request(record, f"records[{index}]", source, lookups, call) for index, record in enumerate(request.records)
    ]
    good = [each for each in read if isinstance(each, Request)]
    write = submitter.rehearse if request.dry_run else submitter.many
    found = write(call, good)
    for each in found:
        if isinstance(each, Problem) and each.reason is ErrorReason.CATALOGUE_MISSING:
            raise CallError(each)
    results = iter(found)
    return pb.ImportRecordsResponse(
        results=[_result(each if isinstance(each, Problem) else next(results)) for each in read]
    )


def _source(told: pb.ImportSource, examiner: Examiner) -> _Source:
    partner = examiner.code("source.partner", told.partner, required=True)
    if len(partner) > MAX_PARTNER:
        examiner.fault("source.partner", f"must have at most {MAX_PARTNER} characters")
    media_type = examiner.code("source.media_type", told.media_type, required=True)
    for field in ("sha256", "mapping_sha256"):
        if len(getattr(told, field)) != 32:
            examiner.fault(f"source.{field}", "is required: 32 bytes")
    file, mapping = told.sha256.hex(), told.mapping_sha256.hex()
    return _Source(partner, Artefact(file, media_type), f"import {partner} {file} {mapping}")


def _request(record: pb.ImportRecord, at: str, source: _Source, lookups: Lookups, call: Call) -> Request | Problem:
    kind = record.WhichOneof("record")
    if kind is None:
        return invalid(at, "is required: set one of grant, refuse, withdraw, object")
    told = getattr(record, kind)
    examiner = Examiner()
    if not 0 < record.row <= MAX_POSITION:
        examiner.fault("row", f"must be 1 to {MAX_POSITION}")
    for field in ("brand", "request_id"):
        if getattr(told, field):
            examiner.fault(f"{kind}.{field}", "must be left out: the stream says it")
    examiner.at = f"{kind}."
    command = _READERS[kind](told, examiner)
    evidence = command.evidence
    if evidence.recorder is not Recorder.IMPORT:
        examiner.fault("evidence.recorder", "must be IMPORT")
    if evidence.recorder_id:
        examiner.fault("evidence.recorder_id", "must be left out: the source and the row say it")
    if len(evidence.artefacts) >= MAX_ARTEFACTS:
        examiner.fault("evidence.artefacts", f"must have at most {MAX_ARTEFACTS - 1} items: the file is one more")
    try:
        examiner.done()
    except CallError as error:
        return error.problem
    row = f"{record.row}.{record.part}" if record.part else str(record.row)
    evidence = replace(evidence, recorder_id=f"{source.partner}:{row}", artefacts=(*evidence.artefacts, source.file))
    return Request(
        command=Import(record=replace(command, evidence=evidence)),
        caller=call.caller.name,
        key=_key(lookups, call, source, record.row, row),
        content=lookups.content(record.SerializeToString(deterministic=True)),
        deadline=call.deadline(),
    )


def _key(lookups: Lookups, call: Call, source: _Source, number: int, row: str) -> bytes:
    """Return what a record is known by when it is sent again: near to that of the rows before it in the file.

    They come one after the other, so that the answers to a message stand side by side in their index.
    """
    near = lookups.request(call.brand, "", f"{source.named} rows {number // MAX_RECORDS}")
    own = lookups.request(call.brand, "", f"{source.named} {row}")
    return near[:_NEAR_BYTES] + own[_NEAR_BYTES:]


def _result(found: Written | Problem) -> pb.ImportResult:
    if isinstance(found, Problem):
        return pb.ImportResult(error=to_item_error(found))
    position = found.receipts[0].position if found.receipts else 0
    return pb.ImportResult(verdict=found.status, position=position)  # type: ignore[arg-type] # shared numbers
