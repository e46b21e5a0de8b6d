"""`make bench-audit`: a ledger is made, exported whole and verified; how long each takes, and how much memory.

The ledger is filled by the writer's own path, as the benchmark's brand lives. Export and verification
run in processes of their own, the latter alone with the verify.py of the export, as a regulator would.
Beside the clock stands the processor's time, and what else the machine did meanwhile: on a machine that
is shared the clock says little.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from argparse import ArgumentParser
from contextlib import nullcontext
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
_LOOK_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a process and those it started took, and how many cores everybody else kept busy meanwhile."""

    wall_seconds: float
    cpu_seconds: float
    peak_mebibytes: float
    others: float


def main() -> int:
    """Measure and print; 1 when the export does not verify."""
    parser = ArgumentParser(prog="make bench-audit", description="Export a ledger and verify the export.")
    parser.add_argument("--entries", type=int, default=ENTRIES, help="how many entries the ledger has, about")
    parser.add_argument("--folder", type=Path, help="where it is written, on the disk to be measured")
    parser.add_argument("--data", type=Path, help="a data folder to keep: its ledger is made once and used again")
    parser.add_argument("--export", type=Path, help="export the ledger in this data folder, and no more")
    told = parser.parse_args()
    if told.export:
        return _export(told.export)
    console = Console(highlight=False)
    kept = nullcontext(told.data) if told.data else tempfile.TemporaryDirectory(prefix="accord-bench-", dir=told.folder)
    with kept as folder:
        data = Path(folder)
        if not (data / "accord.db").exists():
            rate = brand.load(_config(data), round(told.entries / _ENTRIES_EACH))
            console.print(f"made at {rate:.0f} entries/s")
        _measure(console, data)
    return 0


def _measure(console: Console, data: Path) -> None:
    exported = _cost([sys.executable, "-m", "tests.bench.audit_bench", "--export", str(data)], _ROOT)
    with zipfile.ZipFile(data / "export.zip") as archive:
        (data / "verify.py").write_bytes(archive.read("verify.py"))
        size = int(archive.read("checkpoint").split(b"\n")[1])
    command = [sys.executable, "-I", "verify.py", "export.zip", "--pin", (data / "key").read_text("utf-8")]
    alone = _cost([*command, "--processes", "1"], data)
    together = _cost(command, data)
    weight = (data / "export.zip").stat().st_size
    console.print(f"{size} entries, {weight / 2**20:.0f} MiB, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    table = Table("what", "wall s", "CPU s", "peak MiB", "others kept busy", "target")
    for name, cost, seconds in (
        ("export", exported, _EXPORT_SECONDS),
        ("verify, one process", alone, _VERIFY_SECONDS),
        ("verify, all cores", together, _VERIFY_SECONDS),
    ):
        target = f"{seconds * size / ENTRIES:.1f} s, {_MEBIBYTES} MiB"
        figures = (f"{each:.1f}" for each in (cost.wall_seconds, cost.cpu_seconds, cost.peak_mebibytes))
        table.add_row(name, *figures, f"{cost.others:.1f} cores", target)
    console.print(table)


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


def _cost(command: list[str], folder: Path) -> Cost:
    """Run a command to its end. Raises RuntimeError when it fails."""
    busy, start = _busy_seconds(), time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    peaks: dict[int, int] = {}
    done = threading.Event()
    watching = threading.Thread(target=_watch, args=(process.pid, peaks, done))
    watching.start()
    _, status, used = os.wait4(process.pid, 0)
    done.set()
    watching.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    wall, cpu = time.monotonic() - start, used.ru_utime + used.ru_stime
    others = max(0.0, _busy_seconds() - busy - cpu) / wall
    return Cost(wall, cpu, sum(peaks.values()) / 1024, others)


def _watch(pid: int, peaks: dict[int, int], done: threading.Event) -> None:
    """Note the highest memory in kibibytes of a process and of each it started, until it is done."""
    while not done.wait(_LOOK_SECONDS):
        waiting = [pid]
        while waiting:
            each = waiting.pop()
            try:
                status = Path(f"/proc/{each}/status").read_text("utf-8")
                started = Path(f"/proc/{each}/task/{each}/children").read_text("utf-8")
            except OSError:
                continue  # it ended meanwhile
            waiting += map(int, started.split())
            # One that has just ended has no memory any more.
            for told in (line for line in status.splitlines() if line.startswith("VmHWM:")):
                peaks[each] = int(told.split()[1])


def _busy_seconds() -> float:
    """Return for how long the machine's cores were busy since it was started, all together."""
    user, nice, system, _, _, interrupts, soft, *_ = map(
        int, Path("/proc/stat").read_text("utf-8").split("\n")[0].split()[1:]
    )
    return (user + nice + system + interrupts + soft) / _TICKS


if __name__ == "__main__":
    sys.exit(main())
