"""The secrets of an installation: made once, agreed on, readable by the owner alone, never shown."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accord.keys.secrets import SECRET_BYTES, Secrets, SecretsError

GIVEN = base64.b64encode(b"g" * SECRET_BYTES).decode()


def test_secrets_are_made_at_the_first_start_and_stay(tmp_path: Path) -> None:
    first = Secrets.open(tmp_path / "secrets", {})
    assert Secrets.open(tmp_path / "secrets", {}) == first
    secrets = {first.suppression_pepper, first.pepper}
    assert len(secrets) == 2
    assert {len(each) for each in secrets} == {SECRET_BYTES}


def test_another_installation_has_other_secrets(tmp_path: Path) -> None:
    assert Secrets.open(tmp_path / "one", {}) != Secrets.open(tmp_path / "two", {})


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: Secrets.open(tmp_path / "secrets", {}), range(16)))
    assert all(each == found[0] for each in found)


def test_only_the_owner_may_read_them_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    Secrets.open(folder, {})
    assert folder.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert files == {"pepper-1": 0o600, "suppression-pepper-1": 0o600}


def test_the_environment_comes_first_and_leaves_no_file(tmp_path: Path) -> None:
    found = Secrets.open(tmp_path, {"ACCORD_SUPPRESSION_PEPPER": GIVEN, "ACCORD_PEPPER": GIVEN})
    assert (found.suppression_pepper, found.pepper) == (b"g" * SECRET_BYTES, b"g" * SECRET_BYTES)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert Secrets.open(tmp_path, {"ACCORD_PEPPER": ""}).pepper == (tmp_path / "pepper-1").read_bytes()


@pytest.mark.parametrize("name", ["ACCORD_SUPPRESSION_PEPPER", "ACCORD_PEPPER"])
@pytest.mark.parametrize("text", ["???", "AAAA", base64.b64encode(bytes(33)).decode(), GIVEN[:-1], GIVEN + "\n", "é"])
def test_a_variable_that_is_no_secret_is_refused_by_its_name(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SecretsError, match=name) as refused:
        Secrets.open(tmp_path, {name: text})
    assert text not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_damaged_file_stops_the_start_and_is_not_made_anew(tmp_path: Path, content: bytes) -> None:
    Secrets.open(tmp_path, {})
    (tmp_path / "pepper-1").write_bytes(content)
    with pytest.raises(SecretsError, match="pepper-1 must hold 32 bytes; restore it from your backup"):
        Secrets.open(tmp_path, {})
    assert (tmp_path / "pepper-1").read_bytes() == content


def test_printing_them_shows_nothing(tmp_path: Path) -> None:
    secrets = Secrets.open(tmp_path, {"ACCORD_PEPPER": GIVEN})
    assert f"{secrets} {secrets!r}" == "Secrets() Secrets()"
