"""Customers' keys, wrapped under the key-encryption key (KEK) of an epoch.

A key is 32 random bytes; the associated data binds it to its brand, customer, generation and epoch,
so that a row moved elsewhere opens nothing. No key is ever made for a fenced customer, or in an
epoch that is not the newest: the store of wrapped keys sees to both.
"""

import os
from collections.abc import Iterable

from accord.domain.terms import BrandId
from accord.keys.kek import KeyUnreadableError, KeyWrapper
from accord.ledger.hmac_sha256 import KEY_BYTES
from accord.ledger.keyring import CustomerKey, FencedError, WrappedKey, WrappedKeys

FIRST_GENERATION = 1
_TRIES = 5


class WrappedKeyring:
    """The keyring of `ledger.keyring`, over a store of wrapped keys. Keeps no key in memory."""

    def __init__(self, keys: WrappedKeys, wrapper: KeyWrapper) -> None:
        """Use one store and one wrapper."""
        self._keys = keys
        self._wrapper = wrapper
        self._epoch = 0

    def make(self, brand: BrandId, refs: Iterable[bytes]) -> dict[bytes, CustomerKey]:
        """Return the newest key of each customer, making those that are missing; durable on return."""
        wanted = list(dict.fromkeys(refs))
        found = self._newest(brand, wanted)
        for _ in range(_TRIES):
            missing = [ref for ref in wanted if ref not in found]
            if not missing:
                return found
            found |= self._made(brand, missing)
        raise KeyUnreadableError("no key can be made: epochs begin faster than we see them")

    def find(self, brand: BrandId, refs: Iterable[bytes]) -> dict[tuple[bytes, int], bytes]:
        """Return every living key of the customers, by (customer_ref, generation); never makes one."""
        return self._opened(brand, list(dict.fromkeys(refs)))

    def _made(self, brand: BrandId, refs: list[bytes]) -> dict[bytes, CustomerKey]:
        """Make keys and return those that are kept now, which may be another's who was first. Raises FencedError.

        Fewer, where another epoch has begun since we last looked.
        """
        epoch = self._epoch or self._keys.epoch()
        self._epoch = 0
        try:
            wrapped = [self._wrap(brand, ref, epoch) for ref in refs]
        except KeyUnreadableError:
            if epoch == self._keys.epoch():
                raise
            return {}
        self._keys.insert_missing(brand, wrapped)
        found = self._newest(brand, refs)
        if len(found) < len(refs):
            if self._keys.fenced(brand, refs):
                raise FencedError("no key is made for somebody who was erased")
            return found
        self._epoch = epoch
        return found

    def _newest(self, brand: BrandId, refs: list[bytes]) -> dict[bytes, CustomerKey]:
        opened = sorted(self._opened(brand, refs).items())
        return {ref: CustomerKey(generation, key) for (ref, generation), key in opened}

    def _opened(self, brand: BrandId, refs: list[bytes]) -> dict[tuple[bytes, int], bytes]:
        rows = self._keys.select(brand, refs)
        try:
            return self._unwrapped(brand, rows)
        except KeyUnreadableError:
            # A rotation may have wrapped them anew, and destroyed what opened them, since they were read.
            again = self._keys.select(brand, refs)
            if again == rows:
                raise
            return self._unwrapped(brand, again)

    def _unwrapped(self, brand: BrandId, rows: list[WrappedKey]) -> dict[tuple[bytes, int], bytes]:
        return {(row.customer_ref, row.generation): unwrap(self._wrapper, brand, row) for row in rows}

    def _wrap(self, brand: BrandId, ref: bytes, epoch: int) -> WrappedKey:
        return wrap(self._wrapper, brand, WrappedKey(ref, FIRST_GENERATION, epoch, b""), os.urandom(KEY_BYTES))


def wrap(wrapper: KeyWrapper, brand: BrandId, place: WrappedKey, key: bytes) -> WrappedKey:
    """Return the key wrapped for a place, whose own `wrapped` counts for nothing."""
    bound = _associated_data(brand, place.customer_ref, place.generation, place.epoch)
    return WrappedKey(place.customer_ref, place.generation, place.epoch, wrapper.wrap(place.epoch, key, bound))


def unwrap(wrapper: KeyWrapper, brand: BrandId, row: WrappedKey) -> bytes:
    """Return the key of a row. Raises KeyUnreadableError."""
    bound = _associated_data(brand, row.customer_ref, row.generation, row.epoch)
    return wrapper.unwrap(row.epoch, row.wrapped, bound)


def _associated_data(brand: BrandId, ref: bytes, generation: int, epoch: int) -> bytes:
    fields = (b"accord/v1/key", brand.encode(), ref, generation.to_bytes(4, "big"), epoch.to_bytes(4, "big"))
    return b"".join([len(field).to_bytes(2, "big") + field for field in fields])
