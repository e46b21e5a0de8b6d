"""`accord serve`: one process that serves, or a supervisor and the workers it starts by `accord worker`.

What must be done once (migration, the operator's token, the sample, the followers) is done here, by
the process that was started; a worker only serves. Everybody proves the ledger before serving it.
"""

import fcntl
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import click

from accord.cli.errors import LocalError
from accord.cli.local import installed, read_config
from accord.config import OPERATOR_TOKEN, Config
from accord.keys.callers import ANY_BRAND, ROLES
from accord.workers import port
from accord.workers.lifeline import Lifeline
from accord.workers.supervisor import Supervisor, WorkerFailedError
from accord.workers.worker import Worker

_LOOK_SECONDS = 0.1
_LOOKS = 10
"""How many looks whether to end come to one look at what the scrub found."""

_STOPPING = "stopping: calls under way finish first"
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--listen", help="Where to listen (ACCORD_LISTEN).  [default: 127.0.0.1:50051]")
@click.option("--database", help="URL of the ledger's database (ACCORD_DATABASE).  [default: SQLite]")
@click.option("--workers", type=int, help="Processes that share the port (ACCORD_WORKERS).  [default: 1]")
@click.option("--tls-certificate", type=_FILE, help="The server's certificate in PEM (ACCORD_TLS_CERTIFICATE).")
@click.option("--tls-key", type=_FILE, help="Its private key in PEM (ACCORD_TLS_KEY).")
@click.option("--tls-client-ca", type=_FILE, help="Whose certificates callers must show (ACCORD_TLS_CLIENT_CA).")
@click.option("--sample", is_flag=True, help="Load the sample brand first, if it is not there yet.")
def serve(sample: bool, **options: object) -> None:
    """Serve until SIGTERM or SIGINT. Calls under way may finish. With workers, SIGHUP renews them one by one."""
    config = read_config(**options)
    with installed(config) as installation:
        _make_current(installation, config)
        installation.examine_secrets()
        _make_operator(installation, config)
        if sample:
            _load_sample(config)
        # What was damaged and is put back fits again, and is served.
        installation.scrub.look_again()
        installation.proven.prove()
        installation.key_rotation.finish()
        # Whatever an erasure left undone, or a backup brought back, is done before anybody can ask.
        installation.erasures.finish()
        if config.workers == 1:
            _serve_alone(installation, config)
        else:
            _serve_by_workers(installation, config)
        installation.keep_checkpoints()


@click.command(hidden=True)
@click.argument("seat", type=int)
@click.argument("descriptor", type=int)
def worker(seat: int, descriptor: int) -> None:
    """Serve in SEAT for a supervisor until it lets go of DESCRIPTOR, or SIGTERM. Only `accord serve` starts this."""
    lifeline = Lifeline(descriptor)
    # Ctrl-C and a closed terminal reach every process; the supervisor decides what they mean.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    config = read_config()
    with installed(config) as installation:
        installation.proven.prove()
        server = _server(installation, config, seat)
        told = _noted(signal.SIGTERM)
        server.start()
        lifeline.tell_serving()
        _watch(installation, server, lambda: bool(told) or lifeline.is_cut(_LOOK_SECONDS))
        server.stop(config.drain_seconds)


def _serve_alone(installation: Any, config: Config) -> None:  # noqa: ANN401 - an installation
    server = _server(installation, config)
    told = _noted(signal.SIGTERM, signal.SIGINT)
    server.start()
    installation.followers.start()
    _say_where(config, server.port)

    def told_after_a_while() -> bool:
        # A wait without end can miss a signal that another thread was given.
        time.sleep(_LOOK_SECONDS)
        return bool(told)

    _watch(installation, server, told_after_a_while)
    click.echo(_STOPPING)
    server.stop(config.drain_seconds)


def _watch(installation: Any, server: Any, ended: Callable[[], bool]) -> None:  # noqa: ANN401 - as before
    """Until the end, which takes a while to ask for, look now and then whether what is served was found damaged."""
    for turn in count():
        if ended():
            return
        if not turn % _LOOKS:
            server.tell_health(serving=installation.proven.look())


def _serve_by_workers(installation: Any, config: Config) -> None:  # noqa: ANN401 - an installation
    if not port.SHARING:
        raise LocalError("processes cannot share a port on this system: leave ACCORD_WORKERS at 1")
    installation.examine_certificates()
    with ExitStack() as stack:
        try:
            address = stack.enter_context(port.held(config.listen))
        except OSError as error:
            raise _taken(config) from error
        supervisor = Supervisor(_starter(config, address), config.workers, config.drain_seconds)
        for number, act in (
            (signal.SIGTERM, supervisor.stop),
            (signal.SIGINT, supervisor.stop),
            (signal.SIGHUP, supervisor.renew),
        ):
            signal.signal(number, _ignoring_arguments(act))
        try:
            supervisor.start()
        except WorkerFailedError as error:
            raise LocalError(f"{error}: what it said stands above") from error
        installation.followers.start()
        _say_where(config, int(address.rpartition(":")[2]))
        supervisor.run(lambda: click.echo(_STOPPING))


def _starter(config: Config, address: str) -> Callable[[int, float], Worker]:
    """Return what starts the worker of a seat, on a core of its own as long as there are enough."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [config.core]
    # Not from the folder that the server happens to be started in.
    command = (sys.executable, "-P", "-m", "accord", "worker")

    def start(seat: int, now: float) -> Worker:
        told = config.environment() | {"ACCORD_LISTEN": address, "ACCORD_CORE": str(cores[seat % len(cores)])}
        return Worker((*command, str(seat)), {**os.environ, **told}, now)

    return start


def _server(installation: Any, config: Config, seat: int | None = None) -> Any:  # noqa: ANN401 - an installation, a server
    """Return a server ready to start, and the process settled for serving."""
    _pin(config.core)
    # What is loaded by now stays: the collector need not look at it again with every call.
    gc.collect()
    gc.freeze()
    try:
        return installation.server(seat)
    except RuntimeError as error:
        raise _taken(config) from error


def _taken(config: Config) -> LocalError:
    other = "set ACCORD_LISTEN to serve on another port, and ACCORD_SERVER to ask there"
    return LocalError(f"cannot listen on {config.listen}: is another server running there? If so {other}")


def _pin(core: int) -> None:
    """Keep the process on one core: its threads share one interpreter, and changing cores doubles their cost."""
    if hasattr(os, "sched_setaffinity"):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core if core in allowed else max(allowed)})


def _noted(*signals: signal.Signals) -> list[int]:
    """Return a list that gets an item whenever one of the signals comes."""
    told: list[int] = []
    for number in signals:
        signal.signal(number, lambda *_: told.append(1))
    return told


def _ignoring_arguments(act: Callable[[], None]) -> Callable[..., None]:
    return lambda *_: act()


def _say_where(config: Config, number: int) -> None:
    host = config.listen.rpartition(":")[0]
    by = f" by {config.workers} workers" if config.workers > 1 else ""
    click.echo(f"Accord serves on {host}:{number}{by} (data in {config.data}). Stop it with Ctrl-C.")


def _make_current(installation: Any, config: Config) -> None:  # noqa: ANN401 - an installation
    if config.embedded:
        installation.migrate()
    elif not installation.is_current():
        raise LocalError("the database is not at the newest revision: run `accord migrate` first")


def _make_operator(installation: Any, config: Config) -> None:  # noqa: ANN401 - an installation
    """Give the person at this machine a token with every role, once; services get their own."""
    path = config.data / OPERATOR_TOKEN
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        # Servers that share the folder and start together must agree: the token kept is the one that is known.
        fcntl.flock(lock, fcntl.LOCK_EX)
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
    """Load it, and say so where there is something to load: a loaded one makes no progress."""
    bars: list[Any] = []
    with ExitStack() as shown:

        def progress(done: int, total: int) -> None:
            if not bars:
                bar = click.progressbar(length=total, label="Loading a year of the sample brand")
                bars.append(shown.enter_context(bar))
            bars[0].update(done - bars[0].pos)

        try:
            click.get_current_context().obj.load_sample(config, progress)
        except ValueError as error:
            raise LocalError(str(error)) from error


COMMANDS = (serve, worker)
