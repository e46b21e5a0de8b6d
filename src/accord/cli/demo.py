"""`accord demo`: the stories of the product, played on the sample brand and told line by line.

`app` hands over how it is played and what a line holds (`sample.stage`); nothing here knows the stories, and
nothing on this machine is touched.
"""

from typing import Any

import click
import msgspec

from accord.cli import tell


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the scenes as JSON.")
def demo(as_json: bool) -> None:
    """Play the stories of the product on a sample brand. It needs no server, and leaves nothing behind."""
    scenes = click.get_current_context().obj.play_demo()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(scenes)).decode())
        return
    for number, scene in enumerate(scenes, 1):
        click.secho(f"{number}. {scene.title}", bold=True)
        for line in scene.lines:
            _tell(line)
        click.echo()


def _tell(line: Any) -> None:  # noqa: ANN401 - a line of a scene
    click.echo(f"   ? {line.asked}" if line.asked else f"   - {line.told}")
    if line.verdict:
        verdict = click.style(line.verdict, fg=tell.COLOURS[line.verdict], bold=True)
        click.echo(f"     {verdict}  {line.reason}: {line.why}")
    elif line.why:
        click.echo(f"     {line.why}")
    for label, text in (
        ("to allow it", line.to_allow),
        ("not before", line.not_before),
        ("rests on", tell.entries(line.rests_on)),
        ("recorded in", tell.entries(line.recorded)),
        ("still to stop", ", ".join(f"contact {each}" for each in line.open_contacts)),
        *line.facts.items(),
    ):
        if text:
            click.echo(f"       {label:<17} {text}")


COMMANDS = (demo,)
