"""The words of the domain as types: instants, verdicts, reasons, kinds.

Owns every enumeration that the wire shares. The integer ones carry the numbers of `accord.v1`
(a test compares them), so that the hot path translates nothing; the textual ones are what the
ledger keeps for years, so they are words. Holds no rule.
"""

from enum import IntEnum, StrEnum
from typing import Final, NewType

from msgspec import Struct

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z. 0 means "none" where a field says so."""

Position = NewType("Position", int)
"""The number of an entry in its ledger, from 0, without gaps."""

BrandId = NewType("BrandId", str)
"""The controller: 1 to 64 of a-z, 0-9 and hyphen."""

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR
NEVER: Final = Instant(0)
FAR: Final = Instant(2**53 - 1)
"""Later than any instant the ledger can hold: the largest integer canonical JSON keeps exact."""

CONTACT_MEMORY_DAYS: Final = 400
"""How long contact instants stay in the state; no cap may look further back."""


class Verdict(IntEnum):
    """The lattice of answers; the lowest of all gates counts."""

    DENY = 1
    DEFER = 2
    ALLOW = 3


class Reason(IntEnum):
    """Why; the first gate, in order, that gave the verdict. Documented in decision.proto."""

    PERMITTED = 1
    CUSTOMER_UNKNOWN = 2
    CONTACT_POINT_UNKNOWN = 3
    ERASED = 10
    RESTRICTED = 11
    DECEASED = 12
    AUTHORITY_ORDER = 13
    SECTOR_PROHIBITED = 14
    UNRECONCILED = 15
    CONTACT_POINT_BOUNCED = 20
    CONTACT_POINT_COMPLAINED = 21
    CONTACT_POINT_REASSIGNED = 22
    CONTACT_POINT_INVALID = 23
    CONTACT_POINT_UNVERIFIED = 24
    REPLY_UNSETTLED = 25
    OVERLAID = 30
    CONTRACT_PAUSED = 31
    REFUSED = 50
    WITHDRAWN = 51
    OBJECTED = 52
    STOPPED = 53
    SUPPRESSED = 54
    NO_PERMISSION = 60
    PENDING_CONFIRMATION = 61
    PERMISSION_EXPIRED = 62
    PERMISSION_NOT_YET_VALID = 63
    NO_PROOF = 64
    NOTICE_STALE = 65
    REGISTRY_LISTED = 66
    GUARDIAN_MISSING = 67
    NO_BASIS = 68
    PENDING_EXPIRED = 69
    RECIPIENT_NOT_NAMED = 70
    USED_UP = 80
    CONTACT_ALREADY_REPORTED = 81
    CONFIRMATION_REQUESTED = 82
    ALREADY_CONFIRMED = 83
    OUTSIDE_CALLING_HOURS = 90
    LEGAL_CAP_REACHED = 91
    COOLING_DOWN = 92
    INACTIVE = 93
    NOT_PRESENT = 94
    ONE_CLICK_MISSING = 95
    BRAND_CAP_REACHED = 100
    QUIET_HOURS = 101
    PAUSED = 102
    NO_SLOT = 103
    CONFIRMATION_CAP_REACHED = 104


class RemedyKind(StrEnum):
    """One change that would help turn a no into an ALLOW."""

    NOTHING = "NOTHING"
    WAIT_UNTIL = "WAIT_UNTIL"
    GIVE_PERMISSION = "GIVE_PERMISSION"
    GIVE_PERMISSION_AS_GUARDIAN = "GIVE_PERMISSION_AS_GUARDIAN"
    CONFIRM_PERMISSION = "CONFIRM_PERMISSION"
    LINK_CONTACT_POINT = "LINK_CONTACT_POINT"
    VERIFY_CONTACT_POINT = "VERIFY_CONTACT_POINT"
    USE_OTHER_CONTACT_POINT = "USE_OTHER_CONTACT_POINT"
    LIFT_OVERLAY = "LIFT_OVERLAY"
    LIFT_RESTRICTION = "LIFT_RESTRICTION"
    LIFT_ORDER = "LIFT_ORDER"
    LEAVE_REGISTRY = "LEAVE_REGISTRY"
    BEGIN_CONTRACT = "BEGIN_CONTRACT"
    BUY = "BUY"
    ENQUIRE = "ENQUIRE"
    ACT_AGAIN = "ACT_AGAIN"
    BE_PRESENT = "BE_PRESENT"
    TELL_TIME_ZONE = "TELL_TIME_ZONE"
    NAME_NEW_CONTACT = "NAME_NEW_CONTACT"
    ADD_TOUCHPOINT = "ADD_TOUCHPOINT"
    CARRY_ONE_CLICK = "CARRY_ONE_CLICK"
    SETTLE_REPLY = "SETTLE_REPLY"


class Basis(StrEnum):
    """The ground of a lawful contact."""

    NONE = "NONE"
    PERMISSION = "PERMISSION"
    SOFT_OPT_IN = "SOFT_OPT_IN"
    CURRENT_CONTRACT = "CURRENT_CONTRACT"
    LEGITIMATE_INTEREST = "LEGITIMATE_INTEREST"
    EXISTING_RELATIONSHIP = "EXISTING_RELATIONSHIP"
    CLASS = "CLASS"
    CONFIRMATION_REQUEST = "CONFIRMATION_REQUEST"


class Obligation(StrEnum):
    """What a sender must do with an ALLOW."""

    ONE_CLICK_UNSUBSCRIBE = "ONE_CLICK_UNSUBSCRIBE"
    OFFER_OBJECTION = "OFFER_OBJECTION"
    NAME_SOURCE = "NAME_SOURCE"
    REPORT_CONTACT = "REPORT_CONTACT"
    IDENTIFY_BRAND = "IDENTIFY_BRAND"
    PREFER_OTHER_CHANNEL = "PREFER_OTHER_CHANNEL"
    NO_ADVERTISING = "NO_ADVERTISING"
    REFRESH_DUE = "REFRESH_DUE"


class PurposeClass(StrEnum):
    """Decides which gates bind a purpose."""

    MARKETING = "MARKETING"
    SERVICE = "SERVICE"
    LEGAL = "LEGAL"
    SAFETY = "SAFETY"
    PROCESSING = "PROCESSING"
    CONFIRMATION = "CONFIRMATION"


class IdentifierKind(StrEnum):
    """What recognises a customer: the caller's own id, or a kind of contact point."""

    CUSTOMER_ID = "CUSTOMER_ID"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    POSTAL_ADDRESS = "POSTAL_ADDRESS"
    PUSH_TOKEN = "PUSH_TOKEN"  # noqa: S105 - a kind of address, not a secret
    SOCIAL_PROFILE = "SOCIAL_PROFILE"
    LOYALTY_CARD = "LOYALTY_CARD"
    BEACON_DEVICE = "BEACON_DEVICE"


class Declarant(StrEnum):
    """Who made a declaration; only a declarant decides."""

    CUSTOMER = "CUSTOMER"
    GUARDIAN = "GUARDIAN"


class Recorder(StrEnum):
    """Who wrote a declaration down; an import never lifts a refusal."""

    SYSTEM = "SYSTEM"
    CLERK = "CLERK"
    AGENT = "AGENT"
    IMPORT = "IMPORT"


class Method(StrEnum):
    """How a declaration was expressed."""

    TICKED_BOX = "TICKED_BOX"
    BUTTON = "BUTTON"
    SPOKEN = "SPOKEN"
    SIGNATURE = "SIGNATURE"
    MESSAGE = "MESSAGE"
    CONFIRMATION_LINK = "CONFIRMATION_LINK"
    PRE_TICKED_BOX = "PRE_TICKED_BOX"
    SILENCE = "SILENCE"
    BUNDLED_TERMS = "BUNDLED_TERMS"
    ENGAGEMENT = "ENGAGEMENT"


class RefusalKind(StrEnum):
    """Which "no" was said. Nobody says SUPPRESSED: the brand's own list does, or what an erasure left of an address."""

    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    OBJECTED = "OBJECTED"
    SUPPRESSED = "SUPPRESSED"


class Outcome(StrEnum):
    """What became of a contact."""

    SENT = "SENT"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"


class ContactStatus(IntEnum):
    """Where a contact stands."""

    AUTHORIZED = 1
    SENT = 2
    FAILED = 3
    CANCELLED = 4
    BOUNCED = 5
    COMPLAINED = 6


class PermissionStatus(IntEnum):
    """Where a permission stands."""

    PENDING = 1
    ACTIVE = 2
    USED_UP = 3
    EXPIRED = 4
    WITHDRAWN = 5
    NOT_YET_VALID = 6
    SUPPRESSED = 7


class ActivityKind(StrEnum):
    """What a customer did, or which tie of theirs ended; engagement, never a permission."""

    PURCHASE = "PURCHASE"
    CLICK = "CLICK"
    ENQUIRY = "ENQUIRY"
    PRESENCE = "PRESENCE"
    ENGAGEMENT = "ENGAGEMENT"
    DONATION = "DONATION"
    VOLUNTEERING = "VOLUNTEERING"
    MEMBERSHIP_END = "MEMBERSHIP_END"
    CONTRACT_END = "CONTRACT_END"


class PointFact(StrEnum):
    """A fact of an address; it binds whoever holds it."""

    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    REASSIGNED = "REASSIGNED"
    INVALID = "INVALID"
    VERIFIED = "VERIFIED"
    REGISTRY_LISTED = "REGISTRY_LISTED"
    REGISTRY_REMOVED = "REGISTRY_REMOVED"
    GENERIC = "GENERIC"
    PERSONAL = "PERSONAL"
    PUBLISHED = "PUBLISHED"
    UNPUBLISHED = "UNPUBLISHED"
    REPLY_UNCLEAR = "REPLY_UNCLEAR"
    REPLY_SETTLED = "REPLY_SETTLED"


class ReplyMeaning(StrEnum):
    """What somebody who wrote back in their own words is taken to say."""

    WITHDRAWAL = "WITHDRAWAL"
    UNCLEAR = "UNCLEAR"
    HELP = "HELP"
    NOTHING = "NOTHING"


class ListKind(StrEnum):
    """What an imported list says of the addresses on it."""

    REGISTRY = "REGISTRY"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    OWN = "OWN"
    """The brand's own list of addresses it does not contact."""


class ErasureMode(StrEnum):
    """When a customer is erased."""

    NOW = "NOW"
    ON_HOLD_UNTIL = "ON_HOLD_UNTIL"
    AFTER_RETENTION = "AFTER_RETENTION"


class ErasureReason(StrEnum):
    """Why a customer is erased: the grounds of GDPR art. 17(1), and art. 5(1)(e). Codes, since they stay for ever."""

    NO_LONGER_NEEDED = "NO_LONGER_NEEDED"
    PERMISSION_WITHDRAWN = "PERMISSION_WITHDRAWN"
    OBJECTED = "OBJECTED"
    UNLAWFUL = "UNLAWFUL"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"
    CHILD = "CHILD"
    RETENTION_ENDED = "RETENTION_ENDED"


class Redaction(StrEnum):
    """What an export holds back."""

    NONE = "NONE"
    PERSONAL = "PERSONAL"
    COUNTS = "COUNTS"


class CustomerKind(StrEnum):
    """In which capacity a customer is addressed."""

    CONSUMER = "CONSUMER"
    PROFESSIONAL = "PROFESSIONAL"


class Identifier(Struct, frozen=True, gc=False, order=True):
    """One thing a customer is recognised by, normalised."""

    kind: IdentifierKind
    value: str


NOT_BY_ACT: Final = frozenset({Method.PRE_TICKED_BOX, Method.SILENCE, Method.BUNDLED_TERMS, Method.ENGAGEMENT})
"""Methods that are no affirmative act: GDPR art. 4(11), art. 7(2) and recital 32."""


class OverlayKind(StrEnum):
    """Who says no for the customer, or why contacts rest."""

    HOUSEHOLD = "HOUSEHOLD"
    EMPLOYER = "EMPLOYER"
    ACCOUNT = "ACCOUNT"
    CONTRACT_PAUSE = "CONTRACT_PAUSE"


class RestrictionGround(StrEnum):
    """Why processing is restricted (GDPR art. 18(1))."""

    ACCURACY_CONTESTED = "ACCURACY_CONTESTED"
    UNLAWFUL = "UNLAWFUL"
    LEGAL_CLAIMS = "LEGAL_CLAIMS"
    OBJECTION_PENDING = "OBJECTION_PENDING"
