"""Imports of lists of addresses that are not to be contacted: begun, filled and ended, each step safe to be repeated.

An import is an entry of the brand that names the file and never an address. Its addresses are bound as they
come, holder or not; when it ends, what vanished from a complete registry may be taken off, page by page, if
the registry's law says so and no more vanished than the officer expected.
"""

from collections.abc import Sequence

from msgspec import Struct

from accord.domain.commands import BeginList, Command, EndList, ListAddress, UnlistAddress
from accord.domain.events import SuppressionsEnded, SuppressionsImported
from accord.domain.registries import vanishing_ends
from accord.domain.terms import BrandId, Identifier
from accord.ledger.lookup import Lookups
from accord.ledger.store import ListedAddresses
from accord.service.answers import Receipt, Request, Written, written
from accord.service.listed import import_began, key
from accord.service.writer import MAX_COMMIT, Writer


class Begun(Struct, frozen=True):
    """An import under way: of which list, told by which entry of which ledger."""

    told: SuppressionsImported
    ledger: str
    receipt: Receipt


class Ended(Struct, frozen=True):
    """How an import ended: how many stand on the list now, were taken off, or vanished and stay on."""

    receipt: Receipt
    listed: int
    taken_off: int
    stay_on: int


class SuppressionLists:
    """Takes lists. `caller` is who asks, `deadline` when they stop waiting."""

    def __init__(self, writer: Writer, addresses: ListedAddresses, lookups: Lookups) -> None:
        """Use these."""
        self._writer = writer
        self._addresses = addresses
        self._lookups = lookups

    def begin(self, brand: BrandId, caller: str, told: SuppressionsImported, deadline: float | None = None) -> Begun:
        """Return the import of this very file; its entry is written once, whoever asks again. Raises CallError."""
        told_before = f"suppressions {import_began(told)}"
        written = self._write(brand, caller, [BeginList(begun=told)], deadline, told_before)[0]
        return Begun(told, written.ledger, written.receipts[0])

    def add(
        self, brand: BrandId, caller: str, begun: Begun, addresses: list[Identifier], deadline: float | None = None
    ) -> list[int]:
        """Bind addresses, at most MAX_COMMIT at once durably together; return a ListVerdict for each.

        Raises CallError.
        """
        position = begun.receipt.position
        commands = [ListAddress(contact_point=each, begun=begun.told, imported=position) for each in addresses]
        return [each.status for each in self._write(brand, caller, commands, deadline)]

    def end(self, brand: BrandId, caller: str, begun: Begun, ending_limit: int, deadline: float | None = None) -> Ended:
        """End the import. What vanished is taken off where it may be, unless that is more than the limit.

        Raises CallError.
        """
        told = begun.told
        code = key(told.kind, told.list)
        vanished = self._addresses.listed(brand, code, told.listed_time)[1] if told.complete else 0
        ends = vanishing_ends(told.kind, told.list) and vanished <= ending_limit
        if ends and vanished:
            self._take_off(brand, caller, begun, code, deadline)
        listed, older = self._addresses.listed(brand, code, told.listed_time)
        stay_on = older if told.complete else 0
        ended = SuppressionsEnded(imported=begun.receipt.position, listed=listed)
        written = self._write(
            brand, caller, [EndList(ended=ended)], deadline, f"suppressions ended {begun.receipt.position} {listed}"
        )[0]
        return Ended(written.receipts[0], listed, max(vanished - stay_on, 0), stay_on)

    def _take_off(self, brand: BrandId, caller: str, begun: Begun, code: str, deadline: float | None) -> None:
        # One that moved to another epoch of the pepper since it was read stays on, and comes with the next page.
        while page := self._addresses.vanished(brand, code, begun.told.listed_time, MAX_COMMIT):
            commands = [
                UnlistAddress(
                    digest=digest,
                    lookup=row.lookup,
                    list=begun.told.list,
                    kind=begun.told.kind,
                    listed_time=row.listed_time,
                    imported=begun.receipt.position,
                )
                for digest, row in page
            ]
            self._write(brand, caller, commands, deadline)

    def _write(
        self, brand: BrandId, caller: str, commands: Sequence[Command], deadline: float | None, once: str = ""
    ) -> list[Written]:
        """Write commands; with `once`, which says all of it, only the first time."""
        named = self._lookups.request(brand, "", once) if once else b""
        content = self._lookups.content(once.encode()) if once else b""
        requests = [
            Request(command=each, caller=caller, key=named, content=content, deadline=deadline) for each in commands
        ]
        found: list[Written] = []
        for start in range(0, len(requests), MAX_COMMIT):
            found.extend(written(each) for each in self._writer.submit(brand, requests[start : start + MAX_COMMIT]))
        return found
