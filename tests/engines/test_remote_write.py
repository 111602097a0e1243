"""VictoriaMetrics fed by the chart's Prometheus servers (``remote_write``): a common store of shards and of clusters.

The facade is asked the same on it and on the Prometheus of each cluster that answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import pytest
from flask.testing import FlaskClient

from promql.catalogue import Catalogue, record
from tests.engines.differences import found, unexplained
from tests.engines.live import FLEETS, INTERVALS, NODES, Live, live
from tests.harness import Engine, wait_until
from tests.harness.store import application, get

EVALUATIONS: Final = 8
# Levels and totals: a rate looks back for a minute, which is longer than all this has been there.
LEVEL: Final = "&metrics=memory_rss_bytes"
ROUTES: Final = (
    "/api/nodes",
    "/api/nodes/n2",
    "/api/nodes/n1/pods",
    f"/api/nodes/n1/timeseries?window=5s&step=1{LEVEL}",
    "/api/pods",
    "/api/pods?sort=-cpu_cores&limit=2",
    "/api/pods/web-1",
    f"/api/pods/web-0/timeseries?window=5s&step=1&stats=true{LEVEL}",
    "/api/namespaces",
    "/api/namespaces/shop",
    "/api/namespaces/shop/pods",
    "/api/namespaces/shop/deployments",
    "/api/namespaces/shop/timeseries?window=5s&step=1&stats=true",
    "/api/deployments",
    "/api/deployments/web",
    "/api/deployments/web/pods",
    "/api/deployments/web/timeseries?window=5s&step=1",
    f"/api/timeseries?kind=node&window=5s&step=1{LEVEL}",
    f"/api/timeseries?kind=pod&window=5s&step=1{LEVEL}",
    "/api/timeseries?kind=namespace&window=5s&step=1",
    "/api/timeseries?kind=deployment&window=5s&step=1",
)


@pytest.fixture(scope="module")
def servers() -> Iterator[Live]:
    with live() as running:
        yield running


def all_written(cluster: str, own: Engine, common: Engine, until: float) -> bool:
    everything = f'{{__name__!="",cluster="{cluster}"}}[20s]'
    sent, received = (
        sum(len(series.points) for series in engine.query_matrix(everything, until)) for engine in (own, common)
    )
    return sent == received


@pytest.fixture(scope="module")
def now(servers: Live) -> int:
    """A second up to which everything has been evaluated, written and read."""
    totals = Catalogue.load().totals
    # Evaluations while the first scrapes were still under way are of some pods: only those of all count.
    running = sum(pod.phase == "Running" for pod in FLEETS["blue"].pods)
    of_all = record("cluster", "cloudmon_pod_memory_rss_bytes", "count")
    complete = f"count_over_time(({totals.collection} and on (cluster) {of_all} >= {running})[20s:1s]) >= {EVALUATIONS}"
    evaluated = min(server.wait_for(complete)[0].time for server in servers.answering.values())
    second = int(evaluated) - 1
    for cluster, server in servers.answering.items():
        wait_until(partial(all_written, cluster, server, servers.common, second), 20, f"all of {cluster} is written")
    return second


@pytest.fixture(scope="module")
def clients(servers: Live, now: int) -> Iterator[Mapping[str, FlaskClient]]:
    """The facade on either cluster's Prometheus, and on ``common``."""
    settings = {f"{name.upper()}_INTERVAL": str(seconds) for name, seconds in INTERVALS.items()}
    urls = {cluster: server.url for cluster, server in servers.answering.items()} | {"common": servers.common.url}
    with ExitStack() as stack:
        yield {name: stack.enter_context(application(url, now, settings)) for name, url in urls.items()}


def without_cluster(answer: Any) -> Any:
    """Where a store holds several clusters, the names of theirs are part of an answer."""
    if isinstance(answer, dict):
        return {key: without_cluster(value) for key, value in answer.items() if key != "cluster"}
    return [without_cluster(value) for value in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("cluster", NODES)
def test_the_common_store_answers_as_the_clusters_own(
    clients: Mapping[str, FlaskClient], cluster: str, path: str
) -> None:
    of_cluster = f"{path}{'&' if '?' in path else '?'}cluster={cluster}"
    own, common = (without_cluster(get(clients[name], of_cluster)) for name in (cluster, "common"))
    assert unexplained(found(path, own, common)) == []


@pytest.mark.parametrize(("cluster", "cores"), [("blue", 1.0), ("green", 100.0)])
@pytest.mark.parametrize("store", ["own", "common"])
def test_a_total_is_of_all_pods_whichever_shard_scrapes_them(
    clients: Mapping[str, FlaskClient], cluster: str, cores: float, store: str
) -> None:
    client = clients[cluster if store == "own" else store]
    shop = get(client, f"/api/namespaces/shop?cluster={cluster}")
    assert (shop["usage"]["cpu_cores"], shop["pods"], shop["deployments"]) == (10 * cores, 5, 2)
    assert shop["coverage"].keys().isdisjoint(shop["usage"])
    series = get(client, f"/api/deployments/web/timeseries?cluster={cluster}&window=5s&step=1")
    assert series["series"]["memory_rss_bytes"] == [10 * cores] * 5
    assert series["coverage"] == [1] * 5


def test_two_clusters_with_the_same_names_are_never_mixed(clients: Mapping[str, FlaskClient]) -> None:
    """Neither in a list, where both have the same pods with the same uids, nor where a name is in both."""
    client = clients["common"]
    for kind in ("pods", "nodes", "namespaces", "deployments"):
        items = get(client, f"/api/{kind}")["items"]
        whose = {cluster: [item["name"] for item in items if item["cluster"] == cluster] for cluster in NODES}
        own = {cluster: [item["name"] for item in get(clients[cluster], f"/api/{kind}")["items"]] for cluster in NODES}
        assert whose == own
    pods = get(client, "/api/pods?name=web-0&metrics=cpu_cores")["items"]
    assert [(pod["cluster"], pod["uid"], pod["usage"]["cpu_cores"]) for pod in pods] == [
        ("blue", "w0", 1),
        ("green", "w0", 100),
    ]
    for path in ("/api/pods/web-0", "/api/nodes/n1", "/api/namespaces/shop", "/api/deployments/web/timeseries"):
        assert "blue, green" in get(client, path, 400)["detail"]


def test_every_target_is_one_shards_and_no_shard_has_rules(servers: Live) -> None:
    shares = [{sample.labels["instance"] for sample in shard.query("up == 1")} for shard in servers.shards]
    assert sorted(name for share in shares for name in share) == ["cluster-0", "cluster-1", "n1", "n2", "n3"]
    assert all(shares)
    for shard in servers.shards:
        assert shard.query('{__name__=~".+:.+"}') == []


def test_a_total_is_stored_once(servers: Live, now: int) -> None:
    """By the server that evaluates the rules: whoever adds up what the store has, counts no pod twice."""
    total = 'count by (cluster) (namespace:cloudmon_pods:count{namespace="shop"})'
    assert [sample.value for sample in servers.common.query(total, now)] == [1, 1]
