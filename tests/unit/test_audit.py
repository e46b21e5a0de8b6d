"""The audit finds what anyone bent: each part of the ledger is changed under it, with the guards taken down."""

import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from support.databases import Databases
from support.installations import BRAND, Installation, parts_at
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, grant, withdraw

from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Link, Question, ReportContact
from accord.domain.state import CustomerState, PointState, decode_customer, encode
from accord.domain.terms import Identifier, IdentifierKind, Outcome, Position
from accord.proof.merkle import leaf_hash
from accord.service import audit as audits
from accord.service.audit import MAX_FAULTS, AuditReport
from accord.storage import held


@pytest.fixture(scope="module")
def grown(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 300 entries and its keys, as closed files."""
    folder = tmp_path_factory.mktemp("grown")
    urls = databases.fresh("sqlite"), databases.fresh("sqlite", "keys")
    house = Installation(parts_at(*urls, folder / "outside"))
    question = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
    fillers = [Identifier(IdentifierKind.EMAIL, f"c{number}@example.com") for number in range(294)]
    house.write(ApplyCatalogue(catalogue=CATALOGUE))
    house.write(
        grant(),
        grant(BOB_ID, point=BOB_MAIL),
        AuthorizeContact(contact_id="c1", question=question),
        ReportContact(contact_id="c1", outcome=Outcome.BOUNCED),
        withdraw(BOB_ID),
        *(Link(customer=Identifier(IdentifierKind.CUSTOMER_ID, each.value), contact_point=each) for each in fillers),
    )
    house.close()
    for url, name in zip(urls, ("ledger.db", "keys.db"), strict=True):
        shutil.copy(url.removeprefix("sqlite:///"), folder / name)
        databases.drop(url)
    return folder


def test_whoever_waits_is_told_how_far_the_audit_is(
    grown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "_PAGE", 128)
    for name in ("ledger.db", "keys.db"):
        shutil.copy(grown / name, tmp_path / name)
    parts = parts_at(f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/keys.db", tmp_path / "outside")
    house = Installation(parts)
    told: list[tuple[int, int]] = []
    store = house.store
    report = audits.audit(BRAND, store, store, house.keyring, house.lookups, lambda *done: told.append(done))
    house.close()
    assert report.faults == ()
    assert told == [(128, 300), (256, 300), (300, 300)]


class Bent:
    """A copy of the ledger, and a way to change its file past every guard."""

    def __init__(self, grown: Path, folder: Path) -> None:
        for name in ("ledger.db", "keys.db"):
            shutil.copy(grown / name, folder / name)
        self.urls = f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/keys.db"
        self._house = Installation(parts_at(*self.urls, folder / "outside"))

    def bend(self, *statements: str) -> AuditReport:
        """Run statements with the guards down, then audit."""
        for sql in (*_GUARDS_DOWN, *statements):
            self._run(self.urls[0], sql)
        return self.audit()

    def bend_keys(self, sql: str) -> AuditReport:
        self._run(self.urls[1], sql)
        return self.audit()

    def audit(self) -> AuditReport:
        report = self._house.audit()
        self._house.close()
        return report

    def value(self, sql: str) -> bytes:
        with sqlite3.connect(self.urls[0].removeprefix("sqlite:///")) as connection:
            found: bytes = connection.execute(sql).fetchone()[0]
        connection.close()
        return found

    def ref(self, who: Identifier) -> bytes:
        sight = self._house.store.read(BRAND, (self._house.lookups.of(1).identifier(BRAND, who),))
        assert sight is not None
        ((known,),) = sight.known.values()
        return known.customer_ref

    @staticmethod
    def _run(url: str, sql: str) -> None:
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            changed = connection.execute(sql).rowcount
        connection.close()
        assert changed != 0, "the attack changed nothing"


_GUARDS_DOWN = [
    f"DROP TRIGGER {table}_no_{what}" for table in ("entry", "tile") for what in ("update", "delete", "replace")
]


@pytest.fixture
def bent(grown: Path, tmp_path: Path) -> Bent:
    return Bent(grown, tmp_path)


def flip(column: str, table: str, where: str, at: int = 10) -> str:
    """Return the statement that changes the byte at a place."""
    other = f"CASE hex(substr({column}, {at}, 1)) WHEN '00' THEN x'01' ELSE x'00' END"
    changed = f"CAST(substr({column}, 1, {at - 1}) || {other} || substr({column}, {at + 1}) AS BLOB)"
    return f"UPDATE {table} SET {column} = {changed} WHERE {where}"


def test_a_ledger_nobody_touched_has_no_fault(bent: Bent) -> None:
    report = bent.audit()
    assert (report.faults, report.entries, report.customers) == ((), 300, 297)


def test_an_unknown_brand_has_no_ledger_to_audit(installation: Installation) -> None:
    with pytest.raises(ValueError, match="no ledger"):
        installation.audit()


ROOT = "the head's root or edge does not fit the entries"
POINTS = "the states of addresses do not follow from the entries"
CONTACTS = "the contacts do not follow from the entries"
FOLLOW = "state, chain, identifiers or group do not follow from the entries"
SEEN = "questions see other addresses than they hold"
VERIFIED = encode(PointState(verified=Position(1))).hex()
BY_ANOTHER = "UPDATE entry SET customer_version = 2, customer_ref = (SELECT customer_ref FROM entry WHERE position = 9)"
TO_ANOTHER = (
    "INSERT INTO identity SELECT brand_id, lookup, zeroblob(16), 9, kind FROM identity WHERE kind = 'EMAIL' LIMIT 1"
)
MADE_UP = (
    "INSERT INTO customer SELECT brand_id, x'0102', 1, leaf_hash, state, held, NULL, NULL FROM customer "
    "WHERE version = 3"
)

CHANGES = {
    "a bit of a leaf": (flip("leaf", "entry", "position = 5"), "entry 5: the leaf does not fit its hash"),
    "a bit of a leaf hash": (flip("leaf_hash", "entry", "position = 5"), "entry 5: the leaf does not fit its hash"),
    "a bit of a nonce": (flip("sealed", "entry", "position = 2", 1), "entry 2: the ciphertext does not fit the leaf"),
    "a bit of a payload": (flip("sealed", "entry", "position = 2", 90), "entry 2: the ciphertext does not fit"),
    "a tile": (flip("hashes", "tile", "level = 0"), "tile 0/0: does not fit the entries"),
    "a missing tile": ("DELETE FROM tile", "tile 0/0: does not fit the entries"),
    "the root": (flip("root", "head", "1"), ROOT),
    "the edge": (flip("edge", "head", "1"), ROOT),
    "a size too small": ("UPDATE head SET size = size - 1", ROOT),
    "a size too big": ("UPDATE head SET size = size + 1", "the head says 301 entries, 300 are there"),
    "the recorded time": ("UPDATE head SET recorded_time = recorded_time + 1", "recorded time"),
    "the catalogue that counts": ("UPDATE head SET catalogue_version = 2", "names another catalogue"),
    "the newest entry gone": ("DELETE FROM entry WHERE position = 299", "the head says 300 entries, 299 are there"),
    "an entry gone": ("DELETE FROM entry WHERE position = 7", "entry 8: stands where entry 7 should"),
    "an entry given to another": (f"{BY_ANOTHER} WHERE position = 8", "entry 8: the entry does not open"),
    "another version": (
        "UPDATE entry SET customer_version = 99 WHERE position = 8",
        "entry 8: the entry does not open",
    ),
    "another generation": ("UPDATE entry SET generation = 2 WHERE position = 8", "entry 8: its key is gone"),
    "a state": (flip("state", "customer", "version = 3", 3), FOLLOW),
    "a version of a customer": ("UPDATE customer SET version = 9 WHERE version = 3", FOLLOW),
    "the newest leaf of a customer": (flip("leaf_hash", "customer", "version = 3"), FOLLOW),
    "a customer gone": ("DELETE FROM customer WHERE version = 3", "297 customers have entries, 296 have a state"),
    "a customer made up": (MADE_UP, "has a state and no entry"),
    "an address taken off": ("DELETE FROM identity WHERE kind = 'EMAIL' AND number = 2", FOLLOW),
    "an address given to another": (TO_ANOTHER, FOLLOW),
    "another number of an address": ("UPDATE identity SET number = 7 WHERE number = 2", FOLLOW),
    "the addresses questions see": ("UPDATE customer SET held = NULL WHERE version = 3", SEEN),
    "a group made up": (
        "UPDATE customer SET group_id = zeroblob(16), group_since = 3 WHERE version = 3",
        "questions see another group than theirs",
    ),
    "in whose histories a contact is told": ("UPDATE contact SET others = zeroblob(16)", CONTACTS),
    "the state of an address": (f"UPDATE point SET state = x'{VERIFIED}'", POINTS),
    "the state of an address gone": ("DELETE FROM point", POINTS),
    "the entries of a contact": ("UPDATE contact SET positions = substr(positions, 1, 8)", CONTACTS),
    "a contact gone": ("DELETE FROM contact", CONTACTS),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_audit_finds_every_change(bent: Bent, change: str) -> None:
    statement, fault = CHANGES[change]
    faults = bent.bend(statement).faults
    assert any(fault in each for each in faults), faults


def test_the_audit_finds_a_leaf_written_anew_with_its_hash(bent: Bent) -> None:
    """Rewriting what a leaf says leaves its own hash right: the tile and the root tell."""
    leaf = bent.value("SELECT leaf FROM entry WHERE position = 1").replace(b'"channel":["email"', b'"channel":["voice"')
    change = f"leaf = x'{leaf.hex()}', leaf_hash = x'{leaf_hash(leaf).hex()}'"
    faults = bent.bend(f"UPDATE entry SET {change} WHERE position = 1").faults
    assert ROOT in faults
    assert "tile 0/0: does not fit the entries" in faults


def test_the_audit_finds_two_entries_exchanged(bent: Bent) -> None:
    faults = bent.bend(
        "UPDATE entry SET position = 1000 WHERE position = 20",
        "UPDATE entry SET position = 20 WHERE position = 21",
        "UPDATE entry SET position = 21 WHERE position = 1000",
    ).faults
    assert "entry 20: the leaf names another place" in faults
    assert "entry 21: the leaf names another place" in faults


def test_the_audit_finds_a_ciphertext_moved_to_another_entry(bent: Bent) -> None:
    other = "SELECT sealed FROM entry WHERE position = 2"
    faults = bent.bend(f"UPDATE entry SET sealed = ({other}) WHERE position = 1").faults
    assert "entry 1: the ciphertext does not fit the leaf" in faults


def test_the_audit_names_a_refusal_taken_out_of_a_state(bent: Bent) -> None:
    """Bob withdrew: a state without his refusal would let him be contacted."""
    ref = bent.ref(BOB_ID)
    mine = f"customer_ref = x'{ref.hex()}'"
    state = decode_customer(bent.value(f"SELECT state FROM customer WHERE {mine}"))
    assert state.refusals
    silent = encode(replace(state, refusals=()))
    report = bent.bend(f"UPDATE customer SET state = x'{silent.hex()}' WHERE {mine}")
    assert report.faults == (f"customer {ref.hex()[:8]}…: {FOLLOW}",)


def test_the_audit_tells_where_a_key_is_gone(bent: Bent) -> None:
    faults = bent.bend_keys("DELETE FROM wrapped_key").faults
    assert "entry 1: its key is gone" in faults
    assert len(faults) == MAX_FAULTS + 1
    assert faults[-1] == "more faults were found than are listed"


def test_faults_name_no_person(bent: Bent) -> None:
    faults = bent.bend("DELETE FROM identity", "DELETE FROM point")
    assert faults.faults
    assert not any(ADA_MAIL.value in fault or "example.com" in fault for fault in faults.faults)


def test_states_written_before_a_field_was_appended_are_no_fault(bent: Bent) -> None:
    def shorter(raw: bytes) -> bytes:
        return msgspec.msgpack.encode(msgspec.msgpack.decode(raw)[:-1])

    state, addresses, point = (
        bent.value(f"SELECT {sql}")
        for sql in ("state FROM customer WHERE version = 3", "held FROM customer WHERE version = 3", "state FROM point")
    )
    seen = msgspec.msgpack.encode([replace(each, point=shorter(each.point)) for each in held.decode(addresses)])
    report = bent.bend(
        f"UPDATE customer SET state = x'{shorter(state).hex()}', held = x'{seen.hex()}' WHERE version = 3",
        f"UPDATE point SET state = x'{shorter(point).hex()}'",
    )
    assert report.faults == ()


@pytest.mark.parametrize("raw", [b"", b"\xc1", encode(CustomerState())[:-1], encode(CustomerState()) + b"\x00"])
def test_what_is_no_state_is_not_made_one(bent: Bent, raw: bytes) -> None:
    report = bent.bend(f"UPDATE customer SET state = x'{raw.hex()}' WHERE version = 3")
    assert [fault.partition(": ")[2] for fault in report.faults] == [FOLLOW]


def test_text_that_is_none_is_a_fault_and_no_crash(bent: Bent) -> None:
    state = bent.value("SELECT state FROM customer WHERE version = 3").replace(b"email", b"\xff\xfe\xff\xfe\xff")
    report = bent.bend(f"UPDATE customer SET state = x'{state.hex()}' WHERE version = 3")
    assert [fault.partition(": ")[2] for fault in report.faults] == [FOLLOW]
