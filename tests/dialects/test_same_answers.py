"""One recording, scraped from our exporters and as kube-prometheus-stack scrapes it: every route gives the same, with
the questions translated and with our series recorded from theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from flask.testing import FlaskClient

from promql.dialects import CLOUDMON
from tests.dialects.differences import ALL, BETWEEN_WAYS, by_name, unexplained
from tests.dialects.pasts import Pasts, both_pasts
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
def pasts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pasts]:
    with both_pasts("lab-3", tmp_path_factory.mktemp("dialects")) as made:
        yield made


def answer(client: FlaskClient, path: str, status: int = 200) -> Any:
    response = client.get(path)
    assert response.status_code == status, f"{path}: {response.get_data(as_text=True)}"
    return response.get_json()


def explained(client: FlaskClient, path: str) -> Any:
    return answer(client, f"{path}{'&' if '?' in path else '?'}explain=true")


@pytest.fixture(scope="module")
def answers(pasts: Pasts) -> Callable[[str], list[Any]]:
    """What our past, theirs translated and theirs recorded answer, and ``explain``; each path is asked once."""

    @cache
    def asked(path: str) -> list[Any]:
        return [explained(client, path) for client in (pasts.ours, pasts.translated, pasts.recorded)]

    return asked


def differences(answers: Callable[[str], list[Any]], path: str, one: int, other: int) -> list[Found]:
    pair = ({key: value for key, value in answers(path)[which].items() if key != "explain"} for which in (one, other))
    return list(found(path, *map(by_name, pair)))


OURS, TRANSLATED, RECORDED = range(3)
Answers = Callable[[str], list[Any]]


@pytest.mark.parametrize("path", ROUTES)
def test_a_route_answers_the_same(answers: Answers, path: str) -> None:
    assert unexplained(differences(answers, path, OURS, TRANSLATED)) == []


@pytest.mark.parametrize("path", ROUTES)
def test_recorded_series_answer_what_translated_questions_do(answers: Answers, path: str) -> None:
    assert unexplained(differences(answers, path, OURS, RECORDED)) == []
    assert unexplained(differences(answers, path, TRANSLATED, RECORDED), BETWEEN_WAYS) == []


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_refused_is_refused_in_the_same_words(pasts: Pasts, path: str) -> None:
    ours, *theirs = (answer(client, path, 404) for client in (pasts.ours, pasts.translated, pasts.recorded))
    assert theirs == [ours, ours]


def test_what_was_last_seen_is_told(pasts: Pasts) -> None:
    """Deployment crasher was deleted a minute before the end, and a pod of the first rollout long before."""
    for path in ("/api/deployments/crasher", "/api/pods/crasher-bc45cc5b5-6tw22"):
        for client in (pasts.translated, pasts.recorded):
            assert "was last seen at 2026-11-24T12:3" in answer(client, path, 404)["detail"]


def test_pods_are_the_same_to_the_letter(answers: Answers) -> None:
    ours, *theirs = ([{key: pod[key] for key in EXACT} for pod in one["items"]] for one in answers("/api/pods"))
    assert theirs == [ours, ours]
    assert {pod["workload"]["kind"] for pod in ours} == {
        "Pod", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job",
    }  # fmt: skip


def test_what_pods_ask_for_is_the_same_but_for_resources_of_the_pod_itself(answers: Answers) -> None:
    """With a sidecar, an init container, a container without a limit, and a resize in place among them."""
    ours, *both = ({pod["name"]: (pod["requests"], pod["limits"]) for pod in one["items"]}
                   for one in answers("/api/pods"))  # fmt: skip
    for theirs in both:
        assert {name for name in ours if ours[name] != theirs[name]} == {"podlevel"}


def test_a_present_rate_is_the_mean_of_the_last_minute(pasts: Pasts, answers: Answers) -> None:
    """By our own counters of the same time; the two readings of them are up to 20 s apart."""
    query = "max by (pod) (rate(cloudmon_pod_cpu_usage_seconds_total[75s]))"
    expected = {row.labels["pod"]: row.value for row in pasts.stores[CLOUDMON].query(query, pasts.now)}
    pods = {pod["name"]: pod["usage"]["cpu_cores"] for pod in answers("/api/pods")[TRANSLATED]["items"]}
    compared = {name: (pods[name], value) for name, value in expected.items() if value > 0.02}
    assert len(compared) >= 5
    assert all(one == pytest.approx(other, rel=0.35) for one, other in compared.values()), compared


@pytest.mark.parametrize("path", ROUTES)
def test_nothing_of_ours_is_asked_for(answers: Answers, path: str) -> None:
    ours, theirs, _ = (one["explain"] for one in answers(path))
    assert not any("cloudmon_" in STRING.sub("", question["query"]) for question in theirs)
    if "/api/pods?" in path or "/api/nodes" in path:
        assert len(ours) == len(theirs)


@pytest.mark.parametrize("name", sorted({difference.name for difference in (*ALL, *BETWEEN_WAYS)}))
def test_each_difference_is_there_and_documented(answers: Answers, name: str) -> None:
    for one, other, known in ((OURS, TRANSLATED, ALL), (TRANSLATED, RECORDED, BETWEEN_WAYS)):
        seen = [found for path in ROUTES for found in differences(answers, path, one, other)]
        unseen = [difference for difference in known if not any(map(difference.explains, seen))]
        assert not [difference for difference in unseen if difference.name == name]
    assert f"`{name}`" in DOCUMENT.read_text(encoding="utf-8")
