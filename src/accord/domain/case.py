"""One question before the gates: what they share, worked out once.

A case is made by `decide`, read by the gates, and thrown away. It alone changes while it is judged:
gates lower `until`, the instant before which time cannot change the answer.
"""

from accord.domain.calendar import Whereabouts, whereabouts
from accord.domain.decision import Customer, Point
from accord.domain.ground import NOT_SOUGHT
from accord.domain.lane import Lane, SpreadTerm
from accord.domain.policy import Policy
from accord.domain.scope import Cell, permits, refuses
from accord.domain.state import ContactMark, PermissionMark, RefusalMark, lifts
from accord.domain.terms import Instant


class Case:
    """A customer, a cell, a lane and an instant. `own_contact` is the contact being judged anew, if any.

    `permissions` are those that list this very cell, whatever their time, uses and third parties; gate 2
    leaves out those given before the address changed hands. `refusals` are those that reach it and bind
    its class, those of the address too. `ground` is sought between gates 5 and 6.
    """

    __slots__ = (
        "_where",
        "cell",
        "customer",
        "ground",
        "lane",
        "now",
        "own_contact",
        "permissions",
        "points",
        "policy",
        "refusals",
        "state",
        "until",
    )

    def __init__(  # noqa: PLR0913 - a question has this many sides
        self,
        customer: Customer,
        cell: Cell,
        points: list[Point],
        lane: Lane,
        policy: Policy,
        now: Instant,
        own_contact: ContactMark | None = None,
    ) -> None:
        """Hold what the gates look at; `points` are the addresses that may be used."""
        self.customer = customer
        self.state = customer.state
        self.cell = cell
        self.points = points
        self.lane = lane
        self.policy = policy
        self.now = now
        self.own_contact = own_contact
        self.until = lane.until
        self.ground = NOT_SOUGHT
        state, purpose = customer.state, cell.purpose
        self.permissions: list[PermissionMark] = []
        for mark in state.permissions:
            # Most permissions fall at their purposes, without a call.
            if purpose in mark.granted.purposes and permits(mark.granted, cell):
                self.permissions.append(mark)
        self.refusals: list[RefusalMark] = []
        if not lane.floor_only:
            if state.refusals:
                self._note_refusals(state.refusals)
            for point in points:
                if point.state.refusals:
                    self._note_refusals(point.state.refusals)
        self._where: Whereabouts | None = None

    def changes_at(self, time: int) -> None:
        """Note that time alone may change the answer at this instant."""
        if self.now < time < self.until:
            self.until = time

    def at(self, time: Instant) -> "Case":
        """Return the same question asked at another instant."""
        cell = self.cell
        lane = self.policy.lane(cell.purpose, cell.channel, self.state.facts, time)
        then = Case(self.customer, cell, self.points, lane, self.policy, time, self.own_contact)
        then.permissions = self.permissions
        return then

    @property
    def where(self) -> Whereabouts:
        """Where the customer lives, as far as it is known."""
        if self._where is None:
            facts = self.state.facts
            self._where = whereabouts(facts.country, facts.region, facts.time_zone, self.policy.home_country)
        return self._where

    def lifts(self, mark: PermissionMark) -> bool:
        """Say whether a permission is later, by both clocks, than every refusal that reaches the cell."""
        return not self.refusals or all(lifts(mark, refusal) for refusal in self.refusals)

    def _note_refusals(self, marks: tuple[RefusalMark, ...]) -> None:
        cell = self.cell
        for mark in marks:
            refused = mark.refused
            # A refusal of everything leaves service messages alone; one that names them, or STOP, does not.
            if self.lane.exempt and not (refused.purpose or mark.stops):
                continue
            # Most refusals fall at their channel, without a call.
            if (refused.channel in ("", cell.channel) and refuses(refused, cell)) or (
                self.lane.spreads and _spreads(mark, self.lane.spreads)
            ):
                self.refusals.append(mark)


def _spreads(mark: RefusalMark, terms: tuple[SpreadTerm, ...]) -> bool:
    """Say whether the law lets the refusal reach further than it names."""
    return any(mark.refused.channel in term.said_on and mark.act_time >= term.since for term in terms)
