"""Proofs out of a store: nodes of the tree from full tiles and, at the right edge, from the entries.

A full tile never changes, so the root of one is remembered. Reads what a proof needs and no more, and the tiles
side by side that one node stands for in one statement.
"""

from collections.abc import Sequence

from accord.domain.terms import BrandId
from accord.ledger.store import TILE_WIDTH, LedgerStore
from accord.proof.merkle import (
    HASH_BYTES,
    Edge,
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

    def __init__(self, store: LedgerStore, brand: BrandId, size: int = 0, edge: Edge = ()) -> None:
        """Read from this store. What is known already, the edge of the first `size` entries, is not read."""
        self._store = store
        self._brand = brand
        self._known: dict[Node, bytes] = dict(zip(cover(0, size), edge, strict=True))

    def prove_inclusion(self, position: int, size: int) -> list[bytes]:
        """Return the sibling hashes from the leaf up. Raises ValueError when the position is outside."""
        return assemble(inclusion_nodes(position, size), self.node)

    def prove_consistency(self, old_size: int, size: int) -> list[bytes]:
        """Return the consistency proof between two sizes, both at least 1. Raises ValueError out of order."""
        return assemble(consistency_nodes(old_size, size), self.node)

    def edge(self, size: int) -> Edge:
        """Return the right edge of the first `size` entries, which are there."""
        return tuple(self.node(node) for node in cover(0, size))

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` entries, which are there."""
        return root_of_edge(self.edge(size))

    def node(self, node: Node) -> bytes:
        """Return the hash of a perfect subtree."""
        if found := self._known.get(node):
            return found
        level, index = node
        tile_level, inner = divmod(level, _TILE_LEVELS)
        first = index << inner
        return root_of_edge(grow((), 0, self._hashes(tile_level, first, first + (1 << inner))))

    def _hashes(self, tile_level: int, start: int, end: int) -> Sequence[bytes]:
        """Return the hashes of level 8 * tile_level from start to end; they lie in one tile."""
        tile, offset = divmod(start, TILE_WIDTH)
        found = self._store.tiles(self._brand, tile_level, (tile,)).get(tile)
        if found is not None:
            return split(found[offset * HASH_BYTES : (offset + end - start) * HASH_BYTES])
        if tile_level == 0:
            return [entry.leaf_hash for entry in self._store.entries(self._brand, start, end - start)]
        return self._tile_roots(tile_level - 1, range(start, end))

    def _tile_roots(self, tile_level: int, indexes: range) -> list[bytes]:
        """Return the roots of full tiles; one that is lost is made of what is below it."""
        level = (tile_level + 1) * _TILE_LEVELS
        unknown = tuple(index for index in indexes if (level, index) not in self._known)
        found = self._store.tiles(self._brand, tile_level, unknown) if unknown else {}
        for index in unknown:
            start = index * TILE_WIDTH
            hashes = split(found.get(index, b"")) or self._hashes(tile_level, start, start + TILE_WIDTH)
            self._known[level, index] = root_of_edge(grow((), 0, hashes))
        return [self._known[level, index] for index in indexes]
