"""Among servers of one PostgreSQL exactly one leads a thing; on SQLite whoever asks does."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from support.databases import Databases

from accord.ledger.store import StoreUnavailableError
from accord.storage.engine import open_engine
from accord.storage.leadership import AdvisoryLeader


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    made = open_engine(postgres_url, pool_size=0)
    yield made
    made.dispose()


def test_one_of_two_leads_until_it_resigns(engine: Engine) -> None:
    one, other = AdvisoryLeader(engine, "webhooks"), AdvisoryLeader(engine, "webhooks")
    assert (one.leads(), other.leads(), one.leads(), other.leads()) == (True, False, True, False)
    one.resign()
    assert (other.leads(), one.leads()) == (True, False)
    other.resign()


def test_different_things_have_leaders_of_their_own(engine: Engine) -> None:
    one, other = AdvisoryLeader(engine, "webhooks"), AdvisoryLeader(engine, "checkpoints")
    assert (one.leads(), other.leads()) == (True, True)
    one.resign()
    other.resign()


def test_a_leader_that_lost_its_connection_leads_no_more_and_another_may(engine: Engine, databases: Databases) -> None:
    one, other = AdvisoryLeader(engine, "webhooks"), AdvisoryLeader(engine, "webhooks")
    assert one.leads()
    databases.postgres.run("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    assert other.leads()
    with pytest.raises(StoreUnavailableError):
        one.leads()
    assert not one.leads()
    other.resign()
    assert one.leads()
    one.resign()


def test_on_sqlite_whoever_asks_leads(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url, pool_size=0)
    assert AdvisoryLeader(engine, "webhooks").leads()
    assert AdvisoryLeader(engine, "webhooks").leads()
