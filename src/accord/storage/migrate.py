"""Brings a database to the newest revision, or says how far it is. Alembic does the work.

Alembic is loaded only where there is work: a database that is at the newest revision is seen to be by its one row
and by the names of the files, and a quarter of the start of every server would be spent on loading it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Engine, column, inspect, select, table

from accord.storage.engine import transaction, translated

if TYPE_CHECKING:
    from alembic.config import Config

Which = Literal["ledger", "keys"]

_MIGRATIONS = Path(__file__).parent / "migrations"
"""In files named by their revisions, which are numbers of four digits."""

_VERSIONS = table("alembic_version", column("version_num"))
"""Alembic's own table, of one row."""


def upgrade(engine: Engine, which: Which, to: str = "head") -> None:
    """Run the revisions that are missing up to one of them, the newest if none is named: all of them or none.

    Raises StoreUnavailableError, as `revision` does.
    """
    if to == "head" and revision(engine) == newest(which):
        return
    from alembic import command  # noqa: PLC0415 - see above

    config = _config(which)
    with translated(), transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def revision(engine: Engine) -> str | None:
    """Return the revision a database is at, or None when it is empty."""
    with translated(), engine.connect() as connection:
        if not inspect(connection).has_table(_VERSIONS.name):
            return None
        return connection.execute(select(_VERSIONS.c.version_num)).scalar()


def newest(which: Which) -> str:
    """Return the newest revision this program knows."""
    return max(file.name.partition("_")[0] for file in (_MIGRATIONS / which / "versions").glob("[0-9]*.py"))


def _config(which: Which) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS / which))
    return config
