"""The keyed digests by which people, contacts and requests are found."""

from accord.domain.terms import BrandId, Identifier, IdentifierKind
from accord.ledger.lookup import LOOKUP_BYTES, Lookups

LOOKUPS = Lookups(b"p" * 32)
BRAND, OTHER = BrandId("maison"), BrandId("maison-2")
ADA = Identifier(IdentifierKind.EMAIL, "ada@example.com")


def test_a_digest_is_short_and_the_same_every_time() -> None:
    assert LOOKUPS.of(1).identifier(BRAND, ADA) == LOOKUPS.of(1).identifier(BRAND, ADA)
    assert len(LOOKUPS.of(1).identifier(BRAND, ADA)) == LOOKUP_BYTES


def test_without_the_pepper_nobody_can_guess() -> None:
    assert Lookups(b"q" * 32).of(1).identifier(BRAND, ADA) != LOOKUPS.of(1).identifier(BRAND, ADA)


def test_brands_cannot_be_linked_by_their_digests() -> None:
    assert LOOKUPS.of(1).identifier(OTHER, ADA) != LOOKUPS.of(1).identifier(BRAND, ADA)
    assert LOOKUPS.contact(OTHER, "c1") != LOOKUPS.contact(BRAND, "c1")
    assert LOOKUPS.request(OTHER, "crm", "r1") != LOOKUPS.request(BRAND, "crm", "r1")


def test_the_kind_of_an_identifier_counts() -> None:
    same = [LOOKUPS.of(1).identifier(BRAND, Identifier(kind, "0612345678")) for kind in IdentifierKind]
    assert len(set(same)) == len(IdentifierKind)


def test_what_stands_in_one_field_never_looks_like_the_next_one() -> None:
    assert LOOKUPS.request(BRAND, "crm", "a") != LOOKUPS.request(BRAND, "crma", "")
    assert LOOKUPS.request(BRAND, "", "crm") != LOOKUPS.request(BRAND, "crm", "")


def test_digests_of_different_things_never_meet() -> None:
    text = "maison\0x"
    found = {LOOKUPS.contact(BRAND, "x"), LOOKUPS.content(text.encode()), LOOKUPS.request(BRAND, "x", "")}
    assert len(found) == 3


def test_requests_of_different_callers_never_meet() -> None:
    assert LOOKUPS.request(BRAND, "crm", "r1") != LOOKUPS.request(BRAND, "till", "r1")
