"""What the dialect kube-prometheus costs: the time of each route as a ratio to the same route on our own series.

    python bench/dialect.py [--pods 10000] [--rounds 3] [--timeout 60]

Needs prometheus and promtool on PATH. The same pods are in two real Prometheus servers: a few minutes of our series
with their recorded totals, and of cAdvisor's and kube-state-metrics'. Pairs are asked alternately; the medians count,
without the first pair. Our series are scraped every 15 s, theirs every 30 s, as the chart has it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from flask.testing import FlaskClient

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.list_page import NOW, SECONDS, fleets, samples
from promql.catalogue import Catalogue
from promql.dialects import KUBE_PROMETHEUS, metric_rules, windows_of
from promql.windows import Windows
from tests.harness import Prometheus
from tests.harness.fleet import FleetPod
from tests.harness.recorded import Row, write_series
from tests.harness.store import application, store

SCRAPE = 30.0
TIMES = [NOW - SCRAPE * number - 5 for number in reversed(range(int(SECONDS // SCRAPE)))]
ROUTES = {
    "one pod": "/api/pods/pod-00042?namespace={namespace}",
    "one pod over 3 minutes": "/api/pods/pod-00042/timeseries?namespace={namespace}&window=3m",
    "one node's pods": "/api/nodes/node-001/pods",
    "nodes": "/api/nodes",
    "100 by CPU": "/api/pods?sort=-cpu_cores&limit=100",
    "everything, one signal": "/api/pods?metrics=memory_working_set_bytes",
    "everything": "/api/pods",
    "one namespace": "/api/namespaces/{namespace}",
    "one namespace over 3 minutes": "/api/namespaces/{namespace}/timeseries?window=3m&step=30",
    "namespaces": "/api/namespaces",
    "namespaces, one signal": "/api/namespaces?metrics=cpu_cores",
}


def rows(pods: tuple[FleetPod, ...]) -> Iterator[Row]:
    """The series of theirs that the dialect reads, and each container's beside its pod's."""
    for pod in pods:
        own = {"namespace": pod.namespace, "pod": pod.name}
        told = {**own, "uid": pod.uid}
        replicaset = f"{pod.workload[1]}-5d4f8c7b9d"
        info = {"node": pod.node, "host_network": str(pod.host_network).lower(), "created_by_kind": "ReplicaSet"}
        yield "kube_pod_info", {**told, **info, "created_by_name": replicaset}, standing(1)
        for phase in ("Pending", "Running", "Succeeded", "Failed", "Unknown"):
            yield "kube_pod_status_phase", {**told, "phase": phase}, standing(float(phase == pod.phase))
        yield "kube_pod_status_ready", {**told, "condition": "true"}, standing(1)
        yield "kube_pod_status_scheduled", {**told, "condition": "true"}, standing(1)
        yield "kube_pod_created", told, standing(pod.created)
        yield "kube_pod_start_time", told, standing(pod.created + 1)
        container = {**told, "container": "app"}
        yield "kube_pod_container_info", container, standing(1)
        yield "kube_pod_container_status_restarts_total", container, standing(pod.restarts)
        asked = {**container, "node": pod.node}
        for resource in ("cpu", "memory"):
            yield "kube_pod_container_resource_requests", {**asked, "resource": resource}, standing(pod.value)
            if pod.limits:
                yield "kube_pod_container_resource_limits", {**asked, "resource": resource}, standing(2 * pod.value)
        for level in ({"container": "", "image": ""}, {"container": "app", "image": "app:1"}):
            yield from cadvisor(pod, {**own, **level, "node": pod.node, "id": f"/kubepods/pod{pod.uid}"})


def cadvisor(pod: FleetPod, labels: dict[str, str]) -> Iterator[Row]:
    counters = ["container_cpu_usage_seconds_total"]
    counters += ["container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total"] if pod.limits else []
    for name in counters:
        yield name, labels, growing(pod)
    for name in ("working_set_bytes", "usage_bytes", "rss"):
        yield f"container_memory_{name}", labels, standing(pod.value)
    for name in ("reads", "writes") if pod.disk else ():
        yield f"container_fs_{name}_bytes_total", {**labels, "device": "/dev/sda"}, growing(pod)
    if not labels["container"]:
        for name in ("receive", "transmit"):
            yield f"container_network_{name}_bytes_total", {**labels, "interface": "eth0"}, growing(pod)


def others(pods: tuple[FleetPod, ...]) -> Iterator[Row]:
    for node in dict.fromkeys(pod.node for pod in pods):
        yield "kube_node_info", {"node": node}, standing(1)
        yield "machine_cpu_cores", {"node": node}, standing(4)
        yield "container_cpu_usage_seconds_total", {"node": node, "id": "/"}, [(when, when - 1e9) for when in TIMES]
    for namespace in dict.fromkeys(pod.namespace for pod in pods):
        yield "kube_namespace_created", {"namespace": namespace}, standing(NOW - 1e6)
    for namespace, name in dict.fromkeys((pod.namespace, pod.workload[1]) for pod in pods):
        owner = {"owner_kind": "Deployment", "owner_name": name, "owner_is_controller": "true"}
        replicaset = {"namespace": namespace, "replicaset": f"{name}-5d4f8c7b9d"}
        yield "kube_replicaset_owner", {**replicaset, **owner}, standing(1)


def standing(value: float) -> list[tuple[float, float]]:
    return [(when, value) for when in TIMES]


def growing(pod: FleetPod) -> list[tuple[float, float]]:
    return [(when, pod.value * (when - pod.created)) for when in TIMES]


def rules_share(prometheus: Prometheus) -> float:
    """What one evaluation of the rules that record our metrics takes, of the interval between two."""
    windows = windows_of(KUBE_PROMETHEUS, Windows(SCRAPE))
    first, *others = metric_rules(KUBE_PROMETHEUS, Catalogue.load(), windows)
    # What the first records is not in the store: in its place stands what is like it, a row a pod with its labels.
    known = "label_replace(kube_pod_info, 'workload', '$1', 'created_by_name', '(.+)')"
    started = time.perf_counter()
    for expr in (first.expr, *(rule.expr.replace(f"({first.record})", f"({known})") for rule in others)):
        # As a rule is evaluated: the rows stay where they are.
        prometheus.query(f"count({expr})", NOW)
    return (time.perf_counter() - started) / SCRAPE


def seconds(client: FlaskClient, path: str) -> float:
    started = time.perf_counter()
    response = client.get(path)
    return time.perf_counter() - started if response.status_code == 200 else float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=int, default=60)
    arguments = parser.parse_args()
    whole, by_node = fleets(arguments.pods)
    wait = {"PROMETHEUS_TIMEOUT": str(arguments.timeout)}
    dialect = {**wait, "METRICS_DIALECT": KUBE_PROMETHEUS, "SCRAPE_INTERVAL": f"{SCRAPE:g}"}
    keep = ("--storage.tsdb.retention.time=10y",)
    with tempfile.TemporaryDirectory() as temporary:
        theirs = Path(temporary) / "theirs"
        write_series(theirs, rows(whole.pods))
        write_series(theirs, others(whole.pods))
        ours = store(Path(temporary) / "ours", partial(samples, whole, by_node), by_node, NOW, SECONDS, None)
        with (
            ours as one,
            Prometheus("scrape_configs: []\n", data_directory=theirs, extra_flags=keep) as other,
            application(one.url, NOW, wait) as first,
            application(other.url, NOW, dialect) as second,
        ):
            print(f"the dialect's rules, of their interval: {rules_share(other):.2f}", flush=True)
            for name, route in ROUTES.items():
                path = route.format(namespace=whole.pods[42].namespace)
                pairs = [(seconds(first, path), seconds(second, path)) for _ in range(arguments.rounds + 1)][1:]
                own, translated = (statistics.median(part) for part in zip(*pairs, strict=True))
                ratios = sorted(second / first for first, second in pairs)
                print(
                    f"{name:30} {statistics.median(ratios):7.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}; "
                    f"{1000 * own:.0f} ms, {1000 * translated:.0f} ms)",
                    flush=True,
                )


if __name__ == "__main__":
    main()
