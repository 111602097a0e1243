"""The sample fleet as it stands: two nodes and three pods, and how each of them uses what it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from exporter.model import Container, Node, Pod, Resources, Workload, WorkloadReplicas
from exporter.sample.signals import Signal, Waves

SEED: Final = 20261001
# 2026-10-01T00:00:00Z. Fixed, so that no counter of the fleet ever starts again.
CREATED: Final = 1790812800.0
BOOTED: Final = CREATED - 86400.0
# app-backend leaks until its limit kills it, once in this time.
OOM_PERIOD_SECONDS: Final = 19 * 3600.0

MIB: Final = 1024.0**2
GIB: Final = 1024.0**3
NODES: Final = ("node-1", "node-2")
NODE_CPU_CORES: Final = 4.0
NODE_MEMORY_BYTES: Final = 16 * GIB
NODE_FILESYSTEM_BYTES: Final = 100 * GIB
VOLUME_BYTES: Final = 20 * GIB


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The signals of one pod, or of a node's own services. Rates are per second; None where nothing is counted."""

    cpu_cores: Signal
    memory_working_set_bytes: Signal
    memory_cache_bytes: Signal
    network_receive: Signal
    network_transmit: Signal
    disk_read: Signal
    disk_written: Signal
    ephemeral_storage_bytes: Signal
    # Share of the CFS periods in which the CPU limit held the pod back.
    throttled_share: Signal | None = None
    volume_used_bytes: Signal | None = None
    # The leak that ends in an OOM kill: how far it takes the working set above its level.
    leak_bytes: float = 0.0


def behaviours(seed: int = SEED) -> Mapping[str, Behaviour]:
    """The signals by pod name and node name. What one group drives moves together: traffic, CPU and throttling."""
    waves = Waves(seed)
    web, batch = "requests", "scrapes"

    def steady(level: float, group: str) -> Signal:
        return waves.signal(level, group, daily=0.02, noise=0.05)

    def busy(level: float, group: str) -> Signal:
        return waves.signal(level, group, daily=0.45, noise=0.3)

    def system(node: str) -> Behaviour:
        return Behaviour(
            cpu_cores=waves.signal(0.22, f"{node}/system", daily=0.1, noise=0.35),
            memory_working_set_bytes=steady(1.6 * GIB, f"{node}/memory"),
            memory_cache_bytes=steady(2.1 * GIB, f"{node}/cache"),
            network_receive=waves.signal(9_000, f"{node}/system", daily=0.1, noise=0.4),
            network_transmit=waves.signal(14_000, f"{node}/system", daily=0.1, noise=0.4),
            disk_read=waves.signal(21_000, f"{node}/disk", daily=0.05, noise=0.6),
            disk_written=waves.signal(64_000, f"{node}/disk", daily=0.05, noise=0.6),
            ephemeral_storage_bytes=steady(23 * GIB, f"{node}/filesystem"),
        )

    return {
        "node-1": system("node-1"),
        "node-2": system("node-2"),
        "web-server-1": Behaviour(
            cpu_cores=busy(0.18, web),
            memory_working_set_bytes=waves.signal(96 * MIB, web, daily=0.1, noise=0.06),
            memory_cache_bytes=steady(22 * MIB, "web-server/cache"),
            network_receive=busy(42_000, web),
            network_transmit=busy(310_000, web),
            disk_read=waves.signal(1_200, "web-server/disk", daily=0.3, noise=0.5),
            disk_written=waves.signal(9_500, "web-server/disk", daily=0.3, noise=0.5),
            ephemeral_storage_bytes=steady(61 * MIB, "web-server/storage"),
            throttled_share=busy(0.03, web),
        ),
        "app-backend-1": Behaviour(
            cpu_cores=busy(0.46, web),
            memory_working_set_bytes=waves.signal(210 * MIB, "app-backend/memory", daily=0.03, noise=0.04),
            memory_cache_bytes=steady(48 * MIB, "app-backend/cache"),
            network_receive=busy(96_000, web),
            network_transmit=busy(128_000, web),
            disk_read=waves.signal(6_000, "app-backend/disk", daily=0.3, noise=0.5),
            disk_written=waves.signal(38_000, "app-backend/disk", daily=0.3, noise=0.5),
            ephemeral_storage_bytes=steady(180 * MIB, "app-backend/storage"),
            throttled_share=busy(0.11, web),
            leak_bytes=285 * MIB,
        ),
        "prometheus-1": Behaviour(
            cpu_cores=waves.signal(0.09, batch, daily=0.02, noise=0.5),
            memory_working_set_bytes=waves.signal(420 * MIB, "prometheus/memory", daily=0.01, noise=0.12),
            memory_cache_bytes=steady(260 * MIB, "prometheus/cache"),
            network_receive=waves.signal(55_000, batch, daily=0.02, noise=0.2),
            network_transmit=waves.signal(7_000, batch, daily=0.02, noise=0.3),
            disk_read=waves.signal(4_000, "prometheus/disk", daily=0.02, noise=0.7),
            disk_written=waves.signal(52_000, "prometheus/disk", daily=0.02, noise=0.7),
            ephemeral_storage_bytes=steady(34 * MIB, "prometheus/storage"),
            volume_used_bytes=waves.signal(11 * GIB, "prometheus/volume", daily=0.01, noise=0.04),
        ),
    }


def _resources(cpu_cores: float | None, memory_mib: float) -> Resources:
    return Resources(cpu_cores, memory_mib * MIB)


def _pod(name: str, namespace: str, node: str, uid: str, replicaset: str, containers: tuple[Container, ...]) -> Pod:
    def together(amounts: list[Resources]) -> Resources:
        cpu = [amount.cpu_cores for amount in amounts if amount.cpu_cores is not None]
        memory = [amount.memory_bytes for amount in amounts if amount.memory_bytes is not None]
        return Resources(sum(cpu) if len(cpu) == len(amounts) else None, sum(memory))

    return Pod(
        namespace=namespace,
        name=name,
        uid=uid,
        stats_uid=uid,
        node=node,
        workload=Workload("Deployment", replicaset.rpartition("-")[0]),
        phase="Running",
        host_network=False,
        qos_class="Burstable",
        replicaset=replicaset,
        created_timestamp_seconds=CREATED,
        started_timestamp_seconds=CREATED + 1,
        ready=True,
        restarts=0,
        requests=together([container.requests for container in containers]),
        limits=together([container.limits for container in containers]),
        containers=containers,
    )


PODS: Final = (
    _pod(
        "web-server-1",
        "default",
        "node-1",
        "5b1f6a0e-6d0c-4f5e-9a3b-0c9f5d1e7a01",
        "web-server-7c9f6d5b8d",
        (Container("web-server", _resources(0.25, 128), _resources(0.5, 256)),),
    ),
    _pod(
        "app-backend-1",
        "default",
        "node-2",
        "c2d47e91-31b8-4a6f-8f0e-2b6a9c4d5e02",
        "app-backend-5f8b9c7d64",
        (
            Container("app-backend", _resources(0.5, 256), _resources(1.0, 512)),
            Container("log-shipper", _resources(0.05, 32), _resources(0.1, 64)),
        ),
    ),
    _pod(
        "prometheus-1",
        "monitoring",
        "node-1",
        "9e83b5d4-7f26-4c1a-b5d7-4e8f1a2b3c03",
        "prometheus-6b4d8f9c57",
        (Container("prometheus", _resources(0.2, 512), _resources(None, 1024)),),
    ),
)

NODE_RECORDS: Final = tuple(
    Node(
        name=name,
        ready=True,
        capacity=Resources(NODE_CPU_CORES, NODE_MEMORY_BYTES),
        capacity_pods=110,
        allocatable=Resources(NODE_CPU_CORES - 0.1, NODE_MEMORY_BYTES - 512 * MIB),
        allocatable_pods=110,
        kubelet_version="v1.36.2",
        container_runtime_version="containerd://2.1.9",
        os_image="Sample Linux",
        kernel_version="6.12.0",
        architecture="amd64",
        internal_ip=f"192.0.2.{number}",
    )
    for number, name in enumerate(NODES, start=1)
)

WORKLOADS: Final = tuple(WorkloadReplicas(pod.namespace, pod.workload, 1, 1, 1, 1) for pod in PODS)
NAMESPACES: Final = ("default", "monitoring")
