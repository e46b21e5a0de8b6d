"""`accord demo`: the product's stories come out as the design says, the same at any time, without a server."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "demo" / "demo.json"
"""What `accord demo --json` prints; after a change that is meant, print it there again."""

EXPECTED = {
    "Contact me once": ["DENY NO_PERMISSION", "ALLOW PERMITTED", "DENY USED_UP"],
    "Why did you write to me?": [],
    "An alert for one article": ["ALLOW PERMITTED", "DENY NO_PERMISSION"],
    "Offers in one store": ["ALLOW PERMITTED", "DENY NO_PERMISSION"],
    "A no on one channel": ["DENY WITHDRAWN", "ALLOW PERMITTED"],
    "One rhythm across channels": [
        *["ALLOW PERMITTED"] * 4,
        *["DEFER BRAND_CAP_REACHED"] * 2,
        "ALLOW PERMITTED",
    ],
    "The address for a partner": ["DENY NO_PERMISSION", "ALLOW PERMITTED", "DENY RECIPIENT_NOT_NAMED"],
    "A like is no permission": ["TURNED_AWAY NOT_A_PERMISSION", "DENY NO_PERMISSION"],
    "A reply to a comment": ["ALLOW PERMITTED", "DENY OBJECTED"],
    "A withdrawal races a send": ["ALLOW PERMITTED", "DENY WITHDRAWN"],
}


def demo(folder: Path, *arguments: str, **environment: str) -> str:
    """Return what `accord demo` prints in an empty folder that it must leave empty."""
    folder.mkdir(exist_ok=True)
    told = {name: value for name, value in os.environ.items() if not name.startswith("ACCORD_")}
    command = [sys.executable, "-m", "accord", "demo", *arguments]
    done = subprocess.run(
        command,
        env=told | {"TMPDIR": str(folder)} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.iterdir()) == []
    return done.stdout


@pytest.fixture(scope="module")
def scenes() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        found: list[dict[str, Any]] = json.loads(demo(Path(folder), "--json"))
    return found


def test_the_demo_is_the_same_whenever_and_wherever_it_is_played(tmp_path: Path) -> None:
    assert demo(tmp_path / "here", "--json") == GOLDEN.read_text("utf-8")
    elsewhere = {"TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"}
    elsewhere |= {"ACCORD_DATA": "/nowhere", "ACCORD_DATABASE": "postgresql://nobody@/none", "ACCORD_KEK": "no key"}
    assert demo(tmp_path / "there", "--json", **elsewhere) == GOLDEN.read_text("utf-8")


def test_every_story_is_decided_as_the_design_says(scenes: list[dict[str, Any]]) -> None:
    found = {
        scene["title"]: [f"{line['verdict']} {line['reason']}" for line in scene["lines"] if "verdict" in line]
        for scene in scenes
    }
    assert found == EXPECTED


def test_every_no_says_why_and_what_would_allow_it(scenes: list[dict[str, Any]]) -> None:
    lines = [line for scene in scenes for line in scene["lines"]]
    assert [line for line in lines if "verdict" in line and not line.get("why")] == []
    assert [line for line in lines if line.get("verdict") in {"DENY", "DEFER"} and not line.get("to_allow")] == []


def test_the_withdrawal_that_races_a_send_names_the_contact_to_stop(scenes: list[dict[str, Any]]) -> None:
    (withdrawal,) = [line for line in scenes[-1]["lines"] if "open_contacts" in line]
    assert withdrawal["open_contacts"] == ["cart-isidore-1"]


def test_the_reason_of_a_contact_is_the_permission_and_the_notice_behind_it(scenes: list[dict[str, Any]]) -> None:
    granted, *_ = scenes[0]["lines"]
    (why,) = scenes[1]["lines"]
    assert why["rests_on"] == granted["recorded"]
    assert why["facts"]["on the notice"] == "advice-once-1 (fr)"


def test_a_person_reads_every_line_without_colour_where_nobody_looks(
    scenes: list[dict[str, Any]], tmp_path: Path
) -> None:
    told = demo(tmp_path / "read")
    assert "\x1b" not in told
    for number, scene in enumerate(scenes, 1):
        assert f"{number}. {scene['title']}\n" in told
        for line in scene["lines"]:
            assert line.get("told", line.get("asked")) in told
            if "verdict" in line:
                assert f"{line['verdict']}  {line['reason']}: {line['why']}\n" in told
