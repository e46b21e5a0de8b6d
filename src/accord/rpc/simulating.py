"""A simulation on the wire: what is supposed, read off it; progress, summary and changes, put on it."""

from collections.abc import Iterator

from accord.rpc import outbound
from accord.rpc.wire import Examiner, timestamp
from accord.service.everybody import MAX_SAMPLES, Progress
from accord.service.simulations import Changed, Sample, Step, Summary, Supposed
from accord.service.tokens import freshness
from accord.v1 import catalogue_service_pb2 as pb

_CHANGES_AT_ONCE = 50
"""In one message: with ten samples each, and two traces a sample, some megabytes."""


def supposed(request: pb.SimulateRequest, examiner: Examiner) -> Supposed:
    """Return what is supposed besides the catalogue; faults go to the examiner."""
    if request.samples > MAX_SAMPLES:
        examiner.fault("samples", f"must be 0 to {MAX_SAMPLES}")
    return Supposed(
        time=examiner.instant("decision_time", request, "decision_time"),
        topic=examiner.code("topic", request.topic),
        place=examiner.code("place", request.place),
        recipient=examiner.code("recipient", request.recipient),
        samples=request.samples,
    )


def responses(steps: Iterator[Step], language: str) -> Iterator[pb.SimulateResponse]:
    """Yield a message for each step of a simulation; changes come many to a message, with words in a language."""
    compared = persons = 0
    token = ""
    changes: list[pb.AnswerChange] = []
    for step in steps:
        match step:
            case Progress():
                compared, persons = step.met, step.persons
                yield pb.SimulateResponse(customers_compared=compared, customers_total=persons)
            case Summary():
                token = freshness(step.ledger, step.size)
                yield pb.SimulateResponse(customers_compared=compared, customers_total=persons, summary=_summary(step))
            case Changed():
                changes.append(_changed(step, token, language))
        if len(changes) == _CHANGES_AT_ONCE:
            yield pb.SimulateResponse(customers_compared=compared, customers_total=persons, changes=changes)
            changes = []
    if changes:
        yield pb.SimulateResponse(customers_compared=compared, customers_total=persons, changes=changes)


def _summary(found: Summary) -> pb.SimulationSummary:
    return pb.SimulationSummary(
        decision_time=timestamp(found.time),
        ledger=found.ledger,
        size=found.size,
        version_before=found.version_before,
        version_after=found.version_after,
        customers=found.persons,
        customers_flipped=found.persons_flipped,
        flips=found.flips,
        pairs=found.pairs,
        pairs_bound_otherwise=found.pairs_bound_otherwise,
    )


def _changed(found: Changed, token: str, language: str) -> pb.AnswerChange:
    change = found.change
    before, after = change.before, change.after
    return pb.AnswerChange(
        purpose=change.purpose,
        channel=change.channel,
        verdict_before=before.verdict or 0,  # type: ignore[arg-type] # the domain carries the wire's numbers
        reason_before=before.reason or 0,  # type: ignore[arg-type] # the same
        verdict_after=after.verdict or 0,  # type: ignore[arg-type] # the same
        reason_after=after.reason or 0,  # type: ignore[arg-type] # the same
        flips=change.flips,
        customers=found.persons,
        samples=[_sample(each, token, language) for each in found.samples],
    )


def _sample(found: Sample, token: str, language: str) -> pb.AnswerSample:
    return pb.AnswerSample(
        position=found.position,
        before=outbound.told(found.before, token, language) if found.before else None,
        after=outbound.told(found.after, token, language) if found.after else None,
    )
