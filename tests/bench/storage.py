"""How many bytes a customer and an entry take in the SQLite file."""

import sqlite3
from pathlib import Path

from msgspec import Struct

from accord.ledger.seal import OPENING_BYTES

_NONCE_AND_TAG_BYTES = 12 + 16


class Storage(Struct, frozen=True):
    """Bytes in pages, unused room included, and of payloads as they were told."""

    customers: int
    entries: int
    by_table: dict[str, int]
    payloads: int
    states: int

    def each(self, count: int, *tables: str) -> float:
        """Return the bytes of some tables, with their indexes, for each of `count`."""
        return sum(self.by_table.get(table, 0) for table in tables) / count

    @property
    def per_customer(self) -> float:
        """The state of a customer and of their addresses, and how they are found."""
        return self.each(self.customers, "customer", "identity", "point")

    @property
    def per_entry(self) -> float:
        """A line of the ledger and its part of the tree, without what was told."""
        return self.each(self.entries, "entry", "tile") - self.payloads / self.entries


def weigh(path: Path) -> Storage:
    """Read the sizes of a database that nobody writes."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        sizes = connection.execute(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY m.tbl_name"
        )
        by_table = dict(sizes.fetchall())
        ((customers, states),) = connection.execute("SELECT count(*), sum(length(state)) FROM customer")
        ((entries, sealed),) = connection.execute("SELECT count(*), sum(length(sealed)) FROM entry")
    finally:
        connection.close()
    payloads = sealed - entries * (_NONCE_AND_TAG_BYTES + OPENING_BYTES)
    return Storage(customers, entries, by_table, payloads, states)
