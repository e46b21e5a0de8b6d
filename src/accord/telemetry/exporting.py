"""What is exported, and to whom, as the settings and OpenTelemetry's variables say. Nothing told: nothing exported.

OpenTelemetry is loaded only where it is wanted: it would cost every process memory, and time to start.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from accord.config import ConfigError
from accord.telemetry.measures import Measure

if TYPE_CHECKING:
    from accord.telemetry.tracing import Traces

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOLS = (
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
)


class Exporting:
    """The exporters of one process; nothing is exported before `start_*`, and nothing after `close`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read what is wanted. Raises ConfigError."""
        self._environment = environment
        self._instance = os.urandom(16).hex()
        self._endings: list[Callable[[], object]] = []
        for name in _PROTOCOLS:
            if environment.get(name, "grpc") not in ("", "grpc"):
                raise ConfigError(f"{name} must be grpc: Accord exports by OTLP over gRPC")

    def start_traces(self) -> "Traces | None":
        """Return the traces of this process, None when nobody wants them."""
        if not self._wanted("TRACES"):
            return None
        from accord.telemetry import otlp  # noqa: PLC0415 - see above

        traces, end = otlp.open_traces(otlp.resource(self._environment, self._instance))
        self._endings.append(end)
        return traces

    def start_measures(self, measures: Sequence[Measure], listen: str, seat: int | None) -> None:
        """Export measures to whoever wants them. `listen` is where to answer Prometheus, empty for nowhere.

        `seat` is that of a worker among those that serve together, from 0; None where it is alone. Raises ConfigError.
        """
        if listen:
            from accord.telemetry.prometheus import Endpoint  # noqa: PLC0415 - see above

            self._endings.append(Endpoint(listen, seat, measures).close)
        if self._wanted("METRICS"):
            from accord.telemetry import otlp  # noqa: PLC0415 - see above

            self._endings.append(otlp.open_meters(otlp.resource(self._environment, self._instance), measures))

    def close(self) -> None:
        """Export what is kept, and end."""
        while self._endings:
            self._endings.pop()()

    def _wanted(self, signal: str) -> bool:
        """Say whether OpenTelemetry's variables name somebody to export a signal to."""
        told = self._environment.get
        if told("OTEL_SDK_DISABLED", "").lower() == "true" or told(f"OTEL_{signal}_EXPORTER", "otlp") != "otlp":
            return False
        return bool(told(_ENDPOINT) or told(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"))
