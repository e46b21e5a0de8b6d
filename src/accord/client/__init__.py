"""What callers of a serving Accord import: a connection, its services, and errors with a reason."""

from accord.client.connection import CallFailedError, Connection

__all__ = ["CallFailedError", "Connection"]
