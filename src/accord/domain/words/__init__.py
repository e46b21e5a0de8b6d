"""What people are told of an answer, in their language: one file of words for each language.

Owns which languages there are and how one is asked for. Holds no sentence of its own; `explain` puts
the words together.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from msgspec import Struct

from accord.domain.terms import Basis, Reason, RemedyKind


class Words(Struct, frozen=True, kw_only=True):
    """The words of one language. Braces stand for what an answer puts in.

    `reasons` finish "may not be contacted: …"; `remedies` stand alone. `instant` says a local time, in UTC where
    told so. `typeset` gives a text the spaces and apostrophes that its language is printed with.
    """

    language: str
    reasons: Mapping[Reason, str]
    own_list: str
    """SUPPRESSED, where a list of the brand's own is behind it: the `code` of the list, and the `time` of its date."""
    remedies: Mapping[RemedyKind, str]
    bases: Mapping[Basis, str]
    channels: Mapping[str, str]
    other_channel: str
    limits: Mapping[str, str]
    """What a permission must be for besides a purpose on a channel: `topic`, `place`, `recipient`."""
    gates: tuple[str, ...]
    contact: Mapping[str, str]
    """The sentence of an answer about a contact, by verdict: `channel`, `purpose`, `why`, `time`."""
    processing: Mapping[str, str]
    """The same of an answer about data."""
    rule: str
    """The sentence that names a rule: `id`, `source`, `says`."""
    brand_rule: str
    """The sentence that names a rule the brand set for itself: `id`."""
    quoted: str
    passes: str
    passes_on: str
    skipped: str
    until: str
    assumed: Mapping[str, str]
    besides: str
    then: str
    before: str
    at_touchpoints: str
    this: str
    """What is asked about, where it needs no name."""
    instant: Callable[[datetime, bool], str]
    typeset: Callable[[str], str]


@lru_cache(maxsize=256)
def language_of(tag: str) -> str | None:
    """Return the language that a BCP 47 tag asks for by its first subtag: English for none, None for an unknown one."""
    return _wanted(tag) if tag else LANGUAGES[0]


def _wanted(tag: str) -> str | None:
    primary = tag.split("-", maxsplit=1)[0].lower()
    return primary if primary in LANGUAGES and tag.replace("-", "").isalnum() else None


LANGUAGES: Final = ("en", "fr")
"""Every language there are words in; the first is spoken where none is asked for."""
