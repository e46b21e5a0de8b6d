"""The scrub finds one flipped bit in whatever it reads, stops serving and signing, and serves again once it fits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from support.databases import Databases, Kind
from support.installations import BRAND, Installation, parts_at
from support.scenes import ADA_ID, CATALOGUE, grant, withdraw

from accord.domain.commands import ApplyCatalogue, Link, Question
from accord.domain.problems import ErrorReason
from accord.domain.terms import SECOND, Identifier, IdentifierKind
from accord.ledger.scrubbing import ScrubMark
from accord.service.errors import CallError
from accord.service.guard import LedgerUnprovenError
from accord.service.scrub import faults_of_slice
from accord.storage.engine import open_engine, transaction

LEDGER = f"accord/{BRAND}/1"
ENTRIES = 520
QUESTION = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")

# Of entry 300, in the second tile, and of that tile.
BENT = {
    "leaf": ("entry", "leaf", "position = 300", "entry 300: the leaf does not fit its hash"),
    "leaf hash": ("entry", "leaf_hash", "position = 300", "entry 300: the leaf does not fit its hash"),
    "payload": ("entry", "sealed", "position = 300", "entry 300: the ciphertext does not fit the leaf"),
    "newest leaf": ("entry", "leaf", f"position = {ENTRIES - 1}", f"entry {ENTRIES - 1}: the leaf does not fit"),
    "tile": ("tile", "hashes", "tile_index = 1 AND level = 0", "tile 0/1: does not fit what is below it"),
    "edge": ("head", "edge", "size > 0", f"the head at {ENTRIES} entries: its edge does not fit the tree"),
    "root": ("head", "root", "size > 0", f"the head at {ENTRIES} entries: its root does not fit its edge"),
}


class Grown:
    """A ledger with two full tiles and a piece of a third, and a hand that flips bits in its database."""

    def __init__(self, kind: Kind, databases: Databases, folder: Path) -> None:
        self._urls = databases.fresh(kind), databases.fresh(kind, "keys")
        self._sqlite = kind == "sqlite"
        self.house = Installation(parts_at(*self._urls, folder))
        fillers = [Identifier(IdentifierKind.EMAIL, f"c{number}@example.com") for number in range(ENTRIES - 2)]
        self.house.write(ApplyCatalogue(catalogue=CATALOGUE))
        self.house.write(grant())
        self.house.write(
            *(Link(customer=Identifier(IdentifierKind.CUSTOMER_ID, each.value), contact_point=each) for each in fillers)
        )
        self.house.proven.keep_checkpoints()
        self.engine = open_engine(self._urls[0], pool_size=0)

    def flip(self, table: str, column: str, where: str) -> None:
        """Flip one bit in the middle of a value, past every guard."""
        with transaction(self.engine) as connection:
            self._guards(connection, table, up=False)
            ((value,),) = connection.exec_driver_sql(f"SELECT {column} FROM {table} WHERE {where}").all()
            changed = bytearray(value)
            changed[len(changed) // 2] ^= 4
            mark = "?" if self._sqlite else "%s"
            sql = f"UPDATE {table} SET {column} = {mark} WHERE {where}"
            assert connection.exec_driver_sql(sql, (bytes(changed),)).rowcount == 1
            self._guards(connection, table, up=True)

    def _guards(self, connection: Connection, table: str, *, up: bool) -> None:
        if not self._sqlite:
            connection.exec_driver_sql(f"ALTER TABLE {table} {'ENABLE' if up else 'DISABLE'} TRIGGER USER")
            connection.exec_driver_sql(f"GRANT UPDATE ON {table} TO CURRENT_USER")
        elif not up:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_update")

    def mark(self) -> ScrubMark:
        found = self.house.parts.marks.read(LEDGER)
        assert found is not None
        return found

    def round(self) -> None:
        """Scrub a whole round: three slices of a tile."""
        for _ in range(3):
            self.house.scrub.step()

    def close(self) -> None:
        self.house.close()
        self.engine.dispose()


@pytest.fixture(scope="module")
def grown(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    """A ledger on SQLite, unless a test asks for another."""
    made = Grown(getattr(request, "param", "sqlite"), databases, tmp_path_factory.mktemp("outside"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def from_the_beginning(grown: Grown) -> None:
    grown.house.parts.marks.put(ScrubMark(ledger=LEDGER))


def test_a_round_reads_slice_by_slice_and_begins_anew(grown: Grown) -> None:
    places = []
    for _ in range(4):
        grown.house.clock.advance(SECOND)
        grown.house.scrub.step()
        places.append(grown.mark().position)
    assert places == [256, 512, 0, 256]
    assert grown.mark().faults == ()
    assert grown.mark().ended_time == grown.house.clock.now - SECOND


@pytest.mark.parametrize("what", BENT)
@pytest.mark.parametrize("grown", ["sqlite", "postgres"], indirect=True, scope="module")
def test_one_flipped_bit_is_named_stops_serving_and_is_forgiven_once_put_back(
    grown: Grown, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    table, column, where, told = BENT[what]
    house = grown.house
    grown.flip(table, column, where)
    try:
        grown.round()
        assert any(fault.startswith(told) for fault in grown.mark().faults)
        assert f"the ledger is damaged: {LEDGER}: {told}" in caplog.text
        assert not house.proven.look()
        for act in (lambda: house.questions.check(BRAND, QUESTION), lambda: house.write(withdraw())):
            with pytest.raises(CallError) as refused:
                act()
            assert refused.value.problem.reason is ErrorReason.LEDGER_UNPROVEN
            assert f"{LEDGER} is damaged" in refused.value.problem.text
        with pytest.raises(LedgerUnprovenError, match="is damaged"):
            house.proven.keep_checkpoints()
        with pytest.raises(LedgerUnprovenError, match="put back what was there"):
            Installation(house.parts).proven.prove()
        place = grown.mark().position
        house.scrub.step()
        assert grown.mark().position == place
    finally:
        grown.flip(table, column, where)
    house.scrub.look_again()
    assert grown.mark().faults == ()
    assert house.proven.look()
    assert house.questions.check(BRAND, QUESTION).head.size == ENTRIES


def test_damage_that_is_known_stays_known_while_all_is_read_once_more(grown: Grown) -> None:
    seen = []
    grown.flip("entry", "leaf", "position = 300")
    try:
        grown.round()
        (mark,) = grown.house.scrub.whole_round(lambda *_: seen.append(grown.house.proven.look()))
        assert seen == [False, False]
        assert mark.position == 256
        assert mark == grown.mark()
    finally:
        grown.flip("entry", "leaf", "position = 300")
    (mark,) = grown.house.scrub.whole_round(lambda *_: seen.append(grown.house.proven.look()))
    assert seen == [False] * 5
    assert mark.faults == ()
    assert grown.house.proven.look()


def test_a_tile_above_is_held_to_the_tiles_below_it(grown: Grown) -> None:
    """A ledger of a tile of tiles is too long to make here: the one above is put there as if it were."""
    store = grown.house.store
    real = store.tiles(BRAND, 0, (0, 1))

    class Tall:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def tiles(self, _: object, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
            return {0: bytes(8192)} if level == 1 else {index: real[index] for index in indexes if index in real}

    head = store.heads()[0]
    assert list(faults_of_slice(Tall(), head, 256, 512)) == ["tile 1/0: does not fit tile 0/1"]  # type: ignore[arg-type] # as much of a store as is asked


def test_a_ledger_that_does_not_extend_its_checkpoint_is_a_fault_too(grown: Grown) -> None:
    outside = grown.house.outside
    note = outside.read(LEDGER)
    assert note is not None
    foreign = note.replace(LEDGER, "accord/other/1")
    assert outside.replace(LEDGER, note, foreign)
    try:
        grown.house.scrub.step()
        assert "the outside checkpoint of accord/maison/1 is not ours" in grown.mark().faults[0]
    finally:
        assert outside.replace(LEDGER, foreign, note)


def test_what_only_one_reading_shows_is_no_fault(grown: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    store = grown.house.store
    real = store.tiles
    monkeypatch.setattr(store, "tiles", lambda *asked: dict.fromkeys(real(*asked), b"noise on the way"))
    grown.house.scrub.step()
    assert grown.mark().faults == ()
    assert grown.mark().position == 256
