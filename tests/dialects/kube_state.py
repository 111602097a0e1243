"""What kube-state-metrics gives for the objects of an API server, as far as the dialect reads it.

Names, labels and values follow its documentation (https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics)
at version 2.10: `kube_pod_status_phase` and the like have a series for every state, 1 for the one that holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kubernetes.utils.quantity import parse_quantity

from tests.replay import Moment, parse_rfc3339

Row = tuple[str, dict[str, str], float]
Json = Mapping[str, Any]

_PHASES: Final = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_NODE_AMOUNTS: Final = {"cpu": "core", "memory": "byte", "pods": "integer", "ephemeral-storage": "byte"}
_TERMINATIONS: Final = ("OOMKilled", "Completed", "Error", "ContainerCannotRun", "DeadlineExceeded", "Evicted")
_STATES: Final = ("true", "false", "unknown")


def kube_state_metrics(moment: Moment) -> Iterator[Row]:
    """Every series of the moment's objects."""
    for pod in moment.items("pods"):
        labels = _named(pod, "pod") | {"uid": pod["metadata"]["uid"]}
        yield from _pod(pod, labels)
        for prefix, spec, status in (
            ("kube_pod_container", "containers", "containerStatuses"),
            ("kube_pod_init_container", "initContainers", "initContainerStatuses"),
        ):
            for container in pod["spec"].get(spec, ()):
                yield from _container(prefix, container, labels, pod)
            for state in pod["status"].get(status, ()):
                yield from _container_state(prefix, state, labels)
    for item in moment.items("replicasets"):
        yield "kube_replicaset_owner", _named(item, "replicaset") | _owner(item), 1
    for item in moment.items("namespaces"):
        labels = {"namespace": item["metadata"]["name"]}
        yield "kube_namespace_created", labels, parse_rfc3339(item["metadata"]["creationTimestamp"])
    for item in moment.items("deployments"):
        yield from _deployment(item)
    for item in moment.items("nodes"):
        yield from _node(item)


def _named(item: Json, label: str) -> dict[str, str]:
    return {"namespace": item["metadata"]["namespace"], label: item["metadata"]["name"]}


def _controller(item: Json) -> Json:
    owners = item["metadata"].get("ownerReferences", ())
    return next((owner for owner in owners if owner.get("controller")), {})


def _owner(item: Json) -> dict[str, str]:
    owner = _controller(item)
    kind, name = owner.get("kind", ""), owner.get("name", "")
    return {"owner_kind": kind, "owner_name": name, "owner_is_controller": "true" if owner else ""}


def _pod(pod: Json, labels: dict[str, str]) -> Iterator[Row]:
    spec, status, owner = pod["spec"], pod["status"], _controller(pod)
    info = {
        "node": spec.get("nodeName", ""),
        "host_network": str(spec.get("hostNetwork", False)).lower(),
        "created_by_kind": owner.get("kind", ""),
        "created_by_name": owner.get("name", ""),
        "pod_ip": status.get("podIP", ""),
        "host_ip": status.get("hostIP", ""),
    }
    yield "kube_pod_info", labels | info, 1
    yield "kube_pod_created", labels, parse_rfc3339(pod["metadata"]["creationTimestamp"])
    if "startTime" in status:
        yield "kube_pod_start_time", labels, parse_rfc3339(status["startTime"])
    for phase in _PHASES:
        yield "kube_pod_status_phase", labels | {"phase": phase}, float(status["phase"] == phase)
    yield from _condition("kube_pod_status_ready", labels, pod, "condition")
    yield from _condition("kube_pod_status_scheduled", labels, pod, "condition", "PodScheduled")


def _condition(name: str, labels: dict[str, str], item: Json, label: str, of: str = "Ready") -> Iterator[Row]:
    """A condition, a series for each state; none where the object has no such condition."""
    for condition in item["status"].get("conditions", ()):
        if condition["type"] == of:
            for state in _STATES:
                yield name, labels | {label: state}, float(condition["status"].lower() == state)


def _container(prefix: str, container: Json, labels: dict[str, str], pod: Json) -> Iterator[Row]:
    own = labels | {"container": container["name"]}
    policy = {"restart_policy": container.get("restartPolicy", "")} if "init" in prefix else {}
    yield f"{prefix}_info", own | policy, 1
    for kind in ("requests", "limits"):
        for resource, amount in container.get("resources", {}).get(kind, {}).items():
            told = {"resource": resource, "unit": _NODE_AMOUNTS[resource], "node": pod["spec"].get("nodeName", "")}
            yield f"{prefix}_resource_{kind}", own | told, float(parse_quantity(amount))


def _container_state(prefix: str, state: Json, labels: dict[str, str]) -> Iterator[Row]:
    own = labels | {"container": state["name"]}
    yield f"{prefix}_status_restarts_total", own, state["restartCount"]
    if last := state.get("lastState", {}).get("terminated"):
        finished = parse_rfc3339(last["finishedAt"])
        yield f"{prefix}_status_last_terminated_timestamp", own, finished
        for reason in _TERMINATIONS:
            if last["reason"] == reason:
                yield f"{prefix}_status_last_terminated_reason", own | {"reason": reason}, 1


def _deployment(item: Json) -> Iterator[Row]:
    labels, status = _named(item, "deployment"), item["status"]
    yield "kube_deployment_spec_replicas", labels, item["spec"]["replicas"]
    for state in ("ready", "available", "updated"):
        yield f"kube_deployment_status_replicas_{state}", labels, status.get(f"{state}Replicas", 0)


def _node(item: Json) -> Iterator[Row]:
    labels = {"node": item["metadata"]["name"]}
    yield "kube_node_info", labels | {"kubelet_version": item["status"]["nodeInfo"]["kubeletVersion"]}, 1
    for kind in ("capacity", "allocatable"):
        for resource, unit in _NODE_AMOUNTS.items():
            amount = float(parse_quantity(item["status"][kind][resource]))
            yield f"kube_node_status_{kind}", labels | {"resource": resource, "unit": unit}, amount
    yield from _condition("kube_node_status_condition", labels | {"condition": "Ready"}, item, "status")
