"""Proofs out of a store: over full tiles and the entries at the right edge alike."""

import pytest
from contract.batches import BRAND, append, entry
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory import MemoryStore

from accord.domain.terms import BrandId
from accord.ledger.tree import Tree
from accord.proof.merkle import grow, root_of_edge, verify_consistency, verify_inclusion

SIZE = 700


class CountingStore(MemoryStore):
    """Counts the hashes that are read, and keeps which tiles were asked for together."""

    read_hashes = 0

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, tuple[int, ...]]] = []

    def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
        self.asked.append((level, indexes))
        return super().tiles(brand, level, indexes)

    def entries(self, brand, start, limit, customer_ref=None):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        found = super().entries(brand, start, limit, customer_ref)
        self.read_hashes += len(found)
        return found


@pytest.fixture(scope="module")
def store() -> CountingStore:
    made = CountingStore()
    append(made, SIZE)
    return made


LEAVES = [entry(position).leaf_hash for position in range(SIZE)]


def root(size: int) -> bytes:
    return root_of_edge(grow((), 0, LEAVES[:size]))


@settings(max_examples=60)
@given(data=st.data(), size=st.integers(1, SIZE))
def test_an_entry_is_proven_in_every_tree_it_is_in(store: CountingStore, data: st.DataObject, size: int) -> None:
    position = data.draw(st.integers(0, size - 1))
    proof = Tree(store, BRAND).prove_inclusion(position, size)
    assert verify_inclusion(LEAVES[position], position, size, proof, root(size))


@settings(max_examples=60)
@given(data=st.data(), size=st.integers(1, SIZE))
def test_a_tree_is_proven_to_extend_every_one_before_it(store: CountingStore, data: st.DataObject, size: int) -> None:
    old = data.draw(st.integers(1, size))
    proof = Tree(store, BRAND).prove_consistency(old, size)
    assert verify_consistency(old, root(old), size, root(size), proof)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, SIZE])
def test_proofs_hold_at_the_edges_of_tiles(store: CountingStore, size: int) -> None:
    tree = Tree(store, BRAND)
    for position in {0, 1, 255, 256, 257, size - 1} & set(range(size)):
        assert verify_inclusion(LEAVES[position], position, size, tree.prove_inclusion(position, size), root(size))


def test_what_lies_in_full_tiles_is_not_read_from_the_entries(store: CountingStore) -> None:
    store.read_hashes = 0
    Tree(store, BRAND).prove_inclusion(3, 512)
    assert store.read_hashes == 0
    Tree(store, BRAND).prove_inclusion(3, SIZE)
    assert store.read_hashes <= SIZE - 512


def test_the_tiles_that_one_node_stands_for_are_read_together_and_once(store: CountingStore) -> None:
    store.asked.clear()
    tree = Tree(store, BRAND)
    assert tree.root(512) == tree.root(512) == root(512)
    assert [indexes for level, indexes in store.asked if level == 0] == [(0, 1)]


def test_what_is_known_of_a_tree_is_not_read(store: CountingStore) -> None:
    edge = Tree(store, BRAND).edge(600)
    store.asked.clear()
    store.read_hashes = 0
    known = Tree(store, BRAND, 600, edge)
    assert known.root(600) == root(600)
    assert not store.asked
    proof = known.prove_consistency(600, SIZE)
    assert verify_consistency(600, root(600), SIZE, root(SIZE), proof)
    assert store.read_hashes <= SIZE - 600


def test_a_lost_tile_is_made_of_the_entries_below_it(store: CountingStore) -> None:
    class Lossy(MemoryStore):
        def tiles(self, brand: BrandId, level: int, indexes: tuple[int, ...]) -> dict[int, bytes]:
            return {index: row for index, row in store.tiles(brand, level, indexes).items() if index != 1}

        def entries(self, brand, start, limit, customer_ref=None):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            return store.entries(brand, start, limit, customer_ref)

    assert Tree(Lossy(), BRAND).root(SIZE) == root(SIZE)


def test_proofs_over_two_levels_of_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """With tiles of 4 instead of 256, so that a small tree has three levels of them."""
    for module in ("accord.ledger.tree", "support.memory"):
        monkeypatch.setattr(f"{module}.TILE_WIDTH", 4)
    monkeypatch.setattr("accord.ledger.tree._TILE_LEVELS", 2)
    store = MemoryStore()
    append(store, 90)
    tree = Tree(store, BRAND)
    for size in (16, 63, 64, 65, 90):
        for position in range(size):
            assert verify_inclusion(LEAVES[position], position, size, tree.prove_inclusion(position, size), root(size))
        for old in range(1, size + 1):
            assert verify_consistency(old, root(old), size, root(size), tree.prove_consistency(old, size))


def test_there_is_no_proof_outside_the_tree(store: CountingStore) -> None:
    tree = Tree(store, BRAND)
    for position in (-1, 5, 6):
        with pytest.raises(ValueError, match="outside"):
            tree.prove_inclusion(position, 5)
    for old in (0, 6):
        with pytest.raises(ValueError, match="order"):
            tree.prove_consistency(old, 5)
