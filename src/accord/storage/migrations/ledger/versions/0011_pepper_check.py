"""What each ledger tells of its pepper, so that whoever has another one of that epoch is told so."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add it: of a ledger of before nothing is told until its identifiers move to the next epoch."""
    op.add_column("head", sa.Column("pepper_check", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("head", "pepper_check")
