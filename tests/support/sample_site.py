"""A server process whose brand has the catalogue of the sample brand, and no year: for programs that strangers run."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Self

from google.protobuf import json_format
from support.serving import Server, Site

from accord.client import Connection
from accord.v1 import catalogue_pb2, catalogue_service_pb2

SAMPLE_BRAND = "maison-alba"
ROLES = ("checker", "collector", "sender")
"""Those of a service that asks, tells and sends."""


class SampleSite(Site):
    """A site that serves the sample brand's catalogue; its `server` runs, and `environment` is a service's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment["ACCORD_BRAND"] = SAMPLE_BRAND
        self.server: Server

    def __enter__(self) -> Self:
        self.server = self.start()
        text = resources.files("accord.sample").joinpath("catalogue.toml").read_text("utf-8")
        catalogue = json_format.ParseDict(tomllib.loads(text), catalogue_pb2.Catalogue())
        request = catalogue_service_pb2.ApplyRequest(brand=SAMPLE_BRAND, request_id="sample", catalogue=catalogue)
        with Connection(self.server.address, self.token, 60) as connection:
            connection.ask(connection.catalogues.Apply, request)
        return self

    def of_a_service(self, name: str) -> dict[str, str]:
        """Return the environment of a service of its own, with a token for the roles it needs."""
        roles = [part for role in ROLES for part in ("--role", role)]
        token = self.run("tokens", "add", name, "--brand", SAMPLE_BRAND, *roles, expect=0).stdout.strip()
        return self.environment | {"ACCORD_SERVER": self.server.address, "ACCORD_TOKEN": token}
