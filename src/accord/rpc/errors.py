"""From a problem to a google.rpc.Status: one table, and what every error carries."""

import logging
import secrets
from typing import NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from msgspec.structs import replace

from accord.domain.problems import ErrorReason, Problem, Violation
from accord.v1 import error_reason_pb2, item_error_pb2

DOMAIN = "accord.v1"
RETRY_SECONDS = 1
MAX_FAULT_BYTES = 3000
MAX_TEXT = 1000

_log = logging.getLogger(__name__)

STATUS: dict[ErrorReason, grpc.StatusCode] = {
    ErrorReason.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.PURPOSE_UNKNOWN: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.CHANNEL_UNKNOWN: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.TOUCHPOINT_UNKNOWN: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.NOTICE_UNKNOWN: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.PLACE_UNKNOWN: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.NOT_A_PERMISSION: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.CUSTOMER_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.CUSTOMER_AMBIGUOUS: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.CUSTOMER_ERASED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.CUSTOMER_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.CONTACT_POINT_NOT_LINKED: grpc.StatusCode.NOT_FOUND,
    ErrorReason.PERMISSION_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.CUSTOMER_NOT_MERGED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.OVERLAY_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.CUSTOMER_NOT_RESTRICTED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.ERASURE_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.CONTACT_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.CONTACT_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
    ErrorReason.REQUEST_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
    ErrorReason.CATALOGUE_INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.CATALOGUE_CHANGED: grpc.StatusCode.ABORTED,
    ErrorReason.CATALOGUE_MISSING: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.CATALOGUE_VERSION_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.ENTRY_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.PAGE_TOKEN_INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.FRESHNESS_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.STATE_LOST: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.RECEIPT_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    ErrorReason.CONTROLLER_UNTOLD: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.VIEW_UNAVAILABLE: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    ErrorReason.ROLE_MISSING: grpc.StatusCode.PERMISSION_DENIED,
    ErrorReason.OVERLOADED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorReason.DEADLINE_PASSED: grpc.StatusCode.DEADLINE_EXCEEDED,
    ErrorReason.STORE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.LEDGER_UNPROVEN: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorReason.STOPPING: grpc.StatusCode.UNAVAILABLE,
    ErrorReason.INTERNAL: grpc.StatusCode.INTERNAL,
    ErrorReason.TOKEN_INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.TOKEN_REQUIRED: grpc.StatusCode.FAILED_PRECONDITION,
}

_COME_AGAIN = {ErrorReason.OVERLOADED, ErrorReason.STORE_UNAVAILABLE, ErrorReason.STOPPING}


def abort(context: grpc.ServicerContext, problem: Problem) -> NoReturn:
    """End the call with the problem's status and details."""
    context.abort_with_status(rpc_status.to_status(to_status(problem)))
    raise AssertionError("unreachable: abort raises")


def fitting(problem: Problem) -> Problem:
    """Return a problem small enough for a status: gRPC drops trailers above 8 KiB. Says how many faults there were."""
    faults: list[Violation] = []
    room = MAX_FAULT_BYTES
    for fault in problem.violations:
        shown = Violation(fault.field, _cut(fault.description))
        room -= 2 * len(shown.field.encode()) + len(shown.description.encode()) + 16
        if room < 0:
            break
        faults.append(shown)
    metadata = {key: _cut(value) for key, value in problem.metadata.items()}
    if len(faults) < len(problem.violations):
        metadata |= {"fields": ", ".join(fault.field for fault in faults), "faults": str(len(problem.violations))}
    return replace(problem, violations=tuple(faults), metadata=metadata)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def to_status(problem: Problem) -> status_pb2.Status:
    """Return the google.rpc.Status of a problem."""
    problem = fitting(problem)
    details = [error_details_pb2.ErrorInfo(reason=problem.reason.value, domain=DOMAIN, metadata=problem.metadata)]
    if problem.violations:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=fault.field, description=fault.description)
            for fault in problem.violations
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if problem.reason in _COME_AGAIN:
        delay = duration_pb2.Duration(seconds=RETRY_SECONDS)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        wrapped = any_pb2.Any()
        wrapped.Pack(detail)
        packed.append(wrapped)
    code: int = STATUS[problem.reason].value[0]
    return status_pb2.Status(code=code, message=problem.message, details=packed)


def to_item_error(problem: Problem) -> item_error_pb2.ItemError:
    """Return the problem of one item of a batch."""
    return item_error_pb2.ItemError(
        reason=error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{problem.reason.value}"),
        message=problem.message,
        violations=[
            item_error_pb2.FieldViolation(field=fault.field, description=fault.description)
            for fault in problem.violations
        ],
        metadata=problem.metadata,
    )


def incident(error: BaseException) -> Problem:
    """Log an exception nobody foresaw, and return what the caller may know: a number to find it by."""
    number = secrets.token_hex(8)
    # The text of the exception may quote what a caller sent: only its type and place are logged.
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "unknown"
    _log.error("incident %s: %s at %s", number, type(error).__name__, where, extra={"incident": number})
    return Problem(ErrorReason.INTERNAL, "a fault of ours", (), {"incident": number})
