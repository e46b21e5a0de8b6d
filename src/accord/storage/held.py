"""What a customer holds, kept beside their state: the addresses and what is known of each, as one value.

A question then meets one row, where it would walk an index and join every address. The value follows
from `identity` and `point`, which stay the truth: a commit that changed either writes it anew for
whom it touches, in its own transaction, so it never lags; the audit compares. The callers' own ids
are left out: they only find the customer.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from accord.ledger.store import Batch, IdentifierRow
from accord.storage.engine import MANY, Driver, Row

EVERYONE = (
    "SELECT i.brand_id, i.customer_ref, i.lookup, i.number, i.kind, p.state FROM identity i "
    "LEFT JOIN point p ON p.brand_id = i.brand_id AND p.lookup = i.lookup "
    "WHERE i.kind <> 'CUSTOMER_ID' ORDER BY i.brand_id, i.customer_ref, i.number"
)
PUT = "UPDATE customer SET held = ? WHERE brand_id = ? AND customer_ref = ?"
_PUT_TOGETHER = (
    "UPDATE customer c SET held = v.held FROM unnest(?::bytea[], ?::integer[], ?::bytea[]) AS v(held, brand_id, ref) "
    "WHERE c.brand_id = v.brand_id AND c.customer_ref = v.ref"
)
_THEIRS = EVERYONE.replace("ORDER BY", "AND i.brand_id = ? AND i.customer_ref = ANY(?) ORDER BY")
_HOLDERS = "SELECT DISTINCT customer_ref FROM identity WHERE brand_id = ? AND lookup = ANY(?)"

_encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(tuple[IdentifierRow, ...]).decode
"""Return the addresses in a value, by number."""


def refresh(database: Driver, brand_id: int, batch: Batch) -> None:
    """Write anew what those customers hold whose addresses the batch changed; all else of it is written.

    Who was made by the batch is told of in it, and written with it: nobody else can have changed what they hold.
    """
    refs = {ref for _, ref in batch.unlinked} | {ref for _, ref, _, _ in batch.linked}
    if batch.points:
        refs.update(bytes(ref) for (ref,) in database.rows(_HOLDERS, brand_id, list(batch.points)))
    refs -= batch.made.keys()
    if refs:
        refresh_of(database, brand_id, sorted(refs))


def refresh_of(database: Driver, brand_id: int, refs: list[bytes]) -> None:
    """Write anew what these customers hold."""
    held = {ref: raw for raw, _, ref in packed(database.rows(_THEIRS, brand_id, refs))}
    rows: list[Row] = [(held.get(ref), brand_id, ref) for ref in refs]
    if database.is_sqlite or len(rows) < MANY:
        database.write([(PUT, rows)])
    else:
        database.write_together(_PUT_TOGETHER, rows)


def of_made(batch: Batch, ref: bytes) -> bytes | None:
    """Return the value of a customer whom the batch made, None where they hold nothing or were there before."""
    addresses = batch.made.get(ref)
    return _encode(addresses) if addresses else None


def packed(rows: Iterable[Any]) -> Iterator[Row]:
    """Yield the values of `PUT` for each customer of whom there are rows; theirs follow each other."""
    for (brand_id, ref), theirs in groupby(rows, itemgetter(0, 1)):
        addresses = [IdentifierRow(bytes(row[2]), row[3], row[4], bytes(row[5] or b"")) for row in theirs]
        yield _encode(addresses), brand_id, bytes(ref)
