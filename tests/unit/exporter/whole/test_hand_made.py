"""What no recording has, from bytes to exposition: static pods, claims, containers listed twice, rows without parts."""

from __future__ import annotations

import pytest

from tests.unit.exporter.golden import check_metrics
from tests.unit.exporter.kubelet.bodies import (
    CADVISOR,
    CHEAP,
    START,
    SUMMARY,
    FakeClock,
    FakeKubelet,
    Json,
    cadvisor,
    cpu,
    line,
    memory,
    network,
    pod,
    rfc3339,
    summary,
)
from tests.unit.exporter.objects import container
from tests.unit.exporter.objects import pod as api_pod
from tests.unit.exporter.whole.exporters import Exposition, NodeExporter

NODE = "node-1"
CONFIG_HASH = "5f3cd09baf3e1a2b5f3cd09baf3e1a2b"
RECEIVED = "container_network_receive_bytes_total"
SENT = "container_network_transmit_bytes_total"
PERIODS = "container_cpu_cfs_periods_total"
USAGE = "container_cpu_usage_seconds_total"
WORKING_SET = "container_memory_working_set_bytes"


class Node:
    """A node whose kubelet says what a test sets."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.kubelet = FakeKubelet()
        self.says()
        self.exporter = NodeExporter(NODE, self.kubelet, clock)

    def says(self, *pods: Json, lines: tuple[str, ...] = (), **node: object) -> None:
        self.kubelet.answers = {
            SUMMARY: summary(*pods, **node),
            CHEAP: summary(*pods, **node),
            CADVISOR: cadvisor(*lines),
        }

    def scrape(self, times: int = 1) -> Exposition:
        """The last of so many scrapes, 15 s apart; the clock is 15 s further after each."""
        for _ in range(times - 1):
            self.exporter.scrape()
            self.clock.now += 15
        exposition = self.exporter.scrape()
        self.clock.now += 15
        assert check_metrics(exposition.text.encode()) == ""
        return exposition


@pytest.fixture
def node() -> Node:
    return Node(FakeClock())


def of_pods(exposition: Exposition, uid: str) -> dict[str, float]:
    """What was measured of a pod, by name."""
    return {
        name.removeprefix("pod_"): value
        for name, value in exposition.of(uid=uid).items()
        if not name.endswith(("ready", "restarts_total", "kills_total"))
    }


def test_a_static_pod_is_joined_by_its_hash_and_published_under_the_apis_uid(node: Node) -> None:
    """Everything the kubelet says of it bears the hash of its manifest, cgroups too."""
    mirror = api_pod(
        name="kube-proxy-node-1",
        uid="api-uid",
        metadata={
            "annotations": {"kubernetes.io/config.hash": CONFIG_HASH, "kubernetes.io/config.mirror": CONFIG_HASH},
            "ownerReferences": [{"kind": "Node", "name": NODE, "controller": True}],
        },
    )
    node.exporter.show([mirror])
    node.says(
        pod(CONFIG_HASH, cpu=cpu(START, 10, 0.5), memory=memory(START, 4096)),
        lines=(
            line(RECEIVED, 70, START, id=f"/kubepods/burstable/pod{CONFIG_HASH}/sandbox", interface="eth0"),
            line(PERIODS, 8, START, id=f"/kubepods/burstable/pod{CONFIG_HASH}"),
        ),
    )
    exposition = node.scrape(2)

    assert of_pods(exposition, "api-uid") == {
        "cpu_usage_cores": 0.5,
        "cpu_usage_seconds_total": 10,
        "memory_working_set_bytes": 4096,
        "memory_usage_bytes": 4096,
        "memory_rss_bytes": 4096,
        "network_receive_bytes_total": 70,
        "cpu_periods_total": 8,
    }
    (labels,) = {pairs for name, pairs in exposition.samples if name == "pod_cpu_usage_cores"}
    assert dict(labels) == {
        "node": NODE,
        "namespace": "default",
        "pod": "kube-proxy-node-1",
        "uid": "api-uid",
        "workload_kind": "Pod",
        "workload": "kube-proxy-node-1",
    }
    assert exposition.of(node=NODE, source="resource").keys() == {
        "source_up",
        "source_scrape_duration_seconds",
        "source_sample_age_seconds",
    }
    assert CONFIG_HASH not in exposition.text


def test_a_container_that_is_listed_twice_counts_once_and_is_the_newest(node: Node) -> None:
    def listed(started: float, cores: float, working_set: int) -> Json:
        now = node.clock.now
        blocks = {"cpu": cpu(now, 100 * cores, cores), "memory": memory(now, working_set)}
        return {"name": "app", "startTime": rfc3339(started), **blocks}

    node.exporter.show([api_pod(container("app"), container("side"), uid="a")])
    for order in (1, -1):
        containers = [listed(START - 500, 0.5, 900 + order), listed(START - 5, 0.25, 300 + order)][::order]
        node.says(pod("a", cpu=cpu(node.clock.now, 1, 0.3), containers=containers))
        exposition = node.scrape()
        assert exposition.values("container_cpu_usage_cores", "container") == {"app": 0.25}
        assert exposition.values("container_memory_working_set_bytes", "container") == {"app": 300 + order}
        assert exposition.values("pod_cpu_usage_cores", "uid") == {"a": 0.3}


def test_claims_are_published_and_other_volumes_are_not(node: Node) -> None:
    claimed = {
        "name": "data",
        "time": rfc3339(START),
        "usedBytes": 7,
        "capacityBytes": 10,
        "pvcRef": {"name": "data-db-0", "namespace": "default"},
    }
    scratch = {"name": "scratch", "time": rfc3339(START), "usedBytes": 1, "capacityBytes": 2}
    node.exporter.show([api_pod(uid="a")])
    node.says(pod("a", cpu=cpu(START, 1, 1), volume=[claimed, scratch]))
    exposition = node.scrape()

    volumes = {name: dict(pairs) for name, pairs in exposition.samples if "volume" in name}
    assert volumes.keys() == {"pod_volume_used_bytes", "pod_volume_capacity_bytes"}
    assert {(pairs["volume"], pairs["persistentvolumeclaim"]) for pairs in volumes.values()} == {("data", "data-db-0")}
    assert exposition.values("pod_volume_used_bytes", "uid") == {"a": 7}


def test_what_the_summary_lacks_comes_from_cadvisor_or_the_counter_or_not_at_all(node: Node) -> None:
    node.exporter.show([api_pod(name=uid, uid=uid) for uid in ("memoryless", "rateless", "bare")])
    cgroup = "/kubepods/burstable/pod"
    lines = (
        line(WORKING_SET, 4096, START, id=f"{cgroup}memoryless"),
        line(WORKING_SET, 1024, START, id=f"{cgroup}memoryless/container", container="app"),
    )
    node.says(pod("memoryless", cpu=cpu(START, 1, 1)), pod("rateless", cpu=cpu(START, 10)), pod("bare"), lines=lines)
    node.scrape(2)
    # The API server's pod, and of the counters' pod a row 20 s on.
    node.says(
        pod("memoryless", cpu=cpu(START, 1, 1)), pod("rateless", cpu=cpu(START + 20, 15)), pod("bare"), lines=lines
    )
    exposition = node.scrape()

    assert of_pods(exposition, "memoryless") == {
        "cpu_usage_cores": 1,
        "cpu_usage_seconds_total": 1,
        "memory_working_set_bytes": 4096,
    }
    assert of_pods(exposition, "rateless") == {"cpu_usage_cores": 0.25, "cpu_usage_seconds_total": 15}
    assert of_pods(exposition, "bare") == {}
    assert exposition.samples["pods_without_stats", (("node", NODE),)] == 1
    # The row stands: so does the gauge, neither 0 nor infinite.
    assert node.scrape().of(uid="rateless")["pod_cpu_usage_cores"] == 0.25


def test_a_degraded_kubelet_gives_no_network_and_no_zero(node: Node) -> None:
    """Of pods, cadvisor has lost the network, and the summary has none."""
    node.exporter.show([api_pod(uid="a")])
    row = network(START, "eth0", eth0=(100, 200))
    node.says(
        pod("a", cpu=cpu(START, 1, 1)),
        lines=(line(RECEIVED, 100, START, id="/", interface="eth0"), line(SENT, 5, START, id="/", interface="eth0")),
        network=row,
    )
    exposition = node.scrape(3)

    assert not any("network" in name for name in exposition.of(uid="a"))
    assert exposition.samples["node_network_receive_bytes_total", (("node", NODE),)] == 100


def test_one_bad_entry_costs_itself_and_is_counted(node: Node) -> None:
    node.exporter.show([api_pod(name=uid, uid=uid) for uid in ("good", "bad")])
    bad = pod("bad", cpu={"time": rfc3339(START), "usageNanoCores": "lots"})
    node.says(
        pod("good", cpu=cpu(START, 1, 1)),
        bad,
        lines=(f"{PERIODS}{{id=", line(PERIODS, 3, START, id="/kubepods/podgood")),
    )
    exposition = node.scrape(2)

    assert exposition.of(uid="good")["pod_cpu_usage_cores"] == 1
    assert exposition.of(uid="good")["pod_cpu_periods_total"] == 3
    assert "pod_cpu_usage_cores" not in exposition.of(uid="bad")
    assert exposition.of(uid="bad")["pod_ready"] == 0
    errors = {dict(pairs)["source"]: value for (name, pairs), value in exposition.samples.items() if "errors" in name}
    assert errors.keys() == {"storage", "resource", "detail"}


def test_a_pod_made_again_under_its_name_begins_anew(node: Node) -> None:
    """For a while the kubelet lists both."""
    old, new = api_pod(uid="old"), api_pod(uid="new")
    node.exporter.show([old])
    node.says(pod("old", cpu=cpu(START, 500, 1)))
    assert node.scrape().values("pod_cpu_usage_seconds_total", "uid") == {"old": 500}
    node.exporter.show([new])
    node.says(pod("old", cpu=cpu(START + 15, 510, 1)), pod("new", cpu=cpu(START + 15, 2, 1)))
    exposition = node.scrape()

    assert exposition.values("pod_cpu_usage_seconds_total", "uid") == {"new": 2}
    assert "old" not in {dict(pairs).get("uid") for _, pairs in exposition.samples}
    assert not any("errors" in name for name, _ in exposition.samples)
