"""What lies on the disk after an erasure: no key, no identifier, no payload; and what a backup of before can do."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from support.databases import Databases
from support.installations import BRAND, START, HandClock, Installation, parts_at
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, asked_erasure, grant, withdraw

from accord.domain.commands import ApplyCatalogue, Question
from accord.domain.problems import ErrorReason
from accord.domain.terms import DAY, ErasureMode, Instant, Reason, Verdict
from accord.keys.kek import FileKeks, GivenKeks, KeyUnreadableError
from accord.keys.keyring import unwrap
from accord.keys.rotation import rotate
from accord.ledger.hmac_sha256 import KEY_BYTES
from accord.ledger.keyring import WrappedKey
from accord.service.errors import CallError

ASKED = asked_erasure(keep_suppression=True, erasure_id=b"e" * 16, content=b"c" * 16)
CART = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")


class Disk:
    """An installation on files of a folder, or on PostgreSQL with its files elsewhere."""

    def __init__(self, folder: Path, databases: Databases | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        if databases:
            self.urls = databases.fresh("postgres"), databases.fresh("postgres", "keys")
        else:
            self.urls = f"sqlite:///{folder / 'ledger.db'}", f"sqlite:///{folder / 'keys.db'}"
        self.keks = FileKeks(folder / "secrets")

    def open(self) -> Installation:
        return Installation(parts_at(*self.urls, self.folder / "outside"), HandClock(), keks=self.keks)

    def bytes(self) -> bytes:
        files = [path for path in self.folder.rglob("*") if path.is_file() and "secrets" not in path.parts]
        return b"".join(path.read_bytes() for path in files)


@pytest.fixture
def disk(tmp_path: Path, databases: Databases) -> Disk:
    made = Disk(tmp_path / "house")
    for which, url in zip(("ledger", "keys"), made.urls, strict=True):
        fresh = databases.fresh("sqlite", which)  # type: ignore[arg-type]
        shutil.copy(fresh.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
    house = made.open()
    house.write(ApplyCatalogue(catalogue=CATALOGUE))
    house.write(grant(), grant(BOB_ID, point=BOB_MAIL))
    house.close()
    return made


def kept(house: Installation, who: bytes) -> WrappedKey:
    (row,) = house.parts.wrapped_keys.select(BRAND, [who])
    return row


def ref_of(house: Installation) -> bytes:
    lookup = house.lookups.of(1).identifier(BRAND, ADA_ID)
    sight = house.store.read(BRAND, (lookup,))
    assert sight is not None
    return sight.known[lookup][0].customer_ref


def test_no_byte_of_a_key_or_an_identifier_is_left_in_any_file(disk: Disk) -> None:
    house = disk.open()
    ada = ref_of(house)
    row = kept(house, ada)
    (told,) = house.remembered.history(BRAND, ADA_ID, 1, 10).entries
    lookups = [house.lookups.of(1).identifier(BRAND, each) for each in (ADA_ID, ADA_MAIL)]
    state = house.store.states(BRAND, [ada])[ada]
    wanted = [row.wrapped, row.wrapped[12 : 12 + KEY_BYTES], state, *lookups]
    before = disk.bytes()
    assert all(each in before for each in wanted), "the scan finds what is there"
    house.erasures.ask(BRAND, ASKED)
    never = [unwrap(disk.keks, BRAND, row), told.raw_payload, told.opening, b"ada@example.com"]
    for after in (disk.bytes(), closed(house, disk)):
        assert [each for each in (*wanted, *never) if each in after] == []


def closed(house: Installation, disk: Disk) -> bytes:
    house.close()
    return disk.bytes()


def test_a_backup_of_both_databases_comes_back_erased(disk: Disk, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(disk.folder, backup)
    house = disk.open()
    ada = ref_of(house)
    house.erasures.ask(BRAND, ASKED)
    house.close()
    for name in ("ledger.db", "keys.db"):
        shutil.copy(backup / name, disk.folder / name)
    restored = disk.open()
    assert restored.questions.check(BRAND, CART).decision.verdict is Verdict.ALLOW, "the backup brought her back"
    assert len(restored.erasures.finish()) == 1
    assert restored.questions.check(BRAND, CART).decision.reason is Reason.CUSTOMER_UNKNOWN
    assert restored.keyring.find(BRAND, [ada]) == {}
    assert restored.audit().faults == ()
    assert restored.erasures.finish() == []
    restored.close()


@pytest.mark.parametrize("name", ["ledger.db", "keys.db"])
def test_a_backup_of_one_database_comes_back_erased(disk: Disk, tmp_path: Path, name: str) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(disk.folder, backup)
    house = disk.open()
    ada = ref_of(house)
    house.erasures.ask(BRAND, ASKED)
    house.close()
    shutil.copy(backup / name, disk.folder / name)
    restored = disk.open()
    assert len(restored.erasures.finish()) == 1
    assert restored.keyring.find(BRAND, [ada]) == {}
    assert restored.questions.check(BRAND, CART).decision.reason is Reason.CUSTOMER_UNKNOWN
    assert restored.audit().faults == ()
    restored.close()


def test_a_restored_customer_gets_no_entry_even_before_they_are_erased_again(disk: Disk, tmp_path: Path) -> None:
    """The fence is in the key store: whoever forgets to finish cannot write for them all the same, others can."""
    backup = tmp_path / "backup"
    shutil.copytree(disk.folder, backup)
    house = disk.open()
    house.erasures.ask(BRAND, ASKED)
    house.close()
    shutil.copy(backup / "ledger.db", disk.folder / "ledger.db")
    restored = disk.open()
    size = restored.proofs.head(BRAND).size
    restored.writer.start()
    with ThreadPoolExecutor(2) as pool:
        ada = pool.submit(restored.writer.submit, BRAND, [restored.request(withdraw())])
        bob = pool.submit(restored.writer.submit, BRAND, [restored.request(withdraw(BOB_ID))])
        with pytest.raises(CallError) as refused:
            ada.result()
        assert bob.result()
    restored.writer.stop()
    assert refused.value.problem.reason is ErrorReason.CUSTOMER_ERASED
    assert restored.proofs.head(BRAND).size == size + 1
    restored.close()


def test_a_hold_outlives_the_key_store_it_was_kept_in(disk: Disk, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(disk.folder, backup)
    house = disk.open()
    until = Instant(START + DAY)
    house.erasures.ask(BRAND, replace(ASKED, mode=ErasureMode.ON_HOLD_UNTIL, not_before=until))
    house.close()
    shutil.copy(backup / "keys.db", disk.folder / "keys.db")
    restored = disk.open()
    assert restored.erasures.finish() == []
    assert [each.erasure_id for each in restored.erasures.due_erasures(until)] == [ASKED.erasure_id]
    restored.close()


BENT = {
    "the tombstone": "UPDATE customer SET state = x'9a00' WHERE customer_ref = :ada",
    "what the erased held": "INSERT INTO identity VALUES (1, zeroblob(16), :ada, 1, 'EMAIL')",
    "an address of another": "INSERT INTO point SELECT brand_id, lookup, x'9101' FROM identity WHERE kind = 'EMAIL'",
    "a contact of the erased": (
        "INSERT INTO contact (brand_id, contact_key, customer_ref, positions) "
        "VALUES (1, zeroblob(16), :ada, zeroblob(8))"
    ),
    "a suppression": "INSERT INTO suppression VALUES (1, zeroblob(16), 7)",
    "a date of suppression": "UPDATE suppression SET erased_time = erased_time + 1",
}


@pytest.mark.parametrize("what", BENT)
def test_the_audit_finds_what_anyone_bent_after_an_erasure(disk: Disk, what: str) -> None:
    house = disk.open()
    ada = ref_of(house)
    house.erasures.ask(BRAND, ASKED)
    assert house.audit().faults == ()
    with sqlite3.connect(disk.folder / "ledger.db") as connection:
        assert connection.execute(BENT[what], {"ada": ada} if ":ada" in BENT[what] else {}).rowcount > 0
    connection.close()
    assert house.audit().faults
    house.close()


def test_a_torn_line_outside_is_ended_and_passed_over(disk: Disk) -> None:
    house = disk.open()
    path = disk.folder / "outside" / "erasures.jsonl"
    path.write_bytes(b'{"brand":"maison","erasure_id":"torn')
    house.erasures.ask(BRAND, ASKED)
    assert [each.erasure_id for each in house.parts.fences.all()] == [ASKED.erasure_id]
    house.close()


_DIE = """
import os, signal, sys
from pathlib import Path
import test_erasure_bytes as scene
from accord.service.erasure_saga import ErasureSaga
disk = scene.Disk(Path(sys.argv[1]))
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(ErasureSaga, sys.argv[2], die)
disk.open().erasures.ask(scene.BRAND, scene.ASKED)
"""


@pytest.mark.parametrize("step", ["fence", "tombstone", "forget", "destroy", "verify", "sign"])
def test_a_process_killed_at_a_step_is_finished_by_the_next(disk: Disk, step: str) -> None:
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests / "e2e"), str(tests), *filter(None, sys.path)])
    command = [sys.executable, "-c", _DIE, str(disk.folder), step]
    died = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    house = disk.open()
    (row,) = house.erasures.finish()
    assert row.receipt
    assert house.audit().faults == ()
    assert house.questions.check(BRAND, CART).decision.verdict is Verdict.DENY
    house.close()


def test_on_postgresql_a_new_epoch_makes_raw_bytes_of_before_worthless(tmp_path: Path, databases: Databases) -> None:
    """PostgreSQL keeps deleted rows in the heap and the log: with the old key gone, they open with nothing."""
    disk = Disk(tmp_path / "house", databases)
    house = disk.open()
    house.write(ApplyCatalogue(catalogue=CATALOGUE))
    house.write(grant(), grant(BOB_ID, point=BOB_MAIL))
    ada = ref_of(house)
    row = kept(house, ada)
    stolen = GivenKeks({1: (disk.folder / "secrets" / "kek-1").read_bytes()})
    house.erasures.ask(BRAND, ASKED)
    assert row.wrapped in heap(disk.urls[1]), "deleting a row is not destroying it"
    assert unwrap(stolen, BRAND, row), "and while the old key lives, it opens"
    rotation = rotate(house.parts.wrapped_keys, disk.keks, START, lambda _: None)
    assert (rotation.epoch, rotation.destroyed, rotation.left) == (2, (1,), ())
    assert [path.name for path in sorted((disk.folder / "secrets").glob("kek-*"))] == ["kek-2"]
    with pytest.raises(KeyUnreadableError):
        unwrap(disk.keks, BRAND, row)
    with pytest.raises(KeyUnreadableError):
        unwrap(FileKeks(disk.folder / "secrets"), BRAND, row)
    assert house.remembered.history(BRAND, BOB_ID, 1, 10), "the living are read as before"
    assert house.audit().faults == ()
    house.close()
    for url in disk.urls:
        databases.drop(url)


def heap(url: str) -> bytes:
    """Return the raw pages of the wrapped keys, as the server has them on disk."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        (path,) = connection.execute("SELECT pg_relation_filepath('wrapped_key')").fetchone() or ("",)
        (raw,) = connection.execute("SELECT pg_read_binary_file(%s)", (path,)).fetchone() or (b"",)
    return bytes(raw)


def test_a_new_epoch_leaves_no_byte_of_the_old_wrapping_on_sqlite(disk: Disk) -> None:
    house = disk.open()
    row = kept(house, ref_of(house))
    old = (disk.folder / "secrets" / "kek-1").read_bytes()
    assert row.wrapped in disk.bytes()
    rotate(house.parts.wrapped_keys, disk.keks, START, lambda _: None)
    assert row.wrapped not in disk.bytes()
    assert all(old not in path.read_bytes() for path in (disk.folder / "secrets").iterdir())
    house.close()


def test_the_receipt_promises_the_next_epoch(disk: Disk) -> None:
    house = disk.open()
    rotate(house.parts.wrapped_keys, disk.keks, Instant(START - DAY), lambda _: None)
    row = house.erasures.ask(BRAND, replace(ASKED, keep_suppression=False))
    assert "irrecoverable by: 2026-01-31T10:00:00.000Z" in row.receipt
    assert "erased at: 2026-01-02T10:00:00.000Z" in row.receipt
    house.close()
