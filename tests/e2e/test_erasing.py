"""`accord erase` and what goes with it, against a real server: erased, told, and never back after a restart."""

import base64
import json
import os
import pty
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.scenes import asked_erasure
from support.serving import Server, Site

from accord.app import Installation, load_sample_brand, play_sample_demo
from accord.cli import Accord
from accord.cli.completion import PROGRAM
from accord.cli.main import accord
from accord.config import Config
from accord.domain.terms import BrandId, Identifier, IdentifierKind
from accord.followers.follower import take_step

TILL = ("--touchpoint", "till", "--language", "en")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("erasing")) as made:
        yield made


@pytest.fixture(scope="module")
def server(site: Site) -> Server:
    server = site.start()
    site.apply_catalogue(server)
    site.environment |= {"ACCORD_SERVER": server.address, "COLUMNS": "200"}
    return server


class Line:
    """The command line in this process, on the site's folder."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def run(self, *arguments: str, expect: int = 0) -> Result:
        variables = {name: value for name, value in self._site.environment.items() if name.startswith("ACCORD_")}
        told = ("--data", str(self._site.data), *arguments)
        it = Accord(Installation, load_sample_brand, play_sample_demo)
        done = CliRunner().invoke(accord, told, obj=it, env=variables, prog_name=PROGRAM)
        assert done.exit_code == expect, (arguments, done.output, done.exception)
        return done

    def told(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)


@pytest.fixture
def line(site: Site, server: Server) -> Line:
    assert server
    return Line(site)


def test_a_customer_is_erased_with_a_receipt_and_listed(line: Line) -> None:
    line.run("grant", "ada", *TILL, "--contact-point", "email:ada@example.com")
    done = line.run("erase", "ada", "--yes", "--reason", "objected", "--keep-suppression", "--touchpoint", "till")
    assert "accord erasure receipt v1" in done.stdout
    assert "suppressed addresses: 1" in done.stdout
    # A word of its own: a digest may have these letters too.
    assert "ada" not in re.findall(r"\w+", done.stdout)
    (name,) = re.findall("^erasure: (.+)$", done.stdout, re.MULTILINE)
    assert done.stderr.startswith(f"erasure {name}: done\n")
    assert "the key-encryption key by then" in done.stderr
    assert done.stdout == line.run("erasures", "show", name).stdout
    rows = {bytes_of(each["erasure_id"]): each for each in line.told("erasures", "list")["erasures"]}
    row = rows[name]
    assert (row["status"], row["reason"]) == ("ERASURE_STATUS_DONE", "ERASURE_REASON_OBJECTED")
    assert name in line.run("erasures", "list").stdout
    assert "CUSTOMER_UNKNOWN" in line.run("check", "ada", "marketing.news", "--channel", "email", expect=10).stdout
    assert line.told("audit")["faults"] == []


def test_whoever_holds_a_receipt_and_the_key_checks_it_without_a_server(line: Line, tmp_path: Path) -> None:
    line.run("grant", "rosa", *TILL, "--contact-point", "email:rosa@example.com")
    done = line.run("erase", "rosa", "--yes", "--reason", "permission-withdrawn")
    (name,) = re.findall("^erasure: (.+)$", done.stdout, re.MULTILINE)
    file, pin = tmp_path / "receipt.txt", line.run("key").stdout.strip()
    written = line.run("erasures", "show", name, "-o", str(file))
    assert (written.stdout, file.read_bytes()) == ("", done.stdout.encode())
    assert f"accord erasures verify {file} --pin" in written.stderr
    assert "choose another name" in line.run("erasures", "show", name, "-o", str(file), expect=1).output

    # A program of its own, which knows of no server, brand or installation.
    environment = {key: told for key, told in os.environ.items() if not key.startswith("ACCORD_")}
    command = [sys.executable, "-m", "accord", "erasures", "verify", "-", "--pin", pin]
    for text, code, title in (
        (done.stdout, 0, "VALID\n"),
        (done.stdout.replace("PERMISSION_WITHDRAWN", "OBJECTED"), 1, "TAMPERED\n"),
        (f"erasure {name}: done\n{done.stdout}", 2, "CANNOT DECIDE\n"),
    ):
        told = subprocess.run(
            command, input=text, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (told.returncode, told.stdout.startswith(title)) == (code, True), told.stdout + told.stderr
    handovers = tmp_path / "keys.json"
    handovers.write_text(line.run("key", "--handovers").stdout)
    asked = ("erasures", "verify", str(file), "--pin", pin, "--handovers", str(handovers))
    assert "art. 17(1)(b) du RGPD" in line.run(*asked, "--lang", "fr").stdout
    assert line.told(*asked)["conclusion"] == "valid"


def test_nobody_is_erased_where_nobody_can_be_asked_and_nobody_said_yes(line: Line) -> None:
    line.run("grant", "kept", *TILL)
    assert "add --yes" in line.run("erase", "kept", "--reason", "objected", expect=2).output
    assert "PERMITTED" in line.run("check", "kept", "marketing.news", "--channel", "email").stdout


def test_a_terminal_asks_for_the_customer_once_more_before_they_are_erased(line: Line, site: Site) -> None:
    line.run("grant", "asked", *TILL)
    for again, code, told in (("asket", 1, "nothing was erased"), ("asked", 0, "accord erasure receipt v1")):
        ours, theirs = pty.openpty()
        os.write(ours, f"{again}\n".encode())
        command = [sys.executable, "-m", "accord", "erase", "asked", "--reason", "objected"]
        done = subprocess.run(command, env=site.environment, stdin=theirs, capture_output=True, text=True, check=False)
        for end in (ours, theirs):
            os.close(end)
        assert (done.returncode, told in done.stdout + done.stderr) == (code, True), done.stderr
        assert "once more" in done.stderr
    assert "CUSTOMER_UNKNOWN" in line.run("check", "asked", "marketing.news", "--channel", "email", expect=10).stdout


def test_a_list_imported_later_is_answered_with_the_reason(line: Line) -> None:
    line.run("grant", "bea", *TILL, "--contact-point", "email:bea@example.com")
    line.run("erase", "bea", "--yes", "--reason", "permission-withdrawn", "--keep-suppression")
    line.run("grant", "crm-7", *TILL, "--contact-point", "email:bea@example.com", "--recorder", "import")
    denied = line.run("check", "crm-7", "marketing.news", "--channel", "email", expect=10).stdout
    assert "SUPPRESSED" in denied
    assert "by an act of their own" in denied
    assert "suppressed" in line.run("permissions", "crm-7").stdout


def test_an_erasure_on_hold_is_told_and_restricts(line: Line) -> None:
    line.run("grant", "cleo", *TILL, "--contact-point", "email:cleo@example.com")
    done = line.run("erase", "cleo", "--yes", "--reason", "objected", "--hold-until", "2046-01-01T00:00:00Z")
    assert "on hold" in done.stdout
    assert "restricted until then" in done.stdout
    assert "RESTRICTED" in line.run("check", "cleo", "marketing.news", "--channel", "email", expect=10).stdout
    (name,) = re.findall("^erasure ([0-9a-f]+): on hold$", done.stdout, re.MULTILINE)
    held = line.run("erasures", "show", name, "-o", "held.txt", expect=1)
    assert "no receipt before it is executed" in held.stderr
    assert line.told("erasures", "run") == []


def test_what_excludes_each_other_is_told(line: Line) -> None:
    both = ("--hold-until", "2046-01-01T00:00:00Z", "--after-retention")
    done = line.run("erase", "dora", "--yes", "--reason", "objected", *both, expect=2)
    assert "exclude each other" in done.output
    assert "hexadecimal" in line.run("erasures", "show", "zz", expect=2).output
    line.run("grant", "dora", *TILL, "--contact-point", "email:dora@example.com")
    refused = line.run("erase", "dora", "--yes", "--reason", "objected", "--after-retention", expect=1)
    assert "needs a catalogue" in refused.output


def test_nobody_is_due_without_a_retention_period(line: Line) -> None:
    assert line.told("erasures", "due", "--brand", "maison") == {"due": [], "erased": False}
    assert "0 due" in line.run("erasures", "due", "--brand", "maison").output
    assert "no catalogue" in line.run("erasures", "due", "--brand", "nobody", expect=1).output


def test_the_key_rotates_while_the_server_goes_on(line: Line, site: Site) -> None:
    line.run("grant", "finn", *TILL, "--contact-point", "email:finn@example.com")
    before = line.told("keys", "status")["epochs"]
    assert [each["ended"] for each in before] == [""]
    done = line.told("keys", "rotate-kek")
    assert (done["epoch"], done["destroyed"], done["left"]) == (2, [1], [])
    assert done["rewrapped"] == before[0]["keys"]
    assert [path.name for path in (site.data / "secrets").glob("kek-*")] == ["kek-2"]
    line.run("history", "finn")
    line.run("grant", "gus", *TILL, "--contact-point", "email:gus@example.com")
    line.run("history", "gus")
    shown = line.run("keys", "status").stdout
    assert "rotate by" in shown
    assert "in use" in shown
    assert "the key of epoch 2 is destroyed" in line.run("keys", "rotate-kek").stdout
    line.run("history", "gus")
    assert line.told("audit")["faults"] == []


def test_an_export_shows_that_entries_were_erased_and_verifies(line: Line, tmp_path: Path) -> None:
    line.run("grant", "ines", *TILL, "--contact-point", "email:ines@example.com")
    before, after = tmp_path / "before.zip", tmp_path / "after.zip"
    line.run("export", "--all", "-o", str(before))
    line.run("erase", "ines", "--yes", "--reason", "objected")
    line.run("export", "--all", "-o", str(after))
    shown = [json.loads(zipfile.ZipFile(each).read("manifest.json"))["counts"]["erased"] for each in (before, after)]
    assert shown[1] == shown[0] + 1
    assert b"ines@example.com" not in b"".join(
        zipfile.ZipFile(after).read(name) for name in zipfile.ZipFile(after).namelist()
    )
    pin = line.run("key").stdout.strip()
    assert line.run("verify", str(after), "--pin", pin).stdout.startswith("VALID")
    assert "CUSTOMER_UNKNOWN" in line.run("export", "--customer", "ines", "-o", str(tmp_path / "x"), expect=1).output
    assert "CUSTOMER_UNKNOWN" in line.run("access", "ines", expect=1).output


def test_a_running_server_erases_whose_hold_has_ended(line: Line, site: Site) -> None:
    line.run("grant", "juno", *TILL, "--contact-point", "email:juno@example.com")
    ends = datetime.now(UTC) + timedelta(seconds=2)
    line.run("erase", "juno", "--yes", "--reason", "objected", "--hold-until", ends.isoformat())
    installation = Installation(site_config(site))
    (follower,) = (each for each in installation.followers._followers if each.name == "erasures")
    assert follower.leader is not None
    take_step(follower)
    assert "RESTRICTED" in line.run("check", "juno", "marketing.news", "--channel", "email", expect=10).stdout
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))
    take_step(follower)
    assert "CUSTOMER_UNKNOWN" in line.run("check", "juno", "marketing.news", "--channel", "email", expect=10).stdout
    installation.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_erasure_that_a_kill_cut_off_is_finished_before_the_next_server_answers(
    site: Site, line: Line, workers: int
) -> None:
    who, name = f"hana-{workers}", bytes([workers]) * 16
    line.run("grant", who, *TILL, "--contact-point", f"email:{who}@example.com")
    # The fence is put up and the process dies: what a crash between the first step and the second leaves.
    installation = Installation(site_config(site))
    installation.erasures._saga.tombstone = died  # type: ignore[method-assign]
    asked = asked_erasure(Identifier(IdentifierKind.CUSTOMER_ID, who), erasure_id=name, content=b"c")
    with pytest.raises(KeyboardInterrupt):
        installation.erasures.ask(BrandId("maison"), asked)
    installation.close()
    line.run("check", who, "marketing.news", "--channel", "email")
    site.environment["ACCORD_WORKERS"] = str(workers)
    again = site.start()
    site.environment["ACCORD_SERVER"] = again.address
    assert "CUSTOMER_UNKNOWN" in line.run("check", who, "marketing.news", "--channel", "email", expect=10).stdout
    found = line.told("erasures", "show", name.hex())["erasure"]
    assert found["status"] == "ERASURE_STATUS_DONE"


def bytes_of(told: str) -> str:
    """Return in hexadecimal what proto JSON tells in base64."""
    return base64.b64decode(told).hex()


def died(_: object) -> None:
    raise KeyboardInterrupt


def site_config(site: Site) -> Any:
    return Config(data=Path(site.data))
