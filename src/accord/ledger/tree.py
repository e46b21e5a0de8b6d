"""Proofs out of a store: nodes of the tree from full tiles and, at the right edge, from the entries.

A full tile never changes, so the root of one is remembered. Reads what a proof needs and no more.
"""

from functools import lru_cache

from accord.domain.terms import BrandId
from accord.ledger.store import TILE_WIDTH, LedgerStore
from accord.proof.merkle import (
    HASH_BYTES,
    Node,
    assemble,
    consistency_nodes,
    cover,
    grow,
    inclusion_nodes,
    root_of_edge,
    split,
)

_TILE_LEVELS = 8


class Tree:
    """The tree of one brand's ledger, as a store keeps it."""

    def __init__(self, store: LedgerStore, brand: BrandId) -> None:
        """Read from this store."""
        self._store = store
        self._brand = brand
        self._tile_root = lru_cache(maxsize=65_536)(self._read_tile_root)

    def prove_inclusion(self, position: int, size: int) -> list[bytes]:
        """Return the sibling hashes from the leaf up. Raises ValueError when the position is outside."""
        return assemble(inclusion_nodes(position, size), self.node)

    def prove_consistency(self, old_size: int, size: int) -> list[bytes]:
        """Return the consistency proof between two sizes, both at least 1. Raises ValueError out of order."""
        return assemble(consistency_nodes(old_size, size), self.node)

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` entries, which are there."""
        return assemble([cover(0, size)], self.node)[0]

    def node(self, node: Node) -> bytes:
        """Return the hash of a perfect subtree."""
        level, index = node
        tile_level, inner = divmod(level, _TILE_LEVELS)
        first = index << inner
        hashes = self._hashes(tile_level, first, first + (1 << inner))
        return root_of_edge(grow((), 0, hashes))

    def _hashes(self, tile_level: int, start: int, end: int) -> list[bytes]:
        """Return the hashes of level 8 * tile_level from start to end; they lie in one tile."""
        tile, offset = divmod(start, TILE_WIDTH)
        found = self._store.tiles(self._brand, tile_level, (tile,)).get(tile)
        if found is not None:
            return list(split(found[offset * HASH_BYTES : (offset + end - start) * HASH_BYTES]))
        if tile_level == 0:
            return [entry.leaf_hash for entry in self._store.entries(self._brand, start, end - start)]
        return [self._tile_root(tile_level - 1, index) for index in range(start, end)]

    def _read_tile_root(self, tile_level: int, index: int) -> bytes:
        start = index * TILE_WIDTH
        return root_of_edge(grow((), 0, self._hashes(tile_level, start, start + TILE_WIDTH)))
