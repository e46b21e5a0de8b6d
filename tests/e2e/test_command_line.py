"""Every RPC of the core is a command: readable for people, proto JSON for programs, a next step on a failure."""

import base64
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result
from google.protobuf import json_format
from support.serving import BRAND, PATIENCE_SECONDS, Site, apply_request, free_address

from accord.app import Installation, load_sample_brand, play_sample_demo
from accord.cli import Accord, tell
from accord.cli.completion import PROGRAM, VARIABLE
from accord.cli.ledger import verify
from accord.cli.main import accord
from accord.keys.callers import Callers
from accord.v1 import catalogue_pb2, catalogue_service_pb2, ledger_service_pb2

ROOT = Path(__file__).resolve().parents[2]
ESCAPE = "\x1b"
TILL = ("--touchpoint", "till", "--language", "en")
TOKENS: dict[str, str] = {}
"""The tokens of the site's callers beside the operator, by name."""

WEB_FORM = ("--touchpoint", "web_form", "--language", "en")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server with a catalogue for all tests; the environment of its commands names it."""
    with Site(tmp_path_factory.mktemp("command_line")) as made:
        TOKENS["asker"] = Callers(made.data / "callers.json").add("asker", "*", ("checker",))
        server = made.start()
        made.apply_catalogue(server)
        made.environment |= {"ACCORD_SERVER": server.address, "COLUMNS": "200"}
        yield made


Run = Callable[..., Result]


@pytest.fixture
def run(site: Site) -> Run:
    """Run a command inside this process, as if piped; `expect` is its exit code."""

    def invoke(*arguments: str, expect: int = 0, told: str = "", **environment: str) -> Result:
        variables = {name: value for name, value in site.environment.items() if name.startswith("ACCORD_")}
        done = CliRunner().invoke(accord, arguments, input=told, env=variables | environment, prog_name=PROGRAM)
        assert done.exit_code == expect, (arguments, done.output, done.exception)
        assert ESCAPE not in done.output
        return done

    return invoke


@pytest.fixture
def answered(run: Run) -> Callable[..., Any]:
    """Run a command with --json and return what it printed, which must be one JSON document."""

    def invoke(*arguments: str, expect: int = 0) -> Any:
        return json.loads(run(*arguments, "--json", expect=expect).stdout)

    return invoke


Answered = Callable[..., Any]


def rows(done: Result) -> list[dict[str, str]]:
    """Return a piped table as one mapping of headings to cells for each row."""
    headings, *lines = (line.split("\t") for line in done.stdout.splitlines())
    return [dict(zip(headings, line, strict=True)) for line in lines]


def test_every_call_of_the_core_has_a_command() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in Path(tell.__file__).parent.glob("*.py"))
    called = set(re.findall(r"connection\.\w+\.(\w+)", sources))
    served = {
        method.name
        for path in (ROOT / "protos").rglob("*_service.proto")
        for service in import_module(f"accord.v1.{path.stem}_pb2").DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert served - called == set()


# --- what customers say -------------------------------------------------------------------------


def test_a_pending_permission_is_confirmed_by_its_position(run: Run, answered: Answered) -> None:
    given = answered("grant", "ada", *WEB_FORM)
    assert given["status"] == "PERMISSION_STATUS_PENDING"
    position = given["receipt"]["position"]
    signed = (*WEB_FORM, "--method", "signature")
    told = run("confirm", "ada", position, *signed).stdout
    assert told.startswith("permission active\nrecorded at position ")

    again = answered("grant", "bea", *WEB_FORM)
    confirmed = answered("confirm", "bea", again["receipt"]["position"], *signed)
    assert confirmed["status"] == "PERMISSION_STATUS_ACTIVE"
    method = json.loads(answered("entry", confirmed["receipt"]["position"])["entry"]["payload_json"])
    assert "SIGNATURE" in json.dumps(method).upper()


def test_a_pending_permission_is_confirmed_by_the_token_of_its_link(run: Run, answered: Answered) -> None:
    form = ("--touchpoint", "newsletter_form", "--language", "en")
    given = answered("grant", "cleo", *form, "--contact-point", "email:cleo@example.com")
    position = given["receipt"]["position"]
    asking = ("authorize", "cleo", "service.opt_in", "--channel", "email", "--contact-id", "cleo-link")
    told = run(*asking, "--confirms", position).stdout
    assert "confirmation request" in told
    (token,) = re.findall(r"link token +([A-Za-z0-9_-]{64})", told)
    assert answered("confirm", "--token", token, *form)["status"] == "PERMISSION_STATUS_ACTIVE"
    assert run("confirm", "--token", token, *form).stdout.startswith("permission active\nrecorded at position ")


@pytest.mark.parametrize("sides", [(), ("ada",), ("ada", "1", "--token", "t"), ("ada", "1")], ids=str)
def test_a_confirmation_is_named_one_way_or_the_other(run: Run, sides: tuple[str, ...]) -> None:
    assert "--token" in run("confirm", *sides, *WEB_FORM, expect=2).stderr


@pytest.mark.parametrize(
    ("command", "kind", "reason"),
    [
        ("refuse", "refused", "REFUSED"),
        ("withdraw", "withdrawn", "WITHDRAWN"),
        ("object", "objected", "OBJECTED"),
    ],
)
def test_each_kind_of_no_binds_the_next_check(
    run: Run, answered: Answered, command: str, kind: str, reason: str
) -> None:
    customer = f"no-{command}"
    run("grant", customer, *TILL)
    run("check", customer, "marketing.news", "--channel", "email", expect=0)
    run(command, customer, *TILL, "--purpose", "marketing.news", "--channel", "sms")
    run("check", customer, "marketing.news", "--channel", "email", expect=0)
    said = answered(command, customer, *TILL, "--purpose", "marketing")
    assert len(said["receipts"]) == 1
    assert f"DENY  {reason}" in run("check", customer, "marketing.news", "--channel", "email", expect=10).stdout
    assert {"what": kind, "reaches": "marketing"}.items() <= rows(run("permissions", customer))[-1].items()


def test_a_withdrawal_names_the_contacts_that_can_still_be_stopped(run: Run) -> None:
    run("grant", "open", *TILL)
    run("authorize", "open", "marketing.news", "--channel", "email", "--contact-id", "open-1")
    assert "still to stop: contact open-1 (email, marketing.news)" in run("withdraw", "open", *TILL).stdout


def test_permissions_and_refusals_are_listed_with_what_they_reach(run: Run, answered: Answered) -> None:
    run("grant", "listed", "--touchpoint", "qr_code", "--language", "en")
    run("refuse", "listed", *TILL, "--purpose", "marketing.offer", "--channel", "sms")
    given, refused = rows(run("permissions", "listed"))
    assert given["what"] == "permission active"
    assert given["asked for"] == "contact_once at qr_code"
    assert given["reaches"] == "marketing.callback by email, sms"
    assert given["limits"] == "0 of 1 used"
    assert (refused["what"], refused["reaches"]) == ("refused", "marketing.offer by sms")

    found = answered("permissions", "listed")
    assert [each["level"] for each in found["permissions"]] == ["contact_once"]
    assert [each["kind"] for each in found["refusals"]] == ["REFUSAL_KIND_REFUSED"]


def test_history_is_whole_unless_limited_and_says_so_when_it_is(run: Run, answered: Answered) -> None:
    for _ in range(3):
        run("activity", "storied", "click")
    assert [row["what"] for row in rows(run("history", "storied"))] == ["ActivityReported"] * 3
    assert "next_page_token" not in answered("history", "storied")
    part = run("history", "storied", "--limit", "2")
    assert len(rows(part)) == 2
    assert "there is more" in part.stderr
    assert answered("history", "storied", "--limit", "2")["next_page_token"]


# --- who customers are and what they do ---------------------------------------------------------


def test_an_address_is_linked_and_unlinked(run: Run, answered: Answered) -> None:
    run("grant", "linked", *TILL)
    asked = ("check", "email:linked@example.com", "marketing.news", "--channel", "email")
    assert "CUSTOMER_UNKNOWN" in run(*asked, expect=10).stdout
    assert run("link", "linked", "email:linked@example.com").stdout.startswith("recorded at position ")
    run(*asked, expect=0)
    assert answered("unlink", "linked", "email:linked@example.com")["receipt"]["position"]
    run(*asked, expect=10)
    assert answered("link", "linked", "email:linked@example.com")["receipt"]["token"]
    assert run("unlink", "linked", "email:linked@example.com").stdout.startswith("recorded at position ")


def test_facts_are_recorded_one_by_one(run: Run, answered: Answered) -> None:
    run("grant", "factual", *TILL)
    told = ("facts", "factual", "--country", "FR", "--kind", "professional", "--birth-year", "1980", "--no-deceased")
    assert run(*told).stdout.startswith("recorded at position ")
    run("check", "factual", "marketing.news", "--channel", "email", expect=0)
    assert answered("facts", "factual", "--deceased")["receipt"]["position"]
    assert "DECEASED" in run("check", "factual", "marketing.news", "--channel", "email", expect=10).stdout


def test_customers_are_merged_and_split(run: Run, answered: Answered) -> None:
    why = ("--reason", "same card", "--officer-id", "dpo")
    run("grant", "merged-a", *TILL)
    run("link", "merged-b", "email:merged-b@example.com")
    asked = ("check", "email:merged-b@example.com", "marketing.news", "--channel", "email")
    run(*asked, expect=10)
    assert run("merge", "merged-a", "email:merged-b@example.com", *why).stdout.count("recorded at position ") == 2
    run(*asked, expect=0)
    assert len(answered("split", "merged-b", *why)["receipts"]) == 2
    run(*asked, expect=10)
    assert "CUSTOMER_NOT_MERGED" in run("split", "merged-b", *why, expect=1).stderr
    assert len(answered("merge", "merged-a", "merged-b", *why)["receipts"]) == 2
    assert "recorded at position " in run("split", "merged-a", *why).stdout


def test_an_overlay_is_added_and_lifted(run: Run, answered: Answered) -> None:
    why = ("--reason", "letter")
    run("grant", "overlaid", *TILL)
    asked = ("check", "overlaid", "marketing.news", "--channel", "email")
    (receipt,) = answered("overlay", "overlaid", "--add", "household", *why)["receipts"]
    denied = run(*asked, expect=10).stdout
    assert "OVERLAID" in denied
    assert f"entry {receipt['position']}" in denied
    assert "recorded at position " in run("overlay", "overlaid", "--lift", receipt["position"], *why).stdout
    run(*asked, expect=0)
    again = run("overlay", "overlaid", "--lift", receipt["position"], *why, expect=1).stderr
    assert "`accord check` names the entries" in again
    paused = ("overlay", "overlaid", "--add", "contract-pause", "--until", "2090-01-01T00:00:00Z", *why)
    assert "recorded at position " in run(*paused).stdout
    assert "--add or --lift" in run("overlay", "overlaid", *why, expect=2).stderr


def test_a_restriction_begins_and_ends(run: Run, answered: Answered) -> None:
    why = ("--reason", "contested")
    run("grant", "restricted", *TILL)
    asked = ("check", "restricted", "marketing.news", "--channel", "email")
    begun = ("restrict", "restricted", "--ground", "accuracy-contested", *why)
    assert answered(*begun)["receipts"]
    assert "RESTRICTED" in run(*asked, expect=10).stdout
    ended = ("restrict", "restricted", "--lift", "2026-01-01T00:00:00Z", *why)
    assert "recorded at position " in run(*ended).stdout
    run(*asked, expect=0)
    assert "CUSTOMER_NOT_RESTRICTED" in run(*ended, expect=1).stderr


def test_facts_without_any_are_a_fault_of_the_caller(run: Run) -> None:
    assert "INVALID_ARGUMENT" in run("facts", "factless", expect=1).stderr


def test_an_activity_is_recorded_and_permits_nothing(run: Run, answered: Answered) -> None:
    assert run("activity", "active", "purchase", "--objection-offered").stdout.startswith("recorded at position ")
    assert answered("activity", "active", "engagement")["receipt"]["position"]
    asked = run("check", "active", "marketing.news", "--channel", "email", expect=10)
    assert "NO_PERMISSION" in asked.stdout


@pytest.mark.parametrize("fact", ["bounced", "complained", "reassigned", "invalid"])
def test_a_fact_of_an_address_binds_whoever_holds_it(run: Run, answered: Answered, fact: str) -> None:
    customer, point = f"at-{fact}", f"email:{fact}@example.com"
    run("grant", customer, *TILL, "--contact-point", point)
    assert run("contact-point", point, fact).stdout.startswith("recorded at position ")
    asked = run("check", customer, "marketing.news", "--channel", "email", expect=10)
    assert f"CONTACT_POINT_{fact.upper()}" in asked.stdout
    assert len(answered("contact-point", point, "verified")["receipts"]) == 1


@pytest.mark.parametrize("fact", ["registry-listed", "registry-removed", "registry_listed"])
def test_a_fact_is_written_with_hyphens_or_underscores(answered: Answered, fact: str) -> None:
    entered = answered("contact-point", "phone:+33612345678", fact)["receipts"][0]["position"]
    assert fact.replace("-", "_") in answered("entry", entered)["entry"]["payload_json"].lower()


# --- before and after a contact -----------------------------------------------------------------


def test_reach_is_a_row_for_each_channel_with_its_reason(run: Run, answered: Answered) -> None:
    run("grant", "reached", *TILL, "--channel", "email")
    email, sms = rows(run("reach", "reached", "marketing.news"))
    assert (email["channel"], email["verdict"], email["reason"]) == ("email", "ALLOW", "PERMITTED")
    assert (sms["channel"], sms["verdict"], sms["reason"]) == ("sms", "DENY", "NO_PERMISSION")
    assert sms["to allow it"]
    found = answered("reach", "reached", "marketing.news")
    assert [each["decision"]["verdict"] for each in found["reaches"]] == ["VERDICT_ALLOW", "VERDICT_DENY"]


def test_a_contact_says_why_the_customer_was_contacted(run: Run, answered: Answered) -> None:
    given = answered("grant", "asking", *TILL)["receipt"]["position"]
    taken = answered("authorize", "asking", "marketing.news", "--channel", "email", "--contact-id", "asking-1")
    reported = answered("report", "asking-1", "sent")["receipt"]["position"]
    told = run("contact", "asking-1").stdout
    assert told.startswith("contact asking-1: sent\n")
    assert f"rested on    entry {given}\n" in told
    assert f"recorded in  entry {taken['receipt']['position']}, entry {reported}\n" in told
    assert answered("contact", "asking-1")["contact"]["basis_positions"] == [given]


def test_an_answer_can_be_asked_to_know_of_a_receipt(run: Run, answered: Answered) -> None:
    token = answered("grant", "fresh", *TILL)["receipt"]["token"]
    asked = ("check", "fresh", "marketing.news", "--channel", "email", "--at-least-as-fresh")
    run(*asked, token, expect=0)
    assert run(*asked, "no token at all", expect=1).stderr.startswith("accord: ")


def test_the_past_is_told_and_never_taken_for_leave_to_send(run: Run, answered: Answered) -> None:
    given = answered("grant", "past", *TILL)["receipt"]
    then = given["recorded_time"]
    run("withdraw", "past", *WEB_FORM)
    asked = ("check", "past", "marketing.news", "--channel", "email")
    run(*asked, expect=10)
    told = run(*asked, "--as-of", then, expect=12).stdout
    assert told.startswith("as of 20")
    assert "no leave to send\nALLOW  PERMITTED\n" in told
    found = answered(*asked, "--as-of", then, "--as-known-by", given["token"], expect=12)
    assert "decision" not in found
    assert found["past"]["decision"]["positions"] == [given["position"]]
    assert found["past"]["known_size"] == str(int(given["position"]) + 1)
    assert "as_of" in run(*asked, "--as-known-at", then, expect=1).stderr
    assert "as_of must not lie in the future" in run(*asked, "--as-of", "2100-01-01T00:00Z", expect=1).stderr
    history = [row["what"] for row in rows(run("history", "past", "--as-known-at", then))]
    assert history == ["PermissionGranted"]
    assert len(rows(run("history", "past", "--as-of", "2020-01-01T00:00Z"))) == 0


def test_a_replay_lists_the_contacts_that_a_late_withdrawal_makes_invalid(
    run: Run, answered: Answered, tmp_path: Path
) -> None:
    given = answered("grant", "replayed", *TILL)["receipt"]
    authorized = answered("authorize", "replayed", "marketing.news", "--channel", "email", "--contact-id", "replay-1")
    period = ("--from", authorized["receipt"]["recorded_time"])
    assert "1 contacts answered again, 0 would no longer be allowed" in run("replay", *period).stderr
    run("report", "replay-1", "sent")
    late = answered("withdraw", "replayed", *WEB_FORM, "--act-time", given["recorded_time"])["receipts"][0]["position"]
    file = tmp_path / "invalid.csv"
    done = run("replay", *period, "--csv", str(file), expect=10)
    (row,) = rows(done)
    assert row["position"] == authorized["receipt"]["position"]
    assert (row["status"], row["allowed by"], row["now"]) == ("sent", "permission", "DENY WITHDRAWN")
    assert row["because of"].startswith(f"entry {late} PermissionRefused, happened ")
    assert "replayed" not in done.stdout
    assert file.read_text("utf-8").splitlines()[1].startswith(f"{row['position']},")
    found = answered("replay", *period, "--today", expect=10)
    assert found["contacts"][0]["late_entry"]["position"] == late
    assert found["contacts_replayed"] == "1"
    assert "rules_edition" in run("replay", "--rules-edition", "1999-01", expect=1).stderr


def test_an_address_read_from_standard_input_is_never_an_argument(run: Run) -> None:
    told = "email:hidden@example.com\n"
    run("grant", "-", *TILL, told=told)
    run("check", "-", "marketing.news", "--channel", "email", told=told, expect=0)
    run("check", "email:hidden@example.com", "marketing.news", "--channel", "email", expect=0)


# --- the ledger ---------------------------------------------------------------------------------


def test_entries_are_listed_from_and_to_where_one_likes(run: Run, answered: Answered) -> None:
    run("grant", "entered", *TILL)
    every = rows(run("entries"))
    assert [row["position"] for row in every] == [str(number) for number in range(len(every))]
    part = run("entries", "--from", "1", "--limit", "1")
    assert rows(part) == every[1:2]
    assert "there is more: --from 2" in part.stderr
    assert len(answered("entries")["entries"]) == len(every)


def test_a_list_longer_than_a_page_is_read_to_its_end_into_one_document(
    run: Run, answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("grant", "paged", *TILL)
    run("grant", "paged", "--touchpoint", "qr_code", "--language", "en")
    run("refuse", "paged", *TILL, "--purpose", "marketing.offer")
    lists = (("entries",), ("permissions", "paged"), ("history", "paged"))
    whole = [(answered(*command), run(*command).stdout) for command in lists]
    monkeypatch.setattr("accord.cli.connect.PAGE_ENTRIES", 1)
    assert [(answered(*command), run(*command).stdout) for command in lists] == whole
    assert len(answered("entries", "--limit", "2")["entries"]) == 2


def test_an_entry_shows_its_leaf_and_what_it_tells(run: Run, answered: Answered) -> None:
    position = answered("grant", "shown", *TILL)["receipt"]["position"]
    told = run("entry", position).stdout
    assert told.startswith(f"entry {position}: PermissionGranted, recorded ")
    assert answered("entry", position)["entry"]["leaf_hash"]


def test_a_checkpoint_is_the_signed_note_and_nothing_else(run: Run, answered: Answered) -> None:
    note = run("checkpoint").stdout
    origin, size, _root, blank, signature = note.removesuffix("\n").split("\n")
    assert origin.startswith(f"accord/{BRAND}/")
    assert int(size) > 0
    assert blank == ""
    assert signature.startswith(f"\N{EM DASH} {origin} ")
    assert answered("checkpoint")["checkpoint"]["note"] == note


def test_a_proof_is_verified_here_and_held_against_what_the_auditor_keeps(run: Run, answered: Answered) -> None:
    found = answered("grant", "proven", *TILL)["receipt"]
    position = found["position"]
    leaf = re.findall(r"leaf hash +(\w+)", run("entry", position).stdout)[0]
    key = answered("checkpoint")["checkpoint"]["verifier_key"]
    assert run("prove", position).stdout.startswith(f"PROVEN  entry {position} is one of the ")
    assert "(as the server says: compare it)" in run("prove", position).stdout
    assert "(the key you keep)" in run("prove", position, "--leaf-hash", leaf, "--verifier-key", key).stdout
    assert answered("prove", position)["leaf_hash"] == found["leaf_hash"]

    assert "NOT PROVEN: another leaf hash" in run("prove", position, "--leaf-hash", "00" * 32, expect=1).stderr
    assert "NOT PROVEN: malformed" in run("prove", position, "--verifier-key", "not a key", expect=1).stderr


def test_a_receipt_is_handed_out_and_verified_by_whoever_keeps_the_key(
    run: Run, answered: Answered, tmp_path: Path
) -> None:
    position = answered("grant", "with-receipt", *TILL)["receipt"]["position"]
    assert run("receipt", "show", "--customer", "with-receipt").stdout == run("receipt", "show", position).stdout
    assert "either POSITION or --customer" in run("receipt", "show", expect=2).stderr
    document = json.loads(run("receipt", "show", position).stdout)
    record = document["dpv:hasRecordOfActivity"]
    assert (document["@type"], record["dpv:hasConsentStatus"]["@type"][0]) == ("dpv:ConsentReceipt", "dpv:ConsentGiven")
    assert document["dct:identifier"].endswith(f":{position}")

    signed = run("receipt", "show", position, "--signed").stdout
    key = answered("receipt", "show", position)["verifier_key"]
    (tmp_path / "receipt.jws").write_text(signed)
    verified = run("receipt", "verify", str(tmp_path / "receipt.jws"), "--pin", key)
    assert json.loads(verified.stdout) == document
    assert run("receipt", "verify", "-", "--pin", key, told=signed).stderr.startswith("SIGNED by the key you keep")
    forged = signed.replace(".", ".e30", 1)
    assert (
        "NOT OURS: the signature does not fit"
        in run("receipt", "verify", "-", "--pin", key, told=forged, expect=1).stderr
    )
    run("withdraw", "with-receipt", "--touchpoint", "till")
    withdrawn = answered("history", "with-receipt")["items"][-1]["position"]
    assert json.loads(run("receipt", "show", withdrawn).stdout)["dct:replaces"] == [document["dct:identifier"]]


def test_why_a_customer_was_contacted_stands_on_one_page(run: Run, answered: Answered, tmp_path: Path) -> None:
    given = answered("grant", "why-me", *TILL, "--recorder", "clerk", "--recorder-id", "till-7")["receipt"]["position"]
    taken = answered("authorize", "why-me", "marketing.news", "--channel", "email", "--contact-id", "why-1")
    run("report", "why-1", "sent")
    told = run("why", "why-1").stdout
    for words in (
        "why-1",
        "sent",
        "catalogue:permission",
        "till",
        "clerk till-7",
        "| You may send me news and offers.",
        "The customer may be contacted by e-mail for",
        "the customer gave a permission that lists it.",
        "ground",
        "How to say no",
        "You may refuse further messages like this one at any time",
        "What is not proven",
    ):
        assert words in told
    assert "basis" not in told
    positions = {row.split("\t")[0] for row in told.splitlines() if "\t" in row} - {"position"}
    assert {given, taken["receipt"]["position"]} <= positions
    key = answered("checkpoint")["checkpoint"]["verifier_key"]
    assert "(as the server says: compare it)" in told
    assert "(the key you keep)" in run("why", "why-1", "--verifier-key", key).stdout
    assert "NOT PROVEN" in run("why", "why-1", "--verifier-key", "no key", expect=1).stderr
    assert answered("why", "why-1")["explanation"]["permission"]["position"] == given

    page = tmp_path / "why.html"
    assert run("why", "why-1", "--html", str(page), "--lang", "fr").stdout == ""
    written = page.read_text("utf-8")
    for words in ("Pourquoi avez-vous été contacté ?", "<th>fondement</th>", "la fonde", "pas prouvé", "par e-mail"):
        assert words in written
    assert "légale" not in written
    assert "<blockquote>You may send me news and offers.</blockquote>" in written
    assert "CONTACT_UNKNOWN" in run("why", "never", expect=1).stderr


def test_a_name_that_is_markup_is_text_on_the_page(run: Run, tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    run("grant", "marked-up", *TILL, "--recorder-id", name)
    run("authorize", "marked-up", "marketing.news", "--channel", "email", "--contact-id", name)
    for command in (("why", name), ("access", "marked-up")):
        page = tmp_path / "page.html"
        run(*command, "--html", str(page))
        assert "<script>" not in page.read_text("utf-8")
        assert "&lt;script&gt;" in page.read_text("utf-8")


def test_customers_are_told_what_is_held_of_them(run: Run, answered: Answered, tmp_path: Path) -> None:
    run("grant", "access-me", *TILL, "--contact-point", "email:access-me@example.com")
    run("facts", "access-me", "--country", "FR", "--birth-year", "1984")
    run("withdraw", "access-me", "--touchpoint", "till", "--purpose", "marketing.offer")
    told = run("access", "access-me").stdout
    for words in ("access-me@example.com", "birth year", "1984", "marketing.offer", "till", "operator"):
        assert words in told
    found = answered("access", "access-me")
    assert [each["type"] for each in found["entries"]] == ["PermissionGranted", "FactsRecorded", "PermissionRefused"]
    assert found["summary"]["entries"] == "3"

    page = tmp_path / "held.html"
    run("access", "access-me", "--html", str(page), "--lang", "fr")
    assert "Ce que nous conservons à votre sujet" in page.read_text("utf-8")
    assert "CUSTOMER_UNKNOWN" in run("access", "who-is-that", expect=1).stderr
    run("link", "access-other", "email:access-me@example.com")
    ambiguous = run("access", "email:access-me@example.com", expect=1).stderr
    assert "name the customer_id" in ambiguous
    assert "access-other" not in run("access", "access-me").stdout


def test_an_access_report_in_pages_is_the_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        run("grant", "access-paged", *TILL, "--contact-point", f"email:access-paged-{number}@example.com")
    whole = json.loads(run("access", "access-paged", "--json").stdout)
    monkeypatch.setattr("accord.cli.connect.PAGE_ENTRIES", 1)
    paged = json.loads(run("access", "access-paged", "--json").stdout)
    for found in (whole, paged):
        found["summary"].pop("report_time")
    assert paged == whole


def test_permissions_are_counted_as_table_csv_chart_and_json(run: Run, answered: Answered, tmp_path: Path) -> None:
    run("grant", "counted", *TILL)
    run("authorize", "counted-nobody", "marketing.news", "--channel", "sms", "--contact-id", "counted-1", expect=10)
    table = rows(run("report-permissions", "--by", "touchpoint", "--by", "reason"))
    assert [row for row in table if (row["what"], row["touchpoint"]) == ("given", "till")]
    assert [row for row in table if (row["what"], row["reason"]) == ("denied", "CUSTOMER_UNKNOWN")]
    text = run("report-permissions", "--by", "touchpoint", "--csv", "-").stdout
    assert text.startswith("period_start,measure,touchpoint,channel,purpose,notice,reason,count")
    chart = tmp_path / "chart.svg"
    run("report-permissions", "--period", "day", "--zone", "Europe/Paris", "--svg", str(chart))
    assert chart.read_text("utf-8").startswith("<svg ")
    assert int(answered("report-permissions")["entries_read"]) > 0
    assert "must be an IANA name" in run("report-permissions", "--zone", "Mars", expect=1).stderr


def test_a_catalogue_is_supposed_before_it_is_applied(run: Run, answered: Answered, tmp_path: Path) -> None:
    run("grant", "supposed", *TILL)
    supposed = answered("catalogue", "show")["catalogue"]
    supposed["notices"][0]["channels"] = ["email"]
    file = tmp_path / "catalogue.json"
    file.write_text(json.dumps(supposed), "utf-8")
    told = run("catalogue", "simulate", str(file), expect=1).stderr
    assert "catalogue.notices" in told
    assert "changed its words or lists" in told

    supposed = answered("catalogue", "show")["catalogue"]
    supposed["notices"] = [each | {"stale": each["code"] == "club-1"} for each in supposed["notices"]]
    file.write_text(json.dumps(supposed), "utf-8")
    before = answered("catalogue", "show")["version"]
    found = answered("catalogue", "simulate", str(file), "--samples", "1")
    change = next(each for each in found["changes"] if each["reason_after"].endswith("NOTICE_STALE"))
    assert change["verdict_before"] == "VERDICT_ALLOW"
    assert change["samples"][0]["after"]["trace"]
    lines = run("catalogue", "simulate", str(file), "--samples", "1").stdout
    assert "DENY NOTICE_STALE" in lines
    assert f"the customer of entry {change['samples'][0]['position']}" in lines
    assert "0 flips in all" in run("catalogue", "simulate").stdout
    assert answered("catalogue", "show")["version"] == before


def test_what_lapses_is_told_by_day_with_whom_may_be_asked_and_names_nobody(run: Run, answered: Answered) -> None:
    end = datetime.now(UTC) + timedelta(days=200)
    form = ("--touchpoint", "newsletter_form", "--language", "en")
    waiting = answered("grant", "unconfirmed", *form, "--contact-point", "email:waits@example.com")["receipt"][
        "position"
    ]
    given = answered("grant", "lapsing", *TILL, "--valid-until", end.isoformat())["receipt"]
    before = answered("checkpoint")["checkpoint"]["size"]
    found = answered("radar", "--within", "201", "--purpose", "marketing", "--channel", "email", "--samples", "2")
    group = next(each for each in found["groups"] if each["day"].startswith(f"{end:%Y-%m-%d}"))
    assert group["reason"] == "DECISION_REASON_PERMISSION_EXPIRED"
    (sample,) = group["samples"]
    assert (sample["position"], sample["now"]["verdict"]) == (given["position"], "VERDICT_ALLOW")
    assert sample["then"]["trace"]
    done = run("radar", "--within", "201", "--samples", "1")
    assert f"{end:%Y-%m-%d}" in done.stdout
    assert f"the customer of entry {given['position']}" in done.stdout
    assert "the catalogue has no purpose that asks for a permission" in done.stdout
    assert "lapsing" not in done.stdout
    left = answered("radar", "--within", "201", "--samples", "10")["unconfirmed_groups"]
    (open_yet,) = (each for group in left for each in group["samples"] if each["position"] == waiting)
    assert open_yet["asking"]["decision"]["verdict"] == "VERDICT_ALLOW"
    assert "ALLOW PERMITTED" in done.stdout
    assert "can be confirmed before" in done.stdout
    assert not [each for each in answered("radar", "--within", "1").get("groups", []) if each["day"] == group["day"]]
    assert "no such channel" in run("radar", "--within", "1", "--channel", "fax", expect=1).stderr
    assert answered("checkpoint")["checkpoint"]["size"] == before


def test_a_forged_proof_fails_at_the_step_it_breaks(run: Run, answered: Answered) -> None:
    for number in range(3):
        run("grant", f"forged-{number}", *TILL)
    found = json_format.ParseDict(answered("prove", "1"), ledger_service_pb2.ProveInclusionResponse())
    verify(found, 1)

    def forged(**changed: Any) -> ledger_service_pb2.ProveInclusionResponse:
        copy = ledger_service_pb2.ProveInclusionResponse()
        copy.CopyFrom(found)
        for name, value in changed.items():
            if name == "hashes":
                copy.hashes[:] = value
            elif name in {"note", "size"}:
                setattr(copy.checkpoint, name, value)
            else:
                setattr(copy, name, value)
        return copy

    with pytest.raises(ValueError, match="the proof is of entry 2"):
        verify(forged(position=2), 1)
    with pytest.raises(ValueError, match="does not lead to the root"):
        verify(forged(leaf_hash=b"\0" * 32), 1)
    with pytest.raises(ValueError, match="does not lead to the root"):
        verify(forged(hashes=found.hashes[:-1]), 1)
    with pytest.raises(ValueError, match="something else than what was signed"):
        verify(forged(size=found.checkpoint.size + 1), 1)
    note = found.checkpoint.note.replace(f"\n{found.checkpoint.size}\n", f"\n{found.checkpoint.size + 1}\n")
    with pytest.raises(ValueError, match="the signature does not fit"):
        verify(forged(note=note), 1)


# --- the catalogue ------------------------------------------------------------------------------


def test_the_versions_of_the_catalogue_are_listed(run: Run, answered: Answered) -> None:
    (first,) = rows(run("catalogue", "versions"))
    assert (first["version"], first["entry"]) == ("1", "0")
    assert [each["version"] for each in answered("catalogue", "versions")["versions"]] == ["1"]


# --- the rules of law ---------------------------------------------------------------------------


def test_the_rules_of_law_are_listed_with_their_sources_without_a_server(run: Run, answered: Answered) -> None:
    listed = {each["rule"]: each for each in rows(run("rules", "list", ACCORD_SERVER="nowhere.invalid:1"))}
    assert listed["fr.voice_permission"]["counts"] == "from 2026-08-11"
    assert listed["fr.call_hours"]["source"].startswith("C. conso D223-9")
    only = answered("rules", "list", "--jurisdiction", "us_fl")
    assert [each["id"] for each in only] == ["us_fl.call_hours", "us_fl.call_attempts"]
    assert "there are: au, ca, de" in run("rules", "list", "--jurisdiction", "atlantis", expect=1).stderr


def test_a_rule_of_law_is_shown_and_a_duty_counts_its_days(run: Run, answered: Answered) -> None:
    shown = run("rules", "show", "fr.call_hours").stdout
    assert "10:00-13:00 on days 1, 2, 3, 4, 5" in shown
    assert answered("rules", "show", "de.proof_kept", "--since", "2026-09-02")["last_day"] == "2031-09-02"
    assert "is no duty" in run("rules", "show", "fr.call_hours", "--since", "2026-09-02", expect=1).stderr
    assert "no rule is named fr.nothing" in run("rules", "show", "fr.nothing", expect=1).stderr


def test_the_rules_of_law_are_told_in_one_language_where_that_is_asked(run: Run, answered: Answered) -> None:
    (hours,) = [each for each in rows(run("rules", "list", "--language", "fr")) if each["rule"] == "us_fl.call_hours"]
    assert hours["says"] == "Les appels et textos ont lieu de 8 h à 20 h chez le client."
    shown = answered("rules", "show", "fr.call_hours", "--language", "fr")
    assert "en" not in shown
    assert shown["fr"].startswith("Les appels de prospection")


def test_an_answer_is_told_in_the_language_asked_for(run: Run) -> None:
    asked = ("check", "nobody-yet", "marketing.news", "--channel", "email")
    assert "The customer may not be contacted by e-mail for" in run(*asked, expect=10).stdout
    french = run(*asked, "--language", "fr", expect=10).stdout
    assert "Le client ne peut pas être contacté par e-mail pour" in french
    assert "\N{REPLACEMENT CHARACTER}" not in french
    assert (
        "must be a BCP 47 tag of a language there are words in: en or fr"
        in run(*asked, "--language", "tlh", expect=1).stderr
    )
    reach = run("reach", "nobody-yet", "marketing.news", "--language", "fr").stdout
    assert "il faut que le client, de sa propre initiative" in reach
    authorize = ("authorize", *asked[1:], "--contact-id", "words-1", "--language", "fr")
    assert "Le client ne peut pas être contacté" in run(*authorize, expect=10).stdout


def test_a_rule_pack_is_checked_and_every_fault_is_told(run: Run, answered: Answered, tmp_path: Path) -> None:
    good = ROOT / "src" / "accord" / "domain" / "packs" / "2026-11" / "us_fl.toml"
    assert run("rules", "check", str(good)).stdout == "us_fl: 2 rules, no fault\n"
    bad = tmp_path / "bad.toml"
    bad.write_text(good.read_text("utf-8").replace("limit = 3", "limit = 0").replace('"20:00"', '"8 pm"'), "utf-8")
    told = run("rules", "check", str(bad), expect=1).stderr
    assert "rules[0].windows[0] needs `from` before `until`" in told
    assert "rules[1].limit must be at least 1" in told
    faults = answered("rules", "check", str(bad), expect=1)["faults"]
    assert [each["field"] for each in faults] == ["rules[0].windows[0]", "rules[1].limit"]


# --- the server ---------------------------------------------------------------------------------


def test_health_says_serving_without_a_brand_or_a_token(run: Run, answered: Answered, tmp_path: Path) -> None:
    assert run("health", ACCORD_BRAND="", ACCORD_DATA=str(tmp_path)).stdout == "SERVING\n"
    assert answered("health") == {"status": "SERVING"}


def test_health_of_a_server_that_does_not_answer_is_a_failure(run: Run, answered: Answered) -> None:
    address = free_address()
    assert "UNREACHABLE" in run("health", "--server", address, expect=1).stderr
    assert answered("health", "--server", address, expect=1)["reason"] == "UNREACHABLE"


# --- failures that say what to do ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        (("check", "ada", "marketing.newz", "--channel", "email"), "marketing.news"),
        (("check", "ada", "news", "--channel", "email"), "marketing.news"),
        (("check", "ada", "marketing.news", "--channel", "e-mail"), "email"),
        (("authorize", "ada", "marketing.news", "--channel", "emial", "--contact-id", "x"), "email"),
        (("reach", "ada", "marketing.ofer"), "marketing.offer"),
        (("grant", "ada", "--touchpoint", "til", "--language", "en"), "till"),
        (("grant", "ada", *TILL, "--notice", "club_1"), "club-1"),
        (("withdraw", "ada", *TILL, "--purpose", "marketting"), "marketing"),
        (("refuse", "ada", *TILL, "--channel", "smss"), "sms"),
    ],
)
def test_a_mistyped_code_is_answered_with_the_nearest_known_one(
    run: Run, answered: Answered, mistyped: tuple[str, ...], meant: str
) -> None:
    assert f"did you mean {meant}?" in run(*mistyped, expect=1).stderr
    assert answered(*mistyped, expect=1)["suggestion"] == f"did you mean {meant}?"


def test_a_code_near_to_none_is_answered_with_those_known(run: Run) -> None:
    failed = run("check", "ada", "xyzzy", "--channel", "email", expect=1).stderr
    assert "did you mean" not in failed
    assert "known: marketing.callback" in failed


def test_where_the_server_lists_but_a_part_the_catalogue_is_asked_if_the_caller_may(site: Site, run: Run) -> None:
    many = catalogue_pb2.Catalogue()
    many.CopyFrom(apply_request().catalogue)
    for number in range(30):
        many.purposes.add(code=f"alert.made_up_{number:02}", purpose_class=catalogue_pb2.PURPOSE_CLASS_MARKETING)
    with site.connect(site.servers[0]) as connection:
        request = catalogue_service_pb2.ApplyRequest(brand="large", request_id="large-1", catalogue=many)
        connection.ask(connection.catalogues.Apply, request)
    mistyped = ("check", "ada", "marketing.newz", "--channel", "email", "--brand", "large")
    assert "did you mean marketing.news?" in run(*mistyped, expect=1).stderr
    assert "PURPOSE_UNKNOWN" in run(*mistyped, expect=1, ACCORD_TOKEN=TOKENS["asker"]).stderr


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(("chek", "ada"), "check"), (("contact-pont",), "contact-point"), (("catalogue", "verions"), "versions")],
)
def test_an_unknown_command_is_answered_with_the_nearest_one(run: Run, arguments: tuple[str, ...], meant: str) -> None:
    failed = run(*arguments, expect=2).stderr
    assert "Did you mean" in failed
    assert f"'{meant}'" in failed


def test_an_unknown_option_or_value_is_answered_with_what_there_is(run: Run) -> None:
    assert "--channel" in run("check", "ada", "marketing.news", "--chanel", "email", expect=2).stderr
    assert "'bounced'" in run("contact-point", "email:a@example.com", "bouncd", expect=2).stderr
    assert "email, phone" in run("contact-point", "a@example.com", "bounced", expect=2).stderr


def test_the_next_step_is_told_where_one_is_known(run: Run) -> None:
    assert "`accord erasures list`" in run("why", "never", expect=1).stderr
    assert "catalogue apply FILE" in run("check", "a", "b", "--brand", "nobodys", expect=1).stderr
    assert re.search(r"the ledger has \d+ entries", run("entry", "999999", expect=1).stderr)
    assert "`accord catalogue versions`" in run("catalogue", "show", "--version", "9", expect=1).stderr


def test_who_called_by_a_token_instead_of_as_the_operator_is_told_so(run: Run, tmp_path: Path) -> None:
    asker = {"ACCORD_TOKEN": TOKENS["asker"]}
    told = run("entries", expect=1, **asker).stderr
    assert "the caller asker has of this brand's roles only checker, and this needs one of: auditor" in told
    assert "you called as asker, by ACCORD_TOKEN: unset it to call as this machine's operator" in told
    assert "unset it to call as this machine's operator" in run("entries", expect=1, ACCORD_TOKEN="guessed").stderr
    elsewhere = asker | {"ACCORD_DATA": str(tmp_path)}
    assert "`accord tokens add asker --replace` with all its roles" in run("entries", expect=1, **elsewhere).stderr


# --- terminals, pipes and shells ----------------------------------------------------------------

SESSION = """
import json, sys
from accord.cli import connect
from accord.cli.main import accord
connect.PAGE_ENTRIES = 1
for arguments in json.loads(sys.argv[1]):
    try:
        accord(arguments, prog_name="accord")
    except SystemExit:
        print("--- next", flush=True)
"""
"""Runs commands one after the other, since a process takes a second to start; each list is long, to show progress."""

COMMANDS = (
    ("check", "seen", "marketing.news", "--channel", "email"),
    ("reach", "seen", "marketing.news"),
    ("history", "seen"),
    ("permissions", "seen"),
    ("check", "seen", "marketing.newz", "--channel", "email"),
)


def printed(site: Site, stdout: int, **environment: str) -> subprocess.Popen[bytes]:
    """Start the commands above, printing to a file or terminal."""
    variables = site.environment | {"TERM": "xterm-256color", "COLUMNS": "80"} | environment
    command = [sys.executable, "-c", SESSION, json.dumps(COMMANDS)]
    return subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stdout)


def on_a_terminal(site: Site, **environment: str) -> list[str]:
    """Return what each command prints where somebody looks."""
    ours, theirs = pty.openpty()
    process = printed(site, theirs, **environment)
    os.close(theirs)
    told = b""
    # A terminal whose last writer has gone answers with an error.
    with suppress(OSError):
        while read := os.read(ours, 65_536):
            told += read
    os.close(ours)
    assert process.wait(PATIENCE_SECONDS) == 0, told
    return told.decode().split("--- next")[:-1]


@pytest.fixture(scope="module")
def seen(site: Site) -> Site:
    """The site, with a customer for the commands above; what a caller wrote looks like markup."""
    till = (*TILL, "--recorder-id", "[/b][red]")
    for command in (("grant", "seen", *till, "--channel", "email"), ("activity", "seen", "click")):
        done = CliRunner().invoke(accord, command, env=site.environment, prog_name=PROGRAM)
        assert done.exit_code == 0, done.output
    return site


def test_a_terminal_gets_colours_whole_tables_and_progress(seen: Site) -> None:
    checked, reached, told, standing, failed = on_a_terminal(seen)
    assert f"{ESCAPE}[32m" in checked
    assert f"{ESCAPE}[32mALLOW" in reached
    assert f"{ESCAPE}[31mDENY" in reached
    assert "reading: 1" in told
    assert "[/b][red]" in re.sub(r"\s", "", told)
    assert "\t" not in reached + told + standing
    assert re.search(r"\d\d:\d\d:\d\dZ", standing)
    assert f"{ESCAPE}[31maccord: PURPOSE_UNKNOWN" in failed


def test_who_wants_no_colours_gets_none_on_a_terminal_either(seen: Site) -> None:
    styled = re.compile(rf"{ESCAPE}\[[0-9;]*m")
    assert [styled.findall(told) for told in on_a_terminal(seen, NO_COLOR="1")] == [[]] * len(COMMANDS)


def test_a_pipe_gets_neither_colours_nor_progress(seen: Site) -> None:
    told, failed = (part.decode() for part in printed(seen, subprocess.PIPE).communicate(timeout=PATIENCE_SECONDS))
    assert ESCAPE not in told
    assert "reading" not in told
    assert "\nemail\tALLOW\tPERMITTED\t" in told
    assert ESCAPE not in failed
    assert failed.startswith("accord: PURPOSE_UNKNOWN")


def test_what_a_server_says_cannot_steer_the_terminal_or_split_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    tell.table(("one", "two"), [(f"a{ESCAPE}[2J", "b\tc\nd")])
    tell.lines([("label", f"{ESCAPE}]0;title\x07")])
    told = capsys.readouterr().out
    assert ESCAPE not in told
    assert [line.count("\t") for line in told.splitlines()] == [1, 1, 0]


@pytest.mark.parametrize(
    ("shell", "words"),
    [("bash", "complete -o nosort -F"), ("zsh", "#compdef accord"), ("fish", "complete --no-files --command accord")],
)
def test_the_completion_script_of_each_shell_is_printed(run: Run, shell: str, words: str) -> None:
    assert words in run("completion", shell).stdout


def test_the_completion_script_of_bash_is_understood_by_bash(run: Run) -> None:
    script = run("completion", "bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_a_shell_is_told_the_commands_and_values_that_fit(site: Site) -> None:
    def completed(*words: str) -> list[str]:
        shell = ShellComplete(accord, {}, PROGRAM, VARIABLE)
        return [each.value for each in shell.get_completions(list(words[:-1]), words[-1])]

    assert completed("che") == ["check", "check-many", "checkpoint"]
    assert completed("contact-point", "-", "regis") == ["registry-listed", "registry-removed"]
    assert completed("catalogue", "") == ["apply", "show", "simulate", "versions"]

    asked = {VARIABLE: "bash_complete", "COMP_WORDS": "accord comp", "COMP_CWORD": "1"}
    done = subprocess.run(
        site.command(), env=site.environment | asked, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "plain,completion\n"


def test_every_command_has_help_in_its_first_sentence_and_is_listed_under_a_heading(run: Run) -> None:
    listed = run("--help").stdout
    for name, command in accord.commands.items():
        assert bool(re.search(rf"^  {name} +[A-Z].*\.$", listed, re.MULTILINE)) != command.hidden, name
        assert command.help
    assert "..." not in listed.partition("\n")[2]


# --- this installation --------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("serve",), ("migrate",), ("config",), ("tokens", "list")])
def test_a_misspelt_setting_stops_every_command_of_an_installation(words: tuple[str, ...], tmp_path: Path) -> None:
    told = {"ACCORD_DATABSE_FILE": "/run/secrets/database", "ACCORD_DATA": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "accord", *words], env=os.environ | told, capture_output=True, text=True, check=False
    )
    meant = "accord: ACCORD_DATABSE_FILE is no setting of Accord: did you mean ACCORD_DATABASE_FILE?\n"
    assert (done.returncode, done.stderr) == (1, meant)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [("check",), ("authorize", "--contact-id", "no-channel")], ids=lambda each: each[0])
def test_a_question_without_the_channel_it_needs_is_a_misspelled_command(run: Run, words: tuple[str, ...]) -> None:
    told = run(words[0], "ada-no-channel", "marketing.news", *words[1:], expect=2).stderr
    missing = "--channel is missing: say one of email, sms; `accord reach` asks for every channel at once"
    assert missing in " ".join(told.split())
    assert "CHANNEL_UNKNOWN" in run("check", "ada-no-channel", "marketing.news", "--channel", "fax", expect=1).stderr


@pytest.mark.parametrize("words", [("permissions", "ada"), ("erasures", "due")])
def test_a_brand_that_is_missing_is_told_with_the_variable_that_names_it(run: Run, words: tuple[str, ...]) -> None:
    told = run(*words, expect=2, ACCORD_BRAND="").stderr
    assert "Missing option '--brand'. Name it, or set ACCORD_BRAND for every command." in told


def test_config_tells_where_each_secret_comes_from_and_never_what_it_is(
    answered: Answered, run: Run, tmp_path: Path
) -> None:
    secret = base64.b64encode(b"k" * 32).decode()
    (tmp_path / "kek").write_text(secret)
    told = {
        "ACCORD_DATA": str(tmp_path / "data"),
        "ACCORD_KEK": "",  # where the file is read into, and what is put back afterwards
        "ACCORD_KEK_FILE": str(tmp_path / "kek"),
        "ACCORD_KEK_EPOCH": "3",
        "ACCORD_PEPPER": secret,
        "ACCORD_PEPPER_2": secret,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:password@collector:4317",
        "OTEL_EXPORTER_OTLP_HEADERS": "key=password",
    }
    kek, epoch = f"file {tmp_path / 'kek'}, by ACCORD_KEK_FILE", "3"
    suppression = f"data folder: {tmp_path / 'data' / 'secrets' / 'suppression-pepper-1'}, made when it is needed"
    shown = json.loads(run("config", "--json", **told).stdout)
    assert (shown["kek"], shown["kek_epoch"], shown["kek_next"]) == (kek, epoch, "")
    assert (shown["pepper"], shown["pepper_2"]) == ("environment", "environment")
    assert shown["suppression_pepper"] == suppression
    assert shown["otel_exporter_otlp_endpoint"] == "http://user:…@collector:4317"
    printed = run("config", **told).stdout
    assert f"ACCORD_KEK                  {kek}\n" in printed
    assert secret not in printed + json.dumps(shown)
    assert "password" not in printed + json.dumps(shown)
    assert not (tmp_path / "data").exists()
    # Those of the site that serves are in its data folder.
    assert answered("config")["kek"].endswith("secrets/kek-1")
    assert "made when" not in answered("config")["kek"]


def test_a_secret_that_is_none_is_told_with_the_file_it_was_read_from(tmp_path: Path) -> None:
    (tmp_path / "kek").write_text("no secret")
    told = {"ACCORD_DATA": str(tmp_path / "data"), "ACCORD_KEK": "", "ACCORD_KEK_FILE": str(tmp_path / "kek")}
    it = Accord(Installation, load_sample_brand, play_sample_demo)
    done = CliRunner().invoke(accord, ("migrate",), obj=it, env=told, prog_name=PROGRAM)
    assert done.exit_code == 1
    assert f"ACCORD_KEK must be base64: see {tmp_path / 'kek'}, which ACCORD_KEK_FILE names" in done.stderr
    assert "no secret" not in done.stderr


@pytest.mark.parametrize("known_by", [(), ("--certificate-name", "twice.example")], ids=["token", "certificate"])
def test_what_a_caller_calls_by_ends_only_where_it_is_to_be_replaced(site: Site, known_by: tuple[str, ...]) -> None:
    callers = Callers(site.data / "callers.json")

    def told(*words: str) -> Result:
        command = ("--data", str(site.data), "tokens", *words)
        it = Accord(Installation, load_sample_brand, play_sample_demo)
        return CliRunner().invoke(accord, command, obj=it, prog_name=PROGRAM)

    add = ("add", "twice", "--brand", BRAND, "--role", "checker")
    first, second = told(*add), told(*add, *known_by)
    assert (first.exit_code, first.stderr) == (0, f"added in {site.data.absolute()}\n")
    assert (second.exit_code, second.stdout) == (1, "")
    assert "accord: twice: a caller of this name is known already; --replace ends what it calls by" in second.stderr
    assert callers.find(first.stdout.strip()) is not None
    assert told(*add, *known_by, "--replace").exit_code == 0
    callers.refresh()
    assert callers.find(first.stdout.strip()) is None
    assert told("remove", "twice").exit_code == 0


def test_commands_on_callers_begin_no_installation_unless_its_folder_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*words: str, **environment: str) -> Result:
        it = Accord(Installation, load_sample_brand, play_sample_demo)
        variables: dict[str, str | None] = {"ACCORD_DATA": None, **environment}
        return CliRunner().invoke(accord, ("tokens", *words), obj=it, env=variables, prog_name=PROGRAM)

    monkeypatch.chdir(tmp_path)
    add = ("add", "till", "--brand", BRAND, "--role", "checker")
    for words in (add, ("list",), ("remove", "till")):
        refused = told(*words)
        assert refused.exit_code == 1
        assert f"no installation is in {tmp_path / '.accord'}: set ACCORD_DATA" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    begun = told(*add, ACCORD_DATA=str(tmp_path / "data"))
    assert (begun.exit_code, begun.stderr) == (0, f"added in {tmp_path / 'data'}\n")
    (tmp_path / "data").rename(tmp_path / ".accord")
    assert told("list").stdout.splitlines()[1:] == [f"till\t{BRAND}\tchecker\ttoken"]


def test_an_empty_token_makes_nobody_the_operator(run: Run) -> None:
    done = run("entries", expect=1, ACCORD_TOKEN="")
    assert "ACCORD_TOKEN is set but empty: set it to a token, or unset it to call as the operator" in done.stderr


def test_callers_are_added_listed_and_removed_in_json_too(site: Site) -> None:
    def told(*arguments: str) -> Any:
        command = ("--data", str(site.data), "tokens", *arguments, "--json")
        done = CliRunner().invoke(
            accord, command, obj=Accord(Installation, load_sample_brand, play_sample_demo), prog_name=PROGRAM
        )
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    added = told("add", "shop", "--brand", BRAND, "--role", "checker")
    assert (added["name"], added["brand"], added["roles"]) == ("shop", BRAND, ["checker"])
    assert added["token"]
    listed = told("list")
    assert {"name": "shop", "brand": BRAND, "roles": ["checker"], "certificate_name": ""} in listed
    assert added["token"] not in json.dumps(listed)
    assert told("remove", "shop") == {"name": "shop", "removed": True}
