"""GetReceipt: the consent receipt of an entry, written from the ledger and signed with its key."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from accord.domain import receipt, succession
from accord.domain.catalogue import Catalogue, ControllerDetails
from accord.domain.events import PermissionConfirmed, PermissionGranted
from accord.domain.problems import ErrorReason, Problem, Violation
from accord.domain.succession import Told
from accord.domain.terms import BrandId, IdentifierKind, Position
from accord.ledger.entry import NO_CUSTOMER
from accord.ledger.keyring import Signer
from accord.ledger.opening import OpenedEntry
from accord.ledger.store import Head, LedgerStore
from accord.ledger.walk import history
from accord.proof import jws
from accord.service.catalogues import Catalogues
from accord.service.errors import CallError
from accord.service.proofs import Proofs
from accord.service.records import Remembered

MEDIA_TYPE: Final = "ld+json"

_encode = msgspec.json.Encoder(order="sorted").encode


class Receipt(Struct, frozen=True):
    """A receipt as a document and signed, the key in the text form of signed notes, and how it came to be the key."""

    document: bytes
    signed: str
    verifier_key: str
    handovers: tuple[str, ...] = ()


class Receipts:
    """Writes receipts."""

    def __init__(
        self, store: LedgerStore, remembered: Remembered, proofs: Proofs, catalogues: Catalogues, signer: Signer
    ) -> None:
        """Read from these; sign with this signer."""
        self._store = store
        self._remembered = remembered
        self._proofs = proofs
        self._catalogues = catalogues
        self._signer = signer

    def receipt(self, brand: BrandId, position: Position) -> Receipt:
        """Return the receipt of the entry at a position.

        Raises CallError where there is no such entry, it is nothing a customer said, its key is gone, or the
        brand's catalogue does not tell what a receipt must.
        """
        head = self._proofs.head(brand)
        entry = self._proofs.entry(brand, position)
        opened = self._opened(head, entry.customer_ref) if entry.customer_ref not in NO_CUSTOMER else []
        told = receipt_of(head.ledger, opened, position, lambda: self._catalogue(brand, position))
        if told is None:
            raise CallError(_no_act(position))
        document = _encode(told)
        keys = self._signer.keys(head.ledger)
        signed = jws.sign(document, keys.private_key, keys.verifier_key, MEDIA_TYPE)
        return Receipt(document, signed, keys.verifier_key, keys.handovers)

    def _opened(self, head: Head, ref: bytes) -> list[OpenedEntry]:
        """Return every entry of a customer that can be opened, oldest first."""
        entries = list(history(self._store, head.brand, ref))
        return [each for each in self._remembered.try_open_all(head.brand, head.ledger, entries) if each is not None]

    def _catalogue(self, brand: BrandId, position: Position) -> tuple[Catalogue, ControllerDetails]:
        """Return the catalogue that counted then, and what it, else the newest one, tells of the controller."""
        then = self._catalogues.at(brand, position)
        newest, _ = self._catalogues.get(brand)
        details = then.catalogue.controller_details or newest.catalogue.controller_details
        if details is None:
            raise CallError(controller_untold())
        return then.catalogue, details


def receipt_of(
    ledger: str,
    opened: list[OpenedEntry],
    position: Position,
    then: Callable[[], tuple[Catalogue, ControllerDetails]],
) -> receipt.Node | None:
    """Return the receipt of the entry at a position; None where it is nothing its customer said.

    `opened` are all entries of the customer that can be read, oldest first; `then` returns the catalogue that
    counted, and what it or a later one tells of the controller.
    """
    acts = [told for each in opened if each.entry.position <= position and (told := _told(each, opened))]
    of = next((each.entry for each in opened if each.entry.position == position), None)
    if of is None or not acts or acts[-1].position != position:
        return None
    counted, details = then()
    source = receipt.Source(
        ledger=ledger,
        customer_ref=of.customer_ref.hex(),
        leaf_hash=of.leaf_hash.hex(),
        told=acts[-1],
        replaced=succession.replaced(acts),
        catalogue=counted,
        details=details,
        point_kinds=_point_kinds(opened),
    )
    return receipt.receipt(source)


def _told(entry: OpenedEntry, history: list[OpenedEntry]) -> Told | None:
    act = succession.act_of(entry.payload.event)
    if act is None:
        return None
    confirms = None
    if isinstance(act, PermissionConfirmed):
        given = (each.payload.event for each in history if each.entry.position == act.permission)
        confirms = next((event for event in given if isinstance(event, PermissionGranted)), None)
    return Told(entry.entry.position, entry.leaf.recorded_at, act, confirms)


def _point_kinds(history: list[OpenedEntry]) -> dict[int, IdentifierKind]:
    return {link.number: link.kind for each in history for link in each.payload.event.links}


def controller_untold() -> Problem:
    """Return the problem that no catalogue tells what receipts need of the controller."""
    message = "receipts need catalogue.controller_details: address, contact, rights_url, storage_countries"
    return Problem(ErrorReason.CONTROLLER_UNTOLD, message)


def _no_act(position: Position) -> Problem:
    allowed = "must be that of a permission, a confirmation or a refusal whose key lives"
    metadata = {"field": "position", "position": str(position)}
    return Problem(ErrorReason.RECEIPT_UNKNOWN, "no receipt of this entry", (Violation("position", allowed),), metadata)
