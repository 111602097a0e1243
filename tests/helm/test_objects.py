"""Every object is what Kubernetes takes, in old and new releases, and each has the API that its cluster has."""

from __future__ import annotations

from typing import Any

import helm_python
import kubernetes_validate
import pytest

from facade.config import Settings
from local.chart import CHART
from tests.helm.cases import CASES, FACADE_ALONE, VERSIONS, environment, one, rendered

# The oldest and the newest that there are schemas for.
SCHEMAS = ("1.25", "1.37")
CUSTOM = ("monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1")


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("case", CASES)
def test_every_object_is_valid(case: str, schema: str) -> None:
    found = [item for item in rendered(case, f"v{schema}.0") if item["apiVersion"] not in CUSTOM]
    assert len(found) > (4 if case in FACADE_ALONE else 15)
    for item in found:
        kubernetes_validate.validate(item, schema, strict=True)


def test_validation_is_strict() -> None:
    service = one(rendered("default"), "Service", "-facade")
    service["spec"]["selectors"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, SCHEMAS[0], strict=True)


# https://prometheus-operator.dev/docs/api-reference/api/
ENDPOINT = {"port", "path", "interval", "scrapeTimeout", "honorLabels", "relabelings"}
RELABELING = {"action", "sourceLabels", "regex", "targetLabel", "replacement"}


@pytest.mark.parametrize(("case", "endpoints"), [("operator", "endpoints"), ("pod-monitor", "podMetricsEndpoints")])
def test_monitors_have_the_operators_fields(case: str, endpoints: str) -> None:
    monitors = [item for item in rendered(case) if item["kind"] in ("ServiceMonitor", "PodMonitor")]
    assert len(monitors) == 2
    for monitor in monitors:
        assert set(monitor["spec"]) == {"selector", endpoints}
        (endpoint,) = monitor["spec"][endpoints]
        assert set(endpoint) == ENDPOINT
        assert all(set(rule) <= RELABELING for rule in endpoint["relabelings"])


def test_where_others_series_answer_nothing_is_installed_but_the_facade() -> None:
    translated, recorded = rendered("kube-prometheus-stack"), rendered("kube-prometheus-recorded")
    kinds = ["NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount", "Deployment", "ServiceMonitor", "Pod"]
    assert sorted(item["kind"] for item in translated) == sorted(kinds)
    names = {item["metadata"]["name"].removeprefix("cloud-monitoring-") for item in translated}
    assert names == {"facade", "test"}
    more = [item["kind"] for item in recorded]
    assert sorted(more) == sorted([*kinds, "PrometheusRule", *["ConfigMap"] * 5])


@pytest.mark.parametrize(
    ("case", "dialect"), [("kube-prometheus-stack", "kube-prometheus"), ("kube-prometheus-recorded", "cloudmon")]
)
def test_its_facade_asks_in_the_words_of_what_is_stored(case: str, dialect: str) -> None:
    (container,) = one(rendered(case), "Deployment", "-facade")["spec"]["template"]["spec"]["containers"]
    settings = Settings.from_environment(environment(container))
    assert settings.metrics_dialect == dialect
    assert settings.prometheus_url == "http://prometheus-operated.monitoring.svc:9090"
    assert (settings.scrape_interval_seconds, settings.detail_interval_seconds) == (30, 30)


@pytest.mark.parametrize("version", VERSIONS)
def test_apis_by_version(version: str) -> None:
    minor = int(version.split(".")[1])
    found = rendered("default", version)
    budget = one(found, "PodDisruptionBudget", "-facade")["apiVersion"]
    assert budget == ("policy/v1" if minor >= 21 else "policy/v1beta1")
    scaler = one(rendered("external", version), "HorizontalPodAutoscaler", "-facade")["apiVersion"]
    assert scaler == ("autoscaling/v2" if minor >= 23 else "autoscaling/v2beta2")
    config = one(found, "ConfigMap", "-prometheus")["data"]["prometheus.yml"]
    assert ("role: endpointslice" in config) == (minor >= 21)
    granted = [resource for rule in one(found, "Role", "-prometheus")["rules"] for resource in rule["resources"]]
    assert sorted(granted) == sorted(["pods", "services", "endpointslices" if minor >= 21 else "endpoints"])
    update = one(found, "DaemonSet", "-exporter-node")["spec"]["updateStrategy"]["rollingUpdate"]
    assert update == ({"maxSurge": 1, "maxUnavailable": 0} if minor >= 22 else {"maxUnavailable": 1})


def test_selectors_find_the_pods_and_nobody_elses() -> None:
    found = rendered("default")
    pods = {
        item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
        for item in found
        if "template" in item.get("spec", {})
    }
    selectors = {
        f"{item['kind']} {item['metadata']['name']}": (item["metadata"]["name"], _selector(item))
        for item in found
        if item["kind"] in ("Service", "NetworkPolicy", "PodDisruptionBudget", "Deployment", "DaemonSet", "StatefulSet")
    }
    assert len(selectors) == 13
    for what, (name, selector) in selectors.items():
        selected = [pod for pod, labels in pods.items() if selector.items() <= labels.items()]
        assert selected == [name], what


def _selector(item: dict[str, Any]) -> dict[str, str]:
    selector = item["spec"].get("selector") or item["spec"]["podSelector"]
    labels: dict[str, str] = selector.get("matchLabels", selector)
    return labels


def test_lint() -> None:
    assert helm_python.lint(CHART)["errors"] == []


def test_every_port_names_its_protocol() -> None:
    # Server-side apply in clusters before 1.21 refuses a Service whose ports leave it to the default.
    found = rendered("default")
    ports = [port for item in found for port in _ports(item)]
    assert len(ports) > 10
    assert all(port["protocol"] == "TCP" for port in ports)


def _ports(node: Any) -> list[dict[str, Any]]:
    """Every list called ``ports``, at any depth."""
    if isinstance(node, list):
        return [port for value in node for port in _ports(value)]
    if not isinstance(node, dict):
        return []
    own: list[dict[str, Any]] = node.get("ports", [])
    return own + [port for key, value in node.items() if key != "ports" for port in _ports(value)]
