"""Calls beyond the limit are turned away by grpc itself, each of them is counted, and no other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from accord.rpc.ceiling import Ceiling


def test_each_call_beyond_the_limit_is_turned_away_and_counted_and_no_other() -> None:
    begun, go, turned_away = threading.Event(), threading.Event(), []

    def held(request: bytes, _context: grpc.ServicerContext) -> bytes:
        begun.set()
        go.wait(20)
        return request

    server = grpc.server(ThreadPoolExecutor(4), maximum_concurrent_rpcs=Ceiling(1, lambda: turned_away.append(1)))
    handler = grpc.unary_unary_rpc_method_handler(held)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", {"Hold": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        hold = channel.unary_unary("/test/Hold")
        first = hold.future(b"first", timeout=20)
        assert begun.wait(20)
        codes = [hold.future(b"beyond", timeout=20).code() for _ in range(3)]
        go.set()
        assert first.result() == b"first"
        # Before the end: a server that stops looks at its limit once more, though nobody calls.
        assert len(turned_away) == 3
    server.stop(None).wait(20)
    assert codes == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 3


def test_a_limit_is_reached_by_as_many_as_it_says() -> None:
    turned_away: list[int] = []
    limit = Ceiling(2, lambda: turned_away.append(1))
    under_way: list[int] = [0, 1, 2, 3]
    assert [calls >= limit for calls in under_way] == [False, False, True, True]
    assert len(turned_away) == 2
