"""The words of a reply as they are compared: small letters without accents, one space between them.

Rule. What people do to a word in haste or to get past a filter changes nothing: capitals, accents, full width,
apostrophes, punctuation, invisible characters, letters drawn out (STOOOP) or spaced out (S T O P). Signs that
are words of their own, such as a thumb, stay. Says nothing of what the words mean.
"""

import re
import unicodedata
from itertools import groupby

_APOSTROPHES = str.maketrans("", "", "'\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}`\N{ACUTE ACCENT}")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
"""A letter three times and more: no word of the packs has one."""

_SPACED_OUT = 3
"""So many single letters in a row are a word."""


def plain(text: str) -> str:
    """Return the words of a text with one space between them; empty where it has none."""
    shown = unicodedata.normalize("NFKD", text.casefold().translate(_APOSTROPHES))
    words = "".join(_kept(each) for each in shown).split()
    return " ".join(_DRAWN_OUT.sub(r"\1", word) for word in _joined(words))


def _kept(character: str) -> str:
    """Return a character as it is compared: nothing for accents and what is not seen, a space for what parts words."""
    match unicodedata.category(character):
        case "So":
            return f" {character} "
        case "Mn" | "Me" | "Cf" | "Sk":
            return ""
        case category if category[0] in "LN" or category == "Mc":
            return character
        case _:
            return " "


def _joined(words: list[str]) -> list[str]:
    found: list[str] = []
    for single, run in groupby(words, lambda word: len(word) == 1 and word.isalpha()):
        letters = list(run)
        found += ["".join(letters)] if single and len(letters) >= _SPACED_OUT else letters
    return found
