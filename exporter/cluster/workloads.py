"""Which workload a pod belongs to, and how many replicas a workload has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from exporter.model import Workload, WorkloadReplicas

# The CronJob controller names its Jobs after the scheduled time: minutes since 1970 (8 digits), once seconds (10).
_OF_CRONJOB: Final = re.compile(r"(?P<cronjob>.+)-\d{8,10}")

# Where each kind keeps its replicas: desired is of the spec, the others of the status. What is absent is 0, but
# `spec.replicas`, whose default is 1.
_DEPLOYMENT: Final = ("readyReplicas", "availableReplicas", "updatedReplicas")
_DAEMONSET: Final = ("numberReady", "numberAvailable", "updatedNumberScheduled")


def controller_of(metadata: Mapping[str, Any]) -> tuple[str, str] | None:
    """(kind, name) of the one owner that controls the object; other owners only keep it from being collected."""
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller") is True:
            return owner["kind"], owner["name"]
    return None


def workload_of(metadata: Mapping[str, Any]) -> Workload:
    """The workload of a pod, from its metadata alone.

    A Deployment's ReplicaSet is the Deployment's name, a dash and the ``pod-template-hash`` that its pods carry. The
    owner of a static pod's mirror is its Node: like a bare pod, it is its own workload.
    """
    match controller_of(metadata):
        case ("ReplicaSet", name):
            template_hash = (metadata.get("labels") or {}).get("pod-template-hash")
            deployment = name.removesuffix(f"-{template_hash}") if template_hash else name
            return Workload("Deployment", deployment) if deployment not in (name, "") else Workload("ReplicaSet", name)
        case ("Job", name):
            of_cronjob = _OF_CRONJOB.fullmatch(name)
            return Workload("CronJob", of_cronjob["cronjob"]) if of_cronjob else Workload("Job", name)
        case ("Node", _) | None:
            return Workload("Pod", metadata["name"])
        case (kind, name):
            return Workload(kind, name)


def replicaset_of(metadata: Mapping[str, Any]) -> str | None:
    match controller_of(metadata):
        case ("ReplicaSet", name):
            return name
    return None


def decode_deployment(item: Mapping[str, Any]) -> WorkloadReplicas:
    return _replicas("Deployment", item, _spec_replicas(item), _DEPLOYMENT)


def decode_statefulset(item: Mapping[str, Any]) -> WorkloadReplicas:
    """A StatefulSet counts available replicas since Kubernetes 1.22; before, a ready one was available."""
    status = item.get("status") or {}
    available = "availableReplicas" if "availableReplicas" in status else "readyReplicas"
    return _replicas("StatefulSet", item, _spec_replicas(item), ("readyReplicas", available, "updatedReplicas"))


def decode_daemonset(item: Mapping[str, Any]) -> WorkloadReplicas:
    desired = (item.get("status") or {}).get("desiredNumberScheduled") or 0
    return _replicas("DaemonSet", item, desired, _DAEMONSET)


def _spec_replicas(item: Mapping[str, Any]) -> int:
    replicas = item["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _replicas(
    kind: str, item: Mapping[str, Any], desired: int, ready_available_updated: tuple[str, str, str]
) -> WorkloadReplicas:
    metadata, status = item["metadata"], item.get("status") or {}
    ready, available, updated = (int(status.get(name) or 0) for name in ready_available_updated)
    return WorkloadReplicas(
        metadata["namespace"], Workload(kind, metadata["name"]), int(desired), ready, available, updated
    )
