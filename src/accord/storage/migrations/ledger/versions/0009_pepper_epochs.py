"""In which epoch of the pepper the identifiers of a ledger are, and what digests become while they move to the next."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add both: every ledger so far is in the first epoch."""
    op.add_column("head", sa.Column("pepper_epoch", sa.Integer(), nullable=False, server_default="1"))
    op.create_table(
        "lookup_move",
        sa.Column("brand_id", sa.Integer(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("next_lookup", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "lookup"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: a program of before would recognise nobody whose identifiers moved to another epoch."""
    raise RuntimeError("there is no way down: restore the backup made before the migration")
