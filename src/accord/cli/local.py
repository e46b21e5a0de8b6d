"""Commands on this machine's own installation: migrate, audit, scrub, config, tokens; and how one is opened."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from accord.cli import tell
from accord.cli.errors import LocalError
from accord.config import Config, refuse_unknown
from accord.keys.callers import ROLES, CallerKnownError, CallersError
from accord.keys.certificates import CertificateError
from accord.keys.kek import KeyUnreadableError
from accord.keys.secrets import SecretsError
from accord.keys.sources import sources
from accord.ledger.lookup import PepperMissingError
from accord.ledger.store import StoreUnavailableError
from accord.service.erasure_saga import ErasureIncompleteError
from accord.service.errors import CallError
from accord.service.guard import LedgerUnprovenError
from accord.telemetry.logs import write_logs

_AUDIT_FAILED = 1


def read_config(**options: object) -> Config:
    """Return the settings, as options and the environment tell them. Raises ConfigError, for what is no setting too."""
    refuse_unknown(os.environ)
    data = click.get_current_context().find_root().meta.get("data")
    return Config.read(os.environ, data=data, **options)


@contextmanager
def installed(config: Config) -> Iterator[Any]:
    """Open the installation, and close it; what opening raises becomes a plain sentence."""
    write_logs(config.log_format, config.log_level)
    try:
        installation = click.get_current_context().obj.install(config)
    except SecretsError as error:
        file = _files().get(error.variable)
        raise LocalError(f"{error}: see {file}, which {error.variable}_FILE names" if file else str(error)) from error
    except (ValueError, StoreUnavailableError) as error:
        raise LocalError(str(error)) from error
    except OSError as error:
        told = f"ACCORD_DATA ({config.data}) cannot be used: {error.strerror}"
        raise LocalError(f"{told}; it must be a folder that this process may write to") from error
    try:
        yield installation
    except PepperMissingError as error:
        raise LocalError(str(error)) from error
    except StoreUnavailableError as error:
        cause = error.__cause__ or error
        raise LocalError(f"{error}: {type(cause).__name__}; is ACCORD_DATABASE right, and the server up?") from error
    except KeyUnreadableError as error:
        told = "ACCORD_KEK, or else the files kek-N in the secrets of ACCORD_DATA, must be those it was wrapped with"
        raise LocalError(f"{error}: {told}") from error
    except (LedgerUnprovenError, CallersError, CertificateError, ErasureIncompleteError) as error:
        raise LocalError(str(error)) from error
    except CallError as error:
        raise LocalError(error.problem.text) from error
    finally:
        installation.close()


@click.command()
@click.option("--database", help="URL of the ledger's database (ACCORD_DATABASE).")
@click.option("--json", "as_json", is_flag=True, help="Print the revisions as JSON.")
def migrate(database: str | None, as_json: bool) -> None:
    """Bring the databases to the newest revision."""
    with installed(read_config(database=database)) as installation:
        ledger, keys = installation.migrate()
    if as_json:
        print_json({"ledger": ledger, "keys": keys})
    else:
        click.echo(f"ledger at revision {ledger}, keys at revision {keys}")


@click.command()
@click.option("--brand", envvar="ACCORD_BRAND", help="One brand (ACCORD_BRAND). Left out: all.")
@click.option("--database", help="URL of the ledger's database (ACCORD_DATABASE).")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def audit(brand: str | None, database: str | None, as_json: bool) -> None:
    """Fold the ledger again and compare all that follows. Every leaf, state and root is; exits 1 on any fault."""
    with installed(read_config(database=database)) as installation:
        brands = [brand] if brand else installation.brands()
        if brand and brand not in installation.brands():
            raise LocalError("the brand has no ledger here")
        with tell.progress("folding every entry again") as show:
            reports = [installation.audit(each, show) for each in brands]
    for report in reports:
        if as_json:
            body = {
                "ledger": report.ledger,
                "entries": report.entries,
                "customers": report.customers,
                "root": report.root.hex(),
                "faults": report.faults,
            }
            print_json(body)
            continue
        click.echo(f"{report.ledger}: {report.entries} entries, root {report.root.hex()}")
        for fault in report.faults:
            click.secho(f"  fault: {fault}", fg="red")
        if not report.faults:
            click.secho("  every leaf, chain, state and root follows from the entries", fg="green")
    if any(report.faults for report in reports):
        raise SystemExit(_AUDIT_FAILED)


@click.command()
@click.option("--database", help="URL of the ledger's database (ACCORD_DATABASE).")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def scrub(database: str | None, as_json: bool) -> None:
    """Read all that is stored again, and hold it to its hashes.

    Every leaf, ciphertext and tile of all ledgers is read; exits 1 on any fault.

    A server does the same all the time, slowly. Needs no key; `accord audit` compares the meaning too.
    """
    with (
        installed(read_config(database=database)) as installation,
        tell.progress("reading every entry again") as show,
    ):
        marks = installation.scrub.whole_round(show)
    if as_json:
        print_json([{"ledger": each.ledger, "faults": each.faults} for each in marks])
    for mark in () if as_json else marks:
        click.echo(mark.ledger)
        for fault in mark.faults:
            click.secho(f"  fault: {fault}", fg="red")
        if not mark.faults:
            click.secho("  every leaf, ciphertext and tile fits the tree and the checkpoint", fg="green")
    if any(mark.faults for mark in marks):
        raise SystemExit(_AUDIT_FAILED)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def config(as_json: bool) -> None:
    """Show every setting in force, and the variable that sets it. Of secrets it shows where they come from."""
    found = read_config()
    told = {f"ACCORD_{name.upper()}": getattr(found, name) for name in found.__struct_fields__}
    told |= {"ACCORD_DATABASE": found.database_url, "ACCORD_KEYS_DATABASE": found.keys_url}
    shown = {name: "" if value is None else _without_password(str(value)) for name, value in told.items()}
    shown |= sources(found.data / "secrets", os.environ, _files()) | _of_telemetry()
    if as_json:
        print_json({name.removeprefix("ACCORD_").lower(): value for name, value in shown.items()})
        return
    for name, value in shown.items():
        click.echo(f"{name:<27} {value}".rstrip())


def _of_telemetry() -> dict[str, str]:
    """Return what OpenTelemetry is told. Headers hold keys of whoever collects, and are not shown."""
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": ""} | {
        name: text for name, text in sorted(os.environ.items()) if name.startswith("OTEL_")
    }
    return {
        name: "set, not shown" if name.endswith("_HEADERS") and text else _without_password(text)
        for name, text in told.items()
    }


def _files() -> dict[str, str]:
    """Return the files that variables were read from, by variable."""
    return dict(click.get_current_context().find_root().meta.get("files", {}))


@click.group()
def tokens() -> None:
    """Who may call, for which brand, in which roles."""


@tokens.command("add")
@click.argument("name")
@click.option("--brand", required=True, help="The brand, or * for every brand.")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, required=True)
@click.option(
    "--certificate-name",
    default="",
    help="Instead of a token: a DNS name or URI (such as a SPIFFE ID) that the caller's certificate has.",
)
@click.option("--replace", is_flag=True, help="Where NAME is known already: what it calls by now ends at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the caller and the token as JSON.")
def add_token(  # noqa: PLR0913 - what a caller is, and how it is told
    name: str, brand: str, roles: tuple[str, ...], certificate_name: str, replace: bool, as_json: bool
) -> None:
    """Give the caller NAME a token, and print it this once. Where it was added is told on standard error."""
    config = _read_standing_config()
    if certificate_name and config.tls_client_ca is None:
        click.echo("no certificate is asked for yet: the server needs ACCORD_TLS_CLIENT_CA", err=True)
    with installed(config) as installation:
        try:
            if certificate_name:
                installation.callers.add_certificate(name, brand, roles, certificate_name, replace=replace)
                given = {"certificate_name": certificate_name}
            else:
                given = {"token": installation.callers.add(name, brand, roles, replace=replace)}
        except CallerKnownError as error:
            raise LocalError(f"{name}: {error}; --replace ends what it calls by, and gives it this instead") from error
    click.echo(f"added in {config.data.absolute()}", err=True)
    if as_json:
        print_json({"name": name, "brand": brand, "roles": roles, **given})
    else:
        click.echo(given.get("token") or f"{name} calls by a certificate for {certificate_name}")


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the callers as JSON.")
def list_tokens(as_json: bool) -> None:
    """List the callers, without their tokens."""
    with installed(_read_standing_config()) as installation:
        callers = installation.callers.all()
    if as_json:
        print_json(
            [
                {"name": each.name, "brand": each.brand, "roles": each.roles, "certificate_name": each.certificate_name}
                for each in callers
            ]
        )
    else:
        rows = ((each.name, each.brand, ", ".join(each.roles), each.certificate_name or "token") for each in callers)
        tell.table(("name", "brand", "roles", "known by"), rows)


@tokens.command("remove")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the caller as JSON.")
def remove_token(name: str, as_json: bool) -> None:
    """Take back what NAME calls by; it counts at once."""
    with installed(_read_standing_config()) as installation:
        if not installation.callers.remove(name):
            raise LocalError("there is no such caller; `accord tokens list` shows them")
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        click.echo("the caller is no longer known")


def _read_standing_config() -> Config:
    """Return the settings, of an installation that was named or that stands here: no command on callers begins one."""
    config = read_config()
    named = click.get_current_context().find_root().meta.get("data") or os.environ.get("ACCORD_DATA")
    if not named and not config.data.is_dir():
        raise LocalError(f"no installation is in {config.data.absolute()}: set ACCORD_DATA to the server's data folder")
    return config


def print_json(told: object) -> None:
    """Print what a local command has to tell as JSON."""
    click.echo(msgspec.json.encode(told).decode())


def _without_password(text: str) -> str:
    before, at, after = text.rpartition("@")
    if not at or "://" not in before:
        return text
    scheme, _, login = before.partition("://")
    return f"{scheme}://{login.partition(':')[0]}:…@{after}"


COMMANDS = (migrate, audit, scrub, config, tokens)
