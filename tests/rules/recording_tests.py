"""What every recording rule must record, and when it must record nothing, as promtool takes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from promql import names
from promql.catalogue import Level, record
from promql.rules import coarse_rules, rules_file
from tests.rules.fleet import (
    AT,
    COARSE_AT,
    FLEET,
    INTERVAL,
    LIMITS,
    REQUESTS,
    STEADY,
    SUMMED,
    TOTALS,
    FleetPod,
    expected_samples,
    series,
)
from tests.rules.promtool import Group, Suite

RULES = rules_file(INTERVAL, 60)
_EVALUATED = f"{INTERVAL}s"


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
    reporting = sum(pod.expected for pod in FLEET if pod.cluster == "a")
    expected = f'count by (cluster) ({TOTALS.expected_pods}{{cluster="a"}})'
    counted_a: list[dict[str, object]] = [{"labels": '{cluster="a"}', "value": reporting}]
    tests.append({"expr": expected, "eval_time": f"{AT}s", "exp_samples": counted_a})
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


def firing_suites() -> list[Suite]:
    """What must be recorded, at both resolutions."""
    chain = _group("every total", [line for pod in FLEET for line in series(pod)], chain_tests())
    coarse = _group("every total, five minutes", [line for pod in STEADY for line in series(pod)], coarse_tests())
    return [Suite(RULES, [chain], _EVALUATED), Suite(RULES, [coarse], _EVALUATED)]


def silent_suites() -> list[Suite]:
    """What must not be recorded: of fleets of which each lacks what some rules count, each a cluster of its own."""
    lines = [line for cluster, pods, _ in _lacking() for pod in pods for line in series(replace(pod, cluster=cluster))]
    lines += [
        (name, "_x39 5" if "_total{" in name else values)
        for pod in STEADY
        for name, values in series(replace(pod, cluster="one-reading"))
    ]
    nothing = [line for cluster, _, rules in _lacking() for line in _nothing(rules, cluster)]
    rates = [record(level.name, metric, what) for level, metric, what in _recorded() if what == "sum_rate"]
    nothing += _nothing(rates, "one-reading") + _nothing([TOTALS.evaluation, TOTALS.collection], "c")
    # The last value is of five minutes before the last five minutes.
    ended = [(name, f"{values} stale") for pod in STEADY for name, values in series(pod, until=AT)]
    coarse = _nothing((rule.record for rule in coarse_rules(TOTALS)), at=COARSE_AT + INTERVAL)
    over = {"name": "over", "interval": f"{INTERVAL}s", "input_series": _input(ended), "promql_expr_test": coarse}
    return [Suite(RULES, [_group("lacking", lines, nothing), over], "1m")]


def _lacking() -> list[tuple[str, list[FleetPod], list[str]]]:
    """(cluster, its pods, the rules that must record nothing of them)."""
    usage = (*LIMITS, *REQUESTS)
    finished = [
        FleetPod("a", "shop", "Job", "batch", phase, 3, phase=phase, twice=True, without=usage)
        for phase in ("Succeeded", "Failed")
    ]
    young = [FleetPod("a", "shop", "Deployment", "api", "young", 3, created=AT - 45, without=usage)]
    host = [FleetPod("a", "infra", "DaemonSet", "agent", "host", 3, host_network=True, without=usage)]
    waiting = [FleetPod("a", "shop", "Deployment", "api", "w", 3, node="", phase="Pending", only=usage)]
    every = [(record(level.name, metric, what), metric, what) for level, metric, what in _recorded()]
    running = [
        name
        for name, metric, what in every
        if what == "count" and (metric in TOTALS.expected or TOTALS.expected_of(metric))
    ]
    pods = [name for name, metric, _ in every if metric == TOTALS.pods]
    both = [name for name, _, what in every if what.startswith("sum_with_")]
    asked = [name for name, metric, what in every if metric in usage and what in ("sum", "count")]
    used = [
        name for name, metric, what in every if metric in SUMMED and metric not in usage and what in ("sum", "count")
    ]
    return [
        ("finished", finished, [TOTALS.expected_pods, "node:cloudmon_pods:count", *running, *pods]),
        ("waiting", waiting, ["node:cloudmon_pods:count", *used, *both]),
        ("young", young, [TOTALS.expected_pods, *running]),
        ("host-network", host, [name for name in running if "network" in name]),
        ("unlimited", host, [*asked, *both]),
    ]


def _recorded() -> list[tuple[Level, str, str]]:
    return [(level, metric, what) for level in TOTALS.levels for metric, what in TOTALS.recorded()]


def _nothing(rules: Iterable[str], cluster: str | None = None, at: int = AT) -> list[dict[str, object]]:
    where = f'{{cluster="{cluster}"}}' if cluster else ""
    return [{"expr": f"{name}{where}", "eval_time": f"{at}s", "exp_samples": []} for name in rules]


def _group(title: str, lines: Iterable[tuple[str, str]], tests: list[dict[str, object]]) -> Group:
    return {
        "name": title,
        "interval": f"{INTERVAL}s",
        "input_series": [*_input(lines), *_up(), *_ages()],
        "promql_expr_test": tests,
    }


def _input(lines: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in lines]


def _up() -> list[dict[str, str]]:
    return _input((f'up{{job="cloudmon", cluster="{c}", instance="n1"}}', "1x80") for c in "abc")


def _ages() -> list[dict[str, str]]:
    """Readings of cluster a, by both scopes, and of b, by a node's exporter alone."""
    age = names.SOURCE_SAMPLE_AGE_SECONDS.name
    return _input(
        (f'{age}{{cluster="{cluster}", {source}}}', "1x80")
        for cluster, source in (
            ("a", 'instance="cluster", source="pods"'),
            ("a", 'instance="n1", node="n1", source="resource"'),
            ("b", 'instance="n1", node="n1", source="node_pods"'),
        )
    )
