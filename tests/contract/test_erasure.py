"""Erasure on every store: who was erased cannot be read, everybody else can, and every proof still verifies."""

import base64
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace
from support.installations import BRAND, SIGNING_KEY, START, Installation
from support.scenes import (
    ADA_ID,
    ADA_MAIL,
    BOB_ID,
    BOB_MAIL,
    CATALOGUE,
    ask_to_confirm,
    asked_erasure,
    click,
    grant,
    said,
    withdraw,
)

from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Erase,
    Grant,
    LiftRestriction,
    Link,
    Merge,
    Question,
    Refuse,
    ReportContact,
    ReportContactPoint,
    Restrict,
    Split,
    Unlink,
)
from accord.domain.events import CustomersErased, Justification
from accord.domain.problems import ErrorReason, Problem
from accord.domain.state import TOMBSTONE, decode_customer, decode_point, encode
from accord.domain.terms import (
    DAY,
    HOUR,
    ContactStatus,
    ErasureMode,
    ErasureReason,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Outcome,
    PermissionStatus,
    PointFact,
    Position,
    Reason,
    Recorder,
    RefusalKind,
    RestrictionGround,
    Verdict,
)
from accord.ledger.entry import BRAND_REF, commitment, read_leaf, write_payload
from accord.ledger.erasing import ErasureRow, encode_erasure, open_evidence
from accord.ledger.keyring import FencedError
from accord.ledger.opening import TamperedError, open_entry
from accord.ledger.tree import Tree
from accord.proof import checkpoint as notes
from accord.proof.merkle import verify_consistency, verify_inclusion
from accord.rpc import explaining, outbound
from accord.service.answers import Authorized, Written
from accord.service.erasure_receipt import ERASED_AT, IRRECOVERABLE_BY, read_instant
from accord.service.erasure_saga import ErasureIncompleteError, ErasureSaga
from accord.service.erasures import AskedErasure
from accord.service.errors import CallError
from accord.service.records import StandingRefusal
from accord.storage.key_store import SqlWrappedKeys

CART = Question(customer=ADA_ID, purpose="marketing.cart", channel="email")
HOME = Identifier(IdentifierKind.PHONE, "+33123456789")
STEPS = ("fence", "tombstone", "forget", "destroy", "verify", "sign")
WHY = Justification(reason="one person")
_numbers = count(1)


@pytest.fixture
def house(installation: Installation) -> Installation:
    """Ada and Bob, each with a permission; Ada was contacted and unlinked an old address."""
    installation.write(ApplyCatalogue(catalogue=CATALOGUE))
    old = Identifier(IdentifierKind.EMAIL, "old-ada@example.com")
    installation.write(
        grant(),
        grant(BOB_ID, point=BOB_MAIL),
        Link(customer=ADA_ID, contact_point=old),
        ReportContactPoint(contact_point=old, fact=PointFact.BOUNCED),
        Unlink(customer=ADA_ID, contact_point=old),
        AuthorizeContact(contact_id="c-ada", question=asked(ADA_ID)),
        AuthorizeContact(contact_id="c-bob", question=asked(BOB_ID)),
        ReportContact(contact_id="c-ada", outcome=Outcome.SENT),
    )
    return installation


def asked(customer: Identifier = ADA_ID) -> Question:
    return replace(CART, customer=customer)


def erasure(customer: Identifier = ADA_ID, **told: Any) -> AskedErasure:
    """Return one of its own: each has another id."""
    return asked_erasure(customer, **{"erasure_id": next(_numbers).to_bytes(16, "big")} | told)


def merge(house: Installation) -> None:
    (done,) = house.write(Merge(customers=(ADA_ID, BOB_ID), justification=WHY))
    assert isinstance(done, Written), done


def erase(house: Installation, customer: Identifier = ADA_ID, **told: Any) -> ErasureRow:
    return house.erasures.ask(BRAND, erasure(customer, **told))


def ref_of(house: Installation, customer: Identifier) -> bytes:
    lookup = house.lookups.of(1).identifier(BRAND, customer)
    sight = house.store.read(BRAND, (lookup,))
    assert sight is not None
    (known,) = sight.known[lookup]
    return known.customer_ref


def again(house: Installation) -> Installation:
    """Return the next process over the same databases."""
    return Installation(house.parts, house.clock, secrets=house.secrets, keks=house.keks)


class TestWhoWasErased:
    def test_no_check_allows_a_contact(self, house: Installation) -> None:
        assert house.questions.check(BRAND, asked()).decision.verdict is Verdict.ALLOW
        erase(house)
        answers = [house.questions.check(BRAND, replace(CART, customer=each)).decision for each in (ADA_ID, ADA_MAIL)]
        assert {(each.verdict, each.reason) for each in answers} == {(Verdict.DENY, Reason.CUSTOMER_UNKNOWN)}
        (authorized,) = house.write(AuthorizeContact(contact_id="c9", question=asked()))
        assert authorized.authorization.decision.verdict is Verdict.DENY

    def test_nothing_of_them_is_read_by_any_api(self, house: Installation) -> None:
        history = [entry.entry.position for entry in house.remembered.history(BRAND, ADA_ID, 1, 100).entries]
        erase(house)
        for read in (
            lambda: house.remembered.permissions(BRAND, ADA_ID),
            lambda: house.remembered.history(BRAND, ADA_ID, 1, 100),
        ):
            with pytest.raises(CallError) as refused:
                read()
            assert refused.value.problem.reason is ErrorReason.CUSTOMER_UNKNOWN
        with pytest.raises(CallError) as refused:
            house.remembered.contact(BRAND, "c-ada")
        assert refused.value.problem.reason is ErrorReason.CONTACT_UNKNOWN
        assert len(history) == 6
        assert {house.remembered.event(BRAND, position) for position in history} == {None}

    def test_no_living_key_opens_any_of_their_entries(self, house: Installation) -> None:
        ada = ref_of(house, ADA_ID)
        erase(house)
        entries = house.store.entries(BRAND, 0, 100)
        refs = {entry.customer_ref for entry in entries}
        keys = house.keyring.find(BRAND, refs)
        assert {ref for ref, _ in keys} == refs - {ada}
        theirs = [entry for entry in entries if entry.customer_ref == ada]
        assert len(theirs) == 6
        for entry in theirs:
            for (ref, generation), key in keys.items():
                with pytest.raises(TamperedError):
                    open_entry(entry, "accord/maison/1", {(ada, entry.generation): key})
                moved = replace(entry, customer_ref=ref, generation=generation)
                with pytest.raises(TamperedError):
                    open_entry(moved, "accord/maison/1", keys)

    def test_a_tombstone_is_all_that_is_left_of_their_state(self, house: Installation) -> None:
        ada = ref_of(house, ADA_ID)
        erase(house)
        rows = dict(house.store.all_customers(BRAND))
        assert (decode_customer(rows[ada].state), rows[ada].identifiers) == (TOMBSTONE, ())
        assert [known.addresses for known in house.store.all_known(BRAND) if known.customer_ref == ada] == [()]
        assert ada not in {row.customer_ref for _, row in house.store.all_contacts(BRAND)}
        assert dict(house.store.all_points(BRAND)) == {}, "what they told of an address they had long unlinked goes too"

    def test_guesses_match_no_leaf(self, house: Installation) -> None:
        """The attacker knows every payload Ada could have, but for the 32 random bytes that were sealed with it."""
        guess(house, 20_000)

    @pytest.mark.long
    def test_a_million_guesses_match_no_leaf(self, house: Installation) -> None:
        guess(house, 1_000_000)

    def test_a_repeated_request_of_before_is_not_remembered(self, house: Installation) -> None:
        request = house.request(withdraw(), "r1")
        (first,) = house.writer.write(BRAND, [request])
        assert house.writer.write(BRAND, [request]) == [first]
        erase(house)
        assert house.writer.write(BRAND, [request]) != [first]

    def test_a_late_report_of_their_contact_is_turned_away(self, house: Installation) -> None:
        erase(house)
        (late,) = house.write(ReportContact(contact_id="c-ada", outcome=Outcome.BOUNCED))
        assert isinstance(late, Problem)
        assert late.reason is ErrorReason.CONTACT_UNKNOWN

    def test_a_new_customer_of_the_same_name_is_somebody_else(self, house: Installation) -> None:
        ada = ref_of(house, ADA_ID)
        erase(house)
        house.write(grant())
        assert ref_of(house, ADA_ID) != ada
        assert house.questions.check(BRAND, asked()).decision.verdict is Verdict.ALLOW
        assert [each.entry.customer_version for each in house.remembered.history(BRAND, ADA_ID, 1, 10).entries] == [1]
        assert house.audit().faults == ()

    def test_no_key_is_ever_made_for_them_again(self, house: Installation) -> None:
        ada = ref_of(house, ADA_ID)
        erase(house)
        with pytest.raises(FencedError):
            house.keyring.make(BRAND, [ada])
        assert house.keyring.find(BRAND, [ada]) == {}


def guess(house: Installation, guesses: int) -> None:
    ada = ref_of(house, ADA_ID)
    (told,) = house.remembered.history(BRAND, ADA_ID, 1, 1).entries
    assert commitment(told.opening, told.raw_payload) == told.leaf.pc, "with its opening, the payload is the one"
    erase(house)
    leaves = {read_leaf(entry.leaf).pc for entry in house.store.entries(BRAND, 0, 100) if entry.customer_ref == ada}
    payload = write_payload(told.payload)
    assert payload == told.raw_payload
    for number in range(guesses):
        assert commitment(number.to_bytes(32, "big"), payload) not in leaves


class TestEverybodyElse:
    def test_is_read_as_before(self, house: Installation) -> None:
        before = house.remembered.history(BRAND, BOB_ID, 1, 100), house.remembered.permissions(BRAND, BOB_ID)
        erase(house)
        assert (house.remembered.history(BRAND, BOB_ID, 1, 100), house.remembered.permissions(BRAND, BOB_ID)) == before
        assert house.questions.check(BRAND, asked(BOB_ID)).decision.verdict is Verdict.ALLOW
        assert house.remembered.contact(BRAND, "c-bob").contact_id == "c-bob"

    def test_keeps_what_the_erased_told_of_an_address_they_share(self, house: Installation) -> None:
        house.write(
            Link(customer=ADA_ID, contact_point=HOME),
            Link(customer=BOB_ID, contact_point=HOME),
            replace(withdraw(), contact_point=HOME),
        )
        calls = replace(CART, customer=BOB_ID, channel="sms", contact_point=HOME)
        before = house.questions.check(BRAND, calls).decision
        erase(house)
        after = house.questions.check(BRAND, calls).decision
        assert (before.verdict, before.reason) == (after.verdict, after.reason) == (Verdict.DENY, Reason.STOPPED)
        assert house.audit().faults == ()

    @pytest.mark.parametrize("held", [True, False], ids=["held by her last", "left by her too"])
    def test_keeps_their_own_no_on_an_address_that_they_left(self, house: Installation, *, held: bool) -> None:
        """Bob stopped the telephone and left it; Ada had it after him. Her erasure must not take his no away."""
        house.write(
            Link(customer=BOB_ID, contact_point=HOME),
            replace(withdraw(BOB_ID), contact_point=HOME),
            Unlink(customer=BOB_ID, contact_point=HOME),
            Link(customer=ADA_ID, contact_point=HOME),
            ReportContactPoint(contact_point=HOME, fact=PointFact.BOUNCED),
        )
        if not held:
            house.write(Unlink(customer=ADA_ID, contact_point=HOME))
        erase(house)
        assert house.audit().faults == ()
        house.write(Link(customer=BOB_ID, contact_point=HOME))
        house.write(ReportContactPoint(contact_point=HOME, fact=PointFact.VERIFIED))
        calls = replace(CART, customer=BOB_ID, channel="sms", contact_point=HOME)
        assert house.questions.check(BRAND, calls).decision.reason is Reason.STOPPED
        assert house.audit().faults == ()

    def test_the_audit_follows_an_address_that_had_a_holder_before(self, house: Installation) -> None:
        """Bob told of it and left it, Ada verified it: what is known is hers, goes with her, and begins anew."""
        house.write(
            Link(customer=BOB_ID, contact_point=HOME),
            ReportContactPoint(contact_point=HOME, fact=PointFact.BOUNCED),
            Unlink(customer=BOB_ID, contact_point=HOME),
            Link(customer=ADA_ID, contact_point=HOME),
            ReportContactPoint(contact_point=HOME, fact=PointFact.VERIFIED),
        )
        assert house.audit().faults == ()
        erase(house)
        assert dict(house.store.all_points(BRAND)) == {}
        assert house.audit().faults == ()
        house.write(Link(customer=BOB_ID, contact_point=HOME))
        house.write(ReportContactPoint(contact_point=HOME, fact=PointFact.VERIFIED))
        assert house.audit().faults == ()


class TestProofs:
    def test_of_before_still_verify_and_the_ledger_extends_them(self, house: Installation) -> None:
        before = house.proofs.inclusion(BRAND, Position(1))
        erase(house)
        checkpoint = notes.verify(before.signed.note, SIGNING_KEY.public_key())
        assert verify_inclusion(before.leaf_hash, 1, checkpoint.size, before.hashes, checkpoint.root)
        head = house.proofs.head(BRAND)
        assert head.size == checkpoint.size + 1
        after = house.proofs.inclusion(BRAND, Position(1))
        assert verify_inclusion(before.leaf_hash, 1, head.size, after.hashes, head.root)
        proof = Tree(house.store, BRAND).prove_consistency(checkpoint.size, head.size)
        assert verify_consistency(checkpoint.size, checkpoint.root, head.size, head.root, proof)

    def test_the_audit_folds_to_the_tombstone_and_finds_no_fault(self, house: Installation) -> None:
        erase(house)
        report = house.audit()
        assert (report.faults, report.customers) == ((), 3)

    def test_the_audit_tells_a_key_that_lives_on(self, house: Installation) -> None:
        ada = ref_of(house, ADA_ID)
        kept = house.parts.wrapped_keys.select(BRAND, [ada])
        erase(house)
        keys = house.parts.wrapped_keys
        if isinstance(keys, SqlWrappedKeys):
            keys._write("DELETE FROM fence", [()])
        else:
            keys.fences.clear()
        keys.insert_missing(BRAND, kept)
        assert any("was erased, and its key lives" in fault for fault in house.audit().faults)


class TestReceipt:
    def test_is_signed_and_tells_both_instants(self, house: Installation) -> None:
        row = erase(house)
        body, _, signatures = row.receipt.partition("\n\n")
        dash, name, encoded = signatures.rstrip("\n").split(" ")
        assert (dash, name) == ("—", "accord/maison/1")
        SIGNING_KEY.public_key().verify(base64.b64decode(encoded)[4:], (body + "\n").encode())
        assert read_instant(row.receipt, ERASED_AT) == START
        assert read_instant(row.receipt, IRRECOVERABLE_BY) > START

    def test_names_its_entry_and_nobody(self, house: Installation) -> None:
        ada = ref_of(house, ADA_ID)
        row = erase(house)
        (entry,) = house.store.entries(BRAND, house.proofs.head(BRAND).size - 1, 1)
        assert f"entry: {entry.position}\nleaf hash: {entry.leaf_hash.hex()}\n" in row.receipt
        assert f"customer: {ada.hex()}" in row.receipt
        assert "example.com" not in row.receipt
        assert entry.customer_ref == BRAND_REF

    def test_is_found_again_and_a_repeat_gets_the_very_same(self, house: Installation) -> None:
        request = erasure()
        row = house.erasures.ask(BRAND, request)
        assert house.erasures.ask(BRAND, request) == row
        assert house.erasures.find(BRAND, request.erasure_id) == row
        assert house.erasures.page(BRAND, 0, 10) == [row]
        with pytest.raises(CallError) as refused:
            house.erasures.ask(BRAND, replace(request, content=b"another"))
        assert refused.value.problem.reason is ErrorReason.REQUEST_ID_REUSED

    def test_is_not_given_while_anything_opens(self, house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ErasureSaga, "destroy", lambda *_: None)
        with pytest.raises(ErasureIncompleteError, match="still opens"):
            erase(house)
        assert [row.receipt for row in house.erasures.page(BRAND, 0, 10)] == [""]


class TestSuppression:
    def imported(self, **told: Any) -> Grant:
        evidence = replace(said(), recorder=Recorder.IMPORT)
        who = Identifier(IdentifierKind.CUSTOMER_ID, "crm-99")
        return Grant(customer=who, contact_point=ADA_MAIL, evidence=evidence, **told)

    @pytest.mark.parametrize(("kept", "verdict"), [(True, Verdict.DENY), (False, Verdict.ALLOW)])
    def test_a_list_imported_later_does_not_wake_them_up(
        self, house: Installation, *, kept: bool, verdict: Verdict
    ) -> None:
        erase(house, keep_suppression=kept)
        house.clock.advance(DAY)
        command = self.imported()
        house.write(command)
        decision = house.questions.check(BRAND, asked(command.customer)).decision
        assert decision.verdict is verdict
        assert (decision.reason is Reason.SUPPRESSED) is kept
        assert house.audit().faults == ()

    def test_a_link_alone_is_enough_to_be_judged(self, house: Installation) -> None:
        erase(house, keep_suppression=True)
        who = Identifier(IdentifierKind.CUSTOMER_ID, "crm-99")
        house.write(Link(customer=who, contact_point=ADA_MAIL))
        assert house.questions.check(BRAND, asked(who)).decision.reason is Reason.SUPPRESSED

    def test_whoever_is_given_the_address_is_told_that_it_is_not_contacted_and_nothing_of_who_held_it(
        self, house: Installation
    ) -> None:
        erase(house, keep_suppression=True)
        erased_time = house.clock.now
        house.clock.advance(DAY)
        who = self.imported().customer
        house.write(self.imported())
        found = house.access.summary(BRAND, who)
        assert [each.status for each in found.permissions] == [PermissionStatus.SUPPRESSED]
        assert [(each.link and each.link.identifier, each.listing) for each in found.listings] == [(ADA_MAIL, None)]
        assert found.refusals == ()
        entries = house.access.entries(BRAND, who, 1, 10)
        (suppressed,) = [each for each in entries if each.withheld]
        assert suppressed.withheld == ("erased_time",)
        assert json.loads(suppressed.told)["event"] == {"number": 2, "type": "ContactPointSuppressed"}
        whole = b"".join(explaining.held_entry(each).SerializeToString() for each in entries)
        assert b'erased_time"' not in whole
        assert str(erased_time // 1_000_000).encode() not in whole
        (no,) = [each for each in house.remembered.permissions(BRAND, who) if isinstance(each, StandingRefusal)]
        told = outbound.refusal(no, "", "")
        assert not told.HasField("act_time")
        assert not told.HasField("recorded_time")

    def test_whoever_stays_is_not_told_what_another_holder_had_said(self, house: Installation) -> None:
        house.write(Link(customer=BOB_ID, contact_point=ADA_MAIL))
        house.write(Refuse(kind=RefusalKind.OBJECTED, customer=ADA_ID, contact_point=ADA_MAIL, evidence=said()))
        erase(house)
        entries = house.access.entries(BRAND, BOB_ID, 1, 20)
        assert {each.withheld for each in entries} == {(), ("state",)}
        assert all(b'"state"' not in each.told for each in entries)

    def test_an_act_of_their_own_later_lifts_it(self, house: Installation) -> None:
        erase(house, keep_suppression=True)
        house.clock.advance(DAY)
        house.write(grant())
        assert house.questions.check(BRAND, asked()).decision.verdict is Verdict.ALLOW
        assert house.audit().faults == ()

    def test_an_act_of_before_the_erasure_lifts_nothing(self, house: Installation) -> None:
        before = house.clock.now
        house.clock.advance(DAY)
        erase(house, keep_suppression=True)
        house.clock.advance(DAY)
        house.write(replace(grant(), evidence=replace(said(), act_time=before)))
        assert house.questions.check(BRAND, asked()).decision.reason is Reason.SUPPRESSED

    def test_service_messages_reach_a_new_holder(self, house: Installation) -> None:
        erase(house, keep_suppression=True)
        house.write(self.imported())
        who = Identifier(IdentifierKind.CUSTOMER_ID, "crm-99")
        order = Question(customer=who, purpose="service.order", channel="email")
        assert house.questions.check(BRAND, order).decision.verdict is Verdict.ALLOW

    def test_the_audit_tells_suppressions_that_no_erasure_made(self, house: Installation) -> None:
        erase(house, keep_suppression=True)
        assert len(list(house.store.all_suppressions(BRAND))) == 2
        assert house.audit().faults == ()


class TestCutOff:
    """A crash before any step, or after it, is finished by the next start."""

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("step", STEPS)
    def test_at_any_step_it_is_finished_by_the_next_start(
        self, house: Installation, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool
    ) -> None:
        ada, request = ref_of(house, ADA_ID), erasure(keep_suppression=True)
        with monkeypatch.context() as patched:
            patched.setattr(ErasureSaga, step, crash(getattr(ErasureSaga, step), after=after))
            with pytest.raises(CrashError):
                house.erasures.ask(BRAND, request)
        size = house.proofs.head(BRAND).size
        started = again(house)
        done = started.erasures.finish()
        assert [row.erasure.customers for row in done] == ([] if (step, after) == ("sign", True) else [(ada,)])
        row = started.erasures.find(BRAND, request.erasure_id)
        assert "suppressed addresses: 2" in row.receipt
        assert started.erasures.ask(BRAND, request) == row
        assert started.keyring.find(BRAND, [ada]) == {}
        assert started.audit().faults == ()
        erased = [entry for entry in started.store.entries(BRAND, 0, 100) if b"CustomersErased" in entry.leaf]
        assert len(erased) == 1, f"appended once, whether before or after the crash (size then {size})"
        assert started.erasures.finish() == []

    def test_an_entry_that_comes_between_reading_and_erasing_is_erased_too(
        self, house: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, new = ErasureSaga._append, Identifier(IdentifierKind.EMAIL, "new-ada@example.com")
        writes = iter([Link(customer=ADA_ID, contact_point=new)])

        def append(saga: ErasureSaga, *told: Any) -> Any:
            for command in writes:
                house.write(command)
            return real(saga, *told)

        monkeypatch.setattr(ErasureSaga, "_append", append)
        row = erase(house, keep_suppression=True)
        assert "suppressed addresses: 3" in row.receipt
        assert house.audit().faults == ()

    def test_two_requests_for_one_customer_are_one_erasure(
        self, house: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, other = ErasureSaga.fence, erasure()
        others = iter([other])

        def fence(saga: ErasureSaga, it: Any) -> None:
            for each in others:
                house.erasures.ask(BRAND, each)
            real(saga, it)

        monkeypatch.setattr(ErasureSaga, "fence", fence)
        row = erase(house)
        first = house.erasures.find(BRAND, other.erasure_id)
        entry = [line for line in row.receipt.split("\n") if line.startswith("entry")]
        assert entry
        assert entry == [line for line in first.receipt.split("\n") if line.startswith("entry")]


class CrashError(BaseException):
    """The process died."""


def crash(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def step(*told: Any) -> Any:
        if after:
            real(*told)
        raise CrashError

    return step


class TestWhatIsTold:
    def test_nobody_can_tell_a_contact_of_the_erased_from_one_that_never_was(self, house: Installation) -> None:
        erase(house)
        for ask in (house.remembered.contact, house.explanations.explain):
            told = []
            for contact_id in ("c-ada", "c-never"):
                with pytest.raises(CallError) as raised:
                    ask(BRAND, contact_id)
                told.append(raised.value.problem)
            assert told[0] == told[1]
            assert told[0].reason is ErrorReason.CONTACT_UNKNOWN
            assert "or its customer was erased" in told[0].text
        assert house.remembered.contact(BRAND, "c-bob").contact_id == "c-bob"

    def test_a_contact_that_a_restore_brought_back_without_its_key_is_told_of_as_erased(
        self, house: Installation
    ) -> None:
        house.parts.erasures.destroy(BRAND, [ref_of(house, ADA_ID)])
        with pytest.raises(CallError) as raised:
            house.remembered.contact(BRAND, "c-ada")
        assert raised.value.problem.reason is ErrorReason.CUSTOMER_ERASED
        assert house.explanations.explain(BRAND, "c-ada").erased

    def test_a_link_that_was_sent_before_no_longer_counts(self, house: Installation) -> None:
        (given,) = house.write(grant(touchpoint="form"))
        assert isinstance(given, Written)
        (sent,) = house.write(ask_to_confirm(given.receipts[0].position))
        assert isinstance(sent, Authorized)
        erase(house)
        (told,) = house.write(click(sent.confirmation_token))
        assert isinstance(told, Problem)
        assert told.reason is ErrorReason.TOKEN_INVALID
        assert house.audit().faults == ()

    def test_nobody_asks_a_suppressed_address_to_confirm_what_an_import_told(self, house: Installation) -> None:
        erase(house, keep_suppression=True)
        told = replace(grant(touchpoint="form"), evidence=replace(said("form"), recorder=Recorder.IMPORT))
        (given,) = house.write(told)
        assert isinstance(given, Written)
        (asked,) = house.write(ask_to_confirm(given.receipts[0].position))
        assert isinstance(asked, Authorized)
        assert (asked.authorization.decision.verdict, asked.authorization.decision.reason) == (
            Verdict.DENY,
            Reason.SUPPRESSED,
        )

    def test_confirmations_asked_of_a_shared_address_stay_counted(self, house: Installation) -> None:
        house.write(Link(customer=BOB_ID, contact_point=ADA_MAIL))
        (given,) = house.write(grant(touchpoint="form"))
        assert isinstance(given, Written)
        house.write(ask_to_confirm(given.receipts[0].position))
        lookup = house.lookups.of(1).identifier(BRAND, ADA_MAIL)
        before = decode_point(house.store.points(BRAND, [lookup])[lookup]).requests
        assert len(before) == 1
        erase(house)
        assert decode_point(house.store.points(BRAND, [lookup])[lookup]).requests == before
        assert house.audit().faults == ()


class TestWhoIsMerged:
    def test_the_whole_group_is_erased_by_any_of_its_keys(self, house: Installation) -> None:
        refs = sorted([ref_of(house, ADA_ID), ref_of(house, BOB_ID)])
        merge(house)
        row = erase(house, BOB_MAIL, keep_suppression=True)
        assert sorted(row.erasure.customers) == refs
        assert house.keyring.find(BRAND, refs) == {}
        for customer in (ADA_ID, BOB_ID):
            assert house.questions.check(BRAND, asked(customer)).decision.reason is Reason.CUSTOMER_UNKNOWN
        assert house.audit().faults == ()

    def test_a_contact_told_to_two_stays_with_who_stays(self, house: Installation) -> None:
        merge(house)
        # Asked for Ada at Bob's address: it is told in both histories.
        question = replace(asked(), contact_point=BOB_MAIL)
        (done,) = house.write(AuthorizeContact(contact_id="c-both", question=question))
        assert isinstance(done, Authorized)
        assert done.receipt is not None
        house.write(ReportContact(contact_id="c-both", outcome=Outcome.SENT))
        before = house.store.contact(BRAND, house.lookups.contact(BRAND, "c-both"))
        assert before is not None
        assert len(before.told_to) == 2
        (split,) = house.write(Split(customer=ADA_ID, justification=WHY))
        assert isinstance(split, Written)
        bob = ref_of(house, BOB_ID)
        erase(house)
        left = house.store.contact(BRAND, house.lookups.contact(BRAND, "c-both"))
        assert left is not None
        assert left.told_to == (bob,)
        assert set(left.positions) < set(before.positions)
        assert house.remembered.contact(BRAND, "c-both").status is ContactStatus.SENT
        (told,) = house.write(ReportContact(contact_id="c-both", outcome=Outcome.BOUNCED))
        assert isinstance(told, Written)
        assert house.audit().faults == ()

    def test_nobody_is_merged_with_somebody_who_waits_to_be_erased(self, house: Installation) -> None:
        erase(house, mode=ErasureMode.ON_HOLD_UNTIL, not_before=Instant(START + 30 * DAY))
        (done,) = house.write(Merge(customers=(ADA_ID, BOB_ID), justification=WHY))
        assert isinstance(done, Problem)
        assert (done.reason, done.metadata["fields"]) == (ErrorReason.INVALID_ARGUMENT, "customers")


class TestOnHold:
    def test_the_customer_is_restricted_until_it_is_due_and_erased_then(self, house: Installation) -> None:
        ada, until = ref_of(house, ADA_ID), Instant(START + 30 * DAY)
        row = erase(house, mode=ErasureMode.ON_HOLD_UNTIL, not_before=until)
        assert row.receipt == ""
        assert house.questions.check(BRAND, asked()).decision.reason is Reason.RESTRICTED
        assert house.remembered.history(BRAND, ADA_ID, 1, 100).entries, "what is held for a claim can be read"
        assert house.erasures.due_erasures(house.clock.now) == []
        assert again(house).erasures.finish() == []
        assert house.audit().faults == ()
        house.clock.now = until
        assert [each.customers for each in house.erasures.due_erasures(until)] == [(ada,)]
        (done,) = house.erasures.run_due(until)
        assert done.receipt
        assert house.keyring.find(BRAND, [ada]) == {}
        assert house.audit().faults == ()

    def test_nobody_lifts_the_restriction_of_an_erasure_that_waits(self, house: Installation) -> None:
        begun = Restrict(customer=ADA_ID, ground=RestrictionGround.LEGAL_CLAIMS, justification=WHY)
        house.write(begun)
        erase(house, mode=ErasureMode.ON_HOLD_UNTIL, not_before=Instant(START + 30 * DAY))
        lift = LiftRestriction(customer=ADA_ID, informed_time=Instant(START), justification=WHY)
        (done,) = house.write(lift)
        assert isinstance(done, Problem)
        assert done.reason is ErrorReason.CUSTOMER_NOT_RESTRICTED
        assert house.questions.check(BRAND, asked()).decision.reason is Reason.RESTRICTED

    def test_a_hold_that_was_cut_off_is_put_up_by_the_next_start(
        self, house: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(ErasureSaga, "hold", crash(ErasureSaga.hold, after=False))
            with pytest.raises(CrashError):
                erase(house, mode=ErasureMode.ON_HOLD_UNTIL, not_before=Instant(START + DAY))
        started = again(house)
        started.erasures.finish()
        size = started.proofs.head(BRAND).size
        started.erasures.finish()
        assert started.proofs.head(BRAND).size == size
        assert started.questions.check(BRAND, asked()).decision.reason is Reason.RESTRICTED

    def test_a_hold_must_end_in_the_future(self, house: Installation) -> None:
        with pytest.raises(CallError) as refused:
            erase(house, mode=ErasureMode.ON_HOLD_UNTIL, not_before=START)
        assert refused.value.problem.metadata == {"fields": "not_before"}

    def test_after_retention_needs_a_catalogue_that_says_how_long(self, house: Installation) -> None:
        with pytest.raises(CallError) as refused:
            erase(house, mode=ErasureMode.AFTER_RETENTION)
        assert refused.value.problem.metadata == {"fields": "mode"}
        house.write(ApplyCatalogue(catalogue=replace(CATALOGUE, retention_days=1095)))
        row = erase(house, mode=ErasureMode.AFTER_RETENTION)
        assert 1095 * DAY <= row.erasure.not_before - START < 1095 * DAY + HOUR


class TestErrors:
    def test_nobody_known_is_nobody_erased(self, house: Installation) -> None:
        with pytest.raises(CallError) as refused:
            erase(house, Identifier(IdentifierKind.CUSTOMER_ID, "nobody"))
        assert refused.value.problem.reason is ErrorReason.CUSTOMER_UNKNOWN
        assert house.erasures.page(BRAND, 0, 10) == []

    def test_an_address_that_two_hold_names_neither(self, house: Installation) -> None:
        house.write(Link(customer=ADA_ID, contact_point=HOME), Link(customer=BOB_ID, contact_point=HOME))
        with pytest.raises(CallError) as refused:
            erase(house, HOME)
        assert refused.value.problem.reason is ErrorReason.CUSTOMER_AMBIGUOUS

    def test_a_touchpoint_must_be_of_the_catalogue(self, house: Installation) -> None:
        with pytest.raises(CallError) as refused:
            erase(house, evidence=said("nowhere"))
        assert refused.value.problem.reason is ErrorReason.TOUCHPOINT_UNKNOWN


def test_what_shows_that_it_was_asked_for_stays_with_the_brand_and_stands_nowhere_in_the_open(
    house: Installation,
) -> None:
    row = erase(house, evidence=replace(said("web", Method.MESSAGE), recorder_id="desk of Jorunn"))
    assert b"Jorunn" not in encode_erasure(row.erasure)
    head = house.proofs.head(BRAND)
    event = house.remembered.event(BRAND, Position(head.size - 1))
    assert isinstance(event, CustomersErased)
    assert event.evidence is not None
    assert (event.evidence.recorder_id, event.evidence.act_time, event.evidence.notice) == ("desk of Jorunn", START, "")
    ((_, key),) = house.keyring.find(BRAND, [BRAND_REF]).items()
    assert open_evidence(key, row.erasure.erasure_id, row.erasure.evidence) == event.evidence
    with pytest.raises(ValueError, match="does not open"):
        open_evidence(key, b"o" * 16, row.erasure.evidence)


def test_an_erasure_of_somebody_erased_in_the_same_commit_is_refused(house: Installation) -> None:
    """Only whoever goes round the saga can ask so; the law says no all the same."""
    ada = ref_of(house, ADA_ID)
    command = Erase(
        customers=(ada,),
        versions=(6,),
        addresses=(),
        mode=ErasureMode.NOW,
        reason=ErasureReason.CHILD,
        request_time=START,
    )
    first, second = house.write(command, command)
    assert isinstance(first, Written)
    assert isinstance(second, Problem)
    assert second.reason is ErrorReason.CUSTOMER_ERASED
    (late,) = house.write(ReportContact(contact_id="c-ada", outcome=Outcome.BOUNCED))
    assert isinstance(late, Problem)
    assert late.reason is ErrorReason.CUSTOMER_ERASED, "their contacts are forgotten in a later step"
    assert encode(TOMBSTONE) == house.store.states(BRAND, [ada])[ada]
