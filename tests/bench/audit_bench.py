"""`make bench-audit`: a ledger is made, exported whole and verified; how long each takes, and how much memory.

The ledger is filled by the writer's own path, as the benchmark's brand lives. Export and verification
run in processes of their own, the latter alone with the verify.py of the export, as a regulator would.
"""

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from argparse import ArgumentParser
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from accord.app import Installation
from accord.config import Config
from accord.domain.terms import Redaction
from accord.service.exports import Asked
from tests.bench import brand

ENTRIES = 1_000_000
_ENTRIES_EACH = 6.6
"""How many entries a customer of the benchmark has, in the mean."""

_EXPORT_SECONDS, _VERIFY_SECONDS, _MEBIBYTES = 60, 15, 300
_ROOT = Path(__file__).resolve().parents[2]


class Cost(NamedTuple):
    """What a process took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mebibytes: float


def main() -> int:
    """Measure and print; 1 when the export does not verify."""
    parser = ArgumentParser(prog="make bench-audit", description="Export a ledger and verify the export.")
    parser.add_argument("--entries", type=int, default=ENTRIES, help="how many entries the ledger has, about")
    parser.add_argument("--folder", type=Path, help="where it is written, on the disk to be measured")
    parser.add_argument("--export", type=Path, help="export the ledger in this data folder, and no more")
    told = parser.parse_args()
    if told.export:
        return _export(told.export)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="accord-bench-", dir=told.folder) as folder:
        data = Path(folder)
        rate = brand.load(_config(data), round(told.entries / _ENTRIES_EACH))
        console.print(f"made at {rate:.0f} entries/s")
        exported = _measured([sys.executable, "-m", "tests.bench.audit_bench", "--export", str(data)], _ROOT)
        with zipfile.ZipFile(data / "export.zip") as archive:
            (data / "verify.py").write_bytes(archive.read("verify.py"))
            size = int(archive.read("checkpoint").split(b"\n")[1])
        command = [sys.executable, "-I", "verify.py", "export.zip", "--pin", (data / "key").read_text("utf-8")]
        verified = _measured(command, data)
        _print(console, size, (data / "export.zip").stat().st_size, exported, verified)
    return 0


def _export(data: Path) -> int:
    installation = Installation(_config(data))
    try:
        settled = installation.exports.begin(brand.BRAND, Asked(redaction=Redaction.NONE))
        with (data / "export.zip").open("wb") as file:
            for chunk in installation.exports.chunks(settled):
                file.write(chunk.content)
        (data / "key").write_text(settled.signed.verifier_key, "utf-8")
    finally:
        installation.close()
    return 0


def _config(data: Path) -> Config:
    return Config.read({}, data=data)


def _measured(command: list[str], folder: Path) -> Cost:
    """Run a command to its end. Raises RuntimeError when it fails."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return Cost(time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _print(console: Console, size: int, weight: int, exported: Cost, verified: Cost) -> None:
    console.print(f"{size} entries, {weight / 2**20:.0f} MiB, load {os.getloadavg()[0]:.1f}")
    table = Table("what", "wall s", "CPU s", "peak MiB", "target")
    for name, cost, seconds in (("export", exported, _EXPORT_SECONDS), ("verify", verified, _VERIFY_SECONDS)):
        target = f"{seconds * size / ENTRIES:.1f} s, {_MEBIBYTES} MiB"
        table.add_row(name, f"{cost.wall_seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_mebibytes:.0f}", target)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
