"""The scrub: what is stored is read again in slices, hashed again, and held to the tree, the head and the checkpoint.

Needs no key and judges no meaning: that is the audit's. A slice begins where a tile does. Round by round every leaf,
ciphertext and tile is read: leaves against their rows, rows against tiles, tiles against those above, the topmost and
the newest rows against the head, the head against the checkpoint kept outside. What does not fit is read once more by
another connection, and is then kept as a fault: nobody serves or signs a damaged ledger. It is looked at again until it
fits again.
"""

import logging
from collections.abc import Callable, Iterator
from itertools import islice

from msgspec.structs import replace

from accord.domain.terms import Instant, Position
from accord.ledger.opening import TamperedError, check_leaf
from accord.ledger.scrubbing import ScrubMark, ScrubMarks
from accord.ledger.store import TILE_WIDTH, LedgerStore, StoreFaultError, TreeHead
from accord.ledger.tree import Tree
from accord.proof.merkle import HASH_BYTES, cover, grow, leaf_hash, root_of_edge, split
from accord.service.guard import LedgerUnprovenError, ProvableStore

MAX_FAULTS = 20
"""Faults told of one slice."""

_log = logging.getLogger(__name__)


class Scrub:
    """Scrubs every ledger of a database, a slice at a time."""

    def __init__(  # noqa: PLR0913 - what is read, what it is held to, and how fast
        self,
        store: ProvableStore,
        fresh: ProvableStore,
        examine: Callable[[TreeHead], None],
        marks: ScrubMarks,
        clock: Callable[[], Instant],
        entries: int,
    ) -> None:
        """Read `entries` to a slice, rounded up to whole tiles.

        `fresh` is the same database by a connection that is opened for each use. `examine` raises LedgerUnprovenError
        where a ledger does not extend the checkpoint kept outside.
        """
        self._store = store
        self._fresh = fresh
        self._examine = examine
        self._marks = marks
        self._clock = clock
        self._entries = -(-entries // TILE_WIDTH) * TILE_WIDTH

    def step(self) -> None:
        """Scrub the next slice of every ledger, or again the one that is damaged. Raises StoreUnavailableError."""
        for head in self._store.heads():
            self._keep_on(head)

    def look_again(self) -> None:
        """Scrub again what is damaged, and nothing else: what was restored is served again."""
        damaged = {mark.ledger for mark in self._marks.damaged()}
        for head in self._store.heads() if damaged else ():
            if head.ledger in damaged:
                self._keep_on(head)

    def whole_round(self, progress: Callable[[int, int], None]) -> tuple[ScrubMark, ...]:
        """Scrub every ledger from its first entry to its last; return the marks. Stops in a ledger at its damage.

        A mark is kept at the end only: damage that is known stays known until the round has come past it.
        """
        marks: list[ScrubMark] = []
        for head in self._store.heads():
            mark = ScrubMark(ledger=head.ledger, begun_time=self._clock())
            while mark := self._slice(head, mark):
                progress(mark.position or head.size, head.size)
                if mark.faults or not mark.position:
                    break
            self._marks.put(mark)
            marks.append(mark)
        return tuple(marks)

    def _keep_on(self, head: TreeHead) -> None:
        """Scrub the slice that the mark names, and keep the mark."""
        mark = self._marks.read(head.ledger) or ScrubMark(ledger=head.ledger, begun_time=self._clock())
        self._marks.put(self._slice(head, mark))

    def _slice(self, head: TreeHead, mark: ScrubMark) -> ScrubMark:
        start = mark.position if mark.position < head.size else 0
        found = self._faults(self._store, head, start)
        if found:
            # A fault of the way here, not of what is stored, is not there the second time.
            found = self._faults(self._fresh, head, start)
        if found and found != mark.faults:
            for fault in found:
                _log.error("the ledger is damaged: %s: %s", head.ledger, fault)
        if mark.faults and not found:
            _log.warning("what was damaged fits again: %s", head.ledger)
        return self._after(mark, start, head.size, found)

    def _after(self, mark: ScrubMark, start: int, size: int, found: tuple[str, ...]) -> ScrubMark:
        if found:
            return replace(mark, position=Position(start), faults=found)
        end = start + self._entries
        if end < size:
            return replace(mark, position=Position(end), faults=())
        now = self._clock()
        return replace(mark, position=Position(0), begun_time=now, ended_time=now, faults=())

    def _faults(self, store: LedgerStore, head: TreeHead, start: int) -> tuple[str, ...]:
        return tuple(islice(self._look(store, head, start), MAX_FAULTS))

    def _look(self, store: LedgerStore, head: TreeHead, start: int) -> Iterator[str]:
        end = min(start + self._entries, head.size)
        try:
            yield from faults_of_slice(store, head, start, end)
            yield from faults_of_head(store, head)
            self._examine(head)
        except StoreFaultError:
            yield f"entries {start} to {end - 1}: the database cannot read them"
        except LedgerUnprovenError as error:
            yield str(error)


def faults_of_slice(store: LedgerStore, head: TreeHead, start: int, end: int) -> Iterator[str]:
    """Yield what does not fit in entries and tiles from start, where a tile begins, up to end."""
    for first in range(start, end, TILE_WIDTH):
        width = min(TILE_WIDTH, end - first)
        rows = {entry.position: entry for entry in store.entries(head.brand, first, width)}
        hashes = []
        for position in range(first, first + width):
            entry = rows.get(Position(position))
            if entry is None:
                yield f"entry {position}: is not there"
                continue
            try:
                check_leaf(entry, head.ledger)
            except TamperedError as error:
                yield str(error)
            hashes.append(leaf_hash(entry.leaf))
        if width == TILE_WIDTH:
            yield from _faults_of_tile(store, head, 0, first // TILE_WIDTH, hashes)


def _faults_of_tile(store: LedgerStore, head: TreeHead, level: int, index: int, hashes: list[bytes]) -> Iterator[str]:
    """Yield what does not fit of a tile, by the hashes below it, and of its place in the one above."""
    if store.tiles(head.brand, level, (index,)).get(index) != b"".join(hashes):
        yield f"tile {level}/{index}: does not fit what is below it"
        return
    above, place = divmod(index, TILE_WIDTH)
    row = store.tiles(head.brand, level + 1, (above,)).get(above)
    if row is None:
        if head.size >= (above + 1) * TILE_WIDTH ** (level + 2):
            yield f"tile {level + 1}/{above}: is not there"
        return
    if row[place * HASH_BYTES : (place + 1) * HASH_BYTES] != root_of_edge(grow((), 0, hashes)):
        yield f"tile {level + 1}/{above}: does not fit tile {level}/{index}"
    elif place == TILE_WIDTH - 1:
        # Every other hash of it was held to the tile below when that was read.
        yield from _faults_of_tile(store, head, level + 1, above, list(split(row)))


def faults_of_head(store: LedgerStore, head: TreeHead) -> Iterator[str]:
    """Yield what does not fit of the right edge and the root."""
    tree = Tree(store, head.brand)
    edge = split(head.edge)
    if edge != tuple(tree.node(node) for node in cover(0, head.size)):
        yield f"the head at {head.size} entries: its edge does not fit the tree"
        # Which tile it is, of those that no full one above stands for.
        width = TILE_WIDTH * TILE_WIDTH
        yield from faults_of_slice(store, head, head.size // width * width, head.size)
    if root_of_edge(edge) != head.root:
        yield f"the head at {head.size} entries: its root does not fit its edge"
