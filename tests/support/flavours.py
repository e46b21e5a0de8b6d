"""Both flavours of the client behind one set of tests: the asyncio one is driven call by call on its own loop."""

import asyncio
import inspect
from types import TracebackType
from typing import Any, Literal, Self

from accord.client import AsyncClient, Client, Contact

Flavour = Literal["sync", "asyncio"]
TOKENS: dict[str, str] = {}
"""The tokens of callers known to the site of these tests, by name."""

FLAVOURS: tuple[Flavour, ...] = ("sync", "asyncio")


class Driven:
    """An AsyncClient that looks like a Client."""

    def __init__(self, runner: asyncio.Runner, client: AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def driven(*arguments: Any, **named: Any) -> Any:
            made = method(*arguments, **named)
            if inspect.isasyncgen(made):
                return self._runner.run(_drained(made))
            if inspect.iscoroutine(made):
                return self._runner.run(made)
            return _DrivenSending(self._runner, made)

        return driven

    def __enter__(self) -> Self:
        self._runner.run(self._client.__aenter__())
        return self

    def __exit__(self, *raised: object) -> None:
        del raised
        self._runner.run(self._client.__aexit__(None, None, None))
        self._runner.close()


class _DrivenSending:
    """A context of one contact, entered and left on the loop."""

    def __init__(self, runner: asyncio.Runner, sending: Any) -> None:
        self._runner = runner
        self._sending = sending

    def __enter__(self) -> Contact:
        contact: Contact = self._runner.run(self._sending.__aenter__())
        return contact

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runner.run(self._sending.__aexit__(kind, error, traceback))


def open_client(flavour: Flavour, server: str, token: str, brand: str, **options: Any) -> Any:
    """Return a client of the flavour; use it as a context."""
    if flavour == "sync":
        return Client(server, token, brand, **options)
    return Driven(asyncio.Runner(), AsyncClient(server, token, brand, **options))


async def _drained(generator: Any) -> list[Any]:
    return [item async for item in generator]
