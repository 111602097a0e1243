"""Pods as an API server would give them, with only what a test speaks of."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def container(name: str = "app", *, requests: Json | None = None, limits: Json | None = None, **more: Any) -> Json:
    resources = {key: value for key, value in (("requests", requests), ("limits", limits)) if value is not None}
    return {"name": name, "image": "busybox", "resources": resources, **more}


def pod(
    *containers: Json,
    name: str = "pod-1",
    uid: str = "00000000-0000-4000-8000-000000000001",
    metadata: Json | None = None,
    spec: Json | None = None,
    status: Json | None = None,
) -> Json:
    base = {"name": name, "namespace": "default", "uid": uid, "creationTimestamp": "2026-11-24T00:00:00Z"}
    return {
        "metadata": base | (metadata or {}),
        "spec": {"nodeName": "node-1", "containers": list(containers or (container(),))} | (spec or {}),
        "status": {"phase": "Running", "qosClass": "Burstable"} | (status or {}),
    }


def oom_killed(container_id: str, finished_at: str = "2026-11-24T01:00:00Z") -> Json:
    return {
        "terminated": {
            "exitCode": 137,
            "reason": "OOMKilled",
            "finishedAt": finished_at,
            "containerID": f"containerd://{container_id}",
        }
    }


def container_status(
    name: str = "app", *, state: Json | None = None, last_state: Json | None = None, **more: Any
) -> Json:
    running = {"running": {"startedAt": "2026-11-24T00:00:00Z"}}
    return {"name": name, "state": state or running, "lastState": last_state or {}, "restartCount": 0, **more}
