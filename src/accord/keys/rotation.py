"""A new epoch of the key-encryption key: the living are wrapped anew, then the old key is destroyed.

Steps, each of which may be cut off; the next call goes on where this one stopped:
(1) make the KEK of the next epoch; (2) let keys be kept in that epoch only; (3) wrap every key of an
earlier epoch anew, and look that it opens; (4) once none is left, destroy the earlier KEKs.
Servers go on meanwhile: they look for a KEK they do not know, and are refused a key in an old epoch.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from accord.domain.terms import DAY, BrandId, Instant
from accord.keys.kek import KeyUnreadableError, KeyWrapper
from accord.keys.keyring import unwrap, wrap
from accord.ledger.keyring import WrappedKey

_PAGE = 1000


class KekEpochs(Protocol):
    """What a rotation needs of the store of wrapped keys. Each call is durable on return."""

    def epochs(self) -> list[tuple[int, Instant, Instant, int]]:
        """Return every epoch, oldest first: its number, when it began, when it ended (0: not yet), keys in it."""
        ...

    def begin_epoch(self, epoch: int, now: Instant) -> None:
        """Let keys be kept in this epoch only, from here on."""
        ...

    def end_epoch(self, epoch: int, now: Instant) -> None:
        """Note that the key-encryption key of an epoch is destroyed, or left to others to destroy."""
        ...

    def older(self, epoch: int, limit: int) -> list[tuple[BrandId, WrappedKey]]:
        """Return up to `limit` keys of earlier epochs, of every brand."""
        ...

    def rewrap(self, keys: list[tuple[BrandId, WrappedKey, int]]) -> None:
        """Put keys in the place of those of the epoch named last."""
        ...

    def compact(self) -> bool:
        """Leave no replaced byte behind, where the database can."""
        ...


class Rotation(Struct, frozen=True):
    """What a rotation did. `left` are the epochs whose KEK others must destroy."""

    epoch: int
    rewrapped: int
    destroyed: tuple[int, ...]
    left: tuple[int, ...]


def irrecoverable_by(keys: KekEpochs, days: int, erased_time: Instant) -> Instant:
    """Return when the KEK is destroyed that wrapped what was just erased, if it is rotated every so many days.

    A rotation that is overdue is promised within as many days again.
    """
    due = Instant(keys.epochs()[-1][1] + days * DAY)
    return due if due >= erased_time else Instant(erased_time + days * DAY)


def rotate(keys: KekEpochs, wrapper: KeyWrapper, now: Instant, progress: Callable[[int], None]) -> Rotation:
    """Begin a new epoch, or finish the one that was begun, and return what was done. Raises SecretsError."""
    epochs = keys.epochs()
    newest = epochs[-1][0]
    if all(ended for _, _, ended, _ in epochs[:-1]):
        newest += 1
        wrapper.make(newest)
        # From here on a crash leaves a KEK that nothing is wrapped in: the next call uses it.
        keys.begin_epoch(newest, now)
    rewrapped = _rewrap(keys, wrapper, newest, progress)
    destroyed: list[int] = []
    left: list[int] = []
    for epoch, _, ended, _ in keys.epochs():
        if epoch < newest and not ended:
            # The key first, then the note: a crash between destroys what is destroyed.
            (destroyed if wrapper.destroy(epoch) else left).append(epoch)
            keys.end_epoch(epoch, now)
    keys.compact()
    return Rotation(newest, rewrapped, tuple(destroyed), tuple(left))


def _rewrap(keys: KekEpochs, wrapper: KeyWrapper, epoch: int, progress: Callable[[int], None]) -> int:
    """Wrap every key of an earlier epoch anew; return how many there were."""
    done = 0
    while page := keys.older(epoch, _PAGE):
        keys.rewrap([(brand, _moved(wrapper, brand, row, epoch), row.epoch) for brand, row in page])
        done += len(page)
        progress(done)
    return done


def _moved(wrapper: KeyWrapper, brand: BrandId, row: WrappedKey, epoch: int) -> WrappedKey:
    key = unwrap(wrapper, brand, row)
    moved = wrap(wrapper, brand, WrappedKey(row.customer_ref, row.generation, epoch, b""), key)
    if unwrap(wrapper, brand, moved) != key:
        raise KeyUnreadableError("a key wrapped anew does not open as before; nothing was destroyed")
    return moved
