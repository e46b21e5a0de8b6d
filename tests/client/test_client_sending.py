"""The context of one contact: what the block is told, and what is reported when it ends."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from support.flavours import Flavour, open_client
from support.serving import BRAND, Site
from support.stub_accord import StubAccord

from accord.client import AsyncClient, Authorization, Client, Contact, ContactOutcome, Evidence, MistakeError, Verdict
from accord.client.patience import Patience
from accord.v1 import contact_service_pb2, decision_pb2

At = Callable[[str], Evidence]
PURPOSE = "marketing.callback"
"""Permitted once, by the touchpoint `qr_code`."""


class ProviderError(Exception):
    """What a mail provider raises."""


@pytest.fixture
def looking(site: Site) -> Any:
    """A client that looks at what became of a contact."""
    with Client(site.servers[0].address, site.token, BRAND) as made:
        yield made


def fail(sending: Any, *, before: Callable[[Any], object] = lambda contact: contact) -> None:
    """Run a block that does something with its contact and raises; the error must come through."""
    # Not pytest.raises: what is tested is what the context does with the error of its own block.
    try:
        with sending as contact:
            before(contact)
            _send_in_vain()
    except ProviderError:
        return
    raise AssertionError("the error of the block was swallowed")


def _send_in_vain() -> None:
    raise ProviderError


def status(looking: Client, contact_id: str) -> str:
    request = contact_service_pb2.GetContactRequest(brand=BRAND, contact_id=contact_id)
    found = looking.connection.ask(looking.connection.contacts.GetContact, request).contact
    return contact_service_pb2.ContactStatus.Name(found.status).removeprefix("CONTACT_STATUS_")


def may_be_contacted(looking: Client, customer: str) -> bool:
    return looking.check(customer, "email", PURPOSE).allowed


def test_a_block_that_ends_has_sent_and_the_same_message_is_not_sent_again(
    client: Any, looking: Client, name: str, at: At
) -> None:
    client.grant(name, at("qr_code"))
    sent = []
    for _ in range(2):
        with client.contact(name, "email", PURPOSE, contact_id=name) as contact:
            if contact:
                assert contact.send_before
                assert not contact.repeat
                sent.append(contact.contact_id)
    assert sent == [name]
    assert contact.reason == "CONTACT_ALREADY_REPORTED"
    assert status(looking, name) == "SENT"
    assert [item.type for item in looking.history(name)] == [
        "PermissionGranted",
        "ContactAuthorized",
        "ContactReported",
    ]


def test_a_no_is_false_and_nothing_is_reported_however_the_block_ends(
    client: Any, looking: Client, name: str, at: At
) -> None:
    client.grant(name, at("till"))
    with client.contact(name, "email", PURPOSE, contact_id=name) as contact:
        assert not contact
        assert contact.reason == "NO_PERMISSION"
        contact.cancel()
    fail(client.contact(name, "email", PURPOSE, contact_id=name))
    assert [item.type for item in looking.history(name)] == ["PermissionGranted"]


def test_a_block_that_raises_has_failed_gives_the_use_back_and_raises(
    client: Any, looking: Client, name: str, at: At
) -> None:
    client.grant(name, at("qr_code"))
    held = []
    sending = client.contact(name, "email", PURPOSE, contact_id=name)
    fail(sending, before=lambda _: held.append(may_be_contacted(looking, name)))
    assert held == [False]
    assert status(looking, name) == "FAILED"
    assert may_be_contacted(looking, name)


def test_a_cancelled_contact_is_false_gives_the_use_back_and_raises_nothing(
    client: Any, looking: Client, name: str, at: At
) -> None:
    client.grant(name, at("qr_code"))
    with client.contact(name, "email", PURPOSE, contact_id=name) as contact:
        assert contact
        contact.cancel()
        assert not contact
    assert status(looking, name) == "CANCELLED"
    assert may_be_contacted(looking, name)


@pytest.mark.parametrize("error", [TimeoutError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_contact_that_may_have_left_stays_unreported_and_counts_as_made(
    looking: Client, name: str, at: At, error: type[BaseException]
) -> None:
    looking.grant(name, at("qr_code"))
    with pytest.raises(error), looking.contact(name, "email", PURPOSE, contact_id=name):
        raise error
    assert status(looking, name) == "AUTHORIZED"
    assert not may_be_contacted(looking, name)


def _wrapped() -> Exception:
    error = ProviderError()
    error.__cause__ = TimeoutError()
    return error


def _met_while_handling() -> Exception:
    error = ProviderError()
    error.__context__ = ValueError()
    error.__context__.__cause__ = TimeoutError()
    return error


def _in_a_ring() -> Exception:
    error, other = ProviderError(), ProviderError()
    error.__cause__, other.__cause__ = other, error
    return error


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (ProviderError(), ContactOutcome.FAILED),
        (ExceptionGroup("tasks", [ProviderError(), ValueError()]), ContactOutcome.FAILED),
        (_in_a_ring(), ContactOutcome.FAILED),
        (TimeoutError(), None),
        (_wrapped(), None),
        (_met_while_handling(), None),
        (ExceptionGroup("tasks", [ProviderError(), _wrapped()]), None),
        (asyncio.CancelledError(), None),
    ],
    ids=["plain", "group", "ring", "timeout", "wrapped", "context", "group-of-wrapped", "cancelled"],
)
def test_a_timeout_behind_an_error_leaves_doubt(error: BaseException, reported: ContactOutcome | None) -> None:
    allowed = Authorization(verdict=Verdict.ALLOW, reason="PERMITTED", contact_id="c")
    assert Contact(allowed).outcome(error) is reported


def test_a_cancelled_contact_whose_block_is_cut_is_not_reported_either() -> None:
    contact = Contact(Authorization(verdict=Verdict.ALLOW, reason="PERMITTED", contact_id="c"))
    contact.cancel()
    assert contact.outcome(None) is ContactOutcome.CANCELLED
    assert contact.outcome(ProviderError()) is ContactOutcome.CANCELLED
    assert contact.outcome(asyncio.CancelledError()) is None


def test_a_mistake_is_raised_before_the_block_begins(client: Any) -> None:
    begun = []
    with pytest.raises(MistakeError), client.contact("ada", "email", "marketing.unheard_of", contact_id="c"):
        begun.append(True)
    assert begun == []


def test_a_sender_that_cannot_know_may_leave_a_contact_unreported(
    client: Any, looking: Client, name: str, at: At
) -> None:
    client.grant(name, at("qr_code"))
    fail(client.contact(name, "email", PURPOSE, contact_id=name), before=lambda contact: contact.leave_unreported())
    assert status(looking, name) == "AUTHORIZED"


def test_a_repeat_is_told_and_its_failure_gives_nothing_back(client: Any, looking: Client, name: str, at: At) -> None:
    client.grant(name, at("qr_code"))
    # An engine that died between sending and reporting.
    assert client.authorize(name, "email", PURPOSE, contact_id=name)
    told = []
    sending = client.contact(name, "email", PURPOSE, contact_id=name)
    fail(sending, before=lambda contact: told.append((bool(contact), contact.repeat)))
    assert told == [(True, True)]
    assert status(looking, name) == "AUTHORIZED"
    assert not may_be_contacted(looking, name)
    with client.contact(name, "email", PURPOSE, contact_id=name) as contact:
        assert contact.repeat
    assert status(looking, name) == "SENT"


def test_an_outage_is_false_and_nothing_is_reported(flavour: Flavour) -> None:
    def refuse(name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        del name, request
        context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        raise AssertionError("unreachable: abort raises")

    with StubAccord(refuse) as stub, open_client(flavour, stub.address, "t", BRAND, writes=Patience(60, 2)) as client:
        with client.contact("ada", "email", PURPOSE, contact_id="c") as contact:
            assert not contact
            assert contact.reason == "UNREACHABLE"
        assert {name for name, _ in stub.calls} == {"AuthorizeContact"}


def test_a_report_that_cannot_be_delivered_never_looks_like_a_send_that_failed(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    allow = contact_service_pb2.AuthorizeContactResponse(decision=decision_pb2.Decision(verdict="VERDICT_ALLOW"))

    def serve(name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        del request
        if name == "ReportContact":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token was taken back")
        return allow.SerializeToString()

    with StubAccord(serve) as stub, open_client(flavour, stub.address, "t", BRAND) as client:
        with caplog.at_level(logging.WARNING, "accord.client"):
            with client.contact("ada", "email", PURPOSE, contact_id="secret-c") as contact:
                assert contact
            assert contact.report_failure.reason == "UNAUTHENTICATED"
            fail(client.contact("ada", "email", PURPOSE, contact_id="secret-d"))
        told = [record.getMessage() for record in caplog.records if record.name == "accord.client"]
        assert told == [
            "a contact that was SENT could not be reported, and counts as made: UNAUTHENTICATED",
            "a contact that was FAILED could not be reported, and counts as made: UNAUTHENTICATED",
        ]
        outcomes = [
            contact_service_pb2.ReportContactRequest.FromString(each).outcome for each in stub.requests("ReportContact")
        ]
        assert outcomes == [contact_service_pb2.CONTACT_OUTCOME_SENT, contact_service_pb2.CONTACT_OUTCOME_FAILED]


def test_a_cancelled_send_ends_at_once_unreported_and_is_never_made_by_another(
    site: Site, looking: Client, name: str, at: At
) -> None:
    async def scenario() -> None:
        async with AsyncClient(site.servers[0].address, site.token, BRAND) as client:
            in_block = asyncio.Event()

            async def send() -> None:
                async with client.contact(name, "email", PURPOSE, contact_id=name) as contact:
                    assert contact
                    in_block.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(send())
            await in_block.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            other = await client.authorize(name, "email", PURPOSE, contact_id=f"{name}/other")
            assert other.reason == "USED_UP"
            async with client.contact(name, "email", PURPOSE, contact_id=name) as again:
                assert again
                assert again.repeat
        assert asyncio.all_tasks() == {asyncio.current_task()}

    looking.grant(name, at("qr_code"))
    asyncio.run(scenario())
    assert status(looking, name) == ContactOutcome.SENT


def test_an_asyncio_sender_makes_many_contacts_at_once_each_reported(
    site: Site, looking: Client, name: str, at: At
) -> None:
    async def send(client: AsyncClient, number: int) -> bool:
        async with client.contact(name, "email", "marketing.news", contact_id=f"{name}/{number}") as contact:
            return bool(contact)

    async def scenario() -> None:
        async with AsyncClient(site.servers[0].address, site.token, BRAND) as client:
            assert all(await asyncio.gather(*(send(client, number) for number in range(20))))

    looking.grant(name, at("till"))
    asyncio.run(scenario())
    assert [item.type for item in looking.history(name)].count("ContactReported") == 20
