"""What is mounted into Prometheus and Grafana: as generated, valid, and where the other side looks for it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from exporter.config import SETTINGS
from facade.config import VARIABLES
from local.generate import differing
from local.generate.compose import DETAIL_INTERVAL, SCRAPE_INTERVAL, STORAGE_INTERVAL, compose_files
from tests.compose.composed import ROOT, SERVICES, mounted, mounts

PROMETHEUS = mounted("prometheus", "/etc/prometheus")
DASHBOARDS = mounted("grafana", "/etc/grafana/dashboards")
CONFIG: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))


def provisioned(kind: str) -> dict[str, Any]:
    """The one file that Grafana finds in the folder of this kind."""
    (path,) = mounted("grafana", f"/etc/grafana/provisioning/{kind}").iterdir()
    assert path.suffix == ".yaml", "Grafana reads no other"
    document: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    assert document["apiVersion"] == 1
    return document


def test_the_tree_is_as_generated() -> None:
    generated = compose_files()
    assert differing(generated) == [], "run `make generate`"
    there = {path.relative_to(ROOT) for path in PROMETHEUS.rglob("*") if path.is_file()}
    assert there == set(generated)


def test_intervals_are_what_everything_has_by_default() -> None:
    wanted = {
        "SCRAPE_INTERVAL": SCRAPE_INTERVAL,
        "DETAIL_INTERVAL": DETAIL_INTERVAL,
        "STORAGE_INTERVAL": STORAGE_INTERVAL,
    }
    for settings in (SETTINGS, VARIABLES):
        assert {item.name: float(item.default) for item in settings if item.name in wanted} == wanted


def test_targets_have_our_labels_and_no_others() -> None:
    jobs = {job["job_name"]: job for job in CONFIG["scrape_configs"]}
    labels = {
        (name, target): group["labels"]
        for name, job in jobs.items()
        for group in job["static_configs"]
        for target in group["targets"]
    }
    assert labels == {
        ("cloudmon", "exporter-node-1:9477"): {"instance": "node-1", "node": "node-1", "cluster": "sample"},
        ("cloudmon", "exporter-node-2:9477"): {"instance": "node-2", "node": "node-2", "cluster": "sample"},
        ("cloudmon", "exporter-cluster:9477"): {"instance": "cluster", "cluster": "sample"},
        ("cloudmon-facade", "facade:5000"): {"instance": "facade", "cluster": "sample"},
        ("cloudmon-prometheus", "localhost:9090"): {"instance": "prometheus", "cluster": "sample"},
    }
    assert jobs["cloudmon"]["honor_labels"] is True
    hosts = {target.partition(":")[0] for _, target in labels}
    assert hosts - {"localhost"} <= set(SERVICES)


def test_promtool_takes_configuration_and_rules(tmp_path: Path) -> None:
    (pattern,) = CONFIG["rule_files"]
    folder = Path(pattern).parent
    rules = PROMETHEUS / folder.relative_to("/etc/prometheus")
    config = CONFIG | {"rule_files": [str(rules / Path(pattern).name)]}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 rule files found" in ended.stdout
    groups = [group for path in rules.iterdir() for group in yaml.safe_load(path.read_text("utf-8"))["groups"]]
    kinds = {next(iter(rule)) for group in groups for rule in group["rules"]}
    assert kinds == {"record", "alert"}


def test_the_data_source_is_the_prometheus_beside_it() -> None:
    (source,) = provisioned("datasources")["datasources"]
    url = urlsplit(source["url"])
    assert url.hostname in SERVICES
    (port,) = SERVICES["prometheus"]["ports"]
    assert str(url.port) == port.rpartition(":")[2]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert source["jsonData"]["timeInterval"] == CONFIG["global"]["scrape_interval"]


def test_dashboards_are_where_grafana_looks_for_them() -> None:
    (provider,) = provisioned("dashboards")["providers"]
    targets = {target: path for service, path, target, _ in mounts() if service == "grafana"}
    assert targets[provider["options"]["path"]] == DASHBOARDS.relative_to(ROOT)
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (DASHBOARDS / home.name).is_file()


def test_dashboards_take_a_data_source_of_that_type() -> None:
    (source,) = provisioned("datasources")["datasources"]
    paths = sorted(DASHBOARDS.glob("*.json"))
    assert len(paths) == 6
    for path in paths:
        dashboard = json.loads(path.read_text("utf-8"))
        asked = [item["query"] for item in dashboard["templating"]["list"] if item["type"] == "datasource"]
        assert asked == [source["type"]], path.name
