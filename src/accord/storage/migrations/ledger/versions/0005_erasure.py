"""Addresses whose holder was erased and is not to be woken up."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "suppression",
        sa.Column("brand_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("erased_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "digest"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: a program of before would wake up whom an erasure let sleep."""
    raise RuntimeError("there is no way down: restore the backup made before the migration")
