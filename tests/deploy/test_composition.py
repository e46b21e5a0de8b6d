"""The composition: read by Docker's own program, and its Accord run here as it says, on PostgreSQL and by TLS."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from cryptography import x509
from support.databases import Databases
from support.deployment import DEPLOY, ROOT, command, load, said, stages, variables
from support.serving import free_address, is_running, wait_for
from support.toolchains import compose, tool

FINAL = stages()[-1]
OWN = {"accord", "migrate", "prepare"}
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    """The composition as `docker compose` understands it."""
    told = [tool(compose), "-f", str(DEPLOY / "compose.yaml"), "config", "--format", "json", "--no-path-resolution"]
    done = subprocess.run(told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_every_image_has_a_version(composition: dict[str, Any]) -> None:
    for name, service in composition["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert any(character.isdigit() for character in tag), name


def test_only_this_machine_reaches_what_is_published(composition: dict[str, Any]) -> None:
    published = {name: each["ports"] for name, each in composition["services"].items() if "ports" in each}
    assert set(published) == {"accord", "grafana", "prometheus"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}


def test_accord_cannot_write_to_its_root_nor_gain_rights(composition: dict[str, Any]) -> None:
    for name in OWN:
        service = composition["services"][name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_each_begins_when_what_it_needs_is_ready(composition: dict[str, Any]) -> None:
    needs = {
        name: {other: each["condition"] for other, each in service.get("depends_on", {}).items()}
        for name, service in composition["services"].items()
    }
    done, healthy = "service_completed_successfully", "service_healthy"
    assert needs["postgres"] == needs["postgres-keys"] == {"prepare": done}
    assert needs["migrate"] == {"postgres": healthy, "postgres-keys": healthy}
    assert needs["accord"] == {"migrate": done}


def test_the_keys_live_on_a_server_of_their_own_and_checkpoints_on_a_volume_of_their_own(
    composition: dict[str, Any],
) -> None:
    mounts = {name: _mounts(service) for name, service in composition["services"].items()}
    assert mounts["postgres"]["/var/lib/postgresql/data"] != mounts["postgres-keys"]["/var/lib/postgresql/data"]
    assert mounts["accord"]["/var/lib/accord/checkpoints"] not in (
        mounts["accord"]["/var/lib/accord"],
        mounts["postgres"]["/var/lib/postgresql/data"],
    )


def test_nobody_but_the_preparation_sees_the_key_of_the_ca(composition: dict[str, Any]) -> None:
    assert [name for name, each in composition["services"].items() if "authority" in _mounts(each).values()] == [
        "prepare"
    ]


def test_accord_has_time_to_drain_before_it_is_killed(composition: dict[str, Any]) -> None:
    assert composition["services"]["accord"]["stop_grace_period"] == "1m30s"


def test_prometheus_asks_every_worker(composition: dict[str, Any]) -> None:
    told = composition["services"]["accord"]["environment"]
    port = int(told["ACCORD_METRICS_LISTEN"].rpartition(":")[2])
    wanted = [f"accord:{port + seat}" for seat in range(int(told["ACCORD_WORKERS"]))]
    (job,) = load("monitoring/prometheus.yaml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": wanted}]


def test_what_is_mounted_from_here_is_here(composition: dict[str, Any]) -> None:
    sources = [
        each["source"]
        for service in composition["services"].values()
        for each in service.get("volumes", ())
        if each["type"] == "bind"
    ]
    assert sources
    assert all((DEPLOY / source).is_file() for source in sources)


def test_a_preparation_leaves_what_is_good_and_replaces_a_certificate_that_ends_soon(tmp_path: Path) -> None:
    folders = _prepare(tmp_path)
    first = {path: path.read_bytes() for folder in folders for path in folder.iterdir()}
    _prepare(tmp_path)
    assert {path: path.read_bytes() for folder in folders for path in folder.iterdir()} == first
    _shorten(tmp_path)
    _prepare(tmp_path)
    changed = {path.name for path, content in first.items() if path.read_bytes() != content}
    assert changed == {"tls.crt", "tls.key"}
    certificate = x509.load_pem_x509_certificate((tmp_path / "tls" / "tls.crt").read_bytes())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate((tmp_path / "tls" / "ca.crt").read_bytes()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["accord", "localhost"]


def test_nobody_else_can_read_what_a_preparation_makes(tmp_path: Path) -> None:
    made = [path for folder in _prepare(tmp_path) for path in folder.iterdir()]
    assert {path.name for path in made} >= {"ca.key", "tls.key", "database", "database-password", "keys-database"}
    assert {path.stat().st_mode & 0o077 for path in made} == {0}


def test_the_urls_of_a_preparation_name_the_servers_with_their_passwords(
    composition: dict[str, Any], tmp_path: Path
) -> None:
    secrets = _prepare(tmp_path)[-1]
    for host, name in (("postgres", "database"), ("postgres-keys", "keys-database")):
        told = composition["services"][host]["environment"]
        password = (secrets / Path(told["POSTGRES_PASSWORD_FILE"]).name).read_text().strip()
        assert len(password) == 48
        expected = f"postgresql://{told['POSTGRES_USER']}:{password}@{host}/{told['POSTGRES_DB']}"
        assert (secrets / name).read_text().strip() == expected


class Container:
    """Runs what the image and a service say, with the paths of the image put elsewhere and nothing else told."""

    def __init__(self, folder: Path, code: Path, service: dict[str, Any]) -> None:
        self.folder = folder
        listen = f"0.0.0.0:{free_address().rpartition(':')[2]}"
        told = {**variables(FINAL), **service["environment"]}
        told |= {"ACCORD_LISTEN": listen, "ACCORD_SERVER": listen.replace("0.0.0.0", "localhost")}
        if "ACCORD_METRICS_LISTEN" in told:
            told["ACCORD_METRICS_LISTEN"] = _two_free_addresses()
            # As many as the cores of a small machine; the count is no matter of the composition's shape.
            told["ACCORD_WORKERS"] = "2"
        self.environment = {name: self._here(value) for name, value in told.items()}
        self.environment |= {"PATH": f"{BIN}:/usr/bin:/bin", "PYTHONPATH": str(code)}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the entrypoint with arguments."""
        return subprocess.Popen([*command(*said(FINAL, "ENTRYPOINT")), *arguments], **self._told())

    def run(self, told: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(told, check=False, capture_output=True, timeout=60, **self._told())

    def _told(self) -> dict[str, Any]:
        return {"env": self.environment, "cwd": self.folder}

    def _here(self, value: str) -> str:
        for there, here in (("/var/lib/accord", "data"), ("/run/accord", ".")):
            value = value.replace(there, str(self.folder / here))
        return value


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the image's build installs it: from its own wheel."""
    folder = tmp_path_factory.mktemp("image")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    target = folder / "code"
    subprocess.run([*pip, "--no-build-isolation", "--target", target, ROOT], check=True, capture_output=True)
    return target


@pytest.fixture
def folder(tmp_path: Path, databases: Databases) -> Iterator[Path]:
    """What the volumes hold once `prepare` is done, but for PostgreSQL's addresses, which are this test's."""
    secrets = _prepare(tmp_path)[-1]
    urls = [databases.empty("postgres", f"composed_{name}_{os.getpid()}") for name in ("ledger", "keys")]
    for name, url in zip(("database", "keys-database"), urls, strict=True):
        (secrets / name).write_text(url + "\n")
    yield tmp_path
    for url in urls:
        databases.drop(url)


def test_accord_serves_by_what_image_and_composition_say(composition: dict[str, Any], code: Path, folder: Path) -> None:
    before = sorted(code.rglob("*"))
    services = composition["services"]
    migrate = Container(folder, code, services["migrate"])
    assert migrate.start(*services["migrate"]["command"]).wait(60) == 0
    accord = Container(folder, code, services["accord"])
    health = command(*said(FINAL, "HEALTHCHECK"))
    assert accord.run(health).returncode == 1
    process = accord.start(*command(*said(FINAL, "CMD")))
    try:
        wait_for(lambda: accord.run(health).returncode == 0 or not is_running(process.pid), "the image to be healthy")
        host, _, port = accord.environment["ACCORD_METRICS_LISTEN"].rpartition(":")
        for seat in (0, 1):
            # A server is healthy as soon as one of its workers is: the other may still be on its way.
            wait_for(lambda seat=seat: _answers(host, int(port) + seat), f"seat {seat} to tell its measures")
            with urlopen(f"http://{host}:{int(port) + seat}/metrics", timeout=20) as answer:
                assert b"accord_ledger_proven 1.0" in answer.read()
        told = accord.run(["accord", "tokens", "list", "--json"]).stdout
        assert [each["name"] for each in json.loads(told)] == ["operator"]
        process.send_signal(getattr(signal, *said(FINAL, "STOPSIGNAL")))
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert sorted(code.rglob("*")) == before, "the code is read-only in a container"


def test_without_a_certificate_the_image_says_what_it_lacks(
    composition: dict[str, Any], code: Path, folder: Path
) -> None:
    services = composition["services"]
    migrate = Container(folder, code, services["migrate"])
    assert migrate.start(*services["migrate"]["command"]).wait(60) == 0
    (folder / "tls" / "tls.crt").unlink()
    done = Container(folder, code, services["accord"]).run(["accord", "serve"])
    assert done.returncode == 1
    assert b"ACCORD_TLS_CERTIFICATE" in done.stderr
    assert b"cannot be read: No such file" in done.stderr


def _prepare(folder: Path) -> list[Path]:
    """Run the preparation as the composition does, and return its folders."""
    folders = [folder / name for name in ("authority", "tls", "secrets")]
    for each in folders:
        each.mkdir(exist_ok=True)
    told = load("compose.yaml")["services"]["prepare"]
    assert told["entrypoint"][2:] == [f"/run/accord/{each.name}" for each in folders]
    subprocess.run(["/bin/sh", DEPLOY / "compose" / "prepare.sh", *folders, *told["command"]], check=True)
    return folders


def _shorten(folder: Path) -> None:
    """Let the certificate end within the month."""
    request, key = folder / "request", folder / "tls" / "tls.key"
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=accord", "-out", request], check=True)
    ca = ["-CA", folder / "tls" / "ca.crt", "-CAkey", folder / "authority" / "ca.key", "-set_serial", "1"]
    told = ["openssl", "x509", "-req", "-in", request, *ca, "-days", "20", "-out", folder / "tls" / "tls.crt"]
    subprocess.run(told, check=True, capture_output=True)


def _two_free_addresses() -> str:
    """Return a loopback address whose port and the one after it nobody listens on now."""
    while True:
        host, _, port = free_address().rpartition(":")
        with socket.socket() as probe:
            if int(port) < 65535 and probe.connect_ex((host, int(port) + 1)) != 0:
                return f"{host}:{port}"


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def _mounts(service: dict[str, Any]) -> dict[str, str]:
    return {each["target"]: each["source"] for each in service.get("volumes", ())}
