"""From what a store shows of a person to the group that is judged; only where several customers are in play."""

from collections.abc import Mapping

from accord.domain.decision import Customer, Point
from accord.domain.group import Group, Member, unite
from accord.domain.problems import Problem
from accord.domain.state import NO_POINT, decode_customer, decode_point
from accord.domain.terms import Identifier, IdentifierKind
from accord.ledger.store import Known, Sight
from accord.service.errors import customer_ambiguous

_KINDS = {kind.value: kind for kind in IdentifierKind}


def group_of(sight: Sight, holders: tuple[Known, ...], named: Mapping[Identifier, bytes]) -> Group | Problem | None:
    """Return the group that all who hold the key are in; None for one who is merged with nobody, or for nobody.

    `named` are the identifiers of the question with their lookups. Several persons are a problem.
    """
    persons = {each.group or each.customer_ref for each in holders}
    if len(persons) > 1:
        return customer_ambiguous(len(persons))
    if not holders or not holders[0].group:
        return None
    return unite([_member(each) for each in sight.groups[holders[0].group]], named)


def readings_of(person: tuple[Known, ...]) -> tuple[Customer, ...]:
    """Return a person of a census as `decide` meets them, under each reading of the facts; no address is named."""
    if person[0].group:
        return unite([_member(each) for each in person]).readings
    alone = _member(person[0])
    return (Customer(alone.state, tuple(point for _, point in alone.addresses)),)


def _member(known: Known) -> Member:
    addresses = sorted(known.addresses, key=lambda each: each.number)
    return Member(
        decode_customer(known.state),
        tuple(
            (each.lookup, Point(each.number, _KINDS[each.kind], decode_point(each.point) if each.point else NO_POINT))
            for each in addresses
        ),
    )
