"""One Prometheus that reads two shards (``remote_read``) and evaluates the rules, against one that holds every sample.

No target is in both shards, and what a rule joins is not in one: scope cluster is with the nodes ``n2`` and ``n3``,
most pods are on ``n1``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from local.history import History
from promql.catalogue import Catalogue, record
from promql.config import prometheus_config
from promql.rules import recording_rules, rules_file
from promql.windows import Windows
from tests.engines.differences import found
from tests.engines.pasts import CLUSTERS, NOW
from tests.harness import Prometheus, free_port
from tests.harness.facade_process import get
from tests.harness.store import DETAIL_SECONDS, SCRAPE_SECONDS, application, binaries

PAST_SECONDS: Final = 1500.0
NOBODY: Final = "127.0.0.1:1"
# The nodes of each, and scope cluster.
SHARES: Final[tuple[tuple[dict[str, str], str | None], ...]] = (
    ({"n1": NOBODY}, None),
    ({"n2": NOBODY, "n3": NOBODY}, NOBODY),
)
NO_RULES: Final = "groups: []\n"
RULES: Final = recording_rules(Catalogue.load().totals, Windows(SCRAPE_SECONDS, DETAIL_SECONDS))
# Every route, in every form that is asked of Prometheus in a way of its own.
ROUTES: Final = (
    "/api/nodes",
    "/api/nodes/n2",
    "/api/nodes/n3?explain=true",
    "/api/nodes/n1/pods?cluster=east",
    "/api/nodes/n1/timeseries?cluster=west&window=15m&step=60&stats=true",
    "/api/pods",
    "/api/pods?sort=-cpu_cores&limit=3",
    "/api/pods?cluster=east&sort=memory_rss_bytes&limit=3&offset=1&metrics=memory_rss_bytes",
    "/api/pods?format=csv",
    "/api/pods/web-1?cluster=west",
    "/api/pods/leak",
    "/api/pods/only-2/timeseries?window=15m&step=60&stats=true",
    "/api/namespaces",
    "/api/namespaces/shop?cluster=east",
    "/api/namespaces/shop/pods?cluster=east",
    "/api/namespaces/shop/deployments?cluster=east",
    "/api/namespaces/empty/timeseries?window=15m&step=60",
    "/api/namespaces/shop/timeseries?cluster=east&window=15m&step=5m&stats=true",
    "/api/deployments",
    "/api/deployments/web?cluster=east",
    "/api/deployments/web/pods?cluster=east",
    "/api/deployments/web/timeseries?cluster=east&window=15m&step=60",
    "/api/timeseries?kind=node&window=15m&step=60",
    "/api/timeseries?kind=pod&cluster=west&window=15m&step=60&sort=-cpu_cores&limit=2",
    "/api/timeseries?kind=namespace&window=15m&step=5m",
    "/api/timeseries?kind=deployment&window=15m&step=5m&stats=true",
)
REFUSED: Final = (("/api/pods/web-1", 400), ("/api/pods/nothing", 404), ("/api/nodes/n1?cluster=south", 404))


@dataclass(frozen=True)
class Views:
    """``whole`` holds all that the shards hold and all that ``view`` recorded, and reads nobody."""

    shards: tuple[Prometheus, ...]
    view: Prometheus
    whole: Prometheus


def reading(urls: Sequence[str]) -> str:
    """The configuration of one that reads others."""
    return prometheus_config({}, None, None, SCRAPE_SECONDS, remote_read=[f"{url}/api/v1/read" for url in urls])


def write(directory: Path, config: str, rules: str, evaluating: str) -> Path:
    samples = CLUSTERS.samples
    history = History(
        binaries(), config, rules, samples, SCRAPE_SECONDS, lambda: NOW, lambda _: None, evaluating_yaml=evaluating
    )
    assert history.write(directory, PAST_SECONDS)
    return directory


def serve(directory: Path, config: str) -> Prometheus:
    return Prometheus(config, data_directory=directory, extra_flags=("--storage.tsdb.retention.time=10y",))


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    directory = tmp_path_factory.mktemp("shards")
    alone = reading(())
    pasts = [
        write(directory / str(index), prometheus_config(nodes, cluster, None, SCRAPE_SECONDS), NO_RULES, alone)
        for index, (nodes, cluster) in enumerate(SHARES)
    ]
    # Before a server locks them.
    for past in pasts:
        shutil.copytree(past, directory / "whole", dirs_exist_ok=True)
    with ExitStack() as running:
        shards = tuple(running.enter_context(serve(past, alone)) for past in pasts)
        config = reading([shard.url for shard in shards])
        rules = rules_file(SCRAPE_SECONDS, DETAIL_SECONDS)
        recorded = write(directory / "view", alone, rules, config)
        shutil.copytree(recorded, directory / "whole", dirs_exist_ok=True)
        view = running.enter_context(serve(recorded, config))
        whole = running.enter_context(serve(directory / "whole", alone))
        yield Views(shards, view, whole)


@pytest.fixture(scope="module")
def clients(views: Views) -> Iterator[tuple[FlaskClient, FlaskClient]]:
    with application(views.whole.url, NOW) as whole, application(views.view.url, NOW) as view:
        yield whole, view


@pytest.mark.parametrize(("path", "status"), [*((route, 200) for route in ROUTES), *REFUSED])
def test_every_route_answers_the_same(clients: tuple[FlaskClient, FlaskClient], path: str, status: int) -> None:
    """To the last digit: the same engine, and the same samples."""
    whole, view = (client.get(path) for client in clients)
    assert (whole.status_code, view.status_code) == (status, status), view.get_data(as_text=True)
    if whole.is_json:
        assert list(found(path, whole.get_json(), view.get_json())) == []
    else:
        assert whole.get_data() == view.get_data()


def values(engine: Prometheus, expr: str, time: float) -> dict[str, float]:
    return {
        str(sorted(pair for pair in sample.labels.items() if pair[0] != "__name__")): sample.value
        for sample in engine.query(expr, time)
    }


def test_the_view_records_the_totals_of_all_and_no_shard_could(views: Views) -> None:
    """Each rule over all samples gives what the view recorded; over those of one shard, other totals."""
    evaluated = views.whole.query_matrix(f"{Catalogue.load().totals.evaluation}[1m]", NOW)[0].points[-1][0]
    right: dict[str, list[bool]] = {}
    for rule in RULES:
        # The sample of that evaluation: the made past has no staleness markers.
        recorded = values(views.view, f"last_over_time({rule.record}[1s])", evaluated)
        assert recorded == pytest.approx(values(views.whole, rule.expr, evaluated)), rule.record
        if recorded and rule.record.startswith("workload:"):
            right[rule.record] = [values(shard, rule.expr, evaluated) == recorded for shard in views.shards]
    assert [name for name, shards in right.items() if all(shards)] == []
    for what in ("sum", "count"):
        assert right[record("workload", "cloudmon_pod_cpu_usage_cores", what)] == [False, False]


@contextmanager
def without(views: Views, silent: int) -> Iterator[Prometheus]:
    """A view that finds nobody in the place of one shard."""
    urls = [shard.url for shard in views.shards]
    urls[silent] = f"http://127.0.0.1:{free_port()}"
    with Prometheus(reading(urls)) as view:
        yield view


USED: Final = 'sum by (cluster) (max by (cluster, uid) (cloudmon_pod_cpu_usage_cores{cluster="east"}))'


def test_a_silent_shard_is_a_silent_node(views: Views) -> None:
    """The others' samples are answered with, and a warning. How many pods there should be is known: coverage tells."""
    counted = {rule.record: rule.expr for rule in RULES}
    pods = Catalogue.load().totals.expected_pods
    # The view that lost a shard records nothing here: what its rules would read of their own is put in place.
    reporting, expected = (
        counted[f"workload:{name}:count"].replace(pods, f"({counted[pods]})")
        for name in ("cloudmon_pod_cpu_usage_cores", "cloudmon_pods_expected")
    )
    with without(views, 0) as view:
        everywhere = sum(values(views.whole, expected, NOW).values())
        assert sum(values(view, expected, NOW).values()) == everywhere
        assert 0 < sum(values(view, reporting, NOW).values()) < sum(values(views.whole, reporting, NOW).values())
        answer = get(f"{view.url}/api/v1/query?{urlencode({'query': USED, 'time': NOW})}").json()
        assert answer["status"] == "success"
        assert "remote_read" in answer["warnings"][0]


def test_without_the_shard_of_scope_cluster_nothing_is_counted(views: Views) -> None:
    """Usage goes on; what only scope cluster knows is not recorded, which the facade calls ``not_collected``."""
    totals = Catalogue.load().totals
    counted = {rule.record: rule.expr for rule in RULES}
    with without(views, 1) as view:
        assert values(view, USED, NOW)
        assert values(view, counted[totals.evaluation], NOW)
        for name in (
            totals.collection,
            *(record("workload", metric, "count") for metric in (totals.pods, *totals.expected)),
        ):
            assert values(views.whole, counted[name], NOW)
            assert values(view, counted[name], NOW) == {}
