"""Which earlier acts of a customer a later one replaces: what receipts link to one another.

Tells of acts as they were said, whatever `decide` makes of them: a later permission on the same cells
replaces an earlier one, a refusal replaces the permissions it reaches, a confirmation replaces what
waited for it. An act counts until nothing of it is left. Pure.
"""

from msgspec import Struct

from accord.domain.catalogue import covers
from accord.domain.events import Event, PermissionConfirmed, PermissionGranted, PermissionRefused
from accord.domain.scope import Granted, Refused, code, includes, reaches_all
from accord.domain.terms import Instant, Position

Act = PermissionGranted | PermissionConfirmed | PermissionRefused


class Told(Struct, frozen=True):
    """An act of a customer as the ledger has it; `confirms` is the act that a confirmation completes."""

    position: Position
    recorded_time: Instant
    act: Act
    confirms: PermissionGranted | None = None


def replaced(acts: list[Told]) -> tuple[Position, ...]:
    """Return the earlier acts that the last one replaces: those still counting that share a cell with it, ascending.

    `acts` are all acts of one customer by position.
    """
    counting: list[Told] = []
    found: list[Told] = []
    for act in acts:
        found = [each for each in counting if _confirmed(act, each) or _meet(act, each)]
        counting = [each for each in counting if not (_confirmed(act, each) or _swallows(act, each))]
        counting.append(act)
    return tuple(each.position for each in found)


def act_of(event: Event) -> Act | None:
    """Return the event when it is something a customer said, else None."""
    return event if isinstance(event, PermissionGranted | PermissionConfirmed | PermissionRefused) else None


def granting(told: Told) -> PermissionGranted | None:
    """Return what an act gives: of a confirmation, what it completes; None for a refusal."""
    return told.act if isinstance(told.act, PermissionGranted) else told.confirms


def _granted(told: Told) -> Granted | None:
    it = granting(told)
    if it is None:
        return None
    topics, recipients = tuple(code(each) for each in it.topics), tuple(code(each) for each in it.recipients)
    return Granted(it.purposes, it.channels, it.point, topics, it.places, recipients)


def refused_by(act: Act) -> Refused | None:
    """Return what an act refuses; None for one that gives."""
    if not isinstance(act, PermissionRefused):
        return None
    return Refused(act.purpose, act.channel, code(act.topic), act.place, code(act.recipient))


def _confirmed(act: Told, earlier: Told) -> bool:
    return isinstance(act.act, PermissionConfirmed) and act.act.permission == earlier.position


def _swallows(act: Told, earlier: Told) -> bool:
    """Say whether nothing of the earlier act is left."""
    refused, given = refused_by(act.act), _granted(act)
    before_refused, before_given = refused_by(earlier.act), _granted(earlier)
    if refused is not None:
        if before_given is not None:
            return reaches_all(refused, before_given)
        return before_refused is not None and _wider(refused, before_refused)
    return given is not None and before_given is not None and includes(given, before_given)


def _meet(act: Told, earlier: Told) -> bool:
    """Say whether two acts share a cell."""
    mine, theirs = _sides(act), _sides(earlier)
    purposes = any(covers(one, other) or covers(other, one) for one in mine[0] or ("",) for other in theirs[0] or ("",))
    return purposes and all(
        not one or not other or set(one) & set(other) for one, other in zip(mine[1:], theirs[1:], strict=True)
    )


def _sides(told: Told) -> tuple[tuple[str, ...], ...]:
    """Return purposes, channels, topics, places and recipients; empty for "all"."""
    granted = granting(told)
    if granted is not None:
        return granted.purposes, granted.channels, granted.topics, granted.places, granted.recipients
    act = told.act
    if not isinstance(act, PermissionRefused):
        return (), (), (), (), ()
    values = (act.purpose, act.channel, act.topic, act.place, act.recipient)
    return tuple((each,) if each else () for each in values)


def _wider(wide: Refused, narrow: Refused) -> bool:
    return covers(wide.purpose, narrow.purpose) and all(
        getattr(wide, name) in ("", b"", getattr(narrow, name)) for name in ("channel", "topic", "place", "recipient")
    )
