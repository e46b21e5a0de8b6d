"""`accord radar`: which answers end within so many days, by day, and how many of those customers may still be asked."""

from typing import Any

import click

from accord.cli import tell
from accord.cli.connect import connect
from accord.cli.options import remote
from accord.v1 import audit_service_pb2, decision_pb2

_HEADINGS = ("day", "purpose", "channel", "then", "customers", "askable now", "in time", "by")


@click.command()
@click.option("--within", "within_days", type=click.IntRange(1, 400), required=True, help="So many days from now.")
@click.option("--purpose", default="", help="Only this purpose, or this branch of purposes.")
@click.option("--channel", default="", help="Only this channel.")
@click.option("--samples", type=click.IntRange(0, 10), default=0, help="Show so many customers of each group.")
@click.option("--language", default="", metavar="TAG", help="Of the words of samples: en or fr. Left out: en.")
@remote
def radar(server: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - a forecast's sides
    """Say which answers end by time alone in the days to come.

    And how many of those customers may still be asked for a permission, which is a contact too. Appends nothing.
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
    for group in found.groups:
        for sample in group.samples:
            _sample(group, sample)


def _row(it: audit_service_pb2.LapseGroup) -> tuple[str, ...]:
    return (
        f"{it.day.ToDatetime():%Y-%m-%d}",
        it.purpose,
        it.channel,
        tell.reason_of(decision_pb2.Decision(reason=it.reason)),
        str(it.customers),
        str(it.customers_askable_now),
        str(it.customers_askable_in_time),
        " ".join(each.channel for each in it.channels),
    )


def _sample(group: audit_service_pb2.LapseGroup, sample: audit_service_pb2.LapseSample) -> None:
    on = f" on {group.channel}" if group.channel else ""
    click.echo(f"\n{group.purpose}{on}, the customer of entry {sample.position}")
    for name, decision in (("now", sample.now), (f"from {tell.when(sample.lapse_time)}", sample.then)):
        click.echo(f"{name}:")
        tell.decision(decision)
    for asking in sample.asking:
        click.echo(f"asking, {asking.purpose} on {asking.channel}:")
        tell.decision(asking.decision)


COMMANDS = (radar,)
