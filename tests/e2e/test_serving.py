"""`accord serve` as an operator meets it: starts only on what it can prove, tells plainly why not, ends gracefully."""

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from support.databases import Databases
from support.serving import (
    BRAND,
    CAP,
    Server,
    Site,
    StartFailedError,
    authorize,
    bearer,
    free_address,
    grant,
    question,
    wait_for,
    withdraw,
)

from accord.client import CallFailedError, Connection
from accord.keys.callers import Callers
from accord.v1 import (
    decision_pb2,
    decision_service_pb2,
    ledger_service_pb2,
    permission_service_pb2,
)

ENDS_SOON_SECONDS = 10
"""Well below how long calls under way may take to finish, and far above what an idle server needs to end."""

TOKENS: dict[str, str] = {}
"""The tokens of the shared site's callers, by name."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite with a catalogue, for tests that share one server."""
    with Site(tmp_path_factory.mktemp("serving")) as made:
        callers = Callers(made.data / "callers.json")
        TOKENS["website"] = callers.add("website", BRAND, ("checker",))
        TOKENS["neighbour"] = callers.add("neighbour", "neighbour", ("checker", "collector", "sender"))
        TOKENS["leaving"] = callers.add("leaving", BRAND, ("checker",))
        made.apply_catalogue(made.start())
        yield made


@pytest.fixture
def server(site: Site) -> Server:
    """The server of the shared site."""
    return site.servers[0]


@pytest.fixture
def connection(site: Site, server: Server) -> Iterator[Connection]:
    """A connection to it, as the operator."""
    with site.connect(server) as made:
        yield made


def check(customer: str, purpose: str = "marketing.news", brand: str = BRAND) -> decision_service_pb2.CheckRequest:
    return decision_service_pb2.CheckRequest(brand=brand, question=question(customer, purpose))


def verdict(connection: Connection, customer: str) -> int:
    return connection.ask(connection.decisions.Check, check(customer)).decision.verdict


def refusal(method: Callable[..., Any], request: Any, token: str | None) -> tuple[grpc.StatusCode, str]:
    """Return the status and the reason of a call that must fail."""
    failed: list[grpc.StatusCode] = []

    def noted(request: Any, **options: Any) -> Any:
        try:
            return method(request, **(options if token is not None else options | {"metadata": ()}))
        except grpc.RpcError as error:
            failed.append(error.code())
            raise

    # The connection is only needed for how it reads errors: the method has its own channel.
    with Connection("127.0.0.1:1", token or "") as reading, pytest.raises(CallFailedError) as error:
        reading.ask(noted, request)
    return failed[0], error.value.reason


# --- starting -----------------------------------------------------------------------------------


def told_on_refusal(site: Site, address: str | None = None) -> str:
    """Start a server that must refuse to serve; return the one sentence it says besides its log, which is JSON."""
    with pytest.raises(StartFailedError) as refused:
        site.launch(address or free_address()).wait_until_serving()
    assert refused.value.code == 1
    (line,) = [each for each in refused.value.told.strip().splitlines() if not each.startswith("{")]
    return line.removeprefix("accord: ")


def test_a_server_started_again_goes_on_from_the_checkpoint_it_kept(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        server = site.start()
        site.apply_catalogue(server)
        with site.connect(server) as connection:
            given = connection.ask(connection.permissions.Grant, grant("ada", "till", "grant-1"))
        assert server.stop() == 0
        assert site.outside_checkpoints() == {given.receipt.ledger: given.receipt.position + 1}

        with site.connect(site.start()) as connection:
            assert verdict(connection, "ada") == decision_pb2.VERDICT_ALLOW
            again = connection.ask(connection.permissions.Grant, grant("ada", "till", "grant-1"))
            assert again == given
            taken = connection.ask(connection.permissions.Withdraw, withdraw("ada", "withdraw-1"))
            assert taken.receipts[0].position == given.receipt.position + 1


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[Site]:
    """A site whose ledger grew by one entry after its folder was copied to `backup`; nothing runs."""
    with Site(tmp_path) as site:
        server = site.start()
        site.apply_catalogue(server)
        server.stop()
        shutil.copytree(site.data, site.data.with_name("backup"))
        _add(site, "ada")
        yield site


def _add(site: Site, customer: str) -> None:
    server = site.start()
    with site.connect(server) as connection:
        connection.ask(connection.permissions.Grant, grant(customer, "till", f"grant/{customer}"))
    server.stop()


def test_a_database_restored_from_an_older_backup_is_refused(grown: Site) -> None:
    shutil.copy(grown.data.with_name("backup") / "accord.db", grown.sqlite_file)
    assert "does not extend the outside checkpoint" in told_on_refusal(grown)


def test_a_database_that_lost_the_ledger_is_refused(grown: Site) -> None:
    grown.sqlite_file.unlink()
    assert "the database lacks" in told_on_refusal(grown)


def test_a_database_without_its_outside_checkpoint_is_refused(grown: Site) -> None:
    shutil.rmtree(grown.data / "checkpoints")
    assert "no checkpoint" in told_on_refusal(grown)


def test_a_fork_that_grew_past_the_checkpoint_is_refused(grown: Site) -> None:
    kept = grown.data.with_name("kept")
    shutil.copytree(grown.data / "checkpoints", kept)
    backup = grown.data.with_name("backup")
    shutil.copy(backup / "accord.db", grown.sqlite_file)
    shutil.copytree(backup / "checkpoints", grown.data / "checkpoints", dirs_exist_ok=True)
    # Longer than what the kept checkpoint tells of, and another story.
    _add(grown, "grace")
    _add(grown, "hedy")
    shutil.copytree(kept, grown.data / "checkpoints", dirs_exist_ok=True)
    assert "does not extend the outside checkpoint" in told_on_refusal(grown)


def test_an_address_that_others_can_reach_is_refused_without_tls(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        assert "must be a loopback address" in told_on_refusal(site, "0.0.0.0:50051")


def test_a_port_that_is_taken_is_told_plainly(tmp_path: Path) -> None:
    with Site(tmp_path) as site, socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        told = told_on_refusal(site, address)
    assert told.startswith(f"cannot listen on {address}: is another server running there?")
    assert told.endswith("set ACCORD_LISTEN to serve on another port, and ACCORD_SERVER to ask there")


def test_a_data_folder_that_cannot_be_used_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with Site(tmp_path) as site:
        told = told_on_refusal(site)
    assert told.startswith(f"ACCORD_DATA ({tmp_path / 'data'}) cannot be used: ")


def test_a_database_that_was_not_migrated_is_refused_and_served_afterwards(
    databases: Databases, tmp_path: Path
) -> None:
    with Site(tmp_path, databases.empty("postgres", f"unmigrated_{tmp_path.name}")) as site:
        assert told_on_refusal(site).endswith("run `accord migrate` first")
        site.run("migrate", expect=0)
        site.apply_catalogue(site.start())


def test_secrets_that_are_not_those_of_the_database_are_refused(grown: Site) -> None:
    secrets = grown.data / "secrets"
    for name, told in (
        ("pepper-1", "the pepper of epoch 1 is here another than the one"),
        ("kek-1", "a customer's key does not open with this key-encryption key: ACCORD_KEK"),
    ):
        right = (secrets / name).read_bytes()
        (secrets / name).write_bytes(b"x" * 32)
        assert told in told_on_refusal(grown)
        (secrets / name).write_bytes(right)
    grown.start()


def test_a_database_that_is_away_is_told_plainly(tmp_path: Path) -> None:
    nobody = f"postgresql://nobody@{free_address()}/accord"
    with Site(tmp_path, nobody) as site:
        assert told_on_refusal(site).endswith("is ACCORD_DATABASE right, and the server up?")


def test_an_operators_token_that_a_crash_left_empty_is_made_anew(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.data.mkdir()
        (site.data / "operator.token").touch()
        site.apply_catalogue(site.start())


# --- ending -------------------------------------------------------------------------------------


@pytest.fixture
def postgres_site(databases: Databases, tmp_path: Path) -> Iterator[Site]:
    """A site on PostgreSQL with a catalogue and a running server: there, others can hold a lock and see who waits."""
    with Site.fresh("postgres", databases, tmp_path) as made:
        made.apply_catalogue(made.start())
        yield made


@contextmanager
def ledger_locked(site: Site) -> Iterator[None]:
    """Keep every write of the brand waiting, as a slow commit of another server would."""
    with psycopg.connect(site.database) as holder:
        holder.execute("SELECT 1 FROM head WHERE brand = %s FOR UPDATE", [BRAND])
        yield


def a_write_waits(site: Site) -> bool:
    """Say whether a write of the server waits for the lock."""
    with psycopg.connect(site.database, autocommit=True) as looking:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row = looking.execute(waiting).fetchone()
    return row == (1,)


def test_a_server_told_to_stop_finishes_the_call_under_way_and_keeps_its_checkpoint(postgres_site: Site) -> None:
    (server,) = postgres_site.servers
    with (
        postgres_site.connect(server) as connection,
        grpc.insecure_channel(server.address) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        with ledger_locked(postgres_site):
            under_way = connection.permissions.Grant.future(
                grant("ada", "till", "grant-1"), metadata=bearer(postgres_site.token), timeout=60
            )
            wait_for(lambda: a_write_waits(postgres_site), "the write to be under way")
            server.ask_to_stop()
            assert next(health).status == health_pb2.HealthCheckResponse.NOT_SERVING
            health.cancel()
            assert not under_way.done()
            with postgres_site.connect(server) as late, pytest.raises(CallFailedError) as refused:
                verdict(late, "ada")
            # grpc itself cancels what reaches it while it closes its doors.
            assert refused.value.reason in {"UNREACHABLE", "STOPPING", "CANCELLED"}
        receipt = under_way.result().receipt
        assert server.wait_until_ended() == 0
    assert postgres_site.outside_checkpoints() == {receipt.ledger: receipt.position + 1}


def test_somebody_who_watches_its_health_does_not_keep_a_server_from_ending(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        server = site.start()
        with grpc.insecure_channel(server.address) as channel:
            health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
            assert next(health).status == health_pb2.HealthCheckResponse.SERVING
            server.ask_to_stop()
            assert next(health).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert server.process.wait(ENDS_SOON_SECONDS) == 0


def test_a_write_whose_deadline_passes_in_the_queue_is_not_written(postgres_site: Site) -> None:
    (server,) = postgres_site.servers
    with postgres_site.connect(server) as connection:
        metadata = bearer(postgres_site.token)
        with ledger_locked(postgres_site):
            first = connection.permissions.Grant.future(grant("ada", "till", "g-1"), metadata=metadata, timeout=60)
            wait_for(lambda: a_write_waits(postgres_site), "the first write to hold the writer")
            with pytest.raises(grpc.RpcError) as late:
                connection.permissions.Grant(grant("grace", "till", "g-2"), metadata=metadata, timeout=0.2)
            assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        position = first.result().receipt.position
        # Sent after it, so it is judged after it: whatever the late one did would stand between the two.
        next_one = connection.ask(connection.permissions.Grant, grant("hedy", "till", "g-3"))
        assert next_one.receipt.position == position + 1
        asked = connection.ask(connection.decisions.Check, check("grace"))
        assert asked.decision.reason == decision_pb2.DECISION_REASON_CUSTOMER_UNKNOWN


# --- a database exchanged while it is served ----------------------------------------------------


@pytest.mark.parametrize("first", ["questions", "writes"])
def test_a_database_exchanged_for_an_older_one_while_serving_is_neither_read_nor_written(
    databases: Databases, tmp_path: Path, first: str
) -> None:
    with Site.fresh("postgres", databases, tmp_path) as site:
        _grow_and_exchange(site, databases)
        (_, server) = site.servers
        with site.connect(server) as connection:
            metadata = bearer(site.token)
            if first == "questions":
                calls = [
                    connection.decisions.Check.future(check("ada"), metadata=metadata, timeout=60) for _ in range(32)
                ]
            else:
                calls = [
                    connection.permissions.Grant.future(grant("eve", "till", "g-9"), metadata=metadata, timeout=60)
                ]
            served = [call.result() for call in calls if call.exception() is None]
            assert served == []
            with pytest.raises(CallFailedError) as refused:
                verdict(connection, "ada")
            assert refused.value.reason == "LEDGER_UNPROVEN"


def _grow_and_exchange(site: Site, databases: Databases) -> None:
    """Let a permission be withdrawn, keep the checkpoint outside, and put the database from before in its place."""
    server = site.start()
    site.apply_catalogue(server)
    with site.connect(server) as connection:
        connection.ask(connection.permissions.Grant, grant("ada", "till", "grant-1"))
    server.stop()
    name = site.database.rpartition("/")[2].partition("?")[0]
    databases.postgres.run(f"CREATE DATABASE {name}_older TEMPLATE {name}")
    with site.connect(site.start()) as connection:
        connection.ask(connection.permissions.Withdraw, withdraw("ada", "withdraw-1"))
        assert verdict(connection, "ada") == decision_pb2.VERDICT_DENY
        connection.ask(connection.ledger.GetCheckpoint, ledger_service_pb2.GetCheckpointRequest(brand=BRAND))
    databases.postgres.run(f"DROP DATABASE {name} WITH (FORCE)")
    databases.postgres.run(f"ALTER DATABASE {name}_older RENAME TO {name}")


# --- who may call -------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "a-token-nobody-was-given"])
def test_a_caller_without_a_token_that_somebody_was_given_is_unauthenticated(
    connection: Connection, token: str | None
) -> None:
    expected = (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert refusal(connection.decisions.Check, check("ada"), token) == expected


def test_a_caller_in_another_role_is_denied(connection: Connection) -> None:
    token = TOKENS["website"]
    expected = (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    assert refusal(connection.permissions.Grant, grant("ada", "till", "denied-1"), token) == expected
    assert refusal(connection.contacts.AuthorizeContact, authorize("ada", "c-1", "marketing.news"), token) == expected
    head = ledger_service_pb2.GetCheckpointRequest(brand=BRAND)
    assert refusal(connection.ledger.GetCheckpoint, head, token) == expected


def test_a_caller_of_another_brand_is_denied_whatever_its_roles(connection: Connection) -> None:
    token = TOKENS["neighbour"]
    expected = (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    assert refusal(connection.decisions.Check, check("ada"), token) == expected
    assert refusal(connection.permissions.Withdraw, withdraw("ada", "denied-2"), token) == expected
    own = check("ada", brand="neighbour")
    assert refusal(connection.decisions.Check, own, token) == (grpc.StatusCode.FAILED_PRECONDITION, "CATALOGUE_MISSING")


def test_every_role_may_withdraw(site: Site, server: Server) -> None:
    with site.connect(server, TOKENS["website"]) as connection:
        taken = connection.ask(connection.permissions.Withdraw, withdraw("grace", "withdraw-by-checker"))
        assert len(taken.receipts) == 1


def test_a_token_taken_back_soon_counts_no_longer(site: Site, server: Server) -> None:
    with site.connect(server, TOKENS["leaving"]) as connection:
        assert verdict(connection, "nobody") == decision_pb2.VERDICT_DENY
        Callers(site.data / "callers.json").remove("leaving")
        wait_for(lambda: not _is_known(connection), "the token to count no longer")


def _is_known(connection: Connection) -> bool:
    try:
        verdict(connection, "nobody")
    except CallFailedError as error:
        return error.reason != "UNAUTHENTICATED"
    return True


# --- what a client finds ------------------------------------------------------------------------


def reflecting(channel: grpc.Channel, ended: threading.Event) -> Any:
    """Ask for the services on a stream that stays open until `ended`, or until nobody refers to it; return it."""

    def asked() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        ended.wait()

    return reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked(), timeout=60)


def test_reflection_lists_every_service(server: Server) -> None:
    ended = threading.Event()
    with grpc.insecure_channel(server.address) as channel:
        answer = next(reflecting(channel, ended))
        ended.set()
    assert {service.name for service in answer.list_services_response.service} == {
        "accord.v1.AuditService",
        "accord.v1.CatalogueService",
        "accord.v1.ContactService",
        "accord.v1.CustomerService",
        "accord.v1.DecisionService",
        "accord.v1.ImportService",
        "accord.v1.LedgerService",
        "accord.v1.PermissionService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_tools_that_hold_reflection_open_never_keep_a_check_waiting(
    site: Site, server: Server, connection: Connection
) -> None:
    ended = threading.Event()
    with grpc.insecure_channel(server.address) as channel:
        streams = []
        try:
            for _ in range(4):
                streams.append(reflecting(channel, ended))
                next(streams[-1])
            answer = connection.decisions.Check(check("nobody"), metadata=bearer(site.token), timeout=10)
        finally:
            ended.set()
    assert answer.decision.verdict == decision_pb2.VERDICT_DENY


def test_batches_held_open_never_keep_a_withdrawal_waiting(site: Site, connection: Connection) -> None:
    ended = threading.Event()

    def held(number: int) -> Iterator[permission_service_pb2.BatchRecordRequest]:
        record = permission_service_pb2.BatchRecord(withdraw=withdraw(f"held-{number}", f"held-{number}"))
        yield permission_service_pb2.BatchRecordRequest(records=[record])
        ended.wait()

    streams = []
    codes: set[grpc.StatusCode] = set()
    try:
        for number in range(64):
            stream = connection.permissions.BatchRecord(held(number), metadata=bearer(site.token), timeout=60)
            streams.append(stream)
            try:
                next(stream)
            except grpc.RpcError as refused:
                codes.add(refused.code())
                break
        connection.permissions.Withdraw(withdraw("hedy", "not-kept-waiting"), metadata=bearer(site.token), timeout=10)
    finally:
        ended.set()
        for stream in streams:
            stream.cancel()
    # One stream too many is told so at once, and takes nothing from anyone.
    assert codes <= {grpc.StatusCode.RESOURCE_EXHAUSTED}


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(site: Site) -> Site:
    """The shared site with a customer for each verdict, its server known to the command line."""
    with site.connect(site.servers[0]) as connection:
        for customer in ("allowed", "deferred"):
            connection.ask(connection.permissions.Grant, grant(customer, "till", f"grant/{customer}"))
        for number in range(CAP):
            request = authorize("deferred", f"offer-{number}", "marketing.offer")
            connection.ask(connection.contacts.AuthorizeContact, request)
    site.environment["ACCORD_SERVER"] = site.servers[0].address
    return site


@pytest.mark.parametrize(
    ("customer", "code", "heading", "verdict"),
    [
        ("allowed", 0, "ALLOW  PERMITTED", "VERDICT_ALLOW"),
        ("nobody", 10, "DENY  CUSTOMER_UNKNOWN", "VERDICT_DENY"),
        ("deferred", 11, "DEFER  BRAND_CAP_REACHED", "VERDICT_DEFER"),
    ],
)
def test_the_exit_code_of_a_check_is_its_verdict_for_people_and_programs_alike(
    asked: Site, customer: str, code: int, heading: str, verdict: str
) -> None:
    arguments = ("check", customer, "marketing.offer", "--channel", "email")
    readable = asked.run_process(*arguments, expect=code)
    assert readable.stdout.splitlines()[0] == heading
    assert ("not before" in readable.stdout) == (code == 11)
    parsed = json.loads(asked.run(*arguments, "--json", expect=code).stdout)
    assert parsed["decision"]["verdict"] == verdict
    assert parsed["decision"]["trace"]


def test_a_check_that_cannot_be_decided_is_neither_yes_nor_no(asked: Site) -> None:
    failed = asked.run("check", "allowed", "marketing.unheard_of", "--channel", "email", "--json", expect=1)
    assert json.loads(failed.stdout)["reason"] == "PURPOSE_UNKNOWN"
    nobody_there = asked.run("check", "allowed", "marketing.news", "--server", free_address(), expect=1)
    assert nobody_there.stderr.startswith("accord: UNREACHABLE")
    assert "Traceback" not in nobody_there.stderr
    asked.run("check", "allowed", expect=2)
