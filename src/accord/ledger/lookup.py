"""The one way an identifier is found: a keyed digest, 16 bytes, never written into a leaf.

Frozen: golden bytes guard it. Keyed BLAKE2b over brand, kind and normalised value, each ended by a
zero byte; the key is the pepper. One keyed context is made and copied, since that costs half.

Identifiers can be guessed by whoever has the pepper, so theirs has epochs: the head of a ledger says in
which its identifiers are, and who reads or writes asks for the digests of that epoch. Contacts, requests and
contents are named by callers and keep the first pepper for ever: nobody could hash a request anew.

The head tells of its pepper too, by a digest of nothing under it: whoever has another pepper of that epoch would take
everybody for a stranger, and is told so instead.
"""

import logging
from hashlib import blake2b
from typing import Protocol

from accord.domain.terms import BrandId, Identifier
from accord.ledger.store import Head, StoreUnavailableError

LOOKUP_BYTES = 16
FIRST_EPOCH = 1

_log = logging.getLogger(__name__)


class PepperMissingError(StoreUnavailableError):
    """The pepper of an epoch is not on this machine, so nobody can be recognised: an operator must put it there."""


class PepperDiffersError(PepperMissingError):
    """The pepper of an epoch on this machine is not the one of the ledger: an operator must put the right one there."""


class Peppers(Protocol):
    """The peppers of identifiers, by epoch."""

    def of(self, epoch: int) -> bytes:
        """Return the pepper of an epoch, 32 bytes. Raises PepperMissingError."""
        ...

    def newest(self) -> int:
        """Return the newest epoch whose pepper is here."""
        ...


class Lookups:
    """Digests under the first pepper, of 32 bytes, and of suppressed addresses under another."""

    def __init__(self, pepper: bytes, suppression_pepper: bytes = b"", peppers: Peppers | None = None) -> None:
        """Prepare the keyed contexts: identifiers, contacts, requests and contents never share one.

        An address kept from being woken up is known by its digest alone, so its pepper never changes and
        is one of its own; left out, it is derived from the first. `peppers` left out: the first is all there is.
        """
        own = suppression_pepper or blake2b(b"suppression", key=pepper, digest_size=32).digest()
        self._suppressions = blake2b(key=own, digest_size=LOOKUP_BYTES, person=b"accord/v1 suppre")
        self._contacts = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 contac")
        self._requests = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 reques")
        self._contents = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 conten")
        self._peppers = peppers
        self._of_epoch = {FIRST_EPOCH: IdentifierLookups(FIRST_EPOCH, pepper)}

    def of(self, epoch: int) -> "IdentifierLookups":
        """Return how identifiers are found in an epoch. Raises PepperMissingError."""
        found = self._of_epoch.get(epoch)
        if found is None:
            if self._peppers is None:
                raise PepperMissingError(f"the pepper of epoch {epoch} is not here")
            found = self._of_epoch[epoch] = IdentifierLookups(epoch, self._peppers.of(epoch))
        return found

    def at(self, head: Head) -> "IdentifierLookups":
        """Return how identifiers are found in the epoch of a ledger. Raises PepperMissingError."""
        found = self.of(head.pepper_epoch)
        if head.pepper_check in (found.check, 0):
            return found
        if found.epoch != FIRST_EPOCH:
            # So that the right one is found as soon as it is put there.
            del self._of_epoch[found.epoch]
        told = (
            f"the pepper of epoch {found.epoch} is here another than the one that hides the identifiers of {head.brand}"
        )
        _log.error("%s", told)
        raise PepperDiffersError(f"{told}: put that here, from where its customers are recognised")

    @property
    def newest_epoch(self) -> int:
        """The epoch in which a ledger begins."""
        return self._peppers.newest() if self._peppers else FIRST_EPOCH

    def suppression(self, brand: BrandId, address: Identifier) -> bytes:
        """Return the digest by which an address is known whose holder was erased and is not to be woken up."""
        context = self._suppressions.copy()
        context.update(f"{brand}\0{address.kind}\0{address.value}".encode())
        return context.digest()

    def contact(self, brand: BrandId, contact_id: str) -> bytes:
        """Return the digest by which a contact is found."""
        context = self._contacts.copy()
        context.update(f"{brand}\0{contact_id}".encode())
        return context.digest()

    def request(self, brand: BrandId, caller: str, request_id: str) -> bytes:
        """Return the digest by which a request of a caller is found."""
        context = self._requests.copy()
        context.update(f"{brand}\0{caller}\0{request_id}".encode())
        return context.digest()

    def content(self, content: bytes) -> bytes:
        """Return the digest that tells a repeated request from one with other content."""
        context = self._contents.copy()
        context.update(content)
        return context.digest()


class IdentifierLookups:
    """Digests of identifiers under the pepper of one epoch."""

    __slots__ = ("_identifiers", "check", "epoch")

    def __init__(self, epoch: int, pepper: bytes) -> None:
        """Prepare the keyed context."""
        self.epoch = epoch
        # Never 0, and no more than both databases and JSON have room for.
        told = blake2b(key=pepper, digest_size=8, person=b"accord/v1 checks").digest()
        self.check = int.from_bytes(told) >> 1 or 1
        self._identifiers = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 person")

    def identifier(self, brand: BrandId, identifier: Identifier) -> bytes:
        """Return the digest by which a normalised identifier is found."""
        context = self._identifiers.copy()
        context.update(f"{brand}\0{identifier.kind}\0{identifier.value}".encode())
        return context.digest()
