"""One recording as two pasts: scraped from our exporters, and from the kubelet's cAdvisor and kube-state-metrics.

Both are scraped at the same instants, and rules of each are evaluated after every scrape: of the second past those
that record our series from theirs. A scrape that no longer has a series ends it in Prometheus at once; blocks cannot
hold the marker that does so, therefore these servers look back to the scrape before, and not to it.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
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
from promql.catalogue import Catalogue
from promql.dialects import CLOUDMON, KUBE_PROMETHEUS, metric_rules, windows_of
from promql.dialects.data import DialectData
from promql.rules import rules_file
from promql.windows import Windows, duration
from tests.dialects.kube_state import kube_state_metrics
from tests.harness import Prometheus
from tests.harness.recorded import Row, write_series
from tests.harness.store import application, binaries
from tests.replay import Endpoint, Moment, Recording
from tests.unit.exporter.kubelet.bodies import FakeClock
from tests.unit.exporter.kubelet.test_whole_recordings import RecordedKubelet
from tests.unit.exporter.whole.exporters import Exposition, NodeExporter

SCRAPE: Final = 15.0
LOOKBACK: Final = (f"--query.lookback-delta={duration(SCRAPE - 0.001)}", "--storage.tsdb.retention.time=10y")
DETAIL: Final = 60.0
# As docs/dialects.md has the settings of a facade on rules that record our series from theirs.
RECORDED: Final = {"SCRAPE_INTERVAL": f"{SCRAPE:g}", "DETAIL_INTERVAL": f"{SCRAPE:g}"}
TRANSLATED: Final = {"METRICS_DIALECT": KUBE_PROMETHEUS, "SCRAPE_INTERVAL": f"{SCRAPE:g}"}
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CLUSTER_SOURCES: Final = (Source.PODS, Source.NODES, Source.NAMESPACES, Source.DEPLOYMENTS)
Labels = tuple[tuple[str, str], ...]
Scrape = Iterable[tuple[str, Mapping[str, str], float]]


@dataclass(frozen=True)
class Pasts:
    """The application on our past; on theirs, its questions translated; and on theirs, our series recorded from it.
    Each at the past's end. And the stores themselves.
    """

    now: float
    ours: FlaskClient
    translated: FlaskClient
    recorded: FlaskClient
    stores: Mapping[str, Prometheus]


@contextmanager
def both_pasts(recording: str, directory: Path) -> Iterator[Pasts]:
    played = Recording.named(recording)
    first, last = math.ceil(played.moments[0].time_unix) + 5, played.moments[-1].time_unix + 1
    times = [first + SCRAPE * index for index in range(int((last - first) // SCRAPE) + 1)]
    now = times[-1] + 1
    ours, theirs = directory / CLOUDMON, directory / KUBE_PROMETHEUS
    _store(ours, _exporters(played, recording), times, rules_file(SCRAPE, DETAIL))
    windows = windows_of(KUBE_PROMETHEUS, Windows(SCRAPE, DETAIL))
    made = metric_rules(KUBE_PROMETHEUS, Catalogue.load(), windows)
    _store(theirs, _kube_prometheus(played, windows), times, rules_file(SCRAPE, windows.detail_seconds, made))
    with (
        Prometheus("scrape_configs: []\n", data_directory=ours, extra_flags=LOOKBACK) as one,
        Prometheus("scrape_configs: []\n", data_directory=theirs, extra_flags=LOOKBACK) as other,
        application(one.url, now) as answering,
        application(other.url, now, TRANSLATED) as translating,
        application(other.url, now, RECORDED) as recorded,
    ):
        yield Pasts(now, answering, translating, recorded, {CLOUDMON: one, KUBE_PROMETHEUS: other})


def _store(directory: Path, scrape: Callable[[float], Scrape], times: list[float], rules: str) -> None:
    """What the scrapes give, and the chain of rules half a second after each."""
    write_series(directory, _rows(times, scrape))
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


def _rows(times: Iterable[float], scrape: Callable[[float], Scrape]) -> list[Row]:
    series: defaultdict[tuple[str, Labels], list[tuple[float, float]]] = defaultdict(list)
    for time in times:
        for name, labels, value in scrape(time):
            series[name, tuple(labels.items())].append((time, value))
    return [(name, dict(labels), points) for (name, labels), points in series.items()]


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


def _kube_prometheus(played: Recording, windows: Windows) -> Callable[[float], Scrape]:
    """With the target labels that kube-prometheus-stack gives: `node` of the kubelet, its own of kube-state-metrics.

    Metrics of cAdvisor that the dialect does not name, most of them, are left out: nothing could ask for them.
    """
    kubelet = {"job": "kubelet", "metrics_path": "/metrics/cadvisor", "node": played.node_name}
    data = DialectData.load(KUBE_PROMETHEUS, windows)
    read = set(re.findall(r"\w+", " ".join(made.text for made in data.metrics.values() if made)))

    @cache
    def labels_of(inside_braces: str) -> dict[str, str]:
        return {**dict(_LABEL.findall(inside_braces)), **kubelet}

    def scrape(time: float) -> Scrape:
        moment = _at(played.moments, time)
        for line in (moment.body(Endpoint.CADVISOR) or b"").decode().splitlines():
            name, _, rest = line.partition("{")
            if name in read:
                inside, _, sample = rest.rpartition("} ")
                yield name, labels_of(inside), float(sample.split()[0])
        for name, labels, value in kube_state_metrics(moment):
            yield name, {**labels, "job": "kube-state-metrics", "instance": "10.0.0.9:8080"}, value

    return scrape
