"""Whom a command is for. Who is merged is one person; an entry still goes into one member's history.

Rules. An entry goes to the member it arrived by. Where a command names something that another member
of the group alone has (an address, a pending permission, an overlay), it goes to that member, so that
nobody is given what they would keep after a split. A restriction goes to every member. A contact is
told in each history that it touches: of whom it arrived by, of who holds the address, of who gave the
permission it takes a use of; a use is taken where its permission lives, whatever becomes of the group.
A contact that asks for a confirmation names a permission, so it is told to whoever gave that, alone:
its link finds them by the contact, and stays good while they are merged and after a split.
"""

import os
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from accord.domain.admit import token_invalid
from accord.domain.commands import (
    AddOverlay,
    Command,
    Confirm,
    Grant,
    LiftOverlay,
    LiftRestriction,
    Link,
    Merge,
    Refuse,
    ReportContactPoint,
    Restrict,
    Split,
    Unlink,
)
from accord.domain.decision import Customer
from accord.domain.events import ContactAuthorized, CustomerMerged, CustomerSplit, Event
from accord.domain.group import Group
from accord.domain.officer import MAX_GROUP, Carried, carried, has_overlay
from accord.domain.problems import ErrorReason, Problem, Violation, invalid
from accord.domain.terms import Identifier, IdentifierKind, Position
from accord.ledger.entry import REF_BYTES
from accord.ledger.projection import Projection
from accord.service.errors import customer_ambiguous, customer_erased, customer_not_merged, customer_unknown

Told = list[tuple[bytes, Event]]
"""Entries to be appended, in order: whose, and what they tell."""


def targets(
    world: Projection, command: Command, named: tuple[Identifier, ...], new_ref: Callable[[], bytes]
) -> list[bytes] | Problem:
    """Return into whose history a command goes; a new reference where it may make a customer."""
    if isinstance(command, AddOverlay):
        return _each(world, command.customers)
    if isinstance(command, Confirm) and command.token is not None:
        carrier = world.contacts.get(command.token.contact_key)
        return [carrier.customer_ref] if carrier else token_invalid()
    refs = world.customers_of(named[0])
    if not refs and isinstance(command, Grant | Link) and command.contact_point is not None:
        refs = _recognised(world, named[0], command.contact_point)
    if not refs:
        if isinstance(command, Confirm | Unlink | LiftOverlay | Restrict | LiftRestriction):
            return customer_unknown()
        return [new_ref()]
    if isinstance(command, Refuse | ReportContactPoint):
        return list(dict.fromkeys(home for ref in refs for home in _homes(world, command, ref)))
    if (persons := world.persons(refs)) > 1:
        return customer_ambiguous(persons)
    return _homes(world, command, min(refs))


def _each(world: Projection, customers: tuple[Identifier, ...]) -> list[bytes] | Problem:
    """Return one customer for each key, in order, each once; every key must lead to one person who is known."""
    found: list[bytes] = []
    for index, customer in enumerate(customers):
        field = f"customers[{index}]"
        refs = world.customers_of(customer)
        if not refs:
            return customer_unknown(field)
        if (persons := world.persons(refs)) > 1:
            return customer_ambiguous(persons, field)
        found.append(min(refs))
    return list(dict.fromkeys(found))


def _recognised(world: Projection, customer: Identifier, contact_point: Identifier) -> list[bytes]:
    """Return who alone holds the address and was never named: the unknown person it made known."""
    refs = world.customers_of(contact_point)
    nameless = len(refs) == 1 and not world.has_customer_id(refs[0])
    return refs if nameless and customer.kind is IdentifierKind.CUSTOMER_ID else []


def _homes(world: Projection, command: Command, ref: bytes) -> list[bytes]:
    """Return whose of the group a command is that arrived by one member; alone: theirs."""
    members = world.members(ref)
    if len(members) == 1:
        return members
    match command:
        case Grant() | Refuse() | Unlink() if command.contact_point is not None:
            holders = world.customers_of(command.contact_point)
            return _one_of(ref, (each for each in members if each in holders))
        case Confirm():
            return [giver(world, ref, command.permission)]
        case LiftOverlay():
            return [each for each in members if has_overlay(world.states[each], command.overlay)] or [ref]
        case Restrict():
            return members
        case LiftRestriction():
            return [each for each in members if world.states[each].restricted] or [ref]
        case _:
            return [ref]


def readdressed(world: Projection, command: Command, ref: bytes) -> Command:
    """Return the command as it reads for the member it goes to: by the address where another member has the key.

    Else the key it arrived by would be given to them as well.
    """
    if ref not in world.merged or not isinstance(command, Grant | Refuse) or command.contact_point is None:
        return command
    holders = world.customers_of(command.customer)
    return replace(command, customer=command.contact_point) if holders and ref not in holders else command


def _one_of(ref: bytes, fitting: Iterable[bytes]) -> list[bytes]:
    found = list(fitting)
    return [ref] if ref in found or not found else found[:1]


def giver(world: Projection, ref: bytes, permission: Position) -> bytes:
    """Return who of the group gave the permission at a position; where nobody did, whom the command arrived by."""
    gave = (each for each in world.members(ref) if _has_permission(world, each, permission))
    return _one_of(ref, gave)[0]


def _has_permission(world: Projection, ref: bytes, permission: Position) -> bool:
    return any(mark.position == permission for mark in world.states[ref].permissions)


def bound(world: Projection, ref: bytes, named: tuple[Identifier, ...]) -> tuple[Customer, ...]:
    """Return a customer under each reading of the facts, with all that forbids the person a contact."""
    customer = world.customer(ref, named)
    return world.united(ref).binding(customer) if ref in world.merged else (customer,)


def merge(world: Projection, command: Merge) -> Told | Problem:
    """Return an entry for each member of the group that comes of it, or why these customers cannot be merged."""
    found = _each(world, command.customers)
    if isinstance(found, Problem):
        return found
    if len(found) < 2:
        return invalid("customers", "must name at least two customers")
    members = sorted({member for ref in found for member in world.members(ref)})
    if len(members) > MAX_GROUP:
        fault = Violation("customers", f"would make a group of {len(members)}; one joins at most {MAX_GROUP}")
        metadata = {"field": "customers", "limit": str(MAX_GROUP)}
        return Problem(ErrorReason.CUSTOMER_FULL, "the group would be too large", (fault,), metadata)
    if any(world.states[each].erased for each in members):
        return customer_erased("customers")
    if any(world.states[each].erasing for each in members):
        # Whoever joins now would be left out of what was asked for, or be erased without being asked about.
        return invalid("customers", "names somebody who waits to be erased; merge nobody with them")
    group = _largest(world, members) or os.urandom(REF_BYTES)
    return [
        (
            ref,
            CustomerMerged(
                group=group.hex(),
                refusals=(left := _left_behind(world, ref, group)).refusals,
                overlays=left.overlays,
                justification=command.justification,
            ),
        )
        for ref in members
    ]


def _largest(world: Projection, members: list[bytes]) -> bytes:
    """Return the group that most of them are in already, so that few change theirs; empty for none."""
    groups = {merged.group for ref in members if (merged := world.merged.get(ref))}
    return max(groups, key=lambda group: (len(world.groups[group]), group), default=b"")


def _left_behind(world: Projection, ref: bytes, group: bytes) -> Carried:
    """Return what a member brings from the group they leave for this one."""
    merged = world.merged.get(ref)
    return Carried() if merged is None or merged.group == group else _from(world, ref, world.members(ref))


def split(world: Projection, command: Split) -> Told | Problem:
    """Return an entry for whoever leaves, then for each who stays: with all refusals made while they were merged."""
    refs = world.customers_of(command.customer)
    if not refs:
        return customer_unknown()
    if len(refs) > 1:
        return customer_ambiguous(len(refs))
    leaver = refs[0]
    merged = world.merged.get(leaver)
    if merged is None:
        return customer_not_merged()
    staying = [each for each in world.members(leaver) if each != leaver]
    told: Told = [(leaver, _parted(_from(world, leaver, staying), "", command))]
    kept = merged.group.hex() if len(staying) > 1 else ""
    return [*told, *((each, _parted(_from(world, each, [leaver]), kept, command)) for each in staying)]


def _parted(stays: Carried, group: str, command: Split) -> CustomerSplit:
    return CustomerSplit(
        group=group, refusals=stays.refusals, overlays=stays.overlays, justification=command.justification
    )


def _from(world: Projection, ref: bytes, others: list[bytes]) -> Carried:
    since = [(world.merged[each].since, world.states[each]) for each in others if each != ref]
    return carried(world.merged[ref].since, since)


def tellings(
    world: Projection, event: ContactAuthorized, arrived_by: bytes, told_to: tuple[bytes, ...], group: Group | None
) -> Told:
    """Return the entries of one contact, that of whom it arrived by first, each with the address as they number it.

    `event` tells the number in the group, or for somebody alone their own. `told_to` are those in whose
    histories the contact is told already: a use they gave it comes back, should it rest on another now.
    """
    members = world.members(arrived_by)
    if group is None:
        numbers = {arrived_by: event.point}
    else:
        numbers = {ref: group.numbering.own(index, event.point) for index, ref in enumerate(members)}
    lenders = [ref for ref in members if _lends(world, ref, event.permission)]
    holders = [ref for ref in (arrived_by, *lenders, *members) if numbers[ref]]
    refs = dict.fromkeys((arrived_by, *holders[:1], *lenders, *told_to))
    return [(ref, replace(event, point=numbers.get(ref, 0))) for ref in refs if not world.states[ref].erased]


def _lends(world: Projection, ref: bytes, permission: Position | None) -> bool:
    return any(mark.position == permission and mark.uses for mark in world.states[ref].permissions)
