"""Every query of every dashboard on a real Prometheus that scrapes the sample fleet, the facade and itself.

Two of them scrape the same exporters: one with a cluster label whose value needs escaping, one without any.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
import requests

from exporter.sample import NODES
from local.generate.dashboards import dashboard_files
from promql.config import prometheus_config
from promql.dashboards import EVERY_CLUSTER
from promql.rules import rules_file
from tests.harness.facade_process import facade, get
from tests.harness.grafana import ALL, Json, Target, in_full, interpolated, label_values, targets, variables
from tests.harness.ports import free_port, free_ports
from tests.harness.process import Process
from tests.harness.prometheus import Prometheus
from tests.harness.waiting import wait_until

Chosen = dict[str, str]
SCRAPE_SECONDS: Final = 1.0
RANGE_SECONDS: Final = 3600
CLUSTERS: Final = {"labelled": "lab.1+a", "unlabelled": None}
DASHBOARDS: Final[dict[str, Json]] = {
    name.removesuffix(".json"): json.loads(text) for name, text in dashboard_files().items()
}
# What is there once everything has been scraped and evaluated twice, and the facade asked in between.
_COMPLETE: Final = (
    'rate(cloudmon_facade_request_duration_seconds_count{route="/api/pods"}[2m]) > 0',
    "rate(cloudmon_facade_upstream_query_duration_seconds_count[2m]) > 0",
    "cluster:cloudmon_pod_disk_written_bytes:sum_rate",
    "rate(prometheus_rule_evaluation_failures_total[2m])",
    'count(rate(process_cpu_seconds_total{job="cloudmon"}[2m])) == 3',
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Prometheus]]:
    """By what their series are labelled with, once every rate has something to be taken of."""
    folder = tmp_path_factory.mktemp("dashboards")
    *exporter_ports, facade_port = free_ports(len(NODES) + 2)
    ports = dict(zip((*NODES, "cluster"), exporter_ports, strict=True))
    with ExitStack() as stack:
        for name, port in ports.items():
            stack.enter_context(_exporter(folder, name, port))
        found = {}
        for label, cluster in CLUSTERS.items():
            found[label] = stack.enter_context(_prometheus(cluster, ports, facade_port))
        environment = {"PROMETHEUS_URL": found["labelled"].url, "PORT": str(facade_port), "FACADE_WORKERS": "1"}
        _, url = stack.enter_context(facade(folder, **environment))

        def complete() -> bool:
            get(f"{url}/api/pods")
            return all(store.query(query) for store in found.values() for query in _COMPLETE)

        wait_until(complete, 40, "every series")
        yield found


def _exporter(folder: Path, name: str, port: int) -> Process:
    scope = {"EXPORTER_SCOPE": "node", "NODE_NAME": name} if name in NODES else {"EXPORTER_SCOPE": name}
    environment = {
        "EXPORTER_SOURCE": "sample",
        "EXPORTER_ADDRESS": "127.0.0.1",
        "EXPORTER_PORT": str(port),
        "EXPORTER_SHUTDOWN_GRACE": "0",
    }
    return Process((sys.executable, "-m", "exporter"), folder / f"{name}.log", environment | scope)


def _prometheus(cluster: str | None, ports: dict[str, int], facade_port: int) -> Prometheus:
    own, addresses = free_port(), {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    config = prometheus_config(
        {name: address for name, address in addresses.items() if name in NODES},
        addresses["cluster"],
        cluster,
        SCRAPE_SECONDS,
        ["rules.yaml"],
        facade_target=f"127.0.0.1:{facade_port}",
        prometheus_target=f"127.0.0.1:{own}",
    )
    rules = {"rules.yaml": rules_file(SCRAPE_SECONDS, 60)}
    return Prometheus(config, rules, port=own, extra_flags=("--storage.tsdb.retention.size=1GB",))


def options(store: Prometheus, query: str) -> list[str]:
    """The values that a variable's query offers, asked as Grafana does."""
    selector, label = label_values(query)
    with requests.Session() as session:
        session.trust_env = False
        url = f"{store.url}/api/v1/label/{label}/values"
        answer = session.get(url, params={"match[]": selector}, timeout=10).json()
    assert answer["status"] == "success", answer
    found: list[str] = answer["data"]
    return found


def selections(store: Prometheus, dashboard: Json, cluster: str) -> list[Chosen]:
    """All that can be chosen in a dashboard, by way of its own variables, once a cluster is."""
    chosen: list[Chosen] = [{"cluster": cluster}]
    for name, variable in variables(dashboard).items():
        if name != "cluster":
            chosen = [
                {**before, name: value}
                for before in chosen
                for value in options(store, interpolated(variable["query"], dashboard, before))
            ]
    return chosen


def values(store: Prometheus, query: str, target: Target, end: float) -> list[float]:
    """What a query gives, as a panel asks it: for the last minutes, or for now. NaN is nothing that is drawn."""
    if target.instant:
        found = [row.value for row in store.query(query, end)]
    else:
        step = target.min_step_seconds
        last = end // step * step + step
        series = store.query_range(query, last - 2 * step, last, step)
        found = [value for one in series for _, value in one.points]
    return [value for value in found if not math.isnan(value)]


@pytest.mark.parametrize("name", DASHBOARDS)
@pytest.mark.parametrize(
    ("label", "cluster"), [("labelled", ALL), ("labelled", CLUSTERS["labelled"]), ("unlabelled", ALL)]
)
def test_no_query_is_empty(stores: dict[str, Prometheus], name: str, label: str, cluster: str) -> None:
    store, dashboard = stores[label], DASHBOARDS[name]
    chosen = selections(store, dashboard, cluster)
    assert len(chosen) >= {"overview": 1, "health": 1, "node": 2, "namespace": 2}.get(name, 3)
    (now,) = [row.value for row in store.query("time()")]
    empty = []
    for target in targets(dashboard):
        queries = [in_full(target, dashboard, selection, RANGE_SECONDS) for selection in chosen]
        # Of all of them, that none is refused; of any, that it has data: not every pod has a volume.
        if not sum(len(values(store, query, target, now)) for query in queries):
            empty.append(str(target))
    assert empty == []


def test_variables_offer_what_there_is(stores: dict[str, Prometheus]) -> None:
    cluster = variables(DASHBOARDS["overview"])["cluster"]["query"]
    assert options(stores["labelled"], cluster) == [CLUSTERS["labelled"]]
    assert options(stores["unlabelled"], cluster) == []
    workloads = selections(stores["unlabelled"], DASHBOARDS["workload"], ALL)
    assert {(found["namespace"], found["workload_kind"], found["workload"]) for found in workloads} == {
        ("default", "Deployment", "web-server"),
        ("default", "Deployment", "app-backend"),
        ("monitoring", "Deployment", "prometheus"),
    }
    assert selections(stores["labelled"], DASHBOARDS["node"], "elsewhere") == []


@pytest.mark.parametrize("name", DASHBOARDS)
@pytest.mark.parametrize("label", CLUSTERS)
def test_rows_of_tables_name_the_cluster_that_their_links_choose(
    stores: dict[str, Prometheus], label: str, name: str
) -> None:
    store, dashboard = stores[label], DASHBOARDS[name]
    found = set()
    for target in targets(dashboard):
        if target.instant and "label_replace" in target.expr:
            for chosen in selections(store, dashboard, ALL):
                rows = store.query(in_full(target, dashboard, chosen, RANGE_SECONDS))
                found |= {row.labels["cluster"] for row in rows}
    assert found == {CLUSTERS[label] or EVERY_CLUSTER}
