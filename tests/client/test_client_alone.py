"""The client stands alone: it is imported, packaged and used where nothing of the server is installed."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from support.serving import BRAND, Site

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from importlib.abc import MetaPathFinder

ALLOWED = {"accord", "google", "grpc", "grpc_health", "grpc_status", "typing_extensions"}
OURS = {"accord", "accord.client", "accord.v1"}


class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        ours = top != "accord" or ".".join(name.split(".")[:2]) in OURS
        if ours and (top in ALLOWED or top in sys.stdlib_module_names):
            return None
        raise ModuleNotFoundError(f"{name} is not installed here", name=name)


sys.meta_path.insert(0, Nothing())
import accord
import accord.client
from accord.client import Client, ContactOutcome, DeclarationMethod, Evidence

for absent in ("sqlalchemy", "cryptography", "psycopg", "msgspec", "click", "accord.domain", "accord.rpc"):
    try:
        __import__(absent)
    except ModuleNotFoundError:
        continue
    raise AssertionError(f"{absent} could be imported")

server, token, brand = sys.argv[1:]
with Client(server, token, brand) as client:
    client.grant("alone", Evidence("qr_code", DeclarationMethod.BUTTON, language="en"))
    with client.contact("alone", "email", "marketing.callback", contact_id="alone") as contact:
        assert contact, contact.reason
    assert client.check("alone", "email", "marketing.callback").reason == "USED_UP"
print(accord.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's own wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT / "deploy" / "client", check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as packed:
        packed.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_client_works_from_its_own_wheel_where_nothing_of_the_server_can_be_imported(
    wheel: Path, site: Site
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(wheel), "PYTHONDONTWRITEBYTECODE": "1"}
    asked = [sys.executable, "-c", PROGRAM, site.servers[0].address, site.token, BRAND]
    done = subprocess.run(asked, env=environment, cwd=wheel, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == wheel / "accord" / "__init__.py"


def test_the_wheel_of_the_client_holds_the_client_and_the_protocol_only(wheel: Path) -> None:
    assert {path.name for path in (wheel / "accord").iterdir()} == {"__init__.py", "client", "py.typed", "v1"}


def test_the_client_depends_on_what_the_server_depends_on_and_on_nothing_of_storage() -> None:
    server = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    client = tomllib.loads((ROOT / "deploy" / "client" / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(client["dependencies"]) < set(server)
    assert {each.partition(">")[0] for each in client["dependencies"]} == {
        "googleapis-common-protos",
        "grpcio",
        "grpcio-health-checking",
        "grpcio-status",
        "protobuf",
    }
