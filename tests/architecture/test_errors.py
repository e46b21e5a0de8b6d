"""Errors: one reason in the domain for each on the wire, one status for each reason, as their comments say."""

import re

import grpc
import pytest
from google.rpc import error_details_pb2
from support.protos import comment, documented

from accord.domain.problems import ErrorReason, Problem, Violation
from accord.rpc.errors import DOMAIN, STATUS, to_item_error, to_status
from accord.v1 import error_reason_pb2

PREFIX = "ERROR_REASON_"
COME_AGAIN = {"OVERLOADED", "STORE_UNAVAILABLE", "STOPPING"}


def test_the_domain_knows_every_reason_of_the_wire() -> None:
    wire = {name.removeprefix(PREFIX) for name, number in error_reason_pb2.ErrorReason.items() if number}
    assert {reason.value for reason in ErrorReason} == wire


def test_every_reason_has_a_status() -> None:
    assert set(STATUS) == set(ErrorReason)


@pytest.mark.parametrize("reason", ErrorReason)
def test_a_reason_has_the_status_and_an_example_that_its_comment_tells(reason: ErrorReason) -> None:
    told = comment(PREFIX + reason.value)
    statuses = re.findall(r"Status ([A-Z_]+)\.", told)
    assert statuses == [STATUS[reason].name]
    assert f'reason: "{reason.value}"' in told


@pytest.mark.parametrize("reason", ErrorReason)
def test_no_reason_is_told_as_success(reason: ErrorReason) -> None:
    assert STATUS[reason] is not grpc.StatusCode.OK
    assert STATUS[reason] is not grpc.StatusCode.UNKNOWN


@pytest.mark.parametrize("reason", ErrorReason)
def test_a_problem_is_told_whole_alone_and_in_a_batch(reason: ErrorReason) -> None:
    problem = Problem(reason, "why", (Violation("a.b", "is wrong"),), {"field": "a.b"})
    status = to_status(problem)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (info.reason, info.domain, dict(info.metadata)) == (reason.value, DOMAIN, {"field": "a.b"})
    assert [(each.field, each.description) for each in bad.field_violations] == [("a.b", "is wrong")]
    item = to_item_error(problem)
    assert error_reason_pb2.ErrorReason.Name(item.reason) == PREFIX + reason.value
    assert [(each.field, each.description) for each in item.violations] == [("a.b", "is wrong")]
    assert dict(item.metadata) == {"field": "a.b"}


@pytest.mark.parametrize("reason", ErrorReason)
def test_a_caller_is_told_when_to_come_again_where_it_helps(reason: ErrorReason) -> None:
    told = any(each.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for each in to_status(Problem(reason, "why")).details)
    assert told == (reason.value in COME_AGAIN)


def test_a_status_with_every_fault_there_may_be_fits_into_what_a_client_accepts() -> None:
    """A client drops trailers above 8 KiB by chance and above 16 KiB always (gRPC's metadata limits)."""
    faults = tuple(Violation(f"catalogue.places[{number}].code", "must match " + "x" * 60) for number in range(5000))
    fields = ", ".join(fault.field for fault in faults)
    for reason in (ErrorReason.INVALID_ARGUMENT, ErrorReason.CATALOGUE_INVALID):
        status = to_status(Problem(reason, "the request has faults", faults, {"fields": fields}))
        assert len(status.SerializeToString()) + len(status.message) < 8 * 1024
        assert status.details[1].Unpack(error_details_pb2.BadRequest())


def test_every_reason_stands_in_the_protos_with_what_it_means() -> None:
    names = {each.name for each in documented() if each.name.startswith(PREFIX)}
    assert names == {PREFIX + reason.value for reason in ErrorReason} | {PREFIX + "UNSPECIFIED"}
