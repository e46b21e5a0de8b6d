"""A load generator: unary-looking gRPC calls over plain HTTP/2, several in flight on each connection, in this thread.

It knows of HTTP/2 only what such calls need, so a call costs it some ten microseconds, a tenth of
what a gRPC client in Python costs: the servers are the bottleneck, not we. Every call sends bytes of
its own. A call is answered when a message came with it; an error comes without one and counts as failed.
"""

import gc
import os
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME = struct.Struct(">HBBBI")
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW = 65_535
_LARGEST_FRAME = 16_384
_LARGEST_WINDOW = 2**31 - 1
_STREAM_WINDOW = 2**24
_PATIENCE_SECONDS = 30
_ON_EACH = 8
"""Calls in flight on each connection, as the threads of one caller share a channel."""

Headers = tuple[tuple[str, str], ...]


class Call(Struct, frozen=True):
    """What is called, and by whom."""

    port: int
    path: str
    headers: Headers = ()


class Run(Struct, frozen=True):
    """What came of one run; latencies are ascending, in seconds."""

    calls: int
    failed: int
    seconds: float
    latencies: list[float]
    bodies: list[bytes]
    failure: str

    def percentile(self, share: float) -> float:
        """Return a latency in milliseconds."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1000


class LoadError(Exception):
    """The server broke off, or did not answer in time."""


def drive(call: Call, requests: Iterator[bytes], concurrency: int, seconds: float, *, keep: int = 0) -> Run:
    """Keep `concurrency` calls in flight for some seconds, and return once all are answered.

    The first `keep` answers are kept, without their five bytes of framing. Calls still in flight
    when the time is up are waited for and counted.
    """
    connections = [_Connection(call, requests, keep) for _ in range(max(concurrency // _ON_EACH, 1))]
    poll = select.poll()
    for each in connections:
        poll.register(each.socket, select.POLLIN)
    by_number = {each.socket.fileno(): each for each in connections}
    with _undisturbed():
        start = time.perf_counter()
        for number in range(concurrency):
            connections[number % len(connections)].send()
        end = start + seconds
        while any(each.sent_at for each in connections):
            ready = poll.poll(_PATIENCE_SECONDS * 1000)
            if not ready:
                raise LoadError(f"{call.path}: no answer within {_PATIENCE_SECONDS} seconds")
            for number, _ in ready:
                by_number[number].receive(end)
        elapsed = time.perf_counter() - start
    for each in connections:
        each.socket.close()
    latencies = sorted(latency for each in connections for latency in each.latencies)
    bodies = [body for each in connections for body in each.bodies]
    failed = sum(each.failed for each in connections)
    failure = next((each.failure for each in connections if each.failure), "")
    return Run(len(latencies), failed, elapsed, latencies, bodies, failure)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Stay on the first core, away from the servers on the last, and let no garbage collection show as latency."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        os.sched_setaffinity(0, cores)


class _Connection:
    """One connection and the calls in flight on it; each answer sends the next request."""

    def __init__(self, call: Call, requests: Iterator[bytes], keep: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", call.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at: dict[int, float] = {}
        self.latencies: list[float] = []
        self.bodies: list[bytes] = []
        self.failed = 0
        self.failure = ""
        self._requests = requests
        self._keep = keep
        self._first_headers, self._headers = _header_blocks(call)
        self._stream = 1
        self._credit = _INITIAL_WINDOW
        self._waiting: deque[bytes] = deque()
        self._answers: dict[int, bytes] = {}
        self._rest = b""
        settings = struct.pack(">HI", 4, _STREAM_WINDOW)
        window = struct.pack(">I", _LARGEST_WINDOW - _INITIAL_WINDOW)
        self.socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, window))

    def send(self) -> None:
        """Send one more request, as soon as the server's window lets it pass."""
        self._waiting.append(self._next())
        self.socket.sendall(self._sendable())

    def receive(self, end: float) -> None:
        """Take what came, and until `end` send the next request for each answer."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise LoadError("the server closed the connection")
        data = self._rest + data
        out: list[bytes] = []
        at, have = 0, len(data)
        while have - at >= _FRAME.size:
            high, low, kind, flags, stream = _FRAME.unpack_from(data, at)
            start = at + _FRAME.size
            if have - start < (length := high << 8 | low):
                break
            at = start + length
            if kind == _DATA:
                self._answers[stream] = self._answers.get(stream, b"") + data[start:at]
            elif kind != _HEADERS:
                out += self._control(kind, flags, stream, data[start:at])
            if flags & _END_STREAM and kind in (_DATA, _HEADERS):
                self._answered(stream, data[start:at], end)
        self._rest = data[at:]
        out.append(self._sendable())
        if answer := b"".join(out):
            self.socket.sendall(answer)

    def _answered(self, stream: int, last: bytes, end: float) -> None:
        now = time.perf_counter()
        self.latencies.append(now - self.sent_at.pop(stream))
        body = self._answers.pop(stream, b"")
        if not body:
            self.failed += 1
            # Headers are compressed, but what a status says of itself stands in them as it is.
            self.failure = "".join(chr(each) if 32 <= each < 127 else " " for each in last)
        elif len(self.bodies) < self._keep:
            self.bodies.append(body[5:])
        if now < end:
            self._waiting.append(self._next())

    def _control(self, kind: int, flags: int, stream: int, body: bytes) -> list[bytes]:
        if kind == _SETTINGS and not flags & _ACK:
            return [_frame(_SETTINGS, _ACK, 0, b"")]
        if kind == _PING and not flags & _ACK:
            return [_frame(_PING, _ACK, 0, body)]
        if kind == _WINDOW_UPDATE and stream == 0:
            self._credit += int.from_bytes(body, "big")
        if kind == _GOAWAY or (kind == _RST_STREAM and stream in self.sent_at):
            raise LoadError(f"the server broke off: frame {kind} {body!r}")
        return []

    def _next(self) -> bytes:
        request = next(self._requests)
        if len(request) + 5 > _INITIAL_WINDOW:
            raise LoadError("a request is larger than a stream's first window")
        return struct.pack(">BI", 0, len(request)) + request

    def _sendable(self) -> bytes:
        frames: list[bytes] = []
        while self._waiting and len(self._waiting[0]) <= self._credit:
            message = self._waiting.popleft()
            self._credit -= len(message)
            frames.append(_frame(_HEADERS, _END_HEADERS, self._stream, self._headers_once()))
            for start in range(0, len(message), _LARGEST_FRAME):
                last = start + _LARGEST_FRAME >= len(message)
                part = message[start : start + _LARGEST_FRAME]
                frames.append(_frame(_DATA, _END_STREAM if last else 0, self._stream, part))
            self.sent_at[self._stream] = time.perf_counter()
            self._stream += 2
        return b"".join(frames)

    def _headers_once(self) -> bytes:
        return self._first_headers if self._stream == 1 else self._headers


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return _FRAME.pack(len(body) >> 8, len(body) & 0xFF, kind, flags, stream) + body


def _header_blocks(call: Call) -> tuple[bytes, bytes]:
    """Return the headers of a connection's first call, which teach the server's HPACK table, and of all others."""
    taught = (
        (":path", call.path),
        (":authority", f"127.0.0.1:{call.port}"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "accord-bench"),
        *call.headers,
    )
    post, http = b"\x83", b"\x86"
    first = b"".join(b"\x40" + _text(name) + _text(value) for name, value in taught)
    # RFC 7541: the newest header taught has number 62.
    later = bytes(0x80 | 62 + age for age in reversed(range(len(taught))))
    return post + http + first, post + http + later


def _text(text: str) -> bytes:
    raw = text.encode()
    if len(raw) >= 127:
        raise LoadError("a header longer than 126 bytes is not needed here")
    return bytes([len(raw)]) + raw
