"""What a command on this machine raises where it cannot do what was asked."""


class LocalError(Exception):
    """What was asked cannot be done here; the message says why and what to do."""
