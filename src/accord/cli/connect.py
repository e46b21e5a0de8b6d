"""How commands reach a server: the connection, as whom, and every page of a list.

What was asked is noted, so that a failure can be told with what was probably meant. A list is read to its
end unless a limit is told, and whoever reads on is told when there is more.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from accord.cli import suggest, tell
from accord.cli.errors import LocalError
from accord.client import CallFailedError, Connection
from accord.client.tls import PUBLIC, Credentials, tls
from accord.config import OPERATOR_TOKEN, Config
from accord.v1 import catalogue_service_pb2

TIMEOUT_SECONDS = 30
PAGE_ENTRIES = 1000
_LISTS = {
    "PURPOSE_UNKNOWN": "purposes",
    "TOUCHPOINT_UNKNOWN": "touchpoints",
    "NOTICE_UNKNOWN": "notices",
    "PLACE_UNKNOWN": "places",
}
"""Which list of the catalogue holds the codes that an error can list but a part of."""

Response = TypeVar("Response")


class Noting(Connection):
    """A connection that leaves, where a failure is told, what was asked and which codes are known."""

    def ask(
        self,
        method: Callable[..., Response],
        request: Any,  # noqa: ANN401 - the method's own type
        timeout_seconds: float | None = None,
    ) -> Response:
        """Return the response. Raises CallFailedError."""
        try:
            return super().ask(method, request, timeout_seconds)
        except CallFailedError as error:
            noted = click.get_current_context().find_root().meta
            noted["request"], noted["known"] = request, self._known(error, request)
            raise

    def ask_alone(
        self,
        method: Callable[..., Iterator[Response]],
        request: Any,  # noqa: ANN401 - the method's own type
        timeout_seconds: float | None = None,
    ) -> Response:
        """Send one message on a stream of its own, so that it has a deadline of its own. Raises CallFailedError."""
        return self.ask(lambda told, **call: next(method(iter((told,)), **call)), request, timeout_seconds)

    def _known(self, error: CallFailedError, request: Any) -> list[str]:  # noqa: ANN401 - any request
        """Return the codes there are: as the error lists them, or from the catalogue where it lists but a part."""
        codes, complete = suggest.listed(error)
        if complete or error.reason not in _LISTS:
            return codes
        try:
            found = super().ask(self.catalogues.Get, catalogue_service_pb2.GetRequest(brand=request.brand))
        except CallFailedError:
            # Not every caller may read the catalogue. A part is better than nothing.
            return codes
        return [each.code for each in getattr(found.catalogue, _LISTS[error.reason])]


def connect(server: str) -> Noting:
    """Return a connection with the caller's token: ACCORD_TOKEN, else the operator's file in the data folder."""
    token = os.environ.get("ACCORD_TOKEN", "")
    if "ACCORD_TOKEN" in os.environ and not token.strip():
        # A token that could not be read in a script must not make it the operator, who may do everything.
        raise LocalError("ACCORD_TOKEN is set but empty: set it to a token, or unset it to call as the operator")
    operators = data_folder() / OPERATOR_TOKEN
    click.get_current_context().find_root().meta["operator_hidden"] = bool(token) and operators.exists()
    if not token:
        token = operators.read_text("utf-8").strip() if operators.exists() else ""
    return Noting(server, token, TIMEOUT_SECONDS, _credentials())


def _credentials() -> Credentials | None:
    """Return what the options of TLS make; None where none of them was told."""
    told = click.get_current_context().find_root().meta
    ca, certificate, key = (told.get(name) for name in ("ca", "client_certificate", "client_key"))
    if not (ca or certificate or key):
        return None
    try:
        return tls(ca or PUBLIC, certificate or None, key or None)
    except OSError as error:
        raise LocalError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise LocalError(f"{error} (ACCORD_CA, ACCORD_CLIENT_CERTIFICATE, ACCORD_CLIENT_KEY)") from error


def data_folder() -> Path:
    """Return the data folder in use."""
    return Config.read(os.environ, data=click.get_current_context().find_root().meta.get("data")).data


def pages(connection: Connection, method: Callable[..., Response], request: Any, limit: int = 0) -> Iterator[Response]:  # noqa: ANN401 - the method's own type
    """Yield each page of a list, with at most `limit` items together; 0 is no limit.

    The last page carries a next_page_token only where the limit left something out.
    """
    read = 0

    def next_page() -> Any:  # noqa: ANN401 - the method's own type
        nonlocal read
        request.page_size = min(PAGE_ENTRIES, limit - read) if limit else PAGE_ENTRIES
        page: Any = connection.ask(method, request)
        read += sum(len(items) for field, items in page.ListFields() if field.is_repeated)
        request.page_token = page.next_page_token
        return page

    yield next_page()
    if not request.page_token or read == limit:
        return
    # Only now is it long work.
    with tell.progress("reading") as show:
        while request.page_token and read != limit:
            show(read)
            yield next_page()


def whole(found: Iterator[Response]) -> Response:
    """Return the pages as one message."""
    first = next(found)
    joined: Any = first
    for page in found:
        joined.ClearField("next_page_token")
        joined.MergeFrom(page)
    return first
