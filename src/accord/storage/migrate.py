"""Brings a database to the newest revision, or says how far it is. Alembic does the work."""

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from accord.storage.engine import transaction

Which = Literal["ledger", "keys"]


def upgrade(engine: Engine, which: Which, to: str = "head") -> None:
    """Run the revisions that are missing up to one, the newest unless told: all of them or none."""
    config = _config(which)
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def revision(engine: Engine) -> str | None:
    """Return the revision a database is at, or None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest(which: Which) -> str:
    """Return the newest revision this program knows."""
    found = ScriptDirectory.from_config(_config(which)).get_current_head()
    if found is None:
        raise RuntimeError("the program lacks its migrations")
    return found


def _config(which: Which) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations" / which))
    return config
