"""Whether arguments are of the types that a call is annotated with, found before anything is sent.

A wrong type is the caller's mistake like any other: a `MistakeError` that names every faulty argument
the way Accord names fields, with what is allowed, and never the value, which may be personal. A
keyword that nobody knows is one too: a no whose narrowing was misspelled would reach everything. Only
types are looked at; whether a purpose is known is Accord's to say.

The annotations are the rule, read once when a function is made: text, flags, numbers, instants,
choices, the dataclasses of `values`, several of these, mappings, and `Unpack` for keywords.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, ParamSpec, TypeVar, Unpack, get_args, get_origin, get_type_hints

from accord.client.failures import MistakeError

Given = ParamSpec("Given")
Made = TypeVar("Made")

Faults = dict[str, str]
"""What is wrong, by the name of the argument."""

_SMALL = range(2**31)
"""What an int32 of the protos holds, without the negative ones: none of them means anything."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of value: its types, what to call it, and what to find fault with inside."""

    types: tuple[type, ...]
    told: str
    inside: Callable[[str, Any, Faults], None] | None = None

    def judge(self, name: str, value: Any, faults: Faults) -> None:  # noqa: ANN401 - what it is, is the question
        """Add what is wrong with a value of that name. A flag is a number to Python and to nobody else."""
        if not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types):
            faults[name] = f"must be {self.told}, not {type(value).__name__}"
        elif self.inside:
            self.inside(name, value, faults)


def judged(make: Callable[Given, Made]) -> Callable[Given, Made]:
    """Return `make` such that a wrong argument raises MistakeError, reason INVALID_ARGUMENT, before it runs."""
    hints = get_type_hints(make, include_extras=True)
    parameters = inspect.signature(make).parameters
    positional = tuple(name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD)
    kinds = {name: _kind(hints[name]) for name in parameters if name in hints and get_origin(hints[name]) is not Unpack}
    open_ended = [get_args(hint)[0] for hint in hints.values() if get_origin(hint) is Unpack]
    for keywords in open_ended:
        kinds |= {name: _kind(hint) for name, hint in get_type_hints(keywords, include_extras=True).items()}
    unknown = f"is not known here; known: {', '.join(name for name in kinds if name not in positional)}"

    @functools.wraps(make)
    def judging(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        faults: Faults = {}
        for name, value in (*zip(positional, args, strict=False), *kwargs.items()):
            kind = kinds.get(name)
            if kind:
                kind.judge(name, value, faults)
            elif open_ended and name not in positional:
                faults[name] = unknown
        if faults:
            raise mistaken(faults)
        return make(*args, **kwargs)

    return judging


def mistaken(faults: Faults) -> MistakeError:
    """Return the mistake of arguments that are none, as Accord words it for fields."""
    return MistakeError("INVALID_ARGUMENT", "the call was not made: an argument is wrong", faults, {})


@functools.cache
def _kind(hint: Any) -> _Kind:  # noqa: ANN401 - a type expression
    if get_origin(hint) is Annotated:
        of, allowed = get_args(hint)
        return _whole(allowed) if of is int else _spelled(allowed)
    if get_origin(hint) is UnionType:
        return _either([_kind(each) for each in get_args(hint)])
    if get_origin(hint) is Mapping:
        return _Kind((Mapping,), "a mapping")
    if get_origin(hint) in {tuple, Sequence}:
        return _several(_kind(get_args(hint)[0]))
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_dataclass(hint):
        return _made_of_fields(hint)
    return _choice(hint) if issubclass(hint, StrEnum) else _Kind((hint,), f"a {hint.__name__}")


def _text(name: str, value: str, faults: Faults) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        faults[name] = "must be text that UTF-8 can hold: half a surrogate pair is none"


def _aware(name: str, value: datetime, faults: Faults) -> None:
    try:
        known = value.utcoffset() is not None and value.astimezone(UTC).tzinfo is UTC
    except OverflowError:
        known = False
    if not known:
        faults[name] = "must know its time zone, such as datetime.now(UTC), and lie in the years 1 to 9999"


def _whole(allowed: range) -> _Kind:
    def within(name: str, value: int, faults: Faults) -> None:
        if value not in allowed:
            faults[name] = f"must be from {allowed.start} to {allowed.stop - 1}"

    return _Kind((int,), "a whole number", within)


def _spelled(pattern: re.Pattern[str]) -> _Kind:
    def within(name: str, value: str, faults: Faults) -> None:
        if not pattern.fullmatch(value):
            faults[name] = "must be as it was shown, in ASCII; was a line end read with it?"

    return _Kind((str,), "text (str)", within)


def _choice(words: type[StrEnum]) -> _Kind:
    known = frozenset(str(word) for word in words)
    told = f"a {words.__name__}, one of {', '.join(words)}"

    def within(name: str, value: str, faults: Faults) -> None:
        if value not in known:
            faults[name] = f"must be {told}"

    return _Kind((str,), told, within)


def _several(item: _Kind) -> _Kind:
    def within(name: str, value: Sequence[Any], faults: Faults) -> None:
        for index, each in enumerate(value):
            item.judge(f"{name}[{index}]", each, faults)

    # A text is a sequence of texts too, and would be taken letter by letter.
    return _Kind((tuple, list), f"a tuple or list, each of it {item.told}", within)


def _either(kinds: list[_Kind]) -> _Kind:
    def within(name: str, value: Any, faults: Faults) -> None:  # noqa: ANN401 - one of them
        next(kind for kind in kinds if isinstance(value, kind.types)).judge(name, value, faults)

    types = tuple(each for kind in kinds for each in kind.types)
    return _Kind(types, " or ".join(kind.told for kind in kinds), within)


def _made_of_fields(made: Any) -> _Kind:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(made, include_extras=True)
    kinds = [(each.name, _kind(hints[each.name])) for each in fields(made)]

    def within(name: str, value: Any, faults: Faults) -> None:  # noqa: ANN401 - of that class
        for field, kind in kinds:
            kind.judge(f"{name}.{field}", getattr(value, field), faults)

    article = "an" if made.__name__[0] in "AEIOU" else "a"
    return _Kind((made,), f"{article} {made.__name__}", within)


_PLAIN = {
    str: _Kind((str,), "text (str)", _text),
    bool: _Kind((bool,), "True or False"),
    bytes: _Kind((bytes,), "bytes"),
    int: _whole(_SMALL),
    float: _Kind((int, float), "a number"),
    datetime: _Kind((datetime,), "a datetime that knows its time zone", _aware),
    NoneType: _Kind((NoneType,), "None"),
}
