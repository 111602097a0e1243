from __future__ import annotations

from typing import Any

import pytest

from exporter.cluster.nodes import decode_namespace, decode_node
from exporter.cluster.oom import Kills
from exporter.cluster.pods import decode_pod
from exporter.errors import DecodeError
from exporter.model import Node, Resources, Workload
from tests.replay import Recording
from tests.unit.exporter.objects import container, container_status, pod


@pytest.mark.parametrize(
    ("recording", "moment", "workloads"),
    [
        (
            "lab-1",
            30,
            {
                ("default", "Deployment", "crasher"),
                ("default", "Deployment", "oomer"),
                ("default", "Deployment", "pending"),
                ("default", "Deployment", "web"),
                ("default", "Pod", "bare"),
                ("default", "ReplicaSet", "lonely-rs"),
                ("monitoring", "DaemonSet", "agent"),
                ("shop", "CronJob", "tick"),
                ("shop", "Deployment", "api"),
                ("shop", "Deployment", "loadgen"),
                ("shop", "Job", "batch"),
                ("shop", "StatefulSet", "db"),
            },
        ),
        (
            "lab-3",
            30,
            {
                ("default", "Deployment", "crasher"),
                ("default", "Deployment", "oomer"),
                ("default", "Deployment", "pending"),
                ("default", "Deployment", "web"),
                ("default", "Pod", "bare"),
                ("default", "Pod", "resizable"),
                ("monitoring", "DaemonSet", "agent"),
                ("shop", "CronJob", "tick"),
                ("shop", "Deployment", "api"),
                ("shop", "Deployment", "loadgen"),
                ("shop", "Job", "batch"),
                ("shop", "Pod", "podlevel"),
                ("shop", "StatefulSet", "db"),
            },
        ),
    ],
)
def test_workloads_of_a_recording(recording: str, moment: int, workloads: set[tuple[str, str, str]]) -> None:
    pods = [decode_pod(item) for item in Recording.named(recording, moment, moment).moments[0].items("pods")]
    assert {(pod.namespace, pod.workload.kind, pod.workload.name) for pod in pods} == workloads


def test_a_node_on_which_most_pods_limit_one_container_of_two() -> None:
    pods = [decode_pod(item) for item in Recording.named("full-node", 0, 0).moments[0].items("pods")]
    half_limited = [
        pod
        for pod in pods
        if len(pod.containers) == 2 and sum(part.limits.memory_bytes is not None for part in pod.containers) == 1
    ]
    assert (len(half_limited), len(pods)) == (94, 108)
    assert {pod.limits for pod in half_limited} == {Resources()}
    assert {pod.requests for pod in half_limited} == {Resources(0.005, 8 * 1024.0**2)}


def test_one_pod() -> None:
    owner = {"kind": "ReplicaSet", "name": "web-abc", "controller": True}
    found = decode_pod(
        pod(
            container("a"),
            metadata={"ownerReferences": [owner], "labels": {"pod-template-hash": "abc"}},
            spec={"hostNetwork": True, "initContainers": [container("side", restartPolicy="Always")]},
            status={
                "startTime": "2026-11-24T00:00:05Z",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [container_status("a", restartCount=3)],
                "initContainerStatuses": [container_status("side", restartCount=2)],
            },
        ),
        Kills(4, 1.5),
    )
    assert (found.namespace, found.name, found.node) == ("default", "pod-1", "node-1")
    assert found.stats_uid == found.uid
    assert (found.workload, found.replicaset) == (Workload("Deployment", "web"), "web-abc")
    assert (found.phase, found.ready, found.host_network, found.qos_class) == ("Running", True, True, "Burstable")
    assert (found.created_timestamp_seconds, found.started_timestamp_seconds) == (1795478400.0, 1795478405.0)
    assert (found.restarts, found.oom_kills, found.last_oom_kill_timestamp_seconds) == (5, 4, 1.5)


def test_a_static_pod_is_measured_under_its_hash_and_is_its_own_workload() -> None:
    found = decode_pod(
        pod(
            name="kube-proxy-node-1",
            metadata={
                "annotations": {"kubernetes.io/config.hash": "f00d", "kubernetes.io/config.mirror": "f00d"},
                "ownerReferences": [{"kind": "Node", "name": "node-1", "controller": True}],
            },
        )
    )
    assert found.stats_uid == "f00d"
    assert found.uid != "f00d"
    assert found.workload == Workload("Pod", "kube-proxy-node-1")


def test_what_a_young_pod_lacks() -> None:
    item = pod(status={"phase": "Pending"})
    del item["spec"]["nodeName"]
    found = decode_pod(item)
    assert (found.node, found.started_timestamp_seconds, found.ready, found.restarts) == (None, None, False, 0)
    del item["status"]
    assert decode_pod(item).phase == "Unknown"


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_not_ready(status: str) -> None:
    assert decode_pod(pod(status={"conditions": [{"type": "Ready", "status": status}]})).ready is False


@pytest.mark.parametrize(
    "break_it",
    [
        lambda item: item.pop("metadata"),
        lambda item: item["metadata"].pop("uid"),
        lambda item: item["metadata"].update(creationTimestamp="yesterday"),
        lambda item: item["metadata"].update(creationTimestamp=None),
        lambda item: item.update(spec=None),
        lambda item: item["spec"].update(containers=[{"image": "nameless"}]),
        lambda item: item["spec"].update(containers=["text"]),
        lambda item: item["spec"]["containers"][0].update(resources={"requests": {"cpu": "some"}}),
        lambda item: item["status"].update(containerStatuses=[{"name": "app", "restartCount": "x"}]),
    ],
)
def test_what_is_no_pod(break_it: Any) -> None:
    item = pod()
    break_it(item)
    with pytest.raises(DecodeError):
        decode_pod(item)


def test_a_node_of_a_recording() -> None:
    (item,) = Recording.named("lab-1", 0, 0).moments[0].items("nodes")
    found = decode_node(item)
    assert found == Node(
        name="lab-1",
        ready=True,
        capacity=Resources(2.0, 24684084 * 1024.0),
        capacity_pods=110.0,
        allocatable=Resources(2.0, 24632884 * 1024.0),
        allocatable_pods=110.0,
        kubelet_version="v0.0.0-master+faecb196815e2",
        container_runtime_version="containerd://1.6.20",
        os_image="Debian GNU/Linux 12 (bookworm)",
        kernel_version="6.18.44",
        architecture="amd64",
        internal_ip=found.internal_ip,
    )


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", None), (None, None)])
def test_readiness_of_a_node(status: str | None, ready: bool | None) -> None:
    conditions = [{"type": "Ready", "status": status}] if status else []
    addresses = [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "192.0.2.7"}]
    found = decode_node({"metadata": {"name": "n"}, "status": {"conditions": conditions, "addresses": addresses}})
    assert (found.ready, found.internal_ip, found.capacity) == (ready, "192.0.2.7", Resources())


def test_namespaces() -> None:
    names = [decode_namespace(item) for item in Recording.named("lab-1", 0, 0).moments[0].items("namespaces")]
    assert {"default", "shop", "monitoring", "kube-system"} <= set(names)
