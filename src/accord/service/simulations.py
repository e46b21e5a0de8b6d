"""Simulate: what a catalogue would change if it were applied now, customer by customer, appending nothing.

The catalogue is examined as Apply examines it. Then everybody is met once, on one snapshot, and decided
under both policies at one instant; only counts and a few samples are kept, so memory does not grow with
the customers.
"""

from collections.abc import Iterator

from msgspec import Struct

from accord.domain import admit
from accord.domain.alike import ANYBODY
from accord.domain.commands import ApplyCatalogue, Question
from accord.domain.decision import Decision
from accord.domain.policy import Policy
from accord.domain.problems import ErrorReason, Problem, invalid, unknown
from accord.domain.simulation import Change, Simulation
from accord.domain.terms import BrandId, Instant, Position
from accord.ledger.store import Census, Censuses, Known, LedgerStore
from accord.service.errors import CallError, catalogue_missing
from accord.service.everybody import Progress, everybody, first_entry
from accord.service.policies import Policies, compile_policy
from accord.service.sights import readings_of
from accord.service.writer import Clock


class Supposed(Struct, frozen=True, kw_only=True):
    """What is supposed besides the catalogue: the instant (0 is now), what questions name, and how many samples."""

    time: Instant = Instant(0)
    topic: str = ""
    place: str = ""
    recipient: str = ""
    samples: int = 0


class Summary(Struct, frozen=True, kw_only=True):
    """What was compared, and how many persons and answers would be read otherwise."""

    time: Instant
    ledger: str
    size: int
    version_before: int
    version_after: int
    persons: int
    persons_flipped: int
    flips: int
    pairs: int
    pairs_bound_otherwise: int


class Sample(Struct, frozen=True):
    """One person by their first entry, which names nobody to whom it is not opened, and both answers with traces."""

    position: Position
    before: Decision | None
    after: Decision | None


class Changed(Struct, frozen=True):
    """A change and how many persons it would meet."""

    change: Change
    persons: int
    samples: tuple[Sample, ...] = ()


Step = Progress | Summary | Changed


class Simulations:
    """Runs simulations."""

    def __init__(self, store: Censuses, policies: Policies, clock: Clock) -> None:
        """Read from these."""
        self._store = store
        self._policies = policies
        self._clock = clock

    def simulate(self, brand: BrandId, command: ApplyCatalogue, supposed: Supposed) -> Iterator[Step]:
        """Yield progress, then the summary, then every change with its samples. Raises CallError, as Apply does."""
        with self._store.census(brand) as census:
            before = self._policies.of(census.head) if census else None
            after = _admitted(command, before)
            if census is None or before is None:
                raise catalogue_missing()
            now = self._instant(census, supposed.time)
            question = _question(supposed, before, after)
            run = _Run(census, Simulation(before, after, now, question), supposed.samples)
            yield from run.steps()
        yield run.summary(now, before, after)
        yield from run.changes(self._store)

    def _instant(self, census: Census, wished: Instant) -> Instant:
        now = census.head.now(self._clock())
        if wished and wished < now:
            raise CallError(invalid("decision_time", "must not lie in the past: states are those of now"))
        return wished or now


class _Run:
    """One simulation under way: counts, and the first persons met for each change."""

    def __init__(self, census: Census, simulation: Simulation, samples: int) -> None:
        self._census = census
        self._simulation = simulation
        self._samples = samples
        self._counts: dict[Change, int] = {}
        self._met: dict[Change, list[tuple[Known, ...]]] = {}
        self._flipped = 0

    def steps(self) -> Iterator[Progress]:
        """Meet everybody."""
        return everybody(self._census, self._meet)

    def summary(self, now: Instant, before: Policy, after: Policy) -> Summary:
        """Return what was found, once everybody was met."""
        return Summary(
            time=now,
            ledger=self._census.head.ledger,
            size=self._census.head.size,
            version_before=before.version,
            version_after=after.version,
            persons=self._census.count,
            persons_flipped=self._flipped,
            flips=sum(count for change, count in self._counts.items() if change.flips),
            pairs=len(self._simulation.pairs),
            pairs_bound_otherwise=self._simulation.bound_otherwise(),
        )

    def changes(self, store: LedgerStore) -> Iterator[Changed]:
        """Yield the changes in the order of the catalogue, of one pair the most frequent first."""
        order = {pair: number for number, pair in enumerate(self._simulation.pairs)}
        found = sorted(self._counts.items(), key=lambda each: (order[each[0].purpose, each[0].channel], -each[1]))
        for change, count in found:
            samples = (self._sample(store, change, person) for person in self._met.get(change, ()))
            yield Changed(change, count, tuple(samples))

    def _meet(self, person: tuple[Known, ...]) -> None:
        flipped = False
        for change in self._simulation.changes(readings_of(person)):
            self._counts[change] = self._counts.get(change, 0) + 1
            flipped = flipped or change.flips
            if self._counts[change] <= self._samples:
                self._met.setdefault(change, []).append(person)
        self._flipped += flipped

    def _sample(self, store: LedgerStore, change: Change, person: tuple[Known, ...]) -> Sample:
        pair = (change.purpose, change.channel)
        before, after = self._simulation.decisions(readings_of(person), pair, full=True)
        return Sample(first_entry(store, self._census, person), before, after)


def _admitted(command: ApplyCatalogue, before: Policy | None) -> Policy:
    """Return the policy as it would count, examined as Apply examines it."""
    event = admit.admit_catalogue(command, before.catalogue if before else None, before.version if before else 0)
    if isinstance(event, Problem):
        raise CallError(event)
    return compile_policy(event)


def _question(supposed: Supposed, before: Policy, after: Policy) -> Question:
    if supposed.place and supposed.place not in before.places | after.places:
        raise CallError(unknown(ErrorReason.PLACE_UNKNOWN, "place", "place", sorted(before.places | after.places)))
    return Question(
        customer=ANYBODY, purpose="", topic=supposed.topic, place=supposed.place, recipient=supposed.recipient
    )
