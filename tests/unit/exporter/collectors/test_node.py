from __future__ import annotations

import re
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from exporter.collectors import ErrorCounts, NodeCollector
from exporter.collectors.exposition import families, text
from exporter.collectors.pods import ContainerSeries
from exporter.model import ContainerUsage, NodeSnapshot, NodeUsage, Pod, PodUsage, Source
from tests.unit.exporter.collectors.readings import NODE, SOURCES, Pods, Readings, full_usage, recorded_pods
from tests.unit.exporter.golden import check_exposition

EMPTY = NodeSnapshot(NodeUsage(), {}, ())


def collector(
    snapshot: NodeSnapshot,
    pods: list[Pod] | None,
    errors: ErrorCounts | None = None,
    containers: ContainerSeries = "several",
) -> NodeCollector:
    return NodeCollector("lab-3", Readings(snapshot), Pods(pods), errors or ErrorCounts(), containers=containers)


def exposition(of: NodeCollector) -> str:
    return text(of.families(1.0)).decode()


def series(found: str, name: str) -> list[str]:
    """The samples of a metric as lines without its prefix."""
    return [line.removeprefix("cloudmon_") for line in found.splitlines() if line.startswith(f"cloudmon_{name}{{")]


def named(pods: list[Pod], *starts: str) -> list[Pod]:
    return [pod for pod in pods if pod.name.startswith(starts)]


@pytest.mark.parametrize(("recording", "moment"), [("lab-1", 30), ("lab-3", 25)])
def test_a_moment_of_a_recording(recording: str, moment: int) -> None:
    """What the API server says of all pods, and of two what a kubelet might have measured."""
    pods = recorded_pods(recording, moment)
    (agent,) = named(pods, "agent-")
    api, *_ = named(pods, "api-")
    snapshot = NodeSnapshot(
        NODE,
        {
            api.stats_uid: full_usage("proxy", "api", "logger"),
            agent.stats_uid: full_usage("agent"),
            "a uid that nobody knows": full_usage("app"),
        },
        SOURCES,
    )
    check_exposition(f"node-{recording}", exposition(collector(snapshot, pods)).encode())


def test_usage_of_nobody_is_left_out_and_counted_once() -> None:
    errors = ErrorCounts()
    found = collector(NodeSnapshot(NODE, {"x": full_usage(), "y": full_usage()}, ()), [], errors)
    exposition(found)
    second = exposition(found)
    assert series(second, "pod_cpu_usage_cores") == []
    assert series(second, "source_errors_total") == [
        'source_errors_total{node="lab-3",reason="unknown_pod",source="resource",stage="join"} 2.0'
    ]


def test_a_deleted_pod_that_the_kubelet_still_lists_is_no_error_and_has_no_series() -> None:
    (bare,) = named(recorded_pods("lab-3", 0), "bare")
    pods, errors = Pods([bare]), ErrorCounts()
    found = NodeCollector("lab-3", Readings(NodeSnapshot(NODE, {bare.stats_uid: full_usage()}, ())), pods, errors)
    assert len(series(exposition(found), "pod_cpu_usage_cores")) == 1
    pods.found = []
    after = exposition(found)
    assert 'pod="bare"' not in after
    assert series(after, "source_errors_total") == []


def test_a_static_pod_is_joined_by_its_hash_and_published_under_its_own_uid() -> None:
    (bare,) = named(recorded_pods("lab-3", 0), "bare")
    static = replace(bare, stats_uid="f00d")
    found = exposition(collector(NodeSnapshot(NODE, {"f00d": full_usage()}, ()), [static]))
    assert len(series(found, "pod_memory_rss_bytes")) == 1
    assert f'uid="{bare.uid}"' in series(found, "pod_memory_rss_bytes")[0]
    assert "f00d" not in found


def test_host_network_pods_have_no_network_of_their_own() -> None:
    (agent,) = named(recorded_pods("lab-3", 0), "agent-")
    found = exposition(collector(NodeSnapshot(NODE, {agent.stats_uid: full_usage()}, ()), [agent]))
    assert "pod_network" not in found
    assert len(series(found, "pod_disk_written_bytes_total")) == 1


def test_pods_without_stats_are_running_ones_of_which_cpu_and_memory_are_not_known() -> None:
    pods = recorded_pods("lab-3", 30)
    running = [pod for pod in pods if pod.phase == "Running"]
    only_network = PodUsage(network_receive_bytes_total=1.0)
    usage = {running[0].stats_uid: full_usage(), running[1].stats_uid: only_network}
    found = exposition(collector(NodeSnapshot(NODE, usage, ()), pods))
    assert series(found, "pods_seen") == [f'pods_seen{{node="lab-3"}} {len(pods)}.0']
    assert series(found, "pods_without_stats") == [f'pods_without_stats{{node="lab-3"}} {len(running) - 1}.0']
    # What the API server says of them is there.
    assert len(series(found, "pod_ready")) == len(pods)


def test_finished_pods_hold_nothing() -> None:
    (pod,) = named(recorded_pods("lab-3", 0), "resizable")
    finished = replace(pod, phase="Succeeded")
    found = exposition(collector(EMPTY, [finished], containers="all"))
    assert not re.search(r"cloudmon_\w+_(request|limit)_", found)
    assert series(found, "pod_start_time_seconds")


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("none", []),
        ("several", ["api", "logger", "proxy"]),
        ("all", ["api", "logger", "proxy", "worker"]),
    ],
)
def test_container_series(which: ContainerSeries, expected: list[str]) -> None:
    pods = recorded_pods("lab-3", 0)
    api, *_ = named(pods, "api-")
    (resizable,) = named(pods, "resizable")
    usage = {api.stats_uid: full_usage("api", "logger", "proxy", "prepare"), resizable.stats_uid: full_usage("worker")}
    found = exposition(collector(NodeSnapshot(NODE, usage, ()), [api, resizable], containers=which))
    names = [re.findall(r'container="(.*?)"', line)[0] for line in series(found, "container_cpu_usage_cores")]
    assert sorted(names) == expected


def test_a_container_of_which_little_is_known() -> None:
    api, *_ = named(recorded_pods("lab-3", 0), "api-")
    usage = replace(full_usage(), containers={"api": ContainerUsage(None, 1.0), "logger": ContainerUsage(2.0, None)})
    found = exposition(collector(NodeSnapshot(NODE, {api.stats_uid: usage}, ()), [api]))
    assert [line[-3:] for line in series(found, "container_cpu_usage_cores")] == ["2.0"]
    assert [line[-3:] for line in series(found, "container_memory_working_set_bytes")] == ["1.0"]


def test_values_that_nobody_measured_are_not_published() -> None:
    (bare,) = named(recorded_pods("lab-3", 0), "bare")
    found = exposition(collector(NodeSnapshot(NodeUsage(), {bare.stats_uid: PodUsage()}, ()), [bare]))
    published = set(re.findall(r"^cloudmon_(\w+)", found, re.MULTILINE))
    assert published == {
        "pod_ready",
        "pod_start_time_seconds",
        "pod_container_restarts_total",
        "pod_oom_kills_total",
        "source_up",
        "source_scrape_duration_seconds",
        "source_sample_age_seconds",
        "pods_seen",
        "pods_without_stats",
        "kubelet_tls_insecure",
    }


def test_without_the_api_server_only_the_node_is_published() -> None:
    errors = ErrorCounts()
    found = exposition(collector(NodeSnapshot(NODE, {"x": full_usage()}, SOURCES), None, errors))
    assert series(found, "node_cpu_usage_cores") == ['node_cpu_usage_cores{node="lab-3"} 0.75']
    assert "cloudmon_pod" not in found
    assert 'source_up{node="lab-3",source="node_pods"} 0.0' in found
    assert series(found, "source_errors_total") == []


def test_a_reader_that_raises_costs_its_readings() -> None:
    pods = recorded_pods("lab-3", 0)
    readings, errors = Readings(EMPTY, RuntimeError("a bug")), ErrorCounts()
    found = exposition(NodeCollector("lab-3", readings, Pods(pods), errors))
    assert len(series(found, "pod_ready")) == len(pods)
    assert 'reason="unexpected",source="resource",stage="read"} 1.0' in found


def test_one_pod_that_cannot_be_published_costs_itself() -> None:
    class Broken(PodUsage):
        def __getattribute__(self, name: str) -> object:
            if name == "volumes":
                raise RuntimeError("a bug")
            return super().__getattribute__(name)

    pods = recorded_pods("lab-3", 0)
    errors = ErrorCounts()
    usage: dict[str, PodUsage] = {pod.stats_uid: full_usage() for pod in pods} | {pods[0].stats_uid: Broken()}
    found = exposition(collector(NodeSnapshot(NODE, usage, ()), pods, errors))
    assert len(series(found, "pod_ready")) == len(pods) - 1
    assert 'reason="unexpected",source="node_pods",stage="join"} 1.0' in found


def test_order_does_not_depend_on_the_order_of_the_pods() -> None:
    pods = recorded_pods("lab-3", 0)
    assert exposition(collector(EMPTY, pods)) == exposition(collector(EMPTY, pods[::-1]))


def test_insecure_tls_is_published() -> None:
    loud = NodeCollector("lab-3", Readings(EMPTY), Pods([]), ErrorCounts(), insecure_tls=True)
    assert 'cloudmon_kubelet_tls_insecure{node="lab-3"} 1.0' in exposition(loud)
    assert 'cloudmon_kubelet_tls_insecure{node="lab-3"} 0.0' in exposition(collector(EMPTY, []))


def test_every_series_of_a_node_has_its_node() -> None:
    snapshot = NodeSnapshot(NODE, {}, SOURCES)
    errors = ErrorCounts()
    errors.count(Source.DETAIL, "read", "timeout")
    found = exposition(collector(snapshot, recorded_pods("lab-3", 0), errors))
    samples = [line for line in found.splitlines() if not line.startswith("#")]
    assert samples
    # One pod is not scheduled, which the field selector of a real watch would not have let through.
    assert [line for line in samples if 'node="lab-3"' not in line and 'pod="pending-' not in line] == []


def test_registering_it_reads_nothing() -> None:
    registry = CollectorRegistry()
    readings = Readings(EMPTY, RuntimeError("read"))
    errors = ErrorCounts()
    registry.register(NodeCollector("lab-3", readings, Pods([]), errors))
    assert text(families(errors.rows(()))) == b""
    assert b"cloudmon_pods_seen" in generate_latest(registry)
