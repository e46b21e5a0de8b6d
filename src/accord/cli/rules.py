"""`accord rules list | show | check`: the law as this Accord knows it. Asks no server: the packs come with it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from accord.cli import tell
from accord.cli.errors import LocalError
from accord.domain.duties import last_day
from accord.domain.pack_reading import PackError, read_pack
from accord.domain.packs import EDITIONS, edition
from accord.domain.rules import DutyRule, LawRule, Pack, kind_of
from accord.domain.words import LANGUAGES

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
_EDITION = click.option(
    "--edition", "name", type=click.Choice(EDITIONS), default=EDITIONS[-1], show_default=True, help="The edition."
)
_LANGUAGE = click.option("--language", type=click.Choice(LANGUAGES), help="Say what a rule says in this one alone.")
_SHOWN_FIRST = ("id", "en", "fr", "legal_source", "reviewed", "effective_from", "effective_to", "reach", "replaces")


@click.group()
def rules() -> None:
    """The law: rule packs by jurisdiction, with their sources."""


@rules.command("list")
@click.option("--jurisdiction", default="", help="One jurisdiction only, such as fr.")
@_LANGUAGE
@_EDITION
@_AS_JSON
def listed(name: str, jurisdiction: str, language: str | None, as_json: bool) -> None:
    """List every rule; with --language what it says too."""
    packs = edition(name).packs
    if jurisdiction and jurisdiction not in packs:
        raise LocalError(f"no pack is named {jurisdiction}; there are: {', '.join(packs)}")
    found = [(pack, rule) for key, pack in packs.items() if jurisdiction in ("", key) for rule in pack.rules]
    if as_json:
        click.echo(msgspec.json.encode([_told(rule, pack, language) for pack, rule in found]))
        return
    headings = ("rule", "kind", "counts", "reviewed", "source", *(("says",) if language else ()))
    tell.table(headings, (_row(rule, language) for _, rule in found))


@rules.command()
@click.argument("rule_id", metavar="ID")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="For a duty: the day its time runs from.")
@_LANGUAGE
@_EDITION
@_AS_JSON
def show(
    rule_id: str,
    since: Any,  # noqa: ANN401 - click's own type
    language: str | None,
    name: str,
    as_json: bool,
) -> None:
    """Show the rule ID, such as fr.call_hours."""
    pack, rule = _find(rule_id, name)
    told = _told(rule, pack, language)
    if since is not None:
        if not isinstance(rule, DutyRule):
            raise LocalError(f"{rule_id} is no duty: no time runs from a day")
        told["last_day"] = last_day(rule, since.date())
    if as_json:
        click.echo(msgspec.json.encode(told))
        return
    click.echo(f"{rule.id} ({kind_of(rule)}, {pack.title}, edition {name})")
    tell.lines((label, text) for label, text in _sides(told))


@rules.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_AS_JSON
def check(file: Path, as_json: bool) -> None:
    """Say whether FILE is a rule pack, and every fault of it if not."""
    try:
        pack = read_pack(file.read_bytes())
    except PackError as error:
        if not as_json:
            raise LocalError(f"{file.name} is no rule pack: {error}") from error
        click.echo(msgspec.json.encode({"faults": error.faults}))
        click.get_current_context().exit(1)
    if as_json:
        click.echo(msgspec.json.encode({"jurisdiction": pack.jurisdiction, "rules": len(pack.rules), "faults": []}))
    else:
        click.echo(f"{pack.jurisdiction}: {len(pack.rules)} rules, no fault")


def _find(rule_id: str, name: str) -> tuple[Pack, LawRule]:
    packs = edition(name).packs.values()
    for pack in packs:
        for rule in pack.rules:
            if rule.id == rule_id:
                return pack, rule
    raise LocalError(f"no rule is named {rule_id}; `accord rules list` names them")


def _row(rule: LawRule, language: str | None) -> tuple[str, ...]:
    row = (rule.id, kind_of(rule), _dates(rule), _reviewed(rule), rule.legal_source)
    return (*row, getattr(rule, language)) if language else row


def _told(rule: LawRule, pack: Pack, language: str | None) -> dict[str, Any]:
    sides: dict[str, Any] = msgspec.to_builtins(rule)
    others = {each for each in LANGUAGES if language and each != language}
    told = {name: value for name, value in sides.items() if name not in others}
    return {"jurisdiction": pack.jurisdiction, "time_zone": pack.time_zone, **told}


def _sides(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    order = [name for name in _SHOWN_FIRST if name in told]
    for name in (*order, *(name for name in told if name not in order)):
        if name not in {"id", "kind"}:
            yield name.replace("_", " "), _text(told[name])


def _text(value: Any) -> str:  # noqa: ANN401 - any parameter
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(_text(each) for each in value)
        case dict():
            days = f" on days {_text(value['days'])}" if "days" in value else ""
            return f"{value['from']}-{value['until']}{days}"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _dates(rule: LawRule) -> str:
    begins = f"from {rule.effective_from}" if rule.effective_from else ""
    ends = f"until {rule.effective_to}" if rule.effective_to else ""
    return " ".join(filter(None, (begins, ends))) or "always"


def _reviewed(rule: LawRule) -> str:
    return "yes" if rule.reviewed else "no"


COMMANDS = (rules,)
