"""A database of an older revision is brought forward with all it holds."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from support.databases import Databases, Kind

from accord.domain.terms import BrandId
from accord.ledger.store import IdentifierRow, Known
from accord.storage import migrate
from accord.storage.engine import open_engine, transaction
from accord.storage.migrate import Which, newest, upgrade
from accord.storage.store import SqlStore

BRAND = BrandId("maison-alba")
ADA, BOB = b"A" * 16, b"B" * 16
STATES = {ADA: b"a", BOB: b"b"}
MAIL, PHONE, OWN_ID = b"m" * 16, b"p" * 16, b"i" * 16


@pytest.mark.parametrize("which", ["ledger", "keys"])
def test_the_newest_revision_is_the_last_of_one_line(which: Which) -> None:
    folder = Path(migrate.__file__).parent / "migrations" / which
    assert ScriptDirectory(str(folder)).get_heads() == [newest(which)]


def test_where_nothing_is_to_be_migrated_alembic_is_not_loaded(databases: Databases) -> None:
    program = f"""
import sys
from accord.storage import migrate
from accord.storage.engine import open_engine
from accord.storage.migrate import upgrade
upgrade(open_engine({databases.fresh("sqlite")!r}), "ledger")
print("alembic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_customers_held_before_is_seen_by_questions_afterwards(databases: Databases, kind: Kind) -> None:
    url = databases.empty(kind, "older")
    engine = open_engine(url)
    upgrade(engine, "ledger", "0001")
    _fill(engine)
    upgrade(engine, "ledger")
    store = SqlStore(engine)
    sight = store.read(BRAND, (MAIL, OWN_ID))
    mail, phone = IdentifierRow(MAIL, 2, "EMAIL", b"bounced"), IdentifierRow(PHONE, 3, "PHONE")
    assert sight is not None
    assert sight.groups == {}
    assert sight.known == {MAIL: (Known(ADA, b"a", (mail, phone)),), OWN_ID: (Known(BOB, b"b"),)}
    store.close()
    databases.drop(url)


def _fill(engine: Engine) -> None:
    """Put two customers into tables of the first revision."""
    with transaction(engine) as connection:
        head = "INSERT INTO head VALUES (1, :brand, 'ledger', 0, :hash, :hash, 0, 0, 0)"
        connection.execute(text(head), {"brand": BRAND, "hash": b"h" * 32})
        customer = text("INSERT INTO customer VALUES (1, :ref, 1, :hash, :state)")
        connection.execute(
            customer, [{"ref": ADA, "hash": b"h", "state": b"a"}, {"ref": BOB, "hash": b"h", "state": b"b"}]
        )
        connection.execute(
            text("INSERT INTO identity VALUES (1, :lookup, :ref, :number, :kind)"),
            [
                {"lookup": PHONE, "ref": ADA, "number": 3, "kind": "PHONE"},
                {"lookup": MAIL, "ref": ADA, "number": 2, "kind": "EMAIL"},
                {"lookup": OWN_ID, "ref": BOB, "number": 1, "kind": "CUSTOMER_ID"},
            ],
        )
        connection.execute(text("INSERT INTO point VALUES (1, :lookup, :state)"), {"lookup": MAIL, "state": b"bounced"})
