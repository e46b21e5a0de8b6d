"""Indexes that nobody takes for another: they no longer begin with the brand, which is the same in nearly every row."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make both anew; writers wait meanwhile."""
    op.drop_index("identity_by_customer", "identity")
    op.create_index("identity_by_customer", "identity", ["customer_ref", "brand_id", "number", "kind"])
    op.drop_index("listing_by_list", "listing")
    op.create_index("listing_by_list", "listing", ["list", "brand_id", "listed_time", "digest"])


def downgrade() -> None:
    """Make both as they were."""
    op.drop_index("identity_by_customer", "identity")
    op.create_index("identity_by_customer", "identity", ["brand_id", "customer_ref", "number", "kind"])
    op.drop_index("listing_by_list", "listing")
    op.create_index("listing_by_list", "listing", ["brand_id", "list", "listed_time", "digest"])
