"""Toolchains of other languages, fetched when a machine lacks them: from Debian's packages, without being root.

What is fetched goes into a folder of the person's cache and stays out of the system; apt keeps its
lists there too. Where a toolchain can be neither found nor fetched, a test says what is missing: it
skips on a person's machine, and fails where CI is set, since there nobody would see the skip.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accord-tests"
FETCH_SECONDS = 240

_APT_NAMES = re.compile(r"^'[^']+' ([^_]+)_", re.MULTILINE)


class FetchFailedError(Exception):
    """The packages could not be fetched; the message says why."""


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it in CI, saying what is missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run this test, and {what}", pytrace=False)
    pytest.skip(what)


def from_debian(*packages: str) -> Path:
    """Return a folder laid out like `/` with packages and what they need, fetched once. Raises FetchFailedError.

    What the machine has installed already is not in it.
    """
    name = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    made = CACHE / f"debian-{name}"
    if made.exists():
        return made
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise FetchFailedError(f"{', '.join(packages)} can only be fetched where apt-get and dpkg are")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="fetching-") as folder:
        root = _fetched(packages, Path(folder))
        try:
            # Another process may have made it meanwhile, and the same.
            root.rename(made)
        except OSError as error:
            if not made.exists():
                raise FetchFailedError(f"{made} cannot be made: {error}") from error
    return made


def _fetched(packages: tuple[str, ...], folder: Path) -> Path:
    root, debs = folder / "root", folder / "debs"
    for each in (root, debs, folder / "lists" / "partial", folder / "cache" / "archives" / "partial"):
        each.mkdir(parents=True)
    options = {
        "Dir::State::lists": f"{folder}/lists",
        "Dir::Cache": f"{folder}/cache",
        "Debug::NoLocking": "1",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", "-y", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"], folder)
    wanted = _APT_NAMES.findall(_run([*apt, "--print-uris", "install", *packages], folder))
    if wanted:
        _run([*apt, "download", *wanted], debs)
    for package in sorted(debs.glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(root)], folder)
    return root


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        raise FetchFailedError(f"{command[0]} failed: {error.stderr.strip()[-300:]}") from error
    except subprocess.TimeoutExpired as error:
        raise FetchFailedError(f"{command[0]} took longer than {FETCH_SECONDS} seconds") from error
    return done.stdout
