"""Identifiers in their normal form, so that one person is found however their address is written.

E-mail by `email-validator`, phone numbers by `phonenumbers` (E.164), the rest by case and white
space. Parsing costs more than a decision, so recent results are remembered in memory only, and an
e-mail address that is plainly in its normal form is not parsed (a test holds the two together).
Each library is loaded by the first value it reads: most commands read none.
"""

import re
import unicodedata
from functools import cache, lru_cache

from accord.domain.terms import Identifier, IdentifierKind

MAX_CUSTOMER_ID = 128
MAX_VALUE = 512

_ATOM = r"[a-z0-9_+-]+"
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z]{{2,63}}\Z", re.ASCII)
_MAX_PLAIN_EMAIL = 200
"""Lower case, no quotes, no encoded domain, short: the normal form of itself."""


class IdentifierError(ValueError):
    """The value is not one of its kind. The message says what is allowed and never repeats the value."""


@lru_cache(maxsize=65_536)
def normalise(kind: IdentifierKind, value: str) -> Identifier:
    """Return the identifier in its normal form. Raises IdentifierError."""
    limit = MAX_CUSTOMER_ID if kind is IdentifierKind.CUSTOMER_ID else MAX_VALUE
    if not value or len(value) > limit:
        raise IdentifierError(f"must have 1 to {limit} characters")
    if not value.isprintable() and any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
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


def international(value: str, country: str) -> str:
    """Return a phone number of a country as it is written abroad, unless it is already. Raises IdentifierError."""
    import phonenumbers  # noqa: PLC0415 - see above

    try:
        number = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        raise IdentifierError(f"must be a phone number, of {country} where it has no +") from None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(value: str) -> str:
    if len(value) <= _MAX_PLAIN_EMAIL and _PLAIN_EMAIL.match(value) and not value.endswith(_reserved_domains()):
        return value
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - see above

    try:
        found = validate_email(value.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise IdentifierError("must be an e-mail address such as ada@example.com") from None
    # Local parts may differ by case in theory; no mailbox provider lets them, and a no must find them all.
    return found.normalized.casefold()


@cache
def _reserved_domains() -> tuple[str, ...]:
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # noqa: PLC0415 - see above

    return tuple(before + domain for domain in SPECIAL_USE_DOMAIN_NAMES for before in ("@", "."))


def _phone(value: str) -> str:
    import phonenumbers  # noqa: PLC0415 - see above

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
