"""The line of one entry for an export: whatever the verifier would refuse is refused before it is signed."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from accord.domain.terms import Position
from accord.ledger.entry import Leaf, StoredEntry, ciphertext_hash, commitment, write_leaf
from accord.ledger.opening import TamperedError
from accord.ledger.seal import Place, seal
from accord.proof import verify
from accord.service.export_lines import disclosed, held_back, leaf_of

LEDGER, KEY, OPENING, REF = "accord/maison/1", b"k" * 32, b"r" * 32, b"c" * 16
TOLD: dict[str, Any] = {
    "caller": "till é",
    "customer": REF.hex(),
    "event": {"type": "IdentifierLinked"},
    "previous": "",
    "version": 1,
}


def written(told: object) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def entry_of(payload: bytes, *, version: int = 1, **leaf: Any) -> StoredEntry:
    sealed = seal(KEY, Place(LEDGER, REF, Position(5), version, 1), OPENING, payload)
    made = Leaf(
        ledger=LEDGER,
        position=Position(5),
        type="IdentifierLinked",
        purpose=(),
        channel=(),
        notice="",
        recorded_at=1_700_000_000_000_000,  # type: ignore[arg-type] # an instant
        pc=commitment(OPENING, payload),
        ch=ciphertext_hash(sealed),
    )
    raw = write_leaf(replace(made, **leaf))
    return StoredEntry(Position(5), raw, verify.leaf_hash(raw), REF, version, 1, sealed)


def made(entry: StoredEntry) -> tuple[bytes, verify.Line]:
    return disclosed(entry, leaf_of(entry, LEDGER), LEDGER, KEY)


@pytest.mark.parametrize(
    "payload",
    [
        written(TOLD),
        written(TOLD).replace(b'{"type"', b'{ "type"'),
        written(TOLD).replace("é".encode(), b"\\u00e9"),
    ],
    ids=["as it is written", "with white space in its event", "with an escape"],
)
def test_a_line_says_what_the_verifier_reads_in_it(payload: bytes) -> None:
    raw, line = made(entry_of(payload))
    assert verify.read_line(raw, LEDGER) == line
    assert line.payload == verify.Payload(**TOLD)
    raw, line = held_back(entry_of(payload), leaf_of(entry_of(payload), LEDGER), "erased")
    assert verify.read_line(raw, LEDGER) == line


@pytest.mark.parametrize(
    "payload",
    [
        written(TOLD)[:-1] + b',"version":1}',
        written(TOLD | {"more": 1}),
        written(TOLD | {"event": {"type": "IdentifierLinked", "weight": 1.5}}),
        written(TOLD | {"event": {"type": "CustomersErased"}}),
        written(TOLD | {"previous": "zz"}),
        written(dict(reversed(TOLD.items()))),
        json.dumps(TOLD).encode(),
        written(TOLD).replace(b"till", b"\\will"),
        written(TOLD | {"version": -1}),
        written([TOLD]),
        b"\xff",
        b"",
    ],
    ids=[
        "twice",
        "more",
        "fraction",
        "type",
        "previous",
        "order",
        "white space",
        "escape",
        "version",
        "list",
        "not text",
        "nothing",
    ],
)
def test_what_the_verifier_would_refuse_is_refused(payload: bytes) -> None:
    with pytest.raises(TamperedError, match="entry 5: an export of it would be refused"):
        made(entry_of(payload))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (replace(entry_of(written(TOLD)), leaf_hash=bytes(32)), "does not fit its hash"),
        (entry_of(written(TOLD), notice="Not A Code"), "not in its one form"),
        (entry_of(written(TOLD), ledger="accord/other/1"), "names another place"),
        (entry_of(written(TOLD), position=6), "names another place"),
        (replace(entry_of(written(TOLD)), sealed=bytes(100)), "the ciphertext does not fit"),
        (entry_of(written(TOLD), pc=bytes(32)), "the payload does not fit"),
        (replace(entry_of(written(TOLD)), generation=2), "does not open with this key"),
        (entry_of(written(TOLD), version=2), "names another customer or version"),
        (entry_of(written(TOLD | {"customer": "d" * 32})), "names another customer or version"),
    ],
)
def test_what_does_not_fit_its_leaf_is_refused(entry: StoredEntry, why: str) -> None:
    with pytest.raises(TamperedError, match=why):
        made(entry)
