"""Who held an address and left it, so that the past of an address can be told.

Of addresses that were left before, nothing is known here: their past is told by who holds them now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "former_holder",
        sa.Column("brand_id", sa.Integer(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("customer_ref", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "lookup", "customer_ref"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the table: it follows from the entries."""
    op.drop_table("former_holder")
