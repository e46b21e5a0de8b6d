"""Who is known by what, beside `model`: each person's identifiers, by the number under which they were given."""

from types import SimpleNamespace
from typing import Any

from accord.domain.terms import Identifier, IdentifierKind

CURABLE = {"BOUNCED", "REASSIGNED", "INVALID"}
Point = tuple[Identifier, int]


class Row(SimpleNamespace):
    """A person, permission, refusal or contact; equal to itself alone."""

    __eq__, __hash__ = object.__eq__, object.__hash__


class People:
    def __init__(self) -> None:
        self.rows = list[Row]()
        self.faults = dict[Identifier, set[str]]()
        self.moved = dict[Identifier, int]()

    def new(self) -> Row:
        self.rows.append(Row(held={}, given=0, deceased=False, paused_until=0))
        return self.rows[-1]

    def name(self, who: Row, identifiers: list[Identifier]) -> None:
        for each in identifiers:
            if each not in who.held:
                who.given += 1
                who.held[each] = who.given

    def holders(self, it: Identifier) -> list[Row]:
        return [who for who in self.rows if it in who.held]

    def recognised(self, named: list[Identifier]) -> list[Row]:
        """Return who alone holds the address and was never named: the unknown person it made known."""
        found = self.holders(named[-1]) if named[0].kind is IdentifierKind.CUSTOMER_ID else []
        return [who for who in found if len(found) == 1 and not self.points(who, IdentifierKind.CUSTOMER_ID)]

    def points(self, who: Row, kind: IdentifierKind) -> list[Point]:
        return [(each, number) for each, number in who.held.items() if each.kind is kind]

    def tell(self, who: Row, point: Any, fact: str, act: int = 0) -> None:
        """Take a fact of an address, if the person still holds it under that number."""
        if point and who.held.get(point[0]) == point[1]:
            if fact == "REASSIGNED":
                self.moved[point[0]] = max(act, self.moved.get(point[0], 0))
            faults = self.faults.setdefault(point[0], set())
            faults |= {fact} & {"COMPLAINED", "REPLY_UNCLEAR", *CURABLE}
            faults -= {"REPLY_UNCLEAR"} if fact == "REPLY_SETTLED" else set()
            faults -= CURABLE if fact == "VERIFIED" else set()
