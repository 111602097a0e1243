"""A scrape gives the same series, whether by the bundled configuration, a ServiceMonitor or a PodMonitor.

A real Prometheus relabels what discovery would tell it and scrapes a real exporter in the place of each pod.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from local.chart import objects, render
from promql.config import prometheus_config
from tests.harness import Process, Prometheus, free_port
from tests.helm.cases import CASES, one
from tests.helm.discovered import DiscoveredPod, Role, operator_rules, told

FAST = {"clusterName": "blue", "intervals": {"scrape": 1, "detail": 1, "storage": 1}}
PODS = (
    DiscoveredPod("exporter-node", "node-1"),
    DiscoveredPod("exporter-node", "node-2"),
    DiscoveredPod("exporter-cluster", "node-2"),
    DiscoveredPod("exporter-cluster", "node-2", shard=0),
    DiscoveredPod("exporter-cluster", "node-1", shard=11),
    DiscoveredPod("facade", "node-1"),
    # None of these may be scraped.
    DiscoveredPod("exporter-node", "node-3", ready=False),
    DiscoveredPod("exporter-node", "node-4", ready=False, terminating=True),
    DiscoveredPod("prometheus", "node-5"),
    DiscoveredPod("exporter-node", "node-6", instance="another-release"),
)
# What each target is called, and nothing else.
TARGETS = {
    (("cluster", "blue"), ("instance", "cluster"), ("job", "cloudmon")),
    (("cluster", "blue"), ("instance", "cluster-0"), ("job", "cloudmon")),
    (("cluster", "blue"), ("instance", "cluster-11"), ("job", "cloudmon")),
    (("cluster", "blue"), ("instance", "node-1"), ("job", "cloudmon"), ("node", "node-1")),
    (("cluster", "blue"), ("instance", "node-2"), ("job", "cloudmon"), ("node", "node-2")),
}
FACADE = (("cluster", "blue"), ("instance", "cloud-monitoring-facade-node-1"), ("job", "cloudmon-facade"))
Labels = set[tuple[tuple[str, str], ...]]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sample exporter, which answers for every pod."""
    port = free_port()
    environment = {
        "EXPORTER_SOURCE": "sample",
        "NODE_NAME": "node-1",
        "EXPORTER_PORT": str(port),
        "EXPORTER_ADDRESS": "127.0.0.1",
        "EXPORTER_SHUTDOWN_GRACE": "0",
    }
    log = tmp_path_factory.mktemp("exporter") / "exporter.log"
    with Process((sys.executable, "-m", "exporter"), log, environment) as process:
        process.wait_until_answers(f"http://127.0.0.1:{port}/readyz")
        yield f"127.0.0.1:{port}"


def bundled(role: Role, address: str, pods: tuple[DiscoveredPod, ...] = PODS) -> dict[str, Any]:
    """The bundled configuration, with what discovery would tell in the place of discovery."""
    version = "v1.20.0" if role == "endpoints" else "v1.30.0"
    text = one(objects(render(FAST, kube_version=version)), "ConfigMap", "-prometheus")["data"]["prometheus.yml"]
    config: dict[str, Any] = yaml.safe_load(text)
    config["rule_files"] = []
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] != "cloudmon-prometheus"]
    for job in config["scrape_configs"]:
        (discovery,) = job.pop("kubernetes_sd_configs")
        assert discovery["role"] == role
        job["static_configs"] = told(role, address, pods)
    return config


def by_monitors(case: str, role: Role, address: str) -> dict[str, Any]:
    """The configuration that the operator makes of a case's monitors."""
    found = objects(render(CASES[case] | FAST))
    jobs = []
    for monitor in (item for item in found if item["kind"] in ("ServiceMonitor", "PodMonitor")):
        ((endpoint,),) = [value for key, value in monitor["spec"].items() if key.lower().endswith("endpoints")]
        jobs.append(
            {
                "job_name": monitor["metadata"]["name"],
                "honor_labels": endpoint["honorLabels"],
                "scrape_interval": endpoint["interval"],
                "scrape_timeout": endpoint["scrapeTimeout"],
                "metrics_path": endpoint["path"],
                "relabel_configs": operator_rules(monitor, role),
                "static_configs": told(role, address, PODS),
            }
        )
    assert len(jobs) == 2
    return {"scrape_configs": jobs}


def scraped(config: dict[str, Any], targets: int = len(TARGETS) + 1) -> tuple[Labels, Labels]:
    """The labels of the targets, and of every series of the exporters."""
    with Prometheus(yaml.safe_dump(config)) as prometheus:
        prometheus.wait_for("up == 1", condition=lambda up: len(up) == targets)
        up = {tuple(sorted((sample.labels).items())) for sample in prometheus.query("up")}
        series = prometheus.query('{job="cloudmon"}')
    own = {tuple(sorted(sample.labels.items())) for sample in series}
    return {tuple(pair for pair in labels if pair[0] != "__name__") for labels in up}, own


@pytest.fixture(scope="module")
def reference(address: str) -> Labels:
    """The series of the configuration for known addresses, which `make run` and the tests use."""
    nodes = {"node-1": address, "node-2": address}
    config = yaml.safe_load(prometheus_config(nodes, address, "blue", 1))
    shards = yaml.safe_load(prometheus_config({}, [address] * 12, "blue", 1))["scrape_configs"][0]["static_configs"]
    config["scrape_configs"][0]["static_configs"] += [shards[0], shards[11]]
    targets, series = scraped(config, len(TARGETS))
    assert targets == TARGETS
    assert len(series) > 200
    return series


@pytest.mark.parametrize("role", ["endpoints", "endpointslice"])
def test_the_bundled_prometheus(role: Role, address: str, reference: Labels) -> None:
    targets, series = scraped(bundled(role, address))
    assert targets == TARGETS | {FACADE}
    assert series == reference


@pytest.mark.parametrize(
    ("case", "role"), [("operator", "endpoints"), ("operator", "endpointslice"), ("pod-monitor", "pod")]
)
def test_the_operators_prometheus(case: str, role: Role, address: str, reference: Labels) -> None:
    targets, series = scraped(by_monitors(case, role, address))
    assert targets == TARGETS | {FACADE}
    assert series == reference


def test_one_that_terminates_is_left_out_even_while_ready(address: str) -> None:
    pods = (DiscoveredPod("exporter-node", "node-1"), DiscoveredPod("exporter-node", "node-2", terminating=True))
    targets, _ = scraped(bundled("endpointslice", address, pods), 1)
    assert {dict(labels)["instance"] for labels in targets} == {"node-1"}


def test_honor_labels_and_no_out_of_order_window() -> None:
    text = one(objects(render()), "ConfigMap", "-prometheus")["data"]["prometheus.yml"]
    config = yaml.safe_load(text)
    assert config["scrape_configs"][0]["honor_labels"] is True
    assert "out_of_order" not in text
    assert config["global"] == {"scrape_interval": "15s", "scrape_timeout": "9s", "evaluation_interval": "15s"}


def test_alertmanager_and_remote_write() -> None:
    values = {
        "prometheus": {
            "alertmanagerUrl": "https://alerts.example:9443/am/",
            "remoteWrite": [{"url": "https://remote.example/write", "queue_config": {"capacity": 5000}}],
            "externalLabels": {"region": "eu"},
        }
    }
    config = yaml.safe_load(one(objects(render(values)), "ConfigMap", "-prometheus")["data"]["prometheus.yml"])
    assert config["alerting"]["alertmanagers"] == [
        {"scheme": "https", "path_prefix": "/am", "static_configs": [{"targets": ["alerts.example:9443"]}]}
    ]
    assert config["remote_write"] == values["prometheus"]["remoteWrite"]
    assert config["global"]["external_labels"] == {"region": "eu"}
