"""Where the peppers of identifiers are found, and how the next one is made."""

import base64
from pathlib import Path

import pytest

from accord.keys.peppers import PepperEpochs
from accord.keys.secrets import SECRET_BYTES, Secrets, SecretsError
from accord.ledger.lookup import PepperMissingError

ONE, TWO, FOUR = (base64.b64encode(bytes([each]) * SECRET_BYTES).decode() for each in (1, 2, 4))


def test_the_first_file_is_that_of_all_secrets_and_the_next_is_made_beside_it(tmp_path: Path) -> None:
    first = Secrets.open(tmp_path, {}).pepper
    peppers = PepperEpochs(tmp_path, {})
    assert (peppers.of(1), peppers.newest()) == (first, 1)
    peppers.make(2)
    assert peppers.newest() == 2
    assert len({first, peppers.of(2)}) == 2
    assert (tmp_path / "pepper-2").stat().st_mode & 0o777 == 0o600


def test_a_pepper_is_made_once_and_other_processes_find_it(tmp_path: Path) -> None:
    Secrets.open(tmp_path, {})
    running = PepperEpochs(tmp_path, {})
    PepperEpochs(tmp_path, {}).make(2)
    made = running.of(2)
    running.make(2)
    assert running.of(2) == made == (tmp_path / "pepper-2").read_bytes()


def test_one_that_is_not_here_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Secrets.open(tmp_path, {})
    with pytest.raises(PepperMissingError, match="pepper-2 is not here"):
        PepperEpochs(tmp_path, {}).of(2)
    assert "pepper-2" in caplog.text
    assert not (tmp_path / "pepper-2").exists()


def test_a_damaged_one_is_no_pepper(tmp_path: Path) -> None:
    Secrets.open(tmp_path, {})
    (tmp_path / "pepper-2").write_bytes(b"short")
    with pytest.raises(SecretsError, match="pepper-2 must hold 32 bytes"):
        PepperEpochs(tmp_path, {}).of(2)


def test_one_that_was_taken_away_does_not_hide_those_after_it(tmp_path: Path) -> None:
    Secrets.open(tmp_path, {})
    peppers = PepperEpochs(tmp_path, {})
    for epoch in (2, 3):
        peppers.make(epoch)
    (tmp_path / "pepper-2").unlink()
    assert peppers.newest() == 3
    assert len(peppers.of(3)) == SECRET_BYTES


def test_the_environment_has_them_by_number(tmp_path: Path) -> None:
    given = {"ACCORD_PEPPER": ONE, "ACCORD_PEPPER_2": TWO, "ACCORD_PEPPER_4": FOUR}
    peppers = PepperEpochs(tmp_path, given)
    found = [peppers.of(epoch) for epoch in (1, 2, 4)]
    assert (peppers.newest(), found) == (4, [bytes([each]) * 32 for each in (1, 2, 4)])
    peppers.make(2)
    with pytest.raises(SecretsError, match="set ACCORD_PEPPER_3 to 32 bytes in base64, for every process"):
        peppers.make(3)
    with pytest.raises(PepperMissingError, match="ACCORD_PEPPER_3 is not here"):
        peppers.of(3)
    assert list(tmp_path.iterdir()) == []


def test_one_in_the_environment_that_is_none_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="ACCORD_PEPPER_2 must be base64") as refused:
        PepperEpochs(tmp_path, {"ACCORD_PEPPER": ONE, "ACCORD_PEPPER_2": "???"})
    assert "???" not in str(refused.value)
