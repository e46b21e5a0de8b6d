"""Alerts, dashboard and collector: read by the tools that use them, and held to what docs/telemetry.md says is told."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.deployment import DEPLOY, ROOT, load
from support.toolchains import promtool, tool

MONITORING = DEPLOY / "monitoring"
_ROW = re.compile(
    r"^\| `(?P<name>[a-z_.]+)` \| (?P<kind>\w+) \| (?:`(?P<unit>[^`]+)`)? ?"
    r"\|(?P<attributes>[^|]*)\|[^|]*\|(?P<alert>[^|]*)\|$",
    re.MULTILINE,
)
MEASURES = {each["name"]: each for each in _ROW.finditer((ROOT / "docs" / "telemetry.md").read_text("utf-8"))}
_UNITS = {"s": "_seconds", "By": "_bytes"}
_ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
_OF_PROMETHEUS = {"up"}
_WORDS = {
    *("abs", "and", "by", "histogram_quantile", "le", "max", "max_over_time", "min", "offset", "on", "rate", "resets"),
    *("or", "sum", "unless", "without", "instance", "job", "d", "h", "m", "e"),
}


def exported(measure: re.Match[str]) -> set[str]:
    """Return the names of a measure as Prometheus has them."""
    name = measure["name"].replace(".", "_") + _UNITS.get(measure["unit"] or "", "")
    return {name + ending for ending in _ENDINGS[measure["kind"]]}


NAMES = {name: measure for measure in MEASURES.values() for name in exported(measure)}
LABELS = {each.replace(".", "_") for it in MEASURES.values() for each in re.findall(r"`([^`]+)`", it["attributes"])}


def rules() -> list[dict[str, Any]]:
    """Return every alert."""
    (group,) = load("monitoring/alerts.yaml")["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def board() -> dict[str, Any]:
    """Return the dashboard."""
    read: dict[str, Any] = json.loads((MONITORING / "grafana" / "accord.json").read_text("utf-8"))
    return read


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


EXPRESSIONS = [rule["expr"] for rule in rules()] + [each["expr"] for panel in panels() for each in panel["targets"]]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_accord_tells_by_its_labels(expression: str) -> None:
    bare = re.sub(r'"[^"]*"|\$__rate_interval|\b\d[\d.e]*[smhd]?\b', "", expression)
    words = set(re.findall(r"[A-Za-z_]\w*", bare))
    assert words <= {*NAMES, *_OF_PROMETHEUS, *LABELS, *_WORDS}
    assert words & {*NAMES, *_OF_PROMETHEUS}


def test_every_alert_that_the_page_asks_for_is_there() -> None:
    asked = {name for name, measure in MEASURES.items() if measure["alert"].strip()}
    used = " ".join(rule["expr"] for rule in rules())
    assert {name for name in asked if any(each in used for each in exported(MEASURES[name]))} == asked


def test_every_measure_is_on_the_dashboard() -> None:
    shown = " ".join(each["expr"] for panel in panels() for each in panel["targets"])
    assert {name for name, it in MEASURES.items() if any(each in shown for each in exported(it))} == set(MEASURES)


def test_the_page_was_read() -> None:
    assert len(MEASURES) > 15
    assert "accord_decisions_total" in NAMES


def test_every_alert_says_how_bad_it_is_and_in_words_what_is_wrong() -> None:
    assert {rule["labels"]["severity"] for rule in rules()} == {"page", "ticket"}
    assert all(rule["annotations"]["summary"] for rule in rules())
    operations = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert {rule["alert"] for rule in rules()} == set(re.findall(r"`(Accord[A-Z]\w+)`", operations))


def test_prometheus_understands_its_configuration_and_alerts() -> None:
    done = subprocess.run(
        [tool(promtool), "check", "config", "prometheus.yaml"],
        cwd=MONITORING,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_must_and_only_then(tmp_path: Path) -> None:
    shutil.copy(MONITORING / "alerts.yaml", tmp_path)
    shutil.copy(Path(__file__).with_name("alerts_test.yaml"), tmp_path)
    told = [tool(promtool), "test", "rules", "alerts_test.yaml"]
    done = subprocess.run(told, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_have_a_place_of_their_own_and_grafana_finds_their_source() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    (source,) = load("monitoring/grafana/datasource.yaml")["datasources"]
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}
    assert len({panel["id"] for panel in board()["panels"]}) == len(board()["panels"])


def test_grafana_is_shown_the_folder_that_the_dashboard_is_mounted_in() -> None:
    (provider,) = load("monitoring/grafana/dashboards.yaml")["providers"]
    mounted = load("compose.yaml")["services"]["grafana"]["volumes"]
    assert any(f"accord.json:{provider['options']['path']}/" in each for each in mounted)


def test_the_collector_takes_traces_where_accord_sends_them_through_parts_that_it_has() -> None:
    collector = yaml.safe_load((MONITORING / "collector.yaml").read_text("utf-8"))
    for pipeline in collector["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(collector[kind])
    port = collector["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].rpartition(":")[2]
    told = load("compose.yaml")["services"]["accord"]["environment"]
    assert told["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == f"http://otel-collector:{port}"
    assert set(collector["service"]["pipelines"]) == {"traces"}
