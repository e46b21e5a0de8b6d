"""Sealing: what was sealed opens with its key at its place, and with nothing else anywhere else."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from accord.domain.terms import Position
from accord.ledger.entry import BRAND_REF
from accord.ledger.seal import OPENING_BYTES, Place, seal, seal_with_nonce, unseal

KEY, OPENING = b"k" * 32, b"r" * OPENING_BYTES
PLACE = Place("accord/maison/1", b"c" * 16, Position(7), 2, 1)


@given(st.binary(max_size=500))
def test_what_was_sealed_opens(payload: bytes) -> None:
    assert unseal(KEY, PLACE, seal(KEY, PLACE, OPENING, payload)) == (OPENING, payload)


def test_the_same_payload_is_never_sealed_to_the_same_bytes() -> None:
    assert seal(KEY, PLACE, OPENING, b"payload") != seal(KEY, PLACE, OPENING, b"payload")


ELSEWHERE = {
    "another ledger": replace(PLACE, ledger="accord/maison/2"),
    "another customer": replace(PLACE, customer_ref=b"d" * 16),
    "the brand itself": replace(PLACE, customer_ref=BRAND_REF),
    "another position": replace(PLACE, position=Position(8)),
    "another version": replace(PLACE, customer_version=3),
    "another generation": replace(PLACE, generation=2),
    "fields that run into each other": replace(PLACE, ledger=PLACE.ledger + "c", customer_ref=b"c" * 15),
}


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_ciphertext_moved_to_another_place_does_not_open(place: str) -> None:
    with pytest.raises(ValueError, match="does not open"):
        unseal(KEY, ELSEWHERE[place], seal(KEY, PLACE, OPENING, b"payload"))


def test_another_key_opens_nothing() -> None:
    with pytest.raises(ValueError, match="does not open"):
        unseal(b"l" * 32, PLACE, seal(KEY, PLACE, OPENING, b"payload"))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**63 - 1))
def test_the_key_of_an_entry_is_hkdf_expand_as_rfc_5869_has_it(key: bytes, position: int) -> None:
    """Opened here with nothing of ours but the associated data's layout: label, then each field after its length."""
    place = replace(PLACE, position=Position(position))
    sealed = seal(key, place, OPENING, b"payload")
    info = b"accord/v1/entry\x00" + position.to_bytes(8, "big")
    entry_key = HKDFExpand(hashes.SHA256(), 32, info).derive(key)
    fields = (
        b"accord/v1/entry",
        place.ledger.encode(),
        place.customer_ref,
        position.to_bytes(8, "big"),
        place.customer_version.to_bytes(8, "big"),
        (1).to_bytes(2, "big"),
        place.generation.to_bytes(4, "big"),
    )
    bound = b"".join(len(field).to_bytes(2, "big") + field for field in fields)
    assert AESGCM(entry_key).decrypt(sealed[:12], sealed[12:], bound) == OPENING + b"payload"


def test_no_bit_may_change() -> None:
    sealed = seal(KEY, PLACE, OPENING, b"payload")
    for place in range(len(sealed)):
        with pytest.raises(ValueError, match="does not open"):
            unseal(KEY, PLACE, sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])


@pytest.mark.parametrize("length", [0, 5, 12, 20, 28])
def test_a_ciphertext_cut_short_is_refused_and_breaks_nothing(length: int) -> None:
    with pytest.raises(ValueError, match="does not open"):
        unseal(KEY, PLACE, seal(KEY, PLACE, OPENING, b"")[:length])


def test_each_entry_has_a_key_of_its_own_so_a_nonce_that_comes_twice_tells_nothing() -> None:
    nonce = bytes(12)
    one = seal_with_nonce(KEY, PLACE, OPENING, b"payload", nonce)
    two = seal_with_nonce(KEY, replace(PLACE, position=Position(8)), OPENING, b"payload", nonce)
    same = sum(left == right for left, right in zip(one[12:], two[12:], strict=True))
    assert same < len(one) // 4
