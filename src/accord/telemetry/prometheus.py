"""The measures as Prometheus reads them, on an HTTP endpoint of each process.

Names are OpenTelemetry's with `_` for `.`, the unit at the end, and `_total` where a counter ends
(OpenTelemetry's "Prometheus and OpenMetrics Compatibility").
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from accord.config import ConfigError
from accord.telemetry.counting import Spread
from accord.telemetry.measures import Measure

_UNITS = {"s": "_seconds", "By": "_bytes"}


class Endpoint:
    """Answers scrapes until it is closed."""

    def __init__(self, listen: str, worker: int, measures: Iterable[Measure]) -> None:
        """Serve on `host:port`, the worker's number added to the port. Raises ConfigError when it cannot."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Measured(measures))
        host, port = address(listen, worker)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise ConfigError(
                f"ACCORD_METRICS_LISTEN: cannot listen on {host}:{port}: is something else running there?"
            ) from error

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def address(listen: str, worker: int) -> tuple[str, int]:
    """Return host and port of one worker: each has a port of its own, counted from that of the setting.

    Raises ConfigError.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) + worker < 65536:
        raise ConfigError("ACCORD_METRICS_LISTEN must be host:port, such as 127.0.0.1:9464")
    return host.strip("[]"), int(port) + worker


def exposed_name(measure: Measure) -> str:
    """Return the name of a measure before what its kind adds."""
    return measure.name.replace(".", "_") + _UNITS.get(measure.unit, "")


class Measured(Collector):
    """Reads the measures when it is asked."""

    def __init__(self, measures: Iterable[Measure]) -> None:
        """Tell these."""
        self._measures = tuple(measures)

    def collect(self) -> Iterator[Metric]:
        """Yield each measure with all its points."""
        for measure in self._measures:
            yield _family(measure)


def _family(measure: Measure) -> Metric:
    name, labels = exposed_name(measure), [each.replace(".", "_") for each in measure.attributes]
    if measure.kind == "histogram":
        histogram = HistogramMetricFamily(name, measure.meaning, labels=labels)
        for values, spread in measure.points():
            if isinstance(spread, Spread):
                histogram.add_metric(list(values), _buckets(measure.bounds, spread), spread.total)
        return histogram
    family = CounterMetricFamily if measure.kind == "counter" else GaugeMetricFamily
    found = family(name, measure.meaning, labels=labels)
    for values, number in measure.points():
        if not isinstance(number, Spread):
            found.add_metric(list(values), number)
    return found


def _buckets(bounds: tuple[float, ...], spread: Spread) -> list[tuple[str, float]]:
    """Return the buckets by their upper ends, each with all that is below it."""
    found, below = [], 0
    for bound, count in zip((*map(str, map(float, bounds)), "+Inf"), spread.counts, strict=True):
        below += count
        found.append((bound, float(below)))
    return found
