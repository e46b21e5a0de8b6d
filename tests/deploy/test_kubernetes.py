"""The manifests: put together by kubectl, held to Kubernetes' own schemas, and to what the image and Accord need."""

import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml
from support.deployment import DEPLOY, IMAGE, command, pods, resources, said, stages, variables
from support.toolchains import kubectl, tool

from accord.config import Config

FINAL = stages()[-1]
VERSIONS = ("1.29", "1.33")
CONTAINERS = {path: pod["containers"][0] for path, pod in pods().items()}


@pytest.mark.parametrize("folder", ["kubernetes", "kubernetes/migrate"])
@pytest.mark.parametrize("version", VERSIONS)
def test_what_kubectl_puts_together_fits_the_schemas(folder: str, version: str) -> None:
    told = [tool(kubectl), "kustomize", DEPLOY / folder]
    done = subprocess.run(told, capture_output=True, text=True, check=True)
    made = list(yaml.safe_load_all(done.stdout))
    assert made
    for each in made:
        kubernetes_validate.validate(each, version, strict=True)
        assert each["metadata"].get("namespace", "accord") == "accord"


@pytest.mark.parametrize("path", sorted(CONTAINERS))
def test_a_pod_is_allowed_where_pods_are_restricted_most(path: str) -> None:
    pod, container = pods()[path], CONTAINERS[path]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])


@pytest.mark.parametrize("path", sorted(CONTAINERS))
def test_a_pod_is_of_our_image_and_its_user(path: str) -> None:
    user, _, group = said(FINAL, "USER")[0].partition(":")
    context = pods()[path]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (int(user), int(group), int(group))
    assert CONTAINERS[path]["image"] == IMAGE


@pytest.mark.parametrize("path", sorted(CONTAINERS))
def test_every_variable_is_a_setting_or_the_file_of_one(path: str) -> None:
    known = {f"ACCORD_{name.upper()}" for name in Config.__struct_fields__} | {"ACCORD_KEK", "ACCORD_PEPPER"}
    told = {each["name"] for each in CONTAINERS[path]["env"]} | set(resources()["settings.yaml"]["data"])
    assert {name.removesuffix("_FILE") for name in told} <= known


@pytest.mark.parametrize("path", sorted(CONTAINERS))
def test_every_file_that_is_named_is_mounted_as_a_whole_folder(path: str) -> None:
    container = CONTAINERS[path]
    mounts = {each["mountPath"] for each in container["volumeMounts"]}
    assert not any("subPath" in each for each in container["volumeMounts"])
    named = {each["value"] for each in container["env"] if each["name"].endswith("_FILE")}
    assert {file.rpartition("/")[0] for file in named} <= mounts
    volumes = {each["name"] for each in pods()[path]["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes


def test_a_server_finds_its_certificate_and_keeps_its_data() -> None:
    told, container = variables(FINAL), CONTAINERS["deployment.yaml"]
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert mounts[told["ACCORD_DATA"]] == "data"
    for name in ("ACCORD_TLS_CERTIFICATE", "ACCORD_TLS_KEY", "ACCORD_CA"):
        assert mounts[told[name].rpartition("/")[0]] == "tls"
    (claimed,) = (each for each in pods()["deployment.yaml"]["volumes"] if each["name"] == "data")
    assert claimed["persistentVolumeClaim"]["claimName"] == resources()["data.yaml"]["metadata"]["name"]


def test_probes_ask_as_the_image_does() -> None:
    container = CONTAINERS["deployment.yaml"]
    health = command(*said(FINAL, "HEALTHCHECK"))
    assert container["startupProbe"]["exec"]["command"] == health
    assert container["livenessProbe"]["exec"]["command"] == health
    assert container["readinessProbe"]["tcpSocket"]["port"] == "grpc"


def test_every_port_is_one_that_accord_listens_on_and_each_is_let_through() -> None:
    ports = {each["name"]: each["containerPort"] for each in CONTAINERS["deployment.yaml"]["ports"]}
    settings = resources()["settings.yaml"]["data"]
    first, workers = int(settings["ACCORD_METRICS_LISTEN"].rpartition(":")[2]), int(settings["ACCORD_WORKERS"])
    assert ports == {
        "grpc": int(variables(FINAL)["ACCORD_LISTEN"].rpartition(":")[2]),
        **{f"metrics-{seat}": first + seat for seat in range(workers)},
    }
    policy = resources()["network.yaml"]["spec"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == set(ports)
    (served,) = resources()["service.yaml"]["spec"]["ports"]
    assert (served["port"], served["targetPort"]) == (ports["grpc"], "grpc")


def test_a_pod_has_a_whole_core_for_each_worker() -> None:
    found = CONTAINERS["deployment.yaml"]["resources"]
    assert found["requests"] == found["limits"]
    assert found["requests"]["cpu"] == resources()["settings.yaml"]["data"]["ACCORD_WORKERS"]


def test_one_pod_at_least_serves_while_nodes_are_drained_and_releases_rolled_out() -> None:
    deployment = resources()["deployment.yaml"]["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert resources()["disruption.yaml"]["spec"]["maxUnavailable"] < deployment["replicas"]


def test_a_pod_is_killed_only_after_accord_would_have_ended_by_itself() -> None:
    longest = Config().drain_seconds + 40 + 5  # what a supervisor waits beyond the time to drain, and before SIGTERM
    assert pods()["deployment.yaml"]["terminationGracePeriodSeconds"] > longest


def test_everything_that_selects_selects_the_server() -> None:
    labels = resources()["deployment.yaml"]["spec"]["template"]["metadata"]["labels"]
    selecting: dict[str, Any] = {
        "deployment.yaml": resources()["deployment.yaml"]["spec"]["selector"]["matchLabels"],
        "service.yaml": resources()["service.yaml"]["spec"]["selector"],
        "disruption.yaml": resources()["disruption.yaml"]["spec"]["selector"]["matchLabels"],
        "network.yaml": resources()["network.yaml"]["spec"]["podSelector"]["matchLabels"],
    }
    for path, selector in selecting.items():
        assert selector.items() <= labels.items(), path
    theirs = resources()["migrate/job.yaml"]["spec"]["template"]["metadata"]["labels"]
    assert not selecting["service.yaml"].items() <= theirs.items(), "no call goes to the migration"
    assert selecting["network.yaml"].items() <= theirs.items(), "the migration reaches the databases"
