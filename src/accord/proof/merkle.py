"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1), over SHA-256.

A tree is grown by its right edge alone; proofs are assembled from nodes that the caller loads.
A node is named by its level and index: it is the root of the perfect subtree over the leaves
[index << level, (index + 1) << level). Verification takes hostile input and answers False.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node = tuple[int, int]
"""Level from the leaves, and index on that level."""

Edge = tuple[bytes, ...]
"""The roots of the perfect subtrees of a tree, largest first: one for each bit set in its size."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def split(hashes: bytes) -> Edge:
    """Return hashes that were joined."""
    return tuple(hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))


def grow(edge: Edge, size: int, hashes: Iterable[bytes]) -> Edge:
    """Return the right edge after appending leaf hashes to a tree of `size` leaves."""
    roots = list(edge)
    for root in hashes:
        node, rest = root, size
        while rest & 1:
            node = node_hash(roots.pop(), node)
            rest >>= 1
        roots.append(node)
        size += 1
    return tuple(roots)


def root_of_edge(edge: Edge) -> bytes:
    """Return the root of the tree whose right edge this is."""
    if not edge:
        return EMPTY_ROOT
    node = edge[-1]
    for left in reversed(edge[:-1]):
        node = node_hash(left, node)
    return node


def inclusion_nodes(position: int, size: int) -> list[list[Node]]:
    """Return, from the leaf up, the nodes that make each sibling hash of an inclusion proof.

    Raises ValueError when the position is not in the tree.
    """
    if not 0 <= position < size:
        raise ValueError("position outside the tree")
    path: list[list[Node]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if position < middle:
            path.append(cover(middle, end))
            end = middle
        else:
            path.append(cover(start, middle))
            start = middle
    return path[::-1]


def consistency_nodes(old_size: int, size: int) -> list[list[Node]]:
    """Return the nodes that make each hash of a consistency proof (RFC 9162 section 2.1.4).

    Raises ValueError unless 0 < old_size <= size. The proof of equal sizes is empty.
    """
    if not 0 < old_size <= size:
        raise ValueError("sizes out of order")
    path: list[list[Node]] = []
    start, end, whole = 0, size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(cover(middle, end))
            end = middle
        else:
            path.append(cover(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(cover(start, end))
    return path[::-1]


def assemble(groups: Sequence[Sequence[Node]], hash_of: Callable[[Node], bytes]) -> list[bytes]:
    """Return one hash for each group of nodes, which cover neighbouring leaves from left to right."""
    return [root_of_edge(tuple(hash_of(node) for node in group)) for group in groups]


def verify_inclusion(leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether the leaf hash stands at the position of the tree (RFC 9162 section 2.1.3.2)."""
    if not 0 <= position < size or any(len(part) != HASH_BYTES for part in proof):
        return False
    index, last, node = position, size - 1, leaf
    for part in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(part, node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = node_hash(node, part)
        index >>= 1
        last >>= 1
    return last == 0 and node == root


def verify_consistency(  # noqa: C901 - the steps of the RFC, in its order
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether the newer tree extends the older one (RFC 9162 section 2.1.4.2); all extend the empty one."""
    if old_size == 0:
        return old_root == EMPTY_ROOT and not proof
    if not 0 < old_size <= size or any(len(part) != HASH_BYTES for part in proof):
        return False
    if old_size == size:
        return not proof and old_root == root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    index, last = old_size - 1, size - 1
    while index & 1:
        index >>= 1
        last >>= 1
    old = new = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old, new = node_hash(part, old), node_hash(part, new)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            new = node_hash(new, part)
        index >>= 1
        last >>= 1
    return last == 0 and old == old_root and new == root


def _split(width: int) -> int:
    """Return the largest power of two smaller than `width`."""
    return 1 << (width - 1).bit_length() - 1


def cover(start: int, end: int) -> list[Node]:
    """Return the perfect subtrees over [start, end), largest first; `start` is a multiple of each."""
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes
