"""What an entry told, in words for people: each side with its name, and nothing left out that is not told already.

Read by the types of the events, so that an instant is shown as one and a choice as a word. What a newer server
told and this program does not know is shown as it came, in JSON.
"""

from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

from accord.cli import tell
from accord.cli.wording import Words


def in_words(payload_json: str, say: Words, *, links: bool) -> str:
    """Return what an entry told beside its type; empty once its key is gone. With `links`: what it linked too."""
    if not payload_json:
        return ""
    try:
        event = _decoder().decode(payload_json).event
    except msgspec.ValidationError:
        return payload_json
    return "; ".join(f"{label} {text}" for label, text in _sides(event, say) if links or label != say.side("links"))


@cache
def _decoder() -> Any:  # noqa: ANN401 - of a value with the event of an entry
    """Return what reads payloads. The domain takes long to load, and few commands show what entries told."""
    from accord.domain.events import Event  # noqa: PLC0415 - see above

    return msgspec.json.Decoder(msgspec.defstruct("Payload", [("event", Event)]))


def _sides(told: Struct, say: Words) -> Iterator[tuple[str, str]]:
    """Yield each side that was told: its label and its words. What it holds in one is told as its own."""
    for field in msgspec.structs.fields(told):
        value = getattr(told, field.name)
        if field.default is not NODEFAULT and value == field.default:
            continue
        if isinstance(value, Struct):
            yield from _sides(value, say)
        else:
            instant = field.name in _instants(type(told))
            yield say.side(field.name), _named(field.name, value, say) or _text(value, say, instant=instant)


def _named(field: str, value: Any, say: Words) -> str:  # noqa: ANN401 - any side of an event
    """Return the words of a side that has words of its own; empty for any other."""
    if field in {"channel", "preferred_channel"}:
        return say.channel(value)
    if field == "channels":
        return ", ".join(map(say.channel, value))
    return say.refusal(value.name) if type(value).__name__ == "RefusalKind" else ""


def _text(value: Any, say: Words, *, instant: bool) -> str:  # noqa: ANN401 - any side of an event
    match value:
        case tuple():
            return ", ".join(_text(each, say, instant=instant) for each in value)
        case Struct():
            return f"({', '.join(f'{label} {text}' for label, text in _sides(value, say))})"
        case Enum():
            return say.member(value.name, "")
        case bytes():
            return value.hex()
        case bool():
            return say(str(value).lower())
        case int() if instant:
            return tell.when_of(value // 1_000_000)
        case _:
            return str(value)


@cache
def _instants(told: type[Struct]) -> frozenset[str]:
    """Return which sides are instants."""
    from accord.domain.terms import Instant  # noqa: PLC0415 - see `_decoder`

    hints = get_type_hints(told)
    return frozenset(name for name, hint in hints.items() if Instant in (hint, *get_args(hint)))
