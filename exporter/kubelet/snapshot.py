"""From what the store may serve to the exporter's records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from exporter.kubelet.endpoints import Signal
from exporter.kubelet.rows import NODE, Entity, PodName
from exporter.kubelet.series import CounterSeries, LevelSeries
from exporter.kubelet.store import Store
from exporter.model import ContainerUsage, NodeUsage, PodUsage, VolumeUsage


class _View:
    """The current values of one entity; None for what it has not."""

    def __init__(self, store: Store, entity: Entity, now: float) -> None:
        tracks = store.tracks.get(entity, {})
        current = {signal: track for signal, track in tracks.items() if store.current(track, now)}
        self._series = {signal: track.series for signal, track in current.items()}
        self._counting = {signal for signal, track in current.items() if store.counts(track)}

    def __bool__(self) -> bool:
        return bool(self._series)

    def total(self, signal: Signal) -> float | None:
        series = self._series.get(signal)
        return series.total if isinstance(series, CounterSeries) and signal in self._counting else None

    def rate(self, signal: Signal) -> float | None:
        series = self._series.get(signal)
        return series.rate if isinstance(series, CounterSeries) else None

    def level(self, signal: Signal) -> float | None:
        series = self._series.get(signal)
        return series.value if isinstance(series, LevelSeries) else None

    def counted(self, signal: Signal) -> tuple[str, ...]:
        series = self._series.get(signal)
        return tuple(sorted(series.counted)) if isinstance(series, CounterSeries) else ()


def node_usage(store: Store, now: float) -> NodeUsage:
    view = _View(store, NODE, now)
    total, rate, level = view.total, view.rate, view.level
    return NodeUsage(
        cpu_usage_cores=rate(Signal.CPU),
        cpu_usage_seconds_total=total(Signal.CPU),
        memory_working_set_bytes=level(Signal.MEMORY_WORKING_SET),
        memory_usage_bytes=level(Signal.MEMORY_USAGE),
        memory_rss_bytes=level(Signal.MEMORY_RSS),
        memory_available_bytes=level(Signal.MEMORY_AVAILABLE),
        network_receive_bytes_total=total(Signal.NETWORK_RECEIVE),
        network_receive_bytes_per_second=rate(Signal.NETWORK_RECEIVE),
        network_transmit_bytes_total=total(Signal.NETWORK_TRANSMIT),
        network_transmit_bytes_per_second=rate(Signal.NETWORK_TRANSMIT),
        network_interfaces=view.counted(Signal.NETWORK_RECEIVE),
        disk_read_bytes_total=total(Signal.DISK_READ),
        disk_read_bytes_per_second=rate(Signal.DISK_READ),
        disk_written_bytes_total=total(Signal.DISK_WRITTEN),
        disk_written_bytes_per_second=rate(Signal.DISK_WRITTEN),
        cpu_pressure_some_seconds_total=total(Signal.CPU_PRESSURE),
        memory_pressure_some_seconds_total=total(Signal.MEMORY_PRESSURE),
        io_pressure_some_seconds_total=total(Signal.IO_PRESSURE),
        filesystem_used_bytes=level(Signal.STORAGE_USED),
        filesystem_capacity_bytes=level(Signal.STORAGE_CAPACITY),
    )


def pods_usage(store: Store, now: float) -> dict[str, PodUsage]:
    """By uid: every pod of which something is current."""
    within: dict[str, list[Entity]] = defaultdict(list)
    pods: list[Entity] = []
    for entity in store.tracks:
        if entity.kind == "pod":
            pods.append(entity)
        elif entity.kind != "node":
            within[entity.uid].append(entity)
    names = store.pod_names()

    def look(entity: Entity) -> _View:
        return _View(store, entity, now)

    views = ((entity.uid, look(entity)) for entity in pods)
    return {uid: _pod(view, names.get(uid, PodName("", "")), within[uid], look) for uid, view in views if view}


def _pod(view: _View, name: PodName, within: list[Entity], look: Callable[[Entity], _View]) -> PodUsage:
    total, rate, level = view.total, view.rate, view.level
    inner = [(entity, inner_view) for entity in within if (inner_view := look(entity))]
    return PodUsage(
        namespace=name.namespace,
        name=name.name,
        cpu_usage_cores=rate(Signal.CPU),
        cpu_usage_seconds_total=total(Signal.CPU),
        cpu_throttled_seconds_total=total(Signal.CPU_THROTTLED),
        cpu_periods_total=total(Signal.CPU_PERIODS),
        cpu_throttled_periods_total=total(Signal.CPU_THROTTLED_PERIODS),
        memory_working_set_bytes=level(Signal.MEMORY_WORKING_SET),
        memory_usage_bytes=level(Signal.MEMORY_USAGE),
        memory_rss_bytes=level(Signal.MEMORY_RSS),
        network_receive_bytes_total=total(Signal.NETWORK_RECEIVE),
        network_receive_bytes_per_second=rate(Signal.NETWORK_RECEIVE),
        network_transmit_bytes_total=total(Signal.NETWORK_TRANSMIT),
        network_transmit_bytes_per_second=rate(Signal.NETWORK_TRANSMIT),
        disk_read_bytes_total=total(Signal.DISK_READ),
        disk_read_bytes_per_second=rate(Signal.DISK_READ),
        disk_written_bytes_total=total(Signal.DISK_WRITTEN),
        disk_written_bytes_per_second=rate(Signal.DISK_WRITTEN),
        cpu_pressure_some_seconds_total=total(Signal.CPU_PRESSURE),
        memory_pressure_some_seconds_total=total(Signal.MEMORY_PRESSURE),
        io_pressure_some_seconds_total=total(Signal.IO_PRESSURE),
        ephemeral_storage_used_bytes=level(Signal.STORAGE_USED),
        volumes=tuple(
            _volume(entity, seen) for entity, seen in sorted(inner, key=lambda pair: pair[0]) if entity.kind == "volume"
        ),
        containers={entity.name: _container(seen) for entity, seen in inner if entity.kind == "container"},
    )


def _volume(entity: Entity, view: _View) -> VolumeUsage:
    used, capacity = view.level(Signal.STORAGE_USED), view.level(Signal.STORAGE_CAPACITY)
    return VolumeUsage(entity.name, entity.claim, used, capacity)


def _container(view: _View) -> ContainerUsage:
    return ContainerUsage(view.rate(Signal.CPU), view.level(Signal.MEMORY_WORKING_SET))
