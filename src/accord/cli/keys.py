"""Commands on the keys of this installation: keys status, rotate-kek, rotate-pepper, rotate-signing."""

import click

from accord.cli import tell
from accord.cli.errors import LocalError
from accord.cli.local import installed, print_json, read_config
from accord.domain.terms import DAY, SECOND, Instant
from accord.keys.kek import KeyUnreadableError
from accord.keys.secrets import SecretsError
from accord.ledger.keyring import KeyLostError
from accord.service.pepper_rotation import StrandedError


@click.group()
def keys() -> None:
    """Rotate keys, and the pepper of identifiers."""


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="Print the epochs as JSON.")
def status(as_json: bool) -> None:
    """Show the epochs of keys and of the pepper.

    Of the key-encryption key, and for each brand that of the pepper its identifiers are under.

    The newest key-encryption key is due to be followed after ACCORD_KEK_DAYS.
    """
    config = read_config()
    with installed(config) as installation:
        epochs = installation.wrapped_keys.epochs()
        peppers = {head.brand: head.pepper_epoch for head in installation.store.heads()}
    due = Instant(epochs[-1][1] + config.kek_days * DAY)
    if as_json:
        told = [{"epoch": e, "begun": _when(b), "ended": _when(end), "keys": held} for e, b, end, held in epochs]
        print_json({"epochs": told, "rotation_due": _when(due), "pepper_epochs": peppers})
        return
    rows = [(str(epoch), _when(begun), _when(ended) or "in use", str(held)) for epoch, begun, ended, held in epochs]
    tell.table(("epoch", "begun", "ended", "keys"), rows)
    click.echo(f"rotate by {_when(due)}: receipts of erasure rest on it")
    for brand, epoch in peppers.items():
        click.echo(f"{brand}: identifiers are under the pepper of epoch {epoch}")


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


@keys.command("rotate-pepper")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def rotate_pepper(as_json: bool) -> None:
    """Hide every identifier under a new pepper.

    For when others may have learned the one so far. Servers go on.

    Writes of a brand wait while its identifiers move, 10 to 20 seconds for 100,000 customers; checks do not. What was
    cut off is finished by calling it again. Keep the first pepper for ever, others as long as backups of the ledger.
    """
    with installed(read_config()) as installation, tell.progress("reading") as show:
        try:
            done = installation.rotate_pepper(show)
        except (SecretsError, StrandedError) as error:
            raise LocalError(str(error)) from error
    if as_json:
        print_json({"epoch": done.epoch, "brands": done.brands, "compacted": done.compacted})
        return
    for brand, entries in done.brands.items():
        click.echo(f"{brand}: identifiers are under the pepper of epoch {done.epoch}, {entries} entries read")
    click.echo(f"epoch {done.epoch}: back up its pepper; keep the first, and others as long as backups of the ledger")
    if not done.compacted:
        click.echo("a reader keeps old digests in the write-ahead log: they leave it when all servers have ended once")


@keys.command("rotate-signing")
@click.option("--disown", is_flag=True, help="The key so far was lost, or others have it: it vouches for nothing.")
@click.option(
    "--before",
    default="",
    metavar="KEY",
    help="With --disown: the verifier key so far, as you handed it out, where the key itself is lost.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the new verifier keys as JSON.")
def rotate_signing(disown: bool, before: str, as_json: bool) -> None:
    """Hand every ledger over to a new signing key, and destroy the old one. Servers that run sign by it at once.

    Who pinned the old verifier key verifies what is signed from now on by the handover, which exports and answers
    carry; who pins the new one, what was signed before. What was cut off is finished by calling it again, or by the
    next start.
    """
    if before and not disown:
        raise click.UsageError("--before goes with --disown")
    with installed(read_config()) as installation:
        if not disown:
            installation.proven.prove()
        try:
            done = installation.key_rotation.rotate(disown=disown, before=before)
        except KeyLostError as error:
            raise LocalError(str(error)) from error
    if as_json:
        print_json({"verifier_keys": done.ledgers})
        return
    for verifier_key in done.ledgers.values():
        click.echo(verifier_key)
    if disown:
        click.echo("hand these to everybody who verifies, by another way than exports: the old key vouches for nothing")
    click.echo("the old key is destroyed; destroy its backups too, and back up the new one and the folder handovers")


def _when(time: Instant) -> str:
    return tell.when_of(time / SECOND) if time else ""


COMMANDS = (keys,)
