"""Every recording rule, evaluated by promtool over a small fleet, against sums made here in plain Python."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from promql import names
from promql.catalogue import Catalogue, Level, record
from promql.rules import coarse_rules, recording_rules, rules_file
from promql.windows import Windows

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


def series(pod: FleetPod) -> list[tuple[str, str]]:
    """promtool's input series of one pod: (series, values)."""
    count = COARSE_AT // INTERVAL
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


def chain_tests() -> list[dict[str, object]]:
    tests: list[dict[str, object]] = [
        {
            "expr": record(level.name, metric, what),
            "eval_time": f"{AT}s",
            "exp_samples": expected_samples(FLEET, level, metric, what),
        }
        for level in TOTALS.levels
        for metric, what in TOTALS.recorded()
    ]
    # Of cluster c no exporter says anything; in b scope cluster is silent.
    for name, clusters in ((TOTALS.evaluation, "ab"), (TOTALS.collection, "a")):
        evaluated = [{"labels": f'{name}{{cluster="{cluster}"}}', "value": AT} for cluster in clusters]
        tests.append({"expr": name, "eval_time": f"{AT}s", "exp_samples": evaluated})
    unfinished = [pod for pod in FLEET if pod.node and pod.phase not in ("Succeeded", "Failed")]
    nodes = sorted({(pod.cluster, pod.node) for pod in unfinished})
    counted = [
        {
            "labels": f'node:cloudmon_pods:count{{cluster="{cluster}", node="{node}"}}',
            "value": sum((pod.cluster, pod.node) == (cluster, node) for pod in unfinished),
        }
        for cluster, node in nodes
    ]
    tests.append({"expr": "node:cloudmon_pods:count", "eval_time": f"{AT}s", "exp_samples": counted})
    return tests


def coarse_tests() -> list[dict[str, object]]:
    """Over five minutes in which nothing changes: the mean, the least and the most of a total are the total.

    How many evaluations five minutes hold depends on Prometheus's version where they begin with one: 20 or 21.
    """
    tests: list[dict[str, object]] = []
    for level in TOTALS.levels:
        for metric, what in TOTALS.recorded():
            name = record(level.name, metric, what)
            bounds = f"({name}:min_5m == {name}:max_5m) == ({name}:sum_5m / {name}:count_5m)"
            samples: list[dict[str, object]] = [
                {"labels": str(sample["labels"]).replace("{", ":min_5m{"), "value": sample["value"]}
                for sample in expected_samples(STEADY, level, metric, what)
            ]
            tests.append({"expr": bounds, "eval_time": f"{COARSE_AT}s", "exp_samples": samples})
    for name, clusters in ((TOTALS.evaluation, "ab"), (TOTALS.collection, "a")):
        count = f"{name}:count_5m"
        in_bounds = f"({count} >= bool 20) * ({count} <= bool 21)"
        evaluated: list[dict[str, object]] = [{"labels": f'{{cluster="{c}"}}', "value": 1} for c in clusters]
        tests.append({"expr": in_bounds, "eval_time": f"{COARSE_AT}s", "exp_samples": evaluated})
    return tests


def run_promtool(
    folder: Path, tests: list[dict[str, object]], fleet: list[FleetPod]
) -> subprocess.CompletedProcess[str]:
    (folder / "rules.yml").write_text(rules_file(INTERVAL, 60))
    inputs = [{"series": name, "values": values} for pod in fleet for name, values in series(pod)]
    inputs += [{"series": f'up{{job="cloudmon", cluster="{c}", instance="n1"}}', "values": "1x80"} for c in "abc"]
    age = names.SOURCE_SAMPLE_AGE_SECONDS.name
    inputs += [
        {"series": f'{age}{{cluster="{cluster}", {source}}}', "values": "1x80"}
        for cluster, source in (
            ("a", 'instance="cluster", source="pods"'),
            ("a", 'instance="n1", node="n1", source="resource"'),
            ("b", 'instance="n1", node="n1", source="node_pods"'),
        )
    ]
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{INTERVAL}s",
        "tests": [{"interval": f"{INTERVAL}s", "input_series": inputs, "promql_expr_test": tests}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(document))
    return subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_rule_gives_the_total_of_its_pods(tmp_path: Path) -> None:
    result = run_promtool(tmp_path, chain_tests(), FLEET)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]


def test_every_total_is_kept_at_the_second_resolution(tmp_path: Path) -> None:
    result = run_promtool(tmp_path, coarse_tests(), STEADY)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]


def test_the_oracle_can_fail(tmp_path: Path) -> None:
    wrong: dict[str, object] = {"expr": "namespace:cloudmon_pods:count", "eval_time": f"{AT}s", "exp_samples": []}
    assert run_promtool(tmp_path, [wrong], FLEET).returncode != 0


def test_every_rule_has_an_expectation() -> None:
    rules = {rule.record for rule in recording_rules(TOTALS, Windows())}
    assert rules == {str(test["expr"]) for test in chain_tests()}
    seen = " ".join(str(test["expr"]) for test in coarse_tests())
    assert all(rule.record in seen for rule in coarse_rules(TOTALS))


def test_a_rule_stands_after_those_it_reads() -> None:
    rules = recording_rules(TOTALS, Windows())
    records = [rule.record for rule in rules]
    for position, rule in enumerate(rules):
        later = [name for name in records[position:] if name in rule.expr]
        assert not later, f"{rule.record} reads {later}"


def test_promtool_accepts_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(rules_file(7.5, 30))
    subprocess.run(["promtool", "check", "rules", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("scrape", "detail", "cpu", "network"),
    [(15, 60, "75s", "255s"), (30, 60, "150s", "270s"), (2.5, 10, "62500ms", "42500ms")],
)
def test_rate_windows_hold_four_readings(scrape: float, detail: float, cpu: str, network: str) -> None:
    rules = recording_rules(TOTALS, Windows(scrape, detail))

    def window(metric: str) -> str:
        rule = next(rule for rule in rules if rule.record == record("workload", metric, "sum_rate"))
        return rule.expr.partition("[")[2].partition("]")[0]

    assert window("cloudmon_pod_cpu_usage_seconds_total") == cpu
    assert window("cloudmon_pod_network_receive_bytes_total") == network
