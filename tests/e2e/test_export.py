"""An officer exports by the command line, a regulator verifies alone: real processes, both databases."""

import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from support.databases import Databases, Kind
from support.exporting import LEDGER, PIN, export, live, members, person
from support.grpc_server import FailedError, GrpcServer
from support.installations import BRAND, Installation, open_parts

from accord.cli.audits import consistent
from accord.cli.main import accord
from accord.domain.events import Exported
from accord.ledger.entry import BRAND_REF
from accord.proof import verify
from accord.rpc.audits import MAX_EXPORTS
from accord.v1 import audit_service_pb2 as pb
from accord.v1 import customer_pb2, ledger_service_pb2

EXPORT = "AuditService/Export"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcServer]:
    with GrpcServer(tmp_path_factory.mktemp("export")) as made:
        live(made.installation, 60)
        yield made


Run = Callable[..., Result]


@pytest.fixture
def run(server: GrpcServer) -> Run:
    def invoke(*arguments: object, expect: int = 0) -> Result:
        told = {
            "ACCORD_SERVER": f"127.0.0.1:{server.server.port}",
            "ACCORD_TOKEN": server.tokens["every-role"],
            "ACCORD_BRAND": str(BRAND),
        }
        done = CliRunner().invoke(accord, [str(each) for each in arguments], env=told, prog_name="accord")
        assert done.exit_code == expect, (arguments, done.output, done.exception)
        return done

    return invoke


def request(**asked: Any) -> pb.ExportRequest:
    return pb.ExportRequest(brand=BRAND, redaction=pb.REDACTION_NONE, **asked)


def received(server: GrpcServer, asked: pb.ExportRequest) -> bytes:
    return b"".join(each.chunk for each in server.receive(EXPORT, asked))


SCOPES: tuple[tuple[object, ...], ...] = (
    ("--all",),
    ("--all", "--redact", "personal"),
    ("--all", "--redact", "counts"),
    ("--range", "10..99"),
    ("--range", "10..99", "--receipts", "--parquet"),
    ("--customer", "email:person.7@example.com"),
    ("--customer", "customer-7"),
    ("--purpose", "marketing.news", "--channel", "email"),
    ("--from", "2026-01-02T10:00:05Z", "--until", "2026-01-02T10:00:30Z"),
)


@pytest.mark.parametrize("scope", SCOPES, ids=" ".join)
def test_what_is_exported_verifies(run: Run, tmp_path: Path, scope: tuple[object, ...]) -> None:
    file = tmp_path / "export.zip"
    pin = run("key").stdout.strip()
    told = run("export", *scope, "-o", file).stdout
    assert str(file) in told
    assert "accord verify" in told
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["export.zip"]
    assert run("verify", file, "--pin", pin).stdout.startswith("VALID\n")
    assert run("verify", file, "--pin", pin, "--lang", "fr").stdout.startswith("VALIDE\n")
    found = json.loads(run("verify", file, "--pin", pin, "--json").stdout)
    assert (found["conclusion"], found["exit_code"]) == ("valid", 0)


def test_every_export_is_an_entry_after_its_own_checkpoint(server: GrpcServer, run: Run, tmp_path: Path) -> None:
    size = server.size(BRAND)
    run("export", "--range", "3..5", "--redact", "personal", "-o", tmp_path / "export.zip")
    assert server.size(BRAND) == size + 1
    it = server.installation
    (entry,) = it.store.entries(BRAND, size, 1)
    assert entry.customer_ref == BRAND_REF
    opened = it.remembered.opened(BRAND, it.proofs.head(BRAND).ledger, entry.position)
    assert opened is not None
    event = opened.payload.event
    assert isinstance(event, Exported)
    assert (event.size, event.first, event.end, event.redaction.value) == (size, 3, 6, "PERSONAL")
    assert opened.payload.caller == "every-role"
    assert f"{size}\n" in members((tmp_path / "export.zip").read_bytes())["checkpoint"].decode()
    assert it.audit().faults == ()


def test_the_catalogues_versions_are_not_counted_among_exports(server: GrpcServer) -> None:
    list(server.receive(EXPORT, request(request_id="before-versions", first_position=1, end_position=2)))
    assert [each.version for each in server.installation.catalogues.versions(BRAND)] == [1]


def test_the_same_request_is_recorded_once(server: GrpcServer) -> None:
    asked = request(request_id="once", purposes=["marketing"])
    first = server.receive(EXPORT, asked)
    size = server.size(BRAND)
    asked.checkpoint_size = first[0].checkpoint_size
    assert b"".join(each.chunk for each in first) == received(server, asked)
    assert server.size(BRAND) == size
    asked.purposes.append("service")
    failure = server.fail(EXPORT, asked)
    assert failure.reason == "REQUEST_ID_REUSED"
    assert server.size(BRAND) == size


def test_an_export_goes_on_from_any_byte(server: GrpcServer) -> None:
    asked = request(request_id="any-byte", customer=customer_pb2.CustomerKey(customer_id="customer-3"))
    first = server.receive(EXPORT, asked)
    whole = b"".join(each.chunk for each in first)
    asked.checkpoint_size = first[0].checkpoint_size
    for offset in (0, 1, 777, len(whole) - 1, len(whole), len(whole) + 5):
        asked.offset = offset
        assert received(server, asked) == whole[offset:]


def test_an_export_that_broke_off_is_continued(run: Run, tmp_path: Path) -> None:
    file, part = tmp_path / "export.zip", tmp_path / "export.zip.part"
    run("export", "--all", "-o", file)
    whole = file.read_bytes()
    size = re.search(rb"\n(\d+)\n", members(whole)["checkpoint"])
    assert size is not None
    asked = request(request_id="broken")
    note = {"request": _base64(asked.SerializeToString(deterministic=True)), "checkpoint_size": int(size[1])}
    file.unlink()
    part.write_bytes(whole[:12_345])
    part.with_name("export.zip.part.json").write_text(json.dumps(note))

    assert "broke off" in run("export", "--all", "-o", file, expect=1).output
    assert "other options" in run("export", "--range", "1..2", "-o", file, "--resume", expect=1).output
    run("export", "--all", "-o", file, "--resume")
    assert file.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["export.zip"]
    assert "exists" in run("export", "--all", "-o", file, expect=1).output


def test_what_an_officer_misspells_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    several = ("--all", "--range", "1..2")
    for wrong in ((), several, ("--range", "5..2"), ("--range", "5"), ("--redact", "some", "--all")):
        run("export", *wrong, "-o", file, expect=2)
    assert "ENTRY_UNKNOWN" in run("export", "--range", "1..999999", "-o", file, expect=1).output
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_was_touched_is_refused_with_its_exit_code(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    pin = run("key").stdout.strip()
    run("export", "--range", "1..9", "-o", file)
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(bytes(raw))
    assert run("verify", file, "--pin", pin, expect=1).stdout.startswith("TAMPERED\n")
    assert run("verify", tmp_path / "none", "--pin", pin, expect=2).stdout.startswith("CANNOT DECIDE\n")
    assert run("verify", file, "--pin", "x", "--lang", "fr", expect=2).stdout.startswith("INDÉCIDABLE\n")


def test_consistency_is_proven_from_a_size_and_from_a_kept_checkpoint(run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint"
    kept.write_text(run("checkpoint").stdout)
    pin = run("key").stdout.strip()
    run("export", "--range", "1..2", "-o", tmp_path / "export.zip")
    assert run("prove-consistency", 7, 100).stdout.startswith("PROVEN  the 100 entries extend the 7\n")
    assert "of the checkpoint you keep" in run("prove-consistency", kept, "--verifier-key", pin).stdout
    assert json.loads(run("prove-consistency", 7, "--json").stdout)["old_size"] == "7"
    run("export", "--all", "-o", tmp_path / "all.zip")
    assert (
        "extends your earlier checkpoint"
        in run("verify", tmp_path / "all.zip", "--pin", pin, "--previous", kept).stdout
    )
    kept.write_text(kept.read_text().replace("maison/1\n", "maison/2\n", 1))
    assert "NOT PROVEN" in run("prove-consistency", kept, expect=1).output
    assert "neither a size nor a file" in run("prove-consistency", tmp_path / "none", expect=1).output
    assert "ENTRY_UNKNOWN" in run("prove-consistency", 99999, expect=1).output


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.hashes.pop(),
        lambda found: found.hashes.append(bytes(32)),
        lambda found: setattr(found, "old_size", 6),
        lambda found: setattr(found, "old_root_hash", bytes(32)),
        lambda found: setattr(found.checkpoint, "size", 99),
        lambda found: setattr(found.checkpoint, "note", found.checkpoint.note.replace("maison", "autre")),
    ],
)
def test_a_touched_proof_of_consistency_does_not_hold(server: GrpcServer, change: Callable[[Any], Any]) -> None:
    asked = ledger_service_pb2.ProveConsistencyRequest(brand=BRAND, old_size=7, size=100)
    found = server.ask("LedgerService/ProveConsistency", asked)
    assert consistent(found, 7)[1].size == 100
    change(found)
    with pytest.raises(ValueError, match=r"."):
        consistent(found, 7)


def test_too_many_exports_at_once_are_told_to_come_again(server: GrpcServer, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, held, running = server.installation.exports.chunks, threading.Event(), threading.Semaphore(0)

    def waiting(*asked: Any) -> Iterator[Any]:
        running.release()
        held.wait(20)
        yield from honest(*asked)

    monkeypatch.setattr(server.installation.exports, "chunks", waiting)
    asked = [request(request_id=f"many-{number}", end_position=2) for number in range(MAX_EXPORTS + 1)]
    with ThreadPoolExecutor(MAX_EXPORTS) as pool:
        found = [pool.submit(received, server, each) for each in asked[:-1]]
        for _ in found:
            assert running.acquire(timeout=20)
        assert server.fail(EXPORT, asked[-1]).reason == "OVERLOADED"
        held.set()
        assert all(each.result() for each in found)
    assert received(server, asked[-1])


def test_an_export_that_fails_gives_its_place_back(server: GrpcServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(server.installation.exports, "begin", broken)
    for _ in range(2 * MAX_EXPORTS):
        assert server.fail(EXPORT, request(request_id="faulty")).reason == "INTERNAL"


def test_a_ledger_that_contradicts_itself_is_never_signed_for(
    server: GrpcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = server.installation.store.entries

    def touched(*asked: Any) -> Any:
        return [replace(each, leaf=each.leaf[:-1]) if each.position == 9 else each for each in honest(*asked)]

    monkeypatch.setattr(server.installation.store, "entries", touched)
    with pytest.raises(FailedError) as raised:
        server.receive(EXPORT, request(request_id="touched"))
    assert raised.value.failure.reason == "INTERNAL"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_on_either_database_exports_are_valid_the_same_twice_and_run_alone(
    databases: Databases, tmp_path: Path, kind: Kind
) -> None:
    parts = open_parts(kind, databases, tmp_path / "checkpoints")
    try:
        it = Installation(parts)
        live(it, 260)
        for asked in ({}, {"first": 250, "end": 800}, {"customer": person(200)}, {"channels": ("sms",)}):
            raw = export(it, **asked)
            assert raw == export(it, **asked)
            assert verify.verify(verify.ZipBundle(io.BytesIO(raw)), PIN).exit_code == 0
        (tmp_path / "alone").mkdir()
        (tmp_path / "alone" / "export.zip").write_bytes(raw)
        (tmp_path / "alone" / "verify.py").write_bytes(members(raw)["verify.py"])
        done = subprocess.run(
            [sys.executable, "-I", "verify.py", "export.zip", "--pin", PIN, "--json"],
            cwd=tmp_path / "alone",
            capture_output=True,
            check=False,
        )
        assert json.loads(done.stdout)["conclusion"] == "valid", done.stderr
    finally:
        parts.close()


def test_what_was_erased_is_shown_as_such_and_still_stands(databases: Databases, tmp_path: Path) -> None:
    parts = open_parts("sqlite", databases, tmp_path / "checkpoints")
    try:
        it = Installation(parts)
        live(it, 5)
        lookup = it.lookups.of(1).identifier(BRAND, person(2))
        sight = it.store.read(BRAND, (lookup,))
        assert sight is not None
        ref = sight.known[lookup][0].customer_ref
        before = members(export(it))
        monkey = it.keyring.find

        def without(brand: Any, refs: Any) -> Any:
            return {key: value for key, value in monkey(brand, refs).items() if key[0] != ref}

        it.keyring.find = without  # type: ignore[method-assign]
        after = members(export(it))
        assert before["checkpoint"] == after["checkpoint"]
        found = verify.verify(verify.MemoryBundle(after), PIN)
        assert (found.exit_code, found.counts["erased"]) == (0, 4)
        assert ("erased", {"erased": 4}) in found.unproven
        assert b"person.2@" in before["entries.jsonl"]
        assert b"person.2@" not in b"".join(after.values())
        of_one = verify.verify(verify.MemoryBundle(members(export(it, customer=person(2)))), PIN)
        assert of_one.exit_code == 0
        assert "history" not in [name for name, _ in of_one.proven]
        assert verify.verify(verify.MemoryBundle(before), PIN).exit_code == 0
        assert LEDGER in before["manifest.json"].decode()
    finally:
        parts.close()


def _base64(raw: bytes) -> str:
    return verify.base64.b64encode(raw).decode()
