"""The unit: read by systemd's own tools, and its settings by Accord's; its command run with them."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support.deployment import DEPLOY
from support.toolchains import missing

from accord.config import Config

UNIT = (DEPLOY / "systemd" / "accord.service").read_text("utf-8")
SETTINGS = dict(
    line.split("=", 1)
    for line in (DEPLOY / "systemd" / "accord.env").read_text("utf-8").splitlines()
    if not line.startswith("#")
)
WORST_EXPOSURE = 20
"""Of 100, as `systemd-analyze security` counts: what is left is the network, and keeping to a core."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, its command replaced by one that is on every machine."""
    path = tmp_path / "accord.service"
    path.write_text(UNIT.replace("/opt/accord/bin/accord", "/bin/true"))
    return path


def _analyze(*told: str | Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("systemd-analyze")
    if not found:
        missing("systemd-analyze is not on this machine")
    return subprocess.run([found, *told], capture_output=True, text=True, check=False)


def test_systemd_understands_every_line(unit: Path) -> None:
    done = _analyze("verify", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_little_that_the_service_could_do_harm_by(unit: Path) -> None:
    done = _analyze("security", "--offline=yes", f"--threshold={WORST_EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout


def test_a_reload_renews_workers_for_there_are_several() -> None:
    assert _value("ExecReload") == "/bin/kill -HUP $MAINPID"
    assert _config().workers > 1


def test_the_supervisor_alone_is_told_to_stop_and_has_the_time_for_it() -> None:
    assert _value("KillMode") == "mixed"
    assert int(_value("TimeoutStopSec")) > _config().drain_seconds + 40


def test_the_settings_are_settings_and_hold_no_secret() -> None:
    known = {f"ACCORD_{name.upper()}" for name in Config.__struct_fields__} | {"ACCORD_SERVER", "ACCORD_CA"}
    assert set(SETTINGS) <= known
    assert "ACCORD_DATABASE" not in SETTINGS
    assert not _config().embedded


def test_every_credential_is_told_to_accord_by_its_file() -> None:
    loaded = set(re.findall(r"^LoadCredential=([a-z-]+):/etc/accord/secrets/\1$", UNIT, re.MULTILINE))
    told = dict(re.findall(r"ACCORD_([A-Z_]+)_FILE=%d/([a-z-]+)", UNIT))
    assert loaded == set(told.values()) == {name.lower().replace("_", "-") for name in told}
    assert loaded == set(re.findall(r"secrets/([a-z-]+)", (DEPLOY / "systemd" / "accord-command").read_text("utf-8")))


def test_a_command_runs_as_the_service_with_its_settings_and_secrets(tmp_path: Path) -> None:
    etc, bin_folder = tmp_path / "etc", tmp_path / "bin"
    (etc / "secrets").mkdir(parents=True)
    bin_folder.mkdir()
    (etc / "accord.env").write_text((DEPLOY / "systemd" / "accord.env").read_text("utf-8"))
    for name in ("database", "keys-database", "kek", "pepper"):
        (etc / "secrets" / name).write_text(f"the {name}\n")
    told = tmp_path / "told"
    runuser = bin_folder / "runuser"
    runuser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{told}\nenv | grep ^ACCORD_ >>{told}\n')
    runuser.chmod(runuser.stat().st_mode | stat.S_IXUSR)
    script = tmp_path / "accord-command"
    script.write_text((DEPLOY / "systemd" / "accord-command").read_text("utf-8").replace("/etc/accord\n", f"{etc}\n"))
    environment = {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", script, "tokens", "add", "a b"], env=environment, check=True)
    lines = told.read_text().splitlines()
    assert lines[:6] == ["-u", "accord", "--", "/opt/accord/bin/accord", "tokens", "add"]
    assert lines[6] == "a b"
    given = dict(line.split("=", 1) for line in lines[7:])
    secrets = {"ACCORD_DATABASE": "the database", "ACCORD_KEYS_DATABASE": "the keys-database"}
    secrets |= {"ACCORD_KEK": "the kek", "ACCORD_PEPPER": "the pepper", "ACCORD_DATA": "/var/lib/accord"}
    assert given == SETTINGS | secrets


def _value(name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


def _config() -> Config:
    return Config.read({**SETTINGS, "ACCORD_DATABASE": "postgresql://db/ledger"})
