"""HMAC-SHA256 as it is written out here is that of everybody else (RFC 2104)."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.hmac_sha256 import KEY_BYTES, hmac_sha256
from accord.proof import verify


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.binary(max_size=500))
def test_it_is_the_one_of_the_standard_library(key: bytes, message: bytes) -> None:
    assert hmac_sha256(key, message) == hmac.digest(key, message, "sha256")
    assert verify.commitment(key, message) == hmac.digest(key, b"accord/v1/payload\x00" + message, "sha256")


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), bytes(64)])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        hmac_sha256(key, b"message")
