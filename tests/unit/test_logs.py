"""Log lines: one object each, complete, and never what an exception says."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider

from accord.rpc.errors import incident
from accord.telemetry.current import inside
from accord.telemetry.logs import write_logs
from accord.telemetry.tracing import Traces

SECRET = "ada@example.com"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
log = logging.getLogger("accord.tests")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    for handler in before:
        root.removeHandler(handler)  # `write_logs` would close what pytest captures by
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_is_one_object_with_time_level_logger_and_message() -> None:
    out = io.StringIO()
    write_logs("json", "INFO", out)
    log.info("the tree has %d\nleaves", 7)
    (line,) = out.getvalue().splitlines()
    told = json.loads(line)
    assert told.pop("time").endswith("Z")
    assert told == {"level": "INFO", "logger": "accord.tests", "message": "the tree has 7\nleaves"}


def test_a_terminal_is_written_text_and_anything_else_json_unless_told() -> None:
    for stream, written, is_json in (
        (Terminal(), "", False),
        (io.StringIO(), "", True),
        (Terminal(), "json", True),
        (io.StringIO(), "text", False),
    ):
        write_logs(written, "INFO", stream)  # type: ignore[arg-type] # each is one of them
        log.info("here")
        assert stream.getvalue().startswith("{") is is_json
        assert "here" in stream.getvalue()


def test_what_is_below_the_level_is_not_written() -> None:
    out = io.StringIO()
    write_logs("json", "WARNING", out)
    log.info("quiet")
    log.warning("loud")
    assert [json.loads(line)["message"] for line in out.getvalue().splitlines()] == ["loud"]


@pytest.mark.parametrize("written", ["json", "text"])
def test_an_exception_is_told_by_its_types_and_places_and_never_by_its_text(written: str) -> None:
    out = io.StringIO()
    write_logs(written, "INFO", out)  # type: ignore[arg-type] # one of both

    def fail() -> None:
        try:
            {}[SECRET]
        except KeyError as cause:
            raise ValueError(SECRET) from cause

    try:
        fail()
    except ValueError:
        log.exception("a call failed")
    assert SECRET not in out.getvalue()
    assert "ValueError < KeyError" in out.getvalue()
    assert "test_logs.py:" in out.getvalue()
    assert len(out.getvalue().splitlines()) == 1


def test_an_incident_is_found_by_the_number_the_caller_was_told() -> None:
    out = io.StringIO()
    write_logs("json", "INFO", out)
    problem = incident(RuntimeError(SECRET))
    told = json.loads(out.getvalue())
    assert told["incident"] == problem.metadata["incident"]
    assert SECRET not in out.getvalue()


def test_inside_a_traced_call_a_line_names_its_span() -> None:
    out = io.StringIO()
    write_logs("json", "INFO", out)
    span = Traces(TracerProvider(shutdown_on_exit=False)).begin("x/Y", [("traceparent", f"00-{TRACE}-{PARENT}-01")])
    assert span is not None
    with inside(span):
        log.info("inside")
    log.info("outside")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["trace_id"], first["span_id"]) == (TRACE, span.span_id)
    assert "trace_id" not in second
