"""What a forecast tells, in plain frozen values: what lapses in the days to come, and whom one may still ask.

Nobody is named: a sample is known by the position of an entry, which whoever has the role auditor may open. Its
decisions are of the instants they name, so none of them is leave to send. Instants are UTC, days their first instant.
"""

from dataclasses import dataclass
from datetime import datetime

from accord.client.answers import Decision, Verdict


@dataclass(frozen=True, slots=True)
class ForecastSummary:
    """What was looked at, and what was found in all.

    `lapses` are those of all purposes and channels; of one customer, those that end alike on one day are one. Without
    any of `asking_purposes` the catalogue has no purpose by which a customer is asked for a permission.
    """

    decision_time: datetime | None
    horizon: datetime | None
    ledger: str
    size: int
    catalogue_version: int
    customers: int
    customers_lapsing: int
    lapses: int
    asking_purposes: tuple[str, ...]
    unconfirmed_permissions: int


@dataclass(frozen=True, slots=True)
class AskableChannel:
    """How many of a group one may ask for a permission on a channel: now, and now or later but before the lapse."""

    channel: str
    customers_now: int
    customers_in_time: int


@dataclass(frozen=True, slots=True)
class AskingAnswer:
    """The answer now to asking for a permission, or once more to confirm one, by a purpose on a channel."""

    purpose: str
    channel: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class LapseSample:
    """One customer whose answer lapses at `lapse_time`, by `position`, that of their first entry; in full view.

    The answer now, that at the lapse, and whether they may be asked for a permission now, each way there is.
    """

    position: int
    lapse_time: datetime | None
    now: Decision
    then: Decision
    asking: tuple[AskingAnswer, ...]


@dataclass(frozen=True, slots=True)
class LapseGroup:
    """Answers that are no DENY now and end alike on one day: of one purpose and channel, for one `reason`.

    `customers_askable_now` may be asked for a permission on one of `channels` at least, `customers_askable_in_time` now
    or before the lapse. `by_topic`, `by_place`, `by_recipient` and `by_contact_point`, one of several addresses: the
    answers are for one each, which permissions name.
    """

    day: datetime | None
    purpose: str
    channel: str
    reason: str
    customers: int
    customers_askable_now: int
    customers_askable_in_time: int
    channels: tuple[AskableChannel, ...]
    samples: tuple[LapseSample, ...]
    by_topic: bool
    by_place: bool
    by_recipient: bool
    by_contact_point: bool


@dataclass(frozen=True, slots=True)
class UnconfirmedSample:
    """One permission, by the position of its entry, that can be confirmed only before `lapse_time`.

    `asking` is how one more request to confirm it would be made, with the answer now; None where no contact can ask.
    """

    position: int
    lapse_time: datetime | None
    asking: AskingAnswer | None


@dataclass(frozen=True, slots=True)
class UnconfirmedGroup:
    """Permissions given at a touchpoint whose time to confirm ends on one day, and the answer to one more request now.

    DEFER: it may be made later, but in time. Verdict None: no contact can ask.
    """

    day: datetime | None
    touchpoint: str
    verdict: Verdict | None
    reason: str
    permissions: int
    samples: tuple[UnconfirmedSample, ...]


@dataclass(frozen=True, slots=True)
class ForecastPart:
    """A part of a forecast. First only how far it is; then, in one part, the summary; then the groups, by day."""

    customers_met: int
    customers_total: int
    summary: ForecastSummary | None
    groups: tuple[LapseGroup, ...]
    unconfirmed_groups: tuple[UnconfirmedGroup, ...]
