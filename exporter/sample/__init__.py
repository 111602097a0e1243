"""The sample fleet: a small cluster that does not exist, for trying everything without Kubernetes.

Its values are a pure function of a seed and the time, published by the same collectors as a real node's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from exporter.collectors import ClusterCollector, ErrorCounts, NodeCollector
from exporter.collectors.exposition import families, text
from exporter.collectors.node import DEFAULT_DEADLINE_SECONDS
from exporter.collectors.rows import Labels, Row
from exporter.sample.fleet import NODES, SEED, Behaviour, behaviours
from exporter.sample.readings import SampleCluster, SampleNode

__all__ = ["NODES", "SEED", "SampleCluster", "SampleNode", "exposition", "node_readings", "samples"]


def node_readings(node: str, clock: Callable[[], float], seed: int = SEED) -> SampleNode:
    """One node of the fleet: its readings and its pods. KeyError for a node that the fleet does not have."""
    if node not in NODES:
        raise KeyError(node)
    return SampleNode(node, clock, _behaviours(seed))


def samples(scope: str, node: str, now: float, seed: int = SEED) -> Iterator[tuple[str, Labels, float]]:
    """(name, sorted labels, value) of every series that ``/metrics`` of the scope gives at ``now`` (Unix seconds).

    The series of the process itself (``process_*``, ``python_*``) are not among them. ``node`` counts in scope node.
    """
    for metric, pairs, value in _rows(scope, node, now, seed):
        yield metric.name, pairs, value


def exposition(scope: str, node: str, now: float, seed: int = SEED) -> bytes:
    """The same as text exposition, version 0.0.4."""
    return text(families(_rows(scope, node, now, seed)))


@cache
def _behaviours(seed: int) -> Mapping[str, Behaviour]:
    return behaviours(seed)


def _rows(scope: str, node: str, now: float, seed: int) -> Iterator[Row]:
    def clock() -> float:
        return now

    if scope == "cluster":
        return ClusterCollector(SampleCluster(clock), ErrorCounts()).rows()
    fleet_node = node_readings(node, clock, seed)
    return NodeCollector(node, fleet_node, fleet_node, ErrorCounts()).rows(DEFAULT_DEADLINE_SECONDS)
