"""What a kubelet measured, made by hand for pods of a recording, and the collectors' inputs around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.cluster.pods import decode_pod
from exporter.model import (
    ContainerUsage,
    NodeSnapshot,
    NodeUsage,
    Pod,
    PodUsage,
    Source,
    SourceState,
    VolumeUsage,
)
from tests.replay import Recording

NODE = NodeUsage(
    cpu_usage_cores=0.75,
    cpu_usage_seconds_total=1234.5,
    memory_working_set_bytes=2e9,
    memory_usage_bytes=3e9,
    memory_rss_bytes=1.5e9,
    memory_available_bytes=6e9,
    network_receive_bytes_total=1e6,
    network_receive_bytes_per_second=100.0,
    network_transmit_bytes_total=2e6,
    network_transmit_bytes_per_second=200.0,
    filesystem_used_bytes=1e10,
    filesystem_capacity_bytes=1e11,
    network_interfaces=("ens5", "ens6"),
)
SOURCES = (
    SourceState(Source.RESOURCE, True, 0.38, 4.5),
    SourceState(Source.DETAIL, False, 0.4, 61.0),
    SourceState(Source.STORAGE, None, None, None),
)


def full_usage(*containers: str) -> PodUsage:
    """A pod of which everything is known."""
    return PodUsage(
        cpu_usage_cores=0.25,
        cpu_usage_seconds_total=100.0,
        cpu_throttled_seconds_total=7.5,
        cpu_periods_total=1000.0,
        cpu_throttled_periods_total=75.0,
        memory_working_set_bytes=3e7,
        memory_usage_bytes=4e7,
        memory_rss_bytes=2e7,
        network_receive_bytes_total=5000.0,
        network_receive_bytes_per_second=50.0,
        network_transmit_bytes_total=6000.0,
        network_transmit_bytes_per_second=60.0,
        disk_read_bytes_total=70.0,
        disk_read_bytes_per_second=0.0,
        disk_written_bytes_total=8e6,
        disk_written_bytes_per_second=80.0,
        cpu_pressure_some_seconds_total=1.25,
        memory_pressure_some_seconds_total=0.5,
        io_pressure_some_seconds_total=0.125,
        ephemeral_storage_used_bytes=9e5,
        volumes=(VolumeUsage("data", "data-db-0", 1e9, 5e9), VolumeUsage("log", "log-db-0", 1e6, None)),
        containers={name: ContainerUsage(0.125, 1.5e7) for name in containers},
    )


@dataclass
class Readings:
    found: NodeSnapshot
    error: Exception | None = None

    def snapshot(self, deadline_seconds: float) -> NodeSnapshot:
        if self.error is not None:
            raise self.error
        return self.found


@dataclass
class Pods:
    found: Sequence[Pod] | None

    def items(self) -> Sequence[Pod] | None:
        return self.found

    def state(self) -> SourceState:
        heard = self.found is not None
        return SourceState(Source.NODE_PODS, heard, 0.02, 3.0 if heard else None)


def recorded_pods(recording: str, moment: int) -> list[Pod]:
    return [decode_pod(item) for item in Recording.named(recording, moment, moment).moments[0].items("pods")]
