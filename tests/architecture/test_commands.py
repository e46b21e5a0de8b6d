"""The command line reads the file of the command that runs, and forgets none."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from accord import cli
from accord.cli.main import accord

OF_THE_SERVER = {
    "accord.app",
    "accord.domain",
    "accord.service",
    "accord.storage",
    "holidays",
    "phonenumbers",
    "sqlalchemy",
}

WANTED_BY_SOME = {
    "accord.client",
    "alembic",
    "cryptography.x509",
    "email_validator",
    "holidays",
    "opentelemetry",
    "phonenumbers",
    "psycopg",
    "pyarrow",
    "rich",
}
"""What takes a while to load and only some installations, addresses or questions need."""


def test_every_command_of_every_file_can_be_run() -> None:
    modules = [import_module(f"accord.cli.{each.name}") for each in iter_modules(cli.__path__)]
    written = {command.name for module in modules for command in getattr(module, "COMMANDS", ())}
    assert set(accord.commands) == written


@pytest.mark.parametrize("command", ["check", "authorize", "withdraw", "permissions", "entries", "health"])
def test_a_command_that_asks_a_server_loads_nothing_of_one(command: str) -> None:
    program = f"""
import sys
from accord.__main__ import main
sys.argv = ["accord", {command!r}, "--help"]
try:
    main()
except SystemExit:
    print("loaded:", *sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded = set(told.partition("loaded:")[2].split())
    assert "accord.cli.main" in loaded
    assert not OF_THE_SERVER & loaded


def test_a_server_starts_without_what_only_some_need() -> None:
    program = "import sys, accord.app, accord.cli.main, accord.cli.serve; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not WANTED_BY_SOME & set(told.split())


def test_the_readme_s_table_names_every_command() -> None:
    _, _, table = Path("README.md").read_text("utf-8").partition("| what | commands |")
    told = {each.partition(" ")[0] for each in re.findall(r"`([a-z][a-z -]*)`", table.partition("\n\n")[0])}
    assert told == {name for name, command in accord.commands.items() if not command.hidden}
