"""Which incarnation of its ledger a database holds, and since which entry nobody has accepted what was lost."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns: every ledger so far is the first incarnation, and has lost nothing."""
    op.add_column("head", sa.Column("incarnation", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("head", sa.Column("unreconciled_since", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Refuse: a program of before would sign a recovered ledger as if nothing had been lost."""
    raise RuntimeError("there is no way down: restore the backup made before the migration")
