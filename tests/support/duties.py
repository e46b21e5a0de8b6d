"""The golden duties: what the law says must be kept or done, and until when."""

from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct

from accord.domain.duties import last_day
from accord.domain.rules import DutyRule, LawRule

FILE = Path(__file__).resolve().parents[1] / "golden" / "duties.json"


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """One truth about a duty."""

    name: str
    rule: str
    since: date
    last_day: date
    kept: bool


def duties() -> tuple[Told, ...]:
    """Return every golden duty."""
    return msgspec.json.decode(FILE.read_bytes(), type=tuple[Told, ...])


def kept_as_told(rule_id: str, rule: LawRule | None) -> bool:
    """Say whether a rule keeps every truth told of this id; there must be one."""
    told = [each for each in duties() if each.rule == rule_id]
    assert told, f"no golden duty tells of {rule_id}"
    return isinstance(rule, DutyRule) and all(
        (last_day(rule, each.since), rule.keep) == (each.last_day, each.kept) for each in told
    )
