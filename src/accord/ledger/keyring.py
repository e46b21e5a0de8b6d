"""What the service needs of keys: a customer's key, made once, durable before it is used; and a signer."""

from collections.abc import Iterable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from accord.domain.terms import BrandId
from accord.proof.checkpoint import verifier_key
from accord.proof.handover import TrustedKey, trusted


class CustomerKey(Struct, frozen=True):
    """The living key of a customer and its generation."""

    generation: int
    key: bytes


class Keyring(Protocol):
    """Keys of customers. Losing one is losing what it sealed: that is how erasure works."""

    def make(self, brand: BrandId, refs: Iterable[bytes]) -> dict[bytes, CustomerKey]:
        """Return the newest key of each customer, making those that are missing; durable on return.

        Raises FencedError where one is missing of a customer who was erased.
        """
        ...

    def find(self, brand: BrandId, refs: Iterable[bytes]) -> dict[tuple[bytes, int], bytes]:
        """Return every living key of the customers, by (customer_ref, generation); never makes one."""
        ...


class FencedError(Exception):
    """A key was asked for somebody who was erased or is being erased: none is ever made."""


class LedgerKeys(Struct, frozen=True):
    """The key that signs for a ledger now, and the handovers that led to it, oldest first."""

    name: str
    private_key: Ed25519PrivateKey
    handovers: tuple[str, ...] = ()

    @property
    def verifier_key(self) -> str:
        """The key as it is pinned."""
        return verifier_key(self.name, self.private_key.public_key())

    def trusted(self) -> list[TrustedKey]:
        """Return every key of the ledger so far, oldest first. Raises ValueError where the handovers do not fit."""
        return trusted(self.verifier_key, self.handovers)


class KeyLostError(ValueError):
    """The key that signs for a ledger, or what names it, is not where it should be."""


class Signer(Protocol):
    """Knows the keys of ledgers."""

    def keys(self, ledger: str) -> LedgerKeys:
        """Return the keys of a ledger as they are now, asked for after what is to be signed was read.

        Raises KeyLostError.
        """
        ...


class SigningKeys(Signer, Protocol):
    """Keys that ledgers are handed over to, from the oldest to the newest."""

    def newest(self) -> Ed25519PrivateKey:
        """Return the key made last."""
        ...

    def make(self) -> None:
        """Make another key, which signs nothing yet; durable on return."""
        ...

    def older(self) -> int:
        """Return how many keys there are besides the newest."""
        ...

    def disown(self) -> None:
        """Note that no key but one made later vouches for another; durable on return."""
        ...

    def disowned(self) -> bool:
        """Say whether that was noted, and the older keys are still there."""
        ...

    def destroy_older(self) -> None:
        """Destroy every key but the newest."""
        ...


class Handovers(Protocol):
    """Keeps the handovers of each ledger, which name the key in use."""

    def read(self, ledger: str) -> tuple[str, ...]:
        """Return the handovers of a ledger, oldest first. Raises KeyLostError where they cannot be read."""
        ...

    def keep(self, ledger: str, notes: tuple[str, ...]) -> None:
        """Keep the handovers of a ledger: from here on it is signed by the key named last. Durable on return."""
        ...


class WrappedKey(Struct, frozen=True):
    """A customer's key as it is kept: encrypted under the key-encryption key of an epoch."""

    customer_ref: bytes
    generation: int
    epoch: int
    wrapped: bytes


class WrappedKeys(Protocol):
    """Where wrapped keys are kept: a database of its own, with its own short backups."""

    def insert_missing(self, brand: BrandId, keys: list[WrappedKey]) -> None:
        """Keep keys that are not there yet; durable on return. One that is there stays as it is.

        Neither a key of a fenced customer is kept nor one wrapped in an epoch that is not the newest.
        """
        ...

    def select(self, brand: BrandId, refs: list[bytes]) -> list[WrappedKey]:
        """Return every key of the customers."""
        ...

    def epoch(self) -> int:
        """Return the newest epoch of the key-encryption key, the only one that keys are wrapped in."""
        ...

    def fenced(self, brand: BrandId, refs: list[bytes]) -> set[bytes]:
        """Return those of the customers who are fenced."""
        ...


class OutsideCopy(Protocol):
    """Keeps the newest checkpoint of each ledger where the database's owner cannot lose it with the database."""

    def read(self, ledger: str) -> str | None:
        """Return the note kept for a ledger, or None when none ever was."""
        ...

    def replace(self, ledger: str, before: str | None, after: str) -> bool:
        """Keep `after` if what is kept is `before`; durable on return. False when it is something else."""
        ...

    def ledgers(self) -> list[str]:
        """Return the name of every ledger a note is kept for."""
        ...
