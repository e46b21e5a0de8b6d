"""`accord catalogue apply | simulate | show | versions`: a catalogue as TOML or JSON, in the proto's field names."""

import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec
from google.protobuf import json_format

from accord.cli import tell
from accord.cli.arguments import TimeType
from accord.cli.connect import connect, pages, whole
from accord.cli.errors import LocalError
from accord.cli.options import remote, writing
from accord.v1 import catalogue_pb2, catalogue_service_pb2, decision_pb2


@click.group()
def catalogue() -> None:
    """What the brand may ask and do."""


@catalogue.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--expected-version", type=int, default=0, help="The version it replaces, to be sure.")
@writing
@remote
def apply(  # noqa: PLR0913 - click hands over one argument for each option
    brand: str, server: str, as_json: bool, file: Path, expected_version: int, request_id: str
) -> None:
    """Make the catalogue in FILE the one that counts from now on."""
    request = catalogue_service_pb2.ApplyRequest(
        brand=brand, request_id=request_id, catalogue=read(file), expected_version=expected_version
    )
    with connect(server) as connection:
        tell.answer(connection.ask(connection.catalogues.Apply, request), _applied, as_json=as_json)


@catalogue.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rules-edition", default="", help="The edition of the rule packs, instead of the one in FILE.")
@click.option("--expected-version", type=int, default=0, help="The version it would replace, to be sure.")
@click.option("--at", "decision_time", type=TimeType(), help="Ask at this instant, now or later. Left out: now.")
@click.option("--topic", default="", help="The topic every question names, as alerts need one.")
@click.option("--place", default="", help="The place every question names, as offers in a store need one.")
@click.option("--recipient", default="", help="The third party every question names.")
@click.option("--samples", type=click.IntRange(0, 10), default=0, help="Show so many customers of each change.")
@click.option("--language", default="", metavar="TAG", help="Of the words of samples: en or fr. Left out: en.")
@remote
def simulate(server: str, as_json: bool, file: Path | None, rules_edition: str, **asked: Any) -> None:  # noqa: ANN401 - a simulation's sides
    """Say whose answers the catalogue in FILE would change, and append nothing. Left out: the one that counts now."""
    with connect(server) as connection:
        if file is None:
            now = catalogue_service_pb2.GetRequest(brand=asked["brand"])
            supposed = connection.ask(connection.catalogues.Get, now).catalogue
        else:
            supposed = read(file)
        supposed.rules_edition = rules_edition or supposed.rules_edition
        request = catalogue_service_pb2.SimulateRequest(catalogue=supposed, **asked)
        found = catalogue_service_pb2.SimulateResponse()
        with tell.bar("comparing customers") as show:
            for part in connection.stream(connection.catalogues.Simulate, request):
                found.MergeFrom(part)
                show(part.customers_compared, part.customers_total)
    tell.answer(found, _simulated, as_json=as_json)


@catalogue.command()
@click.option("--version", type=int, default=0, help="Left out: the one that counts now.")
@remote
def show(brand: str, server: str, as_json: bool, version: int) -> None:
    """Show a version of the catalogue."""
    request = catalogue_service_pb2.GetRequest(brand=brand, version=version)
    with connect(server) as connection:
        tell.answer(connection.ask(connection.catalogues.Get, request), _shown, as_json=as_json)


@catalogue.command()
@remote
def versions(brand: str, server: str, as_json: bool) -> None:
    """List the versions of the catalogue, oldest first; the last one counts now."""
    request = catalogue_service_pb2.ListRequest(brand=brand)
    with connect(server) as connection:
        tell.answer(whole(pages(connection, connection.catalogues.List, request)), _versions, as_json=as_json)


def read(file: Path) -> catalogue_pb2.Catalogue:
    """Return the catalogue in a TOML or JSON file. Raises LocalError saying what is wrong with it."""
    try:
        told: Any = (
            tomllib.loads(file.read_text("utf-8")) if file.suffix == ".toml" else msgspec.json.decode(file.read_bytes())
        )
        message = catalogue_pb2.Catalogue()
        json_format.ParseDict(told, message)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, json_format.ParseError, UnicodeDecodeError) as error:
        raise LocalError(f"{file.name} is no catalogue: {error}") from error
    return message


def _applied(found: catalogue_service_pb2.ApplyResponse) -> None:
    click.echo(f"catalogue version {found.version} counts now")
    tell.receipt(found.receipt)


def _simulated(found: catalogue_service_pb2.SimulateResponse) -> None:
    it = found.summary
    click.echo(
        f"asked as of {tell.when(it.decision_time)}: catalogue {it.version_before}, which counts, "
        f"and {it.version_after}, which was supposed"
    )
    click.echo(
        f"{it.customers_flipped} of {it.customers} customers would get another verdict, {it.flips} flips in all; "
        f"other rules bind {it.pairs_bound_otherwise} of {it.pairs} pairs of purpose and channel"
    )
    if found.changes:
        rows = ((each.purpose, each.channel, *_sides(each), str(each.customers)) for each in found.changes)
        tell.table(("purpose", "channel", "now", "then", "customers"), rows)
    for change in found.changes:
        for sample in change.samples:
            _sample(change, sample)


def _sides(it: catalogue_service_pb2.AnswerChange) -> tuple[str, str]:
    return _ruling(it.verdict_before, it.reason_before), _ruling(it.verdict_after, it.reason_after)


def _ruling(verdict: decision_pb2.Verdict.ValueType, reason: decision_pb2.DecisionReason.ValueType) -> str:
    found = decision_pb2.Decision(verdict=verdict, reason=reason)
    return f"{tell.verdict_of(found)} {tell.reason_of(found)}" if verdict else "cannot be asked"


def _sample(change: catalogue_service_pb2.AnswerChange, sample: catalogue_service_pb2.AnswerSample) -> None:
    on = f" on {change.channel}" if change.channel else ""
    click.echo(f"\n{change.purpose}{on}, the customer of entry {sample.position}")
    for name, known, decision in (
        ("now", sample.HasField("before"), sample.before),
        ("then", sample.HasField("after"), sample.after),
    ):
        click.echo(f"{name}:" if known else f"{name}: cannot be asked")
        if known:
            tell.decision(decision)


def _versions(found: catalogue_service_pb2.ListResponse) -> None:
    rows = ((str(each.version), tell.when(each.recorded_time), str(each.position)) for each in found.versions)
    tell.table(("version", "counted from", "entry"), rows)


def _shown(response: catalogue_service_pb2.GetResponse) -> None:
    found = response.catalogue
    click.echo(f"{found.controller}, catalogue version {response.version}, entry {response.position}")
    for title, codes in (
        ("channels", [each.code for each in found.channels]),
        ("purposes", [each.code for each in found.purposes]),
        ("levels", [each.code for each in found.levels]),
        ("touchpoints", [f"{each.code} ({each.level})" for each in found.touchpoints]),
        ("places", [each.code for each in found.places]),
        ("bases", [each.id for each in found.bases]),
        ("caps", [each.id for each in found.caps]),
        ("hours", [each.id for each in found.hours]),
    ):
        click.echo(f"  {title:<12} {', '.join(codes)}")


COMMANDS = (catalogue,)
