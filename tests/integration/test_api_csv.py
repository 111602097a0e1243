"""Every route's exact CSV on the sample fleet at a fixed time, from a real Prometheus, and that it says what the JSON
says.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from exporter.sample import NODES, samples
from facade.representation.table import CONTENT_TYPE
from tests.golden import check_golden
from tests.harness.store import application, store

NOW = 1794484800.0 + 7.0  # 2026-11-12T12:00:07Z
LISTS = {
    "nodes": "/api/nodes",
    "node-pods": "/api/nodes/node-1/pods",
    "pods": "/api/pods",
    "namespaces": "/api/namespaces",
    "namespace-pods": "/api/namespaces/default/pods",
    "namespace-deployments": "/api/namespaces/default/deployments",
    "deployments": "/api/deployments",
    "deployment-pods": "/api/deployments/web-server/pods?namespace=default",
    "page-of-pods": "/api/pods?limit=2&sort=-cpu_cores&metrics=memory_rss_bytes,cpu_cores,io_pressure_ratio",
    "page-of-namespaces": "/api/namespaces?limit=1&offset=1&metrics=cpu_cores,cpu_throttled_ratio",
}
ENTITIES = {
    "node": "/api/nodes/node-1",
    "pod": "/api/pods/app-backend-1?namespace=default",
    "namespace": "/api/namespaces/default",
    "deployment": "/api/deployments/web-server?namespace=default",
}
SERIES = {
    "node-timeseries": "/api/nodes/node-1/timeseries?window=5m&step=60",
    "pod-timeseries": "/api/pods/web-server-1/timeseries?namespace=default&window=15m&step=5m",
    "pod-timeseries-metrics": "/api/pods/web-server-1/timeseries?window=60&metrics=memory_rss_bytes,cpu_cores",
    "namespace-timeseries": "/api/namespaces/default/timeseries?window=5m&step=60",
    "deployment-timeseries": "/api/deployments/web-server/timeseries?namespace=default&window=5m&step=60",
}
WHOLE_KINDS = {
    "nodes-timeseries": "/api/timeseries?kind=node&window=2m&step=60",
    "pods-timeseries": "/api/timeseries?kind=pod&sort=-cpu_cores&limit=2&window=2m&step=60",
    "namespaces-timeseries": "/api/timeseries?kind=namespace&window=2m&step=60",
    "deployments-timeseries": "/api/timeseries?kind=deployment&metrics=cpu_throttled_ratio&window=2m&step=60",
}
TABLES = {**LISTS, **ENTITIES, **SERIES, **WHOLE_KINDS}
FILE_NAMES = {
    "nodes": "nodes.csv",
    "node-pods": "nodes-node-1-pods.csv",
    "pod": "pods-app-backend-1.csv",
    "pod-timeseries": "pods-web-server-1-timeseries.csv",
    "nodes-timeseries": "timeseries-node.csv",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("csv") / "data"
    with store(directory, samples, NODES, NOW, 5400) as prometheus, application(prometheus.url, NOW) as app:
        yield app


def as_csv(client: FlaskClient, path: str) -> TestResponse:
    response = client.get(f"{path}{'&' if '?' in path else '?'}format=csv")
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.content_type == CONTENT_TYPE
    return response


def rows_of(response: TestResponse) -> list[dict[str, str]]:
    header, *rows = csv.reader(io.StringIO(response.text, newline=""), strict=True)
    assert len(set(header)) == len(header)
    return [dict(zip(header, row, strict=True)) for row in rows]


def rounded(cell: str) -> str:
    """Numbers with a fraction to twelve digits: the last ones differ between processors."""
    try:
        return cell if cell.lstrip("-").isdigit() else f"{float(cell):.12g}"
    except ValueError:
        return cell


@pytest.mark.parametrize("name", TABLES)
def test_golden_table(client: FlaskClient, name: str) -> None:
    response = as_csv(client, TABLES[name])
    assert response.data.endswith(b"\r\n")
    assert response.data.count(b"\n") == response.data.count(b"\r\n")
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(
        [rounded(cell) for cell in row] for row in csv.reader(io.StringIO(response.text, newline=""), strict=True)
    )
    check_golden(f"csv/{name}.csv", out.getvalue())


def json_cell(value: Any) -> str:
    """The value as JSON has it, less the quotes; nothing for null."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def flattened(entity: dict[str, Any]) -> dict[str, str]:
    """The cells of an entity, by the path of the contract: everything that the JSON says and nothing else."""
    cells: dict[str, str] = {}
    for key, value in entity.items():
        for inner, item in value.items() if isinstance(value, dict) else [(None, value)]:
            path = key if inner is None else f"{key}.{inner}"
            if isinstance(item, list):
                cells[f"{path}.reporting"], cells[f"{path}.expected"] = map(json_cell, item)
            else:
                cells[path] = json_cell(item)
    return cells


@pytest.mark.parametrize("path", LISTS.values())
def test_a_list_says_what_the_json_says_in_its_order(client: FlaskClient, path: str) -> None:
    answer, response = client.get(path).get_json(), as_csv(client, path)
    rows = rows_of(response)
    assert len(rows) == len(answer["items"]) > 0
    for item, row in zip(answer["items"], rows, strict=True):
        cells = flattened(item)
        assert {column: cell for column, cell in row.items() if cell} == {k: v for k, v in cells.items() if v}
        said = [column for column in row if column in cells]
        assert [column for column in said if not column.startswith("missing.")] == [
            path for path in cells if not path.startswith("missing.")
        ]
    assert response.headers["X-Total-Count"] == str(answer["total"])
    assert response.headers["X-Time"] == answer["time"]


@pytest.mark.parametrize("path", ENTITIES.values())
def test_one_entity_is_one_row(client: FlaskClient, path: str) -> None:
    answer, response = client.get(path).get_json(), as_csv(client, path)
    (row,) = rows_of(response)
    assert response.headers["X-Time"] == answer.pop("time")
    assert {column: cell for column, cell in row.items() if cell} == {k: v for k, v in flattened(answer).items() if v}


@pytest.mark.parametrize("path", SERIES.values())
def test_a_series_is_one_row_a_point(client: FlaskClient, path: str) -> None:
    answer, response = client.get(path).get_json(), as_csv(client, path)
    rows = rows_of(response)
    columns = {"timestamp": answer["timestamps"], **answer["series"]}
    if "coverage" in answer:
        columns["coverage"] = answer["coverage"]
    assert [row for row in rows[0] if row in columns] == list(columns)
    for column, values in columns.items():
        assert [row[column] for row in rows] == [json_cell(value) for value in values]
    for key in ("window", "start", "end", "step", "name"):
        assert response.headers[f"X-{key.title()}"] == str(answer[key])
    missing = dict(pair.split("=") for pair in response.headers.get("X-Missing", "").split(", ") if pair)
    assert missing == answer["missing"]


@pytest.mark.parametrize("path", WHOLE_KINDS.values())
def test_a_whole_kind_is_one_row_a_point_of_an_entity(client: FlaskClient, path: str) -> None:
    answer, response = client.get(path).get_json(), as_csv(client, path)
    assert response.text.partition("\r\n")[0] == "timestamp,name,namespace,value"
    assert [tuple(row.values()) for row in rows_of(response)] == [
        (str(timestamp), item["name"], item.get("namespace", ""), json_cell(value))
        for item in answer["items"]
        for timestamp, value in zip(answer["timestamps"], item["values"], strict=True)
    ]
    assert response.headers["X-Total-Count"] == str(answer["total"])


def test_the_next_page_is_a_link_to_the_next_table(client: FlaskClient) -> None:
    seen: list[str] = []
    path: str | None = "/api/pods?limit=2&format=csv"
    while path is not None:
        response = client.get(path)
        seen += [row["name"] for row in rows_of(response)]
        link = response.headers.get("Link")
        assert link is None or link.endswith('>; rel="next"')
        path = link and link[1:].partition(">")[0]
    assert seen == [item["name"] for item in client.get("/api/pods").get_json()["items"]]


@pytest.mark.parametrize(("name", "file"), FILE_NAMES.items())
def test_a_browser_saves_it_under_a_name_that_says_what_it_is(client: FlaskClient, name: str, file: str) -> None:
    response = as_csv(client, TABLES[name])
    assert response.headers["Content-Disposition"] == f'attachment; filename="{file}"'


def test_an_empty_list_has_its_columns(client: FlaskClient) -> None:
    empty, full = as_csv(client, "/api/pods?name=nothing-like-this"), as_csv(client, "/api/pods")
    assert empty.text == full.text.partition("\r\n")[0] + "\r\n"
    assert empty.headers["X-Total-Count"] == "0"
