"""The command line: readable answers for people, `--json` for programs. Reaches a server through the client."""

from accord.cli.main import Accord, run

__all__ = ["Accord", "run"]
