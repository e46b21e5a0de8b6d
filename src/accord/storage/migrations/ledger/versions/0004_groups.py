"""Customers may be merged, and a contact may be told in the histories of several."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_MERGED = sa.text("group_id IS NOT NULL")
_UNREPORTED = sa.text("length(positions) = 8 + coalesce(length(others), 0) / 2")
"""One entry, of 8 bytes, in the history of each customer it is told to; the others are named in 16 bytes each."""


def upgrade() -> None:
    """Add the columns, empty: nobody is merged yet."""
    op.add_column("customer", sa.Column("group_id", sa.LargeBinary()))
    op.add_column("customer", sa.Column("group_since", sa.BigInteger()))
    op.create_index(
        "customer_by_group",
        "customer",
        ["group_id"],
        sqlite_where=_MERGED,
        postgresql_where=_MERGED,
    )
    op.add_column("contact", sa.Column("others", sa.LargeBinary()))
    op.drop_index("contact_unreported", "contact")
    op.create_index(
        "contact_unreported",
        "contact",
        ["brand_id", "positions"],
        sqlite_where=_UNREPORTED,
        postgresql_where=_UNREPORTED,
    )


def downgrade() -> None:
    """Refuse: a program of before would judge the members of a group one by one."""
    raise RuntimeError("there is no way down: restore the backup made before the migration")
