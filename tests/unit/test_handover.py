"""Handovers: by them a pinned key verifies what its successors sign, and what its predecessors signed, and no more."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.proof import verify
from accord.proof.checkpoint import Checkpoint, sign
from accord.proof.handover import Handover, read, text_of, trusted, verify_any, write

LEDGER = "accord/maison/1"
FIRST, SECOND, THIRD, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([each]) * 32) for each in b"1234")
PINS = [text_of(LEDGER, key) for key in (FIRST, SECOND, THIRD)]


def told(size: int, before: Ed25519PrivateKey, after: Ed25519PrivateKey) -> Handover:
    last = Checkpoint(LEDGER, size, bytes([size]) * 32)
    return Handover(last, last, size, text_of(LEDGER, before), text_of(LEDGER, after))


ONE, TWO = write(told(10, FIRST, SECOND), FIRST, SECOND), write(told(20, SECOND, THIRD), SECOND, THIRD)
DISOWNED = write(told(20, SECOND, THIRD), None, THIRD)


def test_a_handover_is_read_back_by_both_readers() -> None:
    assert read(ONE) == (told(10, FIRST, SECOND), True)
    assert read(DISOWNED) == (told(20, SECOND, THIRD), False)
    both = verify.read_handover(ONE), verify.read_handover(DISOWNED)
    assert [(each.first, each.before, each.after, each.endorsed) for each in both] == [
        (10, PINS[0], PINS[1], True),
        (20, PINS[1], PINS[2], False),
    ]


@pytest.mark.parametrize(
    ("pin", "notes", "believed"),
    [
        (PINS[0], (), [(0, None)]),
        (PINS[0], (ONE, TWO), [(0, 10), (1, 20), (2, None)]),
        (PINS[1], (ONE, TWO), [(0, 10), (1, 20), (2, None)]),
        (PINS[2], (ONE, TWO), [(0, 10), (1, 20), (2, None)]),
        (PINS[0], (ONE, DISOWNED), [(0, 10), (1, 20)]),
        (PINS[2], (ONE, DISOWNED), [(0, 10), (1, 20), (2, None)]),
        (text_of(LEDGER, OTHER), (ONE, TWO), [(None, None)]),
    ],
    ids=["alone", "first", "middle", "last", "not past a disowning", "back over one", "a stranger's"],
)
def test_a_pin_is_followed_both_ways(pin: str, notes: tuple[str, ...], believed: list[tuple[int | None, int]]) -> None:
    keys = trusted(pin, notes)
    wanted = [(pin if each is None else PINS[each], until) for each, until in believed]
    assert [(key.text, key.until) for key in keys] == wanted
    ours = [key.public.public_bytes_raw() for key in keys]
    theirs = verify.trusted_keys(pin, list(notes))
    assert [(key.key.public.public_bytes_raw(), key.until) for key in theirs] == [
        (raw, key.until) for raw, key in zip(ours, keys, strict=True)
    ]


def test_a_checkpoint_of_any_believed_key_is_verified_up_to_the_end_of_its_time() -> None:
    keys = trusted(PINS[2], (ONE, TWO))
    for size, key in ((10, FIRST), (20, SECOND), (7, THIRD), (21, THIRD)):
        found = Checkpoint(LEDGER, size, bytes(32))
        assert verify_any(sign(found, key), keys)[0] == found
    with pytest.raises(ValueError, match="followed by another after 10 entries"):
        verify_any(sign(Checkpoint(LEDGER, 11, bytes(32)), FIRST), keys)
    with pytest.raises(ValueError, match="no signature by this key"):
        verify_any(sign(Checkpoint(LEDGER, 7, bytes(32)), OTHER), keys)


def _of_another(note: str) -> str:
    return note.replace(LEDGER, "accord/maison/2", 1)


def _with_an_unused_bit(note: str) -> str:
    """Return the same signatures, the last one written in another way."""
    end = note.rindex("=\n")
    return note[: end - 1] + chr(ord(note[end - 1]) + 1) + note[end:]


FORGED = {
    "nothing": ("", "malformed", "malformed"),
    "no signature": (ONE.rpartition("\n\n")[0] + "\n\n", "malformed", "malformed"),
    "signed by the key before alone": (ONE.replace(ONE.split("\n")[8] + "\n", ""), "did not sign", "unknown_key"),
    "another size": (ONE.replace("kept 10", "kept 11"), "malformed", "malformed"),
    "another ledger": (_of_another(ONE), "malformed", "malformed"),
    "a number with a zero before it": (ONE.replace("first 10", "first 010"), "malformed", "malformed"),
    "a successor of its own making": (ONE.replace(PINS[1], PINS[2]), "did not sign", "unknown_key"),
    "a signature cut": (ONE[:-9] + "\n", "does not fit", "signature_false"),
    "more than one key before": (ONE.replace("after ", "before x\nafter "), "malformed", "malformed"),
    "a signature written in another way": (_with_an_unused_bit(ONE), "malformed base64", "malformed"),
}
"""Each with what our reader says, and the name of what the offline one does."""


@pytest.mark.parametrize("fault", FORGED)
def test_a_handover_with_this_fault_is_refused_by_both_readers(fault: str) -> None:
    note, told_so, name = FORGED[fault]
    with pytest.raises(ValueError, match=told_so):
        read(note)
    with pytest.raises(verify.TamperedError) as raised:
        verify.read_handover(note)
    assert raised.value.name == name


def test_handovers_that_do_not_follow_each_other_are_refused_by_both_readers() -> None:
    with pytest.raises(ValueError, match="do not follow each other"):
        trusted(PINS[0], (TWO, ONE))
    with pytest.raises(verify.TamperedError):
        verify.trusted_keys(PINS[0], [TWO, ONE])
