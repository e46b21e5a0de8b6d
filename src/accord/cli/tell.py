"""How answers are told: readable lines for people, proto JSON for programs. Colour only on a terminal."""

import click
import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table

from accord.client import CallFailedError
from accord.v1 import decision_pb2, evidence_pb2, permission_service_pb2

_COLOURS = {"ALLOW": "green", "DENY": "red", "DEFER": "yellow"}
_EXITS = {decision_pb2.VERDICT_ALLOW: 0, decision_pb2.VERDICT_DENY: 10, decision_pb2.VERDICT_DEFER: 11}

console = Console(highlight=False)


def as_json(message: Message) -> None:
    """Print a message as proto JSON."""
    click.echo(json_format.MessageToJson(message, preserving_proto_field_name=True))


def verdict_exit(decision: decision_pb2.Decision) -> int:
    """Return the exit code of a decision: 0 ALLOW, 10 DENY, 11 DEFER."""
    return _EXITS[decision.verdict]


def decision(found: decision_pb2.Decision) -> None:
    """Print a decision, its reason and its trace."""
    verdict = decision_pb2.Verdict.Name(found.verdict).removeprefix("VERDICT_")
    reason = decision_pb2.DecisionReason.Name(found.reason).removeprefix("DECISION_REASON_")
    click.secho(f"{verdict}  {reason}", fg=_COLOURS[verdict], bold=True)
    for label, text in _lines(found):
        click.echo(f"  {label:<12} {text}")
    if found.trace:
        click.echo("  gates")
    for step in found.trace:
        word = decision_pb2.Verdict.Name(step.verdict).removeprefix("VERDICT_").lower()
        mark = "-" if step.skipped else word
        until = f", from {when(step.not_before)}" if step.HasField("not_before") else ""
        click.echo(f"    {step.number:>2} {step.name:<24} {mark:<6} {step.explanation}{until}")


def receipt(found: evidence_pb2.Receipt) -> None:
    """Print where an entry stands."""
    click.echo(f"recorded at position {found.position} of {found.ledger}, {when(found.recorded_time)}")
    click.echo(f"  leaf hash    {found.leaf_hash.hex()}")
    click.echo(f"  token        {found.token}")


def history(found: permission_service_pb2.GetHistoryResponse) -> None:
    """Print the entries of a customer."""
    table = Table(box=None, pad_edge=False)
    for heading in ("position", "recorded", "what", "told"):
        table.add_column(heading, no_wrap=heading != "told", overflow="fold")
    for item in found.items:
        told = msgspec.json.decode(item.payload_json)["event"]
        shown = {key: value for key, value in told.items() if key not in {"type", "links"}}
        table.add_row(str(item.position), when(item.recorded_time), item.type, msgspec.json.encode(shown).decode())
    console.print(table)
    if found.next_page_token:
        click.echo(f"more: --page-token {found.next_page_token}")


def failure(error: CallFailedError, *, as_json: bool) -> None:
    """Print why a call failed."""
    if as_json:
        body = {
            "reason": error.reason,
            "message": error.message,
            "fields": error.fields,
            "metadata": error.metadata,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(body)).decode())
        return
    click.secho(f"accord: {error.reason}: {error.message}", fg="red", err=True)
    for field, description in error.fields.items():
        click.echo(f"  {field} {description}", err=True)
    if error.reason == "UNREACHABLE":
        click.echo("  no server answered: start one with `accord serve`, or set ACCORD_SERVER", err=True)
    if error.reason == "UNAUTHENTICATED":
        click.echo("  set ACCORD_TOKEN, or ACCORD_DATA to the folder of the server on this machine", err=True)


def when(stamp: Timestamp) -> str:
    """Return an instant for people."""
    return stamp.ToDatetime().isoformat(timespec="seconds") + "Z"


def _lines(found: decision_pb2.Decision) -> list[tuple[str, str]]:
    rules = ", ".join(f"{rule.id} ({rule.legal_source})" if rule.legal_source else rule.id for rule in found.rules)
    obligations = ", ".join(
        decision_pb2.Obligation.Name(each).removeprefix("OBLIGATION_").lower().replace("_", " ")
        for each in found.obligations
    )
    lines = [
        ("basis", decision_pb2.Basis.Name(found.basis).removeprefix("BASIS_").lower() if found.basis else ""),
        ("rests on", ", ".join(f"entry {position}" for position in found.positions)),
        ("rules", rules),
        ("obligations", obligations),
        ("not before", when(found.not_before) if found.HasField("not_before") else ""),
        ("valid until", when(found.valid_until) if found.HasField("valid_until") else ""),
        ("to allow it", found.what_would_allow),
        ("decided", f"{when(found.decision_time)}, catalogue {found.policy_version}, {found.engine_version}"),
    ]
    return [(label, text) for label, text in lines if text]
