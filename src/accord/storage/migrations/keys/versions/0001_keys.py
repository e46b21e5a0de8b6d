"""Customers' wrapped keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "wrapped_key",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("customer_ref", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand", "customer_ref", "generation"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: dropping keys is erasing every customer."""
    raise RuntimeError("keys are never taken down by a migration")
