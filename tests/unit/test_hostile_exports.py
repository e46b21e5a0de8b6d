"""Exports made to hurt who verifies them, by one who may hold the signing key: refused in words, in little memory."""

import io
import itertools
import resource
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.exporting import (
    PIN,
    Members,
    conclusion,
    export,
    live,
    members,
    of_zip,
    packed,
    person,
    signed_anew,
    with_payload,
)
from support.installations import Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys

from accord.domain.terms import Redaction
from accord.proof import verify

MEMORY_BYTES = 600 * 1024 * 1024
"""What the verifier may take of addresses, of which Python and its library take a third."""


@pytest.fixture(scope="module")
def it() -> Installation:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    live(made, 2)
    return made


@pytest.fixture(scope="module")
def whole(it: Installation) -> Members:
    return members(export(it))


@pytest.fixture(scope="module")
def of_one(it: Installation) -> Members:
    return members(export(it, customer=person(1)))


def directory(names: list[bytes], places: list[int]) -> bytes:
    """Return an archive that is a directory and nothing else: members of one byte each, wherever."""
    told = (
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 1, 1, len(name), 0, 0, 0, 0, 0, place) + name
        for name, place in zip(names, places, strict=True)
    )
    listed = b"".join(told)
    return listed + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), 0, 0)


def telling(of: Members, event: Callable[[bytes], bytes]) -> Members:
    """Return an export in which every event is another, committed to, counted and signed."""

    def changed(payload: bytes) -> bytes:
        start, end = payload.index(b'"event":') + 8, payload.rindex(b',"previous"')
        return payload[:start] + event(payload[start:end]) + payload[end:]

    lines = [with_payload(line, changed) for line in of["entries.jsonl"].splitlines()]
    return signed_anew({**of, "entries.jsonl": b"".join(line + b"\n" for line in lines)})


def many_members(_: Members) -> bytes:
    return directory([b"%x" % number for number in range(300_000)], [0] * 300_000)


def vast_directory(_: Members) -> bytes:
    return directory([b"x" * 60_000] * 700, [0] * 700)


def blown_up_lines(of: Members) -> bytes:
    return packed(signed_anew({**of, "entries.jsonl": bytes(100_000_000)}))


def vast_text(of: Members) -> bytes:
    return packed(signed_anew({**of, "README.txt": bytes(verify.MAX_SMALL_BYTES + 1)}))


def long_line(of: Members) -> bytes:
    return packed(telling(of, lambda event: event[:-1] + b',"a":"' + b"x" * 50_000_000 + b'"}'))


def escapes_without_end(of: Members) -> bytes:
    caller = rb"\a" * 4_000_000
    return packed(signed_anew({**of, "entries.jsonl": of["entries.jsonl"].replace(b"tests", caller, 1)}))


def codes_without_end(of: Members) -> bytes:
    codes = b'"channel":["a"' + b',"a"' * 2_000_000 + b"]"
    return packed(signed_anew({**of, "entries.jsonl": of["entries.jsonl"].replace(b'"channel":[]', codes, 1)}))


def values_without_end(of: Members) -> bytes:
    return packed(telling(of, lambda event: event[:-1] + b',"a":[{}' + b",{}" * 3_000_000 + b"]}"))


BOMBS = (
    many_members,
    vast_directory,
    blown_up_lines,
    vast_text,
    long_line,
    escapes_without_end,
    codes_without_end,
    values_without_end,
)


@pytest.mark.parametrize("bomb", BOMBS, ids=[bomb.__name__ for bomb in BOMBS])
def test_a_bomb_is_refused_in_words_within_little_memory(
    whole: Members, tmp_path: Path, bomb: Callable[[Members], bytes]
) -> None:
    first, _, _ = whole["entries.jsonl"].partition(b"\n")
    (tmp_path / "export.zip").write_bytes(bomb({**whole, "entries.jsonl": first + b"\n"}))
    done = subprocess.run(
        [sys.executable, "-I", verify.__file__, "export.zip", "--pin", PIN, "--processes", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    assert done.stdout.startswith("TAMPERED\n  ")
    assert "is not in its one form: " in done.stdout


def test_members_that_share_their_bytes_are_refused(whole: Members) -> None:
    """A kilobyte told by a hundred thousand names is a bomb that no size gives away."""
    assert of_zip(packed(whole)).exit_code == 0
    raw = bytearray(packed(whole))
    *_, before, last = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    listed = raw.rindex(b"PK\x01\x02")
    assert raw[listed + 42 : listed + 46] == struct.pack("<L", last.header_offset)
    raw[listed + 42 : listed + 46] = struct.pack("<L", before.header_offset)
    assert of_zip(bytes(raw)).name == "archive_lists"


def test_a_member_that_inflates_beyond_its_size_gives_no_more_than_that(whole: Members) -> None:
    raw = packed({**whole, "README.txt": whole["README.txt"] + bytes(50_000_000)})
    size, true = struct.pack("<L", len(whole["README.txt"]) + 50_000_000), struct.pack("<L", len(whole["README.txt"]))
    assert raw.count(size) == 2
    tracemalloc.start()
    assert of_zip(raw.replace(size, true)).name == "archive_packs"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_a_deep_event_is_refused_whatever_its_depth(whole: Members, of_one: Members) -> None:
    for depth, of in itertools.product((*range(150, 1100, 95), 100_000), (whole, of_one)):
        deep = b',"a":' + b"[" * depth + b"]" * depth
        found = conclusion(telling(of, lambda event, deep=deep: event[:-1] + deep + b"}"))  # type: ignore[misc]
        assert found.exit_code == 1
        assert found.text("en").startswith("TAMPERED\n  ")


@pytest.mark.parametrize("digits", [21, 4301, 3_000_000])
def test_a_number_of_many_digits_is_refused_at_once(whole: Members, of_one: Members, digits: int) -> None:
    for of in (whole, of_one):
        first, _, _ = of["entries.jsonl"].partition(b"\n")
        one = {**of, "entries.jsonl": first + b"\n"}
        assert conclusion(telling(one, lambda event: event[:-1] + b',"a":' + b"9" * digits + b"}")).name == "malformed"


def test_a_manifest_with_values_without_end_is_refused(whole: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MAX_JSON_ITEMS", 1000)

    def change(manifest: dict[str, Any]) -> None:
        manifest["counts"]["by_type"] |= {f"T{number}": number for number in range(1000)}

    assert conclusion(whole).exit_code == 0
    assert conclusion(signed_anew(whole, change)).name == "malformed"


def test_codes_that_no_count_names_are_refused_before_they_fill_the_memory(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_PIECE_BYTES", 800)
    monkeypatch.setattr(verify, "_MAX_ALIKE", 2)
    of = members(export(it, redaction=Redaction.PERSONAL))
    assert conclusion(of).exit_code == 0
    read, own = list[verify.Piece](), verify.read_piece

    def noted(raw: bytes, scope: verify.Scope) -> verify.Piece:
        read.append(own(raw, scope))
        return read[-1]

    monkeypatch.setattr(verify, "read_piece", noted)
    of["entries.jsonl"] = of["entries.jsonl"].replace(b'"type":"IdentifierLinked"', b'"type":"IdentifierTold"', 1)

    def count(manifest: dict[str, Any]) -> None:
        manifest["counts"]["by_type"].pop("PermissionRefused")

    assert conclusion(signed_anew(of, count)).name == "counts_differ"
    assert sum(len(piece.rows) for piece in read) < 9 * verify._ROW.size


def test_what_is_remembered_of_lines_is_bounded_in_bytes() -> None:
    tracemalloc.start()
    for number in range(40):
        text = b"%d" % number + b"x" * 1_000_000
        code = b'"' + b'","'.join(b"%d.%d" % (number, each) for each in range(1000)) + b'"'
        seen = verify.shown(b"disclosed", b"PermissionGranted", code, code, b"")
        assert len(verify._text(text)) == len(text)
        assert len(verify._quoted_cell(text.decode())) == len(text)
        assert len(verify._cells(seen)) > 1000
        event = b'{"act_time":1,"type":"T","x":"%b"}' % text
        assert verify._glimpse_events([event], [verify.Shown("disclosed", "T", (), (), "")]) == [(b"1", b"")]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 3_000_000
