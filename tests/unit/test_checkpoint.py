"""Checkpoints: signed notes as C2SP writes them, read strictly; each malformed one is refused by what is wrong."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from accord.proof.checkpoint import MAX_NOTE_BYTES, Checkpoint, key_id, read_verifier_key, sign, verifier_key, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
PUBLIC = KEY.public_key()
ORIGIN = "accord/maison/1"
CHECKPOINT = Checkpoint(ORIGIN, 42, bytes(range(32)))
NOTE = sign(CHECKPOINT, KEY)
BODY, SIGNATURE = NOTE.split("\n\n")
ROOT = base64.b64encode(CHECKPOINT.root).decode()
DASH = "\u2014"
WITNESS = f"{DASH} witness.example {base64.b64encode(b'idid' + b'w' * 72).decode()}"


def signature_line(signature: bytes) -> str:
    """Return the line of a signature by our key."""
    return f"{DASH} {ORIGIN} {base64.b64encode(key_id(ORIGIN, PUBLIC) + signature).decode()}"


def resigned(body: str) -> str:
    """Sign any body at all: what is refused is refused for its form, not for its signature."""
    return f"{body}\n{signature_line(KEY.sign(body.encode()))}\n"


def test_a_note_is_origin_size_root_a_gap_and_a_signature_line() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == [ORIGIN, "42", ROOT, ""]
    assert lines[4].startswith(f"{DASH} {ORIGIN} ")
    assert lines[5:] == [""]
    assert base64.b64decode(lines[4].split(" ")[2])[:4] == key_id(ORIGIN, PUBLIC)


def test_the_published_example_of_a_verifier_key_has_this_form() -> None:
    name, number, key = verifier_key(ORIGIN, PUBLIC).split("+", 2)
    assert (name, bytes.fromhex(number)) == (ORIGIN, key_id(ORIGIN, PUBLIC))
    assert base64.b64decode(key) == b"\x01" + PUBLIC.public_bytes_raw()


def test_a_verifier_key_is_read_back() -> None:
    name, key = read_verifier_key(verifier_key(ORIGIN, PUBLIC))
    assert (name, key.public_bytes_raw()) == (ORIGIN, PUBLIC.public_bytes_raw())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key at all",
        verifier_key(ORIGIN, PUBLIC).replace(ORIGIN, "accord/maison/2"),
        verifier_key(ORIGIN, PUBLIC).replace(ORIGIN, ""),
        verifier_key(ORIGIN, PUBLIC)[:-4],
        verifier_key(ORIGIN, PUBLIC) + "\n",
        verifier_key(ORIGIN, PUBLIC).upper(),
        f"{ORIGIN}+{key_id(ORIGIN, PUBLIC).hex()}+{base64.b64encode(PUBLIC.public_bytes_raw()).decode()}",
        f"{ORIGIN}+{key_id(ORIGIN, PUBLIC).hex()}+{base64.b64encode(b'!' + PUBLIC.public_bytes_raw()).decode()}",
    ],
)
def test_a_verifier_key_that_is_damaged_or_of_another_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="malformed"):
        read_verifier_key(text)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_is_read_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert verify(sign(checkpoint, KEY), PUBLIC) == checkpoint


def test_signatures_of_others_may_stand_beside_ours() -> None:
    witness = base64.b64encode(b"\x00\x01\x02\x03" + b"w" * 72).decode()
    for note in (
        f"{NOTE}{DASH} witness.example {witness}\n",
        f"{BODY}\n\n{DASH} witness.example {witness}\n{SIGNATURE}",
    ):
        assert verify(note, PUBLIC) == CHECKPOINT


MALFORMED = {
    "empty": "",
    "body alone": BODY + "\n",
    "body and gap": BODY + "\n\n",
    "no end of line": NOTE[:-1],
    "carriage returns": NOTE.replace("\n", "\r\n"),
    "an empty line at the end": NOTE + "\n",
    "two gaps": NOTE.replace("\n\n", "\n\n\n"),
    "no gap": NOTE.replace("\n\n", "\n"),
    "a fourth line in the body": resigned(f"{ORIGIN}\n42\n{ROOT}\nextension\n"),
    "two lines in the body": resigned(f"{ORIGIN}\n42\n"),
    "no origin": resigned(f"\n42\n{ROOT}\n"),
    "another origin": resigned(f"accord/maison/2\n42\n{ROOT}\n"),
    "no size": resigned(f"{ORIGIN}\n\n{ROOT}\n"),
    "a zero before the size": resigned(f"{ORIGIN}\n042\n{ROOT}\n"),
    "a sign before the size": resigned(f"{ORIGIN}\n+42\n{ROOT}\n"),
    "a negative size": resigned(f"{ORIGIN}\n-42\n{ROOT}\n"),
    "a space after the size": resigned(f"{ORIGIN}\n42 \n{ROOT}\n"),
    "digits of another script": resigned(f"{ORIGIN}\n\u0664\u0662\n{ROOT}\n"),
    "a size with an underscore": resigned(f"{ORIGIN}\n4_2\n{ROOT}\n"),
    "a size of ten thousand digits": resigned(f"{ORIGIN}\n{'9' * 10_000}\n{ROOT}\n"),
    "a root cut short": resigned(f"{ORIGIN}\n42\n{base64.b64encode(bytes(31)).decode()}\n"),
    "a root too long": resigned(f"{ORIGIN}\n42\n{base64.b64encode(bytes(33)).decode()}\n"),
    "a root without its padding": resigned(f"{ORIGIN}\n42\n{ROOT[:-1]}\n"),
    "a root in another alphabet": resigned(f"{ORIGIN}\n42\n{base64.urlsafe_b64encode(bytes([255]) * 32).decode()}\n"),
    "a root with bits in its padding": resigned(f"{ORIGIN}\n42\n{ROOT[:-2]}9=\n"),
    "a root with white space": resigned(f"{ORIGIN}\n42\n {ROOT}\n"),
    "a hyphen for the dash": NOTE.replace(DASH, "-"),
    "no name before the signature": f"{BODY}\n\n{DASH} {SIGNATURE.split(' ')[2]}",
    "a word after the signature": NOTE[:-1] + " more\n",
    "two spaces": NOTE.replace(f"{DASH} ", f"{DASH}  "),
    "a signature that is no base64": f"{BODY}\n\n{DASH} {ORIGIN} ???\n",
    "a signature cut short": f"{BODY}\n\n{signature_line(b's' * 63)}\n",
    "a signature of nothing": f"{BODY}\n\n{signature_line(b'')}\n",
    "an empty signature": f"{BODY}\n\n{DASH} {ORIGIN} \n",
    "more than a note may have": NOTE + f"{DASH} x {base64.b64encode(bytes(MAX_NOTE_BYTES)).decode()}\n",
    "the signature of another body": f"{ORIGIN}\n43\n{ROOT}\n\n{SIGNATURE}",
    "the signature of another root": NOTE.replace(ROOT, base64.b64encode(bytes(32)).decode()),
    "another key": sign(CHECKPOINT, OTHER),
    "another name for our key": NOTE.replace(f"{DASH} {ORIGIN}", f"{DASH} accord/maison/2"),
    "a line feed within a line": NOTE.replace(f"{DASH} {ORIGIN}", f"{DASH} {ORIGIN}\x0b"),
    "signatures parted by a line separator": f"{BODY}\n\n{WITNESS}\u2028{SIGNATURE}",
    "signatures parted by a vertical tab": f"{BODY}\n\n{WITNESS}\x0b{SIGNATURE}",
    "a line separator in the origin": resigned(f"{ORIGIN}\u2028\n42\n{ROOT}\n"),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_note_with_this_fault_is_refused(fault: str) -> None:
    assert verify(NOTE, PUBLIC) == CHECKPOINT
    with pytest.raises(ValueError):  # noqa: PT011 - any malformed note, whatever is wrong with it
        verify(MALFORMED[fault], PUBLIC)


@given(st.text(max_size=200))
def test_any_text_is_refused_and_never_breaks_the_reader(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the same
        verify(text, PUBLIC)


@given(st.integers(0, len(NOTE) - 1), st.characters(max_codepoint=0x2FFF))
def test_a_note_with_any_character_changed_is_refused(place: int, character: str) -> None:
    changed = NOTE[:place] + character + NOTE[place + 1 :]
    if changed != NOTE:
        with pytest.raises(ValueError):  # noqa: PT011 - the same
            verify(changed, PUBLIC)
