"""The small values of the wire: codes, texts, instants, identifiers, enums. Inbound ones are examined.

Every fault of a request is collected, each with its field, before anything is done. A value that
passed here is of its type, within its limits and in its normal form.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from accord.domain.identifiers import IdentifierError, normalise
from accord.domain.problems import Violation, invalid, invalid_fields
from accord.domain.terms import FAR, SECOND, BrandId, Identifier, IdentifierKind, Instant
from accord.domain.words import LANGUAGES, language_of
from accord.service.errors import CallError
from accord.v1 import customer_pb2, decision_pb2

MAX_CODE = 128
MAX_LIST = 32
MAX_PAGE = 1000
DEFAULT_PAGE = 100

_BRAND = re.compile(r"[a-z0-9-]{1,64}\Z")
_VIEWS = frozenset(decision_pb2.DecisionView.values()) - {decision_pb2.DECISION_VIEW_VERDICT}
_CUSTOMER_ID = IdentifierKind.CUSTOMER_ID
_ANY_IDENTIFIER = Identifier(_CUSTOMER_ID, "")
Member = TypeVar("Member", bound=Enum)


class WireEnum(Protocol):
    """An enumeration as protobuf hands it out."""

    def items(self) -> Any:  # noqa: ANN401 - names with numbers of the enumeration's own type
        """Return every name with its number."""
        ...

    def Value(self, name: Any) -> Any:  # noqa: ANN401 - protobuf's own name and type
        """Return the number of a name."""
        ...


def names(wrapper: WireEnum, prefix: str, kind: type[Member]) -> dict[int, Member]:
    """Return the members of a domain enumeration by the number of their namesakes on the wire."""
    return {number: kind[name.removeprefix(prefix)] for name, number in wrapper.items() if number}


def numbers(wrapper: WireEnum, prefix: str, kind: Iterable[Member]) -> dict[Member, Any]:
    """Return the number on the wire of each member."""
    return {member: wrapper.Value(prefix + member.name) for member in kind}


KINDS = names(customer_pb2.ContactPointKind, "CONTACT_POINT_KIND_", IdentifierKind)


class Examiner:
    """Collects the faults of one request. `at` is the path before the fields examined now, such as `question.`."""

    __slots__ = ("at", "faults")

    def __init__(self, at: str = "") -> None:
        """Begin without fault."""
        self.at = at
        self.faults: list[Violation] = []

    def done(self) -> None:
        """Raise CallError with every fault found."""
        if self.faults:
            raise CallError(invalid_fields(tuple(self.faults)))

    def fault(self, field: str, description: str) -> None:
        """Note a fault. A path is written out here alone: most requests have none."""
        self.faults.append(Violation(self.at + field, description))

    def code(self, field: str, text: str, *, required: bool = False) -> str:
        """Return a code or an opaque id."""
        if not text:
            if required:
                self.fault(field, "is required")
        elif len(text) > MAX_CODE:
            self.fault(field, f"must have at most {MAX_CODE} characters")
        elif not text.isprintable():
            self.fault(field, "must have printable characters only")
        return text

    def codes(self, field: str, texts: Collection[str]) -> tuple[str, ...]:
        """Return a list of distinct codes."""
        if not texts:
            return ()
        found = tuple(texts)
        if len(found) > MAX_LIST:
            self.fault(field, f"must have at most {MAX_LIST} items")
        for index, text in enumerate(found[:MAX_LIST]):
            self.code(f"{field}[{index}]", text, required=True)
        return tuple(dict.fromkeys(found))

    def member(self, field: str, number: int, members: Mapping[int, Member]) -> Member:
        """Return the member of an enumeration; unspecified and unknown numbers are faults."""
        found = members.get(number)
        if found is None:
            self.fault(field, "is required, one of: " + ", ".join(member.name for member in members.values()))
            return next(iter(members.values()))
        return found

    def instant(self, field: str, message: Any, name: str) -> Instant:  # noqa: ANN401 - any message with the field
        """Return an optional instant, 0 when absent."""
        if not message.HasField(name):
            return Instant(0)
        stamp: Timestamp = getattr(message, name)
        if not 0 <= stamp.nanos < 1_000_000_000:
            self.fault(field, "must have 0 to 999,999,999 nanoseconds")
            return Instant(0)
        time = stamp.seconds * SECOND + stamp.nanos // 1000
        if not 0 < time < FAR:
            self.fault(field, "must lie after 1970-01-01 and before the year 2255")
            return Instant(0)
        return Instant(time)

    def contact_point(self, field: str, point: customer_pb2.ContactPoint) -> Identifier:
        """Return an address in its normal form."""
        kind = KINDS.get(point.kind)
        if kind is None:
            self.fault(f"{field}.kind", "is required, one of: " + ", ".join(each.name for each in KINDS.values()))
            return _ANY_IDENTIFIER
        return self._identifier(field, ".value", kind, point.value)

    def optional_point(self, field: str, message: Any) -> Identifier | None:  # noqa: ANN401 - any message with it
        """Return an address, or None when absent."""
        return self.contact_point(field, message.contact_point) if message.HasField("contact_point") else None

    def customer(self, field: str, key: customer_pb2.CustomerKey) -> Identifier:
        """Return whom a key names."""
        # Most keys are ids, and only one of the two can be set: to ask which costs as much again.
        if customer_id := key.customer_id:
            return self._identifier(field, ".customer_id", _CUSTOMER_ID, customer_id)
        match key.WhichOneof("key"):
            case "customer_id":
                return self._identifier(field, ".customer_id", _CUSTOMER_ID, "")
            case "contact_point":
                return self.contact_point(f"{field}.contact_point", key.contact_point)
            case _:
                self.fault(field, "is required: set customer_id or contact_point")
                return _ANY_IDENTIFIER

    def full_view(self, view: int, *, of_batch: bool = False) -> bool:
        """Say whether a decision is wanted with its trace. A batch may also be asked for verdicts alone."""
        if view not in _VIEWS and not (of_batch and view == decision_pb2.DECISION_VIEW_VERDICT):
            self.fault("view", "must be verdict, basic or full" if of_batch else "must be basic or full")
        return view == decision_pb2.DECISION_VIEW_FULL

    def language(self, tag: str) -> str:
        """Return the language of words that a BCP 47 tag asks for; English for none."""
        found = language_of(tag)
        if found is None:
            known = " or ".join(LANGUAGES)
            self.fault("language", f"must be a BCP 47 tag of a language there are words in: {known}, or empty")
            return LANGUAGES[0]
        return found

    def page_size(self, size: int) -> int:
        """Return how many items a page has."""
        if not 0 <= size <= MAX_PAGE:
            self.fault("page_size", f"must be 0 to {MAX_PAGE}; 0 is {DEFAULT_PAGE}")
        return size or DEFAULT_PAGE

    def _identifier(self, field: str, within: str, kind: IdentifierKind, value: str) -> Identifier:
        try:
            return normalise(kind, value)
        except IdentifierError as error:
            self.fault(field + within, str(error))
            return _ANY_IDENTIFIER


@lru_cache(maxsize=1024)
def brand_of(brand: str) -> BrandId:
    """Return the brand. Raises CallError unless it is 1 to 64 of a-z, 0-9 and hyphen."""
    if not _BRAND.match(brand):
        raise CallError(invalid("brand", "must be 1 to 64 of a-z, 0-9 and hyphen"))
    return BrandId(brand)


def timestamp(time: int) -> Timestamp:
    """Return an instant on the wire."""
    seconds, rest = divmod(time, SECOND)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def optional_timestamp(time: int) -> Timestamp | None:
    """Return an instant on the wire; None, which is absent, for 0."""
    return timestamp(time) if time else None
