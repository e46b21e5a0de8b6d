"""Identifiers move to another epoch of the pepper, on every store: everybody is recognised, nothing is forgotten."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from msgspec import structs
from support.installations import BRAND, SECRETS, START, Installation, Parts
from support.memory import MemoryStore
from support.scenes import ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, CATALOGUE, asked_erasure, grant, withdraw
from support.serving import wait_for

from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Link,
    Merge,
    Question,
    ReportContactPoint,
    Unlink,
)
from accord.domain.events import Justification, SuppressionsImported
from accord.domain.problems import invalid
from accord.domain.state import decode_point
from accord.domain.terms import (
    DAY,
    HOUR,
    BrandId,
    Identifier,
    IdentifierKind,
    Instant,
    ListKind,
    PointFact,
    Reason,
    Verdict,
)
from accord.keys.secrets import Secrets
from accord.ledger.lookup import Lookups, PepperDiffersError, PepperMissingError
from accord.ledger.store import StoreUnavailableError, TreeHead
from accord.service.answers import Written
from accord.service.errors import CallError
from accord.service.past import Then
from accord.service.pepper_rotation import PepperRotation, StrandedError
from accord.service.recognition import Recognition
from accord.storage import lookup_moves
from accord.storage.engine import transaction

OLD_MAIL = Identifier(IdentifierKind.EMAIL, "old-ada@example.com")
NEW_MAIL = Identifier(IdentifierKind.EMAIL, "new@example.com")
OTHER = BrandId("autre")


class HandPeppers:
    """Peppers that a test makes."""

    def __init__(self) -> None:
        self.known = {1: SECRETS.pepper}

    def of(self, epoch: int) -> bytes:
        if epoch not in self.known:
            raise PepperMissingError(f"no pepper of epoch {epoch}")
        return self.known[epoch]

    def newest(self) -> int:
        return max(self.known)

    def make(self, epoch: int) -> None:
        self.known.setdefault(epoch, bytes([epoch]) * 32)


@pytest.fixture
def peppers() -> HandPeppers:
    return HandPeppers()


@pytest.fixture
def house(parts: Parts, peppers: HandPeppers) -> Iterator[Installation]:
    """Ada, who left an address that bounced, and Bob, who said no; each has a permission."""
    made = Installation(parts, peppers=peppers)
    made.writer.start()
    made.write(ApplyCatalogue(catalogue=CATALOGUE))
    made.write(
        grant(),
        grant(BOB_ID, point=BOB_MAIL),
        Link(customer=ADA_ID, contact_point=OLD_MAIL),
        ReportContactPoint(contact_point=OLD_MAIL, fact=PointFact.BOUNCED),
        Unlink(customer=ADA_ID, contact_point=OLD_MAIL),
        AuthorizeContact(contact_id="c-ada", question=question(ADA_ID)),
    )
    yield made
    made.writer.stop()


def question(customer: Identifier) -> Question:
    return Question(customer=customer, purpose="marketing.cart", channel="email")


def erase(house: Installation, customer: Identifier) -> None:
    house.erasures.ask(
        BRAND,
        asked_erasure(customer, erasure_id=customer.value.encode()),
    )


def rotation(house: Installation, peppers: HandPeppers) -> PepperRotation:
    return PepperRotation(house.store, peppers, house.lookups, house.keyring)


def rotate(house: Installation, peppers: HandPeppers) -> int:
    return rotation(house, peppers).rotate(lambda _: None).epoch


def answers(house: Installation) -> list[tuple[Verdict, Reason]]:
    found = [house.questions.check(BRAND, question(each)).decision for each in (ADA_ID, ADA_MAIL, BOB_ID, OLD_MAIL)]
    return [(each.verdict, each.reason) for each in found]


def epoch_of(house: Installation) -> int:
    head = house.store.head(BRAND)
    assert head is not None
    return head.pepper_epoch


def test_everybody_is_recognised_and_answered_as_before(house: Installation, peppers: HandPeppers) -> None:
    before = answers(house)
    assert (Verdict.ALLOW, Reason.PERMITTED) in before
    root = house.proofs.checkpoint(BRAND).checkpoint.root
    for epoch in (2, 3):
        assert rotate(house, peppers) == epoch == epoch_of(house)
        assert answers(house) == before
        assert house.questions.batch_check(BRAND, [question(ADA_ID), question(BOB_ID)])[1] == [
            house.questions.check(BRAND, question(each)).decision for each in (ADA_ID, BOB_ID)
        ]
    assert house.audit().faults == ()
    assert house.proofs.checkpoint(BRAND).checkpoint.root == root


def test_no_digest_of_before_leads_to_anybody(house: Installation, peppers: HandPeppers) -> None:
    named = (ADA_ID, ADA_MAIL, BOB_ID, BOB_MAIL, OLD_MAIL)
    old = [house.lookups.of(1).identifier(BRAND, each) for each in named]
    rotate(house, peppers)
    sight = house.store.read(BRAND, tuple(old))
    assert sight is not None
    assert sight.known == {}
    assert house.store.points(BRAND, old) == {}
    assert house.store.former_holders(BRAND, old) == set()
    held = [each.lookup for known in house.store.all_known(BRAND) for each in known.addresses]
    assert held
    assert not set(held) & set(old)


def test_who_comes_back_is_the_same_customer(house: Installation, peppers: HandPeppers) -> None:
    customers = len(list(house.store.all_customers(BRAND)))
    rotate(house, peppers)
    house.write(grant(), withdraw(BOB_ID))
    assert len(list(house.store.all_customers(BRAND))) == customers
    assert answers(house)[2] == (Verdict.DENY, Reason.WITHDRAWN)
    assert house.audit().faults == ()


def test_what_was_told_of_an_address_binds_whoever_is_given_it(house: Installation, peppers: HandPeppers) -> None:
    rotate(house, peppers)
    (linked,) = house.write(Link(customer=BOB_ID, contact_point=OLD_MAIL))
    assert isinstance(linked, Written)
    asked = Question(customer=BOB_ID, purpose="marketing.cart", channel="email", contact_point=OLD_MAIL)
    assert house.questions.check(BRAND, asked).decision.verdict is Verdict.DENY
    assert house.audit().faults == ()


def test_the_past_is_answered_as_before(house: Installation, peppers: HandPeppers) -> None:
    house.clock.advance(HOUR)
    then = Then(as_of=START)
    before = [house.past_questions.check(BRAND, question(each), then).decision for each in (ADA_ID, BOB_ID, OLD_MAIL)]
    rotate(house, peppers)
    after = [house.past_questions.check(BRAND, question(each), then).decision for each in (ADA_ID, BOB_ID, OLD_MAIL)]
    assert after == before


def test_who_is_merged_stays_one_person(house: Installation, peppers: HandPeppers) -> None:
    house.write(Merge(customers=(ADA_ID, BOB_ID), justification=Justification(reason="one person")))
    before = answers(house)
    rotate(house, peppers)
    assert answers(house) == before
    assert house.audit().faults == ()


def test_who_was_erased_is_not_in_the_way(house: Installation, peppers: HandPeppers) -> None:
    erase(house, ADA_ID)
    before = answers(house)
    rotate(house, peppers)
    assert answers(house) == before
    erase(house, BOB_ID)
    assert house.audit().faults == ()
    rotate(house, peppers)


def test_what_nobody_can_hash_anew_is_not_forgotten(house: Installation, peppers: HandPeppers) -> None:
    before = answers(house)
    keys = house.keyring
    with pytest.MonkeyPatch.context() as patch:
        # As if Ada's key were lost by accident: nobody can tell what her addresses are.
        found = keys.find
        lost = _ref_of(house, ADA_ID)
        patch.setattr(keys, "find", lambda brand, refs: {k: v for k, v in found(brand, refs).items() if k[0] != lost})
        with pytest.raises(StrandedError, match="nothing moved"):
            rotate(house, peppers)
    assert epoch_of(house) == 1
    assert answers(house) == before
    assert rotate(house, peppers) == 2
    assert answers(house) == before


def test_what_came_while_digests_were_hashed_moves_too(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    carl, mail = Identifier(IdentifierKind.CUSTOMER_ID, "carl"), Identifier(IdentifierKind.EMAIL, "carl@example.com")
    locking: Callable[[BrandId], Any] = house.store.write

    def write(brand: BrandId) -> Any:
        monkeypatch.setattr(house.store, "write", locking)
        house.write(grant(carl, point=mail))
        return locking(brand)

    monkeypatch.setattr(house.store, "write", write)
    rotate(house, peppers)
    assert house.questions.check(BRAND, question(carl)).decision.reason is Reason.PERMITTED
    assert house.audit().faults == ()


def test_what_was_cut_off_is_finished_by_the_next_call(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.writer.write(OTHER, [house.request(ApplyCatalogue(catalogue=CATALOGUE))])
    house.writer.write(OTHER, [house.request(grant())])
    locking: Callable[[BrandId], Any] = house.store.write
    locked: list[BrandId] = []

    def write(brand: BrandId) -> Any:
        locked.append(brand)
        if brand != locked[0]:
            raise StoreUnavailableError("cut off")
        return locking(brand)

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "write", write)
        with pytest.raises(StoreUnavailableError):
            rotate(house, peppers)
    assert sorted(head.pepper_epoch for head in house.store.heads()) == [1, 2]
    done = rotation(house, peppers).rotate(lambda _: None)
    assert (done.epoch, list(done.brands)) == (2, [locked[-1]])
    assert {head.pepper_epoch for head in house.store.heads()} == {2}
    for brand in (BRAND, OTHER):
        assert house.questions.check(brand, question(ADA_ID)).decision.reason is Reason.PERMITTED


def test_two_rotations_at_once_move_once_and_leave_no_way_from_old_digests_to_new(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping: Callable[..., bool] = house.store.keep_moves
    kept: list[bool] = []

    def keep(*told: Any) -> bool:
        if not kept:  # the other begins later and ends first
            kept.append(False)
            assert rotate(house, peppers) == 2
        kept.append(keeping(*told))
        return kept[-1]

    before = answers(house)
    monkeypatch.setattr(house.store, "keep_moves", keep)
    assert rotate(house, peppers) == 2
    assert kept[-1] is False
    assert answers(house) == before
    assert _stranded(house) > 0


def test_a_rotation_that_stops_leaves_no_way_from_old_digests_to_new(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(_: BrandId) -> Any:
        raise StoreUnavailableError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(PepperRotation, "_move_noted", lambda _, head, *__: cut_off(head.brand))
        with pytest.raises(StoreUnavailableError):
            rotate(house, peppers)
    assert _stranded(house) > 0


def test_a_restored_ledger_moves_to_the_newest_epoch_not_to_one_that_others_may_have_learned(
    house: Installation, peppers: HandPeppers
) -> None:
    for epoch in (2, 3):
        peppers.make(epoch)
    before = answers(house)
    assert rotate(house, peppers) == 3 == epoch_of(house)
    assert answers(house) == before


def test_a_brand_that_began_without_the_new_pepper_meanwhile_moves_too(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Installation(house.parts, house.clock)
    elsewhere.writer.start()
    locking: Callable[[BrandId], Any] = house.store.write

    def write(brand: BrandId) -> Any:
        monkeypatch.setattr(house.store, "write", locking)
        elsewhere.writer.write(OTHER, [elsewhere.request(ApplyCatalogue(catalogue=CATALOGUE))])
        return locking(brand)

    monkeypatch.setattr(house.store, "write", write)
    rotate(house, peppers)
    elsewhere.writer.stop()
    assert {head.brand: head.pepper_epoch for head in house.store.heads()} == {BRAND: 2, OTHER: 2}


def test_an_audit_sees_neither_it_nor_what_is_written_beside_it(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezing: Callable[[], Any] = house.store.frozen

    @contextmanager
    def freeze() -> Iterator[Any]:
        with freezing() as frozen:
            seen = frozen.heads()
            rotate(house, peppers)
            house.write(grant(Identifier(IdentifierKind.CUSTOMER_ID, "carl"), point=NEW_MAIL))
            assert frozen.heads() == seen
            yield frozen

    monkeypatch.setattr(house.store, "frozen", freeze)
    assert house.audit().faults == ()
    assert epoch_of(house) == 2


def test_a_ledger_begins_in_the_newest_epoch(house: Installation, peppers: HandPeppers) -> None:
    rotate(house, peppers)
    house.writer.write(OTHER, [house.request(ApplyCatalogue(catalogue=CATALOGUE))])
    house.writer.write(OTHER, [house.request(grant())])
    assert {head.pepper_epoch for head in house.store.heads()} == {2}
    assert house.questions.check(OTHER, question(ADA_ID)).decision.reason is Reason.PERMITTED


def test_without_the_pepper_of_an_epoch_nobody_is_answered_and_nothing_written(
    house: Installation, peppers: HandPeppers
) -> None:
    rotate(house, peppers)
    blind = Installation(house.parts, house.clock)
    size = house.store.head(BRAND).size  # type: ignore[union-attr]
    with pytest.raises(StoreUnavailableError):
        blind.questions.check(BRAND, question(ADA_ID))
    with pytest.raises(StoreUnavailableError):
        blind.write(grant())
    assert house.store.head(BRAND).size == size  # type: ignore[union-attr]


def test_an_address_of_a_list_that_nobody_held_is_taken_off_whoever_was_given_it_since(
    house: Installation, peppers: HandPeppers
) -> None:
    begun = house.lists.begin(BRAND, "officer", _list(days_ago=3))
    house.lists.add(BRAND, "officer", begun, [NEW_MAIL])
    house.lists.end(BRAND, "officer", begun, 10)
    old = house.lookups.of(1).identifier(BRAND, NEW_MAIL)
    rotate(house, peppers)
    assert old not in [row.lookup for _, row in house.store.all_listings(BRAND)]
    house.write(Link(customer=BOB_ID, contact_point=NEW_MAIL))
    assert house.audit().faults == ()
    listed = _listings(house, NEW_MAIL)
    assert listed
    house.clock.advance(DAY)
    newer = house.lists.begin(BRAND, "officer", _list(days_ago=1, complete=True))
    house.lists.add(BRAND, "officer", newer, [OLD_MAIL])
    assert house.lists.end(BRAND, "officer", newer, 10).taken_off == 1
    assert _listings(house, NEW_MAIL) == ()
    assert house.audit().faults == ()


def test_what_vanished_from_a_list_is_taken_off_though_digests_move_meanwhile(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = house.lists.begin(BRAND, "officer", _list(days_ago=3))
    house.lists.add(BRAND, "officer", begun, [BOB_MAIL])
    house.lists.end(BRAND, "officer", begun, 10)
    newer = house.lists.begin(BRAND, "officer", _list(days_ago=1, complete=True))
    finding: Callable[..., Any] = house.store.vanished

    def find(*told: Any) -> Any:
        monkeypatch.setattr(house.store, "vanished", finding)
        found = finding(*told)
        rotate(house, peppers)
        return found

    monkeypatch.setattr(house.store, "vanished", find)
    ended = house.lists.end(BRAND, "officer", newer, 10)
    assert (ended.listed, ended.taken_off, ended.stay_on) == (0, 1, 0)
    assert _listings(house, BOB_MAIL) == ()
    assert house.audit().faults == ()


@pytest.mark.parametrize("store_kind", ["postgres"])
def test_who_is_forgotten_while_digests_move_is_forgotten(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL alone do the two go on at once, without a lock that keeps them apart."""
    ada, moving = _ref_of(house, ADA_ID), lookup_moves.move
    forgetting = Thread(target=lambda: house.store.forget(BRAND, [ada]))

    def move(*told: Any) -> None:
        moving(*told)
        forgetting.start()
        wait_for(lambda: _waits_for_a_row(house), "the erasure to meet a row that moves")

    monkeypatch.setattr(lookup_moves, "move", move)
    rotate(house, peppers)
    forgetting.join()
    assert list(house.store.all_former_holders(BRAND)) == []


def test_a_batch_of_nothing_but_bad_questions_is_told_each_fault(house: Installation) -> None:
    bad = invalid("purpose", "must be a purpose")
    assert house.questions.batch_check(BRAND, [bad, bad])[1] == [bad, bad]


def test_a_question_between_two_epochs_is_asked_again(house: Installation, peppers: HandPeppers) -> None:
    recognition = Recognition(house.store, house.lookups)
    assert recognition.read(BRAND, (ADA_ID,)).lookups.epoch == 1
    rotate(house, peppers)
    found = recognition.read(BRAND, (ADA_ID, ADA_MAIL, ADA_ID))
    assert found.lookups.epoch == 2
    assert found.digests == tuple(house.lookups.of(2).identifier(BRAND, each) for each in (ADA_ID, ADA_MAIL, ADA_ID))
    assert found.sight is not None
    assert len(found.sight.known) == 2


def test_the_past_read_between_two_epochs_is_not_taken_for_nobody(
    house: Installation, peppers: HandPeppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = house.store.head(BRAND)
    house.clock.advance(HOUR)
    rotate(house, peppers)
    stale: Callable[[BrandId], TreeHead | None] = lambda _: head  # noqa: E731 - one head for whoever asks
    monkeypatch.setattr(house.past_questions._store, "head", stale)
    with pytest.raises(StoreUnavailableError, match="another epoch"):
        house.past_questions.check(BRAND, question(ADA_ID), Then(as_of=START))


def test_another_pepper_of_the_same_epoch_is_refused_in_words_until_the_right_one_is_there(
    house: Installation, peppers: HandPeppers
) -> None:
    other = HandPeppers()
    other.known[2] = b"x" * 32
    rotate(house, peppers)
    before, size = answers(house), _size(house)
    elsewhere = Installation(house.parts, house.clock, peppers=other)
    for ask in (
        lambda: elsewhere.questions.check(BRAND, question(ADA_ID)),
        lambda: elsewhere.write(grant()),
        elsewhere.audit,
        lambda: rotate(elsewhere, other),
    ):
        with pytest.raises(PepperDiffersError, match=r"pepper of epoch 2 is here another .* of maison: put that here"):
            ask()
    assert (_size(house), other.newest()) == (size, 2)
    other.known[2] = peppers.known[2]
    assert answers(elsewhere) == before


def test_another_first_pepper_is_refused_in_words(house: Installation) -> None:
    elsewhere = Installation(house.parts, house.clock, secrets=Secrets(pepper=b"q" * 32))
    with pytest.raises(PepperDiffersError, match="epoch 1"):
        elsewhere.questions.check(BRAND, question(ADA_ID))


def test_a_ledger_that_tells_nothing_of_its_pepper_is_served_and_tells_of_the_next(
    house: Installation, peppers: HandPeppers
) -> None:
    before = answers(house)
    _tell_nothing(house)
    assert answers(house) == before
    house.write(withdraw(BOB_ID))
    rotate(house, peppers)
    assert house.store.heads()[0].pepper_check == house.lookups.of(2).check


def test_no_pepper_is_made_in_the_place_of_one_that_is_not_here(house: Installation, peppers: HandPeppers) -> None:
    rotate(house, peppers)
    elsewhere = Installation(house.parts, house.clock)
    elsewhere.writer.write(OTHER, [elsewhere.request(ApplyCatalogue(catalogue=CATALOGUE))])
    assert [head.pepper_epoch for head in house.store.heads()] == [1, 2]
    without = HandPeppers()
    blind = Installation(house.parts, house.clock, peppers=without)
    with pytest.raises(PepperMissingError, match="no pepper of epoch 2"):
        rotate(blind, without)
    assert without.newest() == 1
    assert rotate(house, peppers) == 2


def test_a_pepper_that_others_must_set_is_asked_for_before_anything_moves(house: Installation) -> None:
    class Given(HandPeppers):
        def make(self, epoch: int) -> None:
            raise ValueError(f"set pepper {epoch}")

    with pytest.raises(ValueError, match="set pepper 2"):
        rotate(house, Given())
    assert epoch_of(house) == 1


def test_an_answer_of_before_is_still_the_answer(house: Installation, peppers: HandPeppers) -> None:
    said = house.request(grant(), "r-1", b"content")
    (first,) = house.writer.write(BRAND, [said])
    rotate(house, peppers)
    assert house.writer.write(BRAND, [said]) == [first]
    contact = house.remembered.contact(BRAND, "c-ada")
    assert contact.contact_id == "c-ada"
    with pytest.raises(CallError):
        house.remembered.contact(BRAND, "c-nobody")


def test_one_pepper_is_all_there_is_where_no_others_are_told() -> None:
    lookups = Lookups(b"p" * 32)
    assert lookups.newest_epoch == 1
    with pytest.raises(PepperMissingError):
        lookups.of(2)


def _size(house: Installation) -> int:
    head = house.store.head(BRAND)
    assert head is not None
    return head.size


def _waits_for_a_row(house: Installation) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with transaction(house.store._engine) as connection:  # type: ignore[union-attr]
        return connection.exec_driver_sql(waiting).first() is not None


def _tell_nothing(house: Installation) -> None:
    """Leave the head as those are that began before a ledger told of its pepper."""
    store = house.store
    if isinstance(store, MemoryStore):
        it = store._brands[BRAND]
        store._brands[BRAND] = replace(it, head=structs.replace(it.head, pepper_check=0))
        return
    with transaction(store._engine) as connection:
        connection.exec_driver_sql("UPDATE head SET pepper_check = 0")


def _stranded(house: Installation) -> int:
    """Return how many digests would be lost if they moved by what is noted of them now."""
    with house.store.write(BRAND) as writing:
        return writing.move_lookups(9, 9, ())


def _ref_of(house: Installation, customer: Identifier) -> bytes:
    sight, (digest,), _ = Recognition(house.store, house.lookups).read(BRAND, (customer,))
    assert sight is not None
    return sight.known[digest][0].customer_ref


def _list(days_ago: int, *, complete: bool = False) -> SuppressionsImported:
    time = Instant(START - days_ago * DAY)
    return SuppressionsImported(
        list="fr.bloctel",
        kind=ListKind.REGISTRY,
        listed_time=time,
        sha256=f"{days_ago:064x}",
        lines=1,
        complete=complete,
    )


def _listings(house: Installation, address: Identifier) -> tuple[Any, ...]:
    digest = house.lookups.of(epoch_of(house)).identifier(BRAND, address)
    return decode_point(house.store.points(BRAND, [digest])[digest]).listings
