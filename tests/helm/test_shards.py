"""The cluster-scope exporter in shards: a Deployment of one each, and one Service, account and policy for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.config import Config
from exporter.shard import Shard
from local.chart import Object, objects, render
from tests.helm.cases import environment, one, rendered


def shards(found: list[Object]) -> dict[str, dict[str, Any]]:
    """The Deployments of scope cluster by name."""
    return {
        item["metadata"]["name"].removeprefix("cloud-monitoring-"): item["spec"]
        for item in found
        if item["kind"] == "Deployment" and "-exporter-cluster" in item["metadata"]["name"]
    }


def pod_labels(spec: Mapping[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = spec["template"]["metadata"]["labels"]
    return labels


def test_one_shard_has_no_number() -> None:
    (name,) = shards(rendered("default"))
    assert name == "exporter-cluster"
    (spec,) = shards(rendered("default")).values()
    assert not any("shard" in label for label in (*pod_labels(spec), *spec["selector"]["matchLabels"]))
    (container,) = spec["template"]["spec"]["containers"]
    assert not any("SHARD" in variable for variable in environment(container))


def test_each_shard_is_a_deployment_of_one() -> None:
    found = shards(objects(render({"exporter": {"cluster": {"shards": 3}}})))
    assert list(found) == [f"exporter-cluster-{shard}" for shard in range(3)]
    for shard, spec in enumerate(found.values()):
        assert spec["replicas"] == 1
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        (container,) = spec["template"]["spec"]["containers"]
        assert Config.from_environment(environment(container)).shard == Shard(shard, 3)


def test_no_shard_selects_anothers_pods() -> None:
    found = shards(rendered("sharded"))
    for name, spec in found.items():
        selected = [
            other for other, its in found.items() if spec["selector"]["matchLabels"].items() <= pod_labels(its).items()
        ]
        assert selected == [name]


def test_service_and_policy_know_every_shard() -> None:
    found = rendered("sharded")
    service = one(found, "Service", "-exporter-cluster")["spec"]["selector"]
    policy = one(found, "NetworkPolicy", "-exporter-cluster")["spec"]["podSelector"]["matchLabels"]
    accounts = set()
    for spec in shards(found).values():
        assert service.items() <= pod_labels(spec).items()
        assert policy.items() <= pod_labels(spec).items()
        accounts.add(spec["template"]["spec"]["serviceAccountName"])
    assert accounts == {"cloud-monitoring-exporter-cluster"}
