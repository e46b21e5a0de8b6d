"""How many calls there may be at once, counting each that is turned away for it.

grpc refuses such a call before any code of ours runs, and tells nobody. What it does ask is whether the calls
under way are as many as its limit; so the limit is a number that notes when the answer is yes.
"""

from collections.abc import Callable
from typing import Self


class Ceiling(int):
    """A limit for `maximum_concurrent_rpcs`. Looked at once for each call, under a lock of grpc's."""

    _turn_away: Callable[[], None]

    def __new__(cls, calls: int, turn_away: Callable[[], None]) -> Self:
        """Return the limit; `turn_away` is called for each call beyond it."""
        ceiling = super().__new__(cls, calls)
        ceiling._turn_away = turn_away
        return ceiling

    def __le__(self, under_way: int) -> bool:
        """Say whether it is reached: Python asks the right side of `under_way >= limit` first, as the subclass."""
        reached = int.__le__(self, under_way)
        if reached:
            self._turn_away()
        return reached
