"""Services in other languages than Python: they grant, ask, authorise, report and withdraw, with stubs of protos/.

The same story is told in each, so each must print the same lines.
"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc_tools
import pytest
from support.sample_site import SampleSite
from support.serving import PATIENCE_SECONDS
from support.toolchains import FetchFailedError, from_debian, missing, node_search_path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
LANGUAGES = ("node", "ruby")
STORY = """\
check DENY CUSTOMER_UNKNOWN
grant ACTIVE
authorize ALLOW PERMITTED
report SENT
authorize DENY USED_UP
grant ACTIVE
check ALLOW PERMITTED
check DEFER PAUSED until (.+)
withdraw 1 entry, 0 to stop
check DENY WITHDRAWN
check UNDECIDED PURPOSE_UNKNOWN
  question.purpose no such purpose .+
"""

Program = tuple[list[str], dict[str, str]]
"""A command that takes a customer, and what its environment must have."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleSite]:
    with SampleSite(tmp_path_factory.mktemp("languages")) as made:
        yield made


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def program(language: str, tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("program") / language
    shutil.copytree(EXAMPLES / language, folder, ignore=shutil.ignore_patterns("node_modules", "lib"))
    try:
        return _node(folder) if language == "node" else _ruby(folder)
    except FetchFailedError as error:
        missing(f"{language} is not on this machine and could not be fetched: {error}")


@pytest.fixture(scope="module")
def environment(site: SampleSite, language: str) -> dict[str, str]:
    return site.of_a_service(language)


def test_a_service_grants_asks_authorises_reports_and_withdraws(
    program: Program, language: str, environment: dict[str, str]
) -> None:
    before = _in_two_weeks()
    done = _run(program, f"{language}-1", environment)
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.fullmatch(STORY, done.stdout)
    assert told, done.stdout
    assert before <= datetime.fromisoformat(told[1]) <= _in_two_weeks()


def test_a_service_without_a_good_token_is_told_so_and_writes_to_nobody(
    program: Program, language: str, environment: dict[str, str]
) -> None:
    done = _run(program, f"{language}-2", environment | {"ACCORD_TOKEN": "guessed"})
    assert (done.returncode, done.stdout) == (1, "check UNDECIDED UNAUTHENTICATED\n"), done.stderr


def test_a_service_that_gets_no_answer_takes_it_as_a_no_by_its_deadline(
    program: Program, language: str, environment: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        done = _run(program, f"{language}-3", environment | {"ACCORD_SERVER": address})
    assert (done.returncode, done.stdout) == (1, "check UNDECIDED DEADLINE_EXCEEDED\n"), done.stderr


@pytest.mark.parametrize("language", ["node"], indirect=True)
def test_a_service_in_node_says_what_it_was_not_given(program: Program, environment: dict[str, str]) -> None:
    for missing_part, customer, told in (
        ({"ACCORD_TOKEN": ""}, "node-4", "set ACCORD_TOKEN to the token that `accord tokens add` printed\n"),
        ({}, "", "write: node advice_desk.js CUSTOMER\n"),
        ({"ACCORD_PROTOS": "/nowhere"}, "node-4", "no protos in /nowhere: copy protos/ there, or set ACCORD_PROTOS\n"),
    ):
        done = _run(program, customer, environment | missing_part)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def _run(program: Program, customer: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command, needed = program
    return subprocess.run(
        [*command, customer],
        env=environment | needed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def _in_two_weeks() -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=14)


def _node(folder: Path) -> Program:
    needed = {"PATH": node_search_path()}
    shutil.copytree(ROOT / "protos", folder / "protos")
    install = ["npm", "ci", "--prefer-offline", "--no-audit", "--no-fund"]
    done = subprocess.run(
        install, cwd=folder, env={**os.environ, **needed}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FetchFailedError(f"npm ci failed: {done.stderr.strip()[-300:]}")
    return ["node", str(folder / "advice_desk.js")], needed


def _ruby(folder: Path) -> Program:
    root = from_debian("ruby", "ruby-grpc", "ruby-googleapis-common-protos-types", "protobuf-compiler-grpc")
    needed = {"LD_LIBRARY_PATH": _libraries(root), "RUBYLIB": _ruby_path(root), "PATH": f"{root}/usr/bin:/usr/bin:/bin"}
    found = {name: shutil.which(name, path=needed["PATH"]) for name in ("ruby", "protoc", "grpc_ruby_plugin")}
    absent = [name for name, path in found.items() if not path]
    if absent:
        raise FetchFailedError(f"Debian's packages brought no {', '.join(absent)}")
    (folder / "lib").mkdir()
    make_stubs = [
        str(found["protoc"]),
        f"--plugin=protoc-gen-grpc={found['grpc_ruby_plugin']}",
        f"-I{ROOT / 'protos'}",
        f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
        f"--ruby_out={folder / 'lib'}",
        f"--grpc_out={folder / 'lib'}",
        *(str(path) for path in sorted((ROOT / "protos" / "accord" / "v1").glob("*.proto"))),
    ]
    subprocess.run(make_stubs, env={**os.environ, **needed}, check=True)
    return [str(found["ruby"]), "-I", str(folder / "lib"), str(folder / "advice_desk.rb")], needed


def _libraries(root: Path) -> str:
    return ":".join(str(path) for path in sorted((root / "usr" / "lib").glob("*-linux-gnu*")))


def _ruby_path(root: Path) -> str:
    """Return where Debian's Ruby looks for libraries, below another root: it knows its own prefix only."""
    lib = root / "usr" / "lib"
    places = (
        *lib.glob("ruby/[0-9]*"),
        *lib.glob("ruby/vendor_ruby"),
        *lib.glob("*/ruby/[0-9]*"),
        *lib.glob("*/rubygems-integration/*/extensions/*/*/*"),
        *lib.glob("*/rubygems-integration/*/gems/grpc-*/src/ruby/lib"),
        *(root / "usr" / "share" / "rubygems-integration").glob("*/gems/*/lib"),
    )
    return ":".join(str(path) for path in places)
