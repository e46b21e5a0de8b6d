"""The oldest unreported contact of a brand is found by an index.

Positions are written with the largest byte first from here on, so that the order of the bytes, by which a
database compares them, is the order of the numbers.
"""

import struct

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_AT_ONCE = 10_000
_ALL = sa.text("SELECT brand_id, contact_key, positions FROM contact")
_TURN = sa.text("UPDATE contact SET positions = :positions WHERE brand_id = :brand_id AND contact_key = :contact_key")


def upgrade() -> None:
    """Turn the positions round, then index those of unreported contacts."""
    connection = op.get_bind()
    rows = connection.execute(_ALL).fetchall()
    turned = [{"brand_id": it, "contact_key": key, "positions": _turned(raw)} for it, key, raw in rows]
    for start in range(0, len(turned), _AT_ONCE):
        connection.execute(_TURN, turned[start : start + _AT_ONCE])
    only = sa.text("length(positions) = 8")
    op.create_index(
        "contact_unreported", "contact", ["brand_id", "positions"], sqlite_where=only, postgresql_where=only
    )


def downgrade() -> None:
    """Refuse: revisions before this one would read the positions wrongly."""
    raise RuntimeError("positions are written anew; there is no way back to the revision before")


def _turned(raw: bytes) -> bytes:
    return b"".join(struct.pack(">Q", each) for (each,) in struct.iter_unpack("<Q", raw))
