"""Guards in the database itself: `entry` and `tile` only grow, whoever connects.

SQLite: triggers refuse UPDATE and DELETE, and an INSERT over an existing row, since REPLACE deletes
without firing the delete trigger. PostgreSQL: triggers refuse UPDATE, DELETE and TRUNCATE, and the
privileges are revoked. An owner of the database can still drop them: that is what checkpoints kept
outside are for.
"""

from sqlalchemy import Connection

from accord.storage.schema import GROWING

_KEYS = {
    "entry": (("brand_id", "position"), ("brand_id", "customer_ref", "customer_version")),
    "tile": (("brand_id", "level", "tile_index"),),
}
"""What is unique in each table: REPLACE deletes whatever it meets on any of these."""


def put_up(connection: Connection) -> None:
    """Make the guards of every growing table."""
    for table in GROWING:
        statements = _sqlite(table) if connection.dialect.name == "sqlite" else _postgresql(table)
        for statement in statements:
            connection.exec_driver_sql(statement)


def _sqlite(table: str) -> list[str]:
    # Table and column names are constants of this module: nothing from outside enters these statements.
    same = [" AND ".join(f"{column} = NEW.{column}" for column in key) for key in _KEYS[table]]
    refuse = f"SELECT RAISE(ABORT, '{table} only grows')"
    same.append("rowid = NEW.rowid")
    stands = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {each})" for each in same)
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {stands} BEGIN {refuse}; END",
    ]


def _postgresql(table: str) -> list[str]:
    refuse = f"EXECUTE FUNCTION {table}_only_grows()"
    body = f"$$ BEGIN RAISE EXCEPTION '{table} only grows'; END $$"
    return [
        f"CREATE FUNCTION {table}_only_grows() RETURNS trigger LANGUAGE plpgsql AS {body}",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM CURRENT_USER",
    ]
