"""Nothing is left out: every method, every required field, every reason has its case."""

import re
from pathlib import Path

import pytest
from bad_requests import BATCH, CASES
from support.grpc_server import METHODS
from support.protos import required_paths
from wire_examples import VALID

from accord.domain.problems import ErrorReason

FAILS_ALONE = {
    "DecisionService/BatchCheck": "questions[0]",
    "ImportService/ImportSuppressions": "contact_points[0]",
    "ImportService/ImportRecords": "records[0]",
}
"""Where the items of a method stand that fail alone."""

NOT_PRODUCED: dict[ErrorReason, str] = {}
"""Reasons that the protos keep for what no request can cause today, and why."""

ELSEWHERE = {
    ErrorReason.STATE_LOST: "contract/test_recovery.py",
    ErrorReason.VIEW_UNAVAILABLE: "unit/test_export_parquet.py",
}
"""Reasons that need more than a request: a ledger that lost entries, a server without a library."""


_TESTS = Path(__file__).parent.parent


def test_every_method_has_a_valid_request() -> None:
    assert set(VALID) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_bad_requests(method: str) -> None:
    assert method == BATCH or [case for case in CASES if case.method == method]


@pytest.mark.parametrize("method", [method for method in METHODS if method != BATCH])
def test_every_required_field_is_left_out_once(method: str) -> None:
    required = set(required_paths(METHODS[method].input_type.name))
    # An item fails alone: tests of their own leave it incomplete.
    required = {path for path in required if not path.startswith(FAILS_ALONE.get(method, "-"))}
    assert required <= {case.missing for case in CASES if case.method == method}


def test_every_reason_is_given_by_a_test_or_known_not_to_be() -> None:
    sources = [path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    examined = {name for source in sources for name in re.findall(r"examine\([^\n]*ErrorReason\.(\w+)\)", source)}
    asserted = {name for source in sources for name in re.findall(r"reason is ErrorReason\.(\w+)", source)}
    given = {case.reason.name for case in CASES} | examined | asserted
    for reason, file in ELSEWHERE.items():
        assert f"reason is ErrorReason.{reason.name}" in (_TESTS / file).read_text("utf-8")
        given.add(reason.name)
    assert given | {reason.name for reason in NOT_PRODUCED} == {reason.name for reason in ErrorReason}
    assert not given & {reason.name for reason in NOT_PRODUCED}


def test_no_two_cases_are_the_same() -> None:
    names = [(case.method, case.label) for case in CASES]
    assert len(set(names)) == len(names)
