"""The way in: settles what must be settled before grpc is imported, then runs the command line."""

import os

EVENT_ENGINE_OFF = "-event_engine_client,-event_engine_listener"
"""EventEngine polling costs a Python server 25 to 30 microseconds a call; the flag may go away with a later grpcio."""


def main() -> None:
    """Run `accord`."""
    os.environ.setdefault("GRPC_EXPERIMENTS", EVENT_ENGINE_OFF)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from accord.app import main as run  # noqa: PLC0415 - grpc reads the environment when it is imported

    run()


if __name__ == "__main__":
    main()
