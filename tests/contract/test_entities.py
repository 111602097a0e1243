"""Every field of an entity that the contract has, against the samples that Prometheus stores of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.contract.sample import Asked, sample_fleet
from tests.contract.witness import values_at

POD = "/api/pods/app-backend-1"
NODE = "/api/nodes/node-2"
NAMESPACE = "/api/namespaces/default"
DEPLOYMENT = "/api/deployments/app-backend"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory) as fleet:
        yield fleet


def field(path: str, name: str, expected: Any) -> Any:
    """A row of a table of fields, which claims the field."""
    return pytest.param(path, name, expected, marks=pytest.mark.contract(f"field:entity.{name}"))


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        field(POD, "name", "app-backend-1"),
        field(POD, "namespace", "default"),
        field(POD, "uid", "c2d47e91-31b8-4a6f-8f0e-2b6a9c4d5e02"),
        field(POD, "node", "node-2"),
        field(POD, "workload.kind", "Deployment"),
        field(POD, "workload.name", "app-backend"),
        field(POD, "phase", "Running"),
        field(POD, "ready", True),
        field(POD, "started", "2026-10-01T00:00:01Z"),
        # The fleet's leak ends every nineteen hours, and the store knows of an hour and a half.
        field(POD, "oom_kills", 0),
        field(POD, "last_oom_kill", "2026-11-11T23:00:00Z"),
        field(POD, "requests.cpu_cores", 0.55),
        field(POD, "requests.memory_bytes", 288 * 2**20),
        field(POD, "limits.cpu_cores", 1.1),
        field(POD, "limits.memory_bytes", 576 * 2**20),
        field(NODE, "ready", True),
        field(NODE, "pods", 1),
        field(NODE, "allocatable.cpu_cores", 3.9),
        field(NODE, "allocatable.pods", 110),
        field(NODE, "requests.cpu_cores", 0.55),
        field(NAMESPACE, "name", "default"),
        field(NAMESPACE, "pods", 2),
        field(NAMESPACE, "deployments", 2),
        field(NAMESPACE, "limits.cpu_cores", 0.5 + 1.1),
        field(DEPLOYMENT, "replicas.desired", 1),
        field(DEPLOYMENT, "replicas.ready", 1),
        field(DEPLOYMENT, "replicas.available", 1),
        field(DEPLOYMENT, "replicas.updated", 1),
        field(DEPLOYMENT, "pods", 1),
    ],
)
def test_what_is_known_of_an_entity(asked: Asked, path: str, name: str, expected: object) -> None:
    assert list(values_at(asked.get(path), name)) == [expected]


@pytest.mark.parametrize(
    ("path", "name", "query"),
    [
        field(POD, "restarts", "cloudmon_pod_container_restarts_total{0}"),
        field(POD, "usage.cpu_cores", "cloudmon_pod_cpu_usage_cores{0}"),
        field(
            POD,
            "usage.cpu_throttled_ratio",
            "rate(cloudmon_pod_cpu_throttled_periods_total{0}[240s]) / rate(cloudmon_pod_cpu_periods_total{0}[240s])",
        ),
        field(POD, "usage.memory_working_set_bytes", "cloudmon_pod_memory_working_set_bytes{0}"),
        field(POD, "usage.memory_rss_bytes", "cloudmon_pod_memory_rss_bytes{0}"),
        field(POD, "usage.memory_usage_bytes", "cloudmon_pod_memory_usage_bytes{0}"),
        field(POD, "usage.network_receive_bytes_per_second", "cloudmon_pod_network_receive_bytes_per_second{0}"),
        field(POD, "usage.network_transmit_bytes_per_second", "cloudmon_pod_network_transmit_bytes_per_second{0}"),
        field(POD, "usage.disk_read_bytes_per_second", "cloudmon_pod_disk_read_bytes_per_second{0}"),
        field(POD, "usage.disk_write_bytes_per_second", "cloudmon_pod_disk_written_bytes_per_second{0}"),
        field(POD, "usage.filesystem_used_bytes", "cloudmon_pod_ephemeral_storage_used_bytes{0}"),
        field(POD, "usage.cpu_pressure_ratio", "rate(cloudmon_pod_cpu_pressure_some_seconds_total{0}[60s])"),
        field(POD, "usage.memory_pressure_ratio", "rate(cloudmon_pod_memory_pressure_some_seconds_total{0}[60s])"),
        field(POD, "usage.io_pressure_ratio", "rate(cloudmon_pod_io_pressure_some_seconds_total{0}[240s])"),
        field(POD, "utilization.cpu_of_limit", "cloudmon_pod_cpu_usage_cores{0} / 1.1"),
        field(POD, "utilization.cpu_of_request", "cloudmon_pod_cpu_usage_cores{0} / 0.55"),
        field(POD, "utilization.memory_of_limit", f"cloudmon_pod_memory_working_set_bytes{{0}} / {576 * 2**20}"),
        field(POD, "utilization.memory_of_request", f"cloudmon_pod_memory_working_set_bytes{{0}} / {288 * 2**20}"),
        field(NODE, "age", 'cloudmon_source_sample_age_seconds{node="node-2", source="resource"}'),
        field(NODE, "allocatable.memory_bytes", 'cloudmon_node_memory_allocatable_bytes{node="node-2"}'),
        field(NODE, "usage.memory_rss_bytes", 'cloudmon_node_memory_rss_bytes{node="node-2"}'),
        field(NAMESPACE, "usage.cpu_cores", 'sum(cloudmon_pod_cpu_usage_cores{namespace="default"})'),
        field(
            NAMESPACE,
            "utilization.cpu_of_limit",
            'sum(cloudmon_pod_cpu_usage_cores{namespace="default"})'
            ' / sum(cloudmon_pod_cpu_limit_cores{namespace="default"})',
        ),
        field(DEPLOYMENT, "usage.memory_rss_bytes", "sum(cloudmon_pod_memory_rss_bytes{0})"),
    ],
)
def test_what_was_measured_of_an_entity(asked: Asked, path: str, name: str, query: str) -> None:
    entity = asked.get(path)
    time = datetime.fromisoformat(entity["time"]).timestamp()
    stored = asked.prometheus.value(query.replace("{0}", '{pod="app-backend-1"}'), time)
    # A rate is over a scrape interval more than what it covers: docs/decisions/0013-rate-windows.md.
    assert list(values_at(entity, name)) == [pytest.approx(stored, rel=0.1 if "rate(" in query else 1e-12)]


USAGE = {
    "cpu_cores", "memory_working_set_bytes", "memory_rss_bytes", "memory_usage_bytes",
    "network_receive_bytes_per_second", "network_transmit_bytes_per_second",
    "disk_read_bytes_per_second", "disk_write_bytes_per_second", "filesystem_used_bytes",
}  # fmt: skip
PRESSURE = {"cpu_pressure_ratio", "memory_pressure_ratio", "io_pressure_ratio"}
OF_BOTH = {"cpu_cores", "memory_bytes"}
OF_ALL = {"cpu_of_limit", "cpu_of_request", "memory_of_limit", "memory_of_request"}


@pytest.mark.contract(
    "field:entity.workload",
    "field:entity.usage",
    "field:entity.requests",
    "field:entity.limits",
    "field:entity.utilization",
    "field:entity.missing",
    "field:entity.capacity",
    "field:entity.allocatable",
    "field:entity.replicas",
)
@pytest.mark.parametrize("alone", [True, False])
def test_the_blocks_of_each_kind(asked: Asked, *, alone: bool) -> None:
    pod, node, namespace, deployment = (entity(asked, path, alone=alone) for path in (POD, NODE, NAMESPACE, DEPLOYMENT))
    assert set(pod["workload"]) == {"kind", "name"}
    assert set(pod["usage"]) == USAGE | PRESSURE | {"cpu_throttled_ratio"}
    assert set(node["usage"]) == USAGE | PRESSURE
    for entity_of in (pod, node, namespace, deployment):
        assert set(entity_of["requests"]) == set(entity_of["limits"]) == OF_BOTH
        assert isinstance(entity_of["missing"], dict)
    for entity_of in (namespace, deployment):
        assert set(entity_of["usage"]) == USAGE | {"cpu_throttled_ratio"}
    for entity_of in (pod, namespace, deployment):
        assert set(entity_of["utilization"]) == OF_ALL
    assert set(node["utilization"]) == {"cpu_of_allocatable", "memory_of_allocatable"}
    assert set(node["capacity"]) == set(node["allocatable"]) == {*OF_BOTH, "pods"}
    assert set(deployment["replicas"]) == {"desired", "ready", "available", "updated"}
    assert ("oom_kills" in pod) == alone
    assert "last_oom_kill" in pod


def entity(asked: Asked, path: str, *, alone: bool) -> Any:
    """Of its own route, or of the list."""
    if alone:
        return asked.get(path)
    folder, _, name = path.rpartition("/")
    return next(item for item in asked.get(folder)["items"] if item["name"] == name)
