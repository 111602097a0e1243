"""Decoded answers to readings: picks, for every entity, what counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.kubelet import interfaces
from exporter.kubelet.cadvisor import CgroupFigures, Detail, Figure
from exporter.kubelet.endpoints import Signal
from exporter.kubelet.rows import NODE, Counter, Entity, InterfaceNames, Level, PodName, Reading, Row, Rows
from exporter.kubelet.summary import CpuRow, IoRow, MemoryRow, NetworkRow, NodeRow, PodRow, StorageRow, Summary
from exporter.model import Source

_LEVELS = frozenset({Signal.MEMORY_WORKING_SET, Signal.MEMORY_USAGE, Signal.MEMORY_RSS})
_NETWORK = frozenset({Signal.NETWORK_RECEIVE, Signal.NETWORK_TRANSMIT})
_DISK = (Signal.DISK_READ, Signal.DISK_WRITTEN)
_NO_DEVICE = "none"


@dataclass(frozen=True, slots=True)
class ReadAt:
    """When a read began: ``wall`` in Unix seconds, ``monotonic`` for ordering."""

    wall: float
    monotonic: float


def interface_names(summary: Summary) -> InterfaceNames:
    """What a full summary names."""
    pods = {uid: pod.network.name for uid, pod in summary.pods.items() if pod.network and pod.network.name}
    return InterfaceNames(True, summary.node.network.name if summary.node.network else None, pods)


def resource_reading(summary: Summary, at: ReadAt) -> Reading:
    """CPU and memory of a summary, full or cheap."""
    rows: dict[Entity, Rows] = {NODE: _cpu(summary.node.cpu) | _memory(summary.node.memory)}
    for uid, pod in summary.pods.items():
        rows[Entity("pod", uid)] = _cpu(pod.cpu) | _memory(pod.memory)
        for name, container in pod.containers.items():
            rows[Entity("container", uid, name)] = _cpu(container.cpu) | _memory(container.memory)
    node_row = summary.node.cpu or summary.node.memory
    return _reading(Source.RESOURCE, at, node_row.time if node_row else None, summary.pods, rows)


def storage_reading(summary: Summary, at: ReadAt, admitted: re.Pattern[str]) -> Reading:
    """What only the full summary has: filesystems and volumes; network and I/O pressure for those cadvisor lacks."""
    names = interface_names(summary)
    node = summary.node
    rows: dict[Entity, Rows] = {NODE: _storage(node.filesystem) | _io(node.io) | _node_network(node, names, admitted)}
    for uid, pod in summary.pods.items():
        rows[Entity("pod", uid)] = _storage(pod.ephemeral_storage) | _io(pod.io) | _pod_network(pod)
        for (volume, claim), row in pod.volumes.items():
            rows[Entity("volume", uid, volume, claim)] = _storage(row)
    return _reading(Source.STORAGE, at, node.filesystem.time if node.filesystem else None, summary.pods, rows)


def detail_reading(detail: Detail, at: ReadAt, names: InterfaceNames, admitted: re.Pattern[str]) -> Reading:
    """What ``/metrics/cadvisor`` says of the node's root cgroup and of the pods."""
    rows: dict[Entity, Rows] = {}
    if detail.root is not None:
        present = _interfaces(detail.root)
        rows[NODE] = _figures(detail.root, interfaces.of_node(present, names.node, names.asked, admitted))
    for uid, pod in detail.pods.items():
        signals = _figures(pod, interfaces.of_pod(_interfaces(pod), names.pods.get(uid)))
        if detail.disk_per_pod:
            # cgroup v2 has a line for what was read and written, and none where nothing was.
            nothing: Rows = {signal: Counter(pod.time, {_NO_DEVICE: 0.0}) for signal in _DISK}
            signals = nothing | signals
        rows[Entity("pod", uid)] = signals
    return _reading(Source.DETAIL, at, detail.root.time if detail.root else None, detail.pods, rows)


def _reading(
    source: Source,
    at: ReadAt,
    node_time: float | None,
    pods: Mapping[str, PodRow] | Mapping[str, CgroupFigures],
    rows: Mapping[Entity, Rows],
) -> Reading:
    names = {uid: PodName(pod.namespace, pod.name) for uid, pod in pods.items()}
    return Reading(source, at.monotonic, at.wall if node_time is None else node_time, names, rows)


def _cpu(row: CpuRow | None) -> Rows:
    rows: Rows = {}
    if row is None:
        return rows
    parts = {} if row.usage_seconds_total is None else {"": row.usage_seconds_total}
    if parts or row.usage_cores is not None:
        rows[Signal.CPU] = Counter(row.time, parts, stated_rate=row.usage_cores)
    return rows | _pressure(Signal.CPU_PRESSURE, row.time, row.pressure_some_seconds_total)


def _memory(row: MemoryRow | None) -> Rows:
    if row is None:
        return {}
    values = {
        Signal.MEMORY_WORKING_SET: row.working_set_bytes,
        Signal.MEMORY_USAGE: row.usage_bytes,
        Signal.MEMORY_RSS: row.rss_bytes,
        Signal.MEMORY_AVAILABLE: row.available_bytes,
    }
    return _levels(row.time, values) | _pressure(Signal.MEMORY_PRESSURE, row.time, row.pressure_some_seconds_total)


def _io(row: IoRow | None) -> Rows:
    return {} if row is None else _pressure(Signal.IO_PRESSURE, row.time, row.pressure_some_seconds_total)


def _storage(row: StorageRow | None) -> Rows:
    if row is None:
        return {}
    return _levels(row.time, {Signal.STORAGE_USED: row.used_bytes, Signal.STORAGE_CAPACITY: row.capacity_bytes})


def _levels(time: float, values: Mapping[Signal, float | None]) -> Rows:
    return {signal: Level(time, value) for signal, value in values.items() if value is not None}


def _pressure(signal: Signal, time: float, seconds: float | None) -> Rows:
    return {} if seconds is None else {signal: Counter(time, {"": seconds})}


def _node_network(node: NodeRow, names: InterfaceNames, admitted: re.Pattern[str]) -> Rows:
    if node.network is None:
        return {}
    present = node.network.interfaces
    return _traffic(node.network, interfaces.of_node(present, names.node, names.asked, admitted))


def _pod_network(pod: PodRow) -> Rows:
    if pod.network is None:
        return {}
    return _traffic(pod.network, interfaces.of_pod(pod.network.interfaces, pod.network.name))


def _traffic(network: NetworkRow, chosen: interfaces.Selection) -> Rows:
    counted = {name: traffic for name, traffic in network.interfaces.items() if name in chosen.names}
    if not counted:
        return {}
    received = {name: traffic.receive_bytes_total for name, traffic in counted.items()}
    sent = {name: traffic.transmit_bytes_total for name, traffic in counted.items()}
    return {
        Signal.NETWORK_RECEIVE: Counter(network.time, received, selection=chosen.rule),
        Signal.NETWORK_TRANSMIT: Counter(network.time, sent, selection=chosen.rule),
    }


def _interfaces(cgroup: CgroupFigures) -> set[str]:
    return {name for signal in _NETWORK & cgroup.figures.keys() for name in cgroup.figures[signal].parts}


def _figures(cgroup: CgroupFigures, chosen: interfaces.Selection) -> Rows:
    rows: Rows = {}
    for signal, figure in cgroup.figures.items():
        row = _figure(signal, figure, chosen)
        if row is not None:
            rows[signal] = row
    return rows


def _figure(signal: Signal, figure: Figure, chosen: interfaces.Selection) -> Row | None:
    if signal in _LEVELS:
        return Level(figure.time, sum(figure.parts.values()))
    if signal not in _NETWORK:
        return Counter(figure.time, figure.parts, figure.whole)
    parts = {name: value for name, value in figure.parts.items() if name in chosen.names}
    return Counter(figure.time, parts, selection=chosen.rule) if parts else None
