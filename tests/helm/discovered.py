"""What service discovery knows of the pods of a release, for the three roles, and what the operator adds before a
monitor's own rules. A real Prometheus relabels it; only the API server is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Role = Literal["endpoints", "endpointslice", "pod"]
NAMESPACE: Final = "cloud-monitoring"


@dataclass(frozen=True, slots=True)
class DiscoveredPod:
    """A pod behind one of the release's Services. ``terminating`` ones are still there and may still be ready."""

    component: str
    node: str
    ready: bool = True
    terminating: bool = False
    instance: str = "cloud-monitoring"
    shard: int | None = None

    @property
    def name(self) -> str:
        return "-".join([self.instance, self.component, *([] if self.shard is None else [str(self.shard)]), self.node])

    @property
    def port_name(self) -> str:
        return "http" if self.component == "facade" else "metrics"

    def labels(self, role: Role, address: str) -> dict[str, str] | None:
        """https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config; None where
        this role does not list the pod."""
        if role == "endpoints" and self.terminating:
            return None
        found = {
            "__address__": address,
            "__meta_kubernetes_namespace": NAMESPACE,
            "__meta_kubernetes_pod_name": self.name,
            "__meta_kubernetes_pod_node_name": self.node,
            "__meta_kubernetes_pod_phase": "Running",
            "__meta_kubernetes_pod_ready": str(self.ready).lower(),
            "__meta_kubernetes_pod_container_name": "exporter",
            "__meta_kubernetes_pod_container_port_name": self.port_name,
        }
        for key, value in self._pod_labels().items():
            found |= _label("pod", key, value)
        return found if role == "pod" else found | self._endpoint(role)

    def _pod_labels(self) -> dict[str, str]:
        label = "app.kubernetes.io/{}".format
        shard = {} if self.shard is None else {"cloud-monitoring/shard": str(self.shard)}
        return {
            label("name"): "cloud-monitoring",
            label("instance"): self.instance,
            label("component"): self.component,
            **shard,
        }

    def _endpoint(self, role: Role) -> dict[str, str]:
        found = {"__meta_kubernetes_service_name": f"{self.instance}-{self.component}"}
        for key, value in self._pod_labels().items():
            if key.startswith("app.kubernetes.io/"):
                found |= _label("service", key, value)
        prefix = f"__meta_kubernetes_{'endpoint' if role == 'endpoints' else 'endpointslice'}_"
        found[f"{prefix}port_name"] = self.port_name
        found[f"{prefix}address_target_kind"] = "Pod"
        found[f"{prefix}address_target_name"] = self.name
        if role == "endpoints":
            found[f"{prefix}ready"] = str(self.ready).lower()
        else:
            found[f"{prefix}endpoint_conditions_ready"] = str(self.ready).lower()
            found[f"{prefix}endpoint_conditions_terminating"] = str(self.terminating).lower()
        return found


def _label(of: str, key: str, value: str) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)
    return {f"__meta_kubernetes_{of}_label_{name}": value, f"__meta_kubernetes_{of}_labelpresent_{name}": "true"}


def told(role: Role, address: str, pods: Iterable[DiscoveredPod]) -> list[dict[str, Any]]:
    """Targets to stand in the place of discovery, all of them at one address."""
    found = [labels for pod in pods if (labels := pod.labels(role, address)) is not None]
    return [{"targets": [labels.pop("__address__")], "labels": labels} for labels in found]


def operator_rules(monitor: Mapping[str, Any], role: Role) -> list[dict[str, Any]]:
    """All relabelling that the operator makes of a monitor with one endpoint (prometheus-operator 0.7x,
    ``generateServiceMonitorConfig`` and ``generatePodMonitorConfig``)."""
    spec = monitor["spec"]
    ((endpoint,),) = [value for key, value in spec.items() if key.lower().endswith("endpoints")]
    of = "pod" if role == "pod" else "service"
    port = {"pod": "pod_container_port", "endpoints": "endpoint_port", "endpointslice": "endpointslice_port"}[role]
    return [
        {"source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"},
        *(_keep(of, key, [value]) for key, value in spec["selector"]["matchLabels"].items()),
        *(_keep(of, part["key"], part["values"]) for part in spec["selector"]["matchExpressions"]),
        {"action": "keep", "source_labels": [f"__meta_kubernetes_{port}_name"], "regex": endpoint["port"]},
        *_added(role),
        {"target_label": "job", "replacement": f"{NAMESPACE}/{monitor['metadata']['name']}"},
        {"target_label": "endpoint", "replacement": endpoint["port"]},
        *(_spelt_as_prometheus_does(rule) for rule in endpoint["relabelings"]),
    ]


def _keep(of: str, key: str, values: list[str]) -> dict[str, Any]:
    (label, *_) = _label(of, key, "")
    return {"action": "keep", "source_labels": [label], "regex": "|".join(values)}


def _added(role: Role) -> list[dict[str, Any]]:
    sources = {"namespace": "namespace", "container": "pod_container_name", "pod": "pod_name"}
    rules: list[dict[str, Any]] = []
    if role != "pod":
        sources["service"] = "service_name"
        prefix = "endpoint" if role == "endpoints" else "endpointslice"
        target = [f"__meta_kubernetes_{prefix}_address_target_{what}" for what in ("kind", "name")]
        rules = [
            {"source_labels": target, "separator": ";", "regex": f"{kind};(.*)", "target_label": kind.lower()}
            for kind in ("Node", "Pod")
        ]
    rules += [
        {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": label} for label, source in sources.items()
    ]
    return [
        *rules,
        {"action": "drop", "source_labels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)"},
    ]


def _spelt_as_prometheus_does(rule: Mapping[str, Any]) -> dict[str, Any]:
    spelling = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    return {spelling.get(key, key): value for key, value in rule.items()}
