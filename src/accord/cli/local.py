"""Commands on this machine's own installation: serve, migrate, audit, config, tokens."""

import gc
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from accord.cli import tell
from accord.cli.connect import OPERATOR_TOKEN
from accord.config import Config
from accord.keys.callers import ANY_BRAND, ROLES, CallersError
from accord.keys.secrets import SecretsError
from accord.ledger.store import StoreUnavailableError
from accord.service.guard import LedgerUnprovenError
from accord.telemetry.logs import write_logs

_AUDIT_FAILED = 1
_LOOK_SECONDS = 0.1
_GARBAGE_THRESHOLDS = (50_000, 20, 50)


class LocalError(Exception):
    """What was asked cannot be done here; the message says why and what to do."""


def _config(**options: object) -> Config:
    data = click.get_current_context().find_root().meta.get("data")
    return Config.read(os.environ, data=data, **options)


@contextmanager
def _installed(config: Config) -> Iterator[Any]:
    """Open the installation, and close it; what opening raises becomes a plain sentence."""
    write_logs(config.log_format, config.log_level)
    try:
        installation = click.get_current_context().obj.install(config)
    except (ValueError, SecretsError, StoreUnavailableError) as error:
        raise LocalError(str(error)) from error
    try:
        yield installation
    except StoreUnavailableError as error:
        cause = error.__cause__ or error
        raise LocalError(f"{error}: {type(cause).__name__}; is ACCORD_DATABASE right, and the server up?") from error
    except (LedgerUnprovenError, CallersError) as error:
        raise LocalError(str(error)) from error
    finally:
        installation.close()


@click.command()
@click.option("--listen", help="Where to listen (ACCORD_LISTEN).  [default: 127.0.0.1:50051]")
@click.option("--database", help="URL of the ledger's database (ACCORD_DATABASE).  [default: SQLite]")
@click.option("--sample", is_flag=True, help="Load the sample brand first, if it is not there yet.")
def serve(listen: str | None, database: str | None, sample: bool) -> None:
    """Serve until SIGTERM or SIGINT. Calls under way may finish."""
    config = _config(listen=listen, database=database)
    with _installed(config) as installation:
        _make_current(installation, config)
        _make_operator(installation, config)
        if sample:
            _load_sample(config)
        installation.proven.prove()
        _pin(config.core)
        # What is loaded by now stays: the collector need not look at it again with every call.
        gc.collect()
        gc.freeze()
        # Calls leave next to nothing that only the collector can free, and it costs a write a twentieth.
        gc.set_threshold(*_GARBAGE_THRESHOLDS)
        try:
            server = installation.server()
        except RuntimeError as error:
            raise LocalError(f"cannot listen on {config.listen}: is another server running there?") from error
        told: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.append(1))
        server.start()
        host = config.listen.rpartition(":")[0]
        click.echo(f"Accord serves on {host}:{server.port} (data in {config.data}). Stop it with Ctrl-C.")
        while not told:
            # A wait without end can miss a signal that another thread was given.
            time.sleep(_LOOK_SECONDS)
        click.echo("stopping: calls under way finish first")
        server.stop(config.drain_seconds)
        installation.keep_checkpoints()


def _make_current(installation: Any, config: Config) -> None:  # noqa: ANN401 - an installation
    if config.embedded:
        installation.migrate()
    elif not installation.is_current():
        raise LocalError("the database is not at the newest revision: run `accord migrate` first")


def _make_operator(installation: Any, config: Config) -> None:  # noqa: ANN401 - an installation
    """Give the person at this machine a token with every role, once; services get their own."""
    path = config.data / OPERATOR_TOKEN
    if path.exists() and path.read_text("utf-8").strip():
        return
    token = installation.callers.add("operator", ANY_BRAND, ROLES)
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _load_sample(config: Config) -> None:
    with click.progressbar(length=1, label="Loading a year of the sample brand") as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        try:
            click.get_current_context().obj.load_sample(config, progress)
        except ValueError as error:
            raise LocalError(str(error)) from error
        bar.update((bar.length or 0) - bar.pos)


def _pin(core: int) -> None:
    """Keep the process on one core: its threads share one interpreter, and changing cores doubles their cost."""
    if hasattr(os, "sched_setaffinity"):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core if core in allowed else max(allowed)})


@click.command()
@click.option("--database", help="URL of the ledger's database (ACCORD_DATABASE).")
@click.option("--json", "as_json", is_flag=True, help="Print the revisions as JSON.")
def migrate(database: str | None, as_json: bool) -> None:
    """Bring the databases to the newest revision."""
    with _installed(_config(database=database)) as installation:
        ledger, keys = installation.migrate()
    if as_json:
        _print_json({"ledger": ledger, "keys": keys})
    else:
        click.echo(f"ledger at revision {ledger}, keys at revision {keys}")


@click.command()
@click.option("--brand", envvar="ACCORD_BRAND", help="One brand (ACCORD_BRAND). Left out: all.")
@click.option("--database", help="URL of the ledger's database (ACCORD_DATABASE).")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def audit(brand: str | None, database: str | None, as_json: bool) -> None:
    """Fold the ledger again and compare all that follows. Every leaf, state and root is; exits 1 on any fault."""
    with _installed(_config(database=database)) as installation:
        brands = [brand] if brand else installation.brands()
        if brand and brand not in installation.brands():
            raise LocalError("the brand has no ledger here")
        with tell.progress("folding every entry again"):
            reports = [installation.audit(each) for each in brands]
    for report in reports:
        if as_json:
            body = {
                "ledger": report.ledger,
                "entries": report.entries,
                "customers": report.customers,
                "root": report.root.hex(),
                "faults": report.faults,
            }
            _print_json(body)
            continue
        click.echo(f"{report.ledger}: {report.entries} entries, root {report.root.hex()}")
        for fault in report.faults:
            click.secho(f"  fault: {fault}", fg="red")
        if not report.faults:
            click.secho("  every leaf, chain, state and root follows from the entries", fg="green")
    if any(report.faults for report in reports):
        raise SystemExit(_AUDIT_FAILED)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def config(as_json: bool) -> None:
    """Show every setting in force, and the variable that sets it. Secrets are not shown."""
    found = _config()
    shown = {name: _without_password(str(getattr(found, name))) for name in found.__struct_fields__} | {
        "database": _without_password(found.database_url),
        "keys_database": _without_password(found.keys_url),
    }
    if as_json:
        _print_json(shown)
        return
    for name, value in shown.items():
        click.echo(f"ACCORD_{name.upper():<20} {value}")


@click.group()
def tokens() -> None:
    """Who may call, for which brand, in which roles."""


@tokens.command("add")
@click.argument("name")
@click.option("--brand", required=True, help="The brand, or * for every brand.")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the caller and the token as JSON.")
def add_token(name: str, brand: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Give the caller NAME a token, and print it this once. A token NAME had before ends."""
    with _installed(_config()) as installation:
        token = installation.callers.add(name, brand, roles)
    if as_json:
        _print_json({"name": name, "brand": brand, "roles": roles, "token": token})
    else:
        click.echo(token)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the callers as JSON.")
def list_tokens(as_json: bool) -> None:
    """List the callers, without their tokens."""
    with _installed(_config()) as installation:
        callers = installation.callers.all()
    if as_json:
        _print_json([{"name": each.name, "brand": each.brand, "roles": each.roles} for each in callers])
    else:
        tell.table(("name", "brand", "roles"), ((each.name, each.brand, ", ".join(each.roles)) for each in callers))


@tokens.command("remove")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the caller as JSON.")
def remove_token(name: str, as_json: bool) -> None:
    """Take the token of NAME back; it counts at once."""
    with _installed(_config()) as installation:
        if not installation.callers.remove(name):
            raise LocalError("there is no such caller; `accord tokens list` shows them")
    if as_json:
        _print_json({"name": name, "removed": True})
    else:
        click.echo("the token no longer counts")


def _print_json(told: object) -> None:
    click.echo(msgspec.json.encode(told).decode())


def _without_password(text: str) -> str:
    before, at, after = text.rpartition("@")
    if not at or "://" not in before:
        return text
    scheme, _, login = before.partition("://")
    return f"{scheme}://{login.partition(':')[0]}:…@{after}"


COMMANDS = (serve, migrate, audit, config, tokens)
