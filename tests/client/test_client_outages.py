"""Accord killed, restarting, slow or refusing: a no with a reason, never an ALLOW, never a second contact."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.flavours import Flavour, open_client
from support.serving import BRAND, Site, free_address, wait_for
from support.stub_accord import StubAccord, asleep, failing, losing

from accord.client import (
    AskableChannel,
    AsyncClient,
    CallFailedError,
    Client,
    Evidence,
    ForecastPart,
    MistakeError,
    Patience,
    Question,
    Verdict,
)
from accord.v1 import audit_service_pb2, decision_pb2, decision_service_pb2, permission_service_pb2

At = Callable[[str], Evidence]

BRIEF = Patience(timeout_seconds=0.5)
"""Ends by its deadline."""

FEW = Patience(timeout_seconds=60, attempts=2)
"""Ends by its attempts, on however busy a machine."""

PROMPT_SECONDS = 20
"""Far below what a call that ended by its own deadline would take, far above what a busy machine needs."""

OUTAGES = [
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNKNOWN,
]
MISTAKES = [
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
]


def asked_everything(client: Any) -> Iterator[Any]:
    """Yield what each question says, and the authorisation."""
    yield client.check("ada", "email", "marketing.news")
    yield from client.batch_check([Question("ada", "email", "marketing.news")] * 2)
    yield client.reach("ada", "marketing.news")
    yield client.authorize("ada", "email", "marketing.news", contact_id="c-1")


# --- nobody, or not Accord ----------------------------------------------------------------------


def test_an_unreachable_accord_is_a_no_and_a_write_that_was_not_recorded_says_so(flavour: Flavour, at: At) -> None:
    with open_client(flavour, free_address(), "token", BRAND, questions=FEW, writes=FEW) as client:
        answers = list(asked_everything(client))
        assert [bool(answer) for answer in answers] == [False] * 5
        assert {answer.reason for answer in answers} == {"UNREACHABLE"}
        assert answers[0].verdict is Verdict.UNDECIDED
        assert answers[0].message
        with pytest.raises(CallFailedError) as lost:
            client.withdraw("ada", at("till"))
        assert lost.value.reason == "UNREACHABLE"
        assert not isinstance(lost.value, MistakeError)


def test_a_slow_accord_is_a_no_at_the_deadline(flavour: Flavour) -> None:
    started = time.monotonic()
    with asleep() as stub, open_client(flavour, stub.address, "t", BRAND, questions=BRIEF, writes=BRIEF) as client:
        answers = list(asked_everything(client))
        assert [bool(answer) for answer in answers] == [False] * 5
        assert {answer.reason for answer in answers} == {"DEADLINE_EXCEEDED"}
    assert time.monotonic() - started < PROMPT_SECONDS


@pytest.mark.parametrize("code", OUTAGES, ids=lambda code: code.name)
def test_a_failing_accord_is_a_no(flavour: Flavour, code: grpc.StatusCode) -> None:
    with (
        StubAccord(failing(code)) as stub,
        open_client(flavour, stub.address, "t", BRAND, questions=FEW, writes=FEW) as client,
    ):
        answers = list(asked_everything(client))
        assert [bool(answer) for answer in answers] == [False] * 5
        reason = "UNREACHABLE" if code is grpc.StatusCode.UNAVAILABLE else code.name
        assert {answer.reason for answer in answers} == {reason}


@pytest.mark.parametrize("code", MISTAKES, ids=lambda code: code.name)
def test_a_mistake_is_raised_and_made_once(flavour: Flavour, code: grpc.StatusCode) -> None:
    with StubAccord(failing(code)) as stub, open_client(flavour, stub.address, "t", BRAND) as client:
        with pytest.raises(MistakeError) as mistake:
            client.check("ada", "email", "marketing.news")
        assert mistake.value.reason == code.name
        assert len(stub.calls) == 1


@pytest.mark.parametrize("response", [b"", b"\xff\xff\xff not what was asked for"], ids=["nothing", "noise"])
def test_an_answer_without_a_decision_is_a_no(flavour: Flavour, response: bytes) -> None:
    with (
        StubAccord(lambda *_: response) as stub,
        open_client(flavour, stub.address, "t", BRAND, writes=BRIEF) as client,
    ):
        assert not any(asked_everything(client))


def test_a_verdict_this_client_does_not_know_is_a_no(flavour: Flavour) -> None:
    newer = decision_service_pb2.CheckResponse(decision=decision_pb2.Decision(verdict=9, reason=999))  # type: ignore[arg-type] # the point
    with (
        StubAccord(lambda *_: newer.SerializeToString()) as stub,
        open_client(flavour, stub.address, "t", BRAND) as client,
    ):
        answer = client.check("ada", "email", "marketing.news")
        assert not answer
        assert (answer.verdict, answer.reason) == (Verdict.UNDECIDED, "UNRECOGNISED_999")


# --- another attempt ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "attempts"),
    [(grpc.StatusCode.UNAVAILABLE, 3), (grpc.StatusCode.RESOURCE_EXHAUSTED, 3), (grpc.StatusCode.INTERNAL, 1)],
    ids=lambda each: getattr(each, "name", None),
)
def test_only_what_may_pass_is_asked_again(flavour: Flavour, code: grpc.StatusCode, attempts: int) -> None:
    with (
        StubAccord(failing(code)) as stub,
        open_client(flavour, stub.address, "t", BRAND, questions=Patience(60, attempts=3)) as client,
    ):
        assert not client.check("ada", "email", "marketing.news")
        assert len(stub.calls) == attempts


def test_every_attempt_of_a_write_carries_the_same_request_id_and_every_write_its_own(flavour: Flavour, at: At) -> None:
    unavailable = failing(grpc.StatusCode.UNAVAILABLE)
    patient = Patience(60, attempts=3)
    with StubAccord(unavailable) as stub, open_client(flavour, stub.address, "t", BRAND, writes=patient) as client:
        for _ in range(2):
            with pytest.raises(CallFailedError):
                client.grant("ada", at("till"))
        requests = [permission_service_pb2.GrantRequest.FromString(each) for each in stub.requests("Grant")]
    ids = [request.request_id for request in requests]
    assert all(ids)
    assert ids == [ids[0]] * 3 + [ids[3]] * 3
    assert ids[0] != ids[3]


def test_a_contact_whose_answer_was_lost_is_authorised_once_and_told_as_a_repeat(
    site: Site, flavour: Flavour, name: str, at: At
) -> None:
    with (
        StubAccord(losing(site.servers[0].address, lost=1)) as network,
        open_client(flavour, network.address, site.token, BRAND) as client,
        open_client("sync", site.servers[0].address, site.token, BRAND) as looking,
    ):
        looking.grant(name, at("qr_code"))
        authorized = client.authorize(name, "email", "marketing.callback", contact_id=name)
        assert authorized
        assert authorized.repeat
        assert len(network.requests("AuthorizeContact")) == 2
        (permission,) = looking.permissions(name).permissions
        assert permission.uses_taken == 1
        types = [item.type for item in looking.history(name)]
        assert types == ["PermissionGranted", "ContactAuthorized"]
        assert not client.authorize(name, "email", "marketing.callback", contact_id=f"{name}/second")


def test_a_grant_whose_answer_was_lost_is_recorded_once(site: Site, flavour: Flavour, name: str, at: At) -> None:
    with (
        StubAccord(losing(site.servers[0].address, lost=2)) as network,
        open_client(flavour, network.address, site.token, BRAND) as client,
        open_client("sync", site.servers[0].address, site.token, BRAND) as looking,
    ):
        given = client.grant(name, at("till"))
        assert len(network.requests("Grant")) == 3
        assert [(item.type, item.position) for item in looking.history(name)] == [
            ("PermissionGranted", given.receipt.position)
        ]


def test_a_server_that_knows_no_past_is_not_believed_when_it_answers_for_now(flavour: Flavour) -> None:
    now = decision_service_pb2.CheckResponse()
    now.decision.verdict = decision_pb2.VERDICT_ALLOW
    with (
        StubAccord(lambda *_: now.SerializeToString()) as older,
        open_client(flavour, older.address, "token", BRAND) as client,
        pytest.raises(CallFailedError, match="tells no past"),
    ):
        client.check_past("ada", "email", "marketing.news", as_of=datetime.now(UTC))


# --- streams ------------------------------------------------------------------------------------


def telling(code: grpc.StatusCode | None = None) -> StubAccord:
    """Return a server that tells two parts on every stream, then fails; without a code it is silent until released."""
    asking = audit_service_pb2.AskingAnswer(purpose="marketing.permission_request", channel="email")
    asking.decision.verdict = decision_pb2.VERDICT_DEFER
    group = audit_service_pb2.LapseGroup(by_place=True)
    group.channels.add(channel="email", customers_now=1, customers_in_time=2)
    group.samples.add(position=7, asking=[asking])
    message = audit_service_pb2.ForecastLapsesResponse(customers_met=200, customers_total=300, groups=[group])

    def tell(name: str, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        del name, request
        context.add_callback(stub.cancelled.set)
        yield message.SerializeToString()
        yield message.SerializeToString()
        if code:
            context.abort(code, "as the test wants it")
        stub.released.wait(60)

    stub = StubAccord(tell)
    return stub


def read(flavour: Flavour, server: str, patience: Patience, told: list[ForecastPart], most: int = 9) -> None:
    """Add up to so many parts of a forecast to a list as they come, then leave; a failure comes after them."""

    async def reading() -> None:
        async with AsyncClient(server, "t", BRAND, writes=patience) as client, aclosing(client.forecast(30)) as parts:
            async for part in parts:
                told.append(part)
                if len(told) == most:
                    return

    if flavour == "asyncio":
        asyncio.run(reading())
    else:
        with Client(server, "t", BRAND, writes=patience) as client:
            for part in client.forecast(30):
                told.append(part)
                if len(told) == most:
                    return


def test_a_stream_is_tried_again_until_its_first_part(flavour: Flavour) -> None:
    told: list[ForecastPart] = []
    with StubAccord(failing(grpc.StatusCode.UNAVAILABLE)) as stub:
        with pytest.raises(CallFailedError) as lost:
            read(flavour, stub.address, Patience(60, attempts=3), told)
        assert (lost.value.reason, len(stub.calls), told) == ("UNREACHABLE", 3, [])


def test_a_stream_that_breaks_off_is_an_outage_after_what_was_told_and_is_not_begun_again(flavour: Flavour) -> None:
    told: list[ForecastPart] = []
    with telling(grpc.StatusCode.UNAVAILABLE) as stub:
        with pytest.raises(CallFailedError) as lost:
            read(flavour, stub.address, Patience(60), told)
        assert (lost.value.reason, len(stub.calls)) == ("UNREACHABLE", 1)
    assert [(part.customers_met, part.customers_total, part.summary) for part in told] == [(200, 300, None)] * 2
    (group,) = told[0].groups
    assert (group.channels, group.by_place) == ((AskableChannel("email", 1, 2),), True)
    (asking,) = group.samples[0].asking
    assert (asking.purpose, asking.decision.verdict) == ("marketing.permission_request", Verdict.DEFER)


def test_a_stream_may_take_long_but_silence_ends_it(flavour: Flavour) -> None:
    told: list[ForecastPart] = []
    with telling() as stub:
        with pytest.raises(CallFailedError, match=r"nothing came from the server for 0\.5 s") as lost:
            read(flavour, stub.address, BRIEF, told)
        assert (lost.value.reason, len(told), len(stub.calls)) == ("DEADLINE_EXCEEDED", 2, 1)


def test_who_leaves_a_stream_ends_it_on_the_server_too(flavour: Flavour) -> None:
    told: list[ForecastPart] = []
    with telling() as stub:
        read(flavour, stub.address, Patience(60), told, most=2)
        assert len(told) == 2
        wait_for(stub.cancelled.is_set, "the server to be told")


# --- killed, restarting -------------------------------------------------------------------------


def test_through_a_kill_a_contact_is_made_once_every_answer_is_a_no_and_no_withdrawal_is_lost(
    tmp_path: Path, at: At
) -> None:
    with Site(tmp_path) as site:
        server = site.start()
        site.apply_catalogue(server)
        with (
            Client(server.address, site.token, BRAND, questions=FEW, writes=Patience(60)) as client,
            ThreadPoolExecutor(9) as threads,
        ):
            client.grant("ada", at("qr_code"))
            client.grant("eve", at("till"))
            assert client.check("eve", "email", "marketing.news")
            begun = threading.Barrier(9)

            def send(contact_id: str) -> tuple[str, bool]:
                begun.wait()
                return contact_id, bool(client.authorize("ada", "email", "marketing.callback", contact_id=contact_id))

            sending = [threads.submit(send, f"c-{number % 4}") for number in range(8)]
            begun.wait()
            server.kill()
            assert client.check("eve", "email", "marketing.news").reason == "UNREACHABLE"
            withdrawal = threads.submit(client.withdraw, "eve", at("till"))
            site.start(server.address)
            allowed = {contact_id for contact_id, yes in (each.result(60) for each in sending) if yes}
            assert len(allowed) == 1
            (permission,) = client.permissions("ada").permissions
            assert permission.uses_taken == 1
            assert [item.type for item in client.history("ada")] == ["PermissionGranted", "ContactAuthorized"]
            assert len(withdrawal.result(60).receipts) == 1
            assert client.check("eve", "email", "marketing.news").reason == "WITHDRAWN"


# --- closed, cancelled --------------------------------------------------------------------------


def test_closing_ends_calls_under_way_with_a_no() -> None:
    with asleep() as stub, Client(stub.address, "t", BRAND, questions=Patience(60)) as client:
        with ThreadPoolExecutor() as threads:
            under_way = threads.submit(client.check, "ada", "email", "marketing.news")
            wait_for(lambda: bool(stub.calls), "the call to arrive")
            client.close()
            answer = under_way.result(PROMPT_SECONDS)
        assert not answer
        assert answer.reason == "CLOSED"


def test_closing_ends_the_pause_between_two_attempts() -> None:
    unavailable = failing(grpc.StatusCode.UNAVAILABLE)
    with (
        StubAccord(unavailable) as stub,
        Client(stub.address, "t", BRAND, writes=Patience(60)) as client,
        ThreadPoolExecutor() as threads,
    ):
        under_way = threads.submit(client.authorize, "ada", "email", "marketing.news", contact_id="c")
        wait_for(lambda: len(stub.calls) > 2, "some attempts")
        client.close()
        assert under_way.result(PROMPT_SECONDS).reason == "CLOSED"


def test_a_call_after_the_end_is_a_mistake(flavour: Flavour) -> None:
    with open_client(flavour, free_address(), "t", BRAND) as client:
        client.close()
        client.close()
        with pytest.raises(MistakeError) as mistake:
            client.check("ada", "email", "marketing.news")
        assert mistake.value.reason == "CLOSED"


def test_closing_ends_tasks_under_way_with_a_no_and_cancels_none() -> None:
    async def scenario() -> None:
        client = AsyncClient(stub.address, "t", BRAND, questions=Patience(60))
        under_way = asyncio.create_task(client.check("ada", "email", "marketing.news"))
        await _until(lambda: bool(stub.calls))
        await client.close()
        answer = await asyncio.wait_for(under_way, PROMPT_SECONDS)
        assert not answer
        assert answer.reason == "CLOSED"

    with asleep() as stub:
        asyncio.run(scenario())


@pytest.mark.parametrize("ask", ["check", "authorize"])
def test_a_cancelled_task_ends_at_once_and_takes_its_call_with_it(ask: str) -> None:
    async def scenario() -> None:
        async with AsyncClient(stub.address, "t", BRAND, questions=Patience(60), writes=Patience(60)) as client:
            asked = (
                client.check("ada", "email", "marketing.news")
                if ask == "check"
                else client.authorize("ada", "email", "marketing.news", contact_id="c")
            )
            task = asyncio.create_task(asked)
            await _until(lambda: bool(stub.calls))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, PROMPT_SECONDS)
            await _until(stub.cancelled.is_set)
            assert len(stub.calls) == 1
            stub.behaviour = lambda *_: b""
            assert not await client.check("ada", "email", "marketing.news")
            assert len(stub.calls) == 2
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asleep() as stub:
        asyncio.run(scenario())


def test_a_task_that_is_cancelled_between_two_attempts_makes_no_other() -> None:
    async def scenario() -> None:
        async with AsyncClient(stub.address, "t", BRAND, writes=Patience(60)) as client:
            task = asyncio.create_task(client.authorize("ada", "email", "marketing.news", contact_id="c"))
            await _until(lambda: len(stub.calls) > 3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, PROMPT_SECONDS)
            # Nothing is left that could make another attempt.
            assert asyncio.all_tasks() == {asyncio.current_task()}

    with StubAccord(failing(grpc.StatusCode.UNAVAILABLE)) as stub:
        asyncio.run(scenario())


def test_a_timeout_of_the_callers_own_is_kept() -> None:
    async def scenario() -> None:
        async with AsyncClient(stub.address, "t", BRAND, questions=Patience(60)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.check("ada", "email", "marketing.news")

    with asleep() as stub:
        asyncio.run(scenario())


async def _until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(PROMPT_SECONDS):
        while not seen():  # noqa: ASYNC110 - what is waited for happens on a thread of grpc
            await asyncio.sleep(0.01)
