"""Commands that show the ledger and prove it: entries, entry, checkpoint, prove.

A proof is verified here, on the auditor's machine, from the bytes the server sent. It is worth as much as
the key and the leaf hash it is held against: those that the server itself names show only that it is
consistent with itself.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from accord.cli import tell
from accord.cli.arguments import POSITION
from accord.cli.connect import connect, pages, whole
from accord.cli.errors import LocalError
from accord.cli.options import limit, remote
from accord.proof import checkpoint as notes
from accord.proof.handover import trusted, verify_any
from accord.proof.merkle import verify_inclusion
from accord.v1 import ledger_service_pb2


@click.command()
@click.option(
    "--from", "start_position", type=POSITION, default=0, show_default=True, help="The first position wanted."
)
@limit
@remote
def entries(server: str, as_json: bool, limit: int | None, **asked: Any) -> None:  # noqa: ANN401 - a list's sides
    """List the entries of the ledger by position."""
    request = ledger_service_pb2.ListEntriesRequest(**asked)
    with connect(server) as connection:
        found = pages(connection, connection.ledger.ListEntries, request, limit or 0)
        if as_json:
            tell.in_json(whole(found))
        else:
            _tell_pages(found)


@click.command()
@click.argument("position", type=POSITION)
@remote
def entry(server: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - a brand and a position
    """Show the entry at POSITION. Its leaf is shown as hashed, and what it tells while its key lives."""
    request = ledger_service_pb2.GetEntryRequest(**asked)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.ledger.GetEntry, request), _entry, as_json=as_json)


@click.command()
@remote
def checkpoint(brand: str, server: str, as_json: bool) -> None:
    """Print the signed size and root of the ledger. The note is in the text of C2SP tlog-checkpoint."""
    request = ledger_service_pb2.GetCheckpointRequest(brand=brand)
    with connect(server) as connection:
        response = connection.ask(connection.ledger.GetCheckpoint, request)
    tell.answer(response, lambda found: click.echo(found.checkpoint.note, nl=False), as_json=as_json)


@click.command()
@click.argument("position", type=POSITION)
@click.option("--leaf-hash", default="", help="Of your receipt, in hexadecimal: the entry must be that one.")
@click.option("--verifier-key", default="", help="The ledger's key as you keep it: the checkpoint must bear it.")
@remote
def prove(brand: str, server: str, as_json: bool, position: int, leaf_hash: str, verifier_key: str) -> None:  # noqa: PLR0913 - click hands over one argument for each option
    """Prove that the entry at POSITION is in the ledger. The proof is verified here; exits 1 when it does not hold."""
    request = ledger_service_pb2.ProveInclusionRequest(brand=brand, position=position)
    with connect(server) as connection:
        response = connection.ask(connection.ledger.ProveInclusion, request)
    try:
        signed = verify(response, position, leaf_hash.lower(), verifier_key)
    except ValueError as error:
        raise LocalError(f"NOT PROVEN: {error}") from error
    tell.answer(response, lambda found: _proof(found, signed, verifier_key), as_json=as_json)


def verify(
    found: ledger_service_pb2.ProveInclusionResponse, position: int, leaf_hash: str = "", verifier_key: str = ""
) -> notes.Checkpoint:
    """Return the checkpoint that a proof leads to; raises ValueError saying which step does not hold.

    `leaf_hash` (hexadecimal) and `verifier_key` are what the auditor keeps; where empty, the server's are taken.
    """
    # (1) The note is signed by the key, under the name of the ledger, and the response says the same.
    signed = verify_checkpoint(found.checkpoint, verifier_key)
    # (2) The proof is of the entry that was asked for, and of the leaf that the auditor keeps.
    if found.position != position:
        raise ValueError(f"the proof is of entry {found.position}")
    if leaf_hash and leaf_hash != found.leaf_hash.hex():
        raise ValueError("another leaf hash stands at this position")
    # (3) The path leads from the leaf to the root that was signed.
    if not verify_inclusion(found.leaf_hash, position, signed.size, tuple(found.hashes), signed.root):
        raise ValueError("the path does not lead to the root of the checkpoint")
    return signed


def verify_checkpoint(told: ledger_service_pb2.Checkpoint, verifier_key: str = "") -> notes.Checkpoint:
    """Return what a checkpoint's note signs; raises ValueError unless the key fits and the response says the same."""
    signed, _ = verify_any(told.note, trusted(verifier_key or told.verifier_key, told.handovers))
    if notes.Checkpoint(told.origin, told.size, told.root_hash) != signed:
        raise ValueError("the response says something else than what was signed")
    return signed


def _tell_pages(found: Iterator[ledger_service_pb2.ListEntriesResponse]) -> None:
    """Print entries as their pages come; the last page tells whether there is more."""
    last: list[ledger_service_pb2.ListEntriesResponse] = []

    def read() -> Iterator[ledger_service_pb2.Entry]:
        for page in found:
            last[:] = [page]
            yield from page.entries

    _table(read())
    if last[0].next_page_token:
        click.echo(f"there is more: --from {last[0].entries[-1].position + 1}", err=True)


def _table(found: Iterable[ledger_service_pb2.Entry]) -> None:
    rows = ((str(each.position), tell.when(each.recorded_time), each.type, each.leaf_hash.hex()) for each in found)
    tell.table(("position", "recorded", "what", "leaf hash"), rows)


def _entry(response: ledger_service_pb2.GetEntryResponse) -> None:
    found = response.entry
    click.echo(f"entry {found.position}: {found.type}, recorded {tell.when(found.recorded_time)}")
    tell.lines(
        (
            ("leaf hash", found.leaf_hash.hex()),
            ("leaf", found.leaf.decode()),
            ("told", found.payload_json or "its key is gone: the leaf and its proofs remain"),
            ("opening", found.opening.hex()),
        )
    )


def _proof(found: ledger_service_pb2.ProveInclusionResponse, signed: notes.Checkpoint, kept: str) -> None:
    """Print what was verified; `kept` is the verifier key the auditor gave."""
    click.secho(f"PROVEN  entry {found.position} is one of the {signed.size} of {signed.origin}", fg="green", bold=True)
    key = f"{kept} (the key you keep)" if kept else f"{found.checkpoint.verifier_key} (as the server says: compare it)"
    tell.lines(
        (
            ("leaf hash", found.leaf_hash.hex()),
            ("path", f"{len(found.hashes)} hashes, verified here up to the root"),
            ("root", signed.root.hex()),
            ("signed by", key),
        )
    )


COMMANDS = (entries, entry, checkpoint, prove)
