"""A database is served only while it extends the checkpoints kept outside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.installations import BRAND, SIGNING_KEY, Installation, Parts, parts_at
from support.memory import MemoryMarks, MemoryOutsideCopy, MemorySigner, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, CATALOGUE, grant, withdraw

from accord.domain.commands import ApplyCatalogue, Question
from accord.domain.problems import ErrorReason
from accord.domain.terms import BrandId
from accord.ledger.store import Sight, StoreUnavailableError, TreeHead
from accord.proof import checkpoint as notes
from accord.proof.checkpoint import Checkpoint
from accord.proof.merkle import EMPTY_ROOT
from accord.service.errors import CallError
from accord.service.guard import LedgerUnprovenError, ProvenStore, keep_outside

LEDGER = f"accord/{BRAND}/1"
SIGNER = MemorySigner(SIGNING_KEY)
QUESTION = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")


class World:
    """What survives a process: the database, the keys, the outside copy."""

    def __init__(self) -> None:
        self.store, self.keys, self.outside = MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()

    def start(self, signer: MemorySigner = SIGNER) -> Installation:
        """Return a new process over it."""
        return Installation(Parts(self.store, self.keys, self.outside, signer=signer))

    def grow(self, entries: int = 1) -> TreeHead:
        self.start().write(*[grant()] * entries)
        return self.store.heads()[0]

    def keep(self) -> None:
        """Keep a checkpoint of the ledger as it is."""
        keep_outside(self.outside, self.store.heads()[0], SIGNER)


@pytest.fixture
def world() -> World:
    made = World()
    made.start().write(ApplyCatalogue(catalogue=CATALOGUE))
    return made


def refused(house: Installation) -> str:
    """Hold that neither a check nor a write is served; return why."""
    with pytest.raises(CallError) as check:
        house.questions.check(BRAND, QUESTION)
    with pytest.raises(CallError) as write:
        house.write(withdraw())
    assert {check.value.problem.reason, write.value.problem.reason} == {ErrorReason.LEDGER_UNPROVEN}
    return check.value.problem.text


class TestTold:
    def test_whether_it_is_proven_is_told_from_the_first_proof_until_one_fails(self, world: World) -> None:
        world.grow(3)
        world.keep()
        house = world.start()
        assert not house.proven.is_proven
        house.questions.check(BRAND, QUESTION)
        assert house.proven.is_proven
        world.outside.notes.clear()
        with pytest.raises(LedgerUnprovenError):
            house.proven.prove()
        assert not house.proven.is_proven
        world.keep()
        house.proven.prove()
        assert house.proven.is_proven


class TestServed:
    def test_a_database_without_any_ledger_is_proven(self) -> None:
        world = World()
        world.start().proven.prove()

    def test_a_new_ledger_has_a_checkpoint_outside_before_its_first_entry(self, world: World) -> None:
        assert notes.verify(world.outside.notes[LEDGER], SIGNING_KEY.public_key()).size == 0
        world.start().proven.prove()

    def test_a_ledger_that_grew_past_its_checkpoint_is_served(self, world: World) -> None:
        world.grow(5)
        world.keep()
        world.grow(300)
        assert world.start().questions.check(BRAND, QUESTION).head.size == 306

    def test_a_ledger_at_its_checkpoint_is_served(self, world: World) -> None:
        world.grow(5)
        world.keep()
        assert world.start().questions.check(BRAND, QUESTION).head.size == 6

    def test_a_crash_between_the_outside_copy_and_the_first_commit_leaves_a_ledger_that_can_be_opened(self) -> None:
        world = World()
        never = TreeHead(brand=BRAND, ledger=f"accord/{BRAND}/0")
        keep_outside(world.outside, never, SIGNER)
        world.start().proven.prove()
        world.start().write(ApplyCatalogue(catalogue=CATALOGUE))
        assert world.start().questions.check(BRAND, QUESTION).head.ledger == LEDGER


class TestRefused:
    def test_a_database_rolled_back_behind_its_checkpoint_is_refused(self, world: World) -> None:
        before = dict(world.store._brands)
        world.grow(3)
        world.keep()
        world.store._brands = before
        assert "does not extend the outside checkpoint of accord/maison/1 at 4 entries" in refused(world.start())

    def test_a_fork_regrown_past_the_checkpoint_is_refused(self, world: World) -> None:
        """A backup is restored and used: it grows longer than the checkpoint, on another history."""
        before = dict(world.store._brands)
        world.grow(3)
        world.keep()
        world.store._brands = before
        real, world.outside = world.outside, MemoryOutsideCopy()
        keep_outside(world.outside, world.store.heads()[0], SIGNER)
        world.grow(20)
        world.outside = real
        assert "does not extend" in refused(world.start())

    def test_a_database_that_lost_a_ledger_is_refused(self, world: World) -> None:
        world.grow(3)
        world.keep()
        world.store = MemoryStore()
        assert "the database lacks accord/maison/1, which had 4 entries" in refused(world.start())

    def test_a_checkpoint_signed_with_another_key_is_refused(self, world: World) -> None:
        other = MemorySigner(Ed25519PrivateKey.from_private_bytes(b"x" * 32))
        assert "is not ours" in refused(world.start(other))

    def test_a_checkpoint_that_is_missing_is_refused(self, world: World) -> None:
        world.outside.notes.clear()
        assert "no checkpoint of accord/maison/1 is kept outside" in refused(world.start())

    def test_a_checkpoint_of_another_ledger_in_its_place_is_refused(self, world: World) -> None:
        world.outside.notes[LEDGER] = notes.sign(Checkpoint("accord/maison/2", 0, EMPTY_ROOT), SIGNING_KEY)
        assert "a checkpoint of accord/maison/2 is not one of accord/maison/1" in refused(world.start())

    def test_a_checkpoint_of_nothing_with_a_root_is_refused(self, world: World) -> None:
        world.outside.notes[LEDGER] = notes.sign(Checkpoint(LEDGER, 0, b"\x01" * 32), SIGNING_KEY)
        assert "does not extend" in refused(world.start())

    def test_a_checkpoint_that_was_damaged_is_refused(self, world: World) -> None:
        world.outside.notes[LEDGER] = world.outside.notes[LEDGER].replace("\n0\n", "\n00\n")
        assert "is not ours" in refused(world.start())

    def test_a_head_moved_without_its_entries_is_refused(self, world: World) -> None:
        world.grow(3)
        world.keep()
        brand = world.store._brands[BRAND]
        moved = TreeHead(brand=BRAND, ledger=LEDGER, size=9, root=b"\x01" * 32)
        world.store._brands[BRAND] = type(brand)(**{**vars(brand), "head": moved})
        refused(world.start())

    def test_one_ledger_in_doubt_stops_them_all(self, world: World) -> None:
        gone = TreeHead(brand=BRAND, ledger="accord/autre/1", size=4)
        keep_outside(world.outside, gone, SIGNER)
        assert "the database lacks accord/autre/1" in refused(world.start())

    def test_who_asks_for_the_proof_itself_is_told_in_its_own_error(self, world: World) -> None:
        world.outside.notes.clear()
        with pytest.raises(LedgerUnprovenError, match="restore the newest database"):
            world.start().proven.prove()

    def test_an_auditor_may_still_read_what_is_refused(self, world: World) -> None:
        world.outside.notes.clear()
        house = world.start()
        refused(house)
        assert len(house.proven.entries(BRAND, 0, 9)) == 1
        assert house.audit().faults == ()


class TestKept:
    def test_what_is_kept_outside_is_the_newest_checkpoint(self, world: World) -> None:
        world.grow(4)
        world.start().proven.keep_checkpoints()
        assert notes.verify(world.outside.notes[LEDGER], SIGNING_KEY.public_key()).size == 5

    def test_a_fork_that_grew_past_the_checkpoint_does_not_take_its_place(self, world: World) -> None:
        before = dict(world.store._brands)
        world.grow(3)
        world.keep()
        kept = dict(world.outside.notes)
        world.store._brands = before
        real, world.outside = world.outside, MemoryOutsideCopy()
        keep_outside(world.outside, world.store.heads()[0], SIGNER)
        world.grow(20)
        world.outside = real
        with pytest.raises(LedgerUnprovenError, match="does not extend"):
            world.start().proven.keep_checkpoints()
        assert world.outside.notes == kept

    def test_what_lies_below_the_checkpoint_kept_last_is_not_read_again(self, world: World) -> None:
        read: list[int] = []

        class Counting(MemoryStore):
            def entries(self, brand, start, limit, customer_ref=None):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
                read.append(start)
                return super().entries(brand, start, limit, customer_ref)

            def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
                found = super().tiles(brand, level, indexes)
                read.extend(index << 8 * (level + 1) for index in found)
                return found

            @contextmanager
            def frozen(self) -> Iterator[MemoryStore]:
                self._brands = dict(world.store._brands)
                yield self

        world.grow(600)
        proven = ProvenStore(world.store, Counting(), world.outside, SIGNER, MemoryMarks())
        proven.keep_checkpoints()
        read.clear()
        world.grow(300)
        proven.keep_checkpoints()
        assert read
        assert min(read) >= 512
        assert notes.verify(world.outside.notes[LEDGER], SIGNING_KEY.public_key()).size == 901

    def test_a_checkpoint_that_another_process_keeps_meanwhile_is_no_fault(self, world: World) -> None:
        class Growing(MemoryStore):
            """Somebody writes and keeps a checkpoint whenever a snapshot was opened."""

            def __getattribute__(self, name: str) -> Any:
                if name != "frozen":
                    return getattr(world.store, name)

                @contextmanager
                def frozen() -> Iterator[MemoryStore]:
                    with world.store.frozen() as held:
                        world.grow(1)
                        world.keep()
                        yield held

                return frozen

        ProvenStore(world.store, Growing(), world.outside, SIGNER, MemoryMarks()).prove()

    def test_a_ledger_that_is_begun_meanwhile_is_no_fault(self) -> None:
        world = World()

        class Late(MemoryOutsideCopy):
            """The first ledger is begun right after the notes were listed."""

            def ledgers(self) -> list[str]:
                found = world.outside.ledgers()
                if not found:
                    world.start().write(ApplyCatalogue(catalogue=CATALOGUE))
                return found

            def read(self, ledger: str) -> str | None:
                return world.outside.read(ledger)

        ProvenStore(world.store, world.store, Late(), SIGNER, MemoryMarks()).prove()
        assert world.store.heads()


class TestAgain:
    def test_a_proof_is_made_once_and_again_after_every_failure(self, world: World) -> None:
        away: list[str] = []

        class Failing(MemoryStore):
            def read(self, brand, lookups):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
                if away:
                    raise StoreUnavailableError(away.pop())
                return world.store.read(brand, lookups)

        proofs: list[str] = []

        class Counting(MemoryOutsideCopy):
            def read(self, ledger: str) -> str | None:
                proofs.append(ledger)
                return world.outside.read(ledger)

            def ledgers(self) -> list[str]:
                return world.outside.ledgers()

        proven = ProvenStore(Failing(), world.store, Counting(), SIGNER, MemoryMarks())
        for _ in range(3):
            assert proven.read(BRAND, (b"",)) is not None
        assert proofs == [LEDGER]
        away.append("the network is down")
        with pytest.raises(StoreUnavailableError):
            proven.read(BRAND, (b"",))
        assert not proven.is_proven
        for _ in range(3):
            assert proven.read(BRAND, (b"",)) is not None
        assert proven.is_proven
        assert proofs == [LEDGER, LEDGER]

    def test_a_refused_ledger_is_served_once_what_belongs_to_it_is_back(self, world: World) -> None:
        house = world.start()
        kept = dict(world.outside.notes)
        world.outside.notes.clear()
        refused(house)
        world.outside.notes.update(kept)
        assert house.questions.check(BRAND, QUESTION).head.size == 1


class Restless(MemoryStore):
    """A store that opens a connection whenever the next number says so."""

    def __init__(self, store: MemoryStore, opens: Iterator[int]) -> None:
        self._inner = store
        self._opens = opens
        self._opened = 1

    @property
    def connections(self) -> int:
        return self._opened

    def read(self, brand: BrandId, lookups: tuple[bytes, ...]) -> Sight | None:
        self._opened += next(self._opens)
        return self._inner.read(brand, lookups)


class TestNewConnections:
    def test_what_a_new_connection_read_is_read_again_until_no_new_one_was_opened(self, world: World) -> None:
        world.start()
        opens = iter([0, 1, 1, 0])
        proven = ProvenStore(Restless(world.store, opens), world.store, world.outside, SIGNER, MemoryMarks())
        assert proven.read(BRAND, (b"",)) is not None
        assert next(opens) == 1
        assert proven.read(BRAND, (b"",)) is not None
        assert list(opens) == []

    def test_connections_opened_faster_than_proven_are_not_believed(self, world: World) -> None:
        world.start()
        proven = ProvenStore(Restless(world.store, repeat(1)), world.store, world.outside, SIGNER, MemoryMarks())
        with pytest.raises(StoreUnavailableError, match="faster"):
            proven.read(BRAND, (b"",))

    def test_a_file_exchanged_under_open_connections_is_refused_by_the_next_connection(
        self, sqlite_url: str, sqlite_keys_url: str, tmp_path: Path
    ) -> None:
        parts: Any = parts_at(sqlite_url, sqlite_keys_url, tmp_path)
        house = Installation(parts)
        house.write(ApplyCatalogue(catalogue=CATALOGUE))
        file = Path(sqlite_url.removeprefix("sqlite:///"))
        older = tmp_path / "older.db"
        with closing(sqlite3.connect(file)) as connection, closing(sqlite3.connect(older)) as copy:
            connection.backup(copy)
        house.write(grant(), grant())
        house.proofs.checkpoint(BRAND)
        house.questions.check(BRAND, QUESTION)
        for ending in ("-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)
        older.replace(file)
        # The connection that led to the older file is in another thread's hands; the pool still has one, too.
        in_use, parts.store._reader._idle.stack = parts.store._reader._idle.stack, []
        refused(house)
        assert in_use
        parts.close()


class TestKeeping:
    def test_the_outside_copy_never_goes_back(self, world: World) -> None:
        old = world.store.heads()[0]
        world.grow(3)
        world.keep()
        newest = world.outside.notes[LEDGER]
        note = keep_outside(world.outside, old, SIGNER).note
        assert world.outside.notes[LEDGER] == newest
        assert notes.verify(note, SIGNING_KEY.public_key()).size == 1

    def test_two_who_keep_at_once_leave_the_newer_one(self, world: World) -> None:
        old = world.store.heads()[0]
        new = world.grow(3)

        class Raced(MemoryOutsideCopy):
            def replace(self, ledger: str, before: str | None, after: str) -> bool:
                if self.notes.get(ledger) is None:
                    keep_outside(world.outside, new, SIGNER)
                    self.notes = world.outside.notes
                return super().replace(ledger, before, after)

        raced = Raced()
        keep_outside(raced, old, SIGNER)
        assert notes.verify(raced.notes[LEDGER], SIGNING_KEY.public_key()).size == new.size


def test_a_restored_backup_of_the_file_is_refused(sqlite_url: str, sqlite_keys_url: str, tmp_path: Path) -> None:
    parts = parts_at(sqlite_url, sqlite_keys_url, tmp_path)
    house = Installation(parts)
    house.write(ApplyCatalogue(catalogue=CATALOGUE))
    file, backup = sqlite3.connect(sqlite_url.removeprefix("sqlite:///")), sqlite3.connect(":memory:")
    file.backup(backup)
    house.write(grant(), grant())
    house.proofs.checkpoint(BRAND)
    backup.backup(file)
    file.close()
    backup.close()
    refused(Installation(parts))
    parts.close()
