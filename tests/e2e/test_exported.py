"""What a real server tells by OTLP, to Prometheus and in its log, held against docs/telemetry.md."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from support.serving import BRAND, Server, Site, authorize, bearer, free_address, grant, question, wait_for

from accord.app import Installation
from accord.config import Config, ConfigError
from accord.ledger.store import StoreUnavailableError
from accord.telemetry.exporting import Exporting
from accord.telemetry.ledgers import Ledgers
from accord.telemetry.measures import Measure, Parts, measures
from accord.telemetry.prometheus import Measured, address, exposed_name
from accord.telemetry.tally import Tally
from accord.v1 import decision_service_pb2, decision_service_pb2_grpc

PAGE = Path(__file__).resolve().parents[2] / "docs" / "telemetry.md"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PERSON = "ottiline-quentbury"
DATA = {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}


class Collector(trace_service_pb2_grpc.TraceServiceServicer, metrics_service_pb2_grpc.MetricsServiceServicer):
    """Takes what is exported by OTLP."""

    def __init__(self) -> None:
        self.traces: list[Any] = []
        self.metrics: list[Any] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(self), self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def Export(self, request: Any, _: Any) -> Any:  # noqa: N802 - of the proto
        self.traces.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def newest(self) -> dict[str, Any]:
        """Return the newest of each metric by its name."""
        return {
            metric.name: metric
            for request in self.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def stop(self) -> None:
        self._server.stop(None)


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: Any, _: Any) -> Any:  # noqa: N802 - of the proto
        self._collector.metrics.append(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()


class Told:
    """A server that was asked a few things, and all that it told."""

    def __init__(self, site: Site, server: Server, collector: Collector, endpoint: str) -> None:
        self.site = site
        self.server = server
        self.collector = collector
        self.endpoint = endpoint

    def scraped(self) -> str:
        with urlopen(f"http://{self.endpoint}/metrics", timeout=20) as answer:
            return str(answer.read().decode())

    def samples(self) -> dict[str, float]:
        """Return every sample by its name and labels, as Prometheus writes them."""
        found = {}
        for family in text_string_to_metric_families(self.scraped()):
            for sample in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}"] = sample.value
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    collector, endpoint = Collector(), free_address()
    settings = {
        "ACCORD_METRICS_LISTEN": endpoint,
        "ACCORD_LOG_FORMAT": "json",
        "ACCORD_SCRUB_SECONDS": "0.2",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=tests",
    }
    with Site(tmp_path_factory.mktemp("telemetry"), settings=settings) as site:
        server = site.start()
        site.apply_catalogue(server)
        with site.connect(server) as connection:
            connection.ask(connection.permissions.Grant, grant(PERSON, "till", "request-1"))
            connection.ask(connection.contacts.AuthorizeContact, authorize(PERSON, f"{PERSON}-1", "marketing.news"))
        metadata = (*bearer(site.token), ("traceparent", f"00-{TRACE}-{PARENT}-01"))
        with grpc.insecure_channel(server.address) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            for customer in (PERSON, "nobody", "nobody"):
                asked = decision_service_pb2.CheckRequest(brand=BRAND, question=question(customer, "marketing.news"))
                stub.Check(asked, metadata=metadata)
            with pytest.raises(grpc.RpcError):
                stub.Check(asked, metadata=(("authorization", f"Bearer {PERSON}"),))
        yield Told(site, server, collector, endpoint)
    collector.stop()


class TestPrometheus:
    def test_calls_decisions_and_commits_are_counted(self, told: Told) -> None:
        samples = told.samples()
        check = "rpc_method=accord.v1.DecisionService/Check,rpc_response_status_code"
        assert samples[f"rpc_server_call_duration_seconds_count{{{check}=OK}}"] == 3
        assert samples[f"rpc_server_call_duration_seconds_count{{{check}=UNAUTHENTICATED}}"] == 1
        decided = "accord_decisions_total{accord_channel=email,accord_question="
        assert samples[f"{decided}check,accord_reason=PERMITTED,accord_verdict=ALLOW}}"] == 1
        assert samples[f"{decided}check,accord_reason=CUSTOMER_UNKNOWN,accord_verdict=DENY}}"] == 2
        assert samples[f"{decided}authorize,accord_reason=PERMITTED,accord_verdict=ALLOW}}"] == 1
        assert samples["accord_commit_requests_count{}"] == 3
        assert samples["accord_commit_requests_sum{}"] == 3
        assert samples["accord_commit_requests_bucket{le=1.0}"] == 3

    def test_the_ledger_tells_of_itself(self, told: Told) -> None:
        brand = f"{{accord_brand={BRAND}}}"
        # What is told of a ledger is kept for a moment.
        wait_for(lambda: told.samples()[f"accord_ledger_entries{brand}"] == 3, "every entry to be told")
        samples = told.samples()
        assert samples["accord_ledger_proven{}"] == 1
        assert samples[f"accord_checkpoint_lag{brand}"] == 3
        assert 0 <= samples[f"accord_checkpoint_age_seconds{brand}"] < 600
        assert 0 < samples[f"accord_contact_unreported_age_seconds{brand}"] < 600

    def test_the_process_tells_what_it_costs(self, told: Told) -> None:
        samples = told.samples()
        assert 30e6 < samples["process_memory_usage_bytes{}"] < 300e6
        assert samples["process_cpu_time_seconds_total{}"] > 0
        assert samples["accord_pool_threads{accord_pool=read}"] == 4

    def test_to_tell_of_the_ledger_opens_no_connection_that_a_check_would_have_to_prove(self, told: Told) -> None:
        installation = Installation(Config.read({}, data=told.site.data))
        it = installation.ledgers
        read = [dict(each()) for each in (it.entries, it.checkpoint_ages, it.checkpoint_lags, it.unreported_ages)]
        connections = installation.store.connections
        installation.close()
        assert [list(each) for each in read] == [[(BRAND,)]] * 4
        assert connections == 0

    def test_the_next_worker_answers_on_the_next_port(self, told: Told) -> None:
        host, _, port = told.endpoint.rpartition(":")
        assert address(told.endpoint, 2) == (host, int(port) + 2)

    @pytest.mark.parametrize("listen", ["9464", "localhost:", "localhost:http", "localhost:0", "localhost:65535"])
    def test_an_address_without_room_for_the_worker_is_refused(self, listen: str) -> None:
        with pytest.raises(ConfigError, match="ACCORD_METRICS_LISTEN must be host:port"):
            address(listen, 1 if listen.endswith("5") else 0)

    def test_an_address_that_is_taken_is_told_so(self, told: Told) -> None:
        told.site.environment["ACCORD_DATA"] += "-other"
        done = told.site.run_process("serve", "--listen", free_address(), expect=1)
        told.site.environment["ACCORD_DATA"] = told.site.environment["ACCORD_DATA"].removesuffix("-other")
        assert "ACCORD_METRICS_LISTEN: cannot listen" in done.stderr


class TestOtlp:
    def test_a_sampled_trace_reaches_the_collector(self, told: Told) -> None:
        wait_for(lambda: len(told.collector.spans()) >= 3, "three spans")
        spans = told.collector.spans()
        assert {span.trace_id.hex() for span in spans} == {TRACE}
        assert {span.parent_span_id.hex() for span in spans} == {PARENT}
        assert {span.name for span in spans} == {"accord.v1.DecisionService/Check"}
        attributes = told.collector.traces[0].resource_spans[0].resource.attributes
        resource = {each.key: each.value.string_value for each in attributes}
        assert resource["service.name"] == "accord"
        assert resource["deployment.environment.name"] == "tests"
        wait_for(lambda: bool(told.collector.metrics), "measures")
        assert told.collector.metrics[0].resource_metrics[0].resource.attributes == attributes

    def test_the_collector_is_told_what_prometheus_is(self, told: Told) -> None:
        def counts() -> int:
            metric = told.collector.newest().get("rpc.server.call.duration")
            return sum(point.count for point in metric.histogram.data_points) if metric else 0

        wait_for(lambda: counts() == 7, "every call to be told")
        metrics = told.collector.newest()
        commits = metrics["accord.commit.duration"].histogram
        (point,) = commits.data_points
        assert point.count == sum(point.bucket_counts) == 3
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert not point.HasField("min")
        decisions = metrics["accord.decisions"].sum
        assert decisions.is_monotonic
        assert sum(point.as_int for point in decisions.data_points) == 4


class TestLog:
    def test_a_collector_that_is_away_is_logged_and_holds_up_neither_calls_nor_the_end(self, tmp_path: Path) -> None:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{free_address()}", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
        with Site(tmp_path, settings=settings) as site:
            server = site.start()
            site.apply_catalogue(server)
            wait_for(lambda: "opentelemetry" in server.told, "the exporter to complain")
            server.ask_to_stop()
            assert server.process.wait(20) == 0
        for line in server.told.splitlines():
            if not line.startswith(("Accord serves on", "stopping: ")):
                assert {"time", "level", "logger", "message"} <= json.loads(line).keys()

    def test_another_protocol_than_grpc_is_refused_by_its_name(self, tmp_path: Path) -> None:
        with Site(tmp_path, settings={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}) as site:
            assert "OTEL_EXPORTER_OTLP_PROTOCOL must be grpc" in site.run_process("serve", expect=1).stderr


class TestNothingWanted:
    def test_opentelemetry_is_not_loaded_where_nobody_wants_it(self) -> None:
        program = "import sys, accord.app; print([name for name in sys.modules if name.startswith(('open', 'prom'))])"
        assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"

    @pytest.mark.parametrize(
        "environment",
        [
            {},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_SDK_DISABLED": "true"},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_TRACES_EXPORTER": "none"},
            {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost:4317"},
        ],
    )
    def test_traces_are_made_only_where_somebody_wants_traces(self, environment: dict[str, str]) -> None:
        assert Exporting(environment).start_traces() is None


class TestReading:
    def test_a_measure_that_cannot_be_read_leaves_the_others(self, caplog: pytest.LogCaptureFixture) -> None:
        def fail() -> Any:
            raise StoreUnavailableError(PERSON)

        good = Measure(name="good", kind="gauge", unit="", meaning="It is there.", read=lambda: [((), 7)])
        bad = Measure(name="bad", kind="gauge", unit="", meaning="It is away.", read=fail)
        registry = CollectorRegistry()
        registry.register(Measured([bad, good]))
        assert "good 7.0" in generate_latest(registry).decode()
        assert "a measure could not be read: bad: StoreUnavailableError" in caplog.text
        assert PERSON not in caplog.text


class TestPage:
    def test_the_page_lists_every_measure_as_it_is(self) -> None:
        assert _page() == {measure.name: _described(measure) for measure in _measures()}

    def test_what_is_exported_is_what_the_page_lists(self, told: Told) -> None:
        wait_for(lambda: len(told.collector.newest()) >= len(_page()), "every measure to be told")
        exported = told.collector.newest()
        assert set(exported) == set(_page())
        for name, (kind, unit, attributes, _) in _page().items():
            points = getattr(exported[name], DATA[kind]).data_points
            assert (exported[name].WhichOneof("data"), exported[name].unit) == (DATA[kind], unit)
            assert {tuple(sorted(each.key for each in point.attributes)) for point in points} == {
                tuple(sorted(attributes))
            }

    def test_prometheus_is_told_what_the_page_lists(self, told: Told) -> None:
        families = {family.name for family in text_string_to_metric_families(told.scraped())}
        assert families == {exposed_name(measure) for measure in _measures()}


def test_nothing_personal_is_told(told: Told) -> None:
    everything = [*map(str, told.collector.traces), *map(str, told.collector.metrics), told.scraped(), told.server.told]
    assert [each for each in everything if PERSON in each or told.site.token in each] == []


def _measures() -> tuple[Measure, ...]:
    nothing: Any = None
    return measures(Parts(Tally(), nothing, nothing, nothing, Ledgers(nothing, nothing, nothing, nothing)))


def _described(measure: Measure) -> tuple[str, str, tuple[str, ...], str]:
    return measure.kind, measure.unit, measure.attributes, measure.meaning


def _page() -> dict[str, tuple[str, str, tuple[str, ...], str]]:
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            name, kind, unit, attributes, meaning, _ = cells
            codes = tuple(re.findall(r"`([^`]+)`", attributes))
            found[name.strip("`")] = (kind, unit.strip("`"), codes, meaning.removesuffix(" (of the ledger)"))
    return found
