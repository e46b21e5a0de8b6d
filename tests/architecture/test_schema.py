"""The tables that migrations make are those of the schema, on both databases."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, MetaData, create_engine
from support.databases import Databases, Kind

from accord.storage import schema
from accord.storage.engine import open_engine
from accord.storage.migrate import Which

SCHEMAS: dict[Which, MetaData] = {"ledger": schema.ledger, "keys": schema.keys}


@pytest.mark.parametrize("which", SCHEMAS)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_migrated_database_differs_in_nothing_from_the_schema(databases: Databases, kind: Kind, which: Which) -> None:
    url = databases.fresh(kind, which)
    engine = open_engine(url)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SCHEMAS[which]) == []
    engine.dispose()
    databases.drop(url)


@pytest.mark.parametrize("which", SCHEMAS)
def test_on_sqlite_the_statements_are_the_same_down_to_the_rowid(databases: Databases, which: Which) -> None:
    url = databases.fresh("sqlite", which)
    migrated, made = open_engine(url), create_engine("sqlite://")
    SCHEMAS[which].create_all(made)
    assert _statements(migrated) == _statements(made)
    migrated.dispose()
    made.dispose()
    databases.drop(url)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_table_that_only_grows_is_guarded(databases: Databases, kind: Kind) -> None:
    url = databases.fresh(kind)
    engine = open_engine(url)
    query = {
        "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'",
        "postgres": "SELECT event_object_table, event_manipulation FROM information_schema.triggers",
    }
    with engine.connect() as connection:
        guarded: dict[str, set[str]] = {}
        for table, what in connection.exec_driver_sql(query[kind]):
            guarded.setdefault(table, set()).add(what)
    engine.dispose()
    databases.drop(url)
    assert set(guarded) == set(schema.GROWING)
    assert all(len(found) >= 2 for found in guarded.values())


def _statements(engine: Engine) -> dict[str, Any]:
    """Return what makes each table and index, without white space."""
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(query).fetchall()
    return {name: "".join(sql.split()) for name, sql in rows if name != "alembic_version"}
