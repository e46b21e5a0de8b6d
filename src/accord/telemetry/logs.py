"""Log lines: one JSON object each, or text for people. Nothing personal, not even by way of an exception.

What an exception says may quote what a caller sent, so its text is never written: only the types of it and
of its causes, and the places it came through. Inside a call that is traced, a line names its span.
"""

import logging
import sys
import time
from collections.abc import Iterator
from typing import Literal, TextIO

import msgspec

from accord.telemetry.current import here

Format = Literal["json", "text"]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_FIELDS = ("incident",)
"""What a line may carry besides its message: given to the logger as `extra`."""


def write_logs(written: Format | Literal[""], level: Level, stream: TextIO | None = None) -> None:
    """Write what is logged from now on to `stream`, standard error unless told; "" is text on a terminal, else JSON."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    as_text = written == "text" or (not written and stream.isatty())
    handler.setFormatter(TextLines() if as_text else JsonLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, and what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: dict[str, object] = {
            "time": _time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        return msgspec.json.encode(told | dict(_more(record))).decode()


class TextLines(logging.Formatter):
    """The same for people: time, level, logger, message, then the rest as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = f"{_time(record.created)} {record.levelname} {record.name} {record.getMessage()}"
        return " ".join([line, *(f"{name}={value}" for name, value in _more(record))])


def _more(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    for name in _FIELDS:
        if hasattr(record, name):
            yield name, getattr(record, name)
    if here.span is not None:
        yield "trace_id", here.span.trace_id
        yield "span_id", here.span.span_id
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        yield "error", " < ".join(_types(error))
        yield "where", _places(error)


def _types(error: BaseException) -> Iterator[str]:
    """Yield the type of an exception, and of what caused it, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield f"{type(cause).__module__}.{type(cause).__qualname__}".removeprefix("builtins.")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _places(error: BaseException) -> list[str]:
    """Return the places an exception came through, outermost first."""
    places, at = [], error.__traceback__
    while at is not None:
        places.append(f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}")
        at = at.tb_next
    return places


def _time(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"
