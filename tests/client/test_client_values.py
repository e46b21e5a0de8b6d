"""The choices a caller of the client has are those of the protos, each of them."""

from enum import StrEnum
from typing import Any

import pytest

from accord.client import values
from accord.v1 import contact_service_pb2, customer_pb2, customer_service_pb2, evidence_pb2


@pytest.mark.parametrize(
    ("ours", "wire", "prefix"),
    [
        (values.ActivityKind, customer_service_pb2.ActivityKind, "ACTIVITY_KIND_"),
        (values.ContactOutcome, contact_service_pb2.ContactOutcome, "CONTACT_OUTCOME_"),
        (values.ContactPointFact, customer_service_pb2.ContactPointFact, "CONTACT_POINT_FACT_"),
        (values.ContactPointKind, customer_pb2.ContactPointKind, "CONTACT_POINT_KIND_"),
        (values.CustomerKind, customer_service_pb2.CustomerKind, "CUSTOMER_KIND_"),
        (values.Declarant, evidence_pb2.Declarant, "DECLARANT_"),
        (values.DeclarationMethod, evidence_pb2.DeclarationMethod, "DECLARATION_METHOD_"),
        (values.OverlayKind, customer_service_pb2.OverlayKind, "OVERLAY_KIND_"),
        (values.RestrictionGround, customer_service_pb2.RestrictionGround, "RESTRICTION_GROUND_"),
        (values.Recorder, evidence_pb2.Recorder, "RECORDER_"),
    ],
)
def test_every_choice_of_the_wire_is_a_choice_of_the_client(ours: type[StrEnum], wire: Any, prefix: str) -> None:
    named = {name.removeprefix(prefix) for name, number in wire.items() if number}
    assert {str(each) for each in ours} == named
