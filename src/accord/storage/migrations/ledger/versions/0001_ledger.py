"""The ledger and everything that follows from it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from accord.storage import guards

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables and their guards."""
    big, blob, text = sa.BigInteger(), sa.LargeBinary(), sa.Text()

    def column(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
        return sa.Column(name, kind, nullable=False)

    op.create_table(
        "head",
        sa.Column("brand_id", sa.Integer(), primary_key=True),
        sa.Column("brand", text, nullable=False, unique=True),
        sa.Column("ledger", text, nullable=False, unique=True),
        column("size", big),
        column("root", blob),
        column("edge", blob),
        column("recorded_time", big),
        column("catalogue_position", big),
        column("catalogue_version", big),
    )
    op.create_table(
        "entry",
        column("brand_id", sa.Integer()),
        column("position", big),
        column("leaf", blob),
        column("leaf_hash", blob),
        column("customer_ref", blob),
        column("customer_version", big),
        column("generation", sa.Integer()),
        column("sealed", blob),
        sa.PrimaryKeyConstraint("brand_id", "position"),
    )
    op.create_index("entry_by_customer", "entry", ["brand_id", "customer_ref", "customer_version"], unique=True)
    op.create_table(
        "tile",
        column("brand_id", sa.Integer()),
        column("level", sa.SmallInteger()),
        column("tile_index", big),
        column("hashes", blob),
        sa.PrimaryKeyConstraint("brand_id", "level", "tile_index"),
    )
    op.create_table(
        "customer",
        column("brand_id", sa.Integer()),
        column("customer_ref", blob),
        column("version", big),
        column("leaf_hash", blob),
        column("state", blob),
        sa.PrimaryKeyConstraint("brand_id", "customer_ref"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identity",
        column("brand_id", sa.Integer()),
        column("lookup", blob),
        column("customer_ref", blob),
        column("number", sa.Integer()),
        column("kind", text),
        sa.PrimaryKeyConstraint("brand_id", "lookup", "customer_ref"),
        sqlite_with_rowid=False,
    )
    op.create_index("identity_by_customer", "identity", ["brand_id", "customer_ref", "number", "kind"])
    op.create_table(
        "point",
        column("brand_id", sa.Integer()),
        column("lookup", blob),
        column("state", blob),
        sa.PrimaryKeyConstraint("brand_id", "lookup"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact",
        column("brand_id", sa.Integer()),
        column("contact_key", blob),
        column("customer_ref", blob),
        column("positions", blob),
        sa.PrimaryKeyConstraint("brand_id", "contact_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "request",
        column("brand_id", sa.Integer()),
        column("request_key", blob),
        column("content", blob),
        column("customer_ref", blob),
        column("answer", blob),
        sa.PrimaryKeyConstraint("brand_id", "request_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "denial",
        column("brand_id", sa.Integer()),
        column("day", sa.Integer()),
        column("channel", text),
        column("purpose", text),
        column("reason", sa.Integer()),
        column("count", big),
        sa.PrimaryKeyConstraint("brand_id", "day", "channel", "purpose", "reason"),
        sqlite_with_rowid=False,
    )
    guards.put_up(op.get_bind())


def downgrade() -> None:
    """Refuse: a ledger is never taken down by a migration."""
    raise RuntimeError("a ledger only grows; there is no way down from its first revision")
