"""Another key signs from a position on, and nothing that was signed before loses its worth."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.exporting import LEDGER, export, live, members
from support.installations import BRAND, SIGNING_KEY, Installation, Parts
from support.memory import MemoryOutsideCopy, MemorySigner, MemoryStore, MemoryWrappedKeys

from accord.domain.terms import Position
from accord.keys.signing import SigningFolder
from accord.ledger.entry import read_leaf
from accord.ledger.keyring import KeyLostError
from accord.proof import jws, verify
from accord.proof.checkpoint import read_verifier_key
from accord.proof.handover import text_of, trusted, verify_any
from accord.storage.handovers import FileHandovers

OLD = text_of(LEDGER, SIGNING_KEY)


def new_pin(house: Installation) -> str:
    return house.parts.signer.keys(LEDGER).verifier_key


def conclude(raw: bytes, pin: str, previous: str = "", handovers: bytes | None = None) -> verify.Conclusion:
    return verify.verify(verify.ZipBundle(io.BytesIO(raw)), pin, previous.encode() or None, handovers=handovers)


def types(house: Installation) -> list[str]:
    return [read_leaf(entry.leaf).type for entry in house.store.entries(BRAND, 0, 99)]


@pytest.fixture
def house() -> Installation:
    made = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    live(made, 1)
    made.proven.keep_checkpoints()
    return made


def test_evidence_of_before_and_after_verifies_by_either_key(installation: Installation) -> None:
    house = installation
    live(house, 1)
    before, early = export(house), house.proofs.checkpoint(BRAND).note
    house.key_rotation.rotate()
    new = new_pin(house)
    assert new != OLD
    assert types(house)[-1] == "SigningKeyRotated"
    live_on = export(house)
    later = members(live_on)["keys.json"]
    for pin in (OLD, new):
        found = conclude(live_on, pin, early)
        assert (found.exit_code, found.name) == (0, ""), found.text("en")
        assert ("extends", {"previous": 5}) in found.proven
    assert ("followed", {"handovers": 1}) in conclude(live_on, OLD).proven
    assert conclude(before, OLD).exit_code == 0
    assert conclude(before, new).name == "unknown_key"
    assert conclude(before, new, handovers=later).exit_code == 0
    signed = house.proofs.checkpoint(BRAND)
    for pin in (OLD, new):
        keys = trusted(pin, signed.handovers)
        assert verify_any(signed.note, keys)[0].size == verify_any(early, keys)[0].size + 1
    assert house.audit().faults == ()


def test_what_is_kept_outside_is_signed_anew_and_proves_the_next_start(house: Installation) -> None:
    house.key_rotation.rotate()
    kept = house.outside.read(LEDGER)
    assert kept is not None
    assert verify_any(kept, trusted(new_pin(house), ()))[0].size == 6
    assert house.parts.signer.older() == 0
    Installation(house.parts).proven.prove()


def test_a_key_follows_a_key_follows_a_key(house: Installation) -> None:
    first = house.proofs.checkpoint(BRAND).note
    pins = [OLD]
    for _ in range(3):
        house.key_rotation.rotate()
        pins.append(new_pin(house))
    raw = export(house)
    for pin in pins:
        assert conclude(raw, pin, first).exit_code == 0
    assert [each["first"] for each in verify.read_json(members(raw)["keys.json"], "")["keys"]] == [0, 5, 6, 7]


def test_a_receipt_of_before_verifies_by_the_key_of_after() -> None:
    signer = MemorySigner(SIGNING_KEY)
    signed = jws.sign(b"{}", SIGNING_KEY, OLD, "ld+json")
    house = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy(), signer=signer))
    live(house, 1)
    house.key_rotation.rotate()
    keys = trusted(new_pin(house), signer.read(LEDGER))
    assert jws.verify(signed, keys[0].public) == b"{}"


class TestDisowned:
    def test_a_key_in_wrong_hands_vouches_for_nothing_and_who_pins_the_new_one_loses_nothing(
        self, house: Installation
    ) -> None:
        before = export(house)
        house.key_rotation.rotate(disown=True)
        raw = export(house)
        new = new_pin(house)
        assert conclude(raw, OLD).name == "unknown_key"
        assert conclude(raw, new).exit_code == 0
        assert conclude(before, new, handovers=members(raw)["keys.json"]).exit_code == 0

    def test_a_lost_key_is_named_as_it_was_handed_out(self, house: Installation) -> None:
        signer = house.parts.signer
        signer.seeds[:] = [Ed25519PrivateKey.from_private_bytes(b"y" * 32)]
        with pytest.raises(KeyLostError, match="name the key that was handed out"):
            house.key_rotation.rotate(disown=True)
        house.key_rotation.rotate(disown=True, before=OLD)
        assert conclude(export(house), new_pin(house)).exit_code == 0
        assert house.audit().faults == ()


class CrashError(Exception):
    """The process ends here."""


def crashing_at(steps: int) -> Callable[[], None]:
    left = [steps]

    def step() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise CrashError

    return step


@pytest.mark.parametrize("steps", range(10))
@pytest.mark.parametrize("disown", [False, True], ids=["planned", "disowned"])
def test_whatever_a_crash_cut_off_is_finished_by_the_next_start(
    house: Installation, monkeypatch: pytest.MonkeyPatch, steps: int, *, disown: bool
) -> None:
    early = house.proofs.checkpoint(BRAND).note
    step = crashing_at(steps)
    with monkeypatch.context() as patch:
        for owner, name in (
            (house.parts.signer, "make"),
            (house.parts.signer, "keep"),
            (house.parts.signer, "destroy_older"),
            (house.key_rotation, "_write"),
            (house.key_rotation, "_keep_checkpoints"),
        ):
            real = getattr(owner, name)

            def cut(*given: object, real: Callable[..., object] = real) -> object:
                # Before the act, and after it.
                step()
                done = real(*given)
                step()
                return done

            patch.setattr(owner, name, cut)
        with pytest.raises(CrashError):
            house.key_rotation.rotate(disown=disown)
    begun = house.parts.signer.older() > 0 or bool(house.parts.signer.read(LEDGER))
    again = Installation(house.parts)
    again.proven.prove()
    again.key_rotation.finish()
    assert again.parts.signer.older() == 0
    assert types(again).count("SigningKeyRotated") == begun
    assert conclude(export(again), new_pin(again), early).exit_code == 0
    assert conclude(export(again), OLD).exit_code == (1 if disown and begun else 0)


def test_keys_are_files_and_a_server_that_runs_follows_a_handover(tmp_path: Path) -> None:
    handovers = FileHandovers(tmp_path / "handovers")
    serving, rotating = (SigningFolder(tmp_path / "secrets", handovers) for _ in range(2))
    parts = Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy(), signer=rotating, handovers=handovers)
    house = Installation(parts)
    live(house, 1)
    before = serving.keys(LEDGER)
    house.key_rotation.rotate()
    after = serving.keys(LEDGER)
    assert after.verifier_key != before.verifier_key
    assert len(after.handovers) == 1
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == ["signing-key-2"]
    assert house.store.entries(BRAND, Position(5), 1)
    (tmp_path / "secrets" / "signing-key-2").unlink()
    with pytest.raises(KeyLostError, match="put it back, or disown it"):
        SigningFolder(tmp_path / "secrets", handovers).keys(LEDGER)
    (tmp_path / "handovers" / f"{LEDGER.replace('/', '%2F')}.json").write_bytes(b"{")
    with pytest.raises(KeyLostError, match="is damaged"):
        serving.keys(LEDGER)


def test_a_rotation_in_the_middle_of_reading_the_keys_is_followed(tmp_path: Path) -> None:
    handovers = FileHandovers(tmp_path / "handovers")
    rotating = SigningFolder(tmp_path / "secrets", handovers)
    parts = Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy(), signer=rotating, handovers=handovers)
    house = Installation(parts)
    live(house, 1)

    class Late(FileHandovers):
        def read(self, ledger: str) -> tuple[str, ...]:
            found = super().read(ledger)
            if len(found) < 2:
                house.key_rotation.rotate()
            return found

    serving = SigningFolder(tmp_path / "secrets", Late(tmp_path / "handovers"))
    found = serving.keys(LEDGER)
    assert (found.verifier_key, len(found.handovers)) == (new_pin(house), 2)


def test_the_new_key_is_named_and_read_as_pinned(house: Installation) -> None:
    done = house.key_rotation.rotate()
    assert done.ledgers == {LEDGER: new_pin(house)}
    assert read_verifier_key(done.ledgers[LEDGER])[0] == LEDGER
