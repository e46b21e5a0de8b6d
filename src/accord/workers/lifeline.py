"""What ties a worker to its supervisor: one socket between the two, and nothing else.

The worker says once that it serves. When the supervisor's end closes, because it wants the worker to
drain or because it died, however suddenly, the worker drains and ends. When the worker's end closes,
it died. So nobody needs a signal, a file of process numbers, or a promise to clean up.
"""

import select
import socket
from typing import Final

SERVING: Final = b"+"


class Lifeline:
    """A worker's end of it."""

    def __init__(self, descriptor: int) -> None:
        """Take the socket that the supervisor left open under this number. Raises OSError when there is none."""
        self._socket = socket.socket(fileno=descriptor)

    def tell_serving(self) -> None:
        """Tell the supervisor that calls are answered from here on."""
        try:
            self._socket.sendall(SERVING)
        except OSError:
            # It has gone meanwhile: the next look at the lifeline says so.
            return

    def is_cut(self, seconds: float) -> bool:
        """Wait so long at most, and say whether the supervisor has let go."""
        readable, _, _ = select.select([self._socket], [], [], seconds)
        return bool(readable)
