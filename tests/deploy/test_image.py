"""The image: what can be said of it without an engine that builds it, and its very steps, environment and commands."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.deployment import DEPLOY, ROOT, command, said, stages, variables

BUILD, FINAL = stages()


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", "Dockerfile"],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_installed_is_what_was_locked_and_nothing_is_compiled() -> None:
    (locked,) = (step for step in said(BUILD, "RUN") if "requirements.lock" in step)
    assert "--require-hashes" in locked
    assert "--only-binary :all:" in locked
    (own,) = (step for step in said(BUILD, "RUN") if step.endswith("pip"))
    assert "--no-deps --no-build-isolation ." in own


def test_it_runs_as_a_user_that_is_a_number_so_that_kubernetes_can_see_it_is_not_root() -> None:
    (user,) = said(FINAL, "USER")
    assert user == "10001:10001"
    assert f"--uid {user.partition(':')[0]}" in " ".join(said(FINAL, "RUN"))


def test_signals_reach_accord_itself() -> None:
    assert command(*said(FINAL, "ENTRYPOINT")) == ["accord"]
    assert command(*said(FINAL, "CMD")) == ["serve"]
    assert said(FINAL, "STOPSIGNAL") == ["SIGTERM"]


def test_its_health_is_what_accord_says_of_itself() -> None:
    assert command(*said(FINAL, "HEALTHCHECK")) == ["accord", "health"]


def test_it_listens_to_others_by_tls_only_and_keeps_what_it_must_in_one_volume() -> None:
    told = variables(FINAL)
    assert told["ACCORD_LISTEN"].startswith("0.0.0.0:")
    assert told["ACCORD_TLS_CERTIFICATE"]
    assert told["ACCORD_TLS_KEY"]
    assert said(FINAL, "VOLUME") == [told["ACCORD_DATA"]]
    assert said(FINAL, "EXPOSE") == [told["ACCORD_LISTEN"].rpartition(":")[2]]


def test_its_python_is_one_that_accord_runs_on() -> None:
    (image,) = {rest for stage in (BUILD, FINAL) for rest in said(stage, "FROM")} - {"${PYTHON} AS build"}
    assert image == "${PYTHON}"
    first = next(line for line in (DEPLOY / "Dockerfile").read_text("utf-8").splitlines() if line.startswith("ARG "))
    version = first.partition("python:")[2].partition("-")[0]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert tuple(map(int, version.split("."))) >= tuple(map(int, wanted.removeprefix(">=").split(".")))


def test_the_builder_is_given_everything_that_is_copied_and_nothing_else() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {source for rest in said(BUILD, "COPY") for source in rest.split()[:-1]}
    assert allowed == copied
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.long
def test_the_steps_of_the_build_leave_an_accord_that_runs_without_what_only_builds(tmp_path: Path) -> None:
    here = {"/opt/accord": str(tmp_path / "opt"), "/build": str(tmp_path / "build")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ACCORD_", "PYTHON"))}
    (tmp_path / "build").mkdir()
    for step in BUILD:
        rest = step.rest
        for there, mine in here.items():
            rest = rest.replace(there, mine)
        match step.word:
            case "COPY":
                *sources, target = rest.split()
                for source in sources:
                    _copy(ROOT / source, tmp_path / "build" / target, into=target.endswith("/"))
            case "RUN":
                told = ["/bin/sh", "-ec", rest]
                subprocess.run(told, cwd=tmp_path / "build", env=environment, check=True, capture_output=True)
            case "ENV":
                told = dict(pair.split("=", 1) for pair in rest.split())
                environment |= {name: value.replace("$PATH", environment["PATH"]) for name, value in told.items()}
            case "FROM" | "WORKDIR":
                pass
            case other:
                pytest.fail(f"the test does not know {other} yet")
    python = tmp_path / "opt" / "bin" / "python"
    names = "import importlib.metadata as m; print(*sorted(each.name for each in m.distributions()))"
    found = subprocess.run([python, "-c", names], capture_output=True, text=True, check=True).stdout.lower().split()
    assert "accord" in found
    assert not {"hatchling", "editables", "pip", "setuptools"} & set(found)
    accord = tmp_path / "opt" / "bin" / "accord"
    data = {**environment, "ACCORD_DATA": str(tmp_path / "data")}
    subprocess.run([accord, "migrate"], env=data, cwd=tmp_path, check=True, capture_output=True)
    told = subprocess.run([accord, "--version"], env=data, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert told.stdout.startswith("accord, version ")


def _copy(source: Path, target: Path, *, into: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target = target / source.name if into else target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
