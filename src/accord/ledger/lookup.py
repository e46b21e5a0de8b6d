"""The one way an identifier is found: a keyed digest, 16 bytes, never written into a leaf.

Frozen: golden bytes guard it. Keyed BLAKE2b over brand, kind and normalised value, each ended by a
zero byte; the key is the pepper. One keyed context is made and copied, since that costs half.
"""

from hashlib import blake2b

from accord.domain.terms import BrandId, Identifier

LOOKUP_BYTES = 16


class Lookups:
    """Digests under one pepper, of 32 bytes, and of suppressed addresses under another."""

    def __init__(self, pepper: bytes, suppression_pepper: bytes = b"") -> None:
        """Prepare the keyed contexts: identifiers, contacts, requests and contents never share one.

        An address kept from being woken up is known by its digest alone, so its pepper never changes and
        is one of its own; left out, it is derived from the first.
        """
        own = suppression_pepper or blake2b(b"suppression", key=pepper, digest_size=32).digest()
        self._suppressions = blake2b(key=own, digest_size=LOOKUP_BYTES, person=b"accord/v1 suppre")
        self._identifiers = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 person")
        self._contacts = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 contac")
        self._requests = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 reques")
        self._contents = blake2b(key=pepper, digest_size=LOOKUP_BYTES, person=b"accord/v1 conten")

    def identifier(self, brand: BrandId, identifier: Identifier) -> bytes:
        """Return the digest by which a normalised identifier is found."""
        context = self._identifiers.copy()
        context.update(f"{brand}\0{identifier.kind}\0{identifier.value}".encode())
        return context.digest()

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
