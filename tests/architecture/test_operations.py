"""docs/operations.md says what is so: every setting with its default, every command, every file it leads to."""

import re
import shlex
from pathlib import Path

import click
import pytest

from accord.cli.main import accord
from accord.config import KNOWN, SECRETS, Config, refuse_unknown
from accord.storage.migrate import newest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
ROWS = re.findall(r"^\| `((?:ACCORD|OTEL)_[A-Z0-9_]+)` \| ([^|]*)\|", PAGE, re.MULTILINE)
OUTSIDE = {*SECRETS, "ACCORD_PEPPER_2", "OTEL_EXPORTER_OTLP_ENDPOINT"}
"""What is no field of Config: secrets, and what OpenTelemetry reads."""


def test_every_setting_has_its_row_and_every_row_is_a_setting() -> None:
    fields = {f"ACCORD_{name.upper()}" for name in Config.__struct_fields__}
    assert len(ROWS) == len(dict(ROWS))
    assert set(dict(ROWS)) == fields | OUTSIDE


def test_every_variable_that_counts_is_told_and_every_one_told_counts() -> None:
    told = set(re.findall(r"`(ACCORD_[A-Z0-9_]*[A-Z0-9])`", PAGE))
    refuse_unknown(dict.fromkeys(told, "x"))
    assert set(KNOWN) <= told | {"ACCORD_PROTOS"}


@pytest.mark.parametrize("name", Config.__struct_fields__)
def test_a_default_is_the_one_in_force(name: str) -> None:
    default = getattr(Config(), name)
    told = dict(ROWS)[f"ACCORD_{name.upper()}"].strip()
    if default in ("", None):
        assert "`" not in told
    else:
        assert told == f"`{default}`"


def _commands() -> list[str]:
    """Return what follows `accord` in every command that the page shows."""
    fenced = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
    shown = "\n".join(fenced.findall(PAGE)).splitlines() + re.findall(r"`([^`]+)`", fenced.sub("", PAGE))
    found = [
        re.search(r"^(?:docker compose .* exec accord )?(?:accord|accord-command) ([a-z].*)$", line) for line in shown
    ]
    return sorted({each[1] for each in found if each})


@pytest.mark.parametrize("line", _commands())
def test_a_command_is_one_that_accord_has(line: str) -> None:
    command: click.Command = accord
    for word in (words := shlex.split(line)):
        if not isinstance(command, click.Group):
            break
        assert word in command.commands, line
        command = command.commands[word]
    known = {option for each in command.params for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_commands_were_found() -> None:
    assert {"migrate", "audit", "config", "health", "checkpoint"} <= set(_commands())


@pytest.mark.parametrize("page", [PAGE, README], ids=["operations", "readme"])
def test_a_link_leads_to_what_is_there(page: str) -> None:
    folder = ROOT / "docs" if page is PAGE else ROOT
    links = [each for each in re.findall(r"\]\(([^)#]+)\)", page) if "://" not in each]
    assert links
    assert [each for each in links if not (folder / each).exists()] == []


def test_files_of_deploy_that_commands_name_are_there() -> None:
    named = re.findall(r"\bdeploy/[\w./-]+", PAGE)
    assert named
    assert [each for each in named if not (ROOT / each.rstrip(".")).exists()] == []


def test_the_changelog_tells_the_newest_revisions() -> None:
    told = f"moves to revision {newest('ledger')}, that of the keys to {newest('keys')}:"
    assert told in (ROOT / "docs" / "CHANGELOG.md").read_text("utf-8")
