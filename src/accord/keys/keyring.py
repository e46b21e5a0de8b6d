"""Customers' keys, wrapped under the key-encryption key (KEK) of an epoch.

A key is 32 random bytes, wrapped with AES-256-GCM; the associated data binds it to its brand,
customer, generation and epoch, so that a row moved elsewhere opens nothing.
"""

import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accord.domain.terms import BrandId
from accord.keys.secrets import KEK_EPOCH
from accord.ledger.keyring import CustomerKey, WrappedKey, WrappedKeys
from accord.ledger.seal import KEY_BYTES

FIRST_GENERATION = 1
_NONCE_BYTES = 12


class KeyUnreadableError(Exception):
    """A wrapped key does not open: the KEK is another, or the row was changed. Ours, and stop."""


class WrappedKeyring:
    """The keyring of `ledger.keyring`, over a store of wrapped keys. Keeps no key in memory."""

    def __init__(self, keys: WrappedKeys, kek: bytes) -> None:
        """Use one KEK."""
        self._keys = keys
        self._kek = AESGCM(kek)

    def make(self, brand: BrandId, refs: Iterable[bytes]) -> dict[bytes, CustomerKey]:
        """Return the newest key of each customer, making those that are missing; durable on return."""
        wanted = list(dict.fromkeys(refs))
        found = self._newest(brand, wanted)
        missing = [ref for ref in wanted if ref not in found]
        if missing:
            self._keys.insert_missing(brand, [self._wrap(brand, ref) for ref in missing])
            # Read back what is kept: another process may have been first.
            found |= self._newest(brand, missing)
        return found

    def find(self, brand: BrandId, refs: Iterable[bytes]) -> dict[tuple[bytes, int], bytes]:
        """Return every living key of the customers, by (customer_ref, generation); never makes one."""
        rows = self._keys.select(brand, list(dict.fromkeys(refs)))
        return {(row.customer_ref, row.generation): self._unwrap(brand, row) for row in rows}

    def _newest(self, brand: BrandId, refs: list[bytes]) -> dict[bytes, CustomerKey]:
        newest: dict[bytes, WrappedKey] = {}
        for row in self._keys.select(brand, refs):
            if row.customer_ref not in newest or newest[row.customer_ref].generation < row.generation:
                newest[row.customer_ref] = row
        return {ref: CustomerKey(row.generation, self._unwrap(brand, row)) for ref, row in newest.items()}

    def _wrap(self, brand: BrandId, ref: bytes) -> WrappedKey:
        nonce, key = os.urandom(_NONCE_BYTES), os.urandom(KEY_BYTES)
        bound = _associated_data(brand, ref, FIRST_GENERATION, KEK_EPOCH)
        return WrappedKey(ref, FIRST_GENERATION, KEK_EPOCH, nonce + self._kek.encrypt(nonce, key, bound))

    def _unwrap(self, brand: BrandId, row: WrappedKey) -> bytes:
        bound = _associated_data(brand, row.customer_ref, row.generation, row.epoch)
        try:
            return self._kek.decrypt(row.wrapped[:_NONCE_BYTES], row.wrapped[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise KeyUnreadableError("a customer's key does not open with this key-encryption key") from None


def _associated_data(brand: BrandId, ref: bytes, generation: int, epoch: int) -> bytes:
    fields = (b"accord/v1/key", brand.encode(), ref, generation.to_bytes(4, "big"), epoch.to_bytes(4, "big"))
    return b"".join([len(field).to_bytes(2, "big") + field for field in fields])
