"""What the contract says of every route, on the sample fleet: explain, CSV, ETag and caching."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from tests.contract.sample import Asked, sample_fleet
from tests.harness.store import SCRAPE_SECONDS

ROUTES = (
    "/api/nodes",
    "/api/nodes/node-1",
    "/api/nodes/node-1/pods",
    "/api/pods",
    "/api/pods/web-server-1",
    "/api/namespaces",
    "/api/namespaces/default",
    "/api/namespaces/default/pods",
    "/api/namespaces/default/deployments",
    "/api/deployments",
    "/api/deployments/web-server",
    "/api/deployments/web-server/pods",
    "/api/nodes/node-1/timeseries",
    "/api/pods/web-server-1/timeseries",
    "/api/namespaces/default/timeseries",
    "/api/deployments/web-server/timeseries",
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory) as fleet:
        yield fleet


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.contract(
    "parameter:format", "parameter:format=csv", "column:name", "column:namespace", "column:usage.cpu_cores",
    "column:missing",
)  # fmt: skip
def test_a_list_as_csv(asked: Asked) -> None:
    items = asked.get("/api/pods")["items"]
    for row, item in zip(rows(asked.client.get("/api/pods?format=csv").text), items, strict=True):
        assert (row["name"], row["namespace"]) == (item["name"], item["namespace"])
        assert float(row["usage.cpu_cores"]) == item["usage"]["cpu_cores"]
        for key, reason in item["missing"].items():
            assert row[f"missing.{key}"] == reason


@pytest.mark.contract("column:timestamp")
def test_a_time_series_as_csv(asked: Asked) -> None:
    parameters = "window=15m&step=60&metrics=cpu_cores,memory_rss_bytes"
    answer = asked.get(f"/api/nodes/node-1/timeseries?{parameters}")
    points = rows(asked.client.get(f"/api/nodes/node-1/timeseries?{parameters}&format=csv").text)
    assert [int(point["timestamp"]) for point in points] == answer["timestamps"]
    for signal, values in answer["series"].items():
        assert [float(point[signal]) for point in points] == values


@pytest.mark.contract("column:timestamp", "column:name", "column:namespace", "column:value")
def test_a_whole_kind_as_csv(asked: Asked) -> None:
    answer = asked.get("/api/timeseries?kind=pod&window=5m&step=60")
    text = asked.client.get("/api/timeseries?kind=pod&window=5m&step=60&format=csv").text
    points = [(row["timestamp"], row["name"], row["namespace"], float(row["value"])) for row in rows(text)]
    assert sorted(points) == sorted(
        (str(time), item["name"], item["namespace"], value)
        for item in answer["items"]
        for time, value in zip(answer["timestamps"], item["values"], strict=True)
    )


@pytest.mark.contract("header:ETag", "header:Cache-Control", "header:Cache-Control=no-cache")
@pytest.mark.parametrize("path", ROUTES)
def test_etag_and_caching(asked: Asked, path: str) -> None:
    first = asked.client.get(path)
    assert first.cache_control.max_age is not None
    assert 0 <= first.cache_control.max_age <= SCRAPE_SECONDS
    again = asked.client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    anew = asked.client.get(path, headers={"Cache-Control": "no-cache"})
    assert (anew.status_code, anew.data, anew.headers["ETag"]) == (200, first.data, first.headers["ETag"])
