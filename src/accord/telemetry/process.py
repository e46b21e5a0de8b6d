"""What a process costs, from the kernel's own counts (Linux)."""

import os
import threading
import time
from pathlib import Path

_STATM = Path("/proc/self/statm")
_OPEN = Path("/proc/self/fd")
_BEGAN = time.monotonic()


def cpu_seconds() -> float:
    """Return the processor time used so far, in both modes."""
    return time.process_time()


def resident_bytes() -> int:
    """Return how much memory is resident. Raises OSError where the kernel does not say."""
    return int(_STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def threads() -> int:
    """Return how many threads the interpreter runs."""
    return threading.active_count()


def open_files() -> int:
    """Return how many descriptors are open. Raises OSError where the kernel does not say."""
    return len(os.listdir(_OPEN))  # noqa: PTH208 - names suffice


def uptime_seconds() -> float:
    """Return how long ago this was first asked or imported."""
    return time.monotonic() - _BEGAN
