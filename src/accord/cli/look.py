"""Commands that look at what a customer said: permissions, history. Ended permissions are listed too."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from accord.cli import tell
from accord.cli.connect import connect, pages, whole
from accord.cli.options import customer, limit, past, remote
from accord.cli.payload import in_words
from accord.cli.wording import Words
from accord.v1 import permission_pb2, permission_service_pb2

_ENGLISH = Words("en")


@click.command()
@customer
@remote
def permissions(server: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - a list's sides
    """List the permissions and refusals of CUSTOMER. Ended ones are listed too."""
    request = permission_service_pb2.ListPermissionsRequest(**asked)
    with connect(server) as connection:
        found = whole(pages(connection, connection.permissions.ListPermissions, request))
    tell.answer(found, _standing, as_json=as_json)


@click.command()
@customer
@past
@limit
@remote
def history(server: str, as_json: bool, limit: int | None, **asked: Any) -> None:  # noqa: ANN401 - a list's sides
    """List every entry of CUSTOMER, oldest first. With --as-of or --as-known-at, those that counted then."""
    request = permission_service_pb2.GetHistoryRequest(**asked)
    with connect(server) as connection:
        found = whole(pages(connection, connection.permissions.GetHistory, request, limit or 0))
    tell.answer(found, _history, as_json=as_json)


def _standing(found: permission_service_pb2.ListPermissionsResponse) -> None:
    def rows() -> Iterator[tuple[str, ...]]:
        for given in found.permissions:
            status = permission_pb2.PermissionStatus.Name(given.status)
            yield (
                str(given.position),
                f"permission {tell.words(status, 'PERMISSION_STATUS_')}",
                tell.when(given.act_time),
                f"{given.level} at {given.touchpoint}",
                _reach(given.purposes, given.channels),
                _terms(given),
            )
        for refused in found.refusals:
            kind = permission_pb2.RefusalKind.Name(refused.kind)
            scope = refused.scope
            by = f"list {refused.own_list}" if refused.own_list else ""
            only = "one address" if refused.contact_point_only else ""
            limits = [scope.topic, scope.place, scope.recipient, only, by]
            yield (
                str(refused.position),
                tell.words(kind, "REFUSAL_KIND_"),
                tell.when(refused.act_time) if refused.HasField("act_time") else "",
                "",
                _reach((scope.purpose or "all it can reach",), (scope.channel,) if scope.channel else ()),
                ", ".join(each for each in limits if each),
            )

    tell.table(("position", "what", "acted", "asked for", "reaches", "limits"), rows())


def _reach(purposes: Iterable[str], channels: Iterable[str]) -> str:
    by = ", ".join(channels)
    return ", ".join(purposes) + (f" by {by}" if by else "")


def _terms(given: permission_pb2.Permission) -> str:
    terms = [
        f"{given.uses_taken} of {given.uses} used" if given.uses else "",
        f"until {tell.when(given.valid_until)}" if given.HasField("valid_until") else "",
        *given.topics,
        *given.places,
        *given.recipients,
        "one address" if given.contact_point_only else "",
    ]
    return ", ".join(each for each in terms if each)


def _history(found: permission_service_pb2.GetHistoryResponse) -> None:
    def rows() -> Iterator[tuple[str, ...]]:
        for item in found.items:
            told = in_words(item.payload_json, _ENGLISH, links=True)
            yield str(item.position), tell.when(item.recorded_time), item.type, told

    tell.table(("position", "recorded", "what", "told"), rows())
    if found.next_page_token:
        click.echo("there is more: raise --limit, or leave it out", err=True)


COMMANDS = (permissions, history)
