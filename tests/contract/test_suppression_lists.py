"""Lists of addresses that are not to be contacted, on every store: they bind at once, whoever holds an address."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.installations import BRAND, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, CATALOGUE, grant, withdraw

from accord.domain.catalogue import BasisRule
from accord.domain.commands import ApplyCatalogue, Link, Question, RecordFacts, ReportContactPoint, Unlink
from accord.domain.events import FactsRecorded, SuppressionsImported
from accord.domain.explain import Explainer
from accord.domain.state import Listing
from accord.domain.terms import (
    DAY,
    Basis,
    Identifier,
    IdentifierKind,
    Instant,
    ListKind,
    PermissionStatus,
    PointFact,
    Position,
    PurposeClass,
    Reason,
    Recorder,
    RefusalKind,
    Verdict,
)
from accord.domain.words import LANGUAGES
from accord.ledger.entry import BRAND_REF
from accord.ledger.store import ListingRow
from accord.service.errors import CallError
from accord.service.listed import ListVerdict
from accord.service.records import StandingRefusal
from accord.service.suppression_lists import Begun, Ended

BOUND, KEPT, KNOWN = ListVerdict
NEW_MAIL = Identifier(IdentifierKind.EMAIL, "new@example.com")
BINDING = replace(
    CATALOGUE,
    bases=(
        BasisRule("permission", Basis.PERMISSION, PurposeClass.MARKETING, registry_binds=True),
        BasisRule("contract", Basis.CURRENT_CONTRACT, PurposeClass.MARKETING),
    ),
)


def told(
    kind: ListKind = ListKind.REGISTRY, days_ago: int = 2, code: str = "fr.bloctel", **sides: Any
) -> SuppressionsImported:
    time = Instant(START - days_ago * DAY)
    return SuppressionsImported(list=code, kind=kind, listed_time=time, sha256=f"{days_ago:064x}", lines=1, **sides)


def take(house: Installation, list_: SuppressionsImported, *addresses: Identifier) -> tuple[Begun, list[int]]:
    begun = house.lists.begin(BRAND, "officer", list_)
    return begun, house.lists.add(BRAND, "officer", begun, list(addresses))


def end(house: Installation, begun: Begun, limit: int = 10) -> Ended:
    return house.lists.end(BRAND, "officer", begun, limit)


def reason(house: Installation, customer: Identifier = ADA_ID, purpose: str = "marketing.cart") -> Reason:
    found = house.questions.check(BRAND, Question(customer=customer, purpose=purpose, channel="email")).decision
    assert (found.verdict is Verdict.ALLOW) == (found.reason is Reason.PERMITTED)
    return found.reason


def with_ada(installation: Installation) -> Installation:
    """Return the installation with Ada, who may be contacted."""
    installation.writer.start()
    installation.write(ApplyCatalogue(catalogue=BINDING))
    installation.write(grant())
    assert reason(installation) is Reason.PERMITTED
    return installation


@pytest.fixture
def house() -> Iterator[Installation]:
    """Ada, in memory: what a list does there it does on every store, which two tests show."""
    made = with_ada(Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy())))
    yield made
    made.writer.stop()


@pytest.fixture
def anywhere(installation: Installation) -> Iterator[Installation]:
    """Ada, on each kind of store in turn."""
    yield with_ada(installation)
    installation.writer.stop()


@pytest.mark.parametrize(
    ("kind", "binds"),
    [
        (ListKind.REGISTRY, Reason.REGISTRY_LISTED),
        (ListKind.BOUNCED, Reason.CONTACT_POINT_BOUNCED),
        (ListKind.COMPLAINED, Reason.CONTACT_POINT_COMPLAINED),
        (ListKind.OWN, Reason.SUPPRESSED),
    ],
)
def test_a_list_binds_who_holds_an_address_and_who_is_given_one_later(
    anywhere: Installation, kind: ListKind, binds: Reason
) -> None:
    _, verdicts = take(anywhere, told(kind), ADA_MAIL, NEW_MAIL, ADA_MAIL)
    assert verdicts == [BOUND, KEPT, KNOWN]
    assert reason(anywhere) is binds
    anywhere.write(replace(grant(BOB_ID, point=NEW_MAIL), evidence=replace(grant().evidence, recorder=Recorder.IMPORT)))
    assert reason(anywhere, BOB_ID) is binds
    assert anywhere.audit().faults == ()


def test_an_import_is_an_entry_of_the_brand_that_names_the_file_and_no_address(house: Installation) -> None:
    begun, _ = take(house, told(), ADA_MAIL, NEW_MAIL)
    end(house, begun)
    mine = house.store.entries(BRAND, 0, 100, BRAND_REF)
    opened = [house.remembered.event(BRAND, each.position) for each in mine]
    kinds = [type(each).__name__ for each in opened]
    assert kinds == ["CatalogueApplied", "SuppressionsImported", "SuppressionsEnded"]
    assert opened[1] == told()
    assert opened[2].listed == 2  # type: ignore[union-attr]
    assert all(b"example.com" not in repr(each).encode() for each in opened[1:])


def test_a_contract_that_runs_is_spared_by_a_registry(house: Installation) -> None:
    take(house, told(), ADA_MAIL)
    house.write(RecordFacts(customer=ADA_ID, facts=FactsRecorded(contract_current=True)))
    assert reason(house) is Reason.PERMITTED


def test_service_messages_pass_a_registry_and_the_brands_own_list(house: Installation) -> None:
    take(house, told(), ADA_MAIL)
    take(house, told(ListKind.OWN, code="own"), ADA_MAIL)
    assert reason(house, purpose="service.order") is Reason.PERMITTED


@pytest.mark.parametrize("kind", [ListKind.REGISTRY, ListKind.OWN])
def test_a_list_for_some_purposes_binds_those(house: Installation, kind: ListKind) -> None:
    take(house, told(kind, purposes=("marketing.birthday",)), ADA_MAIL)
    assert reason(house) is Reason.PERMITTED
    assert reason(house, purpose="marketing.birthday") is not Reason.PERMITTED
    _, verdicts = take(house, told(kind, purposes=("marketing.cart",)), ADA_MAIL)
    assert verdicts == [BOUND], "the same list of the same day names one purpose more"
    assert Reason.PERMITTED not in {reason(house), reason(house, purpose="marketing.birthday")}


def test_an_import_again_writes_nothing_and_wakes_nobody(house: Installation) -> None:
    begun, _ = take(house, told(ListKind.OWN), ADA_MAIL, NEW_MAIL)
    ended = end(house, begun)
    size = house.store.head(BRAND).size  # type: ignore[union-attr]
    again, verdicts = take(house, told(ListKind.OWN), ADA_MAIL, NEW_MAIL)
    assert (again, end(house, again), verdicts) == (begun, ended, [KNOWN, KNOWN])
    assert take(house, told(ListKind.OWN, days_ago=9), ADA_MAIL)[1] == [KNOWN], "an older list shortens nothing"
    assert house.store.head(BRAND).size == size + 1, "only the older import itself is told"  # type: ignore[union-attr]
    assert reason(house) is Reason.SUPPRESSED


def test_an_act_of_the_customer_after_the_import_lifts_the_brands_own_list_and_an_import_does_not(
    house: Installation,
) -> None:
    take(house, told(ListKind.OWN), ADA_MAIL)
    house.clock.advance(DAY)
    imported = replace(grant().evidence, recorder=Recorder.IMPORT)
    house.write(replace(grant(), evidence=imported))
    assert reason(house) is Reason.SUPPRESSED
    house.write(grant())
    assert reason(house) is Reason.PERMITTED


def sentences(house: Installation, customer: Identifier) -> list[str]:
    question = Question(customer=customer, purpose="marketing.cart", channel="email")
    found = house.questions.check(BRAND, question, full=True).decision
    assert found.reason is Reason.SUPPRESSED
    return [Explainer(found, language).sentence() for language in LANGUAGES]


def test_a_no_of_the_brands_own_list_names_the_list_and_its_date_to_each_holder_and_says_nobody_was_erased(
    house: Installation,
) -> None:
    house.write(Link(customer=BOB_ID, contact_point=ADA_MAIL))
    take(house, told(ListKind.OWN, code="do-not-contact"), ADA_MAIL, NEW_MAIL)
    carol = Identifier(IdentifierKind.CUSTOMER_ID, "carol")
    house.write(Link(customer=carol, contact_point=ADA_MAIL))
    house.write(Link(customer=carol, contact_point=NEW_MAIL))
    for who in (BOB_ID, carol):
        english, french = sentences(house, who)
        assert english.startswith(
            'The customer may not be contacted by e-mail for "marketing.cart": the address stands on the brand\'s own '
            'list of those it does not contact, "do-not-contact", dated 31 December 2025 at 10:00 UTC.'
        )
        assert "la liste «\N{NO-BREAK SPACE}do-not-contact\N{NO-BREAK SPACE}»" in french
        assert "datée du 31 décembre 2025 à " in french
    take(house, told(ListKind.OWN, days_ago=1, code="do-not-contact", purposes=("marketing.birthday",)), ADA_MAIL)
    assert "dated 1 January 2026 at" in sentences(house, BOB_ID)[0], "the newest edition counts"


def test_a_permission_that_only_a_list_binds_is_suppressed_and_the_access_report_tells_what_holds_contact_back(
    house: Installation,
) -> None:
    take(house, told(code="uk.tps"), ADA_MAIL)
    take(house, told(ListKind.OWN, code="do-not-contact", purposes=("marketing",)), ADA_MAIL)
    found = house.access.summary(BRAND, ADA_ID)
    assert [each.status for each in found.permissions] == [PermissionStatus.SUPPRESSED]
    assert found.refusals == (), "she refused nothing"
    assert [
        (each.link and each.link.value, each.listing and each.listing.list, each.listing and each.listing.purposes)
        for each in found.listings
    ] == [("ada@example.com", "uk.tps", ()), ("ada@example.com", "do-not-contact", ("marketing",))]
    (no,) = [each for each in house.remembered.permissions(BRAND, ADA_ID) if isinstance(each, StandingRefusal)]
    assert (no.mark.kind, no.own_list and no.own_list.list) == (RefusalKind.SUPPRESSED, "do-not-contact")
    house.write(withdraw(purpose="marketing"))
    assert [each.status for each in house.access.summary(BRAND, ADA_ID).permissions] == [PermissionStatus.WITHDRAWN]


def test_what_vanished_from_a_complete_registry_is_taken_off_where_its_law_says_so(anywhere: Installation) -> None:
    take(anywhere, told(), ADA_MAIL, NEW_MAIL)
    begun, _ = take(anywhere, told(days_ago=1, complete=True), NEW_MAIL)
    assert reason(anywhere) is Reason.REGISTRY_LISTED, "until the import has ended"
    assert replace(end(anywhere, begun), receipt=begun.receipt) == Ended(begun.receipt, 1, 1, 0)
    assert reason(anywhere) is Reason.PERMITTED
    anywhere.write(grant(BOB_ID, point=ADA_MAIL))
    assert reason(anywhere, BOB_ID) is Reason.PERMITTED
    assert anywhere.audit().faults == ()


@pytest.mark.parametrize(
    ("first", "second", "limit"),
    [
        (told(), told(days_ago=1), 10),
        (told(), told(days_ago=1, complete=True), 0),
        (told(code="some.registry"), told(days_ago=1, code="some.registry", complete=True), 10),
        (told(ListKind.BOUNCED), told(ListKind.BOUNCED, days_ago=1, complete=True), 10),
        (told(ListKind.OWN), told(ListKind.OWN, days_ago=1, complete=True), 10),
    ],
    ids=["not complete", "more than the limit", "a registry of unknown law", "bounced", "own"],
)
def test_otherwise_what_vanished_stays_on(
    house: Installation, first: SuppressionsImported, second: SuppressionsImported, limit: int
) -> None:
    take(house, first, ADA_MAIL)
    before = reason(house)
    begun, _ = take(house, second, NEW_MAIL)
    ended = end(house, begun, limit)
    assert (ended.taken_off, ended.stay_on) == (0, int(second.complete))
    assert reason(house) is before is not Reason.PERMITTED


def test_what_another_registry_lists_stays_listed(house: Installation) -> None:
    take(house, told(), ADA_MAIL)
    take(house, told(code="uk.tps"), ADA_MAIL)
    end(house, take(house, told(days_ago=1, complete=True), NEW_MAIL)[0])
    house.write(ReportContactPoint(contact_point=ADA_MAIL, fact=PointFact.REGISTRY_REMOVED))
    assert reason(house) is Reason.REGISTRY_LISTED


def test_an_address_that_is_taken_off_a_customer_and_given_back_is_told_once(house: Installation) -> None:
    take(house, told(), ADA_MAIL)
    house.write(Unlink(customer=ADA_ID, contact_point=ADA_MAIL))
    size = house.store.head(BRAND).size  # type: ignore[union-attr]
    house.write(Link(customer=ADA_ID, contact_point=ADA_MAIL))
    assert house.store.head(BRAND).size == size + 1  # type: ignore[union-attr]
    house.write(grant())
    assert reason(house) is Reason.REGISTRY_LISTED


def test_a_list_of_tomorrow_is_turned_away(house: Installation) -> None:
    with pytest.raises(CallError, match="future"):
        house.lists.begin(BRAND, "officer", told(days_ago=-1))


def test_the_audit_misses_an_address_that_was_taken_off_past_the_ledger(house: Installation) -> None:
    begun, _ = take(house, told(), ADA_MAIL, NEW_MAIL)
    assert house.audit().faults == (), "while the import is under way"
    end(house, begun)
    assert house.audit().faults == ()
    rows = _rows(house)
    of_ada, of_nobody = sorted(
        rows, key=lambda key: rows[key].lookup != house.lookups.of(1).identifier(BRAND, ADA_MAIL)
    )
    fewer = "fewer addresses stand on the list REGISTRY fr.bloctel than its last import counted"
    kept = rows.pop(of_nobody)
    assert house.audit().faults == (fewer,)
    rows[of_nobody] = kept
    del rows[of_ada]
    gone = "the list REGISTRY fr.bloctel no longer has an address whose holder was told of it"
    assert house.audit().faults == (gone, fewer)


@pytest.mark.parametrize(
    "bent",
    [
        {"listed_time": Instant(START - 9 * DAY)},
        {"purposes": ("marketing.cart",)},
        {"position": Position(1)},
        {"position": Position(0)},
        {"list": "uk.tps"},
        {"kind": ListKind.OWN},
    ],
    ids=str,
)
def test_the_audit_finds_a_listing_that_no_import_made(house: Installation, bent: dict[str, Any]) -> None:
    take(house, told(), NEW_MAIL)
    rows = _rows(house)
    ((place, row),) = rows.items()
    listing = replace(msgspec.msgpack.decode(row.listing, type=Listing), **bent)
    rows[place] = replace(row, listed_time=listing.listed_time, listing=msgspec.msgpack.encode(listing))
    assert house.audit().faults == ("an address on the list REGISTRY fr.bloctel does not follow from an import of it",)
    rows[place] = replace(row, listing=b"\xc1")
    assert house.audit().faults == ("an address on the list REGISTRY fr.bloctel does not follow from an import of it",)


def test_the_audit_takes_what_registries_lawfully_lost_and_what_lists_widened(house: Installation) -> None:
    first, _ = take(house, told(days_ago=9, complete=True), ADA_MAIL, NEW_MAIL)
    end(house, first)
    second, _ = take(house, told(days_ago=2, complete=True, purposes=("marketing.cart",)), NEW_MAIL)
    assert house.audit().faults == ()
    end(house, second)
    assert house.audit().faults == ()
    take(house, told(ListKind.OWN, code="own", purposes=("marketing.cart",)), ADA_MAIL)
    take(house, told(ListKind.OWN, days_ago=3, code="own", purposes=("marketing.birthday",)), ADA_MAIL)
    assert house.audit().faults == ()


def _rows(house: Installation) -> dict[tuple[bytes, str], ListingRow]:
    """Return the rows of lists as the store holds them: to change them is to write past the ledger."""
    store = house.store
    assert isinstance(store, MemoryStore)
    return store._brands[BRAND].listings
