"""The tree of RFC 6962: the RFC's vectors, a naive oracle, and attacks on proofs, each by its name."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.proof.merkle import (
    EMPTY_ROOT,
    assemble,
    consistency_nodes,
    grow,
    inclusion_nodes,
    leaf_hash,
    node_hash,
    root_of_edge,
    split,
    verify_consistency,
    verify_inclusion,
)

# The inputs and roots that certificate-transparency's own test data has used since 2013.
INPUTS = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(each) for each in INPUTS]


def naive_root(leaves: list[bytes]) -> bytes:
    """Return MTH as RFC 6962 section 2.1 defines it, by recursion."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _half(len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(position: int, leaves: list[bytes]) -> list[bytes]:
    """Return PATH as RFC 6962 section 2.1.1 defines it."""
    if len(leaves) == 1:
        return []
    k = _half(len(leaves))
    if position < k:
        return [*naive_path(position, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(position - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """Return SUBPROOF as RFC 6962 section 2.1.2 defines it."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = _half(len(leaves))
    if old <= k:
        return [*naive_proof(old, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_proof(old - k, leaves[k:], whole=False), naive_root(leaves[:k])]


def _half(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def inclusion(position: int, leaves: list[bytes]) -> list[bytes]:
    return assemble(inclusion_nodes(position, len(leaves)), lambda node: _node(node, leaves))


def consistency(old: int, leaves: list[bytes]) -> list[bytes]:
    return assemble(consistency_nodes(old, len(leaves)), lambda node: _node(node, leaves))


def _node(node: tuple[int, int], leaves: list[bytes]) -> bytes:
    level, index = node
    return naive_root(leaves[index << level : (index + 1) << level])


def made(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


class TestVectors:
    def test_the_empty_tree_hashes_nothing(self) -> None:
        assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert root_of_edge(()) == EMPTY_ROOT

    @pytest.mark.parametrize("size", range(1, 9))
    def test_the_roots_of_the_known_leaves_are_the_published_ones(self, size: int) -> None:
        assert root_of_edge(grow((), 0, LEAVES[:size])).hex() == ROOTS[size - 1]

    def test_published_inclusion_paths_are_made(self) -> None:
        assert [each.hex() for each in inclusion(5, LEAVES)] == [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            ROOTS[3],
        ]
        assert [each.hex() for each in inclusion(2, LEAVES[:3])] == [ROOTS[1]]

    def test_published_consistency_paths_are_made(self) -> None:
        assert [each.hex() for each in consistency(6, LEAVES)] == [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            ROOTS[3],
        ]


class TestOracle:
    @given(st.integers(0, 200), st.integers(0, 200))
    def test_growing_in_steps_gives_the_root_of_the_definition(self, first: int, then: int) -> None:
        leaves = made(first + then)
        edge = grow(grow((), 0, leaves[:first]), first, leaves[first:])
        assert root_of_edge(edge) == naive_root(leaves)
        assert split(b"".join(edge)) == edge
        assert len(edge) == (first + then).bit_count()

    @given(st.data(), st.integers(1, 130))
    def test_an_inclusion_proof_is_that_of_the_definition_and_verifies(self, data: st.DataObject, size: int) -> None:
        leaves = made(size)
        position = data.draw(st.integers(0, size - 1))
        proof = inclusion(position, leaves)
        assert proof == naive_path(position, leaves)
        assert verify_inclusion(leaves[position], position, size, proof, naive_root(leaves))

    @given(st.data(), st.integers(1, 130))
    def test_a_consistency_proof_is_that_of_the_definition_and_verifies(self, data: st.DataObject, size: int) -> None:
        leaves = made(size)
        old = data.draw(st.integers(1, size))
        proof = consistency(old, leaves)
        assert proof == naive_proof(old, leaves)
        assert verify_consistency(old, naive_root(leaves[:old]), size, naive_root(leaves), proof)

    @pytest.mark.parametrize(("position", "size"), [(-1, 3), (3, 3), (0, 0)])
    def test_there_is_no_proof_of_a_position_outside_the_tree(self, position: int, size: int) -> None:
        with pytest.raises(ValueError, match="outside"):
            inclusion_nodes(position, size)

    @pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3), (-1, 3)])
    def test_there_is_no_proof_between_sizes_out_of_order(self, old: int, size: int) -> None:
        with pytest.raises(ValueError, match="order"):
            consistency_nodes(old, size)


SIZE = 13
TREE = made(SIZE)
ROOT = naive_root(TREE)


def flipped(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


def forged_inclusions() -> dict[str, tuple[bytes, int, int, list[bytes], bytes]]:
    """Return every attack on the proof of leaf 5 in a tree of 13, by name."""
    leaf, proof = TREE[5], naive_path(5, TREE)
    parent = node_hash(TREE[4], TREE[5])
    return {
        "the position of the neighbour": (leaf, 4, SIZE, proof, ROOT),
        "a position outside the tree": (leaf, SIZE, SIZE, proof, ROOT),
        "a negative position": (leaf, -1, SIZE, proof, ROOT),
        "a tree of no leaves": (leaf, 0, 0, [], ROOT),
        "a smaller tree": (leaf, 5, 8, proof, ROOT),
        "a bigger tree": (leaf, 5, 17, proof, ROOT),
        "another leaf": (TREE[6], 5, SIZE, proof, ROOT),
        "a proof cut at the leaf": (leaf, 5, SIZE, proof[1:], ROOT),
        "a proof cut at the root": (leaf, 5, SIZE, proof[:-1], ROOT),
        "no proof at all": (leaf, 5, SIZE, [], ROOT),
        "a proof with one hash more": (leaf, 5, SIZE, [*proof, proof[-1]], ROOT),
        "hashes swapped": (leaf, 5, SIZE, [proof[1], proof[0], *proof[2:]], ROOT),
        "hashes reversed": (leaf, 5, SIZE, proof[::-1], ROOT),
        "a bit flipped in a hash": (leaf, 5, SIZE, [proof[0], flipped(proof[1]), *proof[2:]], ROOT),
        "a hash cut short": (leaf, 5, SIZE, [proof[0][:31], *proof[1:]], ROOT),
        "an empty hash": (leaf, 5, SIZE, [*proof, b""], ROOT),
        "another root": (leaf, 5, SIZE, proof, flipped(ROOT)),
        "a node passed off as a leaf": (parent, 2, SIZE, proof[1:], ROOT),
        "the root passed off as the only leaf": (ROOT, 0, SIZE, [], ROOT),
        "content of a node hashed as a leaf": (leaf_hash(TREE[4] + TREE[5]), 2, SIZE, proof[1:], ROOT),
    }


def forged_consistencies() -> dict[str, tuple[int, bytes, int, bytes, list[bytes]]]:
    """Return every attack on the proof that a tree of 13 extends one of 6, by name."""
    old, proof = naive_root(TREE[:6]), naive_proof(6, TREE)
    forked = [flipped(TREE[0]), *TREE[1:]]
    return {
        "another history, regrown": (6, old, SIZE, naive_root(forked), naive_proof(6, forked)),
        "a leaf changed after the old size": (6, old, SIZE, naive_root([*TREE[:9], *forked[:4]]), proof),
        "another old root": (6, flipped(old), SIZE, ROOT, proof),
        "another new root": (6, old, SIZE, flipped(ROOT), proof),
        "another old size": (5, old, SIZE, ROOT, proof),
        "another new size": (6, old, 70, ROOT, proof),
        "sizes exchanged": (SIZE, ROOT, 6, old, proof),
        "a proof cut at the start": (6, old, SIZE, ROOT, proof[1:]),
        "a proof cut at the end": (6, old, SIZE, ROOT, proof[:-1]),
        "no proof at all": (6, old, SIZE, ROOT, []),
        "a proof with one hash more": (6, old, SIZE, ROOT, [*proof, proof[0]]),
        "hashes swapped": (6, old, SIZE, ROOT, [proof[1], proof[0], *proof[2:]]),
        "a hash cut short": (6, old, SIZE, ROOT, [proof[0][:31], *proof[1:]]),
        "equal sizes, other roots": (SIZE, flipped(ROOT), SIZE, ROOT, []),
        "equal sizes with a proof": (SIZE, ROOT, SIZE, ROOT, proof),
        "the old root alone": (8, naive_root(TREE[:8]), SIZE, ROOT, []),
        "an empty tree with another root": (0, old, SIZE, ROOT, []),
        "an empty tree with a proof": (0, EMPTY_ROOT, SIZE, ROOT, proof),
        "a negative size": (-1, EMPTY_ROOT, SIZE, ROOT, []),
    }


class TestAttacks:
    @pytest.mark.parametrize("attack", forged_inclusions())
    def test_an_inclusion_proof_with_it_is_refused(self, attack: str) -> None:
        assert verify_inclusion(TREE[5], 5, SIZE, naive_path(5, TREE), ROOT)
        assert not verify_inclusion(*forged_inclusions()[attack])

    @pytest.mark.parametrize("attack", forged_consistencies())
    def test_a_consistency_proof_with_it_is_refused(self, attack: str) -> None:
        assert verify_consistency(6, naive_root(TREE[:6]), SIZE, ROOT, naive_proof(6, TREE))
        assert not verify_consistency(*forged_consistencies()[attack])

    @given(st.integers(1, 40), st.data())
    def test_a_leaf_is_proven_at_no_other_position(self, size: int, data: st.DataObject) -> None:
        leaves = made(size)
        position, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size + 3))
        shown = verify_inclusion(leaves[position], other, size, naive_path(position, leaves), naive_root(leaves))
        assert shown == (other == position)

    def test_every_tree_extends_the_empty_one(self) -> None:
        assert verify_consistency(0, EMPTY_ROOT, SIZE, ROOT, [])

    def test_only_the_checkpoint_binds_a_size_to_its_root(self) -> None:
        """A proof alone fits every size of the same shape, as in the RFC: so size and root are signed together."""
        proof = naive_proof(6, TREE)
        assert verify_consistency(6, naive_root(TREE[:6]), SIZE + 1, ROOT, proof)
        assert verify_inclusion(node_hash(TREE[4], TREE[5]), 2, 7, naive_path(5, TREE)[1:], ROOT)
