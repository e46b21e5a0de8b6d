"""Exports of old verify for ever: by the verifier of today, and by the one each of them brought.

A failure here means that evidence in the hands of regulators is worth nothing any more. Do not make the
exports anew to pass: keep the old form readable and add the new one beside it.
"""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.exporting import PIN

from accord.proof import verify

FOLDER = Path(__file__).parent
EXPORTS = sorted(FOLDER.glob("*.zip"))


def test_every_kind_is_kept() -> None:
    of_the_first_form = {"all", "range-personal", "channel", "period", "counts", "customer"}
    assert {path.stem for path in EXPORTS} >= of_the_first_form | {"customer-receipts", "all-receipts"}


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_an_export_of_old_is_valid(path: Path) -> None:
    found = verify.verify_file(str(path), PIN)
    assert (found.exit_code, found.name) == (0, ""), found.text("en")
    earlier = verify.verify_file(str(path), PIN, str(path.with_suffix(".checkpoint")))
    assert earlier.exit_code == (2 if path.stem.startswith("customer") else 0)
    assert earlier.asked == found.asked
    assert [said for said in earlier.proven if said[0] != "extends"] == found.proven


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_an_export_of_old_is_valid_by_the_verifier_it_brought(path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        (tmp_path / "verify.py").write_bytes(archive.read("verify.py"))
    command = [sys.executable, "-I", "verify.py", str(path), "--pin", PIN, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert json.loads(done.stdout)["conclusion"] == "valid", done.stderr
