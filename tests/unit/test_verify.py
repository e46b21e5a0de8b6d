"""The verifier of exports against servers that lie: each holds the signing key, and each lie has its name."""

import ast
import base64
import csv
import hmac
import io
import itertools
import re
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.exporting import (
    LEDGER,
    PIN,
    Members,
    conclusion,
    declared,
    export,
    live,
    members,
    of_zip,
    packed,
    person,
    signed_anew,
    with_payload,
)
from support.installations import BRAND, SIGNING_KEY, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemorySigner, MemoryStore, MemoryWrappedKeys

from accord.domain.commands import Grant
from accord.domain.terms import SECOND, Instant, Redaction
from accord.proof import verify
from accord.proof.checkpoint import sign_text, verifier_key
from accord.proof.merkle import grow, root_of_edge

SCOPES: dict[str, dict[str, Any]] = {
    "all": {},
    "personal": {"redaction": Redaction.PERSONAL},
    "counts": {"redaction": Redaction.COUNTS},
    "range": {"first": 3, "end": 9},
    "purpose": {"purposes": ("marketing.birthday",)},
    "channel": {"channels": ("sms",), "first": 2},
    "counts of a filter": {"channels": ("email",), "redaction": Redaction.COUNTS},
    "period": {"recorded_from": Instant(START + SECOND + 1), "recorded_until": Instant(START + 3 * SECOND)},
    "period to the end": {"recorded_from": Instant(START + 2 * SECOND)},
    "period from the beginning": {"recorded_until": Instant(START + 2 * SECOND)},
    "period in which nothing was": {"recorded_from": Instant(START + 5), "recorded_until": Instant(START + 6)},
    "counts of a period": {"recorded_from": Instant(START + 2 * SECOND), "redaction": Redaction.COUNTS},
    "customer": {"customer": person(1)},
    "nothing": {"first": 4, "end": 4},
    "receipts": {"receipts": True},
    "receipts of a channel": {"receipts": True, "channels": ("email",), "first": 2},
    "receipts of nothing": {"receipts": True, "end": 2},
}


def installed(name: str = "accord/{}/1", key: Ed25519PrivateKey = SIGNING_KEY) -> Installation:
    parts = Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy(), signer=MemorySigner(key))
    return Installation(parts, name_ledger=name.format)


@pytest.fixture(scope="module")
def it() -> Installation:
    made = installed()
    live(made, 4)
    return made


@pytest.fixture(scope="module")
def whole(it: Installation) -> Members:
    return members(export(it))


@pytest.fixture(scope="module")
def of_one(it: Installation) -> Members:
    return members(export(it, customer=person(1)))


def lines(of: Members) -> list[bytes]:
    return of["entries.jsonl"].splitlines(keepends=True)


def told_anew(of: Members, kept: list[bytes]) -> Members:
    """Return the members with other lines, and with the report, page and counts that fit them: a careful liar's."""
    counts, report, history = verify.Counts(), verify.Report(), []
    for raw in kept:
        try:
            line = verify.read_line(raw[:-1], LEDGER)
        except verify.NotValidError:
            continue
        history.append(line)
        counts.add(line)
        report.add(line)
    changed = {**of, "entries.jsonl": b"".join(kept), "report.csv": report.take()}
    scope = verify.read_json(of["manifest.json"], "")["scope"]
    if scope["customer"]:
        texts = verify.notices_of(verify.read_line(of["policies/1.json"][:-1], LEDGER))
        changed["timeline.html"] = verify.timeline(LEDGER, scope["customer"], history, texts)

    if "receipts.jsonld" in of:
        left = {f'"@id":"urn:accord:receipt:{LEDGER}:{line.position}"'.encode() for line in history}
        changed = with_receipts(changed, [raw for raw in receipts(of) if any(name in raw for name in left)])

    def count(manifest: dict[str, Any]) -> None:
        width = 0 if scope["customer"] else scope["end"] - scope["first"]
        manifest["counts"] = counts.document(max(0, width - counts.listed()))

    return signed_anew(changed, count)


def receipts(of: Members) -> list[bytes]:
    return [raw.removesuffix(b",") for raw in of["receipts.jsonld"].split(b"\n")[1:-2]]


def with_receipts(of: Members, told: list[bytes]) -> Members:
    head = of["receipts.jsonld"].split(b"\n")[0]
    return {**of, "receipts.jsonld": head + b"\n" + b",\n".join(told) + b"\n]}\n"}


def with_head(of: Members, version: int, newest: bytes) -> Members:
    """Return the members with another end of the history, signed."""
    manifest = verify.read_json(of["manifest.json"], "")
    body = verify.head_statement(LEDGER, manifest["checkpoint"]["size"], manifest["scope"]["customer"], version, newest)
    note = sign_text(LEDGER, body, SIGNING_KEY)
    return {**of, "heads.json": verify.document({"heads": [note]})}


@pytest.mark.parametrize("scope", SCOPES)
def test_an_export_is_valid_and_the_same_twice(it: Installation, scope: str) -> None:
    raw = export(it, **SCOPES[scope])
    assert raw == export(it, **SCOPES[scope])
    found = verify.verify(verify.ZipBundle(io.BytesIO(raw)), PIN)
    assert (found.exit_code, found.name) == (0, ""), found.text("en")
    assert ("signed", {"ledger": LEDGER}) in found.proven


@pytest.mark.parametrize("scope", SCOPES)
def test_an_older_state_is_exported_as_it_was(it: Installation, scope: str) -> None:
    before = installed()
    raw = export(it, size=11, **SCOPES[scope])
    assert verify.verify(verify.ZipBundle(io.BytesIO(raw)), PIN).exit_code == 0
    assert members(raw)["checkpoint"] == it.proofs.checkpoint_at(BRAND, 11).note.encode()
    before.close()


def test_what_is_said_fits_what_is_shown(it: Installation) -> None:
    found = {name: conclusion(members(export(it, **asked))) for name, asked in SCOPES.items()}
    said = {name: [each for each, _ in of.proven] for name, of in found.items()}
    assert said["all"] == ["signed", "whole", "opened", "chains", "texts", "report"]
    assert "chains" not in said["personal"]
    assert said["counts"] == ["signed", "whole", "report"]
    assert "window" in said["range"]
    assert "period" in said["period"]
    assert "period" not in said["counts of a period"]
    assert said["customer"] == ["signed", "included", "opened", "history", "texts", "report", "timeline", "receipts"]
    assert said["receipts"] == [*said["all"], "receipts"]
    assert ("receipts", {"receipts": 8}) in found["receipts"].proven
    assert ("receipts", {"receipts": 0}) in found["receipts of nothing"].proven
    assert ("receipt_words", {}) in found["customer"].unproven


def test_a_filter_keeps_refusals_of_everything_and_says_what_it_hides(it: Installation) -> None:
    of = members(export(it, purposes=("marketing.birthday",)))
    kept = [verify.read_line(raw[:-1], LEDGER) for raw in lines(of)]
    assert {line.shown.type for line in kept} == {"PermissionRefused"}
    found = conclusion(of)
    assert found.counts["left_out"] == 17 - len(kept)
    assert ("left_out", {"left_out": 13}) in found.unproven


def test_nothing_personal_is_in_an_export_that_holds_it_back(it: Installation) -> None:
    for redaction in (Redaction.PERSONAL, Redaction.COUNTS):
        text = b"".join(members(export(it, redaction=redaction)).values())
        for told in (b"person.1", b"customer-1", b"message-1", b"<b>till"):
            assert told not in text


# --- lies -----------------------------------------------------------------------------------------


class Stage(NamedTuple):
    """What a liar has at hand: the ledger, and two honest exports of it."""

    it: Installation
    whole: Members
    of_one: Members


Lie = Callable[[Stage], tuple[Members, bytes | None]]


def _fork(on: Stage) -> tuple[Members, bytes | None]:
    """Two histories under one name: the second is shown to who knows the first."""
    other = installed()
    live(other, 5)
    return members(export(other)), on.it.proofs.checkpoint_at(BRAND, 9).note.encode()


def _fork_of_the_same_size(on: Stage) -> tuple[Members, bytes | None]:
    other = installed()
    live(other, 4)
    return members(export(other)), on.it.proofs.checkpoint(BRAND).note.encode()


def _rollback(on: Stage) -> tuple[Members, bytes | None]:
    return members(export(on.it, size=9)), on.it.proofs.checkpoint(BRAND).note.encode()


def _omitted_middle(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.whole)
    return told_anew(on.whole, kept[:5] + kept[6:]), None


def _omitted_end(on: Stage) -> tuple[Members, bytes | None]:
    return told_anew(on.whole, lines(on.whole)[:-1]), None


def _truncated_history(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.of_one)[:-1]
    of = {name: content for name, content in on.of_one.items() if name != "proofs/8.tlog-proof"}
    return told_anew(of, kept), None


def _omitted_middle_of_a_history(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.of_one)
    newest = verify.leaf_hash(verify.read_line(kept[-1][:-1], LEDGER).leaf)
    of = {name: content for name, content in with_head(on.of_one, 3, newest).items() if name != "proofs/6.tlog-proof"}
    return told_anew(of, [kept[0], *kept[2:]]), None


def _history_without_its_beginning(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.of_one)
    newest = verify.leaf_hash(verify.read_line(kept[-1][:-1], LEDGER).leaf)
    of = {name: content for name, content in with_head(on.of_one, 3, newest).items() if name != "proofs/5.tlog-proof"}
    return told_anew(of, kept[1:]), None


def _another_customers_entry(on: Stage) -> tuple[Members, bytes | None]:
    other = members(export(on.it, customer=person(2)))
    kept = lines(on.of_one) + lines(other)[:1]
    return told_anew({**on.of_one, "proofs/9.tlog-proof": other["proofs/9.tlog-proof"]}, kept), None


def _swapped_proof(on: Stage) -> tuple[Members, bytes | None]:
    swapped = {
        "proofs/5.tlog-proof": on.of_one["proofs/6.tlog-proof"],
        "proofs/6.tlog-proof": on.of_one["proofs/5.tlog-proof"],
    }
    return signed_anew({**on.of_one, **swapped}), None


def _swapped_path(on: Stage) -> tuple[Members, bytes | None]:
    path = on.of_one["proofs/6.tlog-proof"].replace(b"index 6\n", b"index 5\n")
    return signed_anew({**on.of_one, "proofs/5.tlog-proof": path}), None


def _wrong_index(on: Stage) -> tuple[Members, bytes | None]:
    proof = on.of_one["proofs/5.tlog-proof"].replace(b"index 5\n", b"index 4\n")
    return signed_anew({**on.of_one, "proofs/5.tlog-proof": proof}), None


def _proof_of_another_checkpoint(on: Stage) -> tuple[Members, bytes | None]:
    before = members(export(on.it, size=9, customer=person(1)))
    return signed_anew({**on.of_one, "proofs/5.tlog-proof": before["proofs/5.tlog-proof"]}), None


def _duplicate_leaf(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.whole)
    return told_anew(on.whole, [*kept[:5], kept[4], *kept[5:]]), None


def _node_as_leaf(on: Stage) -> tuple[Members, bytes | None]:
    """The bytes of an inner node in a leaf's place: the prefix differs, and so does the form."""
    hashes = [verify.leaf_hash(verify.read_line(raw[:-1], LEDGER).leaf) for raw in lines(on.whole)]
    kept = lines(on.whole)
    node = base64.b64encode(hashes[4] + hashes[5])
    kept[4:6] = [b'{"leaf":"' + node + b'","position":4,"status":"redacted"}\n']
    return told_anew(on.whole, kept), None


def _moved_leaf(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.whole)
    kept[4] = kept[4].replace(b'},"position":4,', b'},"position":5,')
    del kept[5]
    return told_anew(on.whole, kept), None


def _foreign_entry(on: Stage) -> tuple[Members, bytes | None]:
    other = installed("accord/{}/2")
    live(other, 4)
    kept, foreign = lines(on.whole), lines(members(export(other)))
    return told_anew(on.whole, [*kept[:4], foreign[4], *kept[5:]]), None


def _foreign_origin(_: Stage) -> tuple[Members, bytes | None]:
    other = installed("accord/{}/2")
    live(other, 4)
    return members(export(other)), None


def _foreign_checkpoint(on: Stage) -> tuple[Members, bytes | None]:
    other = installed("accord/{}/2")
    live(other, 4)
    return signed_anew({**on.whole, "checkpoint": members(export(other))["checkpoint"]}), None


def _other_key(_: Stage) -> tuple[Members, bytes | None]:
    other = installed(key=Ed25519PrivateKey.from_private_bytes(b"t" * 32))
    live(other, 4)
    return members(export(other)), None


def _other_checkpoint(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew({**on.whole, "checkpoint": on.it.proofs.checkpoint_at(BRAND, 9).note.encode()}), None


def _changed_leaf(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.whole)
    kept[16] = kept[16].replace(b'"recorded_at":176734800', b'"recorded_at":176734900', 1)
    return told_anew(on.whole, kept), None


def _times_turned(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.whole)
    kept[2] = kept[2].replace(b'"recorded_at":1767348001000001', b'"recorded_at":1767348001000000', 1)
    return told_anew(on.whole, kept), None


def _changed_payload(on: Stage) -> tuple[Members, bytes | None]:
    return told_anew(on.whole, [raw.replace(b'"WITHDRAWN"', b'"OBJECTED"') for raw in lines(on.whole)]), None


def _hidden_leaf(on: Stage) -> tuple[Members, bytes | None]:
    of = members(export(on.it, channels=("email",)))
    return signed_anew({**of, "leaves.bin": bytes(32) + of["leaves.bin"][32:]}), None


def _other_leaf_than_shown(on: Stage) -> tuple[Members, bytes | None]:
    of = members(export(on.it, channels=("email",)))
    at = 32 * verify.read_line(lines(of)[0][:-1], LEDGER).position
    return signed_anew({**of, "leaves.bin": of["leaves.bin"][:at] + bytes(32) + of["leaves.bin"][at + 32 :]}), None


def _held_back_unasked(on: Stage) -> tuple[Members, bytes | None]:
    kept = lines(on.whole)
    line = verify.read_line(kept[4][:-1], LEDGER)
    kept[4] = verify.write_line(4, line.leaf, "redacted") + b"\n"
    return told_anew(on.whole, kept), None


def _period_cut_short(on: Stage) -> tuple[Members, bytes | None]:
    of = members(export(on.it, first=3, end=9))

    def narrow(manifest: dict[str, Any]) -> None:
        manifest["scope"]["recorded_from"] = START

    return signed_anew(of, narrow), None


def _wrong_counts(on: Stage) -> tuple[Members, bytes | None]:
    def change(manifest: dict[str, Any]) -> None:
        manifest["counts"]["by_type"]["PermissionRefused"] -= 1

    return signed_anew(on.whole, change), None


def _armed_report(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew({**on.whole, "report.csv": on.whole["report.csv"].replace(b"tests", b"=1+1!")}), None


def _prettier_page(on: Stage) -> tuple[Members, bytes | None]:
    page = on.of_one["timeline.html"].replace(b"withdrawal", b"permission")
    return signed_anew({**on.of_one, "timeline.html": page}), None


def _other_notice(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew({**on.whole, "notices/news~1.fr.txt": b"Oui \xc3\xa0 tout."}), None


def _notice_held_back(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew({name: raw for name, raw in on.whole.items() if name != "notices/news~1.fr.txt"}), None


def _other_catalogue(on: Stage) -> tuple[Members, bytes | None]:
    policy = on.whole["policies/1.json"].replace(b"Maison Exemple", b"Maison Autre!!")
    return signed_anew({**on.whole, "policies/1.json": policy}), None


def _catalogue_never_recorded(on: Stage) -> tuple[Members, bytes | None]:
    other = installed()
    live(other, 4)
    return signed_anew({**on.whole, "policies/1.json": members(export(other))["policies/1.json"]}), None


def _program_added(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew({**on.whole, "setup.exe": b"MZ"}), None


def _page_of_nobody(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew({**on.whole, "timeline.html": on.of_one["timeline.html"]}), None


def _receipt_held_back(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew(with_receipts(on.of_one, receipts(on.of_one)[:-1])), None


def _receipt_twice(on: Stage) -> tuple[Members, bytes | None]:
    given, *_ = receipts(on.of_one)
    return signed_anew(with_receipts(on.of_one, [given, given])), None


def _receipts_out_of_order(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew(with_receipts(on.of_one, receipts(on.of_one)[::-1])), None


def _receipt_of_another(on: Stage) -> tuple[Members, bytes | None]:
    others = receipts(members(export(on.it, customer=person(2))))
    return signed_anew(with_receipts(on.of_one, others)), None


def _receipts_that_do_not_end(on: Stage) -> tuple[Members, bytes | None]:
    return signed_anew({**on.of_one, "receipts.jsonld": on.of_one["receipts.jsonld"].removesuffix(b"]}\n")}), None


LIES: dict[str, Lie] = {
    "fork": _fork,
    "fork ": _fork_of_the_same_size,
    "rollback": _rollback,
    "entry_missing": _omitted_middle,
    "entry_missing ": _omitted_end,
    "history_cut": _truncated_history,
    "chain_broken": _omitted_middle_of_a_history,
    "chain_broken ": _history_without_its_beginning,
    "other_customer": _another_customers_entry,
    "proof_misplaced": _swapped_proof,
    "proof_false": _swapped_path,
    "proof_misplaced ": _wrong_index,
    "proof_misplaced  ": _proof_of_another_checkpoint,
    "entry_repeated": _duplicate_leaf,
    "malformed": _node_as_leaf,
    "entry_misplaced": _moved_leaf,
    "entry_foreign": _foreign_entry,
    "foreign_origin": _foreign_origin,
    "foreign_origin ": _foreign_checkpoint,
    "unknown_key": _other_key,
    "checkpoint_differs": _other_checkpoint,
    "root_differs": _changed_leaf,
    "time_reversed": _times_turned,
    "payload_differs": _changed_payload,
    "root_differs ": _hidden_leaf,
    "leaf_differs": _other_leaf_than_shown,
    "entry_unasked": _held_back_unasked,
    "period_open": _period_cut_short,
    "counts_differ": _wrong_counts,
    "report_differs": _armed_report,
    "report_differs ": _prettier_page,
    "receipts_differ": _receipt_held_back,
    "receipts_differ ": _receipt_twice,
    "receipts_differ  ": _receipts_out_of_order,
    "receipts_differ   ": _receipt_of_another,
    "receipts_differ    ": _receipts_that_do_not_end,
    "notice_differs": _other_notice,
    "file_missing": _notice_held_back,
    "payload_differs ": _other_catalogue,
    "proof_false ": _catalogue_never_recorded,
    "file_unexpected": _program_added,
    "file_unexpected ": _page_of_nobody,
}
"""By the name under which each is refused; a space tells a second one from the first."""


@pytest.mark.parametrize("name", LIES, ids=[lie.__name__.strip("_") for lie in LIES.values()])
def test_a_lie_is_refused_by_its_name(it: Installation, whole: Members, of_one: Members, name: str) -> None:
    of, previous = LIES[name](Stage(it, whole, of_one))
    found = conclusion(of, previous=previous)
    assert (found.name, found.exit_code) == (name.strip(), 1), found.text("en")
    assert found.proven == []
    for language in verify.LANGUAGES:
        assert found.sentences(found.why, language)[0]


def told_piece_by_piece(of: Members, processes: int, previous: bytes | None = None) -> verify.Conclusion:
    return verify.verify(verify.MemoryBundle(of), PIN, previous, processes=processes)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are read two or three at a time, as if the export were large."""
    monkeypatch.setattr(verify, "_PIECE_BYTES", 1500)
    monkeypatch.setattr(verify, "_WORTH_SHARING_BYTES", 0)


@pytest.mark.usefixtures("small_pieces")
def test_a_lie_is_refused_by_its_name_wherever_the_pieces_end(
    it: Installation, whole: Members, of_one: Members
) -> None:
    for name, lie in LIES.items():
        of, previous = lie(Stage(it, whole, of_one))
        assert conclusion(of, previous=previous).name == name.strip(), lie


@pytest.mark.usefixtures("small_pieces")
def test_the_conclusion_is_the_same_however_many_read(
    it: Installation, whole: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_elsewhere, answered = [], verify._answered

    def noted(raw: bytes, future: Any, scope: verify.Scope) -> verify.Piece:
        read_elsewhere.append(future.exception() is None)
        return answered(raw, future, scope)

    monkeypatch.setattr(verify, "_answered", noted)
    previous = it.proofs.checkpoint_at(BRAND, 9).note.encode()
    kept = lines(whole)
    kept[11] = kept[11].replace(b'"r":"', b'"r":"A', 1).replace(b'=","status"', b'","status"', 1)
    assert kept[11] != lines(whole)[11]
    for of in (whole, signed_anew({**whole, "entries.jsonl": b"".join(kept)})):
        assert told_piece_by_piece(of, 2, previous) == told_piece_by_piece(of, 1, previous)
    assert told_piece_by_piece(whole, 2).exit_code == 0
    assert len(read_elsewhere) > 5
    assert all(read_elsewhere)


class NoPool:
    """A machine that cannot start a process."""

    def __init__(self, *_: object) -> None:
        raise OSError("no semaphores here")


class DyingPool:
    """Processes that die as soon as they are asked, and then cannot be asked again."""

    def __init__(self, *_: object) -> None:
        self._asked = 0

    def submit(self, *_: object) -> Future[verify.Piece]:
        self._asked += 1
        if self._asked > 2:
            raise BrokenProcessPool
        future = Future[verify.Piece]()
        future.set_exception(BrokenProcessPool("it died"))
        return future

    def shutdown(self, *, cancel_futures: bool) -> None:
        assert cancel_futures


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("pool", [NoPool, DyingPool])
def test_what_no_other_process_reads_is_read_here(
    whole: Members, monkeypatch: pytest.MonkeyPatch, pool: type[object]
) -> None:
    monkeypatch.setattr(verify, "ProcessPoolExecutor", pool)
    assert told_piece_by_piece(whole, 2) == told_piece_by_piece(whole, 1)
    assert told_piece_by_piece(whole, 2).exit_code == 0


def test_the_end_of_a_history_is_a_signed_word_and_two_of_them_convict(of_one: Members) -> None:
    """Who signs a shorter history says so under their name: it is valid, called a word, and contradicts the other."""
    kept = lines(of_one)[:-1]
    newest = verify.leaf_hash(verify.read_line(kept[-1][:-1], LEDGER).leaf)
    of = {name: raw for name, raw in with_head(of_one, 3, newest).items() if name != "proofs/8.tlog-proof"}
    found = conclusion(told_anew(of, kept))
    assert found.exit_code == 0
    assert "last" in [name for name, _ in found.unproven]


# --- forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"leaf":', b'{ "leaf":'),
        (b'"status":"disclosed"}', b'"status":"disclosed","more":1}'),
        (b'"status":"disclosed"}', b'"status":"disclosed","status":"erased"}'),
        (b'"position":1,', b'"position":01,'),
        (b'"position":1,', b'"position":1.0,'),
        (b'"v":1}', b'"v":2}'),
        (b'"type":"IdentifierLinked","v":1}', b'"type":"IdentifierLinked","v":1,"x":1}'),
        (b'"status":"disclosed"', b'"status":"shown"'),
    ],
)
def test_a_line_has_one_form(whole: Members, old: bytes, new: bytes) -> None:
    kept = lines(whole)
    assert old in kept[1]
    kept[1] = kept[1].replace(old, new)
    assert conclusion(signed_anew({**whole, "entries.jsonl": b"".join(kept)})).name in {"malformed", "entry_misplaced"}


@pytest.mark.parametrize(
    ("old", "made", "most"),
    [
        (b'"channel":[]', lambda many: b'"channel":["a"%b]' % (b',"a"' * (many - 1)), 1024),
        (b'"purpose":[]', lambda many: b'"purpose":["a"%b]' % (b',"a"' * (many - 1)), 1024),
        (b'"caller":"', lambda many: b'"caller":"%b' % (rb"\a" * many), 16_384),
    ],
)
def test_no_part_of_a_line_repeats_without_end(
    whole: Members, old: bytes, made: Callable[[int], bytes], most: int
) -> None:
    """Each time costs half a kilobyte while the form of a line is looked at: gigabytes for one line."""
    line = lines(whole)[1][:-1]
    assert verify._LINE.fullmatch(line.replace(old, made(most)))
    assert not verify._LINE.fullmatch(line.replace(old, made(most + 1)))


def test_a_payload_with_a_key_twice_is_refused_though_it_was_committed_to() -> None:
    leaf = b'{"ch":"%b","channel":[],"ledger":"l","notice":"","pc":"%b","position":0,"purpose":[],"recorded_at":1,'
    leaf += b'"type":"X","v":1}'
    ref = b'"customer":"%b"' % (b"a" * 32)
    good = b'{"caller":"c",%b,"event":{"type":"X"},"previous":"","version":1}' % ref
    twice = b'{"caller":"c",%b,"event":{"type":"X","type":"X"},"previous":"","version":1}' % ref
    more = b'{"caller":"c",%b,"event":{"type":"X"},"more":1,"previous":"","version":1}' % ref
    fraction = b'{"caller":"c",%b,"event":{"type":"X","a":1.5},"previous":"","version":1}' % ref
    broken = b'{"caller":"c",%b,"event":{"type":"X"}},"previous":"","version":1}' % ref
    for payload, valid in ((good, True), (twice, False), (more, False), (fraction, False), (broken, False)):
        pc = hmac.digest(bytes(32), verify.COMMITMENT_LABEL + payload, "sha256")
        made = leaf % (base64.b64encode(bytes(32)), base64.b64encode(pc))
        line = verify.write_line(0, made, "disclosed", payload, bytes(32))
        if valid:
            assert verify.read_line(line, "l").payload is not None
        else:
            with pytest.raises(verify.TamperedError) as raised:
                verify.read_line(line, "l")
            assert raised.value.name == "malformed"


GRANTED = (
    b'{"channels":["email"],"evidence":{"act_time":17,"language":"fr","notice":"n-1","touchpoint":"web"},'
    b'"level":"ongoing","purposes":["a.b"],"type":"PermissionGranted","valid_from":18,"valid_until":19}'
)
LINKED = b'{"act_time":5,"links":[{"kind":"EMAIL","number":2,"value":"p,1@e.example"}],"type":"IdentifierLinked"}'
TRAPS = (
    b'{"act_time":%b,"links":[{"kind":"EMAIL","number":2,"value":"x"}],"type":"IdentifierLinked"}',
    b'{"act_time":5,"links":[{"kind":"EMAIL","number":2,"value":%b}],"type":"IdentifierLinked"}',
    b'{"act_time":5,"evidence":%b,"type":"IdentifierLinked"}',
    b'{"evidence":{"act_time":%b,"touchpoint":7,"value":"y"},"type":"IdentifierLinked"}',
    b'{"evidence":{"act_time":8,"touchpoint":%b},"type":"IdentifierLinked"}',
    b'{"channel":%b,"purpose":%b,"type":"PermissionRefused"}',
    b'{"a":%b,"act_time":3,"type":"IdentifierLinked"}',
    b'{"contact_id":%b,"evidence":{"act_time":4,"touchpoint":"web"},"type":"IdentifierLinked"}',
    b'{"act_time":6,"contact_id":"x","type_id":%b,"type":"IdentifierLinked"}',
    b'{"act_time":7,"positions":%b,"type":"IdentifierLinked"}',
)
BAIT = [
    *rb"0 6 7. 07 7.5 7e5 -7 7, 9007199254740991 9007199254740992 11111111111111111 null true NaN [] {} [7]".split(),
    *rb"[7,8] [0] [7,08] [7,] [7,8 [[7]]".split(),
    *rb'"" "z" ":12" "a\":12," "\u0000" "\u00001" "\ud800" "\ud83d\ude00" "=1" "a"" "a "value":"'.split(),
    *rb'{"act_time":9} {"act_time":9,"act_time":9} {"act_time":9,"value":"b"}'.split(),
    *(b"7 ", b" 7", b"", b'"\x00"', b'"\x001"', b'"\n"', b'"\xff"', b'"\xc3\xa9"', b'"a" ', b'"x\x7f"'),
]


def glimpsed(parts: list[bytes], seen: verify.Shown) -> verify.Glimpse | str:
    try:
        return verify.glimpse_payload(parts, 0, seen)
    except verify.TamperedError as error:
        return error.name


def glimpsed_among_others(event: bytes, seen: verify.Shown) -> bool:
    """Say whether an event is read between two that are."""
    its = verify.Shown("disclosed", "IdentifierLinked", (), (), "")
    nothing = verify.Shown("erased", "IdentifierLinked", (), (), "")
    try:
        first, _, empty, last = verify._glimpse_events((LINKED, event, b"", LINKED), (its, seen, nothing, its))
    except (ValueError, RecursionError, LookupError):
        return False
    assert (first, empty, last) == ((b"5", b""), (b"0", b""), (b"5", b""))
    return True


def read_whole(parts: list[bytes], seen: verify.Shown) -> verify.Glimpse | str:
    try:
        payload = verify.read_payload(parts, 0, seen)
    except verify.TamperedError as error:
        return error.name
    acted_at, touchpoint = verify.when_and_where(payload.event)
    return verify._cell(payload.caller), acted_at, verify._cell(touchpoint)


def test_what_is_read_at_a_glance_is_what_reading_all_of_it_tells_whatever_was_read_before() -> None:
    seen = verify.Shown("disclosed", "IdentifierLinked", (), (), "")
    asked = [(trap.replace(b"%b", bait), seen) for trap in TRAPS for bait in BAIT]
    asked += [(event, of._replace(type="PermissionRefused")) for event, of in asked]
    granted = verify.Shown("disclosed", "PermissionGranted", ("a.b",), ("email",), "n-1")
    for event, of in ((GRANTED, granted), (LINKED, seen)):
        changes = itertools.product(range(len(event)), (b"", *(bytes([each]) for each in b'07" :,}\\x\x01\xff')))
        asked += [(event, of), *((event[:at] + new + event[at + 1 :], of) for at, new in changes)]
    verify._glimpse_alike.cache_clear()
    told, good = Counter[object](), []
    for event, of in asked:
        parts = [b"caller", b"a" * 32, event, b"", b"1"]
        found = glimpsed(parts, of)
        assert found == read_whole(parts, of), event
        told[found if type(found) is str else "read"] += 1
        if type(found) is not str:
            good.append((event, of, found))
        if b"\n" not in event:
            assert glimpsed_among_others(event, of) == (type(found) is not str), event
    events, shown, all_found = zip(
        *((event, of, found) for event, of, found in good if b"\n" not in event), strict=True
    )
    at_once = verify._glimpse_events(events, shown)
    assert [(verify._told_instant(int(at)), cell.decode()) for at, cell in at_once] == [
        found[1:] for found in all_found
    ]
    assert all(told[each] > 100 for each in ("read", "malformed", "codes_differ")), told
    assert verify._glimpse_alike.cache_info().hits > 100


def _with_half_a_pair(raw: bytes, after: bytes) -> bytes:
    """Return a line whose payload has half a surrogate pair in a text."""
    return with_payload(raw, lambda payload: payload.replace(after, after + rb"\ud800"))


def told_of(piece: verify.Piece | None) -> object:
    return piece and piece._replace(counts=piece.counts.alike)  # type: ignore[arg-type] # what a piece counts


def pieces_of(of: Members, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, verify.Scope]]:
    """Return what is read of an export piece by piece, and what each is read for."""
    read, asked = verify.read_piece, list[tuple[bytes, verify.Scope]]()

    def noted(raw: bytes, scope: verify.Scope) -> verify.Piece:
        asked.append((raw, scope))
        return read(raw, scope)

    with monkeypatch.context() as patched:
        patched.setattr(verify, "read_piece", noted)
        assert conclusion(of).exit_code == 0
    return asked


def liars_lines(raw: bytes) -> Iterator[bytes]:
    """Yield a few lines of which one was changed, dropped, repeated, moved or erased; payloads are committed to."""
    honest = raw.split(b"\n")
    for at, line in enumerate(honest):
        before, after = honest[max(0, at - 1) : at], honest[at + 1 : at + 2]
        leaf = verify.open_line(line, LEDGER.encode())
        erased = verify.write_line(leaf.position, leaf.leaf, "erased")
        payload = line.rfind(b',"position"') - line.find(b'"payload":') - 10 if leaf.parts else 0
        changed = [
            line[:place] + new + line[place + 1 :]
            for place in range(at % 23, len(line), 23)
            for new in (b"", b"0", b'"', b"\n", b"b")
        ]
        changed += [
            with_payload(line, lambda told: told[:place] + new + told[place + 1 :])  # noqa: B023 - it is called here
            for place in range(at % 11, payload, 11)
            for new in (b"", b"0", b"1", b'"', b"\\", b"b")
        ]
        moved = [[line, *before, *after], [*before, *after], [*before, line, line, *after]]
        for lines_ in (*moved, *([*before, other, *after] for other in (erased, *changed))):
            yield b"\n".join(lines_)


@pytest.mark.parametrize("scope", ["personal", "receipts", "range", "channel", "period"])
def test_lines_that_are_read_at_once_say_what_they_say_one_by_one(
    it: Installation, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    told = Counter[bool]()
    for honest, asked in pieces_of(members(export(it, **SCOPES[scope])), monkeypatch):
        for raw in (honest, *liars_lines(honest)):
            found, one_by_one = verify._read_at_once(raw, asked), verify._read_one_by_one(raw, asked)
            told[found is not None] += 1
            assert found is None or told_of(found) == told_of(one_by_one), raw
            assert found is not None or one_by_one.fault is not None or scope == "period", raw
    assert told[False] > 100
    assert told[True] > 0 or scope == "period"


@pytest.mark.parametrize("after", [b'"touchpoint":"', b'"caller":"', b'"value":"', b'"recorder_id":"', b'"type":"'])
def test_half_a_surrogate_pair_is_refused_wherever_an_entry_has_it(
    whole: Members, of_one: Members, after: bytes
) -> None:
    for of in (whole, of_one):
        kept = [_with_half_a_pair(raw[:-1], after) + b"\n" for raw in lines(of)]
        assert kept != lines(of)
        assert conclusion(signed_anew({**of, "entries.jsonl": b"".join(kept)})).name == "malformed"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("keys.json", b'{\n  "keys": [\n    {\n      "first": 0,\n      "key": "\\ud800"\n    }\n  ]\n}\n'),
        ("heads.json", b'{\n  "heads": [\n    "\\udfff"\n  ]\n}\n'),
        ("heads.json", b'{\n  "\\ud8000": []\n}\n'),
        ("keys.json", b"{}\n"),
    ],
)
def test_a_document_with_half_a_surrogate_pair_or_of_another_shape_is_refused(
    of_one: Members, name: str, content: bytes
) -> None:
    told = conclusion(signed_anew({**of_one, name: content}))
    assert told.exit_code == 1
    assert told.text("en").startswith("TAMPERED")


def test_half_a_surrogate_pair_is_refused_in_a_manifest(whole: Members) -> None:
    raw = whole["manifest.json"].replace(b'"customer": ""', rb'"customer": "\udc00"')
    note = sign_text(LEDGER, verify.statement(LEDGER, raw), SIGNING_KEY).encode()
    assert conclusion({**whole, "manifest.json": raw, "manifest.note": note}).name == "malformed"


@pytest.mark.parametrize("given", [b"5", b"true", b'{"email":1}', b'"email"', b"null"])
def test_an_event_whose_channels_are_no_list_does_not_fit_its_leaf(given: bytes) -> None:
    event = b'{"channels":%b,"purposes":[],"type":"PermissionGranted"}' % given
    payload = b'{"caller":"c","customer":"%b","event":%b,"previous":"","version":1}' % (b"a" * 32, event)
    parts = verify.payload_parts(payload)
    assert parts is not None
    shown = verify.Shown("disclosed", "PermissionGranted", (), ("email",), "")
    with pytest.raises(verify.TamperedError) as raised:
        verify.read_payload(parts, 0, shown)
    assert raised.value.name == "codes_differ"


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(more=1),
        lambda manifest: manifest.pop("counts"),
        lambda manifest: manifest["scope"].update(end=99),
        lambda manifest: manifest["scope"].update(first=-1),
        lambda manifest: manifest["scope"].update(first=True),
        lambda manifest: manifest["scope"].update(customer="x"),
        lambda manifest: manifest.update(redaction="some"),
        lambda manifest: manifest.update(ledger="accord/other/1"),
        lambda manifest: manifest["files"]["README.txt"].update(sha256=1),
    ],
)
def test_a_manifest_has_one_form(whole: Members, change: Callable[[Any], Any]) -> None:
    assert conclusion(signed_anew(whole, change)).name == "malformed"


def test_a_manifest_written_in_another_way_is_refused(whole: Members) -> None:
    for raw in (whole["manifest.json"][:-1], whole["manifest.json"].replace(b"  ", b" "), whole["manifest.json"] * 2):
        note = sign_text(LEDGER, verify.statement(LEDGER, raw), SIGNING_KEY).encode()
        assert conclusion({**whole, "manifest.json": raw, "manifest.note": note}).name == "malformed"


@pytest.mark.parametrize("name", ["README.txt", "checkpoint", "entries.jsonl", "report.csv", "keys.json", "verify.py"])
def test_a_missing_file_is_named(whole: Members, name: str) -> None:
    left = {each: raw for each, raw in whole.items() if each != name}
    assert conclusion(left).name == "file_missing"
    assert conclusion(signed_anew(left)).name == "file_missing"


@pytest.mark.parametrize("name", ["manifest.json", "manifest.note"])
def test_without_a_manifest_nothing_is_believed(whole: Members, name: str) -> None:
    assert conclusion({each: raw for each, raw in whole.items() if each != name}).name == "file_missing"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda raw: raw.replace(b'{"@context"', b'{ "@context"', 1), "malformed"),
        (lambda raw: raw.replace(b'"dct":', b'"dpv":', 1), "malformed"),
        (lambda raw: raw.replace(b'"dct:created"', b'"dct:source"', 1), "malformed"),
        (
            lambda raw: raw.replace(b'"dct:source":"', b'"dct:source":["', 1).replace(
                b'","dpv:hasAppl', b'"],"dpv:hasAppl', 1
            ),
            "receipts_differ",
        ),
        (lambda raw: raw.replace(b'"dpv:hasRecordOfActivity"', b'"dpv:hasRecord"'), "malformed"),
        (lambda raw: raw + b"]}\n", "malformed"),
        (lambda raw: raw + b"\n", "malformed"),
        (lambda raw: raw[:-1], "malformed"),
        (lambda raw: raw.replace(b"},\n{", b"}\n,{", 1), "receipts_differ"),
        (lambda _: b"", "malformed"),
        (lambda _: b"[]\n", "malformed"),
    ],
)
def test_receipts_have_one_form(of_one: Members, change: Callable[[bytes], bytes], name: str) -> None:
    changed = change(of_one["receipts.jsonld"])
    assert changed != of_one["receipts.jsonld"]
    assert conclusion(signed_anew({**of_one, "receipts.jsonld": changed})).name == name


def test_an_export_of_the_first_form_has_no_receipts_and_one_of_the_second_has(whole: Members, of_one: Members) -> None:
    forms = {name: verify.read_json(of["manifest.json"], "")["format"] for name, of in (("1", whole), ("2", of_one))}
    assert forms == {"1": "accord-export/1", "2": "accord-export/2"}
    without = {name: raw for name, raw in of_one.items() if name != "receipts.jsonld"}
    for of in (without, {**whole, "receipts.jsonld": of_one["receipts.jsonld"]}):
        assert conclusion(signed_anew(of)).name == "malformed"


def test_a_file_that_was_not_signed_is_refused(whole: Members) -> None:
    for name in ("entries.jsonl2", "proofs/0.tlog-proof.txt", "../../etc/passwd", "notices/x.fr.txt", "leaves.bin"):
        assert conclusion({**whole, name: b""}).name == "file_unexpected"


# --- what cannot be decided -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "pin", ["", "x", PIN[:-1], PIN.replace("+", "-", 1), "other" + PIN, PIN + "=", PIN[:-6] + "AAAAA="]
)
def test_a_pin_that_is_no_key_decides_nothing(whole: Members, pin: str) -> None:
    found = conclusion(whole, pin)
    assert (found.name, found.exit_code) == ("pin_malformed", 2)


def test_the_pin_of_another_ledger_refuses(whole: Members) -> None:
    pin = verifier_key("accord/other/1", SIGNING_KEY.public_key())
    assert conclusion(whole, pin).name == "foreign_origin"


def test_an_earlier_checkpoint_is_proven_where_the_root_is_made_anew(it: Installation) -> None:
    for size, scope in itertools.product((1, 3, 4, 8, 9, 16, 17), ("all", "personal", "counts", "purpose", "range")):
        previous = it.proofs.checkpoint_at(BRAND, size).note.encode()
        found = conclusion(members(export(it, **SCOPES[scope])), previous=previous)
        within = scope != "range" or 3 <= size <= 9 or size == 17
        assert found.exit_code == (0 if within else 2), (size, scope, found.text("en"))
        assert (("extends", {"previous": size}) in found.proven) == within


def test_an_earlier_checkpoint_that_a_customers_export_cannot_reach_decides_nothing(
    it: Installation, of_one: Members
) -> None:
    found = conclusion(of_one, previous=it.proofs.checkpoint_at(BRAND, 9).note.encode())
    assert (found.name, found.exit_code) == ("previous_elsewhere", 2)
    plain = conclusion(of_one)
    assert (found.asked, found.proven, found.counts) == (plain.asked, plain.proven, plain.counts)
    assert {name for name, _ in found.unproven} == {name for name, _ in plain.unproven} - {"one_view"} | {"unextended"}
    assert "`accord prove-consistency`" in found.text("en")
    assert conclusion(of_one, previous=it.proofs.checkpoint(BRAND).note.encode()).exit_code == 0


def test_an_earlier_checkpoint_that_the_key_did_not_sign_decides_nothing(whole: Members) -> None:
    plain = conclusion(whole)
    for previous in (b"", b"x", whole["checkpoint"].replace(b"17", b"16"), whole["manifest.note"]):
        found = conclusion(whole, previous=previous)
        assert (found.name, found.exit_code) == ("previous_unusable", 2)
        assert (found.proven, found.unproven) == (plain.proven, plain.unproven)
    changed = {**whole, "README.txt": b""}
    assert conclusion(changed, previous=b"x").exit_code == 1


def test_an_earlier_export_is_taken_for_its_checkpoint(it: Installation, tmp_path: Path) -> None:
    path, earlier = tmp_path / "whole.zip", tmp_path / "earlier.zip"
    path.write_bytes(export(it))
    earlier.write_bytes(export(it, size=9, customer=person(1)))
    found = verify.verify_file(str(path), PIN, str(earlier))
    assert (found.exit_code, ("extends", {"previous": 9}) in found.proven) == (0, True)
    for raw in (packed({"README.txt": b""}), earlier.read_bytes()[:-1], b"PK"):
        earlier.write_bytes(raw)
        assert verify.verify_file(str(path), PIN, str(earlier)).name == "previous_unusable"


# --- what is told ---------------------------------------------------------------------------------


ASKED = {
    "all": ("All of its entries.", "Entries shown: 17. Held back: nothing."),
    "personal": ("All of its entries.", "Entries shown: 17. Held back: what they tell of customers."),
    "range": ("Entries 3 to 8; the first of the ledger is entry 0.", "Entries shown: 6. Held back: nothing."),
    "nothing": ("No entry: the range is empty.", "Entries shown: 0. Held back: nothing."),
    "channel": (
        "Entries 2 to 16; the first of the ledger is entry 0.",
        "Only what is about the channels sms.",
        "Entries shown: 4. Held back: nothing.",
    ),
    "counts of a filter": (
        "All of its entries.",
        "Only what is about the channels email.",
        "Entries counted: 12; none is shown. Held back: everything but the counts.",
    ),
    "period": (
        "What was recorded from 2026-01-02 10:00:01.000001 UTC up to, not including, 2026-01-02 10:00:03 UTC.",
        "Entries shown: 7. Held back: nothing.",
        "Beside them 2 neighbours of the period, which lie outside it.",
    ),
    "period to the end": (
        "What was recorded from 2026-01-02 10:00:02 UTC on.",
        "Entries shown: 12. Held back: nothing.",
        "Beside them 1 neighbour of the period, which lies outside it.",
    ),
    "period from the beginning": (
        "What was recorded up to, not including, 2026-01-02 10:00:02 UTC.",
        "Entries shown: 5. Held back: nothing.",
        "Beside them 1 neighbour of the period, which lies outside it.",
    ),
}


@pytest.mark.parametrize("scope", ASKED)
def test_the_answer_begins_with_what_was_asked_for(it: Installation, scope: str) -> None:
    found = conclusion(members(export(it, **SCOPES[scope])))
    ledger, *told = found.document("en")["asked_for"]["sentences"]
    assert ledger.startswith(f"Of the ledger {LEDGER}, as it stood with 17 entries.")
    assert tuple(told) == ASKED[scope]
    assert found.text("en").startswith(f"VALID\n\nAsked for\n  - {ledger}\n  - {told[0]}\n")
    assert found.text("fr").startswith(f"VALIDE\n\nDemandé\n  - Du registre {LEDGER}, ")


def test_programs_are_told_what_was_asked_for(it: Installation, of_one: Members) -> None:
    told = conclusion(members(export(it, **SCOPES["period"]))).document("fr")["asked_for"]
    assert (told["recorded_from"], told["recorded_until"]) == (
        "2026-01-02T10:00:01.000001Z",
        "2026-01-02T10:00:03.000000Z",
    )
    told = conclusion(of_one).document("en")["asked_for"]
    customer = told["customer"]
    assert f"The history of the customer {customer}." in told["sentences"]
    assert len(customer) == 32
    assert (told["redaction"], told["checkpoint_size"], told["entries"]) == ("none", 17, 4)


def test_of_counts_it_is_told_that_nothing_ties_them_to_the_period_and_the_filter(it: Installation) -> None:
    asked = {
        "recorded_from": Instant(START + 2 * SECOND),
        "purposes": ("marketing.news",),
        "channels": ("email", "sms"),
    }
    found = conclusion(members(export(it, redaction=Redaction.COUNTS, **asked)))
    told = {name: told for name, told in found.unproven if name.startswith("counted")}
    assert told == {
        "counted": {},
        "counted_period": {},
        "counted_purposes": {"purposes": ["marketing.news"]},
        "counted_channels": {"channels": ["email", "sms"]},
    }
    assert "about the channels email, sms, and all of them" in found.text("en")
    plain = conclusion(members(export(it, redaction=Redaction.COUNTS)))
    assert {name for name, _ in plain.unproven if name.startswith("counted")} == {"counted"}


def test_one_is_told_as_one_and_several_as_several() -> None:
    number = re.compile(r"\{([a-z_]+)[:}]")
    words = {"ledger", "customer", "start", "end", "purposes", "channels", "file", "found", "pinned", "why", "known"}
    for name, sentences in verify.SENTENCES.items():
        for language, sentence in zip(verify.LANGUAGES, sentences, strict=True):
            named = set(number.findall(sentence)) - (words - {"found"} if name == "history_cut" else words)
            told = verify.Conclusion.sentences(
                [(name, dict.fromkeys(named, 1) | dict.fromkeys(words - named, "x"))], language
            )
            assert not re.search(
                r"\b1 (of which are|entries|handovers|écritures|passations|clients|sont)\b|\|", told[0]
            )
    texts = [("texts", {"notices": 1, "policies": 2})]
    assert verify.Conclusion.sentences(texts, "en") == [
        "The 1 text of a notice is word for word that of the catalogues recorded, 2 of which are shown."
    ]
    none = [("erased", {"erased": 0}), ("opened", {"disclosed": 0})]
    assert [each.split()[2:4] for each in verify.Conclusion.sentences(none, "en")] == [
        ["entries", "told:"],
        ["entries", "tell"],
    ]
    assert all("0 écriture " in each for each in verify.Conclusion.sentences(none, "fr"))


def test_a_form_of_later_decides_nothing(whole: Members) -> None:
    body = verify.statement(LEDGER, whole["manifest.json"], "accord-export/3")
    note = sign_text(LEDGER, body, SIGNING_KEY).encode()
    found = conclusion({**whole, "manifest.note": note})
    assert (found.name, found.exit_code) == ("format_unknown", 2)


# --- archives -------------------------------------------------------------------------------------


def zipped(of: Members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in of.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_an_archive_that_others_packed_of_the_same_members_is_refused(whole: Members) -> None:
    """What another program made of it has fields that nobody signed."""
    assert of_zip(packed(whole)).exit_code == 0
    assert of_zip(zipped(whole)).name == "archive_before"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_is_read_strictly(whole: Members) -> None:
    good = packed(whole)
    assert of_zip(packed([*whole.items(), ("entries.jsonl", b"")])).name == "file_unexpected"
    assert of_zip(packed([*whole.items(), ("../x", b"")])).name == "file_unexpected"
    assert of_zip(packed([*whole.items(), ("proofs/", b"")])).name == "file_unexpected"
    assert of_zip(packed([*whole.items(), ("é", b"")])).name == "file_unexpected"
    for size in (1, 2, 60_000):
        assert of_zip(good + bytes(size)).name == "archive_ends"
        assert of_zip(bytes(size) + good).name == "archive_before"
    assert of_zip(b"#!/bin/sh\n# comment as long as it takes\n" + good).name == "archive_before"
    commented = io.BytesIO(good)
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = b"trust me"
    assert of_zip(commented.getvalue()).name == "archive_ends"


def test_every_turned_bit_around_the_members_of_an_archive_is_refused(whole: Members) -> None:
    raw = bytearray(packed({name: whole[name] for name in ("README.txt", "checkpoint", "keys.json")}))
    infos = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    begins = [info.header_offset + 30 + len(info.filename) + 20 for info in infos]
    inside = {at for info, begin in zip(infos, begins, strict=True) for at in range(begin, begin + info.compress_size)}
    assert verify.ZipBundle(io.BytesIO(raw)).sizes()
    around = [at for at in range(len(raw)) if at not in inside]
    assert len(around) > 3 * (50 + 24 + 46) + 22
    for at, bit in itertools.product(around, range(8)):
        raw[at] ^= 1 << bit
        with pytest.raises(verify.NotValidError):
            verify.ZipBundle(io.BytesIO(raw))
        raw[at] ^= 1 << bit


@pytest.mark.parametrize("name", ["README.txt", "checkpoint"])
def test_what_is_hidden_behind_the_packed_bytes_of_a_file_is_refused(whole: Members, name: str) -> None:
    class Longer:
        """A compressor after whose end something follows."""

        def __init__(self, *given: int) -> None:
            self._true = zlib.compressobj(*given)
            self.compress = self._true.compress

        def flush(self) -> bytes:
            return self._true.flush() + b"hidden"

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(zipfile, "_get_compressor", lambda *_: Longer(1, zlib.DEFLATED, -15))
        raw = packed({name: whole[name]})
    assert zipfile.ZipFile(io.BytesIO(raw)).read(name) == whole[name]
    with pytest.raises(verify.TamperedError, match="archive_packs"):
        verify.ZipBundle(io.BytesIO(raw)).open(name).read(1_000_000)


def test_a_large_archive_is_read_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the fields longer, and the second end, is only written of gigabytes: here of little."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 2)
    of = {"checkpoint": b"x" * 100, "leaves.bin": b"y", "edges.json": b""}
    raw = packed(of)
    monkeypatch.undo()
    with pytest.raises(verify.TamperedError, match="archive_lists"):
        verify.ZipBundle(io.BytesIO(raw))
    monkeypatch.setattr(verify, "_MAX_SHORT", 2)
    found = verify.ZipBundle(io.BytesIO(raw))
    assert {name: found.open(name).read(200) for name in found.sizes()} == of


def of_an_earlier_python(raw: bytes) -> bytes:
    """Return an archive as Python before 3.11.4 writes it: members need version 20, and no sizes stand before them."""
    changed = bytearray(raw)
    for info in zipfile.ZipFile(io.BytesIO(raw)).infolist():
        start = info.header_offset
        changed[start + 4 : start + 6], changed[start + 18 : start + 26] = b"\x14\0", bytes(8)
    at = zipfile.ZipFile(io.BytesIO(raw)).start_dir
    while (at := changed.find(b"PK\1\2", at)) >= 0:
        changed[at + 4], changed[at + 6] = 20, 20
        at += 46
    return bytes(changed)


def test_an_export_that_an_earlier_python_wrote_is_valid(it: Installation) -> None:
    earlier = of_an_earlier_python(export(it))
    assert (of_zip(earlier).exit_code, of_zip(earlier).name) == (0, "")
    mixed = bytearray(earlier)
    mixed[18:26] = b"\xff" * 8
    assert of_zip(bytes(mixed)).name == "archive_before"


@pytest.mark.long
def test_an_archive_of_many_members_is_read_as_it_is_written() -> None:
    of = {f"proofs/{position}.tlog-proof": b"" for position in range(2**16)}
    assert len(verify.ZipBundle(io.BytesIO(packed(of))).sizes()) == 2**16


def test_a_bomb_is_not_blown_up(whole: Members) -> None:
    bomb = packed({**whole, "manifest.json": bytes(verify.MAX_SMALL_BYTES + 1)})
    assert of_zip(bomb).name == "malformed"
    assert of_zip(packed({**whole, "entries.jsonl": bytes(200_000_000)})).name == "file_differs"


def test_what_is_no_archive_decides_nothing(tmp_path: Path) -> None:
    for raw in (b"", b"PK", bytes(100)):
        assert of_zip(raw).name == "unreadable"
    assert verify.verify_file(str(tmp_path / "none.zip"), PIN).name == "unreadable"
    assert verify.verify_file(str(tmp_path), PIN).exit_code == 2


def test_a_broken_download_is_not_valid(it: Installation) -> None:
    raw = export(it)
    for end in range(0, len(raw), 997):
        assert of_zip(raw[:end]).exit_code != 0


# --- alone ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", verify.LANGUAGES)
def test_the_verifier_of_an_export_runs_alone(it: Installation, tmp_path: Path, language: str) -> None:
    """In an empty folder, isolated, by an interpreter that cannot import accord."""
    (tmp_path / "export.zip").write_bytes(export(it))
    (tmp_path / "verify.py").write_bytes(members(export(it))["verify.py"])
    (tmp_path / "earlier").write_bytes(it.proofs.checkpoint_at(BRAND, 5).note.encode())
    told = ["export.zip", "--pin", PIN, "--previous", "earlier", "--lang", language]
    # -S and an explicit path to `cryptography` alone: no editable install puts accord within reach.
    libraries = [str(Path(module.__file__).parent.parent) for module in map(__import__, ("cryptography",))]
    hidden = (
        f"import sys; sys.path += {libraries!r}; sys.modules['accord'] = None; sys.argv[0] = 'verify.py'\n"
        "import runpy; runpy.run_path('verify.py', run_name='__main__')"
    )
    for command in (["-I", "verify.py"], ["-I", "-S", "-c", hidden]):
        done = subprocess.run(
            [sys.executable, *command, *told], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith({"en": "VALID\n", "fr": "VALIDE\n"}[language])
        assert done.stdout == verify.verify_file(str(tmp_path / "export.zip"), PIN, str(tmp_path / "earlier")).text(
            language
        )


def test_the_verifier_without_its_library_cannot_decide_and_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_bytes(Path(verify.__file__).read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", "export.zip", "--pin", PIN],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "CANNOT DECIDE: this verifier needs the package cryptography: pip install cryptography\n"


def test_the_verifier_imports_nothing_of_accord_and_one_library() -> None:
    source = Path(verify.__file__).read_text("utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    modules = [each.module or "" for each in nodes if isinstance(each, ast.ImportFrom)]
    modules += [alias.name for each in nodes if isinstance(each, ast.Import) for alias in each.names]
    imported = {module.split(".")[0] for module in modules}
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_the_verifier_is_written_for_python_3_10() -> None:
    ast.parse(Path(verify.__file__).read_text("utf-8"), feature_version=(3, 10))


def test_a_view_for_machines_is_told_to_be_compared_with_nothing(whole: Members) -> None:
    found = conclusion(signed_anew({**whole, "report.parquet": b"PAR1"}))
    assert found.exit_code == 0
    assert ("parquet", {}) in found.unproven


def test_every_sentence_is_said_somewhere_and_in_both_languages() -> None:
    source = Path(verify.__file__).read_text("utf-8")
    for name, (english, french) in verify.SENTENCES.items():
        assert source.count(f'"{name}"') >= 1, name
        assert english.endswith(".")
        assert french.endswith(".")
        assert set(verify.re.findall(r"{(\w+)}", english)) == set(verify.re.findall(r"{(\w+)}", french)), name


def test_cells_that_a_spreadsheet_would_compute_are_told_as_text() -> None:
    it = installed()
    live(it, 1)
    command = Grant(customer=person(9), evidence=declared("web"))
    for caller in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", 'a"b,c', "ordinary"):
        request = it.request(command, caller=caller)
        it.writer.write(BRAND, [request])
    of = members(export(it))
    rows = list(csv.reader(io.StringIO(of["report.csv"].decode(), newline="")))
    callers = [row[9] for row in rows[-9:]]
    assert callers == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\rx", "'\nx", 'a"b,c', "ordinary"]
    assert conclusion(of).exit_code == 0


def test_the_edge_of_a_tree_grows_as_the_provers_does() -> None:
    hashes = [verify.leaf_hash(bytes([number])) for number in range(70)]
    for size in range(70):
        edge = verify.Edge()
        for hash_ in hashes[:size]:
            edge.add(hash_)
        assert edge.root() == root_of_edge(grow((), 0, hashes[:size]))
        at_once = verify.Edge()
        at_once.extend(hashes[:size])
        assert at_once.roots == edge.roots


def told_page(*events: dict[str, Any]) -> str:
    """Return the page of a customer of whom these events are told."""
    shown = verify.shown(b"disclosed", b"FactsRecorded", b"", b"", b"")
    history = [
        verify.Line(at, b"", START, shown, verify.Payload("shop", "ab" * 16, event, "", 1 + at))
        for at, event in enumerate(events)
    ]
    return verify.timeline(LEDGER, "ab" * 16, history, {}).decode()


def test_the_page_of_a_customer_is_in_words_of_both_languages(of_one: Members) -> None:
    page = of_one["timeline.html"].decode()
    assert "<h2>permission given · permission donnée</h2>" in page
    assert "<dt>touchpoint · point de contact</dt>" in page
    assert "PermissionGranted" not in page
    assert "TICKED_BOX" not in page
    assert "{" not in page.partition("</style>")[2]


def test_the_page_of_a_customer_tells_instants_and_choices_as_people_do() -> None:
    links = [{"kind": "EMAIL", "number": 1, "value": "<b>ada@example.com</b>"}]
    page = told_page(
        {"type": "FactsRecorded", "deceased": True, "guardian_known": False, "links": links},
        {"type": "ContactPointListed", "listed_time": 1_795_635_000_000_000, "kind": "OWN", "number": 1},
        {"type": "ContactAuthorized", "basis": "CLASS", "channel": "automated_call", "permission": None},
    )
    assert "<dd>yes · oui</dd>" in page
    assert "<dd>no · non</dd>" in page
    assert "<dd>2026-11-25 19:30:00 UTC</dd>" in page
    assert "<dt>ground · fondement</dt><dd>class · classe de la finalité</dd>" in page
    assert "<dd>automated call · automate d&#x27;appel</dd>" in page
    assert "&lt;b&gt;ada@example.com&lt;/b&gt;" in page
    assert not [
        word for word in ("True", "False", "CLASS", "{", "1795635000000000") if word in page.split("</style>")[1]
    ]


def test_a_page_as_it_was_written_at_first_still_holds_and_one_of_neither_form_does_not(of_one: Members) -> None:
    texts = verify.notices_of(verify.read_line(of_one["policies/1.json"][:-1], LEDGER))
    history = [verify.read_line(raw[:-1], LEDGER) for raw in lines(of_one)]
    customer = verify.read_json(of_one["manifest.json"], "")["scope"]["customer"]
    first = verify.first_timeline(LEDGER, customer, history, texts)
    assert first != of_one["timeline.html"]
    assert conclusion(signed_anew({**of_one, "timeline.html": first})).name == ""
    assert conclusion(signed_anew({**of_one, "timeline.html": first + b" "})).name == "report_differs"


def test_every_reason_that_is_quoted_has_its_french() -> None:
    """All that this program says itself; of a ZIP's own words only the one that everybody meets."""
    said = {
        argument.value.value
        for node in ast.walk(ast.parse(Path(verify.__file__).read_text("utf-8")))
        if isinstance(node, ast.Call)
        for argument in node.keywords
        if argument.arg == "why" and isinstance(argument.value, ast.Constant)
    }
    assert len(said) > 30
    for why in said:
        (told,) = verify.Conclusion.sentences([("malformed", {"file": "the file", "why": why})], "fr")
        assert told.startswith("le fichier n'a pas la forme prescrite : ")
        assert why not in told


@pytest.mark.parametrize(
    ("path", "english", "french"),
    [
        ("never/there.zip", "there is no such file", "aucun fichier ne porte ce nom"),
        (".", "it is a directory", "c'est un dossier"),
        (__file__, "it is no ZIP archive", "ce n'est pas une archive ZIP"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_the_language_asked_for(path: str, english: str, french: str) -> None:
    found = verify.verify_file(path, PIN)
    assert (found.exit_code, found.name) == (2, "unreadable")
    assert french in found.text("fr")
    assert english in found.text("en")


def test_what_is_counted_is_named_in_the_language_asked_for(whole: Members) -> None:
    told = conclusion(whole)
    assert "par canal e-mail" in told.text("fr")
    assert "by channel e-mail" in told.text("en")
    assert not [word for word in ("by_", "left_out", "PermissionGranted") if word in told.text("fr")]


@pytest.mark.parametrize("scope", SCOPES)
def test_the_readme_tells_its_scope_in_both_languages(it: Installation, scope: str) -> None:
    english, _, french = members(export(it, **SCOPES[scope]))["README.txt"].decode().partition("EXPORT D'AUDIT")
    assert "Périmètre : " in french
    assert not [word for word in ("entries ", "customer ", "no entry", "purpose ", "channel ") if word in french]
    for command in ("--previous", "report.csv, timeline.html"):
        assert command in english
        assert command in french
