"""Why a command cannot be written, as a value. The names are those of error_reason.proto.

A problem is the caller's: it names the field, the reason and what is allowed, and nothing is
appended. It never repeats a personal value.
"""

from enum import StrEnum

from msgspec import Struct


class ErrorReason(StrEnum):
    """The same names as `accord.v1.ErrorReason` without the prefix (a test compares them)."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    PURPOSE_UNKNOWN = "PURPOSE_UNKNOWN"
    CHANNEL_UNKNOWN = "CHANNEL_UNKNOWN"
    TOUCHPOINT_UNKNOWN = "TOUCHPOINT_UNKNOWN"
    NOTICE_UNKNOWN = "NOTICE_UNKNOWN"
    PLACE_UNKNOWN = "PLACE_UNKNOWN"
    NOT_A_PERMISSION = "NOT_A_PERMISSION"
    CUSTOMER_UNKNOWN = "CUSTOMER_UNKNOWN"
    CUSTOMER_AMBIGUOUS = "CUSTOMER_AMBIGUOUS"
    CUSTOMER_ERASED = "CUSTOMER_ERASED"
    CUSTOMER_FULL = "CUSTOMER_FULL"
    CONTACT_POINT_NOT_LINKED = "CONTACT_POINT_NOT_LINKED"
    PERMISSION_UNKNOWN = "PERMISSION_UNKNOWN"
    CUSTOMER_NOT_MERGED = "CUSTOMER_NOT_MERGED"
    OVERLAY_UNKNOWN = "OVERLAY_UNKNOWN"
    CUSTOMER_NOT_RESTRICTED = "CUSTOMER_NOT_RESTRICTED"
    ERASURE_UNKNOWN = "ERASURE_UNKNOWN"
    CONTACT_UNKNOWN = "CONTACT_UNKNOWN"
    CONTACT_ID_REUSED = "CONTACT_ID_REUSED"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    CATALOGUE_INVALID = "CATALOGUE_INVALID"
    CATALOGUE_CHANGED = "CATALOGUE_CHANGED"
    CATALOGUE_MISSING = "CATALOGUE_MISSING"
    CATALOGUE_VERSION_UNKNOWN = "CATALOGUE_VERSION_UNKNOWN"
    ENTRY_UNKNOWN = "ENTRY_UNKNOWN"
    PAGE_TOKEN_INVALID = "PAGE_TOKEN_INVALID"  # noqa: S105 - a reason, not a secret
    FRESHNESS_UNAVAILABLE = "FRESHNESS_UNAVAILABLE"
    STATE_LOST = "STATE_LOST"
    RECEIPT_UNKNOWN = "RECEIPT_UNKNOWN"
    CONTROLLER_UNTOLD = "CONTROLLER_UNTOLD"
    VIEW_UNAVAILABLE = "VIEW_UNAVAILABLE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    ROLE_MISSING = "ROLE_MISSING"
    OVERLOADED = "OVERLOADED"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    LEDGER_UNPROVEN = "LEDGER_UNPROVEN"
    STOPPING = "STOPPING"
    INTERNAL = "INTERNAL"
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105 - a reason, not a secret
    TOKEN_REQUIRED = "TOKEN_REQUIRED"  # noqa: S105 - a reason, not a secret


class Violation(Struct, frozen=True):
    """One fault: where it is, and what is wrong and allowed in words."""

    field: str
    description: str


class Problem(Struct, frozen=True):
    """Why something was not done. `violations` may be empty; `metadata` is for programs."""

    reason: ErrorReason
    message: str
    violations: tuple[Violation, ...] = ()
    metadata: dict[str, str] = {}

    @property
    def text(self) -> str:
        """The message, and each fault, on one line."""
        return "; ".join([self.message, *(f"{fault.field}: {fault.description}" for fault in self.violations)])


def moved(problem: Problem, before: str, after: str) -> Problem:
    """Return the problem with field paths that begin with `before` beginning with `after`."""

    def path(field: str) -> str:
        return after + field.removeprefix(before) if field.startswith(before) else field

    violations = tuple(Violation(path(fault.field), fault.description) for fault in problem.violations)
    metadata = dict(problem.metadata)
    if "field" in metadata:
        metadata["field"] = path(metadata["field"])
    if "fields" in metadata:
        metadata["fields"] = ", ".join(fault.field for fault in violations)
    return Problem(problem.reason, problem.message, violations, metadata)


def unknown(reason: ErrorReason, field: str, what: str, known: list[str]) -> Problem:
    """Say that a code is not in the catalogue and, for up to 20, what is."""
    shown = ", ".join(known[:20]) + (f", and {len(known) - 20} more" if len(known) > 20 else "")
    fault = Violation(field, f"no such {what} in the catalogue; known: {shown or 'none'}")
    return Problem(reason, f"unknown {what}", (fault,), {"field": field, "known": shown})


def invalid(field: str, description: str) -> Problem:
    """Say that one field is missing or wrong."""
    return invalid_fields((Violation(field, description),))


def invalid_fields(faults: tuple[Violation, ...]) -> Problem:
    """Say that fields are missing or wrong, all at once."""
    fields = ", ".join(fault.field for fault in faults)
    return Problem(ErrorReason.INVALID_ARGUMENT, "invalid request", faults, {"fields": fields})
