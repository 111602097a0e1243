"""One recording as two pasts: scraped from our exporters, and from the kubelet's cAdvisor and kube-state-metrics.

Both are scraped at the same instants. A scrape that no longer has a series ends it in Prometheus at once; blocks cannot
hold the marker that does so, therefore these servers look back no further than a scrape.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flask.testing import FlaskClient

from exporter.cluster.nodes import decode_namespace, decode_node
from exporter.cluster.pods import decode_pod
from exporter.cluster.workloads import decode_daemonset, decode_deployment, decode_statefulset
from exporter.collectors import ClusterCollector, ErrorCounts
from exporter.collectors.exposition import text
from exporter.model import ClusterSnapshot, Source, SourceState
from local import tsdb
from local.rule_levels import levels
from promql.dialects import CLOUDMON, KUBE_PROMETHEUS
from promql.rules import rules_file
from tests.dialects.kube_state import kube_state_metrics
from tests.engines.differences import Found
from tests.harness import Prometheus
from tests.harness.recorded import Row, write_series
from tests.harness.store import application, binaries
from tests.replay import Endpoint, Moment, Recording
from tests.unit.exporter.kubelet.bodies import FakeClock
from tests.unit.exporter.kubelet.test_whole_recordings import RecordedKubelet
from tests.unit.exporter.whole.exporters import Exposition, NodeExporter

SCRAPE: Final = 15.0
# Readings of moments are up to 20 s old; the first scrapes are not looked at.
LOOKBACK: Final = ("--query.lookback-delta=16s", "--storage.tsdb.retention.time=10y")
DETAIL: Final = 60.0
_LINE: Final = re.compile(r"([a-z_0-9]+)\{(.*)\} (\S+)(?: \d+)?")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CLUSTER_SOURCES: Final = (Source.PODS, Source.NODES, Source.NAMESPACES, Source.DEPLOYMENTS)
Labels = tuple[tuple[str, str], ...]
Scrape = Iterable[tuple[str, Mapping[str, str], float]]


@dataclass(frozen=True)
class Both:
    """The application on either past, at its end, and the stores themselves."""

    now: float
    ours: FlaskClient
    theirs: FlaskClient
    stores: Mapping[str, Prometheus]
    compared: dict[str, list[Found]] = field(default_factory=dict)


@contextmanager
def both_pasts(recording: str, directory: Path, last: int | None = None) -> Iterator[Both]:
    """Until the moment ``last`` of the recording, the last of all by default."""
    played = Recording.named(recording, 0, last)
    first, now = math.ceil(played.moments[0].time_unix) + 5, played.moments[-1].time_unix + 1
    times = [first + SCRAPE * index for index in range(int((now - first) // SCRAPE) + 1)]
    ours, theirs = directory / CLOUDMON, directory / KUBE_PROMETHEUS
    write_series(ours, _rows(times, _exporters(played, recording)))
    _record(ours, rules_file(SCRAPE, DETAIL), times)
    write_series(theirs, _rows(times, _kube_prometheus(played)))
    with (
        Prometheus("scrape_configs: []\n", data_directory=ours, extra_flags=LOOKBACK) as one,
        Prometheus("scrape_configs: []\n", data_directory=theirs, extra_flags=LOOKBACK) as other,
        application(one.url, times[-1] + 1) as answering,
        application(other.url, times[-1] + 1, {"METRICS_DIALECT": KUBE_PROMETHEUS}) as translating,
    ):
        yield Both(times[-1] + 1, answering, translating, {CLOUDMON: one, KUBE_PROMETHEUS: other})


def _rows(times: Iterable[float], scrape: Callable[[float], Scrape]) -> list[Row]:
    series: defaultdict[tuple[str, Labels], list[tuple[float, float]]] = defaultdict(list)
    for time in times:
        for name, labels, value in scrape(time):
            series[name, tuple(labels.items())].append((time, value))
    return [(name, dict(labels), points) for (name, labels), points in series.items()]


def _record(directory: Path, rules: str, times: list[float]) -> None:
    """Evaluate the chain a second after every scrape."""
    milliseconds = (round((times[0] + 0.5) * 1000), round((times[-1] + 0.5) * 1000), round(SCRAPE * 1000))
    for level in levels(rules):
        rows: list[Row] = []
        with tsdb.temporary_prometheus(binaries(), directory, LOOKBACK[:1]) as prometheus:
            for rule in level:
                if rule.interval_milliseconds == milliseconds[2]:
                    for series in prometheus.range(rule.expr, *milliseconds):
                        labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
                        rows.append((rule.record, labels, [(time, float(value)) for time, value in series["values"]]))
        write_series(directory, rows)


def _at(moments: tuple[Moment, ...], time: float) -> Moment:
    return moments[bisect_right([moment.time_unix for moment in moments], time) - 1]


def _exporters(played: Recording, recording: str) -> Callable[[float], Scrape]:
    clock = FakeClock(played.moments[0].time_unix)
    kubelet = RecordedKubelet(recording, clock)
    node = NodeExporter(played.node_name, kubelet, clock, scrape=SCRAPE, detail=DETAIL)

    def scrape(time: float) -> Scrape:
        clock.now = time
        moment = _at(played.moments, time)
        node.show(moment.items("pods"))
        cluster = Exposition.parse(text(ClusterCollector(_Known(moment), ErrorCounts()).collect()))
        for exposition in (node.scrape(), cluster):
            for (name, labels), value in exposition.samples.items():
                yield f"cloudmon_{name}", dict(labels), value

    return scrape


class _Known:
    """What scope cluster knows at a moment, all of it fresh."""

    def __init__(self, moment: Moment) -> None:
        decoders = {
            "deployments": decode_deployment, "statefulsets": decode_statefulset, "daemonsets": decode_daemonset,
        }  # fmt: skip
        self._snapshot = ClusterSnapshot(
            pods=tuple(map(decode_pod, moment.items("pods"))),
            nodes=tuple(map(decode_node, moment.items("nodes"))),
            namespaces=tuple(map(decode_namespace, moment.items("namespaces"))),
            workloads=tuple(decode(item) for kind, decode in decoders.items() for item in moment.items(kind)),
            sources=tuple(SourceState(source, True, 0.03, 0.0) for source in _CLUSTER_SOURCES),
        )

    def snapshot(self) -> ClusterSnapshot:
        return self._snapshot


def _kube_prometheus(played: Recording) -> Callable[[float], Scrape]:
    """With the target labels that kube-prometheus-stack gives: `node` of the kubelet, its own of kube-state-metrics."""
    kubelet = {"job": "kubelet", "metrics_path": "/metrics/cadvisor", "node": played.node_name}

    def scrape(time: float) -> Scrape:
        moment = _at(played.moments, time)
        for line in (moment.body(Endpoint.CADVISOR) or b"").decode().splitlines():
            if match := _LINE.fullmatch(line):
                yield match[1], {**dict(_LABEL.findall(match[2])), **kubelet}, float(match[3])
        for name, labels, value in kube_state_metrics(moment):
            yield name, {**labels, "job": "kube-state-metrics", "instance": "10.0.0.9:8080"}, value

    return scrape
