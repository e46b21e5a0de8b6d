"""Identifiers move from one epoch of the pepper to the next: every digest of a brand is written anew, in one commit.

What each digest becomes is worked out before, from the entries, and kept in `lookup_move`; whoever moves them
holds the brand's head as long as the statements below take. What nobody can hash anew may not be lost:
where a digest has no successor, nothing moves.
"""

from collections.abc import Iterator

from accord.storage import held
from accord.storage.engine import Driver, Row

KEEP = (
    "INSERT INTO lookup_move (brand_id, lookup, next_lookup) VALUES (?, ?, ?) "
    "ON CONFLICT (brand_id, lookup) DO UPDATE SET next_lookup = excluded.next_lookup"
)
CLEAR = "DELETE FROM lookup_move WHERE brand_id = ?"
_KEYED = ("identity", "point", "former_holder")
"""Tables that have an address or an own id by its digest alone."""

_STRANDED = " UNION ALL ".join(
    f"SELECT count(*) FROM {table} t WHERE t.brand_id = ? AND NOT EXISTS "
    "(SELECT 1 FROM lookup_move m WHERE m.brand_id = t.brand_id AND m.lookup = t.lookup)"
    for table in _KEYED
)
_NEXT = "(SELECT m.next_lookup FROM lookup_move m WHERE m.brand_id = {table}.brand_id AND m.lookup = {table}.lookup)"
# An address on a list that nobody ever held is known by no entry: its row finds nobody, and is mended once it is given.
# Until then it has the list's own digest, for the one of before would be guessed with the pepper of before.
_MOVE = tuple(
    f"UPDATE {table} SET lookup = coalesce({_NEXT.format(table=table)}, {other}) WHERE brand_id = ?"
    for table, other in (*((table, "lookup") for table in _KEYED), ("listing", "digest"))
)
_SET_EPOCH = "UPDATE head SET pepper_epoch = ?, pepper_check = ? WHERE brand_id = ?"
_HOLDERS = (
    "SELECT customer_ref FROM customer WHERE brand_id = ? AND customer_ref > ? AND held IS NOT NULL "
    "ORDER BY customer_ref LIMIT 1000"
)


def stranded(database: Driver, brand_id: int) -> int:
    """Return how many rows would be lost, since nothing says what their digest becomes."""
    return sum(count for (count,) in database.rows(_STRANDED, *[brand_id] * len(_KEYED)))


def move(database: Driver, brand_id: int, epoch: int, check: int) -> None:
    """Write every digest anew and note the epoch; nothing is committed yet."""
    database.write([(sql, [(brand_id,)]) for sql in _MOVE])
    for refs in _holders(database, brand_id):
        held.refresh_of(database, brand_id, refs)
    database.write([(_SET_EPOCH, [(epoch, check, brand_id)]), (CLEAR, [(brand_id,)])])


def _holders(database: Driver, brand_id: int) -> Iterator[list[bytes]]:
    """Yield the references of all who hold an address, a thousand at a time."""
    last: Row = (b"",)
    while rows := database.rows(_HOLDERS, brand_id, last[0]):
        yield [bytes(ref) for (ref,) in rows]
        last = rows[-1]
