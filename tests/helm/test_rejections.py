"""Values that the chart does not take, and what it says."""

from __future__ import annotations

from typing import Any

import helm_python
import pytest

from local.chart import render
from tests.helm.cases import STACK

STORE = {"remoteWrite": [{"url": "http://store:8428/api/v1/write"}]}
NO_VIEW = {"global": {"enabled": False}}
EXTERNAL = {"prometheus": {"enabled": False}, "facade": {"prometheusUrl": "http://p:9090"}}
GATEWAY = {"facade": {"httpRoute": {"enabled": True}}}


def rejection(values: dict[str, Any]) -> str:
    with pytest.raises(helm_python.HelmError) as raised:
        render(values)
    return str(raised.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"facad": {}}, "additional properties 'facad' not allowed"),
        ({"facade": {"replica": 3}}, "at '/facade': additional properties 'replica' not allowed"),
        (
            {"exporter": {"node": {"tolerance": []}}},
            "at '/exporter/node': additional properties 'tolerance'",
        ),
        ({"metricsDialect": "openmetrics"}, "at '/metricsDialect': value must be one of"),
        ({"intervals": {"scrape": "15s"}}, "at '/intervals/scrape': got string, want integer"),
        ({"intervals": {"scrape": 0}}, "at '/intervals/scrape': minimum: got 0, want 1"),
        ({"kubelet": {"ca": "/etc/ca.crt"}}, "at '/kubelet/ca'"),
        ({"exporter": {"containers": "some"}}, "at '/exporter/containers': value must be one of"),
        ({"exporter": {"node": {"resources": {"limits": {"cpu": None}}}}}, "missing property 'cpu'"),
        ({"exporter": {"cluster": {"shards": 0}}}, "at '/exporter/cluster/shards': minimum: got 0, want 1"),
        ({"exporter": {"cluster": {"shards": -2}}}, "at '/exporter/cluster/shards': minimum: got -2, want 1"),
        ({"exporter": {"cluster": {"shards": 1.5}}}, "at '/exporter/cluster/shards': got number, want integer"),
        ({"exporter": {"cluster": {"shards": 1000}}}, "at '/exporter/cluster/shards': maximum: got 1,000, want 100"),
        ({"facade": {"prometheusUrl": "prometheus:9090"}}, "at '/facade/prometheusUrl'"),
        ({"facade": {"prometheusHeaders": {"X-Scope-OrgID": 1}}}, "at '/facade/prometheusHeaders/X-Scope-OrgID'"),
        ({"facade": {"prometheusParameters": {"dedup": True}}}, "at '/facade/prometheusParameters/dedup'"),
        ({"facade": {"prometheusParameters": {"replicaLabels[]": [1]}}}, "want string"),
        ({"prometheus": {"retentionSize": "16Gi"}}, "at '/prometheus/retentionSize'"),
        ({"prometheus": {"shards": 0}}, "at '/prometheus/shards': minimum: got 0, want 1"),
        ({"prometheus": {"shards": "2"}}, "at '/prometheus/shards': got string, want integer"),
        ({"prometheus": {"global": {"enable": True}}}, "at '/prometheus/global': additional properties 'enable'"),
        ({"alerts": {"runbookUrl": "our wiki"}}, "at '/alerts/runbookUrl'"),
    ],
)
def test_typos_and_wrong_types(values: dict[str, Any], message: str) -> None:
    assert message in rejection(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prometheus": {"enabled": False}}, "facade.prometheusUrl must name your Prometheus when prometheus.enabled"),
        (
            {**EXTERNAL, "serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
            "serviceMonitor.enabled and podMonitor.enabled exclude each other",
        ),
        (
            {"facade": {"prometheusHeaders": {"A": "b"}, "prometheusHeadersSecret": {"name": "tenant"}}},
            "facade.prometheusHeaders and facade.prometheusHeadersSecret exclude each other",
        ),
        ({"prometheusRule": {"enabled": True}}, "prometheusRule.enabled needs serviceMonitor.enabled"),
        ({"metricsDialect": "kube-prometheus"}, "prometheus.enabled must be false with metricsDialect kube-prometheus"),
        (STACK | {"exporter": {"cluster": {"shards": 2}}}, "exporter.cluster.shards has no effect with metricsDialect"),
        (STACK | {"kubelet": {"insecureTls": True}}, "kubelet.insecureTls has no effect with metricsDialect"),
        (STACK | {"facade": {"prometheusUrl": ""}}, "facade.prometheusUrl must name your Prometheus"),
        ({"intervals": {"scrape": 90}}, "intervals.detail must not be shorter than intervals.scrape"),
        ({"intervals": {"storage": 10}}, "intervals.storage must not be shorter than intervals.scrape"),
        (
            {"kubelet": {"caConfigMap": "cas", "ca": "-----BEGIN CERTIFICATE-----"}},
            "kubelet.ca and kubelet.caConfigMap exclude each other",
        ),
        ({"kubelet": {"caConfigMap": "cas", "insecureTls": True}}, "kubelet.insecureTls verifies nothing"),
        (
            {"facade": {"autoscaling": {"enabled": True, "minReplicas": 9}}},
            "facade.autoscaling.minReplicas must not be more than",
        ),
        ({"facade": {"maxTimeWindow": 60}}, "facade.defaultTimeWindow must not be longer"),
        ({"facade": {"ingress": {"enabled": True}}}, "facade.ingress.host must be set"),
        (GATEWAY, "facade.httpRoute.parentRefs must name a gateway"),
        ({"prometheus": {"retentionSize": "30GB"}}, "prometheus.retentionSize (30GB) must be less than"),
        (
            {"prometheus": {"shards": 2, "retentionSize": "30GB", "storage": {"existingClaim": "mine"}}},
            "prometheus.retentionSize (30GB) must be less than",
        ),
        (
            {"prometheus": {"enabled": False, "shards": 2}, "facade": EXTERNAL["facade"]},
            "prometheus.shards shares out the exporters among bundled Prometheus servers",
        ),
        ({"prometheus": NO_VIEW}, "prometheus.global.enabled can be false only with prometheus.shards of 2 or more"),
        (
            {"prometheus": {**NO_VIEW, "shards": 2}, "facade": EXTERNAL["facade"]},
            "prometheus.remoteWrite must name the common store of the shards",
        ),
        (
            {"prometheus": {**NO_VIEW, **STORE, "shards": 2}},
            "facade.prometheusUrl its API, when prometheus.global.enabled is false",
        ),
        (
            {"prometheus": {**NO_VIEW, **STORE, "shards": 2, "alertmanagerUrl": "http://a:9093"}},
            "prometheus.alertmanagerUrl has no effect when prometheus.global.enabled is false",
        ),
        (
            {"prometheus": {**NO_VIEW, **STORE, "shards": 2, "storage": {"existingClaim": "mine"}}},
            "prometheus.storage.existingClaim is for the Prometheus that answers",
        ),
        (
            {"prometheus": {"shards": 2, "externalLabels": {"cluster": "blue"}}},
            "prometheus.externalLabels must not have cluster with prometheus.shards",
        ),
    ],
)
def test_contradictions(values: dict[str, Any], message: str) -> None:
    assert message in rejection(values)


def test_all_contradictions_at_once() -> None:
    text = rejection({"prometheus": {"enabled": False}, "intervals": {"detail": 5}})
    assert "facade.prometheusUrl" in text
    assert "intervals.detail" in text


def test_what_helm_adds_is_taken() -> None:
    assert render({"global": {"anything": 1}})
