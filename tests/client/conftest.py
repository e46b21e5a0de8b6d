"""One served brand for all tests of the client, and a client of each flavour."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.flavours import FLAVOURS, TOKENS, Flavour, open_client
from support.serving import BRAND, Site

from accord.client import DeclarationMethod, Evidence
from accord.keys.callers import Callers


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite with a catalogue and one server."""
    with Site(tmp_path_factory.mktemp("client")) as made:
        TOKENS["checker"] = Callers(made.data / "callers.json").add("client-checker", BRAND, ("checker",))
        made.apply_catalogue(made.start())
        yield made


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each flavour in turn."""
    told: Flavour = request.param
    return told


@pytest.fixture
def client(site: Site, flavour: Flavour) -> Iterator[Any]:
    """A client of the flavour, as the operator."""
    with open_client(flavour, site.servers[0].address, site.token, BRAND) as made:
        yield made


def at(touchpoint: str) -> Evidence:
    """Return the evidence of an act at a touchpoint, just now."""
    return Evidence(touchpoint, DeclarationMethod.BUTTON, language="en")


@pytest.fixture(name="at")
def at_fixture() -> Any:
    """The evidence of an act at a touchpoint."""
    return at


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A customer of this test alone."""
    return request.node.name.partition("test_")[2][:100].replace("[", "-").replace("]", "")
