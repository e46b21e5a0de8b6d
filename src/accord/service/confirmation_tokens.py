"""Confirmation tokens: which contact carried the link, and a secret that nobody else was told.

A token is the keyed digest of the contact, 16 bytes, and 32 random bytes, in base64url without
padding: 64 characters. The first part finds the customer, so that a link needs to hold nothing else;
the second proves the click. Written in the answer to the authorisation of that contact and nowhere
else: kept is the SHA-256 of the secret, which hides it since there is nothing to guess.
"""

import base64
import binascii
import re
from hashlib import sha256

from accord.domain.commands import Token
from accord.ledger.lookup import LOOKUP_BYTES

SECRET_BYTES = 32

_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}\Z", re.ASCII)


def write(contact_key: bytes, secret: bytes) -> str:
    """Return the token of a contact and a fresh secret of SECRET_BYTES."""
    return base64.urlsafe_b64encode(contact_key + secret).decode()


def digest(secret: bytes) -> bytes:
    """Return what is kept of a secret."""
    return sha256(secret).digest()


def read(text: str) -> Token | None:
    """Return what a token says, or None when it cannot be one."""
    if not _TOKEN.match(text):
        return None
    try:
        raw = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        return None
    return Token(raw[:LOOKUP_BYTES], digest(raw[LOOKUP_BYTES:]))
