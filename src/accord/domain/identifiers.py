"""Identifiers in their normal form, so that one person is found however their address is written.

E-mail by `email-validator`, phone numbers by `phonenumbers` (E.164), the rest by case and white
space. Parsing costs more than a decision, so recent results are remembered in memory only.
"""

import unicodedata
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from accord.domain.terms import Identifier, IdentifierKind

MAX_CUSTOMER_ID = 128
MAX_VALUE = 512


class IdentifierError(ValueError):
    """The value is not one of its kind. The message says what is allowed and never repeats the value."""


@lru_cache(maxsize=65_536)
def normalise(kind: IdentifierKind, value: str) -> Identifier:
    """Return the identifier in its normal form. Raises IdentifierError."""
    limit = MAX_CUSTOMER_ID if kind is IdentifierKind.CUSTOMER_ID else MAX_VALUE
    if not value or len(value) > limit:
        raise IdentifierError(f"must have 1 to {limit} characters")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise IdentifierError("must not contain control characters")
    match kind:
        case IdentifierKind.CUSTOMER_ID:
            return Identifier(kind, value)
        case IdentifierKind.EMAIL:
            return Identifier(kind, _email(value))
        case IdentifierKind.PHONE:
            return Identifier(kind, _phone(value))
        case IdentifierKind.PUSH_TOKEN:
            return Identifier(kind, _written(value))
        case IdentifierKind.SOCIAL_PROFILE:
            return Identifier(kind, _social_profile(value))
        case IdentifierKind.POSTAL_ADDRESS | IdentifierKind.LOYALTY_CARD | IdentifierKind.BEACON_DEVICE:
            return Identifier(kind, _written(value).casefold())


def _email(value: str) -> str:
    try:
        found = validate_email(value.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise IdentifierError("must be an e-mail address such as ada@example.com") from None
    # Local parts may differ by case in theory; no mailbox provider lets them, and a no must find them all.
    return found.normalized.casefold()


def _phone(value: str) -> str:
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        raise IdentifierError("must be a phone number in international form such as +33612345678") from None
    if not phonenumbers.is_possible_number(number):
        raise IdentifierError("must be a possible phone number in international form such as +33612345678")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _social_profile(value: str) -> str:
    network, colon, handle = _written(value).casefold().partition(":")
    handle = handle.strip().lstrip("@ ")
    if not colon or not network.strip() or not handle:
        raise IdentifierError("must be network:handle such as mastodon:ada")
    return f"{network.strip()}:{handle}"


def _written(value: str) -> str:
    written = " ".join(unicodedata.normalize("NFC", value).split())
    if not written:
        raise IdentifierError("must not be blank")
    return written
