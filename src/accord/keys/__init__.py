"""Keys: the secrets of an installation, customers' keys wrapped under them, and signing."""
