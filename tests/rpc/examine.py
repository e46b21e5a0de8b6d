"""What every failure owes its caller."""

from support.grpc_server import Failure
from wire_examples import PERSONAL

from accord.domain.problems import ErrorReason
from accord.rpc.errors import DOMAIN, STATUS


def examine(failure: Failure, reason: ErrorReason) -> None:
    """Hold a failure to what every failure owes: its status, its domain, and nothing personal."""
    assert (failure.reason, failure.code) == (reason.value, STATUS[reason]), failure.raw
    assert failure.domain == DOMAIN
    told = [each for each in PERSONAL if each in failure.raw]
    assert not told, f"the answer repeats {told}"


def named(failure: Failure) -> set[str]:
    """Return every field that a failure names, in BadRequest or for programs."""
    listed = failure.metadata.get("fields") or failure.metadata.get("field") or ""
    return {*failure.fields, *listed.split(", ")} - {""}
