"""Scans ``/metrics/cadvisor`` for the few lines that are needed, of 16,600 on a full node.

The text is Prometheus' exposition format 0.0.4
(https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format); the families are those of cAdvisor in
kubelets 1.20 to 1.36. A line belongs to a pod by its cgroup (label ``id``), never by the labels ``pod`` and
``namespace``, which are missing where cAdvisor has lost the container runtime.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from exporter.errors import DecodeError
from exporter.kubelet.cgroups import ROOT, Cgroup, parse_cgroup
from exporter.kubelet.endpoints import Signal


class _Family(NamedTuple):
    signal: Signal
    part: bytes | None = None  # the label by which a cgroup has several lines


_FAMILIES: Final[Mapping[bytes, _Family]] = {
    b"container_cpu_usage_seconds_total": _Family(Signal.CPU),
    b"container_cpu_cfs_periods_total": _Family(Signal.CPU_PERIODS),
    b"container_cpu_cfs_throttled_periods_total": _Family(Signal.CPU_THROTTLED_PERIODS),
    b"container_cpu_cfs_throttled_seconds_total": _Family(Signal.CPU_THROTTLED),
    b"container_memory_working_set_bytes": _Family(Signal.MEMORY_WORKING_SET),
    b"container_memory_usage_bytes": _Family(Signal.MEMORY_USAGE),
    b"container_memory_rss": _Family(Signal.MEMORY_RSS),
    b"container_network_receive_bytes_total": _Family(Signal.NETWORK_RECEIVE, b"interface"),
    b"container_network_transmit_bytes_total": _Family(Signal.NETWORK_TRANSMIT, b"interface"),
    b"container_fs_reads_bytes_total": _Family(Signal.DISK_READ, b"device"),
    b"container_fs_writes_bytes_total": _Family(Signal.DISK_WRITTEN, b"device"),
    # `waiting` is PSI's "some".
    b"container_pressure_cpu_waiting_seconds_total": _Family(Signal.CPU_PRESSURE),
    b"container_pressure_memory_waiting_seconds_total": _Family(Signal.MEMORY_PRESSURE),
    b"container_pressure_io_waiting_seconds_total": _Family(Signal.IO_PRESSURE),
}
_NETWORK: Final = frozenset({Signal.NETWORK_RECEIVE, Signal.NETWORK_TRANSMIT})
_DISK: Final = frozenset({Signal.DISK_READ, Signal.DISK_WRITTEN})

_BEGINNINGS: Final = (b"#", b"container_", b"machine_", b"cadvisor_")

# A value may hold any character; a quote, a backslash and a line feed are escaped by a backslash.
_LABEL: Final = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"[, ]*')
# What stands before a label's value, in the way that cAdvisor writes it.
_NAME: Final = re.compile(rb"(,?)([a-zA-Z_][a-zA-Z0-9_]*)=")
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n"}

# Devices that only pass on to others what is read from them: counted with those, every byte would count twice.
_STACKED: Final = re.compile(r"/dev/(?:dm-|mapper/|md|loop|zram|ram)")


@dataclass(slots=True)
class Figure:
    """One signal of one cgroup tree. ``parts`` by interface, device or container; ``time`` is the newest line's."""

    time: float
    parts: dict[str, float] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class CgroupFigures:
    """What the lines say of one pod, or of the root. ``time`` is the newest line's. ``network`` is by interface."""

    namespace: str
    name: str
    time: float
    figures: Mapping[Signal, Figure]


@dataclass(frozen=True, slots=True)
class Detail:
    """``pods`` is keyed by the kubelet's uid. ``root`` is None where no line speaks of the root cgroup.

    ``disk_per_pod``: whether cgroups of pods have disk lines on this node; only then does a pod without one have read
    nothing. ``rejected`` counts the lines that could not be understood.
    """

    root: CgroupFigures | None
    pods: Mapping[str, CgroupFigures]
    disk_per_pod: bool
    rejected: int


class _Point(NamedTuple):
    value: float
    time: float


def scan_cadvisor(chunks: Iterable[bytes], read_at: float) -> Detail:
    """Scans the text as it comes, in chunks of any size: a full node's is 5 MB, of which next to nothing is kept.

    Lines without a timestamp are taken to be of ``read_at`` (Unix seconds). Raises :class:`DecodeError` if the text is
    not in the exposition format at all; a line that cannot be understood costs itself alone.
    """
    scan = _Scan(read_at)
    families = _FAMILIES
    for lines in _whole_lines(chunks):
        for line in lines:
            brace = line.find(b"{")
            family = families.get(line[:brace])
            if family is not None:
                scan.line(family, line, brace + 1)
    return scan.detail()


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    first, rest = True, b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if first and lines:
            first = False
            _check_beginning(lines[0])
        yield lines
    if first:
        _check_beginning(rest)
    yield [rest]


def _check_beginning(line: bytes) -> None:
    if not line.startswith(_BEGINNINGS):
        raise DecodeError("not cAdvisor's metrics: the text does not start with a metric")


class _Scan:
    """Collects the lines by cgroup, then picks, for every pod and signal, the level that counts each byte once."""

    def __init__(self, read_at: float) -> None:
        self._read_at = read_at
        self._cgroups: dict[bytes, Cgroup | None] = {}
        self._shapes: dict[tuple[bytes, ...], Mapping[bytes, int] | None] = {}
        # (uid, signal) -> cgroup below the pod ("" is the pod's own) -> part -> point
        self._points: dict[tuple[str, Signal], dict[str, dict[str, _Point]]] = {}
        self._names: dict[str, tuple[str, str]] = {}
        self._rejected = 0
        self._disk_per_pod = False

    def line(self, family: _Family, line: bytes, start: int) -> None:
        """Takes a line in whose labels begin at ``start``."""
        pieces = line[start:].split(b'"')
        whole = len(pieces) % 2 == 1 and pieces[-1].startswith(b"}") and b"\\" not in line
        shape = self._shape(tuple(pieces[:-1:2])) if whole else None
        if shape is None:
            self._odd_line(family, line, start)
            return
        point = self._point(pieces[-1])
        if point is None:
            self._rejected += 1
            return
        pieces.append(b"")  # where a label is looked for that there is not
        part = pieces[shape.get(family.part, -1)] if family.part else b""
        cpu = pieces[shape[b"cpu"]] if b"cpu" in shape else b"total"
        namespace, pod = pieces[shape.get(b"namespace", -1)], pieces[shape.get(b"pod", -1)]
        self._take(family, pieces[shape.get(b"id", -1)], part, cpu, namespace, pod, point)

    def _shape(self, between: tuple[bytes, ...]) -> Mapping[bytes, int] | None:
        """Where each label's value stands among the pieces of a line cut at its quotes; None if it is no usual line.

        ``between`` are the pieces between the values. There are few shapes, the same in every line of a family.
        """
        if between not in self._shapes:
            names = [_NAME.fullmatch(piece) for piece in between]
            usual = all(name is not None and bool(name[1]) == bool(place) for place, name in enumerate(names))
            self._shapes[between] = {name[2]: 2 * at + 1 for at, name in enumerate(names) if name} if usual else None
        return self._shapes[between]

    def _odd_line(self, family: _Family, line: bytes, start: int) -> None:
        """A line with escapes, or with room where others have none."""
        labels: dict[bytes, bytes] = {}
        end = start
        for match in _LABEL.finditer(line, start):
            if match.start() != end:
                break
            labels[match[1]] = match[2]
            end = match.end()
        point = self._point(line[end:])
        if point is None:
            self._rejected += 1
            return
        part = labels.get(family.part, b"") if family.part else b""
        cpu, namespace, pod = labels.get(b"cpu", b"total"), labels.get(b"namespace", b""), labels.get(b"pod", b"")
        self._take(family, labels.get(b"id", b""), part, cpu, namespace, pod, point)

    def _take(
        self, family: _Family, id_: bytes, part: bytes, cpu: bytes, namespace: bytes, pod: bytes, point: _Point
    ) -> None:
        cgroup = self._cgroup(id_)
        if cgroup is None:
            return
        if cgroup.kubepods and family.signal in _DISK:
            self._disk_per_pod = True
        uid = cgroup.uid
        if uid is None or cpu != b"total":
            return
        below = self._points.setdefault((uid, family.signal), {}).setdefault(cgroup.below, {})
        below[_text(part) if part else ""] = point
        if pod and uid not in self._names:
            self._names[uid] = _text(namespace), _text(pod)

    def _point(self, tail: bytes) -> _Point | None:
        """The rest of a line: ``} value [milliseconds]``."""
        fields = tail.split()
        if not 2 <= len(fields) <= 3 or fields[0] != b"}":
            return None
        try:
            value = float(fields[1])
            time = int(fields[2]) / 1000 if len(fields) == 3 else self._read_at
        except (ValueError, OverflowError):
            return None
        return _Point(value, time) if math.isfinite(value) and value >= 0 else None

    def _cgroup(self, raw: bytes) -> Cgroup | None:
        if raw not in self._cgroups:
            self._cgroups[raw] = parse_cgroup(_text(raw))
        return self._cgroups[raw]

    def detail(self) -> Detail:
        physical = not all(
            _STACKED.match(device)
            for (_, signal), cgroups in self._points.items()
            if signal in _DISK
            for parts in cgroups.values()
            for device in parts
        )
        figures: dict[str, dict[Signal, Figure]] = defaultdict(dict)
        for (uid, signal), cgroups in self._points.items():
            figure = _network(cgroups) if signal in _NETWORK else _usage(cgroups, physical and signal in _DISK)
            if figure is not None:
                figures[uid][signal] = figure
        pods = {uid: self._figures(uid, of_pod) for uid, of_pod in figures.items()}
        return Detail(pods.pop(ROOT, None), pods, self._disk_per_pod, self._rejected)

    def _figures(self, uid: str, figures: Mapping[Signal, Figure]) -> CgroupFigures:
        namespace, name = self._names.get(uid, ("", ""))
        return CgroupFigures(namespace, name, max(figure.time for figure in figures.values()), figures)


def _usage(cgroups: Mapping[str, Mapping[str, _Point]], physical: bool) -> Figure | None:
    """The pod's own cgroup where it has a line, since it also holds what ended containers used; else its containers."""
    whole = "" in cgroups
    points = {
        f"{below} {part}".strip(): point
        for below, parts in cgroups.items()
        if below == "" or not whole
        for part, point in parts.items()
        if not (physical and _STACKED.match(part))
    }
    return _figure(points, whole)


def _network(cgroups: Mapping[str, Mapping[str, _Point]]) -> Figure | None:
    """A pod's containers share the sandbox's interfaces: the lines of one cgroup are all of it. Of two sandboxes, the
    newest line is the running one's.
    """
    return _figure(max(cgroups.values(), key=lambda parts: max(point.time for point in parts.values())), whole=True)


def _figure(points: Mapping[str, _Point], whole: bool) -> Figure | None:
    if not points:
        return None
    newest = max(point.time for point in points.values())
    return Figure(newest, {part: point.value for part, point in points.items()}, whole)


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text) if "\\" in text else text
