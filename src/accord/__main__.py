"""The way in: settles what must be settled before grpc is imported, then runs the command line."""

import gc
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from accord.config import Config

if TYPE_CHECKING:
    from accord.cli.main import Installed
    from accord.sample.stage import Scene

EVENT_ENGINE_OFF = "-event_engine_client,-event_engine_listener"
"""EventEngine polling costs a Python server 25 to 30 microseconds a call; the flag may go away with a later grpcio."""


GARBAGE_THRESHOLDS = (50_000, 20, 50)
"""Calls leave next to nothing that only the collector can free, and it costs a write a twentieth; a start, a sixth."""


def main() -> None:
    """Run `accord`."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    os.environ.setdefault("GRPC_EXPERIMENTS", EVENT_ENGINE_OFF)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from accord.cli import Accord, run  # noqa: PLC0415 - grpc reads the environment when it is imported

    run(Accord(_install, _load_sample, _play_demo))


def _install(config: Config) -> "Installed":
    """Open an installation. `app` is read only now: a command that asks a server needs nothing of one."""
    from accord.app import Installation  # noqa: PLC0415 - see above

    return Installation(config)


def _load_sample(config: Config, progress: Callable[[int, int], None]) -> None:
    """Load the sample brand."""
    from accord.app import load_sample_brand  # noqa: PLC0415 - as above

    load_sample_brand(config, progress)


def _play_demo() -> "Sequence[Scene]":
    """Play the demo."""
    from accord.app import play_sample_demo  # noqa: PLC0415 - as above

    return play_sample_demo()


if __name__ == "__main__":
    main()
