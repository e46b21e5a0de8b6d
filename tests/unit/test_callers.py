"""Callers: known by a token that is kept as a digest, for a brand, in roles."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import pytest

from accord.cli.serve import _make_operator
from accord.config import OPERATOR_TOKEN, Config
from accord.keys.callers import ANY_BRAND, ROLES, Caller, Callers, CallersError


@pytest.fixture
def callers(tmp_path: Path) -> Callers:
    return Callers(tmp_path / "data" / "callers.json")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that callers look at, standing until moved."""
    clock = [1_000.0]
    monkeypatch.setattr("accord.keys.callers.time.monotonic", lambda: clock[0])
    return clock


def test_nobody_may_call_before_somebody_was_added(callers: Callers) -> None:
    assert callers.all() == []
    assert callers.find("anything") is None


def test_who_holds_a_token_is_known_by_it(callers: Callers) -> None:
    token = callers.add("crm", "maison", ("sender", "checker"))
    found = callers.find(token)
    assert found is not None
    assert (found.name, found.brand, found.roles) == ("crm", "maison", ("checker", "sender"))
    assert callers.find(token) is found
    assert callers.find(token[:-1]) is None
    assert callers.find("") is None


def test_the_file_holds_no_token_and_only_its_owner_may_read_it(callers: Callers, tmp_path: Path) -> None:
    token = callers.add("crm", "maison", ("checker",))
    file = tmp_path / "data" / "callers.json"
    assert token not in file.read_text()
    assert token not in str(callers.all())
    assert file.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in file.parent.iterdir()} == {"callers.json", ".callers.json.lock"}


def test_every_caller_has_a_token_of_their_own(callers: Callers) -> None:
    tokens = {callers.add(f"caller-{number}", "maison", ("checker",)) for number in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 43 for token in tokens)


def test_adding_a_name_again_takes_its_old_token_back(callers: Callers, now: list[float]) -> None:
    old = callers.add("crm", "maison", ("checker",))
    assert callers.find(old) is not None
    new = callers.add("crm", "maison", ("sender",))
    now[0] += 2
    assert callers.find(old) is None
    found = callers.find(new)
    assert found is not None
    assert found.roles == ("sender",)


def test_a_caller_who_was_removed_is_known_no_more_within_a_second(callers: Callers, now: list[float]) -> None:
    token = callers.add("crm", "maison", ("checker",))
    assert callers.find(token) is not None
    assert callers.remove("crm")
    assert not callers.remove("crm")
    now[0] += 1.01
    assert callers.find(token) is None


def test_a_file_that_is_gone_gives_nobody_a_way_in(callers: Callers, tmp_path: Path, now: list[float]) -> None:
    token = callers.add("crm", "maison", ("checker",))
    assert callers.find(token) is not None
    (tmp_path / "data" / "callers.json").unlink()
    now[0] += 2
    assert callers.find(token) is None


@pytest.mark.usefixtures("now")
def test_a_caller_added_by_another_process_counts_at_once(callers: Callers, tmp_path: Path) -> None:
    callers.add("crm", "maison", ("checker",))
    assert callers.find("no token") is None
    elsewhere = Callers(tmp_path / "data" / "callers.json")
    # Names of one length, given in one tick of the file system's clock: files of one size and one time.
    for name in ("till", "shop", "desk"):
        assert callers.find(elsewhere.add(name, "maison", ("collector",))) is not None


@pytest.mark.usefixtures("now")
def test_a_certificate_added_by_another_process_counts_at_once(callers: Callers, tmp_path: Path) -> None:
    assert callers.find_by_certificate(["till.maison.example"]) is None
    elsewhere = Callers(tmp_path / "data" / "callers.json")
    elsewhere.add_certificate("till", "maison", ("collector",), "till.maison.example")
    assert callers.find_by_certificate(["till.maison.example"]) is not None


@pytest.mark.parametrize("roles", [(), ("king",), ("checker", "king")])
def test_a_role_nobody_knows_is_refused_and_the_known_ones_are_told(callers: Callers, roles: tuple[str, ...]) -> None:
    with pytest.raises(CallersError, match=", ".join(ROLES)):
        callers.add("crm", "maison", roles)
    assert callers.all() == []


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"name": "crm"}]', "\ufeff[]"])
def test_a_damaged_file_is_said_to_be_damaged(callers: Callers, tmp_path: Path, content: str) -> None:
    file = tmp_path / "data" / "callers.json"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(CallersError, match=r"callers\.json is damaged"):
        callers.all()


def test_a_person_can_read_the_file(callers: Callers, tmp_path: Path) -> None:
    callers.add("crm", ANY_BRAND, ("auditor",))
    ((caller,),) = [json.loads((tmp_path / "data" / "callers.json").read_text())]
    assert (caller["name"], caller["brand"], caller["roles"]) == ("crm", "*", ["auditor"])


class TestRights:
    CRM = Caller(name="crm", brand="maison", roles=("checker", "sender"), token_sha256="")
    ALL = Caller(name="audit", brand=ANY_BRAND, roles=("auditor",), token_sha256="")

    def test_one_of_the_roles_is_enough(self) -> None:
        assert self.CRM.may("maison", frozenset({"sender", "collector"}))
        assert not self.CRM.may("maison", frozenset({"collector"}))
        assert not self.CRM.may("maison", frozenset())

    def test_a_caller_of_one_brand_may_nothing_for_another(self) -> None:
        assert not self.CRM.may("autre", frozenset({"sender"}))
        assert not self.CRM.may("", frozenset({"sender"}))
        assert not self.CRM.may(ANY_BRAND, frozenset({"sender"}))

    def test_a_caller_of_every_brand_keeps_to_their_roles(self) -> None:
        assert self.ALL.may("maison", frozenset({"auditor"}))
        assert not self.ALL.may("maison", frozenset({"sender"}))


# --- known by a certificate ---------------------------------------------------------------------


def test_who_shows_a_certificate_is_known_by_a_name_in_it_letter_by_letter(callers: Callers) -> None:
    callers.add_certificate("checkout", "maison", ("sender",), "spiffe://maison/checkout")
    found = callers.find_by_certificate(["checkout.maison.example", "spiffe://maison/checkout"])
    assert found is not None
    assert (found.name, found.brand, found.roles) == ("checkout", "maison", ("sender",))
    for other in ("spiffe://maison/checkout/2", "spiffe://maison/check", "SPIFFE://maison/checkout", ""):
        assert callers.find_by_certificate([other]) is None
    assert callers.find_by_certificate([]) is None


def test_a_certificate_that_names_two_callers_is_neither(callers: Callers) -> None:
    callers.add_certificate("one", "maison", ("sender",), "one.example")
    callers.add_certificate("two", "maison", ("auditor",), "two.example")
    assert callers.find_by_certificate(["one.example", "two.example"]) is None


def test_a_certificates_name_is_no_token_and_a_missing_token_is_nobody(callers: Callers) -> None:
    callers.add_certificate("checkout", "maison", ("sender",), "checkout.example")
    assert callers.find("checkout.example") is None
    assert callers.find("") is None


def test_who_had_a_token_and_is_given_a_certificate_keeps_the_newer_alone(callers: Callers) -> None:
    token = callers.add("checkout", "maison", ("sender",))
    callers.add_certificate("checkout", "maison", ("sender",), "checkout.example")
    callers.refresh()
    assert callers.find(token) is None
    assert callers.find_by_certificate(["checkout.example"]) is not None


@pytest.mark.parametrize("name", ["", " ", "two words.example", "*.example", "spiffe://maison/*"])
def test_a_certificates_name_is_one_exact_name(callers: Callers, name: str) -> None:
    with pytest.raises(CallersError, match="certificate's name"):
        callers.add_certificate("checkout", "maison", ("sender",), name)


def test_servers_that_start_together_on_one_folder_agree_on_the_operators_token(tmp_path: Path) -> None:
    together = Barrier(8)

    def start() -> None:
        installation = SimpleNamespace(callers=Callers(tmp_path / "callers.json"))
        together.wait(30)
        _make_operator(installation, Config(data=tmp_path))

    with ThreadPoolExecutor(8) as servers:
        for started in [servers.submit(start) for _ in range(8)]:
            started.result(30)
    found = Callers(tmp_path / "callers.json").find((tmp_path / OPERATOR_TOKEN).read_text().strip())
    assert found is not None
    assert found.name == "operator"
