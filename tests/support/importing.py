"""A partner's file for tests of imports, the command that imports it, and what of a ledger must come out the same."""

import csv
import os
import subprocess
import time
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from support.serving import BRAND, PATIENCE_SECONDS, Server, Site

from accord.app import Installation
from accord.config import Config
from accord.domain.terms import BrandId
from accord.ledger.opening import open_entry

MAPPING = """
partner = "acme"
[customer]
customer_id = "id"
email = "email"
phone = "phone"
phone_country = "FR"
[[records]]
says = "permission"
when = { news = ["1"] }
touchpoint = "till"
contact_point = "email"
method = "ticked_box"
language = { column = "lang" }
act_time = { column = "when", time_zone = "Europe/Paris" }
[[records]]
says = "withdrawal"
when = { news = ["0"] }
touchpoint = "till"
contact_point = "email"
method = "ticked_box"
act_time = { column = "when", time_zone = "Europe/Paris" }
"""
_HEADING = ("id", "email", "phone", "news", "when", "lang")
_PAGE = 2000
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What an import took."""

    wall_seconds: float
    client_cpu_seconds: float
    client_peak_kib: int
    server_cpu_seconds: float
    server_peak_kib: int


def make_file(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write a file of so many rows and its mapping: a quarter says no, a hundredth is said again, a few are broken."""
    file, mapping = folder / "partner.csv", folder / "partner.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    with file.open("w", newline="", encoding="utf-8") as out:
        lines = csv.writer(out)
        lines.writerow(_HEADING)
        for number in range(rows):
            who = number - 1 if number % 100 == 99 else number
            day = f"2025-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00"
            address = f"person.{who}@example.com" if number % 1000 != 500 else "no address"
            lines.writerow((f"c{who}", address, f"06{who:08}", int(number % 4 != 3), day, "en"))
    return file, mapping


def start_import(site: Site, server: Server, file: Path, mapping: Path, *told: str) -> subprocess.Popen[bytes]:
    """Start `accord import` in a process of its own."""
    command = site.command("import", str(file), "--mapping", str(mapping), "--json", *told)
    environment = site.environment | {"ACCORD_SERVER": server.address}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end_import(started: subprocess.Popen[bytes], seconds: float = PATIENCE_SECONDS) -> bytes:
    """Return what it printed, once it is at its end. Some rows are broken, so it exits with 1."""
    out, errors = started.communicate(timeout=seconds)
    assert started.returncode == 1, errors
    return out


def measured(site: Site, server: Server, file: Path, mapping: Path, seconds: float) -> Cost:
    """Run an import to its end and return what it took, of its own processes."""
    before, start = _cpu_seconds(server.process.pid), time.monotonic()
    started = start_import(site, server, file, mapping)
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    assert started.returncode == 1, started.stderr.read() if started.stderr else b""
    assert wall < seconds
    cpu = _cpu_seconds(server.process.pid) - before
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, cpu, peak_kib(server.process.pid))


def peak_kib(process: int) -> int:
    """Return the most memory a process ever held."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


def content(site: Site) -> tuple[int, str]:
    """Return how many entries the ledger has, and a digest of what they say, in order.

    Left out is what differs between any two runs: references, keys, and instants of recording. Customers are told apart
    by the order in which they came.
    """
    installation = Installation(Config.read({}, data=site.data, database=site.database or None))
    numbers: dict[bytes, int] = {}
    digest, position = sha256(), 0
    try:
        ledger = installation.store.head(BrandId(BRAND)).ledger  # type: ignore[union-attr]
        while page := installation.store.entries(BrandId(BRAND), position, _PAGE):
            keys = installation.keyring.find(BrandId(BRAND), {entry.customer_ref for entry in page})
            for entry in page:
                opened = open_entry(entry, ledger, keys)
                number = numbers.setdefault(entry.customer_ref, len(numbers))
                told = opened.raw_payload.partition(b'"event":')[2].partition(b'"previous":')[0]
                digest.update(f"{number} {entry.customer_version} {opened.leaf.type}".encode() + told)
            position += len(page)
    finally:
        installation.close()
    return position, digest.hexdigest()


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK
