"""A real `accord serve` in a process of its own, for tests that race, stop, kill and restart it.

A `Site` is one data folder and one database; any number of servers serve it, each on a loopback
port of its own. Waiting is always for something seen (a port that answers, a process that ended),
with a deadline. Whatever still runs when the site closes is killed.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from click.testing import CliRunner
from google.protobuf import json_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.databases import Databases, Kind

from accord.app import Installation, load_sample_brand, play_sample_demo
from accord.cli.completion import PROGRAM
from accord.cli.main import Accord, accord
from accord.client import Connection
from accord.config import Config
from accord.domain.terms import BrandId
from accord.service.audit import AuditReport
from accord.v1 import (
    catalogue_pb2,
    catalogue_service_pb2,
    contact_service_pb2,
    customer_pb2,
    decision_pb2,
    evidence_pb2,
    permission_pb2,
    permission_service_pb2,
)

BRAND = "maison"
PATIENCE_SECONDS = 60
"""How long anything may take on a busy machine before a test gives up."""

CAP = 3
"""How many offers the catalogue below allows in a week, over all channels."""

CATALOGUE: dict[str, Any] = {
    "controller": "Maison",
    "country": "FR",
    "controller_details": {
        "address": "1 rue de l'Exemple, Paris",
        "contact": "privacy@maison.example",
        "rights_url": "https://maison.example/privacy",
        "storage_countries": ["FR"],
    },
    "channels": [
        {"code": "email", "contact_point_kind": "CONTACT_POINT_KIND_EMAIL"},
        {"code": "sms", "contact_point_kind": "CONTACT_POINT_KIND_PHONE"},
    ],
    "purposes": [
        {"code": "marketing.callback", "purpose_class": "PURPOSE_CLASS_MARKETING"},
        {"code": "marketing.news", "purpose_class": "PURPOSE_CLASS_MARKETING"},
        {"code": "marketing.offer", "purpose_class": "PURPOSE_CLASS_MARKETING"},
        {"code": "service.opt_in", "purpose_class": "PURPOSE_CLASS_CONFIRMATION"},
    ],
    "levels": [
        {"code": "contact_once", "uses": 1},
        {"code": "ongoing"},
        {"code": "confirmed", "confirmation_hours": 48, "confirmed_otherwise": True},
        {"code": "linked", "confirmation_hours": 48},
    ],
    "notices": [
        {
            "code": "callback-1",
            "purposes": ["marketing.callback"],
            "channels": ["email", "sms"],
            "texts": [{"language": "en", "text": "You may answer me, once."}],
        },
        {
            "code": "club-1",
            "purposes": ["marketing.news", "marketing.offer"],
            "channels": ["email", "sms"],
            "texts": [{"language": "en", "text": "You may send me news and offers."}],
        },
    ],
    "touchpoints": [
        {"code": "qr_code", "level": "contact_once", "notice": "callback-1"},
        {"code": "till", "level": "ongoing", "notice": "club-1"},
        {"code": "web_form", "level": "confirmed", "notice": "club-1"},
        {"code": "newsletter_form", "level": "linked", "notice": "club-1"},
    ],
    "bases": [{"id": "permission", "basis": "BASIS_PERMISSION", "purpose_class": "PURPOSE_CLASS_MARKETING"}],
    "caps": [{"id": "offers", "limit": CAP, "days": 7, "purposes": ["marketing.offer"]}],
}


class StartFailedError(AssertionError):
    """A server ended before it served; `code` is how, `told` what it said."""

    def __init__(self, code: int, told: str) -> None:
        super().__init__(f"`accord serve` ended with {code}:\n{told}")
        self.code = code
        self.told = told


class Server:
    """One server process of a site."""

    def __init__(self, site: "Site", listen: str, log: Path, core: int | None) -> None:
        self.address = listen
        self._log = log
        with log.open("wb") as out, _on_core(core):
            self.process = subprocess.Popen(
                site.command("serve", "--listen", listen),
                env=site.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def told(self) -> str:
        """What the server printed so far."""
        return self._log.read_text("utf-8", "replace")

    def wait_until_serving(self) -> None:
        """Return once its health is SERVING. Raises StartFailedError when it ends instead."""
        wait_for(self._is_serving, f"{self.address} to serve")

    def workers(self) -> list[int]:
        """Return the numbers of its worker processes; none where it serves alone."""
        return [number for number in _children(self.process.pid) if b"worker" in _command_line(number)]

    def kill(self) -> None:
        """Kill it as the kernel would: no signal handler, no farewell."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once."""
        self.process.send_signal(signal.SIGTERM)

    def wait_until_ended(self) -> int:
        """Return its exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """Send SIGTERM and return its exit code."""
        self.ask_to_stop()
        return self.wait_until_ended()

    def _is_serving(self) -> bool:
        code = self.process.poll()
        if code is not None:
            raise StartFailedError(code, self.told)
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        with grpc.insecure_channel(self.address) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class Site:
    """One data folder and one database; `database` empty is SQLite inside the folder."""

    def __init__(self, folder: Path, database: str = "", settings: Mapping[str, str] | None = None) -> None:
        self.data = folder / "data"
        self.database = database
        self.servers: list[Server] = []
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ACCORD_")}
        self.environment |= {"ACCORD_DATA": str(self.data), "ACCORD_BRAND": BRAND, **(settings or {})}
        if database:
            self.environment["ACCORD_DATABASE"] = database
        self._folder = folder

    @classmethod
    def fresh(cls, kind: Kind, databases: Databases, folder: Path, settings: Mapping[str, str] | None = None) -> Self:
        """Return a site on a new database that is ready to be served."""
        return cls(folder, databases.fresh(kind) if kind == "postgres" else "", settings)

    @property
    def token(self) -> str:
        """The operator's token, there once a server has started."""
        return (self.data / "operator.token").read_text("utf-8").strip()

    @property
    def sqlite_file(self) -> Path:
        """The ledger's file, where the site lives in SQLite."""
        return self.data / "accord.db"

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `accord` with its arguments."""
        return [sys.executable, "-m", "accord", *arguments]

    def run(self, *arguments: str, expect: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run an `accord` command to its end inside this process, as if piped; `expect` is the exit code it must give.

        To start a process and load all of Accord takes it longer than most commands take.
        """
        told = Accord(Installation, load_sample_brand, play_sample_demo)
        result = CliRunner().invoke(accord, arguments, obj=told, env=self.environment, prog_name=PROGRAM)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return _as_expected(
            subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr), expect
        )

    def run_process(self, *arguments: str, expect: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run an `accord` command to its end in a process of its own: for what serves, and for exit codes."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return _as_expected(done, expect)

    def start(self, address: str | None = None, core: int | None = None) -> Server:
        """Return a server that serves, on a free port unless told an address."""
        for attempt in range(5):
            server = self.launch(address or free_address(), core)
            try:
                server.wait_until_serving()
            except StartFailedError as error:
                # Somebody else was given the port between our look and the server's.
                if address or attempt == 4 or "cannot listen" not in error.told:
                    raise
            else:
                return server
        raise AssertionError("unreachable: the last attempt returns or raises")

    def launch(self, address: str, core: int | None = None) -> Server:
        """Return a server that was just started and may not serve yet; the first finds its databases migrated."""
        if not self.data.exists():
            _lay_out(self.data, with_ledger=not self.database)
        server = Server(self, address, self._folder / f"serve-{len(self.servers)}.log", core)
        self.servers.append(server)
        return server

    def connect(self, server: Server, token: str | None = None) -> Connection:
        """Return a connection to a server, as the operator unless told a token."""
        return Connection(server.address, self.token if token is None else token, PATIENCE_SECONDS)

    def apply_catalogue(self, server: Server) -> None:
        """Open the brand's ledger with the catalogue of this module."""
        with self.connect(server) as connection:
            connection.ask(connection.catalogues.Apply, apply_request())

    def audit(self) -> AuditReport:
        """Fold the brand's ledger again and compare; nobody may write meanwhile."""
        installation = Installation(Config.read({}, data=self.data, database=self.database or None))
        try:
            return installation.audit(BrandId(BRAND))
        finally:
            installation.close()

    def outside_checkpoints(self) -> dict[str, int]:
        """Return the size of each ledger's checkpoint kept outside the database, by its name."""
        notes = [path.read_text("utf-8").split("\n") for path in (self.data / "checkpoints").glob("*.checkpoint")]
        return {lines[0]: int(lines[1]) for lines in notes}

    def close(self) -> None:
        """Kill whatever still runs."""
        for server in self.servers:
            if server.process.poll() is None:
                server.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _as_expected(done: subprocess.CompletedProcess[str], expect: int | None) -> subprocess.CompletedProcess[str]:
    if expect is not None:
        assert done.returncode == expect, f"accord {' '.join(done.args)}: {done.stdout}{done.stderr}"
    return done


def _lay_out(data: Path, *, with_ledger: bool) -> None:
    """Make a data folder as a start leaves it that migrated new databases."""
    data.mkdir(mode=0o700, parents=True)
    for name in ("accord.db", "keys.db") if with_ledger else ("keys.db",):
        shutil.copy(_migrated() / name, data / name)


@cache
def _migrated() -> Path:
    """Return a folder with new databases in SQLite at the newest revision, there until this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="accord-migrated-"))
    atexit.register(shutil.rmtree, folder)
    databases = Databases(folder)
    for which, name in (("ledger", "accord.db"), ("keys", "keys.db")):
        Path(databases.fresh("sqlite", which).removeprefix("sqlite:///")).rename(folder / name)
    return folder


def wait_for(seen: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once `seen` says so; fail when it never does."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, f"waited {seconds} seconds in vain for {what}"
        time.sleep(0.01)


def free_address() -> str:
    """Return a loopback address whose port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call, for what goes past `Connection.ask`: futures and streams."""
    return (("authorization", f"Bearer {token}"),)


def apply_request(request_id: str = "catalogue-1") -> catalogue_service_pb2.ApplyRequest:
    """Return the request that applies the catalogue of this module."""
    catalogue = json_format.ParseDict(CATALOGUE, catalogue_pb2.Catalogue())
    return catalogue_service_pb2.ApplyRequest(brand=BRAND, request_id=request_id, catalogue=catalogue)


def who(customer: str) -> customer_pb2.CustomerKey:
    """Return the key of a customer_id."""
    return customer_pb2.CustomerKey(customer_id=customer)


def email_of(customer: str) -> customer_pb2.ContactPoint:
    """Return the one address a customer of these tests has."""
    return customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_EMAIL, value=f"{customer}@example.com")


def evidence(touchpoint: str) -> evidence_pb2.Evidence:
    """Return the evidence of an act at a touchpoint, just now."""
    return evidence_pb2.Evidence(
        touchpoint=touchpoint,
        language="en",
        method=evidence_pb2.DECLARATION_METHOD_BUTTON,
        declarant=evidence_pb2.DECLARANT_CUSTOMER,
        recorder=evidence_pb2.RECORDER_SYSTEM,
    )


def grant(
    customer: str, touchpoint: str, request_id: str, point: customer_pb2.ContactPoint | None = None
) -> permission_service_pb2.GrantRequest:
    """Return the request by which a customer gives what a touchpoint asks for."""
    return permission_service_pb2.GrantRequest(
        brand=BRAND,
        request_id=request_id,
        customer=who(customer),
        evidence=evidence(touchpoint),
        contact_point=point,
    )


def withdraw(
    customer: str, request_id: str, scope: permission_pb2.RefusalScope | None = None
) -> permission_service_pb2.WithdrawRequest:
    """Return the request by which a customer takes permissions back, all of them unless told a scope."""
    return permission_service_pb2.WithdrawRequest(
        brand=BRAND, request_id=request_id, customer=who(customer), evidence=evidence("till"), scope=scope
    )


def question(customer: str, purpose: str, channel: str = "email") -> decision_pb2.Question:
    """Return the question whether a customer may be contacted."""
    return decision_pb2.Question(customer=who(customer), purpose=purpose, channel=channel)


def authorize(
    customer: str, contact_id: str, purpose: str, channel: str = "email"
) -> contact_service_pb2.AuthorizeContactRequest:
    """Return the request that makes one contact."""
    return contact_service_pb2.AuthorizeContactRequest(
        brand=BRAND, contact_id=contact_id, question=question(customer, purpose, channel)
    )


def is_running(number: int) -> bool:
    """Say whether a process is there and has not ended."""
    try:
        return _status(number)[0] != "Z"
    except OSError:
        return False


def _children(number: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(_status(int(path.name))[1]) == number:
                found.append(int(path.name))
    return sorted(found)


def _status(number: int) -> list[str]:
    """Return what the kernel tells of a process, from its state on."""
    return Path(f"/proc/{number}/stat").read_text("utf-8").rpartition(")")[2].split()


def _command_line(number: int) -> list[bytes]:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


@contextmanager
def _on_core(core: int | None) -> Iterator[None]:
    """Let what is started inside run on one core, counted round; a server stays on the last core it is given."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
