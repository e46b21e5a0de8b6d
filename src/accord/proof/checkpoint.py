"""Checkpoints: the size and root of a ledger, signed, in the C2SP text formats.

`tlog-checkpoint` is the body (origin, size, root), `signed-note` the envelope (a line per
signature, Ed25519 being algorithm 1). Written so that tools of others read it. Reading is strict:
one way to write a checkpoint, everything else is refused with ValueError.
"""

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from accord.proof.merkle import HASH_BYTES

_ED25519 = b"\x01"
_KEY_BYTES = 32
_DASH = "\u2014"
MAX_NOTE_BYTES = 65_536


class Checkpoint(NamedTuple):
    """The name of a ledger, how many entries it has, and the root of its tree."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def key_id(name: str, public_key: Ed25519PublicKey) -> bytes:
    """Return the first four bytes of SHA-256(name || newline || algorithm || key), as signed-note has it."""
    return sha256(name.encode() + b"\n" + _ED25519 + public_key.public_bytes_raw()).digest()[:4]


def verifier_key(name: str, public_key: Ed25519PublicKey) -> str:
    """Return the text form of a verifier key: name+id+key."""
    key = base64.b64encode(_ED25519 + public_key.public_bytes_raw()).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{key}"


def read_verifier_key(text: str) -> tuple[str, Ed25519PublicKey]:
    """Return the name and the key of a verifier key in its text form. Raises ValueError when it is malformed."""
    name, _, rest = text.partition("+")
    identity, _, encoded = rest.partition("+")
    key = _base64(encoded)
    if key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
        raise ValueError("malformed verifier key")
    public_key = Ed25519PublicKey.from_public_bytes(key[1:])
    if not name or identity != key_id(name, public_key).hex():
        raise ValueError("malformed verifier key")
    return name, public_key


def sign(checkpoint: Checkpoint, private_key: Ed25519PrivateKey) -> str:
    """Return the signed note; the key's name is the origin."""
    return sign_text(checkpoint.origin, checkpoint.body(), private_key)


def sign_text(name: str, body: str, private_key: Ed25519PrivateKey) -> str:
    """Return the signed note of any text that ends with a line feed; `name` is the key's.

    Its second line must not be a number, or it could be taken for a checkpoint.
    """
    signature = key_id(name, private_key.public_key()) + private_key.sign(body.encode())
    return f"{body}\n{_DASH} {name} {base64.b64encode(signature).decode()}\n"


def verify(note: str, public_key: Ed25519PublicKey) -> Checkpoint:
    """Return the checkpoint of a note that this key signed under the origin's name.

    Raises ValueError when the note is malformed, or no line is a valid signature by the key.
    """
    body, checkpoint = _split(note)
    if not is_signed(note[len(body) + 1 : -1].split("\n"), body, checkpoint.origin, public_key):
        raise ValueError("no signature by this key")
    return checkpoint


def is_signed(lines: Sequence[str], body: str, signer: str, public_key: Ed25519PublicKey) -> bool:
    """Say whether one of a note's signature lines is by this key under this name.

    Raises ValueError where a line up to it is malformed, or what claims to be by it does not fit the body.
    """
    wanted = key_id(signer, public_key)
    for line in lines:
        dash, name, encoded = line.split(" ")
        if dash != _DASH:
            raise ValueError("malformed signature line")
        signature = _base64(encoded)
        if name != signer or signature[:4] != wanted:
            continue
        try:
            public_key.verify(signature[4:], body.encode())
        except InvalidSignature:
            raise ValueError("the signature does not fit the text") from None
        return True
    return False


def _split(note: str) -> tuple[str, Checkpoint]:
    if len(note.encode()) > MAX_NOTE_BYTES or not note.endswith("\n") or "\r" in note:
        raise ValueError("malformed note")
    body, gap, signatures = note.partition("\n\n")
    if not gap or not signatures or "\n\n" in signatures:
        raise ValueError("malformed note")
    lines = body.split("\n")
    if len(lines) != 3:
        raise ValueError("malformed checkpoint")
    origin, size, root = lines
    if not origin or not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise ValueError("malformed checkpoint")
    decoded = _base64(root)
    if len(decoded) != HASH_BYTES:
        raise ValueError("malformed root")
    return body + "\n", Checkpoint(origin, int(size), decoded)


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("malformed base64") from None
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("malformed base64")
    return decoded
