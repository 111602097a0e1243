from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from exporter.cluster.nodes import decode_namespace, decode_node
from exporter.cluster.pods import decode_pod
from exporter.cluster.workloads import decode_daemonset, decode_deployment, decode_statefulset
from exporter.collectors import ClusterCollector, ErrorCounts
from exporter.collectors.exposition import text
from exporter.model import ClusterSnapshot, Pod, Source, SourceState
from tests.replay import Recording
from tests.unit.exporter.golden import check_exposition


@dataclass
class Readings:
    found: ClusterSnapshot

    def snapshot(self) -> ClusterSnapshot:
        return self.found


def recorded(recording: str, moment: int) -> ClusterSnapshot:
    found = Recording.named(recording, moment, moment).moments[0]
    return ClusterSnapshot(
        pods=tuple(map(decode_pod, found.items("pods"))),
        nodes=tuple(map(decode_node, found.items("nodes"))),
        namespaces=tuple(map(decode_namespace, found.items("namespaces"))),
        workloads=(
            *map(decode_deployment, found.items("deployments")),
            *map(decode_statefulset, found.items("statefulsets")),
            *map(decode_daemonset, found.items("daemonsets")),
        ),
        sources=(SourceState(Source.PODS, True, 0.03, 12.0), SourceState(Source.NODES, True, 0.01, 7.0)),
    )


def exposition(snapshot: ClusterSnapshot, errors: ErrorCounts | None = None) -> str:
    return text(ClusterCollector(Readings(snapshot), errors or ErrorCounts()).collect()).decode()


@pytest.mark.parametrize(("recording", "moment"), [("lab-1", 30), ("lab-3", 25)])
def test_a_moment_of_a_recording(recording: str, moment: int) -> None:
    check_exposition(f"cluster-{recording}", exposition(recorded(recording, moment)).encode())


def test_requests_only_of_pods_that_no_node_runs() -> None:
    found = exposition(recorded("lab-3", 25))
    assert re.findall(r'^cloudmon_pod_cpu_request_cores\{.*pod="(\w+)-.*\} (.*)$', found, re.MULTILINE) == [
        ("pending", "64.0")
    ]
    assert not re.search(r'cloudmon_pod_cpu_request_cores\{.*node="', found)


def test_a_finished_pod_without_a_node_asks_for_nothing() -> None:
    snapshot = recorded("lab-3", 25)
    failed = [replace(pod, phase="Failed") for pod in snapshot.pods if pod.node is None]
    found = exposition(replace(snapshot, pods=tuple(failed)))
    assert 'phase="Failed"' in found
    assert "_request_" not in found


@pytest.mark.parametrize(("ready", "value"), [(True, "1.0"), (False, "0.0"), (None, "0.0")])
def test_readiness_of_a_node(ready: bool | None, value: str) -> None:
    snapshot = recorded("lab-3", 0)
    found = exposition(replace(snapshot, nodes=(replace(snapshot.nodes[0], ready=ready),)))
    assert f'cloudmon_node_ready{{node="lab-3"}} {value}\n' in found


def test_what_is_silent_is_left_out_not_0() -> None:
    silent = ClusterSnapshot((), (), (), (), (SourceState(Source.PODS, False, 0.03, None),))
    assert re.findall(r"^cloudmon.*", exposition(silent), re.MULTILINE) == [
        'cloudmon_source_up{source="pods"} 0.0',
        'cloudmon_source_scrape_duration_seconds{source="pods"} 0.03',
    ]


def test_an_empty_cluster_has_no_pods() -> None:
    empty = ClusterSnapshot((), (), (), (), (SourceState(Source.PODS, True, 0.03, 1.0),))
    assert "cloudmon_pods_seen 0.0\n" in exposition(empty)


def test_one_object_that_cannot_be_published_costs_itself() -> None:
    class Broken:
        namespace = name = uid = "broken"

    snapshot, errors = recorded("lab-3", 0), ErrorCounts()
    found = exposition(replace(snapshot, pods=(*snapshot.pods, cast(Pod, Broken()))), errors)
    assert len(re.findall("^cloudmon_pod_info", found, re.MULTILINE)) == len(snapshot.pods)
    assert 'cloudmon_source_errors_total{reason="unexpected",source="pods",stage="join"} 1.0' in found


def test_order_does_not_depend_on_the_order_of_the_objects() -> None:
    snapshot = recorded("lab-3", 0)
    turned = replace(
        snapshot,
        pods=snapshot.pods[::-1],
        namespaces=snapshot.namespaces[::-1],
        workloads=snapshot.workloads[::-1],
    )
    assert exposition(turned) == exposition(snapshot)


def test_scrape_by_scrape_it_says_what_the_pods_are_now() -> None:
    snapshot = recorded("lab-3", 0)
    readings = Readings(snapshot)
    collector = ClusterCollector(readings, ErrorCounts())
    first, *others = snapshot.pods
    changed = replace(snapshot, pods=(replace(first, phase="Failed"), *others[1:]))
    for now in (snapshot, changed, replace(changed, pods=()), snapshot):
        readings.found = now
        assert text(collector.collect()).decode() == exposition(now)


def test_it_can_be_registered() -> None:
    registry = CollectorRegistry()
    registry.register(ClusterCollector(Readings(recorded("lab-1", 0)), ErrorCounts()))
    assert b'cloudmon_namespace_info{namespace="shop"} 1.0' in generate_latest(registry)
