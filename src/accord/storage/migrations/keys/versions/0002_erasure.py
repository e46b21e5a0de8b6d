"""Fences, erasures, and the epochs of the key-encryption key."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables. The first epoch is taken to begin now: when it did is not known."""
    op.create_table(
        "kek_epoch",
        sa.Column("epoch", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("begun_time", sa.BigInteger(), nullable=False),
        sa.Column("ended_time", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "fence",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("customer_ref", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand", "customer_ref"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasure",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("erasure_id", sa.LargeBinary(), nullable=False),
        sa.Column("request_time", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("brand", "erasure_id"),
        sqlite_with_rowid=False,
    )
    op.get_bind().exec_driver_sql(f"INSERT INTO kek_epoch VALUES (1, {time.time_ns() // 1000}, 0)")


def downgrade() -> None:
    """Refuse: without its fences, an erased customer could be given a key again."""
    raise RuntimeError("fences are never taken down by a migration")
