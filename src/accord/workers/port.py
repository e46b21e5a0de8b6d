"""Holds the port that workers share, from before the first of them listens until after the last one ended.

A socket that is bound but never listens takes no connection. It learns the port where 0 was asked,
keeps it while workers come and go, and tells a second server that it is taken: workers alone would
share it with anybody of the same user.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

SHARING = hasattr(socket, "SO_REUSEPORT")
"""Whether processes can share a port here."""


@contextmanager
def held(listen: str) -> Iterator[str]:
    """Hold `host:port` and yield it with the port it got. Raises OSError when it is taken or no address of ours."""
    host, _, port = listen.rpartition(":")
    with ExitStack() as stack:
        number = int(port)
        for family, address in _addresses(host.strip("[]"), number):
            holder = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            number = _hold(holder, (address, number))
        yield f"{host}:{number}"


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """Return every address a host name stands for, as grpc listens on all of them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _hold(holder: socket.socket, address: tuple[str, int]) -> int:
    if holder.family == socket.AF_INET6:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    # Bound alone first: connections of a server that has ended may linger, but whoever listens or holds is in the way.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(address)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    port: int = holder.getsockname()[1]
    return port
