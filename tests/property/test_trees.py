"""Ten thousand random trees: prover and verifier agree with the recursion of RFC 6962, written here anew."""

import random
from hashlib import sha256

from accord.proof import verify
from accord.proof.merkle import (
    assemble,
    consistency_nodes,
    cover,
    grow,
    inclusion_nodes,
    root_of_edge,
    verify_consistency,
    verify_inclusion,
)

TREES = 10_000
LARGEST = 80


def root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over leaf hashes."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256().digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(position: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if position < k:
        return [*path(position, leaves[:k]), root(leaves[k:])]
    return [*path(position - k, leaves[k:]), root(leaves[:k])]


def subproof(size: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if size <= k:
        return [*subproof(size, leaves[:k], whole=whole), root(leaves[k:])]
    return [*subproof(size - k, leaves[k:], whole=False), root(leaves[:k])]


def test_ten_thousand_trees_agree_with_the_rfc() -> None:
    chance = random.Random(6962)
    for _ in range(TREES):
        size = chance.randrange(1, LARGEST)
        leaves = [verify.leaf_hash(chance.randbytes(4)) for _ in range(size)]
        top, position, old = root(leaves), chance.randrange(size), chance.randrange(1, size + 1)

        def node(of: tuple[int, int], leaves: list[bytes] = leaves) -> bytes:
            level, index = of
            return root(leaves[index << level : (index + 1) << level])

        assert root_of_edge(grow((), 0, leaves)) == top
        proof = assemble(inclusion_nodes(position, size), node)
        assert proof == path(position, leaves)
        assert verify.root_by_proof(leaves[position], position, size, proof) == top
        assert verify_inclusion(leaves[position], position, size, proof, top)
        consistency = assemble(consistency_nodes(old, size), node)
        assert consistency == subproof(old, leaves)
        assert verify_consistency(old, root(leaves[:old]), size, top, consistency)

        # A range shown leaf by leaf between the perfect subtrees on both sides leads to the same root.
        first, end = sorted((chance.randrange(size + 1), chance.randrange(size + 1)))
        edge = verify.Edge()
        for level, index in verify.levels_between(0, first):
            edge.add(node((level, index)), level)
        assert list(verify.levels_between(0, first)) == cover(0, first)
        between = chance.randint(first, end)
        edge.extend(leaves[first:between])
        edge.extend(leaves[between:end])
        for level, index in verify.levels_between(end, size):
            edge.add(node((level, index)), level)
        assert edge.root() == top

        # Nothing else does: another leaf, another position, an inner node in a leaf's place, a path cut short.
        other = chance.randrange(size)
        if other != position:
            assert verify.root_by_proof(leaves[position], other, size, proof) != top
            assert verify.root_by_proof(leaves[other], position, size, proof) != top
        if proof:
            assert verify.root_by_proof(leaves[position], position, size, proof[:-1]) != top
            sides = (
                (leaves[position], proof[0])
                if position % 2 == 0 and position + 1 < size
                else (proof[0], leaves[position])
            )
            inner = verify.node_hash(*sides)
            assert verify.root_by_proof(inner, position, size, proof[1:]) != top
        assert verify.root_by_proof(leaves[position], position, size, [*proof, top]) != top
