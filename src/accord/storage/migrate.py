"""Brings a database to the newest revision, or says how far it is. Alembic does the work.

It is loaded when it is asked for: a sixth of the start of every command that needs no database would be spent on it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Engine

from accord.storage.engine import transaction

if TYPE_CHECKING:
    from alembic.config import Config

Which = Literal["ledger", "keys"]


def upgrade(engine: Engine, which: Which, to: str = "head") -> None:
    """Run the revisions that are missing up to one of them, the newest if none is named: all of them or none."""
    from alembic import command  # noqa: PLC0415 - see above

    config = _config(which)
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def revision(engine: Engine) -> str | None:
    """Return the revision a database is at, or None when it is empty."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - see above

    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest(which: Which) -> str:
    """Return the newest revision this program knows."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    found = ScriptDirectory.from_config(_config(which)).get_current_head()
    if found is None:
        raise RuntimeError("the program lacks its migrations")
    return found


def _config(which: Which) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations" / which))
    return config
