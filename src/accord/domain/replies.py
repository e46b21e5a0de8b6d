"""What somebody says who writes back in their own words: a no, a call for help, nothing, or nobody can be sure.

Rules. The words are data of the rule packs, and those of every jurisdiction count for whoever writes: a no in
French is a no in Florida. In doubt the answer is no: what is not wholly understood is UNCLEAR, and marketing waits
until a person has read it (47 CFR 64.1200(a)(10): as a reasonable person would). A word that undoes a no makes it
unclear, never its contrary: no reply is read as a permission.
"""

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from accord.domain.lane import Rule
from accord.domain.packs import EDITIONS, Edition, edition
from accord.domain.reply_text import plain
from accord.domain.rules import ReplyRule
from accord.domain.terms import ReplyMeaning


class Reading(Struct, frozen=True):
    """What a reply is taken to say, and the rules whose words it holds; none where it is unclear."""

    meaning: ReplyMeaning
    rules: tuple[Rule, ...] = ()


_UNCLEAR = Reading(ReplyMeaning.UNCLEAR)


def read(text: str) -> Reading:
    """Return what a reply says, by the words of the newest edition."""
    return read_under(edition(EDITIONS[-1]), text)


def read_under(packs: Edition, text: str) -> Reading:
    """Return what a reply says, by the words of an edition."""
    rules, courtesies = _words(packs)
    said = plain(text)
    # (1) Wholly one of the words of a rule, courtesies aside.  (2) A clear no within.  (3) Courtesies alone.
    wanted = _without(said, courtesies)
    for meaning in (ReplyMeaning.WITHDRAWAL, ReplyMeaning.HELP):
        if found := [rule for rule in rules if rule.meaning is meaning and wanted in rule.alone]:
            return _reading(meaning, found)
    if not _any_within(said, (words for rule in rules for words in rule.unless)):
        if found := [rule for rule in rules if _says_no(rule, said, wanted)]:
            return _reading(ReplyMeaning.WITHDRAWAL, found)
        if said and not wanted:
            polite = [rule for rule in rules if rule.meaning is ReplyMeaning.NOTHING]
            return _reading(ReplyMeaning.NOTHING, [rule for rule in polite if _any_within(said, rule.alone)])
    return _UNCLEAR


@lru_cache(maxsize=4)
def _words(packs: Edition) -> tuple[tuple[ReplyRule, ...], tuple[str, ...]]:
    """Return the rules, and all courtesies, the longest first."""
    rules = tuple(rule for pack in packs.packs.values() for rule in pack.rules if isinstance(rule, ReplyRule))
    polite = (words for rule in rules if rule.meaning is ReplyMeaning.NOTHING for words in rule.alone)
    return rules, tuple(sorted(polite, key=len, reverse=True))


def _without(said: str, courtesies: Iterable[str]) -> str:
    left = f" {said} "
    for words in courtesies:
        while f" {words} " in left:
            left = left.replace(f" {words} ", " ")
    return left.strip()


def _says_no(rule: ReplyRule, said: str, wanted: str) -> bool:
    begins = any(f"{text} ".startswith(f"{words} ") for words in rule.first for text in (said, wanted))
    return begins or _any_within(said, rule.within)


def _any_within(said: str, phrases: Iterable[str]) -> bool:
    return any(f" {words} " in f" {said} " for words in phrases)


def _reading(meaning: ReplyMeaning, rules: Iterable[ReplyRule]) -> Reading:
    return Reading(meaning, tuple(Rule(rule.id, rule.legal_source) for rule in rules))
