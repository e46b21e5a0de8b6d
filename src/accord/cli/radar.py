"""`accord radar`: which answers end within so many days, by day, and how many of those customers may still be asked."""

from typing import Any

import click

from accord.cli import tell
from accord.cli.connect import connect
from accord.cli.options import remote
from accord.v1 import audit_service_pb2, decision_pb2

_HEADINGS = ("day", "purpose", "channel", "each for a", "then", "customers", "askable now", "in time", "by")
_UNCONFIRMED = ("day", "touchpoint", "permissions", "one more request now")


@click.command()
@click.option("--within", "within_days", type=click.IntRange(1, 400), required=True, help="So many days from now.")
@click.option("--purpose", default="", help="Only this purpose, or this branch of purposes.")
@click.option("--channel", default="", help="Only this channel.")
@click.option("--samples", type=click.IntRange(0, 10), default=0, help="Show so many customers of each group.")
@click.option("--language", default="", metavar="TAG", help="Of the words of samples: en or fr. Left out: en.")
@remote
def radar(server: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - a forecast's sides
    """Say which answers end by time alone in the days to come.

    And how many of those customers may still be asked for a permission, or once more to confirm one, which is a contact
    too. Appends nothing.
    """
    request = audit_service_pb2.ForecastLapsesRequest(**asked)
    found = audit_service_pb2.ForecastLapsesResponse()
    with connect(server) as connection, tell.bar("looking ahead") as show:
        for part in connection.stream(connection.audits.ForecastLapses, request):
            found.MergeFrom(part)
            show(part.customers_met, part.customers_total)
    tell.answer(found, _show, as_json=as_json)


def _show(found: audit_service_pb2.ForecastLapsesResponse) -> None:
    it = found.summary
    click.echo(
        f"from {tell.when(it.decision_time)} to {tell.when(it.horizon)}: {it.lapses} answers end, "
        f"of {it.customers_lapsing} of {it.customers} customers"
    )
    if it.asking_purposes:
        click.echo(f"asking is judged as {', '.join(it.asking_purposes)}")
    else:
        click.echo("the catalogue has no purpose that asks for a permission: nobody can be asked by one")
    if found.groups:
        tell.table(_HEADINGS, map(_row, found.groups))
    click.echo(f"{it.unconfirmed_permissions} permissions lose the time to confirm them")
    if found.unconfirmed_groups:
        tell.table(_UNCONFIRMED, map(_unconfirmed_row, found.unconfirmed_groups))
    for group in found.groups:
        for sample in group.samples:
            _sample(group, sample)
    for waiting in found.unconfirmed_groups:
        for each in waiting.samples:
            _unconfirmed(waiting, each)


def _row(it: audit_service_pb2.LapseGroup) -> tuple[str, ...]:
    return (
        f"{it.day.ToDatetime():%Y-%m-%d}",
        it.purpose,
        it.channel,
        _limits(it),
        tell.reason_of(decision_pb2.Decision(reason=it.reason)),
        str(it.customers),
        str(it.customers_askable_now),
        str(it.customers_askable_in_time),
        " ".join(each.channel for each in it.channels),
    )


def _limits(it: audit_service_pb2.LapseGroup) -> str:
    named = {
        "topic": it.by_topic,
        "place": it.by_place,
        "third party": it.by_recipient,
        "contact point": it.by_contact_point,
    }
    return " and ".join(name for name, so in named.items() if so)


def _unconfirmed_row(it: audit_service_pb2.UnconfirmedGroup) -> tuple[str, ...]:
    answer = decision_pb2.Decision(verdict=it.verdict, reason=it.reason)
    told = f"{tell.verdict_of(answer)} {tell.reason_of(answer)}" if it.verdict else "no contact can ask"
    return f"{it.day.ToDatetime():%Y-%m-%d}", it.touchpoint, str(it.permissions), told


def _unconfirmed(group: audit_service_pb2.UnconfirmedGroup, sample: audit_service_pb2.UnconfirmedSample) -> None:
    click.echo(f"\n{group.touchpoint}, the permission of entry {sample.position}")
    click.echo(f"can be confirmed before {tell.when(sample.lapse_time)}")
    if sample.HasField("asking"):
        _asking(sample.asking)


def _asking(asking: audit_service_pb2.AskingAnswer) -> None:
    click.echo(f"asking, {asking.purpose} on {asking.channel}:")
    tell.decision(asking.decision)


def _sample(group: audit_service_pb2.LapseGroup, sample: audit_service_pb2.LapseSample) -> None:
    on = f" on {group.channel}" if group.channel else ""
    on += f", for a {limits}" if (limits := _limits(group)) else ""
    click.echo(f"\n{group.purpose}{on}, the customer of entry {sample.position}")
    for name, decision in (("now", sample.now), (f"from {tell.when(sample.lapse_time)}", sample.then)):
        click.echo(f"{name}:")
        tell.decision(decision)
    for asking in sample.asking:
        _asking(asking)


COMMANDS = (radar,)
