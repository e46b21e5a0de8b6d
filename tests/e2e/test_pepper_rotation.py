"""A new pepper while servers go on: every check finds its customer, every write its place, and a crash is finished."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.databases import Databases, Kind
from support.serving import Server, Site, email_of, grant, question, wait_for

from accord.domain.terms import BrandId, Identifier, IdentifierKind
from accord.ledger.lookup import IdentifierLookups
from accord.v1 import decision_pb2, decision_service_pb2


@pytest.fixture(params=["sqlite", "postgres"])
def site(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Site]:
    kind: Kind = request.param
    with Site.fresh(kind, databases, tmp_path) as made:
        yield made


class Load:
    """Asks of one customer, and grants for new ones, until told to end."""

    def __init__(self, site: Site, server: Server) -> None:
        self.reasons: set[int] = set()
        self.checks = 0
        self.granted: list[str] = []
        self._ended = threading.Event()
        self._site = site
        self._server = server

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=each) for each in (self._ask, self._ask, self._grant)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: self.checks > 20 and len(self.granted) > 5, "a load")
            yield
            checks, granted = self.checks, len(self.granted)
            wait_for(lambda: self.checks > checks + 20 and len(self.granted) > granted + 5, "a load afterwards")
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        with self._site.connect(self._server) as connection:
            while not self._ended.is_set():
                self.reasons.add(check(connection, "ada"))
                self.checks += 1

    def _grant(self) -> None:
        with self._site.connect(self._server) as connection:
            while not self._ended.is_set():
                name = f"new-{len(self.granted)}"
                connection.ask(connection.permissions.Grant, grant(name, "till", name, email_of(name)))
                self.granted.append(name)


def check(connection: object, customer: str) -> int:
    request = decision_service_pb2.CheckRequest(brand="maison", question=question(customer, "marketing.news"))
    return connection.ask(connection.decisions.Check, request).decision.reason  # type: ignore[attr-defined]


def digest_is_in_files(site: Site, epoch: int) -> bool:
    """Say whether the digest of Ada's address under the pepper of an epoch is in any file of SQLite."""
    address = Identifier(IdentifierKind.EMAIL, email_of("ada").value)
    lookups = IdentifierLookups(epoch, (site.data / "secrets" / f"pepper-{epoch}").read_bytes())
    digest = lookups.identifier(BrandId("maison"), address)
    return any(digest in path.read_bytes() for path in site.data.glob("accord.db*"))


def test_checks_and_writes_go_on(site: Site) -> None:
    server = site.start()
    site.apply_catalogue(server)
    with site.connect(server) as connection:
        connection.ask(connection.permissions.Grant, grant("ada", "till", "ada", email_of("ada")))
        assert digest_is_in_files(site, 1) is (site.data / "accord.db").exists()
        load = Load(site, server)
        with load.running():
            told = [json.loads(site.run("keys", "rotate-pepper", "--json", expect=0).stdout) for _ in range(2)]
            assert json.loads(site.run("audit", "--json", expect=0).stdout)["faults"] == []
        assert [each["epoch"] for each in told] == [2, 3]
        assert load.reasons == {decision_pb2.DECISION_REASON_PERMITTED}
        assert {check(connection, name) for name in load.granted} == {decision_pb2.DECISION_REASON_PERMITTED}
    assert not any(digest_is_in_files(site, epoch) for epoch in (1, 2))
    assert sorted(path.name for path in (site.data / "secrets").glob("pepper-*")) == [
        "pepper-1",
        "pepper-2",
        "pepper-3",
    ]
    shown = json.loads(site.run("keys", "status", "--json", expect=0).stdout)
    assert shown["pepper_epochs"] == {"maison": 3}
    assert site.audit().faults == ()


def test_a_server_without_the_new_pepper_says_no_and_writes_nothing(site: Site) -> None:
    server = site.start()
    site.apply_catalogue(server)
    with site.connect(server) as connection:
        connection.ask(connection.permissions.Grant, grant("ada", "till", "ada", email_of("ada")))
    site.run("keys", "rotate-pepper", expect=0)
    (site.data / "secrets" / "pepper-2").rename(site.data / "secrets" / "elsewhere")
    with site.connect(server) as connection:
        for ask in (
            lambda: check(connection, "ada"),
            lambda: connection.ask(connection.permissions.Grant, grant("bob", "till", "bob", email_of("bob"))),
        ):
            with pytest.raises(Exception, match="STORE_UNAVAILABLE"):
                ask()
        assert "pepper-2" in server.told
        (site.data / "secrets" / "elsewhere").rename(site.data / "secrets" / "pepper-2")
        assert check(connection, "ada") == decision_pb2.DECISION_REASON_PERMITTED
    assert site.audit().faults == ()
