"""Whole exporters without processes: a kubelet's bytes and an API server's objects in, an exposition out, by hand-moved
time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from exporter.cluster.nodes import decode_namespace, decode_node
from exporter.cluster.pods import decode_pod
from exporter.cluster.readers import PodDecoder
from exporter.cluster.workloads import decode_daemonset, decode_deployment, decode_statefulset
from exporter.collectors import ClusterCollector, ErrorCounts, NodeCollector
from exporter.collectors.exposition import text
from exporter.collectors.pods import ContainerSeries
from exporter.kubelet.interfaces import DEFAULT_NODE_INTERFACES
from exporter.kubelet.readings import Fetcher, KubeletReader
from exporter.model import ClusterSnapshot, Pod, Source, SourceState
from tests.replay import Endpoint, Moment, parse_rfc3339
from tests.replay.recording import RFC3339_STRING, SAMPLE_MILLISECONDS
from tests.unit.exporter.kubelet.bodies import CADVISOR, CHEAP, SUMMARY, FakeClock, FakeKubelet, Json, rfc3339

_SAMPLE: Final = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_PATHS: Final = {SUMMARY: Endpoint.SUMMARY, CHEAP: Endpoint.CHEAP_SUMMARY, CADVISOR: Endpoint.CADVISOR}

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exposition:
    """A scrape: its text, and its samples by name (without the prefix) and labels."""

    text: str
    samples: Mapping[tuple[str, Labels], float]

    @classmethod
    def parse(cls, body: bytes) -> Exposition:
        """Fails on a series that stands twice."""
        samples: dict[tuple[str, Labels], float] = {}
        for line in body.decode().splitlines():
            if line.startswith("#"):
                continue
            match = _SAMPLE.fullmatch(line)
            assert match is not None, line
            key = match[1].removeprefix("cloudmon_"), tuple(_LABEL.findall(match[2] or ""))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(match[3])
        return cls(body.decode(), samples)

    def of(self, **labels: str) -> dict[str, float]:
        """The series with these labels by name. Fails where two of one name have them."""
        found: dict[str, float] = {}
        for (name, pairs), value in self.samples.items():
            if labels.items() <= dict(pairs).items():
                assert name not in found, f"{name} of {labels} is not one series"
                found[name] = value
        return found

    def values(self, name: str, label: str) -> dict[str, float]:
        """The series of one metric by a label of theirs. Fails where two have the same."""
        found = [(dict(pairs).get(label, ""), value) for (other, pairs), value in self.samples.items() if other == name]
        assert len(dict(found)) == len(found), f"{name} by {label} is not one series each"
        return dict(found)


class NodeExporter:
    """Scope node. ``show`` is what the API server says from then on; ``scrape`` moves no clock."""

    def __init__(
        self,
        node: str,
        kubelet: Fetcher,
        clock: FakeClock,
        *,
        scrape: float = 15,
        detail: float = 60,
        storage: float = 300,
        containers: ContainerSeries = "several",
    ) -> None:
        self.errors = ErrorCounts()
        interfaces = re.compile(DEFAULT_NODE_INTERFACES)
        self.reader = KubeletReader(
            kubelet, clock, scrape, detail, storage, interfaces, self.errors.count, monotonic=clock
        )
        self._node = node
        self._decoder = PodDecoder()
        self._pods: dict[str, Pod] | None = None
        self._collector = NodeCollector(node, self.reader, self, self.errors, containers=containers)

    def show(self, items: Iterable[Json]) -> None:
        on_node = [item for item in items if item["spec"].get("nodeName") == self._node]
        pods = {item["metadata"]["uid"]: self._decoder.decode(item) for item in on_node}
        for uid in (self._pods or {}).keys() - pods.keys():
            self._decoder.forget(uid)
        self._pods = pods

    def items(self) -> tuple[Pod, ...] | None:
        return None if self._pods is None else tuple(self._pods.values())

    def state(self) -> SourceState:
        return SourceState(Source.NODE_PODS, True, 0.02, 1.0)

    def scrape(self) -> Exposition:
        return Exposition.parse(text(self._collector.families(10)))


class ClusterExporter:
    """Scope cluster at a recorded moment."""

    def __init__(self, moment: Moment) -> None:
        self._snapshot = ClusterSnapshot(
            pods=tuple(map(decode_pod, moment.items("pods"))),
            nodes=tuple(map(decode_node, moment.items("nodes"))),
            namespaces=tuple(map(decode_namespace, moment.items("namespaces"))),
            workloads=(
                *map(decode_deployment, moment.items("deployments")),
                *map(decode_statefulset, moment.items("statefulsets")),
                *map(decode_daemonset, moment.items("daemonsets")),
            ),
            sources=(SourceState(Source.PODS, True, 0.03, 1.0),),
        )

    def snapshot(self) -> ClusterSnapshot:
        return self._snapshot

    def scrape(self) -> Exposition:
        return Exposition.parse(text(ClusterCollector(self, ErrorCounts()).collect()))


class StandingKubelet(FakeKubelet):
    """One recorded moment for ever: the times in its answers move with the clock, the values stand."""

    def __init__(self, moment: Moment, clock: FakeClock) -> None:
        super().__init__({path: partial(self._answer, path) for path in _PATHS})
        self._bodies = {path: moment.body(endpoint) or b"" for path, endpoint in _PATHS.items()}
        self._clock = clock
        self._begun = clock.now

    def _answer(self, path: str) -> bytes:
        since = self._clock.now - self._begun
        if path == CADVISOR:
            return SAMPLE_MILLISECONDS.sub(lambda match: b" %d" % (int(match[1]) + 1000 * since), self._bodies[path])
        return RFC3339_STRING.sub(
            lambda match: b'"%s"' % rfc3339(parse_rfc3339(match[1].decode()) + since).encode(), self._bodies[path]
        )
