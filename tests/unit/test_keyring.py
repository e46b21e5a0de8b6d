"""Customers' keys: made once, kept wrapped, opened only where they belong. One contract for every key store."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace
from support.installations import Parts
from support.memory import MemoryWrappedKeys

from accord.domain.terms import BrandId
from accord.keys.kek import FIRST_EPOCH, GivenKeks, KeyUnreadableError
from accord.keys.keyring import FIRST_GENERATION, WrappedKeyring
from accord.ledger.keyring import WrappedKey, WrappedKeys

BRAND, OTHER = BrandId("maison"), BrandId("autre")
ADA, BOB = b"\x00ada".ljust(16, b"\xff"), b"bob".ljust(16, b"\0")
KEK = GivenKeks({1: b"K" * 32})


@pytest.fixture
def keys(parts: Parts) -> WrappedKeys:
    """A fresh key store of each kind."""
    return parts.wrapped_keys


def row(ref: bytes, generation: int = 1, wrapped: bytes = b"\x00wrapped\xff") -> WrappedKey:
    return WrappedKey(ref, generation, 1, wrapped)


class TestWrappedKeys:
    def test_a_key_comes_back_byte_for_byte(self, keys: WrappedKeys) -> None:
        keys.insert_missing(BRAND, [row(ADA), row(ADA, 2), row(BOB)])
        assert sorted(keys.select(BRAND, [ADA]), key=lambda each: each.generation) == [row(ADA), row(ADA, 2)]
        assert keys.select(BRAND, [BOB]) == [row(BOB)]

    def test_a_key_that_is_there_stays_as_it_is(self, keys: WrappedKeys) -> None:
        keys.insert_missing(BRAND, [row(ADA)])
        keys.insert_missing(BRAND, [row(ADA, wrapped=b"another"), row(BOB)])
        assert keys.select(BRAND, [ADA]) == [row(ADA)]
        assert keys.select(BRAND, [BOB]) == [row(BOB)]

    def test_brands_have_keys_of_their_own(self, keys: WrappedKeys) -> None:
        keys.insert_missing(BRAND, [row(ADA)])
        assert keys.select(OTHER, [ADA]) == []

    def test_nobody_asked_for_is_nobody_found(self, keys: WrappedKeys) -> None:
        keys.insert_missing(BRAND, [row(ADA)])
        assert keys.select(BRAND, []) == []
        assert keys.select(BRAND, [BOB]) == []

    def test_thousands_are_found_at_once(self, keys: WrappedKeys) -> None:
        refs = [number.to_bytes(16, "big") for number in range(2500)]
        keys.insert_missing(BRAND, [row(ref) for ref in refs])
        assert {each.customer_ref for each in keys.select(BRAND, refs)} == set(refs)


class TestKeyring:
    def test_a_key_is_made_once_and_found_again(self, keys: WrappedKeys) -> None:
        made = WrappedKeyring(keys, KEK).make(BRAND, [ADA, BOB, ADA])
        assert set(made) == {ADA, BOB}
        assert made[ADA].generation == FIRST_GENERATION
        assert len({key.key for key in made.values()}) == 2
        again = WrappedKeyring(keys, KEK)
        assert again.make(BRAND, [BOB, ADA]) == made
        assert again.find(BRAND, [ADA]) == {(ADA, FIRST_GENERATION): made[ADA].key}

    def test_looking_for_a_key_never_makes_one(self, keys: WrappedKeys) -> None:
        assert WrappedKeyring(keys, KEK).find(BRAND, [ADA]) == {}
        assert keys.select(BRAND, [ADA]) == []

    def test_processes_that_make_a_key_at_once_agree_on_one(self, keys: WrappedKeys) -> None:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: WrappedKeyring(keys, KEK).make(BRAND, [ADA])[ADA], range(8)))
        assert len({key.key for key in made}) == 1

    def test_the_newest_generation_is_used_and_every_one_is_found(self) -> None:
        keys = MemoryWrappedKeys()
        ring = WrappedKeyring(keys, KEK)
        old = ring.make(BRAND, [ADA])[ADA]
        (first,) = keys.select(BRAND, [ADA])
        bound = _bound(BRAND, ADA, 2, FIRST_EPOCH)
        keys.insert_missing(BRAND, [replace(first, generation=2, wrapped=KEK.wrap(1, b"2" * 32, bound))])
        assert ring.make(BRAND, [ADA])[ADA].generation == 2
        assert ring.find(BRAND, [ADA]) == {(ADA, 1): old.key, (ADA, 2): b"2" * 32}


def _bound(brand: BrandId, ref: bytes, generation: int, epoch: int) -> bytes:
    """Return the associated data as its format says: each field after its length in two bytes."""
    fields = [b"accord/v1/key", brand.encode(), ref, generation.to_bytes(4, "big"), epoch.to_bytes(4, "big")]
    return b"".join(len(field).to_bytes(2, "big") + field for field in fields)


class TestAttacks:
    @pytest.fixture
    def kept(self) -> MemoryWrappedKeys:
        keys = MemoryWrappedKeys()
        WrappedKeyring(keys, KEK).make(BRAND, [ADA, BOB])
        return keys

    def moved(self, kept: MemoryWrappedKeys, brand: BrandId = BRAND, **changes: object) -> MemoryWrappedKeys:
        (ada,) = kept.select(BRAND, [ADA])
        other = MemoryWrappedKeys()
        row = replace(ada, **changes)
        other.keys[brand, row.customer_ref, row.generation] = row
        return other

    def test_another_key_encryption_key_opens_nothing(self, kept: MemoryWrappedKeys) -> None:
        with pytest.raises(KeyUnreadableError):
            WrappedKeyring(kept, GivenKeks({1: b"L" * 32})).find(BRAND, [ADA])

    def test_a_row_moved_to_another_customer_opens_nothing(self, kept: MemoryWrappedKeys) -> None:
        with pytest.raises(KeyUnreadableError):
            WrappedKeyring(self.moved(kept, customer_ref=BOB), KEK).find(BRAND, [BOB])

    def test_a_row_moved_to_another_brand_opens_nothing(self, kept: MemoryWrappedKeys) -> None:
        with pytest.raises(KeyUnreadableError):
            WrappedKeyring(self.moved(kept, OTHER), KEK).find(OTHER, [ADA])

    @pytest.mark.parametrize("change", ["generation", "epoch"])
    def test_a_row_of_another_generation_or_epoch_opens_nothing(self, kept: MemoryWrappedKeys, change: str) -> None:
        with pytest.raises(KeyUnreadableError):
            WrappedKeyring(self.moved(kept, **{change: 2}), KEK).find(BRAND, [ADA])

    @pytest.mark.parametrize("wrapped", [b"", b"short", b"n" * 12, b"n" * 60])
    def test_a_damaged_row_opens_nothing_and_says_so(self, kept: MemoryWrappedKeys, wrapped: bytes) -> None:
        with pytest.raises(KeyUnreadableError):
            WrappedKeyring(self.moved(kept, wrapped=wrapped), KEK).find(BRAND, [ADA])

    def test_a_wrapped_key_does_not_show_its_key(self, kept: MemoryWrappedKeys) -> None:
        key = WrappedKeyring(kept, KEK).make(BRAND, [ADA])[ADA].key
        assert not any(key in each.wrapped for each in kept.select(BRAND, [ADA, BOB]))
