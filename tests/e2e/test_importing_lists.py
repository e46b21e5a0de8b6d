"""`accord suppress import`: a list from a file, on a real server, as an officer runs it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.serving import Site

from accord.cli.completion import PROGRAM
from accord.cli.main import accord

Run = Callable[..., Result]
TIME = ("--list-time", "2026-03-01T00:00:00Z")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("lists")) as made:
        server = made.start()
        made.apply_catalogue(server)
        made.environment |= {"ACCORD_SERVER": server.address}
        yield made


@pytest.fixture
def run(site: Site) -> Run:
    """Run a command inside this process; `expect` is its exit code."""

    def invoke(*arguments: str, expect: int = 0) -> Result:
        variables = {name: value for name, value in site.environment.items() if name.startswith("ACCORD_")}
        done = CliRunner().invoke(accord, arguments, env=variables, prog_name=PROGRAM)
        assert done.exit_code == expect, (arguments, done.output, done.exception)
        return done

    return invoke


def test_a_file_is_imported_line_by_line_and_its_faults_are_told_by_number(run: Run, tmp_path: Path) -> None:
    run("grant", "ada", "--touchpoint", "till", "--contact-point", "email:ada@example.com", "--language", "en")
    run("check", "ada", "marketing.news", "--channel", "email")
    file = tmp_path / "own.txt"
    file.write_bytes(b"ada@example.com\n\nno address\n06 12 34 56 78\n\xff@example.com\nADA@Example.com\n")
    told = ("suppress", "import", str(file), "--list", "own", "--kind", "own", "--country", "FR", *TIME, "--json")
    done = run(*told, expect=1)
    found = json.loads(done.stdout)
    assert found["lines"] == {"bound": 1, "kept": 1, "already_known": 1, "not_taken": 2}
    assert [each["line"] for each in found["faults"]] == [3, 5]
    assert "no address" not in done.output
    denied = run("check", "ada", "marketing.news", "--channel", "email", expect=10).stdout
    assert denied.startswith("DENY  SUPPRESSED")
    assert 'the brand\'s own list of those it does not contact, "own", dated 1 March 2026 at' in denied
    again = json.loads(run(*told, expect=1).stdout)
    assert again["lines"] == {"already_known": 3, "not_taken": 2}
    assert (again["listed"], again["position"]) == (2, found["position"])


def test_who_was_put_on_the_brands_list_is_told_so_and_never_that_they_withdrew(run: Run, tmp_path: Path) -> None:
    run("grant", "eve", "--touchpoint", "till", "--contact-point", "email:eve@example.com", "--language", "en")
    run("link", "mallory", "email:noah@example.com")
    run("link", "mallory", "email:zoe@example.com")
    file = tmp_path / "own.txt"
    file.write_text("eve@example.com\nnoah@example.com\n")
    run("suppress", "import", str(file), "--list", "do-not-contact", "--kind", "own", *TIME)
    listed = run("permissions", "eve").stdout
    assert "permission suppressed" in listed
    assert "withdrawn" not in listed
    assert "list do-not-contact" in listed
    for words, told in (
        ("en", "eve@example.com\town\tdo-not-contact\t2026-03-01T00:00:00Z\teverything"),
        ("fr", "eve@example.com\tliste propre\tdo-not-contact\t2026-03-01T00:00:00Z\ttout"),
    ):
        report = run("access", "eve", "--lang", words).stdout
        assert told in report
        assert not any(each in report for each in ("withdrawn", "retirée"))
    assert json.loads(run("receipt", "show", "--customer", "eve").stdout), "of what she permitted herself"
    failed = run("receipt", "show", "--customer", "mallory", expect=1)
    assert failed.stderr.startswith("accord: --customer: this customer gave no permission")
    assert "accord history" in failed.stderr


def test_nothing_is_taken_off_a_registry_by_a_file_of_which_a_line_could_not_be_read(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "registry.txt"
    common = (
        "suppress",
        "import",
        str(file),
        "--list",
        "fr.bloctel",
        "--kind",
        "registry",
        "--country",
        "FR",
        "--json",
    )
    file.write_text("".join(f"061200{number:04}\n" for number in range(2500)))
    assert json.loads(run(*common, *TIME).stdout)["lines"] == {"kept": 2500, "not_taken": 0}
    newer = ("--list-time", "2026-03-02T00:00:00Z", "--complete")
    lines = [f"061200{number:04}\n" for number in range(2490)]
    file.write_text("".join([*lines, "x\n"]))
    found = json.loads(run(*common, *newer, expect=1).stdout)
    assert (found["listed"], found["taken_off"], found["vanished_and_stay_on"]) == (2500, 0, 10)
    file.write_text("".join(lines))
    found = json.loads(run(*common, *newer).stdout)
    assert (found["listed"], found["taken_off"], found["vanished_and_stay_on"]) == (2490, 10, 0)


def test_the_registries_whose_law_is_known_are_told_with_their_source(run: Run) -> None:
    lines = run("suppress", "registries").stdout.splitlines()
    assert any(line.startswith("fr.bloctel\tBloctel\tyes\tC. conso") for line in lines)
