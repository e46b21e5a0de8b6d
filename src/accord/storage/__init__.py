"""Storage: SQLAlchemy Core and the drivers of SQLite and PostgreSQL. The only place that knows SQL. Holds no rule."""
