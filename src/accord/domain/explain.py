"""Why, in plain words, and the least change that would make it allowed. Nothing personal is ever said."""

from accord.domain.decision import Decision, Finding
from accord.domain.terms import Reason, Verdict

_WORDS: dict[Reason, tuple[str, str]] = {
    Reason.PERMITTED: ("every gate lets it pass", ""),
    Reason.CUSTOMER_UNKNOWN: ("nobody is known by this key", "a permission given by this customer"),
    Reason.CONTACT_POINT_UNKNOWN: ("the address is not linked to this customer", "link the address to the customer"),
    Reason.ERASED: ("the customer was erased", "nothing"),
    Reason.RESTRICTED: ("processing is restricted", "an officer ends the restriction"),
    Reason.DECEASED: ("the customer has died", "nothing, unless the fact is wrong"),
    Reason.AUTHORITY_ORDER: ("an authority forbade it", "the authority lifts its order"),
    Reason.SECTOR_PROHIBITED: ("the sector may not contact anyone for this", "nothing"),
    Reason.CONTACT_POINT_BOUNCED: ("messages to this address come back", "the customer verifies the address anew"),
    Reason.CONTACT_POINT_COMPLAINED: ("a message to this address was reported as unwanted", "use another address"),
    Reason.CONTACT_POINT_REASSIGNED: (
        "the address now belongs to somebody else",
        "its new holder gives this very permission; for service messages, they verify the address",
    ),
    Reason.CONTACT_POINT_INVALID: ("the address does not exist", "the customer verifies the address"),
    Reason.CONTACT_POINT_UNVERIFIED: ("nobody has shown that the customer holds the address", "verify the address"),
    Reason.OVERLAID: ("a household, employer or account says no", "the overlay is taken off"),
    Reason.CONTRACT_PAUSED: ("a contractual pause runs", "wait until the pause ends"),
    Reason.REFUSED: ("asked, the customer said no", "the customer gives this very permission later"),
    Reason.WITHDRAWN: ("the customer took the permission back", "the customer gives this very permission again"),
    Reason.OBJECTED: ("the customer objected", "the customer gives this very permission later"),
    Reason.STOPPED: ("the customer stopped this address", "the customer gives a permission for this very address"),
    Reason.SUPPRESSED: (
        "whoever held this address was erased and is not to be contacted again",
        "its holder gives a permission by an act of their own, after the erasure",
    ),
    Reason.NO_PERMISSION: ("nothing permits it", "the customer gives a permission that lists this purpose and channel"),
    Reason.PENDING_CONFIRMATION: ("the permission waits for its confirmation", "the customer confirms in time"),
    Reason.PERMISSION_EXPIRED: ("the permission has run out", "the customer gives the permission again"),
    Reason.PERMISSION_NOT_YET_VALID: ("the permission does not count yet", "wait until it begins"),
    Reason.NO_PROOF: ("no proof of the permission was kept", "the customer gives the permission again, on a notice"),
    Reason.NOTICE_STALE: ("the notice the customer saw no longer carries it", "the customer accepts the new notice"),
    Reason.REGISTRY_LISTED: ("the address stands on a do-not-contact registry", "a ground the registry does not bind"),
    Reason.GUARDIAN_MISSING: ("a minor's permission lacks the guardian's", "a guardian gives the permission too"),
    Reason.NO_BASIS: ("the rules know no ground for this purpose on this channel", "another channel"),
    Reason.PENDING_EXPIRED: ("nobody confirmed the permission in time", "the customer gives the permission again"),
    Reason.RECIPIENT_NOT_NAMED: ("the permission does not name this third party", "a permission that names it"),
    Reason.USED_UP: ("every contact the permission allowed was made", "the customer gives the permission again"),
    Reason.CONTACT_ALREADY_REPORTED: ("this very contact was already reported", "name another contact"),
    Reason.CONFIRMATION_REQUESTED: (
        "another contact asked for this very confirmation already",
        "the customer gives the permission again, or that contact failed",
    ),
    Reason.ALREADY_CONFIRMED: ("the permission was confirmed already", "nothing: there is nothing left to confirm"),
    Reason.OUTSIDE_CALLING_HOURS: ("outside the lawful hours where the customer lives", "wait for the lawful hours"),
    Reason.LEGAL_CAP_REACHED: ("the lawful number of contacts is reached", "wait until the window has room"),
    Reason.COOLING_DOWN: ("too soon after a refusal", "wait until the silence ends"),
    Reason.INACTIVE: ("the customer did nothing for too long", "the customer acts again, or says yes when asked once"),
    Reason.NOT_PRESENT: (
        "the customer was not seen there just now, or did not permit to be located",
        "the customer, who permitted it, is seen there",
    ),
    Reason.BRAND_CAP_REACHED: ("the brand's own number of contacts is reached", "wait until the window has room"),
    Reason.QUIET_HOURS: ("quiet hours where the customer lives", "wait until the quiet hours end"),
    Reason.PAUSED: ("the customer paused messages", "wait until the pause ends"),
    Reason.NO_SLOT: (
        "no instant in the next 90 days satisfies every gate while the ground lasts",
        "a ground that lasts longer, or the customer's time zone where it is unknown",
    ),
    Reason.CONFIRMATION_CAP_REACHED: (
        "this address was asked for as many confirmations as it may be",
        "wait until the window has room",
    ),
}


def sentence(finding: Finding | None) -> str:
    """Return what a gate says, in plain words, with the sentence of the rule that binds."""
    if finding is None:
        return "lets it pass"
    rule = f" ({finding.rule.says})" if finding.rule and finding.rule.says else ""
    return _WORDS[finding.reason][0] + rule


def what_would_allow(decision: Decision) -> str:
    """Return the least change that would make it allowed; empty when it is."""
    return "" if decision.verdict is Verdict.ALLOW else _WORDS[decision.reason][1]
