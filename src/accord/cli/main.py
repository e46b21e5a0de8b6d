"""The `accord` command: its groups, and what every command shares.

Exit codes: 0 done, or ALLOW; 10 DENY, or a replay lists contacts; 11 DEFER; 12 what was an ALLOW in the past; 1 the
call failed; 2 the command was misspelled.
"""

import os
import sys
from collections import UserDict
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import click

from accord.cli import completion
from accord.cli.errors import LocalError
from accord.config import Config, ConfigError, read_files


class Serving(Protocol):
    """A server that is started and stopped once."""

    port: int

    def start(self) -> None:
        """Begin to serve."""
        ...

    def stop(self, drain_seconds: float) -> None:
        """Let calls finish, and end."""
        ...


class Installed(Protocol):
    """What one data folder and one database hold, opened."""

    callers: Any
    proven: Any
    scrub: Any
    key_rotation: Any
    recovery: Any
    erasures: Any
    wrapped_keys: Any
    followers: Any

    def migrate(self) -> tuple[str, str]:
        """Bring both databases to the newest revision."""
        ...

    def is_current(self) -> bool:
        """Say whether both databases are at the newest revision."""
        ...

    def audit(self, brand: Any, progress: Callable[[int, int], None]) -> Any:  # noqa: ANN401 - a brand's name, a report
        """Fold a brand's ledger again and compare; `progress` is told how many entries of how many are folded."""
        ...

    def brands(self) -> list[Any]:
        """Return the brands that have a ledger."""
        ...

    def due_customers(self, brand: Any) -> list[tuple[bytes, ...]]:  # noqa: ANN401 - a brand's name
        """Return the references of everyone past retention, who is merged being one."""
        ...

    def retire(self, brand: Any, refs: tuple[bytes, ...]) -> Any:  # noqa: ANN401 - a brand's name, an erasure
        """Erase one person past retention."""
        ...

    def rotate_kek(self, progress: Callable[[int], None]) -> Any:  # noqa: ANN401 - a rotation
        """Begin or finish an epoch of the key-encryption key."""
        ...

    def rotate_pepper(self, progress: Callable[[int], None]) -> Any:  # noqa: ANN401 - what moved
        """Begin or finish an epoch of the pepper of identifiers."""
        ...

    def keep_checkpoints(self) -> None:
        """Keep the newest checkpoints outside the database."""
        ...

    def examine_secrets(self) -> None:
        """Hold the secrets to what is stored."""
        ...

    def examine_certificates(self) -> None:
        """Raise ValueError where the files of TLS cannot be used."""
        ...

    def server(self) -> Serving:
        """Return a server that is ready to start."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class Accord:
    """What `app` hands to the command line: how to open an installation, load the sample, and play the demo."""

    def __init__(
        self,
        install: Callable[[Config], Installed],
        load_sample: Callable[[Config, Callable[[int, int], None]], None],
        play_demo: Callable[[], Sequence[Any]],
    ) -> None:
        """Hold them."""
        self.install = install
        self.load_sample = load_sample
        self.play_demo = play_demo


_SECTIONS: dict[str, dict[str, str]] = {
    "Before and after a contact": {"ask": "check reach authorize report contact", "batch": "check-many"},
    "What customers say": {
        "say": "grant confirm refuse withdraw object reply",
        "batch": "record",
        "look": "permissions history",
    },
    "What others know": {"import_file": "import", "suppress": "suppress"},
    "Who customers are and what they do": {"customers": "link unlink facts activity contact-point"},
    "What a privacy officer does": {"officers": "merge split overlay restrict"},
    "Erasing customers": {"erasures": "erase erasures"},
    "What the brand may ask and do": {"catalogue": "catalogue", "rules": "rules"},
    "The ledger": {
        "ledger": "entries entry checkpoint prove",
        "audits": "export verify key prove-consistency",
        "receipts": "receipt",
    },
    "What officers and customers ask": {
        "why": "why",
        "access": "access",
        "report": "report-permissions",
        "replay": "replay",
        "radar": "radar",
    },
    "This installation": {
        "serve": "serve worker",
        "local": "migrate audit scrub config tokens",
        "keys": "keys",
        "recover": "recover",
        "health": "health",
        "demo": "demo",
        "completion": "completion",
    },
}
"""The commands, by what they are for: in which file each stands. A file is read when one of its commands is run."""


class _Commands(UserDict[str, Any]):
    """The commands by name; each is read from its file when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        """Return the command. Raises KeyError."""
        commands: Sequence[click.Command] = import_module(f"accord.cli.{super().__getitem__(name)}").COMMANDS
        return next(command for command in commands if command.name == name)


class _Group(click.Group):
    """Turns what commands raise into one plain sentence and an exit code."""

    def invoke(self, context: click.Context) -> Any:  # noqa: ANN401 - click's own type
        """Run a command."""
        try:
            return super().invoke(context)
        except (ConfigError, LocalError) as error:
            click.secho(f"accord: {error}", fg="red", err=True)
            context.exit(1)
        except Exception as error:
            if not _told_as_failed_call(context, error):
                raise
            context.exit(1)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under what they are for, instead of by the alphabet."""
        del context
        for heading, files in _SECTIONS.items():
            commands = [self.commands[name] for names in files.values() for name in names.split()]
            shown = [command for command in commands if not command.hidden]
            width = formatter.width - 6 - max(len(command.name or "") for command in shown)
            rows = [(command.name or "", command.get_short_help_str(width)) for command in shown]
            with formatter.section(heading):
                formatter.write_dl(rows)


def _told_as_failed_call(context: click.Context, error: Exception) -> bool:
    """Print why a call failed, and return True; False for what is none."""
    if "accord.client" not in sys.modules:
        # Nothing that could fail so was loaded, and it need not be for this.
        return False
    from accord.cli import suggest, tell  # noqa: PLC0415 - a server need not load what asks one
    from accord.client import CallFailedError  # noqa: PLC0415 - as above

    if not isinstance(error, CallFailedError):
        return False
    told = context.meta
    hidden = bool(told.get("operator_hidden"))
    remedy = suggest.remedy(error, told.get("request"), told.get("known", ()), operator_hidden=hidden)
    tell.failure(error, remedy, as_json=bool(told.get("json")))
    return True


_COMMANDS = _Commands(
    (name, file) for files in _SECTIONS.values() for file, names in files.items() for name in names.split()
)


@click.group(cls=_Group, commands=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="accord")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (ACCORD_DATA).")
@click.pass_context
def accord(context: click.Context, data: Path | None) -> None:
    """Remember every permission a customer gave, and answer before every contact."""
    context.meta["files"] = read_files(os.environ)
    context.meta["data"] = data
    if os.environ.get("NO_COLOR"):
        context.color = False


def run(it: Accord) -> None:
    """Run the command line on what `app` built."""
    accord(obj=it, prog_name=completion.PROGRAM, complete_var=completion.VARIABLE)
