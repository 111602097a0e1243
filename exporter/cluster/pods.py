"""A pod as the API server describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exporter.cluster.nodes import condition
from exporter.cluster.oom import NO_KILLS, Kills, timestamp
from exporter.cluster.resources import pod_resources
from exporter.cluster.workloads import replicaset_of, workload_of
from exporter.errors import DecodeError
from exporter.model import Pod

# On a mirror pod: the uid that its kubelet, which made the static pod, knows it by.
_CONFIG_HASH: Final = "kubernetes.io/config.hash"


def decode_pod(item: Mapping[str, Any], kills: Kills = NO_KILLS) -> Pod:
    """The record of a pod. Raises DecodeError when the object is not a pod that Kubernetes would give."""
    try:
        return _decode(item, kills)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DecodeError(f"a pod could not be read: {error!r}") from error


def _decode(item: Mapping[str, Any], kills: Kills) -> Pod:
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    resources = pod_resources(item)
    created = timestamp(metadata["creationTimestamp"])
    if created is None:
        raise ValueError("no creationTimestamp")
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        stats_uid=(metadata.get("annotations") or {}).get(_CONFIG_HASH) or metadata["uid"],
        node=spec.get("nodeName") or None,
        workload=workload_of(metadata),
        phase=status.get("phase") or "Unknown",
        host_network=bool(spec.get("hostNetwork")),
        qos_class=status.get("qosClass") or "",
        replicaset=replicaset_of(metadata),
        created_timestamp_seconds=created,
        started_timestamp_seconds=timestamp(status.get("startTime")),
        ready=condition(status, "Ready") is True,
        restarts=_restarts(status),
        requests=resources.requests,
        limits=resources.limits,
        containers=resources.containers,
        oom_kills=kills.count,
        last_oom_kill_timestamp_seconds=kills.last_timestamp_seconds,
    )


def _restarts(status: Mapping[str, Any]) -> int:
    """Restarts of all containers, of init containers and sidecars too: a sum that only grows."""
    return sum(
        int(container.get("restartCount") or 0)
        for statuses in ("initContainerStatuses", "containerStatuses")
        for container in status.get(statuses) or ()
    )
