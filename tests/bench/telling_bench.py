"""What counting and tracing add to one check, in this process. Run it: `python tests/bench/telling_bench.py`.

Prints the median of many turns, in microseconds of processor time, of `DecisionService.Check` over SQLite,
without the wire: as the servicer alone answers it, and through the door as a server has it. The ways take
turns, so that each falls on the same moments of the machine; the differences are taken within a turn.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from opentelemetry.sdk.trace import TracerProvider
from support.grpc_server import EVERY_ROLE, GrpcServer
from support.serving import BRAND, apply_request, grant, question

from accord.domain.commands import Question
from accord.domain.decision import Decision
from accord.rpc.decisions import DecisionService
from accord.rpc.door import Door
from accord.telemetry.tally import Tally
from accord.telemetry.tracing import Traces
from accord.v1 import decision_service_pb2

TURNS, CALLS = 400, 50
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"


class Silent(Tally):
    """Counts nothing, as if there were no tally."""

    def decided(self, kind: str, question: Question, decision: Decision) -> None:
        """Count nothing."""


class Context:
    """What a check looks at of grpc's context."""

    def __init__(self, token: str, *more: tuple[str, str]) -> None:
        self._metadata = (("user-agent", "grpc-python/1.85.1"), ("authorization", f"Bearer {token}"), *more)

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what the caller sent."""
        return self._metadata


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, GrpcServer(Path(folder)) as server:
        server.ask("CatalogueService/Apply", apply_request())
        server.ask("PermissionService/Grant", grant("ada", "till", "bench-1"))
        ways = _ways(server)
        request = decision_service_pb2.CheckRequest(brand=BRAND, question=question("ada", "marketing.news"))
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(-20, TURNS):
            for name, (method, context) in ways.items():
                spent = _spent(lambda method=method, context=context: method(request, context))  # type: ignore[misc]
                if turn >= 0:
                    times[name].append(spent)
    bare = times["the servicer alone"]
    for name, found in times.items():
        more = statistics.median(one - other for one, other in zip(found, bare, strict=True))
        sys.stdout.write(f"{name:45} {statistics.median(found):7.2f} us  {more:+6.2f}\n")


def _ways(server: GrpcServer) -> dict[str, tuple[Callable[[Any, Any], Any], Any]]:
    it, token = server.installation, server.tokens[EVERY_ROLE]
    traces = Traces(TracerProvider(shutdown_on_exit=False))
    bare = DecisionService(it.questions, server.callers, Silent())
    told = DecisionService(it.questions, server.callers, it.tally)

    def through(door: Door) -> Callable[[Any, Any], Any]:
        handler = SimpleNamespace(unary_unary=told.Check, response_streaming=False)
        handler._replace = lambda unary_unary: unary_unary
        return cast("Callable[[Any, Any], Any]", door.handler("accord.v1.DecisionService", "Check", handler))

    counted, traced = through(Door(it.tally)), through(Door(it.tally, traces))
    return {
        "the servicer alone": (bare.Check, Context(token)),
        "counted": (counted, Context(token)),
        "counted, traces wanted, no traceparent": (traced, Context(token)),
        "counted, traces wanted, an unsampled one": (traced, Context(token, ("traceparent", f"{TRACE}-00"))),
        "counted, traced": (traced, Context(token, ("traceparent", f"{TRACE}-01"))),
    }


def _spent(call: Callable[[], object]) -> float:
    start = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - start) / CALLS * 1e6


if __name__ == "__main__":
    main()
