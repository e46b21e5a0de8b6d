"""The tables, once for both databases. Migrations make them; a test compares.

`entry` and `tile` only grow: triggers in the database itself refuse everything else. All other
tables follow from them, but for `request` (answers given), `denial` (counts) and `suppression` (digests
of addresses, under a pepper of their own).
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

ledger = MetaData()
keys = MetaData()

head = Table(
    "head",
    ledger,
    Column("brand_id", Integer, primary_key=True),
    Column("brand", Text, nullable=False, unique=True),
    Column("ledger", Text, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("edge", LargeBinary, nullable=False),
    Column("recorded_time", BigInteger, nullable=False),
    Column("catalogue_position", BigInteger, nullable=False),
    Column("catalogue_version", BigInteger, nullable=False),
    Column("incarnation", Integer, nullable=False, server_default="1"),
    Column("unreconciled_since", BigInteger, nullable=False, server_default="0"),
    Column("pepper_epoch", Integer, nullable=False, server_default="1"),
    Column("pepper_check", BigInteger, nullable=False, server_default="0"),
)

entry = Table(
    "entry",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    Column("customer_version", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "position"),
    Index("entry_by_customer", "brand_id", "customer_ref", "customer_version", unique=True),
)

tile = Table(
    "tile",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("tile_index", BigInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "level", "tile_index"),
)

customer = Table(
    "customer",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("state", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "customer_ref"),
    Column("held", LargeBinary),
    Column("group_id", LargeBinary),
    Column("group_since", BigInteger),
    # Few are merged, and only they stand in the index.
    Index(
        "customer_by_group",
        "group_id",
        sqlite_where=text("group_id IS NOT NULL"),
        postgresql_where=text("group_id IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

identity = Table(
    "identity",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("lookup", LargeBinary, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    PrimaryKeyConstraint("brand_id", "lookup", "customer_ref"),
    # Not by brand first: for a table of which nothing is known yet, PostgreSQL would take it for the one by lookup.
    Index("identity_by_customer", "customer_ref", "brand_id", "number", "kind"),
    sqlite_with_rowid=False,
)

former_holder = Table(
    "former_holder",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("lookup", LargeBinary, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "lookup", "customer_ref"),
    sqlite_with_rowid=False,
)

lookup_move = Table(
    "lookup_move",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("lookup", LargeBinary, nullable=False),
    Column("next_lookup", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "lookup"),
    sqlite_with_rowid=False,
)

point = Table(
    "point",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("lookup", LargeBinary, nullable=False),
    Column("state", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "lookup"),
    sqlite_with_rowid=False,
)

contact = Table(
    "contact",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("contact_key", LargeBinary, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    Column("positions", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "contact_key"),
    Column("others", LargeBinary),
    # Contacts with one entry in each history they are told in are unreported: 8 bytes each, beside 16 for each other.
    # Positions are written so that their order is that of the bytes.
    Index(
        "contact_unreported",
        "brand_id",
        "positions",
        sqlite_where=text("length(positions) = 8 + coalesce(length(others), 0) / 2"),
        postgresql_where=text("length(positions) = 8 + coalesce(length(others), 0) / 2"),
    ),
    sqlite_with_rowid=False,
)

request = Table(
    "request",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("request_key", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "request_key"),
    sqlite_with_rowid=False,
)

suppression = Table(
    "suppression",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("erased_time", BigInteger, nullable=False),
    PrimaryKeyConstraint("brand_id", "digest"),
    sqlite_with_rowid=False,
)

listing = Table(
    "listing",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("list", Text, nullable=False),
    Column("lookup", LargeBinary, nullable=False),
    Column("listed_time", BigInteger, nullable=False),
    Column("listing", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand_id", "digest", "list"),
    Index("listing_by_list", "list", "brand_id", "listed_time", "digest"),
    sqlite_with_rowid=False,
)

denial = Table(
    "denial",
    ledger,
    Column("brand_id", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("brand_id", "day", "channel", "purpose", "reason"),
    sqlite_with_rowid=False,
)

wrapped_key = Table(
    "wrapped_key",
    keys,
    Column("brand", Text, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand", "customer_ref", "generation"),
    sqlite_with_rowid=False,
)

kek_epoch = Table(
    "kek_epoch",
    keys,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("begun_time", BigInteger, nullable=False),
    Column("ended_time", BigInteger, nullable=False),
)

fence = Table(
    "fence",
    keys,
    Column("brand", Text, nullable=False),
    Column("customer_ref", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand", "customer_ref"),
    sqlite_with_rowid=False,
)

erasure = Table(
    "erasure",
    keys,
    Column("brand", Text, nullable=False),
    Column("erasure_id", LargeBinary, nullable=False),
    Column("request_time", BigInteger, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("receipt", Text, nullable=False),
    PrimaryKeyConstraint("brand", "erasure_id"),
    sqlite_with_rowid=False,
)

GROWING = ("entry", "tile")
"""Tables that only grow."""
