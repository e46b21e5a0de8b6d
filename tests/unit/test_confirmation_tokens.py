"""Confirmation tokens: whole or none, and a digest that tells nothing of the secret."""

from hashlib import sha256

import pytest

from accord.domain.commands import Token
from accord.service import confirmation_tokens as tokens

KEY, SECRET = bytes(range(16)), bytes(range(100, 132))


def test_a_token_says_which_contact_carried_it_and_the_digest_of_its_secret() -> None:
    text = tokens.write(KEY, SECRET)
    assert text == "AAECAwQFBgcICQoLDA0OD2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn-AgYKD"
    assert tokens.read(text) == Token(KEY, sha256(SECRET).digest())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A" * 63,
        "A" * 65,
        "A" * 63 + "=",
        "A" * 63 + "\n",
        "A" * 63 + "+",
        "\N{FULLWIDTH LATIN CAPITAL LETTER A}" * 64,
        " " + "A" * 63,
    ],
    ids=repr,
)
def test_what_is_not_a_whole_token_is_none(text: str) -> None:
    assert tokens.read(text) is None


def test_every_letter_of_a_token_counts() -> None:
    text = tokens.write(KEY, SECRET)
    others = (text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in range(len(text)))
    assert tokens.read(text) not in {tokens.read(other) for other in others}
