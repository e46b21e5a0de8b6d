"""Export by OTLP over gRPC, told by OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT and its like).

Counters and gauges are read by observable instruments. OpenTelemetry has no observable histogram, so
histograms join the export as they were counted: always cumulative, whatever temporality is preferred.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from accord.telemetry.counting import Spread
from accord.telemetry.measures import Measure, Value
from accord.telemetry.tracing import Traces

FAREWELL_SECONDS = 2
"""How long the last export of each kind may take."""

_SCOPE = "accord"


def resource(environment: Mapping[str, str], instance: str) -> Resource:
    """Return who we are: an instance of a process's own, `service.name` accord unless OTEL's variables name another."""
    ours = {"service.version": version("accord"), "service.instance.id": instance}
    named = environment.get("OTEL_SERVICE_NAME") or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not named:
        ours["service.name"] = "accord"
    return Resource.create(ours)


End = Callable[[], None]


def open_traces(of: Resource) -> tuple[Traces, End]:
    """Return traces that are exported in batches by a thread of their own, and what ends it."""
    provider, exporter = TracerProvider(resource=of, shutdown_on_exit=False), OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider), partial(_end, provider.shutdown, exporter.shutdown)


def open_meters(of: Resource, measures: Iterable[Measure]) -> End:
    """Export measures every OTEL_METRIC_EXPORT_INTERVAL, by a thread of its own; return what ends it."""
    told = tuple(measures)
    exporter = _Exporter(each for each in told if each.kind == "histogram")
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], of, shutdown_on_exit=False)
    meter = provider.get_meter(_SCOPE)
    for measure in told:
        if measure.kind == "counter":
            meter.create_observable_counter(measure.name, [partial(_observe, measure)], measure.unit, measure.meaning)
        elif measure.kind == "gauge":
            meter.create_observable_gauge(measure.name, [partial(_observe, measure)], measure.unit, measure.meaning)
    return partial(_end, provider.shutdown, exporter.shutdown)


def _end(export_the_rest: End, give_up: End) -> None:
    """Export what is kept, but do not wait long for a collector that is away."""
    timer = threading.Timer(FAREWELL_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    export_the_rest()
    timer.cancel()


def _observe(measure: Measure, _: CallbackOptions) -> list[Observation]:
    return [
        Observation(number, dict(zip(measure.attributes, values, strict=True)))
        for values, number in measure.points()
        if not isinstance(number, Spread)
    ]


class _Exporter(OTLPMetricExporter):
    """Adds the histograms to what the instruments told."""

    def __init__(self, histograms: Iterable[Measure]) -> None:
        super().__init__()
        self._histograms = tuple(histograms)
        self._began = time.time_ns()

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **more: Any) -> MetricExportResult:  # noqa: ANN401 - OpenTelemetry's own signature
        now = time.time_ns()
        told = [self._metric(measure, now) for measure in self._histograms]
        told = [each for each in told if each.data.data_points]
        joined = [_joined(each, told) for each in metrics_data.resource_metrics]
        return super().export(MetricsData(joined), timeout_millis, **more)

    def _metric(self, measure: Measure, now: int) -> Metric:
        points = [self._point(measure, values, value, now) for values, value in measure.points()]
        data = Histogram(points, AggregationTemporality.CUMULATIVE)
        return Metric(measure.name, measure.meaning, measure.unit, data)

    def _point(self, measure: Measure, values: tuple[str, ...], value: Value, now: int) -> HistogramDataPoint:
        if not isinstance(value, Spread):
            raise TypeError(f"{measure.name} is no histogram")
        return HistogramDataPoint(
            attributes=dict(zip(measure.attributes, values, strict=True)),
            start_time_unix_nano=self._began,
            time_unix_nano=now,
            count=value.count,
            sum=value.total,
            bucket_counts=value.counts,
            explicit_bounds=measure.bounds,
            min=None,  # type: ignore[arg-type] # optional in OTLP; the smallest and the largest are not kept
            max=None,  # type: ignore[arg-type] # the same
        )


def _joined(of: ResourceMetrics, told: list[Metric]) -> ResourceMetrics:
    """Return what the instruments told with more metrics of ours: one scope, since the encoder keeps one of a name."""
    metrics = [metric for scope in of.scope_metrics for metric in scope.metrics]
    scope = ScopeMetrics(InstrumentationScope(_SCOPE), [*metrics, *told], "")
    return ResourceMetrics(of.resource, [scope], of.schema_url)
