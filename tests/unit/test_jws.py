"""Signed documents: read by another library, refused with a single bit changed or another algorithm named."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.proof.jws import MAX_BYTES, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
PAYLOAD = b'{"a":"\xc3\xa9"}'
SIGNED = sign(PAYLOAD, KEY, "accord/maison/1+abcd+key", "ld+json")


def test_what_was_signed_verifies() -> None:
    assert verify(SIGNED, KEY.public_key()) == PAYLOAD


def test_another_library_reads_it() -> None:
    assert jwt.api_jws.PyJWS().decode(SIGNED, KEY.public_key(), algorithms=["EdDSA"]) == PAYLOAD
    head = jwt.get_unverified_header(SIGNED)
    assert head == {"alg": "EdDSA", "kid": "accord/maison/1+abcd+key", "cty": "ld+json"}


def test_what_another_library_signed_verifies() -> None:
    headers = {"kid": "k", "cty": "ld+json", "typ": None}
    made = jwt.api_jws.PyJWS().encode(PAYLOAD, KEY, algorithm="EdDSA", headers=headers)
    assert verify(made, KEY.public_key()) == PAYLOAD


def test_another_key_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        verify(SIGNED, OTHER.public_key())


def test_no_bit_may_change() -> None:
    for place in range(len(SIGNED)):
        for bit in range(7):
            bent = SIGNED[:place] + chr(ord(SIGNED[place]) ^ (1 << bit)) + SIGNED[place + 1 :]
            with pytest.raises(ValueError, match=r"document|header|base64url|signature"):
                verify(bent, KEY.public_key())


def _with_head(**head: str) -> str:
    raw = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
    return f"{raw}.{SIGNED.partition('.')[2]}"


ATTACKS = {
    "no algorithm": _with_head(alg="none", kid="k", cty="ld+json"),
    "a symmetric algorithm": _with_head(alg="HS256", kid="k", cty="ld+json"),
    "a critical extension": _with_head(alg="EdDSA", kid="k", cty="ld+json", crit="b64"),
    "no signature": SIGNED.rpartition(".")[0] + ".",
    "two parts": SIGNED.rpartition(".")[0],
    "four parts": SIGNED + ".x",
    "padding": SIGNED + "==",
    "a header that is no JSON": "eA." + SIGNED.partition(".")[2],
    "nothing": "",
    "too much": "x" * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_document_that_asks_to_be_believed_otherwise_is_refused(attack: str) -> None:
    with pytest.raises(ValueError, match=r"document|header|base64url|signature"):
        verify(ATTACKS[attack], KEY.public_key())
