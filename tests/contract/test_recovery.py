"""A ledger that lost entries for good goes on as another incarnation: it says what is lost, and proves what is left."""

import io
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace
from sqlalchemy import make_url
from support.databases import Databases, Kind
from support.exporting import CATALOGUE, LEDGER, declared, export, members, person
from support.installations import BRAND, SIGNING_KEY, Installation, parts_at
from support.memory import MemorySigner

from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Grant, Question, Refuse
from accord.domain.events import Justification
from accord.domain.problems import ErrorReason, Problem
from accord.domain.terms import SECOND, Reason, RefusalKind, RemedyKind, Verdict
from accord.ledger.entry import read_leaf
from accord.ledger.scrubbing import ScrubMark
from accord.proof import verify
from accord.proof.checkpoint import sign_text
from accord.proof.handover import Handover, read, text_of, write
from accord.service import recovery
from accord.service.answers import Written
from accord.service.errors import CallError
from accord.service.recovery import NotRecoverableError
from accord.service.tokens import freshness

ON_BOTH = pytest.mark.parametrize("life", ["sqlite", "postgres"], indirect=True)
FIRST = text_of(LEDGER, SIGNING_KEY)
SECOND_PIN = text_of(f"{LEDGER}/incarnation-2", SIGNING_KEY)
THIRD_PIN = text_of(f"{LEDGER}/incarnation-3", SIGNING_KEY)
MARKETING = Question(customer=person(1), purpose="marketing.news", channel="email")
WHY = Justification(reason="the disk of the night of the 3rd", officer_id="officer-1")


class Life:
    """A database that can be put back to what it was, with what is kept outside it staying as it is."""

    def __init__(self, kind: Kind, databases: Databases, folder: Path) -> None:
        self._kind, self._databases, self.folder = kind, databases, folder
        self._keys_url = databases.fresh(kind, "keys")
        self._url = databases.fresh(kind)
        self._signer = MemorySigner(SIGNING_KEY)
        self.house = self.start()

    def start(self) -> Installation:
        made = parts_at(self._url, self._keys_url, self.folder)
        made.signer = made.handovers = self._signer
        self.house = Installation(made)
        return self.house

    def backup(self) -> str:
        """Return the URL of a copy of the ledger's database as it is; nothing is open meanwhile."""
        self.house.close()
        copy = self._copied(self._url)
        self.start()
        return copy

    def restore(self, copy: str) -> Installation:
        """Put a copy in the database's place, and start anew."""
        self.house.close()
        self._url = self._copied(copy)
        return self.start()

    def _copied(self, url: str) -> str:
        if self._kind == "sqlite":
            target = url.rpartition("/")[0] + f"/copy-{uuid4().hex}.db"
            shutil.copy(url.removeprefix("sqlite:///"), target.removeprefix("sqlite:///"))
            return target
        name = f"copy_{uuid4().hex}"
        self._databases.postgres.run(f"CREATE DATABASE {name} TEMPLATE {make_url(url).database}")
        return self._databases.postgres.url(name)

    def give(self, number: int) -> None:
        """Let somebody give a permission for news."""
        self.house.clock.advance(SECOND)
        (result,) = self.house.write(Grant(customer=person(number), evidence=declared("web")))
        assert not isinstance(result, Problem), result

    def recover(self) -> recovery.Recovered:
        return self.house.recovery.recover(BRAND, lambda *_: None)

    def accept(self) -> None:
        self.house.recovery.accept(BRAND, WHY, self.house.writer.write)

    def types(self) -> list[str]:
        return [read_leaf(entry.leaf).type for entry in self.house.store.entries(BRAND, 0, 999)]


@pytest.fixture
def life(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Life]:
    """A life on SQLite, unless a test asks for another."""
    made = Life(getattr(request, "param", "sqlite"), databases, tmp_path / "outside")
    made.house.write(ApplyCatalogue(catalogue=CATALOGUE))
    made.give(1)
    yield made
    made.house.close()


def lose(life: Life, entries: int = 4) -> None:
    """Lose as many entries, the last ones that were kept a checkpoint of."""
    backup = life.backup()
    for number in range(entries):
        life.give(10 + number)
    life.house.proven.keep_checkpoints()
    life.restore(backup)


def fork(life: Life) -> None:
    """Put a backup in the database's place, and let it grow past the checkpoint before anybody looks at that."""
    backup = life.backup()
    life.give(10)
    life.house.proven.keep_checkpoints()
    house = life.restore(backup)
    for number in range(3):
        house.clock.advance(SECOND)
        grant = Grant(customer=person(20 + number), evidence=declared("web"))
        house.recovery._write(BRAND, [house.request(grant)])


def conclude(raw: bytes, pin: str, previous: str = "") -> verify.Conclusion:
    return verify.verify(verify.ZipBundle(io.BytesIO(raw)), pin, previous.encode() or None)


def refused(house: Installation) -> str:
    with pytest.raises(CallError) as check:
        house.questions.check(BRAND, MARKETING)
    assert check.value.problem.reason is ErrorReason.LEDGER_UNPROVEN
    return check.value.problem.text


class TestLost:
    @ON_BOTH
    def test_it_is_refused_until_it_is_recovered_and_says_how(self, life: Life) -> None:
        lose(life)
        assert "`accord recover --new-incarnation`" in refused(life.house)
        assert life.house.recovery.unproven() == [BRAND]
        done = life.recover()
        assert (done.origin, done.kept, done.lost, done.verifier_key) == (f"{LEDGER}/incarnation-2", 2, 4, SECOND_PIN)
        assert life.types()[2:] == ["EntryLost"] * 4 + ["LedgerRecovered"]
        assert life.house.recovery.unproven() == []
        assert life.house.questions.check(BRAND, MARKETING).decision.verdict is Verdict.DENY
        with pytest.raises(NotRecoverableError, match="nothing to recover from"):
            life.recover()
        assert life.start().audit().faults == ()

    def test_marketing_is_denied_until_an_officer_accepts_the_loss_and_all_else_passes(self, life: Life) -> None:
        lose(life)
        life.recover()
        house = life.house
        found = house.questions.check(BRAND, MARKETING, full=True).decision
        assert (found.verdict, found.reason, found.positions) == (Verdict.DENY, Reason.UNRECONCILED, (6,))
        assert [each.kind for each in found.remedies] == [RemedyKind.NOTHING]
        service = Question(customer=person(1), purpose="service.order", channel="email")
        assert house.questions.check(BRAND, service).decision.reason is not Reason.UNRECONCILED
        again = ApplyCatalogue(catalogue=replace(CATALOGUE, controller="Maison Exemple SA"))
        (_, contact) = house.write(again, AuthorizeContact(contact_id="c1", question=MARKETING))
        assert contact.authorization.decision.reason is Reason.UNRECONCILED  # type: ignore[union-attr] # an answer
        # A no is taken meanwhile, and so is what collectors send again.
        (said,) = house.write(
            Refuse(kind=RefusalKind.WITHDRAWN, customer=person(7), evidence=declared("centre"), purpose="marketing")
        )
        assert isinstance(said, Written)
        life.accept()
        assert life.types()[-1] == "LossAccepted"
        assert house.questions.check(BRAND, MARKETING).decision.reason is not Reason.UNRECONCILED
        with pytest.raises(CallError, match="nothing is lost"):
            life.accept()
        assert life.start().audit().faults == ()
        life.house.parts.marks.put(ScrubMark(ledger=LEDGER))
        life.house.scrub.step()
        assert life.house.parts.marks.damaged() == ()

    def test_positions_and_names_go_on_and_tokens_of_before_are_told_lost(self, life: Life) -> None:
        lose(life)
        before = freshness(LEDGER, 5)
        life.recover()
        life.accept()
        (result,) = life.house.write(Grant(customer=person(2), evidence=declared("web")))
        assert isinstance(result, Written)
        assert (result.ledger, result.receipts[0].position) == (f"{LEDGER}/incarnation-2", 8)
        now = freshness(result.ledger, 9)
        assert life.house.questions.check(BRAND, MARKETING, fresh=now).head.size == 9
        with pytest.raises(CallError) as lost:
            life.house.questions.check(BRAND, MARKETING, fresh=before)
        assert lost.value.problem.reason is ErrorReason.STATE_LOST

    def test_an_export_across_the_seam_verifies_by_the_pin_of_before_and_of_after(self, life: Life) -> None:
        early = life.house.proofs.checkpoint(BRAND).note
        lose(life)
        late = life.house.outside.read(LEDGER) or ""
        life.recover()
        life.accept()
        raw = export(life.house)
        for pin in (FIRST, SECOND_PIN):
            found = conclude(raw, pin, early)
            assert (found.exit_code, found.name) == (0, ""), found.text("en")
            assert ("extends", {"previous": 2}) in found.proven
            assert ("recovered", {"first": 6, "lost": 4}) in found.proven
            assert ("lost", {"lost": 4}) in found.unproven
        assert ("followed", {"handovers": 1}) in conclude(raw, FIRST).proven
        assert (conclude(raw, FIRST, late).exit_code, conclude(raw, FIRST, late).name) == (2, "previous_lost")
        for asked in ({"customer": person(1)}, {"first": 1, "end": 7}):
            assert conclude(export(life.house, **asked), FIRST).exit_code == 0


def _signed_by_second(of: dict[str, bytes]) -> dict[str, bytes]:
    """Return the members as a server that lies would sign them, under the name of the second incarnation."""
    manifest = verify.read_json(of["manifest.json"], "")
    others = {name: content for name, content in of.items() if not name.startswith("manifest.")}
    manifest["files"] = {
        name: {"sha256": verify.sha256(content).hexdigest(), "size": len(content)} for name, content in others.items()
    }
    raw = verify.document(manifest)
    origin = f"{LEDGER}/incarnation-2"
    note = sign_text(origin, verify.statement(origin, raw), SIGNING_KEY).encode()
    return {**others, "manifest.json": raw, "manifest.note": note}


@pytest.fixture(scope="module")
def recovered(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """An export across a seam, by its members."""
    made = Life("sqlite", databases, tmp_path_factory.mktemp("outside"))
    made.house.write(ApplyCatalogue(catalogue=CATALOGUE))
    lose(made, 2)
    made.recover()
    made.give(1)
    raw = export(made.house)
    made.house.close()
    return members(raw)


def _keys_with(change: Callable[[Handover], Handover], of: dict[str, bytes]) -> dict[str, bytes]:
    told, _ = read(verify.read_json(of["keys.json"], "")["handovers"][0])
    note = write(change(told), SIGNING_KEY, SIGNING_KEY)
    return {**of, "keys.json": verify.keys_document(told.after, (note,))}


LIES: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "no handover": (lambda of: {**of, "keys.json": verify.keys_document(SECOND_PIN, ())}, "seam_missing"),
    "fewer lost": (partial(_keys_with, lambda told: told._replace(kept=told.kept._replace(size=2))), "seam_differs"),
    "more lost": (partial(_keys_with, lambda told: told._replace(kept=told.kept._replace(size=0))), "seam_differs"),
    "lost until later": (partial(_keys_with, lambda told: told._replace(first=told.first + 1)), "seam_differs"),
    "another last checkpoint": (
        partial(_keys_with, lambda told: told._replace(last=told.last._replace(root=bytes(32)))),
        "seam_differs",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_export_that_lies_at_the_seam_is_refused_by_name(recovered: dict[str, bytes], lie: str) -> None:
    assert verify.verify(verify.MemoryBundle(recovered), SECOND_PIN).exit_code == 0
    change, name = LIES[lie]
    found = verify.verify(verify.MemoryBundle(_signed_by_second(change(recovered))), SECOND_PIN)
    assert (found.exit_code, found.name) == (1, name)


class TestForked:
    @ON_BOTH
    def test_what_grew_on_is_kept_under_another_name_and_loses_no_position(self, life: Life) -> None:
        fork(life)
        assert "does not extend" in refused(life.house)
        done = life.recover()
        assert (done.kept, done.lost) == (5, 0)
        assert life.types()[5:] == ["LedgerRecovered"]
        life.accept()
        found = conclude(export(life.house), FIRST)
        assert (found.exit_code, found.name) == (0, ""), found.text("en")
        assert life.start().audit().faults == ()


class TestAgain:
    @ON_BOTH
    def test_a_ledger_is_recovered_twice_from_the_same_backup(self, life: Life) -> None:
        early = life.house.proofs.checkpoint(BRAND).note
        backup = life.backup()
        life.give(10)
        life.house.proven.keep_checkpoints()
        life.restore(backup)
        life.recover()
        life.restore(backup)
        assert "was recovered as" in refused(life.house)
        done = life.recover()
        assert (done.origin, done.kept, done.lost) == (f"{LEDGER}/incarnation-3", 2, 2)
        assert life.types()[2:] == ["EntryLost", "EntryLost", "LedgerRecovered"]
        life.accept()
        raw = export(life.house)
        for pin in (FIRST, SECOND_PIN, THIRD_PIN):
            found = conclude(raw, pin, early)
            assert (found.exit_code, found.name) == (0, ""), found.text("en")
        assert life.start().audit().faults == ()

    def test_one_recovery_after_another_keeps_both_seams(self, life: Life) -> None:
        lose(life, 2)
        life.recover()
        life.accept()
        lose(life, 1)
        life.recover()
        assert life.types()[2:] == [
            "EntryLost",
            "EntryLost",
            "LedgerRecovered",
            "LossAccepted",
            "EntryLost",
            "LedgerRecovered",
        ]
        life.house.key_rotation.rotate()
        raw = export(life.house)
        for pin in (FIRST, SECOND_PIN, THIRD_PIN, life.house.parts.signer.keys(LEDGER).verifier_key):
            found = conclude(raw, pin)
            assert (found.exit_code, found.name) == (0, ""), found.text("en")
        assert life.start().audit().faults == ()


def test_a_lost_checkpoint_of_a_later_incarnation_is_not_made_up(life: Life) -> None:
    lose(life)
    life.recover()
    life.give(2)
    name = f"{LEDGER}/incarnation-2"
    (path,) = [each for each in life.folder.iterdir() if "incarnation-2.checkpoint" in each.name]
    path.unlink()
    assert f"no checkpoint of {name} is kept" in refused(life.start())
    with pytest.raises(NotRecoverableError, match=f"the outside checkpoint of {name} is needed"):
        life.recover()


class CutError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("cut_at", range(4))
def test_what_was_cut_off_is_refused_and_goes_on_when_it_is_asked_again(
    life: Life, monkeypatch: pytest.MonkeyPatch, cut_at: int
) -> None:
    monkeypatch.setattr(recovery, "_AT_ONCE", 2)
    lose(life, 3)
    left = [cut_at]
    real = life.house.recovery._write

    def write(*given: object) -> object:
        # Before each of three commits, and after the last of them.
        left[0] -= 1
        if left[0] < 0:
            raise CutError
        return real(*given)  # type: ignore[arg-type] # as it was given

    monkeypatch.setattr(life.house.recovery, "_write", write)
    monkeypatch.setattr(recovery, "keep_outside", partial(_cut, left, recovery.keep_outside))
    with pytest.raises(CutError):
        life.recover()
    monkeypatch.undo()
    assert "run `accord recover --new-incarnation` again" in refused(life.start())
    refused(life.house)
    done = life.recover()
    assert (done.kept, done.lost) == (2, 3)
    assert life.types()[2:] == ["EntryLost"] * 3 + ["LedgerRecovered"]
    assert conclude(export(life.house), FIRST).exit_code == 0


def _cut(left: list[int], keep: Callable[..., object], *given: object) -> object:
    left[0] -= 1
    if left[0] < 0:
        raise CutError
    return keep(*given)
