"""What people write back: a no is heard however it is written, and a doubt is never taken for a yes."""

import pytest
from support.replies import Told, read_as_told, replies

from accord.domain.packs import EDITIONS, edition
from accord.domain.replies import read
from accord.domain.reply_text import plain
from accord.domain.rules import ReplyRule
from accord.domain.terms import ReplyMeaning

NEWEST = edition(EDITIONS[-1])
NOES = [each for each in replies() if each.meaning is ReplyMeaning.WITHDRAWAL]


@pytest.mark.parametrize("told", replies(), ids=lambda told: told.text or "nothing")
def test_a_reply_says_what_the_golden_replies_tell(told: Told) -> None:
    assert read_as_told(NEWEST, told)


def test_every_rule_of_replies_has_replies_that_name_it() -> None:
    rules = {rule.id for pack in NEWEST.packs.values() for rule in pack.rules if isinstance(rule, ReplyRule)}
    assert rules == {name for each in replies() for name in each.rules}


@pytest.mark.parametrize("told", NOES, ids=lambda told: told.text)
def test_a_no_stays_one_however_loud_polite_or_disguised_it_is(told: Told) -> None:
    for written in (told.text.upper(), told.text.lower(), f"Hello, {told.text} - thanks!", f"\u2066{told.text}\u2069"):
        assert read(written).meaning is ReplyMeaning.WITHDRAWAL, written


def test_a_long_reply_without_a_known_word_is_in_doubt() -> None:
    assert read("lorem " * 2_000).meaning is ReplyMeaning.UNCLEAR


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ne m'appelez PLUS !", "ne mappelez plus"),
        ("S. T. O. P", "stop"),
        ("I a m", "iam"),
        ("a b stop", "a b stop"),
        ("Nooooo wayyy", "no way"),
        ("100 000", "100 000"),
        ("\t…\n", ""),
        ("ΣΤΟΠ", "στοπ"),
        ("हिन्दी", "हिनदी"),
        ("ok👍ok", "ok 👍 ok"),
    ],
)
def test_words_are_compared_without_what_haste_does_to_them(text: str, words: str) -> None:
    assert plain(text) == words
    assert plain(words) == words
