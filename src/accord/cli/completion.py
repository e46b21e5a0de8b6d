"""`accord completion bash | zsh | fish`: the script that lets a shell complete commands, options and their values.

Codes of a catalogue are not completed: that would ask a server on every key.
"""

import click
from click.shell_completion import get_completion_class

PROGRAM = "accord"
VARIABLE = "_ACCORD_COMPLETE"

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of SHELL. For bash: eval "$(accord completion bash)"."""
    command = click.get_current_context().find_root().command
    made = get_completion_class(shell)
    if made is None:
        raise AssertionError(f"click completes for every shell offered here, {shell} too")
    click.echo(made(command, {}, PROGRAM, VARIABLE).source())


COMMANDS = (completion,)
