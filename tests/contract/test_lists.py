"""What the contract says of lists, on the sample fleet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sample import Asked, sample_fleet

IDENTITY = {"name", "namespace", "uid", "node", "workload", "phase"}
PODS = [("app-backend-1", "default"), ("prometheus-1", "monitoring"), ("web-server-1", "default")]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory) as fleet:
        yield fleet


def names(answer: Any) -> list[str]:
    return [item["name"] for item in answer["items"]]


def by(key: str) -> Any:
    """A row of the table of what pods can be sorted by."""
    return pytest.param(key, marks=pytest.mark.contract(f"parameter:sort={key}"))


@pytest.mark.contract("parameter:sort")
@pytest.mark.parametrize("key", [by("cpu_cores"), by("restarts"), by("started"), by("name"), by("namespace")])
def test_sort(asked: Asked, key: str) -> None:
    every = asked.get("/api/pods")["items"]
    values = {item["name"]: item["usage"].get(key, item.get(key)) for item in every}
    upwards = names(asked.get("/api/pods", {"sort": key}))
    assert upwards == sorted(upwards, key=lambda name: (values[name], dict(PODS)[name], name))
    downwards = [values[name] for name in names(asked.get("/api/pods", {"sort": f"-{key}"}))]
    assert downwards == sorted(values.values(), reverse=True)


@pytest.mark.contract("parameter:sort=-cpu_cores", "parameter:limit", "parameter:offset", "field:list.next")
def test_the_busiest_page_by_page(asked: Asked) -> None:
    whole = names(asked.get("/api/pods", {"sort": "-cpu_cores"}))
    assert whole == ["app-backend-1", "prometheus-1", "web-server-1"] or len(whole) == len(PODS)
    answer = asked.get("/api/pods", {"sort": "-cpu_cores", "limit": 1})
    seen = names(answer)
    while "next" in answer:
        assert answer["total"] == len(PODS)
        answer = asked.get(answer["next"])
        assert len(answer["items"]) == 1
        seen += names(answer)
    assert seen == whole
    assert names(asked.get("/api/pods", {"sort": "-cpu_cores", "limit": 2, "offset": 2})) == whole[2:]


def filtered(item: str, value: str, expected: list[str]) -> Any:
    """A row of the table of filters."""
    return pytest.param(item.partition("=")[0], value, expected, marks=pytest.mark.contract(f"parameter:{item}"))


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        filtered("namespace", "default", ["app-backend-1", "web-server-1"]),
        filtered("namespace", "none", []),
        filtered("node", "node-2", ["app-backend-1"]),
        filtered("workload", "web-server", ["web-server-1"]),
        filtered("workload=Kind/name", "Deployment/web-server", ["web-server-1"]),
        filtered("workload=Kind/name", "DaemonSet/web-server", []),
        filtered("phase", "Running", ["app-backend-1", "prometheus-1", "web-server-1"]),
        filtered("phase", "Failed", []),
        filtered("name", "er", ["web-server-1"]),
    ],
)
def test_a_filter(asked: Asked, parameter: str, value: str, expected: list[str]) -> None:
    answer = asked.get("/api/pods", {parameter: value})
    assert names(answer) == expected
    assert answer["total"] == len(expected)


@pytest.mark.contract(
    "parameter:metrics",
    "field:list.name",
    "field:list.namespace",
    "field:list.uid",
    "field:list.node",
    "field:list.workload",
    "field:list.phase",
    "field:list.usage",
    "field:list.missing",
)
@pytest.mark.parametrize(
    "metrics",
    [
        pytest.param("cpu_cores", marks=pytest.mark.contract("parameter:metrics=cpu_cores")),
        "memory_rss_bytes,cpu_throttled_ratio",
    ],
)
def test_metrics_leave_identity_and_what_was_asked_for(asked: Asked, metrics: str) -> None:
    whole = asked.get("/api/pods")["items"]
    for item, full in zip(asked.get("/api/pods", {"metrics": metrics})["items"], whole, strict=True):
        assert set(item) == {*IDENTITY, "usage", "missing"}
        assert item["usage"] == {key: full["usage"][key] for key in metrics.split(",")}
        assert {key: item[key] for key in IDENTITY} == {key: full[key] for key in IDENTITY}
        assert set(item["missing"]) <= set(metrics.split(",")) | IDENTITY
