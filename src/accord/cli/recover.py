"""`accord recover`: what lost entries for good goes on as another incarnation, until an officer accepts the loss.

Works on this machine's own installation, while no server runs on it.
"""

from typing import Any

import click

from accord.cli import tell
from accord.cli.errors import LocalError
from accord.cli.local import installed, print_json, read_config
from accord.domain.events import Justification
from accord.ledger.keyring import KeyLostError
from accord.service.recovery import NotRecoverableError


@click.command()
@click.option("--new-incarnation", is_flag=True, help="Go on with what the database holds, and say what is lost.")
@click.option("--accept-loss", is_flag=True, help="Record that an officer accepts the loss: marketing is judged again.")
@click.option("--brand", envvar="ACCORD_BRAND", help="One brand (ACCORD_BRAND). Left out: all it is needed for.")
@click.option("--reason", default="", help="With --accept-loss: why, in a few words that name nobody.")
@click.option("--officer-id", default="", help="With --accept-loss: the officer, by an opaque id.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def recover(  # noqa: PLR0913 - click hands over one argument for each option
    new_incarnation: bool, accept_loss: bool, brand: str | None, reason: str, officer_id: str, as_json: bool
) -> None:
    """Recover a ledger whose newest entries are lost for good. First look for them: a replica, archived log, a disk.

    What was cut off is finished by asking again. Erasures since the backup are done again at once.
    """
    if new_incarnation == accept_loss:
        raise click.UsageError("say either --new-incarnation or --accept-loss")
    if accept_loss and not reason:
        raise click.UsageError("--accept-loss needs --reason")
    with installed(read_config()) as installation:
        try:
            done = (
                _accept(installation, brand, Justification(reason=reason, officer_id=officer_id))
                if accept_loss
                else _recover(installation, brand)
            )
        except (NotRecoverableError, KeyLostError) as error:
            raise LocalError(str(error)) from error
    if as_json:
        print_json(done)
        return
    for each in done:
        if accept_loss:
            click.echo(f"{each['ledger']}: the loss is accepted by entry {each['position']}")
            continue
        told = f"kept {each['kept']} entries, {each['lost']} are told as lost"
        click.echo(f"{each['ledger']}: {told}")
        click.echo(f"  {each['verifier_key']}")
    if not accept_loss:
        click.echo("have collectors send again what they recorded since; marketing is denied until --accept-loss")


def _recover(installation: Any, brand: str | None) -> list[dict[str, object]]:  # noqa: ANN401 - an installation
    brands = [brand] if brand else installation.recovery.unproven()
    if not brands:
        raise NotRecoverableError("every ledger extends its outside checkpoint: there is nothing to recover from")
    done = []
    with tell.progress("telling what is lost") as show:
        for each in brands:
            found = installation.recovery.recover(each, show)
            shown = {"kept": found.kept, "lost": found.lost, "verifier_key": found.verifier_key}
            done.append({"ledger": found.origin, **shown})
    # What a server found before it was stopped is found no more.
    installation.scrub.look_again()
    installation.proven.prove()
    # What was erased since the backup comes back erased.
    installation.erasures.finish()
    return done


def _accept(installation: Any, brand: str | None, why: Justification) -> list[dict[str, object]]:  # noqa: ANN401 - as before
    installation.proven.prove()
    heads = [head for head in installation.store.heads() if head.unreconciled_since and brand in (None, head.brand)]
    if not heads:
        raise NotRecoverableError("nothing is lost that was not accepted")
    accepted = installation.recovery.accept
    return [{"ledger": each.origin, "position": accepted(each.brand, why, installation.writer.write)} for each in heads]


COMMANDS = (recover,)
