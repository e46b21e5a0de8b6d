"""What services import to ask Accord and to tell it: `Client`, `AsyncClient`, and plain values.

Needs grpc and protobuf only, nothing of the server. `Connection` and `AsyncConnection` are for those
who want the protobuf messages themselves.
"""

from accord.client.answers import (
    Answer,
    Authorization,
    GateStep,
    Granted,
    HistoryItem,
    OpenContact,
    PastAnswer,
    Permission,
    Reach,
    Receipt,
    Refusal,
    Refused,
    Reply,
    Reported,
    Rule,
    Standing,
    Verdict,
)
from accord.client.async_client import AsyncClient
from accord.client.client import Client
from accord.client.connection import AsyncConnection, Connection
from accord.client.failures import CallFailedError, MistakeError
from accord.client.patience import Patience
from accord.client.sending import Contact
from accord.client.tls import tls
from accord.client.values import (
    ActivityKind,
    Artefact,
    Chosen,
    ContactOutcome,
    ContactPoint,
    ContactPointFact,
    ContactPointKind,
    Customer,
    CustomerKind,
    Declarant,
    DeclarationMethod,
    Evidence,
    Facts,
    Justification,
    Narrowing,
    OverlayKind,
    Question,
    Recorder,
    RestrictionGround,
    Scope,
)

__all__ = [
    "ActivityKind",
    "Answer",
    "Artefact",
    "AsyncClient",
    "AsyncConnection",
    "Authorization",
    "CallFailedError",
    "Chosen",
    "Client",
    "Connection",
    "Contact",
    "ContactOutcome",
    "ContactPoint",
    "ContactPointFact",
    "ContactPointKind",
    "Customer",
    "CustomerKind",
    "Declarant",
    "DeclarationMethod",
    "Evidence",
    "Facts",
    "GateStep",
    "Granted",
    "HistoryItem",
    "Justification",
    "MistakeError",
    "Narrowing",
    "OpenContact",
    "OverlayKind",
    "PastAnswer",
    "Patience",
    "Permission",
    "Question",
    "Reach",
    "Receipt",
    "Recorder",
    "Refusal",
    "Refused",
    "Reply",
    "Reported",
    "RestrictionGround",
    "Rule",
    "Scope",
    "Standing",
    "Verdict",
    "tls",
]
