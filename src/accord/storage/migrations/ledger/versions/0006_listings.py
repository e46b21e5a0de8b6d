"""Addresses that stand on imported lists, by keyed digest."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "listing",
        sa.Column("brand_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("listed_time", sa.BigInteger(), nullable=False),
        sa.Column("listing", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "digest", "list"),
        sqlite_with_rowid=False,
    )
    op.create_index("listing_by_list", "listing", ["brand_id", "list", "listed_time", "digest"])


def downgrade() -> None:
    """Refuse: a program of before would contact whom a list forbids."""
    raise RuntimeError("there is no way down: restore the backup made before the migration")
