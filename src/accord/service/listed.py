"""What lists of addresses not to be contacted append, worked out on the projection of a sitting. Appends nothing.

A list is known by its kind and its code. What it said of an address is never taken back by a later import
of it, only widened: the newest date counts, and every purpose that any edition named.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum

import msgspec
from msgspec.structs import replace

from accord.domain.commands import ListAddress
from accord.domain.events import ContactPointListed, Event, SuppressionsImported
from accord.domain.problems import Problem, invalid
from accord.domain.state import Listing
from accord.domain.terms import Instant, ListKind
from accord.ledger.lookup import Lookups
from accord.ledger.projection import Projection
from accord.ledger.store import ListingRow

OnLists = Mapping[bytes, Mapping[str, ListingRow]]
"""Rows by digest of the address, then by list."""


class ListVerdict(IntEnum):
    """What became of one address; the numbers are those of `accord.v1.SuppressionVerdict`."""

    BOUND = 1
    KEPT = 2
    ALREADY_KNOWN = 3


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Listing).decode


def key(kind: str, code: str) -> str:
    """Return how a store tells a list from others."""
    return f"{kind} {code}"


def begin_problem(begun: SuppressionsImported, now: Instant) -> Problem | None:
    """Return why a list cannot be imported, None when it can."""
    return invalid("list.list_time", "must not lie in the future") if begun.listed_time > now else None


def row_after(command: ListAddress, lookup: bytes, before: ListingRow | None, now: Instant) -> ListingRow | None:
    """Return what is kept of the address from now on; None when all of it was known."""
    begun = command.begun
    told = Listing(begun.list, begun.kind, begun.listed_time, now, command.imported, begun.purposes)
    if before is not None:
        known = _decode(before.listing)
        widened = replace(told, listed_time=max(told.listed_time, known.listed_time), purposes=_together(told, known))
        if (widened.listed_time, widened.purposes) == (known.listed_time, known.purposes):
            return None
        told = widened
    return ListingRow(lookup, told.listed_time, _encode(told))


def told(row: ListingRow, number: int) -> ContactPointListed:
    """Return what is told of an address to whoever holds it under a number."""
    listing = _decode(row.listing)
    return ContactPointListed(
        number=number,
        list=listing.list,
        kind=listing.kind,
        listed_time=listing.listed_time,
        recorded_time=listing.recorded_time,
        imported=listing.position,
        purposes=listing.purposes,
    )


def told_of_links(world: Projection, lookups: Lookups, event: Event, listed: OnLists) -> Iterator[ContactPointListed]:
    """Yield what lists say of each address that an event just gave to a customer, where it was not told before."""
    for link in event.links if listed else ():
        rows = listed.get(lookups.suppression(world.brand, link.identifier), {})
        for row in rows.values():
            found = told(row, link.number)
            if not _told_before(world, world.lookup(link.identifier), found):
                yield found


def moved(
    world: Projection, lookups: Lookups, event: Event, listed: OnLists
) -> Iterator[tuple[bytes, str, ListingRow]]:
    """Yield the rows of each address just given to a customer whose holders would not be found: by digest, and list.

    Nobody held the address when identifiers moved to another epoch, so nobody could hash it anew.
    """
    for link in event.links if listed else ():
        digest, lookup = lookups.suppression(world.brand, link.identifier), world.lookup(link.identifier)
        for code, row in listed.get(digest, {}).items():
            if row.lookup != lookup:
                yield digest, code, replace(row, lookup=lookup)


def own(rows: Mapping[str, ListingRow]) -> bool:
    """Say whether the brand's own list for every purpose is among these: nobody is imported whom it names."""
    found = (_decode(row.listing) for row in rows.values())
    return any(each.kind is ListKind.OWN and not each.purposes for each in found)


def import_began(begun: SuppressionsImported) -> str:
    """Return what tells one import from another: the file, and all that was said of it."""
    return msgspec.json.encode(begun).decode()


def _told_before(world: Projection, lookup: bytes, found: ContactPointListed) -> bool:
    listings = world.points[lookup].listings if lookup in world.points else ()
    return any(
        (each.kind, each.list) == (found.kind, found.list)
        and each.listed_time >= found.listed_time
        and each.purposes == found.purposes
        for each in listings
    )


def _together(one: Listing, other: Listing) -> tuple[str, ...]:
    """Return the purposes of both; no purposes are all."""
    if not one.purposes or not other.purposes:
        return ()
    return tuple(sorted({*one.purposes, *other.purposes}))
