"""Commands for officers and those they answer to: export, verify, key, prove-consistency.

An export is written beside its name until it is whole, readable by its owner only, and continued from
there when it broke off. It is verified without any server, by the file that stands in it too.
"""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import msgspec

from accord.cli import tell
from accord.cli.arguments import CustomerType, OneOf, TimeType
from accord.cli.connect import connect
from accord.cli.errors import LocalError
from accord.cli.ledger import verify_checkpoint
from accord.cli.options import remote
from accord.proof import checkpoint as notes
from accord.proof import verify as verifier
from accord.proof.handover import ledger_of, trusted, verify_any
from accord.proof.merkle import verify_consistency
from accord.v1 import audit_service_pb2, ledger_service_pb2

_MODE = 0o600


class RangeType(click.ParamType[Any]):
    """`FROM..TO`, both positions included."""

    name = "from..to"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:  # noqa: ANN401 - click's own type
        """Return the first position and the one after the last."""
        first, dots, last = value.partition("..")
        if not dots or not first.isdecimal() or not last.isdecimal() or int(first) > int(last) or int(last) >= 2**63:
            self.fail("write FROM..TO, two positions such as 100..199", param, context)
        return int(first), int(last) + 1


@click.command()
@click.option("--all", "everything", is_flag=True, help="The whole ledger.")
@click.option("--range", "positions", type=RangeType(), help="Entries FROM..TO, both included.")
@click.option("--customer", type=CustomerType(), help="The history of one customer, each entry with its proof.")
@click.option("--from", "recorded_from", type=TimeType(), help="Entries recorded at this instant or later.")
@click.option("--until", "recorded_until", type=TimeType(), help="Entries recorded before this instant.")
@click.option("--purpose", "purposes", multiple=True, help="Only entries of this purpose; may be repeated.")
@click.option("--channel", "channels", multiple=True, help="Only entries of this channel; may be repeated.")
@click.option(
    "--redact",
    "redaction",
    type=OneOf(audit_service_pb2.Redaction.items(), "REDACTION_"),
    default="none",
    show_default=True,
    help="What is held back: nothing, what is personal, or all but counts.",
)
@click.option("--receipts", is_flag=True, help="Add receipts of what was said; a customer's have them.")
@click.option("--parquet", is_flag=True, help="Add report.parquet, the rows of report.csv for machines.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file.")
@click.option("--resume", is_flag=True, help="Continue an export that broke off.")
@remote
def export(server: str, as_json: bool, output: Path, resume: bool, everything: bool, **asked: Any) -> None:  # noqa: ANN401 - an export's sides
    """Write an audit export that proves itself offline. That it was asked for is recorded in the ledger first."""
    request = _request(everything=everything, **asked)
    with connect(server) as connection:
        found = _Download(output, request, resume=resume)
        with tell.bar(f"exporting {output.name}") as show:
            last = found.write(connection.stream(connection.audits.Export, found.request), show)
    if as_json:
        told = {"file": str(output), "size": output.stat().st_size, "checkpoint_size": last.checkpoint_size}
        click.echo(msgspec.json.encode(told).decode())
        return
    read = f"{last.entries_read} of the {last.checkpoint_size} entries read"
    click.echo(f"{output}: {read}, {output.stat().st_size} bytes")
    click.echo(f"to check it:  accord verify {output} --pin KEY   (the KEY that `accord key` prints, told on its own)")


def _request(*, everything: bool, positions: tuple[int, int] | None, **asked: Any) -> audit_service_pb2.ExportRequest:  # noqa: ANN401 - an export's sides
    narrowed = asked["recorded_from"] or asked["recorded_until"]
    scopes = [everything, positions is not None, asked["customer"] is not None, bool(narrowed)]
    if sum(scopes) > 1 or not (any(scopes) or asked["purposes"] or asked["channels"]):
        raise click.UsageError("say what to export: --all, --range, --customer, or a period by --from and --until")
    first, end = positions or (0, 0)
    return audit_service_pb2.ExportRequest(first_position=first, end_position=end, **asked)


class _Begun(msgspec.Struct):
    """What is kept beside a part of an export, so that it can be continued."""

    request: bytes
    checkpoint_size: int


class _Download:
    """An export on its way into a file: FILE.part until it is whole, and FILE.part.json to continue it."""

    def __init__(self, output: Path, request: audit_service_pb2.ExportRequest, *, resume: bool) -> None:
        self._output = output
        self._part = output.with_name(output.name + ".part")
        self._note = output.with_name(output.name + ".part.json")
        if output.exists():
            raise LocalError(f"{output} exists; choose another name, or remove it first")
        if self._note.exists() and not resume:
            raise LocalError(f"an export to {output} broke off: --resume continues it, or remove {self._part}*")
        self.request = self._continued(request) if self._note.exists() else request
        self.request.request_id = self.request.request_id or str(uuid4())

    def _continued(self, request: audit_service_pb2.ExportRequest) -> audit_service_pb2.ExportRequest:
        begun = msgspec.json.decode(self._note.read_bytes(), type=_Begun)
        before = audit_service_pb2.ExportRequest.FromString(begun.request)
        request.request_id = before.request_id
        if request != before:
            raise LocalError(f"{self._part} was begun with other options; continue it with those, or remove it")
        before.checkpoint_size = begun.checkpoint_size
        before.offset = self._part.stat().st_size
        return before

    def write(self, responses: Iterator[audit_service_pb2.ExportResponse], show: tell.Show) -> Any:  # noqa: ANN401 - the last response
        """Write what comes, show how far it is, and give the file its name once it is whole."""
        # What fails before its first bytes leaves nothing behind.
        last = next(responses)
        with os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _MODE), "ab") as file:
            for last in chain((last,), responses):  # noqa: B020 - the first of them is read already
                if not self.request.checkpoint_size:
                    self._keep(last.checkpoint_size)
                file.write(last.chunk)
                file.flush()
                show(last.entries_read, last.entries_total)
            os.fsync(file.fileno())
        self._part.rename(self._output)
        self._note.unlink(missing_ok=True)
        return last

    def _keep(self, checkpoint_size: int) -> None:
        begun = _Begun(self.request.SerializeToString(deterministic=True), checkpoint_size)
        # It may name a customer.
        with os.fdopen(os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as file:
            file.write(msgspec.json.encode(begun))
        self.request.checkpoint_size = checkpoint_size


@click.command("verify")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--pin", required=True, help="The verifier key of the ledger, as you were given it.")
@click.option(
    "--previous",
    type=click.Path(dir_okay=False),
    help="A file with a checkpoint you kept from before, or an earlier export.",
)
@click.option(
    "--handovers",
    type=click.Path(dir_okay=False),
    help="What `accord key --handovers` prints, in a file: for an export from before the key you were given.",
)
@click.option("--lang", type=click.Choice(verifier.LANGUAGES), default="en", show_default=True, help="The language.")
@click.option(
    "--processes", type=click.IntRange(min=0), default=0, help="How many read a large export; 0: one a core, at most 4."
)
@click.option("--json", "as_json", is_flag=True, help="Print the conclusion as JSON.")
@click.pass_context
def verify_export(  # noqa: PLR0913 - click hands over one argument for each option
    context: click.Context,
    file: str,
    pin: str,
    previous: str | None,
    handovers: str | None,
    lang: str,
    processes: int,
    as_json: bool,
) -> None:
    """Say what the audit export in FILE proves. Needs no server; exits 0 valid, 1 tampered, 2 cannot decide."""
    with tell.bar("verifying") as show:
        found = verifier.verify_file(file, pin, previous, show, processes, handovers)
    tell.conclusion(found, lang, as_json=as_json)
    context.exit(found.exit_code)


@click.command()
@click.option("--handovers", is_flag=True, help="Print every key so far, as the keys.json of an export.")
@remote
def key(brand: str, server: str, as_json: bool, handovers: bool) -> None:
    """Print the verifier key of the ledger. Hand it to whoever shall verify, by another way than the exports."""
    request = ledger_service_pb2.GetCheckpointRequest(brand=brand)
    with connect(server) as connection:
        found = connection.ask(connection.ledger.GetCheckpoint, request).checkpoint
    if handovers:
        click.echo(verifier.keys_document(found.verifier_key, tuple(found.handovers)).decode(), nl=False)
        return
    told = {"ledger": found.origin, "verifier_key": found.verifier_key}
    click.echo(msgspec.json.encode(told).decode() if as_json else found.verifier_key)


@click.command("prove-consistency")
@click.argument("old")
@click.argument("new", type=click.IntRange(min=1), required=False)
@click.option("--verifier-key", default="", help="The ledger's key as you keep it: both checkpoints must bear it.")
@remote
def prove_consistency(  # noqa: PLR0913 - click hands over one argument for each option
    brand: str, server: str, as_json: bool, old: str, new: int | None, verifier_key: str
) -> None:
    """Prove that the ledger only grew since OLD. OLD is a size, or a file with a checkpoint you kept; NEW a size."""
    kept = None if old.isdecimal() else _kept(Path(old))
    request = ledger_service_pb2.ProveConsistencyRequest(
        brand=brand, old_size=int(old) if kept is None else int(kept.split("\n")[1]), size=new or 0
    )
    with connect(server) as connection:
        response = connection.ask(connection.ledger.ProveConsistency, request)
    try:
        older, newer = consistent(response, request.old_size, kept, verifier_key)
    except ValueError as error:
        raise LocalError(f"NOT PROVEN: {error}") from error

    def readable(found: ledger_service_pb2.ProveConsistencyResponse) -> None:
        click.secho(f"PROVEN  the {newer.size} entries extend the {older.size}", fg="green", bold=True)
        whose = "of the checkpoint you keep" if kept else "as the server says: keep a checkpoint to compare"
        tell.lines(
            (
                ("ledger", newer.origin),
                ("older root", f"{older.root.hex()} ({whose})"),
                ("newer root", newer.root.hex()),
                ("path", f"{len(found.hashes)} hashes, verified here"),
                ("signed by", verifier_key or f"{found.checkpoint.verifier_key} (as the server says: compare it)"),
            )
        )

    tell.answer(response, readable, as_json=as_json)


def consistent(
    found: ledger_service_pb2.ProveConsistencyResponse, old_size: int, kept: str | None = None, verifier_key: str = ""
) -> tuple[notes.Checkpoint, notes.Checkpoint]:
    """Return the older and the newer checkpoint of a proof; raises ValueError saying what does not hold."""
    # (1) The newer checkpoint is signed by the key, under the name of the ledger, and the response says the same.
    newer = verify_checkpoint(found.checkpoint, verifier_key)
    # (2) The older one is the one that was kept, signed by a key of the same ledger.
    keys = trusted(verifier_key or found.checkpoint.verifier_key, found.checkpoint.handovers)
    older = verify_any(kept, keys)[0] if kept else notes.Checkpoint(newer.origin, old_size, found.old_root_hash)
    if ledger_of(older.origin) != ledger_of(newer.origin) or (found.old_size, older.size) != (old_size, old_size):
        raise ValueError("the proof is of another ledger or size")
    # (3) The tree only grew.
    if not verify_consistency(older.size, older.root, newer.size, newer.root, tuple(found.hashes)):
        raise ValueError("the newer checkpoint does not extend the older one: there are two histories")
    return older, newer


def _kept(path: Path) -> str:
    try:
        note = path.read_text("utf-8")
    except (OSError, ValueError):
        note = ""
    if not note.partition("\n")[2].partition("\n")[0].isdecimal():
        raise LocalError(f"{path} is neither a size nor a file with a checkpoint")
    return note


COMMANDS = (export, verify_export, key, prove_consistency)
