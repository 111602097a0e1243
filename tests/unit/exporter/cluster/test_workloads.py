from __future__ import annotations

from typing import Any

import pytest

from exporter.cluster.workloads import (
    decode_daemonset,
    decode_deployment,
    decode_statefulset,
    replicaset_of,
    workload_of,
)
from exporter.model import Workload, WorkloadReplicas
from tests.replay import Recording


def owner(kind: str, name: str, controller: bool | None = True) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": kind, "name": name, "uid": "u"}
    return found if controller is None else found | {"controller": controller}


def hashed(value: str) -> dict[str, str]:
    return {"app": "x", "pod-template-hash": value}


@pytest.mark.parametrize(
    ("owners", "labels", "workload"),
    [
        ([owner("ReplicaSet", "web-6cddccfdf8")], hashed("6cddccfdf8"), Workload("Deployment", "web")),
        ([owner("ReplicaSet", "a-b-c-6cddccfdf8")], hashed("6cddccfdf8"), Workload("Deployment", "a-b-c")),
        # A Deployment whose own name looks like one with a hash.
        ([owner("ReplicaSet", "x-6bcd685db7-4f5d")], hashed("4f5d"), Workload("Deployment", "x-6bcd685db7")),
        # Without the label, or with another hash, a ReplicaSet is nobody's.
        ([owner("ReplicaSet", "web-6cddccfdf8")], {"app": "x"}, Workload("ReplicaSet", "web-6cddccfdf8")),
        ([owner("ReplicaSet", "web-6cddccfdf8")], None, Workload("ReplicaSet", "web-6cddccfdf8")),
        ([owner("ReplicaSet", "web-6cddccfdf8")], hashed("0123456789"), Workload("ReplicaSet", "web-6cddccfdf8")),
        ([owner("ReplicaSet", "web6cddccfdf8")], hashed("6cddccfdf8"), Workload("ReplicaSet", "web6cddccfdf8")),
        ([owner("ReplicaSet", "-6cddccfdf8")], hashed("6cddccfdf8"), Workload("ReplicaSet", "-6cddccfdf8")),
        ([owner("Job", "tick-29925385")], None, Workload("CronJob", "tick")),
        ([owner("Job", "tick-1700000000")], None, Workload("CronJob", "tick")),
        ([owner("Job", "tick-2-299253851")], None, Workload("CronJob", "tick-2")),
        ([owner("Job", "tick-2992538")], None, Workload("Job", "tick-2992538")),
        ([owner("Job", "tick-29925385111")], None, Workload("Job", "tick-29925385111")),
        ([owner("Job", "29925385")], None, Workload("Job", "29925385")),
        ([owner("Job", "batch")], None, Workload("Job", "batch")),
        ([owner("StatefulSet", "db")], None, Workload("StatefulSet", "db")),
        ([owner("DaemonSet", "agent")], None, Workload("DaemonSet", "agent")),
        ([owner("Rollout", "canary")], hashed("6cddccfdf8"), Workload("Rollout", "canary")),
        ([owner("Node", "node-1")], None, Workload("Pod", "me")),
        ([], None, Workload("Pod", "me")),
        (None, None, Workload("Pod", "me")),
        # Owners that do not control the pod only keep it.
        ([owner("ConfigMap", "c", None), owner("DaemonSet", "agent")], None, Workload("DaemonSet", "agent")),
        ([owner("Custom", "c", False)], None, Workload("Pod", "me")),
    ],
)
def test_naming(owners: list[dict[str, Any]] | None, labels: dict[str, str] | None, workload: Workload) -> None:
    metadata = {"name": "me", "ownerReferences": owners, "labels": labels}
    assert workload_of(metadata) == workload


def test_replicaset() -> None:
    assert replicaset_of({"name": "me", "ownerReferences": [owner("ReplicaSet", "web-1")]}) == "web-1"
    assert replicaset_of({"name": "me", "ownerReferences": [owner("Job", "web-1")]}) is None
    assert replicaset_of({"name": "me"}) is None


def test_replicas_of_a_recording() -> None:
    moment = Recording.named("lab-3", 20, 20).moments[0]
    deployments = {found.workload.name: found for found in map(decode_deployment, moment.items("deployments"))}
    web = Workload("Deployment", "web")
    assert deployments["web"] == WorkloadReplicas("default", web, desired=5, ready=5, available=5, updated=5)
    assert deployments["idle"].desired == 0
    assert (deployments["pending"].desired, deployments["pending"].ready) == (1, 0)
    (db,) = map(decode_statefulset, moment.items("statefulsets"))
    assert db == WorkloadReplicas("shop", Workload("StatefulSet", "db"), desired=2, ready=2, available=2, updated=2)
    (agent,) = map(decode_daemonset, moment.items("daemonsets"))
    assert agent == WorkloadReplicas("monitoring", Workload("DaemonSet", "agent"), 1, 1, 1, 1)


def test_replicas_that_the_server_leaves_out() -> None:
    bare = {"metadata": {"namespace": "n", "name": "w"}, "spec": {}}
    assert decode_deployment(bare) == WorkloadReplicas("n", Workload("Deployment", "w"), 1, 0, 0, 0)
    none = bare | {"spec": {"replicas": 0}, "status": {"replicas": None}}
    assert decode_deployment(none).desired == 0
    assert decode_daemonset(bare) == WorkloadReplicas("n", Workload("DaemonSet", "w"), 0, 0, 0, 0)


def test_a_statefulset_before_1_22_counts_no_available_replicas() -> None:
    old = {"metadata": {"namespace": "n", "name": "w"}, "spec": {"replicas": 3}, "status": {"readyReplicas": 2}}
    assert decode_statefulset(old).available == 2
    new = old | {"status": {"readyReplicas": 2, "availableReplicas": 1}}
    assert decode_statefulset(new).available == 1
