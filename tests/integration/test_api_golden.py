"""Every route's exact JSON on the sample fleet at a fixed time, from a real Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from exporter.sample import NODES, samples
from tests.golden import check_golden, rounded
from tests.harness.store import application, store

NOW = 1794484800.0 + 7.0  # 2026-11-12T12:00:07Z
HOURS = 1.5
ROUTES = {
    "nodes": "/api/nodes",
    "node": "/api/nodes/node-1",
    "node-pods": "/api/nodes/node-1/pods",
    "node-timeseries": "/api/nodes/node-1/timeseries?window=5m&step=60",
    "pods": "/api/pods",
    "pod": "/api/pods/app-backend-1?namespace=default",
    "pod-without-namespace": "/api/pods/prometheus-1",
    "pod-timeseries": "/api/pods/web-server-1/timeseries?namespace=default&window=15m&step=5m",
    "pod-timeseries-metrics": "/api/pods/web-server-1/timeseries?window=60&metrics=cpu_cores,memory_rss_bytes",
    "namespaces": "/api/namespaces",
    "namespace": "/api/namespaces/default",
    "namespace-pods": "/api/namespaces/default/pods",
    "namespace-deployments": "/api/namespaces/default/deployments",
    "namespace-timeseries": "/api/namespaces/default/timeseries?window=5m&step=60",
    "deployments": "/api/deployments",
    "deployment": "/api/deployments/web-server?namespace=default",
    "deployment-pods": "/api/deployments/web-server/pods?namespace=default",
    "deployment-timeseries": "/api/deployments/web-server/timeseries?namespace=default&window=5m&step=60",
    "pod-timeseries-max": "/api/pods/web-server-1/timeseries?window=15m&agg=max&metrics=memory_rss_bytes,cpu_cores",
    "pod-timeseries-stats": "/api/pods/web-server-1/timeseries?namespace=default&window=15m&step=5m&stats=true",
    "node-timeseries-stats": "/api/nodes/node-1/timeseries?window=15m&step=5m&agg=last&stats=true",
    "namespace-timeseries-stats": "/api/namespaces/default/timeseries?window=15m&step=5m&agg=min&stats=true",
    "timeseries-of-nodes": "/api/timeseries?kind=node&window=15m&step=5m&stats=true",
    "timeseries-of-pods": "/api/timeseries?kind=pod&window=15m&step=5m&sort=-cpu_cores&limit=5&explain=true",
    "timeseries-of-namespaces": "/api/timeseries?kind=namespace&window=15m&step=5m&metrics=memory_rss_bytes&agg=max",
    "timeseries-of-deployments": "/api/timeseries?kind=deployment&window=15m&step=5m&namespace=default&explain=true",
    "explain": "/api/namespaces/default?explain=true",
    "explain-timeseries": "/api/nodes/node-2/timeseries?window=60&metrics=cpu_cores&explain=true",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("golden") / "data"
    with store(directory, samples, NODES, NOW, HOURS * 3600) as prometheus, application(prometheus.url, NOW) as app:
        yield app


@pytest.mark.parametrize("name", ROUTES)
def test_golden_route(client: FlaskClient, name: str) -> None:
    response = client.get(ROUTES[name])
    assert response.status_code == 200, response.get_data(as_text=True)
    check_golden(f"api/{name}.json", json.dumps(rounded(response.get_json()), indent=1) + "\n")


def test_no_value_is_null_without_a_reason(client: FlaskClient) -> None:
    for kind in ("nodes", "pods", "namespaces", "deployments"):
        for item in client.get(f"/api/{kind}").get_json()["items"]:
            for path in nulls(item):
                if path != "last_oom_kill":
                    key = path.removeprefix("usage.").removeprefix("utilization.")
                    assert key in item["missing"], f"{kind}: {item['name']}: {path}"


def nulls(entity: dict[str, Any]) -> Iterator[str]:
    for key, value in entity.items():
        if isinstance(value, dict) and key not in ("missing", "coverage"):
            yield from (f"{key}.{inner}" for inner, item in value.items() if item is None)
        elif value is None:
            yield key
