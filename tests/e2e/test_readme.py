"""Every command and program of the README is run, on a server with the sample brand."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.toolchains import FetchFailedError, missing, node_search_path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
README = (ROOT / "README.md").read_text("utf-8")
ELSEWHERE = {"make run", "make test"}
"""Run by the gate itself, and by `test_make_knows_the_words_of_the_readme`."""

EXPECTED_EXITS = {
    "accord check customer-00001 marketing.newsletter --channel email": 0,
    "accord check customer-00003 marketing.advice --channel email": 10,
    "accord check customer-00005 marketing.newsletter --channel email": 10,
    "accord check customer-00005 service.order --channel email": 0,
}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def _commands() -> list[str]:
    return [line for block in _blocks("sh") for line in block.splitlines() if line and line not in ELSEWHERE]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    told = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ACCORD_DATA": str(tmp_path_factory.mktemp("readme") / "data"),
        "ACCORD_LISTEN": address,
        "ACCORD_SERVER": address,
        "ACCORD_BRAND": "maison-alba",
    }
    log = tmp_path_factory.mktemp("log") / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen([BIN / "accord", "serve", "--sample"], env=told, stdout=out, stderr=out)
    try:
        _await(log, "Accord serves on", server)
        yield told
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.wait()


def _await(log: Path, words: str, server: subprocess.Popen[bytes]) -> None:
    while words not in log.read_text():
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
            pytest.fail(log.read_text())


def test_every_command_of_the_readme_does_what_it_says(environment: dict[str, str], tmp_path: Path) -> None:
    assert EXPECTED_EXITS.keys() <= set(_commands())
    for command in _commands():
        if command.startswith("export "):
            continue
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == EXPECTED_EXITS.get(command, 0), (command, done.stdout, done.stderr)


def test_the_first_answer_of_the_readme_has_verdict_reason_and_trace(environment: dict[str, str]) -> None:
    command = ["accord", "check", "customer-00001", "marketing.newsletter", "--channel", "email"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    shown = next(block for block in re.findall(r"^```\n(ALLOW.*?)^```", README, re.MULTILINE | re.DOTALL))
    for line in shown.splitlines():
        if line.strip() != "..." and "entry" not in line:
            assert line in done.stdout, (line, done.stdout)


def test_the_python_program_of_the_readme_contacts_a_customer_once(environment: dict[str, str]) -> None:
    (program,) = _blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", program], env=_with_token(environment), capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["it may be prepared", "it is sent", "USED_UP"], done.stderr


def test_the_program_of_the_page_on_double_opt_in_confirms_by_its_link(environment: dict[str, str]) -> None:
    page = (ROOT / "docs" / "double-opt-in.md").read_text("utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    told = _with_token(environment, "collector", "mailer")
    done = subprocess.run([sys.executable, "-c", program], env=told, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["PENDING", "ACTIVE"], done.stderr


def test_the_node_program_of_the_readme_gets_a_yes(environment: dict[str, str], tmp_path: Path) -> None:
    (program,) = _blocks("js")
    (install,) = re.findall(r"`(npm install [^`]+)`", README)
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    try:
        told = _with_token(environment) | {"PATH": node_search_path()}
    except FetchFailedError as error:
        missing(f"Node is not on this machine and could not be fetched: {error}")
    subprocess.run([*install.split(), "--silent", "--no-audit", "--no-fund"], cwd=tmp_path, env=told, check=True)
    done = subprocess.run(["node", "-e", program], cwd=tmp_path, env=told, capture_output=True, text=True, check=False)
    assert done.stdout == "VERDICT_ALLOW\n", done.stderr


def test_make_knows_the_words_of_the_readme() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"make run", "make test", "make demo"} <= {" ".join(line.split()[:2]) for line in listed.splitlines()}


def test_every_variable_of_the_readme_is_a_setting(environment: dict[str, str]) -> None:
    done = subprocess.run(["accord", "config"], env=environment, capture_output=True, text=True, check=True)
    known = {line.split()[0] for line in done.stdout.splitlines()}
    others = {"ACCORD_KEK", "ACCORD_PEPPER", "ACCORD_SERVER", "ACCORD_TOKEN", "ACCORD_BRAND", "ACCORD_CA"}
    others |= {"ACCORD_CLIENT_CERTIFICATE", "ACCORD_CLIENT_KEY"}
    told = {name.removesuffix("_FILE") for name in re.findall(r"ACCORD_[A-Z_]+", README)}
    assert told <= known | others


def _with_token(environment: dict[str, str], *roles: str) -> dict[str, str]:
    held = (word for role in roles or ("checker", "collector", "sender") for word in ("--role", role))
    command = ("accord", "tokens", "add", "-".join(("readme", *roles)), "--brand", "maison-alba", *held, "--replace")
    token = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    return {**environment, "ACCORD_TOKEN": token}
