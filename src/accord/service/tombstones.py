"""What an erasure appends and takes away, worked out on the projection of a sitting. Appends nothing itself.

What is known of an address of the erased is told once more on somebody who stays, before they go:
whoever folds the ledger later cannot read it where it stood.
"""

from collections.abc import Iterator

from accord.domain.commands import Erase, HoldErasure
from accord.domain.events import (
    ContactPointRetold,
    ContactPointSuppressed,
    CustomersErased,
    ErasureRequested,
    Event,
)
from accord.domain.problems import Problem
from accord.domain.terms import Instant
from accord.ledger.lookup import Lookups
from accord.ledger.projection import Projection
from accord.service.errors import customer_changed, customer_erased


def hold_problem(world: Projection, command: HoldErasure) -> Problem | None:
    """Return why the customers cannot be held, None when they can."""
    known = all(world.chain(ref)[0] and not world.customer(ref).state.erased for ref in command.customers)
    return None if known else customer_erased()


def held(command: HoldErasure) -> ErasureRequested:
    """Return what is told of each of the customers."""
    return ErasureRequested(
        mode=command.mode, reason=command.reason, not_before=command.not_before, evidence=command.evidence
    )


def erase_problem(world: Projection, command: Erase) -> Problem | None:
    """Return why the customers cannot be erased now, None when they can."""
    if [world.chain(ref)[0] for ref in command.customers] != list(command.versions):
        return customer_changed()
    if all(world.customer(ref).state.erased for ref in command.customers):
        return customer_erased()
    return None


def retold(world: Projection, command: Erase) -> Iterator[tuple[bytes, bytes, ContactPointRetold]]:
    """Yield, for each address of which something is known, its lookup, who stays, and what is told on them.

    That is a holder, else somebody who told of it and left it. Where there is neither, all of it was the erased's.
    """
    for address in command.addresses:
        lookup = world.lookup(address)
        others = sorted(ref for ref in world.customers_of(address) if ref not in command.customers)
        state, teller = world.point_row(lookup), command.tellers.get(address)
        if state and others:
            yield lookup, others[0], ContactPointRetold(number=world.holders[lookup][others[0]], state=state)
        elif state and teller and not world.customer(teller.customer).state.erased:
            yield lookup, teller.customer, ContactPointRetold(number=teller.number, state=state)


def erased(command: Erase) -> CustomersErased:
    """Return what is told of the customers, on the brand."""
    return CustomersErased(
        customers=tuple(ref.hex() for ref in command.customers),
        mode=command.mode,
        reason=command.reason,
        request_time=command.request_time,
        suppressed=len(command.addresses) if command.keep_suppression else 0,
        evidence=command.evidence,
    )


def suppressed(
    world: Projection, lookups: Lookups, event: Event, suppressions: dict[bytes, Instant]
) -> Iterator[ContactPointSuppressed]:
    """Yield what is told of each address that an event just gave to a customer, where a suppression of it stands."""
    for link in event.links if suppressions else ():
        erased_time = suppressions.get(lookups.suppression(world.brand, link.identifier))
        if erased_time is not None:
            yield ContactPointSuppressed(number=link.number, erased_time=erased_time)
