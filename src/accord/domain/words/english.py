"""The words in English."""

from datetime import datetime
from typing import Final

from accord.domain.terms import Basis, Reason, RemedyKind
from accord.domain.words import Words

_REASONS: Final = {
    Reason.PERMITTED: "nothing speaks against it",
    Reason.CUSTOMER_UNKNOWN: "nobody is known by this key",
    Reason.CONTACT_POINT_UNKNOWN: "the address is not linked to this customer",
    Reason.ERASED: "the customer was erased",
    Reason.RESTRICTED: "the processing of their data is restricted",
    Reason.DECEASED: "the customer has died",
    Reason.AUTHORITY_ORDER: "an authority forbade it",
    Reason.SECTOR_PROHIBITED: "the sector may not contact anyone for this",
    Reason.UNRECONCILED: "entries were lost with the database, a no perhaps among them",
    Reason.CONTACT_POINT_BOUNCED: "messages to this address come back",
    Reason.CONTACT_POINT_COMPLAINED: "a message to this address was reported as unwanted",
    Reason.CONTACT_POINT_REASSIGNED: "the address now belongs to somebody else",
    Reason.CONTACT_POINT_INVALID: "the address does not exist",
    Reason.CONTACT_POINT_UNVERIFIED: "nobody has shown that the customer holds the address",
    Reason.REPLY_UNSETTLED: "a reply from this address may be a no, and nobody has settled yet what it means",
    Reason.OVERLAID: "a household, employer or account says no",
    Reason.CONTRACT_PAUSED: "a contractual pause runs",
    Reason.REFUSED: "asked, the customer said no",
    Reason.WITHDRAWN: "the customer took the permission back",
    Reason.OBJECTED: "the customer objected",
    Reason.STOPPED: "the customer asked for no more messages to this address",
    Reason.SUPPRESSED: "the address is among those that are not to be contacted",
    Reason.NO_PERMISSION: "no permission was given for it, and nothing else allows it",
    Reason.PENDING_CONFIRMATION: "the permission waits for its confirmation",
    Reason.PERMISSION_EXPIRED: "the permission has run out",
    Reason.PERMISSION_NOT_YET_VALID: "the permission does not count yet",
    Reason.NO_PROOF: "no proof of the permission was kept",
    Reason.NOTICE_STALE: "the notice the customer agreed to no longer carries it",
    Reason.REGISTRY_LISTED: "the address stands on a do-not-contact registry",
    Reason.GUARDIAN_MISSING: "the customer is a minor, and not everybody who must has given the permission",
    Reason.NO_BASIS: "the rules know no ground for this purpose on this channel",
    Reason.PENDING_EXPIRED: "nobody confirmed the permission in time",
    Reason.RECIPIENT_NOT_NAMED: "no permission is for this recipient",
    Reason.USED_UP: "every contact the permission allowed was made",
    Reason.CONTACT_ALREADY_REPORTED: "this very contact was already reported",
    Reason.CONFIRMATION_REQUESTED: "another contact asked for this very confirmation already",
    Reason.ALREADY_CONFIRMED: "the permission was confirmed already",
    Reason.OUTSIDE_CALLING_HOURS: "it is outside the lawful hours where the customer lives",
    Reason.LEGAL_CAP_REACHED: "the lawful number of contacts is reached",
    Reason.COOLING_DOWN: "it is too soon after a refusal",
    Reason.INACTIVE: "the customer has done nothing for too long",
    Reason.NOT_PRESENT: "the customer was not seen there just now, or did not agree to be located",
    Reason.ONE_CLICK_MISSING: "messages on this channel cannot carry the one-click unsubscription they must carry",
    Reason.BRAND_CAP_REACHED: "the number of contacts the brand allows itself is reached",
    Reason.QUIET_HOURS: "it is a quiet hour where the customer lives",
    Reason.PAUSED: "the customer paused messages",
    Reason.NO_SLOT: "no instant in the next 90 days suits every rule while the ground lasts",
    Reason.CONFIRMATION_CAP_REACHED: "this address was asked for as many confirmations as it may be",
}

_REMEDIES: Final = {
    RemedyKind.NOTHING: "nothing would make it allowed",
    RemedyKind.WAIT_UNTIL: "wait until {time}",
    RemedyKind.GIVE_PERMISSION: "the customer, by an act of their own, gives a permission for {purpose}{touchpoints}",
    RemedyKind.GIVE_PERMISSION_AS_GUARDIAN: "a guardian gives a permission for {purpose}{touchpoints}",
    RemedyKind.CONFIRM_PERMISSION: "the customer confirms the permission{before}",
    RemedyKind.LINK_CONTACT_POINT: "an address of the customer is linked to them",
    RemedyKind.VERIFY_CONTACT_POINT: "its holder verifies the address",
    RemedyKind.USE_OTHER_CONTACT_POINT: "another address of the customer is used",
    RemedyKind.SETTLE_REPLY: "somebody reads the reply, records the no if it is one, and reports it as settled",
    RemedyKind.LIFT_OVERLAY: "a privacy officer lifts the no of the household, employer or account",
    RemedyKind.LIFT_RESTRICTION: "a privacy officer lifts the restriction, having told the customer",
    RemedyKind.LIFT_ORDER: "the authority lifts its order",
    RemedyKind.LEAVE_REGISTRY: "its holder takes the address off the registry",
    RemedyKind.BEGIN_CONTRACT: "a contract with the customer runs",
    RemedyKind.BUY: "the customer buys, is told of such messages and does not say no",
    RemedyKind.ENQUIRE: "the customer makes an enquiry",
    RemedyKind.ACT_AGAIN: "the customer acts again: a click, an enquiry, a purchase",
    RemedyKind.BE_PRESENT: "the customer is seen there",
    RemedyKind.TELL_TIME_ZONE: "it becomes known in which time zone the customer lives; ask again then",
    RemedyKind.NAME_NEW_CONTACT: "another contact is named",
    RemedyKind.CARRY_ONE_CLICK: "messages on this channel carry a one-click unsubscription",
    RemedyKind.ADD_TOUCHPOINT: "the brand adds a touchpoint that asks for {purpose}",
}

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def _instant(time: datetime, in_utc: bool) -> str:  # noqa: FBT001 - as told in Words
    where = "UTC" if in_utc else "where the customer lives"
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year} at {time:%H:%M} {where}"


WORDS: Final = Words(
    language="en",
    reasons=_REASONS,
    own_list="the address stands on the brand's own list of those it does not contact, {code}, dated {time}",
    remedies=_REMEDIES,
    bases={
        Basis.PERMISSION: "the customer gave a permission that lists it",
        Basis.SOFT_OPT_IN: "the customer bought something similar, was told and did not say no",
        Basis.CURRENT_CONTRACT: "a contract with the customer runs",
        Basis.LEGITIMATE_INTEREST: "a legitimate interest, to which the customer did not object",
        Basis.EXISTING_RELATIONSHIP: "a purchase, an enquiry or another tie that is recent enough",
        Basis.CLASS: "a message of service, law or safety needs no permission",
        Basis.CONFIRMATION_REQUEST: "it asks to confirm a permission that waits",
        Basis.NONE: "nothing",
    },
    channels={
        "email": "by e-mail",
        "sms": "by SMS",
        "mms": "by MMS",
        "push": "by notification",
        "voice": "by telephone",
        "automated_call": "by automated call",
        "fax": "by fax",
        "post": "by post",
        "chat": "by chat",
        "social": "on a social network",
        "in_store": "in the store",
        "in_app": "in the application",
    },
    other_channel="on the channel {code}",
    limits={
        "topic": " on this topic",
        "place": " at this place",
        "recipient": " that names this third party",
    },
    gates=(
        "resolve", "floor", "contact point", "overlays", "class", "refusals", "basis", "recipient", "uses",
        "legal time and volume", "pressure and preference",
    ),
    contact={
        "ALLOW": "The customer may be contacted {channel} for {purpose}: {why}.",
        "DEFER": "The customer may be contacted {channel} for {purpose} only from {time}: {why}.",
        "DENY": "The customer may not be contacted {channel} for {purpose}: {why}.",
    },
    processing={
        "ALLOW": "The customer's data may be used for {purpose}: {why}.",
        "DEFER": "The customer's data may be used for {purpose} only from {time}: {why}.",
        "DENY": "The customer's data may not be used for {purpose}: {why}.",
    },
    rule="Rule {id} ({source}): {says}",
    brand_rule="Rule of the brand: {id}.",
    quoted='"{text}"',
    passes="lets it pass",
    passes_on="lets it pass: {basis}",
    skipped="skipped: the class of the purpose",
    until="from {time}",
    assumed={
        "country": "the country is unknown: the rules of {places} all count",
        "region": "the region is unknown: the rules of {places} all count",
    },
    besides="; ",
    then="; then ",
    before=" before {time}",
    at_touchpoints=", at one of these touchpoints: {names}",
    this="this",
    instant=_instant,
    typeset=str,
)  # fmt: skip
