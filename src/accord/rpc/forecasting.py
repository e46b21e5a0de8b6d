"""A forecast on the wire: what is wanted, read off it; progress, summary and groups of lapses, put on it."""

from collections.abc import Iterator

from accord.domain.lapse import Unconfirmed
from accord.rpc import outbound
from accord.rpc.wire import Examiner, timestamp
from accord.service.everybody import MAX_SAMPLES, Progress
from accord.service.forecasts import MAX_DAYS, Lapsing, Sample, Step, Summary, Unconfirming, Wanted
from accord.service.tokens import freshness
from accord.v1 import audit_service_pb2 as pb

_GROUPS_AT_ONCE = 50
_SAMPLES_AT_ONCE = 20
"""In one message: each has a trace for every purpose that asks on every channel, so together some hundred kilobytes."""


def wanted(request: pb.ForecastLapsesRequest, examiner: Examiner) -> Wanted:
    """Return what is wanted; faults go to the examiner."""
    if not 1 <= request.within_days <= MAX_DAYS:
        examiner.fault("within_days", f"must be 1 to {MAX_DAYS}")
    if request.samples > MAX_SAMPLES:
        examiner.fault("samples", f"must be 0 to {MAX_SAMPLES}")
    return Wanted(
        within_days=request.within_days,
        purpose=examiner.code("purpose", request.purpose),
        channel=examiner.code("channel", request.channel),
        samples=request.samples,
    )


def responses(steps: Iterator[Step], language: str) -> Iterator[pb.ForecastLapsesResponse]:
    """Yield a message for each step of a forecast; groups come many to a message, with words in a language."""
    met = persons = 0
    token = ""
    groups: list[pb.LapseGroup] = []
    unconfirmed: list[pb.UnconfirmedGroup] = []
    for step in steps:
        match step:
            case Progress():
                met, persons = step.met, step.persons
                yield pb.ForecastLapsesResponse(customers_met=met, customers_total=persons)
            case Summary():
                token = freshness(step.ledger, step.size)
                yield pb.ForecastLapsesResponse(customers_met=met, customers_total=persons, summary=_summary(step))
            case Lapsing():
                groups.append(_group(step, token, language))
            case Unconfirming():
                unconfirmed.append(_unconfirmed(step, token, language))
        samples = sum(len(each.samples) for each in groups) + sum(len(each.samples) for each in unconfirmed)
        if len(groups) + len(unconfirmed) == _GROUPS_AT_ONCE or samples >= _SAMPLES_AT_ONCE:
            yield _part(met, persons, groups, unconfirmed)
            groups, unconfirmed = [], []
    if groups or unconfirmed:
        yield _part(met, persons, groups, unconfirmed)


def _part(
    met: int, persons: int, groups: list[pb.LapseGroup], unconfirmed: list[pb.UnconfirmedGroup]
) -> pb.ForecastLapsesResponse:
    return pb.ForecastLapsesResponse(
        customers_met=met, customers_total=persons, groups=groups, unconfirmed_groups=unconfirmed
    )


def _summary(found: Summary) -> pb.ForecastSummary:
    return pb.ForecastSummary(
        decision_time=timestamp(found.time),
        horizon=timestamp(found.horizon),
        ledger=found.ledger,
        size=found.size,
        catalogue_version=found.version,
        customers=found.persons,
        customers_lapsing=found.persons_lapsing,
        lapses=found.lapses,
        asking_purposes=found.asking,
        unconfirmed_permissions=found.unconfirmed,
    )


def _group(found: Lapsing, token: str, language: str) -> pb.LapseGroup:
    lapse = found.lapse
    return pb.LapseGroup(
        day=timestamp(lapse.time),
        purpose=lapse.purpose,
        channel=lapse.channel,
        reason=lapse.reason,  # type: ignore[arg-type] # the domain carries the wire's numbers
        customers=found.persons,
        customers_askable_now=found.now,
        customers_askable_in_time=found.in_time,
        channels=[
            pb.AskableChannel(channel=each.channel, customers_now=each.now, customers_in_time=each.in_time)
            for each in found.channels
        ],
        samples=[_sample(each, token, language) for each in found.samples],
        by_topic="topic" in found.limits,
        by_place="place" in found.limits,
        by_recipient="recipient" in found.limits,
        by_contact_point="contact_point" in found.limits,
    )


def _unconfirmed(found: Unconfirming, token: str, language: str) -> pb.UnconfirmedGroup:
    return pb.UnconfirmedGroup(
        day=timestamp(found.time),
        touchpoint=found.touchpoint,
        verdict=found.verdict,  # type: ignore[arg-type] # the domain carries the wire's numbers
        reason=found.reason,  # type: ignore[arg-type] # the domain carries the wire's numbers
        permissions=found.permissions,
        samples=[_waiting(each, token, language) for each in found.samples],
    )


def _waiting(found: Unconfirmed, token: str, language: str) -> pb.UnconfirmedSample:
    asking = None
    if found.pair and found.answer:
        purpose, channel = found.pair
        decision = outbound.told(found.answer, token, language)
        asking = pb.AskingAnswer(purpose=purpose, channel=channel, decision=decision)
    return pb.UnconfirmedSample(position=found.permission, lapse_time=timestamp(found.time), asking=asking)


def _sample(found: Sample, token: str, language: str) -> pb.LapseSample:
    return pb.LapseSample(
        position=found.position,
        lapse_time=timestamp(found.time),
        now=outbound.told(found.now, token, language),
        then=outbound.told(found.then, token, language),
        asking=[
            pb.AskingAnswer(purpose=purpose, channel=channel, decision=outbound.told(decision, token, language))
            for (purpose, channel), decision in found.asking
        ],
    )
