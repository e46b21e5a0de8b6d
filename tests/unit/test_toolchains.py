"""A toolchain that is missing is never passed over in silence: a person reads what to install, and CI fails."""

from pathlib import Path

import pytest
from support import toolchains
from support.toolchains import FetchFailedError, from_debian, missing


def test_a_missing_toolchain_is_skipped_in_words_by_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="ruby is not on this machine"):
        missing("ruby is not on this machine")


def test_a_missing_toolchain_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="ruby is not on this machine"):
        missing("ruby is not on this machine")


def test_what_cannot_be_fetched_says_what_it_takes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toolchains, "CACHE", tmp_path)
    monkeypatch.setattr(toolchains.shutil, "which", lambda *_, **__: None)
    with pytest.raises(FetchFailedError, match="ruby can only be fetched where apt-get and dpkg are"):
        from_debian("ruby")
    assert list(tmp_path.iterdir()) == []


def test_what_a_command_could_not_do_is_told_with_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(FetchFailedError, match="sh failed: no network"):
        toolchains._run(["sh", "-c", "echo no network >&2; exit 1"], tmp_path)
