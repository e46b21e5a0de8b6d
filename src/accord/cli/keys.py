"""Commands on the key-encryption key of this installation: keys status, keys rotate-kek."""

import click

from accord.cli import tell
from accord.cli.errors import LocalError
from accord.cli.local import installed, print_json, read_config
from accord.domain.terms import DAY, SECOND, Instant
from accord.keys.kek import KeyUnreadableError
from accord.keys.secrets import SecretsError


@click.group()
def keys() -> None:
    """See and rotate the key-encryption key."""


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="Print the epochs as JSON.")
def status(as_json: bool) -> None:
    """Show the epochs of the key-encryption key. The newest one is due to be followed after ACCORD_KEK_DAYS."""
    config = read_config()
    with installed(config) as installation:
        epochs = installation.wrapped_keys.epochs()
    due = Instant(epochs[-1][1] + config.kek_days * DAY)
    if as_json:
        told = [{"epoch": e, "begun": _when(b), "ended": _when(end), "keys": held} for e, b, end, held in epochs]
        print_json({"epochs": told, "rotation_due": _when(due)})
        return
    rows = [(str(epoch), _when(begun), _when(ended) or "in use", str(held)) for epoch, begun, ended, held in epochs]
    tell.table(("epoch", "begun", "ended", "keys"), rows)
    click.echo(f"rotate by {_when(due)}: receipts of erasure rest on it")


@keys.command("rotate-kek")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def rotate_kek(as_json: bool) -> None:
    """Wrap every living key under a new key-encryption key, and destroy the old one. Servers go on meanwhile.

    What was cut off is finished by calling it again. Destroy every backup of the old key too: it opens old
    backups of the key store.
    """
    with installed(read_config()) as installation, tell.progress("wrapping") as show:
        try:
            done = installation.rotate_kek(show)
        except (SecretsError, KeyUnreadableError) as error:
            raise LocalError(str(error)) from error
    if as_json:
        print_json({"epoch": done.epoch, "rewrapped": done.rewrapped, "destroyed": done.destroyed, "left": done.left})
        return
    click.echo(f"epoch {done.epoch}: {done.rewrapped} keys wrapped anew")
    for epoch in done.destroyed:
        click.echo(f"the key of epoch {epoch} is destroyed; destroy its backups too")
    for epoch in done.left:
        click.echo(f"destroy the key of epoch {epoch} now: put ACCORD_KEK_NEXT in the place of ACCORD_KEK,")
        click.echo(f"and set ACCORD_KEK_EPOCH to {done.epoch}, for every process")


def _when(time: Instant) -> str:
    return tell.when_of(time / SECOND) if time else ""


COMMANDS = (keys,)
