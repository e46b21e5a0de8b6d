"""Loads the sample through the service's own commands: nothing reaches the ledger by another way.

The clock is moved from sitting to sitting, so that entries are recorded over the year. A load that
was cut short goes on where the ledger ends: the catalogue's receipt tells when the year began, a
sitting whose instant the ledger has reached was committed whole, and only what later acts rest on
is asked again, which the service answers as it first did. A link on its way is asked for anew, since
its token went with the process: one entry more. Loading a loaded sample writes nothing.

Whatever the service turns away is a fault of the sample and stops the load; a contact that may not
be made is an answer, and counted.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from importlib import resources

import msgspec
from google.protobuf import json_format
from msgspec import Struct

from accord.domain.catalogue import Catalogue
from accord.domain.commands import ApplyCatalogue, AuthorizeContact, Command, Grant
from accord.domain.problems import Problem
from accord.domain.terms import DAY, BrandId, Instant, PermissionStatus, Position, Verdict
from accord.ledger.lookup import Lookups
from accord.ledger.store import Head
from accord.rpc.catalogues import inbound
from accord.sample.life import MAX_CUSTOMERS, Act, Answer, settle
from accord.sample.year import YEAR, Sitting, tell_year
from accord.service.answers import Authorized, Receipt, Request, Result, Written
from accord.service.writer import Writer
from accord.v1 import catalogue_pb2

SAMPLE_BRAND = BrandId("maison-alba")
CALLER = "sample"
_BEFORE_YEAR = DAY
_NO_VERSION = 2**32
"""Never the version that counts."""

_encode = msgspec.msgpack.Encoder().encode


class SampleError(ValueError):
    """The sample cannot be loaded; the message says why."""


class Loaded(Struct, frozen=True):
    """What a load wrote. `denied` counts contacts that could not be made, by the name of the reason."""

    entries: int
    denied: dict[str, int]


def sample_catalogue() -> Catalogue:
    """Return the catalogue of the sample brand."""
    text = resources.files("accord.sample").joinpath("catalogue.toml").read_text("utf-8")
    return inbound(json_format.ParseDict(tomllib.loads(text), catalogue_pb2.Catalogue()))


def request_for(lookups: Lookups, brand: BrandId, name: str, command: Command, content: bytes) -> Request:
    """Return the request by which the sample writes a command; `name` is the same in every run."""
    if isinstance(command, AuthorizeContact):
        return Request(command=command, caller=CALLER)
    return Request(
        command=command,
        caller=CALLER,
        key=lookups.request(brand, CALLER, name),
        content=lookups.content(type(command).__name__.encode() + b"\0" + content),
    )


def load_sample(  # noqa: PLR0913 - everything a load needs, handed in by the composition root
    writer: Writer,
    lookups: Lookups,
    brand: BrandId,
    set_time: Callable[[Instant], None],
    end: Instant,
    progress: Callable[[int, int], None],
    *,
    head: Head | None = None,
    customers: int = MAX_CUSTOMERS,
) -> Loaded:
    """Load the catalogue and a year that ends at `end`, or the rest of the year whose load was cut short.

    `head` is where the brand's ledger stands, None when it has none. `set_time` moves the clock that
    `writer` looks at. `progress` is told how many acts of how many are done; nothing when the year was
    loaded before. Raises SampleError when the brand has a ledger of its own or a command was turned away.
    """
    load = _Load(writer, lookups, brand, head)
    # (1) The catalogue opens the ledger; its receipt, the first or the same again, says when the year began.
    set_time(Instant(end - YEAR - _BEFORE_YEAR))
    end = Instant(load.apply_catalogue() + _BEFORE_YEAR + YEAR)
    reached = head.recorded_time if head else Instant(0)
    if reached >= end:
        return load.loaded()
    # (2) What the ledger has already, it has whole: a sitting is one commit.
    sittings = tell_year(end, customers)
    past = [sitting for sitting in sittings if sitting.time <= reached]
    coming = sittings[len(past) :]
    done, total = sum(len(sitting.acts) for sitting in past), sum(len(sitting.acts) for sitting in sittings)
    progress(done, total)
    # (3) What later acts rest on is asked again, at the instant the ledger stands at.
    if past:
        set_time(reached)
        for acts in _needed(past, coming):
            load.write(acts)
    # (4) The rest of the year.
    for sitting in coming:
        set_time(sitting.time)
        load.write(sitting.acts)
        done += len(sitting.acts)
        progress(done, total)
    return load.loaded()


def _needed(past: Iterable[Sitting], coming: Iterable[Sitting]) -> list[tuple[Act, ...]]:
    """Return the acts that coming ones rest on, and before them those that these rest on."""
    rested_on = {act.rests_on for sitting in coming for act in sitting.acts}
    acts = [act for sitting in past for act in sitting.acts]
    rounds: list[tuple[Act, ...]] = []
    while found := tuple(act for act in acts if act.id in rested_on):
        rounds.insert(0, found)
        rested_on = {act.rests_on for act in found if act.rests_on}
    return rounds


class _Load:
    """Hands acts to the writer and remembers the answers that later acts rest on."""

    def __init__(self, writer: Writer, lookups: Lookups, brand: BrandId, head: Head | None) -> None:
        self._writer = writer
        self._lookups = lookups
        self._brand = brand
        self._answers: dict[str, Answer] = {}
        self._started = self._size = head.size if head else 0
        self._denied: Counter[str] = Counter()

    def apply_catalogue(self) -> Instant:
        """Apply the catalogue to a brand without ledger, or find that it was; return when that happened."""
        catalogue = sample_catalogue()
        # A repeat is answered before the version is looked at; a ledger not begun by a load turns it away.
        command = ApplyCatalogue(catalogue=catalogue, expected_version=_NO_VERSION if self._started else 0)
        request = self._request("catalogue", command, _encode(catalogue))
        (result,) = self._writer.write(self._brand, [request])
        if not isinstance(result, Written):
            why = result.text if isinstance(result, Problem) else "the answer is of another kind"
            raise SampleError(f"{self._brand} does not hold this sample, load it into an empty data folder: {why}")
        self._wrote(result.receipts[0])
        return result.receipts[0].recorded_time

    def write(self, acts: Iterable[Act]) -> None:
        """Write acts in one commit."""
        settled = [(act, command) for act in acts if (command := settle(act, self._answers)) is not None]
        requests = [self._request(act.id, command, _encode(command)) for act, command in settled]
        if not requests:
            return
        for (act, command), result in zip(settled, self._writer.write(self._brand, requests), strict=True):
            self._remember(act, command, result)

    def loaded(self) -> Loaded:
        """Return what was written so far."""
        return Loaded(self._size - self._started, dict(sorted(self._denied.items())))

    def _request(self, name: str, command: Command, content: bytes) -> Request:
        return request_for(self._lookups, self._brand, name, command, content)

    def _remember(self, act: Act, command: Command, result: Result) -> None:
        match result:
            case Problem():
                raise SampleError(f"{act.id}, a {type(command).__name__}, was turned away: {result.text}")
            case Authorized(authorization=found, receipt=receipt, confirmation_token=token):
                if found.decision.verdict is not Verdict.ALLOW:
                    self._denied[found.decision.reason.name] += 1
                    return
                # A contact asked about again, after a load that was cut short, is allowed without a new entry.
                self._answers[act.id] = Answer(receipt.position if receipt else Position(0), token)
                if receipt:
                    self._wrote(receipt)
            case Written(receipts=receipts, status=status):
                if isinstance(command, Grant) and status == PermissionStatus.PENDING:
                    self._answers[act.id] = Answer(receipts[0].position)
                for receipt in receipts:
                    self._wrote(receipt)

    def _wrote(self, receipt: Receipt) -> None:
        self._size = max(self._size, receipt.position + 1)
