"""What a customer holds is kept beside their state."""

import sqlalchemy as sa
from alembic import op

from accord.storage import held

revision = "0002"
down_revision = "0001"

_PAGE = 10_000


def upgrade() -> None:
    """Add the column, and fill it from what is there."""
    op.add_column("customer", sa.Column("held", sa.LargeBinary()))
    database = op.get_bind()
    put = held.PUT if database.dialect.name == "sqlite" else held.PUT.replace("?", "%s")
    page = []
    for values in held.packed(database.exec_driver_sql(held.EVERYONE).fetchall()):
        page.append(values)
        if len(page) == _PAGE:
            database.exec_driver_sql(put, page)
            page.clear()
    if page:
        database.exec_driver_sql(put, page)


def downgrade() -> None:
    """Refuse: a program of before would not keep the column up to date."""
    raise RuntimeError("there is no way down: restore the backup made before the migration")
