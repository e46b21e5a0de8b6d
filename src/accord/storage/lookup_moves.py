"""Identifiers move from one epoch of the pepper to the next: every digest of a brand is written anew, in one commit.

What each digest becomes is worked out before, from the entries, and kept in `lookup_move`; whoever moves them
holds the brand's head as long as the statements below take. What nobody can hash anew may not be lost:
where a digest has no successor, nothing moves.

Writers wait for these statements, so each database is told them in the form that takes it the least: rows are taken
away and put back in the order of their new digests, which fills pages one after the other, where an UPDATE would look
for the place of each.
"""

from collections.abc import Iterator

from accord.storage import held
from accord.storage.engine import Driver, Row

KEEP = (
    "INSERT INTO lookup_move (brand_id, lookup, next_lookup) VALUES (?, ?, ?) "
    "ON CONFLICT (brand_id, lookup) DO UPDATE SET next_lookup = excluded.next_lookup"
)
CLEAR = "DELETE FROM lookup_move WHERE brand_id = ?"
_REWRITTEN = {"identity": "customer_ref, number, kind", "point": "state"}
"""Tables that are written under the head's lock alone, with what stands in a row besides its digest."""

_KEYED = (*_REWRITTEN, "former_holder")
"""Tables that have an address or an own id by its digest alone."""

_STRANDED = " UNION ALL ".join(
    f"SELECT count(*) FROM {table} t WHERE t.brand_id = ? AND NOT EXISTS "
    "(SELECT 1 FROM lookup_move m WHERE m.brand_id = t.brand_id AND m.lookup = t.lookup)"
    for table in _KEYED
)
_BY_NOTE = "lookup_move m WHERE t.brand_id = ? AND m.brand_id = t.brand_id AND m.lookup = t.lookup"
_POSTGRESQL = tuple(
    f"WITH moved AS (DELETE FROM {table} t USING {_BY_NOTE} RETURNING t.brand_id, m.next_lookup, {others}) "
    f"INSERT INTO {table} (brand_id, lookup, {others}) SELECT * FROM moved ORDER BY next_lookup"
    for table, others in _REWRITTEN.items()
)
# In a file, which nobody would empty of whoever is erased later, they have no business.
_SQLITE_IN_MEMORY = "PRAGMA temp_store=MEMORY"
_SQLITE_TAKE = (
    f"CREATE TEMP TABLE moved AS SELECT m.next_lookup, {{others}} FROM {{table}} t, {_BY_NOTE} ORDER BY m.next_lookup"
)
_SQLITE_CLEAR = "DELETE FROM {table} WHERE brand_id = ?"
_SQLITE_PUT = "INSERT INTO {table} (brand_id, lookup, {others}) SELECT ?, * FROM moved"
_SQLITE_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
_NEXT = "(SELECT m.next_lookup FROM lookup_move m WHERE m.brand_id = {0}.brand_id AND m.lookup = {0}.lookup)"
_UPDATES = (
    # An erasure may be deleting rows of it: it would wait for one that is taken away, and miss the one put back.
    f"UPDATE former_holder SET lookup = {_NEXT.format('former_holder')} WHERE brand_id = ?",
    # An address on a list that nobody ever held is known by no entry: its row finds nobody, and is mended once it is
    # given. Until then it has the list's own digest, for the one of before would be guessed with the pepper of before.
    f"UPDATE listing SET lookup = coalesce({_NEXT.format('listing')}, digest) WHERE brand_id = ?",
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
    if database.is_sqlite:
        _rewrite_sqlite(database, brand_id)
    else:
        database.write([(sql, [(brand_id,)]) for sql in _POSTGRESQL])
    database.write([(sql, [(brand_id,)]) for sql in _UPDATES])
    for refs in _holders(database, brand_id):
        held.refresh_of(database, brand_id, refs)
    database.write([(_SET_EPOCH, [(epoch, check, brand_id)]), (CLEAR, [(brand_id,)])])


def _rewrite_sqlite(database: Driver, brand_id: int) -> None:
    """Write the rows of each table anew, without its indexes, which are made again: of all of it that costs least.

    They come and go with the transaction, like the rows. PostgreSQL would keep questions out meanwhile.
    """
    database.rows(_SQLITE_IN_MEMORY)
    for table, others in _REWRITTEN.items():
        indexes = database.rows(_SQLITE_INDEXES, table)
        for name, _ in indexes:
            database.rows(f"DROP INDEX {name}")
        database.rows(_SQLITE_TAKE.format(table=table, others=others), brand_id)
        database.rows(_SQLITE_CLEAR.format(table=table), brand_id)
        database.rows(_SQLITE_PUT.format(table=table, others=others), brand_id)
        database.rows("DROP TABLE moved")
        for _, made in indexes:
            database.rows(made)


def _holders(database: Driver, brand_id: int) -> Iterator[list[bytes]]:
    """Yield the references of all who hold an address, a thousand at a time."""
    last: Row = (b"",)
    while rows := database.rows(_HOLDERS, brand_id, last[0]):
        yield [bytes(ref) for (ref,) in rows]
        last = rows[-1]
