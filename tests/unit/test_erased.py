"""Receipts of erasures: whoever keeps a key of the ledger can tell one of ours from any other text."""

import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.domain.terms import BrandId, ErasureMode, ErasureReason, Instant, Position
from accord.ledger.erasing import Erasure
from accord.proof import erased
from accord.proof.checkpoint import Checkpoint, sign_text
from accord.proof.handover import Handover, text_of, write
from accord.proof.verify import LANGUAGES, keys_document
from accord.service.answers import Receipt
from accord.service.erasure_receipt import Erased, sign_receipt

LEDGER = "accord/maison/1"
OLD, NEW, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([each]) * 32) for each in b"123")
OLD_PIN, NEW_PIN = text_of(LEDGER, OLD), text_of(LEDGER, NEW)
TIME = Instant(1_800_000_000_000_000)
ENDED = 10
LAST = Checkpoint(LEDGER, ENDED, bytes(32))
KEYS = keys_document(NEW_PIN, (write(Handover(LAST, LAST, ENDED, OLD_PIN, NEW_PIN), OLD, NEW),))


def receipt(entry: int | None = 7, key: Ed25519PrivateKey = OLD, ledger: str = LEDGER) -> str:
    erasure = Erasure(
        brand=BrandId("maison"),
        erasure_id=b"\x0e" * 16,
        customers=(b"\x01" * 16, b"\x02" * 16),
        mode=ErasureMode.NOW,
        reason=ErasureReason.OBJECTED,
        request_time=TIME,
        not_before=TIME,
        keep_suppression=True,
        caller="",
        content=b"",
    )
    told = Receipt(Position(entry), bytes(32), TIME) if entry is not None else None
    return sign_receipt(erasure, Erased(ledger, told, TIME, Instant(TIME + 1_000_000), 2), key)


def concluded(text: str, pin: str = OLD_PIN, handovers: bytes | None = None) -> tuple[int, str]:
    found = erased.verify(text.encode(), "receipt.txt", pin, handovers)
    return found.exit_code, found.name


def test_a_receipt_of_the_pinned_key_is_valid_and_tells_what_it_says_in_sentences() -> None:
    told = erased.verify(receipt().encode(), "receipt.txt", OLD_PIN).text("en")
    assert told.startswith("VALID\n")
    for words in ("01" * 16, "02" * 16, "art. 17(1)(c)", "2027-01-15T08:00:00.000Z", "entry that tells", "00" * 32):
        assert words in told
    proven, _, unproven = told.partition("\nNot proven\n")
    assert "2027-01-15T08:00:01.000Z" in unproven
    assert "2027-01-15T08:00:01.000Z" not in proven
    assert "key-encryption key by then" in unproven
    assert "copies handed out before" in unproven


def test_the_french_answer_has_no_line_of_the_english_one() -> None:
    found = erased.verify(receipt().encode(), "receipt.txt", OLD_PIN)
    english, french = (set(found.text(language).splitlines()) - {""} for language in LANGUAGES)
    assert not english & french


def test_every_ground_and_every_sentence_is_told_in_every_language() -> None:
    assert set(erased.GROUNDS) == set(ErasureReason)
    for english, french in (*erased.SENTENCES.values(), *erased.GROUNDS.values(), *erased.LEFT.items()):
        assert english != french
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", french))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("OBJECTED", "UNLAWFUL"),
        ("suppressed addresses: 2", "suppressed addresses: 0"),
        ("entry: 7", "entry: 8"),
        ("left: any copy", "left: no copy"),
        ("00:00.000Z\nerased", "00:00.001Z\nerased"),
    ],
)
def test_a_changed_word_is_told_as_tampering(before: str, after: str) -> None:
    text = receipt()
    assert before in text
    assert concluded(text.replace(before, after)) == (1, "signature_false")


Change = Callable[[str], str]


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: "erasure 0e: done\n" + text,
        lambda text: text + "left: nothing\n",
        lambda text: text + text.splitlines()[-1] + "\n",
        lambda text: text[:-1],
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.partition("\n\n")[0] + "\n",
        lambda _: "",
        lambda _: sign_text(LEDGER, "accord erasure receipt v1\nnothing\n", OLD),
    ],
    ids=["headed", "followed", "signed twice", "cut", "other line ends", "unsigned", "empty", "another form"],
)
def test_what_is_not_the_signed_text_alone_is_not_decided(changed: Change) -> None:
    assert concluded(changed(receipt())) == (2, "no_receipt")


def test_a_receipt_of_any_other_key_or_ledger_is_not_ours() -> None:
    assert concluded(receipt(key=OTHER)) == (1, "other_key")
    assert concluded(receipt(ledger="accord/autre/1")) == (1, "other_key")
    assert concluded(receipt(), "no key") == (2, "pin_malformed")


def test_earlier_and_later_keys_are_followed_by_handovers_and_an_earlier_one_for_its_time_alone() -> None:
    assert concluded(receipt(), NEW_PIN) == (1, "other_key")
    assert concluded(receipt(), NEW_PIN, KEYS) == (0, "")
    assert concluded(receipt(entry=ENDED, key=NEW), OLD_PIN, KEYS) == (0, "")
    assert concluded(receipt(entry=ENDED), NEW_PIN, KEYS) == (1, "past_its_key")
    assert concluded(receipt(entry=None), NEW_PIN, KEYS) == (2, "unbounded")
    assert concluded(receipt(entry=None)) == (0, "")


def test_who_follows_handovers_is_told_so_and_on_what_that_rests() -> None:
    found = erased.verify(receipt().encode(), "receipt.txt", NEW_PIN, KEYS)
    assert found.proven[:2] == [("by_other", {}), ("followed", {"handovers": 1})]
    assert ("key_safe", {}) in found.unproven
    assert "the key you keep signed" not in found.text("en").lower()


def test_a_receipt_with_the_lines_of_earlier_ones_still_verifies() -> None:
    body = receipt().partition("\n\n")[0].partition("\nleft: their wrapped keys")[0] + "\n"
    assert body.count("left: ") == 3
    assert concluded(sign_text(LEDGER, body, OLD)) == (0, "")
