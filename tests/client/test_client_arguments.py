"""Wrong arguments are the client's own mistake, named before anything is sent, on both flavours and every call."""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

import grpc
import pytest
from support.flavours import FLAVOURS, Flavour, open_client
from support.stub_accord import StubAccord

from accord.client import (
    ActivityKind,
    Client,
    ContactOutcome,
    ContactPoint,
    ContactPointFact,
    DeclarationMethod,
    Evidence,
    ImportedNo,
    ImportedPermission,
    ImportedRefusal,
    ImportSource,
    Justification,
    ListKind,
    MistakeError,
    OverlayKind,
    Patience,
    Question,
    RestrictionGround,
    SuppressionList,
)

SHOWN = Evidence("till", DeclarationMethod.BUTTON, language="en")
WHY = Justification("asked in writing")
ADDRESS = ContactPoint.email("ada@example.com")
NOW = datetime.now(UTC)

GOOD: dict[str, dict[str, Any]] = {
    "check": {
        "customer": "ada",
        "channel": "email",
        "purpose": "news",
        "full": True,
        "at_least_as_fresh": "",
        "language": "fr",
    },
    "check_past": {
        "customer": "ada",
        "channel": "email",
        "purpose": "news",
        "as_of": NOW,
        "as_known_at": NOW,
        "as_known_by": "",
        "full": False,
        "language": "fr",
    },
    "batch_check": {
        "questions": [Question("ada", "email", "news")],
        "full": False,
        "at_least_as_fresh": "",
        "language": "fr",
    },
    "reach": {
        "customer": ADDRESS,
        "purpose": "news",
        "topic": "",
        "place": "",
        "full": True,
        "at_least_as_fresh": "",
        "language": "fr",
    },
    "permissions": {"customer": "ada"},
    "replay": {
        "recorded_from": NOW,
        "recorded_until": NOW,
        "today": False,
        "catalogue": {},
        "catalogue_version": 1,
        "rules_edition": "",
        "law_time": NOW,
    },
    "forecast": {"within_days": 30, "purpose": "news", "channel": "email", "samples": 1, "language": "fr"},
    "import_records": {
        "source": ImportSource("partner", bytes(32), "text/csv", bytes(32)),
        "records": [
            ImportedPermission(1, "ada", SHOWN),
            ImportedRefusal(2, ImportedNo.OBJECTION, ADDRESS, SHOWN),
        ],
        "dry_run": False,
    },
    "import_suppressions": {
        "suppression_list": SuppressionList("own", ListKind.OWN, NOW, bytes(32)),
        "contact_points": [ADDRESS],
        "ending_limit": 1,
    },
    "history": {"customer": "ada", "page_size": 10, "as_of": NOW, "as_known_at": NOW},
    "contact": {
        "customer": "ada",
        "channel": "email",
        "purpose": "news",
        "contact_id": "1",
        "confirms_position": 0,
    },
    "authorize": {
        "customer": "ada",
        "channel": "email",
        "purpose": "news",
        "contact_id": "1",
        "confirms_position": 0,
        "full": False,
        "language": "",
    },
    "report": {"contact_id": "1", "outcome": ContactOutcome.SENT, "outcome_time": NOW, "request_id": "1"},
    "grant": {"customer": "ada", "evidence": SHOWN, "request_id": "1"},
    "confirm": {"customer": "ada", "permission_position": 1, "evidence": SHOWN, "request_id": "1"},
    "confirm_by_token": {"confirmation_token": "t", "evidence": SHOWN, "request_id": "1"},
    "refuse": {"customer": "ada", "evidence": SHOWN, "request_id": "1"},
    "withdraw": {"customer": "ada", "evidence": SHOWN, "request_id": "1"},
    "object": {"customer": "ada", "evidence": SHOWN, "request_id": "1"},
    "reply": {"contact_point": ADDRESS, "text": "stop", "evidence": SHOWN, "request_id": "1"},
    "link": {"customer": "ada", "contact_point": ADDRESS, "request_id": "1"},
    "unlink": {"customer": "ada", "contact_point": ADDRESS, "request_id": "1"},
    "record_facts": {"customer": "ada", "request_id": "1"},
    "report_activity": {
        "customer": "ada",
        "kind": ActivityKind.CLICK,
        "act_time": NOW,
        "place": "",
        "objection_offered": True,
        "request_id": "1",
    },
    "report_contact_point": {
        "contact_point": ADDRESS,
        "fact": ContactPointFact.BOUNCED,
        "act_time": NOW,
        "request_id": "1",
    },
    "merge": {"customers": ["ada", "ben"], "justification": WHY, "request_id": "1"},
    "split": {"customer": "ada", "justification": WHY, "request_id": "1"},
    "add_overlay": {
        "customers": ["ada"],
        "kind": OverlayKind.HOUSEHOLD,
        "justification": WHY,
        "until": NOW,
        "request_id": "1",
    },
    "lift_overlay": {"customer": "ada", "position": 1, "justification": WHY, "request_id": "1"},
    "restrict": {
        "customer": "ada",
        "ground": RestrictionGround.UNLAWFUL,
        "justification": WHY,
        "request_id": "1",
    },
    "lift_restriction": {"customer": "ada", "informed_time": NOW, "justification": WHY, "request_id": "1"},
}
"""Every call with every argument that it names, each of the right type."""

OPEN_ENDED = {
    "check": "topic",
    "check_past": "topic",
    "contact": "topic",
    "authorize": "topic",
    "grant": "purposes",
    "refuse": "purpose",
    "withdraw": "purpose",
    "object": "purpose",
    "record_facts": "country",
}
"""Calls that take more keywords, and one of these."""


class Wrong:
    """A value of a type that no argument is."""


class Nowhere(tzinfo):
    """A time zone that does not say where it is."""

    def utcoffset(self, _when: datetime | None) -> None:
        return None


@pytest.fixture(scope="module")
def stub() -> Iterator[StubAccord]:
    def nothing(_name: str, _request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "seen")

    with StubAccord(nothing) as made:
        yield made


@pytest.fixture(params=FLAVOURS)
def client(request: pytest.FixtureRequest, stub: StubAccord) -> Iterator[Any]:
    flavour: Flavour = request.param
    with open_client(flavour, stub.address, "token", "brand") as made:
        yield made


def call(client: Any, name: str, arguments: dict[str, Any]) -> MistakeError:
    with pytest.raises(MistakeError) as raised:
        begun(name, getattr(client, name)(**arguments))
    return raised.value


def begun(name: str, made: Any) -> None:
    """Begin what is asked for only when it is used."""
    if name == "contact":
        made.__enter__()
    elif name in {"history", "replay", "forecast"}:
        list(made)


def test_every_call_is_tried_with_every_argument_it_names() -> None:
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if name.startswith("_") or name == "close":
            continue
        named = {
            each.name for each in inspect.signature(method).parameters.values() if each.kind is not each.VAR_KEYWORD
        }
        assert set(GOOD[name]) == named - {"self"}, name
        assert (name in OPEN_ENDED) == any(
            each.kind is each.VAR_KEYWORD for each in inspect.signature(method).parameters.values()
        ), name


@pytest.mark.parametrize("name", GOOD)
def test_a_wrong_type_is_a_mistake_that_names_the_argument_and_what_is_allowed_and_nothing_is_sent(
    client: Any, stub: StubAccord, name: str
) -> None:
    before = len(stub.calls)
    for argument in GOOD[name]:
        mistake = call(client, name, GOOD[name] | {argument: Wrong()})
        assert mistake.reason == "INVALID_ARGUMENT"
        assert list(mistake.fields) == [argument]
        assert "must be " in mistake.fields[argument]
        assert mistake.fields[argument].endswith(", not Wrong")
    assert len(stub.calls) == before


@pytest.mark.parametrize("name", GOOD)
def test_the_right_types_reach_the_server(client: Any, stub: StubAccord, name: str) -> None:
    before = len(stub.calls)
    assert call(client, name, GOOD[name]).reason == "PERMISSION_DENIED"
    assert len(stub.calls) == before + 1


@pytest.mark.parametrize(("name", "known"), OPEN_ENDED.items())
def test_a_misspelled_keyword_is_a_mistake_and_never_a_wider_call(client: Any, name: str, known: str) -> None:
    mistake = call(client, name, GOOD[name] | {"sope": "x"})
    assert list(mistake.fields) == ["sope"]
    assert known in mistake.fields["sope"]


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("grant", {"purposes": "marketing"}, {"purposes": "must be a tuple or list, each of it text (str), not str"}),
        ("grant", {"purposes": ("news", 7)}, {"purposes[1]": "must be text (str), not int"}),
        ("grant", {"evidence": "till"}, {"evidence": "must be an Evidence, not str"}),
        ("grant", {"evidence": Evidence("till", "NOD")}, {"evidence.method": "must be a DeclarationMethod, one of TI"}),
        ("grant", {"evidence": Evidence("till", None), "topics": 3}, {"evidence.method": "must", "topics": "must"}),
        ("grant", {"valid_until": datetime(2026, 1, 1)}, {"valid_until": "must know its time zone"}),  # noqa: DTZ001 - the point
        ("grant", {"valid_until": datetime(2026, 1, 1, tzinfo=Nowhere())}, {"valid_until": "must know its time zone"}),
        ("check", {"customer": None}, {"customer": "must be text (str) or a ContactPoint, not NoneType"}),
        ("check", {"contact_point": ContactPoint("EMAIL", b"a")}, {"contact_point.value": "must be text (str)"}),
        ("check", {"customer": "\ud800"}, {"customer": "must be text that UTF-8 can hold"}),
        ("batch_check", {"questions": [Question("a", "b", "c"), "d"]}, {"questions[1]": "must be a Question, not str"}),
        (
            "batch_check",
            {"questions": [Question("a", 1, "c")]},
            {"questions[0].channel": "must be text (str), not int"},
        ),
        ("confirm", {"permission_position": -1}, {"permission_position": "must be from 0 to 9223372036854775807"}),
        ("confirm", {"permission_position": True}, {"permission_position": "must be a whole number, not bool"}),
        ("history", {"page_size": 2**31}, {"page_size": "must be from 0 to 2147483647"}),
        ("replay", {"catalogue": {"porpoises": []}}, {"catalogue": "is no catalogue: "}),
        ("replay", {"catalogue": {"channels": [{"code": 7}]}}, {"catalogue": "is no catalogue: "}),
        ("replay", {"catalogue": {"channels": {1: 2}}}, {"catalogue": "is no catalogue: "}),
        ("replay", {"catalogue": {1: 2}}, {"catalogue": "is no catalogue: "}),
        ("report", {"outcome": "LOST"}, {"outcome": "must be a ContactOutcome, one of SENT, FAILED"}),
    ],
)
def test_each_fault_is_named_where_it_is(client: Any, name: str, arguments: Any, fault: dict[str, str]) -> None:
    mistake = call(client, name, GOOD[name] | arguments)
    assert set(mistake.fields) == set(fault)
    assert all(mistake.fields[field].startswith(told) for field, told in fault.items())
    assert "till" not in str(mistake)


def test_the_plain_word_of_a_choice_is_that_choice(client: Any) -> None:
    assert call(client, "report", GOOD["report"] | {"outcome": "SENT"}).reason == "PERMISSION_DENIED"


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("argument", "value"),
    [("server", None), ("token", None), ("token", "read-from-a-file\n"), ("brand", 7), ("questions", 2.0)],
)
def test_a_client_is_not_made_of_wrong_arguments(flavour: Flavour, argument: str, value: Any) -> None:
    good = {"server": "127.0.0.1:1", "token": "", "brand": "brand", "questions": Patience(1)}
    with pytest.raises(MistakeError) as raised, open_client(flavour, **(good | {argument: value})):
        pass
    assert list(raised.value.fields) == [argument]
    assert "read-from" not in str(raised.value)
