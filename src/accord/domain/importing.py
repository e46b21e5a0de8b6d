"""What of an imported record is new? Judged on the customer it goes to, alone.

Rules. A permission fills gaps only. No gap is a cell on which a permission stands, or one that ended was
given by a later act; nor one that a refusal reaches, since an import lifts none; nor one whose opt-in was
begun, since an import completes none. What is left must be whole channels or whole purposes of what the
row says, else nothing is taken of it. A refusal is new unless the very same stands, said as late.
"""

from collections.abc import Iterable
from enum import Enum, IntEnum
from itertools import product

from msgspec.structs import replace

from accord.domain.decision import Customer
from accord.domain.events import PermissionGranted, PermissionRefused
from accord.domain.fold import cells_of
from accord.domain.scope import Granted, Refused, code, includes, reaches_all
from accord.domain.state import PermissionMark, RefusalMark, lifts
from accord.domain.terms import Instant, RefusalKind


class ImportVerdict(IntEnum):
    """What became of a record; the numbers are those of `accord.v1.ImportVerdict`."""

    IMPORTED = 1
    PENDING = 2
    ALREADY_KNOWN = 3
    REFUSAL_STANDS = 4
    OPT_IN_OPEN = 5
    REFUSAL_RECORDED = 6


class _Cell(Enum):
    """What there is of one purpose on one channel. `TAKEN_BACK`: a permission was given, and a refusal reaches it."""

    GAP = 0
    REFUSED = 1
    KNOWN = 2
    TAKEN_BACK = 3
    OPEN = 4


_VERDICTS = {
    _Cell.OPEN: ImportVerdict.OPT_IN_OPEN,
    _Cell.TAKEN_BACK: ImportVerdict.REFUSAL_STANDS,
    _Cell.REFUSED: ImportVerdict.REFUSAL_STANDS,
    _Cell.KNOWN: ImportVerdict.ALREADY_KNOWN,
}
"""Why nothing is taken of a permission: the first of these that a cell of it is."""

_Cells = dict[tuple[str, str], _Cell]
"""By purpose and channel."""


def filling(customer: Customer, event: PermissionGranted, now: Instant) -> PermissionGranted | ImportVerdict:
    """Return the permission as far as it fills a gap, or why there is none."""
    state = customer.state
    if not (state.permissions or state.refusals or customer.points):
        return event
    refusals = (*state.refusals, *_of_address(customer, event.point))
    granted = cells_of(event)
    cells = {
        (purpose, channel): _cell(
            replace(granted, purposes=(purpose,), channels=(channel,)), event, state.permissions, refusals, now
        )
        for purpose, channel in product(event.purposes, event.channels)
    }
    found = _gaps(event, cells)
    return found or next(verdict for cell, verdict in _VERDICTS.items() if cell in cells.values())


def is_new(customer: Customer, event: PermissionRefused) -> bool:
    """Say whether the refusal tells what no standing one does."""
    if event.links:
        return True
    refused = Refused(event.purpose, event.channel, code(event.topic), event.place, code(event.recipient))
    stops = bool(event.point) and not event.purpose
    sides = [_of_address(customer, event.point)] if event.point else [customer.state.refusals]
    if event.via:
        sides.append(_of_address(customer, event.via))
    return not all(any(_says(mark, refused, event, stops=stops) for mark in marks) for marks in sides)


def _says(mark: RefusalMark, refused: Refused, event: PermissionRefused, *, stops: bool) -> bool:
    """Say whether a mark tells the same no, as late. Which no it was matters for the silence after REFUSED alone."""
    time = event.evidence.act_time
    asked = event.kind is not RefusalKind.REFUSED or mark.asked_time >= time
    return mark.refused == refused and mark.stops is stops and mark.act_time >= time and asked


def _of_address(customer: Customer, number: int) -> tuple[RefusalMark, ...]:
    return next((each.state.refusals for each in customer.points if each.number == number), ())


def _cell(
    cell: Granted,
    event: PermissionGranted,
    marks: tuple[PermissionMark, ...],
    refusals: tuple[RefusalMark, ...],
    now: Instant,
) -> _Cell:
    if any(mark.pending_until and _meets(mark.granted, cell) for mark in marks):
        return _Cell.OPEN
    given = [mark for mark in marks if includes(mark.granted, cell)]
    known = any(_stands(mark, now) or mark.act_time >= event.evidence.act_time for mark in given)
    reaching = [mark for mark in refusals if reaches_all(mark.refused, cell)]
    if reaching and not any(all(lifts(mark, each) for each in reaching) for mark in given):
        return _Cell.TAKEN_BACK if known else _Cell.REFUSED
    return _Cell.KNOWN if known else _Cell.GAP


def _meets(granted: Granted, cell: Granted) -> bool:
    """Say whether a permission has anything of the cell; of which address, topic or place is not asked."""
    return set(cell.purposes) <= set(granted.purposes) and set(cell.channels) <= set(granted.channels)


def _stands(mark: PermissionMark, now: Instant) -> bool:
    return not (mark.valid_until and mark.valid_until <= now) and not (mark.uses and mark.taken >= mark.uses)


def _gaps(event: PermissionGranted, cells: _Cells) -> PermissionGranted | None:
    """Return the permission on the channels, or on the purposes, that have a gap and else refusals; None without."""
    if _fillable(cells.values()):
        return event
    channels = tuple(each for each in event.channels if _fillable(cells[purpose, each] for purpose in event.purposes))
    if channels:
        return replace(event, channels=channels)
    purposes = tuple(each for each in event.purposes if _fillable(cells[each, channel] for channel in event.channels))
    return replace(event, purposes=purposes) if purposes else None


def _fillable(cells: Iterable[_Cell]) -> bool:
    found = set(cells)
    return _Cell.GAP in found and found <= {_Cell.GAP, _Cell.REFUSED}
