"""The measures as Prometheus reads them, on an HTTP endpoint of each process.

Names are OpenTelemetry's with `_` for `.`, the unit at the end, and `_total` where a counter ends
(OpenTelemetry's "Prometheus and OpenMetrics Compatibility").
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from accord.config import ConfigError
from accord.telemetry.counting import Spread
from accord.telemetry.measures import Measure

_UNITS = {"s": "_seconds", "By": "_bytes"}


RETRY_SECONDS = 0.2

_log = logging.getLogger(__name__)


class Endpoint:
    """Answers scrapes until it is closed."""

    def __init__(self, listen: str, seat: int | None, measures: Iterable[Measure]) -> None:
        """Serve on `host:port`, the seat of a worker added to the port. Raises ConfigError when it cannot.

        A worker takes the port once whoever held the seat before has ended: until then the other still answers.
        """
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(Measured(measures))
        self._host, self._port = address(listen, seat or 0)
        self._closing = threading.Event()
        self._serving: tuple[WSGIServer, threading.Thread] | None = None
        self._waiting: threading.Thread | None = None
        try:
            self._serve()
        except OSError as error:
            taken = f"ACCORD_METRICS_LISTEN: cannot listen on {self._host}:{self._port}"
            if seat is None:
                raise ConfigError(f"{taken}: is something else running there?") from error
            _log.info("%s yet: the worker before may still answer there", taken)
            self._waiting = threading.Thread(target=self._serve_once_free, name="metrics", daemon=True)
            self._waiting.start()

    def close(self) -> None:
        """Answer no more."""
        self._closing.set()
        if self._waiting is not None:
            self._waiting.join()
        if self._serving is not None:
            server, thread = self._serving
            server.shutdown()
            server.server_close()
            thread.join()

    def _serve(self) -> None:
        self._serving = start_http_server(self._port, self._host, self._registry)

    def _serve_once_free(self) -> None:
        while self._serving is None and not self._closing.wait(RETRY_SECONDS):
            with suppress(OSError):
                self._serve()


def address(listen: str, seat: int) -> tuple[str, int]:
    """Return host and port of one worker: each has a port of its own, counted from that of the setting.

    Raises ConfigError.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) + seat < 65536:
        raise ConfigError("ACCORD_METRICS_LISTEN must be host:port, such as 127.0.0.1:9464")
    return host.strip("[]"), int(port) + seat


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
