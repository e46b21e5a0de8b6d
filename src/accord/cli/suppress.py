"""`accord suppress import | registries`: lists of addresses that are not to be contacted.

A file is read twice: for its digest and the number of its lines, then line by line. A line is an e-mail
address or a phone number; one that is neither fails alone, and then nothing is taken off the list.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec

from accord.cli import tell
from accord.cli.ahead import ahead
from accord.cli.arguments import OneOf, TimeType
from accord.cli.connect import connect
from accord.cli.options import remote
from accord.domain.identifiers import IdentifierError, international
from accord.domain.registries import registries as known_registries
from accord.v1 import customer_pb2
from accord.v1 import import_service_pb2 as pb

CHUNK_LINES = 1000
END_SECONDS = 600
"""How long the end may take: what vanished is taken off before it is answered."""

_READ_BYTES = 1 << 20
_SHOWN_FAULTS = 20
_PREFIX = "SUPPRESSION_VERDICT_"
_FAILED = "not_taken"


@click.group()
def suppress() -> None:
    """Lists of addresses that are not to be contacted."""


@suppress.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--list", "code", required=True, help="Which list: a registry such as fr.bloctel, or a name of your own.")
@click.option(
    "--kind", type=OneOf(pb.ListKind.items(), "LIST_KIND_"), required=True, help="What it says of the addresses on it."
)
@click.option("--list-time", type=TimeType(), required=True, help="The date of the list.")
@click.option("--purpose", "purposes", multiple=True, help="Binds this purpose or branch only; may be repeated.")
@click.option("--country", default="", help="Where phone numbers without a + are from, such as FR.")
@click.option(
    "--complete",
    is_flag=True,
    help="FILE has every address of the list: those that vanished are taken off where the registry's law says so.",
)
@click.option(
    "--ending-limit",
    type=click.IntRange(min=0),
    default=None,
    help="Take off none if more than so many vanished. Left out: a twentieth of FILE's lines.",
)
@remote
def import_list(server: str, as_json: bool, file: Path, **told: Any) -> None:  # noqa: ANN401 - a list's sides
    """Import the list in FILE, an e-mail address or a phone number on each line.

    Only keyed digests are kept. Each line binds from when it is acknowledged. Run it again after a failure: what was
    taken before is known. Exits 1 when a line was not taken.
    """
    country, limit, brand = told.pop("country"), told.pop("ending_limit"), told.pop("brand")
    digest, lines = _measure(file)
    head = pb.SuppressionList(sha256=digest, lines=lines, **told)
    counts: Counter[str] = Counter()
    faults: list[tuple[int, str]] = []
    with connect(server) as connection, tell.bar("importing") as show:

        def ask(points: list[customer_pb2.ContactPoint], end: pb.SuppressionsEnd | None = None) -> Any:  # noqa: ANN401 - the response
            request = pb.ImportSuppressionsRequest(brand=brand, list=head, contact_points=points, end=end)
            return connection.ask_alone(connection.imports.ImportSuppressions, request, END_SECONDS if end else None)

        done = 0
        for numbered in ahead(_chunks(file, country)):
            good = [(number, point) for number, point in numbered if not isinstance(point, str)]
            faults += [(number, point) for number, point in numbered if isinstance(point, str)]
            answers = ask([point for _, point in good]).results if good else ()
            for (number, _), result in zip(good, answers, strict=True):
                if result.HasField("error"):
                    faults.append((number, "; ".join(each.description for each in result.error.violations)))
                else:
                    counts[pb.SuppressionVerdict.Name(result.verdict).removeprefix(_PREFIX).lower()] += 1
            done += len(numbered)
            show(done, lines)
        counts[_FAILED] = len(faults)
        # A line that could not be read may be an address that did not vanish.
        ending_limit = 0 if faults else lines // 20 if limit is None else limit
        ended = ask([], pb.SuppressionsEnd(ending_limit=ending_limit)).ended
    _tell(ended, counts, sorted(faults), as_json=as_json)


@suppress.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def registries(as_json: bool) -> None:
    """List the registries whose law is known, and whether vanishing from one ends a listing."""
    found = known_registries().values()
    if as_json:
        click.echo(msgspec.json.encode(list(found)))
        return
    rows = ((each.code, each.title, "yes" if each.vanishing_ends else "no", each.legal_source) for each in found)
    tell.table(("registry", "title", "vanishing ends it", "source"), rows)


def _measure(file: Path) -> tuple[bytes, int]:
    """Return the SHA-256 of a file, and how many lines of it say something."""
    digest = sha256()
    with file.open("rb") as raw:
        while block := raw.read(_READ_BYTES):
            digest.update(block)
        raw.seek(0)
        lines = sum(1 for line in raw if line.strip())
    return digest.digest(), lines


def _chunks(file: Path, country: str) -> Iterator[list[tuple[int, customer_pb2.ContactPoint | str]]]:
    """Yield the lines that say something, with their numbers from 1: an address, or what is wrong with it."""
    with file.open(encoding="utf-8-sig", errors="surrogateescape") as text:
        told = ((number, line.strip()) for number, line in enumerate(text, 1))
        numbered = ((number, _point(line, country)) for number, line in told if line)
        while chunk := list(islice(numbered, CHUNK_LINES)):
            yield chunk


def _point(line: str, country: str) -> customer_pb2.ContactPoint | str:
    if not line.isascii() and any("\udc80" <= each <= "\udcff" for each in line):
        return "must be UTF-8"
    if "@" in line:
        return customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_EMAIL, value=line)
    try:
        value = international(line, country) if country and not line.startswith("+") else line
    except IdentifierError as error:
        return str(error)
    return customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_PHONE, value=value)


def _tell(ended: pb.SuppressionsEnded, counts: Counter[str], faults: list[tuple[int, str]], *, as_json: bool) -> None:
    """Print what became of the file, and exit with 1 when a line of it was not taken."""
    sides = {"listed": ended.listed, "taken_off": ended.taken_off, "vanished_and_stay_on": ended.stay_on}
    if as_json:
        shown = [{"line": number, "why": why} for number, why in faults[:_SHOWN_FAULTS]]
        told = {"position": ended.receipt.position, "lines": dict(counts), **sides, "faults": shown}
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        tell.receipt(ended.receipt)
        tell.table(("what", "how many"), ((name, str(number)) for name, number in (*counts.items(), *sides.items())))
        for number, why in faults[:_SHOWN_FAULTS]:
            click.echo(f"  line {number}: {why}", err=True)
    if faults:
        click.echo(f"accord: {len(faults)} lines were not taken, the first is {faults[0][0]}", err=True)
        raise SystemExit(1)


COMMANDS = (suppress,)
