"""Random requests: whatever is sent, the answer is an answer or a documented reason, and the ledger still folds."""

from collections.abc import Iterator
from typing import Any

import pytest
from examine import DOMAIN
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.grpc_server import METHODS, FailedError
from wire_examples import BRAND, EMAIL, KNOWN, MARK, PHONE, VALID, Ground, valid

from accord.domain.problems import ErrorReason

OURS = {reason.value for reason in ErrorReason} - {"INTERNAL", "STORE_UNAVAILABLE", "OVERLOADED", "LEDGER_UNPROVEN"}

WORDS = [
    *("", " ", BRAND, KNOWN, EMAIL, PHONE, f"mastodon:{MARK}", f"contact-{MARK}", "fr", "FR", "Europe/Paris", "email"),
    *("sms", "voice", "marketing", "marketing.birthday", "service.order", "sharing.partner", "alert.back_in_stock"),
    *("web_form", "till", "partner_page", "double_form", "newsletter-1", "once-1", "ongoing", "store:lyon", "10:00"),
    *("24:00", "a\0b", "\u202e", "e\u0301", "\u0130", "\ufb03", "\U0001f600", "x" * 129, "x" * 600, "'; DROP TABLE"),
]
EDGES = [0, 1, 2, 3, 7, 8, 65, 255, 401, 999, 1000, 2**31 - 1, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1]
SIGNED = [-(2**63), -(2**31), -1, *(number for number in EDGES if number < 2**63), 1_767_348_000, 253_402_300_800]

_texts = st.sampled_from(WORDS) | st.text(max_size=12)
_INTEGERS = {
    FieldDescriptor.TYPE_UINT64: st.sampled_from(EDGES) | st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_UINT32: st.sampled_from([n for n in EDGES if n < 2**32]) | st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: st.sampled_from(SIGNED) | st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_INT32: st.sampled_from([-(2**31), -1, 0, 1, 101, 1001, 1985, 2**31 - 1]),
}


def _value(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, depth - 1)
    if field.enum_type is not None:
        return st.sampled_from([*(value.number for value in field.enum_type.values), 99, -1])
    if field.type == FieldDescriptor.TYPE_STRING:
        return _texts
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=33) | st.just(b"x" * 32)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    return _INTEGERS[field.type]


def messages(descriptor: Descriptor, depth: int = 4) -> st.SearchStrategy[Any]:
    """Return any message: some fields set to anything, lists of up to three."""
    fields = [field for field in descriptor.fields if depth or field.message_type is None]

    @st.composite
    def made(draw: st.DrawFn) -> Any:
        message = GetMessageClass(descriptor)()
        for field in fields:
            if draw(st.booleans()):
                put_into(message, field, draw(_drawn(field, depth)))
        return message

    return made()


def _drawn(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    one = _value(field, depth)
    return st.lists(one, max_size=3) if field.is_repeated else one


def put_into(message: Any, field: FieldDescriptor, value: Any) -> None:
    """Set a field of a message."""
    message.ClearField(field.name)
    if field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _places(message: Any) -> Iterator[tuple[Any, FieldDescriptor]]:
    """Yield every field of a message and of all that stand inside it."""
    for field in message.DESCRIPTOR.fields:
        yield message, field
        if field.message_type is None:
            continue
        inside = getattr(message, field.name)
        for each in inside if field.is_repeated else [inside] if message.HasField(field.name) else []:
            yield from _places(each)


def ask(ground: Ground, method: str, request: Any) -> None:
    """Ask, and hold whatever comes back to the contract."""
    try:
        ground.server.ask(method, request)
    except FailedError as error:
        failure = error.failure
        assert failure.reason in OURS, failure.raw
        assert failure.domain == DOMAIN


_few = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # the requests are small enough to be read as they are
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("method", METHODS)
def test_a_random_message_gets_a_documented_answer(ground: Ground, method: str) -> None:
    @_few
    @given(messages(METHODS[method].input_type))
    def asked(request: Any) -> None:
        ask(ground, method, request)

    asked()


@pytest.mark.parametrize("method", VALID)
def test_a_valid_request_with_a_few_random_fields_gets_a_documented_answer(ground: Ground, method: str) -> None:
    @_few
    @given(st.data(), st.integers(1, 3), st.uuids())
    def asked(data: st.DataObject, changes: int, number: Any) -> None:
        request = valid(method, ground)
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = str(number)
        for _ in range(changes):
            places = list(_places(request))
            message, field = places[data.draw(st.integers(0, len(places) - 1))]
            put_into(message, field, data.draw(_drawn(field, 3)))
        ask(ground, method, request)

    asked()


def test_whatever_they_wrote_folds_again_to_the_same(ground: Ground) -> None:
    """Comes last, so that it sees what the tests above wrote to the ground they share."""
    assert ground.server.installation.audit().faults == ()
