"""The values that the chart is tested with, and what it renders for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import yaml

from local.chart import CHART, KUBE_VERSION, Object, objects, render

OPERATOR_APIS: Final = ("monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1")

EXAMPLES: Final = CHART / "examples"
STACK: Final[dict[str, Any]] = yaml.safe_load((EXAMPLES / "kube-prometheus-stack.yaml").read_text("utf-8"))
CASES: Final[dict[str, dict[str, Any]]] = {
    "default": {},
    # A laptop: one facade, nothing that only larger clusters need.
    "minimal": {
        "clusterName": "laptop",
        "kubelet": {"insecureTls": True},
        "facade": {"replicas": 1, "podDisruptionBudget": {"enabled": False}},
        "prometheus": {"storage": {"enabled": False}, "image": {"tag": "v2.42.0"}},
        "alerts": {"enabled": False},
        "dashboards": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "tests": {"enabled": False},
    },
    "operator": {
        "clusterName": "blue",
        "prometheus": {"enabled": False},
        "facade": {"prometheusUrl": "http://prometheus-operated.monitoring.svc:9090"},
        "serviceMonitor": {"enabled": True, "labels": {"release": "stack"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "stack"}},
    },
    "pod-monitor": {
        "clusterName": "blue",
        "prometheus": {"enabled": False},
        "facade": {"prometheusUrl": "http://prometheus-operated.monitoring.svc:9090"},
        "podMonitor": {"enabled": True},
    },
    "external": {
        "clusterName": "green",
        "prometheus": {"enabled": False},
        "facade": {
            "prometheusUrl": "https://metrics.example/prometheus",
            "prometheusHeadersSecret": {"name": "tenant"},
            "ingress": {"enabled": True, "host": "usage.example", "className": "nginx", "tlsSecret": "usage-tls"},
            "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["usage.example"]},
            "autoscaling": {"enabled": True},
        },
    },
    "hardened": {
        "clusterName": "red",
        "imagePullSecrets": ["registry"],
        "intervals": {"scrape": 30, "detail": 90, "storage": 600},
        "kubelet": {
            "ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "serverName": "$(NODE_NAME)",
        },
        "exporter": {
            "image": {"digest": "sha256:" + "0" * 64},
            "node": {"priorityClassName": "system-node-critical", "updateBatch": "10%"},
            "cluster": {"priorityClassName": "system-cluster-critical"},
        },
        "facade": {"image": {"digest": "sha256:" + "1" * 64}},
        "prometheus": {
            "image": {"digest": "sha256:" + "2" * 64},
            "storage": {"storageClass": "encrypted", "keep": True},
            "alertmanagerUrl": "https://alerts.example/am/",
            "remoteWrite": [{"url": "https://remote.example/api/v1/write"}],
        },
        "networkPolicy": {"facadeFrom": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
    },
    "sharded": {"exporter": {"cluster": {"shards": 2}}},
    # The chart's own examples, as a user takes them.
    **{path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(EXAMPLES.glob("*.yaml"))},
    # Prometheus in shards, and one that reads them …
    "prometheus-shards": {
        "clusterName": "blue",
        "exporter": {"cluster": {"shards": 2}},
        "prometheus": {
            "shards": 3,
            "alertmanagerUrl": "https://alerts.example/am/",
            "externalLabels": {"region": "eu"},
            "remoteWrite": [{"url": "https://remote.example/api/v1/write"}],
            "storage": {"storageClass": "fast", "keep": True},
        },
    },
    # … or a common store, which evaluates the rules itself.
    "common-store": {
        "clusterName": "blue",
        "facade": {"prometheusUrl": "http://vmselect.example:8481/select/0/prometheus"},
        "prometheus": {
            "shards": 2,
            "global": {"enabled": False},
            "remoteWrite": [{"url": "http://vminsert.example:8480/insert/0/prometheus/api/v1/write"}],
            "storage": {"enabled": False},
        },
    },
    # The example of the facade alone, with our series recorded by rules instead of each question translated.
    "kube-prometheus-recorded": STACK | {"prometheusRule": {"enabled": True, "labels": {"release": "stack"}}},
}
FACADE_ALONE: Final = ("kube-prometheus-stack", "kube-prometheus-recorded")
VERSIONS: Final = ("v1.20.2", "v1.21.0", "v1.22.0", "v1.25.0", KUBE_VERSION, "v1.37.0")


def rendered(case: str, kube_version: str = KUBE_VERSION) -> list[Object]:
    """The objects of a case; a copy of its own for each caller."""
    return objects(_texts(case, kube_version))


@cache
def _texts(case: str, kube_version: str) -> dict[str, str]:
    return render(CASES[case], kube_version=kube_version, api_versions=OPERATOR_APIS)


def one(found: Sequence[Object], kind: str, name: str) -> Object:
    """The object of a kind whose name ends so."""
    (match,) = [item for item in found if item["kind"] == kind and item["metadata"]["name"].endswith(name)]
    return match


def pod_specs(found: Sequence[Object]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that the objects would make: its owner's name and its spec."""
    for item in found:
        name = f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] == "Pod":
            yield name, item["spec"]
        elif item["kind"] in ("Deployment", "DaemonSet", "StatefulSet"):
            yield name, item["spec"]["template"]["spec"]


def environment(container: dict[str, Any]) -> dict[str, str]:
    """The plain variables of a container."""
    return {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
