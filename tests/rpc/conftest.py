"""Grounds for requests: laid once, and copied for whoever needs one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.grpc_server import GrpcServer
from wire_examples import Ground


@pytest.fixture(scope="session")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A ground whose server has stopped; its folder is there to be copied."""
    with GrpcServer(tmp_path_factory.mktemp("ground")) as server:
        return Ground(server)


@pytest.fixture(scope="module")
def ground(laid: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A ground that the tests of a file share."""
    yield from copied(laid, tmp_path_factory.mktemp("copies") / "ground")


@pytest.fixture
def fresh(laid: Ground, tmp_path: Path) -> Iterator[Ground]:
    """A ground of one test."""
    yield from copied(laid, tmp_path / "ground")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GrpcServer]:
    """A server of one test, without any ledger."""
    with GrpcServer(tmp_path) as made:
        yield made


def copied(laid: Ground, folder: Path) -> Iterator[Ground]:
    """Yield a ground in a folder of its own."""
    shutil.copytree(laid.server.folder, folder)
    with GrpcServer(folder) as made:
        yield Ground(made, laid)
