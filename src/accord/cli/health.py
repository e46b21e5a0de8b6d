"""`accord health`: the standard gRPC health check, for people and for probes. Exits 0 SERVING, else 1."""

import click
import msgspec

from accord.cli.connect import connect
from accord.cli.options import calling

_SERVING = "SERVING"


@click.command()
@calling
def health(server: str, as_json: bool) -> None:
    """Say whether the server serves. Exits 0 SERVING, 1 otherwise."""
    with connect(server) as connection:
        status = connection.health()
    if as_json:
        click.echo(msgspec.json.encode({"status": status}).decode())
    else:
        click.secho(status, fg="green" if status == _SERVING else "red")
    if status != _SERVING:
        raise SystemExit(1)


COMMANDS = (health,)
