"""A click races a withdrawal, and another click, through the real writer on every store: the no wins, one counts."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from support.databases import Databases
from support.installations import BRAND, STORE_KINDS, Installation, open_parts
from support.scenes import CATALOGUE, ask_to_confirm, click, grant, withdraw

from accord.domain.commands import ApplyCatalogue, Command, Question
from accord.domain.terms import Identifier, IdentifierKind, PermissionStatus
from accord.ledger.entry import read_leaf
from accord.service.answers import Authorized, Written

ROUNDS = 25


@pytest.fixture(params=STORE_KINDS)
def racing(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    """An installation whose writer runs."""
    parts = open_parts(request.param, databases, tmp_path)
    made = Installation(parts)
    made.write(ApplyCatalogue(catalogue=CATALOGUE))
    made.writer.start()
    yield made
    made.writer.stop()
    parts.close()


def waiting(racing: Installation, number: int) -> tuple[Identifier, str]:
    """Return a customer whose permission waits, and the token of the link sent to them."""
    customer = Identifier(IdentifierKind.CUSTOMER_ID, f"customer-{number}")
    address = Identifier(IdentifierKind.EMAIL, f"customer.{number}@example.com")
    (given,) = racing.write(grant(customer, "form", address))
    assert isinstance(given, Written)
    (asked,) = racing.write(ask_to_confirm(given.receipts[0].position, f"mail-{number}", customer))
    assert isinstance(asked, Authorized)
    return customer, asked.confirmation_token


def together(racing: Installation, *commands: Command) -> list[Any]:
    """Submit commands at once, each from its own thread."""
    start = Barrier(len(commands))

    def submit(command: Command) -> Any:
        start.wait()
        return racing.writer.submit(BRAND, [racing.request(command)])[0]

    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(submit, commands))


def test_whoever_comes_first_a_withdrawal_outlives_the_click(racing: Installation) -> None:
    for number in range(ROUNDS):
        customer, token = waiting(racing, number)
        clicked, refused, again = together(racing, click(token), withdraw(customer), click(token))
        assert isinstance(refused, Written)
        stands = {PermissionStatus(each.status) for each in (clicked, again)}
        assert stands <= {PermissionStatus.ACTIVE, PermissionStatus.WITHDRAWN}
        question = Question(customer=customer, purpose="marketing.cart", channel="email")
        assert racing.questions.check(BRAND, question).decision.reason.name == "WITHDRAWN"
    assert racing.audit().faults == ()


def test_clicks_that_race_are_one_confirmation(racing: Installation) -> None:
    customers = [waiting(racing, number) for number in range(ROUNDS)]
    for _, token in customers:
        found = together(racing, *[click(token)] * 4)
        assert {each.status for each in found} == {PermissionStatus.ACTIVE}
        assert len({each.told_at if each.told_at is not None else each.receipts[0].position for each in found}) == 1
    kinds = Counter(read_leaf(entry.leaf).type for entry in racing.store.entries(BRAND, 0, 10_000))
    assert kinds["PermissionConfirmed"] == ROUNDS
