"""One person is found however their address is written; two persons are never made one."""

import re

import hypothesis.strategies as st
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings

from accord.domain import identifiers
from accord.domain.identifiers import MAX_CUSTOMER_ID, MAX_VALUE, IdentifierError, normalise
from accord.domain.terms import IdentifierKind


@pytest.mark.parametrize(
    ("kind", "written", "normal"),
    [
        (IdentifierKind.EMAIL, "Ada@Example.COM", "ada@example.com"),
        (IdentifierKind.EMAIL, "  ada@example.com ", "ada@example.com"),
        (IdentifierKind.EMAIL, "ada+news@example.com", "ada+news@example.com"),
        (IdentifierKind.EMAIL, "ada@xn--bcher-kva.example", "ada@bücher.example"),
        (IdentifierKind.EMAIL, "ada@Bücher.example", "ada@bücher.example"),
        (IdentifierKind.EMAIL, "zoe\u0308@example.com", "zoë@example.com"),
        (IdentifierKind.PHONE, "+33 6 12 34 56 78", "+33612345678"),
        (IdentifierKind.PHONE, "+33 (0)6-12-34-56-78", "+33612345678"),
        (IdentifierKind.PHONE, "tel:+33-6-12-34-56-78", "+33612345678"),
        (IdentifierKind.PHONE, "+39 06 1234 5678", "+390612345678"),
        (IdentifierKind.POSTAL_ADDRESS, " 1  Rue de la  Paix, PARIS ", "1 rue de la paix, paris"),
        (IdentifierKind.LOYALTY_CARD, "AB 12", "ab 12"),
        (IdentifierKind.BEACON_DEVICE, "F7-A1", "f7-a1"),
        (IdentifierKind.PUSH_TOKEN, " AbC:dEf ", "AbC:dEf"),
        (IdentifierKind.SOCIAL_PROFILE, "Mastodon:@Ada", "mastodon:ada"),
        (IdentifierKind.SOCIAL_PROFILE, " mastodon : ada ", "mastodon:ada"),
        (IdentifierKind.CUSTOMER_ID, "Ada-42", "Ada-42"),
    ],
)
def test_an_address_has_one_normal_form(kind: IdentifierKind, written: str, normal: str) -> None:
    found = normalise(kind, written)
    assert (found.kind, found.value) == (kind, normal)


def test_an_id_of_the_callers_is_opaque() -> None:
    assert normalise(IdentifierKind.CUSTOMER_ID, "ada") != normalise(IdentifierKind.CUSTOMER_ID, "Ada")


def test_a_push_token_keeps_its_case() -> None:
    assert normalise(IdentifierKind.PUSH_TOKEN, "aB") != normalise(IdentifierKind.PUSH_TOKEN, "ab")


def test_the_same_value_of_two_kinds_is_two_identifiers() -> None:
    assert normalise(IdentifierKind.CUSTOMER_ID, "x:ada") != normalise(IdentifierKind.SOCIAL_PROFILE, "x:ada")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(kind, "") for kind in IdentifierKind],
        *[(kind, "a\x00b") for kind in IdentifierKind],
        *[(kind, "a\nb") for kind in IdentifierKind],
        *[(kind, "a\ud800b") for kind in IdentifierKind],
        *[(kind, " ") for kind in IdentifierKind if kind is not IdentifierKind.CUSTOMER_ID],
        (IdentifierKind.CUSTOMER_ID, "a" * (MAX_CUSTOMER_ID + 1)),
        (IdentifierKind.PUSH_TOKEN, "a" * (MAX_VALUE + 1)),
        (IdentifierKind.EMAIL, "zoe"),
        (IdentifierKind.EMAIL, "zoe@"),
        (IdentifierKind.EMAIL, "zoe@example.com, eve@example.com"),
        (IdentifierKind.EMAIL, "Zoe <zoe@example.com>"),
        (IdentifierKind.PHONE, "0612345678"),
        (IdentifierKind.PHONE, "+3"),
        (IdentifierKind.PHONE, "+999123"),
        (IdentifierKind.PHONE, "zoe"),
        (IdentifierKind.SOCIAL_PROFILE, "zoe"),
        (IdentifierKind.SOCIAL_PROFILE, "weibo:"),
        (IdentifierKind.SOCIAL_PROFILE, "weibo: "),
        (IdentifierKind.SOCIAL_PROFILE, "weibo:@"),
        (IdentifierKind.SOCIAL_PROFILE, ":zoe"),
    ],
)
def test_what_is_no_address_of_its_kind_is_told_without_repeating_it(kind: IdentifierKind, value: str) -> None:
    with pytest.raises(IdentifierError) as told:
        normalise(kind, value)
    assert len(value.strip()) <= 2 or value not in str(told.value)


@pytest.mark.parametrize("kind", [kind for kind in IdentifierKind if kind is not IdentifierKind.PHONE])
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(text=st.text(min_size=1, max_size=12))
def test_a_normal_form_is_its_own_normal_form(kind: IdentifierKind, text: str) -> None:
    written = {IdentifierKind.EMAIL: f"{text}@example.com", IdentifierKind.SOCIAL_PROFILE: f"x:{text}"}.get(kind, text)
    try:
        found = normalise(kind, written)
    except IdentifierError:
        return
    assert normalise(kind, found.value) == found


@pytest.mark.parametrize("handle", ["@@ada", "@ ada", "@", " @ada"])
def test_a_handle_in_its_normal_form_stays_so(handle: str) -> None:
    try:
        found = normalise(IdentifierKind.SOCIAL_PROFILE, f"x:{handle}")
    except IdentifierError:
        return
    assert normalise(IdentifierKind.SOCIAL_PROFILE, found.value) == found


_PLAIN = st.from_regex(re.compile(r"[a-z0-9_+.-]{1,12}@[a-z0-9.-]{1,14}\.[a-z]{1,4}"), fullmatch=True)
_ODD = st.sampled_from(
    [f"ada@{domain}" for domain in ("localhost", "a.local", "a.test", "example.invalid", "a.arpa", "a.onion", "b.zip")]
    + [f"{'a' * 64}@example.com", f"{'a' * 65}@example.com", f"ada@{'a' * 63}.fr", f"ada@{'a' * 64}.fr", "a@b-.com"]
    + ["ada@xn--bcher-kva.example", "ada@ab--c.example", "a..b@example.com", ".a@example.com", "a.@example.com"]
    + ["ada@example.com\n", "ada@example.c0m", "ada@1.2.3.4", "-a@example.com", "a@-b.com", "ada@exa_mple.com"]
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(written=st.one_of(_PLAIN, _ODD))
def test_an_address_that_needs_no_parsing_is_what_parsing_it_gives(written: str) -> None:
    def parsed() -> str | None:
        try:
            found = validate_email(written.strip(), check_deliverability=False, globally_deliverable=False)
        except EmailNotValidError:
            return None
        return found.normalized.casefold()

    def normal() -> str | None:
        try:
            return normalise(IdentifierKind.EMAIL, written).value
        except IdentifierError:
            return None

    assert "\n" in written or normal() == parsed()


def test_an_everyday_address_needs_no_parsing() -> None:
    assert identifiers._PLAIN_EMAIL.match("ada.lovelace+news@mail.example.co")
