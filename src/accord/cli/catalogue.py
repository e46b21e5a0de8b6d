"""`accord catalogue apply | show | versions`: a catalogue as a TOML or JSON file in the field names of the proto."""

import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec
from google.protobuf import json_format

from accord.cli import tell
from accord.cli.connect import connect, pages, whole
from accord.cli.errors import LocalError
from accord.cli.options import remote, writing
from accord.v1 import catalogue_pb2, catalogue_service_pb2


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
