"""The brand that is measured: the sample's catalogue, customers who live by it, and what callers ask of it.

Everything reaches the ledger by the writer's own path. The customers live in a time zone where it is
afternoon now, so that quiet hours never change what a question costs.
"""

import random
import time
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import TypeVar

from accord.app import Installation
from accord.config import Config
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Command,
    Declaration,
    Grant,
    Link,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
)
from accord.domain.events import FactsRecorded
from accord.domain.problems import Problem
from accord.domain.terms import (
    DAY,
    ActivityKind,
    BrandId,
    Declarant,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Recorder,
    RefusalKind,
)
from accord.sample.load import sample_catalogue
from accord.service.answers import Request
from accord.service.writer import MAX_COMMIT
from accord.v1 import (
    contact_service_pb2,
    customer_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    permission_service_pb2,
)

BRAND = BrandId("bench")
CALLER = "bench"
CHECK = "/accord.v1.DecisionService/Check"
BATCH_CHECK = "/accord.v1.DecisionService/BatchCheck"
GRANT = "/accord.v1.PermissionService/Grant"
BATCH_RECORD = "/accord.v1.PermissionService/BatchRecord"
AUTHORIZE = "/accord.v1.ContactService/AuthorizeContact"

Item = TypeVar("Item")

_REFUSED_EVERY = 10
_CONTACTED_EVERY = 2
_AFTERNOON = 15


class TurnedAwayError(Exception):
    """What the benchmark writes does not fit the sample's catalogue any more."""


def load(config: Config, customers: int) -> float:
    """Load the brand into an empty installation, some days back; return entries per second."""
    now = Instant(time.time_ns() // 1000)
    clock = [Instant(now - 10 * DAY)]
    installation = Installation(config, clock=lambda: clock[0])
    try:
        installation.migrate()
        start, entries = time.perf_counter(), 0
        _write(installation, [ApplyCatalogue(catalogue=sample_catalogue())])
        for told, day in ((_arrives, 10), (_is_contacted, 3)):
            clock[0] = Instant(now - day * DAY)
            commands = (command for number in range(customers) for command in told(number))
            for some in _batched(commands, MAX_COMMIT):
                entries += _write(installation, some)
        seconds = time.perf_counter() - start
        installation.keep_checkpoints()
    finally:
        installation.close()
    return entries / seconds


def checks(customers: int, seed: int) -> Iterator[bytes]:
    """Yield Check requests for ever: customers at random, questions as an automation asks them."""
    made = [
        decision_service_pb2.CheckRequest(brand=BRAND, question=question).SerializeToString()
        for question in _questions(customers, seed, 4000)
    ]
    while True:
        yield from made


def batch_checks(customers: int, seed: int, size: int, view: decision_pb2.DecisionView.ValueType) -> Iterator[bytes]:
    """Yield BatchCheck requests for ever."""
    made = [
        decision_service_pb2.BatchCheckRequest(brand=BRAND, questions=questions, view=view).SerializeToString()
        for questions in _batched(_questions(customers, seed, 8 * size), size)
    ]
    while True:
        yield from made


def grants(customers: int, run: str) -> Iterator[bytes]:
    """Yield Grant requests, each once, by customers the brand knows."""
    return (_grant(customers, run, number).SerializeToString() for number in count())


def first_grants(run: str) -> Iterator[bytes]:
    """Yield Grant requests, each once, each by somebody new: every one needs a key of its own."""
    for number in count():
        request = _grant(1, f"{run}-new", number)
        request.customer.customer_id = f"new-{run}-{number}"
        yield request.SerializeToString()


def batches(customers: int, run: str, size: int) -> Iterator[bytes]:
    """Yield BatchRecord messages of grants, each once."""
    for numbers in _batched(count(), size):
        records = [permission_service_pb2.BatchRecord(grant=_grant(customers, run, number)) for number in numbers]
        yield permission_service_pb2.BatchRecordRequest(records=records).SerializeToString()


def authorizations(customers: int, run: str, first: int) -> Iterator[bytes]:
    """Yield AuthorizeContact requests, each once, going round the customers from `first`."""
    for number in count(first):
        customer = number % customers
        # Those who refused everything are left alone, so that every request takes a place under the caps.
        if customer % _REFUSED_EVERY:
            question = _question(customer_pb2.CustomerKey(customer_id=_name(customer)), "marketing.newsletter", "email")
            yield contact_service_pb2.AuthorizeContactRequest(
                brand=BRAND, contact_id=f"{run}-{number}", question=question
            ).SerializeToString()


def _write(installation: Installation, commands: Iterable[Command]) -> int:
    requests = [_request(installation, command) for command in commands]
    for result in installation.writer.write(BRAND, requests):
        if isinstance(result, Problem):
            raise TurnedAwayError(f"the benchmark's own data is turned away: {result.text}")
    return len(requests)


_numbers = count()


def _request(installation: Installation, command: Command) -> Request:
    if isinstance(command, AuthorizeContact):
        return Request(command=command, caller=CALLER)
    name = f"load-{next(_numbers)}"
    return Request(
        command=command,
        caller=CALLER,
        key=installation.lookups.request(BRAND, CALLER, name),
        content=installation.lookups.content(name.encode()),
    )


def _arrives(number: int) -> Iterator[Command]:
    """Tell how a customer is met: facts, two addresses, two permissions, a purchase, and one in ten says no."""
    customer = Identifier(IdentifierKind.CUSTOMER_ID, _name(number))
    facts = FactsRecorded(country="FR", time_zone=_afternoon_zone(), language="fr", birth_year=1950 + number % 50)
    yield RecordFacts(customer=customer, facts=facts)
    yield Link(customer=customer, contact_point=Identifier(IdentifierKind.EMAIL, _email(number)))
    yield Link(customer=customer, contact_point=Identifier(IdentifierKind.PHONE, _phone(number)))
    yield Grant(customer=customer, evidence=_declared("web_account"))
    yield Grant(customer=customer, evidence=_declared("web_checkout"))
    yield ReportActivity(customer=customer, kind=ActivityKind.PURCHASE, objection_offered=True)
    if number % _REFUSED_EVERY == 0:
        yield Refuse(
            kind=RefusalKind.WITHDRAWN, customer=customer, evidence=_declared("preference_centre"), purpose="marketing"
        )


def _is_contacted(number: int) -> Iterator[Command]:
    if number % _CONTACTED_EVERY == 0:
        customer = Identifier(IdentifierKind.CUSTOMER_ID, _name(number))
        question = Question(customer=customer, channel="email", purpose="marketing.recommendation")
        yield AuthorizeContact(contact_id=f"loaded-{number}", question=question)


def _declared(touchpoint: str) -> Declaration:
    return Declaration(
        touchpoint=touchpoint,
        method=Method.TICKED_BOX,
        declarant=Declarant.CUSTOMER,
        recorder=Recorder.SYSTEM,
        language="fr",
    )


def _questions(customers: int, seed: int, many: int) -> Iterator[decision_pb2.Question]:
    """Yield questions: half newsletters, the rest what else an automation asks; a third names the address."""
    chance = random.Random(seed)
    kinds = (
        ("marketing.newsletter", "email"),
        ("marketing.newsletter", "email"),
        ("marketing.recommendation", "email"),
        ("marketing.recommendation", "sms"),
        ("marketing.thanks", "sms"),
        ("marketing.birthday", "email"),
        ("service.order", "email"),
    )
    for _ in range(many):
        number = chance.randrange(customers)
        purpose, channel = chance.choice(kinds)
        if chance.random() < 1 / 3:
            point = customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_EMAIL, value=_email(number))
            key = customer_pb2.CustomerKey(contact_point=point)
        else:
            key = customer_pb2.CustomerKey(customer_id=_name(number))
        yield _question(key, purpose, channel)


def _question(key: customer_pb2.CustomerKey, purpose: str, channel: str) -> decision_pb2.Question:
    return decision_pb2.Question(customer=key, purpose=purpose, channel=channel)


def _grant(customers: int, run: str, number: int) -> permission_service_pb2.GrantRequest:
    return permission_service_pb2.GrantRequest(
        brand=BRAND,
        request_id=f"{run}-{number}",
        # A prime step, so that the customers of one commit lie apart.
        customer=customer_pb2.CustomerKey(customer_id=_name(number * 7919 % customers)),
        evidence=evidence_pb2.Evidence(
            touchpoint="web_account",
            language="fr",
            method=evidence_pb2.DECLARATION_METHOD_TICKED_BOX,
            declarant=evidence_pb2.DECLARANT_CUSTOMER,
            recorder=evidence_pb2.RECORDER_SYSTEM,
        ),
    )


def _name(number: int) -> str:
    return f"customer-{number:06d}"


def _email(number: int) -> str:
    return f"person.{number:06d}@example.com"


def _phone(number: int) -> str:
    return f"+336{number:08d}"


def _afternoon_zone() -> str:
    east = (_AFTERNOON - time.gmtime().tm_hour + 11) % 24 - 11
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


def _batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
