"""What a commit reads before it judges: the rows its commands may need, asked for once for all of them."""

from accord.domain.commands import (
    AcceptLoss,
    AddOverlay,
    ApplyCatalogue,
    AuthorizeContact,
    BeginList,
    Command,
    Confirm,
    EndList,
    Erase,
    Grant,
    HoldErasure,
    Import,
    LiftOverlay,
    LiftRestriction,
    Link,
    ListAddress,
    MarkLost,
    Merge,
    RecordExport,
    RecordFacts,
    RecordHandover,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
    Restrict,
    Split,
    Unlink,
    UnlistAddress,
)
from accord.domain.terms import Identifier, IdentifierKind
from accord.ledger.entry import BRAND_REF, LOST_REF
from accord.ledger.lookup import Lookups
from accord.ledger.store import Head, Wanted
from accord.service.answers import Request


def wanted_by(lookups: Lookups, head: Head, requests: list[Request]) -> Wanted:
    """Return what the commands read, once for all of them."""
    found: set[bytes] = set()
    contacts: set[bytes] = set()
    customers: set[bytes] = set()
    suppressions: set[bytes] = set()
    keys = {request.key for request in requests if request.key}
    identifiers = lookups.at(head)
    for request in requests:
        command = request.command.record if isinstance(request.command, Import) else request.command
        names = named(command)
        found.update([identifiers.identifier(head.brand, each) for each in names])
        if isinstance(command, AuthorizeContact | ReportContact):
            contacts.add(lookups.contact(head.brand, command.contact_id))
        elif isinstance(command, HoldErasure):
            customers.update(command.customers)
        elif isinstance(command, Erase):
            customers.update(command.customers, (BRAND_REF,), (each.customer for each in command.tellers.values()))
            contacts.update(lookups.contact(head.brand, each) for each in command.contacts)
        elif isinstance(command, ApplyCatalogue | RecordExport | RecordHandover | AcceptLoss | BeginList | EndList):
            customers.add(BRAND_REF)
        elif isinstance(command, MarkLost):
            customers.add(LOST_REF)
        elif isinstance(command, UnlistAddress):
            found.add(command.lookup)
            suppressions.add(command.digest)
        elif isinstance(command, Confirm) and command.token is not None:
            contacts.add(command.token.contact_key)
        else:
            suppressions.update([lookups.suppression(head.brand, each) for each in names if _is_address(each)])
    return Wanted(
        tuple(sorted(found)),
        tuple(sorted(contacts)),
        tuple(sorted(keys)),
        tuple(sorted(customers)),
        tuple(sorted(suppressions)),
    )


def named(command: Command) -> tuple[Identifier, ...]:  # noqa: C901 - one case for each command
    """Return the identifiers a command names: whom first, then the address."""
    match command:
        case Grant() | Refuse():
            return (command.customer, command.contact_point) if command.contact_point else (command.customer,)
        case (
            ApplyCatalogue()
            | RecordExport()
            | RecordHandover()
            | MarkLost()
            | AcceptLoss()
            | ReportContact()
            | HoldErasure()
            | BeginList()
            | EndList()
            | UnlistAddress()
        ):
            return ()
        case Import():
            return named(command.record)
        case Erase():
            return command.addresses
        case ReportContactPoint() | ListAddress():
            return (command.contact_point,)
        case AuthorizeContact():
            point = command.question.contact_point
            return (command.customer, point) if point else (command.customer,)
        case Link() | Unlink():
            return (command.customer, command.contact_point)
        case AddOverlay() | Merge():
            return command.customers
        case Confirm():
            return (command.customer,) if command.customer else ()
        case RecordFacts() | ReportActivity() | Split() | LiftOverlay() | Restrict() | LiftRestriction():
            return (command.customer,)


def _is_address(identifier: Identifier) -> bool:
    return identifier.kind is not IdentifierKind.CUSTOMER_ID
