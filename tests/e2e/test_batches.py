"""`accord record` and `accord check-many`: many lines at once, each with its own verdict, none lost unsaid."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.serving import BRAND, Site, free_address

from accord.cli import tell
from accord.cli.completion import PROGRAM
from accord.cli.main import accord
from accord.client import Client

BUTTON = {
    "language": "en",
    "method": "DECLARATION_METHOD_BUTTON",
    "declarant": "DECLARANT_CUSTOMER",
    "recorder": "RECORDER_SYSTEM",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("batches")) as made:
        server = made.start()
        made.apply_catalogue(server)
        made.environment |= {"ACCORD_SERVER": server.address}
        yield made


Run = Callable[..., Result]


@pytest.fixture
def run(site: Site) -> Run:
    """Run a command inside this process, as if piped, with lines on standard input; `expect` is its exit code."""

    def invoke(*arguments: str, lines: list[Any] | None = None, expect: int = 0, **environment: str) -> Result:
        told = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines or [])
        variables = {name: value for name, value in site.environment.items() if name.startswith("ACCORD_")}
        done = CliRunner().invoke(accord, arguments, input=told, env=variables | environment, prog_name=PROGRAM)
        assert done.exit_code == expect, (arguments, done.output, done.exception)
        return done

    return invoke


def said(kind: str, customer: str, touchpoint: str = "till", **sides: Any) -> dict[str, Any]:
    """Return a record: what a customer said."""
    evidence = {"touchpoint": touchpoint, **BUTTON}
    return {kind: {"customer": {"customer_id": customer}, "evidence": evidence, **sides}}


def asked(customer: str, purpose: str = "marketing.news", channel: str = "email") -> dict[str, Any]:
    """Return a question."""
    return {"customer": {"customer_id": customer}, "channel": channel, "purpose": purpose}


def rows(done: Result) -> list[dict[str, str]]:
    """Return a piped table as one mapping of headings to cells for each row."""
    headings, *lines = (line.split("\t") for line in done.stdout.splitlines())
    return [dict(zip(headings, line, strict=True)) for line in lines]


def test_each_line_is_recorded_or_told_why_not_and_the_rest_stand(run: Run) -> None:
    lines = [
        said("grant", "lea"),
        "",
        "{ not json",
        said("grant", "lea", "nowhere"),
        said("withdraw", "lea", scope={"purpose": "marketing.offer"}),
        said("grant", "lea", brand="another"),
    ]
    done = run("record", lines=lines, expect=1)
    found = {row["line"]: row for row in rows(done)}
    assert [(line, row["what"], row["outcome"]) for line, row in found.items()] == [
        ("1", "grant", "recorded"),
        ("3", "", "failed"),
        ("4", "grant", "failed"),
        ("5", "withdraw", "recorded"),
        ("6", "grant", "failed"),
    ]
    assert found["3"]["why"].startswith("INVALID_ARGUMENT: is no BatchRecord in JSON")
    assert found["4"]["why"].startswith("TOUCHPOINT_UNKNOWN")
    assert "must be the brand of the first record" in found["6"]["why"]
    assert done.stderr == "accord: 3 failed, first line 3\n"
    assert run("check", "lea", "marketing.news", "--channel", "email").exit_code == 0
    run("check", "lea", "marketing.offer", "--channel", "email", expect=10)


def test_records_are_answered_as_one_document_in_their_order(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    lines = [said("grant", f"doc-{number}") for number in range(3)] + [said("object", "doc-1")]
    file.write_text("\n".join(map(json.dumps, lines)))
    results = json.loads(run("record", str(file), "--json").stdout)["results"]
    assert [list(result) for result in results] == [["grant"], ["grant"], ["grant"], ["object"]]
    positions = [int(each["grant"]["receipt"]["position"]) for each in results[:3]]
    assert positions == sorted(positions)


def test_a_named_request_makes_a_repeat_of_a_file_safe(run: Run) -> None:
    lines = [said("grant", "again", request_id="file-1-line-1")]
    first, second = (rows(run("record", lines=lines)) for _ in range(2))
    assert first == second
    assert rows(run("record", lines=[said("grant", "again")])) != first


def test_a_withdrawal_on_a_line_names_the_contacts_that_can_still_be_stopped(run: Run) -> None:
    run("record", lines=[said("grant", "open")])
    run("authorize", "open", "marketing.news", "--channel", "email", "--contact-id", "open-1")
    (row,) = rows(run("record", lines=[said("withdraw", "open")]))
    assert row["why"] == "still to stop: contact open-1"


def test_replies_on_lines_are_read_and_what_says_no_no_is_told_so(run: Run) -> None:
    address = {"kind": "CONTACT_POINT_KIND_EMAIL", "value": "rita@example.com"}
    run("record", lines=[said("grant", "rita", contact_point=address)])
    evidence = said("grant", "rita")["grant"]["evidence"]
    lines = [{"reply": {"contact_point": address, "text": text, "evidence": evidence}} for text in ("Merci", "STOP")]
    found = rows(run("record", lines=lines))
    assert [(row["what"], row["outcome"], row["why"]) for row in found] == [
        ("reply", "nothing to record", "nothing"),
        ("reply", "recorded", "withdrawal"),
    ]
    assert [bool(row["entries"]) for row in found] == [False, True]
    run("check", "rita", "marketing.news", "--channel", "email", expect=10)


def test_many_questions_are_answered_line_by_line_and_a_no_is_no_failure(run: Run) -> None:
    run("record", lines=[said("grant", "mona")])
    found = rows(run("check-many", lines=[asked("mona"), asked("nobody"), asked("mona", channel="sms")]))
    assert [(row["line"], row["channel"], row["verdict"], row["reason"]) for row in found] == [
        ("1", "email", "ALLOW", "PERMITTED"),
        ("2", "email", "DENY", "CUSTOMER_UNKNOWN"),
        ("3", "sms", "ALLOW", "PERMITTED"),
    ]


def test_a_question_that_cannot_be_decided_fails_alone(run: Run) -> None:
    run("record", lines=[said("grant", "nina")])
    lines = [asked("nina", "marketing.newz"), asked("nina"), {"customer": {"customer_id": "nina"}, "porpoise": ""}]
    done = run("check-many", lines=lines, expect=1)
    assert [row["verdict"] for row in rows(done)] == ["UNDECIDED", "ALLOW", "UNDECIDED"]
    results = json.loads(run("check-many", "--json", lines=lines, expect=1).stdout)["results"]
    assert [list(result) for result in results] == [["error"], ["decision"], ["error"]]


def test_more_lines_than_a_call_takes_are_all_answered_in_order(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.cli.batch.CHUNK_LINES", 3)
    found = rows(run("record", lines=[said("grant", f"many-{number}") for number in range(8)]))
    assert [row["line"] for row in found] == [str(number) for number in range(1, 9)]
    answers = rows(run("check-many", lines=[asked(f"many-{number}") for number in range(8)]))
    assert [row["verdict"] for row in answers] == ["ALLOW"] * 8


def test_an_empty_file_is_done_at_once(run: Run) -> None:
    assert rows(run("record", lines=[])) == []
    assert json.loads(run("check-many", "--json", lines=[]).stdout) == {}


def test_a_server_that_is_away_from_the_start_is_one_failure(run: Run) -> None:
    away = free_address()
    assert "UNREACHABLE" in run("record", "--server", away, lines=[said("grant", "away")], expect=1).stderr


def test_what_was_recorded_before_an_outage_is_told_and_the_rest_is_told_as_failed(
    site: Site, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accord.cli.batch.CHUNK_LINES", 2)
    second = site.start()
    shown = tell.progress

    @contextmanager
    def cutting(*arguments: Any) -> Iterator[Callable[..., None]]:
        """Kill the server once the first two lines are answered: that is when progress is shown."""
        with shown(*arguments) as show:
            yield lambda *done: (second.kill(), show(*done))

    monkeypatch.setattr(tell, "progress", cutting)
    lines = [said("grant", f"cut-{number}") for number in range(6)]
    done = run("record", "--server", second.address, lines=lines, expect=1)
    assert [row["outcome"] for row in rows(done)] == ["recorded", "recorded", "failed", "failed", "failed", "failed"]
    assert "the call failed: UNREACHABLE" in rows(done)[-1]["why"]
    with Client(site.servers[0].address, site.token, BRAND) as client:
        assert [bool(client.check(f"cut-{number}", "email", "marketing.news")) for number in range(6)] == [
            True,
            True,
            *[False] * 4,
        ]


def test_progress_is_shown_on_a_terminal_only_and_leaves_the_answers_alone(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(json.dumps(said("grant", f"seen-{number}")) for number in range(3)))
    command = [sys.executable, "-m", "accord", "record", str(file)]
    keeper, terminal = pty.openpty()
    try:
        environment = site.environment | {"TERM": "xterm"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=terminal, text=True, check=True)
        os.close(terminal)
        shown = os.read(keeper, 65536).decode()
    finally:
        os.close(keeper)
    assert "recording" in shown
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 4
    quiet = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=True)
    assert quiet.stderr == ""
