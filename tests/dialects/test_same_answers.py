"""One recording, scraped from our exporters and as kube-prometheus-stack scrapes it: every route gives the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from flask.testing import FlaskClient

from promql.dialects import CLOUDMON, KUBE_PROMETHEUS
from tests.dialects.differences import ALL, by_name, unexplained
from tests.dialects.pasts import Both, both_pasts
from tests.engines.differences import Found, found

STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "dialects.md"
ROUTES: Final = (
    "/api/nodes",
    "/api/nodes/lab-3",
    "/api/nodes/lab-3/pods",
    "/api/nodes/lab-3/timeseries?window=5m&step=5m",
    "/api/pods",
    "/api/pods/db-0",
    "/api/pods/bare?namespace=default",
    "/api/pods/pending-7d4675fdc9-wb4nr",
    "/api/pods/agent-nhxlw",
    "/api/pods/batch-tb4tv",
    "/api/pods/podlevel",
    "/api/pods/db-1/timeseries?window=5m&step=5m",
    "/api/pods/resizable/timeseries?window=5m&step=5m&stats=true",
    "/api/namespaces",
    "/api/namespaces/shop",
    "/api/namespaces/shop/pods",
    "/api/namespaces/default/deployments",
    "/api/namespaces/monitoring/timeseries?window=5m&step=5m",
    "/api/deployments",
    "/api/deployments/web?namespace=default",
    "/api/deployments/web/pods",
    "/api/deployments/api/timeseries?window=5m&step=5m",
    "/api/deployments/idle",
    "/api/pods?workload=Deployment/web&metrics=memory_rss_bytes",
    "/api/pods?workload=CronJob/tick",
    "/api/pods?phase=Running&metrics=memory_rss_bytes",
    "/api/pods?sort=-restarts&limit=3&metrics=memory_rss_bytes",
    "/api/pods?sort=-memory_usage_bytes&limit=2",
    "/api/timeseries?kind=pod&window=5m&step=5m&metrics=memory_rss_bytes&namespace=shop&workload=db",
    "/api/timeseries?kind=node&window=5m&step=5m",
    "/api/timeseries?kind=namespace&window=5m&step=5m&metrics=memory_working_set_bytes",
    "/api/timeseries?kind=deployment&window=5m&step=5m&namespace=shop",
)
REFUSED: Final = (
    "/api/nodes/other",
    "/api/pods/nothing",
    "/api/pods/web-1?namespace=shop",
    "/api/namespaces/nowhere",
    "/api/deployments/nothing",
)
# Who is who, and what the API server says: the same to the letter.
EXACT: Final = ("name", "namespace", "uid", "node", "workload", "phase", "ready", "restarts", "started")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both_pasts("lab-3", tmp_path_factory.mktemp("dialects")) as pasts:
        yield pasts


def answer(client: FlaskClient, path: str, status: int = 200) -> Any:
    response = client.get(path)
    assert response.status_code == status, f"{path}: {response.get_data(as_text=True)}"
    return response.get_json()


def differences(both: Both, path: str, status: int = 200) -> list[Found]:
    """Each path is asked once."""
    if path not in both.compared:
        one, other = (by_name(answer(client, path, status)) for client in (both.ours, both.theirs))
        both.compared[path] = list(found(path, one, other))
    return both.compared[path]


@pytest.mark.parametrize("path", ROUTES)
def test_a_route_answers_the_same(both: Both, path: str) -> None:
    assert unexplained(differences(both, path)) == []


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_refused_is_refused_in_the_same_words(both: Both, path: str) -> None:
    assert differences(both, path, 404) == []


def test_what_was_last_seen_is_told(both: Both) -> None:
    """Deployment crasher was deleted a minute before the end, and a pod of the first rollout long before."""
    for path in ("/api/deployments/crasher", "/api/pods/crasher-bc45cc5b5-6tw22"):
        assert "was last seen at 2026-11-24T12:3" in answer(both.theirs, path, 404)["detail"]


def test_pods_are_the_same_to_the_letter(both: Both) -> None:
    ours, theirs = ([{key: pod[key] for key in EXACT} for pod in answer(client, "/api/pods")["items"]]
                    for client in (both.ours, both.theirs))  # fmt: skip
    assert ours == theirs
    assert {pod["workload"]["kind"] for pod in theirs} == {
        "Pod", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job",
    }  # fmt: skip


def test_what_pods_ask_for_is_the_same_but_for_resources_of_the_pod_itself(both: Both) -> None:
    """With a sidecar, an init container, a container without a limit, and a resize in place among them."""
    ours, theirs = ({pod["name"]: (pod["requests"], pod["limits"]) for pod in answer(client, "/api/pods")["items"]}
                    for client in (both.ours, both.theirs))  # fmt: skip
    assert {name for name in ours if ours[name] != theirs[name]} == {"podlevel"}


def test_a_present_rate_is_the_mean_of_the_last_minute(both: Both) -> None:
    """By our own counters of the same time; the two readings of them are up to 20 s apart."""
    query = "max by (pod) (rate(cloudmon_pod_cpu_usage_seconds_total[75s]))"
    expected = {row.labels["pod"]: row.value for row in both.stores[CLOUDMON].query(query, both.now)}
    pods = {pod["name"]: pod["usage"]["cpu_cores"] for pod in answer(both.theirs, "/api/pods")["items"]}
    compared = {name: (pods[name], value) for name, value in expected.items() if value > 0.02}
    assert len(compared) >= 5
    assert all(one == pytest.approx(other, rel=0.35) for one, other in compared.values()), compared


@pytest.mark.parametrize("path", [path for path in ROUTES if "/api/pods?" in path or "/api/nodes" in path])
def test_the_number_of_queries_is_the_same(both: Both, path: str) -> None:
    explained = f"{path}{'&' if '?' in path else '?'}explain=true"
    ours, theirs = (answer(client, explained)["explain"] for client in (both.ours, both.theirs))
    assert len(ours) == len(theirs)
    assert not any("cloudmon_" in STRING.sub("", question["query"]) for question in theirs)


@pytest.mark.parametrize("name", sorted({difference.name for difference in ALL}))
def test_each_difference_is_there_and_documented(both: Both, name: str) -> None:
    seen = [one for path in ROUTES for one in differences(both, path)]
    assert any(difference.explains(one) for difference in ALL if difference.name == name for one in seen)
    assert f"`{name}`" in DOCUMENT.read_text(encoding="utf-8")


def test_the_store_holds_nothing_of_ours(both: Both) -> None:
    assert both.stores[KUBE_PROMETHEUS].query('count({__name__=~".*cloudmon.*"})', both.now) == []
