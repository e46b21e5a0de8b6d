"""The protos: every declaration is explained, the stubs are theirs, and the domain says the same words."""

import filecmp
from collections.abc import Iterator
from enum import Enum, IntEnum
from pathlib import Path

import pytest
from support.make_stubs import STUBS, make
from support.protos import documented, files

from accord.domain import tally, terms
from accord.domain.importing import ImportVerdict
from accord.domain.problems import ErrorReason
from accord.service.listed import ListVerdict
from accord.service.replay import Cause
from accord.v1 import (
    audit_service_pb2,
    catalogue_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    error_reason_pb2,
    evidence_pb2,
    import_service_pb2,
    permission_pb2,
    permission_service_pb2,
)

BY_NUMBER = {
    "ImportVerdict": (import_service_pb2.ImportVerdict, ImportVerdict),
    "SuppressionVerdict": (import_service_pb2.SuppressionVerdict, ListVerdict),
    "InvalidityCause": (audit_service_pb2.InvalidityCause, Cause),
    "Verdict": (decision_pb2.Verdict, terms.Verdict),
    "DecisionReason": (decision_pb2.DecisionReason, terms.Reason),
    "ContactStatus": (contact_service_pb2.ContactStatus, terms.ContactStatus),
    "PermissionStatus": (permission_pb2.PermissionStatus, terms.PermissionStatus),
}
"""Enumerations that carry the numbers of the wire."""

BY_NAME = {
    "Basis": (decision_pb2.Basis, terms.Basis),
    "RemedyKind": (decision_pb2.RemedyKind, terms.RemedyKind),
    "Obligation": (decision_pb2.Obligation, terms.Obligation),
    "Redaction": (audit_service_pb2.Redaction, terms.Redaction),
    "PurposeClass": (catalogue_pb2.PurposeClass, terms.PurposeClass),
    "ContactPointKind": (customer_pb2.ContactPointKind, terms.IdentifierKind),
    "Declarant": (evidence_pb2.Declarant, terms.Declarant),
    "Recorder": (evidence_pb2.Recorder, terms.Recorder),
    "DeclarationMethod": (evidence_pb2.DeclarationMethod, terms.Method),
    "RefusalKind": (permission_pb2.RefusalKind, terms.RefusalKind),
    "ContactOutcome": (contact_service_pb2.ContactOutcome, terms.Outcome),
    "ActivityKind": (customer_service_pb2.ActivityKind, terms.ActivityKind),
    "ContactPointFact": (customer_service_pb2.ContactPointFact, terms.PointFact),
    "CustomerKind": (customer_service_pb2.CustomerKind, terms.CustomerKind),
    "ListKind": (import_service_pb2.ListKind, terms.ListKind),
    "OverlayKind": (customer_service_pb2.OverlayKind, terms.OverlayKind),
    "RestrictionGround": (customer_service_pb2.RestrictionGround, terms.RestrictionGround),
    "ErasureMode": (customer_service_pb2.ErasureMode, terms.ErasureMode),
    "ErasureReason": (customer_service_pb2.ErasureReason, terms.ErasureReason),
    "ReplyMeaning": (permission_service_pb2.ReplyMeaning, terms.ReplyMeaning),
    "Measure": (audit_service_pb2.Measure, tally.Measure),
    "Period": (audit_service_pb2.Period, tally.Period),
    "Dimension": (audit_service_pb2.Dimension, tally.Dimension),
    "ErrorReason": (error_reason_pb2.ErrorReason, ErrorReason),
}
"""Enumerations that are words, on the wire and in the ledger."""

ONLY_ON_THE_WIRE = {
    "DecisionView": "how much to answer is a matter of the edge",
    "ErasureStatus": "an erasure holds an instant and a receipt, and where it stands follows from them",
}
ONLY_IN_THE_DOMAIN = {"CUSTOMER_ID": "the caller's own id is no address", "NONE": "the wire says it by leaving it out"}


def test_everything_declared_is_explained_in_a_sentence() -> None:
    bare = [f"{each.kind} {each.name}" for each in documented() if not each.comment.endswith((".", "?", '?"'))]
    assert not bare
    assert {each.kind for each in documented()} == {
        "message",
        "field",
        "oneof",
        "enum",
        "enum value",
        "service",
        "method",
    }


def test_every_enumeration_begins_with_an_unspecified_zero() -> None:
    for file in files():
        for enum in file.enum_type:
            first = enum.value[0]
            assert first.number == 0
            assert first.name.endswith("_UNSPECIFIED")


@pytest.mark.parametrize("name", BY_NUMBER)
def test_a_numbered_enumeration_has_the_names_and_numbers_of_the_wire(name: str) -> None:
    wire, domain = BY_NUMBER[name]
    assert issubclass(domain, IntEnum)
    assert {member.name: member.value for member in domain} == dict(_named(wire))


@pytest.mark.parametrize("name", BY_NAME)
def test_a_worded_enumeration_has_the_names_of_the_wire(name: str) -> None:
    wire, domain = BY_NAME[name]
    named = {each for each, _ in _named(wire)}
    assert {member.name for member in domain} - (ONLY_IN_THE_DOMAIN.keys() - named) == named


@pytest.mark.parametrize("name", BY_NAME)
def test_a_word_of_the_ledger_is_its_own_name(name: str) -> None:
    _, domain = BY_NAME[name]
    for member in domain:
        if not isinstance(member, IntEnum):
            assert member.value == member.name


def test_every_enumeration_of_the_wire_is_compared() -> None:
    wire = {enum.name for file in files() for enum in file.enum_type}
    assert wire == {*BY_NUMBER, *BY_NAME, *ONLY_ON_THE_WIRE}


def test_every_enumeration_of_the_terms_is_compared() -> None:
    found = {each for each in vars(terms).values() if isinstance(each, type) and issubclass(each, Enum)}
    shared = {domain for _, domain in (*BY_NUMBER.values(), *BY_NAME.values())}
    assert {each for each in found if each.__module__ == terms.__name__} <= shared


def test_the_stubs_are_those_that_the_protos_make(tmp_path: Path) -> None:
    make(tmp_path)
    made = tmp_path / "accord" / "v1"
    wanted = {path.name for path in made.iterdir()}
    assert {path.name for path in STUBS.iterdir() if path.is_file()} == wanted
    _, differing, missing = filecmp.cmpfiles(made, STUBS, sorted(wanted), shallow=False)
    assert (differing, missing) == ([], []), "run `make proto`"


def test_the_stubs_serve_what_the_protos_declare() -> None:
    serving = {f"{Path(file.name).stem}_pb2_grpc.py" for file in files() if file.service}
    assert {path.name for path in STUBS.glob("*_pb2_grpc.py")} == serving


def _named(wire: object) -> Iterator[tuple[str, int]]:
    """Yield the names of an enumeration of the wire without its prefix, and their numbers; not the zero."""
    items = wire.items()  # type: ignore[attr-defined]
    prefix = items[0][0].removesuffix("UNSPECIFIED")
    for name, number in items:
        if number:
            yield name.removeprefix(prefix), number
