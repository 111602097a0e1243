"""Every metric of the design, published by its scope, with its labels, and not more of them than was promised."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from exporter import sample
from promql import names
from tests.replay import Recording
from tests.unit.exporter.golden import check_metrics
from tests.unit.exporter.kubelet.bodies import FakeClock
from tests.unit.exporter.whole.exporters import ClusterExporter, Exposition, Labels, NodeExporter, StandingKubelet

# The design's table, once more and by hand: what is declared in promql.names is compared with it.
_MEASURED: Final = """
    cpu_usage_cores cpu_usage_seconds_total memory_working_set_bytes memory_usage_bytes memory_rss_bytes
    network_receive_bytes_per_second network_receive_bytes_total
    network_transmit_bytes_per_second network_transmit_bytes_total
    disk_read_bytes_per_second disk_read_bytes_total disk_written_bytes_per_second disk_written_bytes_total
"""
_PRESSURE: Final = "cpu_pressure_some_seconds_total memory_pressure_some_seconds_total io_pressure_some_seconds_total"
_RESOURCES: Final = "cpu_request_cores cpu_limit_cores memory_request_bytes memory_limit_bytes"
_AMOUNTS: Final = """
    cpu_capacity_cores cpu_allocatable_cores memory_capacity_bytes memory_allocatable_bytes
    pods_capacity pods_allocatable
"""
POD: Final = {"node", "namespace", "pod", "uid", "workload_kind", "workload"}
CONTAINER: Final = POD | {"container"}
VOLUME: Final = POD | {"volume", "persistentvolumeclaim"}
SOURCE: Final = {"node", "source"}


def table(prefix: str, metrics: str, labels: set[str]) -> dict[str, set[str]]:
    return {prefix + name: labels for name in metrics.split()}


ABOUT_ITSELF: Final = {
    **table("source_", "up scrape_duration_seconds sample_age_seconds", SOURCE),
    "source_errors_total": {*SOURCE, "stage", "reason"},
    "pods_seen": {"node"},
}
NODE_SCOPE: Final = {
    **table("node_", f"{_MEASURED} {_PRESSURE} memory_available_bytes", {"node"}),
    **table("node_", "filesystem_used_bytes filesystem_capacity_bytes", {"node"}),
    "node_network_interface_info": {"node", "interface"},
    **table("pod_", f"{_MEASURED} {_PRESSURE} {_RESOURCES} ephemeral_storage_used_bytes", POD),
    **table("pod_", "cpu_throttled_seconds_total cpu_periods_total cpu_throttled_periods_total", POD),
    **table("pod_", "ready start_time_seconds container_restarts_total oom_kills_total", POD),
    "pod_last_oom_kill_timestamp_seconds": POD,
    **table("pod_", "volume_used_bytes volume_capacity_bytes", VOLUME),
    **table("container_", f"cpu_usage_cores memory_working_set_bytes {_RESOURCES}", CONTAINER),
    **ABOUT_ITSELF,
    "pods_without_stats": {"node"},
    "kubelet_tls_insecure": {"node"},
}
CLUSTER_SCOPE: Final = {
    **table("node_", f"{_AMOUNTS} ready", {"node"}),
    "node_info": {
        "node",
        "kubelet_version",
        "container_runtime_version",
        "os_image",
        "kernel_version",
        "architecture",
        "internal_ip",
    },
    "pod_info": {*POD, "host_network", "qos_class", "replicaset"},
    "pod_created_timestamp_seconds": POD,
    "pod_phase": {*POD, "phase"},
    **table("pod_", _RESOURCES, POD),
    "workload_replicas": {"namespace", "workload_kind", "workload", "state"},
    "namespace_info": {"namespace"},
    **ABOUT_ITSELF,
    "source_shards": {"source"},
}
# What may be missing of a series' labels, and where: a pod that no node runs, one without ReplicaSet, scope cluster.
MAY_LACK: Final = {"node", "replicaset"}


def test_the_declarations_are_the_designs() -> None:
    declared = {name.removeprefix("cloudmon_"): metric for name, metric in names.METRICS.items()}
    assert declared.keys() == NODE_SCOPE.keys() | CLUSTER_SCOPE.keys()
    for name, metric in declared.items():
        scopes = {"node": name in NODE_SCOPE, "cluster": name in CLUSTER_SCOPE}
        assert {scope for scope, publishes in scopes.items() if publishes} == (
            {"node", "cluster"} if metric.scope == "both" else {metric.scope}
        ), name
        assert set(metric.labels) == (NODE_SCOPE | CLUSTER_SCOPE)[name], name


def scraped(recording: str, moment: int) -> tuple[Exposition, Exposition]:
    """A node's exposition when everything has been read, rates too, and the cluster's."""
    found = Recording.named(recording, moment, moment)
    clock = FakeClock(found.first_instant_unix)
    exporter = NodeExporter(found.node_name, StandingKubelet(found.moments[0], clock), clock)
    exporter.show(found.moments[0].items("pods"))
    for _ in range(3):
        exporter.scrape()
        clock.now += 15
    return exporter.scrape(), ClusterExporter(found.moments[0]).scrape()


RECORDINGS: Final = [("full-node", 0), ("full-node-1.36", 0), ("lab-1", 20), ("lab-3", 25)]


@pytest.mark.parametrize(("recording", "moment"), RECORDINGS)
def test_what_a_recorded_node_publishes(recording: str, moment: int) -> None:
    for exposition, scope in zip(scraped(recording, moment), (NODE_SCOPE, CLUSTER_SCOPE), strict=True):
        assert check_metrics(exposition.text.encode()) == ""
        check_labels(exposition, scope)
        # A family without samples leaves no trace.
        families = {
            line.split()[2].removeprefix("cloudmon_") for line in exposition.text.splitlines() if "# TYPE" in line
        }
        assert families == {name for name, _ in exposition.samples}


def check_labels(exposition: Exposition, scope: dict[str, set[str]]) -> None:
    for name, pairs in exposition.samples:
        assert name in scope, f"{name} is another scope's"
        present = {label for label, _ in pairs}
        assert present <= scope[name] <= present | MAY_LACK, (name, pairs)
        if scope is NODE_SCOPE:
            assert "node" in present, name
        elif name.startswith("pod_") and name.endswith(("_cores", "_bytes")):
            assert "node" not in present, name


def test_between_them_the_recordings_give_everything_but_volumes_and_errors() -> None:
    """No recorded claim has figures; test_hand_made.py has one."""
    node, cluster = set[str](), set[str]()
    for recording, moment in RECORDINGS:
        of_node, of_cluster = scraped(recording, moment)
        node |= {name for name, _ in of_node.samples}
        cluster |= {name for name, _ in of_cluster.samples}
    assert NODE_SCOPE.keys() - node == {"pod_volume_used_bytes", "pod_volume_capacity_bytes", "source_errors_total"}
    # Of the pods that no node runs, none has a limit.
    assert CLUSTER_SCOPE.keys() - cluster <= {
        *("source_errors_total", "pod_cpu_limit_cores", "pod_memory_limit_bytes"),
        "source_shards",  # one exporter says it all
    }


def kind_of(series: tuple[str, Labels]) -> str:
    name, pairs = series
    if name.startswith("container_"):
        return f"container {dict(pairs)['container']}"
    if "persistentvolumeclaim" in dict(pairs):
        return f"volume {dict(pairs)['volume']}"
    return "pressure" if "_pressure_" in name else "pod"


MOST: Final = {"pod": 29, "pressure": 3, "volume": 2, "container": 6}


@pytest.mark.parametrize("recording", ["full-node", "full-node-1.36", "sample"])
def test_series_of_a_pod(recording: str) -> None:
    series: Counter[tuple[str, str]] = Counter()
    pods = set[str]()
    for exposition in sampled() if recording == "sample" else scraped(recording, 0):
        for one in exposition.samples:
            if uid := dict(one[1]).get("uid"):
                series[uid, kind_of(one)] += 1
                pods.add(uid)
    assert len(pods) >= (3 if recording == "sample" else 106)
    for (uid, kind), count in series.items():
        assert count <= MOST[kind.split()[0]], f"{uid} has {count} series of {kind}"
    # The limits are not idle: some pod reaches each of those that the source has.
    assert max(count for (_, kind), count in series.items() if kind == "pod") >= 24
    assert max(count for (_, kind), count in series.items() if kind.startswith("container")) >= 5


def sampled() -> list[Exposition]:
    scopes = [("node", "node-1"), ("node", "node-2"), ("cluster", "")]
    return [Exposition.parse(sample.exposition(scope, node, 1795489207.5)) for scope, node in scopes]


def test_the_sample_fleet_publishes_the_same_series_as_a_real_node() -> None:
    *nodes, cluster = sampled()
    for exposition in nodes:
        check_labels(exposition, NODE_SCOPE)
    check_labels(cluster, CLUSTER_SCOPE)
