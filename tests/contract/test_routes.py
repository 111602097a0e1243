"""Every route of the contract answers what the contract says that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sample import END, Asked, sample_fleet

FRAME = {"name", "window", "start", "end", "step", "timestamps", "series", "missing"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory) as fleet:
        yield fleet


def route(rule: str, path: str, names: Any) -> Any:
    return pytest.param(path, names, marks=pytest.mark.contract(f"route:{rule}"))


PODS = ["app-backend-1", "prometheus-1", "web-server-1"]


@pytest.mark.contract("field:list.items", "field:list.total", "field:list.time")
@pytest.mark.parametrize(
    ("path", "names"),
    [
        route("/api/nodes", "/api/nodes", ["node-1", "node-2"]),
        route("/api/nodes/<node>/pods", "/api/nodes/node-2/pods", ["app-backend-1"]),
        route("/api/pods", "/api/pods", PODS),
        route("/api/namespaces", "/api/namespaces", ["default", "monitoring"]),
        route("/api/namespaces/<namespace>/pods", "/api/namespaces/monitoring/pods", ["prometheus-1"]),
        route(
            "/api/namespaces/<namespace>/deployments",
            "/api/namespaces/default/deployments",
            ["app-backend", "web-server"],
        ),
        route("/api/deployments", "/api/deployments", ["app-backend", "prometheus", "web-server"]),
        route("/api/deployments/<deployment>/pods", "/api/deployments/web-server/pods", ["web-server-1"]),
    ],
)
def test_a_list(asked: Asked, path: str, names: list[str]) -> None:
    for ignored in ("", "/"):
        answer = asked.get(path + ignored)
        assert [item["name"] for item in answer["items"]] == names
        assert answer["total"] == len(names)
        assert answer["time"].endswith("Z")
        assert set(answer) == {"items", "total", "time"}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        route("/api/nodes/<node>", "/api/nodes/node-1", "node-1"),
        route("/api/pods/<pod>", "/api/pods/web-server-1", "web-server-1"),
        route("/api/namespaces/<namespace>", "/api/namespaces/default", "default"),
        route("/api/deployments/<deployment>", "/api/deployments/prometheus", "prometheus"),
    ],
)
def test_one(asked: Asked, path: str, names: str) -> None:
    assert asked.get(path)["name"] == names
    assert asked.get(f"{path}/") == asked.get(path)


@pytest.mark.contract("parameter:namespace")
@pytest.mark.parametrize(
    "path",
    [
        "/api/pods/web-server-1",
        "/api/pods/web-server-1/timeseries",
        "/api/deployments/web-server",
        "/api/deployments/web-server/pods",
        "/api/deployments/web-server/timeseries",
    ],
)
def test_one_of_a_namespace(asked: Asked, path: str) -> None:
    assert asked.get(path, {"namespace": "default"}) == asked.get(path)
    asked.get(path, {"namespace": "monitoring"}, 404)


@pytest.mark.contract(
    "field:timeseries.name",
    "field:timeseries.window",
    "field:timeseries.start",
    "field:timeseries.end",
    "field:timeseries.step",
    "field:timeseries.timestamps",
    "field:timeseries.series",
    "field:timeseries.missing",
)
@pytest.mark.parametrize(
    ("path", "names"),
    [
        route("/api/nodes/<node>/timeseries", "/api/nodes/node-1", ()),
        route("/api/pods/<pod>/timeseries", "/api/pods/web-server-1", ("namespace",)),
        route("/api/namespaces/<namespace>/timeseries", "/api/namespaces/default", ("coverage",)),
        route("/api/deployments/<deployment>/timeseries", "/api/deployments/prometheus", ("namespace", "coverage")),
    ],
)
def test_one_over_a_window(asked: Asked, path: str, names: tuple[str, ...]) -> None:
    answer = asked.get(f"{path}/timeseries", {"window": "15m", "step": 60})
    assert set(answer) == {*FRAME, *names}
    assert (answer["start"], answer["end"], answer["window"], answer["step"]) == (END - 900, END, 900, 60)
    assert answer["timestamps"] == list(range(END - 840, END + 1, 60))
    assert {len(values) for values in answer["series"].values()} == {15}
    assert all(value is not None for value in answer["series"]["cpu_cores"])


@pytest.mark.contract(
    "route:/api/timeseries",
    "parameter:kind",
    "field:timeseries.total",
    "field:timeseries.items",
    "field:timeseries.items.name",
    "field:timeseries.items.values",
)
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        pytest.param("node", ["node-1", "node-2"], marks=pytest.mark.contract("parameter:kind=node")),
        pytest.param(
            "pod",
            PODS,
            marks=pytest.mark.contract("parameter:kind=pod", "field:timeseries.items.namespace"),
        ),
        pytest.param("namespace", ["default", "monitoring"], marks=pytest.mark.contract("parameter:kind=namespace")),
        pytest.param(
            "deployment",
            ["app-backend", "prometheus", "web-server"],
            marks=pytest.mark.contract("parameter:kind=deployment", "field:timeseries.items.namespace"),
        ),
    ],
)
def test_a_whole_kind_over_a_window(asked: Asked, kind: str, names: list[str]) -> None:
    answer = asked.get("/api/timeseries", {"kind": kind, "window": "15m", "step": 60})
    assert {"window", "start", "end", "step", "timestamps", "items", "total"} <= set(answer)
    assert sorted(item["name"] for item in answer["items"]) == names
    assert answer["total"] == len(names)
    for item in answer["items"]:
        of_one = {"window": "15m", "step": 60, "metrics": "cpu_cores"}
        one = asked.get(f"/api/{kind}s/{item['name']}/timeseries", of_one)
        assert item["values"] == pytest.approx(one["series"]["cpu_cores"])
        assert item.get("namespace") == one.get("namespace")


@pytest.mark.contract("route:/", "field:index.status=ok", "header:Accept")
def test_the_index(asked: Asked) -> None:
    index = asked.get("/")
    assert (index["name"], index["status"]) == ("cloud-monitoring", "ok")
    assert index["version"]
    assert index["links"]
    page = asked.client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.mimetype == "text/html"


@pytest.mark.parametrize(
    ("path", "media", "begins"),
    [
        pytest.param("/healthz", "application/json", "{", marks=pytest.mark.contract("route:/healthz")),
        pytest.param("/readyz", "application/json", "{", marks=pytest.mark.contract("route:/readyz")),
        pytest.param("/metrics", "text/plain", "# HELP", marks=pytest.mark.contract("route:/metrics")),
        pytest.param(
            "/openapi.json", "application/json", '{"openapi":"3.1', marks=pytest.mark.contract("route:/openapi.json")
        ),
    ],
)
def test_a_route_about_the_facade_itself(asked: Asked, path: str, media: str, begins: str) -> None:
    response = asked.client.get(path)
    assert (response.status_code, response.mimetype) == (200, media)
    assert "".join(response.text.split(" ") if begins.startswith("{") else [response.text]).startswith(begins)
