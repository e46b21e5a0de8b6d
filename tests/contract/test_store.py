"""What every store of ledgers does, whatever it is made of."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from contract.batches import ADA, BOB, BRAND, EVE, OTHER, after, append, customer, entry, lookup
from support.installations import Store
from support.memory import seen_of

from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.entry import NO_CUSTOMER
from accord.ledger.store import (
    Batch,
    ContactRow,
    CustomerRow,
    DenialRow,
    GroupRow,
    IdentifierRow,
    Known,
    ListingRow,
    RequestRow,
    Sight,
    TreeHead,
    View,
    Wanted,
)
from accord.proof.merkle import EMPTY_ROOT, grow, leaf_hash, node_hash, root_of_edge

NOBODY = (b"",)


def load(store: Store, **wanted: tuple[bytes, ...]) -> View:
    with store.write(BRAND) as writing:
        return writing.load(Wanted(**wanted))


def head_of(store: Store) -> TreeHead:
    head = store.head(BRAND)
    assert head is not None
    return head


def see(store: Store, *lookups: bytes) -> dict[bytes, tuple[Known, ...]]:
    sight = store.read(BRAND, lookups)
    assert sight is not None
    return sight.known


class TestBrands:
    def test_of_an_unknown_brand_there_is_nothing(self, store: Store) -> None:
        assert store.read(BRAND, (lookup(1),)) is None
        assert store.head(BRAND) is None
        assert store.entries(BRAND, 0, 10) == []
        assert store.tiles(BRAND, 0, (0,)) == {}
        assert store.contact(BRAND, lookup(1)) is None
        assert store.heads() == []
        with store.write(BRAND) as writing:
            assert writing.head is None
            with pytest.raises(ValueError, match="no ledger"):
                writing.load(Wanted())

    def test_the_first_commit_opens_the_ledger(self, store: Store) -> None:
        head = append(store)
        assert head_of(store) == head
        assert store.heads() == [head]

    def test_brands_know_nothing_of_each_other(self, store: Store) -> None:
        rows = {"customers": {ADA: customer()}, "linked": ((lookup(1), ADA, 1, "EMAIL"),)}
        append(store, 2, BRAND, **rows)
        other = append(store, 1, OTHER)
        assert store.heads() == [other, head_of(store)]
        assert len(store.entries(BRAND, 0, 10)) == 2
        assert len(store.entries(OTHER, 0, 10)) == 1
        assert store.read(OTHER, (lookup(1),)) == Sight(seen_of(other), {})


class TestCommits:
    def test_a_read_sees_the_last_commit(self, store: Store) -> None:
        for _ in range(3):
            head = append(store)
            assert head_of(store) == head
            assert store.read(BRAND, NOBODY) == Sight(seen_of(head), {})

    def test_leaving_without_a_commit_writes_nothing(self, store: Store) -> None:
        head = append(store)
        with store.write(BRAND) as writing:
            writing.load(Wanted())
        assert head_of(store) == head
        assert append(store).size == 2

    def test_an_exception_before_the_commit_writes_nothing_and_frees_the_lock(self, store: Store) -> None:
        head = append(store)

        def fail() -> None:
            with store.write(BRAND) as writing:
                writing.load(Wanted())
                raise RuntimeError("before the commit")

        with pytest.raises(RuntimeError, match="before the commit"):
            fail()
        assert head_of(store) == head
        assert append(store).size == 2

    def test_the_lock_shows_the_head_that_will_be_continued(self, store: Store) -> None:
        head = append(store, 3)
        with store.write(BRAND) as writing:
            assert writing.head == head

    def test_a_commit_of_counts_alone_leaves_the_head(self, store: Store) -> None:
        head = append(store)
        with store.write(BRAND) as writing:
            writing.commit(Batch(head=head, denials=(DenialRow(20_000, "email", "marketing.cart", 60, 1),)))
        assert head_of(store) == head


class TestWriters:
    def test_a_second_writer_waits_for_the_first_and_continues_its_head(self, store: Store) -> None:
        append(store)
        asked, done = threading.Event(), threading.Event()

        def second() -> None:
            asked.set()
            append(store)
            done.set()

        with ThreadPoolExecutor(1) as pool:
            with store.write(BRAND) as writing:
                waiting = pool.submit(second)
                asked.wait()
                assert not done.wait(0.1)
                entries = (entry(1),)
                writing.commit(Batch(head=after(writing.head, entries), entries=entries))
            waiting.result()
        assert [each.position for each in store.entries(BRAND, 0, 9)] == [0, 1, 2]

    def test_writers_in_a_crowd_leave_no_gap_and_one_tree(self, store: Store) -> None:
        append(store)
        with ThreadPoolExecutor(4) as pool:
            for waiting in [pool.submit(append, store, 1 + number % 2) for number in range(24)]:
                waiting.result()
        entries = store.entries(BRAND, 0, 100)
        assert [each.position for each in entries] == list(range(37))
        assert head_of(store).root == root_of_edge(grow((), 0, [each.leaf_hash for each in entries]))

    def test_a_reader_does_not_wait_for_a_writer_and_sees_what_stood_before(self, store: Store) -> None:
        head = append(store)
        with store.write(BRAND) as writing:
            writing.load(Wanted())
            assert head_of(store) == head
            entries = (entry(1),)
            writing.commit(Batch(head=after(writing.head, entries), entries=entries))
            assert head_of(store).size == 2

    def test_readers_on_many_threads_see_every_acknowledged_commit(self, store: Store) -> None:
        append(store)

        def read_own() -> bool:
            size = append(store).size
            sight = store.read(BRAND, NOBODY)
            return sight is not None and sight.head.size >= size

        with ThreadPoolExecutor(4) as pool:
            assert all(waiting.result() for waiting in [pool.submit(read_own) for _ in range(12)])


class TestEntries:
    def test_an_entry_comes_back_byte_for_byte(self, store: Store) -> None:
        append(store, 2)
        found = store.entries(BRAND, 0, 2)
        assert found == [entry(0), entry(1)]
        assert {type(value) for each in found for value in (each.leaf, each.leaf_hash, each.sealed)} == {bytes}

    def test_entries_are_read_by_position_from_a_start_and_up_to_a_limit(self, store: Store) -> None:
        append(store, 5)

        def positions(start: int, limit: int) -> list[int]:
            return [each.position for each in store.entries(BRAND, start, limit)]

        assert positions(0, 2) == [0, 1]
        assert positions(3, 10) == [3, 4]
        assert positions(5, 10) == []
        assert positions(0, 0) == []

    def test_entries_of_a_customer_are_read_by_their_version(self, store: Store) -> None:
        entries = (entry(0, ADA, 1), entry(1, BOB, 1), entry(2, ADA, 2), entry(3, BOB, 2), entry(4, ADA, 3))
        with store.write(BRAND) as writing:
            writing.commit(Batch(head=after(None, entries), entries=entries))
        assert [each.position for each in store.entries(BRAND, 1, 10, ADA)] == [0, 2, 4]
        assert [each.position for each in store.entries(BRAND, 2, 1, ADA)] == [2]
        assert [each.position for each in store.entries(BRAND, 2, 9, BOB)] == [3]
        assert store.entries(BRAND, 1, 9, EVE) == []


class TestTiles:
    def test_a_tile_is_there_once_it_is_full_and_holds_the_leaf_hashes(self, store: Store) -> None:
        append(store, 255)
        assert store.tiles(BRAND, 0, (0,)) == {}
        append(store, 1)
        expected = b"".join(entry(position).leaf_hash for position in range(256))
        assert store.tiles(BRAND, 0, (0, 1)) == {0: expected}

    def test_one_commit_may_fill_several_tiles(self, store: Store) -> None:
        append(store, 200)
        append(store, 600)
        found = store.tiles(BRAND, 0, (0, 1, 2, 3))
        assert sorted(found) == [0, 1, 2]
        assert found[2][:32] == entry(512).leaf_hash

    @pytest.mark.parametrize("steps", [[16], [3, 12, 1], [15, 6], [1] * 16])
    def test_a_tile_of_the_level_above_holds_the_roots_of_the_tiles_below(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, steps: list[int]
    ) -> None:
        for module in ("accord.storage.store", "support.memory"):
            monkeypatch.setattr(f"{module}.TILE_WIDTH", 4)
        for step in steps:
            append(store, step)
        leaf = [entry(position).leaf_hash for position in range(16)]
        roots = [
            node_hash(node_hash(leaf[at], leaf[at + 1]), node_hash(leaf[at + 2], leaf[at + 3])) for at in (0, 4, 8, 12)
        ]
        assert store.tiles(BRAND, 1, (0, 1)) == {0: b"".join(roots)}
        assert sorted(store.tiles(BRAND, 0, tuple(range(6)))) == list(range(sum(steps) // 4))


class TestCustomers:
    def test_a_customer_comes_back_with_what_they_hold(self, store: Store) -> None:
        append(
            store,
            customers={ADA: customer(7)},
            linked=((lookup(1), ADA, 1, "CUSTOMER_ID"), (lookup(2), ADA, 2, "EMAIL")),
            points={lookup(2): b"\x00bounced"},
        )
        expected = CustomerRow(
            7,
            b"h" * 32,
            b"\x00state\xff",
            (IdentifierRow(lookup(1), 1, "CUSTOMER_ID"), IdentifierRow(lookup(2), 2, "EMAIL", b"\x00bounced")),
        )
        for key in (lookup(1), lookup(2)):
            assert see(store, key) == {key: (Known(ADA, expected.state, expected.identifiers[1:]),)}
            loaded = load(store, lookups=(key,))
            assert (loaded.holders, loaded.customers) == ({key: (ADA,)}, {ADA: expected})
        assert dict(store.all_customers(BRAND)) == {ADA: expected}
        assert list(store.all_known(BRAND)) == [Known(ADA, expected.state, expected.identifiers[1:])]
        assert dict(store.all_points(BRAND)) == {lookup(2): b"\x00bounced"}

    def test_a_newer_state_takes_the_place_of_the_older_one(self, store: Store) -> None:
        append(store, customers={ADA: customer(1, b"old")}, linked=((lookup(1), ADA, 1, "EMAIL"),))
        append(store, customers={ADA: customer(2, b"new")}, points={lookup(1): b"a"})
        append(store, points={lookup(1): b"b"})
        address = IdentifierRow(lookup(1), 1, "EMAIL", b"b")
        assert see(store, lookup(1)) == {lookup(1): (Known(ADA, b"new", (address,)),)}
        assert load(store, lookups=(lookup(1),)).customers[ADA].version == 2

    def test_everybody_who_holds_an_address_is_returned(self, store: Store) -> None:
        shared = lookup(9)
        append(
            store,
            customers={ADA: customer(), BOB: customer()},
            linked=((shared, ADA, 1, "EMAIL"), (shared, BOB, 4, "EMAIL"), (lookup(1), BOB, 1, "CUSTOMER_ID")),
        )
        seen = {known.customer_ref: known for known in see(store, shared)[shared]}
        assert set(seen) == {ADA, BOB}
        assert [row.number for row in seen[BOB].addresses] == [4]
        assert set(load(store, lookups=(shared,)).customers) == {ADA, BOB}

    def test_a_thousand_lookups_are_read_at_once(self, store: Store) -> None:
        refs = {number: number.to_bytes(16, "little") for number in range(1, 1001)}
        append(
            store,
            customers={ref: customer(number) for number, ref in refs.items()},
            linked=tuple((lookup(number), ref, 1, "EMAIL") for number, ref in refs.items()),
        )
        asked = tuple(lookup(number) for number in range(500, 1500))
        holders = {lookup(number): (refs[number],) for number in range(500, 1001)}
        assert {key: tuple(each.customer_ref for each in found) for key, found in see(store, *asked).items()} == holders
        loaded = load(store, lookups=asked)
        assert loaded.holders == holders
        assert {row.version for row in loaded.customers.values()} == set(range(500, 1001))

    def test_a_read_of_no_lookups_returns_the_head_alone(self, store: Store) -> None:
        head = append(store)
        assert store.read(BRAND, ()) == Sight(seen_of(head), {})
        assert load(store) == View(head, {}, {}, {}, {}, {})

    def test_an_unlinked_address_leads_nowhere_and_keeps_its_state(self, store: Store) -> None:
        append(
            store,
            customers={ADA: customer()},
            linked=((lookup(1), ADA, 1, "CUSTOMER_ID"), (lookup(2), ADA, 2, "EMAIL")),
            points={lookup(2): b"complained"},
        )
        append(store, unlinked=((lookup(2), ADA),))
        assert see(store, lookup(1), lookup(2)) == {lookup(1): (Known(ADA, b"\x00state\xff", ()),)}
        loaded = load(store, lookups=(lookup(1), lookup(2)))
        assert [row.number for row in loaded.customers[ADA].identifiers] == [1]
        assert loaded.points == {lookup(2): b"complained"}

    def test_an_address_linked_again_bears_its_new_number(self, store: Store) -> None:
        append(store, customers={ADA: customer()}, linked=((lookup(2), ADA, 2, "EMAIL"),))
        append(store, unlinked=((lookup(2), ADA),), linked=((lookup(2), ADA, 3, "EMAIL"),))
        assert [row.number for row in load(store, lookups=(lookup(2),)).customers[ADA].identifiers] == [3]
        ((known,),) = see(store, lookup(2)).values()
        assert [row.number for row in known.addresses] == [3]
        append(store, linked=((lookup(2), ADA, 5, "EMAIL"),))
        assert [row.number for row in load(store, lookups=(lookup(2),)).customers[ADA].identifiers] == [5]

    def test_a_fact_of_an_address_is_seen_of_everybody_who_holds_it(self, store: Store) -> None:
        shared = lookup(9)
        append(store, customers={ADA: customer(), BOB: customer()}, linked=((shared, ADA, 1, "EMAIL"),))
        append(store, linked=((shared, BOB, 4, "EMAIL"),))
        append(store, points={shared: b"bounced"})
        seen = {known.customer_ref: known.addresses for known in see(store, shared)[shared]}
        assert seen == {
            ADA: (IdentifierRow(shared, 1, "EMAIL", b"bounced"),),
            BOB: (IdentifierRow(shared, 4, "EMAIL", b"bounced"),),
        }


class TestContactsAndRequests:
    def test_a_contact_leads_to_its_customer_and_its_entries_grow(self, store: Store) -> None:
        key, late = lookup(5), 2**45
        append(store, customers={ADA: customer(3)}, contacts={key: ContactRow(ADA, (0,))})
        append(store, contacts={key: ContactRow(ADA, (0, 1, late))})
        expected = ContactRow(ADA, (0, 1, late))
        assert store.contact(BRAND, key) == expected
        assert store.contact(BRAND, lookup(6)) is None
        loaded = load(store, contacts=(key, lookup(6)))
        assert loaded.contacts == {key: expected}
        assert loaded.customers[ADA].version == 3
        assert dict(store.all_contacts(BRAND)) == {key: expected}

    def test_the_oldest_contact_of_which_nothing_was_told_is_found_for_each_brand(self, store: Store) -> None:
        assert store.oldest_unreported() == {}
        # Positions whose bytes would sort otherwise if the smallest came first.
        append(store, 514, contacts={lookup(7): ContactRow(ADA, (1,)), lookup(6): ContactRow(ADA, (256,))})
        append(store, contacts={lookup(1): ContactRow(ADA, (513,))})
        append(store, brand=OTHER)
        assert store.oldest_unreported() == {BRAND: entry(1), OTHER: None}
        append(store, contacts={lookup(7): ContactRow(ADA, (1, 514))})
        assert store.oldest_unreported()[BRAND] == entry(256)
        append(store, contacts={lookup(6): ContactRow(ADA, (256, 515)), lookup(1): ContactRow(ADA, (513, 516))})
        assert store.oldest_unreported() == {BRAND: None, OTHER: None}

    def test_a_contact_told_in_several_histories_is_unreported_until_all_are_told(self, store: Store) -> None:
        append(store, 400, contacts={lookup(7): ContactRow(ADA, (Position(300), Position(301)), (BOB,))})
        assert store.oldest_unreported() == {BRAND: entry(300)}
        reported = ContactRow(ADA, tuple(map(Position, (300, 301, 398, 399))), (BOB,))
        append(store, contacts={lookup(7): reported})
        assert store.oldest_unreported() == {BRAND: None}

    def test_an_answered_request_is_found_by_its_key(self, store: Store) -> None:
        row = RequestRow(b"c" * 16, ADA, b"\x00answer\xff")
        append(store, requests={lookup(1): row})
        assert load(store, requests=(lookup(1), lookup(2))).requests == {lookup(1): row}

    @pytest.mark.parametrize("count", [3, 40])
    def test_few_rows_and_many_come_back_alike(self, store: Store, count: int) -> None:
        refs = [b"%016d" % number for number in range(count)]
        keys = [lookup(number) for number in range(count)]
        pairs = dict(zip(keys, refs, strict=True))
        told = {key: ContactRow(ref, (Position(1),), (refs[1],) * (ref == refs[0])) for key, ref in pairs.items()}
        asked = {key: RequestRow(b'\x00{,}\\"', ref, b"\xff") for key, ref in pairs.items()}
        held = {ref: (IdentifierRow(key, 1, "EMAIL", b""),) for key, ref in pairs.items()} | {refs[0]: ()}
        lists = {(key, "REGISTRY é"): ListingRow(key, Instant(2**52), b"listing") for key in keys}
        append(
            store,
            customers={ref: customer() for ref in refs},
            made=held,
            linked=tuple((key, ref, 1, "EMAIL") for key, ref in pairs.items() if held[ref]),
            points=dict.fromkeys(keys[1:], b""),
            contacts=told,
            requests=asked,
            denials=tuple(DenialRow(number, "email", "marketing", 2, 2**40) for number in range(count)),
            suppressions={key: Instant(2**52) for key in keys},
            listings=lists,
        )
        view = load(store, contacts=tuple(keys), requests=tuple(keys), suppressions=tuple(keys), customers=tuple(refs))
        assert (view.contacts, view.requests) == (told, asked)
        assert view.suppressions == {key: Instant(2**52) for key in keys}
        assert view.listings == {key: {"REGISTRY é": row} for (key, _), row in lists.items()}
        assert {ref: view.customers[ref].identifiers for ref in refs} == held
        assert [row.count for row in store.denials(BRAND, 0, count)] == [2**40] * count
        assert {each.customer_ref: each.addresses for each in store.all_known(BRAND)} == held

    def test_denials_are_counted_by_day_channel_purpose_and_reason(self, store: Store) -> None:
        first, second = DenialRow(20_000, "email", "marketing.cart", 60, 2), DenialRow(20_001, "sms", "m.cart", 101, 1)
        append(store, denials=(first, second))
        append(store, denials=(DenialRow(20_000, "email", "marketing.cart", 60, 3),))
        total = DenialRow(20_000, "email", "marketing.cart", 60, 5)
        assert store.denials(BRAND, 0, 30_000) == [total, second]
        assert store.denials(BRAND, 20_000, 20_001) == [total]
        assert store.denials(BRAND, 20_001, 20_001) == []
        assert store.denials(BrandId("another"), 0, 30_000) == []


class TestGroups:
    """Ada and Bob are merged, each with an address; Eve is not."""

    GROUP, OTHERS = b"group".ljust(16, b"\xff"), b"others".ljust(16, b"\0")

    @pytest.fixture
    def merged(self, store: Store) -> Store:
        append(
            store,
            3,
            customers={ADA: customer(state=b"a"), BOB: customer(state=b"b"), EVE: customer(state=b"e")},
            linked=tuple((lookup(number), ref, 1, "EMAIL") for number, ref in ((1, ADA), (2, BOB), (3, EVE))),
        )
        append(store, merged={ADA: GroupRow(self.GROUP, Position(3)), BOB: GroupRow(self.GROUP, Position(2**45))})
        return store

    def test_a_question_about_a_member_sees_the_whole_group(self, merged: Store) -> None:
        ada = Known(ADA, b"a", (IdentifierRow(lookup(1), 1, "EMAIL"),), self.GROUP)
        bob = Known(BOB, b"b", (IdentifierRow(lookup(2), 1, "EMAIL"),), self.GROUP)
        sight = merged.read(BRAND, (lookup(2),))
        assert sight is not None
        assert (sight.known, sight.groups) == ({lookup(2): (bob,)}, {self.GROUP: (ada, bob)})

    def test_a_question_about_many_sees_members_and_others(self, merged: Store) -> None:
        sight = merged.read(BRAND, tuple(lookup(number) for number in range(5)))
        assert sight is not None
        assert {key: [each.group for each in known] for key, known in sight.known.items()} == {
            lookup(1): [self.GROUP],
            lookup(2): [self.GROUP],
            lookup(3): [b""],
        }
        assert {group: [each.customer_ref for each in members] for group, members in sight.groups.items()} == {
            self.GROUP: [ADA, BOB]
        }
        assert sight.head == seen_of(head_of(merged))

    def test_a_census_meets_each_person_once_and_those_who_are_merged_together(self, merged: Store) -> None:
        append(merged, customers={ref: customer(state=b"nobody") for ref in NO_CUSTOMER})
        with merged.census(BRAND) as census:
            assert census is not None
            assert (census.head, census.count) == (head_of(merged), 2)
            met = [[each.state for each in person] for person in census.persons]
        assert met == [[b"e"], [b"a", b"b"]]
        with merged.census(OTHER) as nothing:
            assert nothing is None

    def test_a_census_is_of_one_instant_and_holds_nobody_up(self, merged: Store) -> None:
        with merged.census(BRAND) as census:
            assert census is not None
            before = head_of(merged)
            append(merged, customers={EVE: customer(2, b"e2"), b"n" * 16: customer(state=b"new")})
            assert head_of(merged) != before
            assert census.head == before
            met = [each.state for person in census.persons for each in person]
        assert met == [b"e", b"a", b"b"]

    def test_a_question_about_somebody_else_sees_no_group(self, merged: Store) -> None:
        sight = merged.read(BRAND, (lookup(3),))
        assert sight is not None
        assert (sight.groups, [each.group for each in sight.known[lookup(3)]]) == ({}, [b""])

    def test_an_address_that_two_members_hold_leads_to_both_once(self, merged: Store) -> None:
        append(merged, linked=((lookup(1), BOB, 2, "EMAIL"),))
        known = see(merged, lookup(1))[lookup(1)]
        assert sorted(each.customer_ref for each in known) == [ADA, BOB]

    def test_a_command_about_a_member_is_judged_on_the_whole_group(self, merged: Store) -> None:
        customers = load(merged, lookups=(lookup(1),)).customers
        assert {ref: row.merged for ref, row in customers.items()} == {
            ADA: GroupRow(self.GROUP, Position(3)),
            BOB: GroupRow(self.GROUP, Position(2**45)),
        }
        assert [row.number for row in customers[BOB].identifiers] == [1]

    def test_who_changes_or_leaves_a_group_is_seen_there_no_longer(self, merged: Store) -> None:
        append(merged, merged={ADA: None, EVE: GroupRow(self.OTHERS, Position(5))})
        append(merged, customers={ADA: customer(2, b"a2"), EVE: customer(2, b"e2")})
        assert {ref: row.merged for ref, row in merged.all_customers(BRAND)} == {
            ADA: None,
            BOB: GroupRow(self.GROUP, Position(2**45)),
            EVE: GroupRow(self.OTHERS, Position(5)),
        }
        assert {each.customer_ref: each.group for each in merged.all_known(BRAND)} == {
            ADA: b"",
            BOB: self.GROUP,
            EVE: self.OTHERS,
        }
        sight = merged.read(BRAND, (lookup(1), lookup(2)))
        assert sight is not None
        assert {group: [each.state for each in members] for group, members in sight.groups.items()} == {
            self.GROUP: [b"b"]
        }

    def test_a_contact_told_to_several_brings_each_of_them(self, merged: Store) -> None:
        row = ContactRow(EVE, (Position(1), Position(2)), (ADA,))
        append(merged, contacts={lookup(5): ContactRow(EVE, (Position(1),))})
        append(merged, contacts={lookup(5): row})
        view = load(merged, contacts=(lookup(5),))
        assert view.contacts == {lookup(5): row}
        assert set(view.customers) == {EVE, ADA, BOB}
        assert merged.contact(BRAND, lookup(5)) == row
        assert dict(merged.all_contacts(BRAND)) == {lookup(5): row}


class TestShape:
    def test_an_empty_ledger_has_the_root_of_the_empty_tree(self) -> None:
        head = TreeHead(brand=BRAND, ledger="accord/maison/1")
        assert (head.size, head.root, head.edge) == (0, EMPTY_ROOT, b"")

    def test_entries_of_these_tests_fit_their_hashes(self) -> None:
        assert entry(3).leaf_hash == leaf_hash(entry(3).leaf)
