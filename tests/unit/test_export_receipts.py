"""receipts.jsonld: what GetReceipt hands out one by one, of everything that an export discloses."""

import json
from typing import Any

import pytest
from msgspec.structs import replace
from pyld import jsonld
from support.exporting import CATALOGUE, DETAILS, Members, conclusion, declared, export, live, members, person
from support.installations import BRAND, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys

from accord.domain.commands import ApplyCatalogue, Grant
from accord.domain.problems import ErrorReason
from accord.domain.receipt import CONTEXT
from accord.domain.terms import SECOND, Position, Redaction
from accord.proof import verify
from accord.service import export_writer
from accord.service.errors import CallError

PEOPLE = 3


def installed() -> Installation:
    return Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))


@pytest.fixture(scope="module")
def it() -> Installation:
    made = installed()
    live(made, PEOPLE)
    made.clock.advance(SECOND)
    made.write(Grant(customer=person(0), evidence=declared("web")))
    return made


def nodes(of: Members) -> list[dict[str, Any]]:
    document = json.loads(of["receipts.jsonld"])
    assert document.keys() == {"@context", "@graph"}
    return [{"@context": document["@context"], **each} for each in document["@graph"]]


def positions(of: Members) -> list[int]:
    return [int(each["@id"].rpartition(":")[2]) for each in nodes(of)]


def said(of: Members) -> list[int]:
    lines = [verify.read_line(raw, "accord/maison/1") for raw in of["entries.jsonl"].splitlines()]
    return [line.position for line in lines if line.shown.type in verify.SAID and line.payload]


@pytest.mark.parametrize(
    "asked",
    [{}, {"first": 3, "end": 9}, {"channels": ("email",)}, {"customer": person(0)}, {"purposes": ("marketing.news",)}],
    ids=str,
)
def test_each_permission_and_refusal_shown_has_the_receipt_that_is_handed_out_for_it(
    it: Installation, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_writer, "_PAGE", 4)
    of = members(export(it, receipts=True, **asked))
    assert positions(of) == said(of) != []
    for told, position in zip(nodes(of), positions(of), strict=True):
        assert told == json.loads(it.receipts.receipt(BRAND, Position(position)).document)
    assert conclusion(of).exit_code == 0


def test_the_document_is_json_ld_that_says_as_much_as_its_receipts_one_by_one(it: Installation) -> None:
    of = members(export(it, receipts=True))
    together = jsonld.expand(json.loads(of["receipts.jsonld"]))
    assert together == [each for node in nodes(of) for each in jsonld.expand(node)]
    assert len(together) == 2 * PEOPLE + 1


def test_the_words_of_the_document_are_those_of_a_receipt() -> None:
    assert json.loads(verify.RECEIPTS_HEAD + b"]}")["@context"] == CONTEXT


def test_the_receipts_of_an_older_state_know_nothing_of_what_came_later() -> None:
    before, later = installed(), installed()
    for each in (before, later):
        live(each, 2, replace(CATALOGUE, controller_details=None))
        each.clock.advance(SECOND)
        each.write(ApplyCatalogue(catalogue=CATALOGUE, expected_version=1))
    size = before.proofs.checkpoint(BRAND).checkpoint.size
    elsewhere = replace(DETAILS, address="2 rue Exemple, Paris")
    later.write(ApplyCatalogue(catalogue=replace(CATALOGUE, controller_details=elsewhere), expected_version=2))
    later.write(Grant(customer=person(0), evidence=declared("web")))
    for it in (before, later):
        of = members(export(it, size=size, receipts=True))
        controllers = {each["dpv:hasRecordOfActivity"]["dpv:hasDataController"]["dpv:hasAddress"] for each in nodes(of)}
        assert controllers == {DETAILS.address}
        assert len(nodes(of)) == 4
        assert conclusion(of).exit_code == 0


def test_who_cannot_be_read_any_more_has_no_receipts(it: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = it.keyring.find
    ref = next(entry.customer_ref for entry in it.store.entries(BRAND, 1, 1))

    def without(brand: Any, refs: Any) -> Any:
        return {key: value for key, value in honest(brand, refs).items() if key[0] != ref}

    monkeypatch.setattr(it.keyring, "find", without)
    of = members(export(it, receipts=True))
    assert positions(of) == said(of)
    assert len(positions(of)) == 2 * (PEOPLE - 1)
    assert ref.hex().encode() not in of["receipts.jsonld"]
    assert conclusion(of).exit_code == 0
    of_one = members(export(it, customer=person(0)))
    assert nodes(of_one) == []
    assert conclusion(of_one).exit_code == 0


def test_a_brand_that_tells_nothing_of_itself_has_exports_without_receipts() -> None:
    it = installed()
    live(it, 1, replace(CATALOGUE, controller_details=None))
    of = members(export(it, customer=person(0)))
    assert "receipts.jsonld" not in of
    assert conclusion(of).exit_code == 0
    with pytest.raises(CallError) as raised:
        export(it, receipts=True)
    assert raised.value.problem.reason is ErrorReason.CONTROLLER_UNTOLD


def test_only_an_export_that_was_asked_for_them_or_is_of_one_customer_has_receipts(it: Installation) -> None:
    for asked, has in (({}, False), ({"redaction": Redaction.PERSONAL}, False), ({"customer": person(1)}, True)):
        assert ("receipts.jsonld" in members(export(it, **asked))) == has
