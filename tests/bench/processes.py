"""The processes that are measured, and what they cost: a server on one core, its CPU from /proc."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from accord.config import OPERATOR_TOKEN

_ROOT = Path(__file__).parents[2]
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class NotServingError(Exception):
    """A server did not start; the message has what it printed."""


class ServerProcess:
    """A server in a process of its own; use as a context."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path, port: int = 0) -> None:
        """Start it. `port` 0: the first line it prints is its port."""
        with log.open("w") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                cwd=_ROOT,
            )
        assert self._process.stdout is not None
        first = _first_line(self._process.stdout)
        if not first:
            raise NotServingError(f"{' '.join(arguments)}: {log.read_text()}")
        self.port = port or int(first)

    @property
    def cpu_seconds(self) -> float:
        """User and system time so far, in every thread."""
        return cpu_seconds(self._process.pid)

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def memory_bytes(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024

    def stop(self) -> None:
        """End it, gracefully if it can."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class AccordProcess(ServerProcess):
    """`accord serve` over a data folder; PostgreSQL where the URLs say so."""

    def __init__(self, data: Path, database: str = "", keys_database: str = "", workers: int = 1) -> None:
        """Start it and read the operator's token."""
        port = _free_port()
        settings = {
            "ACCORD_DATA": str(data),
            "ACCORD_LISTEN": f"127.0.0.1:{port}",
            "ACCORD_DATABASE": database,
            "ACCORD_KEYS_DATABASE": keys_database,
            "ACCORD_WORKERS": str(workers),
        }
        super().__init__(["accord", "serve"], settings, data / f"serve-{port}.log", port)
        self.token = (data / OPERATOR_TOKEN).read_text().strip()


class EchoProcess(ServerProcess):
    """The echo server, answering with these bytes."""

    def __init__(self, response: bytes, folder: Path) -> None:
        """Start it."""
        super().__init__(["tests.bench.echo", response.hex()], {}, folder / "echo.log")


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def cpu_seconds_of_children(pid: int) -> float:
    """Return the time of the living children of a process, such as the backends of PostgreSQL."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) * _TICK
    return total


def _first_line(pipe: IO[str]) -> str:
    return pipe.readline().strip()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
