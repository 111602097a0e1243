"""What one reading says, in one form whichever endpoint gave it: an entity's signals, each with its row's own time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from exporter.kubelet.endpoints import Signal
from exporter.model import Source


class Entity(NamedTuple):
    """What has signals. ``uid`` is the kubelet's, ``name`` a container's or a volume's; ``claim`` a volume's."""

    kind: Literal["node", "pod", "container", "volume"]
    uid: str = ""
    name: str = ""
    claim: str = ""


NODE = Entity("node")


@dataclass(frozen=True, slots=True)
class Level:
    """A value that stands by itself: bytes of memory or storage."""

    time: float
    value: float


@dataclass(frozen=True, slots=True)
class Counter:
    """What has been counted, as the sum of ``parts``: interfaces, devices, containers, or a single one.

    ``whole``: read where everything of the entity is counted (a pod's own cgroup), not added up from its containers.
    ``selection``: the rule by which parts were chosen; see ``interfaces.Selection``. ``stated_rate``: the rate that the
    kubelet itself gives, per second. ``parts`` is empty where it gives that alone.
    """

    time: float
    parts: Mapping[str, float]
    whole: bool = True
    selection: str = ""
    stated_rate: float | None = None


Row = Level | Counter
Rows = dict[Signal, Row]


class PodName(NamedTuple):
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One successful read. ``time`` is the node row's own time; ``started`` (monotonic) orders readings of a source."""

    source: Source
    started: float
    time: float
    pods: Mapping[str, PodName]
    rows: Mapping[Entity, Rows]


@dataclass(frozen=True, slots=True)
class InterfaceNames:
    """What the last full summary named: ``pods`` by uid. ``asked`` is whether there has been one."""

    asked: bool = False
    node: str | None = None
    pods: Mapping[str, str] = field(default_factory=dict)
