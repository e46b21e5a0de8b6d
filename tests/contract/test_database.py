"""What the two databases do besides the contract: they guard themselves, fail whole, and come back."""

import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from contract.batches import ADA, BOB, BRAND, EVE, after, append, customer, entry, lookup
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from support.databases import Databases, Kind
from support.installations import BRAND as HOUSE
from support.installations import SIGNING_KEY, Installation, parts_at
from support.memory import seen_of
from support.scenes import ADA_ID, CATALOGUE

from accord.domain.commands import ApplyCatalogue, Link, Question
from accord.domain.problems import ErrorReason
from accord.domain.terms import Identifier, IdentifierKind, Position
from accord.ledger.store import Batch, ContactRow, RequestRow, Sight, StoreFaultError, StoreUnavailableError, Wanted
from accord.proof import checkpoint as notes
from accord.proof.checkpoint import Checkpoint
from accord.service.errors import CallError
from accord.storage import reader, store
from accord.storage.engine import open_engine, transaction
from accord.storage.migrate import newest, revision, upgrade
from accord.storage.store import _UNREPORTED, SqlStore

KINDS: list[Kind] = ["sqlite", "postgres"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def url(kind: Kind, databases: Databases) -> Iterator[str]:
    made = databases.fresh(kind)
    yield made
    databases.drop(made)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_engine(url)
    yield opened
    opened.dispose()


@pytest.fixture
def sql_store(engine: Engine) -> Iterator[SqlStore]:
    opened = SqlStore(engine)
    yield opened
    opened.close()


CHANGES = {
    "rewriting a leaf": "UPDATE entry SET leaf = leaf_hash WHERE position = 3",
    "rewriting all leaves": "UPDATE entry SET leaf = leaf",
    "taking the newest entry off": "DELETE FROM entry WHERE position = 255",
    "emptying the ledger": "DELETE FROM entry",
    "rewriting a tile": "UPDATE tile SET hashes = hashes",
    "dropping a tile": "DELETE FROM tile",
    "putting an entry in another's place": (
        "INSERT INTO entry SELECT brand_id, 3, leaf, leaf_hash, customer_ref, 9999, generation, sealed "
        "FROM entry WHERE position = 4"
    ),
    "changing an entry on conflict": (
        "INSERT INTO entry SELECT * FROM entry WHERE position = 3 "
        "ON CONFLICT (brand_id, position) DO UPDATE SET leaf = excluded.leaf_hash"
    ),
    "changing a tile on conflict": (
        "INSERT INTO tile SELECT * FROM tile WHERE true "
        "ON CONFLICT (brand_id, level, tile_index) DO UPDATE SET hashes = excluded.hashes"
    ),
}
ONLY_SQLITE = {
    "replacing an entry": "INSERT OR REPLACE INTO entry SELECT * FROM entry WHERE position = 3",
    "replacing an entry by its version": (
        "REPLACE INTO entry SELECT brand_id, 9999, leaf, leaf_hash, customer_ref, customer_version, generation, sealed "
        "FROM entry WHERE position = 3"
    ),
    "replacing an entry by its rowid": (
        "REPLACE INTO entry (rowid, brand_id, position, leaf, leaf_hash, customer_ref, customer_version, generation, "
        "sealed) SELECT rowid, brand_id, 9998, leaf, leaf_hash, customer_ref, 9998, generation, sealed "
        "FROM entry WHERE position = 6"
    ),
    "replacing a tile by its rowid": (
        "REPLACE INTO tile (rowid, brand_id, level, tile_index, hashes) "
        "SELECT rowid, brand_id, level, 9, hashes FROM tile"
    ),
    "replacing a tile": "REPLACE INTO tile SELECT * FROM tile",
    "updating or replacing": "UPDATE OR REPLACE entry SET position = 4 WHERE position = 5",
}
ONLY_POSTGRES = {
    "truncating the entries": "TRUNCATE entry",
    "truncating the tiles": "TRUNCATE tile",
    "truncating all that follows": "TRUNCATE entry, tile, customer CASCADE",
    "merging": (
        "MERGE INTO entry USING entry AS other ON entry.position = other.position AND other.position = 3 "
        "WHEN MATCHED THEN DELETE"
    ),
}
ATTACKS: list[tuple[Kind, str, str]] = [
    *((kind, name, sql) for kind in KINDS for name, sql in CHANGES.items()),
    *(("sqlite", name, sql) for name, sql in ONLY_SQLITE.items()),
    *(("postgres", name, sql) for name, sql in ONLY_POSTGRES.items()),
]

ATTACK_NAMES = [f"{kind}-{name}" for kind, name, _ in ATTACKS]


@pytest.fixture(scope="module")
def grown(databases: Databases) -> Iterator[Callable[[Kind], Engine]]:
    """One ledger of 256 entries and a tile for each kind: what is refused leaves it as it was."""
    engines: dict[Kind, Engine] = {}

    def engine_of(kind: Kind) -> Engine:
        if kind not in engines:
            engines[kind] = open_engine(databases.fresh(kind))
            store = SqlStore(engines[kind])
            append(store, 256)
            store.close()
        return engines[kind]

    yield engine_of
    for engine in engines.values():
        engine.dispose()


class TestGuards:
    @pytest.mark.parametrize(
        ("kind", "attack", "statement"), ATTACKS, ids=[f"{kind}-{name}" for kind, name, _ in ATTACKS]
    )
    def test_the_database_itself_refuses_what_would_change_the_past(
        self, grown: Callable[[Kind], Engine], kind: Kind, attack: str, statement: str
    ) -> None:
        del attack
        engine = grown(kind)
        before = _rows(engine)
        with pytest.raises(DBAPIError), transaction(engine) as connection:
            connection.exec_driver_sql(statement)
        assert _rows(engine) == before

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_entry_may_still_be_added(self, grown: Callable[[Kind], Engine], kind: Kind) -> None:
        engine = grown(kind)
        store = SqlStore(engine)
        size = append(store).size
        assert len(_rows(engine)[0]) == size
        store.close()


def _rows(engine: Engine) -> tuple[list[Any], list[Any]]:
    with engine.connect() as connection:
        entries = connection.exec_driver_sql("SELECT * FROM entry ORDER BY position").fetchall()
        return list(entries), list(connection.exec_driver_sql("SELECT * FROM tile").fetchall())


class TestFailures:
    def test_a_commit_that_fails_leaves_nothing_of_its_batch(self, sql_store: SqlStore) -> None:
        head = append(sql_store)
        twice = (entry(1), entry(1))
        batch = Batch(
            head=after(head, twice),
            entries=twice,
            customers={ADA: customer(9)},
            points={lookup(1): b"x"},
            linked=((lookup(1), ADA, 1, "EMAIL"),),
            requests={lookup(1): RequestRow(b"", ADA, b"")},
        )
        with pytest.raises(StoreFaultError), sql_store.write(BRAND) as writing:
            writing.commit(batch)
        assert sql_store.head(BRAND) == head
        assert sql_store.read(BRAND, (lookup(1),)) == Sight(seen_of(head), {})
        assert dict(sql_store.all_points(BRAND)) == {}
        with sql_store.write(BRAND) as writing:
            assert writing.load(Wanted(requests=(lookup(1),))).requests == {}

    def test_a_commit_that_fails_on_its_last_row_leaves_nothing_of_the_rows_before(self, sql_store: SqlStore) -> None:
        answered = {lookup(1): RequestRow(b"", ADA, b"")}
        head = append(sql_store, requests=answered)
        with pytest.raises(StoreFaultError):
            append(sql_store, 3, customers={ADA: customer(9)}, requests=answered)
        assert sql_store.heads() == [head]
        assert len(sql_store.entries(BRAND, 0, 9)) == 1
        assert dict(sql_store.all_customers(BRAND)) == {}

    def test_of_two_writers_that_open_the_same_brand_one_ledger_stands(self, sql_store: SqlStore) -> None:
        def attempt() -> bool:
            try:
                append(sql_store)
            except StoreFaultError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            won = [each.result() for each in [pool.submit(attempt), pool.submit(attempt)]]
        (head,) = sql_store.heads()
        assert head.size == sum(won) >= 1

    def test_a_wrong_url_is_refused_before_anything_is_opened(self) -> None:
        for wrong in ("mysql://somewhere/db", "sqlite://", "accord.db", ""):
            with pytest.raises(ValueError, match="sqlite:///FILE or postgresql://"):
                open_engine(wrong)


class TestOrder:
    def test_the_order_of_holders_is_not_left_to_the_plan(self, postgres_url: str) -> None:
        """The entries of a refusal stand in this order, so another plan must not make another ledger."""
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            database = connection.info.dbname
            for scan in ("indexscan", "indexonlyscan", "bitmapscan"):
                connection.execute(f"ALTER DATABASE {database} SET enable_{scan} = off")
        engine = open_engine(postgres_url)
        store = SqlStore(engine)
        people = sorted([ADA, BOB, EVE], reverse=True)
        for number, ref in enumerate(people, start=1):
            append(store, customers={ref: customer()}, linked=((lookup(1), ref, number, "EMAIL"),))
        with store.write(BRAND) as writing:
            assert writing.load(Wanted(lookups=(lookup(1),))).holders == {lookup(1): tuple(sorted(people))}
        store.close()
        engine.dispose()


class TestSettings:
    def test_what_is_acknowledged_survives_a_power_cut_on_sqlite(self, sqlite_url: str) -> None:
        engine = open_engine(sqlite_url)
        with engine.connect() as connection:
            settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in _PRAGMAS}
        engine.dispose()
        assert settings == _PRAGMAS

    def test_what_is_acknowledged_survives_a_power_cut_on_postgresql(self, databases: Databases) -> None:
        settings = {name: databases.postgres.run(f"SHOW {name}")[0][0] for name in ("fsync", "synchronous_commit")}
        assert settings == {"fsync": "on", "synchronous_commit": "on"}


_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "secure_delete": 1}


class TestMigrations:
    def test_migrating_twice_changes_nothing(self, engine: Engine) -> None:
        assert revision(engine) == newest("ledger")
        upgrade(engine, "ledger")
        assert revision(engine) == newest("ledger")

    def test_positions_of_contacts_written_before_their_bytes_were_turned_mean_the_same_after(
        self, kind: Kind, databases: Databases
    ) -> None:
        url = databases.empty(kind, f"before_{kind}")
        engine = open_engine(url)
        upgrade(engine, "ledger", "0001")
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO head VALUES (1, 'maison', 'it', 0, '', '', 0, 0, 0)")
            blob = "x'{}'" if kind == "sqlite" else "'\\x{}'::bytea"
            for number, positions in enumerate([(1, 2**40), (700,)]):
                row = (f"{number:02}", "aa", struct.pack(f"<{len(positions)}Q", *positions).hex())
                values = ", ".join(blob.format(each) for each in row)
                connection.exec_driver_sql(f"INSERT INTO contact VALUES (1, {values})")
        upgrade(engine, "ledger")
        store = SqlStore(engine)
        assert dict(store.all_contacts(BRAND)) == {
            b"\x00": ContactRow(b"\xaa", (Position(1), Position(2**40))),
            b"\x01": ContactRow(b"\xaa", (Position(700),)),
        }
        store.close()
        databases.drop(url)

    def test_the_oldest_unreported_contact_is_found_by_the_index(self, kind: Kind, engine: Engine) -> None:
        store = SqlStore(engine)
        contacts = {lookup(each): ContactRow(ADA, (Position(each), Position(each + 1))) for each in range(3000)}
        append(store, 1, contacts=contacts | {lookup(9999): ContactRow(ADA, (Position(0),))})
        with engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
            explain = "EXPLAIN QUERY PLAN " if kind == "sqlite" else "EXPLAIN "
            plan = str(connection.exec_driver_sql(explain + _UNREPORTED).fetchall())
        assert "contact_unreported" in plan
        assert store.oldest_unreported() == {BRAND: entry(0)}

    def test_an_empty_database_has_no_revision(self, kind: Kind, databases: Databases) -> None:
        url = databases.empty(kind, "nothing_yet")
        engine = open_engine(url)
        assert revision(engine) is None
        engine.dispose()
        databases.drop(url)


class TestBrokenConnections:
    """A failover seen from here: every connection ends, and the next one may lead to another server."""

    @pytest.fixture
    def house(self, postgres_url: str, postgres_keys_url: str, tmp_path: Path) -> Iterator[Installation]:
        made = Installation(parts_at(postgres_url, postgres_keys_url, tmp_path))
        made.write(ApplyCatalogue(catalogue=CATALOGUE))
        yield made
        made.close()

    @pytest.fixture
    def cut(self, postgres_url: str) -> Callable[[], None]:
        def cut_all() -> None:
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        return cut_all

    def test_a_read_says_that_the_database_is_away_and_the_next_one_works(
        self, house: Installation, cut: Callable[[], None]
    ) -> None:
        before = house.store.read(HOUSE, (b"",))
        cut()
        with pytest.raises(StoreUnavailableError):
            house.store.read(HOUSE, (b"",))
        assert house.store.read(HOUSE, (b"",)) == before

    def test_a_write_cut_in_the_middle_writes_nothing_and_the_next_one_works(
        self, house: Installation, cut: Callable[[], None]
    ) -> None:
        head = house.proofs.head(HOUSE)
        entries = (entry(1),)

        def write() -> None:
            with house.store.write(HOUSE) as writing:
                cut()
                writing.commit(Batch(head=after(head, entries), entries=entries))

        with pytest.raises(StoreUnavailableError):
            write()
        assert _once_it_is_back(lambda: house.store.heads()[0].size) == head.size
        with house.store.write(HOUSE) as writing:
            assert writing.head == head

    def test_after_a_broken_read_the_ledger_proves_itself_before_it_serves(
        self, house: Installation, cut: Callable[[], None]
    ) -> None:
        house.proven.read(HOUSE, (b"",))
        _forget_the_newest(house)
        cut()
        with pytest.raises(StoreUnavailableError):
            house.proven.read(HOUSE, (b"",))
        with pytest.raises(CallError) as refused:
            house.questions.check(HOUSE, QUESTION)
        assert refused.value.problem.reason is ErrorReason.LEDGER_UNPROVEN

    def test_a_connection_replaced_in_silence_is_proven_before_a_write_is_served(
        self, house: Installation, cut: Callable[[], None]
    ) -> None:
        house.proven.read(HOUSE, (b"",))
        _forget_the_newest(house)
        cut()
        with pytest.raises((CallError, StoreUnavailableError)):
            house.write(Link(customer=ADA_ID, contact_point=Identifier(IdentifierKind.EMAIL, "ada@example.com")))
        assert _once_it_is_back(lambda: house.store.heads()[0].size) == 1

    def test_a_proof_that_holds_again_serves_again(self, house: Installation, cut: Callable[[], None]) -> None:
        assert house.questions.check(HOUSE, QUESTION).head.size == 1
        for _ in range(3):
            cut()
            with pytest.raises(StoreUnavailableError):
                house.proven.read(HOUSE, (b"",))
            assert _once_it_is_back(lambda: house.questions.check(HOUSE, QUESTION).head.size) == 1

    def test_a_closed_file_is_opened_again_by_the_next_read(self, sqlite_url: str) -> None:
        engine = open_engine(sqlite_url)
        store: Any = SqlStore(engine)
        head = append(store)
        assert store.read(BRAND, (b"",)) == Sight(seen_of(head), {})
        store._reader._idle.stack[-1].close()
        with pytest.raises(StoreUnavailableError):
            store.read(BRAND, (b"",))
        assert store.read(BRAND, (b"",)) == Sight(seen_of(head), {})
        store.close()


class TestSlowStatements:
    """A statement that is cut short leaves a good connection: none may be kept open for it, and none lost."""

    def test_connections_do_not_pile_up(self, postgres_url: str) -> None:
        with psycopg.connect(postgres_url, autocommit=True) as watching:
            name = watching.execute("SELECT current_database()").fetchone()
            assert name is not None
            watching.execute(f"ALTER DATABASE {name[0]} SET statement_timeout = '100ms'")
            store: Any = SqlStore(open_engine(postgres_url))
            append(store)
            for _ in range(6):
                store.read(BRAND, (b"",))
                with psycopg.connect(postgres_url, options="-c statement_timeout=0") as locking:
                    locking.execute("LOCK TABLE head")
                    with ThreadPoolExecutor(4) as pool:
                        calls = [pool.submit(store.read, BRAND, (b"",)) for _ in range(4)]
                        calls += [pool.submit(store.head, BRAND) for _ in range(4)]
                        assert all(isinstance(call.exception(), StoreUnavailableError) for call in calls)
            assert store.read(BRAND, (b"",)) is not None
            assert store.head(BRAND) is not None
            count = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            open_now = watching.execute(count).fetchone()
            assert open_now is not None
            assert open_now[0] <= 1 + 4
            store.close()


QUESTION = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")


def _once_it_is_back(ask: Callable[[], int]) -> int:
    """Ask again while the database is away: each way to it may have to find that out for itself."""
    for _ in range(2):
        with suppress(StoreUnavailableError):
            return ask()
    return ask()


def _forget_the_newest(house: Installation) -> None:
    """Let the outside copy know of more than the database holds: what a failover to a stale server looks like."""
    head = house.store.heads()[0]
    newer = Checkpoint(head.ledger, head.size + 5, b"\x07" * 32)
    before = house.outside.read(head.ledger)
    assert house.outside.replace(head.ledger, before, notes.sign(newer, SIGNING_KEY))


def test_a_group_is_found_by_its_index_and_never_by_walking_the_customers_of_the_brand(
    databases: Databases,
) -> None:
    url = databases.fresh("sqlite")
    engine = open_engine(url)
    asked = (
        (reader._sqlite_many(reader._SELECT_GROUPS, 1), (lookup(1), BRAND)),
        (store._MEMBERS.replace("= ANY(?)", "IN (?)"), (1, lookup(1))),
    )
    with engine.connect() as connection:
        for sql, values in asked:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert any("USING INDEX customer_by_group" in each for each in plan), plan
            assert not [each for each in plan if each.endswith("PRIMARY KEY (brand_id=?)")], plan
    engine.dispose()
    databases.drop(url)


@pytest.mark.parametrize(("table", "sql"), [("identity", store._HOLDERS), ("listing", store._LISTINGS)])
def test_a_table_that_was_never_analysed_is_looked_into_by_the_key(databases: Databases, table: str, sql: str) -> None:
    """PostgreSQL takes a brand for one in 200 until it knows better, and reads it whole where an index lets it."""
    url = databases.fresh("postgres")
    opened = open_engine(url)
    keys = ", ".join(f"sha256('{number}')" for number in range(40))
    told = sql.replace("brand_id = ?", "brand_id = 1").replace("= ANY(?)", f"= ANY(ARRAY[{keys}])")
    fill = (
        "INSERT INTO identity SELECT 1, sha256(n::text::bytea), sha256((-n)::text::bytea), 1, 'EMAIL' FROM {}",
        "INSERT INTO listing SELECT 1, sha256(n::text::bytea), 'list', '', n, '' FROM {}",
    )
    with opened.connect() as connection:
        for each in fill:
            connection.exec_driver_sql(each.format("generate_series(1, 5000) n"))
        lines = connection.exec_driver_sql(f"EXPLAIN {told}").scalars().all()
    assert any(f"{table}_pkey" in line for line in lines), lines
    opened.dispose()
    databases.drop(url)
