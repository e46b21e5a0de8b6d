"""Fixtures shared by all tests: databases, stores and installations, on every kind of store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.databases import Databases, Kind
from support.installations import STORE_KINDS, Installation, Parts, Store, StoreKind, open_parts

from accord.storage.migrate import Which

TESTS = Path(__file__).parent

LONGEST_FIRST = (
    "e2e/test_races.py",
    "e2e/test_kill.py",
    "e2e/test_workers.py",
    "e2e/test_readme.py",
    "e2e/test_serving.py",
    "e2e/test_drills.py",
    "e2e/test_tls.py",
    "property/test_law.py",
    "unit/test_export_bits.py",
    "property/test_histories.py",
    "property/test_merges.py",
    "e2e/test_exported.py",
    "e2e/test_importing_records.py",
    "contract/test_groups.py",
    "contract/test_erasure.py",
    "deploy/test_composition.py",
    "rpc/test_random_requests.py",
    "rpc/test_bad_input.py",
    "unit/test_writer.py",
)
"""Files by how long they take, those with more than a quarter of a minute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin, so that the processes that share the files out end together."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Fresh databases at the newest revision; PostgreSQL starts with the first that is asked for."""
    made = Databases(tmp_path_factory.mktemp("databases"))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def sqlite_url(databases: Databases) -> Iterator[str]:
    """A fresh SQLite database for a ledger, for `accord.storage.engine.open_engine`."""
    yield from _lent(databases, "sqlite", "ledger")


@pytest.fixture
def sqlite_keys_url(databases: Databases) -> Iterator[str]:
    """A fresh SQLite database for keys."""
    yield from _lent(databases, "sqlite", "keys")


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """A fresh PostgreSQL database for a ledger, for `accord.storage.engine.open_engine`."""
    yield from _lent(databases, "postgres", "ledger")


@pytest.fixture
def postgres_keys_url(databases: Databases) -> Iterator[str]:
    """A fresh PostgreSQL database for keys."""
    yield from _lent(databases, "postgres", "keys")


@pytest.fixture(params=STORE_KINDS)
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    """Each kind of store in turn."""
    kind: StoreKind = request.param
    return kind


@pytest.fixture
def parts(store_kind: StoreKind, databases: Databases, tmp_path: Path) -> Iterator[Parts]:
    """Fresh parts of the kind."""
    made = open_parts(store_kind, databases, tmp_path / "checkpoints")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def store(parts: Parts) -> Store:
    """A fresh, empty store of the kind."""
    return parts.store


@pytest.fixture
def installation(parts: Parts) -> Installation:
    """A fresh installation on the kind of store, its clock at `START`; its writer is not started."""
    return Installation(parts)


def _lent(databases: Databases, kind: Kind, which: Which) -> Iterator[str]:
    url = databases.fresh(kind, which)
    try:
        yield url
    finally:
        databases.drop(url)
