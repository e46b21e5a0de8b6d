"""The golden replies: what people write back, and what it is taken to say."""

from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from accord.domain.packs import Edition
from accord.domain.replies import read_under
from accord.domain.terms import ReplyMeaning

FILE = Path(__file__).resolve().parents[1] / "golden" / "replies.json"


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """One reply, what it says, and the rules whose words it holds."""

    text: str
    meaning: ReplyMeaning
    rules: tuple[str, ...]


@lru_cache
def replies() -> tuple[Told, ...]:
    """Return every golden reply."""
    return msgspec.json.decode(FILE.read_bytes(), type=tuple[Told, ...])


def read_as_told(packs: Edition, each: Told) -> bool:
    """Say whether an edition reads a reply as it is told."""
    found = read_under(packs, each.text)
    return (found.meaning, tuple(rule.id for rule in found.rules)) == (each.meaning, each.rules)


def all_read_as_told(packs: Edition, rule_id: str) -> bool:
    """Say whether an edition reads every reply as it is told, beginning with those that name a rule."""
    return all(read_as_told(packs, each) for each in sorted(replies(), key=lambda each: rule_id not in each.rules))
