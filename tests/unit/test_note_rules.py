"""Readers that others wrote read our notes: the text rules of Go's `note` and of sigstore, each by its name.

Go: golang.org/x/mod/sumdb/note, Open and NewVerifier. Sigstore: sigstore-python's SignedNote and LogCheckpoint. The
rules are written here anew, from what those say, and share nothing with our reader.
"""

import base64
import re
from collections.abc import Callable
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.app import name_ledger
from accord.domain.terms import BrandId
from accord.proof.checkpoint import Checkpoint, sign, verifier_key
from accord.proof.handover import Handover, origin_of, text_of, write

KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
NEXT = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
LEDGER = name_ledger(BrandId("maison-alba"))
LATER = origin_of(LEDGER, 2)


def _handover() -> str:
    last = Checkpoint(LEDGER, 42, bytes(range(32)))
    told = Handover(last, last, 42, text_of(LEDGER, KEY), text_of(LATER, NEXT))
    return write(told, KEY, NEXT)


CHECKPOINTS = {
    f"{size} entries of {incarnation}": sign(Checkpoint(origin, size, bytes(range(size % 200, size % 200 + 32))), KEY)
    for incarnation, origin in (("the first incarnation", LEDGER), ("the second", LATER))
    for size in (0, 1, 42, 10**15)
}
NOTES = {**CHECKPOINTS, "a handover": _handover()}
GAP, SIGNATURE = "\n\n", re.compile("\u2014 ([^ \n]+) ([^ \n]+)\n")


def text_of_note(note: str) -> str:
    return note[: note.rindex(GAP) + 1]


def signatures(note: str) -> list[tuple[str, bytes]]:
    found = SIGNATURE.findall(note[note.rindex(GAP) + 2 :])
    return [(name, base64.b64decode(encoded, validate=True)) for name, encoded in found]


RULES: dict[str, Callable[[str], bool]] = {
    "go: a note is at most a million bytes of UTF-8": lambda note: len(note.encode()) <= 1_000_000,
    "go: no control character but the line feed": lambda note: not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", note),
    "go: the text is followed by a blank line, the last one there is": lambda note: GAP in note,
    "go: every line after it is a signature, with an em dash, a name, base64": lambda note: (
        SIGNATURE.sub("", note[note.rindex(GAP) + 2 :]) == ""
    ),
    "go: a name is not empty, and has neither space nor plus": lambda note: all(
        name and not re.search(r"[\s+]", name) for name, _ in signatures(note)
    ),
    "go: a signature is a key hash of four bytes and at least one more": lambda note: all(
        len(raw) >= 5 for _, raw in signatures(note)
    ),
    "go: at most a hundred signatures, at least one": lambda note: 1 <= len(signatures(note)) <= 100,
    "sigstore: one blank line, and the note ends in a line feed": lambda note: (
        note.count(GAP) == 1 and note.endswith("\n")
    ),
}
OF_CHECKPOINTS: dict[str, Callable[[list[str]], bool]] = {
    "tlog-checkpoint: the origin is the name of the key": lambda lines: lines[0] in {LEDGER, LATER},
    "tlog-checkpoint: the size is decimal, without a zero before it": lambda lines: str(int(lines[1])) == lines[1],
    "tlog-checkpoint: the root is the base64 of 32 bytes": lambda lines: (
        len(base64.b64decode(lines[2], validate=True)) == 32
        and base64.b64encode(base64.b64decode(lines[2])).decode() == lines[2]
    ),
    "sigstore: at least three lines": lambda lines: len(lines) >= 3,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("note", NOTES)
def test_every_note_keeps_the_rule(rule: str, note: str) -> None:
    assert RULES[rule](NOTES[note])


@pytest.mark.parametrize("rule", OF_CHECKPOINTS)
@pytest.mark.parametrize("note", CHECKPOINTS)
def test_every_checkpoint_keeps_the_rule(rule: str, note: str) -> None:
    assert OF_CHECKPOINTS[rule](text_of_note(CHECKPOINTS[note]).splitlines())


@pytest.mark.parametrize("note", CHECKPOINTS)
def test_go_s_verifier_made_of_our_key_opens_the_note(note: str) -> None:
    """NewVerifier: name+hash+key, the hash eight hexadecimal digits of SHA-256(name, line feed, algorithm, key)."""
    origin = text_of_note(CHECKPOINTS[note]).splitlines()[0]
    name, rest = verifier_key(origin, KEY.public_key()).split("+", 1)
    number, encoded = rest.split("+", 1)
    raw = base64.b64decode(encoded, validate=True)
    assert re.fullmatch("[0-9a-f]{8}", number)
    assert (raw[0], len(raw)) == (1, 33), "algorithm 1 is Ed25519"
    assert int(number, 16) == int.from_bytes(sha256(name.encode() + b"\n" + raw).digest()[:4], "big")
    ((signer, signature),) = signatures(CHECKPOINTS[note])
    assert (signer, signature[:4]) == (name, bytes.fromhex(number))
    # Raises where the signature does not fit the text, which ends with its line feed.
    KEY.public_key().verify(signature[4:], text_of_note(CHECKPOINTS[note]).encode())
