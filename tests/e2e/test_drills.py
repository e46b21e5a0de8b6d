"""The drills of docs/operations.md: a backup in its order, and each way back from a ledger that cannot be proven."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from support.serving import (
    BRAND,
    PATIENCE_SECONDS,
    Server,
    Site,
    StartFailedError,
    free_address,
    grant,
    wait_for,
    withdraw,
)

from accord.client import CallFailedError

SECRETS = ("secrets", "callers.json", "operator.token")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that serves, its ledger begun."""
    with Site(tmp_path / "site") as made:
        (tmp_path / "site").mkdir()
        made.apply_catalogue(made.start())
        yield made


def test_a_backup_in_order_while_writes_go_on_is_restored_and_without_fault(site: Site, tmp_path: Path) -> None:
    (server,) = site.servers
    _grant(site, server, "ada")
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copytree(site.data / "checkpoints", backup / "checkpoints")
    _grant(site, server, "grace")
    _copy_database(site, "accord.db", backup)
    _grant(site, server, "hedy")
    _copy_database(site, "keys.db", backup)
    _grant(site, server, "ida")
    with _restored(site, backup, tmp_path) as restored:
        server = restored.start()
        asked = ["marketing.news", "--channel", "email", "--server", server.address]
        known = [restored.run("check", customer, *asked).returncode for customer in ("ada", "grace", "hedy")]
        assert known == [0, 0, 10]
        server.stop()
        assert restored.audit().faults == ()


def test_keys_older_than_the_ledger_are_found_by_the_audit(site: Site, tmp_path: Path) -> None:
    (server,) = site.servers
    backup = tmp_path / "backup"
    backup.mkdir()
    _copy_database(site, "keys.db", backup)
    _grant(site, server, "ada")
    shutil.copytree(site.data / "checkpoints", backup / "checkpoints")
    _copy_database(site, "accord.db", backup)
    with _restored(site, backup, tmp_path) as restored:
        assert restored.run("audit").returncode != 0


def test_a_lost_checkpoint_is_replaced_by_any_that_was_ever_printed(site: Site) -> None:
    (server,) = site.servers
    note = site.run("checkpoint", "--server", server.address, expect=0).stdout
    _grant(site, server, "ada")
    server.stop()
    shutil.rmtree(site.data / "checkpoints")
    with pytest.raises(StartFailedError, match="no checkpoint of"):
        site.launch(free_address()).wait_until_serving()
    (site.data / "checkpoints" / f"{quote(note.splitlines()[0], safe='')}.checkpoint").write_text(note)
    _grant(site, site.start(), "grace")
    assert site.audit().faults == ()


def test_what_is_lost_for_good_is_sent_again_and_counts_as_if_it_had_never_been_lost(
    site: Site, tmp_path: Path
) -> None:
    (server,) = site.servers
    _grant(site, server, "ada")
    pin = site.run("key", "--server", server.address, expect=0).stdout.strip()
    kept = tmp_path / "kept"
    kept.write_text(site.run("checkpoint", "--server", server.address, expect=0).stdout)
    server.stop()
    older = tmp_path / "older"
    shutil.copytree(site.data, older)
    server = site.start()
    _withdraw(site, server, "ada")
    _grant(site, server, "grace")
    server.stop()

    shutil.copy(older / "accord.db", site.sqlite_file)
    with pytest.raises(StartFailedError, match="does not extend the outside checkpoint"):
        site.launch(free_address()).wait_until_serving()
    assert "does not extend the outside checkpoint" in site.run("scrub", expect=1).stdout
    told = site.run("recover", "--new-incarnation", expect=0).stdout
    assert "incarnation-2: kept 2 entries, 2 are told as lost" in told
    assert "nothing to recover" in site.run("recover", "--new-incarnation", expect=1).stderr
    server = site.start()
    for _ in range(2):
        _withdraw(site, server, "ada")
        _grant(site, server, "grace")
    asked = ["marketing.news", "--channel", "email", "--server", server.address]
    assert site.run("check", "ada", *asked).returncode == 10
    assert "UNRECONCILED" in site.run("check", "grace", *asked, expect=10).stdout
    site.run("recover", "--accept-loss", "--reason", "the fire of the 3rd", "--officer-id", "o-1", expect=0)
    assert site.run("check", "ada", *asked).returncode == 10
    assert site.run("check", "grace", *asked).returncode == 0
    export = tmp_path / "export.zip"
    site.run("export", "--all", "-o", str(export), "--server", server.address, expect=0)
    shown = site.run("verify", str(export), "--pin", pin, "--previous", str(kept), expect=0).stdout
    assert "The ledger was recovered at entry 4" in shown
    assert site.audit().faults == ()


def test_a_flipped_bit_stops_serving_until_it_is_put_back(tmp_path: Path) -> None:
    settings = {"ACCORD_WORKERS": "2", "ACCORD_SCRUB_SECONDS": "0.2"}
    with Site(tmp_path, settings=settings) as site:
        server = site.start()
        site.apply_catalogue(server)
        _grant(site, server, "ada")
        _flip_a_leaf(site)
        with site.connect(server) as connection:
            wait_for(lambda: connection.health() == "NOT_SERVING", "health to say so")
            with pytest.raises(CallFailedError, match="is damaged: entry 1: the leaf does not fit its hash"):
                connection.ask(connection.permissions.Grant, grant("grace", "till", "grant/grace"))
            _flip_a_leaf(site)
            wait_for(lambda: connection.health() == "SERVING", "what was put back to be served")
        _grant(site, server, "grace")
        server.kill()
        _flip_a_leaf(site)
        assert "entry 1: the leaf does not fit its hash" in site.run("scrub", expect=1).stdout
        with pytest.raises(StartFailedError, match="is damaged: entry 1"):
            site.launch(free_address()).wait_until_serving()
        _flip_a_leaf(site)
        site.start()
        assert "fits the tree and the checkpoint" in site.run("scrub", expect=0).stdout


def test_a_signing_key_is_rotated_while_a_server_runs_and_old_evidence_stays_evidence(
    site: Site, tmp_path: Path
) -> None:
    (server,) = site.servers
    _grant(site, server, "ada")
    asked = ["--server", server.address]
    old = site.run("key", *asked, expect=0).stdout.strip()
    kept = tmp_path / "kept"
    kept.write_text(site.run("checkpoint", *asked, expect=0).stdout)
    new = site.run("keys", "rotate-signing", expect=0).stdout.splitlines()[0]
    assert site.run("key", *asked, expect=0).stdout.strip() == new != old
    assert site.run("entries", *asked, expect=0).stdout.count("SigningKeyRotated") == 1
    for pin in (old, new):
        assert "PROVEN" in site.run("prove", "1", "--verifier-key", pin, *asked, expect=0).stdout
        told = site.run("prove-consistency", str(kept), "--verifier-key", pin, *asked, expect=0).stdout
        assert "PROVEN  the 3 entries extend the 2" in told
    handovers = tmp_path / "keys.json"
    handovers.write_text(site.run("key", "--handovers", *asked, expect=0).stdout)
    assert handovers.read_text("utf-8").count("accord-handover/1") == 1
    export = tmp_path / "export.zip"
    site.run("export", "--all", "-o", str(export), *asked, expect=0)
    assert "VALID" in site.run("verify", str(export), "--pin", old, "--previous", str(kept), expect=0).stdout
    server.kill()
    _grant(site, site.start(), "grace")
    assert site.audit().faults == ()


def _flip_a_leaf(site: Site) -> None:
    with closing(sqlite3.connect(site.sqlite_file, timeout=PATIENCE_SECONDS)) as database, database:
        database.execute("DROP TRIGGER IF EXISTS entry_no_update")
        ((leaf,),) = database.execute("SELECT leaf FROM entry WHERE position = 1").fetchall()
        changed = leaf[:50] + bytes([leaf[50] ^ 1]) + leaf[51:]
        database.execute("UPDATE entry SET leaf = ? WHERE position = 1", (changed,))


def _grant(site: Site, server: Server, customer: str) -> None:
    with site.connect(server) as connection:
        connection.ask(connection.permissions.Grant, grant(customer, "till", f"grant/{customer}"))


def _withdraw(site: Site, server: Server, customer: str) -> None:
    with site.connect(server) as connection:
        connection.ask(connection.permissions.Withdraw, withdraw(customer, f"withdraw/{customer}"))


def _copy_database(site: Site, name: str, folder: Path) -> None:
    """Back a database up as `sqlite3 FILE .backup` does, while it is served."""
    source, target = sqlite3.connect(site.data / name), sqlite3.connect(folder / name)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()


def _restored(site: Site, backup: Path, folder: Path) -> Site:
    """Return a site on what was backed up, with the secrets kept apart."""
    restored = Site(folder / "restored")
    shutil.copytree(backup, restored.data)
    for name in SECRETS:
        path = site.data / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, restored.data / name)
    assert restored.environment["ACCORD_BRAND"] == BRAND
    subprocess.run(["chmod", "700", restored.data], check=True)
    return restored
