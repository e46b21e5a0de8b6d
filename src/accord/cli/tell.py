"""How answers are told: readable lines for people, proto JSON for programs.

Colours, tables and progress appear on a terminal only, and no colour where NO_COLOR is set. Elsewhere a table
is a line of headings and a line for each row, split by tabs. What draws on terminals is loaded for one only.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from accord.v1 import decision_pb2, evidence_pb2

if TYPE_CHECKING:
    from rich.console import Console

    from accord.client import CallFailedError
    from accord.proof.verify import Conclusion

COLOURS = {"ALLOW": "green", "DENY": "red", "DEFER": "yellow", "TURNED_AWAY": "red"}
_EXITS = {decision_pb2.VERDICT_ALLOW: 0, decision_pb2.VERDICT_DENY: 10, decision_pb2.VERDICT_DEFER: 11}
_SHORT = len("2026-03-01T09:00:00Z")
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
_NO_BREAK = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"

Response = TypeVar("Response", bound=Message)
Show = Callable[[int, int], None]


def answer(response: Response, readable: Callable[[Response], None], *, as_json: bool) -> None:
    """Print a response as proto JSON, or as `readable` does it."""
    if as_json:
        in_json(response)
    else:
        readable(response)


def in_json(message: Message) -> None:
    """Print a message as proto JSON."""
    click.echo(json_format.MessageToJson(message, preserving_proto_field_name=True))


def conclusion(found: "Conclusion", language: str, *, as_json: bool) -> None:
    """Print what a file proves, its title in the colour of its exit code, or as JSON."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found.document(language))).decode())
        return
    title, rest = found.text(language).split("\n", 1)
    click.secho(title, fg=("green", "red", "yellow")[found.exit_code], bold=True)
    click.echo(rest, nl=False)


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows under headings. Where nobody looks, each row is printed as it comes, whole and on one line."""
    if not sys.stdout.isatty():
        click.echo("\t".join(headings))
        for row in rows:
            click.echo("\t".join(printable(cell) for cell in row))
        return
    from rich.table import Table  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    shown = Table(box=None, pad_edge=False)
    found = list(rows)
    for heading, *cells in zip(headings, *found, strict=True):
        # An instant or a number stays on its line; what does not fit is folded, never cut.
        short = max(map(len, (heading, *cells))) <= _SHORT
        shown.add_column(heading, no_wrap=short, overflow="fold")
    for row in found:
        # Text, since a string would be read as markup.
        shown.add_row(*(Text(printable(cell), style=COLOURS.get(cell, "")) for cell in row))
    _console().print(shown)


def lines(sides: Iterable[tuple[str, str]]) -> None:
    """Print each side that says something, with its label."""
    for label, text in sides:
        if text:
            click.echo(f"  {label:<12} {printable(text)}")


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show on a terminal that something goes on, and how much of `total` is done; nothing stays of it at the end.

    What it yields is called with how much is done, and with the total too where that turns out later.
    """
    if not sys.stderr.isatty():
        yield _show_nothing
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - see above

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)

        def show(done: int, total: int | None = total) -> None:
            of = f"{done} of {total}" if total else str(done)
            bar.update(task, description=f"{label}: {of}", completed=done, total=total)

        yield show


@contextmanager
def bar(label: str) -> Iterator[Show]:
    """Show on a terminal how much of a whole is done, and how long the rest may take; nothing stays of it."""
    if not sys.stderr.isatty():
        yield _show_nothing
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - see above

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=_console(stderr=True), transient=True) as it:
        task = it.add_task(label, total=None)

        yield lambda done, total: it.update(task, completed=done, total=total)


def verdict_exit(decision: decision_pb2.Decision) -> int:
    """Return the exit code of a decision: 0 ALLOW, 10 DENY, 11 DEFER."""
    return _EXITS[decision.verdict]


def decision(found: decision_pb2.Decision) -> None:
    """Print a decision, its reason and its trace."""
    verdict, reason = verdict_of(found), reason_of(found)
    click.secho(f"{verdict}  {reason}", fg=COLOURS[verdict], bold=True)
    if found.sentence:
        click.echo(f"  {printable(found.sentence)}")
    lines(_sides(found))
    if found.trace:
        click.echo("  gates")
    for step in found.trace:
        word = decision_pb2.Verdict.Name(step.verdict).removeprefix("VERDICT_").lower()
        mark = "-" if step.skipped else word
        until = f", from {when(step.not_before)}" if step.HasField("not_before") else ""
        click.echo(f"    {step.number:>2} {step.name:<24} {mark:<6} {printable(step.explanation)}{until}")


def verdict_of(found: decision_pb2.Decision) -> str:
    """Return the verdict in one word."""
    return decision_pb2.Verdict.Name(found.verdict).removeprefix("VERDICT_")


def reason_of(found: decision_pb2.Decision) -> str:
    """Return the name of the reason."""
    return decision_pb2.DecisionReason.Name(found.reason).removeprefix("DECISION_REASON_")


def receipt(found: evidence_pb2.Receipt) -> None:
    """Print where an entry stands."""
    click.echo(f"recorded at position {found.position} of {found.ledger}, {when(found.recorded_time)}")
    lines((("leaf hash", found.leaf_hash.hex()), ("token", found.token)))


def recorded(response: Any) -> None:  # noqa: ANN401 - any response with a receipt, or with several
    """Print the receipts of a response."""
    for each in (response.receipt,) if "receipt" in response.DESCRIPTOR.fields_by_name else response.receipts:
        receipt(each)


def failure(error: "CallFailedError", remedy: str, *, as_json: bool) -> None:
    """Print why a call failed, and what to do about it where that is known."""
    if as_json:
        body = {
            "reason": error.reason,
            "message": error.message,
            "fields": error.fields,
            "metadata": error.metadata,
            "suggestion": remedy,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(body)).decode())
        return
    click.secho(f"accord: {error.reason}: {error.message}", fg="red", err=True)
    for field, description in error.fields.items():
        click.echo(f"  {field} {description}", err=True)
    if remedy:
        click.echo(f"  {remedy}", err=True)


def when(stamp: Timestamp) -> str:
    """Return an instant for people."""
    return stamp.ToDatetime().isoformat(timespec="seconds") + "Z"


def when_of(seconds: float) -> str:
    """Return an instant, told in seconds since 1970, for people."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def words(name: str, prefix: str) -> str:
    """Return the name of a member of an enumeration for people."""
    return name.removeprefix(prefix).lower().replace("_", " ")


def entries(positions: Iterable[int]) -> str:
    """Return the positions of entries for people."""
    return ", ".join(f"entry {position}" for position in positions)


def printable(text: str) -> str:
    """Return the text without what would steer a terminal or split a row: callers choose some of these words."""
    return "".join(each if each.isprintable() or each in _NO_BREAK else _UNPRINTABLE for each in text)


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console  # noqa: PLC0415 - see above

    return Console(stderr=stderr, highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def _show_nothing(_done: int, _total: int | None = None) -> None:
    """Stand for what shows how much is done, where nobody looks."""


def _sides(found: decision_pb2.Decision) -> list[tuple[str, str]]:
    rules = ", ".join(f"{rule.id} ({rule.legal_source})" if rule.legal_source else rule.id for rule in found.rules)
    obligations = ", ".join(words(decision_pb2.Obligation.Name(each), "OBLIGATION_") for each in found.obligations)
    return [
        ("ground", words(decision_pb2.Basis.Name(found.basis), "BASIS_") if found.basis else ""),
        ("rests on", ", ".join(f"entry {position}" for position in found.positions)),
        ("rules", rules),
        ("obligations", obligations),
        ("not before", when(found.not_before) if found.HasField("not_before") else ""),
        ("valid until", when(found.valid_until) if found.HasField("valid_until") else ""),
        ("to allow it", found.what_would_allow),
        ("decided", f"{when(found.decision_time)}, catalogue {found.policy_version}, {found.engine_version}"),
    ]
