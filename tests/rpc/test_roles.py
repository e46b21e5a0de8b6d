"""Roles: who may call what, method by method."""

from typing import Any

import pytest
from bad_requests import BATCH, BATCHED, batch
from examine import examine
from support.grpc_server import METHODS, FailedError, Failure
from wire_examples import Ground, valid

from accord.domain.problems import ErrorReason
from accord.keys.callers import ROLES

EVERYBODY = set(ROLES)
MAY: dict[str, set[str]] = {
    "DecisionService/Check": {"checker"},
    "DecisionService/BatchCheck": {"checker"},
    "DecisionService/ListReach": {"checker"},
    "ContactService/AuthorizeContact": {"sender"},
    "ContactService/ReportContact": {"mailer", "sender"},
    "ContactService/GetContact": {"sender", "auditor"},
    "PermissionService/Grant": {"collector"},
    "PermissionService/Confirm": {"collector"},
    "PermissionService/Refuse": EVERYBODY,
    "PermissionService/Withdraw": EVERYBODY,
    "PermissionService/Object": EVERYBODY,
    "PermissionService/RecordReply": EVERYBODY,
    "PermissionService/BatchRecord": {"collector"},
    "PermissionService/ListPermissions": {"collector"},
    "PermissionService/GetHistory": {"collector", "auditor"},
    "CustomerService/Link": {"collector"},
    "CustomerService/Unlink": {"collector"},
    "CustomerService/RecordFacts": {"collector"},
    "CustomerService/ReportActivity": {"collector"},
    "CustomerService/ReportContactPoint": {"collector", "sender"},
    "CustomerService/Merge": {"privacy_officer"},
    "CustomerService/Split": {"privacy_officer"},
    "CustomerService/Overlay": {"privacy_officer"},
    "CustomerService/Restrict": {"privacy_officer"},
    "CustomerService/Erase": {"privacy_officer"},
    "CustomerService/GetErasure": {"privacy_officer", "auditor"},
    "CustomerService/ListErasures": {"privacy_officer", "auditor"},
    "ImportService/ImportSuppressions": {"privacy_officer"},
    "ImportService/ImportRecords": {"collector"},
    "CatalogueService/Apply": {"administrator"},
    "CatalogueService/Simulate": {"administrator"},
    "CatalogueService/Get": {"administrator"},
    "CatalogueService/List": {"administrator"},
    "AuditService/GetReceipt": {"auditor", "collector"},
    "AuditService/ExplainContact": {"auditor", "privacy_officer"},
    "AuditService/GetAccessReport": {"privacy_officer"},
    "AuditService/Report": {"auditor"},
    "AuditService/Replay": {"auditor"},
    "AuditService/ForecastLapses": {"auditor", "administrator"},
    "LedgerService/GetEntry": {"auditor"},
    "LedgerService/ListEntries": {"auditor"},
    "LedgerService/GetCheckpoint": {"auditor"},
    "LedgerService/ProveInclusion": {"auditor"},
    "LedgerService/ProveConsistency": {"auditor"},
    "AuditService/Export": {"auditor"},
}


def denial(ground: Ground, method: str, request: Any, role: str) -> Failure | None:
    """Return how a role is kept out, None when it is let in, whatever comes of the call then."""
    try:
        ground.server.ask(method, request, role)
    except FailedError as error:
        return error.failure if error.failure.reason == ErrorReason.ROLE_MISSING.value else None
    return None


def test_every_method_has_its_roles() -> None:
    assert set(MAY) == set(METHODS)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_open_to_its_roles_only(ground: Ground, method: str, role: str) -> None:
    size = ground.server.size()
    denied = denial(ground, method, valid(method, ground), role)
    assert (denied is None) == (role in MAY[method])
    if denied is not None:
        examine(denied, ErrorReason.ROLE_MISSING)
        assert set(denied.metadata["roles"].split(", ")) == MAY[method]
        assert denied.metadata["held"] == role
        assert denied.metadata["caller"]
        assert ground.server.size() == size


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", BATCHED)
def test_a_record_of_a_batch_is_open_to_the_roles_of_its_method(ground: Ground, method: str, role: str) -> None:
    denied = denial(ground, BATCH, batch(valid(method, ground)), role)
    assert (denied is None) == (role in MAY[method])


@pytest.mark.parametrize("role", sorted(EVERYBODY - {"collector"}))
def test_a_batch_with_one_record_that_a_caller_may_not_write_is_kept_out(ground: Ground, role: str) -> None:
    records = (valid(method, ground) for method in ("PermissionService/Withdraw", "PermissionService/Grant"))
    size = ground.server.size()
    assert denial(ground, BATCH, batch(*records), role)
    assert ground.server.size() == size
