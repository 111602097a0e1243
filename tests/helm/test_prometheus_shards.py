"""Prometheus in shards: who scrapes what, who evaluates the rules, and who may ask whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from local.chart import Object, objects, render
from promql import names
from promql.config import prometheus_config
from tests.harness import Prometheus, wait_until
from tests.harness.facade_process import get
from tests.helm.cases import CASES, VERSIONS, environment, one, pod_specs, rendered
from tests.helm.discovered import DiscoveredPod, told
from tests.helm.test_rules import promtool

CASE: Final = "prometheus-shards"
SHARDS: Final = int(CASES[CASE]["prometheus"]["shards"])
PODS: Final = (
    *(DiscoveredPod("exporter-node", f"node-{number}.example") for number in range(60)),
    *(DiscoveredPod("exporter-cluster", "node-1.example", shard=number) for number in range(2)),
    *(DiscoveredPod("facade", f"node-{number}.example") for number in range(3)),
)
NAME: Final = "cloud-monitoring-prom-shard"


def configs(case: str = CASE) -> list[dict[str, Any]]:
    """Those of the shards, in their order."""
    data = one(rendered(case), "ConfigMap", "-prom-shard")["data"]
    assert list(data) == [f"{NAME}-{shard}.yml" for shard in range(len(data))]
    return [yaml.safe_load(text) for text in data.values()]


def view() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(one(rendered(CASE), "ConfigMap", "-prometheus")["data"]["prometheus.yml"])
    return config


@pytest.fixture(scope="module")
def shares() -> Iterator[dict[str, list[set[str]]]]:
    """The instances that each shard would scrape, at two addresses: a real Prometheus relabels what it is told."""
    jobs = []
    for address in ("10.0.0.1:9477", "10.0.0.2:9477"):
        for shard, config in enumerate(configs()):
            for job in config["scrape_configs"]:
                job.pop("kubernetes_sd_configs")
                told_pods = told("endpointslice", address, PODS)
                name = f"{address} {shard} {job['job_name']}"
                jobs.append({**job, "job_name": name, "static_configs": told_pods, "scrape_interval": "1h"})
    with Prometheus(yaml.safe_dump({"scrape_configs": jobs})) as prometheus:

        def active() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = get(f"{prometheus.url}/api/v1/targets?state=active").json()["data"][
                "activeTargets"
            ]
            return found if len(found) >= 2 * len(PODS) else []

        found: dict[str, list[set[str]]] = {}
        for target in wait_until(active, 30, "a shard for every target"):
            address, shard, _ = target["scrapePool"].split()
            found.setdefault(address, [set() for _ in range(SHARDS)])[int(shard)].add(target["labels"]["instance"])
        yield found


def test_each_target_is_scraped_by_exactly_one_shard(shares: dict[str, list[set[str]]]) -> None:
    for share in shares.values():
        scraped = [instance for instances in share for instance in instances]
        assert len(scraped) == len(set(scraped)) == len(PODS)
        assert all(len(instances) > len(PODS) / SHARDS / 2 for instances in share)


def test_a_replaced_exporter_stays_with_its_shard(shares: dict[str, list[set[str]]]) -> None:
    one_address, other_address = shares.values()
    assert one_address == other_address


def test_known_addresses_are_shared_out_in_the_same_way() -> None:
    for shard, config in enumerate(configs()):
        known = yaml.safe_load(prometheus_config({"n": "n:1"}, None, None, 15, shard=(shard, SHARDS)))
        ((job,), rules) = known["scrape_configs"], known["scrape_configs"][0]["relabel_configs"]
        assert job["honor_labels"] is True
        assert [job["relabel_configs"][-2:] for job in config["scrape_configs"]] == [rules, rules]


def test_a_shard_of_known_addresses_takes_no_rules() -> None:
    with pytest.raises(ValueError, match="totals of some pods"):
        prometheus_config({"n": "n:1"}, None, None, 15, ["recording.yaml"], shard=(0, 2))


def test_only_the_one_that_reads_all_shards_evaluates_rules() -> None:
    for config in (*configs(), *configs("common-store")):
        assert {"rule_files", "alerting", "remote_read"}.isdisjoint(config)
    config = view()
    assert config["rule_files"] == ["/etc/prometheus/rules/*.yaml"]
    assert config["alerting"]["alertmanagers"]
    assert [job["job_name"] for job in config["scrape_configs"]] == [names.PROMETHEUS_JOB]
    assert all(read["read_recent"] is True and read["remote_timeout"] == "8000ms" for read in config["remote_read"])


def test_each_shard_is_read_watched_and_configured_by_its_name() -> None:
    found = rendered(CASE)
    shards = one(found, "StatefulSet", "-prom-shard")
    assert (shards["metadata"]["name"], shards["spec"]["replicas"]) == (NAME, SHARDS)
    service = one(found, "Service", "-prom-shard")
    assert service["spec"]["clusterIP"] == "None"
    assert shards["spec"]["serviceName"] == service["metadata"]["name"]
    addresses = [f"{NAME}-{shard}.{NAME}.cloud-monitoring.svc:9090" for shard in range(SHARDS)]
    config = view()
    assert [read["url"] for read in config["remote_read"]] == [f"http://{it}/api/v1/read" for it in addresses]
    watched = [target for static in config["scrape_configs"][0]["static_configs"] for target in static["targets"]]
    assert watched == ["localhost:9090", *addresses]
    (container,) = shards["spec"]["template"]["spec"]["containers"]
    assert container["args"][0] == "--config.file=/etc/prometheus/config/$(POD_NAME).yml"
    assert container["env"] == [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]


def test_everyone_writes_what_they_store_to_the_common_store() -> None:
    """With the same labels, since the one that reads takes its own off what it reads."""
    written = [(config["remote_write"], config["global"]["external_labels"]) for config in (*configs(), view())]
    assert written == [written[0]] * (SHARDS + 1)


def test_shards_reach_the_exporters_and_the_view_reaches_the_shards() -> None:
    found = rendered(CASE)
    allowed = {
        item["metadata"]["name"].removeprefix("cloud-monitoring-"): _components(item)
        for item in found
        if item["kind"] == "NetworkPolicy"
    }
    assert allowed["exporter-node"] == allowed["exporter-cluster"] == ["prom-shard"]
    assert allowed["prom-shard"] == ["prometheus"]
    assert allowed["prometheus"] == ["facade", None]
    assert one(rendered("common-store"), "NetworkPolicy", "-prom-shard")["spec"]["ingress"] == []


def _components(policy: Object) -> list[str | None]:
    label = "app.kubernetes.io/component"
    peers = [peer for rule in policy["spec"]["ingress"] for peer in rule.get("from", [])]
    return [peer["podSelector"]["matchLabels"].get(label) for peer in peers]


def test_only_the_shards_may_discover() -> None:
    found = rendered(CASE)
    (subject,) = one(found, "RoleBinding", "-prom-shard")["subjects"]
    assert subject["name"] == NAME
    assert not [item for item in found if item["kind"] == "Role" and item["metadata"]["name"].endswith("-prometheus")]
    specs = dict(pod_specs(found))
    assert specs["StatefulSet cloud-monitoring-prometheus"]["automountServiceAccountToken"] is False
    assert "automountServiceAccountToken" not in specs[f"StatefulSet {NAME}"]


def test_a_common_store_needs_nobody_else() -> None:
    """The shards watch themselves, the facade asks the store, and whoever evaluates the rules finds them."""
    found = rendered("common-store")
    assert [item["metadata"]["name"] for item in found if item["kind"] == "StatefulSet"] == [NAME]
    for shard, config in enumerate(configs("common-store")):
        own = config["scrape_configs"][-1]
        assert own["job_name"] == names.PROMETHEUS_JOB
        assert own["static_configs"][0]["labels"] == {"instance": f"prom-shard-{shard}", "cluster": "blue"}
    (container,) = dict(pod_specs(found))["Deployment cloud-monitoring-facade"]["containers"]
    assert environment(container)["PROMETHEUS_URL"] == CASES["common-store"]["facade"]["prometheusUrl"]
    rules = one(found, "ConfigMap", "-prometheus-rules")["data"]
    assert rules == one(rendered("default"), "ConfigMap", "-prometheus-rules")["data"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_claims_of_shards(version: str) -> None:
    """An uninstall takes them along, where Kubernetes can, unless they are to be kept; fewer shards leave theirs."""
    minor = int(version.split(".")[1])
    spec = one(rendered(CASE, version), "StatefulSet", "-prom-shard")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"]["storage"] == "20Gi"
    policy = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert spec.get("persistentVolumeClaimRetentionPolicy") == (policy if minor >= 27 else None)
    without = one(rendered("common-store", version), "StatefulSet", "-prom-shard")["spec"]
    assert "volumeClaimTemplates" not in without
    assert "persistentVolumeClaimRetentionPolicy" not in without


def test_setsleave_room_for_what_kubernetes_adds() -> None:
    # A StatefulSet's pods have a label of its name, a hyphen and ten characters more: 63 at most.
    found = objects(render({"fullnameOverride": "n" * 63, "prometheus": {"shards": 2}}))
    sets = [item["metadata"]["name"] for item in found if item["kind"] == "StatefulSet"]
    assert len(sets) == 2
    assert all(len(name) + 11 <= 63 for name in sets)


@pytest.mark.parametrize("case", [CASE, "common-store"])
def test_promtool_takes_the_configurations(case: str, tmp_path: Path) -> None:
    for shard, config in enumerate([*configs(case), *([view()] if case == CASE else [])]):
        for job in config["scrape_configs"]:
            job.pop("kubernetes_sd_configs", None)
        path = tmp_path / f"{shard}.yml"
        path.write_text(yaml.safe_dump(config))
        assert "SUCCESS" in promtool("check", "config", "--syntax-only", str(path))
