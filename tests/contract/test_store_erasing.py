"""What every store owes an erasure: the ledger's and the keys', and the fences outside both."""

from pathlib import Path

import pytest
from batches import ADA, BOB, BRAND, OTHER, append, customer, lookup
from msgspec.structs import replace
from support.installations import Parts, Store
from support.memory import MemoryFences

from accord.domain.terms import ErasureMode, ErasureReason, Instant
from accord.ledger.erasing import Erasure, ErasureRow, ErasureStore, OutsideFences, decode_erasure, encode_erasure
from accord.ledger.keyring import WrappedKey
from accord.ledger.store import ContactRow, Known, RequestRow, Wanted
from accord.storage.outside import FileFences


def erasure(number: int = 1, **told: object) -> Erasure:
    it = Erasure(
        brand=BRAND,
        erasure_id=lookup(number),
        customers=(ADA,),
        mode=ErasureMode.NOW,
        reason=ErasureReason.OBJECTED,
        request_time=Instant(number),
        not_before=Instant(number),
        keep_suppression=False,
        caller="officer",
        content=b"\x00content\xff",
        evidence=b"\x00sealed\xff",
    )
    return replace(it, **told)


class TestLedger:
    def test_a_suppression_is_found_by_its_digest_and_the_later_one_counts(self, store: Store) -> None:
        append(store, suppressions={lookup(1): Instant(5), lookup(2): Instant(6)})
        append(store, suppressions={lookup(1): Instant(7)})
        with store.write(BRAND) as writing:
            view = writing.load(Wanted(suppressions=(lookup(1), lookup(3))))
        assert view.suppressions == {lookup(1): Instant(7)}
        assert list(store.all_suppressions(BRAND)) == [(lookup(1), 7), (lookup(2), 6)]

    def test_an_address_dropped_is_known_no_more_and_held_no_more(self, store: Store) -> None:
        rows = {ADA: customer(), BOB: customer()}
        linked = ((lookup(1), ADA, 1, "EMAIL"), (lookup(2), BOB, 1, "EMAIL"))
        append(store, customers=rows, linked=linked, points={lookup(1): b"p1", lookup(2): b"p2"})
        append(store, unlinked=((lookup(1), ADA),), dropped_points=(lookup(1),))
        assert dict(store.all_points(BRAND)) == {lookup(2): b"p2"}
        assert [known for known in store.all_known(BRAND) if known.customer_ref == ADA] == [
            Known(ADA, customer().state)
        ]

    def test_what_ties_to_a_customer_is_forgotten_and_nothing_of_others(self, store: Store) -> None:
        contacts = {lookup(1): ContactRow(ADA, ()), lookup(2): ContactRow(BOB, ())}
        requests = {lookup(3): RequestRow(b"c", ADA, b"a"), lookup(4): RequestRow(b"c", BOB, b"a")}
        append(store, contacts=contacts, requests=requests)
        append(store, brand=OTHER, contacts=contacts)
        for _ in range(2):
            store.forget(BRAND, [ADA])
        assert dict(store.all_contacts(BRAND)) == {lookup(2): ContactRow(BOB, ())}
        assert dict(store.all_contacts(OTHER)) == contacts
        with store.write(BRAND) as writing:
            assert list(writing.load(Wanted(requests=(lookup(3), lookup(4)))).requests) == [lookup(4)]
        assert store.compact()

    def test_who_left_an_address_is_told_until_they_are_forgotten(self, store: Store) -> None:
        append(store, left=((lookup(1), ADA), (lookup(1), BOB)))
        append(store, left=((lookup(1), ADA), (lookup(2), ADA)))
        append(store, brand=OTHER, left=((lookup(1), ADA),))
        assert store.former_holders(BRAND, [lookup(1), lookup(3)]) == {(lookup(1), ADA), (lookup(1), BOB)}
        assert store.former_holders(BRAND, []) == set()
        store.forget(BRAND, [ADA])
        assert list(store.all_former_holders(BRAND)) == [(lookup(1), BOB)]
        assert list(store.all_former_holders(OTHER)) == [(lookup(1), ADA)]

    def test_states_are_those_of_customers_there_are(self, store: Store) -> None:
        assert store.states(BRAND, [ADA]) == {}
        append(store, customers={ADA: customer(state=b"a")})
        assert store.states(BRAND, [ADA, BOB]) == {ADA: b"a"}
        assert store.states(BRAND, []) == {}
        store.forget(OTHER, [ADA])


class TestKeys:
    @pytest.fixture
    def kept(self, parts: Parts) -> ErasureStore:
        return parts.erasures

    def test_an_erasure_comes_back_as_it_was_kept_first(self, kept: ErasureStore) -> None:
        assert kept.find_erasure(BRAND, lookup(1)) is None
        kept.keep_erasure(erasure())
        kept.keep_erasure(erasure(caller="another"))
        assert kept.find_erasure(BRAND, lookup(1)) == ErasureRow(erasure())
        assert kept.find_erasure(OTHER, lookup(1)) is None

    def test_its_receipt_ends_it(self, kept: ErasureStore) -> None:
        kept.keep_erasure(erasure())
        assert kept.unfinished() == [erasure()]
        kept.finish(BRAND, lookup(1), "receipt")
        assert kept.find_erasure(BRAND, lookup(1)) == ErasureRow(erasure(), "receipt")
        assert kept.unfinished() == []

    def test_pages_follow_the_order_of_asking(self, kept: ErasureStore) -> None:
        for number in (3, 1, 2):
            kept.keep_erasure(erasure(number, erasure_id=lookup(9 - number)))
        kept.keep_erasure(erasure(4, brand=OTHER))
        pages = [kept.erasures(BRAND, start, 2) for start in (0, 2, 4)]
        assert [[row.erasure.request_time for row in page] for page in pages] == [[1, 2], [3], []]

    def test_unfinished_ones_come_by_when_they_are_due(self, kept: ErasureStore) -> None:
        for number, not_before in ((1, 30), (2, 10), (3, 20)):
            kept.keep_erasure(erasure(number, not_before=Instant(not_before)))
        assert [each.not_before for each in kept.unfinished()] == [10, 20, 30]

    def test_all_are_all_of_every_brand(self, kept: ErasureStore) -> None:
        wanted = [erasure(number, brand=brand) for brand in (BRAND, OTHER) for number in range(1, 4)]
        for each in wanted:
            kept.keep_erasure(each)
        kept.finish(BRAND, lookup(2), "receipt")
        found = sorted(kept.all_erasures(), key=lambda row: (row.erasure.brand, row.erasure.erasure_id))
        assert [row.erasure for row in found] == sorted(wanted, key=lambda it: (it.brand, it.erasure_id))
        assert [row.receipt for row in found] == ["", "", "", "", "receipt", ""]

    def test_a_key_behind_a_fence_has_come_back(self, parts: Parts, kept: ErasureStore) -> None:
        keys = parts.wrapped_keys
        keys.insert_missing(BRAND, [WrappedKey(ref, 1, 1, b"w") for ref in (ADA, BOB)])
        for _ in range(2):
            kept.fence(BRAND, [ADA])
        assert (kept.revived(), keys.fenced(BRAND, [ADA, BOB])) == ({(BRAND, ADA)}, {ADA})
        kept.destroy(BRAND, [ADA])
        assert (kept.revived(), [key.customer_ref for key in keys.select(BRAND, [ADA, BOB])]) == (set(), [BOB])
        keys.insert_missing(BRAND, [WrappedKey(ADA, 1, 1, b"w")])
        assert keys.select(BRAND, [ADA]) == [], "whoever asks for it"
        keys.insert_missing(BRAND, [WrappedKey(b"n" * 16, 1, 2, b"w")])
        assert keys.select(BRAND, [b"n" * 16]) == [], "nor is one kept of another epoch than the newest"

    def test_of_many_keys_those_are_kept_that_may_be(self, parts: Parts, kept: ErasureStore) -> None:
        keys, refs = parts.wrapped_keys, [b"%016d" % number for number in range(40)]
        fenced, there, late = refs[:3]
        kept.fence(BRAND, [fenced])
        keys.insert_missing(BRAND, [WrappedKey(there, 1, 1, b"before")])
        keys.insert_missing(BRAND, [WrappedKey(ref, 1, 2 if ref == late else 1, b"\x00w\\\xff") for ref in refs])
        found = {key.customer_ref: (key.generation, key.epoch, key.wrapped) for key in keys.select(BRAND, refs)}
        assert found == {there: (1, 1, b"before")} | dict.fromkeys(refs[3:], (1, 1, b"\x00w\\\xff"))


class TestOutside:
    @pytest.fixture(params=["memory", "files"])
    def fences(self, request: pytest.FixtureRequest, tmp_path: Path) -> OutsideFences:
        return MemoryFences() if request.param == "memory" else FileFences(tmp_path / "fences")

    def test_what_was_put_comes_back_in_order(self, fences: OutsideFences) -> None:
        assert list(fences.all()) == []
        wanted = [erasure(number, customers=(ADA, BOB)) for number in (2, 1, 3)]
        for each in wanted:
            fences.put(each)
        assert list(fences.all()) == wanted

    def test_files_are_read_by_the_next_process_and_by_their_owner_alone(self, tmp_path: Path) -> None:
        FileFences(tmp_path / "fences").put(erasure())
        assert list(FileFences(tmp_path / "fences").all()) == [erasure()]
        assert (tmp_path / "fences").stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("torn", [b"", b"{", b'{"brand":"maison"'])
    def test_a_line_cut_off_costs_no_other(self, tmp_path: Path, torn: bytes) -> None:
        fences = FileFences(tmp_path)
        fences.put(erasure(1))
        with (tmp_path / "erasures.jsonl").open("ab") as file:
            file.write(torn)
        fences.put(erasure(2))
        assert list(fences.all()) == [erasure(1), erasure(2)]

    def test_an_erasure_is_one_line_that_names_no_more_than_references(self) -> None:
        raw = encode_erasure(erasure())
        assert b"\n" not in raw
        assert decode_erasure(raw) == erasure()
        with pytest.raises(ValueError, match="truncated"):
            decode_erasure(raw[:-3])
