"""A small fleet, and what must be recorded of it: sums made here in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

from promql import names
from promql.catalogue import Catalogue, Level, record

INTERVAL = 15
AT = 600
COARSE_AT = 1200
TOTALS = Catalogue.load().totals
SUMMED = [total.metric for total in TOTALS.sums]
COUNTERS = [counter for counter, _ in TOTALS.rates]


@dataclass(frozen=True)
class FleetPod:
    """A pod with constant gauges and steady counters; ``twice`` is scraped through two exporters at once."""

    cluster: str
    namespace: str
    kind: str
    workload: str
    uid: str
    number: int
    node: str = "n1"
    phase: str = "Running"
    created: int = 0
    host_network: bool = False
    twice: bool = False
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = field(default=())

    def reports(self, metric: str) -> bool:
        if self.only:
            return metric in self.only
        network = "network" in metric and self.host_network
        return not network and metric not in self.without

    def gauge(self, metric: str) -> int:
        return self.number * (SUMMED.index(metric) + 1)

    def per_second(self, counter: str) -> int:
        return self.number * (COUNTERS.index(counter) + 1)

    @property
    def expected(self) -> bool:
        return self.phase == "Running" and AT - self.created >= 60

    def labels(self, instance: str = "n1") -> str:
        node = f', node="{self.node}"' if self.node else ""
        return (
            f'cluster="{self.cluster}", instance="{instance}", namespace="{self.namespace}", pod="{self.uid}", '
            f'uid="{self.uid}", workload_kind="{self.kind}", workload="{self.workload}"{node}'
        )


LIMITS = (names.POD_CPU_LIMIT_CORES.name, names.POD_MEMORY_LIMIT_BYTES.name)
REQUESTS = (names.POD_CPU_REQUEST_CORES.name, names.POD_MEMORY_REQUEST_BYTES.name)
FLEET = [
    FleetPod("a", "shop", "Deployment", "api", "a1", 3),
    FleetPod("a", "shop", "Deployment", "api", "a2", 5, node="n2", twice=True),
    FleetPod("a", "shop", "Deployment", "api", "young", 7, created=AT - 30),
    FleetPod("a", "shop", "StatefulSet", "db", "d1", 11, without=LIMITS),
    FleetPod("a", "shop", "Job", "batch", "done", 13, phase="Succeeded", only=(names.POD_CPU_USAGE_CORES.name,)),
    FleetPod("a", "shop", "Deployment", "waiting", "w1", 17, node="", phase="Pending", only=(*LIMITS, *REQUESTS)),
    # Running for long, and its node's exporter is silent.
    FleetPod("a", "infra", "DaemonSet", "agent", "h1", 19, host_network=True),
    FleetPod("a", "infra", "DaemonSet", "agent", "silent", 23, node="n3", only=("none",)),
    # The same names in another cluster.
    FleetPod("b", "shop", "Deployment", "api", "b1", 32),
]
STEADY = [pod for pod in FLEET if pod.uid != "young"]


def series(pod: FleetPod, until: int = COARSE_AT) -> list[tuple[str, str]]:
    """promtool's input series of one pod: (series, values). They end after ``until`` seconds."""
    count = until // INTERVAL
    rows = [
        (f'cloudmon_pod_phase{{{pod.labels("cluster")}, phase="{pod.phase}"}}', f"1x{count}"),
        (f"cloudmon_pod_created_timestamp_seconds{{{pod.labels('cluster')}}}", f"{pod.created}x{count}"),
        (f'cloudmon_pod_info{{{pod.labels("cluster")}, host_network="{str(pod.host_network).lower()}"}}', f"1x{count}"),
    ]
    for instance in ("n1", "n1-new")[: 2 if pod.twice else 1]:
        labels = pod.labels(instance)
        rows += [(f"{metric}{{{labels}}}", f"{pod.gauge(metric)}x{count}") for metric in filter(pod.reports, SUMMED)]
        rows += [
            (f"{counter}{{{labels}}}", f"0+{pod.per_second(counter) * INTERVAL}x{count}")
            for counter in filter(pod.reports, COUNTERS)
        ]
    return rows


def stands_behind(pod: FleetPod, metric: str, what: str) -> bool:
    """Whether the pod is one of those that the recorded total of ``metric`` is made of."""
    if metric == "cloudmon_pods":
        return pod.phase not in ("Succeeded", "Failed")
    if metric.startswith("cloudmon_pods_expected"):
        return pod.expected and not (metric.endswith("network") and pod.host_network)
    if what == "count" and (expected := TOTALS.expected_of(metric)):
        return pod.reports(metric) and stands_behind(pod, expected, "count")
    for ratio in TOTALS.utilizations:
        if (metric, what) in ((ratio.of, ratio.of_what), (ratio.to, ratio.to_what)):
            return pod.reports(ratio.of) and pod.reports(ratio.to)
    return pod.reports(metric)


def total(metric: str, what: str, pods: list[FleetPod]) -> int | None:
    """What is recorded for a group of pods; None where nothing is."""
    chosen = [pod for pod in pods if stands_behind(pod, metric, what)]
    if not chosen:
        return None
    if what == "count":
        return len(chosen)
    return sum(pod.per_second(metric) if what == "sum_rate" else pod.gauge(metric) for pod in chosen)


def grouped(fleet: list[FleetPod], by: tuple[str, ...]) -> dict[tuple[str, ...], list[FleetPod]]:
    groups: dict[tuple[str, ...], list[FleetPod]] = {}
    for pod in fleet:
        values = {
            "cluster": pod.cluster,
            "namespace": pod.namespace,
            "workload_kind": pod.kind,
            "workload": pod.workload,
        }
        groups.setdefault(tuple(values[label] for label in by), []).append(pod)
    return groups


def expected_samples(fleet: list[FleetPod], level: Level, metric: str, what: str) -> list[dict[str, object]]:
    samples: list[dict[str, object]] = []
    for values, pods in grouped(fleet, level.by).items():
        value = total(metric, what, pods)
        if value is not None:
            labels = ", ".join(f'{label}="{text}"' for label, text in zip(level.by, values, strict=True))
            samples.append({"labels": f"{record(level.name, metric, what)}{{{labels}}}", "value": value})
    return samples
