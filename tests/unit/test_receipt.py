"""Receipts: JSON-LD in published terms only, complete as ISO/IEC TS 27560 asks, the same for the same entry."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from pyld import jsonld

from accord.domain.catalogue import (
    Catalogue,
    Channel,
    ControllerDetails,
    Level,
    Notice,
    NoticeText,
    Purpose,
    Touchpoint,
)
from accord.domain.events import Evidence, PermissionConfirmed, PermissionGranted, PermissionRefused
from accord.domain.receipt import CONTEXT, Source, receipt
from accord.domain.succession import Act, Told, replaced
from accord.domain.terms import (
    Declarant,
    IdentifierKind,
    Instant,
    Method,
    Position,
    PurposeClass,
    Recorder,
    RefusalKind,
)

TERMS = Path(__file__).parents[1] / "golden" / "dpv" / "terms-2.2.csv"
NEWSLETTER, BIRTHDAY, PARTNER = "marketing.newsletter", "marketing.birthday", "sharing.partner"
TIME = Instant(1_780_000_000_000_000)
CATALOGUE = Catalogue(
    controller="Maison Alba SAS",
    country="FR",
    channels=(Channel("email", IdentifierKind.EMAIL), Channel("sms", IdentifierKind.PHONE)),
    purposes=(
        Purpose(NEWSLETTER, PurposeClass.MARKETING, "Our letter"),
        Purpose(BIRTHDAY, PurposeClass.MARKETING),
        Purpose("service.order", PurposeClass.SERVICE),
        Purpose("legal.notice", PurposeClass.LEGAL),
        Purpose("safety.recall", PurposeClass.SAFETY),
        Purpose("service.opt_in", PurposeClass.CONFIRMATION),
        Purpose(PARTNER, PurposeClass.PROCESSING),
        Purpose("profiling.social_listening", PurposeClass.PROCESSING),
        Purpose("agency.purchase", PurposeClass.PROCESSING),
    ),
    levels=(Level("ongoing"),),
    notices=(
        Notice(
            "letter-1", (NEWSLETTER,), (NoticeText("fr", "Notre lettre."), NoticeText("en", "Our letter.")), ("email",)
        ),
    ),
    touchpoints=(Touchpoint("web_form", "ongoing", "letter-1", "Web form"),),
)
DETAILS = ControllerDetails(
    "12 rue des Tilleuls, Lyon", "privacy@alba.example", "https://alba.example/privacy", ("FR",)
)


def evidence(**told: Any) -> Evidence:
    fields = {"touchpoint": "web_form", "method": Method.TICKED_BOX, "declarant": Declarant.CUSTOMER}
    fields |= {"recorder": Recorder.SYSTEM, "act_time": TIME, "notice": "letter-1", "language": "en"}
    return Evidence(**(fields | told))


def granted(purposes: tuple[str, ...] = (NEWSLETTER,), channels: tuple[str, ...] = ("email",), **told: Any) -> Act:
    return PermissionGranted(
        evidence=told.pop("evidence", evidence()),
        level="ongoing",
        purposes=purposes,
        channels=channels,
        valid_from=TIME,
        **told,
    )


def refused(kind: RefusalKind = RefusalKind.WITHDRAWN, **told: Any) -> Act:
    return PermissionRefused(kind=kind, evidence=evidence(notice=""), **told)


def confirmed(permission: int) -> Act:
    return PermissionConfirmed(evidence=evidence(method=Method.CONFIRMATION_LINK), permission=Position(permission))


def told(position: int, act: Act, confirms: Act | None = None) -> Told:
    given = confirms if isinstance(confirms, PermissionGranted) else None
    return Told(Position(position), Instant(TIME + position), act, given)


def source(it: Told, **told: Any) -> Source:
    fields: dict[str, Any] = {
        "ledger": "accord/maison-alba/1",
        "customer_ref": "ab" * 16,
        "leaf_hash": "cd" * 32,
        "told": it,
        "replaced": (),
        "catalogue": CATALOGUE,
        "details": DETAILS,
        "point_kinds": {1: IdentifierKind.CUSTOMER_ID, 2: IdentifierKind.EMAIL},
    }
    return Source(**(fields | told))


ACTS = {
    "a permission": told(7, granted()),
    "a permission once": told(7, granted(uses=1)),
    "a permission with an end": told(7, granted(valid_until=Instant(TIME + 86_400_000_000))),
    "a permission for one address": told(7, granted(point=2)),
    "a permission for a topic in a place": told(7, granted(topics=("sku-1",), places=("store:lyon",))),
    "a permission to share": told(7, granted((PARTNER,), ("",), recipients=("Partner SA",))),
    "a permission to profile": told(7, granted(("profiling.social_listening",), ("",))),
    "a permission to act": told(7, granted(("agency.purchase",), ("",))),
    "a permission that waits": told(7, granted(confirm_until=Instant(TIME + 1))),
    "a guardian's permission": told(7, granted(evidence=evidence(declarant=Declarant.GUARDIAN))),
    "a confirmation": told(8, confirmed(7), granted(uses=3)),
    "a refusal": told(8, refused(RefusalKind.REFUSED, purpose=NEWSLETTER, channel="email")),
    "a withdrawal": told(8, refused(purpose="marketing")),
    "an objection to everything": told(8, refused(RefusalKind.OBJECTED)),
    "a STOP": told(8, refused(channel="sms", point=2)),
}
COUNTRIES = ("FR", "DE", "GB", "US", "CA")


def published() -> dict[str, str]:
    with TERMS.open(encoding="utf-8", newline="") as file:
        return {row["iri"]: row["type"] for row in csv.DictReader(file)}


def written(it: Told, country: str = "FR") -> dict[str, Any]:
    """Return the receipt as its reader gets it."""
    made = receipt(source(it, catalogue=replace(CATALOGUE, country=country)))
    document: dict[str, Any] = json.loads(msgspec.json.encode(made))
    return document


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(each)


def iris(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each name of a published vocabulary in an expanded document, and how it is used."""
    for node in nodes(jsonld.expand(document)):
        for key in node:
            if "w3id.org" in key:
                yield key, "property"
        for name in node.get("@type", ()):
            yield name, "class"
    for node in nodes(document):
        for key, value in node.items():
            for each in value if isinstance(value, list) else [value]:
                prefix, colon, rest = each.partition(":") if isinstance(each, str) else ("", "", "")
                if colon and "w3id.org" in CONTEXT.get(prefix, "") and key != "@context":
                    yield CONTEXT[prefix] + rest, "class"


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("act", ACTS)
def test_every_term_is_published_in_the_vocabulary_and_used_as_what_it_is(act: str, country: str) -> None:
    vocabulary = published()
    found = set(iris(written(ACTS[act], country)))
    assert len(found) > 30
    assert {(name, use) for name, use in found if vocabulary.get(name) != use} == set()


@pytest.mark.parametrize("act", ACTS)
def test_a_receipt_has_every_field_that_ts_27560_makes_mandatory(act: str) -> None:
    document = written(ACTS[act])
    record = document["dpv:hasRecordOfActivity"]
    for name in ("dct:conformsTo", "dct:identifier", "dct:created"):
        assert document[name]
    for name in ("dct:conformsTo", "dct:identifier", "hasDataSubject", "hasDataController", "hasJurisdiction"):
        assert record[name if ":" in name else f"dpv:{name}"]
    for name in ("hasProcess", "hasConsentControl", "hasRight", "hasConsentStatus"):
        assert record[f"dpv:{name}"]
    for process in record["dpv:hasProcess"]:
        for name in ("hasPurpose", "hasPersonalData", "hasStorageCondition", "hasRecipient", "hasLegalBasis"):
            assert process[f"dpv:{name}"]
    controller = record["dpv:hasDataController"]
    assert all(controller[f"dpv:{name}"] for name in ("hasName", "hasIdentifier", "hasAddress", "hasContact"))
    status = record["dpv:hasConsentStatus"]
    assert all(status[f"dpv:{name}"] for name in ("isIndicatedBy", "isIndicatedAtTime", "hasDuration"))


STATUSES = {
    "a permission": "dpv:ConsentGiven",
    "a permission that waits": "dpv:ConsentRequested",
    "a confirmation": "dpv:ConsentGiven",
    "a refusal": "dpv:ConsentRefused",
    "a withdrawal": "dpv:ConsentWithdrawn",
    "an objection to everything": "dpv:ConsentWithdrawn",
}
DURATIONS = {
    "a permission": ("dpv:UntilEventDuration", "withdrawal or erasure"),
    "a permission once": ("dpv:FixedOccurrencesDuration", "1"),
    "a permission with an end": ("dpv:UntilTimeDuration", "2026-05-29T20:26:40.000000Z"),
    "a confirmation": ("dpv:FixedOccurrencesDuration", "3"),
}


@pytest.mark.parametrize("act", STATUSES)
def test_a_receipt_says_where_the_consent_stands(act: str) -> None:
    assert written(ACTS[act])["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]["@type"][0] == STATUSES[act]


@pytest.mark.parametrize("act", DURATIONS)
def test_a_receipt_says_how_long_the_consent_lasts(act: str) -> None:
    duration = written(ACTS[act])["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]["dpv:hasDuration"]
    assert (duration["@type"], duration["rdf:value"]) == DURATIONS[act]


def test_a_receipt_quotes_the_text_in_the_language_it_was_shown_in() -> None:
    notices = written(ACTS["a permission"])["dpv:hasRecordOfActivity"]["dpv:hasNotice"]
    assert [each["dct:description"] for each in notices] == [{"@value": "Our letter.", "@language": "en"}]


def test_a_withdrawal_of_a_branch_names_every_purpose_below_it() -> None:
    processes = written(ACTS["a withdrawal"])["dpv:hasRecordOfActivity"]["dpv:hasProcess"]
    assert [each["dpv:hasPurpose"]["dct:identifier"] for each in processes] == [NEWSLETTER, BIRTHDAY]


def test_a_guardian_is_told_apart_from_the_customer() -> None:
    status = written(ACTS["a guardian's permission"])["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
    assert status["dpv:isIndicatedBy"] == "dpv:GuardianOfDataSubject"


def test_third_parties_are_recipients_by_their_name() -> None:
    (process,) = written(ACTS["a permission to share"])["dpv:hasRecordOfActivity"]["dpv:hasProcess"]
    assert {"@type": "dpv:ThirdParty", "dpv:hasName": "Partner SA"} in process["dpv:hasRecipient"]


def test_outside_the_gdpr_no_receipt_claims_its_articles() -> None:
    assert "eu-gdpr:" not in json.dumps({**written(ACTS["a permission"], "US"), "@context": {}})


def test_the_same_entry_gives_the_same_receipt() -> None:
    it = source(ACTS["a permission"])
    assert msgspec.json.encode(receipt(it), order="sorted") == msgspec.json.encode(receipt(it), order="sorted")


SUCCESSIONS: dict[str, tuple[list[Told], tuple[int, ...]]] = {
    "a first permission replaces nothing": ([told(1, granted())], ()),
    "the same permission again replaces the first": ([told(1, granted()), told(2, granted())], (1,)),
    "another purpose replaces nothing": ([told(1, granted()), told(2, granted((BIRTHDAY,)))], ()),
    "another channel replaces nothing": ([told(1, granted()), told(2, granted(channels=("sms",)))], ()),
    "a withdrawal replaces the permissions it reaches": (
        [told(1, granted()), told(2, granted((BIRTHDAY,), ("sms",))), told(3, refused(purpose="marketing"))],
        (1, 2),
    ),
    "a withdrawal of a channel leaves the other alone": (
        [told(1, granted()), told(2, granted((BIRTHDAY,), ("sms",))), told(3, refused(channel="sms"))],
        (2,),
    ),
    "what was withdrawn is replaced no second time": (
        [told(1, granted()), told(2, refused(purpose="marketing")), told(3, refused(purpose=NEWSLETTER))],
        (2,),
    ),
    "a permission after a withdrawal replaces it": (
        [told(1, granted()), told(2, refused(purpose=NEWSLETTER)), told(3, granted())],
        (2,),
    ),
    "a confirmation replaces what waited for it": (
        [told(1, granted(confirm_until=Instant(TIME + 9))), told(2, confirmed(1), granted())],
        (1,),
    ),
    "another topic replaces nothing": (
        [told(1, granted(topics=("sku-1",))), told(2, granted(topics=("sku-2",)))],
        (),
    ),
    "a part taken back links to the whole, which still counts": (
        [
            told(1, granted((NEWSLETTER, BIRTHDAY))),
            told(2, refused(purpose=BIRTHDAY)),
            told(3, refused(purpose=NEWSLETTER)),
        ],
        (1,),
    ),
}


@pytest.mark.parametrize("name", SUCCESSIONS)
def test_succession(name: str) -> None:
    acts, wanted = SUCCESSIONS[name]
    assert replaced(acts) == wanted


def test_a_receipt_links_to_those_it_replaces() -> None:
    document = receipt(source(ACTS["a withdrawal"], replaced=(Position(3), Position(7))))
    assert document["dct:replaces"] == [f"urn:accord:receipt:accord/maison-alba/1:{number}" for number in (3, 7)]
