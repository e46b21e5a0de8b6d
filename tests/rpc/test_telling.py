"""What a server tells of its calls: each is counted by its status, and traced where its caller's trace is sampled."""

import json
import logging
import shutil
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry, generate_latest
from support.grpc_server import METHODS, GrpcServer
from wire_examples import BRAND, CONTACT, KNOWN, PERSONAL, VALID, Ground, authorize, grant, question, valid

from accord.rpc.door import Door
from accord.telemetry.ledgers import Ledgers
from accord.telemetry.logs import JsonLines
from accord.telemetry.measures import Parts, measures
from accord.telemetry.prometheus import Measured
from accord.telemetry.tally import Tally
from accord.telemetry.tracing import Traces
from accord.v1 import decision_service_pb2 as decisions

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"


class Traced:
    """A ground whose server is traced, and the spans it made."""

    def __init__(self, ground: Ground, exporter: InMemorySpanExporter) -> None:
        self.ground = ground
        self.server = ground.server
        self.exporter = exporter

    def sends(self, *metadata: tuple[str, str]) -> None:
        self.server.metadata = metadata
        self.exporter.clear()

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def traced(laid: Ground, tmp_path: Path) -> Iterator[Traced]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    shutil.copytree(laid.server.folder, tmp_path / "ground")
    with GrpcServer(tmp_path / "ground", traces=Traces(provider)) as server:
        yield Traced(Ground(server, laid), exporter)


def check(**fields: Any) -> decisions.CheckRequest:
    return decisions.CheckRequest(brand=BRAND, question=question(**fields))


class TestTraces:
    def test_a_sampled_trace_is_continued_by_a_span_of_the_server(self, traced: Traced) -> None:
        traced.sends(("traceparent", SAMPLED), ("tracestate", "vendor=1"))
        traced.server.ask("DecisionService/Check", check())
        (span,) = traced.spans()
        assert span.context is not None
        assert span.parent is not None
        assert f"{span.context.trace_id:032x}" == TRACE
        assert f"{span.parent.span_id:016x}" == PARENT
        assert span.context.trace_state.get("vendor") == "1"
        assert span.kind is SpanKind.SERVER
        assert span.name == "accord.v1.DecisionService/Check"
        assert dict(span.attributes or {}) == {
            "rpc.system.name": "grpc",
            "rpc.method": "accord.v1.DecisionService/Check",
            "rpc.response.status_code": "OK",
            "accord.verdict": "ALLOW",
            "accord.reason": "PERMITTED",
            "accord.channel": question().channel,
            "accord.purpose": question().purpose,
        }

    @pytest.mark.parametrize(
        "told",
        [
            (),
            (("traceparent", UNSAMPLED),),
            (("traceparent", f"00-{'0' * 32}-{PARENT}-01"),),
            (("traceparent", f"00-{TRACE}-{'0' * 16}-01"),),
            (("traceparent", "00-short-01"),),
            (("traceparent", SAMPLED[:-2] + "xy"),),
            (("traceparent", f"ff-{TRACE}-{PARENT}-01"),),
            (("tracestate", "vendor=1"),),
        ],
    )
    def test_without_a_sampled_trace_there_is_no_span(self, traced: Traced, told: tuple[tuple[str, str], ...]) -> None:
        traced.sends(*told)
        traced.server.ask("DecisionService/Check", check())
        assert traced.spans() == []

    def test_a_write_tells_of_its_wait_and_its_commit(self, traced: Traced) -> None:
        traced.sends(("traceparent", SAMPLED))
        traced.server.ask("PermissionService/Grant", grant("traced-1"))
        queue, commit, call = traced.spans()
        assert [each.name for each in (queue, commit, call)] == ["queue", "commit", "accord.v1.PermissionService/Grant"]
        assert call.context is not None
        assert {each.parent.span_id for each in (queue, commit) if each.parent} == {call.context.span_id}
        times = [call.start_time, queue.start_time, queue.end_time, commit.end_time, call.end_time]
        assert queue.end_time == commit.start_time
        # Two clocks, read one after the other: they agree to a millisecond.
        assert all(one - 1_000_000 <= other for one, other in pairwise(map(int, map(str, times))))

    def test_an_authorised_contact_tells_what_was_answered(self, traced: Traced) -> None:
        traced.sends(("traceparent", SAMPLED))
        traced.server.ask("ContactService/AuthorizeContact", authorize("traced-contact"))
        call = traced.spans()[-1]
        assert (call.attributes or {})["accord.verdict"] == "ALLOW"

    def test_the_span_of_a_call_that_failed_says_how(self, traced: Traced) -> None:
        traced.sends(("traceparent", SAMPLED))
        traced.server.fail("DecisionService/Check", check(channel="pigeon"))
        (refused,) = traced.spans()
        assert (refused.attributes or {})["rpc.response.status_code"] == "INVALID_ARGUMENT"
        assert refused.status.status_code is StatusCode.UNSET
        assert refused.events == ()

    def test_the_span_of_a_fault_of_ours_is_an_error_and_the_log_line_names_it(
        self, traced: Traced, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError(KNOWN)

        monkeypatch.setattr(traced.server.installation.questions, "check", fail)
        lines = Lines()
        with lines:
            traced.sends(("traceparent", SAMPLED))
            failure = traced.server.fail("DecisionService/Check", check())
        (span,) = traced.spans()
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None
        assert span.events == ()
        (line,) = [told for told in map(json.loads, lines.lines) if "incident" in told]
        assert line["incident"] == failure.metadata["incident"]
        assert span.context is not None
        assert (line["trace_id"], line["span_id"]) == (TRACE, f"{span.context.span_id:016x}")

    def test_a_stream_has_one_span_and_its_writes_are_below_it(self, traced: Traced) -> None:
        traced.sends(("traceparent", SAMPLED))
        messages = [valid("PermissionService/BatchRecord", traced.ground)] * 2
        traced.server.stream("PermissionService/BatchRecord", messages)
        names = [each.name for each in traced.spans()]
        assert names[-1] == "accord.v1.PermissionService/BatchRecord"
        assert names.count("commit") == 2


class TestCounts:
    def test_every_method_is_counted_by_its_status(self, fresh: Ground) -> None:
        for name in VALID:
            fresh.server.ask(name, valid(name, fresh))
            fresh.server.ask_raw(name, b"", [])
        counted = fresh.server.installation.tally.calls.read()
        expected = {f"accord.v1.{name}" for name in METHODS}
        assert {method for method, code in counted if code == "OK"} == expected
        assert {method for method, code in counted if code != "OK"} == expected

    def test_calls_from_many_threads_are_all_counted(self, ground: Ground) -> None:
        tally, key = ground.server.installation.tally, ("accord.v1.DecisionService/Check", "OK")
        asked = ("check", 3, 1, question().channel)
        before, decided = tally.calls.read(), tally.decisions.read()

        def ask() -> None:
            for _ in range(50):
                ground.server.ask("DecisionService/Check", check())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        count = before[key].count if key in before else 0
        assert tally.calls.read()[key].count == count + 400
        assert tally.decisions.read()[asked] == decided.get(asked, 0) + 400

    def test_decisions_are_counted_by_the_kind_of_question(self, ground: Ground) -> None:
        before = ground.server.installation.tally.decisions.read()
        asked = [question(), question(customer_id="nobody-knows"), question(channel="pigeon"), question()]
        ground.server.ask("DecisionService/BatchCheck", decisions.BatchCheckRequest(brand=BRAND, questions=asked))
        after = ground.server.installation.tally.decisions.read()
        more = {key[:2]: number - before.get(key, 0) for key, number in after.items() if number > before.get(key, 0)}
        assert more == {("batch", 3): 2, ("batch", 1): 1}

    @pytest.mark.parametrize("leaves", ["while it waits for us", "while we wait for it"])
    def test_a_stream_the_caller_leaves_is_counted_as_left(self, leaves: str) -> None:
        tally = Tally()
        stream = SimpleNamespace(stream_stream=lambda requests, _: iter(requests), response_streaming=True)
        stream.unary_unary = stream.unary_stream = stream.stream_unary = None
        stream._replace = lambda stream_stream: stream_stream
        context = SimpleNamespace(is_active=lambda: False)
        responses = Door(tally).handler("accord.v1.Some", "Stream", stream)([1, 2], context)
        assert next(responses) == 1
        if leaves == "while it waits for us":
            responses.close()
        else:
            assert list(responses) == [2]
        assert {key: spread.count for key, spread in tally.calls.read().items()} == {
            ("accord.v1.Some/Stream", grpc.StatusCode.CANCELLED.name): 1
        }

    def test_a_commit_is_counted_with_its_requests_and_its_wait(self, fresh: Ground) -> None:
        tally = fresh.server.installation.tally
        assert tally.commits.read() == {}
        fresh.server.ask("PermissionService/Grant", grant("counted-1"))
        assert [each.read()[()].count for each in (tally.sizes, tally.commits, tally.waits)] == [1, 1, 1]


class TestPrivacy:
    def test_nothing_personal_is_in_any_span_measure_or_log_line(self, traced: Traced) -> None:
        with Lines() as lines:
            traced.sends(("traceparent", SAMPLED))
            for name in VALID:
                traced.server.ask(name, valid(name, traced.ground))
                traced.server.ask_raw(name, PERSONAL[0].encode() * 3)
        spans = "\n".join(each.to_json() for each in traced.spans())
        told = generate_latest(_registry(traced.server)).decode()
        assert {f"accord.v1.{name}" for name in METHODS} <= {each.name for each in traced.spans()}
        assert "accord_contact_unreported_age_seconds" in told
        everything = "\n".join([spans, told, *lines.lines])
        assert [each for each in (*PERSONAL, KNOWN, CONTACT) if each in everything] == []


class Lines(logging.Handler):
    """Keeps what is logged meanwhile, at every level, as it is written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        logging.getLogger().setLevel(self._level)


def _registry(server: GrpcServer) -> CollectorRegistry:
    it = server.installation
    ledgers = Ledgers(it.store, it.outside, it.parts.marks, it.clock)  # type: ignore[arg-type] # on SQLite and in files here
    registry = CollectorRegistry()
    registry.register(Measured(measures(Parts(it.tally, server.server.pools, it.writer, it.proven, ledgers))))
    return registry
