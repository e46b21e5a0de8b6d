"""Reads ahead on a thread of its own, so that the next items are made while somebody waits for the last ones."""

import threading
from collections.abc import Iterator
from queue import Full, Queue
from typing import Any, TypeVar

Item = TypeVar("Item")

_LOOK_SECONDS = 0.1
_END = object()


def ahead(items: Iterator[Item], depth: int = 2) -> Iterator[Item]:
    """Yield the items in order, at most `depth` of them made beforehand. What making one raises is raised in its turn.

    Whoever stops asking lets the thread end.
    """
    made: Queue[Any] = Queue(depth)
    left = threading.Event()

    def put(found: object) -> bool:
        while not left.is_set():
            try:
                made.put(found, timeout=_LOOK_SECONDS)
            except Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for each in items:
                if not put((each, None)):
                    return
        except BaseException as error:  # noqa: BLE001 - raised where the items are asked for
            put((None, error))
        put(_END)

    threading.Thread(target=make, name="reading ahead", daemon=True).start()
    try:
        while (found := made.get()) is not _END:
            item, error = found
            if error is not None:
                raise error
            yield item
    finally:
        left.set()
