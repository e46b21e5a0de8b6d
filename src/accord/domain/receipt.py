"""Consent receipts: what a customer said, in words that other systems read (ISO/IEC TS 27560, W3C DPV 2.2).

A receipt is a JSON-LD document around one consent record, written from an entry, the catalogue that
counted then, and the acts it replaces; the same entry always gives the same receipt. It names the
customer by their reference and the kinds of data, never an address. Pure; signing is `proof.jws`.
Follows the guide of the DPV community group for TS 27560 (final report of 15 February 2026).
"""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from accord.domain.catalogue import Catalogue, ControllerDetails, NoticeText, Purpose
from accord.domain.events import Evidence, PermissionConfirmed, PermissionGranted, PermissionRefused
from accord.domain.scope import Granted, reaches_all
from accord.domain.succession import Told, granting, refused_by
from accord.domain.terms import (
    SECOND,
    Declarant,
    IdentifierKind,
    Instant,
    Method,
    Position,
    PurposeClass,
    RefusalKind,
)

Node = dict[str, Any]

CONTEXT: Final = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "legal-eu": "https://w3id.org/dpv/legal/eu#",
    "loc": "https://w3id.org/dpv/loc#",
    "pd": "https://w3id.org/dpv/pd#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
_PROFILES: Final = "https://w3id.org/dpv/schema/dpv-27560#"
_GDPR_COUNTRIES: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split(),  # noqa: SIM905 - thirty codes read better in one line
)
"""Where the GDPR applies: the European Economic Area, by ISO 3166-1 codes."""

_PERSONAL_DATA = {
    IdentifierKind.EMAIL: "pd:EmailAddress",
    IdentifierKind.PHONE: "pd:TelephoneNumber",
    IdentifierKind.POSTAL_ADDRESS: "pd:PhysicalAddress",
    IdentifierKind.PUSH_TOKEN: "pd:DeviceBased",
    IdentifierKind.SOCIAL_PROFILE: "pd:SocialMedia",
    IdentifierKind.LOYALTY_CARD: "pd:AccountIdentifier",
    IdentifierKind.BEACON_DEVICE: "pd:DeviceBased",
    IdentifierKind.CUSTOMER_ID: "pd:AccountIdentifier",
}
_CATEGORIES = {
    PurposeClass.MARKETING: "dpv:DirectMarketing",
    PurposeClass.SERVICE: "dpv:CustomerCare",
    PurposeClass.LEGAL: "dpv:LegalCompliance",
    PurposeClass.SAFETY: "dpv:ServiceProvision",
    PurposeClass.PROCESSING: "dpv:Personalisation",
    # A confirmation is asked for so that the consent can be demonstrated (GDPR art. 7(1)).
    PurposeClass.CONFIRMATION: "dpv:LegalCompliance",
}
_BRANCHES = {"sharing": "dpv:Marketing", "agency": "dpv:ServiceProvision"}
"""Branches whose purposes have a category of their own."""
_OPERATIONS = {"profiling": ["dpv:Collect", "dpv:Profiling"], "sharing": ["dpv:Share"]}
_EXPLICIT = frozenset({Method.CONFIRMATION_LINK, Method.SIGNATURE})
"""Acts that concern nothing but the consent itself."""
_STATUS = {
    RefusalKind.REFUSED: "dpv:ConsentRefused",
    RefusalKind.WITHDRAWN: "dpv:ConsentWithdrawn",
    # Objecting ends what rests on other grounds as well (GDPR art. 21); the vocabulary's nearest status is this.
    RefusalKind.OBJECTED: "dpv:ConsentWithdrawn",
}
_RIGHTS = ("A7-3", "A15", "A16", "A17", "A20", "A21", "A77")
"""Articles of the GDPR whose rights every receipt names."""


class Source(Struct, frozen=True, kw_only=True):
    """What a receipt is written from. `replaced` are the positions of the acts that this one replaces."""

    ledger: str
    customer_ref: str
    leaf_hash: str
    told: Told
    replaced: tuple[Position, ...]
    catalogue: Catalogue
    details: ControllerDetails
    point_kinds: dict[int, IdentifierKind]
    """The kind of each identifier of the customer, by its number."""


def receipt(source: Source) -> Node:
    """Return the receipt of an act as a JSON-LD document."""
    told, brand = source.told, _controller(source)
    return {
        "@context": CONTEXT,
        "@id": _name(source.ledger, told.position),
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": _profile("receipt", source),
        "dct:identifier": _name(source.ledger, told.position),
        "dct:created": _time(told.recorded_time),
        "dct:publisher": brand["@id"],
        "schema:recipient": "dpv:DataSubject",
        **({"dct:replaces": [_name(source.ledger, each) for each in source.replaced]} if source.replaced else {}),
        "dpv:hasRecordOfActivity": _record(source, brand),
    }


def _record(source: Source, brand: Node) -> Node:
    told, catalogue = source.told, source.catalogue
    evidence = told.act.evidence
    identifier = f"{_name(source.ledger, told.position)}#record"
    return {
        "@id": identifier,
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": _profile("record", source),
        "dct:identifier": identifier,
        "dct:source": f"urn:accord:leaf:{source.leaf_hash}",
        "dpv:hasDataSubject": {
            "@id": f"urn:accord:customer:{source.customer_ref}",
            "@type": "dpv:DataSubject",
            "skos:broader": "dpv:Consumer",
        },
        "dpv:hasDataController": brand,
        "dpv:hasJurisdiction": f"loc:{catalogue.country}",
        **({"dpv:hasApplicableLaw": "legal-eu:law-GDPR"} if _under_gdpr(source) else {}),
        "dpv:hasNotice": _notices(catalogue, evidence),
        "dpv:hasProcess": [_process(source, purpose) for purpose in _purposes(source)],
        "dpv:hasConsentControl": {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": source.details.rights_url,
        },
        "dpv:hasRight": [
            {"@type": ["dpv:DataSubjectRight", *right], "dpv:isExercisedAt": source.details.rights_url}
            for right in ([(f"eu-gdpr:{article}",) for article in _RIGHTS] if _under_gdpr(source) else [()])
        ],
        "dpv:hasConsentStatus": _status(told),
    }


def _controller(source: Source) -> Node:
    details = source.details
    identifier = f"urn:accord:controller:{source.ledger}"
    return {
        "@id": identifier,
        "@type": "dpv:DataController",
        "dpv:hasIdentifier": identifier,
        "dpv:hasName": source.catalogue.controller,
        "dpv:hasAddress": details.address,
        "dpv:hasContact": details.contact,
    }


def _notices(catalogue: Catalogue, evidence: Evidence) -> list[Node]:
    """Return the exact text that was shown, in the language it was shown in; in every one where none was told."""
    notice = next((each for each in catalogue.notices if each.code == evidence.notice), None)
    if notice is None:
        return []
    shown = [text for text in notice.texts if text.language == evidence.language] or list(notice.texts)
    return [_notice(notice.code, text) for text in shown]


def _notice(name: str, text: NoticeText) -> Node:
    return {
        "@type": "dpv:ConsentNotice",
        "dct:identifier": name,
        "dct:language": text.language,
        "dct:description": {"@value": text.text, "@language": text.language},
    }


def _process(source: Source, purpose: Purpose) -> Node:
    granted, details = granting(source.told), source.details
    branch = purpose.code.partition(".")[0]
    third_parties = granted.recipients if granted else ()
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@type": "dpv:Purpose",
            "dct:identifier": purpose.code,
            "skos:broader": _BRANCHES.get(branch, _CATEGORIES[purpose.purpose_class]),
            **({"dct:description": purpose.title} if purpose.title else {}),
        },
        "dpv:hasLegalBasis": [*(["eu-gdpr:A6-1-a"] if _under_gdpr(source) else []), _how_expressed(source.told)],
        "dpv:hasProcessing": _OPERATIONS.get(branch, ["dpv:Collect", "dpv:Store", "dpv:Use"]),
        "dpv:hasPersonalData": _personal_data(source, purpose),
        "dpv:hasDataSource": {"@type": "dpv:DataSubjectDataSource", "dct:description": _where(source)},
        "dpv:hasStorageCondition": _storage(details),
        "dpv:hasRecipient": [
            f"urn:accord:controller:{source.ledger}",
            *({"@type": "dpv:ThirdParty", "dpv:hasName": each} for each in third_parties),
        ],
        **_limits(source.told),
    }


def _limits(told: Told) -> Node:
    """Return what else narrows an act: channels, topics and places, as catalogue codes and the caller's words."""
    granted = granting(told)
    if granted is not None:
        limits = {"channel": granted.channels, "topic": granted.topics, "place": granted.places}
    elif isinstance(told.act, PermissionRefused):
        limits = {"channel": (told.act.channel,), "topic": (told.act.topic,), "place": (told.act.place,)}
    else:
        limits = {}
    found = [f"{name}: {each}" for name, values in limits.items() for each in values if each]
    return {"dpv:hasScope": found} if found else {}


def _personal_data(source: Source, purpose: Purpose) -> list[str]:
    """Return the kinds of data an act lets be used: of the address it names, else of each channel's."""
    granted, act = granting(source.told), source.told.act
    point = granted.point if granted else act.point if isinstance(act, PermissionRefused) else 0
    if point in source.point_kinds:
        return [_PERSONAL_DATA[source.point_kinds[point]]]
    if purpose.purpose_class is PurposeClass.PROCESSING:
        return ["dpv:PersonalData"]
    channel = act.channel if isinstance(act, PermissionRefused) else ""
    wanted = granted.channels if granted else (channel,) if channel else ()
    kinds = [each.contact_point_kind for each in source.catalogue.channels if not wanted or each.code in wanted]
    return list(dict.fromkeys(_PERSONAL_DATA[kind] for kind in kinds))


def _storage(details: ControllerDetails) -> list[Node]:
    return [
        {
            "@type": "dpv:StorageLocation",
            "dpv:hasLocation": [f"loc:{country}" for country in details.storage_countries],
        },
        {"@type": "dpv:StorageDuration", "dpv:hasDuration": _until(details.retention_days)},
    ]


def _until(days: int) -> Node:
    if days:
        return {"@type": "dpv:TemporalDuration", "rdf:value": f"P{days}D"}
    return {"@type": "dpv:UntilEventDuration", "rdf:value": "withdrawal or erasure"}


def _status(told: Told) -> Node:
    act = told.act
    by = "dpv:GuardianOfDataSubject" if act.evidence.declarant is Declarant.GUARDIAN else "dpv:DataSubject"
    match act:
        case PermissionRefused():
            status, duration = _STATUS[act.kind], _until(0) | {"rdf:value": "a later permission of the customer"}
        case PermissionGranted():
            status = "dpv:ConsentRequested" if act.confirm_until else "dpv:ConsentGiven"
            duration = _lasting(act)
        case PermissionConfirmed():
            status, duration = "dpv:ConsentGiven", _lasting(told.confirms)
    return {
        "@type": [status, _how_expressed(told)],
        "dpv:isIndicatedBy": by,
        "dpv:hasIndicationMethod": act.evidence.method.value.lower().replace("_", " "),
        "dpv:isIndicatedAtTime": _time(act.evidence.act_time),
        "dpv:hasDuration": duration,
    }


def _lasting(granted: PermissionGranted | None) -> Node:
    """Return how long a permission lasts: its uses bind before its time does."""
    if granted is not None and granted.uses:
        return {"@type": "dpv:FixedOccurrencesDuration", "rdf:value": str(granted.uses)}
    if granted is not None and granted.valid_until:
        return {"@type": "dpv:UntilTimeDuration", "rdf:value": _time(granted.valid_until)}
    return _until(0)


def _how_expressed(told: Told) -> str:
    return "dpv:ExplicitlyExpressedConsent" if told.act.evidence.method in _EXPLICIT else "dpv:ExpressedConsent"


def _purposes(source: Source) -> list[Purpose]:
    """Return the leaf purposes an act names; a refusal names all that lie below its branch."""
    granted, act = granting(source.told), source.told.act
    if granted is not None:
        return [each for each in source.catalogue.purposes if each.code in granted.purposes]
    refused = refused_by(act)
    return [
        each
        for each in source.catalogue.purposes
        if refused is not None and reaches_all(refused, Granted((each.code,), (refused.channel,)))
    ]


def _where(source: Source) -> str:
    name = source.told.act.evidence.touchpoint
    touchpoint = next((each for each in source.catalogue.touchpoints if each.code == name), None)
    return touchpoint.title if touchpoint and touchpoint.title else name


def _under_gdpr(source: Source) -> bool:
    return source.catalogue.country in _GDPR_COUNTRIES


def _profile(of: str, source: Source) -> str:
    return f"{_PROFILES}{of}-eu-gdpr" if _under_gdpr(source) else f"{_PROFILES}{of}"


def _name(ledger: str, position: Position) -> str:
    return f"urn:accord:receipt:{ledger}:{position}"


def _time(time: Instant) -> str:
    """Return an instant in ISO 8601, UTC, to the microsecond."""
    seconds, rest = divmod(time, SECOND)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:06d}Z"
