"""Decodes ``/stats/summary``, in its full and its cheap form: bytes in, frozen records out.

The format is ``Summary`` of https://pkg.go.dev/k8s.io/kubelet/pkg/apis/stats/v1alpha1 as kubelets 1.20 to 1.36 send
it. Nearly every field is optional and every block (cpu, memory, network …) has a ``time`` of its own: the kubelet keeps
each pod's blocks for 10 to 30 s. A block that is not there, or has no time, decodes to None; so does a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from exporter.documents import split_document
from exporter.errors import DecodeError
from exporter.kubelet.timestamps import unix_seconds

_NANOS: Final = 1e9
_Row = TypeVar("_Row")
_MICROS: Final = 1e6  # a pressure stall `total` is in microseconds, as the kernel's is


@dataclass(frozen=True, slots=True)
class CpuRow:
    time: float
    usage_cores: float | None
    usage_seconds_total: float | None
    pressure_some_seconds_total: float | None


@dataclass(frozen=True, slots=True)
class MemoryRow:
    time: float
    working_set_bytes: float | None
    usage_bytes: float | None
    rss_bytes: float | None
    available_bytes: float | None
    pressure_some_seconds_total: float | None


@dataclass(frozen=True, slots=True)
class IoRow:
    time: float
    pressure_some_seconds_total: float | None


@dataclass(frozen=True, slots=True)
class Traffic:
    receive_bytes_total: float
    transmit_bytes_total: float


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """``name`` is the interface that the kubelet takes for the default one; None where it found none."""

    time: float
    name: str | None
    interfaces: Mapping[str, Traffic]


@dataclass(frozen=True, slots=True)
class StorageRow:
    time: float
    used_bytes: float | None
    capacity_bytes: float | None


@dataclass(frozen=True, slots=True)
class ContainerRow:
    start_time: float | None
    cpu: CpuRow | None
    memory: MemoryRow | None


@dataclass(frozen=True, slots=True)
class NodeRow:
    cpu: CpuRow | None = None
    memory: MemoryRow | None = None
    io: IoRow | None = None
    network: NetworkRow | None = None
    filesystem: StorageRow | None = None


@dataclass(frozen=True, slots=True)
class PodRow:
    """``volumes`` is keyed by (volume, claim) and has those of a persistentVolumeClaim only."""

    namespace: str
    name: str
    start_time: float | None
    cpu: CpuRow | None
    memory: MemoryRow | None
    io: IoRow | None
    network: NetworkRow | None
    ephemeral_storage: StorageRow | None
    volumes: Mapping[tuple[str, str], StorageRow]
    containers: Mapping[str, ContainerRow]


@dataclass(frozen=True, slots=True)
class Summary:
    """``pods`` is keyed by the kubelet's uid. ``rejected`` has a sentence for every entry that was left out."""

    node: NodeRow
    pods: Mapping[str, PodRow]
    rejected: tuple[str, ...]


class _Malformed(Exception):
    """An entry that is not what the format says; the message says where."""


def decode_summary(body: bytes) -> Summary:
    """Raises :class:`DecodeError` if ``body`` as a whole is no summary. A bad entry costs itself alone."""
    rejected: list[str] = []
    try:
        document, entries = split_document(body, "pods", after="node")
        node, pods = document["node"], document["pods"]
        if not isinstance(node, dict) or not isinstance(pods, list | None):
            raise DecodeError("not a kubelet's summary: `node` must be an object and `pods` a list")
        return Summary(_node(node, rejected), _pods(entries or pods or [], rejected), tuple(rejected))
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DecodeError(f"not a kubelet's summary: {type(error).__name__}: {error}") from error


def _pods(entries: Iterable[object], rejected: list[str]) -> dict[str, PodRow]:
    pods: dict[str, PodRow] = {}
    for position, entry in enumerate(entries):
        try:
            uid, row = _pod(entry)
        except _Malformed as error:
            rejected.append(f"pods[{position}]: {error}")
            continue
        known = pods.get(uid)
        if known is None or _newer(row.start_time, known.start_time):
            pods[uid] = row
    return pods


def _node(node: dict[str, object], rejected: list[str]) -> NodeRow:
    """Of the node, unlike a pod, there is no second: here a bad block costs that block alone."""

    def block(key: str, decode: Callable[[dict[str, object]], _Row | None]) -> _Row | None:
        try:
            return _block(node, key, decode)
        except _Malformed as error:
            rejected.append(f"node: {error}")
            return None

    return NodeRow(
        cpu=block("cpu", _cpu),
        memory=block("memory", _memory),
        io=block("io", _io),
        network=block("network", _network),
        filesystem=block("fs", _storage),
    )


def _pod(entry: object) -> tuple[str, PodRow]:
    pod = _object(entry, "entry")
    ref = _object(pod.get("podRef"), "podRef")
    uid = _text(ref, "uid")
    if not uid:
        raise _Malformed("podRef.uid is empty")
    return uid, PodRow(
        namespace=_text(ref, "namespace"),
        name=_text(ref, "name"),
        start_time=_time(pod.get("startTime")),
        cpu=_block(pod, "cpu", _cpu),
        memory=_block(pod, "memory", _memory),
        io=_block(pod, "io", _io),
        network=_block(pod, "network", _network),
        ephemeral_storage=_block(pod, "ephemeral-storage", _storage),
        volumes=dict(_volumes(pod)),
        containers=_containers(pod),
    )


def _containers(pod: dict[str, object]) -> dict[str, ContainerRow]:
    """A container that restarted may be listed twice for minutes: the one that started last is the one that runs."""
    containers: dict[str, ContainerRow] = {}
    for container in _objects(pod, "containers"):
        name = _text(container, "name")
        row = ContainerRow(
            start_time=_time(container.get("startTime")),
            cpu=_block(container, "cpu", _cpu),
            memory=_block(container, "memory", _memory),
        )
        known = containers.get(name)
        if known is None or _newer(row.start_time, known.start_time):
            containers[name] = row
    return containers


def _volumes(pod: dict[str, object]) -> Iterable[tuple[tuple[str, str], StorageRow]]:
    for volume in _objects(pod, "volume"):
        claim = volume.get("pvcRef")
        if claim is None:
            continue
        row = _storage(volume)
        if row is not None:
            yield (_text(volume, "name"), _text(_object(claim, "pvcRef"), "name")), row


def _cpu(block: dict[str, object]) -> CpuRow | None:
    time = _time(block.get("time"))
    if time is None:
        return None
    return CpuRow(
        time=time,
        usage_cores=_number(block, "usageNanoCores", _NANOS),
        usage_seconds_total=_number(block, "usageCoreNanoSeconds", _NANOS),
        pressure_some_seconds_total=_pressure(block),
    )


def _memory(block: dict[str, object]) -> MemoryRow | None:
    time = _time(block.get("time"))
    if time is None:
        return None
    return MemoryRow(
        time=time,
        working_set_bytes=_number(block, "workingSetBytes"),
        usage_bytes=_number(block, "usageBytes"),
        rss_bytes=_number(block, "rssBytes"),
        available_bytes=_number(block, "availableBytes"),
        pressure_some_seconds_total=_pressure(block),
    )


def _io(block: dict[str, object]) -> IoRow | None:
    time = _time(block.get("time"))
    return None if time is None else IoRow(time, _pressure(block))


def _storage(block: dict[str, object]) -> StorageRow | None:
    time = _time(block.get("time"))
    if time is None:
        return None
    return StorageRow(time, _number(block, "usedBytes"), _number(block, "capacityBytes"))


def _network(block: dict[str, object]) -> NetworkRow | None:
    time = _time(block.get("time"))
    if time is None:
        return None
    name = _text(block, "name") if block.get("name") else None
    interfaces: dict[str, Traffic] = {}
    # Where the kubelet names an interface, its figures stand in the block itself as well.
    for interface in (block, *_objects(block, "interfaces")):
        received, sent = _number(interface, "rxBytes"), _number(interface, "txBytes")
        if interface.get("name") and received is not None and sent is not None:
            interfaces[_text(interface, "name")] = Traffic(received, sent)
    return NetworkRow(time, name, interfaces)


def _pressure(block: dict[str, object]) -> float | None:
    psi = block.get("psi")
    if psi is None:
        return None
    some = _object(psi, "psi").get("some")
    return None if some is None else _number(_object(some, "psi.some"), "total", _MICROS)


def _block(parent: dict[str, object], key: str, decode: Callable[[dict[str, object]], _Row | None]) -> _Row | None:
    value = parent.get(key)
    if value is None:
        return None
    try:
        return decode(_object(value, "block"))
    except _Malformed as error:
        raise _Malformed(f"{key}: {error}") from error


def _objects(parent: dict[str, object], key: str) -> list[dict[str, object]]:
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _Malformed(f"{key} is not a list")
    return [_object(item, key) for item in value]


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _Malformed(f"{what} is not an object")
    return value


def _text(parent: dict[str, object], key: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str):
        raise _Malformed(f"{key} is not a string")
    return value


def _number(parent: dict[str, object], key: str, divisor: float = 1.0) -> float | None:
    """A measured value: finite and not negative, which all of them are."""
    value = parent.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Malformed(f"{key} is not a number")
    try:
        number = value / divisor
    except OverflowError as error:
        raise _Malformed(f"{key} is out of range") from error
    if not math.isfinite(number) or number < 0:
        raise _Malformed(f"{key} is {value!r}")
    return number


def _time(value: object) -> float | None:
    """Unix seconds. Go writes a time that was never set as year 1, and some rows bear the epoch: neither is one."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _Malformed("a time is not a string")
    try:
        seconds = unix_seconds(value)
    except ValueError as error:
        raise _Malformed(f"{value[:40]!r} is not an RFC 3339 time") from error
    return seconds if seconds > 0 else None


def _newer(start: float | None, known: float | None) -> bool:
    return start is not None and (known is None or start > known)
