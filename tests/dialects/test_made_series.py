"""What no recording has: node-exporter for the root cgroup, two kube-state-metrics at once, and all kinds of owners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
from flask.testing import FlaskClient

from promql.dialects import KUBE_PROMETHEUS
from tests.harness import Prometheus
from tests.harness.recorded import Row, write_series
from tests.harness.store import application, get

NOW: Final = 1795523600.0
TIMES: Final = [NOW - 15 * number for number in reversed(range(12))]
EXPORTER: Final = {"namespace": "monitoring", "pod": "node-exporter-x", "instance": "10.0.0.1:9100"}
# (pod, its controller's kind and name) and the workload that it is of.
OWNED: Final = {
    ("static-n1", "Node", "n1"): ("Pod", "static-n1"),
    ("bare", "<none>", "<none>"): ("Pod", "bare"),
    ("bare-too", "", ""): ("Pod", "bare-too"),
    ("tick-29925393-gxmnh", "Job", "tick-29925393"): ("CronJob", "tick"),
    ("batch-x", "Job", "batch"): ("Job", "batch"),
    ("web-5d4f-a", "ReplicaSet", "web-5d4f"): ("Deployment", "web"),
    ("green-77-b", "ReplicaSet", "green-77"): ("Rollout", "green"),
    ("alone-c", "ReplicaSet", "alone"): ("ReplicaSet", "alone"),
    ("db-0", "StatefulSet", "db"): ("StatefulSet", "db"),
}


def level(name: str, value: float, **labels: str) -> Row:
    return name, labels, [(time, value) for time in TIMES]


def counter(name: str, per_second: float, **labels: str) -> Row:
    return name, labels, [(time, per_second * (time - NOW + 1000)) for time in TIMES]


def pod(name: str, kind: str, owner: str, *, uid: str = "", instance: str = "ksm-1") -> list[Row]:
    own = {"namespace": "shop", "pod": name, "uid": uid or f"uid-{name}", "instance": instance}
    info = {"node": "n1", "host_network": "false", "created_by_kind": kind, "created_by_name": owner}
    return [
        level("kube_pod_info", 1, **own, **info),
        level("kube_pod_status_phase", 1, phase="Running", **own),
        level("kube_pod_status_phase", 0, phase="Failed", **own),
        level("kube_pod_created", NOW - 5000, **own),
    ]


def rows() -> Iterator[Row]:
    yield level("kube_node_info", 1, node="n1", instance="ksm-1")
    yield level("machine_cpu_cores", 4, node="n1")
    yield level("kube_namespace_created", NOW - 9000, namespace="shop")
    for replicaset, kind, owner in (("web-5d4f", "Deployment", "web"), ("green-77", "Rollout", "green")):
        owned = {"owner_kind": kind, "owner_name": owner, "owner_is_controller": "true"}
        yield level("kube_replicaset_owner", 1, namespace="shop", replicaset=replicaset, **owned)
    for name, kind, owner in OWNED:
        yield from pod(name, kind, owner)
    # Both kube-state-metrics of a rollout, and the pod that had the name before: each would make a join ambiguous.
    yield from pod("db-0", "StatefulSet", "db", instance="ksm-2")
    yield from pod("db-0", "StatefulSet", "db", uid="uid-before")
    cgroup = {"namespace": "shop", "pod": "db-0", "container": "", "image": "", "node": "n1"}
    yield level("container_memory_working_set_bytes", 4096, id="/kubepods/poduid-db-0", **cgroup)
    yield counter("container_cpu_usage_seconds_total", 0.25, id="/kubepods/poduid-db-0", **cgroup)
    yield level("kube_pod_info", 1, **EXPORTER | {"uid": "e", "node": "n1", "created_by_kind": "DaemonSet"})
    for mode, share in (("user", 0.5), ("system", 0.25), ("idle", 3.0), ("iowait", 0.2)):
        yield counter("node_cpu_seconds_total", share, mode=mode, cpu="0", **EXPORTER)
    for name, value in (("MemTotal", 8000.0), ("MemAvailable", 5000.0), ("MemFree", 1000.0), ("AnonPages", 2000.0)):
        yield level(f"node_memory_{name}_bytes", value, **EXPORTER)
    for device, per_second in (("eth0", 100.0), ("veth1", 900.0), ("lo", 70.0)):
        yield counter("node_network_receive_bytes_total", per_second, device=device, **EXPORTER)
    for device, per_second in (("sda", 10.0), ("dm-0", 10.0)):
        yield counter("node_disk_written_bytes_total", per_second, device=device, **EXPORTER)
    yield level("node_filesystem_size_bytes", 900, mountpoint="/", **EXPORTER)
    yield level("node_filesystem_free_bytes", 600, mountpoint="/", **EXPORTER)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("made") / "data"
    write_series(directory, rows())
    keep = ("--storage.tsdb.retention.time=10y",)
    with ExitStack() as stack:
        store = stack.enter_context(Prometheus("scrape_configs: []\n", data_directory=directory, extra_flags=keep))
        yield stack.enter_context(application(store.url, NOW, {"METRICS_DIALECT": KUBE_PROMETHEUS}))


def test_a_node_without_root_cgroup_is_answered_by_node_exporter(client: FlaskClient) -> None:
    usage: dict[str, Any] = get(client, "/api/nodes/n1")["usage"]
    assert usage["cpu_cores"] == pytest.approx(0.75)
    assert (usage["memory_working_set_bytes"], usage["memory_usage_bytes"]) == (3000, 7000)
    assert (usage["memory_rss_bytes"], usage["filesystem_used_bytes"]) == (2000, 300)
    assert usage["network_receive_bytes_per_second"] == pytest.approx(100)
    assert usage["disk_write_bytes_per_second"] == pytest.approx(10)
    assert usage["disk_read_bytes_per_second"] is None


def test_its_time_series_too(client: FlaskClient) -> None:
    series = get(client, "/api/nodes/n1/timeseries?window=2m&step=60&metrics=cpu_cores,memory_rss_bytes")["series"]
    assert series["cpu_cores"][-1] == pytest.approx(0.75)
    assert series["memory_rss_bytes"] == [2000, 2000]


def test_every_owner_is_the_workload_it_should_be(client: FlaskClient) -> None:
    pods = get(client, "/api/pods?namespace=shop")["items"]
    found = {pod["name"]: (pod["workload"]["kind"], pod["workload"]["name"]) for pod in pods}
    assert found == {name: workload for (name, _, _), workload in OWNED.items()}


def test_one_pod_of_a_name_is_read_however_many_are_told_of(client: FlaskClient) -> None:
    pods = get(client, "/api/pods?workload=StatefulSet/db")["items"]
    assert [pod["usage"]["memory_working_set_bytes"] for pod in pods] == [4096]
    assert pods[0]["usage"]["cpu_cores"] == pytest.approx(0.25)


def test_a_namespace_counts_it_once(client: FlaskClient) -> None:
    namespace = get(client, "/api/namespaces/shop")
    assert namespace["pods"] == len(OWNED)
    assert namespace["usage"]["memory_working_set_bytes"] == 4096
    assert namespace["coverage"]["memory_working_set_bytes"] == [1, len(OWNED)]
